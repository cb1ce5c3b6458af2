//! What the server counts about itself.

use axum::http::StatusCode;
use prometheus::{
    IntCounter, IntCounterVec, IntGauge, Registry, register_int_counter_vec_with_registry,
    register_int_counter_with_registry, register_int_gauge_with_registry,
};

use super::progress::Overdue;
use crate::telemetry::Restarts;

/// What the server counts about itself; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct HttpMetrics {
    requests: IntCounterVec,
    /// Open connections.
    pub(super) connections: IntGauge,
    cut: IntCounterVec,
    /// Failed accepts, such as for want of file descriptors.
    pub(super) accept_errors: IntCounter,
    /// Restarts an accept task.
    pub(super) restarts: Restarts,
}

impl HttpMetrics {
    /// Registers the metrics.
    pub(crate) fn new(registry: &Registry, restarts: Restarts) -> Result<Self, prometheus::Error> {
        let metrics = Self {
            requests: register_int_counter_vec_with_registry!(
                "nbu_exporter_http_requests_total",
                "Answered requests by page and status code.",
                &["path", "code"],
                registry
            )?,
            connections: register_int_gauge_with_registry!(
                "nbu_exporter_http_connections",
                "Open connections.",
                registry
            )?,
            cut: register_int_counter_vec_with_registry!(
                "nbu_exporter_http_connections_cut_total",
                "Connections that were closed since the client exceeded a time limit.",
                &["reason"],
                registry
            )?,
            accept_errors: register_int_counter_with_registry!(
                "nbu_exporter_http_accept_errors_total",
                "Connections that could not be accepted, such as for want of file descriptors.",
                registry
            )?,
            restarts,
        };
        // Known label values begin at 0 instead of missing.
        metrics.requests.get_metric_with_label_values(&["/metrics", StatusCode::OK.as_str()])?;
        for reason in Overdue::CUTS {
            metrics.cut.get_metric_with_label_values(&[reason.as_ref()])?;
        }
        Ok(metrics)
    }

    /// Counts an answer; `path` is one of a closed set.
    pub(super) fn answered(&self, path: &'static str, code: StatusCode) {
        self.requests.with_label_values(&[path, code.as_str()]).inc();
    }

    /// Counts a connection that was closed on its client. An idle one costs the client nothing and is not counted.
    pub(super) fn cut(&self, reason: Overdue) {
        if reason != Overdue::Idle {
            self.cut.with_label_values(&[reason.as_ref()]).inc();
        }
    }
}
