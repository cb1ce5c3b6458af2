//! The simulator's answers against the vendor's own schemas of NetBackup 10.5 and 11.2.
//!
//! The OpenAPI files are the vendor's and not part of this repository: they are looked for in `../shared/openapi` beside
//! it, or where `NETBACKUP_OPENAPI_DIR` says, in a directory for each release. Without them the tests say that they are
//! left out.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking and reports on stderr, in its helper functions too"
)]

use std::path::PathBuf;

use nbu_exporter_simulator::{ApiVersion, Clock, Options, Scenario, Simulation, Site, SiteOptions};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[path = "../../tests/it/harness/skip.rs"]
mod skip;

use skip::skip;

/// A release whose files the vendor has published.
#[derive(Clone, Copy)]
struct Release {
    name: &'static str,
    api: ApiVersion,
    media_type: &'static str,
    /// Files that the vendor has left out.
    unpublished: &'static [&'static str],
}

const NBU_10_5: Release = Release {
    name: "10.5",
    api: ApiVersion::new(12, 0),
    media_type: "application/vnd.netbackup+json;version=12.0",
    unpublished: &[],
};

const NBU_11_2: Release = Release {
    name: "11.2",
    api: ApiVersion::new(14, 0),
    media_type: "application/vnd.netbackup+json;version=14.0",
    unpublished: &["config_policies.yaml", "servicecatalog.yaml", "storage.yaml"],
};

fn document(release: Release, file: &str) -> Option<Value> {
    if release.unpublished.contains(&file) {
        return None;
    }
    let directory = std::env::var_os("NETBACKUP_OPENAPI_DIR").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/openapi"),
        PathBuf::from,
    );
    let directory = directory.join(release.name);
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

/// The schema of a successful answer, with its references in place.
fn schema(release: Release, document: &Value, method: &str, path: &str) -> Value {
    let escape = |text: &str| text.replace('~', "~0").replace('/', "~1");
    let pointer = format!(
        "/paths/{}/{method}/responses/200/content/{}/schema",
        escape(path),
        escape(release.media_type)
    );
    let found = document.pointer(&pointer).unwrap_or_else(|| panic!("no schema at {pointer}"));
    let mut schema = inline(document, found);
    mend(&mut schema);
    schema
}

/// Puts what references name in their place, and makes one schema of all parts of an `allOf`. Some references lead
/// nowhere in the vendor's files: there anything is allowed.
fn inline(document: &Value, schema: &Value) -> Value {
    match schema {
        Value::Object(object) => {
            if let Some(reference) = object.get("$ref").and_then(Value::as_str) {
                let pointer = reference.split_once('#').map_or(reference, |(_, pointer)| pointer);
                return document.pointer(pointer).map_or(json!({}), |found| inline(document, found));
            }
            let mut object: serde_json::Map<String, Value> =
                object.iter().map(|(name, value)| (name.clone(), inline(document, value))).collect();
            if let Some(Value::Array(parts)) = object.remove("allOf") {
                for part in parts {
                    join(&mut object, part);
                }
            }
            Value::Object(object)
        }
        Value::Array(items) => items.iter().map(|item| inline(document, item)).collect(),
        other => other.clone(),
    }
}

fn join(object: &mut serde_json::Map<String, Value>, part: Value) {
    let Value::Object(part) = part else { return };
    for (name, value) in part {
        match (object.get_mut(&name), value) {
            (Some(Value::Object(own)), Value::Object(more)) => own.extend(more),
            (Some(Value::Array(own)), Value::Array(more)) => own.extend(more),
            (_, value) => {
                object.insert(name, value);
            }
        }
    }
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
        } else if schema["properties"].is_object() && !everywhere.iter().any(|schema| declares(schema, name))
        {
            found.push(format!("{place} is not in the schema"));
        }
    }
    for (index, value) in value.as_array().into_iter().flatten().enumerate() {
        found.extend(complaints(&schema["items"], value, &format!("{place}[{index}]"), &[]));
    }
    found
}

