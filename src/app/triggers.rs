use std::future::pending;

use tokio::sync::mpsc;

use crate::reload::{Event, Trigger, Triggers};
use crate::source::file::{Hint, Hints};
use crate::source::kubernetes::Sighting;
use crate::source::signal::Hangups;

/// Everything that can ask for a look, as one stream.
#[derive(Debug)]
pub(super) struct AllTriggers {
    pub(super) requests: mpsc::Receiver<Event>,
    pub(super) hangups: Hangups,
    pub(super) hints: Hints,
    pub(super) sightings: Option<mpsc::Receiver<Sighting>>,
}

/// For ever without the object as a source.
async fn sighting(sightings: &mut Option<mpsc::Receiver<Sighting>>) -> Option<Sighting> {
    match sightings {
        Some(sightings) => sightings.recv().await,
        None => pending().await,
    }
}

impl Triggers for AllTriggers {
    async fn next(&mut self) -> Option<Event> {
        tokio::select! {
            Some(event) = self.requests.recv() => Some(event),
            Some(sighting) = sighting(&mut self.sightings) => Some(Event::Object(sighting)),
            () = self.hangups.next() => Some(Event::Look(Trigger::Signal)),
            hint = self.hints.next() => Some(Event::Look(match hint {
                Hint::Change => Trigger::File,
                Hint::Tick => Trigger::Poll,
            })),
        }
    }
}
