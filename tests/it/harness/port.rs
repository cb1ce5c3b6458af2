//! A port that nobody else gets.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::TcpSocket;

/// A port of all IPv4 addresses that the kernel gives to nobody else while this lives: whoever asks for any port gets
/// another, who connects is refused, and only who names the port may listen there.
pub struct Port {
    number: u16,
    /// Bound and never listening. Another socket may listen beside it, as both allow the address to be shared.
    _held: TcpSocket,
}

impl Port {
    /// Takes one that is free.
    pub fn reserve() -> Self {
        let held = TcpSocket::new_v4().unwrap();
        held.set_reuseaddr(true).unwrap();
        held.bind((Ipv4Addr::UNSPECIFIED, 0).into()).unwrap();
        Self { number: held.local_addr().unwrap().port(), _held: held }
    }

    /// Its number.
    pub fn number(&self) -> u16 {
        self.number
    }

    /// Its address on 127.0.0.1.
    pub fn local(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.number).into()
    }
}
