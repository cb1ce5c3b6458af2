//! The address that we listen on.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use super::decoder::Scalar as _;

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenAddress {
    /// The host.
    pub host: ListenHost,
    /// The port; 0 takes any free one.
    pub port: u16,
}

/// The host part of the listen address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenHost {
    /// An IP address; `0.0.0.0` is all of IPv4, and `::` is all of IPv6 and IPv4.
    Ip(IpAddr),
    /// A name that is resolved when the listener is bound.
    Name(String),
}

impl Default for ListenAddress {
    fn default() -> Self {
        Self { host: ListenHost::Ip(Ipv6Addr::UNSPECIFIED.into()), port: 9440 }
    }
}

impl ListenAddress {
    /// Whether a listener here also takes the connections to `other`.
    pub fn covers(&self, other: &Self) -> bool {
        self.port == other.port && self.host.covers(&other.host)
    }
}

impl ListenHost {
    /// Whether this is `other`, or all addresses of its kind.
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Ip(wide), Self::Ip(narrow)) if wide.to_canonical() == narrow.to_canonical() => true,
            (Self::Ip(IpAddr::V4(wide)), Self::Ip(narrow)) => {
                wide.is_unspecified() && narrow.to_canonical().is_ipv4()
            }
            (Self::Ip(IpAddr::V6(wide)), _) => wide.is_unspecified(),
            _ => self == other,
        }
    }
}

/// As flags have it: `host:port`, `[::1]:port`, or `:port` for all addresses of IPv6 and IPv4.
impl FromStr for ListenAddress {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wanted =
            "expected HOST:PORT or :PORT, such as :9440, 127.0.0.1:9440, [::1]:9440 or localhost:9440";
        let (host, port) = text.rsplit_once(':').ok_or(wanted)?;
        let bare = host.contains(':') && !host.starts_with('[');
        let digits = port.bytes().all(|byte| byte.is_ascii_digit());
        let port = port.parse().ok().filter(|_| digits && !bare).ok_or(wanted)?;
        let host =
            if host.is_empty() { Self::default().host } else { ListenHost::parse(host).ok_or(wanted)? };
        Ok(Self { host, port })
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            ListenHost::Ip(IpAddr::V6(address)) => write!(formatter, "[{address}]:{}", self.port),
            ListenHost::Ip(address) => write!(formatter, "{address}:{}", self.port),
            ListenHost::Name(name) => write!(formatter, "{name}:{}", self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_is_read_as_people_write_it_and_shown_the_same_way() {
        for (text, shown) in [
            (":9440", "[::]:9440"),
            ("0.0.0.0:9440", "0.0.0.0:9440"),
            ("127.0.0.1:0", "127.0.0.1:0"),
            ("[::]:9440", "[::]:9440"),
            ("localhost:9440", "localhost:9440"),
        ] {
            assert_eq!(
                text.parse::<ListenAddress>().map(|address| address.to_string()).as_deref(),
                Ok(shown)
            );
        }
        for text in
            ["", ":", "9440", "127.0.0.1", "h:", "h:99999", "h:+1", "::1:9440", "*:9440", "http://h:1"]
        {
            assert!(text.parse::<ListenAddress>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_default_is_the_keys_default() {
        let material = super::super::Material { text: b"nbuservers: []".to_vec(), ..Default::default() };
        let loaded =
            super::super::load("c.yaml".as_ref(), &material, super::super::Strictness::Full).unwrap();
        assert_eq!(loaded.config.server.listen_address(), ListenAddress::default());
    }
}
