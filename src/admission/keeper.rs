//! Keeps the certificate that the API server is shown: reads it where it is, and makes it where that is ours to do.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};

use super::AdmissionMetrics;
use super::rotation::{Held, Rotation, Step};
use crate::certificate::ServingPair;
use crate::source::StoreError;
use crate::source::file::read_pair;
use crate::source::kubernetes::WebhookObjects;

/// How often a directory is looked at: whoever renews a certificate there does it days before its end.
const LOOK: Duration = Duration::from_secs(10);

/// A step follows the other at once, but not for ever: each replica may have its turn between two of ours.
const MOST_STEPS: usize = 8;

/// The share by which a pause may be longer, so that replicas do not come at the same moment.
const JITTER: f64 = 0.2;

/// Where the certificate comes from.
#[derive(Debug)]
pub(crate) enum CertificateOrigin {
    /// A mounted Secret, which somebody else keeps.
    Directory(PathBuf),
    /// Made by us in a Secret, with its authority in the configuration of the webhook.
    Made(Box<WebhookObjects>, Rotation),
}

/// Keeps the certificate that the API server is shown. A bad one never takes the place of a good one.
#[derive(Debug)]
pub(crate) struct CertificateKeeper {
    origin: CertificateOrigin,
    window: Showcase,
}

type Show = dyn Fn(&ServingPair) -> Result<(), String> + Send + Sync;

/// Where certificates are shown.
struct Showcase {
    show: Box<Show>,
    metrics: AdmissionMetrics,
    /// The text of the certificate that is shown.
    shown: Option<Vec<u8>>,
}

impl CertificateKeeper {
    /// Hands each new certificate to `show`.
    pub(crate) fn new(
        origin: CertificateOrigin,
        metrics: AdmissionMetrics,
        show: impl Fn(&ServingPair) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        Self { origin, window: Showcase { show: Box::new(show), metrics, shown: None } }
    }

    /// Never ends. After a panic the owner calls it again.
    pub(crate) async fn run(&mut self) {
        loop {
            let looked = self.look().await;
            self.tell(looked);
            let pause = match &self.origin {
                CertificateOrigin::Directory(_) => LOOK,
                CertificateOrigin::Made(_, rotation) => rotation.pause(),
            };
            sleep(pause.mul_f64(1.0 + JITTER * fastrand::f64())).await;
        }
    }

    async fn look(&mut self) -> Result<(), String> {
        match &mut self.origin {
            CertificateOrigin::Directory(directory) => {
                let directory = directory.clone();
                let read = spawn_blocking(move || read_pair(&directory)).await;
                let (certificate, key) = read.map_err(|error| error.to_string())??;
                self.window.put(&certificate, &key)
            }
            CertificateOrigin::Made(objects, rotation) => {
                let mut shown = Ok(());
                for _ in 0..MOST_STEPS {
                    let (held, goes_on) = step(objects, rotation).await?;
                    if let Some(kept) = held.current {
                        shown = self.window.put(&kept.certificate, &kept.key);
                    }
                    if !goes_on {
                        break;
                    }
                }
                shown
            }
        }
    }

    /// One warning until it works again.
    fn tell(&mut self, looked: Result<(), String>) {
        let trouble = looked.err();
        let metrics = &self.window.metrics;
        if let Some(error) = trouble.as_ref().filter(|_| trouble != metrics.trouble()) {
            let is_shown = self.window.shown.is_some();
            tracing::warn!(error, serves = is_shown, "The webhook's certificate can not be kept");
        }
        metrics.is_troubled_by(trouble);
    }
}

/// One look at both objects and one step; gives what the Secret held, and whether there is more to do.
async fn step(objects: &WebhookObjects, rotation: &mut Rotation) -> Result<(Held, bool), String> {
    let said = |StoreError(error)| error;
    // In this order: see `rotation`.
    let bundle = objects.bundle().await.map_err(said)?;
    let secret = objects.secret().await.map_err(said)?;
    let held = Held::of(secret.value);
    let step = rotation.step(&bundle.value.pem, &held, Timestamp::now(), Instant::now());
    // Where another replica was faster, the next look sees what it wrote.
    match step.map_err(|error| error.to_string())? {
        Step::Rest => return Ok((held, false)),
        Step::Keep(next) => objects.write_secret(next.keys(), &secret.version).await,
        Step::Trust(trusted) => objects.write_bundle(trusted.as_bytes(), &bundle).await,
    }
    .map_err(said)?;
    Ok((held, true))
}

impl Showcase {
    /// Shows this one, unless it is shown already.
    fn put(&mut self, certificate: &[u8], key: &[u8]) -> Result<(), String> {
        if self.shown.as_deref() == Some(certificate) {
            return Ok(());
        }
        let pair =
            ServingPair::read(certificate, key).map_err(|error| format!("tls.crt and tls.key: {error}"))?;
        (self.show)(&pair)?;
        self.metrics.shows_until(pair.ends());
        self.shown = Some(certificate.to_vec());
        tracing::info!(until = %pair.ends(), "The webhook shows another certificate");
        Ok(())
    }
}

impl fmt::Debug for Showcase {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Showcase")
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::certificate::{Issued, issue};

    fn issued(lifetime: Duration) -> Issued {
        let now = Timestamp::now();
        issue(&["nbu.svc".to_owned()], now, now + lifetime).unwrap()
    }

    fn write(directory: &Path, certificate: &str, key: &str) {
        fs::write(directory.join("tls.crt"), certificate).unwrap();
        fs::write(directory.join("tls.key"), key).unwrap();
    }

    #[tokio::test]
    async fn a_pair_that_does_not_fit_never_takes_the_place_of_one_that_does() {
        let directory = tempfile::tempdir().unwrap();
        let at = directory.path();
        let shown = Arc::new(Mutex::new(Vec::new()));
        let show = {
            let shown = shown.clone();
            move |pair: &ServingPair| {
                shown.lock().unwrap().push(pair.ends());
                Ok(())
            }
        };
        let metrics = AdmissionMetrics::new(&prometheus::Registry::new()).unwrap();
        let mut keeper = CertificateKeeper::new(CertificateOrigin::Directory(at.to_owned()), metrics, show);
        assert!(keeper.look().await.unwrap_err().contains("tls.crt: no such file"));
        let (one, two) = (issued(Duration::from_hours(1)), issued(Duration::from_hours(2)));
        write(at, &one.certificate, &one.key);
        keeper.look().await.unwrap();
        write(at, &two.certificate, &one.key);
        assert!(keeper.look().await.unwrap_err().contains("is not that of the certificate"));
        write(at, "", &two.key);
        assert!(keeper.look().await.is_err());
        assert_eq!(shown.lock().unwrap().len(), 1);
        write(at, &two.certificate, &two.key);
        keeper.look().await.unwrap();
        keeper.look().await.unwrap();
        let shown = shown.lock().unwrap();
        assert!(shown.len() == 2 && shown[0] < shown[1], "{shown:?}");
    }
}