/// Some names are required and nowhere described.
fn declares(schema: &Value, name: &str) -> bool {
    let required = schema["required"].as_array();
    schema["properties"].get(name).is_some()
        || required.is_some_and(|required| required.iter().any(|required| required == name))
}

async fn start(release: Release) -> (Simulation, Site) {
    let mut site = SiteOptions::named("paris");
    // It has whatever the others have.
    site.scenario = Scenario::Disaster;
    let simulation = Simulation::start(Options {
        sites: vec![site],
        clock: Clock::manual(1_770_120_000_000),
        storage_units: 16,
        jobs_per_day: 50_000,
        api_version: release.api,
        ..Options::default()
    })
    .await
    .expect("a free port");
    let site = simulation.sites()[0].clone();
    (simulation, site)
}

async fn ask(site: &Site, method: &str, path: &str, body: &str) -> Value {
    let media_type = format!("application/vnd.netbackup+json;version={}", site.api_version());
    // Only the details of a policy look at the last header.
    let generic = path.contains("generic");
    let mut stream = TcpStream::connect(site.address()).await.expect("the simulator listens");
    let request = format!(
        "{method} /netbackup{path} HTTP/1.1\r\nHost: primary\r\nConnection: close\r\nAuthorization: simulated-key\r\n\
         Accept: {media_type}\r\nContent-Type: {media_type}\r\nX-NetBackup-Policy-Use-Generic-Schema: {generic}\r\n\
         Content-Length: {}\r\n\r\n{body}",
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
    for release in [NBU_10_5, NBU_11_2] {
        let Some(document) = document(release, "admin.yaml") else {
            continue;
        };
        let listing = schema(release, &document, "get", "/admin/jobs");
        let (_simulation, site) = start(release).await;
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
        assert_fits(&schema(release, &document, "post", "/admin/jobs-count-requests"), &counted, "count");
        let id = ask(&site, "GET", "/admin/jobs?page%5Blimit%5D=1", "").await["data"][0]["id"].clone();
        let job = ask(&site, "GET", &format!("/admin/jobs/{}", id.as_str().expect("text")), "").await;
        assert_fits(&schema(release, &document, "get", "/admin/jobs/{jobId}"), &job, "job");
    }
}

/// A path, a query, and how many entries the page shows at least.
type ListCase = (&'static str, &'static str, usize);

/// The lists of each file of the vendor.
const LISTS: &[(&str, &[ListCase])] = &[
    (
        "storage.yaml",
        &[
            ("/storage/storage-units", "?page%5Blimit%5D=500", 16),
            ("/storage/storage-units", "?page%5Boffset%5D=3&page%5Blimit%5D=3&sort=-name", 3),
            ("/storage/disk-pools", "?page%5Blimit%5D=500", 10),
            ("/storage/disk-pools", "?page%5Boffset%5D=3&page%5Blimit%5D=3&sort=-name", 3),
            ("/storage/storage-servers", "?page%5Blimit%5D=100", 4),
            ("/storage/drives", "?page%5Blimit%5D=100", 6),
            ("/storage/tape-volume-pools", "?page%5Blimit%5D=100", 6),
            ("/storage/volume-groups", "?page%5Blimit%5D=1", 1),
            ("/storage/robots-device-hosts", "", 2),
            ("/storage/tape-media", "?page%5Blimit%5D=100", 100),
        ],
    ),
    (
        "security.yaml",
        &[
            ("/security/api-keys", "", 1),
            ("/security/certificate-authorities", "", 2),
            ("/security/anomalies", "?page%5Blimit%5D=100", 100),
            ("/security/mpa-tickets", "", 10),
        ],
    ),
    (
        "config_policies.yaml",
        &[
            ("/config/policies/", "?page%5Blimit%5D=500", 40),
            ("/config/policies/", "?page%5Boffset%5D=3&page%5Blimit%5D=3&sort=-policyName", 3),
            ("/config/unique-policy-clients", "?page%5Blimit%5D=5000&sort=id", 50),
        ],
    ),
    ("config.yaml", &[("/config/slps", "?page%5Blimit%5D=100&sort=slpName", 10)]),
    ("hostproperties.yaml", &[("/config/paused-clients", "", 4)]),
    (
        "catalog.yaml",
        &[
            ("/catalog/slp-images", "?filter=slpImageState%20eq%20'IN_PROCESS'&page%5Blimit%5D=1000", 900),
            ("/catalog/images", "?page%5Blimit%5D=100", 100),
        ],
    ),
    (
        "malware.yaml",
        &[("/malware/latest-scan-results", "?page%5Blimit%5D=100", 100), ("/malware/scan-hosts", "", 2)],
    ),
    ("manage.yaml", &[("/manage/alerts", "?page%5Blimit%5D=100&sort=alertId", 100)]),
    ("eventlog.yaml", &[("/eventlog/notifications", "?page%5Blimit%5D=100", 100)]),
    ("licensing.yaml", &[("/licensing/entitlements", "", 3), ("/licensing/capacity", "", 1)]),
    ("servicecatalog.yaml", &[("/servicecatalog/slos", "", 2)]),
];

#[tokio::test]
async fn lists_fit_the_schema() {
    let mut found = Vec::new();
    for release in [NBU_10_5, NBU_11_2] {
        let (_simulation, site) = start(release).await;
        for (file, lists) in LISTS {
            let Some(document) = document(release, file) else { continue };
            for (path, query, least) in *lists {
                let answer = ask(&site, "GET", &format!("{path}{query}"), "").await;
                let length = answer["data"].as_array().map_or(0, Vec::len);
                assert!(length >= *least, "{path}{query}: {length}");
                let place = format!("{} {path}", release.name);
                let schema = schema(release, &document, "get", path);
                found.extend(complaints(&schema, &answer, &place, &[]));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[tokio::test]
async fn single_answers_fit_the_schema() {
    for release in [NBU_10_5, NBU_11_2] {
        let (_simulation, site) = start(release).await;
        let primary = ask(&site, "GET", "/security/serverinfo", "").await["masterHostId"].clone();
        let services = format!("/admin/hosts/{}/services", primary.as_str().expect("text"));
        for (file, path, request) in [
            ("security.yaml", "/security/serverinfo", "/security/serverinfo"),
            ("security.yaml", "/security/servertime", "/security/servertime"),
            ("security.yaml", "/security/certificates/current", "/security/certificates/current"),
            ("security.yaml", "/security/status", "/security/status"),
            ("config_hosts.yaml", "/config/hosts", "/config/hosts"),
            ("admin.yaml", "/admin/hosts/{hostId}/services", &services),
        ] {
            let Some(document) = document(release, file) else { continue };
            let answer = ask(&site, "GET", request, "").await;
            assert_fits(&schema(release, &document, "get", path), &answer, path);
        }
    }
    let (_simulation, site) = start(NBU_11_2).await;
    for (file, path) in
        [("gateway.yaml", "/self-profile"), ("config_hosts.yaml", "/config/hosts-certificate-mappings")]
    {
        let Some(document) = document(NBU_11_2, file) else { continue };
        let answer = ask(&site, "GET", path, "").await;
        assert_fits(&schema(NBU_11_2, &document, "get", path), &answer, path);
    }
}

#[tokio::test]
async fn policies_of_every_type_fit_both_schemas() {
    let Some(document) = document(NBU_10_5, "config_policies.yaml") else {
        return;
    };
    let schema = schema(NBU_10_5, &document, "get", "/config/policies/{policyName}");
    let (_simulation, site) = start(NBU_10_5).await;
    let mut found = Vec::new();
    let list = ask(&site, "GET", "/config/policies/?page%5Blimit%5D=20", "").await;
    for policy in list["data"].as_array().expect("a list") {
        let href = policy["links"]["self"]["href"].as_str().expect("text");
        for query in ["", "?generic"] {
            let answer = ask(&site, "GET", &format!("{href}{query}"), "").await;
            assert_eq!(answer["data"]["id"], policy["id"]);
            found.extend(complaints(&schema, &answer, &format!("{href}{query}"), &[]));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
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
