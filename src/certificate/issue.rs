//! Makes certificates.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use zeroize::Zeroizing;

/// A certificate with its key, and the authority that signed it, all as PEM.
pub(crate) struct Issued {
    /// The authority. It has signed this certificate and can sign no other: its key is nowhere.
    pub authority: String,
    /// The certificate.
    pub certificate: String,
    /// The certificate's key.
    pub key: Zeroizing<String>,
}

/// No certificate can be made, such as for a host name that can not be in one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no certificate can be made: {0}")]
pub(crate) struct IssueError(#[from] rcgen::Error);

/// Makes a certificate for a server at these hosts, by an authority of its own whose key is thrown away.
pub(crate) fn issue(hosts: &[String], begins: Timestamp, ends: Timestamp) -> Result<Issued, IssueError> {
    let mut authority = params(&[], &format!("nbu-exporter {begins}"), begins, ends)?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let authority_key = KeyPair::generate()?;
    let authority_pem = authority.self_signed(&authority_key)?.pem();
    let issuer = Issuer::new(authority, authority_key);

    let mut server = params(hosts, "nbu-exporter", begins, ends)?;
    server.use_authority_key_identifier_extension = true;
    server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate()?;
    let certificate = server.signed_by(&key, &issuer)?.pem();
    Ok(Issued { authority: authority_pem, certificate, key: Zeroizing::new(key.serialize_pem()) })
}

fn params(
    hosts: &[String],
    name: &str,
    begins: Timestamp,
    ends: Timestamp,
) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(hosts)?;
    params.distinguished_name.push(DnType::CommonName, name);
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    let moment =
        |at: Timestamp| epoch + Duration::from_secs(u64::try_from(at.as_second()).unwrap_or_default());
    (params.not_before, params.not_after) = (moment(begins), moment(ends));
    Ok(params)
}

impl fmt::Debug for Issued {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Issued(…)")
    }
}
