//! SIGHUP as a request to reload. It never ends the process and is never lost.
//!
//! A signal that arrives before its handler is installed kills the process, or is dropped when the process is
//! PID 1. So [`block`] is the first thing in `main`: from then on signals stay pending, and those that are taken
//! over with [`Hangups::install`] are delivered then.

use std::future::pending;
use std::io;

use nix::sys::signal::{SigSet, Signal};
use tokio::signal::unix::{SignalKind, signal};

/// Keeps SIGHUP, SIGTERM and SIGINT pending until they are taken over. To be called first thing in `main`: threads
/// that are started later inherit it, those of the runtime above all.
pub fn block() -> io::Result<()> {
    Ok(taken().thread_block()?)
}

/// Gives back what [`block`] took, for a command that has no configuration to reload: it ends by each of them.
pub fn release() -> io::Result<()> {
    Ok(taken().thread_unblock()?)
}

fn taken() -> SigSet {
    [Signal::SIGHUP, Signal::SIGTERM, Signal::SIGINT].into_iter().collect()
}

/// The one stream of SIGHUPs. Several that arrive while nobody waits count as one.
///
/// It has to live as long as the process: after it is dropped, the signal has no effect.
#[derive(Debug)]
pub struct Hangups {
    stream: tokio::signal::unix::Signal,
}

impl Hangups {
    /// Takes over SIGHUP, also one that was sent since [`block`], and also where it was inherited as ignored or
    /// blocked (`nohup`, a parent that blocks it).
    ///
    /// To be called inside the runtime, on the thread that stays as long as the process: the one that is in
    /// `Runtime::block_on` in `main`. It is the only one that takes the signal, and one is enough.
    pub fn install() -> io::Result<Self> {
        let stream = signal(SignalKind::hangup())?;
        SigSet::from(Signal::SIGHUP).thread_unblock()?;
        Ok(Self { stream })
    }

    /// Waits for the next SIGHUP. Cancel safe.
    pub async fn next(&mut self) {
        if self.stream.recv().await.is_none() {
            pending::<()>().await;
        }
    }
}
