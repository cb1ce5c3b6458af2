//! When reading must wait: somebody is writing a followed file in place.
//!
//! Half a file can be valid YAML, so what is being written is not read until its writer has closed it and left it
//! alone for a moment. What is renamed into place is whole from the start.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What happened to a followed file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileChange {
    /// A new file under its name, perhaps still empty.
    Created,
    /// Bytes or the length changed in place.
    Modified,
    /// A writer closed it.
    Closed,
    /// Another file was put in its place, or a link on the way to it was.
    Replaced,
}

/// Closed while a followed file is being written.
#[derive(Debug)]
pub(super) struct WriteGate {
    writers: BTreeMap<PathBuf, Writer>,
    quiet: Duration,
    longest: Duration,
    writes: u64,
}

#[derive(Debug)]
struct Writer {
    since: Instant,
    latest: Instant,
    is_unfinished: bool,
}

impl WriteGate {
    pub(super) fn new(quiet: Duration, longest: Duration) -> Self {
        Self { writers: BTreeMap::new(), quiet, longest, writes: 0 }
    }

    /// Takes note of what happened to a file.
    pub(super) fn note(&mut self, path: &Path, change: FileChange, now: Instant) {
        if change == FileChange::Replaced {
            self.writers.remove(path);
            return;
        }
        self.writes += 1;
        let writer = self.writers.entry(path.to_owned()).or_insert(Writer {
            since: now,
            latest: now,
            is_unfinished: false,
        });
        writer.latest = now;
        match change {
            FileChange::Modified => writer.is_unfinished = true,
            FileChange::Closed => writer.is_unfinished = false,
            FileChange::Created | FileChange::Replaced => {}
        }
    }

    /// Opens the gate: `Ok(true)` when a writer has had its longest time and is still not done. The error is when to
    /// ask again, unless a writer is done earlier.
    pub(super) fn open(&mut self, now: Instant) -> Result<bool, Instant> {
        let (quiet, longest) = (self.quiet, self.longest);
        let mut is_forced = false;
        self.writers.retain(|_, writer| {
            let is_over = writer.end(quiet, longest) <= now;
            is_forced |= is_over && !writer.is_done(quiet, now);
            !is_over
        });
        let latest = self.writers.values().map(|writer| writer.end(quiet, longest)).max();
        latest.map_or(Ok(is_forced), Err)
    }

    /// How much was written in place so far; equal numbers mean that nothing was in between.
    pub(super) fn writes(&self) -> u64 {
        self.writes
    }
}

impl Writer {
    fn end(&self, quiet: Duration, longest: Duration) -> Instant {
        let limit = self.since + longest;
        if self.is_unfinished { limit } else { limit.min(self.latest + quiet) }
    }

    fn is_done(&self, quiet: Duration, now: Instant) -> bool {
        !self.is_unfinished && self.latest + quiet <= now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: Option<u64> = None;

    /// Notes changes at their millisecond and checks when the gate, asked at `asked`, opens.
    fn check(changes: &[(u64, &str, FileChange)], asked: u64, expected: Option<u64>) {
        let zero = Instant::now();
        let at = |milliseconds| zero + Duration::from_millis(milliseconds);
        let mut gate = WriteGate::new(Duration::from_millis(50), Duration::from_secs(5));
        for (time, path, change) in changes {
            let _ = gate.open(at(*time));
            gate.note(Path::new(path), *change, at(*time));
        }
        let opens = gate.open(at(asked)).err().map(|time| u64::try_from((time - zero).as_millis()).unwrap());
        assert_eq!(opens, expected, "{changes:?} asked at {asked}");
    }

    #[test]
    fn nothing_written_means_that_reading_may_begin() {
        check(&[], 0, OPEN);
    }

    #[test]
    fn a_half_written_file_is_held_until_it_is_closed_and_quiet() {
        let half = [(0, "f", FileChange::Modified)];
        check(&half, 0, Some(5000));
        check(&half, 300, Some(5000));
        let whole = [
            (0, "f", FileChange::Modified),
            (300, "f", FileChange::Modified),
            (301, "f", FileChange::Closed),
        ];
        check(&whole, 301, Some(351));
        check(&whole, 350, Some(351));
        check(&whole, 351, OPEN);
    }

    #[test]
    fn a_file_that_is_truncated_and_written_a_second_later_is_held_while_it_stays_open() {
        let changes = [
            (0, "f", FileChange::Modified),
            (1000, "f", FileChange::Modified),
            (1000, "f", FileChange::Closed),
        ];
        check(&changes[..1], 999, Some(5000));
        check(&changes, 1000, Some(1050));
    }

    #[test]
    fn a_writer_that_never_stops_is_overruled_every_five_seconds() {
        let changes: Vec<_> = (0..200).map(|write| (write * 50, "f", FileChange::Modified)).collect();
        check(&changes[..100], 4999, Some(5000));
        check(&changes[..100], 5000, OPEN);
        // The writing at 5 s closes the gate for another 5 s.
        check(&changes, 9_960, Some(10_000));
    }

    #[test]
    fn a_new_file_is_held_for_the_quiet_time_and_until_it_is_closed_once_it_is_written() {
        check(&[(0, "f", FileChange::Created)], 10, Some(50));
        check(&[(0, "f", FileChange::Created)], 50, OPEN);
        check(&[(0, "f", FileChange::Created), (20, "f", FileChange::Modified)], 60, Some(5000));
    }

    #[test]
    fn a_rename_into_place_releases_its_file_at_once_and_no_other() {
        check(&[(0, "f", FileChange::Modified), (1, "f", FileChange::Replaced)], 1, OPEN);
        check(&[(0, "key", FileChange::Modified), (1, "f", FileChange::Replaced)], 1, Some(5000));
    }

    #[test]
    fn only_an_unfinished_writer_is_overruled() {
        let zero = Instant::now();
        let mut gate = WriteGate::new(Duration::from_millis(50), Duration::from_secs(5));
        gate.note(Path::new("f"), FileChange::Modified, zero);
        assert_eq!(gate.open(zero + Duration::from_secs(5)), Ok(true));
        gate.note(Path::new("f"), FileChange::Closed, zero + Duration::from_secs(6));
        assert_eq!(gate.open(zero + Duration::from_secs(7)), Ok(false));
    }

    #[test]
    fn writing_in_place_counts_and_a_rename_does_not() {
        let mut gate = WriteGate::new(Duration::from_millis(50), Duration::from_secs(5));
        gate.note(Path::new("f"), FileChange::Replaced, Instant::now());
        assert_eq!(gate.writes(), 0);
        gate.note(Path::new("f"), FileChange::Modified, Instant::now());
        assert_eq!(gate.writes(), 1);
    }
}
