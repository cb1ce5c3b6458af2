//! The rhythm of the collectors, on paused time.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::sleep_until;

use super::*;
use crate::collector::{CollectError, Collector, Context, Diagnostics, Resource};
use crate::config::{Collection, CollectorId, fixture};
use crate::metric::{Family, Labelled, MetricKind, MetricNames};
use crate::netbackup::fixture::{client, site};
use crate::netbackup::{Cause, Error};

/// What a collector of these tests does.
#[derive(Clone)]
enum Behaviour {
    Answers,
    Stalls,
    Takes(Duration),
    /// It answers, and has something left that takes so long.
    HasRest(Duration),
    Fails(Cause),
}

/// A collector that asks nobody, and notes when it was asked.
struct Fake {
    behaviour: Arc<Mutex<Behaviour>>,
    runs: Arc<Mutex<Vec<Instant>>>,
}

static UNITS: Labelled<0> = Labelled::native(MetricKind::Gauge, "units", "Units.", []);

impl Collector for Fake {
    fn collect<'a>(
        &'a mut self,
        context: &'a Context<'a>,
        _: &'a mut Diagnostics,
    ) -> BoxFuture<'a, Result<Vec<Family>, CollectError>> {
        self.runs.lock().unwrap().push(Instant::now());
        let behaviour = self.behaviour.lock().unwrap().clone();
        async move {
            match behaviour {
                Behaviour::Answers | Behaviour::HasRest(_) => {}
                Behaviour::Stalls => std::future::pending().await,
                Behaviour::Takes(time) => tokio::time::sleep(time).await,
                Behaviour::Fails(cause) => return Err(Error { endpoint: RESOURCE, cause }.into()),
            }
            let mut family = UNITS.of_site(context.site);
            family.sample([], 1.0);
            Ok(vec![family.build()])
        }
        .boxed()
    }

    fn has_rest(&mut self, _: &Context<'_>) -> bool {
        matches!(*self.behaviour.lock().unwrap(), Behaviour::HasRest(_))
    }

    fn collect_rest<'a>(
        &'a mut self,
        context: &'a Context<'a>,
        diagnostics: &'a mut Diagnostics,
    ) -> BoxFuture<'a, Vec<Family>> {
        let behaviour = self.behaviour.lock().unwrap().clone();
        async move {
            let Behaviour::HasRest(time) = behaviour else { panic!() };
            tokio::time::sleep(time).await;
            diagnostics.malformed += 1;
            let mut family = UNITS.of_site(context.site);
            family.sample([], 2.0);
            vec![family.build()]
        }
        .boxed()
    }
}

const RESOURCE: &str = "/fake";

static FAKE: Resource = Resource::fake(RESOURCE);
static IN_EVERY_RELEASE: Resource = Resource { since: ApiVersion::OLDEST, ..Resource::fake(RESOURCE) };

const fn spec(id: CollectorId, main: &'static Resource) -> CollectorSpec {
    CollectorSpec {
        id,
        main,
        others: &[],
        requests: 10,
        awaits_facts: false,
        new: |_| {
            let behaviour = Arc::new(Mutex::new(Behaviour::Answers));
            Box::new(Fake { behaviour, runs: Arc::default() })
        },
    }
}

static JOBS: CollectorSpec = spec(CollectorId::Jobs, &IN_EVERY_RELEASE);
static STORAGE: CollectorSpec = spec(CollectorId::Storage, &IN_EVERY_RELEASE);
static TAPE: CollectorSpec = spec(CollectorId::Tape, &FAKE);

const MINUTE: Duration = Duration::from_mins(1);

/// The collectors jobs and storage each minute, and tape every five, at a server that is never asked.
struct Site {
    plan: Plan,
    schedule: Schedule,
    version: ApiVersion,
    client: Arc<Client>,
    behaviours: Vec<Arc<Mutex<Behaviour>>>,
    runs: Vec<Arc<Mutex<Vec<Instant>>>>,
}

impl Site {
    fn new(behaviours: [Behaviour; 3]) -> Self {
        let mut collectors = fixture::collectors();
        collectors.tape.enabled = true;
        collectors.tape.interval = Some(5 * MINUTE);
        let site = site(crate::config::Scheme::Http, "127.0.0.1", 1);
        let client = Arc::new(client(&site));
        let collection = Collection { interval: MINUTE, max_stale_cycles: 2, ..fixture::collection() };
        let plan = Plan { site, collection, collectors, names: MetricNames::Native, asked: 0 };
        let behaviours = behaviours.map(|behaviour| Arc::new(Mutex::new(behaviour))).to_vec();
        let runs: Vec<_> = behaviours.iter().map(|_| Arc::default()).collect();
        let specs = [&JOBS, &STORAGE, &TAPE].into_iter().zip(behaviours.iter().zip(&runs));
        let runners = specs.map(|(spec, (behaviour, runs))| {
            let fake = Fake { behaviour: behaviour.clone(), runs: Arc::clone(runs) };
            Runner::new(spec, Box::new(fake))
        });
        let schedule = Schedule::with(runners.collect());
        Self { plan, schedule, version: ApiVersion::NEWEST, client, behaviours, runs }
    }

