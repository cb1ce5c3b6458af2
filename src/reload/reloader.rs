//! The task that alone publishes configurations: it observes, judges, publishes and tells.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, StreamExt as _};
use jiff::Timestamp;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::candidate::{Candidate, Rejection};
use super::event::{Batch, Event};
use super::judge::Judge;
use super::observation::{NewestRevision, Observation, Superseded};
use super::sources::Sources;
use super::start::{First, MOST_READS, log_fall_back};
use super::text::ConfigText;
use super::traits::{PrepareError, Publisher, Watcher};
use super::{ActiveConfig, Outcome, ReloadMetrics, ReloadStatus, StatusWriter, Trigger, Verdict};
use crate::config::{self, ConfigDiff};

/// The reloader's task.
#[derive(Debug)]
pub(crate) struct Reloader<W, P> {
    pub(super) sources: Sources,
    watcher: W,
    publisher: P,
    judge: Judge,
    running: Option<Arc<ActiveConfig>>,
    /// The files that the newest rejected configuration names: what it lacks may come.
    rejected_files: BTreeSet<PathBuf>,
    followed: BTreeSet<PathBuf>,
    status: ReloadStatus,
    writer: StatusWriter,
    metrics: ReloadMetrics,
}

/// What came of the newest known revision.
struct Decision {
    outcome: Outcome,
    detail: Arc<str>,
    is_news: bool,
    lacks_reference: bool,
}

impl Decision {
    fn new(outcome: Outcome, detail: impl Into<Arc<str>>, is_news: bool) -> Self {
        Self { outcome, detail: detail.into(), is_news, lacks_reference: false }
    }
}

impl<W: Watcher, P: Publisher> Reloader<W, P> {
    /// Takes over with the first configuration running.
    pub(crate) fn new(
        sources: Sources,
        watcher: W,
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
        let newest = running.as_ref().filter(|_| is_newest);
        Self {
            sources,
            watcher,
            publisher,
            judge: Judge::new(newest.map(|running| running.effective_digest)),
            running,
            rejected_files: BTreeSet::new(),
            followed: BTreeSet::new(),
            status,
            writer,
            metrics,
        }
    }

    /// Reloads at each event until the token is cancelled. After that nothing is published. Gives the publisher back.
    pub(crate) async fn run(
        mut self,
        mut events: impl Stream<Item = Event> + Unpin,
        shutdown: CancellationToken,
    ) -> P {
        let mut batch = Batch::default();
        // A file that changed between the first read and the arming of the watch gave no event.
        batch.add(Event::FileChange);
        loop {
            tokio::select! {
                // The shutdown wins at every step: nothing is published after it.
                biased;
                () = shutdown.cancelled() => break,
                reloaded = self.reload(&mut batch, &mut events) => if reloaded.is_none() { break },
            }
        }
        self.publisher
    }

    /// Waits for an event, observes, and answers all who asked before that; `None` when no event will come any more.
    pub(super) async fn reload(
        &mut self,
        batch: &mut Batch,
        events: &mut (impl Stream<Item = Event> + Unpin),
    ) -> Option<()> {
        if batch.trigger.is_none() {
            batch.add(events.next().await?);
        }
        let (observation, began) = self.observe(batch, events).await?;
        let trigger = batch.trigger.take().unwrap_or(Trigger::Poll);
        // Shown at every level, as an error of a reload is.
        let span = tracing::error_span!("reload", trigger = trigger.as_ref());
        let verdict = self.answer(observation, trigger, began).instrument(span).await;
        for request in batch.requests.drain(..) {
            // The client may have gone away; the outcome stands all the same.
            let _ = request.send(verdict.clone());
        }
        Some(())
    }

