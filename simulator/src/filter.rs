//! The `OData` subset of the NetBackup API: `eq ne gt ge lt le and or not ()`, `contains`, `startswith`, `endswith`,
//! `tolower`, `toupper` (NetBackup API reference, the `filter` parameter of each endpoint).

mod comparison;
mod parser;
mod value;

pub(super) use parser::{Expression, Test, parse};
pub(super) use value::{Value, compare};

/// What an endpoint documents about one attribute.
#[derive(Debug)]
pub(super) struct Field {
    /// The name in `filter` and `sort`.
    pub(super) name: &'static str,
    /// The name in the response, where it differs.
    pub(super) attribute: &'static str,
    pub(super) kind: AttributeType,
    pub(super) operators: Operators,
    pub(super) sortable: bool,
}

/// The type of an attribute; the literals it is compared with must agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AttributeType {
    Integer,
    Float,
    Text,
    Time,
    Boolean,
    Duration,
    /// Filtered by number, although the response carries the name: the number is the position in this list.
    Code(&'static [&'static str]),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operators {
    None,
    /// `eq` alone.
    Equal,
    Equality,
    Ordered,
    /// `contains` alone.
    Contains,
    Text,
    All,
}

impl Operators {
    fn allow(self, operator: Operator) -> bool {
        match self {
            Self::None => false,
            Self::Equal => operator == Operator::Equal,
            Self::Contains => operator == Operator::Contains,
            Self::Equality => operator.is_equality(),
            Self::Ordered => !operator.is_function(),
            Self::Text => operator.is_equality() || operator.is_function(),
            Self::All => true,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    Contains,
    StartsWith,
    EndsWith,
}

impl Operator {
    fn is_equality(self) -> bool {
        matches!(self, Self::Equal | Self::NotEqual)
    }

    fn is_function(self) -> bool {
        matches!(self, Self::Contains | Self::StartsWith | Self::EndsWith)
    }
}

/// Something that can be filtered and sorted.
pub(super) trait Record {
    fn value(&self, field: &'static Field) -> Value<'_>;
}

impl Expression {
    pub(super) fn matches(&self, record: &impl Record) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.matches(record)),
            Self::Any(parts) => parts.iter().any(|part| part.matches(record)),
            Self::Not(part) => !part.matches(record),
            Self::Test(test) => test.holds(&record.value(test.field)),
        }
    }
}

#[cfg(test)]
mod tests;
