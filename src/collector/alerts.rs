//! Alerts, which NetBackup also sends by e-mail.

mod families;

use std::collections::HashSet;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::arrivals::Arrivals;
use super::contract::{CollectError, Collector, Context, Diagnostics};
use super::resource::{Resource, V10_0};
use super::spec::CollectorSpec;
use super::walk::{fold_page, label};
use crate::config::CollectorId;
use crate::metric::Family;
use crate::netbackup::{DecodeError, Field, Listing, Page, Text, Time, date_time};

static ALERTS: Resource =
    Resource::new("/manage/alerts", V10_0, families::FAMILIES).viewed_by("|MANAGE|EMAIL-NOTIFICATIONS|");

/// Alerts ("NetBackup API reference, /manage/alerts"). They have no state: an alert says that something happened.
pub(super) static SPEC: CollectorSpec = CollectorSpec {
    id: CollectorId::Alerts,
    main: &ALERTS,
    others: &[],
    requests: 80,
    awaits_facts: false,
    new: |_| Box::new(Alerts::default()),
};

/// The reference names no most.
const PAGE_SIZE: u64 = 100;
/// 5 000 alerts a run; the next run goes on from there.
const MAX_PAGES: u64 = 50;
const HOUR: i64 = 3600;
/// How far back alerts count as those of now.
const WINDOW_SECONDS: i64 = 24 * HOUR;

/// The alerts of the last day, and how many came since the first run.
#[derive(Default)]
struct Alerts {
    /// By severity, context and category.
    arrivals: Arrivals<3>,
    /// The newest identifier that was read.
    last: Option<u64>,
    /// When the whole window was asked for last, by the server's clock.
    asked_whole: Option<i64>,
    /// Whether the last reading did not come to the end.
    is_behind: bool,
}

/// Which alerts a run asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    /// Those that were created since this second.
    Since(i64),
    /// Those with a greater identifier.
    After(u64),
}

impl Wanted {
    fn filter(self) -> String {
        match self {
            Self::Since(second) => format!("createdDateTime ge {}", date_time(second)),
            Self::After(id) => format!("alertId gt {id}"),
        }
    }
}

impl Collector for Alerts {
    fn collect<'a>(
        &'a mut self,
        context: &'a Context<'a>,
        diagnostics: &'a mut Diagnostics,
    ) -> BoxFuture<'a, Result<Vec<Family>, CollectError>> {
        self.read(context, diagnostics).boxed()
    }
}

impl Alerts {
    async fn read(
        &mut self,
        context: &Context<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Result<Vec<Family>, CollectError> {
        let now = context.server_now().as_second();
        let wanted = self.wanted(now);
        let listing = Listing::by_offset(ALERTS.path, PAGE_SIZE, MAX_PAGES)
            .with("filter", wanted.filter())
            .with("sort", "alertId");
        if matches!(wanted, Wanted::Since(_)) {
            self.asked_whole = Some(now);
        }
        self.is_behind = true;
        let mut found = HashSet::new();
        let fold = |text: &str, diagnostics: &mut Diagnostics| self.fold(text, now, &mut found, diagnostics);
        let is_whole = context.walk(&listing, diagnostics, fold).await?;
        if is_whole {
            self.is_behind = false;
            self.arrivals.settle();
        }
        if is_whole && matches!(wanted, Wanted::Since(_)) {
            self.arrivals.keep(&found);
            // It may be less than before: identifiers begin anew when NetBackup's database was restored.
            self.last = found.iter().filter_map(|id| id.parse().ok()).max().or(self.last);
        }
        self.arrivals.forget_before(now - WINDOW_SECONDS);
        Ok(families::render(context.site, &self.arrivals, is_whole))
    }

    /// Mostly what is newer than the newest. Once an hour the whole window, from which alerts may be deleted, and at least what came
    /// since it was asked for last.
    fn wanted(&self, now: i64) -> Wanted {
        let is_due = |asked: i64| now - asked >= HOUR && !self.is_behind;
        match (self.last, self.asked_whole) {
            (Some(last), Some(asked)) if !is_due(asked) => Wanted::After(last),
            (_, asked) => Wanted::Since(asked.map_or(i64::MAX, |asked| asked).min(now - WINDOW_SECONDS)),
        }
    }

    /// Takes in a page of alerts, the oldest first.
    fn fold(
        &mut self,
        text: &str,
        now: i64,
        found: &mut HashSet<String>,
        diagnostics: &mut Diagnostics,
    ) -> Result<Page, DecodeError> {
        fold_page(text, diagnostics, |record: AlertRecord<'_>, malformed| {
            let id = label(record.id, malformed)?;
            let attributes = record.attributes?;
            let mut word = |field| label(field, malformed).unwrap_or_else(|| "UNKNOWN".to_owned());
            let [severity, context, category] =
                [attributes.severity, attributes.context, attributes.category].map(&mut word);
            let created = attributes.created_date_time.second(malformed).unwrap_or(now);
            self.arrivals.note(&id, created, [&severity, &context, &category]);
            self.last = self.last.max(id.parse().ok());
            found.insert(id);
            Some(())
        })
    }
}

/// A record of `/manage/alerts` as it comes.
#[derive(serde::Deserialize)]
struct AlertRecord<'a> {
    /// A number; the reference's example has it without quotes.
    #[serde(borrow, default)]
    id: Text<'a>,
    #[serde(borrow, default)]
    attributes: Option<AlertAttributes<'a>>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct AlertAttributes<'a> {
    #[serde(borrow, default)]
    severity: Text<'a>,
    #[serde(borrow, default)]
    context: Text<'a>,
    #[serde(borrow, default)]
    category: Text<'a>,
    #[serde(default)]
    created_date_time: Field<Time>,
}

#[cfg(test)]
mod tests;
