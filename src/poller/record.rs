use std::time::Duration;

use jiff::Timestamp;

use crate::collector::{Run, site};
use crate::snapshot::Fragment;

/// What is known of one collector of one site.
#[derive(Debug)]
pub(super) struct Record {
    /// The collector's name.
    pub(super) name: &'static str,
    /// How it has done so far; `None` before its first run ended.
    pub(super) runs: Option<site::Record>,
    /// The last good families.
    pub(super) fragments: Vec<Fragment>,
    /// Cycles since then.
    missed: u32,
    /// Why the last run failed, to say it once.
    failure: Option<String>,
    /// Whether the last run that brought anything saw only a part, to say it once.
    partial: bool,
}

impl Record {
    /// Nothing is known yet.
    pub(super) fn new(name: &'static str) -> Self {
        Self { name, runs: None, fragments: Vec::new(), missed: 0, failure: None, partial: false }
    }

    /// Whether the last run succeeded.
    pub(super) fn succeeded(&self) -> bool {
        self.runs.as_ref().is_some_and(|runs| runs.success)
    }

    /// Whether the role of the key may not see all that the last run asked for.
    pub(super) fn is_unauthorized(&self) -> bool {
        self.runs.as_ref().is_some_and(|runs| runs.unauthorized)
    }

    /// Notes whether the role sees only a part of the list. Whether that is news, and not good.
    pub(super) fn sees_part(&mut self, partial: bool) -> bool {
        let before = std::mem::replace(&mut self.partial, partial);
        partial && !before
    }

    /// Takes in a run. The last good families stay for `stale_cycles` missed cycles and are dropped then rather
    /// than served old. Whether its outcome is news.
    pub(super) fn note(&mut self, run: Run, stale_cycles: u32, now: Timestamp) -> bool {
        self.runs.get_or_insert_default().note(&run, now);
        match run.outcome {
            Ok(()) => {
                self.fragments = run.families.into_iter().map(Fragment::from).collect();
                self.missed = 0;
                self.failure.take().is_some()
            }
            Err(error) => self.miss(error.to_string(), stale_cycles),
        }
    }

    /// A run that did not end, or could not begin. Whether that is news.
    pub(super) fn failed(&mut self, why: &str, stale_cycles: u32) -> bool {
        let runs = self.runs.get_or_insert_default();
        // What the run before it met is not what this one met.
        runs.success = false;
        runs.unauthorized = false;
        runs.truncated = false;
        runs.records = None;
        runs.duration = Duration::ZERO;
        self.miss(why.to_owned(), stale_cycles)
    }

    fn miss(&mut self, why: String, stale_cycles: u32) -> bool {
        self.missed = self.missed.saturating_add(1);
        if self.missed > stale_cycles {
            self.fragments.clear();
        }
        let news = self.failure.as_ref() != Some(&why);
        self.failure = Some(why);
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collector::Diagnostics;
    use crate::metric::{Desc, Family, MetricKind, Naming};

    static UNITS: Desc =
        Desc { name: "units", help: "Units.", kind: MetricKind::Gauge, labels: &[], naming: Naming::Native };

    fn good() -> Run {
        let mut family = Family::new(&UNITS, "paris");
        family.sample(&[], 1.0);
        Run {
            families: vec![family],
            duration: Duration::ZERO,
            outcome: Ok(()),
            diagnostics: Diagnostics::default(),
            partial: false,
        }
    }

    #[test]
    fn the_last_good_families_stay_for_the_stated_number_of_missed_cycles() {
        let mut record = Record::new("units");
        record.note(good(), 3, Timestamp::UNIX_EPOCH);
        let kept: Vec<_> = (0..4)
            .map(|_| {
                record.failed("timeout", 3);
                record.fragments.len()
            })
            .collect();
        assert_eq!(kept, [1, 1, 1, 0]);
        assert_eq!(record.runs.unwrap().last_success, Some(Timestamp::UNIX_EPOCH));
    }

    #[test]
    fn a_run_that_did_not_begin_was_neither_refused_nor_cut_short() {
        let mut record = Record::new("units");
        record.runs = Some(site::Record { unauthorized: true, truncated: true, ..Default::default() });
        record.failed("dns", 3);
        assert_eq!(record.runs, Some(site::Record::default()));
    }

    #[test]
    fn a_failure_is_news_once_and_its_end_as_well() {
        let mut record = Record::new("units");
        assert!(record.failed("timeout", 3));
        assert!(!record.failed("timeout", 3));
        assert!(record.failed("dns", 3));
        assert!(record.note(good(), 3, Timestamp::UNIX_EPOCH));
        assert!(!record.note(good(), 3, Timestamp::UNIX_EPOCH));
    }
}
