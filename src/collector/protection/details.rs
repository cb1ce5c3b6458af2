//! The details of policies: asked for one by one, and remembered until a policy is edited.

use std::collections::HashMap;
use std::time::Duration;

use jiff::civil::Date;
use tokio::time::Instant;

use super::interval::{PolicyDue, PolicySchedule};
use super::record::ListedPolicy;
use super::schedule::schedules;
use crate::collector::contract::{CollectError, Context, Diagnostics};
use crate::collector::resource::V12_0;
use crate::netbackup::{Cause, Error, Get};

/// How many policies are asked for in one run: a large domain has some hundreds, so all are known after a few runs.
const MOST_IN_A_RUN: usize = 100;
/// A run begins no further request after this long, so that a slow server does not hold up the list.
const LONGEST: Duration = Duration::from_mins(2);
/// After so many policies in a row the server is not well, and is left alone until the next run.
const MOST_FAILURES: usize = 3;
/// Where the server does not say whether a policy was edited, it is asked for as often as this; so is one that it can not show.
const DAILY: Duration = Duration::from_hours(24);
/// A policy at which the server failed is asked for again after this long.
const AFTER_FAILURE: Duration = Duration::from_hours(1);

/// What is known of the details of policies, by their names.
#[derive(Debug, Default)]
pub(super) struct PolicyDetails(HashMap<String, PolicyDetail>);

#[derive(Debug)]
struct PolicyDetail {
    /// When it was last asked for.
    tried: Instant,
    /// The generation of the policy whose details were answered; `None` while there was no answer, and where there are no generations.
    generation: Option<i64>,
    /// When it is asked for again, even if it was not edited.
    again: Option<Instant>,
    /// `None` while they are not known.
    schedules: Option<Vec<PolicySchedule>>,
}

/// What came of one request.
enum DetailsAnswer {
    Schedules(Vec<PolicySchedule>),
    /// The server can not show this policy.
    Unavailable,
    /// It failed at this one.
    Failed,
}

impl PolicyDetails {
    /// When a policy is due; `None` while that is not known.
    pub(super) fn due(&self, name: &str, today: Date) -> Option<PolicyDue> {
        Some(PolicyDue::of(self.0.get(name)?.schedules.as_deref()?, today))
    }

    /// Keeps only those of these policies: the list was read to its end.
    pub(super) fn keep(&mut self, is_listed: impl Fn(&str) -> bool) {
        self.0.retain(|name, _| is_listed(name));
    }

