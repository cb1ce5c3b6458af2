//! What the picture is made from.

use jiff::Timestamp;

use super::model::{StatusPicture, WebhookPicture};
use super::moment::whole;
use super::{configuration, fleet, site};
use crate::exposition::BuildInfo;
use crate::fleet::Assignment;
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
    /// Whose the sites are, where replicas share them.
    pub(crate) fleet: Option<&'a Assignment>,
    /// The admission webhook, where it is served.
    pub(crate) webhook: Option<&'a WebhookPicture>,
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
                let ours = |id| self.fleet.is_none_or(|fleet| fleet.is_ours(id));
                let sites = active.config.sites.iter().filter(|site| ours(&site.id));
                let sites = sites.map(|site| of(site::Of::Site(site, snapshot(&site.id))));
                let lacking = active.config.lacking.iter().filter(|site| ours(&site.id));
                sites.chain(lacking.map(|site| of(site::Of::Lacking(site)))).collect()
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
            fleet: self.fleet.map(|fleet| fleet::of(fleet, self.active.map(|active| &active.config))),
            webhook: self.webhook.map(|webhook| WebhookPicture {
                last_asked_at: webhook.last_asked_at.map(whole),
                certificate_ends_at: webhook.certificate_ends_at.map(whole),
                trouble: webhook.trouble.clone(),
            }),
            sites,
        }
    }
}
