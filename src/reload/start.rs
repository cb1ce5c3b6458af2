use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, StreamExt as _};
use tokio::time::{sleep, timeout};

use super::ActiveConfig;
use super::event::Event;
use super::look::Looked;
use super::ports::{Object, Reader};
use super::scene::{Newest, Scene};
use super::sources::Sources;

/// Files that are still in motion after this many looks are judged as they are.
pub(super) const MOST_LOOKS: usize = 50;

/// How long a start waits for the API server: the object is newer than the file.
const PATIENCE: Duration = Duration::from_secs(2);

/// Why the program can not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration can not be read or is not valid: the whole report.
    #[error("{0}")]
    Rejected(Arc<str>),
}

/// What the program starts with.
#[derive(Debug)]
pub struct First {
    /// What runs, if anything can.
    pub active: Option<Arc<ActiveConfig>>,
    /// Whether that is the newest known revision. Else the funnel says what is wrong with that one.
    pub is_newest: bool,
}

/// Reads the first configuration; it comes again by itself while the files are in motion.
///
/// A site that lacks something that it refers to, such as its key file, keeps no other from being collected: what runs
/// then is without it ([`Config::lacking`](crate::config::Config)), and the funnel says so and tries the whole again.
///
/// With the object as a source its first event is waited for, but not for long. If the newest revision can not run,
/// the newest that can does: a mounted file that lags, or the last good configuration. Where there is neither and the
/// object is a source, nothing runs until the object is mended: a process that ends and is started again would notice
/// that much later.
pub async fn first<R: Reader, O: Object>(
    sources: &mut Sources<R, O>,
    events: &mut (impl Stream<Item = Event> + Unpin),
) -> Result<First, StartError> {
    if sources.has_object() {
        // An outage ends the wait as well: it is an answer, if not the hoped for.
        let _ = timeout(PATIENCE, object_event(sources, events)).await;
    }
    let scene = settled(sources).await;
    let (why, reduced) = match scene.newest {
        Newest::Looked(Looked { result: Ok(active), .. }) => {
            return Ok(First { active: Some(Arc::from(active)), is_newest: true });
        }
        Newest::Looked(looked) => {
            let report = looked.result.err().map(|fault| fault.report);
            (report.unwrap_or_default(), looked.reduced)
        }
        Newest::Held(why) | Newest::Nothing(why) => (why, None),
    };
    let file = scene.lagging.and_then(|lagging| lagging.looked);
    if let Some(active) = sources.fall_back(file, reduced).await {
        tracing::warn!(
            config = active.origin,
            "The newest configuration can not run as a whole; this one does"
        );
        return Ok(First { active: Some(Arc::from(active)), is_newest: false });
    }
    if !sources.has_object() {
        return Err(StartError::Rejected(why));
    }
    let error = why.lines().collect::<Vec<_>>().join("; ");
    tracing::warn!(
        error,
        "There is no configuration that can run; the exporter is not ready until there is one"
    );
    Ok(First { active: None, is_newest: false })
}

/// What the sources show once the files are at rest.
async fn settled<R: Reader, O: Object>(sources: &mut Sources<R, O>) -> Scene {
    let mut scene = sources.see().await;
    for _ in 1..MOST_LOOKS {
        let Some(after) = scene.again else { break };
        sleep(after).await;
        scene = sources.see().await;
    }
    scene
}

/// Waits for the first word of the API server. Whatever else asks for a reload is answered by the start.
async fn object_event<R: Reader, O: Object>(
    sources: &mut Sources<R, O>,
    events: &mut (impl Stream<Item = Event> + Unpin),
) {
    while let Some(event) = events.next().await {
        if let Event::Object(event) = event {
            sources.hear(event).await;
            return;
        }
    }
}
