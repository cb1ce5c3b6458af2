//! A fleet in a world of its own: an API server, members with their own clocks, and all that can go wrong between them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::super::assignment::Assignment;
use super::super::membership::{Membership, Renew};
use super::super::rhythm::Rhythm;
use crate::config::SiteId;
use crate::source::{LeaseChange, LeaseFault, LeaseMarks, Renewal, SeenLease};

/// The world moves in such steps.
pub(super) const STEP: Duration = Duration::from_millis(50);
pub(super) const RHYTHM: Rhythm = Rhythm { lease: Duration::from_secs(15) };

/// What happens to the fleet.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    /// A member begins; its clock runs at so many per mille of the true speed.
    Join(u32),
    /// A member dies at once.
    Kill(usize),
    /// A member is asked to end.
    Drain(usize),
    /// A member's process stands still for so many seconds.
    Pause(usize, u32),
    /// A member can not reach the API server for so long, and its connections time out.
    Cut(usize, u32),
    /// A member's watch brings nothing until it is begun anew.
    Stick(usize),
    /// The API server is away for so long: connections to it are refused, or accepted and never answered.
    Outage(u32, bool),
    /// Somebody deletes a member's Lease.
    Delete(usize),
}

pub(super) struct World {
    began: Instant,
    pub(super) now: Duration,
    random: fastrand::Rng,
    server: Server,
    pub(super) members: Vec<Process>,
    pub(super) requests: u64,
}

#[derive(Default)]
struct Server {
    away_until: Duration,
    hangs: bool,
    version: u64,
    leases: BTreeMap<Arc<str>, SeenLease>,
    log: Vec<(Duration, LeaseChange)>,
}

pub(super) struct Process {
    pub(super) name: Arc<str>,
    membership: Membership,
    pub(super) assignment: Assignment,
    /// Which sites that gives it: worked out once, since the hashes would take most of the time.
    asks: [bool; SITES],
    wake: Instant,
    rate: f64,
    begun: Duration,
    pub(super) alive: bool,
    pub(super) leaves: bool,
    pub(super) paused_until: Duration,
    pub(super) cut_until: Duration,
    stuck: bool,
    /// How much of the server's log it has.
    watched: Option<usize>,
    under_way: Vec<Message>,
}

/// A request on its way to the server, or an answer on its way back.
struct Message {
    kind: Kind,
    sent: Instant,
    at: Duration,
    gives_up: Duration,
    answer: Option<Answer>,
}

#[derive(Clone)]
enum Kind {
    Renew(Renew),
    List,
    Remove(usize),
}

