//! What can go wrong with a reload, on the real process over real files. `docs/faults.md` lists all of it.
//!
//! Everywhere the same must hold: no scrape fails, sites that are not concerned keep their data, the last good
//! configuration runs on, and each outcome is counted and logged once.

mod credentials;
mod documented;
mod editors;
mod endpoints;
mod listeners;
mod places;
mod readiness;
mod secrets;
mod signals;
mod start;
mod volume;
mod web;

use crate::harness::{Stage, eventually};

/// The log lines that a reload's outcome may be in.
const OUTCOMES: [&str; 3] =
    ["Loaded configuration file", "Error reloading config", "Read configuration file"];

/// How many outcomes were logged, the first load included.
fn outcomes(stage: &Stage) -> usize {
    OUTCOMES.iter().map(|message| stage.logged(message)).sum()
}

/// Counters and log agree, and nothing but `expected` was counted since the start.
#[track_caller]
fn only(stage: &Stage, expected: &[(&str, &str, f64)]) {
    let sum: f64 = expected.iter().map(|(_, _, count)| count).sum();
    // A configuration runs before that is counted and told.
    eventually("all is told", || stage.exporter.all_reloads() >= sum && outcomes(stage) as f64 > sum);
    for (trigger, outcome, count) in expected {
        assert_eq!(stage.exporter.reloads(trigger, outcome), *count, "{trigger} {outcome}");
    }
    assert_eq!(stage.exporter.all_reloads(), sum, "nothing else is counted");
    assert_eq!(outcomes(stage) as f64, sum + 1.0, "one line each, and one for the start");
}
