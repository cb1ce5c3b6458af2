//! The `sort` parameter: comma-separated attributes, `-` in front for descending order.

use std::cmp::Ordering;

use super::filter::{Field, Record, Value, compare};

#[derive(Clone, Copy, Debug)]
pub(super) struct SortKey {
    pub(super) field: &'static Field,
    pub(super) descending: bool,
}

/// Why a `sort` is refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("'{0}' can not be sorted by here")]
pub(super) struct SortError(String);

pub(super) fn parse(text: &str, fields: &'static [Field]) -> Result<Vec<SortKey>, SortError> {
    text.split(',')
        .map(|key| {
            let (descending, name) = match key.trim().strip_prefix('-') {
                Some(name) => (true, name),
                None => (false, key.trim()),
            };
            fields
                .iter()
                .find(|field| field.sortable && field.name == name)
                .map(|field| SortKey { field, descending })
                .ok_or_else(|| SortError(name.to_owned()))
        })
        .collect()
}

pub(super) fn values(record: &impl Record, keys: &[SortKey]) -> Vec<Value<'static>> {
    keys.iter().map(|key| record.value(key.field).into_owned()).collect()
}

pub(super) fn order(left: &[Value<'_>], right: &[Value<'_>], keys: &[SortKey]) -> Ordering {
    left.iter()
        .zip(right)
        .zip(keys)
        .map(|((left, right), key)| {
            let order = compare(left, right);
            if key.descending { order.reverse() } else { order }
        })
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}
