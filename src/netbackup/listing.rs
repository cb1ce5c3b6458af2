//! A list of records, and the way from page to page.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::error::Cause;
use super::page::{Page, Pagination};

/// A list of records that is asked for page by page.
#[derive(Clone, Debug)]
pub(crate) struct Listing {
    /// The path of the resource below the base path, such as `/admin/jobs`.
    pub endpoint: &'static str,
    /// Query parameters in plain text, such as `filter`; paging adds its own.
    pub query: Vec<(&'static str, String)>,
    /// How the endpoint pages in the version that is spoken.
    pub paging: Paging,
    /// The cursor of the page to begin with, where an earlier walk ended; without it the first one.
    pub start: Option<String>,
    /// Records per page; the endpoint states the most that it takes.
    pub limit: u64,
    /// The walk ends after so many pages even if there are more; that is reported.
    pub max_pages: u64,
}

/// The two ways of paging ("NetBackup API reference, pagination").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paging {
    /// `page[after]` with an opaque cursor.
    Cursor,
    /// `page[offset]` with a record number.
    Offset,
}

/// How a walk over a listing ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Walk {
    /// How many pages were folded.
    pub pages: u64,
    /// How many records they had.
    pub records: u64,
    /// Whether there was more: the budget of pages ended the walk, or the server led it back to where it had been.
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

/// One segment of a path.
pub(super) fn encode_segment(value: &str) -> String {
    utf8_percent_encode(value, RESERVED).to_string()
}

impl Listing {
    /// A list that is asked for by `page[offset]`, without a query; so many pages of it are read at most.
    pub(crate) fn by_offset(endpoint: &'static str, limit: u64, max_pages: u64) -> Self {
        Self { endpoint, query: Vec::new(), paging: Paging::Offset, start: None, limit, max_pages }
    }

    /// A list that is asked for by cursor, without a query; so many pages of it are read at most.
    pub(crate) fn by_cursor(endpoint: &'static str, limit: u64, max_pages: u64) -> Self {
        Self { paging: Paging::Cursor, ..Self::by_offset(endpoint, limit, max_pages) }
    }

    /// Adds a query parameter in plain text, such as `filter`.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    /// Begins behind this cursor, where an earlier walk ended.
    pub(crate) fn starting_after(self, cursor: Option<String>) -> Self {
        Self { start: cursor, ..self }
    }

    /// The query of the first page.
    pub(super) fn first_query(&self) -> String {
        self.query_at(&Position::Start)
    }

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
pub(super) struct Pager {
    paging: Paging,
    limit: u64,
    position: Position,
    known_cursors: HashSet<u64>,
}

/// What follows a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NextPage {
    /// Another page.
    At(Position),
    /// Nothing more.
    End,
    /// There is more, but it can not be asked for.
    CutShort,
}

impl Pager {
    pub(super) fn new(listing: &Listing) -> Self {
        Self {
            paging: listing.paging,
            limit: listing.limit,
            position: listing.start.clone().map_or(Position::Start, Position::After),
            known_cursors: HashSet::new(),
        }
    }

    pub(super) fn position(&self) -> &Position {
        &self.position
    }

    /// Goes on to the page after this one.
    pub(super) fn advance(&mut self, page: &Page) -> Result<NextPage, Cause> {
        if page.records == 0 {
            return Ok(NextPage::End);
        }
        let next = match (self.paging, &page.pagination) {
            (Paging::Cursor, Some(pagination)) => self.after_cursor(page.records, pagination)?,
            (Paging::Offset, Some(pagination)) => self.after_offset(page.records, pagination)?,
            // Some endpoints say nothing about their pages: the last one is short.
            (Paging::Offset, None) if page.records >= self.limit => {
                NextPage::At(Position::Offset(self.offset() + page.records))
            }
            (_, None) => NextPage::End,
        };
        if let NextPage::At(position) = &next {
            self.position = position.clone();
        }
        Ok(next)
    }

    fn offset(&self) -> u64 {
        if let Position::Offset(offset) = self.position { offset } else { 0 }
    }

    fn after_cursor(&mut self, records: u64, pagination: &Pagination) -> Result<NextPage, Cause> {
        let Some(next) = &pagination.next else { return Ok(NextPage::End) };
        if matches!(&self.position, Position::After(cursor) if cursor == next) {
            // The last page is rarely a full one, and a server that does not understand our cursor gives its first page again and again.
            return Ok(if records >= self.limit { NextPage::CutShort } else { NextPage::End });
        }
        let mut hasher = DefaultHasher::new();
        next.hash(&mut hasher);
        if !self.known_cursors.insert(hasher.finish()) {
            return Err(Cause::Pagination("the server gave a cursor again that it had given before"));
        }
        Ok(NextPage::At(Position::After(next.clone())))
    }

