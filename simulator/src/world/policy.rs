//! One policy: what it protects, how often it runs, and what goes wrong with it.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use super::time::{DAY, ORIGIN, weekday};
use super::workload::{
    BIGDATA, CATALOG, CLOUD, EXCHANGE, Family, HYPERV, NDMP, ORACLE, SAP, SQL, STANDARD, VMWARE, WINDOWS,
    Workload,
};
use super::{Draw, Extent, Scenario};
use crate::iso::civil;

/// A parent never has more children.
const MOST_CHILDREN: i64 = 8;
/// A name with all that a careless client does not encode; NetBackup's own console refuses some of it.
const ODD_NAME: &str = "Büro \"A\" & 50% (a/b\\c)";

/// How often a policy runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rhythm {
    Daily,
    /// Monday to Friday.
    Weekdays,
    /// Every four hours.
    Hours,
    /// On this day of the week, 0 for Sunday.
    Weekly(i64),
    /// By a calendar, on the first day of each month.
    Monthly,
}

/// A policy of the site.
#[derive(Debug)]
pub(crate) struct Policy {
    pub(crate) name: String,
    pub(crate) workload: &'static Workload,
    pub(crate) rhythm: Rhythm,
    is_active: bool,
    pub(crate) clients: Vec<String>,
    /// How many children the root job of a run has; 0: each client has a root job of its own.
    pub(crate) streams: i64,
    /// Start in the day and length, in seconds.
    pub(crate) window: (i64, i64),
    /// Its SLP among those of the site.
    pub(crate) slp: Option<usize>,
    pub(crate) unit: usize,
    /// 0: by hand, 1: by a protection plan.
    pub(crate) managed: i64,
    /// From this time on its jobs fail with this code.
    failing: Option<(i64, i64)>,
    /// From this time on it does not run, although it should.
    silent: Option<i64>,
    edited_every: i64,
    changes: Changes,
}

/// What is changed while the simulation runs.
#[derive(Debug)]
struct Changes {
    /// From this time on it does not run any more.
    stopped: AtomicI64,
    deleted: AtomicBool,
    edits: AtomicI64,
}

impl Policy {
    pub(super) fn numbered(number: usize, extent: &Extent<'_>, domain: &str, before: &[Self]) -> Self {
        let mut draw = Draw::new(extent.seed, -1_000 - i64::try_from(number).unwrap_or(0));
        let (workload, rhythm) = kind(number, &mut draw);
        let clients = clients(workload, extent, domain, before, &mut draw);
        let count = i64::try_from(clients.len()).unwrap_or(0);
        let streams = match workload.family {
            Family::SnapshotFirst => (count + 1).min(MOST_CHILDREN),
            Family::Streams => count.clamp(2, MOST_CHILDREN),
            Family::None => 0,
        };
        let (failing, silent) = trouble(number, extent);
        Self {
            name: name(number, workload, before, &mut draw),
            workload,
            rhythm,
            is_active: number % 20 != 11,
            clients,
            streams,
            window: (0, DAY / 1_000),
            slp: number.is_multiple_of(3).then_some(number / 3),
            unit: number,
            managed: i64::from(number % 5 == 3),
            failing,
            silent,
            edited_every: draw.between(20, 60) * DAY,
            changes: Changes {
                stopped: AtomicI64::new(i64::MAX),
                deleted: AtomicBool::new(false),
                edits: AtomicI64::new(0),
            },
        }
    }

    pub(crate) fn is_active(&self) -> bool {
        self.is_active && self.changes.stopped.load(Ordering::Relaxed) == i64::MAX
    }

    pub(crate) fn is_deleted(&self) -> bool {
        self.changes.deleted.load(Ordering::Relaxed)
    }

    /// Somebody saves it, which counts as an edit.
    pub(crate) fn edit(&self) {
        self.changes.edits.fetch_add(1, Ordering::Relaxed);
    }

    /// Somebody deactivates it.
    pub(crate) fn stop(&self, now: i64) {
        self.edit();
        self.changes.stopped.fetch_min(now, Ordering::Relaxed);
    }

