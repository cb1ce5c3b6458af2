//! Everything that asks for a reload, as one stream.

use futures_util::stream::{BoxStream, Stream, StreamExt as _, poll_fn, select_all, unfold};
use tokio::sync::mpsc;

use super::service::HangupReport;
use crate::reload::{Event, ReloadRequest};
use crate::source::file::{Hint, Hints};
use crate::source::kubernetes::ObjectEvent;
use crate::source::signal::Hangups;

/// The events of all sources, each in its own order; `object` only where the object is one of them.
pub(super) fn events(
    requests: mpsc::Receiver<ReloadRequest>,
    hangups: (Hangups, HangupReport),
    hints: Hints,
    object: Option<mpsc::Receiver<ObjectEvent>>,
) -> BoxStream<'static, Event> {
    let hangups = unfold(hangups, async |(mut hangups, report)| {
        hangups.next().await;
        Some((Event::Hangup(report.begun().await), (hangups, report)))
    });
    let hints = unfold(hints, async |mut hints| {
        let event = match hints.next().await {
            Hint::Change => Event::FileChange,
            Hint::Tick => Event::Tick,
        };
        Some((event, hints))
    });
    let always = [received(requests).map(Event::Request).boxed(), hangups.boxed(), hints.boxed()];
    let object = object.map(|object| received(object).map(Event::Object).boxed());
    select_all(always.into_iter().chain(object)).boxed()
}

fn received<T>(mut channel: mpsc::Receiver<T>) -> impl Stream<Item = T> {
    poll_fn(move |context| channel.poll_recv(context))
}
