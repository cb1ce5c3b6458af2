//! What is known of a site.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::collector::CollectorState;
use super::plan::Plan;
use crate::config::ApiVersion;
use crate::netbackup::{self, KeyState};
use crate::snapshot::Fault;

/// A key's end moves only when somebody makes a new key; and each refusal may count towards a lock-out.
const KEY_INTERVAL: Duration = Duration::from_hours(1);

/// What was asked about the key so short a time ago need not be asked again: its answer tells as much.
const FRESH: Duration = Duration::from_secs(30);

/// What is known of a site as a whole.
#[derive(Debug, Default)]
pub(super) struct SiteStatus {
    /// Whether the site answered and let us in; `None` while that is not known.
    pub(super) up: Option<bool>,
    pub(super) version: Option<ApiVersion>,
    /// Whether the configured key is accepted; `None` while nobody has asked.
    pub(super) credential: Option<bool>,
    /// When the key ends, where NetBackup says it.
    pub(super) key_expiry: Option<Timestamp>,
    /// Whether every collector that always runs has had a run, or the server did not answer.
    pub(super) complete: bool,
    /// A newer key than the one in use was refused, and is asked for again.
    newer_key_waits: bool,
    /// When the key itself was asked about last, whatever came of it.
    key_asked: Option<Instant>,
    /// How long nobody asks about a key that is refused everywhere: at first an interval, and then longer and longer.
    key_pause: Option<Duration>,
    /// The shortest interval of the site's collectors.
    interval: Duration,
    /// Since when collectors are refused and none succeeds with the key; most run much less often than the first one that is refused.
    refused_since: Option<Instant>,
    /// When a collector last succeeded.
    succeeded_at: Option<Instant>,
    /// Why the server could not be reached, so that it is said once.
    pub(super) failure: Option<Arc<Fault>>,
}

impl SiteStatus {
    /// Of a site that can not be collected.
    pub(super) fn down() -> Self {
        Self { up: Some(false), complete: true, ..Self::default() }
    }

    /// Whether NetBackup refuses the configured key.
    pub(super) fn is_key_refused(&self) -> bool {
        self.credential == Some(false)
    }

    /// The server answered.
    pub(super) fn reached(&mut self, plan: &Plan, version: ApiVersion) {
        self.version = Some(version);
        self.interval = plan.reach_interval();
        if self.failure.take().is_some() {
            tracing::info!(endpoint = %plan.site.endpoint, "NetBackup answers again");
        }
    }

    /// The server did not answer.
    pub(super) fn not_reached(&mut self, plan: &Plan, fault: &Fault) {
        self.up = Some(false);
        self.version = None;
        self.complete = true;
        if self.failure.as_ref().is_none_or(|known| known.what != fault.what) {
            tracing::warn!(endpoint = %plan.site.endpoint, error = &*fault.what, "NetBackup can not be reached");
        }
        self.failure = Some(Arc::new(fault.clone()));
    }

    /// Another key is in use now, of which nothing is known; or, if `newer_waits`, the old one still is.
    pub(super) fn key_changed(&mut self, newer_waits: bool) {
        self.newer_key_waits = newer_waits;
        self.credential = newer_waits.then_some(false);
        self.key_expiry = None;
        self.key_asked = None;
        self.key_pause = None;
    }

