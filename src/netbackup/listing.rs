use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::page::Pagination;
use super::{Cause, Page};

/// A list of records that is asked for page by page.
#[derive(Clone, Debug)]
pub struct Listing {
    /// The path of the resource below the base path, such as `/admin/jobs`.
    pub endpoint: &'static str,
    /// Query parameters in plain text, such as `filter`; paging adds its own.
    pub query: Vec<(&'static str, String)>,
    /// How the endpoint pages in the version that is spoken.
    pub paging: Paging,
    /// Records per page; the endpoint states the most that it takes.
    pub limit: u64,
    /// Where the walk ends even if there is more; that is reported.
    pub max_pages: u64,
}

/// The two ways of paging ("NetBackup API reference, pagination").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paging {
    /// `page[after]` with an opaque cursor.
    Cursor,
    /// `page[offset]` with a record number.
    Offset,
}

/// How a walk over a listing ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Walk {
    /// How many pages were folded.
    pub pages: u64,
    /// How many records they had.
    pub records: u64,
    /// Whether there was more: the budget of pages ended the walk, or the server counts more records than it gave.
    pub truncated: bool,
}

/// RFC 3986 leaves these as they are; everything else is encoded, a space as `%20`.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A query string without its question mark.
pub(super) fn encode(parameters: &[(&str, &str)]) -> String {
    let mut query = String::new();
    for (name, value) in parameters {
        if !query.is_empty() {
            query.push('&');
        }
        query.extend(utf8_percent_encode(name, RESERVED));
        query.push('=');
        query.extend(utf8_percent_encode(value, RESERVED));
    }
    query
}

impl Listing {
    pub(super) fn query_at(&self, position: &Position) -> String {
        let limit = self.limit.to_string();
        let offset;
        let mut parameters: Vec<(&str, &str)> =
            self.query.iter().map(|(name, value)| (*name, value.as_str())).collect();
        parameters.push(("page[limit]", &limit));
        match position {
            Position::Start => {}
            Position::After(cursor) => parameters.push(("page[after]", cursor)),
            Position::Offset(number) => {
                offset = number.to_string();
                parameters.push(("page[offset]", &offset));
            }
        }
        encode(&parameters)
    }
}

/// Where a page begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Position {
    Start,
    After(String),
    Offset(u64),
}

/// Follows the pages to their end, and notices when there is none.
#[derive(Debug)]
pub(super) struct Trail {
    paging: Paging,
    limit: u64,
    position: Position,
    seen: HashSet<u64>,
}

impl Trail {
    pub(super) fn new(listing: &Listing) -> Self {
        Self { paging: listing.paging, limit: listing.limit, position: Position::Start, seen: HashSet::new() }
    }

    pub(super) fn position(&self) -> &Position {
        &self.position
    }

    /// Goes on to the page after this one; false at the end.
    pub(super) fn advance(&mut self, page: &Page) -> Result<bool, Cause> {
        if page.records == 0 {
            return Ok(false);
        }
        let next = match (self.paging, &page.pagination) {
            (Paging::Cursor, Some(pagination)) => self.next_cursor(pagination)?,
            (Paging::Cursor, None) => None,
            (Paging::Offset, Some(pagination)) => self.next_offset(page.records, pagination)?,
            // Some endpoints say nothing about their pages: the last one is short.
            (Paging::Offset, None) if page.records < self.limit => None,
            (Paging::Offset, None) => Some(Position::Offset(self.offset() + page.records)),
        };
        let more = next.is_some();
        if let Some(next) = next {
            self.position = next;
        }
        Ok(more)
    }

    fn offset(&self) -> u64 {
        if let Position::Offset(offset) = self.position { offset } else { 0 }
    }

