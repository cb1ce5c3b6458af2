//! Storage units.

mod families;
mod unit;

use futures_util::FutureExt as _;

use crate::config::{ApiVersion, CollectorId};
use crate::metric::Family;
use crate::netbackup::{DecodeError, Listing, Page};

use super::contract::{CollectError, Context, Diagnostics};
use super::resource::Resource;
use super::spec::CollectorSpec;
use super::walk::{fold_page, stateless};
use unit::{Unit, UnitRecord};

static UNITS: Resource = Resource::new("/storage/storage-units", ApiVersion::OLDEST, families::FAMILIES)
    .viewed_by("|STORAGE|STORAGE-UNITS|");

/// Storage units: what they hold and what they can do ("NetBackup API reference, /storage/storage-units").
pub(super) static SPEC: CollectorSpec = CollectorSpec {
    id: CollectorId::Storage,
    main: &UNITS,
    others: &[],
    requests: 100,
    awaits_facts: false,
    new: |_| stateless(|context, diagnostics| collect(context, diagnostics).boxed()),
};

/// 25 000 units; a large domain has some hundreds.
const MAX_PAGES: u64 = 50;

async fn collect(context: &Context<'_>, diagnostics: &mut Diagnostics) -> Result<Vec<Family>, CollectError> {
    // The most that the reference allows is 500 records a page.
    let listing = Listing::by_offset(UNITS.path, 500, MAX_PAGES).with("sort", "name");
    let mut units = Vec::new();
    let fold = |text: &str, diagnostics: &mut Diagnostics| fold(text, &mut units, diagnostics);
    context.walk(&listing, diagnostics, fold).await?;
    Ok(families::render(context.site, &units))
}

fn fold(text: &str, units: &mut Vec<Unit>, diagnostics: &mut Diagnostics) -> Result<Page, DecodeError> {
    fold_page(text, diagnostics, |record: UnitRecord<'_>, malformed| {
        let unit = Unit::new(record, malformed)?;
        if !unit.is_tape {
            units.push(unit);
        }
        Some(())
    })
}

#[cfg(test)]
mod tests;
