//! What runs, as one picture that is made when somebody asks: the same for the pages, for `/api/v1/status` and for the
//! command `status`.
//!
//! It is made of what stands: the running configuration, what the reloader said last, and the sites' snapshots. The counts of a site
//! are read from its snapshot's own samples.

mod collector;
mod configuration;
mod counts;
mod filter;
#[cfg(test)]
pub(crate) mod fixture;
mod fleet;
mod model;
mod moment;
mod site;
mod source;
#[cfg(test)]
mod tests;
mod words;

pub(crate) use counts::{Count, SiteCounts};
pub(crate) use filter::{StatusFilter, encoded};
pub(crate) use fleet::{FleetPicture, MemberPicture};
pub(crate) use model::{
    CollectorHealth, CollectorPicture, ConfigurationPicture, FaultPicture, RunningPicture, Severity,
    SiteHealth, SitePicture, StatusPicture, VerdictPicture, WebhookPicture,
};
pub(crate) use source::StatusSource;
pub(crate) use words::{duration, in_words};
