//! All integration tests in one binary: they run the real program over real files and real sockets.

mod harness;
mod promises;
