//! Counts log lines.

use prometheus::{IntCounterVec, Registry, register_int_counter_vec_with_registry};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// Counts log lines by level.
#[derive(Clone, Debug)]
pub(super) struct MessageCounter(IntCounterVec);

impl MessageCounter {
    /// Registers the counter.
    pub(super) fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let counter = register_int_counter_vec_with_registry!(
            "nbu_exporter_log_messages_total",
            "Log lines by level.",
            &["level"],
            registry
        )?;
        for level in ["error", "warn", "info"] {
            counter.with_label_values(&[level]);
        }
        Ok(Self(counter))
    }
}

impl<S: Subscriber> Layer<S> for MessageCounter {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let level = match *event.metadata().level() {
            Level::ERROR => "error",
            Level::WARN => "warn",
            Level::INFO => "info",
            Level::DEBUG => "debug",
            Level::TRACE => "trace",
        };
        self.0.with_label_values(&[level]).inc();
    }
}
