//! The proxy of a site: that of `proxyUrl`, else that of the environment.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::{Value, json};
use url::Url;

use super::address::{Host, Port};
use super::decoder::Scalar;
use super::key::Secrecy;
use super::{Endpoint, Scheme, pattern};

/// The proxy of a site.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Proxy {
    /// None: connections are direct.
    Direct,
    /// This one; the URL may hold a password.
    Url(Url),
    /// The environment names one that can not be used, so connections are direct.
    Unusable(UnusableProxy),
}

impl fmt::Debug for Proxy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Direct => formatter.write_str("Direct"),
            Self::Url(url) => write!(formatter, "Url({:?})", url.host_str()),
            Self::Unusable(problem) => write!(formatter, "Unusable({problem})"),
        }
    }
}

/// A variable of the environment that names no proxy. Its value may hold a password, so it is never shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("the environment variable {variable} can not be used as a proxy: {why}")]
pub struct UnusableProxy {
    /// The name of the variable.
    pub variable: &'static str,
    why: ProxyError,
}

impl UnusableProxy {
    /// What to do about it.
    pub const CURE: &str = "set it to http://HOST:PORT, https://HOST:PORT or socks5://HOST:PORT, or unset it; proxyUrl wins over it";
}

/// Why a text is not the URL of a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
enum ProxyError {
    #[error("it is no URL")]
    Url,
    #[error("its scheme is none of http, https, socks5 and socks5h")]
    Scheme,
    #[error("it names no host")]
    Host,
    #[error("it holds a blank or a control character")]
    Blank,
}

/// The value of `proxyUrl`. It has no `Debug`: the URL may hold a password.
#[derive(Clone)]
pub(super) enum ProxyUrl {
    /// `none`: the environment does not count.
    None,
    /// A proxy.
    Url(Url),
}

impl Scalar for ProxyUrl {
    const SECRECY: Secrecy = Secrecy::Url;

    fn wants() -> String {
        "a URL such as http://proxy.example:3128 or socks5://proxy.example:1080, or none".to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        if text.eq_ignore_ascii_case("none") {
            return Some(Self::None);
        }
        is_well_formed(text).then_some(())?;
        parse(text).ok().map(Self::Url)
    }

    fn schema() -> Value {
        let patterns = [format!("^[nN][oO][nN][eE]$|{}", pattern::url()), pattern::LITERAL.to_owned()];
        json!({ "type": "string", "allOf": pattern::all(&patterns) })
    }
}

/// Whether this is a well-formed URL. The URL parser corrects too much: it accepts `http://a\\b`.
fn is_well_formed(text: &str) -> bool {
    let Some((_, rest)) = text.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let address = authority.rsplit_once('@').map_or(authority, |(_, address)| address);
    let colon = address.rfind(':').filter(|colon| !address.get(*colon..).unwrap_or_default().contains(']'));
    let (host, port) = address.split_at(colon.unwrap_or(address.len()));
    let bare = host.contains(':') && !host.starts_with('[');
    let ascii = host.is_ascii() && !bare && Host::parse(host).is_some();
    let right = |port: &str| Port::parse(port).is_some() && !port.contains('.');
    ascii && port.strip_prefix(':').is_none_or(right) && !authority.contains('\\')
}

/// The proxies of the environment, as curl and Go programs read them.
#[derive(Clone, Debug)]
pub(super) struct EnvironmentProxies {
    http: Proxy,
    https: Proxy,
    exceptions: Exceptions,
}

impl EnvironmentProxies {
    /// Reads `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` where the scheme has no variable of its own, and `NO_PROXY`. The
    /// lower-case name wins, and an empty variable counts as unset.
    pub(super) fn new(environment: &BTreeMap<String, String>) -> Self {
        let first = |names: &[&'static str]| {
            let given = names.iter().filter_map(|name| Some((*name, environment.get(*name)?.as_str())));
            given.map(|(name, value)| (name, unwrapped(value))).find(|(_, value)| !value.is_empty())
        };
        let proxy = |names: &[&'static str]| match first(names) {
            None => Proxy::Direct,
            Some((variable, value)) => match parse(value) {
                Ok(url) => Proxy::Url(url),
                Err(why) => Proxy::Unusable(UnusableProxy { variable, why }),
            },
        };
        Self {
            http: proxy(&["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]),
            https: proxy(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]),
            exceptions: Exceptions::new(first(&["no_proxy", "NO_PROXY"]).map_or("", |(_, list)| list)),
        }
    }

    /// The proxy of an endpoint.
    pub(super) fn for_endpoint(&self, endpoint: &Endpoint) -> Proxy {
        // A proxy would see the API key in clear text, and can not reach this machine by that name.
        if endpoint.is_loopback() || self.exceptions.contain(endpoint.host(), endpoint.port()) {
            return Proxy::Direct;
        }
        match endpoint.scheme() {
            Scheme::Http => self.http.clone(),
            Scheme::Https => self.https.clone(),
        }
    }
}

/// The value without blanks, line ends and quotes around it, which are there by mistake.
fn unwrapped(value: &str) -> &str {
    let value = value.trim();
    let inner = ['"', '\''].into_iter().find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote));
    inner.unwrap_or(value).trim()
}

