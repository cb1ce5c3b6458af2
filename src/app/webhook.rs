//! The admission webhook, put together.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::anyhow;
use futures_util::FutureExt as _;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::cluster::Cluster;
use super::run_error::RunError;
use crate::admission::{AdmissionMetrics, CertificateKeeper, CertificateOrigin, Guard, Rotation};
use crate::config::ListenAddress;
use crate::http::{Door, Entrance, HttpMetrics, Limits, Listeners};
use crate::reload::Preview;
use crate::source::kubernetes::{Announcer, ObjectName};
use crate::telemetry::{Restarts, Task};

/// How the webhook is served; without it nothing of it exists.
#[derive(Clone, Debug)]
pub struct WebhookOptions {
    /// Where it listens.
    pub listen_address: ListenAddress,
    /// The certificate that it shows.
    pub certificate: CertificateOptions,
}

/// Where the webhook's certificate comes from.
#[derive(Clone, Debug)]
pub enum CertificateOptions {
    /// Somebody else keeps `tls.crt` and `tls.key` in this directory.
    Directory(PathBuf),
    /// We make and renew it.
    Made {
        /// The Secret that all replicas share.
        secret: ObjectName,
        /// The `ValidatingWebhookConfiguration` that names its authority.
        configuration: String,
        /// The hosts that the API server knows us by.
        hosts: Vec<String>,
        /// For how long one is made.
        lifetime: Duration,
    },
}

/// What the webhook shares with the rest.
pub(super) struct Surroundings<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) preview: Preview,
    pub(super) announcer: Option<Announcer>,
    pub(super) announced: CancellationToken,
    pub(super) counts: AdmissionMetrics,
    pub(super) metrics: HttpMetrics,
    pub(super) restarts: Restarts,
}

/// The webhook that is served.
#[derive(Debug)]
pub(super) struct Webhook {
    listeners: Listeners,
    keeper: AbortOnDropHandle<()>,
}

impl Webhook {
    /// Binds its address and begins to keep its certificate. It serves nobody before there is one.
    pub(super) async fn open(options: &WebhookOptions, around: Surroundings<'_>) -> Result<Self, RunError> {
        let Surroundings { cluster, preview, announcer, announced, counts, metrics, restarts } = around;
        let guard = Guard::new(cluster.reader().object().clone(), preview, counts.clone(), announcer);
        let door = Door::new(guard, metrics.clone(), announced);
        let certificate = Entrance::default();
        let mut listeners = Listeners::behind(door, certificate.clone(), Limits::of_the_door(), metrics);
        let prepared = listeners.prepare(std::slice::from_ref(&options.listen_address)).await;
        let addresses = listeners.commit(prepared.map_err(|error| anyhow!(error))?);
        log_listening(&addresses);
        let show = move |pair: &_| certificate.show(pair).map_err(|error| error.to_string());
        let mut keeper = CertificateKeeper::new(origin(&options.certificate, cluster), counts, show);
        let keeper = tokio::spawn(async move {
            restarts.keep(Task::Certificate, &mut keeper, |keeper| keeper.run().boxed()).await;
        });
        Ok(Self { listeners, keeper: AbortOnDropHandle::new(keeper) })
    }

    /// Waits for the end of a task that never ends, which is a bug.
    pub(super) async fn ended(&mut self) {
        // The panic was logged where it happened.
        let _ = (&mut self.keeper).await;
    }

    /// Answers the open requests, for so long at most.
    pub(super) async fn close(self, deadline: Duration) {
        self.listeners.shutdown(deadline).await;
    }
}

fn origin(options: &CertificateOptions, cluster: &Cluster) -> CertificateOrigin {
    match options {
        CertificateOptions::Directory(directory) => CertificateOrigin::Directory(directory.clone()),
        CertificateOptions::Made { secret, configuration, hosts, lifetime } => CertificateOrigin::Made(
            Box::new(cluster.webhook_objects(secret, configuration)),
            Rotation::new(hosts.clone(), *lifetime),
        ),
    }
}

fn log_listening(addresses: &[SocketAddr]) {
    for address in addresses {
        tracing::info!(%address, "The webhook is listening");
    }
}
