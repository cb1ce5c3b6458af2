//! Binding the addresses that are to be served.

use std::collections::HashSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use nix::errno::Errno;
use socket2::SockRef;
use tokio::net::{TcpListener, TcpSocket, lookup_host};
use tokio::time::timeout;

use crate::config::{ListenAddress, ListenHost};

/// How many clients may wait to be accepted; what the kernel allows by default (`net.core.somaxconn`).
const BACKLOG: u32 = 4096;
const RESOLVE: Duration = Duration::from_secs(5);
/// Every address, on any free port.
const EVERY: SocketAddr = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 0);

/// A listening socket that nobody serves yet; clients already queue.
#[derive(Debug)]
pub(super) struct Bound {
    listener: TcpListener,
    local: SocketAddr,
}

/// An address can not be listened on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BindError {
    /// Another process has it.
    #[error("cannot listen on {0}: the address is in use; choose another port, or stop what listens there")]
    InUse(SocketAddr),
    /// No interface has it.
    #[error("cannot listen on {0}: this host does not have the address; use one that it has, or :: for all")]
    NotOnThisHost(SocketAddr),
    /// The port is reserved.
    #[error(
        "cannot listen on {0}: permission denied; use a port from 1024 on, or give the process CAP_NET_BIND_SERVICE"
    )]
    Privileged(SocketAddr),
    /// The name does not resolve.
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
}

impl Bound {
    /// A socket on which a service manager listens already. It keeps its own handle, so that no client is refused while we restart.
    pub(super) fn passed(socket: &std::net::TcpListener, address: SocketAddr) -> Result<Self, BindError> {
        let own = || {
            let own = socket.try_clone()?;
            own.set_nonblocking(true)?;
            Ok(Self { listener: TcpListener::from_std(own)?, local: address })
        };
        own().map_err(|cause| BindError::Other { address, cause })
    }

    /// Binds and listens; `[::]` takes IPv4 as well. Port 0 takes any free port.
    pub(super) fn bind(address: SocketAddr) -> Result<Self, BindError> {
        Self::listen(address, &[])
    }

    /// Binds an address that shares its port with listeners of ours, of which one covers the other. Both listen then:
    /// a client comes to the one with the narrowest address that is its own.
    pub(super) fn bind_beside(address: SocketAddr, ours: &[Arc<TcpListener>]) -> Result<Self, BindError> {
        // Only for the time of the bind: while it is set, any program of the same user could share the port.
        let share = |shared| ours.iter().try_for_each(|own| SockRef::from(&**own).set_reuse_port(shared));
        share(true).map_err(|cause| BindError::Other { address, cause })?;
        let bound = Self::listen(address, ours);
        // It can not fail: setting it was possible a moment ago.
        let _ = share(false);
        bound
    }

    fn listen(address: SocketAddr, ours: &[Arc<TcpListener>]) -> Result<Self, BindError> {
        let listen = || {
            let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
            if address.is_ipv6() {
                // The system's default may be another (`net.ipv6.bindv6only`).
                SockRef::from(&socket).set_only_v6(false)?;
            }
            // Connections of an earlier listener may linger on the port. SO_REUSEPORT only beside our own: it would let
            // a second exporter start silently on our port.
            socket.set_reuseaddr(true)?;
            socket.set_reuseport(!ours.is_empty())?;
            socket.bind(address)?;
            let listener = socket.listen(BACKLOG)?;
            SockRef::from(&listener).set_reuse_port(false)?;
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
    pub(super) fn local_addr(&self) -> SocketAddr {
        self.local
    }

    pub(super) fn into_listener(self) -> TcpListener {
        self.listener
    }
}

/// The addresses that are asked for, without those that another one covers.
pub(super) async fn resolve(addresses: &[ListenAddress]) -> Result<Vec<SocketAddr>, BindError> {
    let mut resolved = Vec::new();
    for address in addresses {
        let address = resolve_one(address).await?;
        resolved.push(reachable(address, || TcpSocket::new_v6().and_then(|socket| socket.bind(EVERY))));
    }
    let all = resolved.clone();
    resolved.retain(|one| !all.iter().any(|other| other != one && covers(*other, *one)));
    // Port 0 is another port each time, so it is never a duplicate.
    let mut seen = HashSet::new();
    resolved.retain(|address| address.port() == 0 || seen.insert(*address));
    Ok(resolved)
}

async fn resolve_one(address: &ListenAddress) -> Result<SocketAddr, BindError> {
    let port = address.port;
    let name = match &address.host {
        ListenHost::Ip(address) => return Ok(SocketAddr::new(address.to_canonical(), port)),
        ListenHost::Name(name) => name,
    };
    if let Ok(address) = name.trim_matches(['[', ']']).parse::<IpAddr>() {
        return Ok(SocketAddr::new(address.to_canonical(), port));
    }
    let unresolved = |cause: String| BindError::Unresolved { host: name.clone(), cause };
    let mut addresses = timeout(RESOLVE, lookup_host((name.as_str(), port)))
        .await
        .map_err(|_| unresolved("the name service did not answer within 5 s".to_owned()))?
        .map_err(|cause| unresolved(cause.to_string()))?;
    addresses.next().ok_or_else(|| unresolved("the name has no address".to_owned()))
}

/// `[::]` means every address; where IPv6 is off, these are the addresses of IPv4.
fn reachable(address: SocketAddr, try_ipv6: impl FnOnce() -> io::Result<()>) -> SocketAddr {
    let is_every = address.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED);
    if is_every && try_ipv6().is_err_and(|error| is_lack_of_ipv6(&error)) {
        return SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), address.port());
    }
    address
}

