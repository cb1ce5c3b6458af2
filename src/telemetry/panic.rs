//! Counts and logs panics.

use prometheus::{Registry, register_int_counter_with_registry};

/// Logs and counts panics from now on. The panic's own text is left out: it may hold what was being worked on,
/// even a secret.
pub(super) fn set_hook(metrics: &Registry) -> Result<(), prometheus::Error> {
    let (name, help) = ("nbu_exporter_panics_total", "Panics; each is a bug, kept in its task.");
    let panics = register_int_counter_with_registry!(name, help, metrics)?;
    std::panic::set_hook(Box::new(move |info| {
        panics.inc();
        let location = info.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(
            location,
            "Internal error: a task panicked; this is a bug in nbu-exporter, please report it"
        );
    }));
    Ok(())
}
