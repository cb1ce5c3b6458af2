use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use jiff::Timestamp;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::judge::{Fault, Judge, Judgement, Seen};
use super::look::{Looked, Looker, internal, read};
use super::ports::{Event, PrepareError, Publisher, Reader, Triggers, Watch};
use super::{ActiveConfig, Outcome, ReloadMetrics, Status, StatusWriter, Trigger, Verdict};
use crate::config::ConfigDiff;

/// Files that are still in motion after this many looks are judged as they are.
const MOST_LOOKS: usize = 50;

/// Why the program can not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration can not be read or is not valid: the whole report.
    #[error("{0}")]
    Rejected(Arc<str>),
}

/// The funnel's task.
#[derive(Debug)]
pub struct Reloader<R, W, P> {
    looker: Looker<R>,
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

/// Several events that one look answers.
#[derive(Debug, Default)]
struct Pending {
    trigger: Option<Trigger>,
    replies: Vec<oneshot::Sender<Arc<Verdict>>>,
}

/// The funnel is asked to end.
struct Ended;

/// Reads the first configuration; it comes again by itself while the files are in motion.
pub async fn first<R: Reader>(reader: R) -> Result<Arc<ActiveConfig>, StartError> {
    let mut looks = 1;
    loop {
        let reader = reader.clone();
        let looked = tokio::task::spawn_blocking(move || read(&reader)).await;
        let looked = looked.map_err(|error| StartError::Rejected(internal(&error).report))?;
        match (looked.result, looked.come_again) {
            (Ok(active), _) => return Ok(Arc::from(active)),
            (Err(_), Some(after)) if looks < MOST_LOOKS => sleep(after).await,
            (Err(fault), _) => return Err(StartError::Rejected(fault.report)),
        }
        looks += 1;
    }
}

impl<R: Reader, W: Watch, P: Publisher> Reloader<R, W, P> {
    /// Takes over with the first configuration running.
    pub fn new(
        reader: R,
        watch: W,
        publisher: P,
        running: Arc<ActiveConfig>,
        writer: StatusWriter,
        metrics: ReloadMetrics,
    ) -> Self {
        let status = Status { newest_runs: true, last_success: Some(running.loaded_at), ..Status::default() };
        metrics.running(&running);
        metrics.status(&status);
        writer.publish(status.clone());
        let judge = Judge::new(running.effective);
        let (looker, covered) = (Looker::new(reader), Covered::default());
        Self { looker, watch, publisher, judge, running, covered, status, writer, metrics }
    }

    /// Serves triggers until the token is cancelled. After that nothing is published. Gives the publisher back.
    pub async fn run(mut self, mut triggers: impl Triggers, shutdown: CancellationToken) -> P {
        // What happened between the first look and the arming of the watch gave no event.
        let mut pending = Pending { trigger: Some(Trigger::Poll), replies: Vec::new() };
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
        let (looked, took) = self.look(pending, triggers).await?;
        let Pending { trigger, replies } = std::mem::take(pending);
        let trigger = trigger.unwrap_or(Trigger::Poll);
        let text = looked.text;
        let began = Instant::now();
        let (outcome, detail, news) = self.decide(looked).await;
        let verdict = Arc::new(Verdict { trigger, outcome, text, detail });
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
    ) -> Result<(Looked, Duration), Ended> {
        for round in 1.. {
            let clearance = pending.collect_during(self.watch.ready(), triggers).await?;
            pending.collect_ready(triggers)?;
            let began = Instant::now();
            let looked = self.looker.look().await;
            let again = if self.watch.is_undisturbed(clearance).await {
                looked.come_again
            } else {
                Some(Duration::ZERO)
            };
            match again {
                Some(after) if round < MOST_LOOKS => pending.collect_during(sleep(after), triggers).await?,
                _ => return Ok((looked, began.elapsed())),
            }
        }
        Err(Ended)
    }

