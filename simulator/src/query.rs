//! The query string of a request.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::error::ApiError;
use super::filter::{self, Expression, Field};
use super::sort::{self, SortKey};

/// RFC 3986 leaves these as they are.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Names and values, decoded once, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// `+` means a space, as in forms; text that is not UTF-8 is refused.
    pub(super) fn parse(text: &str) -> Result<Self, ApiError> {
        let decode = |part: &str| {
            let spaced = part.replace('+', " ");
            percent_decode_str(&spaced)
                .decode_utf8()
                .map(std::borrow::Cow::into_owned)
                .map_err(|_| ApiError::invalid("query", &"not UTF-8"))
        };
        text.split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                Ok((decode(name)?, decode(value)?))
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The value of a parameter; sent twice it is refused, as NetBackup 8.1.2 was seen to do.
    pub(super) fn get(&self, name: &str) -> Result<Option<&str>, ApiError> {
        let mut values = self.0.iter().filter(|(known, _)| known == name);
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(ApiError::invalid(name, &"given more than once")),
            (first, None) => Ok(first.map(|(_, value)| value.as_str())),
        }
    }

    pub(super) fn integer(
        &self,
        name: &str,
        range: std::ops::RangeInclusive<usize>,
        default: usize,
    ) -> Result<usize, ApiError> {
        let Some(text) = self.get(name)? else {
            return Ok(default);
        };
        text.parse()
            .ok()
            .filter(|number| range.contains(number))
            .ok_or_else(|| ApiError::invalid(name, &format!("must be {} to {}", range.start(), range.end())))
    }

    pub(super) fn filter(&self, fields: &'static [Field]) -> Result<Option<Expression>, ApiError> {
        self.get("filter")?
            .map(|text| filter::parse(text, fields).map_err(|error| ApiError::invalid("filter", &error)))
            .transpose()
    }

    pub(super) fn sort(&self, fields: &'static [Field]) -> Result<Vec<SortKey>, ApiError> {
        self.get("sort")?.map_or(Ok(Vec::new()), |text| {
            sort::parse(text, fields).map_err(|error| ApiError::invalid("sort", &error))
        })
    }

    /// This query with some parameters replaced (`None` leaves one out), encoded.
    pub(super) fn with(&self, changes: &[(&str, Option<String>)]) -> String {
        let kept = self
            .0
            .iter()
            .filter(|(name, _)| changes.iter().all(|(other, _)| other != name))
            .map(|(name, value)| (name.as_str(), value.as_str()));
        changes
            .iter()
            .filter_map(|(name, value)| value.as_deref().map(|value| (*name, value)))
            .chain(kept)
            .map(|(name, value)| {
                format!(
                    "{}={}",
                    utf8_percent_encode(name, UNRESERVED),
                    utf8_percent_encode(value, UNRESERVED)
                )
            })
            .collect::<Vec<_>>()
            .join("&")
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.0.retain(|(known, _)| known != name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_are_decoded_exactly_once() {
        let query = Query::parse("page%5Blimit%5D=5&filter=a%2520b+c&empty").unwrap();
        assert_eq!(query.get("page[limit]"), Ok(Some("5")));
        assert_eq!(query.get("filter"), Ok(Some("a%20b c")));
        assert_eq!(query.get("empty"), Ok(Some("")));
        assert_eq!(query.get("absent"), Ok(None));
    }

    #[test]
    fn a_parameter_given_twice_is_refused() {
        let query = Query::parse("page%5Blimit%5D=5&page[limit]=6").unwrap();
        assert!(query.get("page[limit]").is_err());
    }

    #[test]
    fn a_changed_query_is_encoded_again() {
        let query = Query::parse("page%5Blimit%5D=5&sort=-startTime&filter=a%20eq%20'b'").unwrap();
        assert_eq!(
            query.with(&[("page[limit]", Some("10".into())), ("sort", None)]),
            "page%5Blimit%5D=10&filter=a%20eq%20%27b%27"
        );
    }
}
