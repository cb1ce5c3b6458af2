//! A store of the last good configuration that a test holds.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;

use crate::source::{Store, StoreError};

/// A store in memory.
#[derive(Clone, Debug, Default)]
pub(super) struct Shelf {
    pub(super) kept: Arc<Mutex<Option<Vec<u8>>>>,
    pub(super) is_public: bool,
    pub(super) fails: Arc<Mutex<bool>>,
    pub(super) writes: Arc<AtomicUsize>,
    /// How many times the next uses of it panic.
    pub(super) panics: Arc<AtomicUsize>,
}

impl Shelf {
    pub(super) fn public() -> Self {
        Self { is_public: true, ..Self::default() }
    }

    /// What is kept.
    pub(super) fn text(&self) -> String {
        String::from_utf8(self.kept.lock().unwrap().clone().unwrap_or_default()).unwrap()
    }

    pub(super) fn writes(&self) -> usize {
        self.writes.load(Ordering::Relaxed)
    }

    fn check(&self) -> Result<(), StoreError> {
        let left = self.panics.load(Ordering::Relaxed);
        self.panics.store(left.saturating_sub(1), Ordering::Relaxed);
        assert_eq!(left, 0, "planted");
        if *self.fails.lock().unwrap() { Err(StoreError("the shelf is locked".to_owned())) } else { Ok(()) }
    }
}

impl Store for Shelf {
    fn name(&self) -> String {
        "shelf".to_owned()
    }

    fn is_public(&self) -> bool {
        self.is_public
    }

    fn read(&self) -> BoxFuture<'_, Result<Option<Vec<u8>>, StoreError>> {
        Box::pin(async { self.check().map(|()| self.kept.lock().unwrap().clone()) })
    }

    fn write(&self, bytes: Vec<u8>) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async {
            self.check()?;
            *self.kept.lock().unwrap() = Some(bytes);
            self.writes.fetch_add(1, Ordering::Relaxed);
            Ok(())
        })
    }
}
