//! The samples of all sites as one text, put together once per version of the store.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use flate2::CompressError;
use tokio::sync::OnceCell;
use tokio::task::spawn_blocking;
use tracing::error;

use super::Snapshot;
use super::deflate::{Deflated, Deflater};
use super::fragment::Fragment;
use crate::metric::{Desc, TextFormat, head};

/// The samples of all sites, in the order of the families' names, each family in one group as the format wants. It shows the
/// snapshots' own texts: of a large page nothing is kept twice.
#[derive(Debug)]
pub struct MetricsPage {
    snapshots: Vec<Arc<Snapshot>>,
    parts: Vec<PagePart>,
    prometheus: PageText,
    open_metrics: PageText,
}

/// The text in one format. It holds nothing until somebody asks for this format, and nothing of large fragments then.
#[derive(Debug)]
struct PageText {
    format: TextFormat,
    length: usize,
    /// The length of all parts that are joined or unpacked when they are sent.
    small: usize,
    /// The text in pieces, of a page that has little to join.
    chunks: OnceLock<Vec<Bytes>>,
    deflated: OnceCell<Option<Deflated>>,
}

/// A part of the text.
#[derive(Clone, Copy, Debug)]
enum PagePart {
    /// The lines in front of a family's samples.
    Head(&'static Desc),
    /// The samples of one family of one site.
    Samples { snapshot: u32, fragment: u32 },
}

/// Below this size a part is cheaper copied than sent by itself: on loopback 5 000 series of 50 sites, 3 060 parts, were served
/// twenty times slower than joined.
const SMALL: usize = 32 * 1024;
/// Parts are joined up to this size for one scrape. The allocator has such pieces at hand; larger ones would be mapped anew each time.
const JOINED: usize = 64 * 1024;
/// Up to this size all that is joined is kept as long as the page. More would cost memory, and copying it again costs little of what
/// sending it does.
const KEPT: usize = 1024 * 1024;
/// Small parts are joined up to this size to be compressed together.
const JOINED_DEFLATED: usize = 256 * 1024;
/// Less than this is compressed where it is asked for, which takes a fifth of a millisecond; more would hold up a worker of the runtime.
const COMPRESSED_AT_ONCE: usize = 128 * 1024;

impl MetricsPage {
    /// Puts the fragments of `snapshots` together, whose sites are all different.
    pub fn assemble(snapshots: impl IntoIterator<Item = Arc<Snapshot>>) -> Self {
        let snapshots: Vec<_> = snapshots.into_iter().collect();
        let mut families = BTreeMap::<&str, (&'static Desc, Vec<PagePart>)>::new();
        let (mut length, mut small) = (0, 0);
        for (snapshot, site) in (0..).zip(&snapshots) {
            for (fragment, of_family) in (0..).zip(&site.fragments) {
                let text = of_family.length();
                if text == 0 {
                    continue;
                }
                length += text;
                small += if is_sent_alone(of_family) { 0 } else { text };
                let (_, parts) = families.entry(of_family.desc.name).or_insert((of_family.desc, Vec::new()));
                parts.push(PagePart::Samples { snapshot, fragment });
            }
        }
        let mut parts = Vec::with_capacity(families.values().map(|(_, parts)| parts.len() + 1).sum());
        let mut prometheus = PageText::new(TextFormat::Prometheus, length, small);
        let mut open_metrics = PageText::new(TextFormat::OpenMetrics, length, small);
        for (desc, samples) in families.into_values() {
            prometheus.begin(desc);
            open_metrics.begin(desc);
            parts.push(PagePart::Head(desc));
            parts.extend(samples);
        }
        Self { snapshots, parts, prometheus, open_metrics }
    }

    /// The length of the text.
    pub fn length(&self, format: TextFormat) -> usize {
        self.in_format(format).length
    }

    /// The text, in pieces.
    pub fn chunks(&self, format: TextFormat) -> impl Iterator<Item = Bytes> + '_ {
        let mut place = 0;
        std::iter::from_fn(move || self.next_chunk(format, &mut place))
    }

    fn in_format(&self, format: TextFormat) -> &PageText {
        match format {
            TextFormat::Prometheus => &self.prometheus,
            TextFormat::OpenMetrics => &self.open_metrics,
        }
    }

