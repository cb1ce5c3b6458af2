use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, Weak};
use std::time::Duration;

use futures_util::FutureExt as _;
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::bind::Bound;
use super::connection::Service;
use crate::telemetry::Task;

const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// How a listener ends.
#[derive(Debug)]
pub(super) struct Retire {
    /// Clients are still accepted for this time: a connection that is half made belongs to the socket that it came to.
    pub(super) linger: Duration,
    /// Then the open requests have this time to be answered.
    pub(super) grace: Duration,
}

/// Accepts on one address and owns the connections that came by it.
#[derive(Debug)]
pub(super) struct Acceptor {
    listener: Arc<TcpListener>,
    local: SocketAddr,
    service: Service,
    connections: JoinSet<()>,
    drain: CancellationToken,
    closed: CancellationToken,
    pause: Pause,
}

/// A client, with its place among those that may be connected at one time; there is none when the queue is emptied.
type Accepted = (TcpStream, Option<OwnedSemaphorePermit>);

impl Acceptor {
    pub(super) fn new(bound: Bound, service: Service) -> Self {
        Self {
            local: bound.local_addr(),
            listener: Arc::new(bound.into_listener()),
            service,
            connections: JoinSet::new(),
            drain: CancellationToken::new(),
            closed: CancellationToken::new(),
            pause: Pause::default(),
        }
    }

    /// The socket, for as long as it is open.
    pub(super) fn socket(&self) -> Weak<TcpListener> {
        Arc::downgrade(&self.listener)
    }

    /// Cancelled when the connections are to end after their open requests.
    pub(super) fn drain(&self) -> CancellationToken {
        self.drain.clone()
    }

    /// Cancelled when the socket is closed.
    pub(super) fn closed(&self) -> CancellationToken {
        self.closed.clone()
    }

    /// Serves until it is told to end, then drains. A panic takes no socket and no other client along.
    pub(super) async fn run(mut self, mut retire: oneshot::Receiver<Retire>) {
        // However it ends.
        let closed = self.closed.clone().drop_guard();
        let at_once = Retire { linger: Duration::ZERO, grace: self.service.limits.drain };
        let restarts = self.service.metrics.restarts.clone();
        let mut state = (&mut self, &mut retire);
        let told = restarts.keep(Task::Acceptor, &mut state, |(acceptor, retire)| {
            acceptor.serve_until(&mut **retire).boxed()
        });
        let Retire { linger, grace } = told.await.unwrap_or(at_once);
        if !linger.is_zero() {
            self.serve_until(sleep(linger)).await;
        }
        self.accept_all();
        let Self { listener, local, mut connections, drain, .. } = self;
        drop((listener, closed));
        drain.cancel();
        let all = async { while connections.join_next().await.is_some() {} };
        if timeout(grace, all).await.is_err() {
            warn!(address = %local, connections = connections.len(), "Requests are cut that did not end in time");
        }
        connections.shutdown().await;
    }

    async fn serve_until<F: Future>(&mut self, end: F) -> F::Output {
        let mut end = pin!(end);
        loop {
            tokio::select! {
                output = &mut end => return output,
                Some(_) = self.connections.join_next() => {}
                accepted = accept(&self.listener, &self.service.permits, &self.pause) => self.take(accepted),
            }
        }
    }

    fn take(&mut self, accepted: Result<Accepted, io::Error>) {
        #[cfg(test)]
        assert!(!self.service.dies.swap(false, std::sync::atomic::Ordering::Relaxed), "injected");
        match accepted {
            Ok(accepted) => {
                if let Some(failures) = self.pause.over() {
                    info!(address = %self.local, failures, "Connections are accepted again");
                }
                self.start(accepted);
            }
            Err(problem) if concerns_one_client(&problem) => self.service.metrics.accept_errors.inc(),
            Err(problem) => {
                self.service.metrics.accept_errors.inc();
                if self.pause.longer() {
                    warn!(address = %self.local, error = %problem, "Connections can not be accepted; trying again");
                }
            }
        }
    }

    fn start(&mut self, (stream, permit): Accepted) {
        let (service, drain) = (self.service.clone(), self.drain.clone());
        self.connections.spawn(async move {
            service.serve(stream, &drain).await;
            drop(permit);
        });
    }

    /// Accepts all who wait in the queue: the kernel resets them when the socket is closed. They may exceed the
    /// connection limit, by the queue's length at most.
    fn accept_all(&mut self) {
        let listener = self.listener.clone();
        // Unlike the runtime's it needs no wake-up to see what the queue holds.
        while let Ok((socket, _)) = SockRef::from(&*listener).accept() {
            if socket.set_nonblocking(true).is_ok()
                && let Ok(stream) = TcpStream::from_std(socket.into())
            {
                let permit = self.service.permits.clone().try_acquire_owned().ok();
                self.start((stream, permit));
            }
        }
    }
}

/// The next client. May be dropped at any time without losing one.
async fn accept(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
    pause: &Pause,
) -> Result<Accepted, io::Error> {
    if let Some(until) = pause.until {
        sleep_until(until).await;
    }
    // The semaphore is never closed; without a permit the client would be served all the same.
    let permit = permits.clone().acquire_owned().await.ok();
    let (stream, _) = listener.accept().await?;
    Ok((stream, permit))
}

/// Errors of a client that is already gone (accept(2)); the next may be well.
fn concerns_one_client(problem: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(problem.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// The pause between attempts to accept while the process or the system lacks descriptors or memory.
#[derive(Debug, Default)]
struct Pause {
    failures: u32,
    until: Option<Instant>,
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