/// `HOST:PORT` alone means plain HTTP, as everywhere.
fn parse(text: &str) -> Result<Url, ProxyError> {
    if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(ProxyError::Blank);
    }
    let url = if text.contains("://") { Url::parse(text) } else { Url::parse(&format!("http://{text}")) };
    let url = url.map_err(|error| match error {
        url::ParseError::EmptyHost => ProxyError::Host,
        _ => ProxyError::Url,
    })?;
    if !matches!(url.scheme(), "http" | "https" | "socks5" | "socks5h") {
        return Err(ProxyError::Scheme);
    }
    match url.host_str() {
        None | Some("") => Err(ProxyError::Host),
        Some(_) => Ok(url),
    }
}

/// The address; an IPv4 address mapped into IPv6 is that IPv4 address.
fn address(text: &str) -> Option<IpAddr> {
    text.trim_matches(['[', ']']).parse().ok().map(|ip: IpAddr| ip.to_canonical())
}

/// `NO_PROXY`, read as Go's `golang.org/x/net/http/httpproxy` does: `tests/go/noproxy` holds both to one table.
#[derive(Clone, Debug, Default)]
struct Exceptions(Vec<Exception>);

#[derive(Clone, Debug)]
enum Exception {
    Everything,
    Network(IpNet),
    Address {
        ip: IpAddr,
        port: Option<String>,
    },
    /// The names below a domain, which begins with a dot, and perhaps that name itself.
    Domain {
        suffix: String,
        itself: bool,
        port: Option<String>,
    },
}

impl Exceptions {
    fn new(list: &str) -> Self {
        Self(list.split(',').filter_map(|item| Exception::parse(item.trim())).collect())
    }

    fn contain(&self, host: &str, port: u16) -> bool {
        let ip = address(host);
        self.0.iter().any(|exception| exception.matches(host, ip, &port.to_string()))
    }
}

impl Exception {
    /// An item that can not be parsed excepts nothing.
    fn parse(item: &str) -> Option<Self> {
        if item == "*" {
            return Some(Self::Everything);
        }
        if let Some(network) = network(item) {
            return Some(Self::Network(network));
        }
        let (host, port) = with_port(item);
        if let Ok(ip) = host.parse::<IpAddr>() {
            return Some(Self::Address { ip: ip.to_canonical(), port });
        }
        let name = host.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(host);
        let itself = !name.starts_with('.');
        let name = name.strip_prefix('.').unwrap_or(name);
        if name.is_empty() {
            return None;
        }
        // In Punycode, as in URLs. An invalid name stays as it is and matches nothing.
        let name = idna::domain_to_ascii(name).unwrap_or_else(|_| name.to_lowercase());
        Some(Self::Domain { suffix: format!(".{name}"), itself, port })
    }

    fn matches(&self, host: &str, ip: Option<IpAddr>, actual: &str) -> bool {
        let same_port = |port: &Option<String>| port.as_deref().is_none_or(|port| port == actual);
        match self {
            Self::Everything => true,
            Self::Network(network) => ip.is_some_and(|ip| network.contains(&ip)),
            Self::Address { ip: excepted, port } => ip == Some(*excepted) && same_port(port),
            Self::Domain { suffix, itself, port } => {
                let is_it = *itself && suffix.strip_prefix('.') == Some(host);
                ip.is_none() && (is_it || host.ends_with(suffix.as_str())) && same_port(port)
            }
        }
    }
}

/// `ADDRESS/BITS`; the standard library refuses an address that others read as octal.
fn network(item: &str) -> Option<IpNet> {
    let (ip, bits) = item.split_once('/')?;
    IpNet::new(ip.parse().ok()?, bits.parse().ok()?).ok()
}

/// The host and the port of `HOST:PORT` or `[IPV6]:PORT`; anything else is a host alone, and an empty port is none.
fn with_port(item: &str) -> (&str, Option<String>) {
    let bracketed = item.strip_prefix('[').and_then(|rest| rest.split_once("]:"));
    let plain = item.split_once(':').filter(|(_, port)| !port.contains(':'));
    match bracketed.or(plain) {
        Some((host, port)) => (host, Some(port.to_owned()).filter(|port| !port.is_empty())),
        None => (item, None),
    }
}

#[cfg(test)]
mod tests {
    use super::super::scalar::tests::{accepted, refused};
    use super::*;

    fn proxies(variables: &[(&str, &str)]) -> EnvironmentProxies {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        EnvironmentProxies::new(&variables.collect())
    }

