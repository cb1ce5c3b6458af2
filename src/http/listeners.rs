use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::acceptor::{Acceptor, Command, GiveUp};
use super::bind::{BindError, Bound, overlap, resolve};
use super::connection::Service;
use super::{HttpMetrics, Limits, Pages};
use crate::config::ListenAddress;

/// The address that we listen on, and the ones that still drain. It owns all that serves clients.
///
/// An address changes in two steps. [`Listeners::prepare`] binds the new one while the old one serves, so that
/// what can fail fails before anything has changed; [`Listeners::commit`] serves it and drains the old one. Where
/// both can not be bound at one time (`0.0.0.0` and `127.0.0.1` on one port), the old one is closed first, and
/// clients are refused for the moment in between.
#[derive(Debug)]
pub struct Listeners {
    service: Service,
    acceptors: JoinSet<()>,
    current: Option<Current>,
}

#[derive(Debug)]
struct Current {
    requested: SocketAddr,
    local: SocketAddr,
    commands: mpsc::Sender<Command>,
    drain: CancellationToken,
}

/// A new listener that is ready to serve. Dropping it leaves, or restores, what was.
#[derive(Debug)]
#[must_use = "it serves nothing until it is committed"]
pub struct PreparedListener(Option<Replacement>);

// The fields are dropped in this order: the socket is free when the old acceptor learns that it is to come back.
#[derive(Debug)]
struct Replacement {
    requested: SocketAddr,
    bound: Bound,
    handover: Option<Handover>,
}

/// The other side of [`GiveUp`].
#[derive(Debug)]
struct Handover {
    committed: oneshot::Sender<()>,
    restored: oneshot::Receiver<Result<(), BindError>>,
}

impl Listeners {
    /// Listens on nothing yet.
    pub fn new(pages: Pages, limits: Limits, metrics: HttpMetrics) -> Self {
        Self { service: Service::new(pages, limits, metrics), acceptors: JoinSet::new(), current: None }
    }

    /// The address that is served now, with the port that was really taken.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.current.as_ref().map(|current| current.local)
    }

    /// Binds the address. Nothing happens when that is what is served already.
    pub async fn prepare(&self, address: &ListenAddress) -> Result<PreparedListener, BindError> {
        let requested = resolve(address).await?;
        let current = match &self.current {
            Some(current) if current.requested == requested => return Ok(PreparedListener(None)),
            current => current.as_ref(),
        };
        let (bound, handover) = match (Bound::bind(requested), current) {
            (Err(BindError::InUse(_)), Some(current)) if overlap(requested, current.local) => {
                let (bound, handover) = take_over(requested, current).await?;
                (bound, Some(handover))
            }
            (result, _) => (result?, None),
        };
        Ok(PreparedListener(Some(Replacement { requested, bound, handover })))
    }

    /// Serves the prepared listener and drains the old one, without waiting for its clients.
    pub async fn commit(&mut self, prepared: PreparedListener) {
        // Takes those out that have drained since the last time.
        while self.acceptors.try_join_next().is_some() {}
        let Some(Replacement { requested, bound, handover }) = prepared.0 else { return };
        let local = bound.local_addr();
        let (commands, receiver) = mpsc::channel(1);
        let acceptor = Acceptor::new(bound, receiver, self.service.clone());
        let drain = acceptor.drain();
        self.acceptors.spawn(acceptor.run());
        let old = self.current.replace(Current { requested, local, commands, drain });
        if let Some(old) = &old {
            // At once: who is answered from now on learns that the connection ends.
            old.drain.cancel();
        }
        match (handover, old) {
            (Some(handover), _) => drop(handover.committed.send(())),
            (None, Some(old)) => drop(old.commands.send(Command::Retire(self.service.limits.drain)).await),
            (None, None) => {}
        }
    }

    /// Stops accepting, answers the open requests, and cuts those that are not answered when `deadline` is over.
    pub async fn shutdown(mut self, deadline: Duration) {
        if let Some(current) = self.current.take() {
            let _ = current.commands.send(Command::Retire(deadline)).await;
        }
        let all = async { while self.acceptors.join_next().await.is_some() {} };
        // An older listener may drain longer than that.
        let _ = timeout(deadline, all).await;
        self.acceptors.shutdown().await;
    }
}

impl PreparedListener {
    /// The address that will be served, when it is another one than now.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.0.as_ref().map(|replacement| replacement.bound.local_addr())
    }
}

/// Has the current acceptor close its socket and binds the new one at once; brings the old one back if that fails.
async fn take_over(requested: SocketAddr, current: &Current) -> Result<(Bound, Handover), BindError> {
    let (closed, is_closed) = oneshot::channel();
    let (committed, is_committed) = oneshot::channel();
    let (restored, is_restored) = oneshot::channel();
    let give_up = GiveUp { closed, committed: is_committed, restored };
    let in_use = || BindError::InUse(requested);
    current.commands.send(Command::GiveUp(give_up)).await.map_err(|_| in_use())?;
    is_closed.await.map_err(|_| in_use())?;
    let handover = Handover { committed, restored: is_restored };
    match Bound::bind(requested) {
        Ok(bound) => Ok((bound, handover)),
        Err(error) => {
            drop(handover.committed);
            match handover.restored.await {
                Ok(Err(cause)) => Err(BindError::OldLost {
                    error: Box::new(error),
                    old: current.local,
                    cause: Box::new(cause),
                }),
                _ => Err(error),
            }
        }
    }
}
