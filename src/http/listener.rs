//! One address that is served: the task that accepts its clients, and the order in which it ends.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use futures_util::FutureExt as _;
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use super::bind::Bound;
use super::connection::Service;
use crate::telemetry::Task;

const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A socket that is served. Clones are handles of the same one.
#[derive(Clone, Debug)]
pub(super) struct Listener {
    /// The address that was asked for.
    pub(super) requested: SocketAddr,
    /// The address with the port that was really taken.
    pub(super) local: SocketAddr,
    /// The accept task owns the socket, and closes it when it ends.
    socket: Weak<TcpListener>,
    accept: TaskTracker,
    /// Cancelled when no client is accepted any more.
    stop: CancellationToken,
    connections: Connections,
}

/// The connections that one socket accepted.
#[derive(Clone, Debug)]
struct Connections {
    service: Service,
    tasks: TaskTracker,
    /// Cancelled when each is to end after its open request.
    drain: CancellationToken,
    /// Cancelled when all are to end at once.
    cut: CancellationToken,
}

/// The accept task.
#[derive(Debug)]
struct Acceptor {
    socket: Arc<TcpListener>,
    local: SocketAddr,
    connections: Connections,
    pause: Pause,
}

/// The pause between attempts to accept while the process or the system lacks descriptors or memory.
#[derive(Debug, Default)]
struct Pause {
    failures: u32,
    until: Option<Instant>,
}

impl Listener {
    /// Serves a socket until it is retired, or until `cut` is cancelled: then it ends at once.
    pub(super) fn serve(
        requested: SocketAddr,
        bound: Bound,
        service: Service,
        cut: &CancellationToken,
    ) -> Self {
        let local = bound.local_addr();
        let listener = Arc::new(bound.into_listener());
        let cut = cut.child_token();
        let stop = cut.child_token();
        let (tasks, drain) = (TaskTracker::new(), CancellationToken::new());
        let connections = Connections { service, tasks, drain, cut };
        let (socket, accept) = (Arc::downgrade(&listener), TaskTracker::new());
        let acceptor =
            Acceptor { socket: listener, local, connections: connections.clone(), pause: Pause::default() };
        accept.spawn(acceptor.run(stop.clone()));
        accept.close();
        Self { requested, local, socket, accept, stop, connections }
    }

    /// The socket, while it is open.
    pub(super) fn socket(&self) -> Option<Arc<TcpListener>> {
        self.socket.upgrade()
    }

    /// Waits until the socket is closed.
    pub(super) async fn closed(&self) {
        self.accept.wait().await;
    }

    /// Whether the socket is closed.
    pub(super) fn is_closed(&self) -> bool {
        self.accept.is_empty()
    }

    /// Ends in order. From this call on, whoever is answered learns that the connection ends. Clients are accepted for
    /// `linger` more, since a connection that is being made belongs to the socket that it came to; then the open
    /// requests have `grace` to be answered.
    pub(super) fn retire(
        self,
        linger: Duration,
        grace: Duration,
    ) -> impl Future<Output = ()> + Send + 'static {
        let Self { local, accept, stop, connections: Connections { tasks, drain, cut, .. }, .. } = self;
        drain.cancel();
        if linger.is_zero() {
            stop.cancel();
        }
        async move {
            stop.run_until_cancelled(sleep(linger)).await;
            stop.cancel();
            accept.wait().await;
            tasks.close();
            if timeout(grace, tasks.wait()).await.is_err() {
                warn!(address = %local, connections = tasks.len(), "Requests are cut that did not end in time");
            }
            cut.cancel();
            tasks.wait().await;
        }
    }
}

impl Connections {
    fn serve(&self, stream: TcpStream, permit: Option<OwnedSemaphorePermit>) {
        let (service, drain) = (self.service.clone(), self.drain.clone());
        // Asking a token locks it, so each connection asks one of its own.
        let cut = self.cut.child_token();
        self.tasks.spawn(cut.run_until_cancelled_owned(async move {
            service.serve(stream, &drain).await;
            drop(permit);
        }));
    }
}

impl Acceptor {
    /// Accepts clients until `stop` is cancelled, and then those who wait already. A panic costs no socket and no other
    /// client.
    async fn run(mut self, stop: CancellationToken) {
        let restarts = self.connections.service.metrics.restarts.clone();
        let accepting = restarts.keep(Task::Acceptor, &mut self, |acceptor| {
            stop.clone().run_until_cancelled_owned(acceptor.accept()).boxed()
        });
        accepting.await;
        self.accept_queue();
    }

    /// Accepts one client after the other. May be dropped at any time without losing one.
    async fn accept(&mut self) {
        loop {
            if let Some(until) = self.pause.until {
                sleep_until(until).await;
            }
            // The semaphore is never closed; without a permit the client would be served all the same.
            let permit = self.connections.service.permits.clone().acquire_owned().await.ok();
            let accepted = self.socket.accept().await;
            #[cfg(test)]
            self.connections.service.panic_if_asked();
            match accepted {
                Ok((stream, _)) => {
                    if let Some(failures) = self.pause.over() {
                        info!(address = %self.local, failures, "Connections are accepted again");
                    }
                    self.connections.serve(stream, permit);
                }
                Err(error) => self.failed(&error),
            }
        }
    }

    fn failed(&mut self, error: &io::Error) {
        self.connections.service.metrics.accept_errors.inc();
        if !concerns_one_client(error) && self.pause.longer() {
            warn!(address = %self.local, %error, "Connections can not be accepted; trying again");
        }
    }

    /// Accepts all who wait in the queue: the kernel resets them when the socket is closed. They may exceed the
    /// connection limit, by the queue's length at most.
    fn accept_queue(&self) {
        // Unlike the runtime's it needs no wake-up to see what the queue holds.
        while let Ok((socket, _)) = SockRef::from(&*self.socket).accept() {
            if socket.set_nonblocking(true).is_ok()
                && let Ok(stream) = TcpStream::from_std(socket.into())
            {
                let permit = self.connections.service.permits.clone().try_acquire_owned().ok();
                self.connections.serve(stream, permit);
            }
        }
    }
}

/// Errors of a client that is already gone (accept(2)); the next one may be well.
fn concerns_one_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

impl Pause {
    /// Notes a failure; `true` for the first of a row, which is the one to log.
    fn longer(&mut self) -> bool {
        let doublings = self.failures.min(4);
        self.failures += 1;
        self.until = Some(Instant::now() + (SHORTEST_PAUSE * 2_u32.pow(doublings)).min(LONGEST_PAUSE));
        self.failures == 1
    }

    /// Notes a success; gives the number of failures before it.
    fn over(&mut self) -> Option<u32> {
        let failures = std::mem::take(self).failures;
        (failures > 0).then_some(failures)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_pause_grows_from_a_tenth_of_a_second_to_one_and_only_the_first_failure_is_logged() {
        let mut pause = Pause::default();
        let mut grow = || {
            let first = pause.longer();
            (first, (pause.until.unwrap() - Instant::now()).as_millis())
        };
        let seen = [(); 6].map(|()| grow());
        assert_eq!(
            seen,
            [(true, 100), (false, 200), (false, 400), (false, 800), (false, 1000), (false, 1000)]
        );
        assert_eq!(pause.over(), Some(6));
        assert_eq!(pause.over(), None);
        assert!(pause.longer());
    }
}
