//! The simulator's answers against the vendor's own schemas of NetBackup 10.5.
//!
//! The OpenAPI files are the vendor's and not part of this repository: they are looked for in `../shared/openapi/10.5`
//! beside it, or where `NETBACKUP_OPENAPI_DIR` says. Without them the tests say that they are left out.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking and reports on stderr, in its helper functions too"
)]

use std::path::PathBuf;

use nbu_exporter_simulator::{Clock, Options, Simulation, Site};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[path = "../../tests/it/harness/skip.rs"]
mod skip;

use skip::skip;

const MEDIA_TYPE: &str = "application/vnd.netbackup+json;version=12.0";

fn document(file: &str) -> Option<Value> {
    let directory = std::env::var_os("NETBACKUP_OPENAPI_DIR").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/openapi/10.5"),
        PathBuf::from,
    );
    let path = directory.join(file);
    let Ok(text) = std::fs::read_to_string(&path) else {
        skip("simulator", format_args!("the vendor's file is not there: {}", path.display()));
        return None;
    };
    // The files share most schemas through aliases, far beyond what is usual.
    let options = serde_yaml::options! {
        budget: None,
        alias_limits: serde_yaml::alias_limits! {
            max_total_replayed_events: usize::MAX,
            max_alias_expansions_per_anchor: usize::MAX,
        },
    };
    Some(serde_yaml::from_str_with_options(&text, options).expect("the vendor's file is YAML"))
}

/// The schema of a successful answer.
fn schema(document: &Value, method: &str, path: &str, status: &str) -> Value {
    let path = path.replace('/', "~1");
    let media_type = MEDIA_TYPE.replace('/', "~1");
    let pointer = format!("/paths/{path}/{method}/responses/{status}/content/{media_type}/schema");
    document.pointer(&pointer).cloned().unwrap_or_else(|| panic!("no schema at {pointer}"))
}

/// Both alternatives of `attributes` allow everything, so that `oneOf` can never hold: each is made to require the one
/// property that it is about.
fn mend(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            if let Some(Value::Array(alternatives)) = object.get_mut("oneOf") {
                for alternative in alternatives {
                    let names: Vec<String> = alternative["properties"]
                        .as_object()
                        .into_iter()
                        .flat_map(|properties| properties.keys().cloned())
                        .collect();
                    if let Some(alternative) = alternative.as_object_mut() {
                        alternative.entry("required").or_insert(json!(names));
                    }
                }
            }
            object.values_mut().for_each(mend);
        }
        Value::Array(items) => items.iter_mut().for_each(mend),
        _ => {}
    }
}

/// Every way in which `value` does not fit `schema`; an undeclared property is one.
fn complaints(schema: &Value, value: &Value, place: &str, declared: &[&Value]) -> Vec<String> {
    let mut found = Vec::new();
    let fits = match schema["type"].as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        Some("boolean") => value.is_boolean(),
        _ => true,
    };
    if !fits {
        found.push(format!("{place}: {value} is not of type {}", schema["type"]));
    }
    if let Some(allowed) = schema["enum"].as_array().filter(|all| !all.contains(value)) {
        found.push(format!("{place}: {value} is not one of {allowed:?}"));
    }
    for (bound, wrong) in [("minimum", std::cmp::Ordering::Less), ("maximum", std::cmp::Ordering::Greater)] {
        let order = value.as_f64().zip(schema[bound].as_f64());
        if order.and_then(|(value, bound)| value.partial_cmp(&bound)) == Some(wrong) {
            found.push(format!("{place}: {value} is beyond the {bound}"));
        }
    }
    if schema["format"] == "date-time" {
        let text = value.as_str().unwrap_or_default();
        if text.parse::<jiff::Timestamp>().is_err() {
            found.push(format!("{place}: {value} is no date-time"));
        }
    }
    for required in schema["required"].as_array().into_iter().flatten() {
        if value.get(required.as_str().unwrap_or_default()).is_none() {
            found.push(format!("{place}: {required} is missing"));
        }
    }
    if let Some(alternatives) = schema["oneOf"].as_array() {
        let with_own: Vec<&Value> = declared.iter().copied().chain([schema]).collect();
        let holding = alternatives
            .iter()
            .filter(|alternative| complaints(alternative, value, place, &with_own).is_empty())
            .count();
        if holding != 1 {
            found.push(format!("{place}: {holding} alternatives of oneOf hold"));
        }
    }
    found.extend(complaints_below(schema, value, place, declared));
    found
}

fn complaints_below(schema: &Value, value: &Value, place: &str, declared: &[&Value]) -> Vec<String> {
    let alternatives = schema["oneOf"].as_array().into_iter().flatten();
    let everywhere: Vec<&Value> = declared.iter().copied().chain([schema]).chain(alternatives).collect();
    let mut found = Vec::new();
    for (name, value) in value.as_object().into_iter().flatten() {
        let place = format!("{place}.{name}");
        if let Some(property) = schema["properties"].get(name) {
            found.extend(complaints(property, value, &place, &[]));
        } else if schema["properties"].is_object()
            && !everywhere.iter().any(|schema| schema["properties"].get(name).is_some())
        {
            found.push(format!("{place} is not in the schema"));
        }
    }
    for (index, value) in value.as_array().into_iter().flatten().enumerate() {
        found.extend(complaints(&schema["items"], value, &format!("{place}[{index}]"), &[]));
    }
    found
}

