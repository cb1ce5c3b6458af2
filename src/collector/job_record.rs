//! A job, as the API gives it and as it is used.

use std::borrow::Cow;

use crate::netbackup::{Field, Text, Time};

/// A record of `/admin/jobs` as it comes.
#[derive(serde::Deserialize)]
pub(super) struct JobRecord<'a> {
    #[serde(default)]
    id: Field<u64>,
    #[serde(borrow, default)]
    attributes: Option<JobAttributes<'a>>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct JobAttributes<'a> {
    #[serde(default)]
    job_id: Field<u64>,
    #[serde(borrow, default)]
    job_type: Text<'a>,
    #[serde(borrow, default)]
    policy_type: Text<'a>,
    #[serde(borrow, default)]
    schedule_type: Text<'a>,
    #[serde(borrow, default)]
    state: Text<'a>,
    #[serde(default)]
    status: Field<i64>,
    #[serde(default)]
    kilobytes_transferred: Field<u64>,
    #[serde(default)]
    number_of_files: Field<u64>,
    #[serde(default)]
    dedup_ratio: Field<f64>,
    #[serde(default)]
    start_time: Field<Time>,
    #[serde(default)]
    end_time: Field<Time>,
    #[serde(default)]
    job_queue_reason: Field<i64>,
    #[serde(borrow, default)]
    job_queue_resource: Text<'a>,
    #[serde(borrow, default)]
    policy_name: Text<'a>,
    #[serde(borrow, default)]
    client_name: Text<'a>,
    #[serde(borrow, default)]
    job_path: Text<'a>,
    #[serde(default)]
    parent_job_id: Field<u64>,
    #[serde(default)]
    child_count: Field<u64>,
    #[serde(default)]
    transfer_rate: Field<u64>,
}

/// A job; what the record leaves out is empty or `None`.
#[derive(Debug)]
#[expect(clippy::struct_field_names, reason = "the API has jobType beside policyType")]
pub(super) struct Job<'a> {
    pub(super) id: u32,
    pub(super) job_type: Cow<'a, str>,
    pub(super) policy_type: Cow<'a, str>,
    pub(super) schedule_type: Cow<'a, str>,
    pub(super) state: Cow<'a, str>,
    pub(super) status: Option<i64>,
    pub(super) kilobytes: Option<u64>,
    pub(super) files: Option<u64>,
    /// In percent.
    pub(super) dedup: Option<f64>,
    /// In seconds since 1970, as is `end`.
    pub(super) start: Option<i64>,
    pub(super) end: Option<i64>,
    pub(super) queue_reason: Option<i64>,
    /// What the job waits for, such as a storage unit.
    pub(super) queue_resource: Cow<'a, str>,
    pub(super) policy: Cow<'a, str>,
    pub(super) client: Cow<'a, str>,
    /// The job at the top of its family: its own id if it is that itself.
    pub(super) root: u32,
    /// Without those of its children.
    pub(super) children: Option<u64>,
    /// In kilobytes a second.
    pub(super) transfer_rate: Option<u64>,
}

impl<'a> Job<'a> {
    /// What the record says; `None` if it does not even say which job it is. Malformed fields are counted.
    ///
    /// NetBackup's job ids have 31 bits.
    pub(super) fn new(record: JobRecord<'a>, malformed: &mut u64) -> Option<Self> {
        let attributes = record.attributes?;
        let id = attributes.job_id.take(malformed).or_else(|| record.id.take(malformed))?;
        let id = u32::try_from(id).ok()?;
        let path = attributes.job_path.take(malformed);
        let parent = attributes.parent_job_id.take(malformed);
        let mut text = |field: Text<'a>| field.take(malformed).unwrap_or_default();
        Some(Self {
            id,
            root: root(id, path.as_deref(), parent),
            job_type: text(attributes.job_type),
            policy_type: text(attributes.policy_type),
            schedule_type: text(attributes.schedule_type),
            state: text(attributes.state),
            queue_resource: text(attributes.job_queue_resource),
            policy: text(attributes.policy_name),
            client: text(attributes.client_name),
            status: attributes.status.take(malformed),
            kilobytes: attributes.kilobytes_transferred.take(malformed),
            files: attributes.number_of_files.take(malformed),
            dedup: attributes.dedup_ratio.take(malformed),
            start: attributes.start_time.second(malformed),
            end: attributes.end_time.second(malformed),
            queue_reason: attributes.job_queue_reason.take(malformed),
            children: attributes.child_count.take(malformed),
            transfer_rate: attributes.transfer_rate.take(malformed),
        })
    }

    /// Whether no other job started it.
    pub(super) fn is_root(&self) -> bool {
        self.root == self.id
    }

    /// Whether it has no children.
    pub(super) fn is_leaf(&self) -> bool {
        self.children.is_none_or(|children| children == 0)
    }
}

/// The job at the top of a job's family: the first one of its path, "grandParentJobId.parentJobId.jobId" ("NetBackup API reference,
/// /admin/jobs, jobPath"). Without a path it is taken to be the parent, which 0 stands for none of.
fn root(id: u32, path: Option<&str>, parent: Option<u64>) -> u32 {
    let first = path.and_then(|path| path.split('.').next()?.trim().parse().ok());
    let parent = parent.and_then(|parent| u32::try_from(parent).ok()).filter(|parent| *parent != 0);
    first.or(parent).unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: Option<&str>, parent: Option<u64>, expected: u32) {
        assert_eq!(root(7, path, parent), expected, "{path:?} {parent:?}");
    }

    #[test]
    fn the_root_of_a_job_is_the_first_of_its_path_or_else_its_parent() {
        check(Some("7"), Some(0), 7);
        check(Some("5.7"), None, 5);
        check(Some("3.5.7"), Some(5), 3);
        check(None, Some(0), 7);
        check(None, Some(7), 7);
        check(None, Some(5), 5);
        check(Some(""), Some(5), 5);
        check(None, None, 7);
    }
}
