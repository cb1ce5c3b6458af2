use prometheus::{IntCounter, Registry, register_int_counter_with_registry};

/// Counts panics, each of which is a bug that was kept in its task.
#[derive(Clone, Debug)]
pub struct PanicCounter(IntCounter);

impl PanicCounter {
    /// Registers the counter.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let (name, help) = ("nbu_exporter_panics_total", "Panics; each is a bug, kept in its task.");
        Ok(Self(register_int_counter_with_registry!(name, help, registry)?))
    }
}

/// Logs and counts panics from now on. The panic's own text stays out: it may hold what was being worked on,
/// a secret among it.
pub fn watch_panics(counter: PanicCounter) {
    std::panic::set_hook(Box::new(move |info| {
        counter.0.inc();
        let location = info.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(
            location,
            "Internal error: a task panicked; this is a bug in nbu-exporter, please report it"
        );
    }));
}
