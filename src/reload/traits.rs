//! What the reloader needs of the rest of the program; the tests have their own.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::ActiveConfig;
use crate::source::file::{FileReader, FileSnapshot, FileWatcher, ReadError, ReadPermit, References};
use crate::source::kubernetes::{ObjectEvent, ObjectName, ObjectReader};

/// Reads a configuration with the files that it names. A reader remembers one series of reads.
pub(crate) trait SnapshotReader: Debug + Send + Sync + 'static {
    /// The configuration file.
    fn path(&self) -> &Path;

    /// Reads the file, unless the text is given, and what `references` finds in it, all from one moment. It may block.
    fn read(&self, text: Option<&[u8]>, references: &References<'_>) -> Result<FileSnapshot, ReadError>;

    /// Whether the file is mounted in a way that never shows an update.
    fn is_lone_mount(&self) -> bool;
}

/// Asks for the ConfigMap or Secret object.
pub(crate) trait Object: Debug + Send + Sync + 'static {
    /// Which one.
    fn name(&self) -> &ObjectName;

    /// The object as it is now. It waits for a bounded time.
    fn get(&self) -> BoxFuture<'_, ObjectEvent>;
}

/// Knows when a read may begin, and tells of changes of the files that it follows.
pub(crate) trait Watcher: Send + Sync + 'static {
    /// The permission to read.
    type Permit: Copy + Send;

    /// Waits until nobody is in the middle of writing one of the files in place. Cancel safe.
    fn writers_done(&self) -> impl Future<Output = Self::Permit> + Send;

    /// Whether nobody has begun to write since the permit; what was read is worth something only then.
    fn is_undisturbed(&self, permit: Self::Permit) -> impl Future<Output = bool> + Send;

    /// Whether a change was told since the permit: the read found it, whatever asked for the read.
    fn has_change_since(&self, permit: Self::Permit) -> bool;

    /// Follows these files, beside the configuration itself.
    fn follow(&self, files: &BTreeSet<PathBuf>);
}

/// Puts a configuration to work. What can fail fails in `prepare`, and then nothing has changed.
pub(crate) trait Publisher: Send + 'static {
    /// What is ready to be committed.
    type Prepared: Send;

    /// Gets everything ready for `next`.
    fn prepare(
        &mut self,
        next: &Arc<ActiveConfig>,
    ) -> impl Future<Output = Result<Self::Prepared, PrepareError>> + Send;

    /// Puts it to work.
    fn commit(
        &mut self,
        next: Arc<ActiveConfig>,
        prepared: Self::Prepared,
    ) -> impl Future<Output = ()> + Send;

    /// Somebody asked for a reload and has an answer, whatever came of it.
    fn asked(&mut self) -> impl Future<Output = ()> + Send;
}

/// A valid configuration can not be put to work; a sentence with the cure.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct PrepareError(pub String);

impl SnapshotReader for FileReader {
    fn path(&self) -> &Path {
        self.path()
    }

    fn read(&self, text: Option<&[u8]>, references: &References<'_>) -> Result<FileSnapshot, ReadError> {
        self.snapshot(text, references)
    }

    fn is_lone_mount(&self) -> bool {
        self.is_lone_mount()
    }
}

impl Object for ObjectReader {
    fn name(&self) -> &ObjectName {
        self.object()
    }

    fn get(&self) -> BoxFuture<'_, ObjectEvent> {
        self.get().boxed()
    }
}

impl Watcher for FileWatcher {
    type Permit = ReadPermit;

    async fn writers_done(&self) -> ReadPermit {
        self.writers_done().await
    }

    async fn is_undisturbed(&self, permit: ReadPermit) -> bool {
        self.is_undisturbed(permit).await
    }

    fn has_change_since(&self, permit: ReadPermit) -> bool {
        self.has_change_since(permit)
    }

    fn follow(&self, files: &BTreeSet<PathBuf>) {
        self.follow(files);
    }
}
