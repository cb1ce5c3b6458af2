//! The composition root: what `run` is made of, in the order in which data flows.

mod live;
mod triggers;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

use crate::exposition::Registry;
use crate::http::{Listeners, State};
use crate::metric::Desc;
use crate::reload::{self, ConfigWriter, ReloadMetrics, Reloader, StartError, StatusWriter};
use crate::shutdown::Shutdown;
use crate::snapshot::SnapshotStore;
use crate::source::file::{FileReader, FileSource};
use crate::source::signal::Hangups;
use crate::supervisor::{Supervisor, SupervisorMetrics};
use crate::telemetry::LogControl;
use crate::{collector, poller};
use live::Live;
use triggers::AllTriggers;

/// What can not be reloaded.
#[derive(Clone, Debug)]
pub struct Options {
    /// The configuration file.
    pub config: PathBuf,
    /// Wins over `server.host` and `server.port`.
    pub listen_address: Option<SocketAddr>,
}

/// Why the program ends otherwise than asked to.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The configuration can not be read or is not valid.
    #[error("{0}")]
    Configuration(Arc<str>),
    /// Anything else.
    #[error("{0:#}")]
    Runtime(#[from] anyhow::Error),
}
