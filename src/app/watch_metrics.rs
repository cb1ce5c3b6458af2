//! What the watch of the files says of itself, as metrics.

use strum::VariantArray as _;
use tokio::sync::watch;

use crate::exposition::{Reading, Readings};
use crate::metric::flag;
use crate::source::file::{WatchMode, WatchStatus};

const INFO: &str = "nbu_exporter_config_watch_info";
const WATCHES: &str = "nbu_exporter_config_watches";
const REARMED: &str = "nbu_exporter_config_watch_rearmed_total";
const MISSED: &str = "nbu_exporter_config_watch_missed_total";
const OVERFLOWS: &str = "nbu_exporter_config_watch_overflows_total";
const RESTARTS: &str = "nbu_exporter_config_watch_restarts_total";

/// What the file watcher says of itself, as metrics.
#[derive(Debug)]
pub(super) struct WatchMetrics(pub(super) watch::Receiver<WatchStatus>);

impl Readings for WatchMetrics {
    fn names(&self) -> Vec<(&'static str, &'static str)> {
        vec![
            (
                INFO,
                "How changes of the configuration file come to be known: inotify, poll, unwatchable or unwatched.",
            ),
            (WATCHES, "Directories that are watched for the configuration and the files that it names."),
            (REARMED, "Times that a watched directory was replaced and watched anew."),
            (MISSED, "Changes that the slow poll found and no event had announced."),
            (OVERFLOWS, "Times that the kernel dropped file events since its queue was full."),
            (RESTARTS, "Times that the file watcher was made anew."),
        ]
    }

    fn read(&self) -> Vec<Reading> {
        let status = *self.0.borrow();
        let counter = |name, value: u64| Reading::counter(name, value as f64);
        let modes = WatchMode::VARIANTS.iter().map(|mode| Reading {
            label: Some(("mode", mode.as_ref())),
            ..Reading::gauge(INFO, flag(status.mode == *mode))
        });
        let counters = [
            Reading::gauge(WATCHES, status.watches as f64),
            counter(REARMED, status.rearmed),
            counter(MISSED, status.missed),
            counter(OVERFLOWS, status.overflows),
            counter(RESTARTS, status.restarts),
        ];
        modes.chain(counters).collect()
    }
}
