//! Questions whose text stands in a body: a POST that changes nothing at the server.

use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::request::{Accept, Request};
use super::{Client, Error};

impl Client {
    /// Asks, and reads the answer as a `T`.
    pub(crate) async fn query<T: DeserializeOwned>(
        &self,
        endpoint: &'static str,
        question: &serde_json::Value,
        deadline: Instant,
    ) -> Result<T, Error> {
        let body = question.to_string();
        let request =
            |version| Request { body: Some(body.clone()), ..Request::get(endpoint, Accept::Json(version)) };
        let text = self.exchange_text(request, deadline).await?;
        self.exchange.parse(endpoint, &text)
    }
}
