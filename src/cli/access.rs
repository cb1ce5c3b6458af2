//! How a command reaches the exporter that runs: by TLS or in the clear, and as whom.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use reqwest::{ClientBuilder, RequestBuilder};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use crate::certificate::{ServingPair, authorities};
use crate::config::{self, Files, WebConfig};

/// More than any of these files has.
const LARGEST: u64 = 1 << 20;

/// The flags for an exporter that serves TLS or wants a login.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct AccessArgs {
    /// The web config of the running exporter: where it has TLS, the command speaks TLS and trusts the certificate that it
    /// names, whatever host that is for.
    #[arg(long = "web.config.file", value_name = "FILE", env = "NBU_EXPORTER_WEB_CONFIG_FILE")]
    pub(crate) web_config: Option<PathBuf>,
    /// The authorities that vouch for the exporter's certificate, in PEM form, for an address with `https://`; those of the
    /// system by default.
    #[arg(long, value_name = "FILE", env = "NBU_EXPORTER_CA_FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// The certificate to show where the exporter asks for one, in PEM form.
    #[arg(long, value_name = "FILE", env = "NBU_EXPORTER_CLIENT_CERT_FILE", requires = "client_key_file")]
    pub(crate) client_cert_file: Option<PathBuf>,
    /// Its key.
    #[arg(long, value_name = "FILE", env = "NBU_EXPORTER_CLIENT_KEY_FILE", requires = "client_cert_file")]
    pub(crate) client_key_file: Option<PathBuf>,
    /// The user to log in as.
    #[arg(long, value_name = "NAME", env = "NBU_EXPORTER_USER", requires = "password_file")]
    pub(crate) user: Option<String>,
    /// The file with the password of that user.
    #[arg(long, value_name = "FILE", env = "NBU_EXPORTER_PASSWORD_FILE", requires = "user")]
    pub(crate) password_file: Option<PathBuf>,
}

/// What the flags come to.
pub(super) struct WayIn {
    /// Whether the web config says that TLS is served.
    pub(super) is_tls: bool,
    tls: ClientConfig,
    login: Option<(String, String)>,
}

impl AccessArgs {
    /// Reads the files that the flags name; a sentence where one can not be used.
    pub(super) fn access(&self) -> Result<WayIn, String> {
        let web = self.web_config.as_deref().map(web_config).transpose()?;
        let tls = web.and_then(|web| web.tls);
        let provider = Arc::new(ring::default_provider());
        let verifier: Arc<dyn ServerCertVerifier> = match &tls {
            Some(tls) => {
                Arc::new(Pinned { leaf: tls.pair.chain().first().cloned(), provider: provider.clone() })
            }
            None => self.authorities(&provider)?,
        };
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| format!("no TLS: {error}"))?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let config = match self.client_cert_file.as_deref().zip(self.client_key_file.as_deref()) {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let unusable = |error: String| format!("{}: {error}", certificate.display());
                let pair = ServingPair::read(&read(certificate)?, &read(key)?)
                    .map_err(|error| unusable(error.to_string()))?;
                builder
                    .with_client_auth_cert(pair.chain().to_vec(), pair.key().clone_key())
                    .map_err(|error| unusable(error.to_string()))?
            }
        };
        Ok(WayIn { is_tls: tls.is_some(), tls: config, login: self.login()? })
    }

    fn authorities(&self, provider: &Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>, String> {
        let mut roots = RootCertStore::empty();
        match &self.ca_file {
            Some(file) => roots.add_parsable_certificates(authorities(&read(file)?)),
            None => roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs),
        };
        if roots.is_empty() {
            // Nobody is trusted then; in the clear nobody has to be.
            return Ok(Arc::new(Pinned { leaf: None, provider: provider.clone() }));
        }
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build();
        Ok(verifier.map_err(|error| format!("no authority can be trusted: {error}"))?)
    }

    fn login(&self) -> Result<Option<(String, String)>, String> {
        let Some((user, file)) = self.user.as_ref().zip(self.password_file.as_deref()) else {
            return Ok(None);
        };
        let password = String::from_utf8(read(file)?);
        let password = password.map_err(|_| format!("{}: the password must be UTF-8", file.display()))?;
        Ok(Some((user.clone(), password.trim_end_matches(['\r', '\n']).to_owned())))
    }
}

impl WayIn {
    /// A client that gets in, made from `builder`.
    pub(super) fn client(&self, builder: ClientBuilder) -> ClientBuilder {
        builder.tls_backend_preconfigured(self.tls.clone())
    }

    /// The request with the login.
    pub(super) fn request(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.login {
            Some((user, password)) => request.basic_auth(user, Some(password)),
            None => request,
        }
    }
}

fn web_config(file: &Path) -> Result<WebConfig, String> {
    let text = read(file)?;
    let named = config::web_references(file, &text).into_iter();
    let content = |path: PathBuf| {
        let bytes = read(&path).map_err(config::FileProblem);
        (path, bytes)
    };
    let files: Files = named.map(content).collect();
    config::web_config(file, &text, &files).map_err(|report| report.to_string())
}

fn read(file: &Path) -> Result<Vec<u8>, String> {
    let problem = |error: std::io::Error| format!("{}: {error}", file.display());
    if std::fs::metadata(file).map_err(problem)?.len() > LARGEST {
        return Err(format!("{}: it is larger than {LARGEST} bytes", file.display()));
    }
    std::fs::read(file).map_err(problem)
}

/// Trusts one certificate, whatever host and time it is for.
#[derive(Debug)]
struct Pinned {
    leaf: Option<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match &self.leaf {
            Some(known) if known == leaf => Ok(ServerCertVerified::assertion()),
            _ => Err(CertificateError::UnknownIssuer.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
