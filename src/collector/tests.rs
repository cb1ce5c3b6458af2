//! The table of collectors, and what holds for each of them.

use strum::VariantArray as _;

use super::fixture::Given;
use super::runner::run;
use super::*;
use crate::config::{CollectorId, fixture};
use crate::netbackup::fixture::{Answer, Server};

#[test]
fn jobs_and_storage_always_run() {
    let names: Vec<_> =
        build_all(&fixture::collectors()).iter().map(|runner| runner.spec().id.name()).collect();
    assert_eq!(names, ["jobs", "storage"]);
}

#[test]
fn the_table_has_every_collector_that_the_configuration_declares_in_its_order() {
    let built: Vec<_> = COLLECTORS.iter().map(|spec| spec.id).collect();
    let declared = CollectorId::VARIANTS.iter().copied();
    assert_eq!(built, declared.collect::<Vec<_>>());
}

#[test]
fn who_should_have_a_backup_is_asked_for_clients_and_for_policies() {
    let mut collectors = fixture::collectors();
    let is_wanted = |collectors: &_| wanted(collectors).any(|spec| spec.id == CollectorId::PerClient);
    assert!(!is_wanted(&collectors));
    collectors.protection.enabled = true;
    assert!(is_wanted(&collectors));
    (collectors.protection.enabled, collectors.per_client.enabled) = (false, true);
    assert!(is_wanted(&collectors));
}

#[test]
fn what_is_asked_of_clients_and_policies_is_asked_of_jobs_too() {
    let old = fixture::collectors();
    let same = |new: &_| {
        [CollectorId::Jobs, CollectorId::PerClient, CollectorId::Storage]
            .map(|id| is_same_question(&old, new, id))
    };
    assert_eq!(same(&old), [true; 3]);
    let mut new = old.clone();
    new.per_client.options.allowlist.push("db*".to_owned());
    assert_eq!(same(&new), [false, false, true]);
    let mut new = old.clone();
    new.protection.enabled = !old.protection.enabled;
    assert_eq!(same(&new), [false, true, true]);
}

#[tokio::test]
async fn a_missing_permission_is_the_outcome_of_one_collector() {
    let server = Server::start(|request| match request.path.as_str() {
        "/ping" => Answer::ping("12.0"),
        "/admin/jobs" => Answer::status(401),
        _ => Answer::json(r#"{"data":[]}"#),
    })
    .await;
    let given = Given::by(server.client());
    let mut outcomes = Vec::new();
    for mut collector in build_all(&fixture::collectors()) {
        let run = collector.run(given.context()).await;
        assert_eq!(run.is_unauthorized(), run.outcome.is_err());
        outcomes.push(run.outcome.map_err(|error| error.reason()));
    }
    assert_eq!(outcomes, [Err("unauthorized"), Ok(())]);
}

#[tokio::test]
async fn a_record_that_is_there_twice_is_counted_and_shown_once() {
    let server = Server::start(|_| {
        let unit = r#"{"attributes":{"name":"disk","storageType":"Disk","maxConcurrentJobs":7}}"#;
        Answer::json(format!(r#"{{"data":[{unit},{unit}],"meta":{{"pagination":{{"count":2}}}}}}"#))
    })
    .await;
    let given = Given::by(server.client());
    let run = run((storage::SPEC.new)(&given.collectors).as_mut(), &given.context()).await;
    assert_eq!((run.outcome, run.diagnostics.malformed), (Ok(()), 1));
    assert!(run.families.iter().all(|family| family.series() <= 1));
    assert!(run.families.iter().any(|family| family.series() == 1));
}

#[tokio::test]
async fn a_unit_with_a_name_of_a_megabyte_makes_a_page_of_some_kilobytes() {
    let server = Server::start(|_| {
        let units = ["a", "b"].map(|end| {
            let name = "n".repeat(1 << 20) + end;
            format!(
                r#"{{"attributes":{{"name":"{name}","storageServerType":"{name}","maxConcurrentJobs":7}}}}"#
            )
        });
        Answer::json(format!(r#"{{"data":[{}]}}"#, units.join(",")))
    })
    .await;
    let given = Given::by(server.client());
    let run = run((storage::SPEC.new)(&given.collectors).as_mut(), &given.context()).await;
    assert!(run.families.iter().any(|family| family.series() == 2), "both are there");
    let bytes: usize = run.families.iter().map(|family| family.text().len()).sum();
    assert!(bytes < 16 << 10, "{bytes}");
}
