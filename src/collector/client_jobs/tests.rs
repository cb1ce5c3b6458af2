//! Jobs of clients as they come, and what becomes of them.

use super::*;
use crate::collector::fixture::Given;
use crate::collector::job_record::JobRecord;

struct Viewed {
    given: Given,
    view: ClientJobs,
    diagnostics: Diagnostics,
}

impl Viewed {
    async fn new(allowlist: &[&str]) -> Self {
        let mut given = Given::of_version("12.0").await;
        let per_client = &mut given.collectors.per_client;
        per_client.enabled = true;
        per_client.options.allowlist = allowlist.iter().map(|name| (*name).to_owned()).collect();
        let mut view = ClientJobs::default();
        view.follow(&given.collectors);
        Self { given, view, diagnostics: Diagnostics::default() }
    }

    fn note(&mut self, id: u32, client: &str, job_type: &str, status: i64, ended: i64) {
        let record: JobRecord<'_> =
            serde_json::from_str(r#"{"id":1,"attributes":{"policyName":"gold"}}"#).unwrap();
        let job = Job::new(record, &mut 0).unwrap();
        let (client, job_type) = (client.into(), job_type.into());
        self.view.note(&Job { id, client, job_type, status: Some(status), end: Some(ended), ..job });
    }

    fn settle(&mut self, keep_from: i64, forget_before: i64, listed: Option<&PolicyClients>) {
        self.view.settle(keep_from, forget_before, listed, &mut self.diagnostics);
    }

    /// The page of the jobs that ended from 1000 to 2000.
    fn page(&mut self, known: &[(&str, i64)]) -> String {
        let known = known.iter().copied();
        let families = self.view.families(&self.given.context(), 1000..=2000, known, &mut self.diagnostics);
        families.iter().map(Family::text).collect()
    }
}

#[tokio::test]
async fn the_jobs_of_an_allowed_client_become_exactly_these_series() {
    let mut viewed = Viewed::new(&["db*"]).await;
    viewed.note(1, "DB1", "BACKUP", 0, 1100);
    viewed.note(2, "db1", "BACKUP", 0, 1200);
    viewed.note(3, "db1", "DUPLICATE", 50, 1300);
    viewed.note(4, "web1", "BACKUP", 0, 1400);
    viewed.note(5, "", "IMAGEDELETE", 0, 1400);
    viewed.note(6, "db1", "BACKUP", 0, 2001);
    assert_eq!(
        viewed.page(&[("db1", 900), ("db2", 800), ("web1", 700)]),
        r#"nbu_client_window_jobs{site="paris",client="db1",job_type="BACKUP",status="0"} 2
nbu_client_window_jobs{site="paris",client="db1",job_type="DUPLICATE",status="50"} 1
nbu_client_last_phase_success_timestamp_seconds{site="paris",client="db1",policy="gold",job_type="BACKUP"} 1200
nbu_client_last_successful_backup_timestamp_seconds{site="paris",client="DB1"} 1200
nbu_client_last_successful_backup_timestamp_seconds{site="paris",client="db2"} 800
nbu_client_jobs_count{site="paris",client="DB1",action="BACKUP",status="0"} 2
nbu_client_jobs_count{site="paris",client="DB1",action="DUPLICATE",status="50"} 1
nbu_client_last_job_success_seconds{site="paris",client="DB1",policy="gold",action="BACKUP"} 1200
"#
    );
}

#[tokio::test]
async fn a_job_counts_once_however_often_it_comes_and_its_newest_record_holds() {
    let mut viewed = Viewed::new(&["*"]).await;
    viewed.note(1, "db1", "BACKUP", 0, 1100);
    viewed.note(1, "db1", "BACKUP", 6, 1110);
    viewed.note(1, "db1", "BACKUP", 0, 1100);
    let page = viewed.page(&[]);
    assert!(page.contains(
        "nbu_client_window_jobs{site=\"paris\",client=\"db1\",job_type=\"BACKUP\",status=\"6\"} 1\n"
    ));
    assert!(!page.contains("last"), "{page}");
}

#[tokio::test]
async fn a_last_success_outlives_the_window_until_its_client_is_forgotten() {
    let mut viewed = Viewed::new(&["*"]).await;
    viewed.note(1, "db1", "BACKUP", 0, 1100);
    viewed.note(2, "db1", "BACKUP", 1, 1150);
    viewed.settle(1500, 0, None);
    assert!(viewed.view.jobs.is_empty());
    let last = "nbu_client_last_job_success_seconds{site=\"paris\",client=\"db1\",policy=\"gold\",action=\"BACKUP\"} 1100\n";
    assert!(viewed.page(&[]).contains(last));
    let listed = PolicyClients::from([("db1".into(), ["gold".to_owned()].into())]);
    viewed.settle(1500, 1101, Some(&listed));
    assert!(viewed.page(&[]).contains(last), "a policy names it");
    viewed.settle(1500, 1101, Some(&PolicyClients::new()));
    assert_eq!(viewed.page(&[]), "");
}

#[tokio::test]
async fn without_an_allowlist_no_name_is_shown_or_kept() {
    let mut viewed = Viewed::new(&[]).await;
    viewed.note(1, "db1", "BACKUP", 0, 1100);
    assert_eq!((viewed.page(&[("db1", 900)]), viewed.view.jobs.len()), (String::new(), 0));
}

#[tokio::test]
async fn other_settings_show_other_clients_and_the_window_is_wanted_again() {
    let mut viewed = Viewed::new(&["db*"]).await;
    viewed.note(1, "db1", "BACKUP", 0, 1100);
    viewed.note(2, "db2", "BACKUP", 0, 1100);
    assert!(!viewed.view.follow(&viewed.given.collectors));
    viewed.given.collectors.per_client.options.denylist = vec!["DB1".to_owned()];
    viewed.given.collectors.per_client.options.allowlist.push("web*".to_owned());
    assert!(viewed.view.follow(&viewed.given.collectors));
    viewed.note(3, "web1", "BACKUP", 0, 1100);
    let page = viewed.page(&[]);
    assert!(!page.contains("db1") && page.contains("db2") && page.contains("web1"), "{page}");
    viewed.given.collectors.per_client.enabled = false;
    assert!(!viewed.view.follow(&viewed.given.collectors), "nobody is shown, so nothing is read again");
    assert_eq!((viewed.page(&[("db2", 900)]), viewed.view.jobs.len()), (String::new(), 0));
}

#[tokio::test]
async fn clients_without_room_are_left_out_by_name_and_counted() {
    let mut viewed = Viewed::new(&["*"]).await;
    viewed.given.collectors.per_client.options.max_clients = 2;
    for (id, client) in (1..).zip(["d", "b", "c"]) {
        viewed.note(id, client, "BACKUP", 0, 1100);
    }
    let page = viewed.page(&[("a", 900)]);
    let shown = |client: &str| page.contains(&format!("client=\"{client}\""));
    assert_eq!(["a", "b", "c", "d"].map(shown), [true, true, false, false]);
    assert_eq!(viewed.diagnostics.capped, 2);
}
