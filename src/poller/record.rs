use std::time::Duration;

use jiff::Timestamp;

use crate::snapshot::Fragment;

/// What is known of one collector of one site.
#[derive(Debug)]
pub(super) struct Record {
    name: &'static str,
    /// The last good families.
    pub(super) fragments: Vec<Fragment>,
    /// Whether the last run succeeded; `None` before the first ended.
    pub(super) success: Option<bool>,
    /// How long the last run took.
    pub(super) duration: Duration,
    /// When a run last succeeded.
    pub(super) last_success: Option<Timestamp>,
    /// Cycles since then.
    missed: u32,
    /// Why the last run failed, to say it once.
    failure: Option<String>,
}

impl Record {
    /// Nothing is known yet.
    pub(super) fn new(name: &'static str) -> Self {
        Self {
            name,
            fragments: Vec::new(),
            success: None,
            duration: Duration::ZERO,
            last_success: None,
            missed: 0,
            failure: None,
        }
    }

    /// The collector's name.
    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    /// A run succeeded; whether that ends a failure.
    pub(super) fn succeeded(&mut self, fragments: Vec<Fragment>, duration: Duration, now: Timestamp) -> bool {
        self.fragments = fragments;
        self.success = Some(true);
        self.duration = duration;
        self.last_success = Some(now);
        self.missed = 0;
        self.failure.take().is_some()
    }

    /// A run failed or could not begin. The last good families stay for `stale_cycles` missed cycles and are
    /// dropped then rather than served old. Whether the failure is news.
    pub(super) fn failed(&mut self, why: String, duration: Duration, stale_cycles: u32) -> bool {
        self.success = Some(false);
        self.duration = duration;
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
    use bytes::Bytes;

    use super::*;
    use crate::metric::{Desc, Kind, Naming};

    static UNITS: Desc =
        Desc { name: "units", help: "Units.", kind: Kind::Gauge, labels: &[], naming: Naming::Native };

    fn good() -> Vec<Fragment> {
        vec![Fragment { desc: &UNITS, text: Bytes::from_static(b"units 1\n") }]
    }

    #[test]
    fn the_last_good_families_stay_for_the_stated_number_of_missed_cycles() {
        let mut record = Record::new("units");
        record.succeeded(good(), Duration::ZERO, Timestamp::UNIX_EPOCH);
        let kept: Vec<_> = (0..4)
            .map(|_| {
                record.failed("timeout".to_owned(), Duration::ZERO, 3);
                record.fragments.len()
            })
            .collect();
        assert_eq!(kept, [1, 1, 1, 0]);
        assert_eq!(record.last_success, Some(Timestamp::UNIX_EPOCH));
    }

    #[test]
    fn a_failure_is_news_once_and_its_end_as_well() {
        let mut record = Record::new("units");
        assert!(record.failed("timeout".to_owned(), Duration::ZERO, 3));
        assert!(!record.failed("timeout".to_owned(), Duration::ZERO, 3));
        assert!(record.failed("dns".to_owned(), Duration::ZERO, 3));
        assert!(record.succeeded(good(), Duration::ZERO, Timestamp::UNIX_EPOCH));
        assert!(!record.succeeded(good(), Duration::ZERO, Timestamp::UNIX_EPOCH));
    }
}
