//! All integration tests in one binary: they run the real program over real files and real sockets.
#![cfg(test)]
#![allow(unreachable_pub, reason = "the modules of a test binary share by `pub`")]
#![allow(clippy::float_cmp, reason = "samples are compared with the very number that was written")]

mod api_server;
mod cluster;
mod collectors;
mod commands;
mod compatibility;
mod doctor;
mod documents;
mod faults;
mod fleet;
mod golden;
mod harness;
mod image;
mod last_good;
mod layering;
mod logs;
mod packages;
mod permissions;
mod program;
mod promises;
mod proxies;
mod rhythm;
mod secrets;
mod systemd;
