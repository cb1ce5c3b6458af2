//! The funnel as a whole, between a file system, a watch and a publisher that do as they are told.

mod fakes;
mod faults;
mod order;
