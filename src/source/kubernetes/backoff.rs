//! The pauses between failed attempts.

use std::time::Duration;

/// The share by which a pause may be longer, so that many exporters do not come back at the same moment.
const JITTER: f64 = 0.2;

/// Pauses that grow from failure to failure. Only a watch that lived ends the row: a list that succeeds says nothing
/// of the watch that fails after it.
#[derive(Debug)]
pub(super) struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    pub(super) fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, next: first }
    }

    /// The pause after one more failure.
    pub(super) fn next(&mut self) -> Duration {
        let pause = self.next;
        self.next = (pause * 2).min(self.longest);
        pause.mul_f64(1.0 + JITTER * fastrand::f64())
    }

    /// After a success the next pause is the first one again.
    pub(super) fn reset(&mut self) {
        self.next = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_begin_anew_after_success() {
        let (first, longest) = (Duration::from_millis(800), Duration::from_secs(30));
        let mut backoff = Backoff::new(first, longest);
        let mut expected = first;
        for _ in 0..10 {
            let pause = backoff.next();
            assert!(pause >= expected && pause <= expected.mul_f64(1.0 + JITTER), "{pause:?}");
            expected = (expected * 2).min(longest);
        }
        backoff.reset();
        assert!(backoff.next() < first * 2);
    }
}
