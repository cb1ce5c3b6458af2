//! Verifies chains that webpki refuses for the form of a certificate alone.

use rustls::pki_types::{CertificateDer, IpAddr, ServerName, SubjectPublicKeyInfoDer, TrustAnchor, UnixTime};
use webpki::RawPublicKeyEntity;
use x509_parser::asn1_rs::{Any, FromDer as _};
use x509_parser::extensions::{ParsedExtension, X509Extension};
use x509_parser::prelude::{ASN1Time, GeneralName, X509Certificate, X509Version};

use super::certificate::is_for_servers;
use super::provider::verified;

/// As many authorities as webpki takes between a server and a root.
const MOST_AUTHORITIES: usize = 6;
/// Chains that cross each other must not keep us busy.
const MOST_SIGNATURES: usize = 100;

/// Whether the authorities vouch for a server's certificate that webpki refuses for its form alone: one that calls
/// itself an authority (`CA:TRUE`, as appliances make them), one for any usage, one with a critical policy or for `*.example`.
///
/// It says yes to less than RFC 5280 allows: where an authority limits the names that it vouches for, webpki's no
/// stands. The server's name is checked by [`has_name`].
pub(super) fn holds(
    leaf: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
    roots: &[TrustAnchor<'_>],
    now: UnixTime,
) -> bool {
    let Some(now) = moment(now) else { return false };
    let Some(leaf) = Link::read(leaf) else { return false };
    let authorities: Vec<Link<'_>> = intermediates.iter().filter_map(Link::read).collect();
    let mut search = ChainSearch { authorities: &authorities, roots, now, signatures: 0 };
    leaf.is_usable(now) && search.reaches_a_root(&leaf, 0)
}

/// Whether a certificate that the user has named itself can be used now.
pub(super) fn is_usable_itself(leaf: &CertificateDer<'_>, now: UnixTime) -> bool {
    moment(now).is_some_and(|now| Link::read(leaf).is_some_and(|leaf| leaf.is_usable(now)))
}

fn moment(now: UnixTime) -> Option<ASN1Time> {
    ASN1Time::from_timestamp(i64::try_from(now.as_secs()).ok()?).ok()
}

/// Whether a certificate has the host's name. A `*` stands for the first label, of a name of two labels too.
pub(super) fn has_name(leaf: &CertificateDer<'_>, host: &ServerName<'_>) -> bool {
    let Some(leaf) = Link::read(leaf) else { return false };
    let Ok(Some(names)) = leaf.certificate.subject_alternative_name() else { return false };
    names.value.general_names.iter().any(|name| match (name, host) {
        (GeneralName::DNSName(name), ServerName::DnsName(host)) => fits(name, host.as_ref()),
        (GeneralName::IPAddress(bytes), ServerName::IpAddress(IpAddr::V4(host))) => *bytes == host.as_ref(),
        (GeneralName::IPAddress(bytes), ServerName::IpAddress(IpAddr::V6(host))) => *bytes == host.as_ref(),
        _ => false,
    })
}

fn fits(name: &str, host: &str) -> bool {
    let host = host.trim_end_matches('.');
    match (name.strip_prefix("*."), host.split_once('.')) {
        (Some(name), Some((_, domain))) => name.eq_ignore_ascii_case(domain),
        (Some(_), None) => false,
        (None, _) => name.eq_ignore_ascii_case(host),
    }
}

/// A certificate, and the part of it that was signed.
struct Link<'a> {
    certificate: X509Certificate<'a>,
    /// The contents of the `AlgorithmIdentifier` that the signature is of.
    algorithm: &'a [u8],
}

impl<'a> Link<'a> {
    fn read(der: &'a CertificateDer<'_>) -> Option<Self> {
        let (rest, certificate) =
            <X509Certificate<'_> as x509_parser::prelude::FromDer<_>>::from_der(der).ok()?;
        let (_, whole) = Any::from_der(der).ok()?;
        let (_, algorithm) =
            Any::from_der(whole.data.get(certificate.tbs_certificate.as_ref().len()..)?).ok()?;
        rest.is_empty().then_some(Self { certificate, algorithm: algorithm.data })
    }

