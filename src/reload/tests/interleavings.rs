//! The six laws, for every interleaving of edits, kubelet lag, watch breaks, SIGHUPs and restarts, with a store that keeps
//! the last good configuration. The reloader is the real one; the volume, the object and the store are fakes.

use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use prometheus::Registry;
use proptest::prelude::*;

use super::fakes::{Disk, Program, Writing, invalid, valid};
use super::object::{FakeObject, gone, revision};
use super::shelf::Shelf;
use crate::reload::event::Batch;
use crate::reload::{
    ActiveConfig, Digest, Event, Object, ReloadMetrics, Reloader, SnapshotReader, Sources, StatusReader,
    StatusWriter, first,
};
use crate::source::kubernetes::ObjectEvent;

/// What happens in the cluster, or to the exporter.
#[derive(Clone, Debug)]
enum Step {
    /// Somebody writes one of a few texts, so that reverts happen; those from `FIRST_INVALID` on are not valid.
    Edit(u8),
    /// The watch brings what it has not brought yet, but only so much of it.
    Deliver(usize),
    /// The watch breaks; what was not delivered never is.
    Break,
    /// The API server goes away and nobody notices: the next GET tells.
    Vanish,
    /// The API server answers a list.
    List,
    /// The kubelet brings some of the newer revisions.
    Kubelet(usize),
    /// A tick or an event of the directory.
    Tick,
    /// SIGHUP or POST: the object is asked for as well.
    Hangup,
    /// The exporter starts anew, with an empty history; the API server answers at the start, or does not.
    Restart { api_up: bool },
}

const FIRST_INVALID: u8 = 4;

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_u8..6).prop_map(Step::Edit),
        4 => (1_usize..4).prop_map(Step::Deliver),
        1 => Just(Step::Break),
        1 => Just(Step::Vanish),
        2 => Just(Step::List),
        3 => (1_usize..3).prop_map(Step::Kubelet),
        4 => Just(Step::Tick),
        1 => Just(Step::Hangup),
        1 => any::<bool>().prop_map(|api_up| Step::Restart { api_up }),
    ]
}

/// The cluster and an exporter. All revisions are remembered, the first is valid.
struct World {
    revisions: Vec<u8>,
    delivered: usize,
    mounted: usize,
    api_up: bool,
    disk: Disk,
    object: FakeObject,
    shelf: Shelf,
    exporter: Exporter,
    /// The newest revision that the exporter has been told of by the API since it began.
    known: Option<usize>,
    /// What the volume showed at the last reload, and whether it was or followed the newest revision of the object.
    shown: Option<u8>,
    has_met: bool,
    running: Option<u8>,
    /// What runs is not the newest: the start fell back to it.
    stands_in: bool,
    /// The revision that was kept as the last good one.
    kept: Option<usize>,
}

struct Exporter {
    reloader: Reloader<Writing, Program>,
    program: Program,
    status: StatusReader,
}

fn is_valid(text: u8) -> bool {
    text < FIRST_INVALID
}

fn text(number: u8) -> String {
    if is_valid(number) { valid(number.into()) } else { invalid(number.into()) }
}

fn number(active: &ActiveConfig) -> u8 {
    u8::try_from(active.config.server.port - 9000).unwrap()
}

impl Exporter {
    async fn start(disk: &Disk, object: &FakeObject, shelf: &Shelf, event: ObjectEvent) -> Self {
        let reader = || -> Arc<dyn SnapshotReader> { Arc::new(disk.clone()) };
        let object: Box<dyn Object> = Box::new(object.clone());
        let (file, object) = (Some(reader()), Some((object, reader())));
        let mut sources = Sources::new(reader(), file, object, vec![Arc::new(shelf.clone())]);
        let mut events = stream::iter([Event::Object(event)]).chain(stream::pending());
        let first = first(&mut sources, &mut events).await.unwrap();
        let (program, writer) = (Program::default(), StatusWriter::default());
        program.begin(first.active.clone());
        let status = writer.reader();
        let metrics = ReloadMetrics::new(&Registry::new()).unwrap();
        let reloader = Reloader::new(sources, Writing::default(), program.clone(), first, writer, metrics);
        Self { reloader, program, status }
    }
}

