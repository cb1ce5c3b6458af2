//! The NetBackup REST API as a client sees it: one [`Client`] per site, pages folded as they arrive.
//!
//! Facts about the protocol are from the vendor's API reference
//! (<https://sort.veritas.com/public/documents/nbu/10.5/windowsandunix/productguides/html/index/>).

mod body;
mod client;
mod error;
mod examine;
mod exchange;
mod field;
mod gate;
mod keys;
mod listing;
mod negotiation;
mod page;
mod proxy;
mod query;
mod request;
mod retry;
mod setup;
mod stats;
mod tls;
mod trace;
mod transport;
mod version;

pub use client::Client;
pub use error::{Cause, Error};
pub use field::{Field, Time};
pub use gate::QuietGate;
pub use keys::KeyState;
#[cfg(test)]
pub use listing::Walk;
pub use listing::{Listing, Paging};
pub use page::{DecodeError, Page, decode};
pub use proxy::ProxyHop;
pub use setup::ClientError;
pub use stats::Stats;
pub(crate) use tls::signatures_by;
pub use tls::{Certificate, TlsCache, TlsFault, Untrusted, any_certificate, client_config};
pub use transport::handshake_name;

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;
