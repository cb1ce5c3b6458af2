//! The web config: TLS, login, headers and rate of our own pages, in the format of Prometheus' exporter-toolkit 0.20.
//!
//! `tests/go/webconfig` holds both to one table. What the toolkit accepts and this program can not do is refused
//! where it would serve nobody, and told by a warning elsewhere.

mod go_scalar;
mod password;
mod raw;
mod raw_tls;
mod reader;
#[cfg(test)]
mod tests;
mod tls;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::report::Violation;
use super::tree::Node;
use super::{Files, yaml};
pub(crate) use password::PasswordHash;
use raw::RawWebConfig;
use reader::WebReader;
pub(crate) use tls::{ClientAuth, ClientAuthorities, TlsDemands, WebTls};

/// What an answer may be given beside its own headers, each with the values that it may have; any where none is named.
const HEADERS: [(&str, &[&str]); 5] = [
    ("Strict-Transport-Security", &[]),
    ("X-Content-Type-Options", &["nosniff"]),
    ("X-Frame-Options", &["deny", "sameorigin"]),
    ("X-XSS-Protection", &[]),
    ("Content-Security-Policy", &[]),
];

/// Each step doubles the time; this one takes seconds.
const COSTLY: u32 = 16;

/// A whole valid web config.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct WebConfig {
    /// TLS; in the clear without.
    pub tls: Option<WebTls>,
    /// Whether HTTP/2 is offered over TLS.
    pub http2: bool,
    /// Headers that each answer gets.
    pub headers: Vec<(&'static str, String)>,
    /// Who may log in; anybody may ask where there is none.
    pub users: BTreeMap<String, PasswordHash>,
    /// How often requests are answered.
    pub rate: Option<RateLimit>,
}

/// How often requests are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RateLimit {
    /// One more request is allowed each time that this is over.
    pub interval: Duration,
    /// So many may come at once.
    pub burst: u32,
}

/// A web config with what there is to say about it.
#[derive(Debug)]
pub(super) struct LoadedWebConfig {
    pub(super) config: WebConfig,
    pub(super) warnings: Vec<Violation>,
}

/// Checks a web config with the files that it names; its directory is the base of relative paths.
pub(super) fn load(file: &Path, text: &[u8], files: &Files) -> Result<LoadedWebConfig, Vec<Violation>> {
    let document = yaml::parse_as_go(text)?;
    let mut reader = WebReader::default();
    reader.violations = document.mistakes;
    let raw = RawWebConfig::read(&document.root, &mut reader);
    let named = tls::NamedFiles { directory: directory(file), files };
    let config = WebConfig {
        tls: tls::valid(&raw.tls, &named, &mut reader),
        http2: raw.http2,
        headers: reader.at("http_server_config.headers", |reader| headers(&raw.headers, reader)),
        users: reader.at("basic_auth_users", |reader| users(&raw.users, reader)),
        rate: reader.at("rate_limit", |reader| rate(&raw, reader)),
    };
    let WebReader { violations, warnings, .. } = reader;
    if violations.is_empty() { Ok(LoadedWebConfig { config, warnings }) } else { Err(violations) }
}

/// The files that a web config names, relative to its own directory. A text that can not be parsed names none.
pub(super) fn references(file: &Path, text: &[u8]) -> BTreeSet<PathBuf> {
    let Ok(document) = yaml::parse_as_go(text) else { return BTreeSet::new() };
    let raw = RawWebConfig::read(&document.root, &mut WebReader::default()).tls;
    let paths = [raw.cert_file, raw.key_file, raw.client_ca_file].into_iter().map(|path| path.value);
    paths.filter(|path| !path.is_empty()).map(|path| directory(file).join(path)).collect()
}

fn directory(file: &Path) -> &Path {
    file.parent().unwrap_or(Path::new(""))
}

fn headers(raw: &[(String, Node, String)], reader: &mut WebReader) -> Vec<(&'static str, String)> {
    let mut headers = Vec::new();
    for (name, node, value) in raw {
        let known = HEADERS.iter().find(|(known, _)| known == name);
        let Some((known, allowed)) = known else {
            let names = HEADERS.map(|(name, _)| name).join(", ");
            reader
                .violation(node.position, format!("this header can not be set; those that can are {names}"));
            continue;
        };
        if !allowed.is_empty() && !allowed.contains(&value.as_str()) {
            reader.violation(node.position, format!("must be {}", allowed.join(" or ")));
        }
        if !value.is_empty() {
            headers.push((*known, value.clone()));
        }
    }
    headers
}

fn users(raw: &[(String, Node, String)], reader: &mut WebReader) -> BTreeMap<String, PasswordHash> {
    let mut users = BTreeMap::new();
    for (name, node, hash) in raw {
        // Neither name nor hash is quoted: somebody may have put the password there.
        match PasswordHash::parse(hash) {
            Ok(hash) => {
                if hash.cost() >= COSTLY {
                    let message = "the hash is a costly one: a login with a new password takes seconds";
                    reader.warning(node.position, message);
                }
                if !hash.is_whole() {
                    reader.warning(node.position, "the hash is damaged: no password fits");
                }
                users.insert(name.clone(), hash);
            }
            Err(problem) => reader.violation(node.position, problem.to_string()),
        }
    }
    users
}

fn rate(raw: &RawWebConfig, reader: &mut WebReader) -> Option<RateLimit> {
    let interval = u64::try_from(raw.interval.value).ok().filter(|interval| *interval > 0);
    let Some(interval) = interval else {
        if raw.interval.value < 0 {
            reader.warning(raw.interval.position, "a negative interval limits nothing");
        }
        return None;
    };
    let burst = u32::try_from(raw.burst.value.max(0)).unwrap_or(u32::MAX);
    if burst == 0 {
        reader.warning(raw.interval.position, "without a burst of at least 1 every request is refused");
    }
    Some(RateLimit { interval: Duration::from_nanos(interval), burst })
}
