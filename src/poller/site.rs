use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::Plan;
use crate::config::ApiVersion;
use crate::netbackup::{Client, KeyState};

/// A key's end moves only when somebody makes a new key.
const KEY_INTERVAL: Duration = Duration::from_hours(1);

/// What is known of the site as a whole.
#[derive(Debug, Default)]
pub(super) struct SiteRecord {
    pub(super) up: Option<bool>,
    pub(super) version: Option<ApiVersion>,
    /// Whether the configured key is accepted; `None` while nobody has asked.
    pub(super) credential: Option<bool>,
    /// When the key ends, where NetBackup says it.
    pub(super) key_expiry: Option<Timestamp>,
    /// Whether the first cycle has ended.
    pub(super) complete: bool,
    /// A newer key than the one in use was refused and waits for its time.
    newer_key_waits: bool,
    key_asked: Option<Instant>,
    /// Why the server could not be reached, to say it once.
    failure: Option<String>,
}

impl SiteRecord {
    /// The server answered.
    pub(super) fn reached(&mut self, plan: &Plan, version: ApiVersion) {
        self.version = Some(version);
        if self.failure.take().is_some() {
            tracing::info!(site = %plan.site.name, endpoint = %plan.site.endpoint, "NetBackup answers again");
        }
    }

    /// The server did not answer.
    pub(super) fn not_reached(&mut self, plan: &Plan, why: &str) {
        self.up = Some(false);
        self.version = None;
        if self.failure.as_deref() != Some(why) {
            tracing::warn!(site = %plan.site.name, endpoint = %plan.site.endpoint, err = why, "NetBackup can not be reached");
            self.failure = Some(why.to_owned());
        }
    }

    /// Another key is in use now, of which nothing is known; or, if `newer_waits`, the old one still is.
    pub(super) fn key_changed(&mut self, newer_waits: bool) {
        self.newer_key_waits = newer_waits;
        self.credential = newer_waits.then_some(false);
        self.key_expiry = None;
        self.key_asked = None;
    }

    /// Whether it is time to ask about the key: at first, then seldom, and in each cycle while it is refused.
    pub(super) fn key_is_due(&self) -> bool {
        let refused = self.credential == Some(false) && !self.newer_key_waits;
        refused || self.key_asked.is_none_or(|asked| asked.elapsed() > KEY_INTERVAL)
    }

    /// Asks whether the key is good and when it ends. One refused collector alone means a missing permission.
    pub(super) async fn ask_about_key(&mut self, client: &Client, deadline: Instant, plan: &Plan) {
        let state = match client.check_key(deadline).await {
            Ok(state) => state,
            // Some keys may not ask; the collectors tell what matters.
            Err(error) => {
                return tracing::debug!(site = %plan.site.name, err = %error, "The key's end is not known");
            }
        };
        self.key_asked = Some(Instant::now());
        let accepted = state != KeyState::Rejected;
        if let KeyState::Accepted { expiry } = state {
            self.key_expiry = expiry;
        }
        if !accepted && self.credential != Some(false) {
            tracing::error!(
                site = %plan.site.name,
                "NetBackup refuses the API key: create a new one and put it in its place"
            );
        }
        self.credential = Some(accepted && !self.newer_key_waits);
    }
}
