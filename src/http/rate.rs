//! How often requests are answered: the token bucket of Go's `golang.org/x/time/rate`.

use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use crate::config::RateLimit;

/// Counts requests.
#[derive(Debug)]
pub(super) struct Limiter {
    limit: RateLimit,
    bucket: Mutex<Bucket>,
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    since: Instant,
}

impl Limiter {
    pub(super) fn new(limit: RateLimit) -> Self {
        let bucket = Bucket { tokens: f64::from(limit.burst), since: Instant::now() };
        Self { limit, bucket: Mutex::new(bucket) }
    }

    pub(super) fn limit(&self) -> RateLimit {
        self.limit
    }

    /// Whether one more request may be answered now; it is counted then.
    pub(super) fn allows(&self) -> bool {
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let grown = now.duration_since(bucket.since).as_secs_f64() / self.limit.interval.as_secs_f64();
        bucket.tokens = (bucket.tokens + grown).min(f64::from(self.limit.burst));
        bucket.since = now;
        let is_allowed = bucket.tokens >= 1.0;
        if is_allowed {
            bucket.tokens -= 1.0;
        }
        is_allowed
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_allowed_and_then_one_for_each_interval() {
        let limiter = Limiter::new(RateLimit { interval: Duration::from_secs(1), burst: 2 });
        assert_eq!([(); 3].map(|()| limiter.allows()), [true, true, false]);
        tokio::time::advance(Duration::from_millis(500)).await;
        assert!(!limiter.allows());
        tokio::time::advance(Duration::from_millis(501)).await;
        assert_eq!([(); 2].map(|()| limiter.allows()), [true, false]);
        tokio::time::advance(Duration::from_mins(1)).await;
        assert_eq!([(); 3].map(|()| limiter.allows()), [true, true, false]);
        let closed = Limiter::new(RateLimit { interval: Duration::from_secs(1), burst: 0 });
        assert!(!closed.allows());
    }
}
