use std::sync::Arc;

use super::scene::Lagging;
use super::{Outcome, Trigger};

/// What came of the newest known revision.
pub(super) struct Decision {
    pub(super) outcome: Outcome,
    pub(super) detail: Arc<str>,
    pub(super) news: bool,
    pub(super) lacks_reference: bool,
}

impl Decision {
    pub(super) fn superseded(lagging: Lagging) -> Self {
        let Lagging { detail, fresh, .. } = lagging;
        Self { outcome: Outcome::Superseded, detail, news: fresh, lacks_reference: false }
    }

    /// Whether the answer to `trigger` is that it saw something old. What is new of the newest comes first, and a
    /// rejection that stands is what a person who asks has to know.
    pub(super) fn yields_to(&self, lagging: &Lagging, trigger: Trigger) -> bool {
        self.outcome == Outcome::Unchanged && !self.news && lagging.concerns(trigger)
    }
}
