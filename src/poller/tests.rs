//! The runs of one site, against the simulator.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::plan::{PlanChange, SHORTEST_DEADLINE, next_run};
use super::schedule::Schedule;
use super::*;
use crate::collector::{self, CollectError, Collector, Context, Diagnostics, Runner};
use crate::config::{Collection, CollectorId, Endpoint, Scheme, Secret, Site, fixture};
use crate::metric::{Family, MetricNames};
use crate::netbackup::fixture::{Answer, KEY, Server};
use crate::netbackup::{Client, Stats};
use crate::snapshot::SnapshotStore;
use nbu_exporter_simulator::{ApiVersion, Fault, Options, Rule, Simulation};

fn plan(port: u16) -> Plan {
    Plan {
        site: fixture::site("paris", Endpoint::new(Scheme::Http, "127.0.0.1", port, "/netbackup")),
        collection: Collection { max_stale_cycles: 2, ..fixture::collection() },
        collectors: fixture::collectors(),
        names: MetricNames::Native,
        asked: 0,
    }
}

/// One site, polled interval by interval.
struct Polled {
    simulation: Simulation,
    plan: Plan,
    client: Arc<Client>,
    requests: Arc<Stats>,
    state: SiteState,
    store: SnapshotStore,
}

impl Polled {
    async fn start() -> Self {
        let simulation = Simulation::start(Options::default()).await.unwrap();
        let plan = plan(simulation.sites()[0].address().port());
        let requests = Arc::new(Stats::default());
        let client = Client::new(&plan.site, &TlsCache::default(), requests.clone(), Arc::default()).unwrap();
        let client = Arc::new(client);
        let store = SnapshotStore::default();
        let state = SiteState::new(&plan.collectors, requests.clone(), store.writer(plan.site.id.clone()));
        Self { simulation, plan, client, requests, state, store }
    }

    fn server(&self) -> &nbu_exporter_simulator::Site {
        &self.simulation.sites()[0]
    }

    /// Lets an interval pass, and gives the page after all that begins then has ended.
    async fn cycle(&mut self) -> String {
        self.pass(self.plan.collection.interval.mul_f64(1.1)).await
    }

    /// Lets time pass, and gives the page after all that begins then has ended.
    async fn pass(&mut self, time: Duration) -> String {
        tokio::time::pause();
        tokio::time::advance(time).await;
        tokio::time::resume();
        loop {
            self.state.start_due(&self.plan, Ok(self.client.clone()));
            if self.state.status.is_key_due() {
                let checked = self.client.check_key(Instant::now() + SHORTEST_DEADLINE).await;
                self.state.key_checked(checked);
                self.state.publish(&self.plan);
            } else if self.state.is_busy() {
                let event = self.state.event().await;
                self.state.handle(event, &self.plan);
            } else if self.state.due() > Instant::now() {
                return self.page();
            }
        }
    }

    fn page(&self) -> String {
        let snapshots = self.store.load();
        let fragments = snapshots.sites.values().flat_map(|snapshot| &snapshot.fragments);
        fragments.map(|fragment| String::from_utf8_lossy(&fragment.text()).into_owned()).collect()
    }
}

fn has(page: &str, line: &str) -> bool {
    page.lines().any(|found| found.starts_with(line))
}

const JOBS: &str = "nbu_jobs_window_jobs{";
const STORAGE: &str = "nbu_storage_unit_info{";
const UP: &str = "nbu_up{site=\"paris\"} 1";

#[tokio::test]
async fn a_failing_collectors_values_stay_for_the_stated_cycles_and_the_others_are_fresh() {
    let mut polled = Polled::start().await;
    assert!(has(&polled.cycle().await, JOBS));
    polled.server().faults().add(Rule::new(Fault::Status { code: 404, retry_after: None }).on("/admin/jobs"));
    let mut shown = Vec::new();
    for _ in 0..4 {
        let page = polled.cycle().await;
        assert!(has(&page, STORAGE) && has(&page, UP), "{page}");
        assert!(has(&page, "nbu_scrape_collector_success{site=\"paris\",collector=\"jobs\"} 0"), "{page}");
        shown.push(has(&page, JOBS));
    }
    assert_eq!(shown, [true, true, false, false]);
    polled.server().faults().clear();
    assert!(has(&polled.cycle().await, JOBS));
}