    /// A collector's run has ended, or the server answers again; these are all collectors.
    pub(super) fn collected<'a>(&mut self, mut collectors: impl Iterator<Item = &'a CollectorState> + Clone) {
        let with_key = collectors.clone().filter(|collector| collector.proves_key);
        let last_success = with_key.filter_map(|collector| collector.succeeded_at).max();
        if last_success > self.succeeded_at && !self.newer_key_waits {
            // A server that lets us in accepts the key.
            self.credential = Some(true);
        }
        self.succeeded_at = last_success;
        let refused = collectors.clone().filter(|collector| collector.was_refused());
        let last_refused = refused.filter_map(|collector| collector.refused_at).max();
        let all_refused = last_refused > last_success;
        // The last run may have been before the server ceased to answer, or before it ceased to let us in.
        let answers = self.version.is_some() && !(all_refused && self.is_key_refused());
        let up = answers && collectors.clone().any(CollectorState::was_let_in);
        self.complete |= collectors.all(|collector| collector.runs.is_some() || collector.is_extra());
        if up || self.complete {
            self.up = Some(up);
        }
        if !all_refused {
            self.refused_since = None;
        } else if self.refused_since.is_none() {
            self.begins_to_be_refused();
        }
    }

    /// One refused collector alone means a missing permission; all of them may mean the key.
    fn begins_to_be_refused(&mut self) {
        self.refused_since = Some(Instant::now());
        let is_fresh = self.key_asked.is_some_and(|asked| asked.elapsed() <= FRESH);
        if is_fresh && self.is_key_refused() && !self.newer_key_waits {
            self.key_pause = Some(self.interval);
        }
    }

    /// Whether a collector succeeded after this moment.
    pub(super) fn succeeded_since(&self, moment: Instant) -> bool {
        self.succeeded_at.is_some_and(|succeeded| succeeded > moment)
    }

    /// Whether it is time to ask about the key: at first, when all is refused, and once an hour. The caller asks then.
    pub(super) fn is_key_due(&mut self) -> bool {
        let is_doubted =
            self.refused_since.is_some_and(|since| self.key_asked.is_some_and(|asked| asked < since));
        let pause = self.key_pause.unwrap_or(if is_doubted { FRESH } else { KEY_INTERVAL });
        let is_due = self.version.is_some() && self.key_asked.is_none_or(|asked| asked.elapsed() >= pause);
        if is_due {
            self.key_asked = Some(Instant::now());
        }
        is_due
    }

    /// Whether the key itself is to be asked about before anything that was refused, since everything was; it is asked about at once.
    pub(super) fn asks_key_first(&mut self) -> bool {
        if self.key_pause.is_some() {
            self.key_asked = None;
        }
        self.key_pause.is_some()
    }

    /// Takes in what the server said of the key; returns whether it is accepted and was refused everywhere before.
    pub(super) fn key_checked(&mut self, state: Result<KeyState, netbackup::Error>) -> bool {
        let state = match state {
            Ok(state) => state,
            // Some keys may not ask; the collectors find out whether the key works.
            Err(error) => {
                tracing::debug!(%error, "The key's end is not known");
                return false;
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
        let all_refused = self.refused_since.is_some();
        if !accepted && all_refused && self.up.is_some() {
            self.up = Some(false);
        }
        let was_rejected = self.key_pause.is_some();
        self.key_pause = (!accepted && all_refused)
            .then(|| self.key_pause.map_or(self.interval, |pause| (pause * 2).min(KEY_INTERVAL)));
        accepted && was_rejected
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::super::collector::RunStats;
    use super::*;

    #[tokio::test]
    async fn what_needs_no_key_does_not_tell_that_the_key_is_good() {
        let mut open = CollectorState::new("server");
        open.runs = Some(RunStats { success: true, ..RunStats::default() });
        open.succeeded_at = Some(Instant::now());
        for (proves_key, up, credential) in [(false, Some(false), None), (true, Some(true), Some(true))] {
            open.proves_key = proves_key;
            let mut site = SiteStatus { version: Some(ApiVersion::NEWEST), ..SiteStatus::default() };
            site.collected(std::iter::once(&open));
            assert_eq!((site.up, site.credential), (up, credential), "{proves_key}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_that_is_refused_by_and_by_makes_the_site_down_at_once_and_is_asked_about() {
        let runs = |success: bool| RunStats { success, unauthorized: !success, ..RunStats::default() };
        let [mut jobs, mut slow] = ["jobs", "slow"].map(CollectorState::new);
        let mut site = SiteStatus { version: Some(ApiVersion::NEWEST), ..SiteStatus::default() };
        for collector in [&mut jobs, &mut slow] {
            collector.runs = Some(runs(true));
            collector.succeeded_at = Some(Instant::now());
        }
        site.collected([&jobs, &slow].into_iter());
        assert!(site.is_key_due() && site.up == Some(true));
        advance(Duration::from_mins(5)).await;
        jobs.runs = Some(runs(false));
        jobs.refused_at = Some(Instant::now());
        site.collected([&jobs, &slow].into_iter());
        assert!(site.is_key_due(), "the last success is older");
        assert_eq!(site.up, Some(true), "it may be a permission");
        site.key_checked(Ok(KeyState::Rejected));
        assert_eq!((site.up, site.credential), (Some(false), Some(false)));
        site.collected([&jobs, &slow].into_iter());
        assert_eq!(site.up, Some(false));
        advance(Duration::from_mins(5)).await;
        slow.succeeded_at = Some(Instant::now());
        site.collected([&jobs, &slow].into_iter());
        assert_eq!((site.up, site.credential), (Some(true), Some(true)), "it was a permission of jobs");
    }

    #[tokio::test(start_paused = true)]
    async fn the_keys_own_check_asks_once_an_hour_also_after_errors_and_when_all_begins_to_be_refused() {
        let mut jobs = CollectorState::new("jobs");
        let mut site = SiteStatus { version: Some(ApiVersion::NEWEST), ..SiteStatus::default() };
        let mut asked = Vec::new();
        // No answer of the key's own comes.
        for minute in 0..=125 {
            let all_refused = minute > 60;
            let ended = if all_refused { &mut jobs.refused_at } else { &mut jobs.succeeded_at };
            *ended = Some(Instant::now());
            jobs.runs =
                Some(RunStats { success: !all_refused, unauthorized: all_refused, ..RunStats::default() });
            site.collected(std::iter::once(&jobs));
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
