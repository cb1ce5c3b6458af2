//! Where a few bytes survive the process.

use std::fmt::Debug;

use futures_util::future::BoxFuture;

/// Keeps one thing where the next process finds it.
pub(crate) trait Store: Debug + Send + Sync + 'static {
    /// Where that is: `file PATH` or `configmap NAMESPACE/NAME`.
    fn name(&self) -> String;

    /// Whether others may read it. No secret goes there, and nothing that could come from a Secret.
    fn is_public(&self) -> bool;

    /// What is kept; `None` when nothing is.
    fn read(&self) -> BoxFuture<'_, Result<Option<Vec<u8>>, StoreError>>;

    /// Keeps this in the place of what was kept.
    fn write(&self, bytes: Vec<u8>) -> BoxFuture<'_, Result<(), StoreError>>;
}

/// Why a store can not be read or written; a sentence with the cure.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct StoreError(pub String);
