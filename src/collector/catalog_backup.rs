//! The backups of NetBackup's own catalog, without which a domain can not be rebuilt.

mod families;
mod found;

use futures_util::FutureExt as _;

use super::contract::{CollectError, Context, Diagnostics};
use super::job_list;
use super::job_record::{Job, JobRecord};
use super::resource::Resource;
use super::spec::CollectorSpec;
use super::walk::{FromRecord, fold_page, label, stateless};
use crate::config::CollectorId;
use crate::metric::Family;
use crate::netbackup::{Field, Listing, Size, Text, Time, date_time};
use found::{CatalogJob, CatalogJobs, Good};

static JOBS: Resource = job_list::resource(families::FAMILIES);
/// They stay for longer than jobs do.
static IMAGES: Resource = Resource::images(&[]);

/// The last catalog backups, by the jobs of their policies; where no job tells of a good one, by their images. No resource tells how
/// the catalog itself is.
pub(super) static SPEC: CollectorSpec = CollectorSpec {
    id: CollectorId::CatalogBackup,
    main: &JOBS,
    others: &[&IMAGES],
    requests: 20,
    awaits_facts: true,
    new: |_| stateless(|context, diagnostics| collect(context, diagnostics).boxed()),
};

/// The policy type in the spelling of jobs.
const OF_CATALOG: &str = "policyType eq 'NBU_CATALOG' and state eq 'DONE'";
/// A catalog backup is a few jobs, so these are the last days.
const PAGE: u64 = 20;
/// Images are looked for so far back, in seconds: 35 days.
const LOOK_BACK: i64 = 35 * 86_400;

async fn collect(context: &Context<'_>, diagnostics: &mut Diagnostics) -> Result<Vec<Family>, CollectError> {
    let mut found = CatalogJobs::default();
    read_jobs(context, OF_CATALOG.to_owned(), &mut found, diagnostics).await?;
    // Where there is no job at all, there is none with a better status.
    if !found.is_empty() && found.lacks_success() {
        read_jobs(context, format!("{OF_CATALOG} and status le 1"), &mut found, diagnostics).await?;
    }
    let mut policies = found.policies();
    if policies.is_empty() || policies.values().any(|policy| policy.good.is_none()) {
        let images = async { read_images(context, diagnostics).await };
        for image in context.optional(&IMAGES, images).await?.unwrap_or_default() {
            policies.entry(image.policy).or_default().note_good(image.good);
        }
    }
    if let Some(known) = context.board.policies() {
        // Jobs outlive their policy.
        policies.retain(|name, _| known.contains_key(name));
    }
    Ok(families::render(context.site, &policies))
}

/// Reads the first page, newest jobs first: the rest is older. The page is no part of a list that has to be whole.
async fn read_jobs(
    context: &Context<'_>,
    filter: String,
    found: &mut CatalogJobs,
    diagnostics: &mut Diagnostics,
) -> Result<(), CollectError> {
    let listing = job_list::listing(context, filter, "-endTime", PAGE, 1);
    let walk = context.client.walk(&listing, context.deadline, |text| {
        fold_page(text, diagnostics, |record: JobRecord<'_>, malformed| {
            let job = Job::new(record, malformed)?;
            found.add(CatalogJob::of(&job));
            Some(())
        })
    });
    diagnostics.records += walk.await?.records;
    Ok(())
}

/// A good catalog backup that left an image.
struct CatalogImage {
    policy: String,
    good: Good,
}

/// Only good and partial backups leave images.
async fn read_images(
    context: &Context<'_>,
    diagnostics: &mut Diagnostics,
) -> Result<Vec<CatalogImage>, CollectError> {
    let from = date_time(context.server_now().as_second().saturating_sub(LOOK_BACK));
    // The reference allows 100 records a page and no sort. The spelling is that of policies.
    let listing = Listing::by_offset(IMAGES.path, 100, 10)
        .with("filter", format!("policyType eq 'NBU-Catalog' and backupTime ge {from}"));
    context.list(&listing, diagnostics).await
}

/// A record of `/catalog/images` as it comes.
#[derive(serde::Deserialize)]
struct CatalogImageRecord<'a> {
    #[serde(borrow, default)]
    attributes: Option<CatalogImageAttributes<'a>>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct CatalogImageAttributes<'a> {
    #[serde(borrow, default)]
    policy_name: Text<'a>,
    #[serde(default)]
    backup_time: Field<Time>,
    #[serde(default)]
    elapsed_time_seconds: Field<u64>,
    #[serde(default)]
    backup_status: Field<i64>,
    #[serde(default)]
    kbytes: Field<Size>,
}

impl FromRecord for CatalogImage {
    type Record<'a> = CatalogImageRecord<'a>;

    fn new(record: CatalogImageRecord<'_>, malformed: &mut u64) -> Option<Self> {
        let attributes = record.attributes?;
        let policy = label(attributes.policy_name, malformed)?;
        let began = attributes.backup_time.second(malformed)?;
        let elapsed = attributes.elapsed_time_seconds.take(malformed);
        let kilobytes = attributes.kbytes.size(malformed);
        let good = Good {
            ended: began.saturating_add_unsigned(elapsed.unwrap_or(0)),
            // An image whose record leaves the status out is there, so it is good.
            is_whole: attributes.backup_status.take(malformed).unwrap_or(0) == 0,
            seconds: elapsed,
            bytes: kilobytes.map(|kilobytes| kilobytes.saturating_mul(1024)),
        };
        Some(Self { policy, good })
    }
}

#[cfg(test)]
mod tests;
