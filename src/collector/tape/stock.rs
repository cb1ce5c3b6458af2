//! The tapes as they are remembered: walked rarely, and over several runs if there are many.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::collector::contract::{CollectError, Context, Diagnostics};
use crate::collector::walk::fold_page;
use crate::config::TapeMedia;
use crate::netbackup::{Cause, Listing, quoted};

use super::media::{Sought, Tally, TapeRecord};
use super::pool::VolumePool;
use super::{MEDIA, PAGE_SIZE};

/// Pages of tapes that one run reads at most: 20 000 tapes. The next run goes on.
const MOST_PAGES_A_RUN: u64 = 200;
/// Pages after which a walk ends in any case: ten times as many.
const MOST_PAGES: u64 = 2_000;

/// The media types of cleaning tapes.
const CLEANING_TYPES: [&str; 6] = ["HC_CLN", "HC2_CLN", "HC3_CLN", "DLT_CLN", "DLT2_CLN", "DLT3_CLN"];

/// What is known of the tapes, and the walk that is under way.
#[derive(Debug)]
pub(super) struct Stock {
    media: TapeMedia,
    interval: Duration,
    walk: Option<MediaWalk>,
    known: Option<Tally>,
    /// When the next walk begins; `None` before the first one has ended.
    due: Option<Instant>,
}

impl Stock {
    pub(super) fn new(media: TapeMedia, interval: Duration) -> Self {
        Self { media, interval, walk: None, known: None, due: None }
    }

    /// What the last whole walk counted.
    pub(super) fn known(&self) -> Option<&Tally> {
        self.known.as_ref()
    }

    /// Walks on, or begins a new walk if one is due. The pools are those of this run, if the role may see them.
    pub(super) async fn keep_up(
        &mut self,
        context: &Context<'_>,
        pools: Option<&[VolumePool]>,
        diagnostics: &mut Diagnostics,
    ) -> Result<(), CollectError> {
        if context.lacks(&MEDIA) {
            // They are not remembered over an older release.
            (self.walk, self.known, self.due) = (None, None, None);
            return Ok(());
        }
        let is_due = self.due.is_none_or(|due| due <= Instant::now());
        if self.walk.is_none() && is_due {
            self.walk = MediaWalk::new(self.media, pools.unwrap_or_default());
        }
        let Some(walk) = &mut self.walk else { return Ok(()) };
        match context.optional(&MEDIA, walk.advance(context, diagnostics)).await {
            Ok(Some(true)) => {
                self.due = Some(walk.began + self.interval);
                self.known = self.walk.take().map(|walk| walk.tally);
                Ok(())
            }
            Ok(Some(false)) => Ok(()),
            Ok(None) => {
                (self.walk, self.known) = (None, None);
                Ok(())
            }
            Err(error) => {
                if leads_nowhere(&error) {
                    self.walk = None;
                }
                Err(error)
            }
        }
    }
}

/// Whether the server refused where the walk goes on: a cursor may not live as long as the time between two runs.
fn leads_nowhere(error: &CollectError) -> bool {
    matches!(error, CollectError::NetBackup(error)
        if matches!(error.cause, Cause::Client { .. } | Cause::Pagination(_)))
}

/// A walk over tapes: one list after the other. Where it stands is changed with each page, so that it goes on behind it whatever
/// becomes of the run.
#[derive(Debug)]
struct MediaWalk {
    began: Instant,
    left: VecDeque<Sought>,
    /// Behind the last page of the first list.
    cursor: Option<String>,
    pages: u64,
    tally: Tally,
}

impl MediaWalk {
    /// Nothing was read yet. `None` if no tapes are asked for.
    fn new(media: TapeMedia, pools: &[VolumePool]) -> Option<Self> {
        let scratch = || pools.iter().filter(|pool| pool.is_scratch()).map(|pool| pool.name.clone());
        let is_whole = media == TapeMedia::All;
        let left = if is_whole {
            [Sought::All].into()
        } else if media == TapeMedia::Summary {
            scratch().map(Sought::Scratch).chain([Sought::Unusable, Sought::Cleaning]).collect()
        } else {
            return None;
        };
        let tally = Tally::new(is_whole, scratch());
        Some(Self { began: Instant::now(), left, cursor: None, pages: 0, tally })
    }

    /// Reads on as far as one run may, and says whether that was the end.
    async fn advance(
        &mut self,
        context: &Context<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Result<bool, CollectError> {
        let mut pages_left = MOST_PAGES_A_RUN;
        while let Some(sought) = self.left.front() {
            if pages_left == 0 || context.is_over() {
                diagnostics.truncated = true;
                return Ok(false);
            }
            let listing = listing(sought, pages_left).starting_after(self.cursor.clone());
            let mut is_stuck = false;
            let fold = |text: &str, diagnostics: &mut Diagnostics| {
                let page = fold_page(text, diagnostics, |record: TapeRecord<'_>, malformed| {
                    self.tally.note(sought, record, malformed)
                })?;
                let next = page.pagination.as_ref().and_then(|pagination| pagination.next.clone());
                is_stuck = next == self.cursor;
                self.cursor = next;
                pages_left = pages_left.saturating_sub(1);
                self.pages += 1;
                Ok(page)
            };
            let was_truncated = std::mem::take(&mut diagnostics.truncated);
            context.walk(&listing, diagnostics, fold).await?;
            let has_more = std::mem::replace(&mut diagnostics.truncated, was_truncated);
            diagnostics.truncated |= has_more;
            if has_more && !is_stuck && self.pages < MOST_PAGES {
                return Ok(false);
            }
            self.left.pop_front();
            self.cursor = None;
        }
        Ok(true)
    }
}

fn listing(sought: &Sought, most_pages: u64) -> Listing {
    let listing = Listing::by_cursor(MEDIA.path, PAGE_SIZE, most_pages);
    match sought {
        Sought::All => listing,
        Sought::Scratch(pool) => listing.with("filter", format!("volumePool eq {}", quoted(pool))),
        Sought::Unusable => {
            listing.with("filter", "contains(mediaStatus,'FROZEN') or contains(mediaStatus,'SUSPENDED')")
        }
        Sought::Cleaning => {
            let types = CLEANING_TYPES.map(|kind| format!("mediaType eq {}", quoted(kind)));
            listing.with("filter", types.join(" or "))
        }
    }
}
