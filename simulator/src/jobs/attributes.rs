//! `data[].attributes` of `/admin/jobs` (NetBackup API reference, `GET /admin/jobs`).

use std::borrow::Cow;

use serde::{Serialize, Serializer};

use super::outcome;
use super::profile::Trouble;
use super::record::Job;
use super::schedule::{Role, Timeline};
use crate::draw::seed_of;
use crate::iso::{DateTime, Elapsed};

/// `data[].attributes` of `/admin/jobs`, in the order of the vendor's sample.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Attributes<'a> {
    job_id: i64,
    parent_job_id: i64,
    active_process_id: i64,
    main_process_id: i64,
    job_type: &'static str,
    job_sub_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy_type: Option<&'static str>,
    policy_name: Cow<'a, str>,
    schedule_type: &'static str,
    schedule_name: &'static str,
    client_name: &'a str,
    control_host: &'a str,
    job_owner: &'static str,
    job_group: &'static str,
    backup_id: String,
    source_media_id: &'static str,
    source_storage_unit_name: &'a str,
    source_media_server_name: String,
    destination_media_id: &'static str,
    destination_storage_unit_name: &'a str,
    destination_media_server_name: String,
    data_movement: &'static str,
    stream_number: i64,
    copy_number: i64,
    priority: i64,
    retention_level: i64,
    compression: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<i64>,
    state: &'static str,
    number_of_files: i64,
    estimated_files: i64,
    kilobytes_transferred: i64,
    kilobytes_to_transfer: i64,
    transfer_rate: i64,
    percent_complete: i64,
    restartable: i64,
    suspendable: i64,
    resumable: i64,
    cancellable: i64,
    frozen_image: i64,
    transport_type: &'static str,
    current_operation: i64,
    job_queue_reason: i64,
    job_queue_resource: &'a str,
    robot_name: &'static str,
    vault_name: &'static str,
    profile_name: &'static str,
    session_id: i64,
    number_of_tape_to_eject: i64,
    submission_type: i64,
    off_host_type: &'static str,
    dump_host: &'static str,
    instance_database_name: &'static str,
    audit_user_name: &'static str,
    audit_domain_name: &'static str,
    audit_domain_type: i64,
    #[serde(rename = "restoreBackupIDs")]
    restore_backup_ids: &'static str,
    start_time: DateTime,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_time: Option<DateTime>,
    active_try_start_time: DateTime,
    last_update_time: DateTime,
    kilobytes_data_transferred: i64,
    r#try: i64,
    #[serde(rename = "assetID")]
    asset_id: String,
    asset_displayable_name: &'a str,
    workload_display_name: &'a str,
    application_type: &'static str,
    dte_mode: &'static str,
    current_file: &'static str,
    dedup_ratio: Percent,
    dedup_space_ratio: Percent,
    compression_space_ratio: Percent,
    accelerator_optimization: Percent,
    elapsed_time: Elapsed,
    active_elapsed_time: Elapsed,
    child_count: i64,
    job_path: String,
}

/// Queue reason of jobs that wait for the full pool of a bad night.
const DISK_VOLUME_UNAVAILABLE: i64 = 17;

