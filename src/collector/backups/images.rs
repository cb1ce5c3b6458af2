//! Looks in the catalog for the last good backups of those that have none among the jobs: images are kept for longer.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::Backups;
use super::expected::Expected;
use super::families::IMAGE_FAMILIES;
use super::memory::ClientHistory;
use super::reading::BackupSubject;
use crate::collector::contract::{CollectError, Context, Diagnostics};
use crate::collector::job_result::JobResult;
use crate::collector::resource::Resource;
use crate::collector::walk::fold_page;
use crate::netbackup::{Cause, Field, Listing, Time, date_time, quoted};

/// The images that backups have left in the catalog ("NetBackup API reference, /catalog/images").
pub(in crate::collector) static IMAGES: Resource = Resource::images(IMAGE_FAMILIES);

/// Requests a run, as many as for jobs.
const MOST_REQUESTS: u64 = 20;
/// The most that the reference allows.
const PAGE_SIZE: u64 = 100;
/// Questions for one policy or client. Who has no good backup among the jobs has few images: they come with the first one.
const MOST_QUESTIONS: u64 = MOST_REQUESTS;

/// A record of `/catalog/images` as it comes.
#[derive(serde::Deserialize)]
struct ImageRecord {
    #[serde(default)]
    attributes: Option<ImageAttributes>,
}

#[derive(Clone, Copy, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct ImageAttributes {
    #[serde(default)]
    backup_time: Field<Time>,
    #[serde(default)]
    elapsed_time_seconds: Field<u64>,
    #[serde(default)]
    backup_status: Field<i64>,
}

/// When the newest good backups ended, and how many requests it took to know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Found {
    success: Option<i64>,
    partial: Option<i64>,
    requests: u64,
}

impl Backups {
    /// Looks for as many as one run may.
    pub(super) async fn search(
        &mut self,
        context: &Context<'_>,
        expected: &Expected,
        diagnostics: &mut Diagnostics,
    ) -> Result<(), CollectError> {
        let now = context.server_now().as_second();
        let look_back = context.collectors.protection.options.look_back;
        let mut left = MOST_REQUESTS;
        for (subject, interval) in self.missing(expected) {
            if left == 0 || context.is_over() {
                return Ok(());
            }
            let since = now.saturating_sub_unsigned(look_back.max(2 * interval).as_secs());
            let context = &Context { absences: context.board.read_for_others(), ..*context };
            match context.optional(&IMAGES, newest(context, &subject, since..now, diagnostics)).await {
                Ok(Some(found)) => {
                    left = left.saturating_sub(found.requests);
                    self.found(subject, found, expected);
                }
                // The role may not see images, or the release has none.
                Ok(None) => return Ok(()),
                Err(CollectError::NetBackup(error)) if matches!(error.cause, Cause::Client { .. }) => {
                    tracing::debug!(%error, "The server does not take the question for the images of one policy or client");
                    left = left.saturating_sub(1);
                    self.reading.searched.insert(subject, false);
                }
                Err(error) => return Err(error),
            }
        }
        self.reading.searched_from.get_or_insert(now.saturating_sub_unsigned(look_back.as_secs()));
        Ok(())
    }

    /// Whether images are still to be looked for.
    pub(super) fn is_searching(&mut self, context: &Context<'_>, expected: &Expected) -> bool {
        let is_new = self.reading.searched_from.is_none();
        let context = Context { absences: context.board.read_for_others(), ..*context };
        (is_new || !self.missing(expected).is_empty()) && !context.lacks(&IMAGES)
    }