    /// Observes as soon as nobody is writing, and again while the files are changing. What comes meanwhile is answered
    /// by the same reload.
    async fn observe(
        &mut self,
        batch: &mut Batch,
        events: &mut (impl Stream<Item = Event> + Unpin),
    ) -> Option<(Observation, Instant)> {
        let (mut reads, mut has_asked) = (0, false);
        loop {
            let permit = batch.add_during(self.watcher.writers_done(), events).await?;
            batch.add_ready(events)?;
            let began = Instant::now();
            for stamp in batch.passed.drain(..) {
                self.sources.pass(&stamp);
            }
            if let Some(event) = batch.object.take() {
                self.sources.hear(event).await;
            }
            // Whoever asks wants to know of what the watch has not brought yet.
            if !has_asked && batch.trigger.is_some_and(Trigger::is_explicit) {
                has_asked = true;
                self.sources.ask().await;
            }
            let wants_partial = self.running.as_ref().is_none_or(|running| running.is_partial());
            let observation = self.sources.observe(wants_partial).await;
            let is_disturbed = !self.watcher.is_undisturbed(permit).await;
            if self.watcher.has_change_since(permit) {
                // A tick may find a change before its event is heard.
                batch.raise(Trigger::File);
            }
            reads += 1;
            match if is_disturbed { Some(Duration::ZERO) } else { observation.retry_after } {
                Some(after) if reads < MOST_READS => batch.add_during(sleep(after), events).await?,
                _ => return Some((observation, began)),
            }
        }
    }

    /// Decides about what was observed, and tells it where it is news or somebody asked.
    async fn answer(&mut self, observation: Observation, trigger: Trigger, began: Instant) -> Arc<Verdict> {
        let Observation { mut newest, revision, superseded, has_caught_up, .. } = observation;
        let did_run = self.status.newest_runs;
        let (mut text_digest, partial) = (newest.text_digest(), newest.take_partial());
        // That a revision is held says more than that the file is behind.
        let is_held = matches!(newest, NewestRevision::Held(_));
        let mut decision = self.decide(newest).await;
        // That the volume shows the running text at last is news; that it shows the rejected one is not.
        decision.is_news |=
            did_run != self.status.newest_runs || (has_caught_up && decision.outcome == Outcome::Unchanged);
        // News of the newest come first, and whoever asks has to know of a rejection that stands.
        let yields = decision.outcome == Outcome::Unchanged && !decision.is_news && !is_held;
        if let Some(superseded) = superseded.as_ref().filter(|old| yields && old.answers(trigger)) {
            text_digest = superseded.text_digest;
            decision = Decision::new(Outcome::Superseded, superseded.detail.clone(), superseded.is_news);
        }
        if !self.status.newest_runs {
            self.run_another(superseded, partial).await;
        }
        self.follow();
        let Decision { outcome, detail, is_news, lacks_reference } = decision;
        let verdict = Arc::new(Verdict { trigger, outcome, text_digest, revision, detail, lacks_reference });
        if is_news || trigger.is_explicit() {
            self.tell(&verdict, began.elapsed());
        }
        if trigger.is_explicit() {
            self.publisher.asked().await;
        }
        verdict
    }

    async fn decide(&mut self, newest: NewestRevision) -> Decision {
        match newest {
            NewestRevision::Read(candidate) => self.judge(candidate).await,
            NewestRevision::Held(detail) => {
                self.status.newest_runs = false;
                Decision::new(Outcome::Unchanged, detail, false)
            }
            NewestRevision::Missing(detail) if self.running.is_none() => {
                Decision::new(Outcome::Rejected, detail, false)
            }
            NewestRevision::Missing(detail) => {
                Decision::new(Outcome::Unchanged, format!("what runs is kept; {detail}"), false)
            }
        }
    }

    async fn judge(&mut self, candidate: Candidate) -> Decision {
        match candidate.result {
            Ok(active) if self.judge.runs(active.effective_digest) => {
                let is_news = self.accept(&active);
                let detail = match self.sources.absence() {
                    Some(absence) => format!("the configuration is the running one; {absence}"),
                    None => "the configuration is the running one".to_owned(),
                };
                Decision::new(Outcome::Unchanged, detail, is_news)
            }
            Ok(active) => self.apply(active.into()).await,
            Err(rejection) => {
                // A text that could not be read names nothing; what the last one lacked may still come.
                let files = candidate.text_digest.map(|_| candidate.files);
                self.reject(rejection, files, candidate.text.as_ref())
            }
        }
    }

