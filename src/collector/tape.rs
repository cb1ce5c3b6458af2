//! Tape drives, robots, volume pools and tapes.

mod drive;
mod media;
mod pool;
mod stock;

use std::collections::BTreeMap;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde::de::IgnoredAny;

use super::contract::{CollectError, Collector, Context, Diagnostics};
use super::resource::{Resource, Trial, V10_0, V12_0};
use super::spec::CollectorSpec;
use super::walk::{MOST_OBJECTS, cap, fold_page};
use crate::config::CollectorId;
use crate::metric::Family;
use crate::netbackup::{Get, Listing, each_record};
use drive::Drive;
use pool::{GroupKey, VolumeGroupRecord, VolumePool};
use stock::Stock;

static DRIVES: Resource =
    Resource::new("/storage/drives", V10_0, drive::FAMILIES).viewed_by("|STORAGE|TAPE-DEVICES|");

static POOLS: Resource = Resource::new("/storage/tape-volume-pools", V12_0, pool::POOL_FAMILIES)
    .viewed_by("|STORAGE|TAPE-MEDIA|VOLUME-POOLS|");

static GROUPS: Resource = Resource::new("/storage/volume-groups", V12_0, pool::GROUP_FAMILIES)
    .viewed_by("|STORAGE|TAPE-MEDIA|VOLUME-GROUPS|");

static ROBOT_HOSTS: Resource = Resource::new("/storage/robots-device-hosts", V12_0, pool::ROBOT_FAMILIES)
    .viewed_by("|STORAGE|TAPE-DEVICES|")
    .tried(Trial::Whole);

static MEDIA: Resource =
    Resource::new("/storage/tape-media", V12_0, media::FAMILIES).viewed_by("|STORAGE|TAPE-MEDIA|");

/// The most that the reference allows for each of these lists.
const PAGE_SIZE: u64 = 100;

/// Tape drives, robots, volume pools and tapes ("NetBackup API reference, /storage/drives, /storage/tape-media").
pub(super) static SPEC: CollectorSpec = CollectorSpec {
    id: CollectorId::Tape,
    main: &DRIVES,
    others: &[&POOLS, &GROUPS, &ROBOT_HOSTS, &MEDIA],
    // Twenty pages of each of the short lists, two hundred of tapes, and some tries that failed.
    requests: 300,
    awaits_facts: false,
    new: |collectors| {
        let options = &collectors.tape.options;
        Box::new(Tape(Stock::new(options.media, options.media_interval)))
    },
};

/// The tapes are walked more rarely than the rest, and remembered in between.
struct Tape(Stock);

impl Collector for Tape {
    fn collect<'a>(
        &'a mut self,
        context: &'a Context<'a>,
        diagnostics: &'a mut Diagnostics,
    ) -> BoxFuture<'a, Result<Vec<Family>, CollectError>> {
        self.run(context, diagnostics).boxed()
    }
}

impl Tape {
    async fn run(
        &mut self,
        context: &Context<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Result<Vec<Family>, CollectError> {
        let site = context.site;
        let drives = read_drives(context, diagnostics).await?;
        let mut families = drive::render(site, &drives);
        let pools = context.optional(&POOLS, read_pools(context, diagnostics)).await?;
        families.extend(pools.iter().flat_map(|pools| pool::render_pools(site, pools)));
        let groups = context.optional(&GROUPS, read_groups(context, diagnostics)).await?;
        families.extend(groups.iter().map(|groups| pool::render_groups(site, groups)));
        let hosts = context.optional(&ROBOT_HOSTS, count_robot_hosts(context, diagnostics)).await?;
        families.extend(hosts.into_iter().flat_map(|count| pool::render_robot_hosts(site, count)));
        self.0.keep_up(context, pools.as_deref(), diagnostics).await?;
        families.extend(self.0.known().into_iter().flat_map(|tally| media::render(site, tally)));
        Ok(families)
    }
}

async fn read_drives(
    context: &Context<'_>,
    diagnostics: &mut Diagnostics,
) -> Result<Vec<Drive>, CollectError> {
    let listing = Listing::by_offset(DRIVES.path, PAGE_SIZE, 20).with("sort", "id");
    let mut drives = context.list::<Drive>(&listing, diagnostics).await?;
    cap(&mut drives, MOST_OBJECTS, |drive| &drive.name, diagnostics);
    Ok(drives)
}

async fn read_pools(
    context: &Context<'_>,
    diagnostics: &mut Diagnostics,
) -> Result<Vec<VolumePool>, CollectError> {
    let listing = Listing::by_cursor(POOLS.path, PAGE_SIZE, 20);
    let mut pools = context.list::<VolumePool>(&listing, diagnostics).await?;
    cap(&mut pools, MOST_OBJECTS, |pool| &pool.name, diagnostics);
    Ok(pools)
}

/// How many tapes there are by group, media type and robot type: a group may lie in several robots.
async fn read_groups(
    context: &Context<'_>,
    diagnostics: &mut Diagnostics,
) -> Result<BTreeMap<GroupKey, u64>, CollectError> {
    let listing = Listing::by_cursor(GROUPS.path, PAGE_SIZE, 20);
    let mut groups = BTreeMap::new();
    let fold = |text: &str, diagnostics: &mut Diagnostics| {
        fold_page(text, diagnostics, |record: VolumeGroupRecord<'_>, malformed| {
            let (key, count) = record.key_and_count(malformed)?;
            *groups.entry(key).or_default() += count;
            Some(())
        })
    };
    context.walk(&listing, diagnostics, fold).await?;
    Ok(groups)
}

async fn count_robot_hosts(
    context: &Context<'_>,
    diagnostics: &mut Diagnostics,
) -> Result<u64, CollectError> {
    let get = Get::new(ROBOT_HOSTS.path).whole_list();
    let count = |text: &str| each_record(text, "data", |_: IgnoredAny| ());
    let listed = context.client.get_with(&get, context.deadline, count).await?;
    diagnostics.records += listed.records;
    Ok(listed.records)
}

#[cfg(test)]
mod tests;
