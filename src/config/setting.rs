//! What a key's decoded value is in the valid configuration.

use std::time::Duration;

use super::collector_words::{ClientExport, TapeMedia};
use super::decoder::Slot;
use super::number::BoundedCount;
use super::scalar::{AnyText, BoundedDuration};

/// A decoded value that the valid configuration has in a form of its own.
pub(super) trait Setting: Sized {
    /// That form.
    type Value;
    /// What a key gives; `None` if it has no value and needs one.
    fn value(slot: &Slot<Self>) -> Option<Self::Value>;
}

impl<const LEAST: u64, const MOST: u64> Setting for BoundedDuration<LEAST, MOST> {
    type Value = Duration;

    fn value(slot: &Slot<Self>) -> Option<Duration> {
        slot.get().map(|duration| duration.0)
    }
}

impl<const LEAST: u32, const MOST: u32> Setting for BoundedCount<LEAST, MOST> {
    type Value = u32;

    fn value(slot: &Slot<Self>) -> Option<u32> {
        slot.get().map(|count| count.0)
    }
}

/// A list that is not there is an empty one.
impl Setting for Vec<Slot<AnyText>> {
    type Value = Vec<String>;

    fn value(slot: &Slot<Self>) -> Option<Vec<String>> {
        let texts = slot.get().into_iter().flatten().filter_map(Slot::get);
        Some(texts.map(|text| text.0.clone()).collect())
    }
}

impl Setting for ClientExport {
    type Value = Self;

    fn value(slot: &Slot<Self>) -> Option<Self> {
        slot.get().copied()
    }
}

impl Setting for TapeMedia {
    type Value = Self;

    fn value(slot: &Slot<Self>) -> Option<Self> {
        slot.get().copied()
    }
}
