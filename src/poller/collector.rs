//! What is known of one collector of one site.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::collector::{Run, RunRest};
use crate::metric::Family;
use crate::snapshot::{Fault, Fragment, TextRoom};

/// What is known of a collector.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each says something of its own")]
pub(super) struct CollectorState {
    /// The collector's name.
    pub(super) name: &'static str,
    /// Whether it can not be turned off.
    pub(super) always_runs: bool,
    /// Whether a run that succeeds shows that the key is good: what it reads needs one.
    pub(super) proves_key: bool,
    /// How its runs went; `None` before the first one ended.
    pub(super) runs: Option<RunStats>,
    /// The time between two runs.
    pub(super) interval: Duration,
    /// Whether the server has what the collector reads.
    pub(super) is_supported: bool,
    /// The last good families.
    pub(super) fragments: Vec<Fragment>,
    /// How many series they have.
    pub(super) series: usize,
    /// When a run last succeeded, by the clock that nobody sets.
    pub(super) succeeded_at: Option<Instant>,
    /// When a run was last refused for want of permission, by the same clock.
    pub(super) refused_at: Option<Instant>,
    /// Runs since the last success that brought nothing.
    missed: u32,
    /// Why the last run failed, so that it is said once.
    pub(super) failure: Option<Arc<Fault>>,
    /// Whether the last run that brought anything saw only a part, so that it is said once.
    partial: bool,
}

/// How the runs of a collector went.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct RunStats {
    /// Whether the last run succeeded.
    pub(super) success: bool,
    /// Whether the role of the key may not see what the last run asked for, or only a part of it.
    pub(super) unauthorized: bool,
    /// How many records the last run met; `None` if it did not begin.
    pub(super) records: Option<u64>,
    /// Whether the last run read less than there was.
    pub(super) truncated: bool,
    /// How many requests the last run sent.
    pub(super) requests: u32,
    /// How long the last run took.
    pub(super) duration: Duration,
    /// When a run last succeeded.
    pub(super) last_success: Option<Timestamp>,
    /// Malformed records of all runs.
    pub(super) malformed: u64,
    /// Capped records of all runs.
    pub(super) capped: u64,
}

impl RunStats {
    /// Takes in a run that ended at `now`.
    fn note(&mut self, run: &Run, now: Timestamp) {
        self.success = run.outcome.is_ok();
        self.unauthorized = run.is_unauthorized();
        self.records = Some(run.diagnostics.records);
        self.truncated = run.diagnostics.truncated;
        self.duration = run.duration;
        self.malformed += run.diagnostics.malformed;
        self.capped += run.diagnostics.capped;
        if self.success {
            self.last_success = Some(now);
        }
    }

    /// Forgets what the last run met, for a run that did not end or could not begin.
    fn failed(&mut self) {
        *self = Self {
            last_success: self.last_success,
            malformed: self.malformed,
            capped: self.capped,
            ..Self::default()
        };
    }
}

impl CollectorState {
    /// Nothing is known yet.
    pub(super) fn new(name: &'static str) -> Self {
        Self {
            name,
            always_runs: false,
            proves_key: true,
            runs: None,
            interval: Duration::ZERO,
            is_supported: true,
            fragments: Vec::new(),
            series: 0,
            succeeded_at: None,
            refused_at: None,
            missed: 0,
            failure: None,
            partial: false,
        }
    }

    /// Whether the last run succeeded.
    pub(super) fn succeeded(&self) -> bool {
        self.runs.as_ref().is_some_and(|runs| runs.success)
    }

    /// Whether the last run succeeded, with a key that the server accepted for it.
    pub(super) fn was_let_in(&self) -> bool {
        self.proves_key && self.succeeded()
    }

    /// Whether its first run need not be waited for: it is none of those that always run, and had none yet.
    pub(super) fn is_extra(&self) -> bool {
        self.runs.is_none() && !self.always_runs
    }

    /// Whether the role of the key may not see all that the last run asked for.
    pub(super) fn is_unauthorized(&self) -> bool {
        self.runs.as_ref().is_some_and(|runs| runs.unauthorized)
    }

    /// Whether the last run brought nothing for want of permission.
    pub(super) fn was_refused(&self) -> bool {
        self.is_unauthorized() && !self.succeeded()
    }

    /// Notes whether the role sees only a part of the list; returns whether it now does and did not before.
    pub(super) fn sees_part(&mut self, partial: bool) -> bool {
        let before = std::mem::replace(&mut self.partial, partial);
        partial && !before
    }

