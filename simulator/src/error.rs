//! Errors as the NetBackup API reports them.

use std::collections::BTreeMap;

use http::StatusCode;
use serde::Serialize;

/// Body of nearly every declared error (NetBackup API reference): the code is a NetBackup status code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ApiError {
    #[serde(skip)]
    pub(super) status: StatusCode,
    error_code: i64,
    error_message: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    attribute_errors: BTreeMap<String, String>,
    error_details: Vec<String>,
}

impl ApiError {
    /// The body that a server sends with `status`. The codes beside 227 ("no entity was found") and 130 ("system error
    /// occurred") are inferred: the reference names none.
    pub(super) fn of(status: StatusCode) -> Self {
        let (error_code, message) = match status.as_u16() {
            400 => (20, "Bad request."),
            // One text for all three, whatever the reason (NetBackup API reference, 401).
            401 => (
                8_000,
                "The `Authorization` header is missing, the token is invalid, or you do not have permission for this action.",
            ),
            403 => (8_000, "You do not have permission for this action."),
            404 => (227, "No entity found."),
            405 => (20, "Method not allowed. The specified HTTP operation is invalid."),
            406 => {
                (20, "Invalid `Accept` type. Make sure your `Accept` header matches what this API produces.")
            }
            415 => (20, "Unsupported media type."),
            429 => (134, "Too many requests."),
            503 => (134, "The server is busy."),
            _ => (130, "An unexpected system error occurred."),
        };
        Self {
            status,
            error_code,
            error_message: message.to_owned(),
            attribute_errors: BTreeMap::new(),
            error_details: Vec::new(),
        }
    }

    /// 400 for one parameter or attribute, with the reason.
    pub(super) fn invalid(attribute: &str, reason: &impl ToString) -> Self {
        let mut error = Self::of(StatusCode::BAD_REQUEST);
        error.attribute_errors.insert(attribute.to_owned(), reason.to_string());
        error
    }
}
