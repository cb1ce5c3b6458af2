//! Storage lifecycle policies, and how far behind they are.

mod backlog;
mod families;

use std::collections::BTreeMap;

use futures_util::FutureExt as _;

use super::contract::{CollectError, Context, Diagnostics};
use super::resource::{Resource, V10_0};
use super::spec::CollectorSpec;
use super::walk::{cap, fold_page, label, stateless};
use crate::config::CollectorId;
use crate::metric::Family;
use crate::netbackup::{Field, Listing, Part, PartList, Text};
use backlog::{Backlog, Backlogs, INCOMPLETE, SlpImageRecord};

static IMAGES: Resource = Resource::new("/catalog/slp-images", V10_0, families::BACKLOG_FAMILIES)
    .viewed_by("|MANAGE|STORAGE-LIFECYCLE-IMAGES|");

static SLPS: Resource =
    Resource::new("/config/slps", V10_0, families::SLP_FAMILIES).viewed_by("|PROTECTION|SLPS|");

/// Ten times what a large domain has.
const MOST_SLPS: usize = 500;
/// Pages of images that one run reads at most, 1000 images and 2 to 3 MB each: EMM and bpdbm gather them, which is dear.
const MOST_IMAGE_PAGES: u64 = 50;
/// Pages that are left for each later state, so that the oldest images of each are seen.
const PAGES_FOR_LATER: u64 = 5;

/// Storage lifecycle policies, and the images that wait for their copies ("NetBackup API reference, /catalog/slp-images,
/// /config/slps").
pub(super) static SPEC: CollectorSpec = CollectorSpec {
    id: CollectorId::Slp,
    main: &IMAGES,
    others: &[&SLPS],
    // The pages of images, ten of SLPs, and some tries that failed.
    requests: 80,
    awaits_facts: false,
    new: |_| stateless(|context, diagnostics| collect(context, diagnostics).boxed()),
};

async fn collect(context: &Context<'_>, diagnostics: &mut Diagnostics) -> Result<Vec<Family>, CollectError> {
    let backlogs = read_backlogs(context, diagnostics).await?;
    let listed = context.optional(&SLPS, read_slps(context, diagnostics)).await?;
    // Without the list, those that have a backlog are known from it.
    let mut slps: BTreeMap<_, _> =
        listed.unwrap_or_default().into_iter().map(|(name, active)| (name, Slp::new(active))).collect();
    for (name, backlog) in backlogs.0 {
        slps.entry(name).or_default().backlog = backlog;
    }
    let mut slps: Vec<_> = slps.into_iter().collect();
    cap(&mut slps, MOST_SLPS, |(name, _)| name, diagnostics);
    Ok(families::render(context.site, &slps))
}

/// Each state is a walk of its own: the reference has neither `ne` nor `or` for them. The oldest images come first, so that of a list
/// that is cut short the ages are exact.
async fn read_backlogs(
    context: &Context<'_>,
    diagnostics: &mut Diagnostics,
) -> Result<Backlogs, CollectError> {
    let mut backlogs = Backlogs::default();
    let mut pages_left = MOST_IMAGE_PAGES;
    let later = (0..INCOMPLETE.len() as u64).rev();
    for ((state, name), later) in INCOMPLETE.into_iter().enumerate().zip(later) {
        let most = pages_left.saturating_sub(PAGES_FOR_LATER * later);
        let listing =
            Listing::by_cursor(IMAGES.path, 1000, most).with("filter", format!("slpImageState eq '{name}'"));
        let fold = |text: &str, diagnostics: &mut Diagnostics| {
            pages_left = pages_left.saturating_sub(1);
            fold_page(text, diagnostics, |record: SlpImageRecord<'_>, malformed| {
                backlogs.note(record, state, malformed)
            })
        };
        context.walk(&listing, diagnostics, fold).await?;
    }
    Ok(backlogs)
}

/// The SLPs by their names, and whether each is active.
async fn read_slps(
    context: &Context<'_>,
    diagnostics: &mut Diagnostics,
) -> Result<Vec<(String, Option<bool>)>, CollectError> {
    // The most that the reference allows is 100 records a page.
    let listing = Listing::by_offset(SLPS.path, 100, 10).with("sort", "slpName");
    let mut slps = Vec::new();
    let fold = |text: &str, diagnostics: &mut Diagnostics| {
        fold_page(text, diagnostics, |record: SlpRecord<'_>, malformed| {
            slps.push(record.name_and_activity(malformed)?);
            Some(())
        })
    };
    context.walk(&listing, diagnostics, fold).await?;
    Ok(slps)
}

/// A record of `/config/slps` as it comes.
#[derive(serde::Deserialize)]
struct SlpRecord<'a> {
    #[serde(borrow, default)]
    id: Text<'a>,
    #[serde(borrow, default)]
    attributes: Part<SlpAttributes<'a>>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct SlpAttributes<'a> {
    #[serde(borrow, default)]
    slp_name: Text<'a>,
    #[serde(default)]
    active: Field<bool>,
    #[serde(borrow, default)]
    flag_values: PartList<Text<'a>>,
}

impl SlpRecord<'_> {
    /// `None` if it does not even name the SLP. Malformed fields are counted.
    fn name_and_activity(self, malformed: &mut u64) -> Option<(String, Option<bool>)> {
        let attributes = self.attributes.take(malformed)?;
        let id = label(self.id, malformed);
        let flags = attributes.flag_values.take(malformed).map(|flags| {
            flags.into_iter().filter_map(|flag| flag.take(malformed)).any(|flag| flag == "inactive")
        });
        let active = attributes.active.take(malformed);
        let name = label(attributes.slp_name, malformed).or(id)?;
        Some((name, active.or_else(|| flags.map(|is_inactive| !is_inactive))))
    }
}

/// A storage lifecycle policy.
#[derive(Debug, Default)]
struct Slp {
    /// `None` if the server does not say.
    is_active: Option<bool>,
    backlog: Backlog,
}

impl Slp {
    /// One that is up to date, as far as is known.
    fn new(is_active: Option<bool>) -> Self {
        Self { is_active, backlog: Backlog::default() }
    }
}

#[cfg(test)]
mod tests;