    /// Takes in a run, with what to do if it failed. The last good families stay for `stale_cycles` missed runs and are dropped then rather
    /// than served old. Returns whether its outcome is news.
    pub(super) fn note(
        &mut self,
        run: Run,
        cure: String,
        stale_cycles: u32,
        now: Timestamp,
        room: &TextRoom,
    ) -> bool {
        self.is_supported = true;
        self.runs.get_or_insert_default().note(&run, now);
        if self.was_refused() {
            self.refused_at = Some(Instant::now());
        }
        match run.outcome {
            Ok(()) => {
                self.show(run.families, room);
                self.missed = 0;
                self.succeeded_at = Some(Instant::now());
                self.failure.take().is_some()
            }
            Err(error) => self.miss(Fault::new(error.to_string(), cure), stale_cycles),
        }
    }

    /// Takes in what the last run brought after its families were shown: they are as old as before.
    pub(super) fn note_rest(&mut self, rest: RunRest, room: &TextRoom) {
        let runs = self.runs.get_or_insert_default();
        runs.truncated |= rest.diagnostics.truncated;
        runs.malformed += rest.diagnostics.malformed;
        runs.capped += rest.diagnostics.capped;
        self.show(rest.families, room);
    }

    fn show(&mut self, families: Vec<Family>, room: &TextRoom) {
        self.series = families.iter().map(Family::lines).sum();
        self.fragments = room.fragments(families);
    }

    /// Takes in a run that did not end, or could not begin; returns whether that is news.
    pub(super) fn failed(&mut self, why: impl Into<Fault>, stale_cycles: u32) -> bool {
        self.runs.get_or_insert_default().failed();
        self.miss(why.into(), stale_cycles)
    }

    /// The server does not have what the collector reads: nothing of it is served. Returns whether that is news.
    pub(super) fn unsupported(&mut self) -> bool {
        self.runs.get_or_insert_default().failed();
        self.drop_families();
        self.failure = None;
        std::mem::replace(&mut self.is_supported, false)
    }

    /// The last run sent so many requests.
    pub(super) fn asked(&mut self, requests: u32) {
        self.runs.get_or_insert_default().requests = requests;
    }

    /// A run was due and did not begin, since its outcome is known.
    pub(super) fn missed(&mut self, stale_cycles: u32) {
        self.missed = self.missed.saturating_add(1);
        if self.missed > stale_cycles {
            self.drop_families();
        }
    }

    fn drop_families(&mut self) {
        self.fragments.clear();
        self.series = 0;
    }

    fn miss(&mut self, fault: Fault, stale_cycles: u32) -> bool {
        self.missed(stale_cycles);
        let is_news = self.failure.as_ref().is_none_or(|known| known.what != fault.what);
        self.failure = Some(fault.into());
        is_news
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collector::Diagnostics;
    use crate::metric::{Labelled, MetricKind, Naming};

    static UNITS: Labelled<0> = Labelled {
        name: "units",
        help: "Units.",
        kind: MetricKind::Gauge,
        labels: [],
        naming: Naming::Native,
    };

    fn good() -> Run {
        let mut family = UNITS.of_site("paris");
        family.sample([], 1.0);
        Run {
            families: vec![family.build()],
            duration: Duration::ZERO,
            outcome: Ok(()),
            diagnostics: Diagnostics::default(),
            partial: false,
        }
    }

    #[test]
    fn the_last_good_families_stay_for_the_stated_number_of_missed_runs() {
        let mut collector = CollectorState::new("units");
        collector.note(good(), String::new(), 3, Timestamp::UNIX_EPOCH, &TextRoom::default());
        let kept: Vec<_> = (0..4)
            .map(|_| {
                collector.failed("timeout", 3);
                collector.fragments.len()
            })
            .collect();
        assert_eq!(kept, [1, 1, 1, 0]);
        assert_eq!(collector.runs.unwrap().last_success, Some(Timestamp::UNIX_EPOCH));
    }

    #[test]
    fn a_run_that_did_not_begin_was_neither_refused_nor_cut_short() {
        let mut collector = CollectorState::new("units");
        collector.runs = Some(RunStats { unauthorized: true, truncated: true, ..Default::default() });
        collector.failed("dns", 3);
        assert_eq!(collector.runs, Some(RunStats::default()));
    }

    #[test]
    fn a_failure_is_news_once_and_its_end_as_well() {
        let mut collector = CollectorState::new("units");
        assert!(collector.failed("timeout", 3));
        assert!(!collector.failed("timeout", 3));
        assert!(collector.failed("dns", 3));
        assert!(collector.note(good(), String::new(), 3, Timestamp::UNIX_EPOCH, &TextRoom::default()));
        assert!(!collector.note(good(), String::new(), 3, Timestamp::UNIX_EPOCH, &TextRoom::default()));
    }
}
