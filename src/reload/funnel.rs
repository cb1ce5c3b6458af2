use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::decision::Decision;
use super::judge::{Fault, Judge, Judgement, Seen};
use super::look::Looked;
use super::pending::{Ended, Pending};
use super::ports::{Object, PrepareError, Publisher, Reader, Triggers, Watch};
use super::scene::{Lagging, Newest, Scene};
use super::sources::Sources;
use super::start::{First, MOST_LOOKS};
use super::{ActiveConfig, Outcome, ReloadMetrics, Status, StatusWriter, Trigger, Verdict};
use crate::config::ConfigDiff;

/// The funnel's task.
#[derive(Debug)]
pub struct Reloader<R, O, W, P> {
    sources: Sources<R, O>,
    watch: W,
    publisher: P,
    judge: Judge,
    running: Arc<ActiveConfig>,
    covered: Covered,
    status: Status,
    writer: StatusWriter,
    metrics: ReloadMetrics,
}

/// The files that the running configuration names, and those of the newest refused one: what it lacks may come.
#[derive(Debug, Default, PartialEq, Eq)]
struct Covered {
    running: BTreeSet<PathBuf>,
    refused: BTreeSet<PathBuf>,
}

impl<R: Reader, O: Object, W: Watch, P: Publisher> Reloader<R, O, W, P> {
    /// Takes over with the first configuration running.
    pub fn new(
        sources: Sources<R, O>,
        watch: W,
        publisher: P,
        first: First,
        writer: StatusWriter,
        metrics: ReloadMetrics,
    ) -> Self {
        let First { active: running, is_newest } = first;
        let is_some = !running.is_none();
        let last_success = is_some.then_some(running.loaded_at);
        let status = Status { newest_runs: is_newest, last_success, ..Status::default() };
        if is_some {
            metrics.running(&running);
        }
        metrics.status(&status);
        writer.publish(status.clone());
        // What stands in for the newest is no configuration to compare with: a repair is applied, whatever it is.
        let judge = Judge::new(if is_newest { running.effective } else { ActiveConfig::no_text() });
        Self {
            sources,
            watch,
            publisher,
            judge,
            running,
            covered: Covered::default(),
            status,
            writer,
            metrics,
        }
    }

    /// Serves triggers until the token is cancelled. After that nothing is published. Gives the publisher back.
    pub async fn run(mut self, mut triggers: impl Triggers, shutdown: CancellationToken) -> P {
        // A file that changed between the first look and the arming of the watch gave no event.
        let mut pending = Pending::look(Trigger::File);
        loop {
            let turn = self.turn(&mut pending, &mut triggers);
            tokio::select! {
                // The shutdown wins at every step: nothing is published after it.
                biased;
                () = shutdown.cancelled() => break,
                turned = turn => {
                    if turned.is_err() {
                        break;
                    }
                }
            }
        }
        self.publisher
    }

    /// Waits for an event, looks, and answers all who asked before the look.
    async fn turn(&mut self, pending: &mut Pending, triggers: &mut impl Triggers) -> Result<(), Ended> {
        if pending.trigger.is_none() {
            pending.add(triggers.next().await.ok_or(Ended)?);
        }
        let (scene, took) = self.look(pending, triggers).await?;
        let trigger = pending.trigger.take().unwrap_or(Trigger::Poll);
        let replies = std::mem::take(&mut pending.replies);
        let began = Instant::now();
        let did_run = self.status.newest_runs;
        let (mut text, revision) = (scene.newest.text(), scene.revision);
        // That a revision is held says more than that the file is behind.
        let is_held = scene.newest.is_held();
        let (mut newest, mut lagging) = (scene.newest, scene.lagging);
        let reduced = newest.take_reduced();
        let mut decision = self.decide(newest).await;
        if self.running.is_none() || !self.running.config.lacking.is_empty() {
            self.fall_back(lagging.as_mut().and_then(|lagging| lagging.looked.take()), reduced).await;
        }
        let lagging = lagging.filter(|_| !is_held);
        // That the volume shows the running text at last is worth a word; that it shows the refused one is not.
        let caught_up =
            scene.caught_up && self.sources.has_object() && decision.outcome == Outcome::Unchanged;
        decision.news |= caught_up || did_run != self.status.newest_runs;
        if let Some(lagging) = lagging.filter(|lagging| decision.yields_to(lagging, trigger)) {
            text = lagging.text;
            decision = Decision::superseded(lagging);
        }
        let Decision { outcome, detail, news, lacks_reference } = decision;
        let verdict = Arc::new(Verdict { trigger, outcome, text, revision, detail, lacks_reference });
        if news || trigger.is_explicit() {
            self.tell(&verdict, took + began.elapsed());
        }
        for reply in replies {
            // Who asked may have gone away; the outcome stands all the same.
            let _ = reply.send(verdict.clone());
        }
        Ok(())
    }

