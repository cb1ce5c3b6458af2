//! What a collector can do without, and does not get.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::hold::Hold;
use crate::config::ApiVersion;

/// The resources that a collector does without for a while, by their paths.
#[derive(Debug, Default)]
pub(crate) struct Absences(Mutex<HashMap<&'static str, Hold>>);

impl Absences {
    /// Whether the role of the key may not see one of them.
    pub(super) fn any_refused(&self) -> bool {
        self.lock().values().any(Hold::is_refusal)
    }

    /// Whether the server does not have one of them.
    pub(super) fn any_unsupported(&self) -> bool {
        self.lock().values().any(|hold| !hold.is_refusal())
    }

    /// Whether the role of the key may not see this one.
    pub(super) fn is_refused(&self, path: &'static str) -> bool {
        self.lock().get(path).is_some_and(Hold::is_refusal)
    }

    /// Another key is in use, or the role may have changed.
    pub(super) fn forget_refusals(&self) {
        self.lock().retain(|_, hold| !hold.is_refusal());
    }

    /// Whether it is not asked for now.
    pub(super) fn is_absent(&self, path: &'static str, version: Option<ApiVersion>) -> bool {
        let mut absences = self.lock();
        let is_absent = absences.get(path).is_some_and(|hold| hold.holds(version));
        if !is_absent {
            absences.remove(path);
        }
        is_absent
    }

    /// It is not asked for until the hold ends.
    pub(super) fn hold(&self, path: &'static str, hold: Hold) {
        self.lock().insert(path, hold);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<&'static str, Hold>> {
        // Whole after every step: no panic leaves half of it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
