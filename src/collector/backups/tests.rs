//! What is remembered of backups, against a model and a scripted server.
#![allow(clippy::cast_possible_truncation, reason = "series of times hold whole seconds")]

mod back;
mod model;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::collector::board::{Policies, Policy, PolicyClients};
use crate::collector::fixture::Given;
use crate::collector::job_record::JobRecord;
use crate::netbackup::fixture::{Answer, Server};

/// The server's time in all tests: 2026-01-01.
const NOW: i64 = 1_767_225_600;
const HOUR: i64 = 3600;

/// A finished job.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Ran {
    id: u32,
    root: u32,
    job_type: &'static str,
    policy: &'static str,
    client: &'static str,
    status: i64,
    started: i64,
    ended: i64,
    kilobytes: u64,
    children: u64,
}

impl Ran {
    /// A job without parent and children.
    fn alone(id: u32, policy: &'static str, client: &'static str, status: i64, ended: i64) -> Self {
        let started = ended - 60;
        Self {
            id,
            root: id,
            job_type: "BACKUP",
            policy,
            client,
            status,
            started,
            ended,
            kilobytes: 10,
            children: 0,
        }
    }

    fn parent(self, children: u64) -> Self {
        Self { kilobytes: 0, children, ..self }
    }

    fn child_of(self, root: u32) -> Self {
        Self { root, ..self }
    }

    fn of_type(self, job_type: &'static str) -> Self {
        Self { job_type, ..self }
    }

    fn json(&self) -> String {
        let time = |second| jiff::Timestamp::from_second(second).unwrap();
        let path =
            if self.root == self.id { self.id.to_string() } else { format!("{}.{}", self.root, self.id) };
        serde_json::json!({"id": self.id.to_string(), "attributes": {
            "jobId": self.id, "jobPath": path, "jobType": self.job_type, "state": "DONE", "policyType": "STANDARD",
            "policyName": self.policy, "clientName": self.client, "status": self.status, "startTime": time(self.started),
            "endTime": time(self.ended), "kilobytesTransferred": self.kilobytes, "childCount": self.children,
        }})
        .to_string()
    }
}

impl Backups {
    fn noted(&mut self, ran: &Ran) {
        let text = ran.json();
        let record: JobRecord<'_> = serde_json::from_str(&text).unwrap();
        self.note(&Job::new(record, &mut 0).unwrap());
    }
}

/// A site of which something is known, and what is remembered of its backups.
struct Remembering {
    /// What the server says of how far back its jobs reach.
    oldest: OldestJob,
    given: Given,
    backups: Backups,
}

impl Remembering {
    fn with(mut given: Given) -> Self {
        given.now = jiff::Timestamp::from_second(NOW).unwrap();
        given.collectors.protection.enabled = true;
        Self { given, backups: Backups { is_wanted: true, ..Backups::default() }, oldest: OldestJob::None }
    }

    async fn of(server: &Server) -> Self {
        let client = server.client();
        client.negotiate(crate::netbackup::fixture::soon()).await.unwrap();
        Self::with(Given::by(client))
    }

    async fn alone() -> Self {
        Self::with(Given::of_version("12.0").await)
    }

    /// Policies that are due every day, each with its clients.
    fn knows(&self, policies: &[(&str, &[&str])]) {
        let mut clients = PolicyClients::new();
        for (name, of_policy) in policies {
            for client in *of_policy {
                clients.entry((*client).into()).or_default().insert((*name).to_owned());
            }
        }
        let daily = |name: &&str| ((*name).to_owned(), daily());
        self.given.board.learn_policies(policies.iter().map(|(name, _)| name).map(daily).collect());
        self.given.board.learn_clients(clients);
    }

    /// Live jobs of the last hour, read up to five minutes ago.
    fn live(&mut self, jobs: &[Ran]) {
        for ran in jobs {
            self.backups.noted(ran);
        }
        let Given { collectors, board, .. } = &self.given;
        self.backups.settle(Some(NOW - HOUR..NOW - 300), NOW, collectors, board);
    }

