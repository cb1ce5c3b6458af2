//! The families of certificates.

use std::collections::BTreeMap;

use super::host::{ByEnd, HostKind};
use crate::metric::{Desc, Family, Labelled};

static AUTHORITY: Labelled<1> = Labelled::gauge(
    "nbu_ca_certificate_expiry_timestamp_seconds",
    "When the certificate of an active NetBackup certificate authority ends (nbcaCertDetails.notAfter).",
    ["subject"],
);
static HOST: Labelled<1> = Labelled::gauge(
    "nbu_host_certificate_expiry_timestamp_seconds",
    "When the certificate of a NetBackup server ends (notAfter; externalCertNotValidAfter where only external authorities are used, and the earlier of both where either is, which may always be less than 150 days ahead).",
    ["host"],
);
static HOSTS: Labelled<2> = Labelled::gauge(
    "nbu_host_certificates",
    "Host certificates by the kind of host (hostType) and by how soon they end: each stands in one of expired, 30d, 150d and later.",
    ["host_type", "expires_within"],
);

pub(super) static OF_AUTHORITIES: &[&Desc] = &[&AUTHORITY];
pub(super) static OF_HOSTS: &[&Desc] = &[&HOST, &HOSTS];

const WITHIN: [&str; 4] = ["expired", "30d", "150d", "later"];

/// The ends of the servers' certificates, and how many there are by kind and end.
pub(super) type OfHosts<'a> = (&'a [(String, i64)], &'a BTreeMap<HostKind, ByEnd>);

/// The families of a site's certificates; those of hosts only if their list was read.
pub(super) fn render(
    site: &str,
    authorities: &BTreeMap<String, i64>,
    hosts: Option<OfHosts<'_>>,
) -> Vec<Family> {
    let mut families = vec![
        AUTHORITY.family(site, authorities.iter().map(|(subject, end)| ([subject.as_str()], *end as f64))),
    ];
    if let Some((servers, counts)) = hosts {
        families.push(HOST.family(site, servers.iter().map(|(name, end)| ([name.as_str()], *end as f64))));
        let counts = counts.iter().flat_map(|(kind, by_end)| {
            WITHIN.into_iter().zip(*by_end).map(move |(within, count)| ([word(*kind), within], count as f64))
        });
        families.push(HOSTS.family(site, counts));
    }
    families
}

fn word(kind: HostKind) -> &'static str {
    match kind {
        HostKind::Server => "server",
        HostKind::Client => "client",
        HostKind::Unknown => "unknown",
    }
}
