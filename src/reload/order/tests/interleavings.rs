//! The six laws, for every interleaving of edits, kubelet lag, watch breaks, SIGHUPs and restarts, with a store that keeps
//! the last good configuration.

use proptest::prelude::*;

use super::super::*;
use crate::reload::judge::{Fault, Judge, Judgement, Seen};
use crate::reload::last_good::{Candidate, Record, candidates};

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
    Look,
    /// SIGHUP or POST: the object is asked for as well.
    Hangup,
    /// The exporter starts anew, with an empty history.
    Restart,
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
        4 => Just(Step::Look),
        1 => Just(Step::Hangup),
        1 => Just(Step::Restart),
    ]
}

/// The cluster and an exporter, as far as their order matters. All revisions are kept, the first is valid.
struct World {
    revisions: Vec<u8>,
    delivered: usize,
    mounted: usize,
    api_up: bool,
    order: Order,
    judge: Judge,
    running: Option<u8>,
    /// The newest revision that the exporter has been told of by the API since it began.
    known: Option<usize>,
    object: Option<u8>,
    /// What the volume showed at the last look, and whether it was or followed the newest revision of the object.
    shown: Option<u8>,
    has_met: bool,
    applied: Vec<u8>,
    /// What runs is not the newest: the start fell back to it.
    stands_in: bool,
    /// The last good configuration, and the revision that it was.
    kept: Option<(Record, usize)>,
    clock: i64,
}

fn digest(text: u8) -> Digest {
    Digest::of_text(&[text])
}

fn is_valid(text: u8) -> bool {
    text < FIRST_INVALID
}

impl World {
    fn new() -> Self {
        Self {
            revisions: vec![0],
            delivered: 0,
            mounted: 0,
            api_up: true,
            order: Order::default(),
            judge: Judge::new(None),
            running: None,
            known: None,
            object: None,
            shown: None,
            has_met: false,
            applied: Vec::new(),
            stands_in: false,
            kept: None,
            clock: 0,
        }
    }

    fn newest(&self) -> usize {
        self.revisions.len() - 1
    }

    fn stamp(&self, index: usize) -> Stamp {
        let (uid, text) = ("u".to_owned(), Some(digest(self.revisions[index])));
        Stamp { uid, resource_version: (index + 1).to_string(), text }
    }

    fn step(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match step {
            Step::Edit(text) => self.revisions.push(*text),
            Step::Deliver(count) if self.api_up => {
                for _ in 0..*count {
                    if self.delivered < self.newest() {
                        self.delivered += 1;
                        self.tell(self.delivered, Means::Watch)?;
                    }
                }
            }
            Step::Deliver(_) => {}
            Step::Break => {
                self.api_up = false;
                self.order.away();
            }
            Step::Vanish => self.api_up = false,
            Step::List => {
                self.api_up = true;
                self.delivered = self.newest();
                self.tell(self.newest(), Means::Watch)?;
            }
            Step::Kubelet(count) => self.mounted = (self.mounted + count).min(self.newest()),
            Step::Look => self.look()?,
            Step::Hangup => {
                self.ask();
                self.look()?;
            }
            Step::Restart => {
                let (revisions, mounted) = (std::mem::take(&mut self.revisions), self.mounted);
                let (kept, clock) = (self.kept.take(), self.clock);
                *self = Self { revisions, mounted, kept, clock, ..Self::new() };
                self.api_up = false;
                self.look()?;
            }
        }
        Ok(())
    }

    /// The watch brings a revision, and the funnel looks.
    fn tell(&mut self, index: usize, means: Means) -> Result<(), TestCaseError> {
        match self.order.object(&self.stamp(index), means) {
            Place::Newest => self.hold(index),
            Place::Ask => self.ask(),
            Place::Superseded => {}
        }
        self.look()
    }

    fn hold(&mut self, index: usize) {
        self.known = self.known.max(Some(index));
        self.object = Some(self.revisions[index]);
        self.has_met = false;
    }

    fn ask(&mut self) {
        if self.api_up {
            let newest = self.newest();
            self.order.object(&self.stamp(newest), Means::Get);
            self.hold(newest);
        } else {
            self.order.away();
        }
    }

    fn look(&mut self) -> Result<(), TestCaseError> {
        let file = self.revisions[self.mounted];
        let place = match self.order.file(digest(file)) {
            Place::Ask => {
                self.ask();
                self.order.file_after_get(digest(file))
            }
            place => place,
        };
        prop_assert_ne!(place, Place::Ask);
        if !self.api_up && self.has_met && self.shown != Some(file) {
            prop_assert_eq!(place, Place::Newest, "law 5: a volume only goes forward");
        }
        self.has_met = place == Place::Newest && (self.has_met || self.object == Some(file));
        self.shown = Some(file);
        match (place, self.object, self.known) {
            (Place::Newest, ..) => self.judge(file, self.mounted)?,
            (_, Some(object), Some(known)) => self.judge(object, known)?,
            _ => {}
        }
        if self.running.is_none() {
            self.fall_back((place != Place::Newest).then_some(file))?;
        }
        Ok(())
    }

