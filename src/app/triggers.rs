use std::future::pending;

use tokio::sync::mpsc;

use crate::reload::{Event, Trigger, Triggers};
use crate::source::file::{Hint, Hints};
use crate::source::kubernetes::ObjectEvent;
use crate::source::signal::Hangups;

/// Everything that can ask for a look, as one stream.
#[derive(Debug)]
pub(super) struct AllTriggers {
    pub(super) requests: mpsc::Receiver<Event>,
    pub(super) hangups: Hangups,
    pub(super) hints: Hints,
    pub(super) object_events: Option<mpsc::Receiver<ObjectEvent>>,
}

/// For ever without the object as a source.
async fn object_event(object_events: &mut Option<mpsc::Receiver<ObjectEvent>>) -> Option<ObjectEvent> {
    match object_events {
        Some(object_events) => object_events.recv().await,
        None => pending().await,
    }
}

impl Triggers for AllTriggers {
    async fn next(&mut self) -> Option<Event> {
        tokio::select! {
            Some(event) = self.requests.recv() => Some(event),
            Some(object_event) = object_event(&mut self.object_events) => Some(Event::Object(object_event)),
            () = self.hangups.next() => Some(Event::Look(Trigger::Signal)),
            hint = self.hints.next() => Some(Event::Look(match hint {
                Hint::Change => Trigger::File,
                Hint::Tick => Trigger::Poll,
            })),
        }
    }
}
