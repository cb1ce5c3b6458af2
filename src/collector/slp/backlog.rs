//! What waits for a storage lifecycle policy.

use std::collections::BTreeMap;

use foldhash::HashMap;

use crate::metric::label_value;
use crate::netbackup::{Field, Part, PartList, Text, Time};

/// The states of an image that is not complete.
pub(super) const INCOMPLETE: [&str; 4] =
    ["NOT_STARTED", "IN_PROCESS", "NOT_STARTED|INACTIVE", "IN_PROCESS|INACTIVE"];

/// The states of a copy that is not there yet.
pub(super) const PENDING: [&str; 7] = [
    "NOT_STARTED",
    "IN_PROCESS",
    "IMPORT_PENDING",
    "IMPORT_FAILED",
    "REPLICATION_INCOMPLETE",
    "DEFERRED",
    "CANT_PROCESS",
];

/// A record of `/catalog/slp-images` as it comes.
#[derive(serde::Deserialize)]
pub(super) struct SlpImageRecord<'a> {
    #[serde(borrow, default)]
    attributes: Part<SlpImageAttributes<'a>>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct SlpImageAttributes<'a> {
    #[serde(borrow, default)]
    slp_name: Text<'a>,
    #[serde(borrow, default)]
    slp_image_state: Text<'a>,
    #[serde(default)]
    backup_time: Field<Time>,
    #[serde(borrow, default)]
    copies: PartList<Part<CopyRecord<'a>>>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct CopyRecord<'a> {
    #[serde(borrow, default)]
    copy_type: Text<'a>,
    #[serde(borrow, default)]
    copy_state: Text<'a>,
    #[serde(default)]
    retry_count: Field<u64>,
}

/// The backlogs of all SLPs by their names.
#[derive(Debug, Default)]
pub(super) struct Backlogs(pub(super) HashMap<String, Backlog>);

/// What waits for one SLP.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Backlog {
    /// Images by [`INCOMPLETE`] state.
    pub(super) images: [u64; INCOMPLETE.len()],
    /// When the oldest of them was backed up.
    pub(super) oldest: Option<i64>,
    /// Copies by type and [`PENDING`] state.
    pub(super) copies: BTreeMap<String, [u64; PENDING.len()]>,
    /// How many of these copies were tried more than once.
    pub(super) retried: u64,
}

impl Backlogs {
    /// Adds an image of which it was asked that it is in the state with this number. `None` if the record does not even name the
    /// SLP. Malformed fields are counted.
    pub(super) fn note(
        &mut self,
        record: SlpImageRecord<'_>,
        state: usize,
        malformed: &mut u64,
    ) -> Option<()> {
        let attributes = record.attributes.take(malformed)?;
        let name = attributes.slp_name.take(malformed).filter(|name| !name.is_empty())?;
        let own_state = attributes.slp_image_state.take(malformed);
        if own_state.is_some_and(|own| INCOMPLETE.get(state).is_none_or(|asked| own != *asked)) {
            // A server that does not understand the filter gives all images in each walk.
            return Some(());
        }
        let name = label_value(&name);
        let backlog = match self.0.get_mut(name.as_ref()) {
            Some(known) => known,
            None => self.0.entry(name.into_owned()).or_default(),
        };
        if let Some(count) = backlog.images.get_mut(state) {
            *count += 1;
        }
        let time = attributes.backup_time.second(malformed);
        backlog.oldest = [backlog.oldest, time].into_iter().flatten().min();
        for copy in attributes.copies.take(malformed).unwrap_or_default() {
            if let Some(copy) = copy.take(malformed) {
                backlog.note(copy, malformed);
            }
        }
        Some(())
    }
}

impl Backlog {
    fn note(&mut self, copy: CopyRecord<'_>, malformed: &mut u64) {
        let state = copy.copy_state.take(malformed).unwrap_or_default();
        // A copy of an inactive SLP waits in the same state as one of an active one; the state of the image tells them apart.
        let state = state.strip_suffix("|INACTIVE").unwrap_or(&state);
        // The backup itself and what was copied are among the copies too.
        let Some(place) = PENDING.iter().position(|pending| *pending == state) else { return };
        let copy_type = copy.copy_type.take(malformed).unwrap_or_default();
        let copy_type = label_value(&copy_type);
        let counts = match self.copies.get_mut(copy_type.as_ref()) {
            Some(known) => known,
            None => self.copies.entry(copy_type.into_owned()).or_default(),
        };
        if let Some(count) = counts.get_mut(place) {
            *count += 1;
        }
        self.retried += u64::from(copy.retry_count.take(malformed).is_some_and(|retries| retries > 0));
    }
}
