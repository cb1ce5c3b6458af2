//! Protection plans, which the API calls service-level objectives.

use std::collections::BTreeMap;

use futures_util::FutureExt as _;

use super::contract::{CollectError, Context, Diagnostics};
use super::resource::{Resource, V10_0};
use super::spec::CollectorSpec;
use super::walk::{fold_page, label, stateless};
use crate::config::CollectorId;
use crate::metric::{Family, Labelled};
use crate::netbackup::{Field, Listing, Text};

/// Its enforcement is "object level": a role sees those plans that it covers, and no request tells how many there are.
static SLOS: Resource = Resource::new("/servicecatalog/slos", V10_0, &[&PLANS, &SUBSCRIPTIONS, &V4_COUNT]);

/// Protection plans and how many assets each protects ("NetBackup API reference, /servicecatalog/slos").
pub(super) static SPEC: CollectorSpec = CollectorSpec {
    id: CollectorId::Slo,
    main: &SLOS,
    others: &[],
    requests: 60,
    awaits_facts: false,
    new: |_| stateless(|context, diagnostics| collect(context, diagnostics).boxed()),
};

static PLANS: Labelled<1> = Labelled::gauge(
    "nbu_protection_plans",
    "Protection plans that the role of the API key sees, by workload (workloadType).",
    ["workload"],
);
static SUBSCRIPTIONS: Labelled<1> = Labelled::gauge(
    "nbu_protection_plan_subscriptions",
    "Assets that subscribe to protection plans that the role of the API key sees, by workload (subscriptionCount).",
    ["workload"],
);
static V4_COUNT: Labelled<0> = Labelled::v4_gauge(
    "nbu_slo_count",
    "Protection plans that the role of the API key sees (service-level objectives).",
    [],
);

/// The plans of one workload.
#[derive(Clone, Copy, Debug, Default)]
struct Plans {
    count: u64,
    subscriptions: u64,
}

async fn collect(context: &Context<'_>, diagnostics: &mut Diagnostics) -> Result<Vec<Family>, CollectError> {
    #[derive(serde::Deserialize)]
    struct SloRecord<'a> {
        #[serde(borrow, default)]
        attributes: Option<SloAttributes<'a>>,
    }
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct SloAttributes<'a> {
        #[serde(borrow, default)]
        workload_type: Text<'a>,
        #[serde(default)]
        subscription_count: Field<u64>,
    }

    // The reference names no limit of a page, and no `meta` tells how many there are: the last page is the short one.
    let listing = Listing::by_offset(SLOS.path, 100, 50).with("sort", "name");
    let mut workloads: BTreeMap<String, Plans> = BTreeMap::new();
    let fold = |text: &str, diagnostics: &mut Diagnostics| {
        fold_page(text, diagnostics, |record: SloRecord<'_>, malformed| {
            let attributes = record.attributes?;
            let workload = label(attributes.workload_type, malformed).unwrap_or_default();
            let plans = workloads.entry(workload).or_default();
            plans.count += 1;
            plans.subscriptions += attributes.subscription_count.take(malformed).unwrap_or(0);
            Some(())
        })
    };
    context.walk(&listing, diagnostics, fold).await?;
    let all: u64 = workloads.values().map(|plans| plans.count).sum();
    let family = |desc: &'static Labelled<1>, value: fn(&Plans) -> u64| {
        desc.family(
            context.site,
            workloads.iter().map(move |(name, plans)| ([name.as_str()], value(plans) as f64)),
        )
    };
    Ok(vec![
        family(&PLANS, |plans| plans.count),
        family(&SUBSCRIPTIONS, |plans| plans.subscriptions),
        // The Go exporter shows 0 where it sees none.
        V4_COUNT.family(context.site, [([], all as f64)]),
    ])
}

#[cfg(test)]
mod tests;
