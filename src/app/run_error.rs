//! Why the program ends without being asked to.

use std::io;
use std::sync::Arc;

use crate::reload::NoConfiguration;
use crate::source::kubernetes::AccessError;
use crate::systemd::UselessSocket;

/// Why the program ends without being asked to.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The configuration can not be read or is not valid: the whole report.
    #[error("{0}")]
    Configuration(Arc<str>),
    /// Anything else.
    #[error("{0:#}")]
    Runtime(#[from] anyhow::Error),
}

impl From<AccessError> for RunError {
    fn from(error: AccessError) -> Self {
        Self::Configuration(error.to_string().into())
    }
}

impl From<NoConfiguration> for RunError {
    fn from(error: NoConfiguration) -> Self {
        Self::Configuration(error.0)
    }
}

impl From<UselessSocket> for RunError {
    fn from(error: UselessSocket) -> Self {
        Self::Runtime(error.into())
    }
}

impl From<io::Error> for RunError {
    fn from(error: io::Error) -> Self {
        Self::Runtime(error.into())
    }
}
