//! What is known of a site, as a snapshot.

use std::sync::Arc;

use jiff::Timestamp;

use super::collector::CollectorState;
use super::families::of_site;
use super::status::SiteStatus;
use crate::metric::{Family, MetricNames};
use crate::snapshot::{SiteReport, Snapshot, TextRoom};

/// The snapshot of a site that can not be collected: it is down.
pub(crate) fn down(site: &Arc<str>, names: MetricNames) -> Snapshot {
    let status = SiteStatus::down();
    let room = TextRoom::default();
    snapshot(&status, std::iter::empty(), site, names, Vec::new(), SiteReport::default(), &room)
}

/// All that is known under these names, with the families of the site's client.
pub(super) fn snapshot<'a>(
    status: &SiteStatus,
    collectors: impl Iterator<Item = &'a CollectorState> + Clone,
    site: &Arc<str>,
    names: MetricNames,
    client: Vec<Family>,
    mut report: SiteReport,
    room: &TextRoom,
) -> Snapshot {
    let own = room.fragments(of_site(status, collectors.clone(), site).into_iter().chain(client).collect());
    let collected = collectors.clone().flat_map(|collector| collector.fragments.iter().cloned());
    let all = own.into_iter().chain(collected).filter(|fragment| fragment.length() > 0);
    let (fragments, unserved): (Vec<_>, Vec<_>) = all.partition(|fragment| names.serves(fragment.desc));
    report.unserved = unserved.into_boxed_slice().into_vec();
    let refused = collectors.filter(|collector| collector.is_unauthorized());
    Snapshot {
        site: site.clone(),
        taken_at: Timestamp::now(),
        up: status.up,
        complete: status.complete,
        unauthorized: refused.map(|collector| collector.name).collect(),
        // It lives until the next run, so spare room is given back.
        fragments: fragments.into_boxed_slice().into_vec(),
        report,
    }
}
