//! The families of catalog backups.

use std::collections::BTreeMap;

use super::found::PolicyBackups;
use crate::metric::{Desc, Family, Labelled};

static LAST: Labelled<2> = Labelled::gauge(
    "nbu_catalog_backup_last_timestamp_seconds",
    "When a catalog backup of a policy last ended (endTime), by result: success, partial (status 1) or failed.",
    ["policy", "result"],
);
static STATUS: Labelled<1> = Labelled::gauge(
    "nbu_catalog_backup_last_status",
    "Status of the last catalog backup of a policy (status of the job at the top of its family).",
    ["policy"],
);
static BYTES: Labelled<1> = Labelled::gauge(
    "nbu_catalog_backup_last_bytes",
    "Size of the last good catalog backup of a policy (kilobytesTransferred of its jobs, or kbytes of its image).",
    ["policy"],
);
static DURATION: Labelled<1> = Labelled::gauge(
    "nbu_catalog_backup_last_duration_seconds",
    "How long the last good catalog backup of a policy took (from startTime to endTime).",
    ["policy"],
);

/// Everything that [`render`] gives, in its order.
pub(super) static FAMILIES: &[&Desc] = &[&LAST, &STATUS, &BYTES, &DURATION];

const RESULTS: [&str; 3] = ["success", "partial", "failed"];

/// The families of a site's catalog backups. What is not known is left out: an empty list proves nothing.
pub(super) fn render(site: &str, policies: &BTreeMap<String, PolicyBackups>) -> Vec<Family> {
    let family = |desc: &'static Labelled<1>, value: fn(&PolicyBackups) -> Option<f64>| {
        desc.family(
            site,
            policies.iter().filter_map(move |(name, policy)| Some(([name.as_str()], value(policy)?))),
        )
    };
    vec![
        LAST.family(site, policies.iter().flat_map(last)),
        family(&STATUS, |policy| policy.status.map(|(status, _)| status as f64)),
        family(&BYTES, |policy| policy.good?.bytes.map(|bytes| bytes as f64)),
        family(&DURATION, |policy| policy.good?.seconds.map(|seconds| seconds as f64)),
    ]
}

fn last<'a>((name, policy): (&'a String, &PolicyBackups)) -> impl Iterator<Item = ([&'a str; 2], f64)> {
    let results = RESULTS.into_iter().zip(policy.last);
    results.filter_map(move |(result, ended)| Some(([name.as_str(), result], ended? as f64)))
}
