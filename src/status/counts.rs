//! What counts at a site, from the samples of its own snapshot.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::words::in_words;
use crate::metric::{Sample, samples};
use crate::snapshot::Snapshot;

/// So many are named.
const MOST_NAMES: usize = 20;
const HOUR: f64 = 3_600.0;
const DAY: f64 = 24.0 * HOUR;
/// From so much below its mark on a pool is told, as in the alert.
const BELOW_MARK: f64 = 0.05;
/// A policy is overdue after so many of its intervals and two hours, as in the alert.
const OVERDUE_INTERVALS: f64 = 1.5;

/// What counts at a site. What no collector has told yet is absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SiteCounts {
    /// Jobs that are not done, by their state.
    pub jobs: Option<BTreeMap<String, u64>>,
    /// Active policies without a good backup for longer than their own schedules say.
    pub policies_overdue: Option<Count>,
    /// Disk pools at their high-water mark, or less than 5 % below it.
    pub pools_near_mark: Option<Count>,
    /// Storage lifecycle policies whose oldest image has waited for more than a day.
    pub slps_behind: Option<Count>,
    /// Tape drives that are not up.
    pub drives_down: Option<Count>,
    /// How old the newest good backup of NetBackup's own catalog is.
    pub catalog_backup_age_seconds: Option<f64>,
}

/// So many of so many, and which.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Count {
    /// How many.
    pub count: usize,
    /// Of how many.
    pub of: usize,
    /// The first 20 of them, the worst first, each with why.
    pub names: Vec<String>,
}

/// The counts of a site.
pub(super) fn of(snapshot: &Snapshot, now: Timestamp) -> SiteCounts {
    let now = now.as_second() as f64;
    SiteCounts {
        jobs: jobs(snapshot),
        policies_overdue: policies_overdue(snapshot, now),
        pools_near_mark: pools_near_mark(snapshot),
        slps_behind: slps_behind(snapshot, now),
        drives_down: drives_down(snapshot),
        catalog_backup_age_seconds: catalog_backup_age(snapshot, now),
    }
}

/// The value of a family that has one sample for a site.
pub(super) fn only(snapshot: &Snapshot, name: &str) -> Option<f64> {
    values(snapshot, name, |_| Some(())).into_values().next()
}

