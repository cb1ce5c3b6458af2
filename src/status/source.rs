//! What the picture is made from.

use jiff::Timestamp;

use super::model::StatusPicture;
use super::moment::whole;
use super::{configuration, site};
use crate::exposition::BuildInfo;
use crate::reload::{ActiveConfig, ReloadStatus};
use crate::snapshot::Snapshots;

/// What the picture is made from, all of one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StatusSource<'a> {
    /// The program.
    pub(crate) build: BuildInfo,
    /// When the process began.
    pub(crate) started: Timestamp,
    /// Whether it is about to end.
    pub(crate) ending: bool,
    /// The configuration that runs.
    pub(crate) active: Option<&'a ActiveConfig>,
    /// What the reloader said last.
    pub(crate) reload: &'a ReloadStatus,
    /// What was collected.
    pub(crate) snapshots: &'a Snapshots,
    /// The moment.
    pub(crate) now: Timestamp,
}

impl StatusSource<'_> {
    /// The picture.
    pub(crate) fn picture(&self) -> StatusPicture {
        let configuration = configuration::of(self.active, self.reload);
        let mut sites: Vec<_> = match self.active {
            Some(active) => {
                let snapshot = |id| self.snapshots.sites.get(id).map(AsRef::as_ref);
                let of = |site| site::of(site, self.now);
                let sites =
                    active.config.sites.iter().map(|site| of(site::Of::Site(site, snapshot(&site.id))));
                sites.chain(active.config.lacking.iter().map(|site| of(site::Of::Lacking(site)))).collect()
            }
            None => Vec::new(),
        };
        sites.sort_by_key(|site| site.state);
        StatusPicture {
            at: whole(self.now),
            wrong: configuration.rejected.is_some() || sites.iter().any(|site| site.state.is_wrong()),
            version: self.build.version.to_owned(),
            commit: self.build.revision.to_owned(),
            started_at: whole(self.started),
            ending: self.ending,
            configuration,
            sites,
        }
    }
}