    /// Asks for the details of policies that are new or were edited, the longest not asked for first, as many as one run may. It
    /// fails only if the role may not see them: all else concerns one policy, or the next run goes on.
    pub(super) async fn refresh(
        &mut self,
        resource: &'static str,
        policies: impl Iterator<Item = &ListedPolicy>,
        context: &Context<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Result<(), CollectError> {
        let started = Instant::now();
        let mut wanted: Vec<_> = policies.filter(|policy| self.is_wanted(policy, started)).collect();
        wanted.sort_by_key(|policy| self.0.get(&policy.name).map(|detail| detail.tried));
        wanted.truncate(MOST_IN_A_RUN);
        let mut failures = 0;
        for policy in wanted {
            if context.is_over() || started.elapsed() >= LONGEST || failures >= MOST_FAILURES {
                break;
            }
            // Noted before: if the run ends here, the others have their turn in the next one.
            self.note_try(&policy.name);
            match ask(resource, &policy.name, context, diagnostics).await {
                Ok(answer) => {
                    failures = if matches!(answer, DetailsAnswer::Failed) { failures + 1 } else { 0 };
                    self.note(policy, answer);
                }
                Err(error) if error.is_unauthorized() => return Err(error.into()),
                // The server is not reached, is slow, or asks for quiet; or the run has no request left.
                Err(error) => {
                    tracing::debug!(%error, "The details of the other policies are asked for in the next run");
                    break;
                }
            }
        }
        Ok(())
    }

    fn is_wanted(&self, policy: &ListedPolicy, now: Instant) -> bool {
        self.0.get(&policy.name).is_none_or(|detail| {
            detail.generation != policy.generation || detail.again.is_some_and(|again| now >= again)
        })
    }

    fn note_try(&mut self, name: &str) {
        let now = Instant::now();
        if let Some(detail) = self.0.get_mut(name) {
            detail.tried = now;
            return;
        }
        let detail = PolicyDetail { tried: now, generation: None, again: Some(now), schedules: None };
        self.0.insert(name.to_owned(), detail);
    }

    fn note(&mut self, policy: &ListedPolicy, answer: DetailsAnswer) {
        let Some(detail) = self.0.get_mut(&policy.name) else { return };
        detail.generation = policy.generation;
        let now = Instant::now();
        match answer {
            DetailsAnswer::Schedules(schedules) => {
                detail.again = policy.generation.is_none().then_some(now + DAILY);
                detail.schedules = Some(schedules);
            }
            DetailsAnswer::Unavailable => {
                detail.again = Some(now + DAILY);
                detail.schedules = None;
            }
            // What is known stays: it is more likely to hold than not.
            DetailsAnswer::Failed => detail.again = Some(now + AFTER_FAILURE),
        }
    }
}

/// Asks for the details of one policy. An error says nothing of this policy.
async fn ask(
    resource: &'static str,
    name: &str,
    context: &Context<'_>,
    diagnostics: &mut Diagnostics,
) -> Result<DetailsAnswer, Error> {
    let get = Get::new(resource).segment(name);
    // Before it there is a schema for each type of policy, and 501 for types without one.
    let has_generic_schema = context.client.version().is_none_or(|version| version >= V12_0);
    let get = if has_generic_schema { get.in_generic_schema() } else { get };
    let error = match context.client.get_with(&get, context.deadline, schedules).await {
        Ok((schedules, malformed)) => {
            diagnostics.malformed += malformed;
            return Ok(DetailsAnswer::Schedules(schedules));
        }
        Err(error) => error,
    };
    let answer = match &error.cause {
        Cause::Server { status: 501, .. }
        | Cause::NotFound
        | Cause::NotAcceptable(_)
        | Cause::Client { .. }
        | Cause::Redirect(_)
        | Cause::TooLarge(_)
        | Cause::ContentType(_)
        | Cause::Decode(_) => DetailsAnswer::Unavailable,
        Cause::Server { .. } => DetailsAnswer::Failed,
        _ => return Err(error),
    };
    tracing::debug!(policy = name, %error, "The details of a policy can not be read");
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn without_generations_a_policy_is_asked_for_daily_and_after_a_failure_hourly() {
        let policy =
            |generation| ListedPolicy { name: "p".to_owned(), generation, ..ListedPolicy::default() };
        let schedules = || DetailsAnswer::Schedules(Vec::new());
        for (generation, answer, pause) in [
            (None, schedules(), Some(DAILY)),
            (None, DetailsAnswer::Failed, Some(AFTER_FAILURE)),
            (None, DetailsAnswer::Unavailable, Some(DAILY)),
            (Some(1), schedules(), None),
            (Some(1), DetailsAnswer::Failed, Some(AFTER_FAILURE)),
            (Some(1), DetailsAnswer::Unavailable, Some(DAILY)),
        ] {
            let policy = policy(generation);
            let mut details = PolicyDetails::default();
            assert!(details.is_wanted(&policy, Instant::now()));
            details.note_try("p");
            assert!(details.is_wanted(&policy, Instant::now()), "there was no answer yet");
            details.note(&policy, answer);
            let pause_over = pause.unwrap_or(Duration::from_hours(24 * 365));
            assert!(!details.is_wanted(&policy, Instant::now() + pause_over - Duration::from_secs(1)));
            assert_eq!(details.is_wanted(&policy, Instant::now() + pause_over), pause.is_some());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_known_of_a_policy_stays_while_the_server_fails_and_goes_when_it_can_not_show_it() {
        let policy = ListedPolicy { name: "p".to_owned(), ..ListedPolicy::default() };
        let today = jiff::civil::date(2026, 2, 10);
        let mut details = PolicyDetails::default();
        details.note_try("p");
        assert_eq!(details.due("p", today), None);
        details.note(&policy, DetailsAnswer::Schedules(Vec::new()));
        assert_eq!(details.due("p", today), Some(PolicyDue::default()));
        details.note(&policy, DetailsAnswer::Failed);
        assert!(details.due("p", today).is_some());
        details.note(&policy, DetailsAnswer::Unavailable);
        assert!(details.due("p", today).is_none());
    }
}
