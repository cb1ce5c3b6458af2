//! Reads the tree as the toolkit's decoder does, and collects what is wrong with it.

use super::super::report::{MOST_VIOLATIONS, Violation, escaped};
use super::super::tree::{Content, Entry, Node, TextPosition};
use super::go_scalar::{self, GoScalar};

/// What is wrong so far, and where we are.
#[derive(Debug, Default)]
pub(super) struct WebReader {
    path: String,
    pub(super) violations: Vec<Violation>,
    pub(super) warnings: Vec<Violation>,
}

/// A value with its place.
#[derive(Clone, Debug, Default)]
pub(super) struct Placed<T> {
    pub(super) position: TextPosition,
    pub(super) value: T,
}

impl WebReader {
    /// Reports a mistake; beyond a limit they are dropped.
    pub(super) fn violation(&mut self, position: TextPosition, message: impl Into<String>) {
        if self.violations.len() <= MOST_VIOLATIONS {
            self.violations.push(Violation::new(position, &self.path, message));
        }
    }

    /// Reports what is allowed but probably a mistake.
    pub(super) fn warning(&mut self, position: TextPosition, message: impl Into<String>) {
        if self.warnings.len() <= MOST_VIOLATIONS {
            self.warnings.push(Violation::new(position, &self.path, message));
        }
    }

    /// Works under a key, so that what it reports names that.
    pub(super) fn at<T>(&mut self, key: &str, work: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.path.len();
        if length > 0 {
            self.path.push('.');
        }
        self.path.push_str(key);
        let result = work(self);
        self.path.truncate(length);
        result
    }

    /// The entries of a section; those with another key than these are mistakes.
    pub(super) fn section<'a>(&mut self, node: &'a Node, keys: &[&str]) -> &'a [Entry] {
        let entries = self.map(node);
        for entry in entries.iter().filter(|entry| !keys.contains(&entry.key.as_str())) {
            self.at(&escaped(&entry.key), |reader| {
                reader.violation(
                    entry.position,
                    format!("is no key here; those that are: {}", keys.join(", ")),
                );
            });
        }
        entries
    }

    /// The entries of a map.
    pub(super) fn map<'a>(&mut self, node: &'a Node) -> &'a [Entry] {
        match &node.content {
            Content::Null => &[],
            Content::Mapping(entries) => entries,
            _ => {
                self.violation(node.position, format!("must be a map of keys, not {}", node.kind()));
                &[]
            }
        }
    }

    /// The value of a key of a section, by `read`, or what holds without it.
    pub(super) fn key<T: Default>(
        &mut self,
        entries: &[Entry],
        key: &str,
        read: impl FnOnce(&mut Self, &Node) -> T,
    ) -> T {
        let entry = entries.iter().find(|entry| entry.key == key);
        entry.map(|entry| self.at(key, |reader| read(reader, &entry.value))).unwrap_or_default()
    }

    /// A text; one that is not there is empty.
    pub(super) fn text(&mut self, node: &Node) -> Placed<String> {
        let value = match &node.content {
            Content::Null => String::new(),
            Content::Scalar(text) => text.clone(),
            _ => {
                self.violation(node.position, format!("must be a text, not {}", node.kind()));
                String::new()
            }
        };
        Placed { position: node.position, value }
    }

    /// A list of texts; `None` if it is not there.
    pub(super) fn texts(&mut self, node: &Node) -> Option<Vec<Placed<String>>> {
        match &node.content {
            Content::Null => None,
            Content::Sequence(items) => Some(items.iter().map(|item| self.text(item)).collect()),
            _ => {
                self.violation(node.position, format!("must be a list, not {}", node.kind()));
                None
            }
        }
    }

    /// Yes or no; no where it is not there.
    pub(super) fn flag(&mut self, node: &Node) -> bool {
        match scalar(node) {
            Some((_, GoScalar::Flag(flag))) => flag,
            None if node.content == Content::Null => false,
            _ => {
                self.violation(node.position, "must be true or false, without quotes");
                false
            }
        }
    }

    /// A whole number; 0 where it is not there.
    pub(super) fn number(&mut self, node: &Node) -> Placed<i64> {
        let value = match scalar(node) {
            Some((_, scalar)) => as_i64(scalar),
            None => (node.content == Content::Null).then_some(0),
        };
        if value.is_none() {
            self.violation(node.position, "must be a whole number, without quotes");
        }
        Placed { position: node.position, value: value.unwrap_or_default() }
    }

    /// A duration in nanoseconds; 0 where it is not there.
    pub(super) fn duration(&mut self, node: &Node) -> Placed<i64> {
        let value = match scalar(node) {
            Some((text, GoScalar::Text)) => go_scalar::duration(text),
            // A number counts nanoseconds.
            Some((_, scalar)) => as_i64(scalar),
            None => (node.content == Content::Null).then_some(0),
        };
        if value.is_none() {
            self.violation(node.position, "must be a duration such as 100ms or 1s");
        }
        Placed { position: node.position, value: value.unwrap_or_default() }
    }
}

fn scalar(node: &Node) -> Option<(&str, GoScalar)> {
    let Content::Scalar(text) = &node.content else { return None };
    Some((text, if node.is_plain { GoScalar::of(text) } else { GoScalar::Text }))
}

/// What Go puts into an integer.
#[allow(clippy::cast_possible_truncation, reason = "Go cuts off what is behind the point")]
fn as_i64(scalar: GoScalar) -> Option<i64> {
    match scalar {
        GoScalar::Whole(whole) => i64::try_from(whole).ok(),
        GoScalar::Float(float) => (float < 9_223_372_036_854_775_807.0).then_some(float as i64),
        GoScalar::Flag(_) | GoScalar::Text => None,
    }
}
