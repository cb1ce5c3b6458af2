//! When a look must wait: somebody is writing a followed file in place.
//!
//! Half a file can be valid YAML, so what is being written is not looked at until its writer has closed it and left
//! it alone for a moment. What is renamed into place is whole from the start.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What happened to a followed file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// A new file under its name, perhaps still empty.
    Created,
    /// Bytes or the length changed in place.
    Modified,
    /// A writer closed it.
    Closed,
    /// Another file was put in its place, or a link on the way to it was.
    Replaced,
}

/// Whether a look may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gate {
    /// It may; `forced` when a writer has had its longest time and is still not done.
    Open { forced: bool },
    /// Not before this time, unless a writer is done earlier.
    Until(Instant),
}

/// The files that are being written.
#[derive(Debug)]
pub(super) struct Hold {
    writing: BTreeMap<PathBuf, Writing>,
    quiet: Duration,
    longest: Duration,
    acts: u64,
}

#[derive(Debug)]
struct Writing {
    since: Instant,
    latest: Instant,
    unfinished: bool,
}

impl Hold {
    pub(super) fn new(quiet: Duration, longest: Duration) -> Self {
        Self { writing: BTreeMap::new(), quiet, longest, acts: 0 }
    }

    /// Takes note of what happened to a file.
    pub(super) fn note(&mut self, path: &Path, act: Act, now: Instant) {
        if act == Act::Replaced {
            self.writing.remove(path);
            return;
        }
        self.acts += 1;
        let writing = self.writing.entry(path.to_owned()).or_insert(Writing {
            since: now,
            latest: now,
            unfinished: false,
        });
        writing.latest = now;
        match act {
            Act::Modified => writing.unfinished = true,
            Act::Closed => writing.unfinished = false,
            Act::Created | Act::Replaced => {}
        }
    }

    /// Whether a look may begin now.
    pub(super) fn gate(&mut self, now: Instant) -> Gate {
        let (quiet, longest) = (self.quiet, self.longest);
        let mut forced = false;
        self.writing.retain(|_, writing| {
            let over = writing.end(quiet, longest) <= now;
            forced |= over && !writing.is_done(quiet, now);
            !over
        });
        let latest = self.writing.values().map(|writing| writing.end(quiet, longest)).max();
        latest.map_or(Gate::Open { forced }, Gate::Until)
    }

    /// How much was written in place so far; equal numbers mean that nothing was in between.
    pub(super) fn acts(&self) -> u64 {
        self.acts
    }
}

impl Writing {
    fn end(&self, quiet: Duration, longest: Duration) -> Instant {
        let limit = self.since + longest;
        if self.unfinished { limit } else { limit.min(self.latest + quiet) }
    }

    fn is_done(&self, quiet: Duration, now: Instant) -> bool {
        !self.unfinished && self.latest + quiet <= now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: Option<u64> = None;

    /// Feeds acts at their millisecond and checks when the gate, asked at `asked`, opens.
    fn check(acts: &[(u64, &str, Act)], asked: u64, expected: Option<u64>) {
        let zero = Instant::now();
        let at = |milliseconds| zero + Duration::from_millis(milliseconds);
        let mut hold = Hold::new(Duration::from_millis(50), Duration::from_secs(5));
        for (time, path, act) in acts {
            hold.gate(at(*time));
            hold.note(Path::new(path), *act, at(*time));
        }
        let gate = match hold.gate(at(asked)) {
            Gate::Open { .. } => None,
            Gate::Until(time) => Some(u64::try_from((time - zero).as_millis()).unwrap()),
        };
        assert_eq!(gate, expected, "{acts:?} asked at {asked}");
    }

    #[test]
    fn nothing_written_means_that_a_look_may_begin() {
        check(&[], 0, OPEN);
    }

    #[test]
    fn a_half_written_file_is_held_until_it_is_closed_and_quiet() {
        let half = [(0, "f", Act::Modified)];
        check(&half, 0, Some(5000));
        check(&half, 300, Some(5000));
        let whole = [(0, "f", Act::Modified), (300, "f", Act::Modified), (301, "f", Act::Closed)];
        check(&whole, 301, Some(351));
        check(&whole, 350, Some(351));
        check(&whole, 351, OPEN);
    }

    #[test]
    fn a_file_that_is_truncated_and_written_a_second_later_is_held_while_it_stays_open() {
        let acts = [(0, "f", Act::Modified), (1000, "f", Act::Modified), (1000, "f", Act::Closed)];
        check(&acts[..1], 999, Some(5000));
        check(&acts, 1000, Some(1050));
    }

    #[test]
    fn a_writer_that_never_stops_is_looked_at_every_five_seconds() {
        let acts: Vec<_> = (0..200).map(|write| (write * 50, "f", Act::Modified)).collect();
        check(&acts[..100], 4999, Some(5000));
        check(&acts[..100], 5000, OPEN);
        // The writing at 5 s begins the next hold.
        check(&acts, 9_960, Some(10_000));
    }

    #[test]
    fn a_new_file_is_held_for_the_quiet_time_and_until_it_is_closed_once_it_is_written() {
        check(&[(0, "f", Act::Created)], 10, Some(50));
        check(&[(0, "f", Act::Created)], 50, OPEN);
        check(&[(0, "f", Act::Created), (20, "f", Act::Modified)], 60, Some(5000));
    }

    #[test]
    fn a_rename_into_place_releases_its_file_at_once_and_no_other() {
        check(&[(0, "f", Act::Modified), (1, "f", Act::Replaced)], 1, OPEN);
        check(&[(0, "key", Act::Modified), (1, "f", Act::Replaced)], 1, Some(5000));
    }

    #[test]
    fn only_an_unfinished_writer_makes_a_look_forced() {
        let zero = Instant::now();
        let mut hold = Hold::new(Duration::from_millis(50), Duration::from_secs(5));
        hold.note(Path::new("f"), Act::Modified, zero);
        assert_eq!(hold.gate(zero + Duration::from_secs(5)), Gate::Open { forced: true });
        hold.note(Path::new("f"), Act::Closed, zero + Duration::from_secs(6));
        assert_eq!(hold.gate(zero + Duration::from_secs(7)), Gate::Open { forced: false });
    }

    #[test]
    fn writing_in_place_counts_and_a_rename_does_not() {
        let mut hold = Hold::new(Duration::from_millis(50), Duration::from_secs(5));
        hold.note(Path::new("f"), Act::Replaced, Instant::now());
        assert_eq!(hold.acts(), 0);
        hold.note(Path::new("f"), Act::Modified, Instant::now());
        assert_eq!(hold.acts(), 1);
    }
}
