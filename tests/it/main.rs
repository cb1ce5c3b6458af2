//! All integration tests in one binary: they run the real program over real files and real sockets.
#![cfg(test)]

mod harness;
mod image;
mod layering;
mod promises;
