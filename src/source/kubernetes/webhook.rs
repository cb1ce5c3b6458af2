//! The Secret with the webhook's certificate, and the configuration of the webhook that names its authorities.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use k8s_openapi::ByteString;
use k8s_openapi::api::admissionregistration::v1::ValidatingWebhookConfiguration;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Patch, PatchParams};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Access, ApiError, ObjectName};
use crate::source::StoreError;

/// How long one request may take.
const ANSWER: Duration = Duration::from_secs(10);

/// Both objects, which are there already: `get` and `patch` on the one name of each are all that it needs.
#[derive(Clone, Debug)]
pub(crate) struct WebhookObjects {
    access: Access,
    secret: ObjectName,
    configuration: String,
}

/// What was read, and of which version of its object. It may hold a key, so it has no `Debug`.
pub(crate) struct Versioned<T> {
    /// What was read.
    pub value: T,
    /// The `resourceVersion`.
    pub version: String,
}

/// What the API server trusts.
pub(crate) struct TrustedBundle {
    /// The authorities, as PEM.
    pub pem: Vec<u8>,
    /// The webhooks of the configuration, by name.
    webhooks: Vec<String>,
}

impl WebhookObjects {
    /// A Secret without a namespace is in that of the credentials.
    pub(crate) fn new(access: Access, mut secret: ObjectName, configuration: String) -> Self {
        secret.namespace.get_or_insert_with(|| access.namespace().to_owned());
        Self { access, secret, configuration }
    }

    /// What the Secret holds.
    pub(crate) async fn secret(&self) -> Result<Versioned<BTreeMap<String, Vec<u8>>>, StoreError> {
        let mut secret =
            self.request("get", &self.secret_rule(), self.secrets().get(&self.secret.name)).await?;
        let version = version(&mut secret);
        let data = secret.data.unwrap_or_default().into_iter().map(|(key, bytes)| (key, bytes.0));
        Ok(Versioned { value: data.collect(), version })
    }

    /// Writes these keys of the Secret, or removes them. Where somebody else has written since it was read nothing changes.
    pub(crate) async fn write_secret(
        &self,
        keys: BTreeMap<&str, Option<&[u8]>>,
        version: &str,
    ) -> Result<(), StoreError> {
        let data: BTreeMap<_, _> = keys
            .into_iter()
            .map(|(key, bytes)| (key, bytes.map(|bytes| ByteString(bytes.to_vec()))))
            .collect();
        let patch = json!({ "metadata": { "resourceVersion": version }, "data": data });
        self.patch(&self.secrets(), &self.secret.name, &self.secret_rule(), &Patch::Merge(patch)).await
    }

    /// The authorities that the API server trusts.
    pub(crate) async fn bundle(&self) -> Result<Versioned<TrustedBundle>, StoreError> {
        let mut configuration = self.configuration().await?;
        let version = version(&mut configuration);
        let all = configuration.webhooks.unwrap_or_default();
        let webhooks = all.iter().map(|webhook| webhook.name.clone()).collect();
        let bundle = all.into_iter().next().and_then(|webhook| webhook.client_config.ca_bundle);
        let pem = bundle.map(|bundle| bundle.0).unwrap_or_default();
        Ok(Versioned { value: TrustedBundle { pem, webhooks }, version })
    }

    /// Has the API server trust these authorities instead. Where somebody else has written since then nothing changes.
    pub(crate) async fn write_bundle(
        &self,
        pem: &[u8],
        before: &Versioned<TrustedBundle>,
    ) -> Result<(), StoreError> {
        let bundle = ByteString(pem.to_vec());
        // A patch names the webhook that it is about.
        let webhooks: Vec<_> = (before.value.webhooks.iter())
            .map(|name| json!({ "name": name, "clientConfig": { "caBundle": bundle } }))
            .collect();
        let patch = json!({ "metadata": { "resourceVersion": before.version }, "webhooks": webhooks });
        let api = self.configurations();
        self.patch(&api, &self.configuration, &self.configuration_rule(), &Patch::Strategic(patch)).await
    }

    async fn configuration(&self) -> Result<ValidatingWebhookConfiguration, StoreError> {
        let api = self.configurations();
        self.request("get", &self.configuration_rule(), api.get(&self.configuration)).await
    }

    fn secrets(&self) -> Api<Secret> {
        Api::namespaced(self.access.client(), self.secret.namespace.as_deref().unwrap_or_default())
    }

    fn configurations(&self) -> Api<ValidatingWebhookConfiguration> {
        Api::all(self.access.client())
    }

    fn secret_rule(&self) -> Rule {
        let namespace = self.secret.namespace.as_deref().unwrap_or_default();
        Rule {
            what: self.secret.to_string(),
            place: format!("Role in namespace {namespace}"),
            group: "",
            resource: "secrets",
            name: self.secret.name.clone(),
        }
    }

    fn configuration_rule(&self) -> Rule {
        Rule {
            what: format!("validatingwebhookconfiguration {}", self.configuration),
            place: "ClusterRole".to_owned(),
            group: "admissionregistration.k8s.io",
            resource: "validatingwebhookconfigurations",
            name: self.configuration.clone(),
        }
    }

    async fn patch<T>(
        &self,
        api: &Api<T>,
        name: &str,
        rule: &Rule,
        patch: &Patch<Value>,
    ) -> Result<(), StoreError>
    where
        T: Clone + DeserializeOwned + fmt::Debug,
    {
        let parameters = PatchParams::default();
        let request = async {
            match api.patch(name, &parameters, patch).await {
                Ok(_) => Ok(()),
                Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
                Err(error) => Err(error),
            }
        };
        self.request("patch", rule, request).await
    }

    async fn request<T>(
        &self,
        verb: &'static str,
        rule: &Rule,
        request: impl Future<Output = kube::Result<T>>,
    ) -> Result<T, StoreError> {
        self.access.request(ANSWER, verb, request).await.map_err(|error| rule.explain(&error))
    }
}

/// What of the API is asked for, and which rule allows that.
struct Rule {
    what: String,
    place: String,
    group: &'static str,
    resource: &'static str,
    name: String,
}

impl Rule {
    fn explain(&self, error: &ApiError) -> StoreError {
        let Self { what, place, group, resource, name } = self;
        StoreError(match error {
            ApiError::Forbidden { verb } => format!(
                "{what}: the API server forbids to {verb} it (403): give the service account a {place} with apiGroups \
                 [\"{group}\"], resources [{resource}], resourceNames [{name}], verbs [get, patch]"
            ),
            ApiError::Unauthorized => format!("{what}: the API server does not accept our credentials (401)"),
            // An answer that can not be decoded is not shown: it may hold the key.
            ApiError::Malformed { .. } => format!("{what}: an answer that is none of the API server"),
            ApiError::Timeout(after) => format!("{what}: no answer within {after:?}"),
            ApiError::Other(text) => format!("{what}: {text}"),
            ApiError::Expired | ApiError::EndedEarly | ApiError::NotTheObject => format!("{what}: {error:?}"),
        })
    }
}

fn version(object: &mut impl Resource) -> String {
    object.meta_mut().resource_version.take().unwrap_or_default()
}