impl World {
    async fn new() -> Self {
        let (disk, object, shelf) = (Disk::default(), FakeObject::new(gone()), Shelf::default());
        disk.write(&text(0));
        let exporter = Exporter::start(&disk, &object, &shelf, gone()).await;
        let mut world = Self {
            revisions: vec![0],
            delivered: 0,
            mounted: 0,
            api_up: true,
            disk,
            object,
            shelf,
            exporter,
            known: None,
            shown: None,
            has_met: false,
            running: None,
            stands_in: false,
            kept: None,
        };
        world.started().await;
        world
    }

    fn newest(&self) -> usize {
        self.revisions.len() - 1
    }

    fn revision(&self, index: usize) -> ObjectEvent {
        revision(&(index + 1).to_string(), &text(self.revisions[index]))
    }

    async fn step(&mut self, step: &Step) {
        match step {
            Step::Edit(text) => self.revisions.push(*text),
            Step::Deliver(count) if self.api_up => {
                for _ in 0..*count {
                    if self.delivered < self.newest() {
                        self.delivered += 1;
                        self.watch(self.delivered).await;
                    }
                }
            }
            Step::Deliver(_) => {}
            Step::Break => {
                self.api_up = false;
                self.reload(Event::Object(gone())).await;
            }
            Step::Vanish => self.api_up = false,
            Step::List => {
                self.api_up = true;
                self.delivered = self.newest();
                self.watch(self.newest()).await;
            }
            Step::Kubelet(count) => self.mounted = (self.mounted + count).min(self.newest()),
            Step::Tick => self.reload(Event::Tick).await,
            Step::Hangup => self.reload(Event::Hangup(None)).await,
            Step::Restart { api_up } => self.restart(*api_up).await,
        }
    }

    async fn restart(&mut self, api_up: bool) {
        self.api_up = api_up;
        (self.delivered, self.known) = if api_up { (self.newest(), Some(self.newest())) } else { (0, None) };
        self.settle();
        let event = if api_up { self.revision(self.newest()) } else { gone() };
        self.exporter = Exporter::start(&self.disk, &self.object, &self.shelf, event).await;
        (self.shown, self.has_met, self.running) = (None, false, None);
        self.started().await;
    }

    /// What a start chose, and its first reload.
    async fn started(&mut self) {
        self.stands_in = false;
        self.check(0, false);
        self.reload(Event::FileChange).await;
    }

    /// The watch brings a revision.
    async fn watch(&mut self, index: usize) {
        self.known = self.known.max(Some(index));
        self.reload(Event::Object(self.revision(index))).await;
    }

    /// The kubelet and the API server have this now.
    fn settle(&self) {
        self.disk.write(&text(self.revisions[self.mounted]));
        self.object.answer(if self.api_up { self.revision(self.newest()) } else { gone() });
    }

    async fn reload(&mut self, event: Event) {
        self.settle();
        let (gets, committed) = (self.object.gets(), self.exporter.program.committed().len());
        let is_watched = matches!(event, Event::Object(_)) && self.api_up;
        let mut batch = Batch::default();
        batch.add(event);
        self.exporter.reloader.reload(&mut batch, &mut stream::pending()).await.unwrap();
        // What is kept is written by another task.
        tokio::task::yield_now().await;
        let is_asked = self.object.gets() > gets && self.api_up;
        if is_asked {
            self.known = Some(self.newest());
        }
        self.check(committed, is_watched || is_asked);
    }

    /// Checks what the exporter made of what it was shown.
    fn check(&mut self, committed: usize, is_told: bool) {
        let file = self.revisions[self.mounted];
        let digest = Digest::of_text(text(file).as_bytes());
        let is_newest = self.exporter.reloader.sources.precedence.newest() == Some(digest);
        self.has_met &= !is_told;
        if !self.api_up && self.has_met && self.shown != Some(file) {
            assert!(is_newest, "law 5: a volume only goes forward");
        }
        let object = self.known.map(|known| self.revisions[known]);
        self.has_met = is_newest && (self.has_met || object == Some(file));
        self.shown = Some(file);
        let newest_runs = self.exporter.status.load().newest_runs;
        for active in self.exporter.program.committed().iter().skip(committed) {
            if newest_runs {
                self.check_applied(number(active));
            } else {
                self.check_fall_back(active, !is_newest && is_valid(file));
            }
            (self.running, self.stands_in) = (Some(number(active)), !newest_runs);
        }
        if newest_runs {
            self.kept = if is_newest { Some(self.mounted) } else { self.known };
        }
    }

