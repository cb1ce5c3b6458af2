//! What is known of a site and its collectors, for the pages.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::scheduled::ScheduledCollector;
use super::status::SiteStatus;
use crate::collector::Hold;
use crate::netbackup::Stats;
use crate::snapshot::{CollectorReport, Fault, RunReport, SiteReport};

/// What is known now.
pub(super) fn picture<'a>(
    status: &SiteStatus,
    collectors: impl Iterator<Item = &'a ScheduledCollector>,
    client: &Stats,
) -> SiteReport {
    let clocks = (Instant::now(), Timestamp::now());
    SiteReport {
        version: status.version,
        key_accepted: status.credential,
        key_end: status.key_expiry,
        certificate_end: client.certificate_end(),
        quiet_until: client.quiet_until(),
        fault: status.failure.clone(),
        collectors: collectors.map(|collector| of_collector(collector, clocks)).collect(),
        unserved: Vec::new(),
    }
}

fn of_collector(collector: &ScheduledCollector, (now, wall): (Instant, Timestamp)) -> CollectorReport {
    let ScheduledCollector { spec, due, hold, clock, state, .. } = collector;
    let next = hold.as_ref().map(Hold::until).max(Some(*due)).unwrap_or(*due);
    let wait = SignedDuration::try_from(next.saturating_duration_since(now)).unwrap_or_default();
    let last = state.runs.as_ref().map(|runs| RunReport {
        is_supported: state.is_supported,
        success: runs.success,
        unauthorized: runs.unauthorized,
        truncated: runs.truncated,
        records: runs.records,
        requests: runs.requests,
        duration: runs.duration,
        last_success: runs.last_success,
        series: state.series,
    });
    let partial = || {
        let what = "the role of the key sees only a part of what there is";
        state.is_unauthorized().then(|| Arc::new(Fault::new(what, spec.role_cure())))
    };
    CollectorReport {
        name: state.name,
        interval: state.interval,
        last,
        next: wall.saturating_add(wait).unwrap_or(wall),
        clock: clock.clone(),
        fault: state.failure.clone().or_else(partial),
    }
}
