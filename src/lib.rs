//! A Prometheus exporter for NetBackup whose whole behaviour follows its configuration file.

pub mod config;
pub mod metric;
pub mod shutdown;
pub mod source;
