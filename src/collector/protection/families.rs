//! The families of policies.

use std::collections::BTreeMap;

use crate::collector::board::Policies;
use crate::metric::{Desc, Family, Labelled, flag};

use super::record::ListedPolicy;

static POLICIES: Labelled<2> = Labelled::gauge(
    "nbu_policies",
    "Policies by type and by whether they are active (active: true, false, or unknown where it is not said).",
    ["policy_type", "active"],
);
static INFO: Labelled<4> = Labelled::gauge(
    "nbu_policy_info",
    "What a policy is, as labels: managed is no, subscription or plan, those of protection plans (storage, autoManagedType); always 1.",
    ["policy", "policy_type", "storage", "managed"],
);
static ACTIVE: Labelled<1> =
    Labelled::gauge("nbu_policy_active", "Whether a policy is active (active, 1) or not (0).", ["policy"]);
static EXPECTED_INTERVAL: Labelled<1> = Labelled::gauge(
    "nbu_policy_expected_interval_seconds",
    "The longest time between two backups of a policy by its own schedules and windows (frequencySeconds, startWindow, includeDates, excludeDates).",
    ["policy"],
);
static CATALOG_POLICIES: Labelled<0> = Labelled::gauge(
    "nbu_catalog_backup_policies",
    "Active policies that back up NetBackup's own catalog (type NBU-Catalog).",
    [],
);

/// What comes of the list.
pub(super) static OF_LIST: &[&Desc] = &[&POLICIES, &INFO, &ACTIVE, &CATALOG_POLICIES];
/// What comes of the details of each policy.
pub(super) static OF_DETAILS: &[&Desc] = &[&EXPECTED_INTERVAL];

/// How many policies are active, are not, and say neither.
type Activity = [u64; 3];
const ACTIVITY: [&str; 3] = ["true", "false", "unknown"];

/// The counts over all policies of a site; nothing is 0 unless the list was read to its end.
pub(super) fn counts(site: &str, policies: &[ListedPolicy], is_whole: bool) -> Vec<Family> {
    let (mut by_type, mut catalogs) = (BTreeMap::<&str, Activity>::new(), 0_u64);
    for policy in policies {
        let [active, inactive, unknown] = by_type.entry(&policy.policy_type).or_default();
        *match policy.is_active {
            Some(true) => active,
            Some(false) => inactive,
            None => unknown,
        } += 1;
        catalogs += u64::from(policy.policy_type == "NBU_CATALOG" && policy.is_active == Some(true));
    }
    let is_shown = |activity: &str, count: u64| count > 0 || is_whole && activity != "unknown";
    let samples = by_type.iter().flat_map(|(policy_type, counts)| {
        let counts = ACTIVITY.into_iter().zip(*counts);
        let shown = counts.filter(|(activity, count)| is_shown(activity, *count));
        shown.map(|(activity, count)| ([*policy_type, activity], count as f64))
    });
    let catalogs = Some(catalogs).filter(|catalogs| *catalogs > 0 || is_whole);
    vec![
        POLICIES.family(site, samples),
        CATALOG_POLICIES.family(site, catalogs.map(|catalogs| ([], catalogs as f64))),
    ]
}

/// What is shown of each policy by its name, and how often each is due.
pub(super) fn of_each(site: &str, policies: &[&ListedPolicy], facts: &Policies) -> Vec<Family> {
    let interval = |policy: &ListedPolicy| facts.get(&policy.name)?.expected_interval;
    let active = policies.iter().filter_map(|policy| Some(([policy.name.as_str()], flag(policy.is_active?))));
    let infos = policies.iter().map(|policy| {
        ([policy.name.as_str(), policy.policy_type.as_str(), policy.storage.as_str(), policy.managed], 1.0)
    });
    let intervals =
        policies.iter().filter_map(|policy| Some(([policy.name.as_str()], interval(policy)?.as_secs_f64())));
    vec![INFO.family(site, infos), ACTIVE.family(site, active), EXPECTED_INTERVAL.family(site, intervals)]
}
