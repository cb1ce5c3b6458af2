//! The reloader as a whole, between a file system, a watch and a publisher that do as they are told.
#![allow(clippy::float_cmp, reason = "a counter is compared with the very number that it was counted to")]

mod fakes;
mod faults;
mod interleavings;
mod object;
mod shelf;
mod sources;
mod triggers;
