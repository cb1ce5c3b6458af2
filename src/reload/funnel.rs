use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, StreamExt as _};
use jiff::Timestamp;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::decision::Decision;
use super::event::{Batch, Event};
use super::judge::{Fault, Judge, Judgement, Seen};
use super::look::Looked;
use super::ports::{Object, PrepareError, Publisher, Reader, Watch};
use super::scene::{Lagging, Newest, Scene};
use super::sources::Sources;
use super::start::{First, MOST_LOOKS};
use super::{ActiveConfig, Outcome, ReloadMetrics, ReloadStatus, StatusWriter, Trigger, Verdict};
use crate::config::ConfigDiff;

/// The funnel's task.
#[derive(Debug)]
pub struct Reloader<R, O, W, P> {
    sources: Sources<R, O>,
    watch: W,
    publisher: P,
    judge: Judge,
    running: Option<Arc<ActiveConfig>>,
    covered: Covered,
    status: ReloadStatus,
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
        let last_success = running.as_ref().map(|running| running.loaded_at);
        let status = ReloadStatus { newest_runs: is_newest, last_success, ..ReloadStatus::default() };
        if let Some(running) = &running {
            metrics.running(running);
        }
        metrics.status(&status);
        writer.publish(status.clone());
        // What stands in for the newest is no configuration to compare with: a repair is applied, whatever it is.
        let judge =
            Judge::new(running.as_ref().filter(|_| is_newest).map(|running| running.effective_digest));
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
    pub async fn run(
        mut self,
        mut events: impl Stream<Item = Event> + Unpin,
        shutdown: CancellationToken,
    ) -> P {
        // A file that changed between the first look and the arming of the watch gave no event.
        let mut batch = Batch::default();
        batch.add(Event::FileChange);
        loop {
            let turn = self.turn(&mut batch, &mut events);
            tokio::select! {
                // The shutdown wins at every step: nothing is published after it.
                biased;
                () = shutdown.cancelled() => break,
                turned = turn => {
                    if turned.is_none() {
                        break;
                    }
                }
            }
        }
        self.publisher
    }

    /// Waits for an event, looks, and answers all who asked before the look.
    async fn turn(
        &mut self,
        batch: &mut Batch,
        events: &mut (impl Stream<Item = Event> + Unpin),
    ) -> Option<()> {
        if batch.trigger.is_none() {
            batch.add(events.next().await?);
        }
        let (scene, took) = self.look(batch, events).await?;
        let trigger = batch.trigger.take().unwrap_or(Trigger::Poll);
        let requests = std::mem::take(&mut batch.requests);
        let began = Instant::now();
        let did_run = self.status.newest_runs;
        let (mut text_digest, revision) = (scene.newest.text(), scene.revision);
        // That a revision is held says more than that the file is behind.
        let is_held = scene.newest.is_held();
        let (mut newest, mut lagging) = (scene.newest, scene.lagging);
        let reduced = newest.take_reduced();
        let mut decision = self.decide(newest).await;
        if self.running.as_ref().is_none_or(|running| !running.config.lacking.is_empty()) {
            self.fall_back(lagging.as_mut().and_then(|lagging| lagging.looked.take()), reduced).await;
        }
        let lagging = lagging.filter(|_| !is_held);
        // That the volume shows the running text at last is worth a word; that it shows the refused one is not.
        let caught_up =
            scene.caught_up && self.sources.has_object() && decision.outcome == Outcome::Unchanged;
        decision.news |= caught_up || did_run != self.status.newest_runs;
        if let Some(lagging) = lagging.filter(|lagging| decision.yields_to(lagging, trigger)) {
            text_digest = lagging.text;
            decision = Decision::superseded(lagging);
        }
        let Decision { outcome, detail, news, lacks_reference } = decision;
        let verdict = Arc::new(Verdict { trigger, outcome, text_digest, revision, detail, lacks_reference });
        if news || trigger.is_explicit() {
            self.tell(&verdict, took + began.elapsed());
        }
        for request in requests {
            // Who asked may have gone away; the outcome stands all the same.
            let _ = request.send(verdict.clone());
        }
        Some(())
    }

    /// Looks as soon as nobody is writing, and again while the files are in motion. What is asked meanwhile is
    /// answered by the same look.
    async fn look(
        &mut self,
        batch: &mut Batch,
        events: &mut (impl Stream<Item = Event> + Unpin),
    ) -> Option<(Scene, Duration)> {
        let (mut has_asked, mut looks) = (false, 0);
        loop {
            looks += 1;
            let clearance = batch.add_during(self.watch.ready(), events).await?;
            batch.add_ready(events)?;
            let began = Instant::now();
            for stamp in batch.passed.drain(..) {
                self.sources.pass(&stamp);
            }
            let is_stale = match batch.object.take() {
                Some(object_event) => !self.sources.hear(object_event).await,
                None => false,
            };
            // Who asks wants to know of what the watch has not brought yet.
            if !has_asked && batch.trigger.is_some_and(Trigger::is_explicit) {
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
                batch.raise(Trigger::File);
            }
            match again {
                Some(after) if looks < MOST_LOOKS => batch.add_during(sleep(after), events).await?,
                _ => return Some((scene, began.elapsed())),
            }
        }
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
            Ok(active) => match self.judge.judge(Seen::Valid { effective: active.effective_digest }) {
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
        let changes = self.changes(&next);
        match self.publisher.prepare(&next).await {
            Ok(prepared) => {
                self.publisher.commit(next.clone(), prepared).await;
                self.judge.applied(next.effective_digest);
                self.status.last_success = Some(next.loaded_at);
                for warning in &next.warnings {
                    tracing::warn!(warning, "The configuration is valid, but");
                }
                self.sources.keep(text, &next);
                self.running = Some(next);
                self.settled(files);
                let detail = changes.to_string().into();
                Decision { outcome: Outcome::Applied, detail, news: true, lacks_reference: false }
            }
            Err(PrepareError(why)) => {
                self.cover_refused(Some(files));
                let fault = Fault::new(Some(next.effective_digest), why);
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
        let is_more = |running: &Arc<ActiveConfig>| {
            active.text_digest == running.text_digest && active.effective_digest != running.effective_digest
        };
        if !self.running.as_ref().is_none_or(is_more) {
            return;
        }
        let next = Arc::<ActiveConfig>::from(active);
        if let Ok(prepared) = self.publisher.prepare(&next).await {
            tracing::warn!(
                config = next.origin,
                "The newest configuration can not run as a whole; this one does"
            );
            self.publisher.commit(next.clone(), prepared).await;
            self.metrics.running(&next);
            self.status.last_success = Some(next.loaded_at);
            self.metrics.status(&self.status);
            self.running = Some(next);
        }
    }

    /// What a configuration changes; all of its sites are new where nothing ran.
    fn changes(&self, next: &ActiveConfig) -> ConfigDiff {
        match &self.running {
            Some(running) => ConfigDiff::between(&running.config, &next.config),
            None => ConfigDiff {
                added: next.config.sites.iter().map(|site| site.id.clone()).collect(),
                ..ConfigDiff::default()
            },
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
            if let Some(running) = &self.running {
                self.metrics.running(running);
            }
        }
        self.writer.publish(self.status.clone());
        verdict.log(took);
    }
}