    async fn read_back(&mut self) -> Diagnostics {
        let mut diagnostics = Diagnostics::default();
        self.backups.read_back(&self.given.context(), Some(self.oldest), &mut diagnostics).await;
        diagnostics
    }

    /// The page as text.
    fn page(&mut self) -> String {
        let families = self.backups.families(&self.given.context(), &mut Diagnostics::default());
        families.into_iter().map(crate::metric::Family::into_text).collect()
    }

    /// The value of a series, by what follows the label `site`; its name begins with `nbu_`.
    fn value(&mut self, name: &str, labels: &str) -> Option<f64> {
        let separator = if labels.is_empty() { "" } else { "," };
        let series = format!("nbu_{name}{{site=\"paris\"{separator}{labels}}} ");
        self.page().lines().find_map(|line| line.strip_prefix(&series)?.parse().ok())
    }
}

/// A policy that is due every day.
fn daily() -> Policy {
    Policy {
        policy_type: "STANDARD".to_owned(),
        is_active: true,
        expected_interval: Some(Duration::from_hours(24)),
        snapshot_only: false,
    }
}

#[tokio::test]
async fn the_backups_of_a_policy_and_its_clients_become_exactly_these_families() {
    let mut site = Remembering::alone().await;
    site.knows(&[("files", &["web", "db"]), ("idle", &["old"])]);
    site.given.collectors.per_client.enabled = true;
    site.given.collectors.per_client.options.allowlist = vec!["*".to_owned()];
    site.given.collectors.per_client.options.export = crate::config::ClientExport::All;
    site.live(&[]);
    site.live(&[
        Ran::alone(1, "files", "MEDIA", 0, NOW - 210).parent(2),
        Ran::alone(2, "files", "Web", 0, NOW - 240).child_of(1),
        Ran::alone(3, "files", "WEB", 1, NOW - 250).child_of(1),
        Ran::alone(4, "files", "db", 0, NOW - 200),
        Ran::alone(5, "files", "db", 96, NOW - 100),
        Ran::alone(6, "files", "db", 0, NOW - 50).of_type("RESTORE"),
        Ran::alone(7, "", "db", 0, NOW - 50),
    ]);
    let page = site.page();
    assert_eq!(page, include_str!("tests/backups.prom"), "{page}");
    let listed = POLICY_FAMILIES.iter().chain(CLIENT_FAMILIES).chain(IMAGES.families);
    let listed: BTreeSet<_> = listed.map(|desc| desc.name).collect();
    let given = site.backups.families(&site.given.context(), &mut Diagnostics::default());
    assert_eq!(given.iter().map(|family| family.desc().name).collect::<BTreeSet<_>>(), listed);
    site.given.collectors.per_client.enabled = false;
    assert!(!site.page().contains("client=\""), "names are asked for or not there");
    site.given.collectors.protection.enabled = false;
    assert_eq!(site.page(), "");
}

#[tokio::test]
async fn jobs_of_a_first_reading_are_folded_as_they_come_and_may_come_again() {
    let mut site = Remembering::alone().await;
    site.knows(&[("files", &["web"])]);
    let jobs = [
        Ran::alone(1, "files", "web", 0, NOW - 3000),
        Ran::alone(2, "files", "web", 96, NOW - 2000),
        Ran::alone(3, "files", "web", 0, NOW - 1500),
    ];
    for ran in &jobs {
        site.backups.noted(ran);
        site.backups.advance(NOW - HOUR..ran.ended - 300, &site.given.board);
        assert_eq!(site.backups.pending.len(), 1, "only what may come again");
    }
    site.live(&jobs);
    assert_eq!(site.value("policy_consecutive_failures", "policy=\"files\""), Some(0.0));
    assert_eq!(
        site.value("policy_last_backup_bytes", "policy=\"files\""),
        Some(10.0 * 1024.0),
        "a job that comes again is not added"
    );
    assert_eq!(site.backups.live, Some(NOW - HOUR..NOW - 300));
}

