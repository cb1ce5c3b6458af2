use prometheus::{GaugeVec, Opts};

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

    /// `nbu_exporter_build_info`, which has the Go exporter's labels as well.
    pub(super) fn metric(&self) -> Result<GaugeVec, prometheus::Error> {
        let info = GaugeVec::new(
            Opts::new("nbu_exporter_build_info", "What this program is; the value is always 1."),
            &["version", "goversion", "revision", "rustversion", "target"],
        )?;
        let labels = [self.version, "", self.revision, self.rust_version, self.target];
        info.get_metric_with_label_values(&labels)?.set(1.0);
        Ok(info)
    }
}

const fn or(variable: Option<&'static str>, default: &'static str) -> &'static str {
    match variable {
        Some(value) => value,
        None => default,
    }
}
