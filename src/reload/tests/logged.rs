//! What is logged on this thread while a test runs.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use tracing::subscriber::DefaultGuard;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Registry, fmt};

/// The log, from where this begins on.
pub(super) struct Logged {
    text: Text,
    _guard: DefaultGuard,
}

#[derive(Clone, Default)]
struct Text(Arc<Mutex<Vec<u8>>>);

impl Write for Text {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Logged {
    pub(super) fn begin() -> Self {
        let text = Text::default();
        let writer = text.clone();
        let layer = fmt::layer().with_ansi(false).with_writer(move || writer.clone());
        Self { text, _guard: Registry::default().with(layer).set_default() }
    }

    /// The number of lines that hold this.
    pub(super) fn count(&self, part: &str) -> usize {
        let text = self.text.0.lock().unwrap();
        String::from_utf8_lossy(&text).lines().filter(|line| line.contains(part)).count()
    }
}
