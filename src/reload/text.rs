//! The text of a configuration, which may hold keys.

use std::fmt;
use std::sync::Arc;

/// The text of a configuration.
#[derive(Clone)]
pub(super) struct ConfigText(pub(super) Arc<[u8]>);

impl fmt::Debug for ConfigText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ConfigText({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_debug_of_a_text_shows_its_length_alone() {
        assert_eq!(format!("{:?}", ConfigText(b"apiKey: hunter2".as_slice().into())), "ConfigText(15 bytes)");
    }
}
