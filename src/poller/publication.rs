//! What is known of a site, as a snapshot.

use std::sync::Arc;

use jiff::Timestamp;

use super::families::of_site;
use super::status::SiteStatus;
use crate::metric::{Family, MetricNames};
use crate::snapshot::{Fragment, Snapshot};

/// The snapshot of a site that can not be collected: it is down.
pub(crate) fn down(site: &Arc<str>, names: MetricNames) -> Snapshot {
    let mut status = SiteStatus::new(Vec::new());
    status.up = Some(false);
    status.complete = true;
    snapshot(&status, site, names, Vec::new())
}

/// All that is known under these names, with the families of the site's client.
pub(super) fn snapshot(
    status: &SiteStatus,
    site: &Arc<str>,
    names: MetricNames,
    client: Vec<Family>,
) -> Snapshot {
    let own = of_site(status, site).into_iter().chain(client).map(Fragment::from);
    let collected = status.collectors.iter().flat_map(|collector| collector.fragments.iter().cloned());
    let refused = status.collectors.iter().filter(|collector| collector.is_unauthorized());
    Snapshot {
        site: site.clone(),
        taken_at: Timestamp::now(),
        up: status.up,
        complete: status.complete,
        unauthorized: refused.map(|collector| collector.name).collect(),
        fragments: own
            .chain(collected)
            .filter(|fragment| names.serves(fragment.desc) && !fragment.text.is_empty())
            .collect(),
    }
}
