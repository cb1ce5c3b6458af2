//! Why the API server does not give what we ask for.

use std::error::Error as _;
use std::fmt::Write as _;
use std::time::Duration;

use tokio::time::timeout;

use super::ObjectName;

/// Why the API server does not give what we ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ApiError {
    /// 401: the credentials are not accepted.
    Unauthorized,
    /// 403: a rule is missing.
    Forbidden {
        /// What was asked for: `get`, `list` or `watch`.
        verb: &'static str,
    },
    /// Our version is too old to watch from.
    Expired,
    /// No answer in time.
    Timeout(Duration),
    /// A watch that ended at once.
    EndedEarly,
    /// An answer that is not the object that was asked for.
    NotTheObject,
    /// An answer that can not be decoded, at this position. Its content is not shown: it may be of a Secret.
    Malformed {
        /// Its line.
        line: usize,
        /// Its column.
        column: usize,
    },
    /// Anything else: a sentence.
    Other(String),
}

impl ApiError {
    pub(super) fn new(verb: &'static str, error: &kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => Self::of_status(verb, status),
            kube::Error::SerdeError(error) => Self::Malformed { line: error.line(), column: error.column() },
            error => {
                // The service, the connector and the system each add something.
                let mut text = error.to_string();
                let mut source = error.source();
                while let Some(cause) = source {
                    let cause_text = cause.to_string();
                    if !text.contains(&cause_text) {
                        // Writing to a `String` can not fail.
                        let _ = write!(text, ": {cause_text}");
                    }
                    source = cause.source();
                }
                Self::Other(text)
            }
        }
    }

    pub(super) fn of_status(verb: &'static str, status: &kube::core::Status) -> Self {
        match status.code {
            401 => Self::Unauthorized,
            403 => Self::Forbidden { verb },
            410 => Self::Expired,
            code => {
                Self::Other(format!("HTTP {code} {}: {}", status.reason, status.message).trim().to_owned())
            }
        }
    }

    /// What is wrong and what helps, in a sentence.
    pub(crate) fn sentence(&self, object: &ObjectName) -> String {
        let ObjectName { name, kind, .. } = object;
        let namespace = object.namespace.as_deref().unwrap_or_default();
        match self {
            Self::Unauthorized => {
                "the API server does not accept our credentials (401): check the service account's token, or the \
                 kubeconfig"
                    .to_owned()
            }
            Self::Forbidden { verb } => format!(
                "the API server forbids to {verb} the {kind} (403): give the service account a Role in namespace \
                 {namespace} with apiGroups [\"\"], resources [{}], resourceNames [{name}], verbs [get, list, watch]; \
                 the verb {verb} is missing",
                kind.resource()
            ),
            Self::Expired => "the API server no longer has the version to watch from (410)".to_owned(),
            Self::Timeout(after) => format!("no answer within {after:?}"),
            Self::EndedEarly => "the watch ended at once".to_owned(),
            Self::NotTheObject => format!("the answer is not the {kind} {name}: something else than the API server answers"),
            Self::Malformed { line, column } => {
                format!("the answer is no {kind} as the API server shows one (line {line}, column {column} of it)")
            }
            Self::Other(text) => text.clone(),
        }
    }

    /// Whether both are of the same kind, whatever their texts.
    pub(super) fn is_same_kind(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

/// The answer to a request, which may take so long.
pub(super) async fn within<T>(
    limit: Duration,
    verb: &'static str,
    request: impl Future<Output = kube::Result<T>>,
) -> Result<T, ApiError> {
    match timeout(limit, request).await {
        Ok(answer) => answer.map_err(|error| ApiError::new(verb, &error)),
        Err(_) => Err(ApiError::Timeout(limit)),
    }
}

/// What was asked for; `None` if there is no such object (404).
pub(super) fn found<T>(answer: kube::Result<T>) -> kube::Result<Option<T>> {
    match answer {
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
        answer => answer.map(Some),
    }
}
