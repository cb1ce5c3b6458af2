//! Writes the last good configuration into its stores, in tasks of its own.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;

use super::record::Record;
use crate::config;
use crate::source::{Store, StoreError};

/// The first pause after a failure, doubled each time.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// Writes each new record into every store, in tasks of its own: a slow store holds nobody up.
#[derive(Debug)]
pub(super) struct Keeper {
    newest: watch::Sender<Option<Arc<Record>>>,
    tasks: Vec<(Arc<dyn Store>, AbortOnDropHandle<()>)>,
}

impl Keeper {
    pub(super) fn start(stores: &[Arc<dyn Store>]) -> Self {
        let newest = watch::Sender::new(None);
        let tasks = stores.iter().map(|store| (store.clone(), spawn(store, &newest))).collect();
        Self { newest, tasks }
    }

    /// Keeps this one, unless it is kept already.
    pub(super) fn keep(&mut self, record: Record) {
        for (store, task) in self.tasks.iter_mut().filter(|(_, task)| task.is_finished()) {
            // The panic was logged and counted where it happened.
            tracing::error!(
                store = store.name(),
                "What keeps the last good configuration ended; it is started anew"
            );
            *task = spawn(store, &self.newest);
        }
        self.newest.send_if_modified(|newest| {
            let is_news = newest.as_ref().is_none_or(|known| !known.is_like(&record));
            if is_news {
                *newest = Some(Arc::new(record));
            }
            is_news
        });
    }
}

fn spawn(store: &Arc<dyn Store>, newest: &watch::Sender<Option<Arc<Record>>>) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(keep(store.clone(), newest.subscribe())))
}

/// Writes what is news, and tries again until it is written or there is something newer.
async fn keep(store: Arc<dyn Store>, mut news: watch::Receiver<Option<Arc<Record>>>) {
    let (mut trouble, mut pause) = (None, FIRST_PAUSE);
    loop {
        let newest = news.borrow_and_update().clone();
        let outcome = match newest {
            Some(record) => save(&*store, &record).await,
            None => Ok(()),
        };
        if let Err(error) = outcome {
            if trouble.as_ref() != Some(&error) {
                let (store, error) = (store.name(), error.to_string());
                tracing::warn!(
                    store,
                    error,
                    "The last good configuration can not be kept; it is tried again"
                );
            }
            trouble = Some(error);
            tokio::select! {
                changed = news.changed() => if changed.is_err() { return },
                () = sleep(pause) => {}
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        } else {
            if trouble.take().is_some() {
                tracing::info!(store = store.name(), "The last good configuration is kept again");
            }
            pause = FIRST_PAUSE;
            if news.changed().await.is_err() {
                return;
            }
        }
    }
}

async fn save(store: &dyn Store, record: &Record) -> Result<(), StoreError> {
    if store.is_public() && record.revision.is_none() {
        // By a file alone, which may come from a Secret; when the object says the same, it is kept.
        return Ok(());
    }
    let withheld = record.text.as_ref().is_some_and(|text| store.is_public() && config::holds_secrets(text));
    let record = if withheld { &record.withheld() } else { record };
    // What is spoiled is written anew.
    let kept = store.read().await?.and_then(|bytes| Record::parse(&bytes).ok());
    if kept.is_some_and(|kept| kept.is_like(record)) {
        return Ok(());
    }
    store.write(record.to_bytes()).await?;
    let (store, hash) = (store.name(), record.digest.short());
    if withheld {
        tracing::warn!(
            store,
            hash,
            "The configuration holds keys itself, so it is not kept there, nor an older one: name files (apiKeyFile) \
             or variables (${{NAME}}) in the place of the keys"
        );
    } else {
        tracing::info!(store, hash, "The configuration is kept as the last good one");
    }
    Ok(())
}
