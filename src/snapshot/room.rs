//! How much of all sites' text is kept as it is, and what becomes of the rest.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::deflate::Deflater;
use super::fragment::Fragment;
use crate::metric::Family;

/// So much text is kept as it is, the page of 100 000 series (13 MB): it costs no time to be sent then. What is more is kept compressed
/// alone, which takes a tenth of the space, and is unpacked while it is sent to who wants it so: 2 ms of CPU for a megabyte.
const MOST: usize = 14_000_000;

/// The room for text that is kept as it is; clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct TextRoom(Arc<RoomState>);

#[derive(Debug, Default)]
struct RoomState {
    taken: AtomicUsize,
    /// A compressor that nobody uses. Making one costs more than compressing the text of a run.
    spare: Mutex<Option<Deflater>>,
}

/// Text that is kept as it is. It gives its room back when it goes.
struct HeldText {
    text: Vec<u8>,
    room: TextRoom,
}

impl AsRef<[u8]> for HeldText {
    fn as_ref(&self) -> &[u8] {
        &self.text
    }
}

impl Drop for HeldText {
    fn drop(&mut self) {
        self.room.0.taken.fetch_sub(self.text.len(), Ordering::Relaxed);
    }
}

impl TextRoom {
    /// The families of one run: as they are where there is room, or else compressed where they are large.
    pub(crate) fn fragments(&self, families: Vec<Family>) -> Vec<Fragment> {
        let length = families.iter().map(|family| family.text().len()).sum();
        if self.take(length) {
            return Fragment::of_run_in(families, |text| {
                Bytes::from_owner(HeldText { text, room: self.clone() })
            });
        }
        let (large, small) =
            families.into_iter().partition::<Vec<_>, _>(|family| Fragment::is_large(family.text().len()));
        let mut fragments = Fragment::of_run(small);
        if !large.is_empty() {
            self.with_deflater(|deflater| {
                fragments.extend(large.into_iter().map(|family| Fragment::packed(family, deflater)));
            });
        }
        fragments
    }

    /// Has somebody compress who needs no compressor of his own for it.
    pub(super) fn with_deflater(&self, compress: impl FnOnce(&mut Deflater)) {
        let mut deflater = self.spare().take().unwrap_or_default();
        compress(&mut deflater);
        *self.spare() = Some(deflater);
    }

    /// Room that is taken.
    #[cfg(test)]
    pub(crate) fn full() -> Self {
        let full = Self::default();
        full.0.taken.store(MOST, Ordering::Relaxed);
        full
    }

    /// Takes so much room, if there is so much.
    fn take(&self, length: usize) -> bool {
        let taken = |taken: usize| Some(taken + length).filter(|taken| *taken <= MOST);
        self.0.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken).is_ok()
    }

    fn spare(&self) -> MutexGuard<'_, Option<Deflater>> {
        // It holds a whole compressor or none.
        self.0.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::{Labelled, MetricKind, Naming};

    static UNITS: Labelled<1> = Labelled {
        name: "units",
        help: "Units.",
        kind: MetricKind::Gauge,
        labels: ["name"],
        naming: Naming::Native,
    };

    fn family(series: usize) -> Family {
        let mut family = UNITS.of_site("paris");
        for number in 0..series {
            family.sample([&number.to_string()], 1.0);
        }
        family.build()
    }

    fn texts(fragments: &[Fragment]) -> Vec<Bytes> {
        fragments.iter().map(Fragment::text).collect()
    }

    #[test]
    fn what_finds_no_room_is_kept_compressed_and_has_the_same_text() {
        let families = || vec![family(0), family(3), family(5_000)];
        let plain = TextRoom::default().fragments(families());
        assert!(plain.iter().all(|fragment| !fragment.is_deflated()));
        let packed = TextRoom::full().fragments(families());
        assert_eq!(texts(&packed), texts(&plain));
        assert_eq!(packed.iter().map(Fragment::is_deflated).collect::<Vec<_>>(), [false, false, true]);
        assert_eq!(
            packed.iter().map(Fragment::length).sum::<usize>(),
            plain.iter().map(Fragment::length).sum::<usize>()
        );
    }

    #[test]
    fn room_is_given_back_when_the_last_that_shows_the_text_goes() {
        let room = TextRoom::default();
        let fragments = room.fragments(vec![family(10), family(20)]);
        let shown = fragments.first().unwrap().text();
        drop(fragments);
        assert_ne!(room.0.taken.load(Ordering::Relaxed), 0);
        drop(shown);
        assert_eq!(room.0.taken.load(Ordering::Relaxed), 0);
    }
}
