//! What the metrics say of the running configuration and of its reloads.

use std::time::Duration;

use prometheus::{
    Gauge, GaugeVec, Histogram, IntCounterVec, Registry, register_gauge_vec_with_registry,
    register_gauge_with_registry, register_histogram_with_registry, register_int_counter_vec_with_registry,
};
use strum::VariantArray as _;

use super::{ActiveConfig, Outcome, ReloadStatus, Trigger};
use crate::metric::seconds;

/// From one file read to a slow network file system.
const BUCKETS: [f64; 9] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.0, 10.0];

/// The metrics of the reloader.
#[derive(Clone, Debug)]
pub(crate) struct ReloadMetrics {
    successful: Gauge,
    success_timestamp: Gauge,
    hash: Gauge,
    info: GaugeVec,
    reloads: IntCounterVec,
    duration: Histogram,
}

impl ReloadMetrics {
    /// Registers the metrics; every known label value begins at 0.
    pub(crate) fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let metrics = Self {
            successful: register_gauge_with_registry!(
                "nbu_exporter_config_last_reload_successful",
                "Whether the newest known revision of the configuration is the running one.",
                registry
            )?,
            success_timestamp: register_gauge_with_registry!(
                "nbu_exporter_config_last_reload_success_timestamp_seconds",
                "When a configuration was last put to work, as Unix time.",
                registry
            )?,
            hash: register_gauge_with_registry!(
                "nbu_exporter_config_hash",
                "The first 48 bits of the SHA-256 digest of the running configuration's text.",
                registry
            )?,
            info: register_gauge_vec_with_registry!(
                "nbu_exporter_config_info",
                "Where the running configuration was read; always 1.",
                &["source", "revision", "hash"],
                registry
            )?,
            reloads: register_int_counter_vec_with_registry!(
                "nbu_exporter_config_reloads_total",
                "Reloads that brought news or that somebody asked for.",
                &["trigger", "outcome"],
                registry
            )?,
            duration: register_histogram_with_registry!(
                "nbu_exporter_config_reload_duration_seconds",
                "The time from the first read of a reload to its outcome, for reloads that are counted.",
                BUCKETS.to_vec(),
                registry
            )?,
        };
        for trigger in Trigger::VARIANTS {
            for outcome in Outcome::VARIANTS {
                metrics.reloads.with_label_values(&[trigger.as_ref(), outcome.as_ref()]);
            }
        }
        Ok(metrics)
    }

    pub(super) fn counted(&self, trigger: Trigger, outcome: Outcome, took: Duration) {
        self.reloads.with_label_values(&[trigger.as_ref(), outcome.as_ref()]).inc();
        self.duration.observe(took.as_secs_f64());
    }

    pub(super) fn running(&self, active: &ActiveConfig) {
        self.hash.set(active.text_digest.as_sample());
        self.info.reset();
        let revision = active.resource_version.as_deref().unwrap_or("");
        self.info
            .with_label_values(&[active.origin.as_str(), revision, &active.text_digest.short()])
            .set(1.0);
    }

    pub(super) fn status(&self, status: &ReloadStatus) {
        self.successful.set(if status.newest_runs { 1.0 } else { 0.0 });
        if let Some(last) = status.last_success {
            self.success_timestamp.set(seconds(last));
        }
    }
}
