//! The table of keys: name, default, documentation and shape of each.

use serde_json::{Value, json};

/// One key of the file. The table of keys is the one source for reading, schema, documentation and redaction.
pub(super) struct Key {
    pub(super) name: &'static str,
    /// What holds when the key is absent or has no value, as one would write it.
    pub(super) default: Option<&'static str>,
    pub(super) about: &'static [&'static str],
    pub(super) shape: fn() -> Shape,
}

/// What a key's value looks like.
pub(super) enum Shape {
    /// One value.
    Scalar { secrecy: Secrecy, may_be_empty: bool, wants: String, schema: Value },
    /// A list.
    List(fn() -> Shape),
    /// A map with these keys.
    Section(&'static [Key]),
    /// Accepted and without effect.
    Ignored,
}

/// Whether a value may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Secrecy {
    Open,
    /// Never.
    Secret,
    /// A URL that may hold a password.
    Url,
}

impl Key {
    /// The documentation as one paragraph.
    fn paragraph(&self) -> String {
        self.about.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
    }

    /// The documentation with what the value must be.
    pub(super) fn description(&self) -> String {
        match (self.shape)() {
            Shape::Scalar { wants, .. } => format!("{} Must be {wants}.", self.paragraph()),
            _ => self.paragraph(),
        }
    }

    fn schema(&self) -> Value {
        let mut schema = schema_of(&(self.shape)());
        if let Some(object) = schema.as_object_mut() {
            object.insert("description".to_owned(), json!(self.description()));
            if let Some(default) = self.default {
                object.insert("default".to_owned(), default_value(default, object.get("anyOf")));
            }
        }
        schema
    }
}

/// A section's JSON Schema (draft-07).
pub(super) fn section_schema(keys: &[Key]) -> Value {
    let properties: serde_json::Map<String, Value> =
        keys.iter().map(|key| (key.name.to_owned(), key.schema())).collect();
    json!({
        "type": ["object", "null"],
        "properties": properties,
        "patternProperties": { "^x-": {} },
        "additionalProperties": false,
    })
}

fn schema_of(shape: &Shape) -> Value {
    match shape {
        Shape::Scalar { schema, may_be_empty, .. } => {
            let reference = json!({ "$ref": "#/definitions/reference" });
            let mut forms = vec![schema.clone(), reference, json!({ "type": "null" })];
            forms.extend(may_be_empty.then(|| json!({ "const": "" })));
            json!({ "anyOf": forms })
        }
        Shape::List(item) => json!({ "type": ["array", "null"], "items": schema_of(&item()) }),
        Shape::Section(keys) => section_schema(keys),
        Shape::Ignored => json!({ "deprecated": true }),
    }
}

/// Numbers, booleans and sections as such where the key takes them.
fn default_value(default: &str, alternatives: Option<&Value>) -> Value {
    let kind = alternatives.and_then(|alternatives| alternatives.pointer("/0/type"));
    let takes = |name: &str| match kind {
        Some(Value::String(kind)) => kind == name,
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == name),
        _ => false,
    };
    match serde_json::from_str(default) {
        Ok(value @ Value::Number(_)) if takes("integer") || takes("number") => value,
        Ok(value @ Value::Bool(_)) if takes("boolean") => value,
        Ok(value @ Value::Object(_)) => value,
        _ => json!(default),
    }
}
