//! Pollers start, change and stop as the configuration says.

#![allow(clippy::float_cmp, reason = "a counter is compared with the very number that it was counted to")]

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use jiff::Timestamp;
use prometheus::Registry;

use super::give_back::PAUSE;
use super::*;
use crate::config::{Collection, Config, Endpoint, Scheme, Secret, fixture};
use crate::fleet::Assignment;
use crate::snapshot::{SiteReport, Snapshot};
use crate::telemetry::CapturedLog;
use nbu_exporter_simulator::{Fault, Options, Rule, Simulation, SiteOptions};

/// Far longer than anything takes.
const PATIENCE: Duration = Duration::from_mins(2);

/// A port on which nobody listens.
const NOBODY: u16 = 1;

fn site(name: &str, port: u16) -> Site {
    fixture::site(name, Endpoint::new(Scheme::Http, "127.0.0.1", port, "/netbackup"))
}

/// A configuration whose sites are polled all the time.
fn active(sites: &[Site]) -> Arc<ActiveConfig> {
    let collection = Collection { interval: Duration::from_millis(50), ..fixture::collection() };
    let config = Config { collection, ..fixture::config(sites.to_vec()) };
    Arc::new(ActiveConfig::fixture(config, ""))
}

fn supervisor() -> (Supervisor, SupervisorHandle, SnapshotStore, Registry) {
    let (registry, store) = (Registry::new(), SnapshotStore::default());
    let metrics = SupervisorMetrics::new(&registry).unwrap();
    let (supervisor, handle) = Supervisor::new(store.clone(), metrics, crate::poller::refusals().0);
    (supervisor, handle, store, registry)
}

/// The sum over all label sets of a counter.
fn count(registry: &Registry, name: &str) -> f64 {
    let families = registry.gather();
    let family = families.iter().find(|family| family.name() == name);
    family
        .map_or(0.0, |family| family.get_metric().iter().map(|metric| metric.get_counter().get_value()).sum())
}

/// The value of a counter's series that has this label value.
fn count_of(registry: &Registry, name: &str, label: &str) -> f64 {
    let families = registry.gather();
    let metrics =
        families.iter().filter(|family| family.name() == name).flat_map(|family| family.get_metric().iter());
    let ours = metrics.filter(|metric| metric.get_label().iter().any(|pair| pair.value() == label));
    ours.map(|metric| metric.get_counter().get_value()).sum()
}

fn snapshot(store: &SnapshotStore, name: &str) -> Option<Arc<Snapshot>> {
    store.load().sites.get(&SiteId::Named(name.into())).cloned()
}

async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let waited = tokio::time::timeout(PATIENCE, async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    assert!(waited.await.is_ok(), "waited in vain: {what}");
}

async fn simulation(sites: usize) -> Simulation {
    let sites = (0..sites).map(|number| SiteOptions::named(&format!("server-{number}"))).collect();
    Simulation::start(Options { sites, ..Options::default() }).await.unwrap()
}

fn port(simulation: &Simulation, server: usize) -> u16 {
    simulation.sites()[server].address().port()
}

/// A task in the place of a site's poller.
fn insert(supervisor: &mut Supervisor, site: &Site, task: AbortHandle) {
    let plan = Arc::new(Plan::new(&active(&[]).config, site, 0));
    supervisor.by_task.insert(task.id(), site.id.clone());
    let running = Running {
        plan: watch::Sender::new(plan),
        task,
        started: Instant::now(),
        next_restart: FIRST_RESTART,
    };
    supervisor.pollers.insert(site.id.clone(), running);
}

#[tokio::test]
async fn a_dead_and_a_stalled_site_never_delay_another() {
    let simulation = simulation(2).await;
    let (good, stalled) = (&simulation.sites()[0], &simulation.sites()[1]);
    stalled.faults().add(Rule::new(Fault::Stall));
    let (supervisor, handle, store, _) = supervisor();
    let shutdown = CancellationToken::new();
    let task = tokio::spawn(supervisor.run(shutdown.clone()));
    let sites =
        [site("dead", NOBODY), site("stalled", port(&simulation, 1)), site("good", port(&simulation, 0))];
    handle.apply(active(&sites)).await;
    eventually("the good site is polled on and on", || {
        let is_complete = snapshot(&store, "good").is_some_and(|good| good.complete);
        is_complete && good.requests().matching("/ping").len() >= 5
    })
    .await;
    assert_eq!(snapshot(&store, "good").unwrap().up, Some(true));
    assert!(snapshot(&store, "stalled").is_none_or(|stalled| !stalled.complete), "it still waits");
    eventually("the dead one is known to be dead", || {
        snapshot(&store, "dead").is_some_and(|dead| dead.up == Some(false))
    })
    .await;
    shutdown.cancel();
    task.await.unwrap();
    assert!(store.load().sites.is_empty(), "who is gone leaves nothing behind");
}

