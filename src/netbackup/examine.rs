//! Requests that only the doctor makes.

use tokio::time::Instant;

use crate::config::ApiVersion;

use super::listing::encode;
use super::request::{Accept, Request};
use super::{Client, Error, decode};

/// Needs no key ("NetBackup API reference, /security/serverinfo").
const SERVER_INFO: &str = "/security/serverinfo";

impl Client {
    /// The server's release, such as `10.5`, if it says one.
    pub(crate) async fn release(
        &self,
        version: ApiVersion,
        deadline: Instant,
    ) -> Result<Option<String>, Error> {
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct ReleaseRecord {
            #[serde(default)]
            nbu_version: Option<String>,
        }
        let accept = Accept::OpenJson(version);
        let request = Request::get(SERVER_INFO, accept);
        let answer = self.exchange.send(&request, deadline).await?;
        let info: ReleaseRecord = self.exchange.parse(SERVER_INFO, &answer.text)?;
        Ok(info.nbu_version)
    }

    /// Asks for one record of a listing, to find out whether it may be read; returns whether there was one.
    pub(crate) async fn try_listing(&self, endpoint: &'static str, deadline: Instant) -> Result<bool, Error> {
        let text = self.get(endpoint, encode(&[("page[limit]", "1")]), deadline).await?;
        let page = decode::<serde::de::IgnoredAny>(&text);
        let page = page.map_err(|error| self.exchange.fail(endpoint, error.into()))?;
        Ok(!page.records.is_empty())
    }
}
