//! Storage units.

mod families;
mod unit;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use crate::config::{ApiVersion, CollectorId};
use crate::metric::Family;
use crate::netbackup::{DecodeError, Listing, Page, Paging, decode};

use super::contract::{CollectError, Collector, Context, Diagnostics};
use super::permission::Enforcement;
use super::spec::CollectorSpec;
use unit::{Unit, UnitRecord};

const RESOURCE: &str = "/storage/storage-units";

/// What `list-metrics`, the doctor and the poller know of the collector.
pub(super) static SPEC: CollectorSpec = CollectorSpec {
    id: CollectorId::Storage,
    families: families::FAMILIES,
    resource: RESOURCE,
    since: ApiVersion::OLDEST,
    requests: 400,
    permission: "|STORAGE|STORAGE-UNITS|",
    enforcement: Enforcement::Api,
    new: |_| Box::new(Storage),
};

/// Storage units: what they hold and what they can do ("NetBackup API reference, /storage/storage-units").
#[derive(Debug)]
pub(super) struct Storage;

/// 20 000 units; a large domain has some hundreds.
const MAX_PAGES: u64 = 200;

impl Collector for Storage {
    fn collect<'a>(
        &'a mut self,
        context: &'a Context<'a>,
        diagnostics: &'a mut Diagnostics,
    ) -> BoxFuture<'a, Result<Vec<Family>, CollectError>> {
        collect(context, diagnostics).boxed()
    }
}

async fn collect(context: &Context<'_>, diagnostics: &mut Diagnostics) -> Result<Vec<Family>, CollectError> {
    let listing = Listing {
        endpoint: RESOURCE,
        query: vec![("sort", "name".to_owned())],
        paging: Paging::Offset,
        limit: 100,
        max_pages: MAX_PAGES,
    };
    let mut units = Vec::new();
    let walk =
        context.client.walk(&listing, context.deadline, |text| fold(text, &mut units, diagnostics)).await?;
    diagnostics.truncated = walk.truncated;
    diagnostics.records = walk.records;
    Ok(families::render(context.site, &units))
}

fn fold(text: &str, units: &mut Vec<Unit>, diagnostics: &mut Diagnostics) -> Result<Page, DecodeError> {
    let decoded = decode::<UnitRecord<'_>>(text)?;
    diagnostics.malformed += decoded.malformed;
    for record in decoded.records {
        match Unit::new(record, &mut diagnostics.malformed) {
            Some(unit) if unit.is_tape => {}
            Some(unit) => units.push(unit),
            None => diagnostics.malformed += 1,
        }
    }
    Ok(decoded.page)
}

#[cfg(test)]
mod tests;
