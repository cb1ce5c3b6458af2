use jiff::Timestamp;

use super::ready::FirstSeen;
use crate::exposition::{BuildInfo, Exposition};
use crate::reload::{ConfigReader, ReloadHandle, StatusReader};

/// What the pages may see.
#[derive(Debug)]
pub struct State {
    pub(super) exposition: Exposition,
    pub(super) config: ConfigReader,
    pub(super) status: StatusReader,
    pub(super) reload: ReloadHandle,
    pub(super) build: BuildInfo,
    pub(super) started: Timestamp,
    pub(super) first_seen: FirstSeen,
}

impl State {
    /// The state of a process that starts now.
    pub fn new(
        exposition: Exposition,
        config: ConfigReader,
        status: StatusReader,
        reload: ReloadHandle,
        build: BuildInfo,
    ) -> Self {
        let (started, first_seen) = (Timestamp::now(), FirstSeen::default());
        Self { exposition, config, status, reload, build, started, first_seen }
    }
}
