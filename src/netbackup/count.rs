//! How many records a list has, without reading it.

use serde::de::IgnoredAny;
use tokio::time::Instant;

use super::page::decode;
use super::{Client, Error, Listing};

impl Client {
    /// How many records a list has (`meta.pagination.count`), from one request for one record of it; `None` if the server does not say.
    pub(crate) async fn count(&self, listing: &Listing, deadline: Instant) -> Result<Option<u64>, Error> {
        let one = Listing { limit: 1, ..listing.clone() };
        let text = self.get(one.endpoint, one.first_query(), deadline).await?;
        let page =
            decode::<IgnoredAny>(&text).map_err(|error| self.exchange.fail(one.endpoint, error.into()))?;
        let count = page.page.pagination.and_then(|pagination| pagination.count);
        // A list that is shorter than its page may say nothing of its pages.
        Ok(count.or((page.page.records == 0).then_some(0)))
    }
}