    /// Somebody deletes it; its jobs and images stay.
    pub(crate) fn delete(&self, now: i64) {
        self.stop(now);
        self.changes.deleted.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_catalog(&self) -> bool {
        self.workload.policy_type == "NBU_CATALOG"
    }

    pub(super) fn runs_on_demand(&self) -> bool {
        self.is_active && !self.is_catalog() && self.silent.is_none()
    }

    pub(super) fn runs_at(&self, time: i64) -> bool {
        let due = match self.rhythm {
            Rhythm::Daily | Rhythm::Hours => true,
            Rhythm::Weekdays => (1..=5).contains(&weekday(time)),
            Rhythm::Weekly(day) => weekday(time) == day,
            Rhythm::Monthly => civil(time.div_euclid(DAY)).2 == 1,
        };
        due && self.is_active && self.silent.is_none_or(|silent| time < silent) && self.is_in_force(time)
    }

    /// Whether it is neither deactivated nor deleted at that time.
    pub(super) fn is_in_force(&self, time: i64) -> bool {
        time < self.changes.stopped.load(Ordering::Relaxed)
    }

    /// The code that all its jobs of this time end with.
    pub(crate) fn failure(&self, time: i64) -> Option<i64> {
        self.failing.filter(|(since, _)| time >= *since).map(|(_, code)| code)
    }

    /// Name and type of the schedule (as jobs spell it) that a run of this time belongs to.
    pub(crate) fn schedule_at(&self, time: i64) -> (&'static str, &'static str) {
        match self.rhythm {
            Rhythm::Daily if weekday(time) == 0 => ("weekly-full", "FULL_BACKUP"),
            Rhythm::Daily | Rhythm::Weekdays => ("daily", "DIFFERENTIAL_INCREMENTAL_BACKUP"),
            Rhythm::Hours => ("logs", "TRANSACTION_LOG_BACKUP"),
            Rhythm::Weekly(_) => ("weekly-full", "FULL_BACKUP"),
            Rhythm::Monthly => ("monthly-full", "FULL_BACKUP"),
        }
    }

    /// Grows by one with each edit.
    pub(crate) fn generation(&self, now: i64) -> i64 {
        let edits = self.changes.edits.load(Ordering::Relaxed);
        1 + edits + (now - ORIGIN).max(0) / self.edited_every
    }
}

fn kind(number: usize, draw: &mut Draw) -> (&'static Workload, Rhythm) {
    match number % 20 {
        1 if number == 1 => (&CATALOG, Rhythm::Daily),
        0 | 1 | 3 | 10 => (&VMWARE, Rhythm::Daily),
        4 => (&SQL, Rhythm::Daily),
        5 => (&WINDOWS, Rhythm::Daily),
        6 => (&ORACLE, Rhythm::Hours),
        7 => (&NDMP, Rhythm::Weekly(draw.below(7))),
        8 => (&WINDOWS, Rhythm::Weekdays),
        9 => (&STANDARD, Rhythm::Monthly),
        11 => (&HYPERV, Rhythm::Daily),
        12 => (&EXCHANGE, Rhythm::Daily),
        13 => (&SAP, Rhythm::Daily),
        15 => (&CLOUD, Rhythm::Daily),
        16 => (&SQL, Rhythm::Hours),
        17 => (&BIGDATA, Rhythm::Weekly(draw.below(7))),
        18 => (&HYPERV, Rhythm::Weekdays),
        19 => (&VMWARE, Rhythm::Monthly),
        _ => (&STANDARD, Rhythm::Daily),
    }
}

/// The plain name of the first policy of its kind, numbered names afterwards.
fn name(number: usize, workload: &Workload, before: &[Policy], draw: &mut Draw) -> String {
    if number == 14 {
        return ODD_NAME.to_owned();
    }
    if workload.policy_type == "NBU_CATALOG" {
        return workload.policy.to_owned();
    }
    let tier = if number == 0 { "GOLD" } else { draw.pick("GOLD", &["SILVER", "SILVER", "BRONZE"]) };
    let plain = format!("{}-{tier}", workload.policy);
    let same = before.iter().filter(|policy| policy.name.starts_with(&plain)).count();
    if same == 0 { plain } else { format!("{plain}-{}", same + 1) }
}

fn clients(
    workload: &Workload,
    extent: &Extent<'_>,
    domain: &str,
    before: &[Policy],
    draw: &mut Draw,
) -> Vec<String> {
    if workload.policy_type == "NBU_CATALOG" {
        return vec![extent.server_name.to_owned()];
    }
    let count = match extent.scenario {
        _ if workload.family != Family::None => draw.between(2, MOST_CHILDREN - 1),
        Scenario::Huge => draw.between(11, 14),
        _ => draw.between(2, 8),
    };
    let same = before.iter().filter(|policy| policy.workload.client == workload.client);
    let known: usize = same.map(|policy| policy.clients.len()).sum();
    let first = i64::try_from(known).unwrap_or(0) + 1;
    (first..first + count).map(|client| format!("{}-{client:03}.{domain}", workload.client)).collect()
}

/// What a bad night does: some policies and the catalog backup fail, one policy stands still and one has never run. In a
/// disaster most of the others find no storage (213).
fn trouble(number: usize, extent: &Extent<'_>) -> (Option<(i64, i64)>, Option<i64>) {
    if !extent.scenario.is_bad() {
        return (None, None);
    }
    let since = extent.trouble_since();
    match number {
        0 => (Some((since, 156)), None),
        1 => (Some((since, 13)), None),
        2 => (Some((since, 58)), None),
        4 => (Some((since, 2)), None),
        6 => (Some((since, 6)), None),
        5 => (None, Some(since)),
        8 => (None, Some(i64::MIN)),
        _ if extent.scenario.is_disaster() && number % 5 != 3 => (Some((since, 213)), None),
        _ => (None, None),
    }
}
