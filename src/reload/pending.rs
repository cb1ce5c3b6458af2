use std::sync::Arc;

use futures_util::FutureExt as _;
use tokio::sync::oneshot;

use super::order::Stamp;
use super::ports::{Event, Triggers};
use super::sources::stamp;
use super::{Trigger, Verdict};
use crate::source::kubernetes::ObjectEvent;

/// The funnel is asked to end.
pub(super) struct Ended;

/// Several events that one look answers.
#[derive(Debug, Default)]
pub(super) struct Pending {
    pub(super) trigger: Option<Trigger>,
    pub(super) replies: Vec<oneshot::Sender<Arc<Verdict>>>,
    /// Revisions of the object that came before the newest: only their place in the order is kept.
    pub(super) passed: Vec<Stamp>,
    pub(super) object_event: Option<ObjectEvent>,
}

impl Pending {
    pub(super) fn look(trigger: Trigger) -> Self {
        Self { trigger: Some(trigger), ..Self::default() }
    }

    pub(super) fn add(&mut self, event: Event) {
        let trigger = match event {
            Event::Look(trigger) => trigger,
            Event::Request(reply) => {
                self.replies.push(reply);
                Trigger::Http
            }
            Event::Object(object_event) => {
                if let Some(ObjectEvent::Present(revision)) = self.object_event.replace(object_event) {
                    self.passed.push(stamp(&revision));
                }
                Trigger::Kubernetes
            }
        };
        self.trigger = self.trigger.max(Some(trigger));
    }

    /// Takes along what comes while `wait` lasts.
    pub(super) async fn collect_during<T>(
        &mut self,
        wait: impl Future<Output = T>,
        triggers: &mut impl Triggers,
    ) -> Result<T, Ended> {
        let mut wait = std::pin::pin!(wait);
        loop {
            tokio::select! {
                biased;
                done = &mut wait => return Ok(done),
                event = triggers.next() => self.add(event.ok_or(Ended)?),
            }
        }
    }

    /// Takes along what is there already: a burst is one look.
    pub(super) fn collect_ready(&mut self, triggers: &mut impl Triggers) -> Result<(), Ended> {
        while let Some(event) = triggers.next().now_or_never() {
            self.add(event.ok_or(Ended)?);
        }
        Ok(())
    }
}
