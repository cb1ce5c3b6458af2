//! Why something is not asked for, and until when.

use std::time::Duration;

use tokio::time::Instant;

use crate::config::ApiVersion;

/// What the role may not see is asked for again after this long: roles change rarely, and refusals may count towards a lock-out.
pub(super) const REFUSED_PAUSE: Duration = Duration::from_hours(6);
/// What the server does not have is asked for again after this long.
pub(super) const UNSUPPORTED_PAUSE: Duration = Duration::from_hours(24);

/// Why something is not asked for, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hold {
    /// The role of the key lacks the permission.
    Refused {
        /// When it is asked for again.
        until: Instant,
    },
    /// The server does not have it in this version of the API.
    Unsupported {
        /// When it is asked for again.
        until: Instant,
        /// In another version it is asked for at once.
        version: Option<ApiVersion>,
    },
}

impl Hold {
    /// From now on, since the role of the key lacks the permission.
    pub(crate) fn refused() -> Self {
        Self::Refused { until: Instant::now() + REFUSED_PAUSE }
    }

    /// From now on, since the server does not have it in this version.
    pub(crate) fn unsupported(version: Option<ApiVersion>) -> Self {
        Self::Unsupported { until: Instant::now() + UNSUPPORTED_PAUSE, version }
    }

    /// Until when.
    pub(crate) fn until(&self) -> Instant {
        match self {
            Self::Refused { until } | Self::Unsupported { until, .. } => *until,
        }
    }

    /// Whether it is for want of permission.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused { .. })
    }

    /// Whether it still holds at a server that speaks this version.
    pub(crate) fn holds(&self, version: Option<ApiVersion>) -> bool {
        match self {
            Self::Refused { until } => Instant::now() < *until,
            Self::Unsupported { until, version: asked } => Instant::now() < *until && version == *asked,
        }
    }
}
