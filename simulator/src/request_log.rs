//! The requests that a simulated server got, for tests and for people who want to know what a client does.

use std::collections::VecDeque;
use std::sync::Mutex;

use serde::Serialize;

use super::locked;

/// Requests that are kept.
const KEPT: usize = 2_000;

/// The requests of one site to its API (not to the control endpoint).
#[derive(Debug, Default)]
pub struct RequestLog(Mutex<Log>);

#[derive(Debug, Default)]
struct Log {
    count: u64,
    in_flight: u64,
    most_at_once: u64,
    requests: VecDeque<LoggedRequest>,
}

/// One request.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LoggedRequest {
    /// Counts from 1.
    pub number: u64,
    /// The server's time, in milliseconds since the Unix epoch.
    pub time: i64,
    /// The HTTP method.
    pub method: String,
    /// The whole path.
    pub path: String,
    /// The query, still percent-encoded.
    pub query: String,
    /// The `Accept` header.
    pub accept: Option<String>,
    /// The first 12 hexadecimal digits of the SHA-256 of the offered key.
    pub key_fingerprint: Option<String>,
    /// The status of the answer; absent while there is none.
    pub status: Option<u16>,
    /// The fault that was applied.
    pub fault: Option<&'static str>,
}

impl RequestLog {
    /// All requests so far.
    #[must_use]
    pub fn count(&self) -> u64 {
        locked(&self.0).count
    }

    /// The most requests that were being answered at the same time.
    #[must_use]
    pub(crate) fn most_at_once(&self) -> u64 {
        locked(&self.0).most_at_once
    }

    /// The requests that are being answered now; one whose client has gone is not.
    #[must_use]
    pub fn under_way(&self) -> u64 {
        locked(&self.0).in_flight
    }

    /// The newest `limit` requests (2 000 are kept), oldest first.
    #[must_use]
    pub fn recent(&self, limit: usize) -> Vec<LoggedRequest> {
        let log = locked(&self.0);
        let skipped = log.requests.len().saturating_sub(limit);
        log.requests.iter().skip(skipped).cloned().collect()
    }

    /// The kept requests whose path contains `part`, oldest first.
    #[must_use]
    pub fn matching(&self, part: &str) -> Vec<LoggedRequest> {
        let log = locked(&self.0);
        log.requests.iter().filter(|request| request.path.contains(part)).cloned().collect()
    }

    /// Forgets all requests; numbers go on counting.
    pub fn clear(&self) {
        let mut log = locked(&self.0);
        log.requests.clear();
        log.most_at_once = log.in_flight;
    }

    pub(super) fn arrive(&self, mut request: LoggedRequest) -> InFlight<'_> {
        let mut log = locked(&self.0);
        log.count += 1;
        log.in_flight += 1;
        log.most_at_once = log.most_at_once.max(log.in_flight);
        request.number = log.count;
        if log.requests.len() == KEPT {
            log.requests.pop_front();
        }
        let number = request.number;
        log.requests.push_back(request);
        InFlight { log: self, number }
    }
}

/// A request that is being answered, or was given up when this is dropped.
pub(super) struct InFlight<'a> {
    log: &'a RequestLog,
    number: u64,
}

impl InFlight<'_> {
    pub(super) fn answered(&self, status: u16) {
        let mut log = locked(&self.log.0);
        let newest_first = log.requests.iter_mut().rev();
        if let Some(request) = newest_first
            .take_while(|request| request.number >= self.number)
            .find(|request| request.number == self.number)
        {
            request.status = Some(status);
        }
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        locked(&self.log.0).in_flight -= 1;
    }
}
