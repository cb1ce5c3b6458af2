//! The two kinds of object that can hold the configuration.

use std::collections::BTreeMap;
use std::fmt;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::Resource;
use serde::de::DeserializeOwned;

/// An object that holds files under its keys, as the kubelet mounts them.
pub(super) trait Holder:
    Resource<DynamicType = (), Scope = NamespaceResourceScope>
    + Clone
    + fmt::Debug
    + DeserializeOwned
    + Send
    + 'static
{
    /// Its data.
    fn into_data(self) -> ObjectData;
}

/// The data of such an object, byte by byte as the kubelet writes it.
pub(super) struct ObjectData {
    pub(super) data: BTreeMap<String, Vec<u8>>,
    pub(super) immutable: bool,
}

impl Holder for ConfigMap {
    fn into_data(self) -> ObjectData {
        // The API server lets no key be in both.
        let binary = self.binary_data.unwrap_or_default().into_iter().map(|(key, bytes)| (key, bytes.0));
        let text = self.data.unwrap_or_default().into_iter().map(|(key, text)| (key, text.into_bytes()));
        ObjectData { data: binary.chain(text).collect(), immutable: self.immutable.unwrap_or(false) }
    }
}

impl Holder for Secret {
    fn into_data(self) -> ObjectData {
        // `stringData` is only ever written: the API server never shows it.
        let data = self.data.unwrap_or_default().into_iter().map(|(key, bytes)| (key, bytes.0));
        ObjectData { data: data.collect(), immutable: self.immutable.unwrap_or(false) }
    }
}