#[tokio::test]
async fn equal_configurations_touch_no_poller_and_another_endpoint_only_its_own() {
    let simulation = simulation(3).await;
    let (mut supervisor, _, _, registry) = supervisor();
    let (paris, lyon) = (site("paris", port(&simulation, 0)), site("lyon", port(&simulation, 1)));
    supervisor.follow(active(&[paris.clone(), lyon.clone()]));
    let ids = |supervisor: &Supervisor| {
        ["paris", "lyon"].map(|name| supervisor.pollers[&SiteId::Named(name.into())].task.id())
    };
    let before = ids(&supervisor);
    supervisor.follow(active(&[lyon.clone(), paris.clone()]));
    assert_eq!(ids(&supervisor), before);
    let key = Site { api_key: Secret::new("another".to_owned()), ..lyon.clone() };
    supervisor.follow(active(&[paris.clone(), key]));
    assert_eq!(ids(&supervisor), before, "a key takes no cache away");
    assert_eq!(count(&registry, "nbu_exporter_cache_flushes_total"), 0.0);
    supervisor.follow(active(&[paris, site("lyon", port(&simulation, 2))]));
    let after = ids(&supervisor);
    assert_eq!(after[0], before[0]);
    assert_ne!(after[1], before[1]);
    assert_eq!(count(&registry, "nbu_exporter_cache_flushes_total"), 1.0);
}