async fn start() -> (Simulation, Site) {
    let simulation = Simulation::start(Options {
        clock: Clock::manual(1_770_120_000_000),
        storage_units: 16,
        jobs_per_day: 50_000,
        ..Options::default()
    })
    .await
    .expect("a free port");
    let site = simulation.sites()[0].clone();
    (simulation, site)
}

async fn ask(site: &Site, method: &str, path: &str, body: &str) -> Value {
    let mut stream = TcpStream::connect(site.address()).await.expect("the simulator listens");
    let request = format!(
        "{method} /netbackup{path} HTTP/1.1\r\nHost: primary\r\nConnection: close\r\nAuthorization: simulated-key\r\n\
         Accept: {MEDIA_TYPE}\r\nContent-Type: {MEDIA_TYPE}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("answered");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.1 2"), "{path}: {answer}");
    serde_json::from_str(body).expect("JSON")
}

fn assert_fits(schema: &Value, value: &Value, what: &str) {
    let complaints = complaints(schema, value, what, &[]);
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[tokio::test]
async fn jobs_fit_the_schema_in_every_state() {
    let Some(document) = document("admin.yaml") else {
        return;
    };
    let listing = schema(&document, "get", "/admin/jobs", "200");
    let (_simulation, site) = start().await;
    for filter in [
        "",
        "&filter=state%20eq%20'QUEUED'",
        "&filter=state%20eq%20'ACTIVE'",
        "&filter=state%20eq%20'DONE'",
        "&filter=state%20ne%20'DONE'",
        "&filter=jobType%20eq%20'IMAGEDELETE'",
        "&filter=status%20gt%201",
        "&filter=endTime%20ge%202026-02-03T11:00:00Z&sort=endTime",
    ] {
        let answer = ask(&site, "GET", &format!("/admin/jobs?page%5Blimit%5D=100{filter}"), "").await;
        assert!(answer["data"].as_array().is_some_and(|jobs| jobs.len() > 5), "{filter}");
        assert_fits(&listing, &answer, filter);
    }
    let body = r#"{"data":{"type":"jobCount","attributes":{"filter":"state eq 'ACTIVE'"}}}"#;
    let counted = ask(&site, "POST", "/admin/jobs-count-requests", body).await;
    assert_fits(&schema(&document, "post", "/admin/jobs-count-requests", "200"), &counted, "count");
    let id = ask(&site, "GET", "/admin/jobs?page%5Blimit%5D=1", "").await["data"][0]["id"].clone();
    let job = ask(&site, "GET", &format!("/admin/jobs/{}", id.as_str().expect("text")), "").await;
    assert_fits(&schema(&document, "get", "/admin/jobs/{jobId}", "200"), &job, "job");
}

#[tokio::test]
async fn storage_units_and_disk_pools_fit_the_schema() {
    let Some(document) = document("storage.yaml") else {
        return;
    };
    let (_simulation, site) = start().await;
    for path in ["/storage/storage-units", "/storage/disk-pools"] {
        let mut listing = schema(&document, "get", path, "200");
        mend(&mut listing);
        for page in ["?page%5Blimit%5D=500", "?page%5Boffset%5D=3&page%5Blimit%5D=3&sort=-name"] {
            let answer = ask(&site, "GET", &format!("{path}{page}"), "").await;
            assert!(answer["data"].as_array().is_some_and(|data| data.len() >= 3), "{path}");
            assert_fits(&listing, &answer, path);
        }
    }
}

#[tokio::test]
async fn security_answers_fit_the_schema() {
    let Some(document) = document("security.yaml") else {
        return;
    };
    let (_simulation, site) = start().await;
    for path in ["/security/api-keys", "/security/serverinfo", "/security/servertime"] {
        let answer = ask(&site, "GET", path, "").await;
        assert_fits(&schema(&document, "get", path, "200"), &answer, path);
    }
}

#[test]
fn the_validator_finds_what_is_wrong() {
    let mut schema = json!({
        "type": "object",
        "required": ["name"],
        "properties": {
            "name": {"type": "string"},
            "time": {"type": "string", "format": "date-time"},
            "state": {"type": "string", "enum": ["UP", "DOWN"]},
            "list": {"type": "array", "items": {"type": "integer", "minimum": 1}}
        },
        "oneOf": [
            {"type": "object", "properties": {"jobs": {"type": "integer"}}},
            {"type": "object", "properties": {"drives": {"type": "integer"}}}
        ]
    });
    mend(&mut schema);
    let good =
        json!({"name": "a", "time": "2026-02-03T01:00:04.000Z", "state": "UP", "list": [1], "jobs": 1});
    assert_eq!(complaints(&schema, &good, "good", &[]), Vec::<String>::new());
    for (name, value) in [
        ("name", json!(1)),
        ("time", json!("")),
        ("state", json!("SIDEWAYS")),
        ("list", json!([0])),
        ("list", json!(["1"])),
        ("drives", json!(2)),
        ("jobs", json!("1")),
        ("invented", json!(1)),
    ] {
        let mut bad = good.clone();
        bad[name] = value;
        assert!(!complaints(&schema, &bad, "bad", &[]).is_empty(), "{name}: {bad}");
    }
    assert!(!complaints(&schema, &json!({"jobs": 1}), "bad", &[]).is_empty());
    assert!(!complaints(&schema, &json!({"name": "a"}), "bad", &[]).is_empty());
}
