//! Faults on demand: what a simulated server does wrong, on which paths, and how often.

pub(super) mod mangle;
mod rule;

pub use rule::{Fault, RetryAfter, Rule};

use std::sync::Mutex;
use std::time::Duration;

use serde::Serialize;

use super::locked;

/// The faults of one site; they may change while it runs.
#[derive(Debug, Default)]
pub struct Faults(Mutex<Active>);

#[derive(Debug, Default)]
struct Active {
    last_id: u64,
    rules: Vec<ActiveRule>,
}

/// A rule in force.
#[derive(Clone, Debug, Serialize)]
pub struct ActiveRule {
    /// Names the rule for [`Faults::remove`].
    pub id: u64,
    /// How many requests it has hit.
    pub hits: u64,
    /// What was asked for.
    #[serde(flatten)]
    pub rule: Rule,
}

/// What happens to one request: all delays that match, and the first other fault.
#[derive(Debug, Default)]
pub(super) struct Effect {
    pub(super) delay: Duration,
    pub(super) fault: Option<Fault>,
}

impl Faults {
    pub(super) fn new(rules: &[Rule]) -> Self {
        let faults = Self::default();
        for rule in rules {
            faults.add(rule.clone());
        }
        faults
    }

    /// Puts a rule in force and gives it an identifier.
    pub fn add(&self, rule: Rule) -> u64 {
        let mut active = locked(&self.0);
        active.last_id += 1;
        let id = active.last_id;
        active.rules.push(ActiveRule { id, hits: 0, rule });
        id
    }

    /// Takes one rule out of force; whether there was one.
    pub fn remove(&self, id: u64) -> bool {
        let mut active = locked(&self.0);
        let before = active.rules.len();
        active.rules.retain(|rule| rule.id != id);
        active.rules.len() < before
    }

    /// Takes all rules out of force. Requests that are stalled stay so until their connection ends.
    pub fn clear(&self) {
        locked(&self.0).rules.clear();
    }

    /// The rules in force, with their hits; used up ones are still listed.
    #[must_use]
    pub fn list(&self) -> Vec<ActiveRule> {
        locked(&self.0).rules.clone()
    }

    pub(super) fn take(&self, path: &str) -> Effect {
        let mut active = locked(&self.0);
        let mut effect = Effect::default();
        for active in &mut active.rules {
            let rule = &active.rule;
            let used_up = rule.times.is_some_and(|times| active.hits >= times);
            if used_up || !path.starts_with(&rule.path) {
                continue;
            }
            match &rule.fault {
                Fault::Latency { milliseconds } => {
                    effect.delay += Duration::from_millis(*milliseconds);
                }
                _ if effect.fault.is_some() => continue,
                fault => effect.fault = Some(fault.clone()),
            }
            active.hits += 1;
        }
        effect
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_hits_its_paths_and_only_so_often() {
        let faults = Faults::default();
        faults.add(Rule::new(Fault::Garbage).on("/admin").times(1));
        assert_eq!(faults.take("/storage/disk-pools").fault, None);
        assert_eq!(faults.take("/admin/jobs").fault, Some(Fault::Garbage));
        assert_eq!(faults.take("/admin/jobs").fault, None);
        assert_eq!(faults.list().first().map(|rule| rule.hits), Some(1));
    }

    #[test]
    fn delays_add_up_and_the_first_other_fault_wins() {
        let faults = Faults::default();
        faults.add(Rule::new(Fault::Latency { milliseconds: 5 }));
        faults.add(Rule::new(Fault::Stall));
        faults.add(Rule::new(Fault::Reset));
        let id = faults.add(Rule::new(Fault::Latency { milliseconds: 7 }));
        let effect = faults.take("/ping");
        assert_eq!((effect.delay, effect.fault), (Duration::from_millis(12), Some(Fault::Stall)));
        assert!(faults.remove(id) && !faults.remove(id));
        faults.clear();
        assert_eq!(faults.take("/ping").fault, None);
    }
}
