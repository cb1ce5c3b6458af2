//! The object as somebody is about to write it.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ConfigMap, Secret};

use super::holder::Holder;
use super::{ObjectKind, ObjectName, Revision, Unusable};

/// The object as somebody is about to write it, or as it was before. It may hold keys, so it has no `Debug`.
pub(crate) struct WrittenObject {
    /// The bytes of the key that holds the configuration.
    pub text: Result<Vec<u8>, Unusable>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
}

impl WrittenObject {
    /// Reads the JSON of the object; `None` if it is none of its kind.
    pub(crate) fn read(name: &ObjectName, json: &str) -> Option<Self> {
        match name.kind {
            ObjectKind::ConfigMap => {
                serde_json::from_str::<ConfigMap>(json).ok().map(|it| Self::new(it, &name.key))
            }
            ObjectKind::Secret => {
                serde_json::from_str::<Secret>(json).ok().map(|it| Self::new(it, &name.key))
            }
        }
    }

    fn new(mut object: impl Holder, key: &str) -> Self {
        let annotations = object.meta_mut().annotations.take().unwrap_or_default();
        Self { text: Revision::new(object, key).text, annotations }
    }
}
