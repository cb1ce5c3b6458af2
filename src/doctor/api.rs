//! Whether there is a common version of the API, and how far apart the clocks are.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::report::{Curable, Finding};
use crate::collector;
use crate::config::{ApiVersion, Site};
use crate::netbackup::{Cause, Client, ClientError, Error, Stats, TlsCache};

/// Clocks that differ by more than this make the end times of jobs wrong.
const MOST_CLOCK_OFFSET: SignedDuration = SignedDuration::from_mins(1);

/// There is no common version of the API, or the server has no such API.
#[derive(Debug, thiserror::Error)]
pub(super) enum NegotiationError {
    #[error("no client for this site: {0}")]
    Client(#[from] ClientError),
    #[error("GET {0}")]
    Request(#[from] Error),
    #[error("apiVersion {pinned} is pinned, and the server speaks {server} at most")]
    Pinned { pinned: ApiVersion, server: ApiVersion },
}

impl Curable for NegotiationError {
    fn cure(&self) -> String {
        match self {
            Self::Client(_) => "correct the site's settings".to_owned(),
            Self::Pinned { server, .. } => {
                format!("remove apiVersion, so that it is found by itself, or set apiVersion: \"{server}\"")
            }
            Self::Request(error) => of_request(&error.cause),
        }
    }
}

/// What to do when a request fails after the connection has stood, and of one that needs no key.
pub(super) fn of_request(cause: &Cause) -> String {
    match cause {
        Cause::Dns(_) | Cause::ProxyDns { .. } | Cause::Connect(_) | Cause::Tls(_) => {
            "the connection broke after it had stood: try again".to_owned()
        }
        Cause::Unauthorized | Cause::Forbidden => {
            "see what is before NetBackup: it asks for a key where NetBackup asks for none".to_owned()
        }
        cause => cause.cure(),
    }
}

/// A client with the version that the exporter would use.
pub(super) async fn negotiate(
    site: &Site,
    tls: &TlsCache,
    deadline: Instant,
) -> Result<(Client, Finding), NegotiationError> {
    let client = Client::new(site, tls, Arc::new(Stats::default()), Arc::default())?;
    let announced = client.announced(deadline).await?;
    if let (Some(pinned), Some(server)) = (site.api_version, announced)
        && pinned > server
    {
        return Err(NegotiationError::Pinned { pinned, server });
    }
    let version = match client.negotiate(deadline).await {
        Ok(version) => version,
        // A server that announces no version is asked with the key, which is the next step.
        Err(error) if error.is_unauthorized() => {
            let finding =
                Finding::passed("the server announces no version; it is found once a key is accepted");
            return Ok((client, finding));
        }
        Err(error) => return Err(error.into()),
    };
    // For information only; a failure has no consequence.
    let release = collector::release(&client, deadline).await;
    let finding = Finding::passed(versions_in_words(
        version,
        announced,
        release.as_deref(),
        site.api_version.is_some(),
    ))
    .with("version", version.to_string())
    .with("serverVersion", announced.map(|version| version.to_string()))
    .with("release", release);
    Ok((client, finding))
}

fn versions_in_words(
    version: ApiVersion,
    announced: Option<ApiVersion>,
    release: Option<&str>,
    pinned: bool,
) -> String {
    let release = release.map(|release| format!("NetBackup {release}, ")).unwrap_or_default();
    let server = announced
        .map_or_else(|| "none is announced".to_owned(), |server| format!("the server's is {server}"));
    let pinned = if pinned { "pinned; " } else { "" };
    format!("{release}API version {version} ({pinned}{server})")
}

/// Whether the server's clock and ours agree.
pub(super) fn clock(offset: Option<SignedDuration>) -> Finding {
    let Some(offset) = offset else { return Finding::passed("the server does not tell its time") };
    let seconds = offset.unsigned_abs().as_secs_f64();
    let side = if offset.is_negative() { "behind" } else { "ahead of" };
    let finding = if offset.abs() > MOST_CLOCK_OFFSET {
        let cure =
            "synchronise both clocks (NTP): dates in the metrics and on certificates are off by as much";
        Finding::warned(format!("the server's clock is {seconds:.0} s {side} ours"), cure)
    } else {
        Finding::passed(format!("the server's clock and ours agree within {:.0} s", seconds.ceil().max(1.0)))
    };
    finding.with("offsetSeconds", offset.as_secs_f64())
}

/// Whole days; negative when the moment has passed.
pub(super) fn days_until(moment: Timestamp, now: Timestamp) -> i64 {
    moment.duration_since(now).as_secs().div_euclid(86_400)
}

/// `ends in 12 days (2026-12-06)`.
pub(super) fn ending(moment: Timestamp, now: Timestamp) -> String {
    let date = moment.strftime("%Y-%m-%d");
    match days_until(moment, now) {
        ..0 => format!("ended on {date}"),
        0 => format!("ends within a day ({date})"),
        1 => format!("ends in 1 day ({date})"),
        days => format!("ends in {days} days ({date})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::CheckStatus;

    fn check(seconds: i64, status: CheckStatus, text: &str) {
        let finding = clock(Some(SignedDuration::from_secs(seconds)));
        assert_eq!((finding.status, finding.finding.as_str()), (status, text));
    }

    #[test]
    fn a_clock_may_be_a_minute_off() {
        check(0, CheckStatus::Passed, "the server's clock and ours agree within 1 s");
        check(-60, CheckStatus::Passed, "the server's clock and ours agree within 60 s");
        check(61, CheckStatus::Warned, "the server's clock is 61 s ahead of ours");
        check(-3600, CheckStatus::Warned, "the server's clock is 3600 s behind ours");
    }

    #[test]
    fn days_are_whole_ones() {
        let now: Timestamp = "2026-02-03T12:00:00Z".parse().unwrap();
        let check = |moment: &str, expected| assert_eq!(ending(moment.parse().unwrap(), now), expected);
        check("2026-02-03T11:59:59Z", "ended on 2026-02-03");
        check("2026-02-04T11:59:59Z", "ends within a day (2026-02-04)");
        check("2026-02-04T12:00:00Z", "ends in 1 day (2026-02-04)");
        check("2026-03-05T12:00:00Z", "ends in 30 days (2026-03-05)");
    }
}
