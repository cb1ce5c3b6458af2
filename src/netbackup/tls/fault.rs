//! Why TLS failed, and what to do about it.

use std::io;

use rustls::{AlertDescription as Alert, PeerIncompatible};

use super::untrusted::Untrusted;

/// Why TLS failed, in words that are the same at every attempt, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}; {cure}")]
pub struct TlsFault {
    /// What is wrong.
    pub why: String,
    /// What to do.
    pub cure: String,
}

impl TlsFault {
    fn new(why: impl Into<String>, cure: &str) -> Self {
        Self { why: why.into(), cure: cure.to_owned() }
    }

    /// What the TLS library's error means.
    pub fn of(error: &rustls::Error) -> Self {
        if let Some(untrusted) = Untrusted::of(error) {
            return Self { why: untrusted.to_string(), cure: untrusted.cure() };
        }
        match error {
            rustls::Error::InvalidMessage(_) => Self::new(
                "no TLS is spoken at this port",
                "see that the port is NetBackup's (1556), or set scheme: http if TLS ends before it",
            ),
            rustls::Error::AlertReceived(alert) => of_alert(*alert),
            rustls::Error::PeerIncompatible(what) => of_incompatible(what),
            rustls::Error::InvalidCertificate(_) => {
                Self::new("the server's certificate can not be read", "have the certificate issued anew")
            }
            rustls::Error::PeerMisbehaved(_) => Self::new(
                "the server breaks the rules of TLS",
                "see what listens on this port, and what is on the way to it",
            ),
            other => {
                Self::new(other.to_string(), "see what listens on this port, and what is on the way to it")
            }
        }
    }

    /// What the error of a handshake means.
    pub fn of_io(error: &io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref()) {
            Some(error) => Self::of(error),
            None if error.kind() == io::ErrorKind::UnexpectedEof => {
                Self::new("the other side closed the connection in the midst of the TLS handshake", OFFER)
            }
            None => Self::new(error.to_string(), "see that nothing on the way breaks the connection"),
        }
    }
}

/// What the server has to offer.
const OFFER: &str = "let the server offer TLS 1.2 with ECDHE and AES-GCM or ChaCha20, or TLS 1.3, with a key of RSA, of \
                     ECDSA on P-256, P-384 or P-521, or of Ed25519";

fn of_alert(alert: Alert) -> TlsFault {
    match alert {
        Alert::HandshakeFailure | Alert::InsufficientSecurity | Alert::ProtocolVersion => {
            TlsFault::new("the server finds no version, cipher suite or curve of TLS that both have", OFFER)
        }
        Alert::CertificateRequired | Alert::NoCertificate | Alert::AccessDenied => TlsFault::new(
            "the server asks for a client certificate",
            "let it ask for none here: the exporter has an API key instead",
        ),
        Alert::UnrecognisedName => TlsFault::new(
            "the server does not know the name that it was asked for",
            "set host or tlsServerName to a name that the server has",
        ),
        other => TlsFault::new(
            format!("the server ended the handshake ({})", other.as_str().unwrap_or("an unknown alert")),
            "look into the server's log for this moment",
        ),
    }
}

fn of_incompatible(what: &PeerIncompatible) -> TlsFault {
    let why = match what {
        PeerIncompatible::ServerDoesNotSupportTls12Or13
        | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig => {
            "the server speaks neither TLS 1.2 nor 1.3"
        }
        PeerIncompatible::ExtendedMasterSecretExtensionRequired => {
            "the server's TLS 1.2 lacks the extended master secret"
        }
        _ => "the server finds no version, cipher suite or curve of TLS that both have",
    };
    TlsFault::new(why, OFFER)
}
