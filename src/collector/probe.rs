//! What the key's role may see of a list, where the list itself does not say it.

use std::fmt;
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use tokio::time::Instant;

use super::contract::Context;
use crate::netbackup::{Cause, Client, Error};

/// What a role without the permission gets ("NetBackup API reference, getting started, access control").
#[derive(Clone, Copy, Debug)]
pub(crate) enum Enforcement {
    /// "API level": 401.
    Api,
    /// "Object level": a list without what it may not see, which is mostly an empty list. The probe tells it from one that is
    /// really empty.
    Object(&'static Probe),
}

/// A request about the same records whose enforcement is "API level".
pub(crate) struct Probe {
    /// Its method and its path.
    pub request: &'static str,
    /// How many records there are since a moment of the server's clock.
    pub count: for<'a> fn(&'a Client, Timestamp, Instant) -> BoxFuture<'a, Result<u64, Error>>,
}

impl fmt::Debug for Probe {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Probe({})", self.request)
    }
}

/// How often a permission is asked about: it changes rarely.
const INTERVAL: Duration = Duration::from_hours(1);
/// How far back records are counted at most.
pub(crate) const COUNTED: Duration = Duration::from_hours(24);
/// How many records may come or go between a list and its count.
const MARGIN: u64 = 20;

/// What is remembered of a probe from run to run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ProbeMemory {
    asked: Option<Instant>,
    answer: ProbeAnswer,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum ProbeAnswer {
    /// There was no answer yet, or none that says anything.
    #[default]
    Unknown,
    /// The role may see all.
    Granted,
    /// The role may not see all; and whether the list was empty then.
    Refused { was_empty: bool },
    /// The role may see all, but the list had far fewer records than there are.
    Short,
}

/// How much of a list the role of the key sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Visibility {
    /// All, as far as is known.
    Whole,
    /// A part.
    Part,
    /// Nothing.
    Nothing,
}

impl ProbeMemory {
    /// Asks how many records there are since a moment. The run had `records`; the collector knows `known` since then, if it
    /// knows all.
    pub(super) async fn ask(
        &mut self,
        probe: &Probe,
        context: &Context<'_>,
        since: Timestamp,
        records: u64,
        known: Option<u64>,
    ) {
        self.asked = Some(Instant::now());
        let outcome = (probe.count)(context.client, since, context.deadline).await;
        if let Err(error) = &outcome {
            tracing::debug!(%error, "The permission was asked for");
        }
        if let Some(answer) = ProbeAnswer::of(&outcome, records, known) {
            self.answer = answer;
        }
    }

    /// Whether the role was refused the probe.
    pub(super) fn is_refused(&self) -> bool {
        matches!(self.answer, ProbeAnswer::Refused { .. })
    }

    /// How much the role sees of a list that had so many `records`.
    pub(super) fn visibility(&self, records: u64) -> Visibility {
        match self.answer {
            ProbeAnswer::Unknown | ProbeAnswer::Granted => Visibility::Whole,
            ProbeAnswer::Refused { .. } if records == 0 => Visibility::Nothing,
            ProbeAnswer::Refused { .. } | ProbeAnswer::Short => Visibility::Part,
        }
    }

    /// Whether it is time to ask: at first, every hour, and after each empty list, unless a refusal has explained that already:
    /// refusals may count towards a lock-out.
    pub(super) fn is_due(&self, records: u64) -> bool {
        let was_empty = records == 0;
        let is_news = match self.answer {
            ProbeAnswer::Refused { was_empty: before } => before != was_empty,
            _ => was_empty,
        };
        is_news || self.asked.is_none_or(|asked| asked.elapsed() >= INTERVAL)
    }
}

impl ProbeAnswer {
    /// `None` for an answer that says nothing of the permission.
    fn of(outcome: &Result<u64, Error>, records: u64, known: Option<u64>) -> Option<Self> {
        let was_empty = records == 0;
        match outcome {
            Ok(count) if known.is_some_and(|known| *count > 2 * known + MARGIN) => Some(Self::Short),
            Ok(_) => Some(Self::Granted),
            Err(Error { cause: Cause::Unauthorized, .. }) => Some(Self::Refused { was_empty }),
            // NetBackup itself answers 401; a proxy in between may forbid every POST.
            Err(Error { cause: Cause::Forbidden, .. }) if was_empty => Some(Self::Refused { was_empty }),
            Err(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: Option<ProbeAnswer> = Some(ProbeAnswer::Granted);

    fn check(outcome: Result<u64, Cause>, records: u64, known: Option<u64>, expected: Option<ProbeAnswer>) {
        let outcome = outcome.map_err(|cause| Error { endpoint: "/count", cause });
        assert_eq!(ProbeAnswer::of(&outcome, records, known), expected, "{outcome:?} {records} {known:?}");
    }

    #[test]
    fn a_count_says_whether_the_list_was_whole() {
        check(Ok(0), 0, Some(0), WHOLE);
        check(Ok(120), 3, Some(50), WHOLE);
        check(Ok(121), 3, Some(50), Some(ProbeAnswer::Short));
        check(Ok(121), 3, None, WHOLE);
        check(Err(Cause::Unauthorized), 0, Some(0), Some(ProbeAnswer::Refused { was_empty: true }));
        check(Err(Cause::Unauthorized), 3, Some(0), Some(ProbeAnswer::Refused { was_empty: false }));
        check(Err(Cause::Forbidden), 0, None, Some(ProbeAnswer::Refused { was_empty: true }));
        check(Err(Cause::Forbidden), 3, None, None);
        check(Err(Cause::NotFound), 0, None, None);
        check(Err(Cause::Timeout), 3, None, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_permission_is_asked_for_at_first_hourly_and_when_the_list_is_empty() {
        let mut permission = ProbeMemory::default();
        assert!(permission.is_due(7), "at first");
        let mut check = |answer, records, expected| {
            permission = ProbeMemory { asked: permission.asked.or(Some(Instant::now())), answer };
            assert_eq!(permission.is_due(records), expected, "{answer:?} {records}");
        };
        check(ProbeAnswer::Granted, 7, false);
        check(ProbeAnswer::Granted, 0, true);
        check(ProbeAnswer::Unknown, 0, true);
        check(ProbeAnswer::Refused { was_empty: true }, 0, false);
        check(ProbeAnswer::Refused { was_empty: true }, 7, true);
        check(ProbeAnswer::Refused { was_empty: false }, 7, false);
        check(ProbeAnswer::Refused { was_empty: false }, 0, true);
        tokio::time::advance(INTERVAL).await;
        check(ProbeAnswer::Granted, 7, true);
        check(ProbeAnswer::Refused { was_empty: true }, 0, true);
    }
}
