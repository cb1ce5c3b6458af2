use std::time::Duration;

/// The share by which a pause may be longer, so that many exporters do not come back together.
const JITTER: f64 = 0.2;

/// Pauses that grow from failure to failure. Only a watch that lived ends the row: a list that succeeds says nothing
/// of the watch that fails after it.
#[derive(Debug)]
pub(super) struct Pauses {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Pauses {
    pub(super) fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, next: first }
    }

    /// The pause after one more failure.
    pub(super) fn next(&mut self) -> Duration {
        let pause = self.next;
        self.next = (pause * 2).min(self.longest);
        pause.mul_f64(1.0 + JITTER * fastrand::f64())
    }

    /// It works again.
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
        let mut pauses = Pauses::new(first, longest);
        let mut expected = first;
        for _ in 0..10 {
            let pause = pauses.next();
            assert!(pause >= expected && pause <= expected.mul_f64(1.0 + JITTER), "{pause:?}");
            expected = (expected * 2).min(longest);
        }
        pauses.reset();
        assert!(pauses.next() < first * 2);
    }
}
