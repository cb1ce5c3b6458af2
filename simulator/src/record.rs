//! Entries of lists that are kept as JSON, and what they can be filtered and sorted by.

use serde_json::Value;

use super::filter::{self, AttributeType, Field, Operators, Record};

/// Filterable and sortable under the name of the attribute.
pub(crate) const fn field(name: &'static str, kind: AttributeType, operators: Operators) -> Field {
    Field { name, attribute: name, kind, operators, sortable: true }
}

/// The same where the attribute lies elsewhere; `/` separates the names on the way to it.
pub(crate) const fn field_at(
    name: &'static str,
    attribute: &'static str,
    kind: AttributeType,
    operators: Operators,
) -> Field {
    Field { name, attribute, kind, operators, sortable: true }
}

/// One entry of `data`.
pub(crate) struct Item(pub(crate) Value);

impl Record for Item {
    /// `id` and `type` stand beside the attributes.
    fn value(&self, field: &'static Field) -> filter::Value<'_> {
        let found = match field.attribute {
            "id" => self.0.get("id"),
            "type" => self.0.get("type"),
            attribute => attribute
                .split('/')
                .try_fold(self.0.get("attributes").unwrap_or(&Value::Null), |place, name| place.get(name)),
        };
        filter::Value::of_json(field, found)
    }
}