#[tokio::test]
async fn what_was_folded_before_a_server_lost_its_order_is_read_back() {
    let mut site = Remembering::alone().await;
    site.knows(&[("files", &["web"])]);
    let early = Ran::alone(1, "files", "web", 0, NOW - 3000);
    site.backups.noted(&early);
    site.backups.start_over();
    assert_eq!(site.backups.first, None, "nothing was folded yet");
    site.backups.advance(NOW - HOUR..NOW - 2000, &site.given.board);
    for _ in 0..2 {
        site.backups.start_over();
    }
    site.live(&[Ran::alone(2, "files", "web", 0, NOW - 2500), Ran::alone(3, "files", "web", 96, NOW - 1500)]);
    assert_eq!(site.backups.live, Some(NOW - 2000..NOW - 300));
    assert_eq!(site.value("policy_consecutive_failures", "policy=\"files\""), Some(1.0));
    assert_eq!(site.value("policy_last_backup_bytes", "policy=\"files\""), None, "that is read back");
}

#[tokio::test]
async fn nothing_is_noted_where_nothing_is_made_of_it_and_the_window_is_read_again_when_it_is() {
    let mut site = Remembering::alone().await;
    site.knows(&[("files", &["web"])]);
    let job = Ran::alone(1, "files", "web", 0, NOW - 3000);
    site.given.collectors.protection.enabled = false;
    assert!(!site.backups.follow(&site.given.collectors));
    site.live(std::slice::from_ref(&job));
    assert!(site.backups.pending.is_empty() && site.backups.memory.policies.is_empty());
    site.given.collectors.protection.enabled = true;
    assert!(site.backups.follow(&site.given.collectors), "what came before is not known");
    assert!(site.backups.is_new());
    assert!(!site.backups.follow(&site.given.collectors));
    site.live(&[job]);
    assert_eq!(site.value("policy_last_backup_bytes", "policy=\"files\""), Some(10.0 * 1024.0));
}

