//! What a poller follows, and when its next runs begin.

use std::time::Duration;

use tokio::time::Instant;

use crate::collector;
use crate::config::{Collection, CollectorId, Collectors, Config, Site, SiteChange};
use crate::metric::MetricNames;

/// A run gets at least this long, so that a short interval does not cut off the first reading of a window.
pub(super) const SHORTEST_DEADLINE: Duration = Duration::from_mins(1);
/// Runs that began together drift apart by up to this share of the interval.
const JITTER: f64 = 0.05;

/// What a poller follows: its site and the settings that all sites have in common.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Plan {
    /// The site.
    pub site: Site,
    /// How often and how far back.
    pub collection: Collection,
    /// Which collectors run.
    pub collectors: Collectors,
    /// Which names are served.
    pub names: MetricNames,
    /// How often somebody asked for a reload: each time what was refused is asked for again.
    pub asked: u64,
}

impl Plan {
    /// The plan for one site of a configuration.
    pub(crate) fn new(config: &Config, site: &Site, asked: u64) -> Self {
        Self {
            asked,
            site: site.clone(),
            collection: config.collection.clone(),
            collectors: config.collectors.clone(),
            names: config.names,
        }
    }

    /// The time between two runs of a collector.
    pub(super) fn interval(&self, id: CollectorId) -> Duration {
        self.collectors.interval(id).unwrap_or(self.collection.interval)
    }

    /// The time between two questions whether the server answers: no collector that runs is asked more often.
    pub(super) fn reach_interval(&self) -> Duration {
        let intervals = collector::wanted(&self.collectors).map(|spec| self.interval(spec.id));
        intervals.min().unwrap_or(self.collection.interval)
    }

    /// When something that begins now and is done every interval has to end.
    pub(super) fn deadline(&self, interval: Duration) -> Instant {
        Instant::now() + interval.max(self.site.timeout).max(SHORTEST_DEADLINE)
    }
}

/// What a new plan changes.
#[derive(Debug)]
pub(super) struct PlanChange<'a> {
    pub(super) old: &'a Plan,
    pub(super) new: &'a Plan,
    /// What it means for the site, if the site itself changed.
    pub(super) site: Option<SiteChange>,
}

impl<'a> PlanChange<'a> {
    pub(super) fn between(old: &'a Plan, new: &'a Plan) -> Self {
        Self { old, new, site: SiteChange::between(&old.site, &new.site) }
    }

    /// Whether the server is reached in another way, and all is asked anew. A new key is put to work when NetBackup has accepted it.
    pub(super) fn is_reached_anew(&self) -> bool {
        // The supervisor gives a site that is flushed another poller.
        matches!(self.site, Some(SiteChange::Reconnect(_) | SiteChange::Flush(..)))
    }

    /// Whether a collector is made anew, since it has other options.
    pub(super) fn rebuilds(&self, id: CollectorId) -> bool {
        !self.old.collectors.has_same_options(&self.new.collectors, id)
    }

    /// Whether other families are to be seen of what is known.
    pub(super) fn shows_others(&self) -> bool {
        self.old.names != self.new.names || self.old.collectors != self.new.collectors
    }

    /// Whether somebody wants what was refused to be asked for again.
    pub(super) fn asks_refused(&self) -> bool {
        self.old.asked != self.new.asked
    }

    /// When a collector's run that was due at `due` is due now: at once if the site is asked for something else or in
    /// another way; otherwise the rhythm is kept.
    pub(super) fn due(&self, id: CollectorId, due: Instant) -> Instant {
        let (now, old, new) = (Instant::now(), self.old, self.new);
        let is_same_question = old.collection.window == new.collection.window
            && collector::is_same_question(&old.collectors, &new.collectors, id)
            && !self.is_reached_anew();
        if !is_same_question {
            now
        } else if old.interval(id) == new.interval(id) {
            due
        } else {
            due.min(now + new.interval(id))
        }
    }
}

/// When the run after one that `began` then is due.
pub(super) fn next_run(began: Instant, interval: Duration) -> Instant {
    let interval = interval.mul_f64(1.0 + JITTER * (fastrand::f64() - 0.5) * 2.0);
    // After a long stop (SIGSTOP, a laptop's sleep) there is one run, not one for each that was missed.
    (began + interval).max(Instant::now())
}
