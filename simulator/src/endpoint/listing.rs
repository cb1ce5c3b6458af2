//! Lists that are paged by offset: `page[offset]`, `page[limit]`, integers in `meta.pagination`.

use serde_json::{Map, Value, json};

use super::{Call, Reply};
use crate::error::ApiError;
use crate::filter::Field;
use crate::sort;
use crate::storage::Item;

/// Where a page lies in a list of `count` records.
#[derive(Clone, Copy, Debug)]
pub(super) struct Offset {
    pub(super) offset: usize,
    pub(super) limit: usize,
}

impl Offset {
    pub(super) fn of(call: &Call<'_>, largest: usize) -> Result<Self, ApiError> {
        Ok(Self {
            offset: call.query.integer("page[offset]", 0..=usize::MAX, 0)?,
            limit: call.query.integer("page[limit]", 1..=largest, 10)?,
        })
    }

    /// `first`, `last`, `next` and `prev` are offsets; `next` and `prev` are left out where there is no such page
    /// (inferred from single-page samples).
    fn places(self, count: usize) -> Vec<(&'static str, usize)> {
        let Self { offset, limit } = self;
        let mut places = vec![("first", 0), ("last", count.saturating_sub(1) / limit * limit)];
        if offset.saturating_add(limit) < count {
            places.push(("next", offset + limit));
        }
        if offset > 0 {
            places.push(("prev", offset.saturating_sub(limit)));
        }
        places
    }

    pub(super) fn meta(self, count: usize) -> Value {
        let mut pagination = Map::new();
        pagination.insert("count".into(), count.into());
        pagination.insert("pages".into(), count.div_ceil(self.limit).into());
        pagination.insert("page".into(), (self.offset / self.limit).into());
        pagination.insert("offset".into(), self.offset.into());
        pagination.insert("limit".into(), self.limit.into());
        for (name, offset) in self.places(count) {
            pagination.insert(name.into(), offset.into());
        }
        json!({"pagination": pagination})
    }

    pub(super) fn links(self, call: &Call<'_>, path: &str, count: usize) -> Value {
        let href = |offset: usize| {
            let page =
                [("page[offset]", Some(offset.to_string())), ("page[limit]", Some(self.limit.to_string()))];
            json!({"href": call.site.href(path, &call.query.with(&page))})
        };
        let mut links = Map::new();
        links.insert("self".into(), href(self.offset));
        for (name, offset) in self.places(count) {
            links.insert(name.into(), href(offset));
        }
        Value::Object(links)
    }
}

/// Filters, sorts and pages `data`; the default order is that of `data`.
pub(super) fn answer(
    call: &Call<'_>,
    path: &str,
    data: Vec<Value>,
    fields: &'static [Field],
    largest: usize,
) -> Result<Reply, ApiError> {
    let page = Offset::of(call, largest)?;
    let filter = call.query.filter(fields)?;
    let keys = call.query.sort(fields)?;
    let mut items: Vec<_> = data
        .into_iter()
        .map(Item)
        .filter(|item| filter.as_ref().is_none_or(|filter| filter.matches(item)))
        .map(|item| (sort::values(&item, &keys), item))
        .collect();
    items.sort_by(|a, b| sort::order(&a.0, &b.0, &keys));
    let count = items.len();
    let data: Vec<_> = items.into_iter().skip(page.offset).take(page.limit).map(|(_, item)| item.0).collect();
    Reply::json(&json!({
        "data": data,
        "links": page.links(call, path, count),
        "meta": page.meta(count)
    }))
}
