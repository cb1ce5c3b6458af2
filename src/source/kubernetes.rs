//! A ConfigMap or Secret object as a source of the configuration, and Events that report the outcome to the cluster.
//!
//! [`ObjectWatcher`] reports every revision that the API server sends; [`ObjectReader`] asks for the newest one. Neither decides:
//! the reloader orders the sources. kube's own watcher is not used: after a 410 as HTTP status, and after a restore of
//! etcd, it keeps a `resourceVersion` that the API server no longer has, and its pauses do not grow while lists fail. One
//! round here is a list and a watch of a minute, so that each round reconciles.

mod access;
mod announcement;
mod api_error;
mod backoff;
mod events;
mod fleet_name;
mod holder;
mod kept;
mod leases;
mod name;
mod outbox;
mod revision;
mod rights;
mod status;
#[cfg(test)]
mod tests;
mod watcher;
mod webhook;
mod written;

pub(crate) use access::{Access, AccessError};
pub(crate) use announcement::{Announcement, EventIdentity, EventReason};
pub(crate) use api_error::ApiError;
pub(crate) use events::{Announcer, Pod};
pub(crate) use fleet_name::{FleetName, member_name};
pub(crate) use kept::KeptObject;
pub(crate) use leases::{LeaseOwner, Leases};
pub(crate) use name::{ObjectKind, ObjectName};
pub(crate) use revision::{ObjectEvent, Revision, Unusable};
pub(crate) use status::ObjectStatus;
pub(crate) use watcher::{ObjectReader, ObjectWatcher};
pub(crate) use webhook::WebhookObjects;
pub(crate) use written::WrittenObject;

use std::time::Duration;

/// Added where an object is missing or forbidden: kustomize may have given the mounted one another name.
const RENAMED: &str = "where kustomize renames an object (a hash, a prefix, a suffix), it does so in the volume and in \
                           the Role, and not in arguments; manifests/name-references.yaml shows how it can be made to";

/// The time limits of the source; the defaults are those of a running exporter.
#[derive(Clone, Debug)]
pub(crate) struct Timing {
    /// How long a list, a GET and the beginning of a watch may take.
    pub answer: Duration,
    /// How long one watch lasts; then the object is listed again.
    pub watch: Duration,
    /// How much longer than that a silent watch counts as alive.
    pub grace: Duration,
    /// A watch that ends earlier has failed.
    pub shortest_watch: Duration,
    /// The first pause after a failure, doubled each time.
    pub first_pause: Duration,
    /// The longest pause.
    pub longest_pause: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            answer: Duration::from_secs(10),
            watch: Duration::from_mins(1),
            grace: Duration::from_secs(5),
            shortest_watch: Duration::from_secs(5),
            // As in client-go's reflector, whose first pause is 0.8 s and whose longest is 30 s.
            first_pause: Duration::from_millis(800),
            longest_pause: Duration::from_secs(30),
        }
    }
}
