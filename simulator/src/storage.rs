//! Storage units and disk pools of a simulated site, filling slowly.

mod fields;
mod unit;

pub(super) use fields::{Item, POOL_FIELDS, UNIT_FIELDS};
pub use unit::Category;

use std::sync::Mutex;

use serde_json::Value;

use super::locked;
use unit::Unit;

/// The storage units of one site; they may change while it runs.
pub(super) struct Storage {
    units: Mutex<Vec<Unit>>,
    seed: u64,
    domain: String,
    release: &'static str,
}

impl Storage {
    pub(super) fn new(seed: u64, count: usize, server_name: &str, release: &'static str) -> Self {
        let domain = server_name.split_once('.').map_or("example", |(_, domain)| domain);
        Self {
            units: Mutex::new((0..count).map(Unit::numbered).collect()),
            seed,
            domain: domain.to_owned(),
            release,
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
        units.push(Unit { name: name.to_owned(), category, number });
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
}
