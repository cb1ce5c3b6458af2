//! What a collector is: the trait, what a run is given, and what it gives back.

use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use tokio::time::Instant;

use super::absence::Absences;
use super::board::Board;
use super::permission::Permission;
use crate::config::Collectors;
use crate::metric::Family;
use crate::netbackup::{self, Client};

/// One subject of collection; its [`CollectorSpec`](super::CollectorSpec) says the rest.
pub(crate) trait Collector: Send {
    /// Asks the server and gives the families of this run, under all names. The future may be dropped at any time: the next
    /// run goes on from what is there.
    fn collect<'a>(
        &'a mut self,
        context: &'a Context<'a>,
        diagnostics: &'a mut Diagnostics,
    ) -> BoxFuture<'a, Result<Vec<Family>, CollectError>>;

    /// Whether something is left to be asked for that can wait until the families of a run that succeeded are shown.
    fn has_rest(&mut self, _: &Context<'_>) -> bool {
        false
    }

    /// Asks for that, and gives all families of the run anew. What fails here is tried again in the next run. The future may be dropped
    /// at any time, too.
    fn collect_rest<'a>(
        &'a mut self,
        _: &'a Context<'a>,
        _: &'a mut Diagnostics,
    ) -> BoxFuture<'a, Vec<Family>> {
        std::future::ready(Vec::new()).boxed()
    }

    /// How many records since this moment of the server's clock it knows; `None` if it does not know all of its list. Only asked
    /// of a collector whose list has a [`Probe`](super::Probe).
    fn known_since(&self, _: Timestamp) -> Option<u64> {
        None
    }
}

/// What a run is given.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context<'a> {
    /// The client of the server; the version was negotiated before.
    pub client: &'a Client,
    /// The value of the `site` label.
    pub site: &'a str,
    /// The settings of all collectors: what another one is asked to show may be in the hands of this one.
    pub collectors: &'a Collectors,
    /// What the collectors of the site know of each other.
    pub board: &'a Board,
    /// What this collector does without for now.
    pub absences: &'a Absences,
    /// Whether the role of the key was refused what the [`Probe`](super::Probe) of the collector's list asks for.
    pub is_probe_refused: bool,
    /// How far back finished jobs count.
    pub window: Duration,
    /// When the run ends.
    pub deadline: Instant,
    /// Our own time at the start of the run.
    pub now: Timestamp,
}

impl Context<'_> {
    /// The server's own time at the start of the run.
    pub(super) fn server_now(&self) -> Timestamp {
        self.client.server_time(self.now)
    }

    /// Whether the run has no time left for another request.
    pub(super) fn is_over(&self) -> bool {
        Instant::now() + Duration::from_secs(1) >= self.deadline
    }
}

/// What a collector met and left out in one run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Diagnostics {
    /// Records that its lists had.
    pub records: u64,
    /// Records, or fields of records, that were not what the API reference says.
    pub malformed: u64,
    /// Records that have no label set of their own, since there are too many.
    pub capped: u64,
    /// Whether the list was longer than this run could read.
    pub truncated: bool,
}

/// Why a collector has nothing new.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(crate) enum CollectError {
    /// The server did not give what was asked for.
    #[error(transparent)]
    NetBackup(#[from] netbackup::Error),
    /// The list is empty because the role may not see what it holds.
    #[error(
        "the list is empty, and {request} is refused: the role of the API key lacks the operation {} on the namespace {}",
        permission.operation, permission.namespace
    )]
    Hidden {
        /// What was refused.
        request: &'static str,
        /// What the role lacks.
        permission: Permission,
    },
    /// This server does not have what is asked for, whatever its release.
    #[error("{0}")]
    Unsupported(&'static str),
}

impl CollectError {
    /// The cause as one of a closed set: [`netbackup::Cause::reasons`].
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::NetBackup(error) => error.reason(),
            Self::Hidden { .. } => "unauthorized",
            Self::Unsupported(_) => "not_found",
        }
    }

    /// Whether it says that this release of NetBackup does not have the resource.
    pub(crate) fn is_unsupported(&self) -> bool {
        match self {
            Self::NetBackup(error) => error.cause.is_unsupported(),
            Self::Hidden { .. } => false,
            Self::Unsupported(_) => true,
        }
    }

    /// Whether the key or a permission is missing. One collector alone means a permission, all mean the key.
    pub(crate) fn is_unauthorized(&self) -> bool {
        match self {
            Self::NetBackup(error) => error.is_unauthorized(),
            Self::Hidden { .. } => true,
            Self::Unsupported(_) => false,
        }
    }
}
