//! What tells the exporter to read its configuration again, and what it then reads.
//!
//! A source gives hints, never configurations: the content of the next read decides.

pub(crate) mod file;
pub(crate) mod kubernetes;
pub mod signal;
mod store;

pub(crate) use store::{Store, StoreError};
