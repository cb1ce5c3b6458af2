//! Sites that move while they are polled, swap their names, or are only written differently.

use nbu_exporter_simulator::{Fault, Rule};

use super::only;
use crate::harness::{Scraper, Stage, eventually, first_readings, polls, sample};

/// The number of the newest request for jobs that is not answered yet.
fn unanswered(stage: &Stage, server: usize) -> u64 {
    let mut number = None;
    eventually("a request is under way", || {
        let requests = stage.server(server).requests().matching("/admin/jobs");
        number = requests.iter().rev().find(|request| request.status.is_none()).map(|request| request.number);
        number.is_some()
    });
    number.unwrap()
}

/// The number of a request for jobs that has been under way for two seconds: it came after the fault, since other answers take
/// milliseconds.
fn stuck(stage: &Stage, server: usize) -> u64 {
    let mut number = None;
    eventually("a request is stuck", || {
        let long_ago = jiff::Timestamp::now().as_millisecond() - 2_000;
        let requests = stage.server(server).requests().matching("/admin/jobs");
        let stuck = requests.iter().find(|request| request.status.is_none() && request.time < long_ago);
        number = stuck.map(|request| request.number);
        number.is_some()
    });
    number.unwrap()
}

/// What a request was answered with.
fn answer(stage: &Stage, server: usize, number: u64) -> Option<u16> {
    let requests = stage.server(server).requests().recent(2000);
    requests.iter().find(|request| request.number == number).unwrap().status
}

fn latency(milliseconds: u64) -> Rule {
    Rule::new(Fault::Latency { milliseconds }).on("/admin/jobs")
}

#[test]
fn a_reload_during_a_collection_lets_it_finish() {
    let stage = Stage::start(2, &["paris"]);
    stage.server(0).faults().add(latency(500));
    let number = unanswered(&stage, 0);
    stage.apply(&stage.config(&[("paris", 0), ("lyon", 1)]));
    eventually("the collection goes on", || answer(&stage, 0, number) == Some(200));
    stage.shows("lyon", 1);
    assert_eq!(first_readings(stage.server(0)), 1);
}

#[test]
fn an_endpoint_change_cancels_a_slow_collection_whose_late_result_is_never_shown() {
    let stage = Stage::start(3, &["paris", "lyon"]);
    // Longer than anything lasts here, so that no answer comes before the change.
    stage.server(0).faults().add(latency(600_000));
    let number = stuck(&stage, 0);
    let lyon = polls(stage.server(1));
    stage.apply(&stage.config(&[("paris", 2), ("lyon", 1)]));
    let scraper = Scraper::watching(&stage.exporter, |page| !page.contains("only-0"));
    stage.shows("paris", 2);
    eventually("the request is given up", || stage.server(0).requests().under_way() == 0);
    assert_eq!(answer(&stage, 0, number), None);
    eventually("the other site is polled on", || polls(stage.server(1)) >= lyon + 2);
    scraper.stop();
    assert_eq!(stage.flushes("paris", "endpoint"), 1.0);
}

#[test]
fn a_site_that_moves_there_and_back_has_one_poller_and_never_shows_the_other_server() {
    let stage = Stage::start(3, &["paris", "still"]);
    let (here, there) =
        (stage.config(&[("paris", 0), ("still", 1)]), stage.config(&[("paris", 2), ("still", 1)]));
    for server in [0, 2] {
        stage.server(server).faults().add(latency(300));
    }
    for _ in 0..3 {
        unanswered(&stage, 0);
        stage.apply(&there);
        unanswered(&stage, 2);
        stage.apply(&here);
    }
    let scraper = Scraper::watching(&stage.exporter, |page| !page.contains("only-2"));
    stage.shows("paris", 0);
    let (other, before) = (polls(stage.server(2)), [0, 1].map(|server| polls(stage.server(server))));
    let since = |server: usize| polls(stage.server(server)) - before[server];
    eventually("time goes by", || since(0) >= 2 && since(1) >= 4);
    // In this order: what is counted later may be more.
    let (own, still) = (since(0), since(1));
    assert!(own <= still + 2, "one poller polls as often as the other site's: {own} times, and {still}");
    assert_eq!(polls(stage.server(2)), other, "nobody asks the other server any more");
    scraper.stop();
    assert_eq!(stage.flushes("paris", "endpoint"), 6.0);
    assert_eq!(stage.flushes("still", "endpoint"), 0.0);
}

