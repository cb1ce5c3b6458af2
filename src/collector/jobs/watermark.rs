//! Which end times of jobs were read already, and which are to be read.

/// A range of end times to be read, in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) from: i64,
    /// `None` for the range that ends now.
    pub(super) until: Option<i64>,
}

/// How far a walk over a range came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Reached {
    newest: Option<i64>,
    /// Whether a job came before one that had ended earlier: then the server does not sort, and the jobs that were read are
    /// not all up to some end time.
    out_of_order: bool,
}

impl Reached {
    /// Notes the end time of the next job.
    pub(super) fn note(&mut self, ended: i64) {
        self.out_of_order |= self.newest.is_some_and(|newest| ended < newest);
        self.newest = self.newest.max(Some(ended));
    }

    /// The greatest end time that came.
    pub(super) fn newest(self) -> Option<i64> {
        self.newest
    }

    /// Whether each job came behind all that had ended earlier.
    pub(super) fn is_in_order(self) -> bool {
        !self.out_of_order
    }
}

/// Jobs are recorded some time after they end, and clocks of media servers differ from the primary server's.
pub(super) const OVERLAP: i64 = 5 * 60;

/// Which end times were read already.
///
/// All times are the server's. The watermark follows the newest job that came, so it is never ahead of the server's
/// clock, whatever ours says.
#[derive(Debug, Default)]
pub(super) struct Watermark {
    covered: Option<ReadRange>,
}

#[derive(Debug)]
struct ReadRange {
    /// From here on everything was read, or is in `gap` or behind `tail`.
    from: i64,
    /// An older part that a longer window wants.
    gap: Option<(i64, i64)>,
    /// The watermark: everything before it was read.
    tail: i64,
    /// Whether the tail was read to its end once: what ends from then on is new.
    caught_up: bool,
}

impl Watermark {
    /// Begins a run that wants every job that ended since `wanted`; `now` is the server's time.
    pub(super) fn begin(&mut self, wanted: i64, now: i64) {
        self.set_back(now - OVERLAP);
        // A job that ended shortly before the window began may be recorded after this first run.
        let tail = wanted - OVERLAP;
        let covered =
            self.covered.get_or_insert(ReadRange { from: wanted, gap: None, tail, caught_up: false });
        if wanted < covered.from {
            covered.gap = Some((wanted, covered.gap.map_or(covered.from, |(_, until)| until)));
        } else if let Some((from, until)) = covered.gap {
            // The window has moved on, or was made shorter, before the gap was read.
            covered.gap = (wanted < until).then_some((from.max(wanted), until));
        }
        covered.from = wanted;
    }

    /// Takes the watermark back to `latest` if the server's clock was set back. Otherwise it would hide every job that ends
    /// before the clock has caught up.
    fn set_back(&mut self, latest: i64) {
        let Some(covered) = self.covered.as_mut().filter(|covered| covered.tail > latest) else { return };
        let remembered = covered.gap.map_or(covered.from, |(_, until)| until);
        if latest >= remembered {
            covered.tail = latest;
        } else {
            // Forgotten jobs can not be told from new ones, so nothing counts before all is read again.
            self.covered = None;
        }
    }

    /// All of the window is read again; what of it has counted does not count again.
    pub(super) fn read_again(&mut self) {
        if let Some(covered) = self.covered.as_mut().filter(|covered| covered.from < covered.tail) {
            covered.gap = Some((covered.from, covered.tail));
        }
    }

    /// What to read in this run, what is new first.
    pub(super) fn ranges(&self) -> Vec<Range> {
        let Some(covered) = &self.covered else { return Vec::new() };
        let gap = covered.gap.map(|(from, until)| Range { from, until: Some(until) });
        [Some(Range { from: covered.tail, until: None }), gap].into_iter().flatten().collect()
    }

    /// Whether the jobs of this range ended while we watched, so that they count.
    pub(super) fn counts(&self, range: Range) -> bool {
        range.until.is_none() && self.covered.as_ref().is_some_and(|covered| covered.caught_up)
    }

