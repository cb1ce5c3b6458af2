//! What one snapshot leaves for the next: some things are true only when two snapshots in a row agree.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use crate::config::Material;
use crate::source::file::Options;

/// What a reader remembers of its snapshots; no secret stays in it, only digests.
#[derive(Debug, Default)]
pub(super) struct Stability {
    /// Since when a file has been missing.
    missing: BTreeMap<PathBuf, Instant>,
    stable: Option<[u8; 32]>,
    changing: Option<Changing>,
}

/// A content that only one snapshot has had so far.
#[derive(Clone, Copy, Debug)]
struct Changing {
    digest: [u8; 32],
    read: Instant,
    /// Since when no two snapshots have agreed.
    since: Instant,
}

impl Stability {
    /// A file that has been missing for less than `pause`, and the time that is left; those that came back are
    /// forgotten.
    pub(super) fn unconfirmed(
        &mut self,
        missing: BTreeSet<PathBuf>,
        pause: Duration,
        now: Instant,
    ) -> Option<(PathBuf, Duration)> {
        self.missing.retain(|path, _| missing.contains(path));
        for path in missing {
            self.missing.entry(path).or_insert(now);
        }
        let (path, since) = self.missing.iter().max_by_key(|(_, since)| **since)?;
        let left = (*since + pause).saturating_duration_since(now);
        (!left.is_zero()).then(|| (path.clone(), left))
    }

    /// How long to wait until a second snapshot may agree with this one; `None` when one has agreed, or when none
    /// has for the longest hold.
    pub(super) fn unsettled(
        &mut self,
        material: &Material,
        options: &Options,
        now: Instant,
    ) -> Option<Duration> {
        let (pause, longest) = (options.confirm_polled, options.longest_hold);
        let digest = digest(material);
        let since = self.changing.map_or(now, |changing| changing.since);
        let left = match self.changing {
            _ if self.stable == Some(digest) => Duration::ZERO,
            _ if since + longest <= now => Duration::ZERO,
            Some(known) if known.digest == digest => (known.read + pause).saturating_duration_since(now),
            _ => {
                self.changing = Some(Changing { digest, read: now, since });
                pause
            }
        };
        if left.is_zero() {
            self.stable = Some(digest);
            self.changing = None;
            return None;
        }
        Some(left)
    }
}

fn digest(material: &Material) -> [u8; 32] {
    let mut hash = Sha256::new();
    let mut add = |bytes: &[u8]| {
        hash.update(bytes.len().to_be_bytes());
        hash.update(bytes);
    };
    add(&material.text);
    for (path, bytes) in &material.files {
        add(path.as_os_str().as_encoded_bytes());
        match bytes {
            Ok(bytes) => add(bytes),
            Err(problem) => add(problem.0.as_bytes()),
        }
    }
    for (name, value) in &material.environment.dotenv {
        add(name.as_bytes());
        add(value.as_bytes());
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_millis(200);

    /// Snapshots at their millisecond, each with what is missing; checks how many milliseconds are left at the last.
    fn check_missing(snapshots: &[(u64, &[&str])], expected: Option<u128>) {
        let zero = Instant::now();
        let mut stability = Stability::default();
        let mut left = None;
        for (time, missing) in snapshots {
            let missing = missing.iter().map(PathBuf::from).collect();
            left = stability.unconfirmed(missing, PAUSE, zero + Duration::from_millis(*time));
        }
        assert_eq!(left.map(|(_, left)| left.as_millis()), expected, "{snapshots:?}");
    }

    #[test]
    fn a_missing_file_is_called_missing_only_when_a_second_snapshot_agrees() {
        check_missing(&[(0, &["f"])], Some(200));
        check_missing(&[(0, &["f"]), (150, &["f"])], Some(50));
        check_missing(&[(0, &["f"]), (200, &["f"])], None);
        check_missing(&[(0, &["f"]), (200, &["f"]), (30_000, &["f"])], None);
    }

    #[test]
    fn a_file_that_came_back_must_be_missed_twice_again() {
        check_missing(&[(0, &["f"]), (200, &[])], None);
        check_missing(&[(0, &["f"]), (100, &[]), (250, &["f"])], Some(200));
        check_missing(&[(0, &["f"]), (200, &["f", "g"])], Some(200));
    }

    /// Snapshots at their millisecond, each with its text; checks how many milliseconds are left at the last.
    fn check_settled(snapshots: &[(u64, &str)], expected: Option<u128>) {
        let zero = Instant::now();
        let options = Options { confirm_polled: PAUSE, ..Options::default() };
        let mut stability = Stability::default();
        let mut left = None;
        for (time, text) in snapshots {
            let material = Material { text: text.as_bytes().to_vec(), ..Material::default() };
            let now = zero + Duration::from_millis(*time);
            left = stability.unsettled(&material, &options, now);
        }
        assert_eq!(left.map(|left| left.as_millis()), expected, "{snapshots:?}");
    }

    #[test]
    fn without_events_two_snapshots_in_a_row_must_agree() {
        check_settled(&[(0, "half")], Some(200));
        check_settled(&[(0, "half"), (200, "whole")], Some(200));
        check_settled(&[(0, "half"), (200, "whole"), (300, "whole")], Some(100));
        check_settled(&[(0, "half"), (200, "whole"), (400, "whole")], None);
    }

    #[test]
    fn a_settled_content_is_given_again_without_waiting() {
        check_settled(&[(0, "a"), (200, "a"), (5000, "a")], None);
        check_settled(&[(0, "a"), (200, "a"), (5000, "b"), (5100, "a")], None);
    }

    #[test]
    fn a_writer_that_never_stops_is_read_after_the_longest_hold() {
        let texts: Vec<String> = (0..60).map(|number| number.to_string()).collect();
        let snapshots: Vec<(u64, &str)> =
            (0..).map(|number| number * 100).zip(texts.iter().map(String::as_str)).collect();
        check_settled(&snapshots[..50], Some(200));
        check_settled(&snapshots[..=50], None);
    }
}
