//! Faults in the body of an answer.

use serde_json::{Map, Value, json};

/// Makes some records malformed, each in one way; the others stay as they are.
pub(crate) fn malformed_records(body: &[u8]) -> Vec<u8> {
    edit(body, |document| {
        let records = document.get_mut("data").and_then(Value::as_array_mut);
        for (index, record) in records.into_iter().flatten().enumerate() {
            malformed_record(record, index);
        }
        // Two lists have their attributes without a name around them.
        for name in ["certificateList", "hosts"] {
            let records = document.get_mut(name).and_then(Value::as_array_mut);
            for (index, record) in records.into_iter().flatten().enumerate() {
                match (index % 10, record.as_object_mut()) {
                    (0, Some(attributes)) => numbers_as_text(attributes),
                    (1, Some(attributes)) => attributes.values_mut().for_each(|value| *value = Value::Null),
                    (2, _) => *record = Value::Null,
                    _ => {}
                }
            }
        }
    })
}

fn malformed_record(record: &mut Value, index: usize) {
    let attributes = record.get_mut("attributes").and_then(Value::as_object_mut);
    match (index % 10, attributes) {
        (0, Some(attributes)) => numbers_as_text(attributes),
        (1, Some(attributes)) => empty_times(attributes),
        (2, Some(attributes)) => {
            for name in [
                "state",
                "jobType",
                "policyType",
                "storageCategory",
                "diskPoolState",
                "driveStatus",
                "storageServerState",
                "slpImageState",
            ] {
                replace(attributes, name, "NEWER_THAN_YOU".into());
            }
        }
        (3, Some(attributes)) => attributes.values_mut().for_each(|value| *value = Value::Null),
        (4, Some(_)) => set(record, "attributes", Value::Null),
        (5, Some(_)) => {
            if let Some(record) = record.as_object_mut() {
                record.remove("attributes");
            }
        }
        (6, Some(attributes)) => {
            for name in ["kilobytesTransferred", "usedCapacityBytes", "status"] {
                replace(attributes, name, json!(1.5e3));
            }
        }
        _ => {}
    }
}

fn numbers_as_text(attributes: &mut Map<String, Value>) {
    for value in attributes.values_mut() {
        if let Value::Number(number) = value {
            *value = number.to_string().into();
        }
    }
}

fn empty_times(attributes: &mut Map<String, Value>) {
    for (name, value) in attributes {
        if name.ends_with("Time") && value.is_string() {
            *value = "".into();
        }
    }
}

fn replace(attributes: &mut Map<String, Value>, name: &str, value: Value) {
    if let Some(known) = attributes.get_mut(name) {
        *known = value;
    }
}

fn set(record: &mut Value, name: &str, value: Value) {
    if let Some(known) = record.get_mut(name) {
        *known = value;
    }
}

/// Says that there is a next page, also on the last one.
pub(crate) fn never_last(body: &[u8]) -> Vec<u8> {
    edit(body, |document| {
        let last = document
            .get("data")
            .and_then(Value::as_array)
            .and_then(|data| data.last())
            .and_then(|record| record.pointer("/meta/page/cursor"))
            .cloned();
        let own = document.pointer("/links/self").cloned();
        if let Some(Value::Object(pagination)) = document.pointer_mut("/meta/pagination") {
            let limit = pagination.get("limit").cloned().unwrap_or_default();
            pagination.entry("next").or_insert(last.unwrap_or(limit));
        }
        if let Some(Value::Object(links)) = document.get_mut("links") {
            links.entry("next").or_insert(own.unwrap_or_default());
        }
    })
}

/// No JSON, but close to it.
pub(crate) fn garbage(body: &[u8]) -> Vec<u8> {
    let half = body.get(..body.len() / 2).unwrap_or_default();
    [half, b"\x00}]{\"data\":\xff\xfe".as_slice()].concat()
}

fn edit(body: &[u8], change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let Ok(mut document) = serde_json::from_slice(body) else {
        return body.to_vec();
    };
    change(&mut document);
    serde_json::to_vec(&document).unwrap_or_default()
}
