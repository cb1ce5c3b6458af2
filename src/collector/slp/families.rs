//! The families of storage lifecycle policies.

use crate::metric::{Desc, Family, Labelled, flag};

use super::Slp;
use super::backlog::{INCOMPLETE, PENDING};

static ACTIVE: Labelled<1> = Labelled::gauge(
    "nbu_slp_active",
    "Whether a storage lifecycle policy works on what was backed up (active, or else flagValues without inactive, 1) or not (0).",
    ["slp"],
);
static INCOMPLETE_IMAGES: Labelled<2> = Labelled::gauge(
    "nbu_slp_incomplete_images",
    "Images that wait for copies of a storage lifecycle policy, by state (slpImageState). While \
     nbu_scrape_collector_truncated is 1 there are more.",
    ["slp", "state"],
);
static OLDEST: Labelled<1> = Labelled::gauge(
    "nbu_slp_oldest_incomplete_backup_timestamp_seconds",
    "When the oldest image was backed up that waits for copies of a storage lifecycle policy (backupTime); none if nothing waits.",
    ["slp"],
);
static PENDING_COPIES: Labelled<3> = Labelled::gauge(
    "nbu_slp_pending_copies",
    "Copies of a storage lifecycle policy that are not there yet, by type and state (copies.copyType, copyState). While \
     nbu_scrape_collector_truncated is 1 there are more.",
    ["slp", "copy_type", "copy_state"],
);
static RETRIED_COPIES: Labelled<1> = Labelled::gauge(
    "nbu_slp_retried_copies",
    "Copies of a storage lifecycle policy that are not there yet and were tried again (copies.retryCount above 0).",
    ["slp"],
);

/// What comes of the list of storage lifecycle policies.
pub(super) static SLP_FAMILIES: &[&Desc] = &[&ACTIVE];
/// What comes of the images.
pub(super) static BACKLOG_FAMILIES: &[&Desc] =
    &[&INCOMPLETE_IMAGES, &OLDEST, &PENDING_COPIES, &RETRIED_COPIES];

/// The families of a site's storage lifecycle policies.
pub(super) fn render(site: &str, slps: &[(String, Slp)]) -> Vec<Family> {
    let family = |desc: &'static Labelled<1>, value: fn(&Slp) -> Option<f64>| {
        desc.family(site, slps.iter().filter_map(move |(name, slp)| Some(([name.as_str()], value(slp)?))))
    };
    vec![
        family(&ACTIVE, |slp| slp.is_active.map(flag)),
        INCOMPLETE_IMAGES.family(site, slps.iter().flat_map(|(name, slp)| images(name, slp))),
        family(&OLDEST, |slp| slp.backlog.oldest.map(|second| second as f64)),
        PENDING_COPIES.family(site, slps.iter().flat_map(|(name, slp)| copies(name, slp))),
        family(&RETRIED_COPIES, |slp| Some(slp.backlog.retried as f64)),
    ]
}

fn images<'a>(name: &'a str, slp: &'a Slp) -> impl Iterator<Item = ([&'a str; 2], f64)> {
    let counts = INCOMPLETE.into_iter().zip(slp.backlog.images);
    counts.map(move |(state, count)| ([name, state], count as f64))
}

/// Of the types of which copies wait, all states.
fn copies<'a>(name: &'a str, slp: &'a Slp) -> impl Iterator<Item = ([&'a str; 3], f64)> {
    slp.backlog.copies.iter().flat_map(move |(copy_type, counts)| {
        let counts = PENDING.into_iter().zip(*counts);
        counts.map(move |(state, count)| ([name, copy_type.as_str(), state], count as f64))
    })
}
