//! What a collector can do without, and does not get.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::config::ApiVersion;

/// What the role may not see is asked for again after this long: roles change rarely, and refusals may count towards a lock-out.
pub(super) const REFUSED_PAUSE: Duration = Duration::from_hours(6);
/// What the server does not have is asked for again after this long.
pub(super) const UNSUPPORTED_PAUSE: Duration = Duration::from_hours(24);

/// The resources that a collector does without for a while.
#[derive(Debug, Default)]
pub(crate) struct Absences(Mutex<HashMap<&'static str, Absence>>);

/// Why a resource is not asked for, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Absence {
    Refused { until: Instant },
    Unsupported { until: Instant, version: Option<ApiVersion> },
}

impl Absences {
    /// Whether the role of the key may not see one of them.
    pub(super) fn any_refused(&self) -> bool {
        self.lock().values().any(|absence| matches!(absence, Absence::Refused { .. }))
    }

    /// Another key is in use, or the role may have changed.
    pub(super) fn forget_refusals(&self) {
        self.lock().retain(|_, absence| !matches!(absence, Absence::Refused { .. }));
    }

    /// Whether it is not asked for now.
    pub(super) fn is_absent(&self, path: &'static str, version: Option<ApiVersion>) -> bool {
        let now = Instant::now();
        let mut absences = self.lock();
        let is_absent = absences.get(path).is_some_and(|absence| match absence {
            Absence::Refused { until } => now < *until,
            Absence::Unsupported { until, version: asked } => now < *until && *asked == version,
        });
        if !is_absent {
            absences.remove(path);
        }
        is_absent
    }

    /// The role may not see it.
    pub(super) fn refused(&self, path: &'static str) {
        self.lock().insert(path, Absence::Refused { until: Instant::now() + REFUSED_PAUSE });
    }

    /// The server does not have it in this version.
    pub(super) fn unsupported(&self, path: &'static str, version: Option<ApiVersion>) {
        let until = Instant::now() + UNSUPPORTED_PAUSE;
        self.lock().insert(path, Absence::Unsupported { until, version });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<&'static str, Absence>> {
        // Whole after every step: no panic leaves half of it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
