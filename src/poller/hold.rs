//! Why a collector is not asked for, and until when.

use std::time::Duration;

use tokio::time::Instant;

use crate::collector::{CollectError, CollectorSpec};
use crate::config::ApiVersion;

/// A collector whose role lacks a permission is asked again after this long: it changes rarely, and refusals may count towards a
/// lock-out.
pub(super) const REFUSED_PAUSE: Duration = Duration::from_hours(6);
/// A collector whose resource the server does not have is asked again after this long.
pub(super) const UNSUPPORTED_PAUSE: Duration = Duration::from_hours(24);

/// Why a collector is not asked for, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hold {
    /// The role of the key lacks the permission.
    Refused { until: Instant },
    /// The server does not have the resource in this version of the API.
    Unsupported { until: Instant, version: ApiVersion },
}

impl Hold {
    /// From now on, since the role of the key lacks the permission.
    pub(super) fn refused() -> Self {
        Self::Refused { until: Instant::now() + REFUSED_PAUSE }
    }

    /// From now on, since the server does not have the resource in this version.
    pub(super) fn unsupported(version: ApiVersion) -> Self {
        Self::Unsupported { until: Instant::now() + UNSUPPORTED_PAUSE, version }
    }

    /// Whether it still holds at a server that speaks this version.
    pub(super) fn holds(&self, now: Instant, version: ApiVersion) -> bool {
        match self {
            Self::Refused { until } => now < *until,
            Self::Unsupported { until, version: asked } => now < *until && version == *asked,
        }
    }
}

/// Whether an error says that the server does not have what the collector reads. What always runs is in every release.
pub(super) fn is_unsupported(spec: &CollectorSpec, error: &CollectError) -> bool {
    match error {
        CollectError::NetBackup(error) => {
            !spec.id.always_runs() && error.endpoint == spec.main.path && error.cause.is_unsupported()
        }
        CollectError::Hidden { .. } => false,
        CollectError::Unsupported(_) => true,
    }
}