    /// The next piece of the text; `place` is 0 at first and moves on.
    pub(crate) fn next_chunk(&self, format: TextFormat, place: &mut usize) -> Option<Bytes> {
        let text = self.in_format(format);
        if text.small > KEPT {
            return self.join(text, place, JOINED);
        }
        let chunks = text.chunks.get_or_init(|| {
            let mut part = 0;
            std::iter::from_fn(|| self.join(text, &mut part, KEPT)).collect()
        });
        let chunk = chunks.get(*place)?.clone();
        *place += 1;
        Some(chunk)
    }

    /// A large part as it is, or small ones that are next to each other.
    fn join(&self, text: &PageText, place: &mut usize, most: usize) -> Option<Bytes> {
        let first = self.parts.get(*place)?;
        if let Some(large) = self.fragment(*first).filter(|fragment| fragment.length() >= SMALL) {
            *place += 1;
            return Some(large.text());
        }
        let mut joined = Vec::with_capacity(most.min(text.small));
        while let Some(part) = self.parts.get(*place) {
            match part {
                PagePart::Head(desc) => joined.extend_from_slice(text.head(desc).as_bytes()),
                PagePart::Samples { .. } => {
                    let Some(fragment) = self.fragment(*part) else { continue };
                    if fragment.length() >= SMALL || joined.len() + fragment.length() > most {
                        break;
                    }
                    fragment.append_to(&mut joined);
                }
            }
            *place += 1;
        }
        Some(Bytes::from(joined))
    }

    fn fragment(&self, part: PagePart) -> Option<&Fragment> {
        match part {
            PagePart::Head(_) => None,
            PagePart::Samples { snapshot, fragment } => {
                self.snapshots.get(snapshot as usize)?.fragments.get(fragment as usize)
            }
        }
    }

    /// The compressed text, made by the first caller while the others wait; `None` if that failed.
    pub(crate) async fn deflated(self: &Arc<Self>, format: TextFormat) -> Option<&Deflated> {
        let deflate = async || {
            let page = self.clone();
            let deflated = if self.to_compress() < COMPRESSED_AT_ONCE {
                Ok(self.deflate(format))
            } else {
                spawn_blocking(move || page.deflate(format)).await
            };
            match deflated {
                Ok(Ok(deflated)) => Some(deflated),
                Ok(Err(problem)) => {
                    error!(error = %problem, "The page can not be compressed; it is served as it is");
                    None
                }
                Err(_) => {
                    error!("Compressing the page stopped; it is served as it is");
                    None
                }
            }
        };
        self.in_format(format).deflated.get_or_init(deflate).await.as_ref()
    }

    /// How much of the text is still to be compressed.
    fn to_compress(&self) -> usize {
        let fragments = self.parts.iter().filter_map(|part| self.fragment(*part));
        fragments.filter(|fragment| !fragment.is_deflated()).map(Fragment::length).sum()
    }

    /// Compresses the text: what is compressed by itself only where that was not done before.
    fn deflate(&self, format: TextFormat) -> Result<Deflated, CompressError> {
        let text = self.in_format(format);
        let (mut deflater, mut pieces, mut joined) = (Deflater::default(), Vec::new(), Vec::new());
        for part in &self.parts {
            let fragment = self.fragment(*part);
            let alone = fragment.and_then(|fragment| fragment.deflated(&mut deflater));
            if !joined.is_empty() && (alone.is_some() || joined.len() >= JOINED_DEFLATED) {
                pieces.push(deflater.deflate(&joined)?);
                joined.clear();
            }
            match (alone, fragment, part) {
                (Some(alone), _, _) => pieces.push(alone.clone()),
                (None, Some(fragment), _) => fragment.append_to(&mut joined),
                (None, None, PagePart::Head(desc)) => joined.extend_from_slice(text.head(desc).as_bytes()),
                (None, None, PagePart::Samples { .. }) => {}
            }
        }
        if !joined.is_empty() {
            pieces.push(deflater.deflate(&joined)?);
        }
        Ok(Deflated::join(&pieces))
    }
}

/// Whether a part is neither joined with others nor unpacked when it is sent.
fn is_sent_alone(fragment: &Fragment) -> bool {
    fragment.kept().is_some_and(|text| text.len() >= SMALL)
}

impl PageText {
    /// Of samples of this length, of which so much is in small parts.
    fn new(format: TextFormat, length: usize, small: usize) -> Self {
        Self { format, length, small, chunks: OnceLock::new(), deflated: OnceCell::new() }
    }

    /// Takes the head of a family in.
    fn begin(&mut self, desc: &Desc) {
        let head = self.head(desc).len();
        self.length += head;
        self.small += head;
    }

    fn head(&self, desc: &Desc) -> String {
        head(self.format, desc.name, desc.kind.as_ref(), desc.help)
    }
}
