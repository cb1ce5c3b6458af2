//! What the API server says of the object, and one revision of it.

use std::fmt;
use std::sync::Arc;

use super::ApiError;
use super::holder::{Holder, ObjectData};

/// What the API server said of the object.
#[derive(Clone, Debug)]
pub(crate) enum ObjectEvent {
    /// The object is there.
    Present(Arc<Revision>),
    /// There is no such object.
    Missing,
    /// The API server does not answer, or not to us.
    Unavailable(ApiError),
}

/// One revision of the object.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Revision {
    /// Another object of the same name has another one.
    pub uid: String,
    /// An opaque string.
    pub resource_version: String,
    /// The bytes of the key, exactly as the kubelet writes them.
    pub text: Result<Vec<u8>, Unusable>,
    /// Whether its data can never change; the kubelet then does not follow a new object of that name.
    pub immutable: bool,
}

/// Why an object holds no configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unusable {
    /// The key is not there.
    #[error("it has no key {key:?}; its keys are: {keys}")]
    NoKey {
        /// The key that is read.
        key: String,
        /// What is there.
        keys: String,
    },
    /// The key is there and empty.
    #[error("its key {0:?} is empty")]
    Empty(String),
}

impl fmt::Debug for Revision {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The text may hold keys, and the whole of a Secret is one.
        write!(formatter, "Revision({} of {})", self.resource_version, self.uid)
    }
}

impl Revision {
    /// Takes the configuration out of an object.
    pub(super) fn new(mut object: impl Holder, key: &str) -> Self {
        let metadata = std::mem::take(object.meta_mut());
        let ObjectData { mut data, immutable } = object.into_data();
        let text = match data.remove(key) {
            Some(bytes) if bytes.iter().all(u8::is_ascii_whitespace) => Err(Unusable::Empty(key.to_owned())),
            Some(bytes) => Ok(bytes),
            None => {
                let keys: Vec<_> = data.into_keys().collect();
                let keys = if keys.is_empty() { "none".to_owned() } else { keys.join(", ") };
                Err(Unusable::NoKey { key: key.to_owned(), keys })
            }
        };
        Self {
            uid: metadata.uid.unwrap_or_default(),
            resource_version: metadata.resource_version.unwrap_or_default(),
            text,
            immutable,
        }
    }
}