    async fn apply(&mut self, next: Arc<ActiveConfig>) -> Decision {
        match self.publish(next.clone()).await {
            Ok(changes) => {
                self.accept(&next);
                next.log_warnings();
                Decision::new(Outcome::Applied, changes.to_string(), true)
            }
            Err(PrepareError(error)) => {
                let rejection = Rejection::new(Some(next.effective_digest), error);
                self.reject(rejection, Some(next.files.clone()), Some(&ConfigText(next.text.clone())))
            }
        }
    }

    /// Puts a configuration to work; what it changes.
    async fn publish(&mut self, next: Arc<ActiveConfig>) -> Result<ConfigDiff, PrepareError> {
        let changes = match &self.running {
            Some(running) => ConfigDiff::between(&running.config, &next.config),
            None => ConfigDiff {
                added: next.config.sites.iter().map(|site| site.id.clone()).collect(),
                ..ConfigDiff::default()
            },
        };
        let prepared = self.publisher.prepare(&next).await?;
        self.publisher.commit(next.clone(), prepared).await;
        self.status.last_success = Some(next.loaded_at);
        self.running = Some(next);
        Ok(changes)
    }

    /// Notes that the newest known revision runs. Whether that ends a rejection.
    fn accept(&mut self, active: &ActiveConfig) -> bool {
        self.status.accepted();
        self.rejected_files.clear();
        self.sources.keep(active);
        self.judge.accept(active.effective_digest)
    }

    /// Notes that the newest known revision can not run.
    fn reject(
        &mut self,
        rejection: Rejection,
        files: Option<BTreeSet<PathBuf>>,
        text: Option<&ConfigText>,
    ) -> Decision {
        self.status.newest_runs = false;
        if let Some(files) = files {
            self.rejected_files = files;
        }
        let (detail, lacks_reference) = (rejection.report.clone(), rejection.lacks_reference);
        let is_news = self.judge.reject(rejection);
        if is_news {
            let both = self.running.as_ref().zip(text);
            let changes = both.map(|(running, text)| config::changes(&running.text, &text.0));
            self.status.rejected_changes = changes.unwrap_or_default().into();
        }
        Decision { lacks_reference, ..Decision::new(Outcome::Rejected, detail, is_news) }
    }

    /// The newest known revision can not run. Where nothing runs an older one may, or a part of it; what runs already
    /// goes on with what its files hold now: a rotated key works.
    async fn run_another(&mut self, superseded: Option<Superseded>, partial: Option<Box<ActiveConfig>>) {
        let next = match &self.running {
            Some(running) => match partial.filter(|partial| partial.renews(running)) {
                Some(partial) => Some(partial),
                None => self.sources.read_again(running).await.filter(|next| next.renews(running)),
            },
            None => self.sources.fall_back(superseded.and_then(|old| old.file), partial).await,
        };
        let Some(next) = next.map(Arc::<ActiveConfig>::from) else { return };
        let is_first = self.running.is_none();
        let Ok(changes) = self.publish(next.clone()).await else { return };
        if is_first {
            log_fall_back(&next);
        } else {
            self.judge.renew(next.effective_digest);
            let (config, changes) = (&next.origin, changes.to_string());
            tracing::info!(
                config,
                changes,
                "What the running configuration names has changed; the newest is still rejected"
            );
        }
        self.metrics.running(&next);
        self.metrics.status(&self.status);
    }

    /// Follows the files that the running configuration names, and those of the newest rejected one.
    fn follow(&mut self) {
        let running = self.running.iter().flat_map(|running| &running.files);
        let files = running.chain(&self.rejected_files).cloned().collect();
        if files != self.followed {
            self.watcher.follow(&files);
            self.followed = files;
        }
    }

    /// Counts, logs and shows a verdict.
    fn tell(&mut self, verdict: &Arc<Verdict>, took: Duration) {
        let now = Timestamp::now();
        self.status.told(verdict, now, took);
        self.metrics.counted(verdict.trigger, verdict.outcome, took);
        self.metrics.status(&self.status);
        if let (Outcome::Applied, Some(running)) = (verdict.outcome, &self.running) {
            // Last: whoever sees what runs on the page sees that it was counted too.
            self.metrics.running(running);
        }
        self.writer.publish(self.status.clone());
        verdict.log(took);
    }
}