#[tokio::test]
async fn a_401_on_one_endpoint_is_a_missing_permission_and_no_dead_site() {
    let mut polled = Polled::start().await;
    polled.server().faults().add(Rule::new(Fault::Status { code: 401, retry_after: None }).on("/admin/jobs"));
    let page = polled.cycle().await;
    assert!(has(&page, UP) && has(&page, STORAGE), "{page}");
    assert!(has(&page, "nbu_scrape_collector_unauthorized{site=\"paris\",collector=\"jobs\"} 1"), "{page}");
    assert!(has(&page, "nbu_api_credential_accepted{site=\"paris\"} 1"), "{page}");
}

#[tokio::test]
async fn a_key_that_is_refused_everywhere_is_told_from_a_missing_permission() {
    let mut polled = Polled::start().await;
    polled.server().replace_keys(&["another".to_owned()]);
    let page = polled.cycle().await;
    assert!(has(&page, "nbu_up{site=\"paris\"} 0"), "{page}");
    assert!(has(&page, "nbu_api_credential_accepted{site=\"paris\"} 0"), "{page}");
    polled.server().add_key("simulated-key");
    polled.cycle().await;
    let page = polled.cycle().await;
    assert!(has(&page, UP), "{page}");
}

#[tokio::test]
async fn an_upgrade_of_the_server_is_noticed_in_the_next_run() {
    let mut polled = Polled::start().await;
    assert!(has(&polled.cycle().await, "nbu_api_version{site=\"paris\",version=\"12.0\"} 1"));
    polled.server().set_api_version(ApiVersion::new(14, 0));
    let page = polled.cycle().await;
    assert!(has(&page, "nbu_api_version{site=\"paris\",version=\"14.0\"} 1") && has(&page, JOBS), "{page}");
    assert!(!page.contains("version=\"12.0\""), "{page}");
}

/// Whether the page says that the role of the key sees what the jobs' collector asks for.
fn judged(page: &str) -> (bool, bool) {
    let is = |name: &str| {
        has(page, &format!("nbu_scrape_collector_{name}{{site=\"paris\",collector=\"jobs\"}} 1"))
    };
    (is("success"), is("unauthorized"))
}

#[tokio::test]
async fn a_list_that_is_empty_for_want_of_permission_is_a_refusal_and_no_success() {
    let mut polled = Polled::start().await;
    polled.server().set_denied(vec!["/admin".to_owned()]);
    let page = polled.cycle().await;
    assert_eq!(judged(&page), (false, true), "{page}");
    assert!(!has(&page, JOBS) && has(&page, UP) && has(&page, STORAGE), "{page}");
    assert!(has(&page, "nbu_scrape_collector_records{site=\"paris\",collector=\"jobs\"} 0"), "{page}");
    let snapshots = polled.store.load();
    assert_eq!(snapshots.sites.values().next().unwrap().unauthorized, ["jobs"]);
    let counted = |polled: &Polled| polled.server().requests().matching("/admin/jobs-count-requests").len();
    let refused = counted(&polled);
    assert_eq!(refused, 1, "and not twice in the first one");
    assert_eq!(judged(&polled.cycle().await), (false, true));
    assert_eq!(counted(&polled), refused, "a refusal is not asked for again in each cycle");
    polled.server().set_denied(Vec::new());
    let page = polled.cycle().await;
    assert_eq!(judged(&page), (true, false), "{page}");
    assert!(has(&page, JOBS), "{page}");
    let granted = counted(&polled);
    assert!(granted > refused);
    polled.cycle().await;
    assert_eq!(counted(&polled), granted);
}

