//! The hosts of a domain and the ends of their certificates.

use super::policy::Policy;
use super::time::DAY;
use super::uuid;
use crate::draw::{Draw, seed_of};

/// A host certificate lives a year and is renewed this long before its end (NetBackup security guide).
const RENEWED_BEFORE: i64 = 180 * DAY;
const VALID: i64 = 365 * DAY;

/// What a host is in the domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HostKind {
    Primary,
    Media,
    Client,
}

/// A host that the domain knows.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) kind: HostKind,
    pub(crate) os: &'static str,
    age: i64,
}

impl Host {
    pub(super) fn all(
        seed: u64,
        server_name: &str,
        domain: &str,
        media: i64,
        policies: &[Policy],
    ) -> Vec<Self> {
        let host = |name: String, kind, os| {
            let mut draw = Draw::new(seed_of(seed, &name), -2);
            Self { id: uuid(&mut draw), age: draw.below(VALID - RENEWED_BEFORE), name, kind, os }
        };
        let primary = Self {
            // The identifier that `/security/serverinfo` tells.
            id: uuid(&mut Draw::new(seed, -1)),
            ..host(server_name.to_owned(), HostKind::Primary, "RedHat")
        };
        let media =
            (1..=media).map(|number| host(format!("media{number}.{domain}"), HostKind::Media, "RedHat"));
        let clients = policies
            .iter()
            .filter(|policy| !policy.workload.by_query && !policy.is_catalog())
            .flat_map(|policy| {
                policy.clients.iter().map(|name| host(name.clone(), HostKind::Client, policy.workload.os))
            });
        std::iter::once(primary).chain(media).chain(clients).collect()
    }

    /// When the present certificate was issued, and when it ends. `left` says that its renewal has failed, and how long it is valid still.
    pub(crate) fn certificate(&self, now: i64, left: Option<i64>) -> (i64, i64) {
        let cycle = VALID - RENEWED_BEFORE;
        let age = left.map_or((now + self.age).rem_euclid(cycle), |left| VALID - left);
        (now - age, now - age + VALID)
    }
}