impl Job<'_> {
    #[expect(clippy::too_many_lines, reason = "one line for each attribute of the reference")]
    pub(crate) fn attributes(&self) -> Attributes<'_> {
        let profile = self.profile();
        let Timeline { start, active, end, .. } = self.timeline;
        let state = self.state();
        let done = state == "DONE";
        let waiting = matches!(state, "QUEUED" | "REQUEUED");
        let until = if done { end } else { self.now };
        let ran = (until - active).max(0);
        let percent = if done { 100 } else { ran * 100 / (end - active).max(1) };
        let kilobytes = profile.kilobytes / 100 * percent.min(100);
        let retried = profile.trouble == Trouble::Retried && ran * 100 / (end - active).max(1) > 42;
        let has_copy = profile.kilobytes > 0;
        let unit = if has_copy { self.database.unit(profile.storage_unit) } else { "" };
        let server = if has_copy {
            self.database.schedule.world().media_server(profile.media_server)
        } else {
            String::new()
        };
        let copies_image = matches!(profile.job_type, "DUPLICATE" | "REPLICATE" | "RESTORE" | "VERIFY");
        let client = self.client();
        let clogged = self.database.schedule.world().is_clogged(start);
        Attributes {
            job_id: self.id(),
            parent_job_id: self.parent(),
            active_process_id: if waiting { 0 } else { profile.process },
            main_process_id: 0,
            job_type: profile.job_type,
            job_sub_type: match (profile.policy, profile.schedule_type) {
                (None, _) => "IMMEDIATE",
                (_, "USER_BACKUP" | "APPLICATION_BACKUP") => "USERBACKUP",
                _ => "SCHEDULED",
            },
            policy_type: profile.policy.map(|policy| policy.workload.policy_type),
            policy_name: self.policy(),
            schedule_type: profile.schedule_type,
            schedule_name: profile.schedule_name,
            control_host: &self.database.schedule.world().server_name,
            job_owner: "root",
            job_group: "",
            backup_id: if client.is_empty() { String::new() } else { format!("{client}_{}", start / 1_000) },
            source_media_id: if copies_image { "@aaaad" } else { "" },
            source_storage_unit_name: if copies_image {
                self.database.unit(profile.storage_unit >> 7)
            } else {
                ""
            },
            source_media_server_name: if copies_image { server.clone() } else { String::new() },
            destination_media_id: if has_copy { "@aaaab" } else { "" },
            destination_storage_unit_name: unit,
            destination_media_server_name: server,
            data_movement: "STANDARD",
            stream_number: i64::from(self.parent() > 0),
            copy_number: if copies_image { 2 } else { i64::from(has_copy) },
            priority: 0,
            retention_level: if profile.schedule_type == "FULL_BACKUP" { 3 } else { 1 },
            compression: 0,
            status: done.then_some(profile.status),
            state,
            number_of_files: profile.files / 100 * percent.min(100),
            estimated_files: profile.files,
            kilobytes_transferred: kilobytes,
            kilobytes_to_transfer: if done { 0 } else { profile.kilobytes - kilobytes },
            kilobytes_data_transferred: kilobytes / 100_000 * (100_000 - profile.dedup),
            transfer_rate: kilobytes / (ran / 1_000).max(1),
            percent_complete: percent.min(100),
            restartable: i64::from(state == "INCOMPLETE"),
            suspendable: i64::from(state == "ACTIVE"),
            resumable: i64::from(state == "SUSPENDED"),
            cancellable: i64::from(!done),
            frozen_image: 0,
            transport_type: "LAN",
            current_operation: if done || waiting { 0 } else { outcome::operation(profile.job_type) },
            job_queue_reason: match (waiting, clogged) {
                (false, _) => 0,
                (true, false) => profile.queue_reason,
                (true, true) => DISK_VOLUME_UNAVAILABLE,
            },
            job_queue_resource: match (waiting, clogged) {
                (false, _) => "",
                (true, false) => self.database.unit(profile.storage_unit),
                (true, true) => self.database.unit(0),
            },
            robot_name: "",
            vault_name: "",
            profile_name: "",
            session_id: 0,
            number_of_tape_to_eject: 0,
            submission_type: 0,
            off_host_type: "STANDARD",
            dump_host: "",
            instance_database_name: if profile
                .policy
                .is_some_and(|policy| policy.workload.policy_type == "SQL_SERVER")
            {
                "MSSQLSERVER"
            } else {
                ""
            },
            audit_user_name: "",
            audit_domain_name: "",
            audit_domain_type: 0,
            restore_backup_ids: "",
            start_time: DateTime(start),
            end_time: done.then_some(DateTime(end)),
            active_try_start_time: DateTime(if waiting { start } else { active }),
            last_update_time: DateTime(self.updated()),
            r#try: if retried { 2 } else { 1 },
            asset_id: asset_id(client),
            asset_displayable_name: client,
            workload_display_name: client,
            client_name: client,
            application_type: profile.policy.map_or("NONE", |policy| policy.workload.application),
            dte_mode: "OFF",
            current_file: "",
            dedup_ratio: Percent(if has_copy { profile.dedup } else { 0 }),
            dedup_space_ratio: Percent(if has_copy { profile.dedup - profile.compression / 10 } else { 0 }),
            compression_space_ratio: Percent(if has_copy { profile.compression } else { 0 }),
            accelerator_optimization: Percent(if has_copy && profile.accelerated {
                profile.dedup
            } else {
                0
            }),
            elapsed_time: Elapsed(until - start),
            active_elapsed_time: Elapsed(ran),
            child_count: match self.timeline.role {
                Role::Parent { children } => children,
                Role::Single | Role::Child { .. } => 0,
            },
            job_path: match self.timeline.role {
                Role::Child { parent } => format!("{}.{}", parent + 1, self.id()),
                Role::Single | Role::Parent { .. } => self.id().to_string(),
            },
        }
    }
}

fn asset_id(client: &str) -> String {
    let hash = seed_of(0, client);
    format!("{:08x}-7d1c-4b7e-9f0a-{:012x}", hash >> 32, hash & 0xffff_ffff_ffff)
}

/// Thousandths of a percent, shown as a percentage.
struct Percent(i64);

impl Serialize for Percent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(f64::from(i32::try_from(self.0).unwrap_or(0)) / 1_000.0)
    }
}
