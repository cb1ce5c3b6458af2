//! What tells the exporter to read its configuration again, and what it then reads.
//!
//! A source gives hints, never configurations: the content of the next read decides.

pub(crate) mod file;
pub(crate) mod kubernetes;
mod lease;
pub mod signal;
mod store;

pub(crate) use lease::{
    LeaseChange, LeaseFailure, LeaseFault, LeaseList, LeaseMarks, LeaseStore, Renewal, SeenLease,
};
pub(crate) use store::{Store, StoreError};
