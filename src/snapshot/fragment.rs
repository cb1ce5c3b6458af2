//! One site's part of a metric family.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use memchr::memchr_iter;

use super::deflate::{Deflated, Deflater};
use crate::metric::{Desc, Family};

/// A text of this size is compressed by itself, once, however many pages it stands in. Smaller ones are compressed with their
/// neighbours for each page, since by themselves they take twice the space. In a page of 200 sites, 42 MB, 88 % of the text is in
/// larger ones, and the page becomes a thirteenth instead of a sixteenth.
const COMPRESSED_ALONE: usize = 2 * 1024;

/// One site's part of a metric family.
#[derive(Clone, Debug)]
pub struct Fragment {
    /// What the samples measure.
    pub desc: &'static Desc,
    text: Bytes,
    /// The compressed text, of one that is compressed by itself.
    deflated: Option<Arc<OnceLock<Deflated>>>,
}

impl Fragment {
    /// The samples of a family as lines.
    pub fn new(desc: &'static Desc, text: Bytes) -> Self {
        let deflated = (text.len() >= COMPRESSED_ALONE).then(Arc::default);
        Self { desc, text, deflated }
    }

    /// The families of one run. They come and go together, so their texts are one piece of memory: many small ones would leave
    /// gaps of the wrong sizes when they go.
    pub fn of_run(families: Vec<Family>) -> Vec<Self> {
        let mut whole = Vec::with_capacity(families.iter().map(|family| family.text().len()).sum());
        let mut ranges = Vec::with_capacity(families.len());
        for family in families {
            let (desc, start) = (family.desc(), whole.len());
            whole.extend_from_slice(family.text().as_bytes());
            ranges.push((desc, start..whole.len()));
        }
        let whole = Bytes::from(whole);
        ranges.into_iter().map(|(desc, range)| Self::new(desc, whole.slice(range))).collect()
    }

    /// The sample lines.
    pub fn text(&self) -> &Bytes {
        &self.text
    }

    /// How many series the samples are.
    pub(crate) fn series(&self) -> usize {
        memchr_iter(b'\n', &self.text).count()
    }

    /// Whether it is compressed already.
    pub(crate) fn is_deflated(&self) -> bool {
        self.deflated.as_ref().is_some_and(|deflated| deflated.get().is_some())
    }

    /// Whether it is compressed by itself, and was not yet.
    pub(super) fn is_to_be_deflated(&self) -> bool {
        self.deflated.as_ref().is_some_and(|deflated| deflated.get().is_none())
    }

    /// The compressed text, made by the first caller; `None` of one that is not compressed by itself, or if that failed.
    pub(super) fn deflated(&self, deflater: &mut Deflater) -> Option<&Deflated> {
        let known = self.deflated.as_ref()?;
        if known.get().is_none() {
            // Another may be faster.
            let _ = known.set(deflater.deflate(&self.text).ok()?);
        }
        known.get()
    }
}

impl From<Family> for Fragment {
    fn from(family: Family) -> Self {
        let desc = family.desc();
        Self::new(desc, Bytes::from(family.into_text()))
    }
}