    /// Ends the walk over a range; `now` is the server's time as far as we know.
    pub(super) fn end(&mut self, range: Range, reached: Reached, complete: bool, now: i64) {
        let Some(covered) = &mut self.covered else { return };
        let newest = reached.newest.map(|newest| newest.min(now));
        match (range.until, complete) {
            (Some(_), true) => covered.gap = None,
            (None, true) => {
                covered.caught_up = true;
                covered.tail = newest.map_or(covered.tail, |newest| covered.tail.max(newest - OVERLAP));
            }
            // Without an order nobody knows what is missing, so the range is read again.
            (_, false) if reached.out_of_order => {}
            (Some(until), false) => {
                covered.gap = Some((newest.map_or(range.from, |newest| newest.max(range.from)), until));
            }
            (None, false) => {
                covered.tail =
                    newest.map_or(covered.tail, |newest| covered.tail.max(newest.min(now - OVERLAP)));
            }
        }
    }

    /// Whether the whole window was read.
    pub(super) fn is_whole(&self) -> bool {
        self.covered.as_ref().is_some_and(|covered| covered.caught_up && covered.gap.is_none())
    }

    /// How much of the window's time was read; 1 when all was.
    pub(super) fn read_ratio(&self, now: i64) -> f64 {
        let Some(covered) = &self.covered else { return 0.0 };
        if self.is_whole() {
            return 1.0;
        }
        let gap = covered.gap.map_or(0, |(from, until)| until - from);
        let tail = if covered.caught_up { 0 } else { now - covered.tail.max(covered.from) };
        // What is missing may be shorter than can be seen in the share.
        (1.0 - (gap + tail) as f64 / (now - covered.from).max(1) as f64).clamp(0.0, 0.99)
    }

    /// Before which end time everything was read, from the beginning of some window on; `None` before that was read once.
    pub(super) fn read_until(&self) -> Option<i64> {
        self.covered.as_ref().filter(|covered| covered.caught_up).map(|covered| covered.tail)
    }

