//! Texts that are kept once, however often they come.

use std::sync::Arc;

use foldhash::HashSet;

use crate::metric::label_value;

/// At most so many texts, each once, cut as label values are.
#[derive(Debug, Default)]
pub(super) struct Interner<const MOST: usize>(HashSet<Arc<str>>);

impl<const MOST: usize> Interner<MOST> {
    /// The text as it is kept; `None` if there are too many.
    pub(super) fn keep(&mut self, text: &str) -> Option<Arc<str>> {
        let text = &*label_value(text);
        if let Some(text) = self.0.get(text) {
            return Some(text.clone());
        }
        if self.0.len() >= MOST {
            return None;
        }
        let text: Arc<str> = text.into();
        self.0.insert(text.clone());
        Some(text)
    }

    /// Forgets the texts that nobody else has.
    pub(super) fn tidy(&mut self) {
        self.0.retain(|text| Arc::strong_count(text) > 1);
    }
}
