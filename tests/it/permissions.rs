//! What a key may see, told by the real program.

use std::process::Command;

use nbu_exporter_simulator::{Options, SiteOptions};

use crate::harness::{Exporter, Sites, config, eventually};

#[test]
fn a_key_that_may_see_nothing_is_told() {
    let sites = Sites::with(Options { sites: vec![SiteOptions::named("paris")], ..Options::default() });
    let server = &sites.simulation().sites()[0];
    server.set_denied(vec!["/admin".to_owned()]);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.yaml");
    // It asks for jobs as well, and less often.
    let others = "collectors: {catalogBackup: {enabled: false}}\n";
    std::fs::write(&file, config(&[("paris", sites.port(0))]) + others).unwrap();
    let exporter = Exporter::start(&file);
    let of_jobs = |name: &str| {
        exporter.sample(&format!("nbu_scrape_collector_{name}{{site=\"paris\",collector=\"jobs\"}}"))
    };
    eventually("the refusal shows", || of_jobs("unauthorized") == Some(1.0));
    assert_eq!((of_jobs("success"), of_jobs("records")), (Some(0.0), Some(0.0)));
    assert!(exporter.is_up("paris"), "the storage units may be seen");
    let page = exporter.get("/").body();
    for told in [
        "not allowed",
        "add to the role of the key's user: operation |OPERATIONS|VIEW| on the namespace |MANAGE|JOBS|",
    ] {
        assert!(page.contains(told), "{told}: {page}");
    }
    let needed = "lacks the operation |OPERATIONS|VIEW| on the namespace |MANAGE|JOBS|";
    eventually("the log names what is needed", || exporter.log().iter().any(|line| line.contains(needed)));

    let doctor = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nbu-exporter"));
        let output = command.arg("doctor").arg("--config").arg(&file).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, table) = doctor();
    assert_eq!(code, Some(8), "{table}");
    assert!(
        words(&table).contains("FAIL permission jobs GET /admin/jobs gives an empty list, and POST"),
        "{table}"
    );
    server.set_denied(Vec::new());
    eventually("the mended role shows", || {
        of_jobs("unauthorized") == Some(0.0) && of_jobs("success") == Some(1.0)
    });
    assert!(of_jobs("records").is_some_and(|records| records > 0.0));
    assert!(!exporter.get("/").body().contains("permissions"));
    assert_eq!(doctor().0, Some(0));

    // Last: a run of the exporter that is refused this would not ask again for an hour.
    server.set_denied(vec!["/admin/jobs-count-requests".to_owned()]);
    let (code, table) = doctor();
    assert_eq!(code, Some(0), "{table}");
    assert!(
        words(&table).contains("warn permission jobs GET /admin/jobs gives records, but POST"),
        "{table}"
    );
}

/// A table without the spaces that align it.
fn words(table: &str) -> String {
    table.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Most collectors run every few minutes or hours, and have succeeded with the key until then.
#[test]
fn a_key_that_is_revoked_while_it_is_in_use_makes_the_site_down_before_the_slow_collectors_run_again() {
    let sites = Sites::with(Options { sites: vec![SiteOptions::named("paris")], ..Options::default() });
    let server = &sites.simulation().sites()[0];
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.yaml");
    std::fs::write(&file, config(&[("paris", sites.port(0))])).unwrap();
    let exporter = Exporter::start(&file);
    let accepted = || exporter.sample("nbu_api_credential_accepted{site=\"paris\"}");
    let is_done = |collector: &str| {
        let success = format!("nbu_scrape_collector_success{{site=\"paris\",collector=\"{collector}\"}}");
        exporter.sample(&success) == Some(1.0)
    };
    eventually("slow collectors have run", || ["certificates", "servers", "slp"].into_iter().all(is_done));
    assert_eq!((exporter.is_up("paris"), accepted()), (true, Some(1.0)));
    server.replace_keys(&["another".to_owned()]);
    eventually("the key is told to be refused", || accepted() == Some(0.0));
    eventually("the site is down", || !exporter.is_up("paris"));
    assert!(["certificates", "slp"].into_iter().all(is_done), "they have not been refused yet");
    server.replace_keys(&["simulated-key".to_owned()]);
    eventually("the key is good again", || accepted() == Some(1.0) && exporter.is_up("paris"));
}
