//! A Prometheus exporter for NetBackup whose whole behaviour follows its configuration file.

#![forbid(unsafe_code)]

pub mod app;
pub mod cli;
pub mod collector;
pub mod config;
pub mod doctor;
pub mod exposition;
pub mod http;
pub mod metric;
pub mod netbackup;
pub mod poller;
pub mod reload;
pub mod shutdown;
pub mod snapshot;
pub mod source;
pub mod supervisor;
pub mod telemetry;
