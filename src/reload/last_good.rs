//! The last good configuration, kept where it survives the process: what a start runs on when the newest can not run.

mod keeper;
mod record;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::ActiveConfig;
use super::candidate::{CandidateReader, GivenText};
use super::verdict::one_line;
use crate::source::Store;
use keeper::Keeper;
pub(super) use record::Record;
use record::{Fallback, fallbacks};

/// How often what it names is read while the files are changing.
const MOST_READS: usize = 10;
const BETWEEN_READS: Duration = Duration::from_millis(250);

/// The stores of the last good configuration.
#[derive(Debug)]
pub(super) struct LastGood {
    stores: Vec<Arc<dyn Store>>,
    keeper: Keeper,
    /// What was logged already of what can not be used.
    logged: BTreeSet<String>,
}

impl LastGood {
    pub(super) fn new(stores: Vec<Arc<dyn Store>>) -> Self {
        Self { keeper: Keeper::start(&stores), stores, logged: BTreeSet::new() }
    }

    /// Keeps a configuration that runs.
    pub(super) fn keep(&mut self, record: Record) {
        self.keeper.keep(record);
    }

    /// The newest configuration that can run, of what was kept and a valid file that is older than the object.
    pub(super) async fn fall_back(
        &mut self,
        mut file: Option<Box<ActiveConfig>>,
        reader: &mut CandidateReader,
    ) -> Option<Box<ActiveConfig>> {
        let records = self.read().await;
        let text_digest = file.as_ref().map(|file| file.text_digest);
        for fallback in fallbacks(text_digest, &records) {
            let active = match fallback {
                Fallback::File => file.take(),
                Fallback::Kept(store, record) => self.revive(store, record, reader).await,
            };
            if active.is_some() {
                return active;
            }
        }
        None
    }

    /// What can be used of what is kept, each with the name of its store.
    async fn read(&mut self) -> Vec<(String, Record)> {
        let mut records = Vec::new();
        for store in self.stores.clone() {
            let kept = match store.read().await {
                Ok(None) => continue,
                Ok(Some(bytes)) => Record::parse(&bytes).map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            };
            match kept {
                Ok(record) => records.push((store.name(), record)),
                Err(error) => self.log(&store.name(), &error),
            }
        }
        records
    }

    /// Reads what it names anew and checks it anew.
    async fn revive(
        &mut self,
        store: &str,
        record: &Record,
        reader: &mut CandidateReader,
    ) -> Option<Box<ActiveConfig>> {
        let text = GivenText {
            bytes: record.text.clone()?,
            origin: format!("last good of {}, kept in {store}", record.from),
            label: format!("last good, kept in {store}").into(),
            resource_version: record.revision.clone(),
        };
        for _ in 0..MOST_READS {
            let candidate = reader.read(Some(text.clone()), true).await;
            match candidate.result {
                Ok(active) => return Some(active),
                Err(_) if candidate.retry_after.is_some() => sleep(BETWEEN_READS).await,
                Err(rejection) => {
                    self.log(store, &rejection.report);
                    return candidate.partial;
                }
            }
        }
        None
    }

    fn log(&mut self, store: &str, error: &str) {
        if self.logged.insert(format!("{store}: {error}")) {
            let error = one_line(error);
            tracing::warn!(store, error, "The last good configuration can not be used as it is");
        }
    }
}
