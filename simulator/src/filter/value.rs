//! Values of attributes.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::{AttributeType, Field};

/// The value of an attribute in one record.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    Absent,
    Integer(i64),
    Float(f64),
    Boolean(bool),
    Text(Cow<'a, str>),
}

impl<'a> Value<'a> {
    pub(crate) fn text(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }

    pub(crate) fn into_owned(self) -> Value<'static> {
        match self {
            Self::Absent => Value::Absent,
            Self::Integer(value) => Value::Integer(value),
            Self::Float(value) => Value::Float(value),
            Self::Boolean(value) => Value::Boolean(value),
            Self::Text(value) => Value::Text(Cow::Owned(value.into_owned())),
        }
    }

    /// The value of `field` in the attributes of a response.
    pub(crate) fn of_json(field: &Field, json: Option<&'a serde_json::Value>) -> Self {
        let Some(json) = json else {
            return Self::Absent;
        };
        let found = match field.kind {
            AttributeType::Integer => json.as_i64().map(Self::Integer),
            AttributeType::Float => json.as_f64().map(Self::Float),
            AttributeType::Boolean => json.as_bool().map(Self::Boolean),
            AttributeType::Text => json.as_str().map(Self::text),
            AttributeType::Time => json.as_str().and_then(instant).map(Self::Integer),
            AttributeType::Duration => json.as_str().and_then(duration).map(Self::Integer),
            AttributeType::Code(names) => json
                .as_str()
                .and_then(|name| names.iter().position(|known| *known == name))
                .and_then(|position| i64::try_from(position).ok())
                .map(Self::Integer),
        };
        found.unwrap_or(Self::Absent)
    }
}

/// Absent values sort last in ascending order (inferred; the API reference does not say).
pub(crate) fn compare(left: &Value<'_>, right: &Value<'_>) -> Ordering {
    match (left, right) {
        (Value::Absent, Value::Absent) => Ordering::Equal,
        (Value::Absent, _) => Ordering::Greater,
        (_, Value::Absent) => Ordering::Less,
        (Value::Integer(a), Value::Integer(b)) => a.cmp(b),
        (Value::Float(a), Value::Float(b)) => a.total_cmp(b),
        (Value::Boolean(a), Value::Boolean(b)) => a.cmp(b),
        (Value::Text(a), Value::Text(b)) => a.cmp(b),
        _ => Ordering::Equal,
    }
}

/// An ISO-8601 date-time with offset, in milliseconds since the Unix epoch.
pub(crate) fn instant(text: &str) -> Option<i64> {
    text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond)
}

/// An ISO-8601 duration (`PT5M46S`), in milliseconds.
pub(super) fn duration(text: &str) -> Option<i64> {
    let duration = text.parse::<jiff::SignedDuration>().ok()?;
    i64::try_from(duration.as_millis()).ok()
}
