//! What is kept of a configuration that ran, and which of what was kept is the newest.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::reload::precedence::is_older;
use crate::reload::{ActiveConfig, Digest};

const TITLE: &str =
    "# The last good configuration, kept by nbu-exporter for a start on one that is not valid. Do not edit.";
const MARK: &str = "# nbu-exporter last good: ";
const WITHHELD: &str = "# It holds keys itself, so it is not kept here.\n";

/// A configuration that ran, as it is kept. All but the text stands in a comment before the text.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::reload) struct Record {
    /// Its text, unless the store must not have it.
    #[serde(skip)]
    pub(super) text: Option<Arc<[u8]>>,
    /// The digest of its text.
    #[serde(rename = "sha256")]
    pub(super) digest: Digest,
    /// Where it was read.
    pub(super) from: String,
    /// The `resourceVersion` of the object that held it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) revision: Option<String>,
    /// When it was put to work.
    applied: Timestamp,
    /// Older texts that a volume which lags may still show.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    lagging: Vec<Digest>,
    /// Whether the text is left out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    withheld: bool,
}

/// What is kept was not written by us, or not as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("what is kept there was changed or cut; it is not used")]
pub(super) struct Spoiled;

impl Record {
    /// What is kept of a configuration that runs.
    pub(in crate::reload) fn of(active: &ActiveConfig, lagging: Vec<Digest>) -> Self {
        Self {
            text: Some(active.text.clone()),
            digest: active.text_digest,
            from: active.origin.clone(),
            revision: active.resource_version.clone(),
            applied: active.loaded_at,
            lagging,
            withheld: false,
        }
    }

    /// The same without the text.
    pub(super) fn withheld(&self) -> Self {
        Self { text: None, withheld: true, ..self.clone() }
    }

    /// YAML with two lines of comment before the text.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        // Text and numbers alone always become JSON.
        let head = serde_json::to_string(self).unwrap_or_default();
        let mut bytes = format!("{TITLE}\n{MARK}{head}\n").into_bytes();
        bytes.extend_from_slice(self.text.as_deref().unwrap_or(WITHHELD.as_bytes()));
        bytes
    }

    /// Reads what [`Record::to_bytes`] wrote.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Spoiled> {
        let mut parts = bytes.splitn(3, |byte| *byte == b'\n');
        let (Some(_title), Some(head), Some(text)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(Spoiled);
        };
        let head = head.strip_prefix(MARK.as_bytes()).ok_or(Spoiled)?;
        let head: Self = serde_json::from_slice(head).map_err(|_| Spoiled)?;
        if head.withheld {
            return Ok(head);
        }
        let is_whole = Digest::of_text(text) == head.digest;
        is_whole.then(|| Self { text: Some(text.into()), ..head }).ok_or(Spoiled)
    }

    /// Whether both keep the same: an edit of the object that leaves the text alone is no news, nor is the source.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let is_revision = |record: &Self| record.revision.is_some();
        (self.digest, &self.lagging, self.withheld, is_revision(self))
            == (other.digest, &other.lagging, other.withheld, is_revision(other))
    }

    /// Whether this one was put to work after another, of another store.
    fn is_newer_than(&self, other: &Self) -> bool {
        match (&self.revision, &other.revision) {
            (Some(ours), Some(theirs)) if is_older(theirs, ours) => true,
            (Some(ours), Some(theirs)) if is_older(ours, theirs) => false,
            _ => self.applied > other.applied,
        }
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The text may hold keys.
        write!(formatter, "Record({:?} of {})", self.digest, self.from)
    }
}

/// What a start may run on when the newest revision can not run.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fallback<'a> {
    /// The mounted file, which is older than the object.
    File,
    /// What was kept, and in which store.
    Kept(&'a str, &'a Record),
}

