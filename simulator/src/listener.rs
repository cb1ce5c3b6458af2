//! Accepts connections of one site. Its own loop, so that a connection can be reset in the middle of an answer.

use std::convert::Infallible;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::service;
use super::site::Site;

/// A client that opens a connection and says nothing is let go after this time.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Runs until `stop`; then all connections are dropped, stalled ones too.
pub(super) async fn run(listener: TcpListener, site: Site, stop: CancellationToken) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, site.clone()));
                }
                // Out of file descriptors, most likely: wait until some are free.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            },
        }
    }
    drop(listener);
    connections.shutdown().await;
}

async fn connection(stream: TcpStream, site: Site) {
    // Without it small answers may wait for the client's delayed acknowledgement; a failure does no harm.
    let _ = stream.set_nodelay(true);
    let Some(identity) = &site.0.identity else {
        return serve(stream, |stream| stream, site).await;
    };
    let handshake = identity.acceptor.accept(stream);
    if let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE, handshake).await {
        serve(stream, |stream| stream.get_ref().0, site).await;
    }
}

async fn serve<I>(io: I, socket: fn(&I) -> &TcpStream, site: Site)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let reset = CancellationToken::new();
    let service = service_fn(|request| {
        let (site, reset) = (site.clone(), reset.clone());
        async move { Ok::<_, Infallible>(service::answer(&site, request, &reset).await) }
    });
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(io), service);
    tokio::select! {
        biased;
        () = reset.cancelled() => {}
        // The client went away, or the body could not be finished: both are meant.
        _ = &mut connection => return,
    }
    let io = connection.into_parts().io.into_inner();
    // With zero linger, closing sends RST. If that fails, the client sees an end instead.
    let _ = socket(&io).set_zero_linger();
}
