//! The system's authorities.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use rustls::client::danger::{ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};

use super::authorities::Authorities;
use super::certificate::Certificate;
use super::leaf_only::Handshake;
use super::provider::verified_schemes;
use super::signatures::signatures_by;
use super::untrusted::{Basis, Flaw, Untrusted};

/// Verifies by the system's authorities as they are now: a bundle that changes is read again at the next handshake.
#[derive(Debug)]
pub(super) struct System {
    /// The places that the variables name; the usual places are searched at each reading.
    places: Option<Places>,
    pause: Duration,
    read: Mutex<Read>,
}

/// Many sites shake hands at the same time, and share one reading.
const PAUSE: Duration = Duration::from_secs(1);

/// Where the system has its authorities.
#[derive(Clone, Debug)]
pub(super) struct Places {
    pub(super) file: Option<PathBuf>,
    pub(super) directories: Vec<PathBuf>,
}

#[derive(Debug, Default)]
struct Read {
    checked_at: Option<Instant>,
    stamps: Vec<Stamp>,
    authorities: Option<Result<Arc<Authorities>, String>>,
}

/// What tells that a file has changed: where it is, when it was written, and how long it is.
type Stamp = (PathBuf, Option<(SystemTime, u64, u64)>);

impl Places {
    /// Those that the variables name, as `rustls_native_certs` has it.
    fn named() -> Option<Self> {
        let named = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let file = named("SSL_CERT_FILE").map(PathBuf::from);
        let directories: Vec<PathBuf> = named("SSL_CERT_DIR")
            .map(|list| std::env::split_paths(&list).filter(|path| !path.as_os_str().is_empty()).collect())
            .unwrap_or_default();
        (file.is_some() || !directories.is_empty()).then_some(Self { file, directories })
    }

    fn usual() -> Self {
        let usual = openssl_probe::probe();
        Self { file: usual.cert_file, directories: usual.cert_dir }
    }

    fn stamps(&self) -> Vec<Stamp> {
        let in_directories = self.directories.iter().flat_map(|directory| {
            let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
            let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
            paths.sort_unstable();
            paths
        });
        self.file.iter().cloned().chain(in_directories).map(stamp).collect()
    }

    fn read(&self) -> Result<Authorities, String> {
        let (mut certificates, mut failure) = (Vec::new(), None);
        let files = self.file.iter().map(|file| (Some(file.as_path()), None::<&Path>));
        let directories = self.directories.iter().map(|directory| (None::<&Path>, Some(directory.as_path())));
        for (file, directory) in files.chain(directories) {
            let found = rustls_native_certs::load_certs_from_paths(file, directory);
            certificates.extend(found.certs);
            failure = failure.or_else(|| found.errors.first().map(ToString::to_string));
        }
        // A directory has links to what the file has.
        certificates.sort_unstable_by(|one, other| one.as_ref().cmp(other.as_ref()));
        certificates.dedup();
        let none = || failure.unwrap_or_else(|| "none were found".to_owned());
        if certificates.is_empty() {
            return Err(none());
        }
        Authorities::new(certificates.into_iter(), Basis::System).0.map_err(|_| none())
    }
}

fn stamp(path: PathBuf) -> Stamp {
    use std::os::unix::fs::MetadataExt as _;
    let found = std::fs::metadata(&path).ok();
    let stamp = found.and_then(|found| Some((found.modified().ok()?, found.len(), found.ino())));
    (path, stamp)
}

impl System {
    pub(super) fn new() -> Self {
        Self { places: Places::named(), pause: PAUSE, read: Mutex::default() }
    }

    #[cfg(test)]
    pub(super) fn at(places: Places) -> Self {
        Self { places: Some(places), pause: Duration::ZERO, read: Mutex::default() }
    }

    /// The authorities of now.
    fn authorities(&self) -> Result<Arc<Authorities>, String> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(checked_at), Some(authorities)) = (read.checked_at, &read.authorities)
            && checked_at.elapsed() < self.pause
        {
            return authorities.clone();
        }
        let places = self.places.clone().unwrap_or_else(Places::usual);
        let stamps = places.stamps();
        read.checked_at = Some(Instant::now());
        if let Some(authorities) = &read.authorities
            && read.stamps == stamps
        {
            return authorities.clone();
        }
        let fresh = places.read().map(Arc::new);
        match (&fresh, &read.authorities) {
            // The bundle may be in the middle of being written.
            (Err(why), Some(Ok(_))) => {
                tracing::warn!(error = %why, "The system's certificate authorities changed and can not be read");
            }
            (Ok(_), Some(_)) => {
                tracing::info!("The system's certificate authorities changed and were read again");
            }
            _ => {}
        }
        let kept = match (fresh, read.authorities.take()) {
            (Err(_), Some(Ok(old))) => Ok(old),
            (fresh, _) => fresh,
        };
        read.stamps = stamps;
        read.authorities = Some(kept.clone());
        kept
    }
}

impl ServerCertVerifier for System {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        host: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let authorities = self.authorities().map_err(|why| {
            Untrusted::new(Flaw::NoAuthorities(why), Basis::System, Certificate::read(leaf)).into_error()
        })?;
        authorities.verify_server_cert(leaf, intermediates, host, ocsp, now)
    }

    signatures_by!(|_own| Handshake { schemes: verified_schemes(), basis: Basis::System });
}
