use std::collections::BTreeSet;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::ActiveConfig;
use crate::config::Environment;
use crate::source::file::{FileReader, FileSnapshot, FileWatcher, ReadError, ReadPermit};
use crate::source::kubernetes::{ObjectEvent, ObjectName, ObjectReader};

/// Reads a configuration with the files that it names.
pub trait Reader: Clone + Send + 'static {
    /// The configuration file.
    fn path(&self) -> &Path;

    /// Reads the text and what `references` finds in it, all from one moment. It may block.
    fn look(&self, references: &References<'_>) -> Result<FileSnapshot, ReadError>;

    /// Reads what `references` finds in a text that came from elsewhere. It may block.
    fn look_with(&self, text: &[u8], references: &References<'_>) -> Result<FileSnapshot, ReadError>;

    /// Whether the file is mounted in a way that never shows an update.
    fn is_lone_mount(&self) -> bool;
}

/// Asks for the ConfigMap or Secret object.
pub trait Object: Send + 'static {
    /// Which one.
    fn name(&self) -> &ObjectName;

    /// The object as it is now. It waits for a bounded time.
    fn get(&self) -> impl Future<Output = ObjectEvent> + Send;
}

impl Object for ObjectReader {
    fn name(&self) -> &ObjectName {
        self.object()
    }

    async fn get(&self) -> ObjectEvent {
        ObjectReader::get(self).await
    }
}

/// Finds the files that a text names.
pub type References<'a> = dyn Fn(&[u8], &Environment) -> BTreeSet<PathBuf> + 'a;

/// Knows when a look may begin, and which files it is to be told of.
pub trait Watch: Send + Sync + 'static {
    /// The permission to look.
    type Clearance: Copy + Send;

    /// Waits until nobody is in the middle of writing one of the files in place. Cancel safe.
    fn ready(&self) -> impl Future<Output = Self::Clearance> + Send;

    /// Whether nobody began to write since the clearance; what was read is worth something only then.
    fn is_undisturbed(&self, clearance: Self::Clearance) -> impl Future<Output = bool> + Send;

    /// Whether a change was told since the clearance: it is what the look found, whatever asked for the look.
    fn has_heard(&self, clearance: Self::Clearance) -> bool;

    /// Says which files a change is to be told of, beside the configuration itself.
    fn cover(&self, files: &BTreeSet<PathBuf>);
}

impl Reader for FileReader {
    fn path(&self) -> &Path {
        FileReader::path(self)
    }

    fn look(&self, references: &References<'_>) -> Result<FileSnapshot, ReadError> {
        FileReader::snapshot(self, references)
    }

    fn look_with(&self, text: &[u8], references: &References<'_>) -> Result<FileSnapshot, ReadError> {
        FileReader::snapshot_with(self, text, references)
    }

    fn is_lone_mount(&self) -> bool {
        FileReader::is_lone_mount(self)
    }
}

impl Watch for FileWatcher {
    type Clearance = ReadPermit;

    async fn ready(&self) -> ReadPermit {
        self.writers_done().await
    }

    async fn is_undisturbed(&self, clearance: ReadPermit) -> bool {
        FileWatcher::is_undisturbed(self, clearance).await
    }

    fn has_heard(&self, clearance: ReadPermit) -> bool {
        FileWatcher::has_change_since(self, clearance)
    }

    fn cover(&self, files: &BTreeSet<PathBuf>) {
        FileWatcher::follow(self, files);
    }
}

/// What a configuration is put to work by. What can fail fails in `prepare`, and then nothing has changed.
pub trait Publisher: Send + 'static {
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
}

/// A valid configuration can not be put to work; a sentence with the cure.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PrepareError(pub String);
