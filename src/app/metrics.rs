//! What the parts count about themselves.

use prometheus::Registry;

use crate::http::HttpMetrics;
use crate::reload::ReloadMetrics;
use crate::supervisor::SupervisorMetrics;
use crate::telemetry::Restarts;

/// The metrics of each part, registered.
pub(super) struct Metrics {
    pub(super) restarts: Restarts,
    pub(super) http: HttpMetrics,
    pub(super) reload: ReloadMetrics,
    pub(super) supervisor: SupervisorMetrics,
}

impl Metrics {
    pub(super) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let restarts = Restarts::new(registry)?;
        Ok(Self {
            http: HttpMetrics::new(registry, restarts.clone())?,
            reload: ReloadMetrics::new(registry)?,
            supervisor: SupervisorMetrics::new(registry)?,
            restarts,
        })
    }
}
