//! The configuration in the picture.

use super::model::{ConfigurationPicture, RejectedPicture, RunningPicture, VerdictPicture};
use super::moment::whole;
use crate::reload::{ActiveConfig, PastVerdict, ReloadStatus};

/// The configuration that runs, the one that does not, and what came of the last reloads.
pub(super) fn of(active: Option<&ActiveConfig>, reload: &ReloadStatus) -> ConfigurationPicture {
    let rejected = reload.rejection.as_ref().map(|(at, verdict)| RejectedPicture {
        at: whole(*at),
        trigger: verdict.trigger.as_ref().to_owned(),
        revision: verdict.revision.as_deref().map(str::to_owned),
        hash: verdict.text_digest.map(|digest| digest.short()),
        mistakes: lines(&verdict.detail),
        changes: reload.rejected_changes.to_vec(),
    });
    ConfigurationPicture {
        running: active.map(running),
        rejected,
        verdicts: reload.past.iter().map(verdict).collect(),
    }
}

fn running(active: &ActiveConfig) -> RunningPicture {
    RunningPicture {
        origin: active.origin.clone(),
        revision: active.resource_version.clone(),
        hash: active.text_digest.short(),
        loaded_at: whole(active.loaded_at),
        warnings: active.warnings.clone(),
        lacking_sites: active.config.lacking.iter().map(|site| site.name.to_string()).collect(),
    }
}

fn verdict(past: &PastVerdict) -> VerdictPicture {
    let PastVerdict { at, took, verdict } = past;
    VerdictPicture {
        at: whole(*at),
        trigger: verdict.trigger.as_ref().to_owned(),
        outcome: verdict.outcome.as_ref().to_owned(),
        revision: verdict.revision.as_deref().map(str::to_owned),
        hash: verdict.text_digest.map(|digest| digest.short()),
        duration_seconds: took.as_secs_f64(),
        detail: lines(&verdict.detail),
    }
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}