    fn check_applied(&self, text: u8) {
        assert!(is_valid(text), "law 3: an invalid one never runs");
        if !self.stands_in {
            assert_ne!(self.running, Some(text), "law 4: equal content is never applied twice");
        }
        if let (true, Some(known)) = (self.api_up, self.known) {
            // The last place of this text among all revisions: a revert makes it new again.
            let place = self.revisions.iter().rposition(|revision| *revision == text);
            assert!(place >= Some(known), "law 2: it never goes back to a superseded one");
        }
    }

    fn check_fall_back(&self, active: &ActiveConfig, file_is_good: bool) {
        assert!(is_valid(number(active)), "law 3: an invalid one never runs");
        let Some(kept) = self.kept.filter(|_| active.origin.starts_with("last good")) else { return };
        assert_eq!(number(active), self.revisions[kept], "it is the one that was kept");
        // The volume may lag at an older revision that had the same text: nobody can know.
        let file = self.revisions[self.mounted];
        let is_lag = self.mounted <= kept || self.revisions[..kept].contains(&file);
        assert!(is_lag || !file_is_good, "law 6: the oldest good one never wins over a newer valid one");
    }
}

/// Runs on paused time.
fn play(world: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.unwrap().block_on(world);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn the_newest_valid_revision_runs_finally_and_no_other_law_is_broken(
        steps in prop::collection::vec(step(), 1..80)
    ) {
        play(async {
            let mut world = World::new().await;
            for step in &steps {
                world.step(step).await;
            }
            let running = world.running;
            // Things calm down: the API server answers, in whichever order with the kubelet.
            world.step(&Step::List).await;
            let newest = *world.revisions.last().unwrap();
            if is_valid(newest) {
                assert_eq!(world.running, Some(newest), "law 1: the newest runs");
            } else {
                assert_eq!(world.running, running, "an invalid one changes nothing");
            }
            // From here on nothing but the newest may run, however far the volume lags.
            let applied = world.exporter.program.committed().len();
            for _ in 0..world.revisions.len() {
                world.step(&Step::Kubelet(1)).await;
                world.step(&Step::Tick).await;
                world.step(&Step::Hangup).await;
            }
            assert_eq!(world.exporter.program.committed().len(), applied);
        });
    }

    #[test]
    fn a_start_on_an_invalid_configuration_runs_on_one_that_was_valid(
        steps in prop::collection::vec(step(), 0..60),
        api_up in any::<bool>(),
    ) {
        play(async {
            let mut world = World::new().await;
            for step in &steps {
                world.step(step).await;
                assert!(world.running.is_some(), "the first one is valid, so there always is one");
            }
            world.step(&Step::Edit(FIRST_INVALID)).await;
            world.step(&Step::Kubelet(usize::MAX >> 1)).await;
            world.step(&Step::Restart { api_up }).await;
            assert!(world.running.is_some_and(is_valid));
            world.step(&Step::List).await;
            assert!(world.running.is_some_and(is_valid));
            world.step(&Step::Edit(0)).await;
            world.step(&Step::List).await;
            assert_eq!((world.running, world.stands_in), (Some(0), false), "the repair is applied");
        });
    }

    #[test]
    fn with_the_api_away_at_any_step_every_edit_that_the_volume_brings_applies_once_it_has_shown_the_newest(
        steps in prop::collection::vec(step(), 0..40),
        is_told in any::<bool>(),
        edits in prop::collection::vec(0_u8..4, 1..20),
    ) {
        play(async {
            let mut world = World::new().await;
            for step in &steps {
                world.step(step).await;
            }
            world.step(&Step::List).await;
            world.step(&Step::Kubelet(usize::MAX >> 1)).await;
            world.step(&Step::Tick).await;
            world.step(if is_told { &Step::Break } else { &Step::Vanish }).await;
            for edit in edits {
                world.step(&Step::Edit(edit)).await;
                world.step(&Step::Kubelet(usize::MAX >> 1)).await;
                world.step(&Step::Tick).await;
                assert_eq!(world.running, Some(edit), "reverts to whatever was before, too");
            }
        });
    }

    #[test]
    fn with_the_api_away_for_ever_the_volume_alone_drives(edits in prop::collection::vec(0_u8..4, 1..40)) {
        play(async {
            let mut world = World::new().await;
            world.step(&Step::Restart { api_up: false }).await;
            for edit in edits {
                world.step(&Step::Edit(edit)).await;
                world.step(&Step::Kubelet(usize::MAX >> 1)).await;
                world.step(&Step::Tick).await;
                assert_eq!(world.running, Some(edit));
            }
        });
    }
}