    /// Lets time pass.
    async fn pass(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.schedule.start_due(&self.plan, self.version, &self.client);
            let due = self.schedule.due().map_or(end, |due| due.min(end));
            tokio::select! {
                biased;
                ended = self.schedule.ended() => self.schedule.take_in(ended, &self.plan, Some(self.version), &TextRoom::default()),
                () = sleep_until(due) => {}
            }
        }
    }

    fn runs(&self, index: usize) -> Vec<Instant> {
        self.runs[index].lock().unwrap().clone()
    }

    fn turn(&self, index: usize, behaviour: Behaviour) {
        *self.behaviours[index].lock().unwrap() = behaviour;
    }

    fn state(&self, id: CollectorId) -> &CollectorState {
        self.schedule.states().find(|state| state.name == id.name()).unwrap()
    }
}

/// Whether the runs follow each other by this interval, but for its jitter.
#[track_caller]
fn keeps_rhythm(runs: &[Instant], interval: Duration, at_least: usize) {
    assert!(runs.len() >= at_least, "{} runs", runs.len());
    for (before, after) in runs.iter().zip(runs.iter().skip(1)) {
        let pause = after.duration_since(*before);
        assert!(pause >= interval.mul_f64(0.95) && pause <= interval.mul_f64(1.05), "{pause:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_collector_that_stalls_is_slow_or_fails_leaves_the_others_their_rhythm() {
    let server_error = Cause::Server { status: 500, code: None };
    for other in
        [Behaviour::Stalls, Behaviour::Takes(Duration::from_secs(50)), Behaviour::Fails(server_error)]
    {
        let mut site = Site::new([other.clone(), Behaviour::Answers, other]);
        site.pass(30 * MINUTE).await;
        keeps_rhythm(&site.runs(1), MINUTE, 28);
        assert!(site.state(CollectorId::Storage).succeeded());
        assert!(site.runs(0).len() >= 27, "its own next run begins as well: {}", site.runs(0).len());
        assert!((6..=7).contains(&site.runs(2).len()), "{}", site.runs(2).len());
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_does_not_end_is_ended_after_its_deadline_and_counts_as_failed() {
    let mut site = Site::new([Behaviour::Answers, Behaviour::Answers, Behaviour::Answers]);
    site.pass(MINUTE / 2).await;
    assert!(site.state(CollectorId::Jobs).succeeded());
    site.turn(0, Behaviour::Stalls);
    site.pass(2 * MINUTE).await;
    assert!(!site.state(CollectorId::Jobs).succeeded());
    assert_eq!(site.state(CollectorId::Jobs).fragments.len(), 1, "the last good values stay");
    site.pass(3 * MINUTE).await;
    assert!(site.state(CollectorId::Jobs).fragments.is_empty());
    let runs = site.runs(0);
    for (before, after) in runs.iter().zip(runs.iter().skip(1)) {
        assert!(after.duration_since(*before) <= MINUTE + Duration::from_secs(6));
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_under_way_is_told_from_one_that_is_due() {
    let mut site = Site::new([Behaviour::Stalls, Behaviour::Answers, Behaviour::Stalls]);
    let under_way = |site: &Site| -> Vec<bool> {
        site.schedule.entries.iter().map(|entry| entry.clock.since().is_some()).collect()
    };
    assert_eq!(under_way(&site), [false, false, false], "all are due");
    site.pass(MINUTE / 60).await;
    assert_eq!(under_way(&site), [true, false, true]);
    site.turn(0, Behaviour::Answers);
    site.pass(2 * MINUTE).await;
    assert_eq!(under_way(&site), [false, false, true], "the interval of the last one is longer");
    site.schedule
        .turn_to([&JOBS, &STORAGE].into_iter(), &PlanChange::between(&site.plan.clone(), &site.plan));
    assert_eq!(under_way(&site), [false, false]);
}

fn shown(site: &Site, id: CollectorId) -> String {
    let fragments = &site.state(id).fragments;
    fragments.iter().map(|fragment| String::from_utf8_lossy(&fragment.text()).into_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn what_a_run_brought_is_shown_before_it_goes_on_with_what_can_wait() {
    let second = MINUTE / 60;
    let mut site = Site::new([Behaviour::HasRest(30 * second), Behaviour::Answers, Behaviour::Answers]);
    site.pass(second).await;
    let succeeded = site.state(CollectorId::Jobs).succeeded_at;
    assert!(succeeded.is_some() && shown(&site, CollectorId::Jobs).ends_with(" 1\n"));
    site.pass(30 * second).await;
    assert!(shown(&site, CollectorId::Jobs).ends_with(" 2\n"));
    let state = site.state(CollectorId::Jobs);
    assert_eq!(state.succeeded_at, succeeded, "it is as old as before");
    assert_eq!((state.runs.as_ref().unwrap().malformed, site.runs(0).len()), (1, 1));
    site.pass(10 * MINUTE).await;
    keeps_rhythm(&site.runs(0), MINUTE, 10);
}

#[tokio::test(start_paused = true)]
async fn what_can_wait_and_does_not_end_is_ended_and_leaves_what_is_shown() {
    let mut site = Site::new([Behaviour::HasRest(60 * MINUTE), Behaviour::Answers, Behaviour::Answers]);
    site.pass(10 * MINUTE).await;
    assert!(shown(&site, CollectorId::Jobs).ends_with(" 1\n"));
    assert!(site.state(CollectorId::Jobs).succeeded());
    // Each run has its deadline, and five seconds more.
    assert_eq!(site.runs(0).len(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_refused_collector_is_asked_again_after_six_hours_or_with_another_key_and_its_values_grow_stale() {
    let mut site = Site::new([Behaviour::Answers, Behaviour::Answers, Behaviour::Answers]);
    site.pass(MINUTE / 2).await;
    site.turn(0, Behaviour::Fails(Cause::Unauthorized));
    site.pass(2 * MINUTE).await;
    let refused = site.runs(0).len();
    assert!(site.state(CollectorId::Jobs).is_unauthorized());
    assert_eq!(site.state(CollectorId::Jobs).fragments.len(), 1);
    site.pass(5 * MINUTE).await;
    assert!(site.state(CollectorId::Jobs).fragments.is_empty(), "too many runs were missed");
    site.pass(5 * 60 * MINUTE).await;
    assert_eq!(site.runs(0).len(), refused);
    assert!(site.state(CollectorId::Jobs).is_unauthorized());
    site.pass(2 * 60 * MINUTE).await;
    assert_eq!(site.runs(0).len(), refused + 1);
    site.turn(0, Behaviour::Answers);
    site.schedule.key_changed();
    site.schedule.start_over();
    site.pass(MINUTE / 2).await;
    assert_eq!(site.runs(0).len(), refused + 2);
    assert!(!site.state(CollectorId::Jobs).is_unauthorized());
    keeps_rhythm(&site.runs(1)[..400], MINUTE, 400);
}

#[tokio::test(start_paused = true)]
async fn what_was_refused_is_asked_for_at_once_when_somebody_asks_for_a_reload_and_the_others_keep_their_rhythm()
 {
    let mut site = Site::new([Behaviour::Answers, Behaviour::Answers, Behaviour::Answers]);
    site.turn(0, Behaviour::Fails(Cause::Forbidden));
    site.pass(30 * MINUTE).await;
    assert_eq!(site.runs(0).len(), 1);
    site.turn(0, Behaviour::Answers);
    site.schedule.ask_refused();
    site.pass(MINUTE / 60).await;
    assert_eq!(site.runs(0).len(), 2);
    assert!(site.state(CollectorId::Jobs).succeeded() && !site.state(CollectorId::Jobs).is_unauthorized());
    site.schedule.ask_refused();
    site.pass(30 * MINUTE).await;
    keeps_rhythm(&site.runs(0)[1..], MINUTE, 28);
    keeps_rhythm(&site.runs(1), MINUTE, 56);
}

#[tokio::test(start_paused = true)]
async fn what_the_release_lacks_is_not_asked_for_until_the_version_changes() {
    let mut site = Site::new([Behaviour::Answers, Behaviour::Answers, Behaviour::Answers]);
    site.version = ApiVersion { major: 9, minor: 0 };
    site.pass(10 * MINUTE).await;
    assert_eq!(site.runs(2).len(), 0);
    assert!(!site.state(CollectorId::Tape).is_supported);
    site.version = ApiVersion { major: 12, minor: 0 };
    site.pass(MINUTE / 60).await;
    assert!(site.runs(2).len() == 1 && site.state(CollectorId::Tape).is_supported);
    site.pass(MINUTE).await;
    site.version = ApiVersion { major: 9, minor: 0 };
    site.pass(MINUTE / 60).await;
    assert!(site.runs(2).len() == 1 && !site.state(CollectorId::Tape).is_supported);
    keeps_rhythm(&site.runs(0), MINUTE, 11);
    keeps_rhythm(&site.runs(1), MINUTE, 11);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_the_version_overtook_is_begun_anew_at_once_and_is_a_failure_when_that_goes_on() {
    let mut site = Site::new([Behaviour::Stalls, Behaviour::Answers, Behaviour::Answers]);
    site.pass(MINUTE / 60).await;
    let overtaken = |number| EndedRun {
        id: CollectorId::Jobs,
        number,
        next: AfterRun::Idle(Runner::new(&JOBS, (JOBS.new)(&fixture::collectors()))),
        end: RunEnd::Overtaken,
        requests: 1,
    };
    // The first three runs began together.
    for number in [1, 4, 5] {
        site.schedule.take_in(overtaken(number), &site.plan, Some(site.version), &TextRoom::default());
        assert!(site.state(CollectorId::Jobs).runs.is_none());
        assert_eq!(site.schedule.due(), Some(Instant::now()));
        site.schedule.start_due(&site.plan, site.version, &site.client);
    }
    site.schedule.take_in(overtaken(6), &site.plan, Some(site.version), &TextRoom::default());
    assert!(site.state(CollectorId::Jobs).runs.as_ref().is_some_and(|runs| !runs.success));
    assert!(site.schedule.due() > Some(Instant::now()));
}

#[tokio::test(start_paused = true)]
async fn a_path_that_alone_is_not_there_is_unsupported_and_asked_again_after_a_day() {
    for cause in
        [Cause::NotFound, Cause::NotAcceptable(ApiVersion::NEWEST), Cause::Server { status: 501, code: None }]
    {
        let mut site = Site::new([Behaviour::Answers, Behaviour::Answers, Behaviour::Answers]);
        site.pass(MINUTE / 2).await;
        site.turn(2, Behaviour::Fails(cause));
        site.pass(10 * MINUTE).await;
        assert_eq!(site.runs(2).len(), 2);
        let tape = site.state(CollectorId::Tape);
        assert!(!tape.is_supported && tape.fragments.is_empty());
        site.turn(2, Behaviour::Answers);
        site.pass(23 * 60 * MINUTE).await;
        assert_eq!(site.runs(2).len(), 2);
        site.pass(2 * 60 * MINUTE).await;
        assert!(site.state(CollectorId::Tape).is_supported && site.runs(2).len() > 2);
    }
}

#[tokio::test(start_paused = true)]
async fn what_every_release_has_or_what_fails_with_all_others_is_a_failure_and_not_unsupported() {
    let mut site = Site::new([
        Behaviour::Fails(Cause::NotFound),
        Behaviour::Fails(Cause::NotFound),
        Behaviour::Fails(Cause::NotFound),
    ]);
    site.pass(6 * MINUTE).await;
    assert!(site.schedule.states().all(|state| state.is_supported && !state.succeeded()));
    assert_eq!(site.runs(2).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn another_option_makes_that_collector_anew_at_once_and_leaves_the_others_their_rhythm() {
    let mut site = Site::new([Behaviour::Answers, Behaviour::Answers, Behaviour::Stalls]);
    site.pass(2 * MINUTE).await;
    assert!(site.state(CollectorId::Tape).runs.is_none(), "its first run stalls");
    let old = site.plan.clone();
    site.plan.collectors.tape.options.media_interval += MINUTE;
    let plan = site.plan.clone();
    site.schedule.turn_to([&JOBS, &STORAGE, &TAPE].into_iter(), &PlanChange::between(&old, &plan));
    site.pass(MINUTE / 60).await;
    assert!(site.state(CollectorId::Tape).succeeded(), "the new one runs at once");
    site.pass(10 * MINUTE).await;
    assert!(!site.schedule.is_busy(), "the one that stalled was given up");
    assert_eq!(site.runs(2).len(), 1);
    keeps_rhythm(&site.runs(0), MINUTE, 11);
    keeps_rhythm(&site.runs(1), MINUTE, 11);
}

#[tokio::test(start_paused = true)]
async fn a_plan_without_a_collector_ends_it_and_leaves_the_others_their_rhythm() {
    let mut site = Site::new([Behaviour::Answers, Behaviour::Answers, Behaviour::Stalls]);
    site.pass(10 * MINUTE).await;
    let old = site.plan.clone();
    site.plan.collectors.tape.enabled = false;
    let plan = site.plan.clone();
    site.schedule.follow(&PlanChange::between(&old, &plan));
    site.pass(10 * MINUTE).await;
    assert_eq!(site.schedule.states().count(), 2);
    assert!(!site.schedule.is_busy(), "the run that stalled was given up");
    keeps_rhythm(&site.runs(0), MINUTE, 18);
    keeps_rhythm(&site.runs(1), MINUTE, 18);
}
