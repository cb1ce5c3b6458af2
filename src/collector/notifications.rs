//! Notifications of the event log.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::arrivals::{Arrivals, with_zeros};
use super::contract::{CollectError, Collector, Context, Diagnostics};
use super::resource::{Resource, V10_0};
use super::spec::CollectorSpec;
use super::walk::{fold_page, label};
use crate::config::CollectorId;
use crate::metric::{Desc, Family, Labelled, MetricKind};
use crate::netbackup::{DecodeError, Field, Listing, Page, Text, Time, date_time};

static NOTIFICATIONS: Resource =
    Resource::new("/eventlog/notifications", V10_0, FAMILIES).viewed_by("|MANAGE|EVENTLOGS|NOTIFICATIONS|");

static CREATED: Labelled<2> = Labelled::native(
    MetricKind::Counter,
    "nbu_notifications_created_total",
    "Notifications of the event log that were created since the exporter read it first (severity, priority).",
    ["severity", "priority"],
);
static FAMILIES: &[&Desc] = &[&CREATED];

/// Notifications of the event log ("NetBackup API reference, /eventlog/notifications").
pub(super) static SPEC: CollectorSpec = CollectorSpec {
    id: CollectorId::Notifications,
    main: &NOTIFICATIONS,
    others: &[],
    requests: 80,
    awaits_facts: false,
    new: |_| Box::new(Notifications::default()),
};

/// The most that the reference allows.
const PAGE_SIZE: u64 = 100;
/// 5 000 notifications a run; the next run goes on from there, without the overlap.
const MAX_PAGES: u64 = 50;
/// Each run asks again for the last minute: a notification may become visible after one that was created later.
const OVERLAP_SECONDS: i64 = 60;

/// What `severity` can be.
const SEVERITIES: &[&str] = &["CRITICAL", "ERROR", "WARNING", "INFO", "DEBUG", "RCA"];
/// What `priority` can be.
const PRIORITIES: &[&str] = &["HIGH", "MEDIUM", "LOW"];

/// How many notifications came since the first run.
#[derive(Default)]
struct Notifications {
    /// By severity and priority.
    arrivals: Arrivals<2>,
    /// Up to which second of the server's clock they were read; the first run begins with its own.
    read_until: Option<i64>,
    /// Behind which second the next run goes on, if there were more than the last one could read.
    goes_on_behind: Option<i64>,
}

impl Collector for Notifications {
    fn collect<'a>(
        &'a mut self,
        context: &'a Context<'a>,
        diagnostics: &'a mut Diagnostics,
    ) -> BoxFuture<'a, Result<Vec<Family>, CollectError>> {
        self.read(context, diagnostics).boxed()
    }
}

impl Notifications {
    async fn read(
        &mut self,
        context: &Context<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Result<Vec<Family>, CollectError> {
        let now = context.server_now().as_second();
        let overlap = *self.read_until.get_or_insert(now) - OVERLAP_SECONDS;
        let since = self.goes_on_behind.unwrap_or(overlap);
        let listing = Listing::by_offset(NOTIFICATIONS.path, PAGE_SIZE, MAX_PAGES)
            .with("filter", format!("createdDateTime gt {}", date_time(since)))
            .with("sort", "createdDateTime");
        let mut reached = since;
        let fold =
            |text: &str, diagnostics: &mut Diagnostics| self.fold(text, now, &mut reached, diagnostics);
        if context.walk(&listing, diagnostics, fold).await? {
            self.arrivals.settle();
            self.goes_on_behind = None;
        } else {
            self.goes_on_behind = Some(behind(since, reached));
        }
        let overlap = self.read_until.unwrap_or(now) - OVERLAP_SECONDS;
        self.arrivals.forget_before(self.goes_on_behind.unwrap_or(overlap).min(overlap));
        let created = self.arrivals.new_by(Clone::clone);
        Ok(vec![CREATED.family(context.site, with_zeros(&created, SEVERITIES, PRIORITIES))])
    }

    /// Takes in a page of notifications, the oldest first.
    fn fold(
        &mut self,
        text: &str,
        now: i64,
        reached: &mut i64,
        diagnostics: &mut Diagnostics,
    ) -> Result<Page, DecodeError> {
        fold_page(text, diagnostics, |record: NotificationRecord<'_>, malformed| {
            let id = label(record.id, malformed)?;
            let attributes = record.attributes?;
            // What these mean where they are left out is what the reference calls their defaults.
            let severity = label(attributes.severity, malformed);
            let priority = label(attributes.priority, malformed);
            let words = [severity.as_deref().unwrap_or("INFO"), priority.as_deref().unwrap_or("LOW")];
            // One that claims to be of the future must not hide all that come until then.
            let created = attributes.created_date_time.second(malformed).unwrap_or(now).min(now);
            self.arrivals.note(&id, created, words);
            self.read_until = self.read_until.max(Some(created));
            *reached = created.max(*reached);
            Some(())
        })
    }
}

/// Behind which second a run goes on that reads since `since` after one that came to `reached`: within that second, or behind it if
/// there are more in one second than a run reads. What is left out then is never read.
fn behind(since: i64, reached: i64) -> i64 {
    if reached - 1 > since { reached - 1 } else { reached.max(since + 1) }
}

/// A record of `/eventlog/notifications` as it comes.
#[derive(serde::Deserialize)]
struct NotificationRecord<'a> {
    #[serde(borrow, default)]
    id: Text<'a>,
    #[serde(borrow, default)]
    attributes: Option<NotificationAttributes<'a>>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct NotificationAttributes<'a> {
    #[serde(borrow, default)]
    severity: Text<'a>,
    #[serde(borrow, default)]
    priority: Text<'a>,
    #[serde(default)]
    created_date_time: Field<Time>,
}

#[cfg(test)]
mod tests;
