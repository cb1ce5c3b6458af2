//! What is known of a site.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::collector::CollectorState;
use super::plan::Plan;
use crate::config::ApiVersion;
use crate::netbackup::{self, KeyState};

/// A key's end moves only when somebody makes a new key; and each refusal may count towards a lock-out.
const KEY_INTERVAL: Duration = Duration::from_hours(1);

/// What is known of a site and its collectors.
#[derive(Debug, Default)]
pub(super) struct SiteStatus {
    pub(super) collectors: Vec<CollectorState>,
    /// Whether the site answered and let us in; `None` while that is not known.
    pub(super) up: Option<bool>,
    pub(super) version: Option<ApiVersion>,
    /// Whether the configured key is accepted; `None` while nobody has asked.
    pub(super) credential: Option<bool>,
    /// When the key ends, where NetBackup says it.
    pub(super) key_expiry: Option<Timestamp>,
    /// Whether the first cycle has ended.
    pub(super) complete: bool,
    /// A newer key than the one in use was refused, and is asked for again.
    newer_key_waits: bool,
    /// When the key itself was asked about last, whatever came of it.
    key_asked: Option<Instant>,
    /// Every collector of the last cycle was refused.
    all_refused: bool,
    /// Why the server could not be reached, so that it is said once.
    failure: Option<String>,
}

impl SiteStatus {
    /// Nothing is known yet.
    pub(super) fn new(collectors: Vec<CollectorState>) -> Self {
        Self { collectors, ..Self::default() }
    }

    /// Whether NetBackup refuses the configured key.
    pub(super) fn is_key_refused(&self) -> bool {
        self.credential == Some(false)
    }

    /// The server answered.
    pub(super) fn reached(&mut self, plan: &Plan, version: ApiVersion) {
        self.version = Some(version);
        if self.failure.take().is_some() {
            tracing::info!(endpoint = %plan.site.endpoint, "NetBackup answers again");
        }
    }

    /// The server did not answer: a cycle has ended without a run.
    pub(super) fn not_reached(&mut self, plan: &Plan, why: &str) {
        self.up = Some(false);
        self.version = None;
        self.complete = true;
        if self.failure.as_deref() != Some(why) {
            tracing::warn!(endpoint = %plan.site.endpoint, error = why, "NetBackup can not be reached");
            self.failure = Some(why.to_owned());
        }
        for collector in &mut self.collectors {
            collector.failed(why, plan.collection.max_stale_cycles);
        }
    }

    /// Another key is in use now, of which nothing is known; or, if `newer_waits`, the old one still is.
    pub(super) fn key_changed(&mut self, newer_waits: bool) {
        self.newer_key_waits = newer_waits;
        self.credential = newer_waits.then_some(false);
        self.key_expiry = None;
        self.key_asked = None;
    }

    /// A cycle has ended in which the server answered.
    pub(super) fn collected(&mut self) {
        self.complete = true;
        let up = self.collectors.iter().any(CollectorState::succeeded);
        self.up = Some(up);
        if up && !self.newer_key_waits {
            // A server that lets us in accepts the key.
            self.credential = Some(true);
        }
        let all_refused = self.collectors.iter().all(CollectorState::was_refused);
        if all_refused && !self.all_refused {
            // One refused collector alone means a missing permission; all of them may mean the key.
            self.key_asked = None;
        }
        self.all_refused = all_refused;
    }

    /// Whether it is time to ask about the key: at first, when all is refused, and once an hour. The caller asks then.
    pub(super) fn is_key_due(&mut self) -> bool {
        let is_due =
            self.version.is_some() && self.key_asked.is_none_or(|asked| asked.elapsed() >= KEY_INTERVAL);
        if is_due {
            self.key_asked = Some(Instant::now());
        }
        is_due
    }

    /// Takes in what the server said of the key.
    pub(super) fn key_checked(&mut self, state: Result<KeyState, netbackup::Error>) {
        let state = match state {
            Ok(state) => state,
            // Some keys may not ask; the collectors find out whether the key works.
            Err(error) => {
                return tracing::debug!(%error, "The key's end is not known");
            }
        };
        let accepted = state != KeyState::Rejected;
        if let KeyState::Accepted { expiry } = state {
            self.key_expiry = expiry;
        }
        if !accepted && self.credential != Some(false) {
            tracing::error!("NetBackup refuses the API key: create a new one and put it in its place");
        }
        self.credential = Some(accepted && !self.newer_key_waits);
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::super::collector::RunStats;
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_keys_own_check_asks_once_an_hour_also_after_errors_and_when_all_begins_to_be_refused() {
        let collectors = vec![CollectorState::new("jobs")];
        let mut site = SiteStatus { collectors, version: Some(ApiVersion::NEWEST), ..SiteStatus::default() };
        let mut asked = Vec::new();
        // No answer of the key's own comes.
        for minute in 0..=125 {
            let all_refused = minute > 60;
            site.collectors[0].runs =
                Some(RunStats { success: !all_refused, unauthorized: all_refused, ..RunStats::default() });
            site.collected();
            if site.is_key_due() {
                asked.push(minute);
            }
            advance(Duration::from_mins(1)).await;
        }
        assert_eq!(asked, [0, 60, 61, 121]);
        site.key_changed(false);
        assert!(site.is_key_due(), "of another key nothing is known");
    }
}
