use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, lookup_host};
use tokio::time::timeout;

use crate::config::{ListenAddress, ListenHost};

/// How many clients may wait to be accepted; what the kernel allows by default (`net.core.somaxconn`).
const BACKLOG: u32 = 4096;
const RESOLVE: Duration = Duration::from_secs(5);

/// A listening socket that nobody serves yet; clients already queue.
#[derive(Debug)]
pub struct Bound {
    listener: TcpListener,
    local: SocketAddr,
}

/// An address can not be listened on.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Somebody else has it.
    #[error("cannot listen on {0}: the address is in use; choose another port, or stop what listens there")]
    InUse(SocketAddr),
    /// No interface has it.
    #[error(
        "cannot listen on {0}: this host does not have the address; use one that it has, or 0.0.0.0 for all"
    )]
    NotOnThisHost(SocketAddr),
    /// The port is reserved.
    #[error(
        "cannot listen on {0}: permission denied; use a port from 1024 on, or give the process CAP_NET_BIND_SERVICE"
    )]
    Privileged(SocketAddr),
    /// The name means nothing.
    #[error(
        "cannot listen on host {host:?}: {cause}; use an IP address, or a name that resolves on this host"
    )]
    Unresolved {
        /// The name.
        host: String,
        /// What the resolver said.
        cause: String,
    },
    /// Something else.
    #[error("cannot listen on {address}: {cause}")]
    Other {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        cause: io::Error,
    },
    /// The old address had to be given up to try the new one, and could not be had again.
    #[error(
        "{error}; the old address {old} can not be had back yet either ({cause}), and is tried again every second"
    )]
    OldLost {
        /// Why the new address failed.
        error: Box<BindError>,
        /// The address that nobody listens on now.
        old: SocketAddr,
        /// Why the old address failed.
        cause: Box<BindError>,
    },
}

impl Bound {
    /// Binds and listens. Port 0 takes any free port.
    pub fn bind(address: SocketAddr) -> Result<Self, BindError> {
        let listen = || {
            let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
            // Connections of an earlier listener may linger on the port. Never SO_REUSEPORT: it would let a
            // second exporter start silently on ours.
            socket.set_reuseaddr(true)?;
            socket.bind(address)?;
            let listener = socket.listen(BACKLOG)?;
            let local = listener.local_addr()?;
            Ok(Self { listener, local })
        };
        listen().map_err(|cause: io::Error| match cause.kind() {
            io::ErrorKind::AddrInUse => BindError::InUse(address),
            io::ErrorKind::AddrNotAvailable => BindError::NotOnThisHost(address),
            io::ErrorKind::PermissionDenied => BindError::Privileged(address),
            _ => BindError::Other { address, cause },
        })
    }

    /// The address with the port that was really taken.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    pub(super) fn into_listener(self) -> TcpListener {
        self.listener
    }
}

/// The address that is asked for.
pub(super) async fn resolve(address: &ListenAddress) -> Result<SocketAddr, BindError> {
    let port = address.port;
    let name = match &address.host {
        ListenHost::Ip(address) => return Ok(SocketAddr::new(*address, port)),
        ListenHost::Name(name) => name,
    };
    if let Ok(address) = name.trim_matches(['[', ']']).parse::<IpAddr>() {
        return Ok(SocketAddr::new(address, port));
    }
    let unresolved = |cause: String| BindError::Unresolved { host: name.clone(), cause };
    let mut addresses = timeout(RESOLVE, lookup_host((name.as_str(), port)))
        .await
        .map_err(|_| unresolved("the name service did not answer within 5 s".to_owned()))?
        .map_err(|cause| unresolved(cause.to_string()))?;
    addresses.next().ok_or_else(|| unresolved("the name has no address".to_owned()))
}

/// Whether two sockets can not listen at one time since one's addresses include the other's.
pub(super) fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    one.port() == other.port() && (covers(one.ip(), other.ip()) || covers(other.ip(), one.ip()))
}

fn covers(wide: IpAddr, narrow: IpAddr) -> bool {
    match wide {
        _ if wide.to_canonical() == narrow.to_canonical() => true,
        IpAddr::V4(wide) => wide.is_unspecified() && narrow.to_canonical().is_ipv4(),
        // `::` takes IPv4 as well, unless the system says otherwise (`net.ipv6.bindv6only`).
        IpAddr::V6(wide) => wide.is_unspecified(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(one: &str, other: &str, expected: bool) {
        let (one, other) = (one.parse().unwrap(), other.parse().unwrap());
        assert_eq!(overlap(one, other), expected, "{one} {other}");
        assert_eq!(overlap(other, one), expected, "{other} {one}");
    }

    #[test]
    fn addresses_overlap_where_one_takes_the_others_clients() {
        check("0.0.0.0:1", "127.0.0.1:1", true);
        check("0.0.0.0:1", "127.0.0.1:2", false);
        check("[::]:1", "127.0.0.1:1", true);
        check("[::]:1", "0.0.0.0:1", true);
        check("[::]:1", "[::1]:1", true);
        check("0.0.0.0:1", "[::1]:1", false);
        check("127.0.0.1:1", "127.0.0.2:1", false);
        check("[::1]:1", "127.0.0.1:1", false);
        check("[::ffff:127.0.0.1]:1", "127.0.0.1:1", true);
    }

    fn named(host: &str) -> ListenAddress {
        ListenAddress { host: ListenHost::Name(host.to_owned()), port: 7 }
    }

    #[tokio::test]
    async fn names_and_bracketed_addresses_are_resolved() {
        assert_eq!(resolve(&named("[::1]")).await.unwrap(), "[::1]:7".parse().unwrap());
        assert!(resolve(&named("localhost")).await.unwrap().ip().is_loopback());
    }

    #[tokio::test]
    async fn an_error_names_the_address_and_the_cure() {
        let taken = Bound::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let problem = Bound::bind(taken.local_addr()).unwrap_err().to_string();
        assert!(problem.contains(&taken.local_addr().to_string()) && problem.contains("in use"), "{problem}");
        // TEST-NET-1 of RFC 5737 is on no host.
        let problem = Bound::bind("192.0.2.1:0".parse().unwrap()).unwrap_err().to_string();
        assert!(problem.contains("192.0.2.1:0") && problem.contains("0.0.0.0"), "{problem}");
    }
}
