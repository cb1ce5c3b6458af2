//! What is counted of the requests to one site.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::metric::{Desc, Family, Histogram, Labelled, MetricKind, seconds};

use super::{Cause, Certificate};

/// What was asked of one site and how it went; it outlives a client, so that a new key starts no counter anew.
#[derive(Debug, Default)]
pub(crate) struct Stats(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    requests: BTreeMap<(&'static str, Option<u16>), u64>,
    failures: BTreeMap<&'static str, u64>,
    durations: BTreeMap<&'static str, Histogram>,
    retries: u64,
    throttled: u64,
    quiet_until: Option<Timestamp>,
    clock_offset: Option<f64>,
    certificate: Option<ShownCertificate>,
}

/// The certificate that the server showed last, as it came, and when it ends.
#[derive(Debug)]
struct ShownCertificate {
    der: Vec<u8>,
    ends: Option<Timestamp>,
}

/// From a page out of a cache to the longest time-out that makes sense.
const DURATION_BOUNDS: &[f64] = &[0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

static REQUESTS: Labelled<2> = Labelled::native(
    MetricKind::Counter,
    "nbu_api_requests_total",
    "Requests sent to the NetBackup API, by resource and HTTP status code; code is none where no answer came.",
    ["resource", "code"],
);
static FAILURES: Labelled<1> = Labelled::native(
    MetricKind::Counter,
    "nbu_api_request_failures_total",
    "Requests to the NetBackup API that brought nothing usable, by reason.",
    ["reason"],
);
static DURATIONS: Labelled<1> = Labelled::native(
    MetricKind::Histogram,
    "nbu_api_request_duration_seconds",
    "Time from sending a request to the NetBackup API to the head of its answer, by resource.",
    ["resource"],
);
static RETRIES: Labelled<0> = Labelled::native(
    MetricKind::Counter,
    "nbu_api_retries_total",
    "Requests to the NetBackup API that were sent again after a passing failure.",
    [],
);
static THROTTLED: Labelled<0> = Labelled::native(
    MetricKind::Counter,
    "nbu_api_throttled_total",
    "Answers of the NetBackup API that asked for fewer requests: 429, or 503 with Retry-After.",
    [],
);
static QUIET_UNTIL: Labelled<0> = Labelled::native(
    MetricKind::Gauge,
    "nbu_api_quiet_until_timestamp_seconds",
    "When requests are sent to the NetBackup API again, while it asks for quiet (Retry-After); else 0.",
    [],
);
static CLOCK_OFFSET: Labelled<0> = Labelled::native(
    MetricKind::Gauge,
    "nbu_server_clock_offset_seconds",
    "How far the primary server's clock (/ping) is ahead of the exporter's.",
    [],
);
static CERTIFICATE: Labelled<0> = Labelled::native(
    MetricKind::Gauge,
    "nbu_tls_certificate_expiry_timestamp_seconds",
    "When the certificate ends that the primary server shows in the TLS handshake (notAfter).",
    [],
);

impl Stats {
    /// The families that [`Stats::families`] gives.
    pub(crate) const DESCS: &'static [&'static Desc] =
        &[&REQUESTS, &FAILURES, &DURATIONS, &RETRIES, &THROTTLED, &QUIET_UNTIL, &CLOCK_OFFSET, &CERTIFICATE];

    /// The samples as they are now.
    pub(crate) fn families(&self, site: &str) -> Vec<Family> {
        let counts = self.lock();
        let mut requests = REQUESTS.of_site(site);
        for ((endpoint, code), count) in &counts.requests {
            let code = code.map_or_else(|| "none".to_owned(), |code| code.to_string());
            requests.sample([endpoint, &code], *count as f64);
        }
        let mut failures = FAILURES.of_site(site);
        for reason in Cause::reasons() {
            failures.sample([reason], counts.failures.get(reason).copied().unwrap_or(0) as f64);
        }
        let mut durations = DURATIONS.of_site(site);
        for (endpoint, histogram) in &counts.durations {
            durations.histogram([endpoint], histogram);
        }
        let mut retries = RETRIES.of_site(site);
        retries.sample([], counts.retries as f64);
        let mut throttled = THROTTLED.of_site(site);
        throttled.sample([], counts.throttled as f64);
        let mut quiet_until = QUIET_UNTIL.of_site(site);
        let until = counts.quiet_until.filter(|until| *until > Timestamp::now());
        quiet_until.sample([], until.map_or(0.0, seconds));
        let mut clock_offset = CLOCK_OFFSET.of_site(site);
        if let Some(offset) = counts.clock_offset {
            clock_offset.sample([], offset);
        }
        let ends = counts.certificate.as_ref().and_then(|certificate| certificate.ends);
        let certificate = CERTIFICATE.family(site, ends.map(|ends| ([], seconds(ends))));
        vec![
            requests.build(),
            failures.build(),
            durations.build(),
            retries.build(),
            throttled.build(),
            quiet_until.build(),
            clock_offset.build(),
            certificate,
        ]
    }

    /// When the certificate ends that the server showed last.
    pub(crate) fn certificate_end(&self) -> Option<Timestamp> {
        self.lock().certificate.as_ref().and_then(|certificate| certificate.ends)
    }

    /// Until when the server is left alone.
    pub(crate) fn quiet_until(&self) -> Option<Timestamp> {
        self.lock().quiet_until.filter(|until| *until > Timestamp::now())
    }

    pub(super) fn answered(&self, endpoint: &'static str, code: u16, after: Duration) {
        let mut counts = self.lock();
        *counts.requests.entry((endpoint, Some(code))).or_default() += 1;
        let histogram = counts.durations.entry(endpoint).or_insert_with(|| Histogram::new(DURATION_BOUNDS));
        histogram.observe(after.as_secs_f64());
    }

    pub(super) fn unanswered(&self, endpoint: &'static str) {
        *self.lock().requests.entry((endpoint, None)).or_default() += 1;
    }

    pub(super) fn failed(&self, cause: &Cause) {
        *self.lock().failures.entry(cause.reason()).or_default() += 1;
    }

    pub(super) fn retried(&self) {
        self.lock().retries += 1;
    }

    pub(super) fn throttled(&self) {
        self.lock().throttled += 1;
    }

    pub(super) fn quiet(&self, until: Option<Timestamp>) {
        self.lock().quiet_until = until;
    }

    pub(super) fn clock_offset(&self, seconds: Option<f64>) {
        self.lock().clock_offset = seconds;
    }

    /// The server has shown this certificate. It comes with every answer, and is read when it is another one.
    pub(super) fn certificate(&self, der: &[u8]) {
        let mut counts = self.lock();
        if counts.certificate.as_ref().is_some_and(|known| known.der == der) {
            return;
        }
        let ends = Some(Certificate::read(&der.into()).ends).filter(|ends| *ends > Timestamp::UNIX_EPOCH);
        counts.certificate = Some(ShownCertificate { der: der.to_owned(), ends });
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        // Counters are whole after every step, so a panic elsewhere has not spoilt them.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_and_failures_are_counted_apart() {
        let stats = Stats::default();
        stats.answered("/admin/jobs", 200, Duration::from_millis(40));
        stats.answered("/admin/jobs", 503, Duration::from_millis(40));
        stats.unanswered("/ping");
        stats.failed(&Cause::Timeout);
        let text: String = stats.families("paris").iter().map(Family::text).collect();
        for line in [
            "nbu_api_requests_total{site=\"paris\",resource=\"/admin/jobs\",code=\"503\"} 1\n",
            "nbu_api_requests_total{site=\"paris\",resource=\"/ping\",code=\"none\"} 1\n",
            "nbu_api_request_failures_total{site=\"paris\",reason=\"timeout\"} 1\n",
            "nbu_api_request_failures_total{site=\"paris\",reason=\"tls\"} 0\n",
            "nbu_api_request_duration_seconds_count{site=\"paris\",resource=\"/admin/jobs\"} 2\n",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
