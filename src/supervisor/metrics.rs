//! The metrics of the supervisor.

use prometheus::{
    IntCounter, IntCounterVec, IntGauge, Registry, register_int_counter_vec_with_registry,
    register_int_counter_with_registry, register_int_gauge_with_registry,
};

use strum::VariantArray as _;

use crate::config::FlushReason;
use crate::metric::label_value;

/// The metrics of the supervisor.
#[derive(Clone, Debug)]
pub(crate) struct SupervisorMetrics {
    sites: IntGauge,
    flushes: IntCounterVec,
    restarts: IntCounterVec,
    stuck: IntCounter,
}

impl SupervisorMetrics {
    /// Registers the metrics.
    pub(crate) fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        Ok(Self {
            sites: register_int_gauge_with_registry!(
                "nbu_exporter_sites",
                "Configured NetBackup primary servers.",
                registry
            )?,
            flushes: register_int_counter_vec_with_registry!(
                "nbu_exporter_cache_flushes_total",
                "Times that all that was learned from a site was thrown away: endpoint, or renamed (its label alone).",
                &["site", "reason"],
                registry
            )?,
            restarts: register_int_counter_vec_with_registry!(
                "nbu_exporter_poller_restarts_total",
                "Times that a site's poller was started again after a panic.",
                &["site"],
                registry
            )?,
            stuck: register_int_counter_with_registry!(
                "nbu_exporter_pollers_stuck_total",
                "Stopped pollers that did not end in time.",
                registry
            )?,
        })
    }

    pub(super) fn sites(&self, count: usize) {
        self.sites.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// Known label values begin at 0 instead of missing.
    pub(super) fn started(&self, site: &str) {
        for &reason in FlushReason::VARIANTS {
            self.flushes(site, reason);
        }
        self.restarts(site);
    }

    /// A site's counters go on under its new label.
    pub(super) fn renamed(&self, old: &str, new: &str) {
        let counts = FlushReason::VARIANTS.iter().map(|reason| (*reason, self.flushes(old, *reason).get()));
        let flushes: Vec<_> = counts.collect();
        let restarts = self.restarts(old).get();
        self.forget(old);
        for (reason, count) in flushes {
            self.flushes(new, reason).inc_by(count);
        }
        self.restarts(new).inc_by(restarts);
    }

    pub(super) fn flushed(&self, site: &str, reason: FlushReason) {
        self.flushes(site, reason).inc();
    }

    pub(super) fn restarted(&self, site: &str) {
        self.restarts(site).inc();
    }

    pub(super) fn stuck(&self) {
        self.stuck.inc();
    }

    /// A removed site leaves no series behind.
    pub(super) fn forget(&self, site: &str) {
        let site = label_value(site);
        for &reason in FlushReason::VARIANTS {
            let _ = self.flushes.remove_label_values(&[&site, reason.as_ref()]);
        }
        let _ = self.restarts.remove_label_values(&[&site]);
    }

    fn flushes(&self, site: &str, reason: FlushReason) -> IntCounter {
        self.flushes.with_label_values(&[&label_value(site), reason.as_ref()])
    }

    fn restarts(&self, site: &str) -> IntCounter {
        self.restarts.with_label_values(&[&label_value(site)])
    }
}

/// What is counted of our part of the sites, where replicas share them.
#[derive(Clone, Debug)]
pub(crate) struct FleetMetrics {
    sites: IntGauge,
    moves: IntCounterVec,
}

/// The directions of a move.
const TO_US: &str = "to_us";
const FROM_US: &str = "from_us";

impl FleetMetrics {
    /// Registers the metrics.
    pub(crate) fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let moves = register_int_counter_vec_with_registry!(
            "nbu_exporter_fleet_moves_total",
            "Times that a site came to this member or went from it, since the members of the fleet changed.",
            &["direction"],
            registry
        )?;
        for direction in [TO_US, FROM_US] {
            moves.with_label_values(&[direction]);
        }
        let sites = register_int_gauge_with_registry!(
            "nbu_exporter_fleet_sites",
            "NetBackup primary servers that this member of the fleet asks.",
            registry
        )?;
        Ok(Self { sites, moves })
    }

    pub(super) fn sites(&self, count: usize) {
        self.sites.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    pub(super) fn moved(&self, came: usize, went: usize) {
        for (direction, count) in [(TO_US, came), (FROM_US, went)] {
            self.moves.with_label_values(&[direction]).inc_by(u64::try_from(count).unwrap_or(u64::MAX));
        }
    }
}
