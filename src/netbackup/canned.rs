//! Answers from memory instead of from a server, for whoever makes up answers.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use reqwest::{RequestBuilder, Response};

/// Status and body of an answer.
pub(crate) type CannedAnswer = (u16, Vec<u8>);

/// What a client is answered, in this order; then there is nothing (404).
#[derive(Clone, Debug)]
pub(crate) struct CannedAnswers {
    answers: Arc<Mutex<VecDeque<CannedAnswer>>>,
    /// Whether a server answers, and what it says is kept.
    #[cfg(test)]
    records: bool,
}

impl CannedAnswers {
    /// Nothing, at first.
    pub(crate) fn new() -> Self {
        Self {
            answers: Arc::default(),
            #[cfg(test)]
            records: false,
        }
    }

    /// Replaces all that is left.
    pub(crate) fn set(&self, answers: impl IntoIterator<Item = CannedAnswer>) {
        *self.lock() = answers.into_iter().collect();
    }

    pub(super) async fn answer(&self, request: RequestBuilder) -> reqwest::Result<Response> {
        #[cfg(test)]
        if self.records {
            let answer = request.send().await?;
            let (status, body) = (answer.status().as_u16(), answer.bytes().await?.to_vec());
            self.lock().push_back((status, body.clone()));
            return Ok(response((status, body)));
        }
        request.build()?;
        Ok(response(self.lock().pop_front().unwrap_or((404, Vec::new()))))
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<CannedAnswer>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
impl CannedAnswers {
    /// Keeps what a server answers.
    pub(crate) fn recorder() -> Self {
        Self { records: true, ..Self::new() }
    }

    /// Takes out what it has answered.
    pub(crate) fn recorded(&self) -> Vec<CannedAnswer> {
        self.lock().drain(..).collect()
    }
}

fn response((status, body): CannedAnswer) -> Response {
    let mut response = http::Response::new(body);
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
    let content_type = http::HeaderValue::from_static("application/json");
    response.headers_mut().insert(http::header::CONTENT_TYPE, content_type);
    response.into()
}