#[tokio::test]
async fn a_permission_that_is_taken_away_is_noticed_in_the_next_cycle_and_a_new_key_is_asked_about() {
    let mut polled = Polled::start().await;
    assert_eq!(judged(&polled.cycle().await), (true, false));
    polled.server().set_denied(vec!["/admin".to_owned()]);
    let page = polled.cycle().await;
    assert_eq!(judged(&page), (false, true), "{page}");
    assert!(has(&page, JOBS), "the last good values stay for the stated cycles");
    let counted = |polled: &Polled| polled.server().requests().matching("/admin/jobs-count-requests").len();
    let before = counted(&polled);
    polled.state.key_changed(false);
    polled.cycle().await;
    assert_eq!(counted(&polled), before + 1);
}

#[tokio::test]
async fn a_role_that_sees_a_part_keeps_its_values_and_is_told() {
    let mut polled = Polled::start().await;
    polled.server().set_denied(vec!["/admin/jobs-count-requests".to_owned()]);
    let page = polled.cycle().await;
    assert_eq!(judged(&page), (true, true), "{page}");
    assert!(has(&page, JOBS), "{page}");
    assert_eq!(polled.server().requests().matching("/admin/jobs-count-requests").len(), 1);
}

#[tokio::test]
async fn a_count_far_above_the_list_is_a_role_that_sees_a_part() {
    let many = |count: u64| {
        Server::start(move |request| match request.path.as_str() {
            "/ping" => Answer::ping("12.0"),
            "/admin/jobs-count-requests" => {
                let attributes = format!(r#"{{"count":{count},"filter":"x"}}"#);
                Answer::json(format!(
                    r#"{{"data":{{"type":"jobCount","id":"1","attributes":{attributes}}}}}"#
                ))
            }
            _ => Answer::json(r#"{"data":[]}"#),
        })
    };
    for (count, expected) in [(20, (true, false)), (21, (true, true))] {
        let server = many(count).await;
        let mut polled = Polled::start().await;
        polled.client = Arc::new(server.client());
        let page = polled.cycle().await;
        assert_eq!(judged(&page), expected, "{count}: {page}");
    }
}

#[tokio::test]
async fn a_server_that_can_not_count_has_not_refused() {
    let mut polled = Polled::start().await;
    let counting =
        || Rule::new(Fault::Status { code: 404, retry_after: None }).on("/admin/jobs-count-requests");
    polled.server().faults().add(counting());
    assert_eq!(judged(&polled.cycle().await), (true, false));
}

/// A collector with a bug.
struct Panicking;

impl Collector for Panicking {
    fn collect<'a>(
        &'a mut self,
        _: &'a Context<'a>,
        _: &'a mut Diagnostics,
    ) -> BoxFuture<'a, Result<Vec<Family>, CollectError>> {
        async { panic!("a collector that panics") }.boxed()
    }
}

#[tokio::test]
async fn a_collector_that_panics_is_replaced_and_the_others_are_not_disturbed() {
    let mut polled = Polled::start().await;
    let mut collectors = collector::build_all(&polled.plan.collectors);
    let jobs = collectors.iter().position(|runner| runner.spec().id == CollectorId::Jobs).unwrap();
    collectors[jobs] = Runner::new(collector::COLLECTORS[jobs], Box::new(Panicking));
    let writer = polled.store.writer(polled.plan.site.id.clone());
    polled.state = SiteState::with(Schedule::with(collectors), polled.requests.clone(), writer);
    let page = polled.cycle().await;
    assert!(has(&page, UP) && has(&page, STORAGE) && !has(&page, JOBS), "{page}");
    assert!(has(&page, "nbu_scrape_collector_success{site=\"paris\",collector=\"jobs\"} 0"), "{page}");
    let page = polled.cycle().await;
    assert!(has(&page, JOBS) && has(&page, STORAGE), "{page}");
}

#[tokio::test]
async fn a_server_that_dies_is_down_and_its_values_go_with_the_stale_cycles() {
    let mut polled = Polled::start().await;
    polled.cycle().await;
    polled.server().faults().add(Rule::new(Fault::Html { code: 404 }).on("/ping"));
    polled.server().faults().add(Rule::new(Fault::Status { code: 404, retry_after: None }));
    let mut shown = Vec::new();
    for _ in 0..3 {
        let page = polled.cycle().await;
        assert!(has(&page, "nbu_up{site=\"paris\"} 0"), "{page}");
        shown.push((has(&page, JOBS), has(&page, STORAGE)));
    }
    assert_eq!(shown, [(true, true), (true, true), (false, false)]);
}