enum Answer {
    Renewed(Renewal),
    Listed(Vec<SeenLease>, usize),
    Removed,
    Failed(LeaseFault),
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            began: Instant::now(),
            now: Duration::ZERO,
            random: fastrand::Rng::with_seed(seed),
            server: Server::default(),
            members: Vec::new(),
            requests: 0,
        }
    }

    pub(super) fn happens(&mut self, event: Event) {
        let count = self.members.len();
        let until = |seconds: u32| self.now + Duration::from_secs(seconds.into());
        match event {
            Event::Join(rate) => self.join(f64::from(rate) / 1000.0),
            Event::Outage(seconds, hangs) => {
                self.server.away_until = until(seconds);
                self.server.hangs = hangs;
            }
            _ if count == 0 => {}
            Event::Kill(index) => self.members[index % count].alive = false,
            Event::Pause(index, seconds) => self.members[index % count].paused_until = until(seconds),
            Event::Cut(index, seconds) => self.members[index % count].cut_until = until(seconds),
            Event::Stick(index) => self.members[index % count].stuck = true,
            Event::Drain(index) => self.members[index % count].leaves = true,
            Event::Delete(index) => {
                let name = self.members[index % count].name.clone();
                if !self.server.is_away(self.now) {
                    self.server.delete(&name, self.now);
                }
            }
        }
    }

    fn join(&mut self, rate: f64) {
        let name: Arc<str> = format!("member-{}", self.members.len()).into();
        self.members.push(Process {
            membership: Membership::new(name.clone(), self.members.len() as u64, RHYTHM, self.began),
            assignment: Assignment::outside(name.clone()),
            asks: [false; SITES],
            name,
            wake: self.began,
            rate,
            begun: self.now,
            alive: true,
            leaves: false,
            paused_until: Duration::ZERO,
            cut_until: Duration::ZERO,
            stuck: false,
            watched: None,
            under_way: Vec::new(),
        });
    }

    /// One step of all.
    pub(super) fn step(&mut self) {
        self.now += STEP;
        let now = self.now;
        for member in &mut self.members {
            member.deliver(&mut self.server, now, &mut self.random);
            if !member.alive || now < member.paused_until {
                continue;
            }
            let local = member.local(self.began, now);
            // As the task does: before anything that has come meanwhile.
            let mut is_due = local >= member.wake;
            if is_due {
                self.requests += member.decide(local, now, &mut self.random);
            }
            is_due = member.take(local, now);
            is_due |= member.watch(&self.server, local, now);
            if is_due || member.leaves {
                self.requests += member.decide(local, now, &mut self.random);
            }
            if member.leaves {
                member.alive = false;
                // What is still under way is refused by its version.
                member.under_way.clear();
                if now >= member.cut_until && !self.server.is_away(now) {
                    self.server.leave(&member.name, now);
                    self.server.delete(&member.name, now);
                }
            }
        }
    }

    pub(super) fn is_away(&self) -> bool {
        self.server.is_away(self.now)
    }

    /// Who asks a site now.
    pub(super) fn askers(&self, site: usize) -> impl Iterator<Item = &str> {
        let asks =
            move |member: &&Process| member.alive && self.now >= member.paused_until && member.asks[site];
        self.members.iter().filter(asks).map(|member| &*member.name)
    }
}

/// How many sites the worlds have.
pub(super) const SITES: usize = 8;

pub(super) fn site(number: usize) -> SiteId {
    SiteId::Named(format!("site-{number}").into())
}

impl Process {
    fn local(&self, began: Instant, now: Duration) -> Instant {
        began + now.saturating_sub(self.begun).mul_f64(self.rate)
    }

    fn decide(&mut self, local: Instant, now: Duration, random: &mut fastrand::Rng) -> u64 {
        if self.leaves {
            self.membership.leave();
        }
        let decision = self.membership.decide(local);
        if self.assignment != decision.assignment {
            self.assignment = decision.assignment;
            self.asks = std::array::from_fn(|number| self.assignment.is_ours(&site(number)));
        }
        self.wake = decision.wake;
        let dead = decision.remove.iter().filter_map(|lease| lease.version.parse().ok().map(Kind::Remove));
        let list = decision.list.then_some(Kind::List);
        let kinds: Vec<_> = decision.renew.map(Kind::Renew).into_iter().chain(list).chain(dead).collect();
        for kind in &kinds {
            self.under_way.push(Message {
                kind: kind.clone(),
                sent: local,
                at: now + latency(random),
                gives_up: now + RHYTHM.answer().div_f64(self.rate),
                answer: None,
            });
        }
        kinds.len() as u64
    }

    /// Carries requests to the server and answers back; what stops on the way is given up after its time.
    fn deliver(&mut self, server: &mut Server, now: Duration, random: &mut fastrand::Rng) {
        for message in &mut self.under_way {
            if now < message.at || message.answer.is_some() {
                continue;
            }
            if now < self.cut_until || server.is_away(now) && server.hangs {
                if now >= message.gives_up {
                    let is_open = now >= self.cut_until;
                    let fault = if is_open { LeaseFault::Away } else { LeaseFault::Ours };
                    message.answer = Some(Answer::Failed(fault));
                }
                continue;
            }
            message.answer = Some(if server.is_away(now) {
                Answer::Failed(LeaseFault::Away)
            } else {
                server.answer(&self.name, &message.kind, now)
            });
            message.at = now + latency(random);
        }
    }