#[tokio::test(start_paused = true)]
async fn another_host_of_the_legacy_block_is_another_endpoint_and_another_spelling_only_a_name() {
    let (mut supervisor, _, _, registry) = supervisor();
    let legacy = |written: &str, port| Site { id: SiteId::Legacy, ..site(written, port) };
    let flushes = || {
        let name = "nbu_exporter_cache_flushes_total";
        ["endpoint", "renamed"].map(|reason| count_of(&registry, name, reason))
    };
    for (written, port, expected) in [
        ("nbu", NOBODY, [0.0, 0.0]),
        ("elsewhere", NOBODY + 1, [1.0, 0.0]),
        ("Elsewhere", NOBODY + 1, [1.0, 1.0]),
        ("Elsewhere", NOBODY + 1, [1.0, 1.0]),
    ] {
        supervisor.follow(active(&[legacy(written, port)]));
        assert_eq!(flushes(), expected, "{written}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_site_has_one_name_in_all_families_the_exporters_own_too() {
    let (mut supervisor, _, _, registry) = supervisor();
    let legacy = |written: &str| Site { id: SiteId::Legacy, ..site(written, NOBODY) };
    let names = || {
        let mut names = BTreeSet::new();
        for metric in registry.gather().iter().flat_map(|family| family.get_metric().to_vec()) {
            let sites = metric.get_label().iter().filter(|label| label.name() == "site");
            names.extend(sites.map(|label| label.value().to_owned()));
        }
        Vec::from_iter(names)
    };
    supervisor.follow(active(&[legacy("nbu.example.com")]));
    assert_eq!(names(), ["nbu.example.com"]);
    supervisor.follow(active(&[legacy("other.example.com")]));
    assert_eq!(names(), ["other.example.com"], "nothing stays of the old name");
    assert_eq!(count_of(&registry, "nbu_exporter_cache_flushes_total", "renamed"), 1.0);
    supervisor.follow(active(&[]));
    assert_eq!(names(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_stopped_poller_that_does_not_end_is_counted_can_not_publish_and_the_new_one_runs() {
    let (mut supervisor, handle, store, registry) = supervisor();
    let elsewhere = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let (release, until) = std::sync::mpsc::channel::<()>();
    let (started, is_started) = oneshot::channel();
    let old = site("paris", NOBODY);
    let writer = store.writer(old.id.clone());
    // It never yields, so that nothing can abort it.
    let stuck = async move {
        let _ = started.send(());
        let _ = until.recv();
    };
    let task = supervisor.tasks.spawn_on(stuck, elsewhere.handle());
    insert(&mut supervisor, &old, task);
    is_started.await.unwrap();
    let shutdown = CancellationToken::new();
    let task = tokio::spawn(supervisor.run(shutdown.clone()));
    handle.apply(active(&[site("paris", NOBODY + 1)])).await;
    let late = Snapshot {
        site: "paris".into(),
        taken_at: Timestamp::now(),
        up: Some(true),
        complete: true,
        unauthorized: Vec::new(),
        fragments: Vec::new(),
        report: SiteReport::default(),
    };
    assert!(!writer.publish(late), "the old poller's time is over");
    eventually("the new poller publishes", || snapshot(&store, "paris").is_some_and(|new| new.complete))
        .await;
    eventually("it is counted", || count(&registry, "nbu_exporter_pollers_stuck_total") == 1.0).await;
    drop(release);
    shutdown.cancel();
    task.await.unwrap();
    elsewhere.shutdown_background();
}

#[tokio::test(start_paused = true)]
async fn a_poller_that_panics_is_started_again_and_the_others_do_not_notice() {
    let (mut supervisor, handle, store, registry) = supervisor();
    let broken = site("broken", NOBODY);
    let task = supervisor.tasks.spawn(async { panic!("a poller that panics") });
    insert(&mut supervisor, &broken, task);
    let shutdown = CancellationToken::new();
    let task = tokio::spawn(supervisor.run(shutdown.clone()));
    handle.apply(active(&[broken, site("other", NOBODY)])).await;
    eventually("the other one publishes", || snapshot(&store, "other").is_some()).await;
    eventually("the broken one is back", || snapshot(&store, "broken").is_some()).await;
    assert_eq!(count(&registry, "nbu_exporter_poller_restarts_total"), 1.0);
    shutdown.cancel();
    task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_pollers_restart_pause_goes_back_to_the_beginning_after_a_healthy_while() {
    let (mut supervisor, ..) = supervisor();
    let paris = site("paris", NOBODY);
    let mut pauses = Vec::new();
    let mut next_restart = FIRST_RESTART;
    for lived in [0, 1, 1, HEALTHY.as_secs(), 1] {
        let task = supervisor.tasks.spawn(std::future::pending());
        insert(&mut supervisor, &paris, task);
        supervisor.pollers.get_mut(&paris.id).unwrap().next_restart = next_restart;
        tokio::time::advance(Duration::from_secs(lived)).await;
        supervisor.pollers[&paris.id].task.abort();
        let ended = supervisor.tasks.join_next_with_id().await.unwrap();
        supervisor.ended(&ended);
        let due = supervisor.next_wake();
        pauses.push((due - Instant::now()).as_secs());
        tokio::time::advance(due - Instant::now()).await;
        supervisor.wake();
        next_restart = supervisor.pollers[&paris.id].next_restart;
        supervisor.stop(&paris.id);
        supervisor.stopping.clear();
        while supervisor.tasks.join_next().await.is_some() {}
    }
    assert_eq!(pauses, [1, 2, 4, 1, 2]);
}

#[tokio::test(start_paused = true)]
async fn free_memory_is_given_back_when_sites_began_or_went() {
    static TIMES: AtomicUsize = AtomicUsize::new(0);
    let (mut supervisor, ..) = supervisor();
    supervisor.give_back = GiveBack::by(|| {
        TIMES.fetch_add(1, Ordering::Relaxed);
    });
    let two = active(&[site("paris", NOBODY), site("lyon", NOBODY)]);
    supervisor.follow(two.clone());
    tokio::time::advance(PAUSE).await;
    supervisor.wake();
    // The pollers go on.
    supervisor.tasks.join_next().await;
    assert_eq!(TIMES.load(Ordering::Relaxed), 1);
    supervisor.follow(two.clone());
    assert_eq!(supervisor.give_back.due(), None, "nothing began or went");
    supervisor.follow(active(&[]));
    tokio::time::advance(PAUSE).await;
    supervisor.wake();
    assert_eq!(supervisor.give_back.due(), None, "once for all that went");
    while supervisor.tasks.join_next().await.is_some() {}
    assert_eq!(TIMES.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn free_memory_is_given_back_a_while_after_the_last_site_has_read_much() {
    static TIMES: AtomicUsize = AtomicUsize::new(0);
    let (mut supervisor, _handle, ..) = supervisor();
    supervisor.give_back = GiveBack::by(|| {
        TIMES.fetch_add(1, Ordering::Relaxed);
    });
    let (much_read, shutdown) = (supervisor.much_read.clone(), CancellationToken::new());
    let task = tokio::spawn(supervisor.run(shutdown.clone()));
    for _ in 0..4 {
        much_read.tell();
        tokio::time::sleep(PAUSE.mul_f64(0.9)).await;
        assert_eq!(TIMES.load(Ordering::Relaxed), 0);
    }
    eventually("the memory is given back", || TIMES.load(Ordering::Relaxed) == 1).await;
    shutdown.cancel();
    task.await.unwrap();
}

#[tokio::test]
async fn a_site_tells_when_its_first_run_has_succeeded_however_long_that_takes() {
    let simulation = simulation(1).await;
    let failing = simulation.sites()[0].faults();
    failing.add(Rule::new(Fault::Reset));
    let (mut supervisor, _handle, store, _) = supervisor();
    supervisor.follow(active(&[site("paris", port(&simulation, 0))]));
    eventually("it is down", || snapshot(&store, "paris").is_some_and(|site| site.up == Some(false))).await;
    assert!(supervisor.much_read.told().now_or_never().is_none());
    failing.clear();
    tokio::time::timeout(PATIENCE, supervisor.much_read.told()).await.unwrap();
    supervisor.tasks.shutdown().await;
}

#[tokio::test]
async fn what_was_refused_is_asked_for_again_once_for_each_time_that_somebody_asks() {
    let (mut supervisor, ..) = supervisor();
    let one = active(&[site("paris", NOBODY)]);
    supervisor.follow(one.clone());
    let mut plan = supervisor.pollers[&SiteId::Named("paris".into())].plan.subscribe();
    supervisor.ask_refused();
    assert_eq!(plan.borrow_and_update().asked, 1);
    supervisor.follow(one.clone());
    assert!(!plan.has_changed().unwrap(), "the same configuration asks nobody");
}

#[tokio::test]
async fn that_a_site_lacks_something_is_logged_once_and_again_only_when_it_lacks_something_else() {
    let log = CapturedLog::listen();
    let (mut supervisor, _handle, store, _) = supervisor();
    for (error, expected) in [("no key file", 1), ("no key file", 1), ("no CA file", 2)] {
        let Site { id, name, .. } = site("lacking", NOBODY);
        let lacking = LackingSite { id, name, endpoint: None, why: error.to_owned() };
        let config = Config { lacking: vec![lacking], ..fixture::config(Vec::new()) };
        supervisor.follow(Arc::new(ActiveConfig::fixture(config, "")));
        assert_eq!(log.lines("can not be collected").len(), expected, "{error}");
        assert_eq!(snapshot(&store, "lacking").unwrap().up, Some(false));
    }
}

#[tokio::test]
async fn a_site_that_is_anothers_has_no_poller_no_snapshot_and_no_series_until_it_comes() {
    let (supervisor, handle, store, registry) = supervisor();
    let (assignments, reader) = FleetReader::fixture("a", &[]);
    let supervisor = supervisor.shared(reader, FleetMetrics::new(&registry).unwrap());
    let shutdown = CancellationToken::new();
    let task = tokio::spawn(supervisor.run(shutdown.clone()));
    let names: Vec<_> = (0..8).map(|number| format!("site-{number}")).collect();
    let sites: Vec<_> = names.iter().map(|name| site(name, NOBODY)).collect();
    handle.apply(active(&sites)).await;
    let collected = |store: &SnapshotStore| store.load().sites.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(collected(&store), BTreeSet::new(), "nothing is ours before we are a member");
    let both = Assignment::fixture("a", &["a", "b"]);
    let ours: BTreeSet<_> = sites.iter().map(|site| site.id.clone()).filter(|id| both.is_ours(id)).collect();
    assert!(!ours.is_empty() && ours.len() < sites.len());
    assignments.send_replace(Arc::new(both));
    eventually("our part is collected", || collected(&store) == ours).await;
    assignments.send_replace(Arc::new(Assignment::fixture("a", &["a"])));
    eventually("all are collected", || collected(&store).len() == sites.len()).await;
    let moves = |direction| count_of(&registry, "nbu_exporter_fleet_moves_total", direction);
    assert_eq!((moves("to_us"), moves("from_us")), (8.0, 0.0));
    assignments.send_replace(Arc::new(Assignment::fixture("a", &["b"])));
    handle.settle().await;
    assert_eq!(collected(&store), BTreeSet::new(), "nobody asks after that");
    assert_eq!((moves("to_us"), moves("from_us")), (8.0, 8.0));
    let of_sites = registry
        .gather()
        .iter()
        .flat_map(|family| family.get_metric().to_vec())
        .filter(|metric| metric.get_label().iter().any(|label| label.name() == "site"))
        .count();
    assert_eq!(of_sites, 0);
    shutdown.cancel();
    task.await.unwrap();
}
