//! A store of the last good configuration: one file.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::read::read;
use crate::source::{Store, StoreError};

/// A configuration of the largest size, with what is said of it.
const LARGEST: u64 = 2 << 20;

/// One file that only its owner may read, written as a whole or not at all.
#[derive(Clone, Debug)]
pub(crate) struct KeptFile(PathBuf);

impl KeptFile {
    /// The file at `path`; its directory must be there.
    pub(crate) fn new(path: &Path) -> Self {
        // `absolute` fails only for an empty path or without a current directory; the error then names the path.
        Self(std::path::absolute(path).unwrap_or_else(|_| path.to_owned()))
    }

    /// Does something that blocks as long as the file system does.
    fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Path) -> Result<T, StoreError> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, StoreError>> {
        let path = self.0.clone();
        let task = tokio::task::spawn_blocking(move || work(&path));
        task.map(|done| done.unwrap_or_else(|error| Err(StoreError(error.to_string())))).boxed()
    }
}

impl Store for KeptFile {
    fn name(&self) -> String {
        format!("file {}", self.0.display())
    }

    fn is_public(&self) -> bool {
        false
    }

    fn read(&self) -> BoxFuture<'_, Result<Option<Vec<u8>>, StoreError>> {
        self.blocking(|path| match path.symlink_metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            _ => match read(path, LARGEST) {
                Ok((bytes, _)) => Ok(Some(bytes)),
                Err(problem) => Err(StoreError(problem.to_string())),
            },
        })
    }

    fn write(&self, bytes: Vec<u8>) -> BoxFuture<'_, Result<(), StoreError>> {
        self.blocking(move |path| write(path, &bytes).map_err(|error| StoreError(error.to_string())))
    }
}

/// A new file beside the old one, on disk before it takes the name.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("/"));
    // Mode 0600.
    let mut next = tempfile::Builder::new().prefix(".last-good-").tempfile_in(directory)?;
    next.write_all(bytes)?;
    next.as_file().sync_all()?;
    next.persist(path)?;
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[tokio::test]
    async fn what_was_written_is_read_back_and_only_its_owner_may_read_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("last-good.yaml");
        let store = KeptFile::new(&path);
        assert_eq!(store.read().await, Ok(None));
        for text in ["one", "another"] {
            store.write(text.into()).await.unwrap();
            assert_eq!(store.read().await, Ok(Some(text.into())));
        }
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(directory.path().read_dir().unwrap().count(), 1, "nothing else is left");
    }

    #[tokio::test]
    async fn a_write_that_fails_leaves_what_was_kept() {
        let directory = tempfile::tempdir().unwrap();
        let missing = KeptFile::new(&directory.path().join("missing/last-good.yaml"));
        let problem = missing.write("x".into()).await.unwrap_err();
        assert!(problem.to_string().contains("No such file or directory"), "{problem}");
        let taken = KeptFile::new(directory.path());
        assert!(taken.read().await.unwrap_err().to_string().contains("directory"));
    }
}
