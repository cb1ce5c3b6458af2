//! The flags of the admission webhook.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::app::{CertificateOptions, RunError, WebhookOptions};
use crate::config::{self, ListenAddress};
use crate::source::kubernetes::ObjectName;

/// The flags of the admission webhook.
#[derive(Clone, Debug, Args)]
pub(crate) struct WebhookArgs {
    /// Where an admission webhook is served, by TLS, that refuses an edit of the configuration's object which the reload would
    /// refuse; only with `--config.kubernetes` or `--config.kubernetes-secret`, and with a certificate.
    #[arg(
        long = "webhook.listen-address",
        value_name = "HOST:PORT",
        env = "NBU_EXPORTER_WEBHOOK_LISTEN_ADDRESS"
    )]
    webhook_address: Option<ListenAddress>,
    /// The directory with the webhook's certificate and key, `tls.crt` and `tls.key`, which are followed.
    #[arg(
        long = "webhook.certificate-dir",
        value_name = "DIR",
        env = "NBU_EXPORTER_WEBHOOK_CERTIFICATE_DIR",
        requires = "webhook_address"
    )]
    webhook_directory: Option<PathBuf>,
    /// The Secret, made without data, in which the exporter makes and renews the webhook's certificate; instead of a directory.
    #[arg(
        long = "webhook.secret",
        value_name = "[NAMESPACE/]NAME",
        env = "NBU_EXPORTER_WEBHOOK_SECRET",
        value_parser = ObjectName::secret,
        requires_all = ["webhook_address", "webhook_configuration", "webhook_hosts"],
        conflicts_with = "webhook_directory"
    )]
    webhook_secret: Option<ObjectName>,
    /// The `ValidatingWebhookConfiguration` that is told the authority of that certificate.
    #[arg(
        long = "webhook.configuration",
        value_name = "NAME",
        env = "NBU_EXPORTER_WEBHOOK_CONFIGURATION",
        requires = "webhook_secret"
    )]
    webhook_configuration: Option<String>,
    /// A host by which the API server knows the webhook, such as `SERVICE.NAMESPACE.svc`. May be given again.
    #[arg(
        long = "webhook.host",
        value_name = "HOST",
        env = "NBU_EXPORTER_WEBHOOK_HOST",
        value_delimiter = ',',
        requires = "webhook_secret"
    )]
    webhook_hosts: Vec<String>,
    /// For how long such a certificate is made; it is renewed when two thirds are over.
    #[arg(
        long = "webhook.certificate-lifetime",
        value_name = "DURATION",
        env = "NBU_EXPORTER_WEBHOOK_CERTIFICATE_LIFETIME",
        default_value = "2160h",
        value_parser = lifetime
    )]
    webhook_lifetime: Duration,
}

/// A renewal needs a few looks, each with a few requests.
const SHORTEST_LIFETIME: Duration = Duration::from_secs(30);
const LONGEST_LIFETIME: Duration = Duration::from_hours(10 * 365 * 24);

fn lifetime(text: &str) -> Result<Duration, &'static str> {
    let lifetime =
        config::parse_duration(text).filter(|it| (SHORTEST_LIFETIME..=LONGEST_LIFETIME).contains(it));
    lifetime.ok_or("must be a duration from 30s to 87600h, such as 2160h")
}

impl WebhookArgs {
    /// How the webhook is served, if it is.
    pub(super) fn options(&self, has_object: bool) -> Result<Option<WebhookOptions>, RunError> {
        let Some(listen_address) = self.webhook_address.clone() else { return Ok(None) };
        let refused = |why: &str| Err(RunError::Configuration(why.into()));
        if !has_object {
            return refused(
                "--webhook.listen-address guards the object that holds the configuration: name that one by \
                 --config.kubernetes or --config.kubernetes-secret",
            );
        }
        let certificate = match (&self.webhook_directory, &self.webhook_secret, &self.webhook_configuration) {
            (Some(directory), _, _) => CertificateOptions::Directory(directory.clone()),
            (None, Some(secret), Some(configuration)) => CertificateOptions::Made {
                secret: secret.clone(),
                configuration: configuration.clone(),
                hosts: self.webhook_hosts.clone(),
                lifetime: self.webhook_lifetime,
            },
            _ => {
                return refused(
                    "--webhook.listen-address needs a certificate: name the directory that holds it by \
                     --webhook.certificate-dir, or have it made by --webhook.secret, --webhook.configuration and --webhook.host",
                );
            }
        };
        Ok(Some(WebhookOptions { listen_address, certificate }))
    }
}
