//! Ending in good order: the first SIGTERM or SIGINT drains, a second one aborts.

use std::future::pending;
use std::io;
use std::pin::pin;
use std::time::Duration;

use nix::sys::signal::SigSet;
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// A signal that ends the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display)]
pub enum Signal {
    /// From Kubernetes or a service manager.
    #[strum(serialize = "SIGTERM")]
    Terminate,
    /// From a terminal.
    #[strum(serialize = "SIGINT")]
    Interrupt,
}

/// Why the work did not come to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Aborted {
    /// By a second signal.
    #[error("aborted by {0}")]
    Signal(Signal),
    /// The drain took longer than it may.
    #[error("not drained in time")]
    Deadline,
}

/// The two steps of the end.
#[derive(Clone, Debug, Default)]
pub struct Termination {
    /// Cancelled by the first signal: say that the end is near, and serve on.
    pub announced: CancellationToken,
    /// Cancelled after the delay: stop taking on work, finish what is begun.
    pub drain: CancellationToken,
}

/// How long the steps may take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pace {
    /// From the first signal to the drain: the time that others need to learn that the exporter ends.
    pub delay: Duration,
    /// From the drain to the end.
    pub deadline: Duration,
}

/// Takes SIGTERM and SIGINT, and turns them into a drain.
#[derive(Debug)]
pub struct Shutdown {
    terminate: Stream,
    interrupt: Stream,
    termination: Termination,
}

impl Shutdown {
    /// Takes over both signals, also those that have been pending since they were blocked.
    ///
    /// It has to be called inside of the runtime, on the thread that lives as long as the process: the one in
    /// `Runtime::block_on` in `main`.
    pub fn install() -> io::Result<Self> {
        let terminate = signal(SignalKind::terminate())?;
        let interrupt = signal(SignalKind::interrupt())?;
        let both = [nix::sys::signal::Signal::SIGTERM, nix::sys::signal::Signal::SIGINT];
        both.into_iter().collect::<SigSet>().thread_unblock()?;
        Ok(Self { terminate, interrupt, termination: Termination::default() })
    }

    /// The tokens that the signals cancel.
    pub fn termination(&self) -> Termination {
        self.termination.clone()
    }

    /// Runs the work to its end; the first signal asks it to end. The work is dropped in the middle by a second signal, or
    /// when the drain takes longer than its deadline; the process then exits with status 1.
    pub async fn run<F: Future>(self, work: F, pace: Pace) -> Result<F::Output, Aborted> {
        let Self { mut terminate, mut interrupt, termination } = self;
        let next = async || {
            tokio::select! {
                Some(()) = terminate.recv() => Signal::Terminate,
                Some(()) = interrupt.recv() => Signal::Interrupt,
                else => pending().await,
            }
        };
        drive(work, next, termination, pace).await
    }
}

async fn drive<F: Future>(
    work: F,
    mut next: impl AsyncFnMut() -> Signal,
    termination: Termination,
    Pace { delay, deadline }: Pace,
) -> Result<F::Output, Aborted> {
    let mut work = pin!(work);
    let aborted = |signal| {
        tracing::warn!(%signal, "Aborted");
        Err(Aborted::Signal(signal))
    };
    tokio::select! {
        output = &mut work => return Ok(output),
        signal = next() => {
            tracing::info!(%signal, ?delay, ?deadline, "Draining; a second signal aborts");
            termination.announced.cancel();
        }
    }
    if !delay.is_zero() {
        tokio::select! {
            output = &mut work => return Ok(output),
            signal = next() => return aborted(signal),
            () = tokio::time::sleep(delay) => {}
        }
    }
    termination.drain.cancel();
    tokio::select! {
        output = work => Ok(output),
        signal = next() => aborted(signal),
        () = tokio::time::sleep(deadline) => {
            tracing::warn!(?deadline, "Not drained in time; aborted");
            Err(Aborted::Deadline)
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;

    const DELAY: Duration = Duration::from_secs(5);
    const DEADLINE: Duration = Duration::from_secs(20);

    /// Runs work that needs `needed` to drain, with signals at their second; the work ends by itself after an hour.
    async fn check(needed: u64, signals: &[(u64, Signal)], expected: Result<&'static str, Aborted>) {
        check_with(DELAY, needed, signals, expected).await;
    }

    async fn check_with(
        delay: Duration,
        needed: u64,
        signals: &[(u64, Signal)],
        expected: Result<&'static str, Aborted>,
    ) {
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
        let termination = Termination::default();
        let Termination { announced, drain } = termination.clone();
        let work = async {
            tokio::select! {
                () = announced.cancelled() => {}
                () = tokio::time::sleep(Duration::from_hours(1)) => return "done",
            }
            let announced_at = tokio::time::Instant::now();
            drain.cancelled().await;
            assert_eq!(announced_at.elapsed(), delay);
            tokio::time::sleep(Duration::from_secs(needed)).await;
            "drained"
        };
        let next = async || receive.recv().await.unwrap();
        let ended = tokio::select! {
            ended = drive(work, next, termination, Pace { delay, deadline: DEADLINE }) => ended,
            () = schedule => unreachable!(),
        };
        assert_eq!(ended, expected, "{needed:?} {signals:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_signal_drains() {
        check(5, &[(1, Signal::Terminate)], Ok("drained")).await;
        check(5, &[(1, Signal::Interrupt)], Ok("drained")).await;
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_delay_the_drain_begins_with_the_signal() {
        let signals = [(1, Signal::Terminate)];
        check_with(Duration::ZERO, 21, &signals, Err(Aborted::Deadline)).await;
        check_with(Duration::ZERO, 19, &signals, Ok("drained")).await;
    }

    #[tokio::test(start_paused = true)]
    async fn the_second_signal_aborts_whichever_it_is() {
        for second in [2, 5, 7] {
            let signals = [(1, Signal::Terminate), (second, Signal::Interrupt)];
            check(5, &signals, Err(Aborted::Signal(Signal::Interrupt))).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_drain_that_takes_too_long_is_cut_off() {
        check(21, &[(1, Signal::Terminate)], Err(Aborted::Deadline)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn work_that_ends_by_itself_needs_no_signal() {
        check(0, &[], Ok("done")).await;
    }
}
