//! The certificate that a listener shows, and how it changes while clients are connected.

use std::fmt;
use std::io;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use rustls::server::NoServerSessionStorage;
use rustls::{ServerConfig, version};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::stream::Stream;
use crate::certificate::ServingPair;

/// The certificate that a listener shows; clones share it. As long as there is none, no client is served.
#[derive(Clone, Default)]
pub(crate) struct ServingCertificate(Arc<ArcSwapOption<ServerConfig>>);

impl ServingCertificate {
    /// Shows this one to everybody who connects from now on. Connections that are open keep what they have.
    pub(crate) fn show(&self, pair: &ServingPair) -> Result<(), rustls::Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&version::TLS13])?
            .with_no_client_auth();
        let mut config = builder.with_single_cert(pair.chain().to_vec(), pair.key().clone_key())?;
        // A client keeps its connection; tickets would only cost memory.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        self.0.store(Some(Arc::new(config)));
        Ok(())
    }

    /// Does the handshake; the caller bounds its time. Boxed, so that connections in the clear have no room for it.
    pub(super) fn handshake(&self, stream: TcpStream) -> BoxFuture<'static, io::Result<Stream>> {
        let config = self.0.load_full();
        async move {
            let config = config.ok_or_else(|| io::Error::other("there is no certificate yet"))?;
            Ok(Stream::Tls(Box::new(TlsAcceptor::from(config).accept(stream).await?)))
        }
        .boxed()
    }
}

impl fmt::Debug for ServingCertificate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The configuration holds the key.
        write!(formatter, "ServingCertificate({})", if self.0.load().is_some() { "shown" } else { "none" })
    }
}
