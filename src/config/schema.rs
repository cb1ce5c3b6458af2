use serde_json::{Value, json};

use super::key::section_schema;
use super::raw::RawConfig;

/// The JSON Schema (draft-07) of the file, from the same table of keys that reads it. It is a little more lenient than
/// [`load`](super::load): what concerns several keys, and what a variable stands for, is checked there only.
pub fn schema() -> Value {
    let mut schema = section_schema(RawConfig::KEYS);
    if let Some(object) = schema.as_object_mut() {
        object.insert("$schema".to_owned(), json!("http://json-schema.org/draft-07/schema#"));
        object.insert("title".to_owned(), json!("nbu-exporter configuration"));
        object.insert("type".to_owned(), json!("object"));
    }
    schema
}

#[cfg(test)]
mod tests;