    /// The oldest end time whose jobs must be remembered: those in the window, and those that are read again.
    pub(super) fn keep_from(&self, window_from: i64) -> i64 {
        self.covered.as_ref().map_or(window_from, |covered| covered.tail.min(window_from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_reading_says_how_far_it_is() {
        let mut watermark = Watermark::default();
        assert!(watermark.read_ratio(2_000) < 0.01);
        watermark.begin(1_000, 2_000);
        assert!(watermark.read_ratio(2_000) < 0.01);
        watermark.end(watermark.ranges()[0], reached(&[1_250]), false, 2_000);
        assert!((watermark.read_ratio(2_000) - 0.25).abs() < 1e-9);
        watermark.end(watermark.ranges()[0], reached(&[1_900]), true, 2_000);
        assert!((watermark.read_ratio(2_000) - 1.0).abs() < 1e-9);
        // The window becomes longer.
        watermark.begin(0, 2_000);
        assert!((watermark.read_ratio(2_000) - 0.5).abs() < 1e-9);
    }

    fn reached(ends: &[i64]) -> Reached {
        let mut reached = Reached::default();
        for end in ends {
            reached.note(*end);
        }
        reached
    }

    fn tail(from: i64) -> Range {
        Range { from, until: None }
    }

    #[test]
    fn a_steady_cycle_asks_only_for_what_is_new_with_overlap() {
        let mut watermark = Watermark::default();
        watermark.begin(0, 10_000);
        assert_eq!(watermark.ranges(), [tail(-OVERLAP)]);
        assert!(!watermark.counts(tail(-OVERLAP)));
        watermark.end(tail(-OVERLAP), reached(&[1000, 9000]), true, 10_000);
        watermark.begin(300, 10_000);
        assert_eq!(watermark.ranges(), [tail(9000 - OVERLAP)]);
        assert!(watermark.counts(tail(9000 - OVERLAP)));
        assert_eq!(watermark.keep_from(300), 300);
        assert_eq!(watermark.keep_from(9900), 9000 - OVERLAP);
    }

    #[test]
    fn a_quiet_site_keeps_its_watermark_and_a_job_from_the_future_does_not_push_it_ahead() {
        let mut watermark = Watermark::default();
        watermark.begin(0, 10_000);
        watermark.end(tail(-OVERLAP), reached(&[9000]), true, 10_000);
        watermark.end(tail(8700), reached(&[]), true, 20_000);
        assert_eq!(watermark.ranges(), [tail(8700)]);
        watermark.end(tail(8700), reached(&[9000, 4_000_000_000]), true, 20_000);
        assert_eq!(watermark.ranges(), [tail(20_000 - OVERLAP)]);
    }

    #[test]
    fn a_walk_cut_short_goes_on_where_it_ended_unless_the_server_does_not_sort() {
        let mut watermark = Watermark::default();
        watermark.begin(0, 10_000);
        watermark.end(tail(-OVERLAP), reached(&[10, 5000]), false, 10_000);
        assert_eq!(watermark.ranges(), [tail(5000)]);
        assert!(!watermark.counts(tail(5000)));
        watermark.end(tail(5000), reached(&[9000, 6000]), false, 10_000);
        assert_eq!(watermark.ranges(), [tail(5000)]);
    }

    #[test]
    fn a_longer_window_reads_only_the_missing_part() {
        let mut watermark = Watermark::default();
        watermark.begin(5000, 10_000);
        watermark.end(tail(5000 - OVERLAP), reached(&[9000]), true, 10_000);
        watermark.begin(1000, 10_000);
        let gap = Range { from: 1000, until: Some(5000) };
        assert_eq!(watermark.ranges(), [tail(8700), gap]);
        assert!(!watermark.counts(gap));
        watermark.end(gap, reached(&[1000, 3000]), false, 10_000);
        watermark.begin(1010, 10_000);
        let rest = Range { from: 3000, until: Some(5000) };
        assert_eq!(watermark.ranges(), [tail(8700), rest]);
        watermark.end(rest, reached(&[3000]), true, 10_000);
        watermark.begin(1020, 10_000);
        assert_eq!(watermark.ranges(), [tail(8700)]);
    }

    #[test]
    fn a_window_that_is_read_again_is_an_older_part_and_nothing_of_a_first_one() {
        let mut watermark = Watermark::default();
        watermark.begin(5000, 10_000);
        watermark.read_again();
        assert_eq!(watermark.ranges(), [tail(5000 - OVERLAP)]);
        watermark.end(tail(5000 - OVERLAP), reached(&[9000]), true, 10_000);
        watermark.begin(5100, 10_100);
        watermark.read_again();
        let again = Range { from: 5100, until: Some(8700) };
        assert_eq!(watermark.ranges(), [tail(8700), again]);
        assert!(watermark.counts(tail(8700)) && !watermark.counts(again));
    }

    #[test]
    fn a_clock_that_is_set_back_takes_the_watermark_back_as_far_as_jobs_are_remembered() {
        let mut watermark = Watermark::default();
        watermark.begin(6400, 10_000);
        watermark.end(tail(6400 - OVERLAP), reached(&[9990]), true, 10_000);
        watermark.begin(5400, 9000);
        let gap = Range { from: 5400, until: Some(6400) };
        assert_eq!(watermark.ranges(), [tail(9000 - OVERLAP), gap]);
        assert!(watermark.counts(tail(9000 - OVERLAP)));
        watermark.begin(2900, 6500);
        assert_eq!(watermark.ranges(), [tail(2900 - OVERLAP)]);
        assert!(!watermark.counts(tail(2900 - OVERLAP)));
        watermark.end(tail(2900 - OVERLAP), reached(&[9990]), true, 6500);
        assert_eq!(watermark.ranges(), [tail(6500 - OVERLAP)]);
    }

    #[test]
    fn a_shorter_window_forgets_a_gap_that_it_no_longer_wants() {
        let mut watermark = Watermark::default();
        watermark.begin(5000, 10_000);
        watermark.begin(1000, 10_000);
        watermark.begin(6000, 10_000);
        assert_eq!(watermark.ranges(), [tail(5000 - OVERLAP)]);
        // What the shorter window let go is missing again when it grows.
        watermark.begin(2000, 10_000);
        assert_eq!(watermark.ranges(), [tail(5000 - OVERLAP), Range { from: 2000, until: Some(6000) }]);
    }
}
