//! What the Secret holds.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use zeroize::Zeroizing;

use crate::certificate::{Issued, ServingPair, authorities};

/// The keys of the Secret: of what is shown, as cert-manager has them, and of what comes next.
const CURRENT: [&str; 3] = ["ca.crt", "tls.crt", "tls.key"];
const NEXT: [&str; 3] = ["next-ca.crt", "next-tls.crt", "next-tls.key"];

/// What the Secret holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::admission) struct Held {
    /// What is shown.
    pub(in crate::admission) current: Option<Kept>,
    /// What is to be shown next.
    pub(in crate::admission) next: Option<Kept>,
}

/// A certificate with its key and its authority, as PEM; whatever somebody else has put there may be anything.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::admission) struct Kept {
    pub(in crate::admission) authority: Vec<u8>,
    pub(in crate::admission) certificate: Vec<u8>,
    pub(in crate::admission) key: Zeroizing<Vec<u8>>,
}

impl Held {
    /// Takes it out of the data of a Secret.
    pub(in crate::admission) fn of(mut data: BTreeMap<String, Vec<u8>>) -> Self {
        let mut take = |[authority, certificate, key]: [&str; 3]| {
            Some(Kept {
                authority: data.remove(authority)?,
                certificate: data.remove(certificate)?,
                key: Zeroizing::new(data.remove(key)?),
            })
        };
        Self { current: take(CURRENT), next: take(NEXT) }
    }

    /// All keys of the Secret that are ours, as they are to be.
    pub(in crate::admission) fn keys(&self) -> BTreeMap<&'static str, Option<&[u8]>> {
        let (current, next) = (self.current.as_ref(), self.next.as_ref());
        entries(CURRENT, current).into_iter().chain(entries(NEXT, next)).collect()
    }
}

fn entries<'a>(
    [authority, certificate, key]: [&'static str; 3],
    kept: Option<&'a Kept>,
) -> [(&'static str, Option<&'a [u8]>); 3] {
    [
        (authority, kept.map(|kept| &*kept.authority)),
        (certificate, kept.map(|kept| &*kept.certificate)),
        (key, kept.map(|kept| &**kept.key)),
    ]
}

impl Kept {
    /// The pair, if it is one.
    pub(in crate::admission) fn pair(&self) -> Option<ServingPair> {
        ServingPair::read(&self.certificate, &self.key).ok()
    }

    /// Whether it can be shown to who trusts its authority.
    pub(super) fn is_good(&self, hosts: &[String], now: Timestamp) -> bool {
        let authorities = authorities(&self.authority);
        self.pair().is_some_and(|pair| pair.is_trusted(&authorities, hosts, now))
    }

    /// Whether another one is to follow.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.pair().is_none_or(|pair| pair.is_due(now))
    }
}

impl From<Issued> for Kept {
    fn from(issued: Issued) -> Self {
        let Issued { authority, certificate, key } = issued;
        let key = Zeroizing::new(key.as_bytes().to_vec());
        Self { authority: authority.into_bytes(), certificate: certificate.into_bytes(), key }
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Kept(…)")
    }
}
