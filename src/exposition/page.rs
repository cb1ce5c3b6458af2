use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::OnceCell;
use tracing::error;

use super::gzip::Compressed;
use crate::metric::Desc;
use crate::snapshot::{Fragment, Snapshot, Snapshots};

/// The samples of all sites, in the order of the families' names, each family in one group as the format wants.
#[derive(Debug)]
pub struct Page {
    version: u64,
    chunks: Arc<[Bytes]>,
    compressed: OnceCell<Option<Compressed>>,
}

impl Page {
    /// The page of one version of the store.
    pub fn of_store(snapshots: &Snapshots) -> Self {
        Self { version: snapshots.version, ..Self::assemble(snapshots.sites.values().map(Arc::as_ref)) }
    }

    /// Puts the fragments of `snapshots` together, whose sites are all different.
    pub fn assemble<'a>(snapshots: impl IntoIterator<Item = &'a Snapshot>) -> Self {
        let mut families = BTreeMap::<&str, Vec<&Fragment>>::new();
        for fragment in snapshots.into_iter().flat_map(|snapshot| &snapshot.fragments) {
            if !fragment.text.is_empty() {
                families.entry(fragment.desc.name).or_default().push(fragment);
            }
        }
        let mut chunks = Vec::new();
        for fragments in families.into_values() {
            chunks.extend(fragments.first().map(|first| Bytes::from(head(first.desc))));
            chunks.extend(fragments.into_iter().map(|fragment| fragment.text.clone()));
        }
        Self { version: 0, chunks: chunks.into(), compressed: OnceCell::new() }
    }

    /// The version of the store that it shows.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The text, in pieces.
    pub fn chunks(&self) -> Arc<[Bytes]> {
        self.chunks.clone()
    }

    /// The compressed form, made by who asks first while the others wait; `None` if that failed.
    pub(super) async fn compressed(&self) -> Option<&Compressed> {
        self.compressed.get_or_init(|| compress(self.chunks())).await.as_ref()
    }
}

async fn compress(chunks: Arc<[Bytes]>) -> Option<Compressed> {
    match tokio::task::spawn_blocking(move || Compressed::new(&chunks)).await {
        Ok(Ok(compressed)) => Some(compressed),
        Ok(Err(problem)) => {
            error!(%problem, "the page can not be compressed; it is served as it is");
            None
        }
        Err(_) => {
            error!("compressing the page stopped; it is served as it is");
            None
        }
    }
}

/// The two lines in front of a family's samples; a help text escapes backslash and line feed.
fn head(desc: &Desc) -> String {
    let help = desc.help.replace('\\', "\\\\").replace('\n', "\\n");
    let mut head = String::new();
    // Writing to a `String` can not fail.
    let _ = write!(head, "# HELP {0} {help}\n# TYPE {0} {1}\n", desc.name, desc.kind.as_str());
    head
}
