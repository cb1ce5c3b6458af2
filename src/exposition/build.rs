//! What this program is: version, commit, compiler, target.

use prometheus::{Registry, register_gauge_vec_with_registry};

/// What this program is; a build may say more by the variables that are read here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BuildInfo {
    /// The package's version.
    pub version: &'static str,
    /// The commit, from `NBU_EXPORTER_REVISION`.
    pub revision: &'static str,
    /// The compiler, from `NBU_EXPORTER_RUSTVERSION`.
    pub rust_version: &'static str,
    /// The target triple, from `NBU_EXPORTER_TARGET`; else the architecture.
    pub target: &'static str,
}

impl BuildInfo {
    /// The running program's.
    pub const fn current() -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            revision: or(option_env!("NBU_EXPORTER_REVISION"), "unknown"),
            rust_version: or(option_env!("NBU_EXPORTER_RUSTVERSION"), "unknown"),
            target: or(option_env!("NBU_EXPORTER_TARGET"), std::env::consts::ARCH),
        }
    }

    /// Registers `nbu_exporter_build_info`, which has the Go exporter's labels as well.
    pub(super) fn register(&self, registry: &Registry) -> Result<(), prometheus::Error> {
        let info = register_gauge_vec_with_registry!(
            "nbu_exporter_build_info",
            "What this program is; the value is always 1.",
            &["version", "goversion", "revision", "rustversion", "target"],
            registry
        )?;
        let labels = [self.version, "", self.revision, self.rust_version, self.target];
        info.with_label_values(&labels).set(1.0);
        Ok(())
    }
}

const fn or(variable: Option<&'static str>, default: &'static str) -> &'static str {
    match variable {
        Some(value) => value,
        None => default,
    }
}
