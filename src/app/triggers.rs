use tokio::sync::mpsc;

use crate::reload::{Event, Trigger, Triggers};
use crate::source::file::{Hint, Hints};
use crate::source::signal::Hangups;

/// Everything that can ask for a look, as one stream.
#[derive(Debug)]
pub(super) struct AllTriggers {
    pub(super) requests: mpsc::Receiver<Event>,
    pub(super) hangups: Hangups,
    pub(super) hints: Hints,
}

impl Triggers for AllTriggers {
    async fn next(&mut self) -> Option<Event> {
        tokio::select! {
            Some(event) = self.requests.recv() => Some(event),
            () = self.hangups.next() => Some(Event::Look(Trigger::Signal)),
            hint = self.hints.next() => Some(Event::Look(match hint {
                Hint::Change => Trigger::File,
                Hint::Tick => Trigger::Poll,
            })),
        }
    }
}
