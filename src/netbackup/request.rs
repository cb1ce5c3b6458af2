//! One request to the API.

use super::body::LARGEST_BODY;
use crate::config::ApiVersion;

/// One request, but for what all have in common.
#[derive(Debug)]
pub(super) struct Request {
    /// The resource below the base path, such as `/config/policies/{name}`; it labels what is counted.
    pub(super) endpoint: &'static str,
    /// The path, where it differs from the resource's name; encoded.
    pub(super) path: Option<String>,
    /// Encoded, without its question mark.
    pub(super) query: String,
    pub(super) accept: Accept,
    /// What is asked in a body, in JSON: then it is a POST, which changes nothing at the server all the same.
    pub(super) body: Option<String>,
    /// Whether policies of all types are asked for in one schema (`X-NetBackup-Policy-Use-Generic-Schema`).
    pub(super) generic_schema: bool,
    /// The most that the answer may measure once it is unpacked, in bytes.
    pub(super) largest_body: usize,
}

impl Request {
    /// A GET without a query.
    pub(super) fn get(endpoint: &'static str, accept: Accept) -> Self {
        Self {
            endpoint,
            path: None,
            query: String::new(),
            accept,
            body: None,
            generic_schema: false,
            largest_body: LARGEST_BODY,
        }
    }

    /// The word for it in logs.
    pub(super) fn method(&self) -> &'static str {
        if self.body.is_some() { "POST" } else { "GET" }
    }
}

/// What a request asks for, and whether it carries the key.
#[derive(Clone, Copy, Debug)]
pub(super) enum Accept {
    /// A short text, asked for without the key.
    Text,
    /// NetBackup's JSON in one version, asked for with the key.
    Json(ApiVersion),
    /// The same, asked for without the key.
    OpenJson(ApiVersion),
}

/// NetBackup's JSON in one version.
pub(super) fn media_type(version: ApiVersion) -> String {
    format!("application/vnd.netbackup+json;version={version}")
}
