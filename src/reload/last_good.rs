//! The last good configuration, kept where it survives the process: what a start runs on when the newest can not run.

mod keeper;
mod record;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::ActiveConfig;
use super::look::{Looked, Looker, Text};
use super::ports::Reader;
use crate::source::Store;
use keeper::Keeper;
pub(super) use record::{Candidate, Record, candidates};

/// What it names is looked at so often while files are in motion.
const MOST_LOOKS: usize = 10;
const BETWEEN_LOOKS: Duration = Duration::from_millis(250);

/// The stores, with the reader of what a kept configuration names.
#[derive(Debug)]
pub(super) struct LastGood<R> {
    stores: Vec<Arc<dyn Store>>,
    looker: Looker<R>,
    keeper: Keeper,
    /// What was said already of what can not be used.
    told: BTreeSet<String>,
}

impl<R: Reader> LastGood<R> {
    pub(super) fn new(stores: Vec<Arc<dyn Store>>, reader: R) -> Self {
        let keeper = Keeper::start(&stores);
        Self { stores, looker: Looker::new(reader), keeper, told: BTreeSet::new() }
    }

    /// Keeps a configuration that runs.
    pub(super) fn keep(&mut self, record: Record) {
        self.keeper.keep(record);
    }

    /// The newest configuration that can run, of what was kept and a valid file that is older than the object.
    pub(super) async fn fall_back(&mut self, mut file: Option<Looked>) -> Option<Box<ActiveConfig>> {
        let records = self.read().await;
        let text = file.as_ref().and_then(|looked| looked.text);
        for candidate in candidates(text, records.iter().map(|(_, record)| record)) {
            let active = match candidate {
                Candidate::File => file.take().and_then(|looked| looked.result.ok()),
                Candidate::Kept(record) => self.revive(record, &records).await,
            };
            if active.is_some() {
                return active;
            }
        }
        None
    }

    async fn read(&mut self) -> Vec<(String, Record)> {
        let mut records = Vec::new();
        for store in self.stores.clone() {
            let problem = match store.read().await {
                Ok(None) => continue,
                Ok(Some(bytes)) => match Record::parse(&bytes) {
                    Ok(record) => {
                        records.push((store.name(), record));
                        continue;
                    }
                    Err(spoiled) => spoiled.to_string(),
                },
                Err(error) => error.to_string(),
            };
            self.tell(&store.name(), &problem);
        }
        records
    }

    /// Reads what it names anew and checks it anew.
    async fn revive(&mut self, record: &Record, records: &[(String, Record)]) -> Option<Box<ActiveConfig>> {
        let (store, _) = records.iter().find(|(_, kept)| kept == record)?;
        let text = Text {
            bytes: record.text.clone()?,
            origin: format!("last good of {}, kept in {store}", record.from),
            label: format!("last good, kept in {store}").into(),
        };
        for _ in 0..MOST_LOOKS {
            let looked = self.looker.look(Some(text.clone())).await;
            match looked.result {
                Ok(mut active) => {
                    active.resource_version.clone_from(&record.revision);
                    return Some(active);
                }
                Err(_) if looked.come_again.is_some() => sleep(BETWEEN_LOOKS).await,
                Err(fault) => {
                    self.tell(store, &fault.report);
                    let mut reduced = looked.reduced?;
                    reduced.resource_version.clone_from(&record.revision);
                    return Some(reduced);
                }
            }
        }
        None
    }

    fn tell(&mut self, store: &str, problem: &str) {
        if self.told.insert(format!("{store}: {problem}")) {
            let error = problem.lines().collect::<Vec<_>>().join("; ");
            tracing::warn!(store, error, "The last good configuration can not be used as it is");
        }
    }
}
