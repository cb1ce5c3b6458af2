//! Scrapes all the time while a test does something else.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::thread::JoinHandle;
use std::time::Duration;

use super::{Exporter, get};

/// Scrapes all the time, and remembers what no scraper should ever see.
pub struct Scraper {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<(usize, Vec<String>)>,
}

/// Enough to understand what went wrong.
const SHOWN: usize = 3;

impl Scraper {
    /// Begins; every page must come, and come whole.
    pub fn start(exporter: &Exporter) -> Self {
        Self::watching(exporter, |_| true)
    }

    /// Begins; every page must be as `judge` wants it, too.
    pub fn watching(exporter: &Exporter, judge: impl Fn(&str) -> bool + Send + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, address) = (stop.clone(), exporter.address());
        let (begun, begins) = channel();
        let thread = std::thread::spawn(move || {
            let (mut count, mut failures) = (0, Vec::new());
            while !stopped.load(Ordering::Relaxed) {
                let failure = match get(address, "/metrics") {
                    Err(error) => Some(error.to_string()),
                    Ok(page) if page.status != 200 => Some(page.head.clone()),
                    Ok(page) if judge(&page.body()) => None,
                    Ok(page) => Some(page.body()),
                };
                count += 1;
                let _ = begun.send(());
                failures.extend(failure.filter(|_| failures.len() < SHOWN));
                // Two processors are shared by all tests; this is still a hundred times what Prometheus does.
                std::thread::sleep(Duration::from_millis(8));
            }
            (count, failures)
        });
        // Whatever the test does now is done under scrapes.
        begins.recv().unwrap();
        Self { stop, thread }
    }

    /// Ends; how many scrapes there were. None may have failed.
    #[track_caller]
    pub fn stop(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        let (count, failures) = self.thread.join().unwrap();
        assert!(failures.is_empty(), "of {count} scrapes failed: {}", failures.join("\n---\n"));
        count
    }
}
