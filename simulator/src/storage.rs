//! Storage units and disk pools of a simulated site, filling slowly.

mod fields;
mod server;
mod unit;

pub(super) use fields::{POOL_FIELDS, SERVER_FIELDS, UNIT_FIELDS};
pub use unit::Category;

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde_json::Value;

use super::locked;
use super::world::World;
use server::StorageServer;
use unit::{Plight, Unit};

/// The storage units of one site; they may change while it runs.
pub(super) struct Storage {
    units: Mutex<Vec<Unit>>,
    seed: u64,
    domain: String,
    release: &'static str,
    is_bad: bool,
}

impl Storage {
    /// In a bad night the storage server of the second unit is down.
    pub(super) fn new(world: &World, count: usize, release: &'static str) -> Self {
        let is_bad = world.scenario.is_bad();
        Self {
            units: Mutex::new(
                (0..count).map(|number| Unit::numbered(number, plight(world, number))).collect(),
            ),
            seed: world.seed,
            domain: world.domain.clone(),
            release,
            is_bad,
        }
    }

    pub(super) fn names(&self) -> Vec<String> {
        locked(&self.units).iter().map(|unit| unit.name.clone()).collect()
    }

    /// Adds a unit, replacing one of the same name.
    pub(super) fn add(&self, name: &str, category: Category) {
        let mut units = locked(&self.units);
        units.retain(|unit| unit.name != name);
        let number = units.len();
        units.push(Unit { name: name.to_owned(), category, number, plight: Plight::None });
    }

    /// Whether there was such a unit.
    pub(super) fn remove(&self, name: &str) -> bool {
        let mut units = locked(&self.units);
        let before = units.len();
        units.retain(|unit| unit.name != name);
        units.len() < before
    }

    /// `data` of `/storage/storage-units` at a time.
    pub(super) fn units(&self, now: i64) -> Vec<Value> {
        let units = locked(&self.units);
        units.iter().map(|unit| unit.to_json(self.seed, &self.domain, self.release, now)).collect()
    }

    /// `data` of `/storage/disk-pools` at a time: one pool under each unit that has one.
    pub(super) fn pools(&self, now: i64) -> Vec<Value> {
        let units = locked(&self.units);
        units.iter().filter_map(|unit| unit.pool_to_json(self.seed, &self.domain, now)).collect()
    }

    /// `data` of `/storage/storage-servers` at a time, without the details if `minimal`.
    pub(super) fn servers(&self, now: i64, minimal: bool) -> Vec<Value> {
        let mut servers: BTreeMap<String, Vec<Unit>> = BTreeMap::new();
        for unit in locked(&self.units).iter().filter(|unit| unit.has_pool()) {
            servers.entry(unit.server_id(&self.domain)).or_default().push(unit.clone());
        }
        let server = |(id, units): (String, Vec<Unit>)| {
            let down = self.is_bad && units.iter().any(|unit| unit.number == 1);
            StorageServer { id, units, down, release: self.release }.to_json(self.seed, now, minimal)
        };
        servers.into_iter().map(server).collect()
    }
}

/// In a bad night the first unit is full; a disaster leaves no pool as it should be.
fn plight(world: &World, number: usize) -> Plight {
    match (world.trouble_since(), number) {
        (Some(_), 0) => Plight::Full,
        (Some(_), 4) if world.scenario.is_disaster() => Plight::Down,
        (Some(_), 5) if world.scenario.is_disaster() => Plight::AlmostFull,
        (Some(since), 7) if world.scenario.is_disaster() => Plight::Filling { since },
        _ => Plight::None,
    }
}
