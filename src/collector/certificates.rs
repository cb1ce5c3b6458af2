//! The ends of certificates: those of the authorities and of the hosts of a domain.

mod families;
mod host;

use std::collections::BTreeMap;

use futures_util::FutureExt as _;

use super::contract::{CollectError, Context, Diagnostics};
use super::resource::{Resource, Trial, V10_0, V13_0};
use super::server_info::{self, ExternalCa};
use super::spec::CollectorSpec;
use super::walk::{cap, fold_page, label, stateless};
use crate::config::CollectorId;
use crate::metric::Family;
use crate::netbackup::{DecodeError, Field, Get, Listing, Text, Time, decode, each_record};
use host::{HostCertificate, HostKind, Hosts};

static AUTHORITIES: Resource =
    Resource::new("/security/certificate-authorities", V10_0, families::OF_AUTHORITIES).without_key();
/// The whole database in one answer.
static CURRENT: Resource = Resource::new("/security/certificates/current", V10_0, families::OF_HOSTS)
    .viewed_by("|SECURITY|CERTIFICATE-MANAGEMENT|NETBACKUP-CERTIFICATES|")
    .tried(Trial::Whole);
/// It has dates only for certificates of external authorities.
static MAPPINGS: Resource = Resource::new("/config/hosts-certificate-mappings", V13_0, &[])
    .viewed_by("|SECURITY|CERTIFICATE-MANAGEMENT|NETBACKUP-CERTIFICATES|");

/// When certificates end ("NetBackup API reference, /security/certificate-authorities, /security/certificates/current,
/// /config/hosts-certificate-mappings"). A host certificate lives a year and renews itself 180 days before its end.
pub(super) static SPEC: CollectorSpec = CollectorSpec {
    id: CollectorId::Certificates,
    main: &AUTHORITIES,
    others: &[&CURRENT, &server_info::ASKED, &MAPPINGS],
    requests: 150,
    awaits_facts: false,
    new: |_| stateless(|context, diagnostics| collect(context, diagnostics).boxed()),
};

/// The most servers that have series of their own.
const MOST_HOSTS: usize = 500;

async fn collect(context: &Context<'_>, diagnostics: &mut Diagnostics) -> Result<Vec<Family>, CollectError> {
    let authorities = read_authorities(context, diagnostics).await?;
    let internal = async { read_current(context, diagnostics).await };
    let internal = context.optional(&CURRENT, internal).await?;
    let Some(internal) = internal else {
        return Ok(families::render(context.site, &authorities, None));
    };
    let info = async { context.server_info(&mut 0).await };
    let usage = context
        .optional(&server_info::ASKED, info)
        .await?
        .map_or(ExternalCa::Disabled, |info| info.external_ca);
    let mut external = BTreeMap::new();
    if usage != ExternalCa::Disabled {
        let read = async { read_external(context, diagnostics).await };
        external = context.optional(&MAPPINGS, read).await?.unwrap_or_default();
    }
    let hosts = internal.with_external(external, usage);
    let counts = hosts.count(context.now_second());
    let mut servers = hosts.into_servers();
    cap(&mut servers, MOST_HOSTS, |(name, _)| name, diagnostics);
    Ok(families::render(context.site, &authorities, Some((&servers, &counts))))
}

impl Context<'_> {
    /// By the server's own clock.
    fn now_second(&self) -> i64 {
        self.server_now().as_second()
    }
}

/// The ends of the authorities that issue certificates now, by subject. There are hardly more than one, so one page is enough.
async fn read_authorities(
    context: &Context<'_>,
    diagnostics: &mut Diagnostics,
) -> Result<BTreeMap<String, i64>, CollectError> {
    let get = Get::new(AUTHORITIES.path)
        .with("filter", "state eq 'ACTIVE'")
        .with("page[limit]", "100")
        .without_key();
    let mut ends = BTreeMap::new();
    let read = |text: &str| {
        let page = decode::<AuthorityRecord<'_>>(text)?;
        diagnostics.records += page.page.records;
        diagnostics.malformed += page.malformed;
        for record in page.records {
            let Some((subject, end)) = record.end(&mut diagnostics.malformed) else {
                diagnostics.malformed += 1;
                continue;
            };
            // Of two with one name the newer one issues.
            let known = ends.entry(subject).or_insert(end);
            *known = end.max(*known);
        }
        Ok(())
    };
    context.client.get_with(&get, context.deadline, read).await?;
    Ok(ends)
}

