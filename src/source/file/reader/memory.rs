//! What one look leaves for the next: some things are true only when two looks agree.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use crate::config::Material;

/// The memory of a reader; no secret stays in it, only digests.
#[derive(Debug, Default)]
pub(super) struct Memory {
    missing: BTreeMap<PathBuf, Instant>,
    settled: Option<[u8; 32]>,
    candidate: Option<Candidate>,
}

/// A content that was seen once.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    digest: [u8; 32],
    seen: Instant,
    /// Since when no two looks have agreed.
    since: Instant,
}

impl Memory {
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
        self.missing
            .iter()
            .map(|(path, since)| (path, (*since + pause).saturating_duration_since(now)))
            .filter(|(_, left)| !left.is_zero())
            .max_by_key(|(_, left)| *left)
            .map(|(path, left)| (path.clone(), left))
    }

    /// How long to wait until a second look may agree with this one; `None` when it is settled, or when nothing
    /// has settled for `longest`.
    pub(super) fn unsettled(
        &mut self,
        material: &Material,
        pause: Duration,
        longest: Duration,
        now: Instant,
    ) -> Option<Duration> {
        let digest = digest(material);
        let since = self.candidate.map_or(now, |candidate| candidate.since);
        let left = match self.candidate {
            _ if self.settled == Some(digest) => Duration::ZERO,
            _ if since + longest <= now => Duration::ZERO,
            Some(known) if known.digest == digest => (known.seen + pause).saturating_duration_since(now),
            _ => {
                self.candidate = Some(Candidate { digest, seen: now, since });
                pause
            }
        };
        if left.is_zero() {
            self.settled = Some(digest);
            self.candidate = None;
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

    /// Looks at their millisecond, each with what is missing; checks how many milliseconds are left at the last.
    fn check_missing(looks: &[(u64, &[&str])], expected: Option<u128>) {
        let zero = Instant::now();
        let mut memory = Memory::default();
        let mut left = None;
        for (time, missing) in looks {
            let missing = missing.iter().map(PathBuf::from).collect();
            left = memory.unconfirmed(missing, PAUSE, zero + Duration::from_millis(*time));
        }
        assert_eq!(left.map(|(_, left)| left.as_millis()), expected, "{looks:?}");
    }

    #[test]
    fn a_missing_file_is_called_missing_only_when_a_second_look_agrees() {
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

    /// Looks at their millisecond, each with its text; checks how many milliseconds are left at the last.
    fn check_settled(looks: &[(u64, &str)], expected: Option<u128>) {
        let zero = Instant::now();
        let mut memory = Memory::default();
        let mut left = None;
        for (time, text) in looks {
            let material = Material { text: text.as_bytes().to_vec(), ..Material::default() };
            let now = zero + Duration::from_millis(*time);
            left = memory.unsettled(&material, PAUSE, Duration::from_secs(5), now);
        }
        assert_eq!(left.map(|left| left.as_millis()), expected, "{looks:?}");
    }

    #[test]
    fn without_events_two_looks_in_a_row_must_agree() {
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
    fn a_writer_that_never_stops_is_looked_at_after_the_longest_hold() {
        let texts: Vec<String> = (0..60).map(|number| number.to_string()).collect();
        let looks: Vec<(u64, &str)> =
            (0..).map(|look| look * 100).zip(texts.iter().map(String::as_str)).collect();
        check_settled(&looks[..50], Some(200));
        check_settled(&looks[..=50], None);
    }
}
