//! What the exporter shows over HTTP, and the listeners that it shows it on.
//!
//! ```text
//! Listeners ─► Listener, one for each address ─► connections ─► Entrance ─► Surface: Pages ─► the metrics page, or the router's pages
//! ```
//!
//! Handlers read the running configuration at each request, so that a connection that is kept open never sees an
//! old one. No handler waits for NetBackup.

mod bind;
mod client_certificate;
mod config;
mod connection;
mod door;
mod entrance;
mod format;
mod health;
mod html;
mod index;
mod limits;
mod listener;
mod listeners;
mod login;
mod metrics;
mod probes;
mod progress;
mod rate;
mod readiness;
mod reload;
mod router;
mod scrape;
mod state;
mod stream;
mod stream_tasks;
mod surface;
mod tls;
mod tracked;
mod weight;

#[cfg(test)]
pub(crate) use bind::BindError;
pub(crate) use door::Door;
pub(crate) use entrance::{Entrance, Rules};
pub(crate) use limits::Limits;
pub(crate) use listeners::{Listeners, PreparedListeners};
pub(crate) use metrics::HttpMetrics;
pub(crate) use probes::Probes;
pub(crate) use router::Pages;
pub(crate) use state::State;

#[cfg(test)]
mod tests;
