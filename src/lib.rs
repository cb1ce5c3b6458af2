//! Prometheus exporter for NetBackup.

pub mod simulator;
