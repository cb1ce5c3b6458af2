//! What one client may cost.

use std::time::Duration;

/// What one client may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Connections that are open at one time, over all listeners. Further ones wait in the kernel's queue
    /// without costing a descriptor, until one ends.
    pub connections: usize,
    /// The size of a request line with its headers, in bytes; more is answered with 431.
    pub head_size: usize,
    /// The time from a connection's start, or from a later request's first byte, to the end of its headers.
    pub head: Duration,
    /// The time that a connection may be open between two requests; [`Limits::head`] when the server is full.
    pub idle: Duration,
    /// The time in which a client that reads slowly must take at least something.
    pub stall: Duration,
    /// The time from the end of a request's headers until its answer is sent.
    pub answer: Duration,
    /// The time that open requests get when their listener goes.
    pub drain: Duration,
}

impl Limits {
    /// Those of the admission webhook. Its clients are API servers, which give up after three seconds, and each open
    /// request may have a body of a few megabytes.
    pub(crate) fn of_the_door() -> Self {
        let answer = Duration::from_secs(5);
        Self { connections: 16, stall: answer, answer, ..Self::default() }
    }

    /// Those of the probes. Whoever probes gives up sooner.
    pub(crate) fn of_probes() -> Self {
        Self { connections: 32, ..Self::default() }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 512,
            head_size: 32 * 1024,
            // The Go exporter's ReadHeaderTimeout.
            head: Duration::from_secs(5),
            // Twice the usual scrape interval, so that a scraper keeps its connection.
            idle: Duration::from_mins(2),
            stall: Duration::from_secs(30),
            answer: Duration::from_mins(1),
            // Prometheus' default scrape time-out.
            drain: Duration::from_secs(10),
        }
    }
}
