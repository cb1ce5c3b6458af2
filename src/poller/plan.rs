//! What a poller follows, and when its next cycle begins.

use std::time::Duration;

use tokio::time::Instant;

use crate::config::{Collection, Collectors, Config, Site, SiteChange};
use crate::metric::MetricNames;

/// A cycle gets at least this long, so that a short interval does not cut off the first reading of a window.
pub(super) const SHORTEST_DEADLINE: Duration = Duration::from_mins(1);
/// Sites that began together drift apart by up to this share of the interval.
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
}

impl Plan {
    /// The plan for one site of a configuration.
    pub(crate) fn new(config: &Config, site: &Site) -> Self {
        Self {
            site: site.clone(),
            collection: config.collection.clone(),
            collectors: config.collectors.clone(),
            names: config.names,
        }
    }

    /// When a cycle that begins now has to end.
    pub(super) fn deadline(&self) -> Instant {
        Instant::now() + self.collection.interval.max(self.site.timeout).max(SHORTEST_DEADLINE)
    }
}

/// When the cycle after one that `began` then is due.
pub(super) fn next_cycle(began: Instant, interval: Duration) -> Instant {
    let interval = interval.mul_f64(1.0 + JITTER * (fastrand::f64() - 0.5) * 2.0);
    // After a long stop (SIGSTOP, a laptop's sleep) there is one cycle, not one for each that was missed.
    (began + interval).max(Instant::now())
}

/// When the cycle that was due at `next` is due under a new plan: at once if the site is asked for something else or in
/// another way; otherwise the cadence is kept.
pub(super) fn next_after_change(old: &Plan, new: &Plan, next: Instant) -> Instant {
    let now = Instant::now();
    let is_reached_anew = match SiteChange::between(&old.site, &new.site) {
        // A new key is put to work when NetBackup has accepted it.
        None | Some(SiteChange::NewKey) => false,
        // The supervisor gives a site that begins anew another poller.
        Some(SiteChange::Reconnect(_) | SiteChange::Flush(..)) => true,
    };
    if is_reached_anew || old.collectors != new.collectors || old.collection.window != new.collection.window {
        now
    } else if old.collection.interval == new.collection.interval {
        next
    } else {
        next.min(now + new.collection.interval)
    }
}
