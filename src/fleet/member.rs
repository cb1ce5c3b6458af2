//! The task that keeps us in the fleet: it does what the state machine decides, and tells it what came of that.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::{BoxStream, FuturesUnordered};
use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::assignment::{Assignment, FleetReader};
use super::membership::{Membership, NextSteps, Renew};
use super::rhythm::Rhythm;
use crate::source::{LeaseChange, LeaseFailure, LeaseFault, LeaseList, LeaseStore, Renewal};

type Answer<T> = Result<T, LeaseFailure>;

/// Keeps us in the fleet.
#[derive(Debug)]
pub(crate) struct Member {
    name: Arc<str>,
    rhythm: Rhythm,
    leases: Arc<dyn LeaseStore>,
    assignments: watch::Sender<Arc<Assignment>>,
    status: Arc<MemberStatus>,
}

/// What is known of our own Lease, for metrics.
#[derive(Debug, Default)]
pub(crate) struct MemberStatus {
    /// In milliseconds since 1970; 0 before the first one.
    renewed: AtomicI64,
    fails: AtomicBool,
}

impl MemberStatus {
    /// When our Lease was renewed last, as far as we know.
    pub(crate) fn renewed(&self) -> Option<Timestamp> {
        let renewed = self.renewed.load(Ordering::Relaxed);
        Some(renewed).filter(|at| *at > 0).and_then(|at| Timestamp::from_millisecond(at).ok())
    }
}

/// A request that is under way, with when and for what it was sent.
struct InFlight<W, T>(Option<(Instant, W, BoxFuture<'static, Answer<T>>)>);

impl<W: Clone, T> InFlight<W, T> {
    /// The answer; never, while nothing is under way. Cancel safe.
    async fn answer(&mut self) -> (Instant, W, Answer<T>) {
        let Some((sent, what, request)) = &mut self.0 else { return std::future::pending().await };
        let answer = (*sent, what.clone(), request.await);
        self.0 = None;
        answer
    }
}

/// What a member has under way.
struct Traffic {
    renewal: InFlight<Renew, Renewal>,
    list: InFlight<(), LeaseList>,
    changes: Changes,
    removals: FuturesUnordered<BoxFuture<'static, Answer<()>>>,
}

/// The watch, while there is one.
struct Changes(Option<BoxStream<'static, Answer<LeaseChange>>>);

impl Changes {
    /// What the watch brings; `None` when it ended. Never, while there is none. Cancel safe.
    async fn next(&mut self) -> Option<Answer<LeaseChange>> {
        match &mut self.0 {
            Some(changes) => changes.next().await,
            None => std::future::pending().await,
        }
    }
}

impl Member {
    /// A member of this name, with the reader of what is assigned.
    pub(crate) fn new(name: &str, rhythm: Rhythm, leases: Arc<dyn LeaseStore>) -> (Self, FleetReader) {
        let name: Arc<str> = name.into();
        let (assignments, reader) = watch::channel(Arc::new(Assignment::outside(name.clone())));
        (Self { name, rhythm, leases, assignments, status: Arc::default() }, FleetReader::new(reader))
    }

    /// What is known of our own Lease, for metrics.
    pub(crate) fn status(&self) -> Arc<MemberStatus> {
        self.status.clone()
    }

    /// Is a member until `leaving` is cancelled. Then our sites go, and once `stopped` says that nothing asks them any more, our
    /// Lease is given back.
    pub(crate) async fn run(self, leaving: CancellationToken, stopped: impl Future<Output = ()>) {
        let mut membership =
            Membership::new(self.name.clone(), fastrand::u64(..), self.rhythm, Instant::now());
        let mut traffic = Traffic {
            renewal: InFlight(None),
            list: InFlight(None),
            changes: Changes(None),
            removals: FuturesUnordered::new(),
        };
        while !leaving.is_cancelled() {
            // Before anything else, since we may have been stopped for a while: the claim may be over.
            let decision = membership.decide(Instant::now());
            let wake = decision.wake;
            self.follow(decision, &mut traffic);
            tokio::select! {
                biased;
                () = leaving.cancelled() => break,
                () = sleep_until(wake) => {}
                (sent, renew, answer) = traffic.renewal.answer() => self.renewed(&mut membership, &renew, sent, answer),
                (begun, (), answer) = traffic.list.answer() => match answer {
                    Ok(LeaseList { leases, changes }) => {
                        membership.listed(begun, Instant::now(), leases);
                        traffic.changes.0 = Some(changes);
                    }
                    Err(error) => {
                        tracing::debug!(%error, "The fleet's Leases can not be listed");
                        membership.list_failed(Instant::now());
                    }
                },
                change = traffic.changes.next() => match change {
                    Some(Ok(change)) => membership.changed(Instant::now(), change),
                    ended => {
                        tracing::debug!(error = ended.and_then(Result::err).map(|error| error.why), "The watch of the fleet ended");
                        traffic.changes.0 = None;
                        membership.watch_ended(Instant::now());
                    }
                },
                // Whoever is not removed now is removed by another, or with its Pod.
                Some(_) = traffic.removals.next() => {}
            }
        }
        membership.leave();
        self.tell(membership.decide(Instant::now()).assignment);
        drop(traffic);
        stopped.await;
        if let Err(error) = self.leases.give_back().await {
            tracing::warn!(%error, "Our Lease can not be given back; the others take over when it has run out");
        }
    }

    fn follow(&self, decision: NextSteps, traffic: &mut Traffic) {
        self.tell(decision.assignment);
        if let Some(renew) = decision.renew {
            let request = self.leases.renew(renew.marks.clone());
            traffic.renewal.0 = Some((Instant::now(), renew, request));
        }
        if decision.list {
            traffic.list.0 = Some((Instant::now(), (), self.leases.list()));
        }
        for dead in decision.remove {
            tracing::info!(member = %dead.member, "The Lease of a dead member is removed");
            traffic.removals.push(self.leases.remove(dead));
        }
    }

    fn renewed(&self, membership: &mut Membership, renew: &Renew, sent: Instant, answer: Answer<Renewal>) {
        let now = Instant::now();
        match answer {
            Ok(renewal) => {
                membership.renewed(renew, sent, now, renewal);
                self.status.renewed.store(Timestamp::now().as_millisecond(), Ordering::Relaxed);
                if self.status.fails.swap(false, Ordering::Relaxed) {
                    tracing::info!("Our Lease is renewed again");
                }
            }
            Err(error) => {
                membership.renewal_failed(sent, now, error.fault);
                if !self.status.fails.swap(true, Ordering::Relaxed) {
                    let meaning = match error.fault {
                        LeaseFault::Away => "the API server is away for everybody, so we keep our sites",
                        LeaseFault::Ours => "it is us whom it does not answer, so our sites go to others",
                        LeaseFault::Taken => "another process has it, so our sites are its",
                    };
                    tracing::warn!(%error, meaning, "Our Lease can not be renewed; it is tried again");
                }
            }
        }
    }

    /// Tells whose the sites are, if that changed.
    fn tell(&self, assignment: Assignment) {
        let old = self.assignments.borrow().clone();
        if *old == assignment {
            return;
        }
        if old.members() != assignment.members() {
            let members = assignment.members().iter().map(AsRef::as_ref).collect::<Vec<_>>().join(",");
            tracing::info!(count = assignment.members().len(), members, "The fleet has these members now");
        }
        match (old.holds(), assignment.holds()) {
            (false, true) => tracing::info!("We have our part of the sites"),
            (true, false) => tracing::info!("We have no part of the sites now"),
            _ => {}
        }
        self.assignments.send_replace(Arc::new(assignment));
    }
}
