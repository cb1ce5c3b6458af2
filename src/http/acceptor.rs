use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::bind::{BindError, Bound};
use super::connection::Service;

const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// How often and after what pause an address that was given up is bound again before the error is reported.
const REBIND_ATTEMPTS: usize = 3;
const REBIND_PAUSE: Duration = Duration::from_millis(50);

/// What an acceptor is told.
#[derive(Debug)]
pub(super) enum Command {
    /// Close the socket, so that an overlapping address can be bound.
    GiveUp(GiveUp),
    /// Close the socket and end when the open requests are answered, or this time is over.
    Retire(Duration),
}

/// How an address changes hands.
#[derive(Debug)]
pub(super) struct GiveUp {
    /// Told when the socket is closed.
    pub(super) closed: oneshot::Sender<()>,
    /// A message: the new address serves. Dropped: it does not, and the old one is to be bound again.
    pub(super) committed: oneshot::Receiver<()>,
    /// Told whether the old address could be bound again.
    pub(super) restored: oneshot::Sender<Result<(), BindError>>,
}

/// Accepts on one address and owns the connections that came by it.
#[derive(Debug)]
pub(super) struct Acceptor {
    /// `None` while the address is given up and could not be had back.
    listener: Option<TcpListener>,
    local: SocketAddr,
    commands: mpsc::Receiver<Command>,
    service: Service,
    connections: JoinSet<()>,
    drain: CancellationToken,
    pause: Pause,
}

/// A client, with its place among those that may be connected at one time; there is none when the queue is emptied.
type Accepted = (TcpStream, Option<OwnedSemaphorePermit>);

impl Acceptor {
    pub(super) fn new(bound: Bound, commands: mpsc::Receiver<Command>, service: Service) -> Self {
        Self {
            local: bound.local_addr(),
            listener: Some(bound.into_listener()),
            commands,
            service,
            connections: JoinSet::new(),
            drain: CancellationToken::new(),
            pause: Pause::default(),
        }
    }

    /// Cancelled when the connections are to end after their open requests.
    pub(super) fn drain(&self) -> CancellationToken {
        self.drain.clone()
    }

    /// Serves until it is told to end, then drains.
    pub(super) async fn run(mut self) {
        let grace = loop {
            tokio::select! {
                command = self.commands.recv() => match command {
                    Some(Command::GiveUp(give_up)) => if self.give_up(give_up).await {
                        break self.service.limits.drain;
                    },
                    Some(Command::Retire(grace)) => break grace,
                    None => break self.service.limits.drain,
                },
                Some(_) = self.connections.join_next() => {}
                accepted = accept(self.listener.as_ref(), self.local, &self.service.permits, &self.pause) => {
                    self.take(accepted);
                }
            }
        };
        self.close();
        self.drain.cancel();
        let all = async { while self.connections.join_next().await.is_some() {} };
        if timeout(grace, all).await.is_err() {
            warn!(address = %self.local, open = self.connections.len(), "requests are cut that did not end in time");
        }
        self.connections.shutdown().await;
    }

    fn take(&mut self, accepted: Result<Step, io::Error>) {
        match accepted {
            Ok(Step::Client(accepted)) => {
                if let Some(failures) = self.pause.over() {
                    info!(address = %self.local, failures, "connections are accepted again");
                }
                self.start(accepted);
            }
            Ok(Step::Listener(bound)) => {
                info!(address = %self.local, "the listen address could be bound again");
                self.listener = Some(bound.into_listener());
            }
            Err(problem) if concerns_one_client(&problem) => self.service.metrics.accept_errors.inc(),
            Err(problem) => {
                self.service.metrics.accept_errors.inc();
                if self.pause.longer() {
                    warn!(address = %self.local, %problem, "connections can not be accepted; trying again");
                }
            }
        }
    }

    fn start(&mut self, (stream, permit): Accepted) {
        let serve = self.service.clone().serve(stream, self.drain.clone());
        self.connections.spawn(async move {
            serve.await;
            drop(permit);
        });
    }

    /// Closes the socket when all who wait in its queue are accepted: the kernel would reset them. They may
    /// exceed the connection limit, by the queue's length at most.
    fn close(&mut self) {
        let Some(listener) = self.listener.take().and_then(|listener| listener.into_std().ok()) else {
            return;
        };
        // It stays non-blocking, and unlike the runtime's it needs no wake-up to see what the queue holds.
        while let Ok((stream, _)) = listener.accept() {
            if stream.set_nonblocking(true).is_ok()
                && let Ok(stream) = TcpStream::from_std(stream)
            {
                let permit = self.service.permits.clone().try_acquire_owned().ok();
                self.start((stream, permit));
            }
        }
    }

    /// Whether another listener has taken over.
    async fn give_up(&mut self, give_up: GiveUp) -> bool {
        self.close();
        let _ = give_up.closed.send(());
        if give_up.committed.await.is_ok() {
            return true;
        }
        let result = self.rebind().await;
        if let Err(problem) = &result {
            error!(address = %self.local, %problem, "nobody listens; trying again every second");
        }
        let _ = give_up.restored.send(result);
        false
    }

    async fn rebind(&mut self) -> Result<(), BindError> {
        let mut attempt = 1;
        loop {
            match Bound::bind(self.local) {
                Ok(bound) => {
                    self.listener = Some(bound.into_listener());
                    return Ok(());
                }
                Err(problem) if attempt == REBIND_ATTEMPTS => return Err(problem),
                Err(_) => sleep(REBIND_PAUSE).await,
            }
            attempt += 1;
        }
    }
}

/// Either what came of accepting, or a sign that the listener is there again.
enum Step {
    Client(Accepted),
    Listener(Bound),
}

/// The next client. May be dropped at any time without losing one.
async fn accept(
    listener: Option<&TcpListener>,
    local: SocketAddr,
    permits: &Arc<Semaphore>,
    pause: &Pause,
) -> Result<Step, io::Error> {
    let Some(listener) = listener else {
        loop {
            sleep(LONGEST_PAUSE).await;
            if let Ok(bound) = Bound::bind(local) {
                return Ok(Step::Listener(bound));
            }
        }
    };
    if let Some(until) = pause.until {
        sleep_until(until).await;
    }
    // The semaphore is never closed; without a permit the client would be served all the same.
    let permit = permits.clone().acquire_owned().await.ok();
    let (stream, _) = listener.accept().await?;
    Ok(Step::Client((stream, permit)))
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
