//! One site's part of a metric family.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use super::deflate::{Deflated, Deflater, inflate};
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
    text: FragmentText,
}

#[derive(Clone, Debug)]
enum FragmentText {
    /// Too small to be compressed by itself.
    Small(Bytes),
    /// Kept as it is, and compressed when somebody wants that.
    Large(Bytes, Arc<OnceLock<Deflated>>),
    /// Kept compressed alone.
    Packed(Deflated),
}

impl Fragment {
    /// The samples of a family as lines.
    pub fn new(desc: &'static Desc, text: Bytes) -> Self {
        let is_large = Self::is_large(text.len());
        let text =
            if is_large { FragmentText::Large(text, Arc::default()) } else { FragmentText::Small(text) };
        Self { desc, text }
    }

    /// The families of one run. They come and go together, so their texts are one piece of memory: many small ones would leave
    /// gaps of the wrong sizes when they go.
    pub fn of_run(families: Vec<Family>) -> Vec<Self> {
        Self::of_run_in(families, Bytes::from)
    }

    /// The same, with the piece of memory that `keep` makes of the text.
    pub(super) fn of_run_in(families: Vec<Family>, keep: impl FnOnce(Vec<u8>) -> Bytes) -> Vec<Self> {
        let mut whole = Vec::with_capacity(families.iter().map(|family| family.text().len()).sum());
        let mut ranges = Vec::with_capacity(families.len());
        for family in families {
            let (desc, start) = (family.desc(), whole.len());
            whole.extend_from_slice(family.text().as_bytes());
            ranges.push((desc, start..whole.len()));
        }
        let whole = keep(whole);
        ranges.into_iter().map(|(desc, range)| Self::new(desc, whole.slice(range))).collect()
    }

    /// A family of which only the compressed text is kept; the text as it is if that fails.
    pub(super) fn packed(family: Family, deflater: &mut Deflater) -> Self {
        match deflater.deflate(family.text().as_bytes()) {
            Ok(packed) => Self { desc: family.desc(), text: FragmentText::Packed(packed) },
            Err(_) => family.into(),
        }
    }

    /// Whether a text of this length is compressed by itself.
    pub(super) fn is_large(length: usize) -> bool {
        length >= COMPRESSED_ALONE
    }

    /// The length of the sample lines.
    pub(crate) fn length(&self) -> usize {
        match &self.text {
            FragmentText::Small(text) | FragmentText::Large(text, _) => text.len(),
            FragmentText::Packed(deflated) => deflated.length,
        }
    }

    /// The sample lines, if they are kept as they are.
    pub(super) fn kept(&self) -> Option<&Bytes> {
        match &self.text {
            FragmentText::Small(text) | FragmentText::Large(text, _) => Some(text),
            FragmentText::Packed(_) => None,
        }
    }

    /// The sample lines, unpacked where they are kept compressed.
    pub(crate) fn text(&self) -> Bytes {
        match &self.text {
            FragmentText::Small(text) | FragmentText::Large(text, _) => text.clone(),
            FragmentText::Packed(deflated) => {
                let mut text = Vec::with_capacity(deflated.length);
                inflate(deflated, &mut text);
                text.into()
            }
        }
    }

    /// Appends the sample lines.
    pub(super) fn append_to(&self, text: &mut Vec<u8>) {
        match &self.text {
            FragmentText::Small(own) | FragmentText::Large(own, _) => text.extend_from_slice(own),
            FragmentText::Packed(deflated) => inflate(deflated, text),
        }
    }

    /// Whether it is compressed already.
    pub(crate) fn is_deflated(&self) -> bool {
        match &self.text {
            FragmentText::Small(_) => false,
            FragmentText::Large(_, deflated) => deflated.get().is_some(),
            FragmentText::Packed(_) => true,
        }
    }

    /// Whether it is compressed by itself, and was not yet.
    pub(super) fn is_to_be_deflated(&self) -> bool {
        matches!(&self.text, FragmentText::Large(_, deflated) if deflated.get().is_none())
    }

    /// The compressed text, made by the first caller; `None` of one that is not compressed by itself, or if that failed.
    pub(super) fn deflated(&self, deflater: &mut Deflater) -> Option<&Deflated> {
        match &self.text {
            FragmentText::Small(_) => None,
            FragmentText::Large(text, known) => {
                if known.get().is_none() {
                    // Another may be faster.
                    let _ = known.set(deflater.deflate(text).ok()?);
                }
                known.get()
            }
            FragmentText::Packed(packed) => Some(packed),
        }
    }
}

impl From<Family> for Fragment {
    fn from(family: Family) -> Self {
        let desc = family.desc();
        Self::new(desc, Bytes::from(family.into_text()))
    }
}