    /// Looks as soon as nobody is writing, and again while the files are in motion. What is asked meanwhile is
    /// answered by the same look.
    async fn look(
        &mut self,
        pending: &mut Pending,
        triggers: &mut impl Triggers,
    ) -> Result<(Scene, Duration), Ended> {
        let mut has_asked = false;
        for round in 1.. {
            let clearance = pending.collect_during(self.watch.ready(), triggers).await?;
            pending.collect_ready(triggers)?;
            let began = Instant::now();
            for stamp in pending.passed.drain(..) {
                self.sources.pass(&stamp);
            }
            let is_stale = match pending.object_event.take() {
                Some(object_event) => !self.sources.hear(object_event).await,
                None => false,
            };
            // Who asks wants to know of what the watch has not brought yet.
            if !has_asked && pending.trigger.is_some_and(Trigger::is_explicit) {
                has_asked = true;
                self.sources.ask().await;
            }
            let mut scene = self.sources.see().await;
            if is_stale {
                scene.lagging = Some(Lagging::replica());
            }
            let again =
                if self.watch.is_undisturbed(clearance).await { scene.again } else { Some(Duration::ZERO) };
            if self.watch.has_heard(clearance) {
                // A tick may see a change before its event is heard.
                pending.trigger = pending.trigger.max(Some(Trigger::File));
            }
            match again {
                Some(after) if round < MOST_LOOKS => pending.collect_during(sleep(after), triggers).await?,
                _ => return Ok((scene, began.elapsed())),
            }
        }
        Err(Ended)
    }

    async fn decide(&mut self, newest: Newest) -> Decision {
        match newest {
            Newest::Looked(looked) => self.judge(looked).await,
            Newest::Held(detail) => {
                self.status.newest_runs = false;
                Decision { outcome: Outcome::Unchanged, detail, news: false, lacks_reference: false }
            }
            Newest::Nothing(why) if self.running.is_none() => {
                Decision { outcome: Outcome::Rejected, detail: why, news: false, lacks_reference: false }
            }
            Newest::Nothing(why) => {
                let detail = format!("what runs is kept; {why}").into();
                Decision { outcome: Outcome::Unchanged, detail, news: false, lacks_reference: false }
            }
        }
    }

    async fn judge(&mut self, looked: Looked) -> Decision {
        let (files, text) = (looked.files, looked.bytes.unwrap_or_default());
        match looked.result {
            Ok(active) => match self.judge.judge(Seen::Valid { effective: active.effective }) {
                Judgement::Unchanged { recovered } => {
                    self.settled(files.unwrap_or_default());
                    self.sources.keep(text, &active);
                    let detail = match self.sources.absence() {
                        Some(absence) => format!("the configuration is the running one; {absence}").into(),
                        None => "the configuration is the running one".into(),
                    };
                    Decision { outcome: Outcome::Unchanged, detail, news: recovered, lacks_reference: false }
                }
                Judgement::Apply | Judgement::Reject { .. } => {
                    self.apply(Arc::from(active), files.unwrap_or_default(), text).await
                }
            },
            Err(fault) => {
                self.cover_refused(files);
                let (detail, lacks_reference) = (fault.report.clone(), fault.lacks_reference);
                let news = self.judge.judge(Seen::Invalid(fault)) == Judgement::Reject { fresh: true };
                Decision { outcome: Outcome::Rejected, detail, news, lacks_reference }
            }
        }
    }

