//! The JSON Schema of the file.

use serde_json::{Value, json};

use super::key::section_schema;
use super::pattern;
use super::raw::{RawConfig, RawSite};

/// The JSON Schema (draft-07) of the file, from the same table of keys that reads it. It accepts what `config::load`
/// accepts when variables and key files are not checked. It can not express that names are unique, the value of a default in
/// a reference, the sum of a duration's parts, and the letters of a host name that is not ASCII.
pub fn schema() -> Value {
    let mut schema = section_schema(RawConfig::KEYS);
    if let Some(object) = schema.as_object_mut() {
        object.insert("$schema".to_owned(), json!("http://json-schema.org/draft-07/schema#"));
        object.insert("title".to_owned(), json!("nbu-exporter configuration"));
        object.insert("type".to_owned(), json!("object"));
        object.insert("allOf".to_owned(), json!([{ "$ref": "#/definitions/sites" }, legacy_block()]));
        let definitions = json!({
            "reference": {
                "description": "Text with a reference to a variable.",
                "type": "string",
                "allOf": [pattern::refined(r"\$\{", &pattern::reference())],
            },
            "site": section_schema(RawSite::KEYS),
            // A definition of its own, since the chart writes these keys into a file that lacks them.
            "key": { "oneOf": [given("apiKey"), given("apiKeyFile")] },
            "sites": some_sites(),
        });
        object.insert("definitions".to_owned(), definitions);
    }
    // The keys of a site are allowed in two places; they are described once.
    extend(
        &mut schema,
        "/properties/nbuserver",
        |legacy| json!({ "description": legacy.get("description"), "allOf": [{ "$ref": "#/definitions/site" }] }),
    );
    extend(&mut schema, "/properties/nbuservers/items", |_| {
        let rules = [vec![json!({ "$ref": "#/definitions/site" }), given("site")], site_rules()].concat();
        json!({ "type": "object", "allOf": rules })
    });
    extend(&mut schema, "/properties/opentelemetry", traced);
    schema
}

fn extend(schema: &mut Value, pointer: &str, work: impl FnOnce(&Value) -> Value) {
    if let Some(place) = schema.pointer_mut(pointer) {
        *place = work(place);
    }
}

/// The key is there with a value.
fn given(key: &str) -> Value {
    json!({ "required": [key], "properties": { key: { "not": { "type": "null" } } } })
}

/// The key is literally true, not by a variable.
fn is_true(key: &str) -> Value {
    let yes = json!([{ "enum": [true, 1] }, { "type": "string", "pattern": pattern::TRUE }]);
    json!({ "required": [key], "properties": { key: { "anyOf": yes } } })
}

fn some_sites() -> Value {
    let list = json!({ "required": ["nbuservers"], "properties": { "nbuservers": { "type": "array" } } });
    json!({ "anyOf": [list, given("nbuserver")] })
}

/// The legacy block counts where the list has no sites.
fn legacy_block() -> Value {
    let listed = json!({ "type": "array", "minItems": 1 });
    let rules = [vec![json!({ "not": given("site") })], site_rules()].concat();
    json!({
        "if": { "required": ["nbuservers"], "properties": { "nbuservers": listed } },
        "else": { "properties": { "nbuserver": { "anyOf": [{ "type": "null" }, { "allOf": rules }] } } },
    })
}

/// What holds between the keys of a site.
fn site_rules() -> Vec<Value> {
    let never = |one: Value, other: Value| json!({ "not": { "allOf": [one, other] } });
    vec![
        given("host"),
        json!({ "$ref": "#/definitions/key" }),
        never(given("certificateSha256"), given("caFile")),
        never(given("certificateSha256"), is_true("insecureSkipVerify")),
        never(given("caFile"), is_true("insecureSkipVerify")),
    ]
}

/// What tracing needs where it is on.
fn traced(section: &Value) -> Value {
    let reference = json!({ "$ref": "#/definitions/reference" });
    let port = pattern::range(1, u16::MAX.into());
    let endpoint = json!([{ "type": "string", "pattern": format!(r"^[\s\S]+:0*{port}$") }, reference]);
    // Of a text with an exponent no pattern can say whether it is at most one.
    let share = r"^(?:\+?0*(?:\.[0-9]*|1(?:\.0*)?)?|-[0.]*|.*[eE].*)$";
    let share = json!([
        { "type": "number", "minimum": 0, "maximum": 1 },
        { "type": "string", "pattern": share },
        { "type": "null" },
        reference,
    ]);
    let needs = json!({
        "required": ["endpoint"],
        "properties": { "endpoint": { "anyOf": endpoint }, "samplingRate": { "anyOf": share } },
    });
    let mut section = section.clone();
    if let Some(object) = section.as_object_mut() {
        let on = json!({ "allOf": [{ "type": "object" }, is_true("enabled")] });
        object.insert("if".to_owned(), on);
        object.insert("then".to_owned(), needs);
    }
    section
}

#[cfg(test)]
mod agreement;
#[cfg(test)]
pub(super) mod tests;