/// The greatest value for each key.
fn values<K: Ord>(
    snapshot: &Snapshot,
    name: &str,
    key: impl Fn(&Sample<'_>) -> Option<K>,
) -> BTreeMap<K, f64> {
    let all = snapshot.fragments.iter().chain(&snapshot.report.unserved);
    let mut values = BTreeMap::new();
    for fragment in all.filter(|fragment| fragment.desc.name == name) {
        let text = fragment.text();
        for sample in samples(std::str::from_utf8(&text).unwrap_or_default()) {
            let Some(key) = key(&sample) else { continue };
            let value = values.entry(key).or_insert(sample.value);
            *value = value.max(sample.value);
        }
    }
    values
}

fn by(label: &'static str) -> impl Fn(&Sample<'_>) -> Option<String> {
    move |sample| Some(sample.label(label).to_owned())
}

/// Whether what a collector gave last is there: then there may be none of what is counted.
fn is_known(snapshot: &Snapshot, collector: &str) -> bool {
    let report = snapshot.report.collectors.iter().find(|report| report.name == collector);
    let last = report.and_then(|report| report.last.as_ref());
    last.is_some_and(|run| run.is_supported && (run.success || run.series > 0))
}

/// The worst first, by how bad each is.
fn count(of: usize, mut found: Vec<(f64, String)>) -> Count {
    found.sort_by(|(one, a), (other, b)| other.total_cmp(one).then_with(|| a.cmp(b)));
    let count = found.len();
    Count { count, of, names: found.into_iter().take(MOST_NAMES).map(|(_, name)| name).collect() }
}

fn jobs(snapshot: &Snapshot) -> Option<BTreeMap<String, u64>> {
    if !is_known(snapshot, "jobs") {
        return None;
    }
    let key =
        |sample: &Sample<'_>| Some((sample.label("state").to_owned(), sample.label("job_type").to_owned()));
    let mut jobs = BTreeMap::new();
    for ((state, _), value) in values(snapshot, "nbu_jobs_unfinished", key) {
        *jobs.entry(state).or_default() += whole_number(value);
    }
    Some(jobs)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is a count")]
fn whole_number(value: f64) -> u64 {
    value.max(0.0) as u64
}

fn policies_overdue(snapshot: &Snapshot, now: f64) -> Option<Count> {
    let intervals = values(snapshot, "nbu_policy_expected_interval_seconds", by("policy"));
    if intervals.is_empty() && !is_known(snapshot, "protection") {
        return None;
    }
    let active = values(snapshot, "nbu_policy_active", by("policy"));
    let good = |sample: &Sample<'_>| {
        matches!(sample.label("result"), "success" | "partial").then(|| sample.label("policy").to_owned())
    };
    let last = values(snapshot, "nbu_policy_last_backup_timestamp_seconds", good);
    let known_since = only(snapshot, "nbu_backup_history_start_timestamp_seconds");
    let due = intervals.iter().filter(|(policy, _)| active.get(*policy).is_some_and(|active| *active > 0.0));
    let of = due.clone().count();
    let overdue = due.filter_map(|(policy, interval)| {
        let every = in_words(*interval);
        match last.get(policy) {
            Some(last) => (now - last > OVERDUE_INTERVALS * interval + 2.0 * HOUR).then(|| {
                (now - last, format!("{policy}: last good {} ago, due every {every}", in_words(now - last)))
            }),
            None => known_since
                .filter(|since| now - since > (OVERDUE_INTERVALS * interval).max(7.0 * DAY))
                .map(|since| {
                    (
                        f64::INFINITY,
                        format!(
                            "{policy}: no good one for {} at least, due every {every}",
                            in_words(now - since)
                        ),
                    )
                }),
        }
    });
    Some(count(of, overdue.collect()))
}

fn pools_near_mark(snapshot: &Snapshot) -> Option<Count> {
    let marks = values(snapshot, "nbu_disk_pool_high_water_mark_ratio", by("disk_pool"));
    if marks.is_empty() && !is_known(snapshot, "disk_pools") {
        return None;
    }
    let used = values(snapshot, "nbu_disk_pool_used_bytes", by("disk_pool"));
    let usable = values(snapshot, "nbu_disk_pool_usable_bytes", by("disk_pool"));
    let near = marks.iter().filter_map(|(pool, mark)| {
        let share = used.get(pool)? / usable.get(pool).filter(|usable| **usable > 0.0)?;
        let words = || format!("{pool}: {:.0} % used, full at {:.0} %", share * 100.0, mark * 100.0);
        (share > mark - BELOW_MARK).then(|| (share - mark, words()))
    });
    Some(count(marks.len(), near.collect()))
}

fn slps_behind(snapshot: &Snapshot, now: f64) -> Option<Count> {
    if !is_known(snapshot, "slp") {
        return None;
    }
    let all = values(snapshot, "nbu_slp_active", by("slp"));
    let oldest = values(snapshot, "nbu_slp_oldest_incomplete_backup_timestamp_seconds", by("slp"));
    let waiting = oldest.iter().map(|(slp, oldest)| (slp, now - oldest)).filter(|(_, age)| *age > DAY);
    let behind = waiting
        .map(|(slp, age)| (age, format!("{slp}: an image has waited for its copies for {}", in_words(age))));
    Some(count(all.len().max(oldest.len()), behind.collect()))
}

fn drives_down(snapshot: &Snapshot) -> Option<Count> {
    if !is_known(snapshot, "tape") {
        return None;
    }
    let key =
        |sample: &Sample<'_>| Some((sample.label("drive").to_owned(), sample.label("status").to_owned()));
    let states = values(snapshot, "nbu_tape_drive_status", key);
    let drives: BTreeSet<_> = states.keys().map(|(drive, _)| drive).collect();
    let is_down = |((_, status), value): &(&(String, String), &f64)| status != "UP" && **value > 0.0;
    let down = states.iter().filter(is_down).map(|((drive, status), _)| (0.0, format!("{drive}: {status}")));
    Some(count(drives.len(), down.collect()))
}

fn catalog_backup_age(snapshot: &Snapshot, now: f64) -> Option<f64> {
    let good = |sample: &Sample<'_>| (sample.label("result") == "success").then_some(());
    let last = values(snapshot, "nbu_catalog_backup_last_timestamp_seconds", good).into_values().next()?;
    Some((now - last).max(0.0))
}
