//! What the exporter shows over HTTP, and the listeners that it shows it on.
//!
//! Handlers read the running configuration at each request, so that a connection that is kept open never sees an
//! old one. No handler waits for NetBackup.

mod acceptor;
mod bind;
mod config;
mod connection;
mod content;
mod encoding;
mod health;
mod index;
mod limits;
mod listeners;
mod metrics;
mod pages;
mod progress;
mod ready;
mod reload;
mod router;
mod scrape;
mod state;
mod watched;

pub use bind::{BindError, Bound};
pub use limits::Limits;
pub use listeners::{Listeners, PreparedListeners};
pub use metrics::HttpMetrics;
pub use pages::Pages;
pub use state::State;

#[cfg(test)]
mod tests;
