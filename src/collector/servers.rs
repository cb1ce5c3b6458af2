//! Storage servers and media servers.

mod media_server;
mod storage_server;

use futures_util::FutureExt as _;

use super::contract::{CollectError, Context, Diagnostics};
use super::resource::{Resource, V10_0};
use super::spec::CollectorSpec;
use super::walk::{MOST_OBJECTS, cap, stateless, tell_apart};
use crate::config::CollectorId;
use crate::metric::Family;
use crate::netbackup::Listing;
use media_server::MediaServer;
use storage_server::StorageServer;

static STORAGE_SERVERS: Resource = Resource::new("/storage/storage-servers", V10_0, storage_server::FAMILIES)
    .viewed_by("|STORAGE|STORAGE-SERVERS|");

static MEDIA_SERVERS: Resource =
    Resource::new("/config/media-servers", V10_0, media_server::FAMILIES).viewed_by("|MANAGE|MEDIA-SERVERS|");

/// Storage servers, what the deduplication pools among them hold, and media servers ("NetBackup API reference,
/// /storage/storage-servers, /config/media-servers").
pub(super) static SPEC: CollectorSpec = CollectorSpec {
    id: CollectorId::Servers,
    main: &STORAGE_SERVERS,
    others: &[&MEDIA_SERVERS],
    requests: 40,
    awaits_facts: false,
    new: |_| stateless(|context, diagnostics| collect(context, diagnostics).boxed()),
};

async fn collect(context: &Context<'_>, diagnostics: &mut Diagnostics) -> Result<Vec<Family>, CollectError> {
    let storage_servers = storage_servers(context, diagnostics).await?;
    let mut families = storage_server::render(context.site, &storage_servers);
    let media_servers = context.optional(&MEDIA_SERVERS, media_servers(context, diagnostics)).await?;
    families.extend(media_servers.iter().flat_map(|servers| media_server::render(context.site, servers)));
    Ok(families)
}

async fn storage_servers(
    context: &Context<'_>,
    diagnostics: &mut Diagnostics,
) -> Result<Vec<StorageServer>, CollectError> {
    // The most that the reference allows is 100 records a page. The minimal view has no deduplication pools.
    let listing = Listing::by_offset(STORAGE_SERVERS.path, 100, 20).with("sort", "name");
    let mut servers = context.list::<StorageServer>(&listing, diagnostics).await?;
    tell_apart(&mut servers);
    cap(&mut servers, MOST_OBJECTS, |server| &server.name, diagnostics);
    Ok(servers)
}

async fn media_servers(
    context: &Context<'_>,
    diagnostics: &mut Diagnostics,
) -> Result<Vec<MediaServer>, CollectError> {
    // The most that the reference allows is 500 records a page.
    let listing = Listing::by_offset(MEDIA_SERVERS.path, 500, 10).with("sort", "hostName");
    let mut servers = context.list::<MediaServer>(&listing, diagnostics).await?;
    cap(&mut servers, MOST_OBJECTS, |server| &server.name, diagnostics);
    Ok(servers)
}

#[cfg(test)]
mod tests;
