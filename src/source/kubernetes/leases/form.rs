//! What stands in a Lease of a fleet.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::WatchEvent;

use crate::source::{LeaseChange, LeaseFailure, LeaseFault, LeaseMarks, SeenLease};

/// The label that the Leases of a fleet have; its value is the fleet's name.
pub(super) const LABEL: &str = "nbu-exporter/fleet";
/// Another text each time that its member joins.
const TOKEN: &str = "nbu-exporter/token";
/// The tokens of the members whose Leases its member has seen.
const SEES: &str = "nbu-exporter/sees";

/// The Lease as it is written now.
pub(super) fn written(mut lease: Lease, marks: &LeaseMarks) -> Lease {
    lease.spec.get_or_insert_default().renew_time = Some(MicroTime(Timestamp::now()));
    let annotations = lease.metadata.annotations.get_or_insert_default();
    annotations.insert(TOKEN.to_owned(), marks.token.to_string());
    annotations.insert(SEES.to_owned(), marks.sees.to_string());
    lease
}

fn marks(lease: &Lease) -> LeaseMarks {
    let mark = |name| -> Arc<str> {
        let mark = lease.metadata.annotations.as_ref().and_then(|annotations| annotations.get(name));
        mark.map_or_else(Arc::default, |text| text.as_str().into())
    };
    LeaseMarks { token: mark(TOKEN), sees: mark(SEES) }
}

pub(super) fn version(lease: &Lease) -> Arc<str> {
    lease.metadata.resource_version.as_deref().unwrap_or_default().into()
}

pub(super) fn seen(lease: &Lease) -> Option<SeenLease> {
    let seconds =
        lease.spec.as_ref()?.lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok())?;
    let member = lease.metadata.name.as_deref()?.into();
    Some(SeenLease {
        member,
        version: version(lease),
        duration: Duration::from_secs(seconds),
        marks: marks(lease),
    })
}

/// What an event says; `None` if it is no news.
pub(super) fn change(event: WatchEvent<Lease>) -> Result<Option<LeaseChange>, LeaseFailure> {
    Ok(match event {
        WatchEvent::Added(lease) | WatchEvent::Modified(lease) => seen(&lease).map(LeaseChange::Seen),
        WatchEvent::Deleted(lease) => lease.metadata.name.map(|name| LeaseChange::Gone(name.into())),
        WatchEvent::Bookmark(_) => None,
        WatchEvent::Error(status) => {
            let why = format!("watch: HTTP {} {}", status.code, status.message);
            return Err(LeaseFailure { fault: LeaseFault::Ours, why });
        }
    })
}
