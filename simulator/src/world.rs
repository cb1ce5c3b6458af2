//! What a simulated site protects, on which schedules, and where its backups go: a function of seed, size and scenario
//! alone. Jobs, images, storage and hosts are derived from it, so that they agree with each other.

mod calendar;
mod host;
mod policy;
mod scenario;
mod slp;
mod time;
mod workload;

pub(crate) use calendar::BLOCK;
pub(crate) use host::{Host, HostKind};
pub(crate) use policy::{Policy, Rhythm};
pub use scenario::Scenario;
pub(crate) use slp::Slp;
pub(crate) use time::{DAY, HOUR, MINUTE, ORIGIN, SECOND};
pub(crate) use workload::Family;

use std::sync::Arc;

use super::draw::{Draw, seed_of};
use calendar::Calendar;

/// What a world is made from.
#[derive(Clone, Debug)]
pub(crate) struct Extent<'a> {
    pub(crate) seed: u64,
    pub(crate) server_name: &'a str,
    pub(crate) jobs_per_day: u32,
    /// As many policies, if the jobs suffice for their schedules.
    pub(crate) policies: Option<usize>,
    pub(crate) scenario: Scenario,
    /// When the simulation starts; a bad night began nearly two days before.
    pub(crate) now: i64,
}

impl Extent<'_> {
    /// When the bad night begins that this is.
    fn trouble_since(&self) -> i64 {
        if self.scenario.is_bad() { self.now - 44 * HOUR } else { i64::MAX }
    }
}

/// One backup domain.
pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) server_name: String,
    pub(crate) domain: String,
    pub(crate) scenario: Scenario,
    pub(crate) policies: Vec<Policy>,
    pub(crate) slps: Vec<Slp>,
    pub(crate) hosts: Vec<Host>,
    calendar: Calendar,
    /// The policies that also run when a user or an operator asks.
    on_demand: Vec<usize>,
    /// When a bad night began.
    trouble_since: i64,
}

impl World {
    pub(crate) fn new(extent: &Extent<'_>) -> Arc<Self> {
        let Extent { seed, server_name, scenario, .. } = *extent;
        let domain = server_name.split_once('.').map_or("example", |(_, domain)| domain).to_owned();
        let per_day = i64::from(extent.jobs_per_day);
        let (calendar, policies) = calendar::fill(extent, &domain, Calendar::new(per_day));
        let on_demand = (0..).zip(&policies).filter(|(_, policy)| policy.runs_on_demand());
        Arc::new(Self {
            seed,
            server_name: server_name.to_owned(),
            slps: Slp::all(policies.len(), scenario),
            hosts: Host::all(seed, server_name, &domain, scenario.media_servers(), &policies),
            domain,
            scenario,
            on_demand: on_demand.map(|(index, _)| index).collect(),
            policies,
            calendar,
            trouble_since: extent.trouble_since(),
        })
    }

    pub(crate) fn jobs_per_day(&self) -> i64 {
        self.calendar.per_day
    }

    /// When the bad night began that this is, if it is one.
    pub(crate) fn trouble_since(&self) -> Option<i64> {
        self.scenario.is_bad().then_some(self.trouble_since)
    }

    /// Whether jobs of this time wait for storage that is full or down.
    pub(crate) fn is_clogged(&self, time: i64) -> bool {
        time >= self.trouble_since
    }

    /// When a job starts that hangs ever since: more than a day ago.
    pub(crate) fn hangs_at(&self) -> Option<i64> {
        self.scenario.is_bad().then(|| self.trouble_since + 14 * HOUR)
    }

    /// When a block of jobs begins.
    pub(crate) fn time(&self, block: i64) -> i64 {
        self.calendar.time(block)
    }

    /// The policy that runs with the jobs of this block, by its schedule.
    pub(crate) fn run(&self, block: i64) -> Option<&Policy> {
        let policy = self.policies.get(self.calendar.turn(block)?)?;
        policy.runs_at(self.calendar.time(block)).then_some(policy)
    }

    /// A policy that runs at this time because somebody asks for it.
    pub(crate) fn asked(&self, draw: &mut Draw, time: i64) -> Option<&Policy> {
        let count = i64::try_from(self.on_demand.len()).unwrap_or(0);
        let pick = |draw: &mut Draw| {
            let index = self.on_demand.get(usize::try_from(draw.below(count)).ok()?)?;
            self.policies.get(*index)
        };
        (0..8).find_map(|_| pick(draw).filter(|policy| policy.is_in_force(time)))
    }

    pub(crate) fn policy(&self, name: &str) -> Option<&Policy> {
        self.policies.iter().find(|policy| policy.name == name && !policy.is_deleted())
    }

    pub(crate) fn slp_of(&self, policy: &Policy) -> Option<&Slp> {
        self.slps.get(policy.slp?)
    }

    pub(crate) fn media_server(&self, number: i64) -> String {
        format!("media{number}.{}", self.domain)
    }

    /// The name of what a policy writes to: its SLP, or a storage unit of the site.
    pub(crate) fn destination(&self, policy: &Policy, units: &[String]) -> String {
        if let Some(slp) = self.slp_of(policy) {
            return slp.name.clone();
        }
        units.get(policy.unit % units.len().max(1)).cloned().unwrap_or_default()
    }

    /// A source of numbers for one thing of this site, the same each time.
    pub(crate) fn draw(&self, thing: &str, number: i64) -> Draw {
        Draw::new(seed_of(self.seed, thing), number)
    }
}

/// A UUID made from random numbers.
pub(crate) fn uuid(draw: &mut Draw) -> String {
    let (high, low) = (draw.bits(), draw.bits());
    format!(
        "{:08x}-{:04x}-4{:03x}-9{:03x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xfff,
        low >> 48 & 0xfff,
        low & 0xffff_ffff_ffff
    )
}