    /// A start on what can not run.
    fn fall_back(&mut self, file: Option<u8>) -> Result<(), TestCaseError> {
        let file = file.filter(|file| is_valid(*file));
        let candidates = candidates(file.map(digest), self.kept.iter().map(|(record, _)| record));
        let (text, is_file) = match (candidates.first(), &self.kept) {
            (Some(Candidate::File), _) => (file.unwrap(), true),
            (Some(Candidate::Kept(_)), Some((_, index))) => (self.revisions[*index], false),
            _ => return Ok(()),
        };
        if let (false, Some(file), Some((_, index))) = (is_file, file, &self.kept) {
            // The volume may lag at an older revision that had the same text: nobody can know.
            let is_lag = self.mounted <= *index || self.revisions[..*index].contains(&file);
            prop_assert!(is_lag, "law 6: the oldest good one never wins over a newer valid one");
        }
        prop_assert!(is_valid(text), "law 3: an invalid one never runs");
        (self.running, self.stands_in) = (Some(text), true);
        Ok(())
    }

    /// Keeps what runs and is the newest.
    fn keep(&mut self, index: usize) {
        self.clock += 1;
        let text = self.revisions[index];
        let record = Record {
            text: Some([text].as_slice().into()),
            digest: digest(text),
            from: String::new(),
            revision: self.order.version_of(digest(text)).map(str::to_owned),
            applied: jiff::Timestamp::from_second(self.clock).unwrap(),
            lagging: self.order.lagging().collect(),
        };
        self.kept = Some((record, index));
    }

    fn judge(&mut self, text: u8, index: usize) -> Result<(), TestCaseError> {
        let seen = if is_valid(text) {
            Seen::Valid { effective: digest(text) }
        } else {
            Seen::Invalid(Fault::new(Some(digest(text)), "not valid"))
        };
        match self.judge.judge(seen) {
            Judgement::Apply => {}
            Judgement::Unchanged { .. } => {
                self.keep(index);
                return Ok(());
            }
            Judgement::Reject { .. } => return Ok(()),
        }
        prop_assert!(is_valid(text), "law 3: an invalid one never runs");
        if !self.stands_in {
            prop_assert_ne!(self.running, Some(text), "law 4: equal content is never applied twice");
        }
        if let (true, Some(known)) = (self.api_up, self.known) {
            // The last place of this text among all revisions: a revert makes it new again.
            let place = self.revisions.iter().rposition(|revision| *revision == text);
            prop_assert!(place >= Some(known), "law 2: it never goes back to a superseded one");
        }
        self.judge.applied(digest(text));
        (self.running, self.stands_in) = (Some(text), false);
        self.applied.push(text);
        self.keep(index);
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn the_newest_valid_revision_runs_finally_and_no_other_law_is_broken(
        steps in prop::collection::vec(step(), 1..80)
    ) {
        let mut world = World::new();
        world.look()?;
        for step in &steps {
            world.step(step)?;
        }
        let running = world.running;
        // Things calm down: the API server answers, in whichever order with the kubelet.
        world.step(&Step::List)?;
        let newest = *world.revisions.last().unwrap();
        if is_valid(newest) {
            prop_assert_eq!(world.running, Some(newest), "law 1: the newest runs");
        } else {
            prop_assert_eq!(world.running, running, "an invalid one changes nothing");
        }
        // From here on nothing but the newest may run, however far the volume lags.
        let (settled, applied) = (world.running, world.applied.len());
        for _ in 0..world.revisions.len() {
            world.step(&Step::Kubelet(1))?;
            world.step(&Step::Look)?;
            world.step(&Step::Hangup)?;
        }
        prop_assert_eq!(world.running, settled);
        prop_assert_eq!(world.applied.len(), applied);
    }

    #[test]
    fn a_start_on_an_invalid_configuration_runs_on_one_that_was_valid(
        steps in prop::collection::vec(step(), 0..60)
    ) {
        let mut world = World::new();
        world.look()?;
        for step in &steps {
            world.step(step)?;
            prop_assert!(world.running.is_some(), "the first one is valid, so there always is one");
        }
        world.step(&Step::Edit(FIRST_INVALID))?;
        world.step(&Step::Kubelet(usize::MAX >> 1))?;
        world.step(&Step::Restart)?;
        prop_assert!(world.running.is_some_and(is_valid));
        world.step(&Step::List)?;
        prop_assert!(world.running.is_some_and(is_valid));
        world.step(&Step::Edit(0))?;
        world.step(&Step::List)?;
        prop_assert_eq!((world.running, world.stands_in), (Some(0), false), "the repair is applied");
    }

    #[test]
    fn with_the_api_away_at_any_step_every_edit_that_the_volume_brings_applies_once_it_has_shown_the_newest(
        steps in prop::collection::vec(step(), 0..40),
        is_told in any::<bool>(),
        edits in prop::collection::vec(0_u8..4, 1..20),
    ) {
        let mut world = World::new();
        world.look()?;
        for step in &steps {
            world.step(step)?;
        }
        world.step(&Step::List)?;
        world.step(&Step::Kubelet(usize::MAX >> 1))?;
        world.step(&Step::Look)?;
        world.step(if is_told { &Step::Break } else { &Step::Vanish })?;
        for edit in edits {
            world.step(&Step::Edit(edit))?;
            world.step(&Step::Kubelet(usize::MAX >> 1))?;
            world.step(&Step::Look)?;
            prop_assert_eq!(world.running, Some(edit), "reverts to whatever was before, too");
        }
    }

    #[test]
    fn with_the_api_away_for_ever_the_volume_alone_drives(edits in prop::collection::vec(0_u8..4, 1..40)) {
        let mut world = World::new();
        world.step(&Step::Restart)?;
        for edit in edits {
            world.step(&Step::Edit(edit))?;
            world.step(&Step::Kubelet(usize::MAX >> 1))?;
            world.step(&Step::Look)?;
            prop_assert_eq!(world.running, Some(edit));
        }
    }
}
