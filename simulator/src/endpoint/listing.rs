//! Lists: filtered, sorted and paged by offset (`page[offset]`, integers in `meta.pagination`) or by cursor
//! (`page[after]`, `page[before]`, texts in it).

use serde_json::{Map, Value, json};

use super::{Call, Reply};
use crate::error::ApiError;
use crate::filter::{Field, Record};
use crate::record::Item;
use crate::sort;

/// What the reference says of one list.
pub(super) struct List {
    pub(super) fields: &'static [Field],
    pub(super) largest: usize,
    pub(super) form: Form,
}

/// What stands around `data`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `meta` with page numbers, and `links`.
    Full,
    /// `meta` without page numbers, and `links`.
    WithoutPages,
    /// `meta` without page numbers, no `links`.
    MetaOnly,
    /// `links` alone.
    LinksOnly,
    /// Neither: a client asks until a page is short.
    Bare,
}

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
        let mut pagination = self.pagination(count);
        pagination.insert("pages".into(), count.div_ceil(self.limit).into());
        pagination.insert("page".into(), (self.offset / self.limit).into());
        json!({"pagination": pagination})
    }

    pub(super) fn meta_without_pages(self, count: usize) -> Value {
        json!({"pagination": self.pagination(count)})
    }

    fn pagination(self, count: usize) -> Map<String, Value> {
        let mut pagination = Map::new();
        pagination.insert("count".into(), count.into());
        pagination.insert("offset".into(), self.offset.into());
        pagination.insert("limit".into(), self.limit.into());
        for (name, offset) in self.places(count) {
            pagination.insert(name.into(), offset.into());
        }
        pagination
    }

    pub(super) fn links(self, call: &Call<'_>, count: usize) -> Value {
        let href = |offset: usize| {
            let page =
                [("page[offset]", Some(offset.to_string())), ("page[limit]", Some(self.limit.to_string()))];
            json!({"href": call.site.href(call.path, &call.query.with(&page))})
        };
        let mut links = Map::new();
        links.insert("self".into(), href(self.offset));
        for (name, offset) in self.places(count) {
            links.insert(name.into(), href(offset));
        }
        Value::Object(links)
    }
}

/// Filters and sorts `data`; the default order is that of `data`.
pub(super) fn selected(
    call: &Call<'_>,
    data: Vec<Value>,
    fields: &'static [Field],
) -> Result<Vec<Value>, ApiError> {
    let items = chosen(call, data.into_iter().map(Item).collect(), fields)?;
    Ok(items.into_iter().map(|item| item.0).collect())
}

fn chosen<E: CursorEntry>(
    call: &Call<'_>,
    data: Vec<E>,
    fields: &'static [Field],
) -> Result<Vec<E>, ApiError> {
    let filter = call.query.filter(fields)?;
    let keys = call.query.sort(fields)?;
    let mut items: Vec<_> = data
        .into_iter()
        .filter(|item| filter.as_ref().is_none_or(|filter| filter.matches(item)))
        .map(|item| (sort::values(&item, &keys), item))
        .collect();
    items.sort_by(|a, b| sort::order(&a.0, &b.0, &keys));
    Ok(items.into_iter().map(|(_, item)| item).collect())
}

/// One page by offset of what the query selects from `data`.
pub(super) fn by_offset(call: &Call<'_>, list: &List, data: Vec<Value>) -> Result<Reply, ApiError> {
    page(call, list, selected(call, data, list.fields)?)
}

/// One page by offset of what is selected already.
pub(super) fn page(call: &Call<'_>, list: &List, items: Vec<Value>) -> Result<Reply, ApiError> {
    let page = Offset::of(call, list.largest)?;
    let count = items.len();
    let data: Vec<_> = items.into_iter().skip(page.offset).take(page.limit).collect();
    let mut answer = json!({"data": data});
    if let Some(answer) = answer.as_object_mut() {
        match list.form {
            Form::Full => answer.insert("meta".into(), page.meta(count)),
            Form::WithoutPages | Form::MetaOnly => {
                answer.insert("meta".into(), page.meta_without_pages(count))
            }
            Form::LinksOnly | Form::Bare => None,
        };
        if matches!(list.form, Form::Full | Form::WithoutPages | Form::LinksOnly) {
            answer.insert("links".into(), page.links(call, count));
        }
    }
    Reply::json(&answer)
}

