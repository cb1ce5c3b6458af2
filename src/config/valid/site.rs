//! Raw → valid, for one site.

use std::path::Path;
use std::sync::Arc;

use super::super::decoder::{Decoder, NoValue, Scalar, Slot};
use super::super::proxy::{EnvironmentProxies, ProxyUrl};
use super::super::raw::RawSite;
use super::super::scalar::FilePath;
use super::super::{
    Endpoint, LackingSite, Material, Proxy, Secret, Site, SiteId, Verification, confusable, defect,
};
use super::pem;

/// An API key of NetBackup has about 90 characters; NetBackup takes no header of this size.
const LONGEST_KEY_FILE: usize = 16 << 10;

/// Makes sites of what the file says and of the files that it names.
pub(super) struct SiteBuilder<'a> {
    /// The directory of the configuration file.
    pub(super) directory: &'a Path,
    pub(super) material: &'a Material,
    /// What the environment says of proxies.
    pub(super) proxies: EnvironmentProxies,
}

impl SiteBuilder<'_> {
    /// A site of the list.
    pub(super) fn listed(&self, raw: &RawSite, decoder: &mut Decoder<'_>) -> Option<Site> {
        let name = required(&raw.site, decoder).map(|name| Arc::from(name.0.as_str()));
        let id = name.clone().map(SiteId::Named);
        self.site(raw, id, name, decoder)
    }

    /// The site of the legacy block: its label is the host as it is written.
    pub(super) fn legacy(&self, raw: &RawSite, decoder: &mut Decoder<'_>) -> Option<Site> {
        if raw.site.is_given() {
            let message = "is not allowed here; the name is the host, and `nbuservers` has names of your own";
            decoder.violation(&raw.site.location, message);
        }
        let name = raw.host.get().map(|host| Arc::from(host.written.as_str()));
        self.site(raw, Some(SiteId::Legacy), name, decoder)
    }

    /// A site that could not be made only because of the files and variables that it refers to; `path` is its own.
    pub(super) fn lacking(raw: &RawSite, path: &str, decoder: &mut Decoder<'_>) -> Option<LackingSite> {
        let (id, name): (_, Arc<str>) = match raw.site.get() {
            Some(name) => (SiteId::Named(name.0.as_str().into()), name.0.as_str().into()),
            None if raw.site.is_given() => return None,
            None => (SiteId::Legacy, raw.host.get()?.written.as_str().into()),
        };
        let why = decoder.claim(path)?;
        Some(LackingSite { id, name, endpoint: endpoint(raw), why })
    }

    fn site(
        &self,
        raw: &RawSite,
        id: Option<SiteId>,
        name: Option<Arc<str>>,
        decoder: &mut Decoder<'_>,
    ) -> Option<Site> {
        warn_about_characters(&raw.site, |site| &site.0, decoder);
        warn_about_characters(&raw.host, |host| &host.written, decoder);
        // All of them are checked, so that all mistakes are reported.
        required(&raw.host, decoder);
        let api_key = self.api_key(raw, decoder);
        let verification = self.verification(raw, decoder);
        let optional_usable =
            usable(&raw.api_version) && usable(&raw.tls_server_name) && usable(&raw.proxy_url);
        let endpoint = endpoint(raw)?;
        let proxy = match raw.proxy_url.get() {
            Some(ProxyUrl::Url(url)) => Proxy::Url(url.clone()),
            Some(ProxyUrl::None) => Proxy::Direct,
            None => self.proxies.for_endpoint(&endpoint),
        };
        optional_usable.then_some(())?;
        Some(Site {
            id: id?,
            name: name?,
            endpoint,
            api_key: api_key?,
            api_version: raw.api_version.get().map(|version| version.0),
            verification: verification?,
            tls_server_name: raw.tls_server_name.get().map(|name| name.0.clone()),
            proxy,
            timeout: raw.timeout.get()?.0,
            max_concurrent_requests: usize::try_from(raw.max_concurrent_requests.get()?.0).ok()?,
        })
    }

    fn api_key(&self, raw: &RawSite, decoder: &mut Decoder<'_>) -> Option<Secret> {
        match (raw.api_key.is_given(), raw.api_key_file.is_given()) {
            (true, true) => {
                decoder.violation(
                    &raw.api_key_file.location,
                    "can not stand beside `apiKey`; remove one of the two",
                );
                None
            }
            (true, false) => raw.api_key.get().cloned(),
            (false, true) => self.key_of_file(&raw.api_key_file, decoder),
            (false, false) => {
                decoder.violation(
                    &raw.api_key.location,
                    "is required, unless `apiKeyFile` names a file with the key",
                );
                None
            }
        }
    }

    fn key_of_file(&self, slot: &Slot<FilePath>, decoder: &mut Decoder<'_>) -> Option<Secret> {
        let content = self.content(slot, decoder)?;
        if content.len() > LONGEST_KEY_FILE {
            let message = format!("names a file of {} bytes; an API key is shorter", content.len());
            decoder.lack(&slot.location, message);
            return None;
        }
        let text = std::str::from_utf8(content).ok().map(|text| text.trim_end_matches(['\r', '\n']));
        if let Some(key) = text.and_then(Secret::parse) {
            return Some(key);
        }
        let problem = match defect::of_bytes(content) {
            _ if text == Some("") => "names an empty file; it must hold the API key".to_owned(),
            Some(defect) => {
                format!("names a file whose content must be {}; it {defect}", Secret::wants())
            }
            None => format!("names a file whose content must be {}", Secret::wants()),
        };
        decoder.lack(&slot.location, problem);
        None
    }

    fn verification(&self, raw: &RawSite, decoder: &mut Decoder<'_>) -> Option<Verification> {
        let off = raw.insecure_skip_verify.get()?.0.0;
        let contradiction = match (raw.certificate_sha256.is_given(), raw.ca_file.is_given(), off) {
            (true, true, _) => Some((&raw.certificate_sha256.location, "caFile")),
            (true, false, true) => Some((&raw.certificate_sha256.location, "insecureSkipVerify")),
            (false, true, true) => Some((&raw.ca_file.location, "insecureSkipVerify")),
            _ => None,
        };
        if let Some((location, other)) = contradiction {
            decoder.violation(location, format!("can not stand beside `{other}`; remove one of the two"));
            return None;
        }
        match (&raw.certificate_sha256.value, &raw.ca_file.value) {
            _ if off => Some(Verification::Off),
            (Ok(digest), _) => Some(Verification::Pinned(digest.0)),
            (Err(NoValue::Unusable), _) | (_, Err(NoValue::Unusable)) => None,
            (_, Err(NoValue::Absent)) => Some(Verification::SystemRoots),
            (_, Ok(_)) => {
                let content = self.content(&raw.ca_file, decoder)?;
                match pem::certificates(content) {
                    Ok(roots) => Some(Verification::Roots(roots.into())),
                    Err(problem) => {
                        decoder.lack(&raw.ca_file.location, format!("names a file that {problem}"));
                        None
                    }
                }
            }
        }
    }

    /// The content of a file that the configuration names.
    fn content(&self, slot: &Slot<FilePath>, decoder: &mut Decoder<'_>) -> Option<&[u8]> {
        let path = self.directory.join(&slot.get()?.0);
        let problem = match self.material.files.get(&path) {
            Some(Ok(content)) => return Some(content),
            Some(Err(problem)) => problem.to_string(),
            None => "was not read".to_owned(),
        };
        if decoder.checks_references() {
            let path = super::super::report::one_line(&path.display().to_string());
            decoder.lack(&slot.location, format!("names a file that can not be read: {path}: {problem}"));
        }
        None
    }
}

/// A name with such a character differs from the name that a person reads.
fn warn_about_characters<T>(slot: &Slot<T>, text: fn(&T) -> &str, decoder: &mut Decoder<'_>) {
    let Some(text) = slot.get().map(text) else { return };
    let blank = (text.trim() != text).then(|| "has a blank at an end".to_owned());
    let found: Vec<String> = confusable::characters(text).into_iter().chain(blank).collect();
    if !found.is_empty() {
        decoder.warning(&slot.location, format!("{}; is that meant?", found.join(", and ")));
    }
}

fn endpoint(raw: &RawSite) -> Option<Endpoint> {
    let (scheme, host) = (*raw.scheme.get()?, raw.host.get()?);
    Some(Endpoint::new(scheme, &host.normal, raw.port.get()?.0, &raw.uri.get()?.0))
}

/// The value; without one it is a violation.
fn required<'a, T>(slot: &'a Slot<T>, decoder: &mut Decoder<'_>) -> Option<&'a T> {
    if !slot.is_given() {
        decoder.violation(&slot.location, "is required");
    }
    slot.get()
}

fn usable<T>(slot: &Slot<T>) -> bool {
    !matches!(slot.value, Err(NoValue::Unusable))
}