#[test]
fn two_sites_that_swap_their_names_never_show_each_others_data() {
    let stage = Stage::start(2, &["paris", "lyon"]);
    stage.apply(&stage.config(&[("paris", 1), ("lyon", 0)]));
    let scraper = Scraper::watching(&stage.exporter, |page| {
        let wrong = |site, server| {
            page.contains(&format!("nbu_storage_unit_info{{site=\"{site}\",storage_unit=\"only-{server}\""))
        };
        !wrong("paris", 0) && !wrong("lyon", 1)
    });
    stage.shows("paris", 1);
    stage.shows("lyon", 0);
    scraper.stop();
    assert_eq!((stage.flushes("paris", "endpoint"), stage.flushes("lyon", "endpoint")), (1.0, 1.0));
}

#[test]
fn a_site_that_is_renamed_and_moved_leaves_nothing_of_its_old_name() {
    let stage = Stage::start(2, &["paris"]);
    stage.apply(&stage.config(&[("lutetia", 1)]));
    assert!(!stage.exporter.metrics().contains("site=\"paris\""));
    stage.shows("lutetia", 1);
    stage.logs("changes=\"sites: +lutetia -paris\"", 1);
}

#[test]
fn when_all_sites_are_removed_their_series_are_gone_at_once_and_can_come_back() {
    let stage = Stage::start(2, &["paris", "lyon"]);
    stage.apply(&stage.config(&[]));
    let page = stage.exporter.metrics();
    assert!(!page.contains("site=\""), "{page}");
    assert_eq!(sample(&page, "nbu_exporter_sites"), Some(0.0));
    assert_eq!(stage.exporter.get("/-/ready").status, 200);
    stage.apply(&stage.config(&[("paris", 1)]));
    stage.shows("paris", 1);
}

#[test]
fn another_spelling_and_a_comment_are_applied_and_nothing_is_flushed_or_asked_anew() {
    let stage = Stage::start(1, &["paris"]);
    let text = stage.config(&[("paris", 0)]);
    let local = text.replace("    host: 127.0.0.1", "    host: localhost");
    stage.apply(&local);
    stage.shows("paris", 0);
    let scraper = stage.scrape(&[("paris", 0)]);
    let readings = first_readings(stage.server(0));
    let case = local.replace("host: localhost", "host: LocalHost");
    stage.apply(&case);
    let slash = format!("{case}    uri: /netbackup/\n");
    stage.apply(&slash);
    stage.apply(&format!("# a comment\n{slash}"));
    let before = polls(stage.server(0));
    eventually("polling goes on", || polls(stage.server(0)) >= before + 2);
    scraper.stop();
    assert_eq!(stage.flushes("paris", "endpoint"), 1.0, "only for another host");
    assert_eq!(first_readings(stage.server(0)), readings);
    stage.logs("changes=\"no changes\"", 3);
    only(&stage, &[("file", "applied", 4.0)]);
}

#[test]
fn many_mistakes_are_one_rejection_that_lists_them_all_in_order() {
    let stage = Stage::start(1, &["paris"]);
    let scraper = stage.scrape(&[("paris", 0)]);
    let text = stage
        .config(&[("paris", 0), ("lyon", 0)])
        .replace("port: 9440", "port: 94400")
        .replace("collectionInterval: 1s", "collectionInterval: soon")
        .replace("scheme: http", "schema: http")
        .replace("apiKey: simulated-key", "apiKey: \"\"");
    stage.swap(&text);
    eventually("the rejection shows", || !stage.exporter.is_newest());
    let answer = stage.exporter.post("/-/reload");
    assert_eq!(answer.status, 500);
    let (body, path) = (answer.body(), stage.path());
    let places: Vec<(usize, usize)> = body
        .lines()
        .filter_map(|line| line.strip_prefix(path.to_str().unwrap())?.strip_prefix(':'))
        .map(|place| {
            let mut numbers = place.split(':').map(str::parse);
            (numbers.next().unwrap().unwrap(), numbers.next().unwrap().unwrap())
        })
        .collect();
    assert!(places.len() >= 6, "{body}");
    assert!(places.is_sorted(), "{body}");
    scraper.stop();
    stage.logs(&format!("errors={}", places.len()), 2);
    only(&stage, &[("file", "rejected", 1.0), ("http", "rejected", 1.0)]);
}