/// An entry that is written as JSON only if it is on the page.
pub(super) trait CursorEntry: Record {
    fn json(&self, call: &Call<'_>) -> Value;
}

impl CursorEntry for Item {
    fn json(&self, _: &Call<'_>) -> Value {
        self.0.clone()
    }
}

/// How the places of a list are written into a cursor, which a client sends back unread.
pub(super) struct Cursors<E> {
    pub(super) default: usize,
    pub(super) write: fn(&E) -> String,
    /// Whether an entry lies behind a cursor, in the order of the list.
    pub(super) is_behind: fn(&E, &str) -> Result<bool, ApiError>,
    /// Whether a cursor stays a place in the order when its entry is gone.
    pub(super) is_place: bool,
    pub(super) links: Links,
}

/// Where the links of a page stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Links {
    None,
    Plain,
    /// Under `links.pagination`, as most tape resources have them.
    Nested,
}

/// One page by cursor. A range, with both `page[after]` and `page[before]`, is refused.
pub(super) fn by_cursor<E: CursorEntry>(
    call: &Call<'_>,
    list: &List,
    cursors: &Cursors<E>,
    data: Vec<E>,
) -> Result<Reply, ApiError> {
    let limit = call.query.integer("page[limit]", 0..=list.largest, cursors.default)?;
    let (after, before) = (call.query.get("page[after]")?, call.query.get("page[before]")?);
    if after.is_some() && before.is_some() {
        return Err(ApiError::invalid("page[before]", &"can not be combined with page[after]"));
    }
    let items = chosen(call, data, list.fields)?;
    let start = match (after, before) {
        (Some(after), _) => position(&items, after, cursors)?,
        (None, Some(before)) => {
            let exact = items.iter().position(|item| (cursors.write)(item) == before);
            exact.ok_or_else(|| ApiError::invalid("page[before]", &"unknown cursor"))?.saturating_sub(limit)
        }
        (None, None) => 0,
    };
    let end = start.saturating_add(limit).min(items.len());
    let page = items.get(start..end).unwrap_or_default();
    let next = page.last().filter(|_| end < items.len()).map(cursors.write);
    let prev = page.first().filter(|_| start > 0).map(cursors.write);
    let data: Vec<_> = page.iter().map(|item| item.json(call)).collect();
    let mut answer = json!({"data": data, "meta": cursor_meta(limit, next.as_deref(), prev.as_deref())});
    let links = cursor_links(call, limit, next, prev);
    if let Some(answer) = answer.as_object_mut() {
        match cursors.links {
            Links::None => None,
            Links::Plain => answer.insert("links".into(), links),
            Links::Nested => answer.insert("links".into(), json!({"pagination": links})),
        };
    }
    Reply::json(&answer)
}

fn position<E>(items: &[E], after: &str, cursors: &Cursors<E>) -> Result<usize, ApiError> {
    for (index, item) in items.iter().enumerate() {
        if (cursors.is_behind)(item, after)? {
            return Ok(index);
        }
        if !cursors.is_place && (cursors.write)(item) == after {
            return Ok(index + 1);
        }
    }
    if items.is_empty() || cursors.is_place {
        return Ok(items.len());
    }
    Err(ApiError::invalid("page[after]", &"unknown cursor"))
}

fn cursor_meta(limit: usize, next: Option<&str>, prev: Option<&str>) -> Value {
    let mut pagination = Map::new();
    pagination.insert("limit".into(), limit.into());
    for (name, cursor) in [("next", next), ("prev", prev)] {
        if let Some(cursor) = cursor {
            pagination.insert(name.into(), cursor.into());
        }
    }
    json!({"pagination": pagination})
}

fn cursor_links(call: &Call<'_>, limit: usize, next: Option<String>, prev: Option<String>) -> Value {
    let href = |after: Option<String>, before: Option<String>| {
        let changes =
            [("page[limit]", Some(limit.to_string())), ("page[after]", after), ("page[before]", before)];
        json!({"href": call.site.href(call.path, &call.query.with(&changes))})
    };
    let mut links = Map::new();
    let own = call.site.href(call.path, &call.query.with(&[]));
    links.insert("self".into(), json!({"href": own}));
    links.insert("first".into(), href(None, None));
    if next.is_some() {
        links.insert("next".into(), href(next, None));
    }
    if prev.is_some() {
        links.insert("prev".into(), href(None, prev));
    }
    Value::Object(links)
}
