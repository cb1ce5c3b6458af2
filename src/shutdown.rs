//! Ending in good order: the first SIGTERM or SIGINT drains, a second one aborts.

use std::fmt;
use std::future::pending;
use std::io;
use std::pin::pin;
use std::time::Duration;

use nix::sys::signal::SigSet;
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// A signal that ends us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// From Kubernetes or a service manager.
    Terminate,
    /// From a terminal.
    Interrupt,
}

impl fmt::Display for Signal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Terminate => "SIGTERM",
            Self::Interrupt => "SIGINT",
        })
    }
}

/// How the work ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Ended<T> {
    /// By itself, or drained.
    Finished(T),
    /// By a second signal, in the middle.
    Aborted(Signal),
    /// Since the drain took longer than it may.
    Overdue,
}

/// Takes SIGTERM and SIGINT, and turns them into a drain.
#[derive(Debug)]
pub struct Shutdown {
    terminate: Stream,
    interrupt: Stream,
    drain: CancellationToken,
}

impl Shutdown {
    /// Takes over both signals, also those that have been pending since they were blocked.
    ///
    /// To be called inside the runtime, on the thread that stays as long as the process: the one that is in
    /// `Runtime::block_on` in `main`.
    pub fn install() -> io::Result<Self> {
        let terminate = signal(SignalKind::terminate())?;
        let interrupt = signal(SignalKind::interrupt())?;
        let both = [nix::sys::signal::Signal::SIGTERM, nix::sys::signal::Signal::SIGINT];
        both.into_iter().collect::<SigSet>().thread_unblock()?;
        Ok(Self { terminate, interrupt, drain: CancellationToken::new() })
    }

    /// Cancelled by the first signal: stop taking on work, finish what is begun.
    pub fn drain(&self) -> CancellationToken {
        self.drain.clone()
    }

    /// Runs the work to its end, which the first signal asks for. A second signal, or `deadline` passing after
    /// the first, drops the work where it stands; the process then exits with status 1.
    pub async fn run<F: Future>(self, work: F, deadline: Duration) -> Ended<F::Output> {
        let Self { mut terminate, mut interrupt, drain } = self;
        let next = async || {
            tokio::select! {
                Some(()) = terminate.recv() => Signal::Terminate,
                Some(()) = interrupt.recv() => Signal::Interrupt,
                else => pending().await,
            }
        };
        drive(work, next, drain, deadline).await
    }
}

async fn drive<F: Future>(
    work: F,
    mut next: impl AsyncFnMut() -> Signal,
    drain: CancellationToken,
    deadline: Duration,
) -> Ended<F::Output> {
    let mut work = pin!(work);
    tokio::select! {
        output = &mut work => return Ended::Finished(output),
        signal = next() => {
            tracing::info!(%signal, within = ?deadline, "draining; a second signal aborts");
            drain.cancel();
        }
    }
    tokio::select! {
        output = work => Ended::Finished(output),
        signal = next() => {
            tracing::warn!(%signal, "aborted");
            Ended::Aborted(signal)
        }
        () = tokio::time::sleep(deadline) => {
            tracing::warn!(after = ?deadline, "not drained in time; aborted");
            Ended::Overdue
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;

    const DEADLINE: Duration = Duration::from_secs(20);

    /// Runs work that needs `needed` to drain, with signals at their second; the work ends by itself after an hour.
    async fn check(needed: Duration, signals: &[(u64, Signal)], expected: Ended<&'static str>) {
        let (send, mut receive) = mpsc::channel(8);
        let schedule = async {
            let mut now = 0;
            for (second, signal) in signals {
                tokio::time::sleep(Duration::from_secs(second - now)).await;
                now = *second;
                send.send(*signal).await.unwrap();
            }
            pending::<()>().await;
        };
        let drain = CancellationToken::new();
        let token = drain.clone();
        let work = async {
            tokio::select! {
                () = token.cancelled() => {
                    tokio::time::sleep(needed).await;
                    "drained"
                }
                () = tokio::time::sleep(Duration::from_hours(1)) => "done",
            }
        };
        let next = async || receive.recv().await.unwrap();
        let ended = tokio::select! {
            ended = drive(work, next, drain, DEADLINE) => ended,
            () = schedule => unreachable!(),
        };
        assert_eq!(ended, expected, "{needed:?} {signals:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_signal_drains() {
        check(Duration::from_secs(5), &[(1, Signal::Terminate)], Ended::Finished("drained")).await;
        check(Duration::from_secs(5), &[(1, Signal::Interrupt)], Ended::Finished("drained")).await;
    }

    #[tokio::test(start_paused = true)]
    async fn the_second_signal_aborts_whichever_it_is() {
        let signals = [(1, Signal::Terminate), (2, Signal::Interrupt)];
        check(Duration::from_secs(5), &signals, Ended::Aborted(Signal::Interrupt)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_drain_that_takes_too_long_is_cut_off() {
        check(Duration::from_secs(21), &[(1, Signal::Terminate)], Ended::Overdue).await;
    }

    #[tokio::test(start_paused = true)]
    async fn work_that_ends_by_itself_needs_no_signal() {
        check(Duration::ZERO, &[], Ended::Finished("done")).await;
    }
}