    /// Who should have backups, has no good one, and was not looked for.
    fn missing(&mut self, expected: &Expected) -> Vec<(BackupSubject, Duration)> {
        let Self { names, memory, reading, .. } = self;
        let mut missing = Vec::new();
        for (name, interval) in expected.due_policies().filter(|(name, _)| !memory.knows_policy(name)) {
            missing.extend(names.keep(name).map(|name| (BackupSubject::Policy(name), interval)));
        }
        let has_none =
            |client: Option<&ClientHistory>| client.is_none_or(|client| client.outcomes.good().is_none());
        for (name, _, interval) in expected.due(memory).filter(|(_, client, _)| has_none(*client)) {
            missing.extend(names.keep(name).map(|name| (BackupSubject::Client(name), interval)));
        }
        // Who is no longer missing is looked for again when that changes.
        let is_missing: foldhash::HashSet<_> = missing.iter().map(|(subject, _)| subject).collect();
        reading.searched.retain(|subject, _| is_missing.contains(subject));
        missing.retain(|(subject, _)| !reading.searched.contains_key(subject));
        missing
    }

    fn found(&mut self, subject: BackupSubject, found: Found, expected: &Expected) {
        let results = [(JobResult::Success, found.success), (JobResult::Partial, found.partial)];
        for (result, ended) in results {
            let Some(ended) = ended else { continue };
            match &subject {
                BackupSubject::Policy(name) => {
                    let policy = expected.policies.as_ref().and_then(|policies| policies.get(&**name));
                    let policy_type = policy.map_or("", |policy| &policy.policy_type);
                    self.memory.add_policy_image(name, &Arc::from(policy_type), result, ended);
                }
                BackupSubject::Client(name) => {
                    self.memory.add_client(name, &Arc::from(""), (result, ended), 0);
                }
            }
        }
        self.reading.searched.insert(subject, true);
    }
}

/// The newest images of a policy or client in a span of time. They come in no order: if there are more than a page of them, the newest
/// part of the span that has some is looked for.
async fn newest(
    context: &Context<'_>,
    subject: &BackupSubject,
    within: Range<i64>,
    diagnostics: &mut Diagnostics,
) -> Result<Found, CollectError> {
    let mut found = Found::default();
    let (mut low, mut part) = (within.start, within);
    for _ in 0..MOST_QUESTIONS {
        let before = found;
        let is_whole = ask(context, subject, &part, &mut found, diagnostics).await?;
        found.requests += 1;
        if !is_whole {
            low = part.start;
            part.start = part.end - (part.end - part.start) / 8;
        } else if found.newest() > before.newest() || part.start == low {
            break;
        } else {
            part = part.start - (part.start - low) / 2..part.start;
        }
    }
    Ok(found)
}

/// Asks for the images of a part; returns whether all of them came.
async fn ask(
    context: &Context<'_>,
    subject: &BackupSubject,
    part: &Range<i64>,
    found: &mut Found,
    diagnostics: &mut Diagnostics,
) -> Result<bool, CollectError> {
    let (field, name) = match subject {
        BackupSubject::Policy(name) => ("policyName", name),
        BackupSubject::Client(name) => ("clientName", name),
    };
    let name = quoted(name);
    let (from, until) = (date_time(part.start), date_time(part.end));
    let filter = format!("{field} eq {name} and backupTime ge {from} and backupTime le {until}");
    let listing = Listing::by_offset(IMAGES.path, PAGE_SIZE, 1).with("filter", filter);
    let mut malformed = Diagnostics::default();
    let fold = |text: &str| {
        fold_page(text, &mut malformed, |record: ImageRecord, malformed| {
            found.add(record.attributes?, malformed);
            Some(())
        })
    };
    let walk = context.client.walk(&listing, context.deadline, fold).await;
    diagnostics.malformed += malformed.malformed;
    Ok(!walk?.truncated)
}

impl Found {
    fn newest(&self) -> Option<i64> {
        self.success.max(self.partial)
    }

    fn add(&mut self, image: ImageAttributes, malformed: &mut u64) {
        let elapsed = image.elapsed_time_seconds.take(malformed).unwrap_or(0);
        let Some(started) = image.backup_time.second(malformed) else { return };
        let ended = Some(started.saturating_add_unsigned(elapsed));
        match image.backup_status.take(malformed) {
            // Only good backups leave images.
            None | Some(0) => self.success = self.success.max(ended),
            Some(1) => self.partial = self.partial.max(ended),
            Some(_) => {}
        }
    }
}
