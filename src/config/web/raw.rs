//! The web config as it is written, before the checks between keys.

use super::super::tree::{Content, Node};
use super::raw_tls::RawTls;
use super::reader::{Placed, WebReader};

/// The whole file. It holds a key and hashes, so it has no `Debug`.
pub(super) struct RawWebConfig {
    pub(super) tls: RawTls,
    pub(super) http2: bool,
    /// Names with their nodes and texts.
    pub(super) headers: Vec<(String, Node, String)>,
    pub(super) users: Vec<(String, Node, String)>,
    pub(super) burst: Placed<i64>,
    pub(super) interval: Placed<i64>,
}

impl RawWebConfig {
    pub(super) fn read(root: &Node, reader: &mut WebReader) -> Self {
        let keys = ["tls_server_config", "http_server_config", "rate_limit", "basic_auth_users"];
        let [tls, http, rate, users] = keys;
        let entries = reader.section(root, &keys);
        let (http2, headers) = reader
            .key(entries, http, |reader, node| Some(http_section(reader, node)))
            .unwrap_or((true, Vec::new()));
        let (interval, burst) = reader.key(entries, rate, rate_section);
        Self {
            tls: reader.key(entries, tls, |reader, node| RawTls::read(node, reader)),
            http2,
            headers,
            users: reader.key(entries, users, texts_by_name),
            burst,
            interval,
        }
    }
}

fn http_section(reader: &mut WebReader, node: &Node) -> (bool, Vec<(String, Node, String)>) {
    let entries = reader.section(node, &["http2", "headers"]);
    let http2 = reader.key(entries, "http2", |reader, node| Some(reader.flag(node))).unwrap_or(true);
    (http2, reader.key(entries, "headers", texts_by_name))
}

fn rate_section(reader: &mut WebReader, node: &Node) -> (Placed<i64>, Placed<i64>) {
    let entries = reader.section(node, &["burst", "interval"]);
    let interval = reader.key(entries, "interval", WebReader::duration);
    (interval, reader.key(entries, "burst", WebReader::number))
}

/// The entries of a map of texts.
fn texts_by_name(reader: &mut WebReader, node: &Node) -> Vec<(String, Node, String)> {
    let mut texts = Vec::new();
    for entry in reader.map(node) {
        // The name is not part of the path: it may be a password.
        let text = reader.text(&entry.value).value;
        let place = Node { position: entry.position, content: Content::Null, is_plain: true };
        texts.push((entry.key.clone(), place, text));
    }
    texts
}
