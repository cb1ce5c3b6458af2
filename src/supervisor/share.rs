//! Our part of the sites.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::metrics::FleetMetrics;
use crate::config::SiteId;
use crate::fleet::{Assignment, FleetReader};

/// Our part of the sites.
#[derive(Debug)]
pub(super) enum Share {
    /// All of them.
    All,
    /// What is assigned to us, where replicas share them.
    Part(FleetReader, FleetMetrics, Arc<Assignment>),
}

impl Share {
    pub(super) fn part(reader: FleetReader, metrics: FleetMetrics) -> Self {
        let assignment = reader.load();
        Self::Part(reader, metrics, assignment)
    }

    /// Waits for another part. Cancel safe.
    pub(super) async fn changed(&mut self) {
        match self {
            Self::All => std::future::pending().await,
            Self::Part(reader, _, assignment) => *assignment = reader.changed().await,
        }
    }

    /// Whether we ask a site.
    pub(super) fn is_ours(&self, site: &SiteId) -> bool {
        match self {
            Self::All => true,
            Self::Part(.., assignment) => assignment.is_ours(site),
        }
    }

    /// So many sites are ours.
    pub(super) fn holds(&self, count: usize) {
        if let Self::Part(_, metrics, _) = self {
            metrics.sites(count);
        }
    }

    /// Counts what came and what went.
    pub(super) fn moved<T>(&self, before: &HashSet<SiteId>, after: &HashMap<SiteId, T>) {
        if let Self::Part(_, metrics, _) = self {
            let came = after.keys().filter(|site| !before.contains(site)).count();
            let went = before.iter().filter(|site| !after.contains_key(site)).count();
            metrics.moved(came, went);
        }
    }
}