#[tokio::test]
async fn other_names_are_served_without_asking_the_server() {
    let mut polled = Polled::start().await;
    assert!(!has(&polled.cycle().await, "nbu_jobs_count{"));
    polled.server().faults().add(Rule::new(Fault::Reset));
    polled.plan.names = MetricNames::V4;
    polled.state.publish(&polled.plan);
    let page = polled.page();
    assert!(has(&page, "nbu_jobs_count{") && has(&page, UP) && !has(&page, JOBS), "{page}");
}

/// Polls a server all the time that answers all but questions about keys; `answer` says what it answers to those,
/// by the key and the number of such questions before.
struct Asked {
    server: Server,
    plan: Plan,
    sender: watch::Sender<Arc<Plan>>,
    poller: tokio::task::JoinHandle<()>,
}

impl Asked {
    async fn start(answer: impl Fn(&str, usize) -> Answer + Send + Sync + 'static) -> Self {
        let asked = AtomicUsize::new(0);
        let server = Server::start(move |request| match (request.path.as_str(), request.key.as_deref()) {
            ("/ping", _) => Answer::ping("12.0"),
            ("/security/api-keys", Some(key)) => answer(key, asked.fetch_add(1, Ordering::SeqCst)),
            (_, Some(KEY)) => Answer::json(r#"{"data":[]}"#),
            _ => Answer::status(401),
        })
        .await;
        let mut plan = plan(1);
        plan.site = Site { timeout: Duration::from_mins(10), ..server.site() };
        plan.collection.interval = Duration::from_millis(1);
        let (sender, receiver) = watch::channel(Arc::new(plan.clone()));
        let writer = SnapshotStore::default().writer(plan.site.id.clone());
        let poller = Poller::new(receiver, writer, Arc::default(), refusals().0, MuchRead::default());
        Self { server, plan, sender, poller: tokio::spawn(poller.run()) }
    }

    fn turn_to(&mut self, key: &str) {
        self.plan.site.api_key = Secret::new(key.to_owned());
        self.sender.send_replace(Arc::new(self.plan.clone()));
    }

    fn requests(&self, path: &str, key: &str) -> usize {
        self.server.received_at(path).iter().filter(|request| request.key.as_deref() == Some(key)).count()
    }

    async fn until(&self, path: &str, key: &str, count: usize) {
        let wait = async {
            while self.requests(path, key) < count {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        assert!(tokio::time::timeout(Duration::from_mins(1), wait).await.is_ok(), "{path} {key} {count}");
    }

    /// Waits for ten more collections by the good key.
    async fn collects(&self) {
        self.until("/admin/jobs", KEY, self.requests("/admin/jobs", KEY) + 20).await;
    }

    async fn stop(self) {
        drop(self.sender);
        self.poller.await.unwrap();
    }
}

const KEYS: &str = "/security/api-keys";

fn never() -> Answer {
    Answer { delay: Duration::from_mins(10), ..Answer::status(401) }
}

#[tokio::test]
async fn the_keys_own_check_never_holds_up_collection() {
    let asked = Asked::start(|_, _| never()).await;
    asked.until(KEYS, KEY, 1).await;
    asked.collects().await;
    assert_eq!(asked.requests(KEYS, KEY), 1);
    asked.stop().await;
}

#[tokio::test]
async fn the_keys_own_check_is_not_repeated_at_each_cycle_after_an_error() {
    for code in [400, 401, 500] {
        let asked = Asked::start(move |_, _| Answer::status(code)).await;
        asked.collects().await;
        let tries = if code == 500 { 3 } else { 1 };
        asked.until(KEYS, KEY, tries).await;
        asked.collects().await;
        assert_eq!(asked.requests(KEYS, KEY), tries, "{code}");
        asked.stop().await;
    }
}

#[tokio::test]
async fn a_new_keys_trial_never_holds_up_collection() {
    // The trial itself is not answered; or it is refused, and the question after that is not answered.
    for refusals in [0, 1] {
        let numbers = AtomicUsize::new(0);
        let answer = move |key: &str, _| match key {
            KEY => Answer::json(r#"{"data":[]}"#),
            _ if numbers.fetch_add(1, Ordering::SeqCst) < refusals => Answer::status(401),
            _ => never(),
        };
        let mut asked = Asked::start(answer).await;
        asked.collects().await;
        asked.turn_to("wrong");
        asked.until(KEYS, "wrong", refusals + 1).await;
        asked.collects().await;
        assert_eq!(asked.requests("/admin/jobs", "wrong"), 0, "{refusals}");
        asked.stop().await;
    }
}

/// The moments, by this runtime's clock, of all requests to a server that asks for quiet at the first one.
async fn asked_for_quiet(retry_after: &'static str, interval: Duration, requests: usize) -> Vec<Instant> {
    let asked = Arc::new(std::sync::Mutex::new(Vec::new()));
    let noted = asked.clone();
    let server = Server::start(move |request| {
        let mut asked = noted.lock().unwrap();
        asked.push(Instant::now());
        match request.path.as_str() {
            _ if asked.len() == 1 => Answer::status(429).with("retry-after", retry_after),
            "/ping" => Answer::ping("12.0"),
            _ => Answer::json(r#"{"data":[]}"#),
        }
    })
    .await;
    let mut plan = plan(1);
    plan.site = server.site();
    plan.collection.interval = interval;
    let (_sender, receiver) = watch::channel(Arc::new(plan.clone()));
    let store = SnapshotStore::default();
    let writer = store.writer(plan.site.id.clone());
    let poller = Poller::new(receiver, writer, Arc::default(), refusals().0, MuchRead::default());
    let poller = tokio::spawn(poller.run());
    // The first answer is there when it was published; from then on time goes by itself.
    while store.load().sites.is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    tokio::time::pause();
    while server.received().len() < requests {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    poller.abort();
    let asked = asked.lock().unwrap();
    asked.clone()
}

#[tokio::test]
async fn a_429_with_retry_after_300_at_an_interval_of_5_s_is_asked_again_after_300_s() {
    let asked = asked_for_quiet("300", Duration::from_secs(5), 2).await;
    let pause = asked[1] - asked[0];
    assert!((300..310).contains(&pause.as_secs()), "{pause:?}");
}

#[tokio::test(start_paused = true)]
async fn after_a_long_stop_there_is_one_cycle_and_not_one_for_each_that_was_missed() {
    tokio::time::advance(Duration::from_hours(1)).await;
    let now = Instant::now();
    assert_eq!(next_run(now.checked_sub(Duration::from_mins(10)).unwrap(), Duration::from_secs(1)), now);
    for _ in 0..1000 {
        let pause = next_run(now, Duration::from_secs(100)) - now;
        assert!((Duration::from_secs(95)..=Duration::from_secs(105)).contains(&pause), "{pause:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn only_a_change_of_what_is_asked_for_moves_the_next_run() {
    let old = plan(1);
    let (now, next) = (Instant::now(), Instant::now() + Duration::from_secs(40));
    let check = |change: fn(&mut Plan), expected: Instant| {
        let mut new = old.clone();
        change(&mut new);
        assert_eq!(PlanChange::between(&old, &new).due(CollectorId::Jobs, next), expected);
    };
    check(|_| {}, next);
    check(|plan| plan.collection.max_stale_cycles = 9, next);
    check(|plan| plan.collection.interval = Duration::from_secs(10), now + Duration::from_secs(10));
    check(|plan| plan.collection.interval = Duration::from_mins(10), next);
    check(
        |plan| plan.collectors.jobs.interval = Some(Duration::from_secs(10)),
        now + Duration::from_secs(10),
    );
    check(|plan| plan.collectors.storage.interval = Some(Duration::from_secs(10)), next);
    check(|plan| plan.collectors.tape.options.media_interval = Duration::from_hours(1), next);
    check(|plan| plan.collection.window = Duration::from_hours(2), now);
    check(|plan| plan.site.api_key = Secret::new("new".to_owned()), next);
    check(|plan| plan.site.timeout = Duration::from_secs(1), now);
}
