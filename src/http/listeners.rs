//! The addresses that are served, and how they change while clients are connected.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::bind::{BindError, Bound, covers, overlap, resolve};
use super::connection::Service;
use super::entrance::Entrance;
use super::listener::Listener;
use super::surface::Surface;
use super::{HttpMetrics, Limits};
use crate::config::ListenAddress;

/// How long a connection may take to be made: the answer to a lost first packet comes after a second.
const HANDSHAKE: Duration = Duration::from_secs(2);

/// The addresses that we listen on, and the ones that still drain. It owns all that serves clients; when it is dropped
/// all of that ends at once.
///
/// An address changes in two steps. [`Listeners::prepare`] binds the new one while the old one serves, so that
/// what can fail fails before anything has changed; [`Listeners::commit`] serves it and drains the old one.
///
/// `127.0.0.1` and `0.0.0.0` on one port share clients, and a socket that is closed resets those who wait in its queue.
/// So both listen for a while: the kernel leads a client to the socket with the narrowest address. When the address
/// becomes narrower, the wide socket stays until the connections that began before are made. When it becomes wider, the
/// narrow socket stays for as long as the wide address is served.
#[derive(Debug)]
pub(crate) struct Listeners {
    service: Service,
    /// What a service manager listens on for us, which is served instead of all addresses.
    passed: Vec<(SocketAddr, TcpListener)>,
    /// The addresses to serve, as they were resolved.
    wanted: Vec<SocketAddr>,
    /// The sockets for all of these, and narrower ones that were opened before.
    open: Vec<Listener>,
    /// Those that are retired and may still be open.
    closing: Vec<Listener>,
    /// The tasks that end them in order.
    retiring: TaskTracker,
    /// Cancelled when all is to end at once.
    cut: CancellationToken,
}

/// Listeners that are ready to serve. Dropping them changes nothing.
#[derive(Debug)]
#[must_use = "they serve nothing until they are committed"]
pub(crate) struct PreparedListeners {
    wanted: Vec<SocketAddr>,
    new: Vec<(SocketAddr, Bound)>,
}

impl Listeners {
    /// Listens on nothing yet; all is in the clear and for anybody.
    pub(crate) fn new(surface: impl Into<Surface>, limits: Limits, metrics: HttpMetrics) -> Self {
        Self::behind(surface, Entrance::open(), limits, metrics)
    }

    /// The same behind an entrance, by whose rules of each time clients are met.
    pub(crate) fn behind(
        surface: impl Into<Surface>,
        entrance: Entrance,
        limits: Limits,
        metrics: HttpMetrics,
    ) -> Self {
        Self {
            service: Service::new(surface.into(), entrance, limits, metrics),
            passed: Vec::new(),
            wanted: Vec::new(),
            open: Vec::new(),
            closing: Vec::new(),
            retiring: TaskTracker::new(),
            cut: CancellationToken::new(),
        }
    }

    /// Serves these sockets, if there are any, whatever addresses are asked for.
    pub(crate) fn passed(mut self, sockets: Vec<TcpListener>) -> io::Result<Self> {
        for socket in sockets {
            self.passed.push((socket.local_addr()?, socket));
        }
        Ok(self)
    }

    /// The addresses that are served now, with the ports that were really taken.
    pub(crate) fn local_addrs(&self) -> Vec<SocketAddr> {
        let mut rest: Vec<_> = self.open.iter().collect();
        let locals = self.wanted.iter().filter_map(|wanted| {
            let index = rest.iter().position(|open| open.requested == *wanted)?;
            Some(rest.remove(index).local)
        });
        locals.collect()
    }

    /// Binds what is not served already.
    pub(crate) async fn prepare(&self, addresses: &[ListenAddress]) -> Result<PreparedListeners, BindError> {
        let wanted = match self.passed.as_slice() {
            [] => resolve(addresses).await?,
            passed => passed.iter().map(|(address, _)| *address).collect(),
        };
        if wanted == self.wanted {
            return Ok(PreparedListeners { wanted, new: Vec::new() });
        }
        // Two sockets of one address would share its clients, and those of the closing socket would be lost.
        for closing in &self.closing {
            if wanted.iter().any(|wanted| overlap(*wanted, closing.local)) {
                closing.closed().await;
            }
        }
        let missing = wanted.iter().filter(|wanted| !self.open.iter().any(|open| open.requested == **wanted));
        let new = missing.map(|wanted| Ok((*wanted, self.bind(*wanted)?)));
        let new = new.collect::<Result<_, _>>()?;
        Ok(PreparedListeners { wanted, new })
    }

    fn bind(&self, wanted: SocketAddr) -> Result<Bound, BindError> {
        if let Some((_, socket)) = self.passed.iter().find(|(address, _)| *address == wanted) {
            return Bound::passed(socket, wanted);
        }
        let taken = match Bound::bind(wanted) {
            Err(BindError::InUse(address)) => BindError::InUse(address),
            result => return result,
        };
        let ours = self.open.iter().filter(|open| overlap(wanted, open.local));
        let ours: Vec<_> = ours.filter_map(Listener::socket).collect();
        if ours.is_empty() { Err(taken) } else { Bound::bind_beside(wanted, &ours) }
    }

    /// Serves the prepared listeners and drains those that are no longer wanted, without waiting for their clients.
    /// Gives the addresses that were not served before.
    pub(crate) fn commit(&mut self, prepared: PreparedListeners) -> Vec<SocketAddr> {
        self.closing.retain(|closing| !closing.is_closed());
        let before = self.local_addrs();
        let PreparedListeners { wanted, new } = prepared;
        let fresh: Vec<_> = new.iter().map(|(_, bound)| bound.local_addr()).collect();
        for (requested, bound) in new {
            self.open.push(Listener::serve(requested, bound, self.service.clone(), &self.cut));
        }
        let goes = |open: &mut Listener| {
            !wanted.iter().any(|wanted| *wanted == open.requested || covers(*wanted, open.local))
        };
        for old in self.open.extract_if(.., goes) {
            let shares = fresh.iter().any(|fresh| covers(old.local, *fresh));
            let linger = if shares { HANDSHAKE } else { Duration::ZERO };
            self.retiring.spawn(old.clone().retire(linger, self.service.limits.drain));
            self.closing.push(old);
        }
        self.wanted = wanted;
        self.local_addrs().into_iter().filter(|local| !before.contains(local)).collect()
    }

    /// Has an accept task panic at its next client.
    #[cfg(test)]
    pub(super) fn panic_at_next_client(&self) {
        self.service.panics.store(true, std::sync::atomic::Ordering::Relaxed);
    }

    /// Stops accepting, answers the open requests, and cuts those that are not answered when `deadline` is over.
    pub(crate) async fn shutdown(mut self, deadline: Duration) {
        for open in self.open.drain(..) {
            self.retiring.spawn(open.retire(Duration::ZERO, deadline));
        }
        self.retiring.close();
        // An older listener may drain longer than that.
        let _ = timeout(deadline, self.retiring.wait()).await;
        self.cut.cancel();
        self.retiring.wait().await;
    }
}

impl Drop for Listeners {
    fn drop(&mut self) {
        self.cut.cancel();
    }
}