    fn is_usable(&self, now: ASN1Time) -> bool {
        self.certificate.validity().is_valid_at(now)
            && self.certificate.version() == X509Version::V3
            && is_for_servers(&self.certificate)
            && self.certificate.extensions().iter().all(is_understood)
    }

    /// Whether it may sign a certificate that has `below` authorities under it.
    fn is_authority(&self, now: ASN1Time, below: usize) -> bool {
        let certificate = &self.certificate;
        let limit = certificate.basic_constraints().ok().flatten().map(|constraints| constraints.value);
        let usage =
            certificate.key_usage().ok().map(|usage| usage.is_none_or(|usage| usage.value.key_cert_sign()));
        self.is_usable(now)
            && usage == Some(true)
            && matches!(certificate.name_constraints(), Ok(None))
            && limit.is_some_and(|limit| {
                let most = limit.path_len_constraint.map(|most| usize::try_from(most).unwrap_or(usize::MAX));
                limit.ca && most.is_none_or(|most| below <= most)
            })
    }

    fn is_signed_by(&self, key: &SubjectPublicKeyInfoDer<'_>) -> bool {
        let Ok(key) = RawPublicKeyEntity::try_from(key) else { return false };
        let message = self.certificate.tbs_certificate.as_ref();
        verified().iter().filter(|algorithm| algorithm.signature_alg_id().as_ref() == self.algorithm).any(
            |algorithm| {
                key.verify_signature(*algorithm, message, &self.certificate.signature_value.data).is_ok()
            },
        )
    }
}

/// What is critical must be understood. Policies are: they say how a certificate was issued, not what it is good for.
fn is_understood(extension: &X509Extension<'_>) -> bool {
    !extension.critical
        || matches!(
            extension.parsed_extension(),
            ParsedExtension::BasicConstraints(_)
                | ParsedExtension::KeyUsage(_)
                | ParsedExtension::ExtendedKeyUsage(_)
                | ParsedExtension::SubjectAlternativeName(_)
                | ParsedExtension::CertificatePolicies(_)
        )
}

struct ChainSearch<'a> {
    authorities: &'a [Link<'a>],
    roots: &'a [TrustAnchor<'a>],
    now: ASN1Time,
    signatures: usize,
}

impl ChainSearch<'_> {
    fn reaches_a_root(&mut self, link: &Link<'_>, depth: usize) -> bool {
        let issuer = link.certificate.issuer().as_raw();
        let Ok((_, name)) = Any::from_der(issuer) else { return false };
        let roots = self.roots.iter().filter(|root| root.subject.as_ref() == name.data);
        for root in roots.filter(|root| root.name_constraints.is_none()) {
            let key = SubjectPublicKeyInfoDer::from(sequence(&root.subject_public_key_info));
            if self.may_try() && link.is_signed_by(&key) {
                return true;
            }
        }
        if depth == MOST_AUTHORITIES {
            return false;
        }
        for authority in self.authorities {
            let key = SubjectPublicKeyInfoDer::from(authority.certificate.public_key().raw);
            if authority.certificate.subject().as_raw() == issuer
                && authority.is_authority(self.now, depth)
                && self.may_try()
                && link.is_signed_by(&key)
                && self.reaches_a_root(authority, depth + 1)
            {
                return true;
            }
        }
        false
    }

    fn may_try(&mut self) -> bool {
        self.signatures += 1;
        self.signatures <= MOST_SIGNATURES
    }
}

/// Gives contents the head of a SEQUENCE again, which a trust anchor goes without.
fn sequence(contents: &[u8]) -> Vec<u8> {
    let length = contents.len().to_be_bytes();
    let significant = length.iter().skip_while(|byte| **byte == 0).copied();
    let mut whole = vec![0x30];
    if contents.len() >= 0x80 {
        let count = significant.clone().count();
        whole.push(0x80 | u8::try_from(count).unwrap_or(0));
    }
    whole.extend(significant);
    whole.extend(contents);
    whole
}
