use std::net::SocketAddr;
use std::sync::Weak;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::acceptor::{Acceptor, Retire};
use super::bind::{BindError, Bound, covers, overlap, resolve};
use super::connection::Service;
use super::{HttpMetrics, Limits, Pages};
use crate::config::ListenAddress;

/// How long a connection may take to be made: the answer to a lost first packet comes after a second.
const HANDSHAKE: Duration = Duration::from_secs(2);

/// The addresses that we listen on, and the ones that still drain. It owns all that serves clients.
///
/// An address changes in two steps. [`Listeners::prepare`] binds the new one while the old one serves, so that
/// what can fail fails before anything has changed; [`Listeners::commit`] serves it and drains the old one.
///
/// `127.0.0.1` and `0.0.0.0` on one port share clients, and a socket that is closed resets those who wait in its queue.
/// So both listen for a while: the kernel leads a client to the socket with the narrowest address. From wide to narrow,
/// the wide socket stays until the connections are made that began before. From narrow to wide, the narrow socket
/// stays for as long as its clients are ours.
#[derive(Debug)]
pub struct Listeners {
    service: Service,
    acceptors: JoinSet<()>,
    /// What is to be served, as it was resolved.
    wanted: Vec<SocketAddr>,
    /// Sockets for all of it, and narrower ones that came before.
    open: Vec<Open>,
    /// Those that are told to close.
    closing: Vec<Closing>,
}

#[derive(Debug)]
struct Open {
    requested: SocketAddr,
    local: SocketAddr,
    socket: Weak<TcpListener>,
    retire: oneshot::Sender<Retire>,
    drain: CancellationToken,
    closed: CancellationToken,
}

#[derive(Debug)]
struct Closing {
    local: SocketAddr,
    closed: CancellationToken,
}

/// Listeners that are ready to serve. Dropping them leaves what was.
#[derive(Debug)]
#[must_use = "they serve nothing until they are committed"]
pub struct PreparedListeners {
    wanted: Vec<SocketAddr>,
    new: Vec<(SocketAddr, Bound)>,
}

impl Listeners {
    /// Listens on nothing yet.
    pub fn new(pages: Pages, limits: Limits, metrics: HttpMetrics) -> Self {
        let service = Service::new(pages, limits, metrics);
        Self { service, acceptors: JoinSet::new(), wanted: Vec::new(), open: Vec::new(), closing: Vec::new() }
    }

    /// The addresses that are served now, with the ports that were really taken.
    pub fn local_addrs(&self) -> Vec<SocketAddr> {
        let mut rest: Vec<_> = self.open.iter().collect();
        let locals = self.wanted.iter().filter_map(|wanted| {
            let place = rest.iter().position(|open| open.requested == *wanted)?;
            Some(rest.remove(place).local)
        });
        locals.collect()
    }

    /// Binds what is not served already.
    pub async fn prepare(&self, addresses: &[ListenAddress]) -> Result<PreparedListeners, BindError> {
        let wanted = resolve(addresses).await?;
        if wanted == self.wanted {
            return Ok(PreparedListeners { wanted, new: Vec::new() });
        }
        // Two sockets of one address would share its clients, and one of them goes.
        for closing in &self.closing {
            if wanted.iter().any(|wanted| overlap(*wanted, closing.local)) {
                closing.closed.cancelled().await;
            }
        }
        let missing = wanted.iter().filter(|wanted| !self.open.iter().any(|open| open.requested == **wanted));
        let new = missing.map(|wanted| Ok((*wanted, self.bind(*wanted)?)));
        let new = new.collect::<Result<_, _>>()?;
        Ok(PreparedListeners { wanted, new })
    }

    fn bind(&self, wanted: SocketAddr) -> Result<Bound, BindError> {
        let taken = match Bound::bind(wanted) {
            Err(BindError::InUse(address)) => BindError::InUse(address),
            result => return result,
        };
        let ours = self.open.iter().filter(|open| overlap(wanted, open.local));
        let ours: Vec<_> = ours.filter_map(|open| open.socket.upgrade()).collect();
        if ours.is_empty() { Err(taken) } else { Bound::bind_beside(wanted, &ours) }
    }

    /// Serves the prepared listeners and drains those that are no longer wanted, without waiting for their clients.
    /// Gives the addresses that were not served before.
    pub fn commit(&mut self, prepared: PreparedListeners) -> Vec<SocketAddr> {
        // Takes those out that have drained since the last time.
        while self.acceptors.try_join_next().is_some() {}
        self.closing.retain(|closing| !closing.closed.is_cancelled());
        let before = self.local_addrs();
        let PreparedListeners { wanted, new } = prepared;
        let fresh: Vec<_> = new.iter().map(|(_, bound)| bound.local_addr()).collect();
        for (requested, bound) in new {
            self.serve(requested, bound);
        }
        let goes = |open: &mut Open| {
            !wanted.iter().any(|wanted| *wanted == open.requested || covers(*wanted, open.local))
        };
        for old in self.open.extract_if(.., goes) {
            // At once: who is answered from now on learns that the connection ends.
            old.drain.cancel();
            let shares = fresh.iter().any(|fresh| covers(old.local, *fresh));
            let linger = if shares { HANDSHAKE } else { Duration::ZERO };
            let _ = old.retire.send(Retire { linger, grace: self.service.limits.drain });
            self.closing.push(Closing { local: old.local, closed: old.closed });
        }
        self.wanted = wanted;
        self.local_addrs().into_iter().filter(|local| !before.contains(local)).collect()
    }

    fn serve(&mut self, requested: SocketAddr, bound: Bound) {
        let local = bound.local_addr();
        let (retire, retired) = oneshot::channel();
        let acceptor = Acceptor::new(bound, self.service.clone());
        let (socket, drain, closed) = (acceptor.socket(), acceptor.drain(), acceptor.closed());
        self.acceptors.spawn(acceptor.run(retired));
        self.open.push(Open { requested, local, socket, retire, drain, closed });
    }

    /// Has an acceptor die at its next client.
    #[cfg(test)]
    pub(super) fn kill_at_next_client(&self) {
        self.service.dies.store(true, std::sync::atomic::Ordering::Relaxed);
    }

    /// Stops accepting, answers the open requests, and cuts those that are not answered when `deadline` is over.
    pub async fn shutdown(mut self, deadline: Duration) {
        for open in self.open.drain(..) {
            let _ = open.retire.send(Retire { linger: Duration::ZERO, grace: deadline });
        }
        let all = async { while self.acceptors.join_next().await.is_some() {} };
        // An older listener may drain longer than that.
        let _ = timeout(deadline, all).await;
        self.acceptors.shutdown().await;
    }
}