/// The kernel has no IPv6 (`ipv6.disable=1`, a seccomp filter), or no interface has an IPv6 address.
fn is_lack_of_ipv6(error: &io::Error) -> bool {
    let unsupported = [Errno::EAFNOSUPPORT, Errno::EPROTONOSUPPORT].map(|errno| errno as i32);
    error.kind() == io::ErrorKind::AddrNotAvailable
        || error.raw_os_error().is_some_and(|code| unsupported.contains(&code))
}

/// Whether two sockets need care to listen at one time, since the addresses of one include those of the other.
pub(super) fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    covers(one, other) || covers(other, one)
}

/// Whether a client of the narrow address is a client of the wide one as well.
pub(super) fn covers(wide: SocketAddr, narrow: SocketAddr) -> bool {
    wide.port() == narrow.port() && ListenHost::Ip(wide.ip()).covers(&ListenHost::Ip(narrow.ip()))
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
        assert_eq!(resolve(&[named("[::1]")]).await.unwrap(), ["[::1]:7".parse().unwrap()]);
        assert!(resolve(&[named("localhost")]).await.unwrap()[0].ip().is_loopback());
    }

    #[tokio::test]
    async fn an_address_that_another_one_covers_needs_no_listener_of_its_own() {
        let resolved = async |texts: &[&str]| {
            let addresses: Vec<ListenAddress> = texts.iter().map(|text| text.parse().unwrap()).collect();
            resolve(&addresses).await.unwrap().iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(resolved(&["0.0.0.0:7", "127.0.0.1:7", "0.0.0.0:7"]).await, ["0.0.0.0:7"]);
        assert_eq!(resolved(&["[::1]:7", "127.0.0.1:7"]).await, ["[::1]:7", "127.0.0.1:7"]);
        assert_eq!(resolved(&["[::ffff:127.0.0.1]:7", "127.0.0.1:7"]).await, ["127.0.0.1:7"]);
        assert_eq!(resolved(&["127.0.0.1:0", "127.0.0.1:0"]).await.len(), 2);
    }

    #[test]
    fn where_ipv6_is_off_all_addresses_are_those_of_ipv4() {
        let check = |address: &str, errno: Option<Errno>, expected: &str| {
            let result = errno.map_or(Ok(()), |errno| Err(io::Error::from_raw_os_error(errno as i32)));
            let address = reachable(address.parse().unwrap(), || result);
            assert_eq!(address.to_string(), expected, "{errno:?}");
        };
        check("[::]:7", None, "[::]:7");
        for off in [Errno::EAFNOSUPPORT, Errno::EPROTONOSUPPORT, Errno::EADDRNOTAVAIL] {
            check("[::]:7", Some(off), "0.0.0.0:7");
            check("[::1]:7", Some(off), "[::1]:7");
        }
        // What is wrong otherwise is wrong with IPv4 as well, and is told.
        check("[::]:7", Some(Errno::EMFILE), "[::]:7");
    }

    #[tokio::test]
    async fn an_error_names_the_address_and_the_cure() {
        let taken = Bound::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let error = Bound::bind(taken.local_addr()).unwrap_err().to_string();
        assert!(error.contains(&taken.local_addr().to_string()) && error.contains("in use"), "{error}");
        // TEST-NET-1 of RFC 5737 is on no host.
        let error = Bound::bind("192.0.2.1:0".parse().unwrap()).unwrap_err().to_string();
        assert!(error.contains("192.0.2.1:0") && error.contains(":: for all"), "{error}");
    }
}