    fn next_cursor(&mut self, pagination: &Pagination) -> Result<Option<Position>, Cause> {
        let Some(next) = &pagination.next else { return Ok(None) };
        if matches!(&self.position, Position::After(cursor) if cursor == next) {
            return Ok(None);
        }
        let mut hasher = DefaultHasher::new();
        next.hash(&mut hasher);
        if !self.seen.insert(hasher.finish()) {
            return Err(Cause::Pagination("the server gave a cursor again that it had given before"));
        }
        Ok(Some(Position::After(next.clone())))
    }

    fn next_offset(&self, records: u64, pagination: &Pagination) -> Result<Option<Position>, Cause> {
        let offset = self.offset();
        if pagination.count.is_some_and(|count| offset + records >= count) {
            return Ok(None);
        }
        let Some(next) = &pagination.next else { return Ok(None) };
        let next =
            next.parse().map_err(|_| Cause::Pagination("the server gave an offset that is no number"))?;
        Ok((next > offset).then_some(Position::Offset(next)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(paging: Paging) -> Listing {
        let query = vec![("filter", "state ne 'DONE'".to_owned()), ("sort", "endTime,jobId".to_owned())];
        Listing { endpoint: "/admin/jobs", query, paging, limit: 2, max_pages: 9 }
    }

    fn page(records: u64, next: Option<&str>, count: Option<u64>) -> Page {
        Page { records, pagination: Some(Pagination { next: next.map(str::to_owned), count }) }
    }

    /// The positions that follow the pages; `None` at the end.
    fn check(paging: Paging, pages: &[(Page, Option<Position>)]) {
        let mut trail = Trail::new(&listing(paging));
        for (page, expected) in pages {
            let more = trail.advance(page).unwrap();
            assert_eq!(more.then(|| trail.position().clone()), *expected, "after {page:?}");
        }
    }

    #[test]
    fn names_and_values_are_encoded_by_rfc_3986() {
        assert_eq!(
            listing(Paging::Cursor).query_at(&Position::After("a+b/=é".to_owned())),
            "filter=state%20ne%20%27DONE%27&sort=endTime%2CjobId&page%5Blimit%5D=2&page%5Bafter%5D=a%2Bb%2F%3D%C3%A9"
        );
        assert!(listing(Paging::Offset).query_at(&Position::Offset(40)).ends_with("&page%5Boffset%5D=40"));
    }

    #[test]
    fn cursors_are_followed_to_the_end() {
        let after = |cursor: &str| Some(Position::After(cursor.to_owned()));
        check(
            Paging::Cursor,
            &[
                (page(2, Some("a"), None), after("a")),
                (page(2, Some("b"), None), after("b")),
                (page(2, Some("b"), None), None),
            ],
        );
        check(Paging::Cursor, &[(page(2, None, None), None)]);
        check(Paging::Cursor, &[(page(0, Some("a"), None), None)]);
    }

    #[test]
    fn cursors_that_go_round_are_an_error() {
        let mut trail = Trail::new(&listing(Paging::Cursor));
        assert!(trail.advance(&page(2, Some("a"), None)).unwrap());
        assert!(trail.advance(&page(2, Some("b"), None)).unwrap());
        assert!(matches!(trail.advance(&page(2, Some("a"), None)), Err(Cause::Pagination(_))));
    }

    #[test]
    fn offsets_are_followed_to_the_end() {
        check(
            Paging::Offset,
            &[
                (page(2, Some("2"), Some(5)), Some(Position::Offset(2))),
                (page(2, Some("4"), Some(5)), Some(Position::Offset(4))),
                (page(1, Some("6"), Some(5)), None),
            ],
        );
        check(Paging::Offset, &[(page(2, Some("0"), None), None)]);
        check(Paging::Offset, &[(page(2, None, Some(9)), None)]);
        assert!(Trail::new(&listing(Paging::Offset)).advance(&page(2, Some("x"), None)).is_err());
    }

    #[test]
    fn without_any_word_about_pages_the_last_is_short() {
        let silent = |records| Page { records, pagination: None };
        check(Paging::Offset, &[(silent(2), Some(Position::Offset(2))), (silent(1), None)]);
    }
}
