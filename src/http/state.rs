//! What the pages are made from.

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::readiness::Readiness;
use crate::admission::AdmissionMetrics;
use crate::config::DEFAULT_METRICS_PATH;
use crate::exposition::{BuildInfo, Exposition};
use crate::fleet::FleetReader;
use crate::reload::{ActiveConfig, ConfigReader, ReloadHandle, StatusReader};

/// What the pages may see.
#[derive(Debug)]
pub(crate) struct State {
    pub(super) exposition: Exposition,
    pub(super) config: ConfigReader,
    pub(super) status: StatusReader,
    pub(super) reload: ReloadHandle,
    pub(super) build: BuildInfo,
    pub(super) started: Timestamp,
    pub(super) readiness: Readiness,
    /// Cancelled when the process is about to end.
    pub(super) announced: CancellationToken,
    /// Whose the sites are, where replicas share them.
    pub(super) fleet: Option<FleetReader>,
    /// What the admission webhook counts, where it is served.
    pub(super) webhook: Option<AdmissionMetrics>,
    metrics_path: Option<String>,
}

impl State {
    /// The state of a process that starts now.
    pub(crate) fn new(
        exposition: Exposition,
        config: ConfigReader,
        status: StatusReader,
        reload: ReloadHandle,
        build: BuildInfo,
    ) -> Self {
        let (started, readiness) = (Timestamp::now(), Readiness::default());
        let announced = CancellationToken::new();
        Self {
            exposition,
            config,
            status,
            reload,
            build,
            started,
            readiness,
            announced,
            fleet: None,
            webhook: None,
            metrics_path: None,
        }
    }

    /// The metrics page stays at this path, whatever the configuration says.
    #[must_use]
    pub(crate) fn with_metrics_path(self, path: Option<String>) -> Self {
        Self { metrics_path: path, ..self }
    }

    /// Once this is cancelled the pages say that the process is about to end.
    #[must_use]
    pub(crate) fn until(self, announced: CancellationToken) -> Self {
        Self { announced, ..self }
    }

    /// Replicas share the sites, and these are ours.
    #[must_use]
    pub(crate) fn shared(self, fleet: Option<FleetReader>) -> Self {
        Self { fleet, ..self }
    }

    /// The admission webhook is served, and this is what it counts.
    #[must_use]
    pub(crate) fn judging(self, webhook: Option<AdmissionMetrics>) -> Self {
        Self { webhook, ..self }
    }

    /// Where the metrics page is.
    pub(super) fn metrics_path<'a>(&'a self, active: Option<&'a ActiveConfig>) -> &'a str {
        let configured = active.map_or(DEFAULT_METRICS_PATH, |active| &active.config.server.metrics_path);
        self.metrics_path.as_deref().unwrap_or(configured)
    }
}
