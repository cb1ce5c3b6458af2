//! Clients by name: who should have a backup, and what comes of the jobs of each.

use std::borrow::Cow;
use std::collections::BTreeSet;

use futures_util::FutureExt as _;
use serde_json::value::RawValue;

use super::backups;
use super::board::PolicyClients;
use super::client_jobs;
use super::client_names::client_key;
use super::contract::{CollectError, Context, Diagnostics};
use super::job_list;
use super::resource::{Resource, V10_0};
use super::spec::CollectorSpec;
use super::walk::{fold_page, label, stateless};
use crate::config::CollectorId;
use crate::metric::{Family, label_value};
use crate::netbackup::{Listing, Text};

static CLIENTS: Resource =
    Resource::new("/config/unique-policy-clients", V10_0, &[]).viewed_by("|PROTECTION|POLICIES|");
static JOBS: Resource = job_list::read_by_jobs(client_jobs::FAMILIES);
static BACKUPS: Resource = job_list::read_by_jobs(backups::CLIENT_FAMILIES);

/// The clients that policies name ("NetBackup API reference, /config/unique-policy-clients"): what jobs alone can not tell, since a
/// client that never had a backup has no job. Its families are those of jobs.
pub(super) static SPEC: CollectorSpec = CollectorSpec {
    id: CollectorId::PerClient,
    main: &CLIENTS,
    others: &[&JOBS, &BACKUPS],
    requests: 100,
    awaits_facts: false,
    new: |_| stateless(|context, diagnostics| collect(context, diagnostics).boxed()),
};

/// The most that the reference allows.
const PAGE_SIZE: u64 = 5000;
/// 200 000 clients.
const MAX_PAGES: u64 = 40;

async fn collect(context: &Context<'_>, diagnostics: &mut Diagnostics) -> Result<Vec<Family>, CollectError> {
    let listing = Listing::by_offset(CLIENTS.path, PAGE_SIZE, MAX_PAGES).with("sort", "id");
    let mut clients = PolicyClients::new();
    let fold = |text: &str, diagnostics: &mut Diagnostics| {
        fold_page(text, diagnostics, |record, malformed| add(&mut clients, record, malformed))
    };
    context.walk(&listing, diagnostics, fold).await?;
    // A list that was cut short says nothing of those that it does not name.
    if let Some(known) = context.board.clients().filter(|_| diagnostics.truncated) {
        for (client, policies) in &*known {
            clients.entry(client.clone()).or_insert_with(|| policies.clone());
        }
    }
    context.board.learn_clients(clients);
    Ok(Vec::new())
}

/// A record of `/config/unique-policy-clients` as it comes.
#[derive(serde::Deserialize)]
struct PolicyClientRecord<'a> {
    #[serde(borrow, default)]
    id: Text<'a>,
    #[serde(borrow, default)]
    attributes: Option<PolicyClientAttributes<'a>>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct PolicyClientAttributes<'a> {
    #[serde(borrow, default)]
    policy_names: Option<&'a RawValue>,
}

/// Takes in a client; `None` if the record does not name it. Two that differ only in their letter case are one.
fn add(clients: &mut PolicyClients, record: PolicyClientRecord<'_>, malformed: &mut u64) -> Option<()> {
    let client = client_key(&label(record.id, malformed)?).as_ref().into();
    let policies = record.attributes.and_then(|attributes| attributes.policy_names);
    clients
        .entry(client)
        .or_default()
        .extend(policies.map(|list| names(list, malformed)).unwrap_or_default());
    Some(())
}

/// The names of a list, without those that are none.
fn names(list: &RawValue, malformed: &mut u64) -> BTreeSet<String> {
    let Ok(names) = serde_json::from_str::<Vec<Text<'_>>>(list.get()) else {
        *malformed += 1;
        return BTreeSet::new();
    };
    let names = names.into_iter().filter_map(|name| name.take(malformed));
    names.filter(|name| !name.is_empty()).map(|name: Cow<'_, str>| label_value(&name).into_owned()).collect()
}

#[cfg(test)]
mod tests;
