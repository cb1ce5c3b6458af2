//! Tells systemd what becomes of the service.

use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram as StdDatagram};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::net::UnixDatagram;
use tokio::time::timeout;

/// What does not fit into systemd's queue by then is lost: a manager that hangs must not hold us up.
const PATIENCE: Duration = Duration::from_secs(1);
/// The longest status, in bytes; `systemctl status` shows one line.
const LONGEST: usize = 1024;

/// What systemd is told.
#[derive(Debug)]
pub(crate) enum News {
    /// The first configuration runs, or a reload has ended; and what runs, in words.
    Ready(String),
    /// What runs, in words.
    Status(String),
    /// A reload begins.
    Reloading,
    /// The end begins.
    Stopping,
    /// All is alive.
    Alive,
}

/// The way to systemd.
#[derive(Debug)]
pub(crate) struct Notifier(UnixDatagram);

impl Notifier {
    /// Of a socket's path, or of an abstract name behind an `@`.
    pub(crate) fn connect(address: &OsStr) -> io::Result<Self> {
        let address = match address.as_bytes() {
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
            path => SocketAddr::from_pathname(OsStr::from_bytes(path))?,
        };
        let socket = StdDatagram::unbound()?;
        socket.connect_addr(&address)?;
        socket.set_nonblocking(true)?;
        Ok(Self(UnixDatagram::from_std(socket)?))
    }

    /// Tells it, if it listens.
    pub(crate) async fn tell(&self, state: News) {
        let message = state.message();
        match timeout(PATIENCE, self.0.send(message.as_bytes())).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!(%error, "The service manager can not be told"),
            Err(_) => tracing::warn!(waited = ?PATIENCE, "The service manager does not listen"),
        }
    }
}

impl News {
    fn message(self) -> String {
        match self {
            Self::Ready(words) => format!("READY=1\nSTATUS={}", one_line(&words)),
            Self::Status(words) => format!("STATUS={}", one_line(&words)),
            Self::Reloading => format!("RELOADING=1\nMONOTONIC_USEC={}", monotonic_microseconds()),
            Self::Stopping => "STOPPING=1\nSTATUS=Answering the open requests".to_owned(),
            Self::Alive => "WATCHDOG=1".to_owned(),
        }
    }
}

/// Lines parted by semicolons, since a line feed would begin another assignment; not too long.
fn one_line(words: &str) -> String {
    let mut line = words.lines().collect::<Vec<_>>().join("; ");
    if line.len() > LONGEST {
        line.truncate(line.floor_char_boundary(LONGEST));
        line.push('…');
    }
    line
}

/// By the clock with which systemd compares when it asked for the reload.
fn monotonic_microseconds() -> i64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec * 1_000_000 + now.tv_nsec / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_of_many_lines_is_one_status_and_can_not_say_anything_else_to_systemd() {
        let hostile = "no port\nMAINPID=1\r\nSTOPPING=1";
        let message = News::Ready(hostile.to_owned()).message();
        assert_eq!(message, "READY=1\nSTATUS=no port; MAINPID=1; STOPPING=1");
        let long = News::Status("é".repeat(LONGEST)).message();
        assert!(long.len() < LONGEST + 20 && long.ends_with("é…"), "{long}");
    }

    #[tokio::test]
    async fn it_is_told_by_a_path_and_by_an_abstract_name() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let name = format!("nbu-exporter-test-{}", std::process::id());
        let by_path = (StdDatagram::bind(&path).unwrap(), path.into_os_string());
        let abstract_address = SocketAddr::from_abstract_name(&name).unwrap();
        let by_name = (StdDatagram::bind_addr(&abstract_address).unwrap(), format!("@{name}").into());
        for (systemd, address) in [by_path, by_name] {
            Notifier::connect(&address).unwrap().tell(News::Alive).await;
            let mut heard = [0; 64];
            let length = systemd.recv(&mut heard).unwrap();
            assert_eq!(&heard[..length], b"WATCHDOG=1");
        }
    }
}
