//! Policies, and how often each is due by its own schedules.

mod days;
mod details;
mod families;
mod interval;
mod record;
mod schedule;
mod week;

use std::collections::BTreeMap;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::backups;
use super::board::{Policies, Policy};
use super::contract::{CollectError, Collector, Context, Diagnostics};
use super::job_list;
use super::resource::{Resource, Trial, V10_0};
use super::spec::CollectorSpec;
use super::walk::{cap, fold_page};
use crate::config::CollectorId;
use crate::metric::Family;
use crate::netbackup::Listing;
use details::PolicyDetails;
use record::{ListedPolicy, PolicyRecord};

/// With the slash: that is the list's path.
static POLICIES: Resource =
    Resource::new("/config/policies/", V10_0, families::OF_LIST).viewed_by("|PROTECTION|POLICIES|");

static DETAILS: Resource = Resource::new("/config/policies/{name}", V10_0, families::OF_DETAILS)
    .viewed_by("|PROTECTION|POLICIES|")
    .tried(Trial::None);

static JOBS: Resource = job_list::read_by_jobs(backups::POLICY_FAMILIES);

/// Policies, and how often each is due ("NetBackup API reference, /config/policies").
pub(super) static SPEC: CollectorSpec = CollectorSpec {
    id: CollectorId::Protection,
    main: &POLICIES,
    others: &[&DETAILS, &JOBS, &backups::IMAGES],
    // The list, 100 policies, and what is sent again.
    requests: 200,
    awaits_facts: false,
    new: |_| Box::new(Protection::default()),
};

/// 20 000 policies, twice as many as may have series of their own.
const MAX_PAGES: u64 = 40;

/// The policies of a site, and what is remembered of their details.
#[derive(Debug, Default)]
struct Protection {
    details: PolicyDetails,
}

impl Collector for Protection {
    fn collect<'a>(
        &'a mut self,
        context: &'a Context<'a>,
        diagnostics: &'a mut Diagnostics,
    ) -> BoxFuture<'a, Result<Vec<Family>, CollectError>> {
        self.run(context, diagnostics).boxed()
    }
}

impl Protection {
    async fn run(
        &mut self,
        context: &Context<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Result<Vec<Family>, CollectError> {
        let listed = list(context, diagnostics).await?;
        let is_whole = !diagnostics.truncated;
        if is_whole {
            self.details.keep(|name| listed.contains_key(name));
        }
        let all: Vec<_> = listed.into_values().collect();
        let mut shown: Vec<_> = all.iter().collect();
        let most = usize::try_from(context.collectors.protection.options.max_policies).unwrap_or(usize::MAX);
        cap(&mut shown, most, |policy| &policy.name, diagnostics);
        let now = context.server_now();
        // An inactive policy is never due, whatever its schedules say.
        let in_force = shown.iter().copied().filter(|policy| policy.is_in_force(now.as_second()));
        let asked = self.details.refresh(DETAILS.path, in_force, context, diagnostics);
        context.optional(&DETAILS, asked).await?;
        // The zone of the server's clock is not known: where it is another day, a calendar is looked at from there.
        let today = now.to_zoned(TimeZone::UTC).date();
        let facts = facts(&all, |policy| self.due(policy, now.as_second(), today));
        let mut families = families::counts(context.site, &all, is_whole);
        families.extend(families::of_each(context.site, &shown, &facts));
        if is_whole {
            context.board.learn_policies(facts);
        }
        Ok(families)
    }

    /// What others need to know of a policy.
    fn due(&self, policy: &ListedPolicy, now: i64, today: Date) -> Policy {
        let is_active = policy.is_in_force(now);
        let due = self.details.due(&policy.name, today).filter(|_| is_active).unwrap_or_default();
        Policy {
            policy_type: policy.policy_type.clone(),
            is_active,
            expected_interval: due.interval,
            snapshot_only: due.snapshot_only,
        }
    }
}

fn facts(policies: &[ListedPolicy], fact: impl Fn(&ListedPolicy) -> Policy) -> Policies {
    policies.iter().map(|policy| (policy.name.clone(), fact(policy))).collect()
}

/// All policies by their names. A policy that is created while the list is read may push another one onto the next page too.
async fn list(
    context: &Context<'_>,
    diagnostics: &mut Diagnostics,
) -> Result<BTreeMap<String, ListedPolicy>, CollectError> {
    // The most that the reference allows is 500 records a page.
    let listing = Listing::by_offset(POLICIES.path, 500, MAX_PAGES).with("sort", "policyName");
    let mut policies = BTreeMap::new();
    let fold = |text: &str, diagnostics: &mut Diagnostics| {
        fold_page(text, diagnostics, |record: PolicyRecord<'_>, malformed| {
            let policy = ListedPolicy::new(record, malformed)?;
            policies.insert(policy.name.clone(), policy);
            Some(())
        })
    };
    context.walk(&listing, diagnostics, fold).await?;
    Ok(policies)
}

#[cfg(test)]
mod tests;
