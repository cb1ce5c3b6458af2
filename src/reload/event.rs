//! What asks for a reload, and what one reload answers together.

use std::sync::Arc;

use futures_util::{FutureExt as _, Stream, StreamExt as _};
use tokio::sync::{mpsc, oneshot};

use super::precedence::Stamp;
use super::{Trigger, Verdict};
use crate::source::kubernetes::ObjectEvent;

/// How many requests may wait; more wait in front of the queue.
const QUEUE: usize = 64;

/// Something that asks for a reload.
#[derive(Debug)]
pub(crate) enum Event {
    /// The slow tick.
    Tick,
    /// Something happened to a file that is followed.
    FileChange,
    /// SIGHUP came; somebody may wait for the outcome.
    Hangup(Option<ReloadRequest>),
    /// Somebody waits for the outcome of a reload that begins after this.
    Request(ReloadRequest),
    /// The API server said something of the object.
    Object(ObjectEvent),
}

/// Where the answer to a request goes.
pub(crate) type ReloadRequest = oneshot::Sender<Arc<Verdict>>;

/// Asks for a reload and waits for what comes of it.
#[derive(Clone, Debug)]
pub(crate) struct ReloadHandle(mpsc::Sender<ReloadRequest>);

/// Several events that one reload answers.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// The highest trigger of them; `None` while there is none.
    pub(super) trigger: Option<Trigger>,
    pub(super) requests: Vec<ReloadRequest>,
    /// Revisions of the object that came before the newest: only their place in the order counts.
    pub(super) passed: Vec<Stamp>,
    pub(super) object: Option<ObjectEvent>,
}

/// The way for requests to the reloader.
pub(crate) fn requests() -> (ReloadHandle, mpsc::Receiver<ReloadRequest>) {
    let (sender, receiver) = mpsc::channel(QUEUE);
    (ReloadHandle(sender), receiver)
}

impl ReloadHandle {
    /// The outcome of a reload that begins after this call; `None` when the reloader has ended.
    pub(crate) async fn reload(&self) -> Option<Arc<Verdict>> {
        let (sender, receiver) = oneshot::channel();
        self.0.send(sender).await.ok()?;
        receiver.await.ok()
    }
}

impl Batch {
    pub(super) fn add(&mut self, event: Event) {
        let trigger = match event {
            Event::Tick => Trigger::Poll,
            Event::FileChange => Trigger::File,
            Event::Hangup(request) => {
                self.requests.extend(request);
                Trigger::Signal
            }
            Event::Request(request) => {
                self.requests.push(request);
                Trigger::Http
            }
            Event::Object(event) => {
                if let Some(ObjectEvent::Present(revision)) = self.object.replace(event) {
                    self.passed.push(Stamp::from(&*revision));
                }
                Trigger::Kubernetes
            }
        };
        self.raise(trigger);
    }

    /// Counts the reload under this trigger, unless a higher one asked for it.
    pub(super) fn raise(&mut self, trigger: Trigger) {
        self.trigger = self.trigger.max(Some(trigger));
    }

    /// Adds what comes while `wait` lasts; `None` when no event will come any more.
    pub(super) async fn add_during<T>(
        &mut self,
        wait: impl Future<Output = T>,
        events: &mut (impl Stream<Item = Event> + Unpin),
    ) -> Option<T> {
        let mut wait = std::pin::pin!(wait);
        loop {
            tokio::select! {
                biased;
                done = &mut wait => return Some(done),
                event = events.next() => self.add(event?),
            }
        }
    }

    /// Adds what is there already: a burst is one reload.
    pub(super) fn add_ready(&mut self, events: &mut (impl Stream<Item = Event> + Unpin)) -> Option<()> {
        while let Some(event) = events.next().now_or_never() {
            self.add(event?);
        }
        Some(())
    }
}
