//! Whether the API key is accepted, and whether its role may read what the collectors read.

use jiff::Timestamp;
use tokio::time::Instant;

use super::api::{days_until, ending, of_request};
use super::report::{Curable, Finding};
use crate::collector::{COUNTED, Enforcement, Probe, Resource, Trial, absence_cure};
use crate::config::CollectorId;
use crate::netbackup::{Cause, Client, Error, Get, KeyState, NEW_KEY, NEXT_KEY};

/// A key that ends within these days is a warning: time enough to create a new one.
const WARN_DAYS: i64 = 30;

/// The key is not accepted.
#[derive(Debug, thiserror::Error)]
pub(super) enum KeyError {
    #[error("NetBackup refuses the API key (401): it is wrong, has ended, or was revoked")]
    Refused,
    #[error("the API key {0}")]
    Ended(String),
    #[error("GET {0}")]
    Request(#[from] Error),
}

impl Curable for KeyError {
    fn cure(&self) -> String {
        match self {
            Self::Refused | Self::Ended(_) => NEW_KEY.to_owned(),
            Self::Request(error) => of_request(&error.cause),
        }
    }
}

/// The key does not allow what a collector reads.
#[derive(Debug, thiserror::Error)]
pub(super) enum PermissionError {
    #[error("GET {} is refused ({status}): the key's role lacks the permission", resource.path)]
    Permission { resource: &'static Resource, status: u16 },
    #[error(
        "GET {} gives an empty list, and {} is refused (401): the key's role may not see what there is",
        resource.path,
        probe.request
    )]
    Hidden { resource: &'static Resource, probe: &'static Probe },
    #[error("GET {} is not there (404): this release of NetBackup lacks it", .resource.path)]
    Missing { id: CollectorId, resource: &'static Resource },
    #[error("GET {0}")]
    Request(Error),
}

impl Curable for PermissionError {
    fn cure(&self) -> String {
        match self {
            Self::Permission { resource, .. } | Self::Hidden { resource, .. } => resource.role_cure(),
            Self::Missing { id, .. } => absence_cure(*id),
            Self::Request(error) => of_request(&error.cause),
        }
    }
}

/// Whether the key is good, and for how long.
pub(super) async fn key(client: &Client, deadline: Instant) -> Result<Finding, KeyError> {
    match client.check_key(deadline).await? {
        KeyState::Rejected => Err(KeyError::Refused),
        // The server's own clock decides when a key ends.
        KeyState::Accepted { expiry } => accepted(expiry, client.server_time(Timestamp::now())),
    }
}

fn accepted(expiry: Option<Timestamp>, now: Timestamp) -> Result<Finding, KeyError> {
    let Some(expiry) = expiry else {
        return Ok(Finding::passed("accepted; the server does not tell when it ends"));
    };
    let finding = match days_until(expiry, now) {
        ..0 => return Err(KeyError::Ended(ending(expiry, now))),
        0..WARN_DAYS => Finding::warned(format!("accepted; it {}", ending(expiry, now)), NEXT_KEY),
        _ => Finding::passed(format!("accepted; it {}", ending(expiry, now))),
    };
    Ok(finding.with("expiry", expiry.to_string()))
}

/// Whether the key's role may read one resource of a collector.
pub(super) async fn permission(
    client: &Client,
    id: CollectorId,
    resource: &'static Resource,
    deadline: Instant,
) -> Result<Finding, PermissionError> {
    if let Some(version) = client.version().filter(|version| *version < resource.since) {
        return Ok(Finding::passed(format!(
            "GET {} is not in API version {version} but from {} on: it is not asked for",
            resource.path, resource.since
        )));
    }
    let tried = match resource.trial {
        Trial::FirstRecord => client.try_listing(resource.path, deadline).await,
        Trial::FirstRecordIfAny => match client.try_listing(resource.path, deadline).await {
            Err(Error { cause: Cause::NotFound, .. }) => Ok(false),
            tried => tried,
        },
        Trial::Whole => client.get_with(&Get::new(resource.path).whole_list(), deadline, |_| Ok(true)).await,
        Trial::None => {
            let named = format!("GET {} is not tried: it takes the name of an object", resource.path);
            return Ok(Finding::skipped(&named));
        }
    };
    let has_records = tried.map_err(|error| match error.cause {
        Cause::Unauthorized => PermissionError::Permission { resource, status: 401 },
        Cause::Forbidden => PermissionError::Permission { resource, status: 403 },
        Cause::NotFound => PermissionError::Missing { id, resource },
        _ => PermissionError::Request(error),
    })?;
    let allowed = format!("GET {} is allowed", resource.path);
    let Enforcement::Object(probe) = resource.enforcement else { return Ok(Finding::passed(allowed)) };
    let since = client.server_time(Timestamp::now()) - COUNTED;
    match (has_records, (probe.count)(client, since, deadline).await) {
        (true, Ok(_)) | (false, Ok(0)) => Ok(Finding::passed(allowed)),
        (false, Err(Error { cause: Cause::Unauthorized | Cause::Forbidden, .. })) => {
            Err(PermissionError::Hidden { resource, probe })
        }
        (true, Err(Error { cause: Cause::Unauthorized, .. })) => Ok(Finding::warned(
            format!(
                "GET {} gives records, but {} is refused (401): the key's role sees only a part of them",
                resource.path, probe.request
            ),
            resource.role_cure(),
        )),
        (false, Ok(count)) => Ok(Finding::warned(
            format!("GET {} gives an empty list, and {} counts {count}", resource.path, probe.request),
            resource.role_cure(),
        )),
        (true, Err(_)) => Ok(Finding::passed(allowed)),
        (false, Err(error)) => Ok(Finding::warned(
            format!(
                "GET {} gives an empty list, and whether that is all is not known: {error}",
                resource.path
            ),
            resource.role_cure(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::CheckStatus;

    fn check(days: i64, expected: Option<CheckStatus>) {
        let now: Timestamp = "2026-02-03T12:00:00Z".parse().unwrap();
        let expiry = Timestamp::from_second(now.as_second() + days * 86_400).unwrap();
        assert_eq!(accepted(Some(expiry), now).ok().map(|finding| finding.status), expected, "{days} days");
    }

    #[test]
    fn a_key_that_ends_soon_is_a_warning_and_one_that_has_ended_a_failure() {
        check(30, Some(CheckStatus::Passed));
        check(29, Some(CheckStatus::Warned));
        check(0, Some(CheckStatus::Warned));
        check(-1, None);
    }
}
