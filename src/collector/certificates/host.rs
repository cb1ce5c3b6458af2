//! The hosts of a domain, and when the certificate that each of them shows ends.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::super::server_info::ExternalCa;

/// What a host is in the domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum HostKind {
    Server,
    Client,
    Unknown,
}

/// A host's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HostCertificate {
    pub(super) kind: HostKind,
    /// In seconds since 1970.
    pub(super) ends: i64,
}

/// How many certificates have ended, end within 30 days, within 150 days, and later.
pub(super) type ByEnd = [u64; 4];

const DAY: i64 = 86_400;

/// The hosts by their names.
#[derive(Debug, Default)]
pub(super) struct Hosts(BTreeMap<String, HostCertificate>);

impl Hosts {
    /// Adds a certificate. A host that was installed anew is there twice under one name: its newest certificate is in use.
    pub(super) fn add(&mut self, name: String, host: HostCertificate) {
        match self.0.entry(name) {
            Entry::Vacant(entry) => {
                entry.insert(host);
            }
            Entry::Occupied(mut entry) if entry.get().ends < host.ends => {
                entry.insert(host);
            }
            Entry::Occupied(_) => {}
        }
    }

    /// The same with the certificates of external authorities. Where hosts use both kinds, either end is trouble; where only external ones
    /// may be used, the others do not count.
    pub(super) fn with_external(mut self, external: BTreeMap<String, i64>, usage: ExternalCa) -> Self {
        for (name, ends) in external {
            match self.0.entry(name) {
                Entry::Vacant(entry) => {
                    entry.insert(HostCertificate { kind: HostKind::Unknown, ends });
                }
                Entry::Occupied(mut entry) => {
                    let known = entry.get_mut();
                    known.ends = if usage == ExternalCa::Enforced { ends } else { known.ends.min(ends) };
                }
            }
        }
        self
    }

    /// How many hosts of each kind have a certificate that ends so soon.
    pub(super) fn count(&self, now: i64) -> BTreeMap<HostKind, ByEnd> {
        // There is always somebody who looks for these.
        let mut counts = BTreeMap::from([(HostKind::Server, [0; 4]), (HostKind::Client, [0; 4])]);
        for host in self.0.values() {
            let [expired, month, renewal, later] = counts.entry(host.kind).or_default();
            *match host.ends - now {
                ..=0 => expired,
                left if left < 30 * DAY => month,
                left if left < 150 * DAY => renewal,
                _ => later,
            } += 1;
        }
        counts
    }

    /// The ends of all that are no clients.
    pub(super) fn into_servers(self) -> Vec<(String, i64)> {
        let servers = self.0.into_iter().filter(|(_, host)| host.kind != HostKind::Client);
        servers.map(|(name, host)| (name, host.ends)).collect()
    }
}
