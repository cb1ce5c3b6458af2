//! Images of the catalog by what malware scans and the search for anomalies said of them.

use futures_util::FutureExt as _;

use super::contract::{CollectError, Context, Diagnostics};
use super::resource::{Resource, V10_0, V12_0, V13_0};
use super::spec::CollectorSpec;
use super::walk::stateless;
use crate::config::{ApiVersion, CollectorId};
use crate::metric::{Desc, Family, Labelled};
use crate::netbackup::Listing;

static IMAGES: Resource = Resource::images(FAMILIES);

static COUNT: Labelled<2> = Labelled::gauge(
    "nbu_catalog_window_images",
    "Backup images of the last 24 hours by what was found in them (malwareStatus, before NetBackup 11.0 malwareScanResult; \
     anomalyStatus, UNKNOWN before NetBackup 10.5).",
    ["malware_status", "anomaly_status"],
);
static V4_COUNT: Labelled<2> = Labelled::v4_gauge(
    "nbu_catalog_images_count",
    "Backup images of the last 24 hours by what was found in them (malwareStatus, anomalyStatus).",
    ["malware_status", "anomaly_status"],
);
static FAMILIES: &[&Desc] = &[&COUNT, &V4_COUNT];

/// Backup images ("NetBackup API reference, /catalog/images").
pub(super) static SPEC: CollectorSpec = CollectorSpec {
    id: CollectorId::Catalog,
    main: &IMAGES,
    others: &[],
    requests: 30,
    awaits_facts: false,
    new: |_| stateless(|context, diagnostics| collect(context, diagnostics).boxed()),
};

const WINDOW: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);
/// NetBackup 11.2, from which on images may be asked for without their fragments.
const V14_0: ApiVersion = ApiVersion { major: 14, minor: 0 };

/// What `malwareStatus` can be, as far as it is counted, each with what `malwareScanResult` calls it.
const MALWARE: [(&str, &str); 3] =
    [("CLEAN", "CLEAN"), ("INFECTION_DETECTED_BY_MALWARE_SCAN", "IMPACTED"), ("NOT_SCANNED", "NOT_SCANNED")];
/// What `anomalyStatus` can be, as far as it is counted.
const ANOMALIES: [&str; 3] = ["ANOMALOUS", "NOT_ANOMALOUS", "NOT_PROCESSED"];

/// Counts alone: an image has 3.5 kB and more.
async fn collect(context: &Context<'_>, diagnostics: &mut Diagnostics) -> Result<Vec<Family>, CollectError> {
    let version = context.client.version().unwrap_or(V10_0);
    let now = context.server_now();
    let since = now.saturating_sub(WINDOW).unwrap_or_default();
    // Without bounds the server takes its own of the last 24 hours; ours are the same in each request of a run.
    let window = format!("backupTime ge {since:.3} and backupTime le {now:.3}");
    let (mut count, mut v4) = (COUNT.of_site(context.site), V4_COUNT.of_site(context.site));
    for (labels, found) in questions(version) {
        let mut listing =
            Listing::by_offset(IMAGES.path, 1, 1).with("filter", format!("{found} and {window}"));
        if version >= V14_0 {
            listing = listing.with("fieldset[image]", "imageCopy");
        }
        if let Some(images) = context.count(&listing, diagnostics).await? {
            count.sample(labels, images as f64);
            v4.sample(labels, images as f64);
        }
    }
    Ok(vec![count.build(), v4.build()])
}

/// What images are counted by, in the words that a version filters by: the labels, and the filter.
fn questions(version: ApiVersion) -> Vec<([&'static str; 2], String)> {
    let malware = MALWARE.into_iter().map(|(status, result)| {
        let filter = if version >= V13_0 {
            format!("malwareStatus eq '{status}'")
        } else {
            format!("malwareScanResult eq '{result}'")
        };
        (status, filter)
    });
    if version < V12_0 {
        return malware.map(|(status, filter)| ([status, "UNKNOWN"], filter)).collect();
    }
    malware
        .flat_map(|(status, filter)| {
            ANOMALIES.map(|anomaly| ([status, anomaly], format!("{filter} and anomalyStatus eq '{anomaly}'")))
        })
        .collect()
}

#[cfg(test)]
mod tests;
