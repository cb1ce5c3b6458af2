//! A job, as the API gives it and as it is used.

use std::borrow::Cow;

use crate::netbackup::{Field, Time};

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
    job_type: Field<Cow<'a, str>>,
    #[serde(borrow, default)]
    policy_type: Field<Cow<'a, str>>,
    #[serde(borrow, default)]
    schedule_type: Field<Cow<'a, str>>,
    #[serde(borrow, default)]
    state: Field<Cow<'a, str>>,
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
}

impl<'a> Job<'a> {
    /// What the record says; `None` if it does not even say which job it is. Malformed fields are counted.
    ///
    /// NetBackup's job ids have 31 bits.
    pub(super) fn new(record: JobRecord<'a>, malformed: &mut u64) -> Option<Self> {
        let attributes = record.attributes?;
        let id = attributes.job_id.take(malformed).or_else(|| record.id.take(malformed))?;
        let mut text = |field: Field<Cow<'a, str>>| field.take(malformed).unwrap_or_default();
        Some(Self {
            id: u32::try_from(id).ok()?,
            job_type: text(attributes.job_type),
            policy_type: text(attributes.policy_type),
            schedule_type: text(attributes.schedule_type),
            state: text(attributes.state),
            status: attributes.status.take(malformed),
            kilobytes: attributes.kilobytes_transferred.take(malformed),
            files: attributes.number_of_files.take(malformed),
            dedup: attributes.dedup_ratio.take(malformed),
            start: attributes.start_time.take(malformed).and_then(|time| time.0),
            end: attributes.end_time.take(malformed).and_then(|time| time.0),
            queue_reason: attributes.job_queue_reason.take(malformed),
        })
    }
}