#[tokio::test]
async fn a_job_counts_once_however_often_it_comes_and_what_a_start_finds_counts_not_at_all() {
    let mut site = Remembering::alone().await;
    site.knows(&[("files", &[])]);
    let before = Ran::alone(1, "files", "web", 0, NOW - 120);
    site.live(std::slice::from_ref(&before));
    let after = Ran { kilobytes: 7, ..Ran::alone(2, "files", "web", 0, NOW - 60) };
    for _ in 0..3 {
        site.live(&[after.clone(), before.clone(), after.clone()]);
        assert_eq!(site.value("policy_jobs_total", r#"policy="files",result="success""#), Some(1.0));
        assert_eq!(site.value("policy_transferred_bytes_total", r#"policy="files""#), Some(7.0 * 1024.0));
    }
}

#[tokio::test]
async fn one_failed_stream_of_a_client_is_not_hidden_by_the_others() {
    let mut site = Remembering::alone().await;
    site.knows(&[("files", &["web"])]);
    site.given.collectors.per_client.enabled = true;
    site.given.collectors.per_client.options.allowlist = vec!["w*".to_owned()];
    site.given.collectors.per_client.options.export = crate::config::ClientExport::All;
    site.live(&[
        Ran::alone(1, "files", "web", 1, NOW - 1000).parent(2),
        Ran::alone(2, "files", "web", 96, NOW - 1100).child_of(1),
        Ran::alone(3, "files", "web", 0, NOW - 1050).child_of(1),
    ]);
    let mut last = |result: &str| {
        site.value("client_last_backup_timestamp_seconds", &format!(r#"client="web",result="{result}""#))
    };
    assert_eq!((last("success"), last("failed")), (None, Some((NOW - 1050) as f64)));
    assert_eq!(site.value("client_consecutive_failures", r#"client="web""#), Some(1.0));
    let of_policy = r#"policy="files",policy_type="STANDARD",result="partial""#;
    assert_eq!(site.value("policy_last_backup_timestamp_seconds", of_policy), Some((NOW - 1000) as f64));
}

#[tokio::test]
async fn a_snapshot_is_a_backup_only_where_a_policy_makes_nothing_else() {
    let mut site = Remembering::alone().await;
    let jobs = [
        Ran::alone(1, "snaps", "nas", 0, NOW - 900).of_type("SNAPSHOT"),
        Ran::alone(2, "files", "web", 0, NOW - 800).of_type("SNAPSHOT"),
        Ran::alone(3, "files", "web", 156, NOW - 700).of_type("SNAPSHOT"),
        Ran::alone(4, "flash", "db", 0, NOW - 500).of_type("SNAPSHOT").parent(1),
        Ran::alone(5, "flash", "db", 0, NOW - 600).child_of(4),
    ];
    // What snapshots are is not known yet.
    site.live(&jobs);
    let mut policies: Policies = ["files", "flash"].map(|name| (name.to_owned(), daily())).into();
    policies.insert("snaps".to_owned(), Policy { snapshot_only: true, ..daily() });
    site.given.board.learn_policies(policies);
    site.live(&[]);
    let mut last = |policy: &str, result: &str| {
        let labels = format!(r#"policy="{policy}",policy_type="STANDARD",result="{result}""#);
        site.value("policy_last_backup_timestamp_seconds", &labels).map(|second| NOW - second as i64)
    };
    assert_eq!(last("snaps", "success"), Some(900));
    assert_eq!((last("files", "success"), last("files", "failed")), (None, Some(700)));
    assert_eq!(last("flash", "success"), Some(500));
    assert_eq!(site.value("policy_last_backup_bytes", r#"policy="flash""#), Some(10.0 * 1024.0));
}

#[tokio::test]
async fn who_is_deleted_loses_its_series_and_who_is_found_by_a_query_keeps_them() {
    let mut site = Remembering::alone().await;
    site.knows(&[("files", &["web", "db"]), ("old", &["mail"])]);
    let mut policies = (*site.given.board.policies().unwrap()).clone();
    policies.insert("vms".to_owned(), Policy { policy_type: "VMWARE".to_owned(), ..daily() });
    site.given.board.learn_policies(policies.clone());
    site.live(&[
        Ran::alone(1, "files", "web", 0, NOW - 900),
        Ran::alone(2, "files", "db", 0, NOW - 900),
        Ran::alone(3, "old", "mail", 0, NOW - 900),
        Ran::alone(4, "vms", "vm-1", 0, NOW - 900),
    ]);
    let counts = |site: &mut Remembering| {
        ["policy", "jobs"].map(|source| site.value("clients", &format!("source=\"{source}\"")))
    };
    assert_eq!(counts(&mut site), [Some(3.0), Some(1.0)]);
    policies.remove("old");
    site.given.board.learn_policies(policies);
    site.given.board.learn_clients([("web".into(), BTreeSet::from(["files".to_owned()]))].into());
    assert_eq!(
        counts(&mut site),
        [Some(1.0), Some(1.0)],
        "db is in no list, and its policy finds none by a query"
    );
    assert!(!site.page().contains("policy=\"old\""));
    // A month without a job later.
    let Given { collectors, board, .. } = &site.given;
    site.backups.settle(Some(NOW - HOUR..NOW), NOW + 36 * 86_400, collectors, board);
    assert_eq!(counts(&mut site), [Some(1.0), Some(0.0)]);
    assert_eq!(site.backups.memory.clients.keys().map(|name| &**name).collect::<Vec<_>>(), ["web"]);
}

#[tokio::test]
async fn only_overdue_clients_have_names_unless_all_are_asked_for_and_not_too_many() {
    let mut site = Remembering::alone().await;
    site.knows(&[("files", &["fresh", "stale-1", "stale-2"])]);
    site.given.collectors.per_client.enabled = true;
    let options = &mut site.given.collectors.per_client.options;
    options.allowlist = vec!["*".to_owned()];
    options.older_than = Duration::from_mins(30);
    site.live(&[
        Ran::alone(1, "files", "fresh", 0, NOW - 900),
        Ran::alone(2, "files", "stale-1", 0, NOW - 2000),
        Ran::alone(3, "files", "stale-2", 0, NOW - 2000),
    ]);
    let has = |site: &mut Remembering| {
        ["fresh", "stale-1", "stale-2"].map(|name| site.page().contains(&format!("client=\"{name}\"")))
    };
    assert_eq!(has(&mut site), [false, true, true]);
    site.given.collectors.per_client.options.max_clients = 1;
    assert_eq!(has(&mut site), [false, true, false]);
    let mut diagnostics = Diagnostics::default();
    site.backups.families(&site.given.context(), &mut diagnostics);
    assert_eq!(diagnostics.capped, 1);
    site.given.collectors.per_client.options.denylist = vec!["STALE-1".to_owned()];
    assert_eq!(has(&mut site), [false, false, true]);
}

#[tokio::test]
async fn a_run_of_which_the_earlier_jobs_are_not_read_yet_says_nothing_of_size_and_clients() {
    let mut site = Remembering::alone().await;
    site.knows(&[("files", &["web"])]);
    let root = Ran { started: NOW - 2 * HOUR, ..Ran::alone(1, "files", "web", 0, NOW - 900).parent(2) };
    site.live(&[root, Ran::alone(2, "files", "web", 0, NOW - 1000).child_of(1)]);
    let of_policy = r#"policy="files",policy_type="STANDARD",result="success""#;
    assert_eq!(site.value("policy_last_backup_timestamp_seconds", of_policy), Some((NOW - 900) as f64));
    assert_eq!(site.value("policy_last_backup_bytes", r#"policy="files""#), None);
    assert_eq!(site.value("policy_last_backup_duration_seconds", r#"policy="files""#), Some(6300.0));
    assert!(site.backups.memory.clients.is_empty());
    site.backups.reading.frontier = Some(NOW - 3 * HOUR);
    site.live(&[]);
    assert_eq!(site.value("policy_last_backup_bytes", r#"policy="files""#), Some(10.0 * 1024.0));
    assert_eq!(site.backups.memory.clients.len(), 1);
}

#[tokio::test]
async fn nothing_is_kept_of_a_job_once_its_run_is_over() {
    let mut site = Remembering::alone().await;
    site.knows(&[("files", &[])]);
    let jobs: Vec<_> = (1..=500).map(|id| Ran::alone(id, "files", "web", 0, NOW - 1000)).collect();
    site.live(&jobs);
    assert!(site.backups.pending.is_empty());
    assert_eq!(site.backups.memory.policies.len() + site.backups.memory.clients.len(), 2);
    site.live(&jobs);
    assert!(site.backups.pending.is_empty(), "what was folded does not come back");
}

#[test]
fn failures_without_end_take_no_memory_without_end() {
    let mut outcomes = outcomes::Outcomes::default();
    for second in 0..3000 {
        outcomes.add(JobResult::Failed, second, 1);
    }
    assert_eq!(outcomes.failures_since(0), Some(1000));
}

/// The names of what is in a map.
fn sorted<'a>(names: impl Iterator<Item = &'a Arc<str>>) -> Vec<&'a str> {
    let mut names: Vec<_> = names.map(|name| &**name).collect();
    names.sort_unstable();
    names
}

#[test]
fn the_lists_of_who_should_have_backups_are_gone_through_again_only_when_they_are_new() {
    let board = Board::default();
    let nothing = Arc::<Expected>::default();
    assert!(Arc::ptr_eq(&nothing, &nothing.renewed(&board)));
    board.learn_policies(Policies::default());
    let known = nothing.renewed(&board);
    assert!(!Arc::ptr_eq(&nothing, &known) && Arc::ptr_eq(&known, &known.renewed(&board)));
    board.learn_clients(PolicyClients::default());
    assert!(known.renewed(&board).clients.is_some());
}
