use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::ports::{Event, Object, Reader, Triggers};
use super::scene::Newest;
use super::sources::Sources;
use super::{ActiveConfig, Trigger};

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

/// Reads the first configuration; it comes again by itself while the files are in motion.
///
/// A site that lacks something that it refers to, such as its key file, keeps no other from being collected: what runs
/// then is without it ([`Config::lacking`](crate::config::Config)), and the funnel says so and tries the whole again.
///
/// With the object as a source its first sighting is waited for, but not for long. If the newest revision can not run
/// and the mounted one can, that runs: the funnel then says what is wrong with the newer one. Without a file and
/// without an object there is nothing to refuse: [`ActiveConfig::is_none`] runs until there is.
pub async fn first<R: Reader, O: Object>(
    sources: &mut Sources<R, O>,
    triggers: &mut impl Triggers,
) -> Result<Arc<ActiveConfig>, StartError> {
    if sources.has_object() {
        // An outage ends the wait as well: it is an answer, if not the hoped for.
        let _ = timeout(PATIENCE, sighting(sources, triggers)).await;
    }
    for look in 1.. {
        let scene = sources.see().await;
        if let Some(after) = scene.again
            && look < MOST_LOOKS
        {
            sleep(after).await;
            continue;
        }
        let fallback = scene.lagging.and_then(|lagging| lagging.looked?.result.ok());
        return match (scene.newest, fallback) {
            (Newest::Looked(looked), fallback) => match (looked.result, fallback.or(looked.reduced)) {
                (Ok(active), _) | (Err(_), Some(active)) => Ok(Arc::from(active)),
                (Err(fault), None) => Err(StartError::Rejected(fault.report)),
            },
            (Newest::Held(_) | Newest::Nothing(_), Some(active)) => Ok(Arc::from(active)),
            (Newest::Held(why), None) => Err(StartError::Rejected(why)),
            (Newest::Nothing(why), None) => {
                tracing::warn!(
                    why = &*why,
                    "There is no configuration yet; the exporter is not ready until there is one"
                );
                let none = ActiveConfig::none();
                none.map(Arc::new).ok_or_else(|| StartError::Rejected("the defaults are not valid".into()))
            }
        };
    }
    Err(StartError::Rejected("the files never came to rest".into()))
}

/// Waits for the first word of the API server. Whatever else asks for a look is answered by the first one.
async fn sighting<R: Reader, O: Object>(sources: &mut Sources<R, O>, triggers: &mut impl Triggers) {
    while let Some(event) = triggers.next().await {
        match event {
            Event::Object(sighting) => {
                sources.hear(sighting).await;
                return;
            }
            Event::Look(
                Trigger::Poll | Trigger::File | Trigger::Kubernetes | Trigger::Signal | Trigger::Http,
            )
            | Event::Request(_) => {}
        }
    }
}