    async fn apply(&mut self, next: Arc<ActiveConfig>, files: BTreeSet<PathBuf>, text: Vec<u8>) -> Decision {
        let diff = ConfigDiff::between(&self.running.config, &next.config);
        match self.publisher.prepare(&next, &diff).await {
            Ok(prepared) => {
                self.publisher.commit(next.clone(), prepared).await;
                self.judge.applied(next.effective);
                self.status.last_success = Some(next.loaded_at);
                for warning in &next.warnings {
                    tracing::warn!(warning, "The configuration is valid, but");
                }
                self.sources.keep(text, &next);
                self.running = next;
                self.settled(files);
                let detail = diff.to_string().into();
                Decision { outcome: Outcome::Applied, detail, news: true, lacks_reference: false }
            }
            Err(PrepareError(why)) => {
                self.cover_refused(Some(files));
                let fault = Fault::new(Some(next.effective), why);
                let detail = fault.report.clone();
                let news = self.judge.refuse(fault);
                Decision { outcome: Outcome::Rejected, detail, news, lacks_reference: false }
            }
        }
    }

    /// Nothing runs, or not as a whole, and the newest known revision can not: an older one may, or more of this one.
    async fn fall_back(&mut self, file: Option<Looked>, reduced: Option<Box<ActiveConfig>>) {
        let Some(active) = self.sources.fall_back(file, reduced).await else { return };
        // What runs without some of its sites gives way to more of the same, and to nothing older.
        let is_more = active.text == self.running.text && active.effective != self.running.effective;
        if !self.running.is_none() && !is_more {
            return;
        }
        let next = Arc::<ActiveConfig>::from(active);
        let diff = ConfigDiff::between(&self.running.config, &next.config);
        if let Ok(prepared) = self.publisher.prepare(&next, &diff).await {
            tracing::warn!(
                config = next.origin,
                "The newest configuration can not run as a whole; this one does"
            );
            self.publisher.commit(next.clone(), prepared).await;
            self.metrics.running(&next);
            self.status.last_success = Some(next.loaded_at);
            self.metrics.status(&self.status);
            self.running = next;
        }
    }

    /// The newest known revision runs.
    fn settled(&mut self, files: BTreeSet<PathBuf>) {
        self.status.newest_runs = true;
        self.status.rejection = None;
        self.cover(Covered { running: files, refused: BTreeSet::new() });
    }

    fn cover_refused(&mut self, files: Option<BTreeSet<PathBuf>>) {
        // A text that could not be read names nothing; what the last one lacked may still come.
        if let Some(refused) = files {
            let running = self.covered.running.clone();
            self.cover(Covered { running, refused });
        }
    }

    fn cover(&mut self, covered: Covered) {
        if covered != self.covered {
            self.covered = covered;
            let files = self.covered.running.union(&self.covered.refused).cloned().collect();
            self.watch.cover(&files);
        }
    }

    /// Counts, logs and shows a verdict.
    fn tell(&mut self, verdict: &Arc<Verdict>, took: Duration) {
        let now = Timestamp::now();
        self.status.last_verdict = Some((now, verdict.clone()));
        if verdict.outcome == Outcome::Rejected {
            self.status.newest_runs = false;
            self.status.rejection = Some((now, verdict.clone()));
        }
        self.metrics.counted(verdict.trigger, verdict.outcome, took);
        self.metrics.status(&self.status);
        if verdict.outcome == Outcome::Applied {
            // Last: who sees on the page what runs sees that it was counted too.
            self.metrics.running(&self.running);
        }
        self.writer.publish(self.status.clone());
        verdict.log(took);
    }
}
