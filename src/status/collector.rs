//! A collector of a site in the picture.

use jiff::Timestamp;

use super::model::{CollectorHealth, CollectorPicture, FaultPicture};
use super::moment::{seconds_between, whole};
use crate::snapshot::{CollectorReport, Fault};

/// As in the alert about stale data.
const STALE_INTERVALS: f64 = 5.0;

/// What is known of a collector.
pub(super) fn of(report: &CollectorReport, now: Timestamp) -> CollectorPicture {
    let last = report.last.as_ref();
    let last_success = last.and_then(|run| run.last_success);
    let age = last_success.map(|moment| seconds_between(moment, now).max(0.0));
    let interval = report.interval.as_secs_f64();
    let state = health(report, age);
    CollectorPicture {
        name: report.name.to_owned(),
        state,
        fault: report.fault.as_deref().map(fault).or_else(|| of_state(state)),
        interval_seconds: interval,
        last_success_at: last_success.map(whole),
        age_seconds: age.map(f64::floor),
        records: last.and_then(|run| run.records),
        duration_seconds: last.map(|run| run.duration.as_secs_f64()),
        requests: last.map(|run| run.requests),
        running_since: report.clock.since().map(whole),
        next_run_at: whole(report.next),
    }
}

fn health(report: &CollectorReport, age: Option<f64>) -> CollectorHealth {
    let Some(run) = &report.last else { return CollectorHealth::Waiting };
    let is_stale = age.is_some_and(|age| age > STALE_INTERVALS * report.interval.as_secs_f64().max(1.0));
    match (run.success, run.unauthorized) {
        _ if !run.is_supported => CollectorHealth::Unsupported,
        (false, true) => CollectorHealth::Refused,
        (false, false) => CollectorHealth::Failing,
        (true, _) if is_stale => CollectorHealth::Stale,
        (true, true) => CollectorHealth::Partial,
        (true, false) if run.truncated => CollectorHealth::Truncated,
        (true, false) => CollectorHealth::Good,
    }
}

/// What is wrong where no run failed.
fn of_state(state: CollectorHealth) -> Option<FaultPicture> {
    let (what, cure) = match state {
        CollectorHealth::Stale => (
            "no run has ended for five intervals, and none has failed",
            "see what the log says of this collector, and why the server answers it so slowly",
        ),
        CollectorHealth::Truncated => (
            "the list was longer than one run may read: what is counted may be too low",
            "the next runs read on where they can; if it stays so for hours, take what is counted for a lower bound",
        ),
        _ => return None,
    };
    Some(FaultPicture { what: what.to_owned(), cure: cure.to_owned() })
}

/// What is wrong, as the picture has it.
pub(super) fn fault(fault: &Fault) -> FaultPicture {
    FaultPicture { what: fault.what.clone().into_owned(), cure: fault.cure.clone().into_owned() }
}
