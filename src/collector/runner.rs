//! Runs a collector: times it, and judges whether the role of the key may see all of its list.

use std::time::Duration;

use tokio::time::Instant;

use super::absence::Absences;
use super::contract::{CollectError, Collector, Context, Diagnostics};
use super::probe::{COUNTED, Enforcement, ProbeMemory, Visibility};
use super::spec::CollectorSpec;
use crate::metric::Family;

/// One run of one collector.
#[derive(Debug)]
pub(crate) struct Run {
    /// What it brought; nothing if it failed.
    pub families: Vec<Family>,
    /// How long it took.
    pub duration: Duration,
    /// How it went.
    pub outcome: Result<(), CollectError>,
    /// What was met and left out.
    pub diagnostics: Diagnostics,
    /// Whether the role of the key sees only a part of what there is.
    pub partial: bool,
}

/// What a run brought after its families were shown.
#[derive(Debug)]
pub(crate) struct RunRest {
    /// All families of the run.
    pub families: Vec<Family>,
    /// What was met and left out since they were shown.
    pub diagnostics: Diagnostics,
}

impl Run {
    /// Whether the role of the key lacks the permission to see what was asked for, or a part of it.
    pub(crate) fn is_unauthorized(&self) -> bool {
        self.partial || self.outcome.as_ref().is_err_and(CollectError::is_unauthorized)
    }
}

/// A collector, and what is remembered of the permission to see what it reads.
pub(crate) struct Runner {
    spec: &'static CollectorSpec,
    collector: Box<dyn Collector>,
    probed: ProbeMemory,
    absences: Absences,
}

impl Runner {
    /// Nothing is known yet of the permission.
    pub(crate) fn new(spec: &'static CollectorSpec, collector: Box<dyn Collector>) -> Self {
        Self { spec, collector, probed: ProbeMemory::default(), absences: Absences::default() }
    }

    /// What is declared of it.
    pub(crate) fn spec(&self) -> &'static CollectorSpec {
        self.spec
    }

    /// Whether it does without something that the server does not have.
    pub(crate) fn lacks_something(&self) -> bool {
        self.absences.any_unsupported()
    }

    /// Nothing is known any more of what the role of the key may see.
    pub(crate) fn role_changed(&mut self) {
        self.probed = ProbeMemory::default();
        self.absences.forget_refusals();
    }

    /// Runs the collector once, and judges whether the role may see all of its list.
    pub(crate) async fn run(&mut self, context: Context<'_>) -> Run {
        let is_probe_refused = self.probed.is_refused();
        let context = &Context { absences: &self.absences, is_probe_refused, ..context };
        let mut run = run(self.collector.as_mut(), context).await;
        let others = self.spec.others.iter();
        let is_refused_another =
            || others.into_iter().any(|resource| context.board.read_for_others().is_refused(resource.path));
        run.partial = run.outcome.is_ok() && (self.absences.any_refused() || is_refused_another());
        let (Enforcement::Object(probe), Some(permission), Ok(())) =
            (self.spec.main.enforcement, self.spec.main.permission, &run.outcome)
        else {
            return run;
        };
        let records = run.diagnostics.records;
        if self.probed.is_due(records) && !context.is_over() {
            let since = context.server_now() - context.window.min(COUNTED);
            let known = self.collector.known_since(since).filter(|_| !run.diagnostics.truncated);
            self.probed.ask(probe, context, since, records, known).await;
        }
        match self.probed.visibility(records) {
            Visibility::Whole => {}
            Visibility::Part => run.partial = true,
            Visibility::Nothing => {
                run.outcome = Err(CollectError::Hidden { request: probe.request, permission });
                run.families.clear();
            }
        }
        run
    }

    /// Whether something is left to be asked for after a run that succeeded.
    pub(crate) fn has_rest(&mut self, context: Context<'_>) -> bool {
        let is_probe_refused = self.probed.is_refused();
        let context = &Context { absences: &self.absences, is_probe_refused, ..context };
        !context.is_over() && self.collector.has_rest(context)
    }

    /// Goes on with a run whose families are shown.
    pub(crate) async fn run_rest(&mut self, context: Context<'_>) -> RunRest {
        let is_probe_refused = self.probed.is_refused();
        let context = &Context { absences: &self.absences, is_probe_refused, ..context };
        let mut diagnostics = Diagnostics::default();
        let families = self.collector.collect_rest(context, &mut diagnostics).await;
        RunRest { families, diagnostics }
    }
}

/// Runs a collector once: the one place that times it.
pub(super) async fn run(collector: &mut dyn Collector, context: &Context<'_>) -> Run {
    let started = Instant::now();
    let mut diagnostics = Diagnostics::default();
    let collected = collector.collect(context, &mut diagnostics).await;
    let duration = started.elapsed();
    match collected {
        Ok(families) => {
            // A record that comes twice is a duplicate in several families; it is counted once.
            diagnostics.malformed += families.iter().map(Family::duplicates).max().unwrap_or(0);
            diagnostics.capped += families.iter().map(Family::capped).max().unwrap_or(0);
            Run { families, duration, outcome: Ok(()), diagnostics, partial: false }
        }
        Err(error) => {
            Run { families: Vec::new(), duration, outcome: Err(error), diagnostics, partial: false }
        }
    }
}
