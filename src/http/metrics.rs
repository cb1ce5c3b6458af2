use axum::http::StatusCode;
use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts, Registry};

use super::progress::Overdue;
use crate::telemetry::Restarts;

/// What the server counts about itself; clones share it.
#[derive(Clone, Debug)]
pub struct HttpMetrics {
    requests: IntCounterVec,
    /// Open connections.
    pub(super) connections: IntGauge,
    cut: IntCounterVec,
    /// Failed accepts, such as for want of file descriptors.
    pub(super) accept_errors: IntCounter,
    /// Begins an acceptor anew.
    pub(super) restarts: Restarts,
}

impl HttpMetrics {
    /// Registers the metrics.
    pub fn new(registry: &Registry, restarts: Restarts) -> Result<Self, prometheus::Error> {
        let counters = |name, help, labels: &[&str]| IntCounterVec::new(Opts::new(name, help), labels);
        let metrics = Self {
            requests: counters(
                "nbu_exporter_http_requests_total",
                "Answered requests by page and status code.",
                &["path", "code"],
            )?,
            connections: IntGauge::new("nbu_exporter_http_connections", "Open connections.")?,
            cut: counters(
                "nbu_exporter_http_connections_cut_total",
                "Connections that were closed since the client exceeded a time limit.",
                &["reason"],
            )?,
            accept_errors: IntCounter::new(
                "nbu_exporter_http_accept_errors_total",
                "Connections that could not be accepted, such as for want of file descriptors.",
            )?,
            restarts,
        };
        // Known label values begin at 0 instead of missing.
        metrics.requests.get_metric_with_label_values(&["/metrics", StatusCode::OK.as_str()])?;
        for reason in Overdue::CUTS {
            metrics.cut.get_metric_with_label_values(&[reason.as_str()])?;
        }
        registry.register(Box::new(metrics.requests.clone()))?;
        registry.register(Box::new(metrics.connections.clone()))?;
        registry.register(Box::new(metrics.cut.clone()))?;
        registry.register(Box::new(metrics.accept_errors.clone()))?;
        Ok(metrics)
    }

    /// Counts an answer; `path` is one of a closed set.
    pub(super) fn answered(&self, path: &'static str, code: StatusCode) {
        self.requests.with_label_values(&[path, code.as_str()]).inc();
    }

    /// Counts a connection that was closed on its client. An idle one costs the client nothing and is not counted.
    pub(super) fn cut(&self, reason: Overdue) {
        if reason != Overdue::Idle {
            self.cut.with_label_values(&[reason.as_str()]).inc();
        }
    }
}
