use std::sync::Arc;

use k8s_openapi::api::core::v1::ConfigMap;

use super::Problem;

/// What the API server said of the object.
#[derive(Clone, Debug)]
pub enum Sighting {
    /// The object is there.
    Present(Arc<Revision>),
    /// There is no such object.
    Missing,
    /// The API server does not answer, or not to us.
    Unavailable(Problem),
}

/// One revision of the object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
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
pub enum Unusable {
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

impl Revision {
    /// Takes the configuration out of an object: from `data`, or from `binaryData`, which shares its keys.
    pub(super) fn new(object: ConfigMap, key: &str) -> Self {
        let mut data = object.data.unwrap_or_default();
        let mut binary = object.binary_data.unwrap_or_default();
        let found =
            data.remove(key).map(String::into_bytes).or_else(|| binary.remove(key).map(|bytes| bytes.0));
        let text = match found {
            Some(bytes) if bytes.iter().all(u8::is_ascii_whitespace) => Err(Unusable::Empty(key.to_owned())),
            Some(bytes) => Ok(bytes),
            None => {
                let mut keys: Vec<_> = data.into_keys().chain(binary.into_keys()).collect();
                keys.sort();
                let keys = if keys.is_empty() { "none".to_owned() } else { keys.join(", ") };
                Err(Unusable::NoKey { key: key.to_owned(), keys })
            }
        };
        Self {
            uid: object.metadata.uid.unwrap_or_default(),
            resource_version: object.metadata.resource_version.unwrap_or_default(),
            text,
            immutable: object.immutable.unwrap_or(false),
        }
    }
}
