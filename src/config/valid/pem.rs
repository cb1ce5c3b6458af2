//! Certificates in PEM.

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{Error, PemObject};

/// The certificates of a PEM file, in DER; the error completes `the file …`.
pub(super) fn certificates(text: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    let mut certificates = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(text) {
        let certificate = certificate.map_err(|error| format!("is not whole: {}", reason(&error)))?;
        let number = certificates.len() + 1;
        RootCertStore::empty()
            .add(certificate.clone())
            .map_err(|_| format!("must hold X.509 certificates; number {number} is none"))?;
        certificates.push(certificate.to_vec());
    }
    if certificates.is_empty() {
        return Err("must hold at least one PEM certificate".to_owned());
    }
    Ok(certificates)
}

/// The library's own text would quote lines of the file, which may be a private key put there by mistake.
fn reason(error: &Error) -> &'static str {
    match error {
        Error::MissingSectionEnd { .. } => "a section has no END line",
        Error::IllegalSectionStart { .. } => "a BEGIN line is malformed",
        Error::Base64Decode(_) => "a section is not Base64",
        _ => "it is not PEM",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate() -> String {
        rcgen::generate_simple_self_signed(["nbu.example".to_owned()]).unwrap().cert.pem()
    }

    fn refused(text: &str, why: &str) {
        assert_eq!(certificates(text.as_bytes()), Err(why.to_owned()));
    }

    #[test]
    fn all_certificates_of_a_file_are_read() {
        let two = format!("# comment\n{}\n{}", certificate(), certificate());
        assert_eq!(certificates(two.as_bytes()).unwrap().len(), 2);
    }

    #[test]
    fn half_a_file_is_refused() {
        let whole = certificate();
        refused(&whole[..whole.len() / 2], "is not whole: a section has no END line");
        refused(&format!("{whole}{}", &whole[..40]), "is not whole: a section has no END line");
    }

    #[test]
    fn a_file_without_certificates_is_refused() {
        refused("", "must hold at least one PEM certificate");
        refused("hello", "must hold at least one PEM certificate");
        let text = "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n";
        refused(text, "must hold X.509 certificates; number 1 is none");
    }
}
