//! What the door counts about itself.

use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwapOption;
use jiff::{SignedDuration, Timestamp};
use prometheus::{
    Gauge, Histogram, IntCounterVec, Registry, register_gauge_with_registry,
    register_histogram_with_registry, register_int_counter_vec_with_registry,
};
use strum::VariantArray as _;

use super::answer::Ruling;
use crate::metric::seconds;

/// From a text that is judged in memory to the time-out of the API server.
const BUCKETS: [f64; 8] = [0.001, 0.0025, 0.005, 0.01, 0.02, 0.1, 0.5, 2.0];

/// What the door counts about itself; clones share it. It exists only where there is a door.
#[derive(Clone, Debug)]
pub(crate) struct AdmissionMetrics {
    requests: IntCounterVec,
    duration: Histogram,
    last: Gauge,
    expiry: Gauge,
    trouble: Arc<ArcSwapOption<String>>,
}

/// When a question came.
pub(super) struct Begin(Instant);

impl AdmissionMetrics {
    /// Registers the metrics; every verdict begins at 0.
    pub(crate) fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let metrics = Self {
            requests: register_int_counter_vec_with_registry!(
                "nbu_exporter_admission_requests_total",
                "Edits that the API server asked about before they were written.",
                &["verdict"],
                registry
            )?,
            duration: register_histogram_with_registry!(
                "nbu_exporter_admission_duration_seconds",
                "How long such a question took to be answered.",
                BUCKETS.to_vec(),
                registry
            )?,
            last: register_gauge_with_registry!(
                "nbu_exporter_admission_last_request_timestamp_seconds",
                "When the API server last asked, as Unix time; 0 before that.",
                registry
            )?,
            expiry: register_gauge_with_registry!(
                "nbu_exporter_admission_certificate_expiry_timestamp_seconds",
                "When the certificate that the API server is shown ends, as Unix time; 0 while there is none.",
                registry
            )?,
            trouble: Arc::default(),
        };
        for ruling in Ruling::VARIANTS {
            metrics.requests.with_label_values(&[ruling.as_ref()]);
        }
        Ok(metrics)
    }

    /// Another certificate is shown.
    pub(crate) fn shows_until(&self, end: Timestamp) {
        self.expiry.set(seconds(end));
    }

    /// When the API server last asked, and when the certificate that it is shown ends; none while neither has come.
    pub(crate) fn moments(&self) -> (Option<Timestamp>, Option<Timestamp>) {
        (moment(&self.last), moment(&self.expiry))
    }

    /// Why the certificate can not be kept, as of the last look.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.trouble.load().as_deref().cloned()
    }

    pub(super) fn is_troubled_by(&self, trouble: Option<String>) {
        self.trouble.store(trouble.map(Arc::new));
    }

    pub(super) fn begin(&self) -> Begin {
        self.last.set(seconds(Timestamp::now()));
        Begin(Instant::now())
    }

    pub(super) fn answered(&self, ruling: Ruling, Begin(began): Begin) {
        self.duration.observe(began.elapsed().as_secs_f64());
        self.requests.with_label_values(&[ruling.as_ref()]).inc();
    }

    /// How many were answered so.
    #[cfg(test)]
    pub(super) fn counted(&self, verdict: &str) -> u64 {
        self.requests.with_label_values(&[verdict]).get()
    }
}

/// What a gauge of Unix time holds; 0 is never.
fn moment(gauge: &Gauge) -> Option<Timestamp> {
    let since_1970 = SignedDuration::try_from_secs_f64(gauge.get()).ok()?;
    Timestamp::from_duration(since_1970).ok().filter(|moment| *moment != Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_moments_are_unknown_until_they_come() {
        let metrics = AdmissionMetrics::new(&Registry::new()).unwrap();
        assert_eq!(metrics.moments(), (None, None));
        let end = Timestamp::from_second(1_800_000_000).unwrap();
        metrics.shows_until(end);
        let _ = metrics.begin();
        let (asked, ends) = metrics.moments();
        assert!(asked.is_some_and(|asked| asked > Timestamp::UNIX_EPOCH));
        assert_eq!(ends, Some(end));
    }
}
