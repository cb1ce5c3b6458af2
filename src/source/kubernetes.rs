//! A ConfigMap or Secret object as a source of the configuration, and Events as the way to tell the cluster what came of it.
//!
//! [`ObjectWatcher`] reports every revision that it sees; [`ObjectReader`] asks for the newest one. Neither decides:
//! the order of the sources is the funnel's. kube's own watcher is not used: it keeps a dead `resourceVersion` after
//! a 410 as HTTP status and after an etcd restore, and its pauses do not grow while lists fail. One round here is a
//! list and a watch of a minute, so that each round reconciles.

mod access;
mod announcement;
mod events;
mod holder;
mod kept;
mod name;
mod outbox;
mod pause;
mod problem;
mod revision;
mod rights;
mod status;
#[cfg(test)]
mod tests;
mod watcher;

pub use access::{Access, AccessError};
pub use announcement::{Announcement, Kind, Occasion};
pub use events::{Announcer, EventPublisher, Pod};
pub use kept::KeptObject;
pub use name::{NameError, ObjectKind, ObjectName};
pub use problem::Problem;
pub use revision::{ObjectEvent, Revision, Unusable};
pub use status::ObjectStatus;
pub use watcher::{ObjectReader, ObjectWatcher};

use std::time::Duration;

/// Why the object may not be the one that is mounted.
const RENAMED: &str = "where kustomize renames an object (a hash, a prefix, a suffix), it does so in the volume and in \
                           the Role, and not in arguments; manifests/name-references.yaml shows how it can be made to";

/// The times of the source; the defaults are right for a running exporter.
#[derive(Clone, Debug)]
pub struct Timing {
    /// How long a list, a GET and the beginning of a watch may take.
    pub answer: Duration,
    /// How long one watch lasts; then the object is listed again.
    pub watch: Duration,
    /// How much longer than that a watch is believed to be alive.
    pub grace: Duration,
    /// A watch that ended before this is a failed one.
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