    async fn decide(&mut self, looked: Looked) -> (Outcome, Arc<str>, bool) {
        let files = looked.files;
        match looked.result {
            Ok(active) => match self.judge.judge(Seen::Valid { effective: active.effective }) {
                Judgement::Unchanged { recovered } => {
                    self.settled(files.unwrap_or_default());
                    (Outcome::Unchanged, "the configuration is the running one".into(), recovered)
                }
                Judgement::Apply | Judgement::Reject { .. } => {
                    self.apply(Arc::from(active), files.unwrap_or_default()).await
                }
            },
            Err(fault) => {
                self.cover_refused(files);
                let report = fault.report.clone();
                let fresh = self.judge.judge(Seen::Invalid(fault)) == Judgement::Reject { fresh: true };
                (Outcome::Rejected, report, fresh)
            }
        }
    }

    async fn apply(
        &mut self,
        next: Arc<ActiveConfig>,
        files: BTreeSet<PathBuf>,
    ) -> (Outcome, Arc<str>, bool) {
        let diff = ConfigDiff::between(&self.running.config, &next.config);
        match self.publisher.prepare(&next, &diff).await {
            Ok(prepared) => {
                self.publisher.commit(next.clone(), prepared).await;
                self.judge.applied(next.effective);
                self.metrics.running(&next);
                self.status.last_success = Some(next.loaded_at);
                for warning in &next.warnings {
                    tracing::warn!(warning, "The configuration is valid, but");
                }
                self.running = next;
                self.settled(files);
                (Outcome::Applied, diff.to_string().into(), true)
            }
            Err(PrepareError(why)) => {
                self.cover_refused(Some(files));
                let report: Arc<str> = why.into();
                let fault = Fault { effective: Some(next.effective), report: report.clone() };
                (Outcome::Rejected, report, self.judge.refuse(fault))
            }
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
        self.writer.publish(self.status.clone());
        log(verdict, took);
    }
}

impl Pending {
    fn add(&mut self, event: Event) {
        let trigger = match event {
            Event::Look(trigger) => trigger,
            Event::Request(reply) => {
                self.replies.push(reply);
                Trigger::Http
            }
        };
        self.trigger = self.trigger.max(Some(trigger));
    }

    /// Takes along what comes while `wait` lasts.
    async fn collect_during<T>(
        &mut self,
        wait: impl Future<Output = T>,
        triggers: &mut impl Triggers,
    ) -> Result<T, Ended> {
        let mut wait = std::pin::pin!(wait);
        loop {
            tokio::select! {
                biased;
                done = &mut wait => return Ok(done),
                event = triggers.next() => self.add(event.ok_or(Ended)?),
            }
        }
    }

    /// Takes along what is there already: a burst is one look.
    fn collect_ready(&mut self, triggers: &mut impl Triggers) -> Result<(), Ended> {
        while let Some(event) = triggers.next().now_or_never() {
            self.add(event.ok_or(Ended)?);
        }
        Ok(())
    }
}

fn log(verdict: &Verdict, took: Duration) {
    let (trigger, outcome) = (verdict.trigger.as_str(), verdict.outcome.as_str());
    let hash = verdict.text.map(|digest| digest.short()).unwrap_or_default();
    let duration = took.as_secs_f64();
    match verdict.outcome {
        Outcome::Applied => {
            tracing::info!(
                trigger,
                outcome,
                hash,
                changes = &*verdict.detail,
                duration,
                "Loaded configuration file"
            );
        }
        Outcome::Rejected => {
            let errors = verdict.detail.lines().count();
            // One line per event: mistakes are parted by semicolons.
            let err = verdict.detail.lines().collect::<Vec<_>>().join("; ");
            tracing::error!(trigger, outcome, hash, errors, err, duration, "Error reloading config");
        }
        Outcome::Unchanged | Outcome::Superseded => {
            tracing::info!(
                trigger,
                outcome,
                hash,
                detail = &*verdict.detail,
                duration,
                "Looked at configuration file"
            );
        }
    }
}