/// What a start may run on, the newest first. A file is older than what was kept only if it shows one of the texts that a
/// volume which lags could show then; any other is newer, for a volume goes forward.
pub(super) fn fallbacks(file: Option<Digest>, kept: &[(String, Record)]) -> Vec<Fallback<'_>> {
    let mut kept: Vec<_> = kept.iter().filter(|(_, record)| record.text.is_some()).collect();
    kept.sort_by(|(_, one), (_, other)| other.is_newer_than(one).cmp(&one.is_newer_than(other)));
    let is_older = |text| kept.iter().take_while(|(_, record)| record.lagging.contains(&text)).count();
    let place = file.map(is_older);
    let mut fallbacks: Vec<_> = kept.iter().map(|(store, record)| Fallback::Kept(store, record)).collect();
    if let Some(place) = place {
        fallbacks.insert(place, Fallback::File);
    }
    fallbacks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(text: &str, revision: Option<&str>, second: i64, lagging: &[&str]) -> Record {
        Record {
            text: Some(text.as_bytes().into()),
            digest: Digest::of_text(text.as_bytes()),
            from: "configmap ns/cfg".to_owned(),
            revision: revision.map(str::to_owned),
            applied: Timestamp::from_second(second).unwrap(),
            lagging: lagging.iter().map(|text| Digest::of_text(text.as_bytes())).collect(),
            withheld: false,
        }
    }

    #[test]
    fn a_record_is_read_back_as_it_was_and_is_yaml_with_comments() {
        for text in ["nbuservers: []\n", "", "no line end", "\u{feff}# é\r\n"] {
            for record in [record(text, Some("7"), 1, &["a", "b"]), record(text, None, 0, &[])] {
                let bytes = record.to_bytes();
                assert_eq!(Record::parse(&bytes), Ok(record.clone()));
                let lines = String::from_utf8(bytes).unwrap();
                assert!(lines.lines().take(2).all(|line| line.starts_with("# ")) && lines.ends_with(text));
            }
        }
    }

    #[test]
    fn a_withheld_record_says_so_and_has_nothing_of_the_text() {
        let bytes = record("apiKey: hunter2\n", Some("7"), 1, &[]).withheld().to_bytes();
        assert!(!String::from_utf8_lossy(&bytes).contains("hunter2"));
        assert_eq!(Record::parse(&bytes).unwrap().text, None);
    }

    #[test]
    fn what_was_edited_or_cut_is_not_used() {
        let bytes = record("nbuservers: []\n", Some("7"), 1, &[]).to_bytes();
        for cut in 0..bytes.len() {
            assert_eq!(Record::parse(&bytes[..cut]), Err(Spoiled), "{cut}");
        }
        let edited = String::from_utf8(bytes).unwrap().replace("[]", "{}");
        assert_eq!(Record::parse(edited.as_bytes()), Err(Spoiled));
    }

    fn check(file: Option<&str>, records: &[Record], expected: &[&str]) {
        let kept: Vec<_> = records.iter().map(|record| (String::new(), record.clone())).collect();
        let fallbacks = fallbacks(file.map(|text| Digest::of_text(text.as_bytes())), &kept);
        let names = fallbacks.iter().map(|fallback| match fallback {
            Fallback::File => "file",
            Fallback::Kept(_, record) => std::str::from_utf8(record.text.as_deref().unwrap()).unwrap(),
        });
        assert_eq!(names.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_file_that_lagged_is_older_than_what_was_kept_and_any_other_is_newer() {
        let kept = [record("v5", Some("5"), 5, &["v4"])];
        check(None, &kept, &["v5"]);
        check(Some("v4"), &kept, &["v5", "file"]);
        check(Some("v6"), &kept, &["file", "v5"]);
        check(Some("v6"), &[], &["file"]);
    }

    #[test]
    fn of_two_stores_the_newer_revision_comes_first_and_without_one_the_later_time() {
        let old = record("v5", Some("5"), 9, &[]);
        check(None, &[old.clone(), record("v10", Some("10"), 1, &[])], &["v10", "v5"]);
        check(None, &[old.clone(), record("file's", None, 10, &[])], &["file's", "v5"]);
        check(None, &[old.clone(), record("file's", None, 8, &[])], &["v5", "file's"]);
        check(Some("v4"), &[old, record("v10", Some("10"), 1, &["v4"])], &["v10", "file", "v5"]);
    }

    #[test]
    fn debug_shows_nothing_of_the_text() {
        assert!(!format!("{:?}", record("apiKey: hunter2", None, 0, &[])).contains("hunter2"));
    }
}