    fn after_offset(&self, records: u64, pagination: &Pagination) -> Result<NextPage, Cause> {
        let read = self.offset() + records;
        let Some(next) = &pagination.next else {
            // The count may say that there is more; then the next page is asked for, even if it turns out to be empty.
            let more = pagination.count.is_some_and(|count| count > read);
            return Ok(if more { NextPage::At(Position::Offset(read)) } else { NextPage::End });
        };
        let next =
            next.parse().map_err(|_| Cause::Pagination("the server gave an offset that is no number"))?;
        Ok(match pagination.count {
            Some(count) if count <= read => NextPage::End,
            _ if next > self.offset() => NextPage::At(Position::Offset(next)),
            Some(_) => NextPage::CutShort,
            None => NextPage::End,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(paging: Paging) -> Listing {
        let query = vec![("filter", "state ne 'DONE'".to_owned()), ("sort", "endTime,jobId".to_owned())];
        Listing { endpoint: "/admin/jobs", query, paging, start: None, limit: 2, max_pages: 9 }
    }

    fn page(records: u64, next: Option<&str>, count: Option<u64>) -> Page {
        Page { records, pagination: Some(Pagination { next: next.map(str::to_owned), count }) }
    }

    fn check(paging: Paging, pages: &[(Page, NextPage)]) {
        let mut walk = Pager::new(&listing(paging));
        for (page, expected) in pages {
            assert_eq!(walk.advance(page).as_ref(), Ok(expected), "after {page:?}");
            if let NextPage::At(position) = expected {
                assert_eq!(walk.position(), position);
            }
        }
    }

    fn after(cursor: &str) -> NextPage {
        NextPage::At(Position::After(cursor.to_owned()))
    }

    fn offset(offset: u64) -> NextPage {
        NextPage::At(Position::Offset(offset))
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
        check(
            Paging::Cursor,
            &[
                (page(2, Some("a"), None), after("a")),
                (page(2, Some("b"), None), after("b")),
                (page(1, Some("b"), None), NextPage::End),
            ],
        );
        check(Paging::Cursor, &[(page(2, None, None), NextPage::End)]);
        check(Paging::Cursor, &[(page(0, Some("a"), None), NextPage::End)]);
    }

    #[test]
    fn a_walk_goes_on_where_an_earlier_one_ended() {
        let listing = listing(Paging::Cursor).starting_after(Some("a".to_owned()));
        let mut walk = Pager::new(&listing);
        assert!(listing.query_at(walk.position()).ends_with("&page%5Blimit%5D=2&page%5Bafter%5D=a"));
        assert_eq!(walk.advance(&page(2, Some("b"), None)), Ok(after("b")));
    }

    #[test]
    fn a_cursor_that_the_server_does_not_understand_cuts_the_list_short() {
        let first = || page(2, Some("a"), None);
        check(Paging::Cursor, &[(first(), after("a")), (first(), NextPage::CutShort)]);
    }

    #[test]
    fn cursors_that_go_round_are_an_error() {
        let mut pager = Pager::new(&listing(Paging::Cursor));
        assert_eq!(pager.advance(&page(2, Some("a"), None)), Ok(after("a")));
        assert_eq!(pager.advance(&page(2, Some("b"), None)), Ok(after("b")));
        assert!(matches!(pager.advance(&page(2, Some("a"), None)), Err(Cause::Pagination(_))));
    }

    #[test]
    fn offsets_are_followed_to_the_end() {
        check(
            Paging::Offset,
            &[
                (page(2, Some("2"), Some(5)), offset(2)),
                (page(2, Some("4"), Some(5)), offset(4)),
                (page(1, Some("6"), Some(5)), NextPage::End),
            ],
        );
        check(Paging::Offset, &[(page(2, Some("0"), None), NextPage::End)]);
        check(
            Paging::Offset,
            &[
                (page(2, None, Some(5)), offset(2)),
                (page(2, None, Some(5)), offset(4)),
                (page(0, None, Some(5)), NextPage::End),
            ],
        );
        check(Paging::Offset, &[(page(2, Some("0"), Some(9)), NextPage::CutShort)]);
        assert!(Pager::new(&listing(Paging::Offset)).advance(&page(2, Some("x"), None)).is_err());
    }

    #[test]
    fn a_page_after_which_none_is_wanted_ends_the_walk() {
        for paging in [Paging::Offset, Paging::Cursor] {
            check(paging, &[(page(2, Some("2"), Some(5)).without_next(), NextPage::End)]);
        }
    }

    #[test]
    fn without_pagination_the_last_page_is_the_short_one() {
        let silent = |records| Page { records, pagination: None };
        check(Paging::Offset, &[(silent(2), offset(2)), (silent(1), NextPage::End)]);
    }
}
