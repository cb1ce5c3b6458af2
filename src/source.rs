//! What tells the exporter to look at its configuration again, and what it then sees.
//!
//! A source gives hints, never configurations: the content of the next look decides.

pub(crate) mod file;
pub(crate) mod kubernetes;
pub mod signal;
mod store;

pub(crate) use store::{Store, StoreError};
