use std::path::Path;
use std::sync::Arc;

use super::super::proxy::{EnvironmentProxies, ProxyUrl};
use super::super::raw::RawSite;
use super::super::reader::{Reader, Scalar, Slot, Without};
use super::super::scalar::FilePath;
use super::super::{
    Endpoint, LackingSite, Material, Proxy, Secret, Site, SiteId, Verification, confusable, trouble,
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
    pub(super) fn listed(&self, raw: &RawSite, reader: &mut Reader<'_>) -> Option<Site> {
        let name = required(&raw.site, reader).map(|name| Arc::from(name.0.as_str()));
        let id = name.clone().map(SiteId::Named);
        self.site(raw, id, name, reader)
    }

    /// The site of the legacy block: its label is the host as it is written.
    pub(super) fn legacy(&self, raw: &RawSite, reader: &mut Reader<'_>) -> Option<Site> {
        if raw.site.is_given() {
            let message = "is not allowed here; the name is the host, and `nbuservers` has names of your own";
            reader.violation(&raw.site.at, message);
        }
        let name = raw.host.get().map(|host| Arc::from(host.written.as_str()));
        self.site(raw, Some(SiteId::Legacy), name, reader)
    }

    /// A site of which nothing was made, if that is for nothing but what it refers to; `path` is its own.
    pub(super) fn lacking(raw: &RawSite, path: &str, reader: &mut Reader<'_>) -> Option<LackingSite> {
        let (id, name): (_, Arc<str>) = match raw.site.get() {
            Some(name) => (SiteId::Named(name.0.as_str().into()), name.0.as_str().into()),
            None if raw.site.is_given() => return None,
            None => (SiteId::Legacy, raw.host.get()?.written.as_str().into()),
        };
        let why = reader.claim(path)?;
        Some(LackingSite { id, name, endpoint: endpoint(raw), why })
    }

    fn site(
        &self,
        raw: &RawSite,
        id: Option<SiteId>,
        name: Option<Arc<str>>,
        reader: &mut Reader<'_>,
    ) -> Option<Site> {
        warn_about_characters(&raw.site, |site| &site.0, reader);
        warn_about_characters(&raw.host, |host| &host.written, reader);
        // All of them are looked at, so that all mistakes are reported.
        required(&raw.host, reader);
        let api_key = self.api_key(raw, reader);
        let verification = self.verification(raw, reader);
        let optional_usable =
            usable(&raw.api_version) && usable(&raw.tls_server_name) && usable(&raw.proxy_url);
        let endpoint = endpoint(raw)?;
        let proxy = match raw.proxy_url.get() {
            Some(ProxyUrl::Url(url)) => Proxy::Url(url.clone()),
            Some(ProxyUrl::None) => Proxy::Direct,
            None => self.proxies.on_the_way_to(&endpoint),
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

    fn api_key(&self, raw: &RawSite, reader: &mut Reader<'_>) -> Option<Secret> {
        match (raw.api_key.is_given(), raw.api_key_file.is_given()) {
            (true, true) => {
                reader
                    .violation(&raw.api_key_file.at, "can not stand beside `apiKey`; remove one of the two");
                None
            }
            (true, false) => raw.api_key.get().cloned(),
            (false, true) => self.key_of_file(&raw.api_key_file, reader),
            (false, false) => {
                reader
                    .violation(&raw.api_key.at, "is required, unless `apiKeyFile` names a file with the key");
                None
            }
        }
    }

    fn key_of_file(&self, slot: &Slot<FilePath>, reader: &mut Reader<'_>) -> Option<Secret> {
        let content = self.content(slot, reader)?;
        if content.len() > LONGEST_KEY_FILE {
            let message = format!("names a file of {} bytes; an API key is shorter", content.len());
            reader.lack(&slot.at, message);
            return None;
        }
        let text = std::str::from_utf8(content).ok().map(|text| text.trim_end_matches(['\r', '\n']));
        if let Some(key) = text.and_then(Secret::parse) {
            return Some(key);
        }
        let problem = match trouble::of_bytes(content) {
            _ if text == Some("") => "names an empty file; it must hold the API key".to_owned(),
            Some(trouble) => {
                format!("names a file whose content must be {}; it {trouble}", Secret::wants())
            }
            None => format!("names a file whose content must be {}", Secret::wants()),
        };
        reader.lack(&slot.at, problem);
        None
    }

    fn verification(&self, raw: &RawSite, reader: &mut Reader<'_>) -> Option<Verification> {
        let off = raw.insecure_skip_verify.get()?.0.0;
        let contradiction = match (raw.certificate_sha256.is_given(), raw.ca_file.is_given(), off) {
            (true, true, _) => Some((&raw.certificate_sha256.at, "caFile")),
            (true, false, true) => Some((&raw.certificate_sha256.at, "insecureSkipVerify")),
            (false, true, true) => Some((&raw.ca_file.at, "insecureSkipVerify")),
            _ => None,
        };
        if let Some((at, other)) = contradiction {
            reader.violation(at, format!("can not stand beside `{other}`; remove one of the two"));
            return None;
        }
        match (&raw.certificate_sha256.value, &raw.ca_file.value) {
            _ if off => Some(Verification::Off),
            (Ok(digest), _) => Some(Verification::Pinned(digest.0)),
            (Err(Without::Use), _) | (_, Err(Without::Use)) => None,
            (_, Err(Without::Value)) => Some(Verification::SystemRoots),
            (_, Ok(_)) => {
                let content = self.content(&raw.ca_file, reader)?;
                match pem::certificates(content) {
                    Ok(roots) => Some(Verification::Roots(roots.into())),
                    Err(problem) => {
                        reader.lack(&raw.ca_file.at, format!("names a file that {problem}"));
                        None
                    }
                }
            }
        }
    }

    /// The content of a file that the configuration names.
    fn content(&self, slot: &Slot<FilePath>, reader: &mut Reader<'_>) -> Option<&[u8]> {
        let path = self.directory.join(&slot.get()?.0);
        let problem = match self.material.files.get(&path) {
            Some(Ok(content)) => return Some(content),
            Some(Err(problem)) => problem.to_string(),
            None => "was not read".to_owned(),
        };
        if reader.checks_references() {
            let path = super::super::report::line(&path.display().to_string());
            reader.lack(&slot.at, format!("names a file that can not be read: {path}: {problem}"));
        }
        None
    }
}

/// A name with an odd character is another name than the one that is read.
fn warn_about_characters<T>(slot: &Slot<T>, text: fn(&T) -> &str, reader: &mut Reader<'_>) {
    let Some(text) = slot.get().map(text) else { return };
    let blank = (text.trim() != text).then(|| "has a blank at an end".to_owned());
    let found: Vec<String> = confusable::characters(text).into_iter().chain(blank).collect();
    if !found.is_empty() {
        reader.warning(&slot.at, format!("{}; is that meant?", found.join(", and ")));
    }
}

fn endpoint(raw: &RawSite) -> Option<Endpoint> {
    let (scheme, host) = (*raw.scheme.get()?, raw.host.get()?);
    Some(Endpoint::new(scheme, &host.normal, raw.port.get()?.0, &raw.uri.get()?.0))
}

/// The value; its absence is a violation.
fn required<'a, T>(slot: &'a Slot<T>, reader: &mut Reader<'_>) -> Option<&'a T> {
    if !slot.is_given() {
        reader.violation(&slot.at, "is required");
    }
    slot.get()
}

fn usable<T>(slot: &Slot<T>) -> bool {
    !matches!(slot.value, Err(Without::Use))
}
