//! What systemd gives to a service, and what a service tells it: `sd_listen_fds(3)`, `sd_notify(3)`, `sd_watchdog_enabled(3)`.

mod notifier;

use std::env;
use std::ffi::OsString;
use std::io;
use std::net::TcpListener;
use std::process;
use std::time::Duration;

use listenfd::ListenFd;

pub(crate) use notifier::{News, Notifier};

/// What systemd gives to this process; nothing where another has started it.
#[derive(Debug, Default)]
pub struct ServiceManager {
    /// Where it listens for news.
    pub(crate) notify: Option<OsString>,
    /// It kills a service that was silent for this long.
    pub(crate) watchdog: Option<Duration>,
    /// Sockets on which it has listened for us (`nbu-exporter.socket`).
    pub(crate) sockets: Vec<TcpListener>,
}

/// A socket that systemd passes is of no use.
#[derive(Debug, thiserror::Error)]
#[error(
    "systemd passes a socket that can not be served: {0}; its unit needs ListenStream= with a port or an IP address, \
     and Accept=no"
)]
pub struct UselessSocket(#[from] io::Error);

impl ServiceManager {
    /// Takes what is there. To be called once, before any thread runs: it clears variables, so that what they name is taken once.
    pub fn take() -> Result<Self, UselessSocket> {
        let variable = |name| env::var(name).ok();
        let mut passed = ListenFd::from_env();
        let mut sockets = Vec::with_capacity(passed.len());
        for index in 0..passed.len() {
            sockets.extend(passed.take_tcp_listener(index)?);
        }
        Ok(Self {
            notify: env::var_os("NOTIFY_SOCKET").filter(|address| !address.is_empty()),
            watchdog: watchdog(variable("WATCHDOG_USEC").as_deref(), variable("WATCHDOG_PID").as_deref()),
            sockets,
        })
    }
}

/// After which silence we are killed, if that is meant for this process.
fn watchdog(microseconds: Option<&str>, pid: Option<&str>) -> Option<Duration> {
    let is_ours = pid.is_none_or(|pid| pid.parse() == Ok(process::id()));
    let microseconds = microseconds?.parse().ok().filter(|microseconds| is_ours && *microseconds > 0)?;
    Some(Duration::from_micros(microseconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watchdog_that_waits_for_another_process_is_none_of_ours() {
        let own = process::id().to_string();
        for (microseconds, pid, expected) in [
            (Some("2000000"), None, Some(2)),
            (Some("2000000"), Some(own.as_str()), Some(2)),
            (Some("2000000"), Some("1"), None),
            (Some("2000000"), Some("x"), None),
            (Some("0"), None, None),
            (Some("soon"), None, None),
            (None, Some(own.as_str()), None),
        ] {
            let waits = watchdog(microseconds, pid).map(|waits| waits.as_secs());
            assert_eq!(waits, expected, "{microseconds:?} {pid:?}");
        }
    }
}
