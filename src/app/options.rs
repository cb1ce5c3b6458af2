//! What can not be reloaded.

use std::path::PathBuf;

use super::fleet::FleetOptions;
use super::webhook::WebhookOptions;
use crate::config::ListenAddress;
use crate::source::kubernetes::ObjectName;

/// What can not be reloaded.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The configuration file; without one the object is the only source.
    pub config: Option<PathBuf>,
    /// The ConfigMap or Secret object that holds the configuration.
    pub object: Option<ObjectName>,
    /// Whether Kubernetes Events tell the outcome of each reload; only with the object.
    pub events: bool,
    /// The file that keeps the last good configuration.
    pub last_good: Option<PathBuf>,
    /// The ConfigMap that keeps the last good configuration; only with the object.
    pub last_good_object: Option<ObjectName>,
    /// The fleet whose members share the sites.
    pub fleet: Option<FleetOptions>,
    /// Where to listen instead of `server.host` and `server.port`, unless it is empty.
    pub listen_addresses: Vec<ListenAddress>,
    /// The web config instead of `server.webConfigFile`.
    pub web_config: Option<PathBuf>,
    /// Where probes are answered in the clear and for anybody, beside everything else.
    pub probe_address: Option<ListenAddress>,
    /// The path of the metrics page instead of `server.uri`.
    pub telemetry_path: Option<String>,
    /// The admission webhook; only with the object.
    pub webhook: Option<WebhookOptions>,
}
