//! A policy as the list of policies has it.

use crate::collector::policy_type::as_in_jobs;
use crate::netbackup::{Field, Text, Time};

#[derive(serde::Deserialize)]
pub(super) struct PolicyRecord<'a> {
    #[serde(borrow, default)]
    id: Text<'a>,
    #[serde(borrow, default, rename = "type")]
    policy_type: Text<'a>,
    #[serde(borrow, default)]
    attributes: Option<PolicyAttributes<'a>>,
}

#[derive(Default, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct PolicyAttributes<'a> {
    #[serde(default)]
    active: Field<bool>,
    #[serde(borrow, default)]
    storage: Text<'a>,
    #[serde(default)]
    auto_managed_type: Field<u64>,
    #[serde(rename = "effectiveDateUTC", default)]
    effective_date: Field<Time>,
    #[serde(default)]
    generation_id: Field<i64>,
}

/// A policy of the list; what the record leaves out is empty or `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ListedPolicy {
    /// As it is, however long: its details are asked for by it.
    pub(super) name: String,
    /// In the spelling of jobs.
    pub(super) policy_type: String,
    pub(super) is_active: Option<bool>,
    /// The second since 1970 from which on it is in effect.
    pub(super) effective: Option<i64>,
    pub(super) storage: String,
    /// Who manages it; empty if the record does not say it.
    pub(super) managed: &'static str,
    /// Another one with each edit; the API has it from version 12.0 on.
    pub(super) generation: Option<i64>,
}

impl ListedPolicy {
    /// What the record says; `None` if it does not even name the policy. Malformed fields are counted.
    pub(super) fn new(record: PolicyRecord<'_>, malformed: &mut u64) -> Option<Self> {
        let attributes = record.attributes.unwrap_or_default();
        let policy_type = record.policy_type.take(malformed).unwrap_or_default();
        Some(Self {
            policy_type: as_in_jobs(&policy_type).to_owned(),
            is_active: attributes.active.take(malformed),
            effective: attributes.effective_date.second(malformed),
            storage: attributes.storage.take(malformed).unwrap_or_default().into_owned(),
            managed: managed(attributes.auto_managed_type.take(malformed)),
            generation: attributes.generation_id.take(malformed),
            name: record.id.take(malformed).filter(|name| !name.is_empty())?.into_owned(),
        })
    }

    /// Whether the server starts its backups now. A policy is active where nothing else is said ("NetBackup API reference",
    /// default of `active`).
    pub(super) fn is_in_force(&self, now: i64) -> bool {
        self.is_active.unwrap_or(true) && self.effective.is_none_or(|effective| effective <= now)
    }
}

/// Who manages a policy: nobody, a subscription to a protection plan, or the plan itself (`autoManagedType`).
fn managed(auto_managed_type: Option<u64>) -> &'static str {
    match auto_managed_type {
        None => "",
        Some(0) => "no",
        Some(1) => "subscription",
        Some(2) => "plan",
        Some(_) => "other",
    }
}
