//! Metrics of the asynchronous runtime.

use tokio::runtime::Handle;

use super::{Reading, Readings};

/// The asynchronous runtime that the scrape runs on.
pub(super) struct RuntimeMetrics;

impl Readings for RuntimeMetrics {
    fn names(&self) -> Vec<(&'static str, &'static str)> {
        vec![
            ("nbu_exporter_runtime_workers", "Worker threads of the asynchronous runtime."),
            ("nbu_exporter_runtime_alive_tasks", "Tasks that the asynchronous runtime has now."),
            ("nbu_exporter_runtime_global_queue_depth", "Tasks that wait for any worker thread."),
        ]
    }

    fn read(&self) -> Vec<Reading> {
        let Ok(handle) = Handle::try_current() else {
            return Vec::new();
        };
        let metrics = handle.metrics();
        let gauge = |name, value: usize| Reading::gauge(name, value as f64);
        vec![
            gauge("nbu_exporter_runtime_workers", metrics.num_workers()),
            gauge("nbu_exporter_runtime_alive_tasks", metrics.num_alive_tasks()),
            gauge("nbu_exporter_runtime_global_queue_depth", metrics.global_queue_depth()),
        ]
    }
}
