//! The ConfigMap object, as the watch and a GET bring it.

use std::future::ready;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::reload::Object;
use crate::source::kubernetes::{ApiError, ObjectEvent, ObjectName, Revision, Unusable};

pub(super) fn revision(version: &str, text: &str) -> ObjectEvent {
    of_uid("u1", version, text)
}

pub(super) fn of_uid(uid: &str, version: &str, text: &str) -> ObjectEvent {
    present(uid, version, Ok(text.as_bytes().to_vec()))
}

pub(super) fn bytes(version: &str, bytes: Vec<u8>) -> ObjectEvent {
    present("u1", version, Ok(bytes))
}

pub(super) fn unusable(version: &str, unusable: Unusable) -> ObjectEvent {
    present("u1", version, Err(unusable))
}

pub(super) fn gone() -> ObjectEvent {
    ObjectEvent::Unavailable(ApiError::Timeout(Duration::from_secs(10)))
}

fn present(uid: &str, version: &str, text: Result<Vec<u8>, Unusable>) -> ObjectEvent {
    let (uid, resource_version) = (uid.to_owned(), version.to_owned());
    ObjectEvent::Present(Arc::new(Revision { uid, resource_version, text, immutable: false }))
}

pub(super) fn immutable(version: &str, text: &str) -> ObjectEvent {
    let (uid, resource_version) = ("u2".to_owned(), version.to_owned());
    let text = Ok(text.as_bytes().to_vec());
    ObjectEvent::Present(Arc::new(Revision { uid, resource_version, text, immutable: true }))
}

/// The object as a GET gives it.
#[derive(Clone, Debug)]
pub(super) struct FakeObject {
    name: ObjectName,
    answer: Arc<Mutex<ObjectEvent>>,
    gets: Arc<AtomicUsize>,
}

impl FakeObject {
    /// An object of which the API server says this.
    pub(super) fn new(answer: ObjectEvent) -> Self {
        let (name, answer) = ("ns/cfg".parse().unwrap(), Arc::new(Mutex::new(answer)));
        Self { name, answer, gets: Arc::default() }
    }

    /// A GET is answered by this from now on.
    pub(super) fn answer(&self, event: ObjectEvent) {
        *self.answer.lock().unwrap() = event;
    }

    /// How often it was asked for.
    pub(super) fn gets(&self) -> usize {
        self.gets.load(Ordering::Relaxed)
    }
}

impl Object for FakeObject {
    fn name(&self) -> &ObjectName {
        &self.name
    }

    fn get(&self) -> BoxFuture<'_, ObjectEvent> {
        self.gets.fetch_add(1, Ordering::Relaxed);
        Box::pin(ready(self.answer.lock().unwrap().clone()))
    }
}
