//! Anomalies of backups.

use futures_util::FutureExt as _;

use super::contract::{CollectError, Context, Diagnostics};
use super::resource::{Resource, V10_0};
use super::spec::CollectorSpec;
use super::walk::stateless;
use crate::config::CollectorId;
use crate::metric::{Desc, Family, Labelled};
use crate::netbackup::Listing;

static ANOMALIES: Resource =
    Resource::new("/security/anomalies", V10_0, FAMILIES).viewed_by("|MANAGE|ANOMALIES|");

static COUNT: Labelled<2> = Labelled::gauge(
    "nbu_anomalies",
    "Anomalies of the last 30 days by severity (anomalySeverity) and by what was said of them (anomalyStatus).",
    ["severity", "status"],
);
static FAMILIES: &[&Desc] = &[&COUNT];

/// Anomalies that NetBackup found in backups ("NetBackup API reference, /security/anomalies").
pub(super) static SPEC: CollectorSpec = CollectorSpec {
    id: CollectorId::Anomalies,
    main: &ANOMALIES,
    others: &[],
    requests: 30,
    awaits_facts: false,
    new: |_| stateless(|context, diagnostics| collect(context, diagnostics).boxed()),
};

const WINDOW: jiff::SignedDuration = jiff::SignedDuration::from_hours(30 * 24);
/// What `anomalySeverity` can be.
const SEVERITIES: [&str; 3] = ["HIGH", "MEDIUM", "LOW"];
/// What `anomalyStatus` can be.
const STATUSES: [&str; 4] = ["ANOMALY", "NOT_REVIEWED", "REPORTED_FALSE_POSITIVE", "IGNORED"];

/// Counts alone, since one record has a kilobyte and tells no more.
async fn collect(context: &Context<'_>, diagnostics: &mut Diagnostics) -> Result<Vec<Family>, CollectError> {
    let since = context.server_now().saturating_sub(WINDOW).unwrap_or_default();
    let mut count = COUNT.of_site(context.site);
    for severity in SEVERITIES {
        for status in STATUSES {
            let filter = format!(
                "anomalySeverity eq '{severity}' and anomalyStatus eq '{status}' and createdDateTime ge {since:.3}"
            );
            let listing = Listing::by_offset(ANOMALIES.path, 1, 1).with("filter", filter);
            if let Some(anomalies) = context.count(&listing, diagnostics).await? {
                count.sample([severity, status], anomalies as f64);
            }
        }
    }
    Ok(vec![count.build()])
}

#[cfg(test)]
mod tests;
