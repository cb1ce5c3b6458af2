//! The NetBackup REST API as a client sees it: one [`Client`] per site, pages folded as they arrive.
//!
//! Facts about the protocol are from the vendor's API reference
//! (<https://sort.veritas.com/public/documents/nbu/10.5/windowsandunix/productguides/html/index/>).

mod array;
mod body;
mod budget;
#[cfg(any(test, feature = "fuzz"))]
mod canned;
mod client;
mod count;
mod cure;
mod error;
mod examine;
mod exchange;
mod field;
mod filter;
mod gate;
mod get;
mod key_check;
mod keys;
mod listing;
mod negotiation;
mod page;
mod part;
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

pub(crate) use array::each_record;
pub(crate) use budget::RequestBudget;
#[cfg(any(test, feature = "fuzz"))]
pub(crate) use canned::{CannedAnswer, CannedAnswers};
pub(crate) use client::Client;
pub(crate) use cure::{NEW_KEY, NEXT_KEY, NO_ANSWER, NO_CONNECTION, of_name};
pub(crate) use error::{Cause, Error};
pub(crate) use field::{Field, Size, Text, Time};
pub(crate) use filter::{date_time, quoted};
pub(crate) use gate::QuietGate;
pub(crate) use get::Get;
pub(crate) use keys::KeyState;
pub(crate) use listing::Listing;
#[cfg(test)]
pub(crate) use listing::Walk;
pub(crate) use page::{DecodeError, Page, decode, object};
pub(crate) use part::{Part, PartList};
pub(crate) use proxy::ProxyHop;
#[cfg(any(test, feature = "fuzz"))]
pub(crate) use retry::retry_after;
pub(crate) use setup::ClientError;
pub(crate) use stats::Stats;
pub(crate) use tls::signatures_by;
pub(crate) use tls::{Certificate, TlsCache, TlsFault, Untrusted, any_certificate, client_config};
pub(crate) use transport::handshake_name;

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;
