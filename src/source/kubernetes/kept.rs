//! A ConfigMap as the place where the last good configuration is kept.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use super::api_error::found;
use super::{Access, ApiError, ObjectName};
use crate::source::{Store, StoreError};

/// How long one request may take: a start may wait for it.
const ANSWER: Duration = Duration::from_secs(5);

/// One key of a ConfigMap that is there already: `get` and `patch` on this one name are all that it needs.
#[derive(Clone, Debug)]
pub(crate) struct KeptObject {
    object: ObjectName,
    access: Access,
}

impl KeptObject {
    /// A name without a namespace means that of the credentials.
    pub(crate) fn new(mut object: ObjectName, access: Access) -> Self {
        object.namespace.get_or_insert_with(|| access.namespace().to_owned());
        Self { object, access }
    }

    fn api(&self) -> Api<ConfigMap> {
        Api::namespaced(self.access.client(), self.object.namespace.as_deref().unwrap_or_default())
    }

    async fn request<T>(
        &self,
        verb: &'static str,
        request: impl Future<Output = kube::Result<Option<T>>>,
    ) -> Result<T, StoreError> {
        match self.access.request(ANSWER, verb, request).await {
            Ok(answer) => answer.ok_or_else(|| self.missing()),
            Err(error) => Err(self.explain(&error)),
        }
    }

    fn explain(&self, error: &ApiError) -> StoreError {
        let ObjectName { name, namespace, .. } = &self.object;
        StoreError(match error {
            ApiError::Forbidden { verb } => format!(
                "the API server forbids to {verb} it (403): give the service account a Role in namespace {} with \
                 apiGroups [\"\"], resources [configmaps], resourceNames [{name}], verbs [get, update, patch]",
                namespace.as_deref().unwrap_or_default()
            ),
            error => error.sentence(&self.object),
        })
    }
}

impl Store for KeptObject {
    fn name(&self) -> String {
        self.object.to_string()
    }

    fn is_public(&self) -> bool {
        true
    }

    fn read(&self) -> BoxFuture<'_, Result<Option<Vec<u8>>, StoreError>> {
        async {
            let api = self.api();
            let object = self.request("get", async { found(api.get(&self.object.name).await) }).await?;
            let mut data = object.data.unwrap_or_default();
            Ok(data.remove(&self.object.key).map(String::into_bytes))
        }
        .boxed()
    }

    fn write(&self, bytes: Vec<u8>) -> BoxFuture<'_, Result<(), StoreError>> {
        async {
            let text = String::from_utf8(bytes).map_err(|_| StoreError("it is no text".to_owned()))?;
            let data = BTreeMap::from([(&self.object.key, text)]);
            let patch = Patch::Merge(json!({ "data": data }));
            let (api, parameters) = (self.api(), PatchParams::default());
            let request = async { found(api.patch(&self.object.name, &parameters, &patch).await) };
            self.request("patch", request).await.map(drop)
        }
        .boxed()
    }
}

impl KeptObject {
    fn missing(&self) -> StoreError {
        StoreError(format!(
            "there is no such ConfigMap: create it without data (the chart does), or correct \
             --config.last-good-kubernetes {}",
            self.object.name
        ))
    }
}
