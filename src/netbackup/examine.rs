//! Requests that only the doctor makes.

use tokio::time::Instant;

use super::listing::encode;
use super::{Client, Error, decode};

impl Client {
    /// Asks for one record of a listing, to find out whether it may be read; returns whether there was one.
    pub(crate) async fn try_listing(&self, endpoint: &'static str, deadline: Instant) -> Result<bool, Error> {
        let text = self.get(endpoint, encode(&[("page[limit]", "1")]), deadline).await?;
        let page = decode::<serde::de::IgnoredAny>(&text);
        let page = page.map_err(|error| self.exchange.fail(endpoint, error.into()))?;
        Ok(!page.records.is_empty())
    }
}
