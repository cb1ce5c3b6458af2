//! One collector of a site: whether it runs, when it runs next, and why not now.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::collector::CollectorState;
use super::run::{EndedRun, RunSetting, run, span};
use crate::collector::{CollectError, CollectorSpec, Hold, Resource, Run, Runner};
use crate::config::ApiVersion;
use crate::snapshot::{RunClock, RunningMark, TextRoom};

/// A server that is upgraded overtakes a run once, or twice if an answer of before was under way. A proxy before two servers of different
/// releases does it for ever.
const MOST_OVERTAKEN: u32 = 3;

/// One collector.
pub(super) struct ScheduledCollector {
    pub(super) spec: &'static CollectorSpec,
    pub(super) activity: Activity,
    /// What the pages see of it.
    pub(super) clock: RunClock,
    /// When its next run begins; while one is under way, at once after it if that is earlier.
    pub(super) due: Instant,
    /// Why it is not asked for now.
    pub(super) hold: Option<Hold>,
    /// How many runs in a row were given up, since the version of the API changed meanwhile.
    pub(super) overtaken: u32,
    pub(super) state: CollectorState,
}

pub(super) enum Activity {
    Idle(Runner),
    UnderWay {
        number: u64,
        cancel: CancellationToken,
        /// Nothing is known any more of what the role of the key may see.
        role_changed: bool,
        _mark: RunningMark,
    },
}

impl ScheduledCollector {
    pub(super) fn new(runner: Runner) -> Self {
        let spec = runner.spec();
        let mut state = CollectorState::new(spec.id.name());
        state.always_runs = spec.id.always_runs();
        state.proves_key = spec.main.needs_key;
        let activity = Activity::Idle(runner);
        Self {
            spec,
            activity,
            clock: RunClock::default(),
            due: Instant::now(),
            hold: None,
            overtaken: 0,
            state,
        }
    }

    /// Begins a run, if none is under way.
    pub(super) fn begin(&mut self, setting: RunSetting) -> Option<BoxFuture<'static, EndedRun>> {
        if matches!(self.activity, Activity::UnderWay { .. }) {
            return None;
        }
        let under_way = Activity::UnderWay {
            number: setting.number,
            cancel: setting.cancelled.clone(),
            role_changed: false,
            _mark: self.clock.begin(Timestamp::now()),
        };
        match std::mem::replace(&mut self.activity, under_way) {
            Activity::Idle(runner) => Some(run(runner, setting).instrument(span(self.spec.id)).boxed()),
            Activity::UnderWay { .. } => None,
        }
    }

    /// It waits for its next run.
    pub(super) fn rest(&mut self, mut runner: Runner, role_changed: bool) {
        if role_changed {
            runner.role_changed();
        }
        self.activity = Activity::Idle(runner);
    }

    /// Nothing is known of what the role of the key may see.
    pub(super) fn role_changed(&mut self) {
        match &mut self.activity {
            Activity::Idle(runner) => runner.role_changed(),
            Activity::UnderWay { role_changed, .. } => *role_changed = true,
        }
    }

    /// Whether the role of the key may not see all that it reads.
    pub(super) fn is_refused(&self) -> bool {
        self.hold.is_some_and(|hold| hold.is_refusal()) || self.state.is_unauthorized()
    }

    /// Begins a run anew at once after one that the version overtook; false if that has happened too often.
    pub(super) fn begins_anew(&mut self) -> bool {
        self.overtaken += 1;
        let begins = self.overtaken <= MOST_OVERTAKEN;
        if begins {
            self.due = Instant::now();
        }
        begins
    }

    /// Whether a server that speaks the one version has something that it reads, or may have it, and one that speaks the other has not.
    pub(super) fn depends_on(&self, one: ApiVersion, other: ApiVersion) -> bool {
        let is_in_one_only = |resource: &Resource| (resource.since <= one) != (resource.since <= other);
        let lacked = |hold: Hold| !hold.is_refusal() && !hold.holds(Some(other));
        self.spec.resources().any(is_in_one_only)
            || self.hold.is_some_and(lacked)
            || matches!(&self.activity, Activity::Idle(runner) if runner.lacks_something())
    }

    pub(super) fn cancel(&self) {
        if let Activity::UnderWay { cancel, .. } = &self.activity {
            cancel.cancel();
        }
    }

    /// Whether it is not asked for now; a hold that has ended is forgotten.
    pub(super) fn is_held(&mut self, version: ApiVersion) -> bool {
        self.hold = self.hold.filter(|hold| hold.holds(Some(version)));
        self.hold.is_some()
    }

    pub(super) fn unsupported(&mut self, version: ApiVersion) {
        self.hold = Some(Hold::unsupported(Some(version)));
        if self.state.unsupported() {
            let _in_span = span(self.spec.id).entered();
            tracing::info!(
                resource = self.spec.main.path,
                %version,
                "NetBackup does not have what the collector reads; it is asked again in a day or when its version changes"
            );
        }
    }

    /// Takes in what a run brought, and logs what of it is news.
    pub(super) fn note(&mut self, run: Run, stale_cycles: u32, room: &TextRoom) {
        let failure = run.outcome.as_ref().err().cloned();
        if failure.is_none() && self.state.sees_part(run.partial) {
            tracing::warn!(
                records = run.diagnostics.records,
                "The role of the API key sees only a part of the list: see what doctor says of its permission"
            );
        }
        if matches!(&failure, Some(CollectError::NetBackup(error)) if error.is_unauthorized()) {
            self.hold = Some(Hold::refused());
        }
        let cure = failure.as_ref().map(|error| self.spec.cure(error)).unwrap_or_default();
        let is_news = self.state.note(run, cure, stale_cycles, Timestamp::now(), room);
        match &failure {
            None if is_news => tracing::info!("The collector succeeds again"),
            Some(error) if is_news => {
                tracing::warn!(reason = error.reason(), %error, "The collector failed");
            }
            None | Some(_) => {}
        }
    }
}