    fn endpoint(url: &str) -> Endpoint {
        let url = Url::parse(url).unwrap();
        let scheme = if url.scheme() == "http" { Scheme::Http } else { Scheme::Https };
        Endpoint::new(scheme, url.host_str().unwrap(), url.port_or_known_default().unwrap(), "")
    }

    fn way(variables: &[(&str, &str)], url: &str) -> String {
        match proxies(variables).for_endpoint(&endpoint(url)) {
            Proxy::Direct => "direct".to_owned(),
            Proxy::Url(url) => url.as_str().trim_end_matches('/').to_owned(),
            Proxy::Unusable(problem) => problem.to_string(),
        }
    }

    #[test]
    fn proxies_are_urls_of_http_or_socks_or_none() {
        accepted::<ProxyUrl>(&["none", "None", "http://proxy:3128", "https://joe:pw@proxy.example/"]);
        accepted::<ProxyUrl>(&["socks5://proxy:1080", "socks5h://joe:pw@[::1]"]);
        refused::<ProxyUrl>(&[
            "",
            "proxy:3128",
            "socks4://proxy:1",
            "http://pro\nxy",
            " http://proxy",
            "http://a\\b",
            "http://a:",
            "http://1",
            "http://[::1",
            "socks5://",
            "http://",
            "ftp://a",
            "http://a b",
        ]);
    }

    #[test]
    fn no_proxy_is_read_as_gos_httpproxy_reads_it() {
        let verdicts = include_str!("../../tests/go/noproxy/verdicts.txt");
        assert!(verdicts.lines().count() > 70);
        for line in verdicts.lines() {
            let [list, url, expected] = line.split(" | ").collect::<Vec<_>>()[..] else { panic!("{line}") };
            let environment = [
                ("HTTP_PROXY", "http://plain.proxy:3128"),
                ("HTTPS_PROXY", "http://secure.proxy:3128"),
                ("NO_PROXY", list),
            ];
            assert_eq!(way(&environment, url), expected, "{line}");
        }
    }

    #[test]
    fn what_is_on_this_machine_is_never_behind_a_proxy() {
        let all = [("ALL_PROXY", "http://proxy:1"), ("HTTP_PROXY", "http://proxy:2")];
        for host in ["localhost", "LOCALHOST", "localhost.", "a.localhost", "127.0.0.1", "127.8.9.1", "[::1]"]
        {
            assert_eq!(way(&all, &format!("http://{host}:1556")), "direct", "{host}");
        }
        assert_eq!(way(&all, "http://localhost.example:1556"), "http://proxy:2");
    }

    #[test]
    fn the_lower_case_name_wins_and_an_empty_one_is_none() {
        let check = |variables: &[(&str, &str)], expected| {
            assert_eq!(way(variables, "https://nbu.example:1556"), expected, "{variables:?}");
        };
        check(&[("https_proxy", "low:1"), ("HTTPS_PROXY", "up:1")], "http://low:1");
        check(&[("https_proxy", " "), ("HTTPS_PROXY", "up:1")], "http://up:1");
        check(&[("HTTP_PROXY", "up:1")], "direct");
        check(&[("HTTP_PROXY", "up:1"), ("all_proxy", "all:1")], "http://all:1");
        check(&[("HTTPS_PROXY", "socks5h://up:1")], "socks5h://up:1");
        check(&[("https_proxy", "low:1"), ("no_proxy", ""), ("NO_PROXY", "*")], "direct");
    }

    #[test]
    fn a_malformed_proxy_variable_is_trimmed_where_that_makes_it_right_and_told_otherwise() {
        let check = |value, expected: &str| {
            assert_eq!(way(&[("HTTPS_PROXY", value)], "https://nbu.example:1556"), expected, "{value:?}");
        };
        for value in ["http://p:3128\n", " http://p:3128\r\n", "\"http://p:3128\"", "' p:3128 '", "\tp:3128"]
        {
            check(value, "http://p:3128");
        }
        let prefix = "the environment variable HTTPS_PROXY can not be used as a proxy:";
        for (value, why) in [
            ("http://p:99999", "it is no URL"),
            ("http://", "it names no host"),
            ("ftp://p:1", "its scheme is none of http, https, socks5 and socks5h"),
            ("http://p 3128", "it holds a blank or a control character"),
            ("http://us er:hunter2@p:1", "it holds a blank or a control character"),
            ("http://a\nhttp://b", "it holds a blank or a control character"),
            ("\"http://p:3128", "it is no URL"),
        ] {
            check(value, &format!("{prefix} {why}"));
        }
    }

    #[test]
    fn no_debug_form_shows_a_password() {
        let shown = format!("{:?}", proxies(&[("HTTPS_PROXY", "http://joe:hunter2@p:1"), ("NO_PROXY", "x")]));
        assert!(!shown.contains("hunter2") && shown.contains("\"p\""), "{shown}");
    }
}
