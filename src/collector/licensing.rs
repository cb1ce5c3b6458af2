//! Licences and the capacity that they cover.

use std::collections::BTreeMap;

use futures_util::FutureExt as _;

use super::contract::{CollectError, Context, Diagnostics};
use super::resource::{Resource, Trial, V10_0};
use super::server_info;
use super::spec::CollectorSpec;
use super::walk::{fold_page, label, stateless};
use crate::config::CollectorId;
use crate::metric::{Family, Labelled};
use crate::netbackup::{Cause, Error, Field, Get, Listing, Text, Time, decode, quoted};

static ENTITLEMENTS: Resource =
    Resource::new("/licensing/entitlements", V10_0, &[&EXPIRY, &UNITS]).viewed_by("|MANAGE|LICENSING|");
static CAPACITY: Resource = Resource::new("/licensing/capacity", V10_0, &[&CONSUMED])
    .viewed_by("|MANAGE|LICENSING|USAGE|")
    .tried(Trial::FirstRecordIfAny);

/// Licences, their ends, and how much they are used ("NetBackup API reference, /licensing/entitlements, /licensing/capacity").
pub(super) static SPEC: CollectorSpec = CollectorSpec {
    id: CollectorId::Licensing,
    main: &ENTITLEMENTS,
    others: &[&server_info::ASKED, &CAPACITY],
    requests: 60,
    awaits_facts: false,
    new: |_| stateless(|context, diagnostics| collect(context, diagnostics).boxed()),
};

static EXPIRY: Labelled<3> = Labelled::gauge(
    "nbu_license_expiry_timestamp_seconds",
    "When the first of the active entitlements of a product ends (endDate); once all have expired, when the last one did.",
    ["product", "license_type", "meter"],
);
static UNITS: Labelled<3> = Labelled::gauge(
    "nbu_license_units",
    "Units of the active entitlements of a product (licenseCount), in the unit of their meter.",
    ["product", "license_type", "meter"],
);
static CONSUMED: Labelled<0> = Labelled::gauge(
    "nbu_license_consumed_bytes",
    "Front-end data that the licences are used for (masterConsumptionMB, taken as 2^20 bytes each); absent without a report.",
    [],
);

async fn collect(context: &Context<'_>, diagnostics: &mut Diagnostics) -> Result<Vec<Family>, CollectError> {
    // The most that the reference allows is 100 records a page.
    let listing = Listing::by_offset(ENTITLEMENTS.path, 100, 20);
    let mut licenses = Licenses::default();
    let fold = |text: &str, diagnostics: &mut Diagnostics| {
        fold_page(text, diagnostics, |record: EntitlementRecord<'_>, malformed| {
            licenses.add(record, malformed)
        })
    };
    context.walk(&listing, diagnostics, fold).await?;
    let consumed = async { read_consumed(context, diagnostics).await };
    let consumed = context.optional(&CAPACITY, consumed).await?.flatten();
    Ok(licenses.render(context.site, consumed))
}

/// A record of `/licensing/entitlements` as it comes.
#[derive(serde::Deserialize)]
struct EntitlementRecord<'a> {
    #[serde(borrow, default)]
    attributes: Option<EntitlementAttributes<'a>>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct EntitlementAttributes<'a> {
    #[serde(borrow, default)]
    product_name: Text<'a>,
    #[serde(borrow, default)]
    license_type: Text<'a>,
    #[serde(borrow, default)]
    license_meter: Text<'a>,
    #[serde(default)]
    license_count: Field<u64>,
    #[serde(default)]
    end_date: Field<Time>,
    #[serde(borrow, default)]
    status: Text<'a>,
}

/// Entitlements by product, type and meter: those of one kind are one.
#[derive(Debug, Default)]
struct Licenses(BTreeMap<[String; 3], License>);

/// What is known of the entitlements of one kind.
#[derive(Debug, Default)]
struct License {
    /// The end of the active one that ends first.
    ends: Option<i64>,
    /// The end of the expired one that ended last.
    ended: Option<i64>,
    /// `None` while no active one says how many.
    units: Option<u64>,
    has_active: bool,
}

impl Licenses {
    fn add(&mut self, record: EntitlementRecord<'_>, malformed: &mut u64) -> Option<()> {
        let attributes = record.attributes?;
        let product = label(attributes.product_name, malformed)?;
        let license_type = label(attributes.license_type, malformed).unwrap_or_default();
        let meter = label(attributes.license_meter, malformed).unwrap_or_default();
        let is_expired = attributes.status.take(malformed).as_deref() == Some("EXPIRED");
        // A licence without an end may have a date that no clock reaches.
        let is_endless = license_type == "PERPETUAL";
        let mut ignored = 0;
        let end = attributes.end_date.second(if is_endless { &mut ignored } else { malformed });
        let count = attributes.license_count.take(malformed);
        let license = self.0.entry([product, license_type, meter]).or_default();
        if is_expired {
            license.ended = license.ended.max(end);
        } else {
            license.has_active = true;
            license.ends = license.ends.into_iter().chain(end).min();
            license.units = license.units.into_iter().chain(count).reduce(u64::saturating_add);
        }
        Some(())
    }

    fn render(&self, site: &str, consumed: Option<f64>) -> Vec<Family> {
        let family = |desc: &'static Labelled<3>, value: fn(&License) -> Option<f64>| {
            let samples = self.0.iter().filter_map(move |(labels, license)| {
                Some((labels.each_ref().map(String::as_str), value(license)?))
            });
            desc.family(site, samples)
        };
        vec![
            family(&EXPIRY, |license| {
                let end = if license.has_active { license.ends } else { license.ended };
                end.map(|second| second as f64)
            }),
            family(&UNITS, |license| license.units.map(|units| units as f64)),
            CONSUMED.family(site, consumed.map(|bytes| ([], bytes))),
        ]
    }
}

/// How much data is protected, in bytes; `None` as long as there is no report, which the server says by 404.
async fn read_consumed(
    context: &Context<'_>,
    diagnostics: &mut Diagnostics,
) -> Result<Option<f64>, CollectError> {
    #[derive(serde::Deserialize)]
    struct CapacityRecord {
        #[serde(default)]
        attributes: Option<CapacityAttributes>,
    }
    #[derive(serde::Deserialize)]
    struct CapacityAttributes {
        #[serde(default, rename = "masterConsumptionMB")]
        consumption: Field<f64>,
    }

    let Some(name) = context.server_info(&mut diagnostics.malformed).await?.name else { return Ok(None) };
    let filter = format!("masterServer eq {}", quoted(&name));
    let get = Get::new(CAPACITY.path).with("filter", filter).with("page[limit]", "1").whole_list();
    let read = |text: &str| {
        let page = decode::<CapacityRecord>(text)?;
        diagnostics.malformed += page.malformed;
        let attributes = page.records.into_iter().next().and_then(|record| record.attributes);
        Ok(attributes.and_then(|attributes| attributes.consumption.take(&mut diagnostics.malformed)))
    };
    match context.client.get_with(&get, context.deadline, read).await {
        Ok(megabytes) => {
            Ok(megabytes.filter(|megabytes| *megabytes >= 0.0).map(|megabytes| megabytes * 1_048_576.0))
        }
        Err(Error { cause: Cause::NotFound, .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests;
