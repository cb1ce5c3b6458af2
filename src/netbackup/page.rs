//! One page of a list of records, decoded.

use std::borrow::Cow;

use serde::de::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::Field;

/// What one page said about itself; the records of it are folded already.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Page {
    /// The number of records.
    pub records: u64,
    /// `meta.pagination`; some endpoints have none.
    pub pagination: Option<Pagination>,
}

impl Page {
    /// What to answer to the walk when no page after this one is wanted.
    pub(crate) fn without_next(self) -> Self {
        Self { pagination: Some(Pagination::default()), ..self }
    }
}

/// `meta.pagination`, for offset and for cursor paging alike.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pagination {
    /// The cursor or the offset of the next page.
    pub next: Option<String>,
    /// The number of records of all pages.
    pub count: Option<u64>,
}

/// The records of one page, decoded.
#[derive(Debug)]
pub(crate) struct Records<R> {
    /// Those that have the shape of a record.
    pub records: Vec<R>,
    /// How many have not.
    pub malformed: u64,
    /// What to answer to the walk.
    pub page: Page,
}

/// The body is not a page. The error says where, and quotes nothing: the body may hold names of clients.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Broken or cut off.
    #[error("the answer is broken JSON (line {line}, column {column})")]
    Syntax {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
    },
    /// JSON, but no list of records.
    #[error("the answer is JSON, but holds no list called data (line {line}, column {column})")]
    Shape {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
    },
    /// The compression is broken.
    #[error("the answer's gzip is broken")]
    Gzip,
    /// A page of a web site.
    #[error("the answer is an HTML page under a JSON content type; is a proxy or a login page in between?")]
    Html,
}

impl DecodeError {
    pub(super) fn new(error: &serde_json::Error, text: &str) -> Self {
        let (line, column) = (error.line(), error.column());
        if text.trim_start().starts_with('<') {
            Self::Html
        } else if error.is_data() {
            Self::Shape { line, column }
        } else {
            Self::Syntax { line, column }
        }
    }
}

/// Decodes an answer that is no list, borrowing from the text.
pub(crate) fn object<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, DecodeError> {
    serde_json::from_str(text).map_err(|error| DecodeError::new(&error, text))
}

#[derive(serde::Deserialize)]
struct Envelope<'a, R> {
    // `deserialize_with` makes the key required, which an `Option` is not: an error object is no empty page.
    #[serde(deserialize_with = "null_is_empty", bound(deserialize = "R: Deserialize<'de>"))]
    data: Vec<R>,
    #[serde(borrow, default)]
    meta: Option<Meta<'a>>,
}

#[derive(serde::Deserialize)]
struct Loose<'a> {
    #[serde(borrow, deserialize_with = "null_is_empty")]
    data: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    meta: Option<&'a RawValue>,
}

#[derive(serde::Deserialize)]
struct Meta<'a> {
    #[serde(borrow, default)]
    pagination: Option<WirePagination<'a>>,
}

#[derive(serde::Deserialize)]
struct WirePagination<'a> {
    #[serde(borrow, default)]
    next: Field<Cow<'a, str>>,
    #[serde(default)]
    count: Field<u64>,
}

fn null_is_empty<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Decodes a page of records of type `R`, borrowing from the text.
///
/// The whole page is decoded at once. Only if something in it has not even the shape of a record, each record is decoded by
/// itself.
pub(crate) fn decode<'a, R: Deserialize<'a>>(text: &'a str) -> Result<Records<R>, DecodeError> {
    match serde_json::from_str::<Envelope<'a, R>>(text) {
        Ok(envelope) => Ok(Records::new(envelope.data, 0, envelope.meta)),
        Err(error) if error.is_data() => decode_one_by_one(text),
        Err(error) => Err(DecodeError::new(&error, text)),
    }
}

fn decode_one_by_one<'a, R: Deserialize<'a>>(text: &'a str) -> Result<Records<R>, DecodeError> {
    let loose: Loose<'a> = serde_json::from_str(text).map_err(|error| DecodeError::new(&error, text))?;
    let total = loose.data.len();
    let records: Vec<R> =
        loose.data.into_iter().filter_map(|record| serde_json::from_str(record.get()).ok()).collect();
    let malformed = (total - records.len()) as u64;
    let meta = loose.meta.and_then(|meta| serde_json::from_str(meta.get()).ok());
    Ok(Records::new(records, malformed, meta))
}

impl<R> Records<R> {
    fn new(records: Vec<R>, malformed: u64, meta: Option<Meta<'_>>) -> Self {
        let pagination = meta.and_then(|meta| meta.pagination).map(|wire| {
            let mut ignored = 0;
            let next = wire.next.take(&mut ignored).filter(|next| !next.is_empty());
            Pagination { next: next.map(Cow::into_owned), count: wire.count.take(&mut ignored) }
        });
        let page = Page { records: records.len() as u64 + malformed, pagination };
        Self { records, malformed, page }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Unit<'a> {
        #[serde(borrow, default)]
        id: Field<Cow<'a, str>>,
    }

    fn ids(text: &str) -> (Vec<String>, u64) {
        let decoded = decode::<Unit<'_>>(text).unwrap();
        let ids =
            decoded.records.into_iter().map(|unit| unit.id.take(&mut 0).unwrap_or_default().into_owned());
        (ids.collect(), decoded.malformed)
    }

    #[test]
    fn a_record_that_is_no_object_is_lost_alone() {
        let text = r#"{"data":[{"id":"a"},17,null,"x",[],{"id":2},{"id":"b","id":"c"}],"meta":{"pagination":{"next":"n"}}}"#;
        // An array is a sequence of fields to serde; it is a record of nothing.
        let (ids, malformed) = ids(text);
        assert_eq!((ids.first().map(String::as_str), malformed), (Some("a"), 4));
        assert!(ids.contains(&"2".to_owned()));
        assert_eq!(decode::<Unit<'_>>(text).unwrap().page.pagination.unwrap().next.as_deref(), Some("n"));
    }

    #[test]
    fn a_malformed_meta_loses_only_the_meta() {
        assert_eq!(
            decode::<Unit<'_>>(r#"{"data":[{"id":"a"}],"meta":"?"}"#).unwrap().page,
            Page { records: 1, pagination: None }
        );
    }

    #[test]
    fn an_end_of_pages_may_be_absent_null_or_empty() {
        for meta in [r#"{"next":""}"#, r#"{"next":null}"#, "{}"] {
            let text = format!(r#"{{"data":null,"meta":{{"pagination":{meta}}}}}"#);
            let pagination = decode::<Unit<'_>>(&text).unwrap().page.pagination.unwrap();
            assert_eq!(pagination, Pagination::default(), "{meta}");
        }
    }

    #[test]
    fn what_is_no_page_says_so_and_quotes_nothing() {
        let error = |text| decode::<Unit<'_>>(text).unwrap_err();
        assert_eq!(error("<html>secret</html>"), DecodeError::Html);
        assert!(matches!(error(r#"{"errorCode":1}"#), DecodeError::Shape { .. }));
        assert!(matches!(error(r#"{"data":[{"id":"secr"#), DecodeError::Syntax { .. }));
        assert!(!error(r#"{"data":"secret"}"#).to_string().contains("secret"));
    }
}
