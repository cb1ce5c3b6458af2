//! A certificate with its key, as it is shown to clients.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use pem::{EncodeConfig, LineEnding, Pem};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// A certificate with those that lead to its authority, and its key, which fits.
pub(crate) struct ServingPair {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    begins: Timestamp,
    ends: Timestamp,
}

/// Why two texts are no certificate with its key. It holds nothing of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PairError {
    /// No PEM text with a certificate.
    #[error("there is no certificate in PEM form")]
    Certificate,
    /// No PEM text with a key.
    #[error("there is no private key in PEM form")]
    Key,
    /// Both are there, and do not belong together.
    #[error("the key is not that of the certificate")]
    Mismatch,
    /// The key can not be used.
    #[error(
        "the key is of a kind that is not supported: it must be RSA of 2048 bits at least, P-256, P-384 or Ed25519"
    )]
    Unsupported,
}

impl ServingPair {
    /// Reads both as PEM.
    pub(crate) fn read(certificate: &[u8], key: &[u8]) -> Result<Self, PairError> {
        let chain = authorities(certificate);
        let leaf = chain.first().ok_or(PairError::Certificate)?;
        let (begins, ends) = validity(leaf).ok_or(PairError::Certificate)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| PairError::Key)?;
        CertifiedKey::from_der(chain.clone(), key.clone_key(), &default_provider()).map_err(|error| {
            match error {
                rustls::Error::InconsistentKeys(_) => PairError::Mismatch,
                _ => PairError::Unsupported,
            }
        })?;
        Ok(Self { chain, key, begins, ends })
    }

    /// The certificate, and those that lead to its authority.
    pub(crate) fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    /// The certificate's key.
    pub(crate) fn key(&self) -> &PrivateKeyDer<'static> {
        &self.key
    }

    /// The last moment of its validity.
    pub(crate) fn ends(&self) -> Timestamp {
        self.ends
    }

    /// Whether so much of its time is over that another is to follow: two thirds.
    pub(crate) fn is_due(&self, now: Timestamp) -> bool {
        let span = self.ends.as_second() - self.begins.as_second();
        now.as_second() >= self.ends.as_second() - span / 3
    }

    /// Whether a client that trusts these authorities takes it for a server at each of these hosts. One whose time has
    /// not come counts as if it had: its maker's clock is ahead of ours.
    pub(crate) fn is_trusted(
        &self,
        authorities: &[CertificateDer<'_>],
        hosts: &[String],
        now: Timestamp,
    ) -> bool {
        let Some((leaf, intermediates)) = self.chain.split_first() else { return false };
        let Ok(leaf) = EndEntityCert::try_from(leaf) else { return false };
        let anchors: Vec<_> =
            authorities.iter().filter_map(|der| anchor_from_trusted_cert(der).ok()).collect();
        let seconds = now.max(self.begins).as_second();
        let at = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(seconds).unwrap_or_default()));
        let usage = KeyUsage::server_auth();
        let chain = leaf.verify_for_usage(
            webpki::ALL_VERIFICATION_ALGS,
            &anchors,
            intermediates,
            at,
            usage,
            None,
            None,
        );
        let is_for = |host: &String| {
            let name = ServerName::try_from(host.as_str());
            name.is_ok_and(|name| leaf.verify_is_valid_for_subject_name(&name).is_ok())
        };
        chain.is_ok() && hosts.iter().all(is_for)
    }
}

impl Clone for ServingPair {
    fn clone(&self) -> Self {
        Self { chain: self.chain.clone(), key: self.key.clone_key(), ..*self }
    }
}

impl PartialEq for ServingPair {
    fn eq(&self, other: &Self) -> bool {
        self.chain == other.chain && self.key == other.key
    }
}

impl fmt::Debug for ServingPair {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ServingPair(until {})", self.ends)
    }
}

/// The certificates of a PEM text; what is none is left out.
pub(crate) fn authorities(pem: &[u8]) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem).filter_map(Result::ok).filter(|der| validity(der).is_some()).collect()
}

/// A certificate as PEM.
pub(crate) fn pem_of(der: &CertificateDer<'_>) -> String {
    let config = EncodeConfig::new().set_line_ending(LineEnding::LF);
    pem::encode_config(&Pem::new("CERTIFICATE", der.to_vec()), config)
}

/// From when to when a certificate is valid.
pub(crate) fn validity(der: &CertificateDer<'_>) -> Option<(Timestamp, Timestamp)> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let moment = |seconds| Timestamp::from_second(seconds).ok();
    let validity = certificate.validity();
    moment(validity.not_before.timestamp()).zip(moment(validity.not_after.timestamp()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certificate::{Issued, issue};

    const HOSTS: [&str; 2] = ["nbu-exporter.monitoring.svc", "127.0.0.1"];

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(2_000_000_000 + second).unwrap()
    }

    fn hosts(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    fn issued() -> Issued {
        issue(&hosts(&HOSTS), at(0), at(900)).unwrap()
    }

    fn pair(issued: &Issued) -> Result<ServingPair, PairError> {
        ServingPair::read(issued.certificate.as_bytes(), issued.key.as_bytes())
    }

    #[test]
    fn what_is_made_is_a_pair_that_its_authority_alone_vouches_for_and_for_its_hosts_alone() {
        let (one, other) = (issued(), issued());
        let pair = pair(&one).unwrap();
        let of = |issued: &Issued| authorities(issued.authority.as_bytes());
        assert!(pair.is_trusted(&of(&one), &hosts(&HOSTS), at(10)));
        assert!(pair.is_trusted(&[of(&other), of(&one)].concat(), &hosts(&HOSTS[..1]), at(10)));
        assert!(!pair.is_trusted(&of(&other), &hosts(&HOSTS), at(10)));
        assert!(!pair.is_trusted(&of(&one), &hosts(&["nbu-exporter.other.svc"]), at(10)));
        assert!(!pair.is_trusted(&of(&one), &hosts(&["127.0.0.2"]), at(10)));
    }

    #[test]
    fn its_time_ends_and_a_clock_that_is_behind_does_not_refuse_it() {
        let issued = issued();
        let pair = pair(&issued).unwrap();
        let authorities = authorities(issued.authority.as_bytes());
        let is_trusted = |now| pair.is_trusted(&authorities, &hosts(&HOSTS), now);
        assert_eq!([-5_000, 0, 899, 901].map(|second| is_trusted(at(second))), [true, true, true, false]);
        assert_eq!([0, 599, 600, 901].map(|second| pair.is_due(at(second))), [false, false, true, true]);
        assert_eq!(pair.ends(), at(900));
    }

    #[test]
    fn what_is_no_pair_is_told_without_a_word_of_it() {
        let (one, other) = (issued(), issued());
        let read = |certificate: &str, key: &str| {
            ServingPair::read(certificate.as_bytes(), key.as_bytes()).unwrap_err()
        };
        assert_eq!(read("", &one.key), PairError::Certificate);
        assert_eq!(read(&one.key, &one.key), PairError::Certificate);
        assert_eq!(read(&one.certificate, ""), PairError::Key);
        assert_eq!(read(&one.certificate, &one.certificate), PairError::Key);
        assert_eq!(read(&one.certificate, &other.key), PairError::Mismatch);
    }

    #[test]
    fn debug_shows_no_key() {
        let issued = issued();
        for shown in [format!("{:?}", pair(&issued).unwrap()), format!("{issued:?}")] {
            assert!(!shown.contains("PRIVATE") && shown.len() < 60, "{shown}");
        }
    }
}