    /// Takes in the answers that have come; `true` if there was one.
    fn take(&mut self, local: Instant, now: Duration) -> bool {
        let mut took = false;
        let come = |message: &mut Message| now >= message.at && message.answer.is_some();
        for message in self.under_way.extract_if(.., come).collect::<Vec<_>>() {
            took = true;
            let is_lost = now < self.cut_until;
            match (message.answer.unwrap(), message.kind) {
                (Answer::Removed, _) | (_, Kind::Remove(_)) => {}
                (Answer::Failed(fault), Kind::Renew(_)) => {
                    self.membership.renewal_failed(message.sent, local, fault);
                }
                (_, Kind::Renew(_)) if is_lost => {
                    self.membership.renewal_failed(message.sent, local, LeaseFault::Ours);
                }
                (Answer::Renewed(renewal), Kind::Renew(renew)) => {
                    self.membership.renewed(&renew, message.sent, local, renewal);
                }
                (Answer::Listed(leases, at), _) if !is_lost => {
                    self.membership.listed(message.sent, local, leases);
                    (self.watched, self.stuck) = (Some(at), false);
                }
                _ => self.membership.list_failed(local),
            }
        }
        took
    }

    /// Takes in what the watch brings; `true` if that was something.
    fn watch(&mut self, server: &Server, local: Instant, now: Duration) -> bool {
        let Some(mut at) = self.watched else { return false };
        if server.is_away(now) && !server.hangs {
            // A server that ends resets its connections.
            self.watched = None;
            self.membership.watch_ended(local);
            return true;
        }
        if self.stuck || now < self.cut_until || server.is_away(now) {
            return false;
        }
        let from = at;
        while let Some((_, change)) = server.log.get(at).filter(|(sent, _)| now >= *sent + LONGEST_LATENCY) {
            self.membership.changed(local, change.clone());
            at += 1;
        }
        self.watched = Some(at);
        at > from
    }
}

const LONGEST_LATENCY: Duration = Duration::from_millis(400);

fn latency(random: &mut fastrand::Rng) -> Duration {
    LONGEST_LATENCY.mul_f64(random.f64())
}

impl Server {
    fn is_away(&self, now: Duration) -> bool {
        now < self.away_until
    }

    fn answer(&mut self, member: &Arc<str>, kind: &Kind, now: Duration) -> Answer {
        match kind {
            Kind::Renew(renew) => {
                let continued = self.leases.contains_key(member);
                self.version += 1;
                let version: Arc<str> = self.version.to_string().into();
                let lease = SeenLease {
                    member: member.clone(),
                    version: version.clone(),
                    duration: RHYTHM.lease,
                    marks: renew.marks.clone(),
                };
                self.leases.insert(member.clone(), lease.clone());
                self.log.push((now, LeaseChange::Seen(lease)));
                Answer::Renewed(Renewal { version, continued })
            }
            Kind::List => Answer::Listed(self.leases.values().cloned().collect(), self.log.len()),
            Kind::Remove(version) => {
                let version = version.to_string();
                let dead = self.leases.values().find(|lease| *lease.version == *version);
                if let Some(name) = dead.map(|lease| lease.member.clone()) {
                    self.delete(&name, now);
                }
                Answer::Removed
            }
        }
    }

    fn leave(&mut self, member: &Arc<str>, now: Duration) {
        if let Some(lease) = self.leases.get_mut(member) {
            self.version += 1;
            (lease.version, lease.marks) = (self.version.to_string().into(), LeaseMarks::default());
            self.log.push((now, LeaseChange::Seen(lease.clone())));
        }
    }

    fn delete(&mut self, member: &Arc<str>, now: Duration) {
        if self.leases.remove(member).is_some() {
            self.log.push((now, LeaseChange::Gone(member.clone())));
        }
    }
}
