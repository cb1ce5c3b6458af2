use super::record::Record;
use super::site::SiteRecord;
use crate::collector::site;
use crate::metric::{Desc, Family, MetricKind, flag, seconds};

static CREDENTIAL_ACCEPTED: Desc = Desc::native(
    MetricKind::Gauge,
    "nbu_api_credential_accepted",
    "Whether NetBackup accepts the configured API key (1) or refuses it (0), even if an older key is still in use.",
    &[],
);

/// The families of a site that the poller gives.
pub static FAMILIES: &[&Desc] =
    &[&site::UP, &site::API_VERSION, &site::LAST_SCRAPE, &site::KEY_EXPIRY, &CREDENTIAL_ACCEPTED];

/// What the poller knows of the site and its collectors, as families.
pub(super) fn of_site(known: &SiteRecord, records: &[Record], name: &str) -> Vec<Family> {
    let mut families = Vec::with_capacity(12);
    let mut single = |desc, value: Option<f64>| {
        if let Some(value) = value {
            let mut family = Family::new(desc, name);
            family.sample(&[], value);
            families.push(family);
        }
    };
    single(&site::UP, known.up.map(flag));
    single(&site::KEY_EXPIRY, known.key_expiry.map(seconds));
    single(&CREDENTIAL_ACCEPTED, known.credential.map(flag));
    if let Some(version) = known.version {
        let mut family = Family::new(&site::API_VERSION, name);
        family.sample(&[&version.to_string()], 1.0);
        families.push(family);
    }
    let mut last = Family::new(&site::LAST_SCRAPE, name);
    for record in records {
        // The Go exporter knows these two sources.
        let last_success = record.runs.as_ref().and_then(|runs| runs.last_success);
        if let (Some(moment), "jobs" | "storage") = (last_success, record.name) {
            last.sample(&[record.name], seconds(moment));
        }
    }
    families.push(last);
    let runs: Vec<_> =
        records.iter().filter_map(|record| Some((record.name, record.runs.as_ref()?))).collect();
    families.extend(site::collector_families(name, &runs));
    families
}
