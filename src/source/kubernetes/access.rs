//! Access to the API server: its address, our credentials, and the client that uses them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use futures_util::future::BoxFuture;
use kube::config::Kubeconfig;
use kube::{Client, Config};

use super::Timing;
use super::api_error::{ApiError, within};

/// Why there is no access to the API server at all.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// Neither a kubeconfig nor a service account.
    #[error(
        "no credentials for the Kubernetes API: {0}. In a pod mount the service account's token \
         (automountServiceAccountToken), elsewhere set KUBECONFIG"
    )]
    None(String),
    /// The credentials are there and can not be used.
    #[error("the credentials for the Kubernetes API can not be used: {0}")]
    Unusable(String),
}

type Connect = dyn Fn() -> BoxFuture<'static, Result<Client, AccessError>> + Send + Sync;

/// Access to the API server; clones share it.
#[derive(Clone)]
pub(crate) struct Access {
    connect: Arc<Connect>,
    client: Arc<ArcSwap<Client>>,
    namespace: Arc<str>,
    /// Where the API server is, unless a proxy is on the way.
    server: Option<Arc<str>>,
}

impl Access {
    /// From the environment: the kubeconfig if there is one, else the pod's service account.
    ///
    /// The environment's proxy is not used.
    pub(crate) async fn infer(timing: &Timing) -> Result<Self, AccessError> {
        let timing = timing.clone();
        let config_now = config(&timing).await?;
        let server = server(&config_now);
        let access = Self::new(&config_now.default_namespace, move || {
            let timing = timing.clone();
            Box::pin(async move { client(config(&timing).await?) })
        });
        Ok(Self { server, ..access.await? })
    }

    /// With the client that `connect` makes, now and each time that the credentials are refused: they may have been rotated.
    pub(super) async fn new(
        namespace: &str,
        connect: impl Fn() -> BoxFuture<'static, Result<Client, AccessError>> + Send + Sync + 'static,
    ) -> Result<Self, AccessError> {
        let client = connect().await?;
        Ok(Self {
            connect: Arc::new(connect),
            client: Arc::new(ArcSwap::from_pointee(client)),
            namespace: namespace.into(),
            server: None,
        })
    }

    /// As if the API server were here.
    #[cfg(test)]
    pub(super) fn at(self, server: Option<&str>) -> Self {
        Self { server: server.map(Into::into), ..self }
    }

    /// The namespace that the credentials belong to.
    pub(crate) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Where the API server is, as `HOST:PORT`; `None` where a proxy is on the way.
    pub(super) fn server(&self) -> Option<&str> {
        self.server.as_deref()
    }

    pub(super) fn client(&self) -> Client {
        (**self.client.load()).clone()
    }

    /// The answer to a request, which may take so long. Credentials that are refused are read again for the next one.
    pub(super) async fn request<T>(
        &self,
        limit: Duration,
        verb: &'static str,
        request: impl Future<Output = kube::Result<T>>,
    ) -> Result<T, ApiError> {
        let answer = within(limit, verb, request).await;
        if matches!(answer, Err(ApiError::Unauthorized)) {
            self.renew().await;
        }
        answer
    }

    /// Reads the credentials again.
    pub(super) async fn renew(&self) {
        match (self.connect)().await {
            Ok(client) => self.client.store(Arc::new(client)),
            // A rotation may be under way; the old ones are tried again.
            Err(error) => tracing::debug!(%error, "The credentials can not be read again"),
        }
    }
}

async fn config(timing: &Timing) -> Result<Config, AccessError> {
    let mut config = Config::infer().await.map_err(|error| AccessError::None(error.to_string()))?;
    config.connect_timeout = Some(timing.answer);
    // Retries inside the client hide an outage from us.
    config.default_retry = false;
    if !kubeconfig_names_a_proxy() {
        // It came from the environment, whose proxy is for the sites only.
        config.proxy_url = None;
    }
    Ok(config)
}

fn server(config: &Config) -> Option<Arc<str>> {
    let url = &config.cluster_url;
    let port = url.port_u16().unwrap_or(if url.scheme_str() == Some("http") { 80 } else { 443 });
    let host = url.host().filter(|_| config.proxy_url.is_none())?;
    Some(format!("{host}:{port}").into())
}

fn kubeconfig_names_a_proxy() -> bool {
    let clusters = Kubeconfig::read().map(|kubeconfig| kubeconfig.clusters).unwrap_or_default();
    clusters.iter().filter_map(|named| named.cluster.as_ref()).any(|cluster| cluster.proxy_url.is_some())
}

fn client(config: Config) -> Result<Client, AccessError> {
    Client::try_from(config).map_err(|error| AccessError::Unusable(error.to_string()))
}

impl fmt::Debug for Access {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The client holds the token.
        write!(formatter, "Access({})", self.namespace)
    }
}
