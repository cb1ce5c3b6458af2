//! The first configuration.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, StreamExt as _};
use tokio::time::{sleep, timeout};

use super::ActiveConfig;
use super::event::Event;
use super::observation::{NewestRevision, Observation};
use super::sources::Sources;
use super::verdict::one_line;

/// Files that are still changing after this many reads are judged as they are.
pub(super) const MOST_READS: usize = 50;

/// How long a start waits for the API server: the object is newer than the file.
const PATIENCE: Duration = Duration::from_secs(2);

/// The program can not start, since no configuration can run: the whole report.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NoConfiguration(pub Arc<str>);

/// What the program starts with.
#[derive(Debug)]
pub(crate) struct First {
    /// What runs, if anything can.
    pub active: Option<Arc<ActiveConfig>>,
    /// Whether that is the newest known revision. Else the reloader says what is wrong with that one.
    pub is_newest: bool,
}

/// Reads the first configuration; it reads again by itself while the files are changing.
///
/// A site that lacks something that it refers to, such as its key file, keeps no other from being collected: what runs
/// then is without it ([`Config::lacking`](crate::config::Config)), and the reloader says so and tries the whole again.
///
/// With the object as a source its first event is waited for, but not for long. If the newest revision can not run,
/// the newest that can does: a mounted file that lags, or the last good configuration. Where there is neither and the
/// object is a source, nothing runs until the object is mended: a process that ends and is started again would notice
/// that much later.
pub(crate) async fn first(
    sources: &mut Sources,
    events: &mut (impl Stream<Item = Event> + Unpin),
) -> Result<First, NoConfiguration> {
    if sources.has_object() {
        // An outage ends the wait as well: it is an answer, if not the hoped for.
        let _ = timeout(PATIENCE, object_event(sources, events)).await;
    }
    let observation = settled(sources).await;
    let (report, partial) = match observation.newest {
        NewestRevision::Read(candidate) => match candidate.result {
            Ok(active) => return Ok(First { active: Some(active.into()), is_newest: true }),
            Err(rejection) => (rejection.report, candidate.partial),
        },
        NewestRevision::Held(detail) | NewestRevision::Missing(detail) => (detail, None),
    };
    let file = observation.superseded.and_then(|superseded| superseded.file);
    let active = sources.fall_back(file, partial).await;
    if let Some(active) = &active {
        log_fall_back(active);
    } else if sources.has_object() {
        tracing::warn!(
            error = one_line(&report),
            "There is no configuration that can run; the exporter is not ready until there is one"
        );
    } else {
        return Err(NoConfiguration(report));
    }
    Ok(First { active: active.map(Arc::from), is_newest: false })
}

pub(super) fn log_fall_back(active: &ActiveConfig) {
    tracing::warn!(config = active.origin, "The newest configuration can not run as a whole; this one does");
}

/// What the sources show once the files have come to rest.
async fn settled(sources: &mut Sources) -> Observation {
    let mut observation = sources.observe(true).await;
    for _ in 1..MOST_READS {
        let Some(after) = observation.retry_after else { break };
        sleep(after).await;
        observation = sources.observe(true).await;
    }
    observation
}

/// Waits for the first word of the API server. Whatever else asks for a reload is answered by the start.
async fn object_event(sources: &mut Sources, events: &mut (impl Stream<Item = Event> + Unpin)) {
    while let Some(event) = events.next().await {
        if let Event::Object(event) = event {
            sources.hear(event).await;
            return;
        }
    }
}
