//! The signatures of a handshake, in a verifier that leaves them to another: rustls has no default for these methods.

/// The three methods of a `ServerCertVerifier` about signatures, handed on to what the expression names.
macro_rules! signatures_by {
    (|$own:ident| $other:expr) => {
        fn verify_tls12_signature(
            &self,
            message: &[u8],
            certificate: &rustls::pki_types::CertificateDer<'_>,
            signature: &rustls::DigitallySignedStruct,
        ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
            let $own = self;
            $other.verify_tls12_signature(message, certificate, signature)
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            certificate: &rustls::pki_types::CertificateDer<'_>,
            signature: &rustls::DigitallySignedStruct,
        ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
            let $own = self;
            $other.verify_tls13_signature(message, certificate, signature)
        }

        fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
            let $own = self;
            $other.supported_verify_schemes()
        }
    };
}

pub(crate) use signatures_by;
