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
    records: u64,
    seen: HashSet<u64>,
}

/// What follows a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Another page.
    Next,
    /// Nothing more.
    End,
    /// Nothing more that can be asked for, though there is more.
    CutShort,
}

impl Trail {
    pub(super) fn new(listing: &Listing) -> Self {
        Self {
            paging: listing.paging,
            limit: listing.limit,
            position: Position::Start,
            records: 0,
            seen: HashSet::new(),
        }
    }

    pub(super) fn position(&self) -> &Position {
        &self.position
    }

    /// Goes on to the page after this one.
    pub(super) fn advance(&mut self, page: &Page) -> Result<Step, Cause> {
        self.records += page.records;
        let next = if page.records == 0 { None } else { self.next(page)? };
        if let Some(next) = next {
            self.position = next;
            return Ok(Step::Next);
        }
        Ok(if self.is_cut_short(page) { Step::CutShort } else { Step::End })
    }

    /// Whether the server counts more records than it gave, or gave a whole page and then the way to the same one: the
    /// last page is seldom a whole one, and a server that does not understand our cursor never ends.
    fn is_cut_short(&self, page: &Page) -> bool {
        let Some(pagination) = &page.pagination else { return false };
        let leads_back = matches!((&self.position, &pagination.next), (Position::After(cursor), Some(next)) if cursor == next);
        pagination.count.is_some_and(|count| count > self.records)
            || (leads_back && page.records >= self.limit)
    }

    fn next(&mut self, page: &Page) -> Result<Option<Position>, Cause> {
        Ok(match (self.paging, &page.pagination) {
            (Paging::Cursor, Some(pagination)) => self.next_cursor(pagination)?,
            (Paging::Cursor, None) => None,
            (Paging::Offset, Some(pagination)) => self.next_offset(page.records, pagination)?,
            // Some endpoints say nothing about their pages: the last one is short.
            (Paging::Offset, None) if page.records < self.limit => None,
            (Paging::Offset, None) => Some(Position::Offset(self.offset() + page.records)),
        })
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

    /// The positions that follow the pages, or how it ends.
    fn check(paging: Paging, pages: &[(Page, Result<Position, Step>)]) {
        let mut trail = Trail::new(&listing(paging));
        for (page, expected) in pages {
            let found = match trail.advance(page).unwrap() {
                Step::Next => Ok(trail.position().clone()),
                end => Err(end),
            };
            assert_eq!(found, *expected, "after {page:?}");
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
        let after = |cursor: &str| Ok(Position::After(cursor.to_owned()));
        check(
            Paging::Cursor,
            &[
                (page(2, Some("a"), None), after("a")),
                (page(2, Some("b"), None), after("b")),
                (page(1, Some("b"), None), Err(Step::End)),
            ],
        );
        check(Paging::Cursor, &[(page(2, None, None), Err(Step::End))]);
        check(Paging::Cursor, &[(page(0, Some("a"), None), Err(Step::End))]);
    }

    #[test]
    fn a_cursor_that_the_server_does_not_understand_cuts_the_list_short() {
        let first = || page(2, Some("a"), None);
        check(
            Paging::Cursor,
            &[(first(), Ok(Position::After("a".to_owned()))), (first(), Err(Step::CutShort))],
        );
    }

    #[test]
    fn cursors_that_go_round_are_an_error() {
        let mut trail = Trail::new(&listing(Paging::Cursor));
        assert_eq!(trail.advance(&page(2, Some("a"), None)), Ok(Step::Next));
        assert_eq!(trail.advance(&page(2, Some("b"), None)), Ok(Step::Next));
        assert!(matches!(trail.advance(&page(2, Some("a"), None)), Err(Cause::Pagination(_))));
    }

    #[test]
    fn offsets_are_followed_to_the_end() {
        check(
            Paging::Offset,
            &[
                (page(2, Some("2"), Some(5)), Ok(Position::Offset(2))),
                (page(2, Some("4"), Some(5)), Ok(Position::Offset(4))),
                (page(1, Some("6"), Some(5)), Err(Step::End)),
            ],
        );
        check(Paging::Offset, &[(page(2, Some("0"), None), Err(Step::End))]);
        check(Paging::Offset, &[(page(2, None, Some(9)), Err(Step::CutShort))]);
        check(Paging::Offset, &[(page(2, Some("0"), Some(9)), Err(Step::CutShort))]);
        assert!(Trail::new(&listing(Paging::Offset)).advance(&page(2, Some("x"), None)).is_err());
    }

    #[test]
    fn without_any_word_about_pages_the_last_is_short() {
        let silent = |records| Page { records, pagination: None };
        check(Paging::Offset, &[(silent(2), Ok(Position::Offset(2))), (silent(1), Err(Step::End))]);
    }
}
