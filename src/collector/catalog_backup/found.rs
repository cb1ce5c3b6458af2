//! What is concluded from the jobs of catalog backups.

use std::collections::{BTreeMap, HashMap};

use super::super::job_record::Job;
use crate::metric::label_value;

/// What is kept of a finished job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct CatalogJob {
    pub(super) id: u32,
    pub(super) root: u32,
    pub(super) policy: String,
    /// Whether it makes a backup; a duplication or a restore of one has the same type of policy.
    pub(super) is_backup: bool,
    pub(super) status: Option<i64>,
    pub(super) started: Option<i64>,
    pub(super) ended: Option<i64>,
    pub(super) kilobytes: Option<u64>,
    pub(super) children: u64,
}

impl CatalogJob {
    pub(super) fn of(job: &Job<'_>) -> Self {
        Self {
            id: job.id,
            root: job.root,
            policy: label_value(&job.policy).into_owned(),
            is_backup: matches!(&*job.job_type, "BACKUP" | "DBBACKUP"),
            status: job.status,
            started: job.start,
            ended: job.end,
            kilobytes: job.kilobytes,
            children: job.children.unwrap_or(0),
        }
    }
}

/// A backup that can be restored from, whole or in part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Good {
    /// In seconds since 1970.
    pub(super) ended: i64,
    /// Whether nothing is missing in it.
    pub(super) is_whole: bool,
    pub(super) seconds: Option<u64>,
    pub(super) bytes: Option<u64>,
}

/// What is known of the backups of one policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct PolicyBackups {
    /// When a backup last ended with success, in part, and with a failure.
    pub(super) last: [Option<i64>; 3],
    /// The status of the last backup, and when that ended.
    pub(super) status: Option<(i64, i64)>,
    /// The last good one.
    pub(super) good: Option<Good>,
}

impl PolicyBackups {
    /// Takes in a good backup.
    pub(super) fn note_good(&mut self, good: Good) {
        let [success, partial, _] = &mut self.last;
        let last = if good.is_whole { success } else { partial };
        *last = (*last).max(Some(good.ended));
        if self.good.is_none_or(|known| known.ended < good.ended) {
            self.good = Some(good);
        }
    }

    fn note(&mut self, job: &CatalogJob, bytes: Option<u64>) {
        let (Some(ended), Some(status)) = (job.ended, job.status) else { return };
        if self.status.is_none_or(|(_, known)| known < ended) {
            self.status = Some((status, ended));
        }
        if matches!(status, 0 | 1) {
            let seconds = job.started.and_then(|started| u64::try_from(ended - started).ok());
            self.note_good(Good { ended, is_whole: status == 0, seconds, bytes });
        } else {
            let [_, _, failed] = &mut self.last;
            *failed = (*failed).max(Some(ended));
        }
    }
}

/// The jobs that came; one may come twice.
#[derive(Debug, Default)]
pub(super) struct CatalogJobs(HashMap<u32, CatalogJob>);

impl CatalogJobs {
    pub(super) fn add(&mut self, job: CatalogJob) {
        self.0.insert(job.id, job);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether some policy has no whole backup among these jobs.
    pub(super) fn lacks_success(&self) -> bool {
        let policies = self.policies();
        policies.is_empty() || policies.values().any(|policy| policy.last.first().is_none_or(Option::is_none))
    }

    /// What the jobs say of each policy. What a backup came to is what the job at the top of its family came to.
    pub(super) fn policies(&self) -> BTreeMap<String, PolicyBackups> {
        let mut policies: BTreeMap<String, PolicyBackups> = BTreeMap::new();
        let roots =
            self.0.values().filter(|job| job.id == job.root && job.is_backup && !job.policy.is_empty());
        for root in roots {
            policies.entry(root.policy.clone()).or_default().note(root, self.bytes(root));
        }
        policies
    }

    /// How much a backup has moved: a parent's own figure is not the sum of its children's. Where not all of them are there, it is all
    /// that is known.
    fn bytes(&self, root: &CatalogJob) -> Option<u64> {
        let family = || self.0.values().filter(|job| job.root == root.id && job.id != root.id);
        let is_whole = root.children > 0 && family().count() as u64 >= root.children;
        let kilobytes = if is_whole {
            family()
                .filter(|job| job.children == 0)
                .filter_map(|job| job.kilobytes)
                .reduce(u64::saturating_add)
        } else {
            root.kilobytes
        };
        kilobytes.map(|kilobytes| kilobytes.saturating_mul(1024))
    }
}
