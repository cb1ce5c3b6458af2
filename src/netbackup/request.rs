//! One request to the API.

use crate::config::ApiVersion;

/// One request, but for what all have in common.
#[derive(Debug)]
pub(super) struct Request {
    /// The path below the base path; it labels what is counted.
    pub(super) endpoint: &'static str,
    /// Encoded, without its question mark.
    pub(super) query: String,
    pub(super) accept: Accept,
    /// What is asked in a body, in JSON: then it is a POST, which changes nothing at the server all the same.
    pub(super) body: Option<String>,
}

impl Request {
    /// A GET without a query.
    pub(super) fn get(endpoint: &'static str, accept: Accept) -> Self {
        Self { endpoint, query: String::new(), accept, body: None }
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
