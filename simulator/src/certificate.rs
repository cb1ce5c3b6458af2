//! Certificates of simulated servers, good and bad ones.

use std::net::IpAddr;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use sha2::{Digest, Sha256};
use tokio_rustls::TlsAcceptor;

use super::keys::hex;
use super::options::{SiteOptions, Tls};

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// It could not be made.
    #[error("a certificate could not be made: {0}")]
    Made(#[from] rcgen::Error),
    /// TLS refuses it.
    #[error("a certificate could not be used: {0}")]
    Used(#[from] rustls::Error),
}

/// The authority that signs for all sites of one simulation.
pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    pem: String,
}

/// What one site shows to its clients.
pub(super) struct Identity {
    pub(super) acceptor: TlsAcceptor,
    pub(super) ca_pem: String,
    pub(super) fingerprint: String,
}

impl Authority {
    pub(super) fn new() -> Result<Self, CertificateError> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, "simulated NetBackup authority");
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?;
        Ok(Self {
            pem: certificate.pem(),
            certificate: certificate.der().clone(),
            issuer: Issuer::new(params, key),
        })
    }
}

impl Identity {
    /// `None` for plain HTTP.
    pub(super) fn new(
        tls: Tls,
        authority: &Authority,
        site: &SiteOptions,
        listen: IpAddr,
    ) -> Result<Option<Self>, CertificateError> {
        let names = match tls {
            Tls::Off => return Ok(None),
            Tls::WrongName => vec!["elsewhere.invalid".to_owned()],
            _ => vec![
                site.server_name.clone(),
                "localhost".to_owned(),
                "127.0.0.1".to_owned(),
                listen.to_string(),
            ],
        };
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name.push(DnType::CommonName, site.server_name.as_str());
        if tls == Tls::Expired {
            params.not_before = rcgen::date_time_ymd(2020, 1, 1);
            params.not_after = rcgen::date_time_ymd(2021, 1, 1);
        }
        let key = KeyPair::generate()?;
        let (leaf, ca_pem, chain) = match tls {
            Tls::SelfSigned | Tls::SelfSignedCa => {
                params.is_ca = if tls == Tls::SelfSignedCa {
                    IsCa::Ca(BasicConstraints::Unconstrained)
                } else {
                    IsCa::ExplicitNoCa
                };
                let leaf = params.self_signed(&key)?;
                (leaf.der().clone(), leaf.pem(), None)
            }
            _ => {
                let leaf = params.signed_by(&key, &authority.issuer)?;
                let chain = Some(authority.certificate.clone());
                (leaf.der().clone(), authority.pem.clone(), chain)
            }
        };
        let fingerprint = hex(&Sha256::digest(&leaf));
        let chain = std::iter::once(leaf).chain(chain).collect();
        Ok(Some(Self { acceptor: acceptor(chain, &key)?, ca_pem, fingerprint }))
    }
}

fn acceptor(chain: Vec<CertificateDer<'static>>, key: &KeyPair) -> Result<TlsAcceptor, CertificateError> {
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
