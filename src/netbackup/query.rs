//! Questions whose text stands in a body: a POST that changes nothing at the server.

use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::{Client, Error};

impl Client {
    /// Asks, and reads the answer as a `T`.
    pub(crate) async fn query<T: DeserializeOwned>(
        &self,
        endpoint: &'static str,
        question: &serde_json::Value,
        deadline: Instant,
    ) -> Result<T, Error> {
        let body = Some(question.to_string());
        let text = self.exchange_text(endpoint, String::new(), body, deadline).await?;
        self.exchange.parse(endpoint, &text)
    }
}
