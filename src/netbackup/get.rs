//! One GET that is no walk over pages.

use tokio::time::Instant;

use super::body::LARGEST_BODY;
use super::listing::{encode, encode_segment};
use super::request::{Accept, Request};
use super::{Client, DecodeError, Error};
use crate::config::ApiVersion;

/// An answer that has no pages may be as large as this: about 90 000 hosts.
const LARGEST_WHOLE_LIST: usize = 128 << 20;

/// One GET that is no walk over pages.
#[derive(Clone, Debug)]
pub(crate) struct Get {
    endpoint: &'static str,
    path: Option<String>,
    query: Vec<(&'static str, String)>,
    generic_schema: bool,
    largest_body: usize,
    without_key: bool,
}

impl Get {
    /// A GET of a resource such as `/security/serverinfo`.
    pub(crate) fn new(endpoint: &'static str) -> Self {
        Self {
            endpoint,
            path: None,
            query: Vec::new(),
            generic_schema: false,
            largest_body: LARGEST_BODY,
            without_key: false,
        }
    }

    /// Puts a value for the `{…}` of the resource's name; any character may be in it.
    pub(crate) fn segment(mut self, value: &str) -> Self {
        if let Some((before, rest)) = self.endpoint.split_once('{') {
            let after = rest.split_once('}').map_or("", |(_, after)| after);
            self.path = Some(format!("{before}{}{after}", encode_segment(value)));
        }
        self
    }

    /// Adds a query parameter in plain text.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    /// Asks for policies of all types in one schema (`X-NetBackup-Policy-Use-Generic-Schema`).
    pub(crate) fn in_generic_schema(self) -> Self {
        Self { generic_schema: true, ..self }
    }

    /// The answer is a whole list without pages, so it may be large.
    pub(crate) fn whole_list(self) -> Self {
        Self { largest_body: LARGEST_WHOLE_LIST, ..self }
    }

    /// Anybody may read it, so the key stays here.
    pub(crate) fn without_key(self) -> Self {
        Self { without_key: true, ..self }
    }

    pub(super) fn request(&self, version: ApiVersion) -> Request {
        let query: Vec<_> = self.query.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let accept = if self.without_key { Accept::OpenJson(version) } else { Accept::Json(version) };
        Request {
            path: self.path.clone(),
            query: encode(&query),
            generic_schema: self.generic_schema,
            largest_body: self.largest_body,
            ..Request::get(self.endpoint, accept)
        }
    }
}

impl Client {
    /// Sends one GET in the version in use, and hands its text to `decode`.
    pub(crate) async fn get_with<T>(
        &self,
        get: &Get,
        deadline: Instant,
        decode: impl FnOnce(&str) -> Result<T, DecodeError> + Send,
    ) -> Result<T, Error> {
        let text = self.exchange_text(|version| get.request(version), deadline).await?;
        decode(&text).map_err(|error| self.exchange.fail(get.endpoint, error.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_character_may_be_in_a_segment_of_the_path() {
        let get = Get::new("/config/policies/{name}").segment("a/b ü?%").in_generic_schema();
        let request = get.request(ApiVersion::NEWEST);
        assert_eq!(request.path.as_deref(), Some("/config/policies/a%2Fb%20%C3%BC%3F%25"));
        assert_eq!((request.endpoint, request.generic_schema), ("/config/policies/{name}", true));
        let services = Get::new("/admin/hosts/{hostId}/services").segment("x");
        assert_eq!(services.request(ApiVersion::NEWEST).path.as_deref(), Some("/admin/hosts/x/services"));
    }
}