/// A record of `/security/certificate-authorities` as it comes.
#[derive(serde::Deserialize)]
struct AuthorityRecord<'a> {
    #[serde(borrow, default)]
    attributes: Option<AuthorityAttributes<'a>>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct AuthorityAttributes<'a> {
    #[serde(borrow, default)]
    nbca_cert_details: Option<AuthorityDetails<'a>>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct AuthorityDetails<'a> {
    #[serde(borrow, default)]
    subject_name: Text<'a>,
    #[serde(borrow, default, rename = "subjectCN")]
    subject_cn: Text<'a>,
    #[serde(default)]
    not_after: Field<Time>,
}

impl AuthorityRecord<'_> {
    /// Its subject and its end.
    fn end(self, malformed: &mut u64) -> Option<(String, i64)> {
        let details = self.attributes?.nbca_cert_details?;
        let common_name = label(details.subject_cn, malformed);
        let subject = label(details.subject_name, malformed).or(common_name)?;
        Some((subject, details.not_after.second(malformed)?))
    }
}

/// The certificates of NetBackup's own authority. They are many, and only name and end of each are kept.
async fn read_current(context: &Context<'_>, diagnostics: &mut Diagnostics) -> Result<Hosts, CollectError> {
    let get = Get::new(CURRENT.path).whole_list();
    let read = |text: &str| {
        let mut hosts = Hosts::default();
        let mut malformed = 0;
        let listed = each_record(text, "certificateList", |record: CurrentRecord<'_>| {
            if !record.is_in_use(&mut malformed) {
                return;
            }
            match record.host(&mut malformed) {
                Some((name, host)) => hosts.add(name, host),
                None => malformed += 1,
            }
        })?;
        diagnostics.records += listed.records;
        diagnostics.malformed += listed.malformed + malformed;
        Ok::<_, DecodeError>(hosts)
    };
    Ok(context.client.get_with(&get, context.deadline, read).await?)
}

/// A record of `/security/certificates/current` as it comes.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct CurrentRecord<'a> {
    #[serde(borrow, default)]
    host_name: Text<'a>,
    /// In milliseconds since 1970.
    #[serde(default)]
    not_after: Field<i64>,
    #[serde(default)]
    state: Field<u64>,
    #[serde(default)]
    host_type: Field<u64>,
    /// Since NetBackup 11.0.
    #[serde(default)]
    is_cert_deleted: Field<bool>,
}

/// A certificate that is in use: the others are revoked.
const ACTIVE: u64 = 1;

impl CurrentRecord<'_> {
    fn is_in_use(&self, malformed: &mut u64) -> bool {
        let is_deleted = self.is_cert_deleted.take(malformed).unwrap_or(false);
        !is_deleted && self.state.take(malformed).is_none_or(|state| state == ACTIVE)
    }

    /// Whose certificate it is.
    fn host(self, malformed: &mut u64) -> Option<(String, HostCertificate)> {
        let name = label(self.host_name, malformed)?;
        let milliseconds = self.not_after.take(malformed).filter(|time| *time > 0)?;
        let kind = match self.host_type.take(malformed) {
            Some(1) => HostKind::Server,
            Some(2) => HostKind::Client,
            _ => HostKind::Unknown,
        };
        Some((name, HostCertificate { kind, ends: milliseconds.div_euclid(1000) }))
    }
}

/// The ends of certificates of external authorities, by host.
async fn read_external(
    context: &Context<'_>,
    diagnostics: &mut Diagnostics,
) -> Result<BTreeMap<String, i64>, CollectError> {
    // The reference names no limit of a page.
    let listing = Listing::by_offset(MAPPINGS.path, 500, 100).with("sort", "externalCertNotValidAfter");
    let mut ends = BTreeMap::new();
    let fold = |text: &str, diagnostics: &mut Diagnostics| {
        fold_page(text, diagnostics, |record: MappingRecord<'_>, malformed| {
            let attributes = record.attributes?;
            let name = label(attributes.host_name, malformed)?;
            if let Some(end) = attributes.external_cert_not_valid_after.second(malformed) {
                let known = ends.entry(name).or_insert(end);
                *known = end.max(*known);
            }
            Some(())
        })
    };
    context.walk(&listing, diagnostics, fold).await?;
    Ok(ends)
}

/// A record of `/config/hosts-certificate-mappings` as it comes.
#[derive(serde::Deserialize)]
struct MappingRecord<'a> {
    #[serde(borrow, default)]
    attributes: Option<MappingAttributes<'a>>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct MappingAttributes<'a> {
    #[serde(borrow, default)]
    host_name: Text<'a>,
    #[serde(default)]
    external_cert_not_valid_after: Field<Time>,
}

#[cfg(test)]
mod tests;
