//! Program and schema are asked about the same values.

use std::fmt::Write as _;
use std::path::Path;

use boon::{Compiler, SchemaIndex, Schemas};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::key::Shape;
use super::super::{Environment, Material, Strictness, load};
use super::tests::every_key;

struct SchemaValidator {
    schemas: Schemas,
    index: SchemaIndex,
}

impl SchemaValidator {
    fn new() -> Self {
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.add_resource("file:///config.json", super::schema()).unwrap();
        let index = compiler.compile("file:///config.json", &mut schemas).unwrap();
        Self { schemas, index }
    }

    fn takes(&self, document: &Value) -> bool {
        self.schemas.validate(document, self.index).is_ok()
    }
}

/// YAML that holds the same, with all that is not plain ASCII escaped: how YAML reads characters is not the question.
fn yaml(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Array(items) => format!("[{}]", items.iter().map(yaml).collect::<Vec<_>>().join(", ")),
        Value::Object(entries) => {
            let entries = entries.iter().map(|(key, value)| format!("{}: {}", quoted(key), yaml(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

fn quoted(text: &str) -> String {
    let mut quoted = "\"".to_owned();
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            ' '..='~' => quoted.push(c),
            _ => write!(quoted, "\\U{:08x}", u32::from(c)).unwrap(),
        }
    }
    quoted + "\""
}

fn program(document: &Value, variables: &[(&str, &str)], check: Strictness) -> Result<(), String> {
    let process = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let environment = Environment { process, ..Environment::default() };
    let material = Material { text: yaml(document).into_bytes(), environment, ..Material::default() };
    load(Path::new("c.yaml"), &material, check).map(|_| ()).map_err(|report| report.to_string())
}

fn site() -> Value {
    json!({ "site": "a", "host": "nbu.example", "apiKey": "k" })
}

/// A valid document with a value at the path of a key.
fn with(path: &str, value: Value) -> Value {
    let mut document = json!({ "nbuservers": [site()] });
    if path.starts_with("nbuserver.") || path == "nbuserver" {
        document = json!({ "nbuserver": { "host": "nbu.example", "apiKey": "k" } });
    }
    if path.ends_with(".apiKeyFile") {
        let sites = ["/nbuservers/0", "/nbuserver"];
        for site in sites {
            document.pointer_mut(site).and_then(Value::as_object_mut).map(|site| site.remove("apiKey"));
        }
    }
    let mut place = &mut document;
    for segment in path.replace("[]", ".0").split('.') {
        place = if segment == "0" {
            if !place.is_array() {
                *place = json!([null]);
            }
            &mut place[0]
        } else {
            if !place.is_object() {
                *place = json!({});
            }
            &mut place[segment]
        };
    }
    *place = value;
    document
}

fn paths() -> Vec<String> {
    let mut paths = Vec::new();
    for (path, key) in every_key() {
        if let Some(key) = path.strip_prefix("nbuservers[].") {
            paths.push(format!("nbuserver.{key}"));
        }
        if let Shape::List(_) = (key.shape)() {
            paths.push(format!("{path}[]"));
        }
        paths.push(path);
    }
    paths
}

/// What no schema can say: it takes these, and the program may refuse them.
fn is_beyond_a_schema(path: &str, value: &Value) -> bool {
    let Some(text) = value.as_str() else { return false };
    let duration = ["Interval", "interval", "TTL", "timeout", "lookBack", "olderThan", "forgetAfter"]
        .iter()
        .any(|name| path.ends_with(name));
    let parts = text.split(|c: char| c.is_ascii_digit() || c == '.').filter(|unit| !unit.is_empty()).count();
    let host = path.ends_with("host") || path.ends_with("proxyUrl");
    let spelt = !text.is_ascii() || text.to_lowercase().contains("xn--");
    text.contains(":-") || (duration && (parts > 1 || text.contains('.'))) || (host && spelt)
}

fn check(judge: &SchemaValidator, path: &str, document: &Value, value: &Value) {
    let (schema, program) = (judge.takes(document), program(document, &[], Strictness::SkipReferences));
    // `1e-7` is a host name, and to a schema a number.
    let number = (path.ends_with("ost") || path.ends_with("Name"))
        && value.is_number()
        && value.to_string().contains('e');
    let excused = (schema && is_beyond_a_schema(path, value)) || number;
    assert!(schema == program.is_ok() || excused, "{path}: schema {schema}, program {program:?}: {document}");
}

/// Texts at the edges of what some key takes.
const EDGES: &[&str] = &[
    "",
    " ",
    "a",
    "nbu.example",
    "NBU_1.example.",
    "-a",
    ".a",
    "a..b",
    "a.1",
    "a.0x",
    "a.0xg",
    "1.2.3.4",
    "1.2.3.4.",
    "01.2.3.4",
    "1.2.3",
    "256.1.1.1",
    "a.09",
    "0x1",
    "0b",
    "::",
    "::1",
    "[::1]",
    "[::1",
    "1:2:3:4:5:6:7:8",
    "1:2:3:4:5:6:7::",
    "1:2:3:4:5:6:7:8::",
    "::ffff:1.2.3.4",
    "1::2::3",
    "1:2:3:4:5:6:1.2.3.4",
    "12345::",
    "fe80::1%eth0",
    "xn--bcher-kva.example",
    "xn--a",
    "bücher.example",
    "a b",
    "a/b",
    "a@b",
    "localhost",
    "true",
    "True",
    "tRue",
    "yes",
    "on",
    "y",
    "t",
    "false",
    "off",
    "n",
    "0",
    "00",
    "-0",
    "1",
    "01",
    "1.",
    "1.0",
    "1.00",
    "-1",
    "+1",
    "2",
    "7",
    "7.0",
    "6.0",
    "12",
    "12.0",
    "12.5",
    "14",
    "14.0",
    "14.1",
    "15",
    "63",
    "64",
    "64.0",
    "65",
    "999",
    "1000",
    "1001",
    "65535",
    "065535",
    "65536",
    "99999999999999999999",
    "0x10",
    "1e3",
    "0.5",
    ".5",
    "5.",
    "1.0001",
    "-0.0",
    "1e-3",
    "1e99",
    "1e100",
    "1e-324",
    "inf",
    "nan",
    "1e",
    "e1",
    "1s",
    "0s",
    "999ms",
    "1000ms",
    "99ms",
    "100ms",
    "1000000000ns",
    "999999999ns",
    "1000000us",
    "999999µs",
    "1h",
    "60m",
    "61m",
    "3600s",
    "3601s",
    "7d",
    "168h",
    "169h",
    "366d",
    "367d",
    "1w",
    "52w",
    "53w",
    "1h30m",
    "1.5h",
    ".5s",
    "5",
    "5 m",
    "1e3s",
    "-5m",
    "31622400000ms",
    "31622400001ms",
    "/",
    "/metrics",
    "/metrics/",
    "//",
    "/health",
    "/health/",
    "/%68ealth",
    "/%2fhealth",
    "/-/ready",
    "/-/%72eady//",
    "/a/../b",
    "/a/./b",
    "/..a",
    "/.",
    "..",
    ".",
    "./",
    "a/..",
    "a/.",
    "a/./",
    "secrets/key",
    "/etc/ca.pem",
    "...",
    "..a",
    "/%",
    "netbackup",
    "a://b",
    "a#b",
    "a?b",
    "a|b",
    "a~b",
    "A b~",
    "[a]",
    "http",
    "HTTPS",
    "Info",
    "warning",
    "trace",
    "logfmt",
    "JSON",
    "native",
    "V4",
    "both",
    "none",
    "NONE",
    "http://proxy:3128",
    "https://proxy",
    "http://joe:pw@proxy.example:1/",
    "http://[::1]:3128",
    "http://::1",
    "http:proxy",
    "http://",
    "http://-a",
    "http://a.b-:65536",
    "http://a:0",
    "http://a:",
    "http://a b",
    "http://1.2.3.4?x",
    "http://a@b@c#",
    "ftp://a",
    "http://a:00080/x y",
    "http://a\\b",
    "otel:4317",
    ":4317",
    "a:b:4317",
    "otel:0",
    "otel:65536",
    "otel:",
    "0aff0aff0aff0aff0aff0aff0aff0aff0aff0aff0aff0aff0aff0aff0aff0aff",
    "0A:0A:0A:0A:0A:0A:0A:0A:0A:0A:0A:0A:0A:0A:0A:0A:0A:0A:0A:0A:0A:0A:0A:0A:0A:0A:0A:0A:0A:0A:0A:0A",
    "\u{a0}",
    "a\u{a0}",
    "\u{2028}",
    "\u{85}",
    "a\nb",
    "a\n",
    "\u{0}",
    "a\u{7f}",
    "é",
    "🚀",
    "${X}",
    "a${X}b",
    "$${X}",
    "$$${X}",
    "${X",
    "${",
    "$",
    "$$",
    "${X:-a}",
    "${X:-}",
    "${X:-${Y}}",
    "${1}",
    "${}",
    "${X}}",
    "${X}$",
    "${X}$${",
    "$${X}${X}",
    "${X-a}",
    "{",
    "}",
];
/// What is put into them.
const ODD: &str = "\u{0}\n\t -+.:/_%$\\{}[]@#?0159exXsmaAzé\u{a0}\u{feff}\u{200b}🚀";

fn text() -> impl Strategy<Value = String> {
    let edge = prop::sample::select(EDGES.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
    let odd = prop::sample::select(ODD.chars().collect::<Vec<_>>());
    let mutated = (edge.clone(), odd, any::<prop::sample::Index>(), 0..3).prop_map(|(text, odd, at, how)| {
        let mut characters: Vec<char> = text.chars().collect();
        let at = at.index(characters.len() + 1);
        match how {
            0 => characters.insert(at, odd),
            1 if at < characters.len() => characters[at] = odd,
            _ if at < characters.len() => drop(characters.remove(at)),
            _ => characters.push(odd),
        }
        characters.into_iter().collect()
    });
    let long = (
        prop::sample::select(vec!["x", "a.", "é", "0", "/"]),
        prop::sample::select(vec![31_usize, 32, 33, 63, 64, 127, 128, 129, 253, 254]),
    )
        .prop_map(|(piece, times)| piece.repeat(times));
    prop_oneof![4 => edge, 5 => mutated, 1 => long]
}

fn value() -> impl Strategy<Value = Value> {
    let whole = prop::sample::select(vec![
        -1_i64,
        0,
        1,
        2,
        5,
        7,
        12,
        14,
        15,
        63,
        64,
        65,
        1000,
        1001,
        65_535,
        65_536,
        1 << 40,
    ]);
    let halves = prop::sample::select(vec![
        0.0, -0.0, 0.5, -0.5, 1.0, 1.5, 7.0, 12.0, 12.5, 14.0, 14.5, 64.0, 65_535.0, 1e-7, 1e15,
    ]);
    prop_oneof![
        12 => text().prop_map(Value::from),
        3 => whole.prop_map(Value::from),
        3 => halves.prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => prop::sample::select(vec![json!(null), json!([]), json!({}), json!([null]), json!([""]), json!([[]]), json!({"a": 1}),
            json!({"x-a": 1}), json!([{}]), json!({"enabled": true}), json!({"host": "a", "apiKey": "k"})]),
    ]
}

/// More by the variable `PROPTEST_CASES`.
fn cases() -> ProptestConfig {
    let default = ProptestConfig::default();
    ProptestConfig { cases: default.cases.max(1_000), failure_persistence: None, ..default }
}

#[test]
fn the_schema_takes_what_the_program_takes_and_nothing_else_for_every_key() {
    let judge = SchemaValidator::new();
    for path in paths() {
        for text in EDGES {
            check(&judge, &path, &with(&path, json!(text)), &json!(text));
        }
    }
    proptest!(cases(), |(path in prop::sample::select(paths()), value in value())| {
        check(&judge, &path, &with(&path, value.clone()), &value);
    });
}

/// The keys that have to do with each other, each left out or with some of its values.
fn related() -> impl Strategy<Value = Value> {
    let key = |name: &'static str, values: Vec<Value>| {
        prop::option::weighted(0.6, prop::sample::select(values)).prop_map(move |value| (name, value))
    };
    let text = |text: &str| vec![json!(text), json!(null), json!("${X}")];
    let keys = (
        key("host", text("h")),
        key("apiKey", text("k")),
        key("apiKeyFile", text("f")),
        key("certificateSha256", text(&"0a".repeat(32))),
        key("caFile", text("c")),
        key(
            "insecureSkipVerify",
            vec![
                json!(true),
                json!(false),
                json!("yes"),
                json!("1.0"),
                json!(1),
                json!(0),
                json!(""),
                json!("${X}"),
            ],
        ),
    );
    (keys, prop::option::weighted(0.3, Just("s"))).prop_map(|((a, b, c, d, e, f), site)| {
        let given = [a, b, c, d, e, f].into_iter().filter_map(|(key, value)| Some((key, value?)));
        given
            .chain(site.map(|site| ("site", json!(site))))
            .map(|(key, value)| (key.to_owned(), value))
            .collect::<serde_json::Map<_, _>>()
            .into()
    })
}

#[test]
fn the_schema_knows_which_keys_need_and_which_exclude_each_other() {
    let judge = SchemaValidator::new();
    let legacy = prop::option::of(prop_oneof![3 => related(), 1 => Just(json!(null))]);
    let listed = prop::option::of(prop_oneof![
        3 => related().prop_map(|mut site| { site["site"] = json!("a"); json!([site]) }),
        1 => related().prop_map(|site| json!([site])),
        2 => prop::sample::select(vec![json!(null), json!([]), json!([null]), json!([site()])]),
    ]);
    let enabled = prop::sample::select(vec![
        json!(true),
        json!("on"),
        json!("1"),
        json!(false),
        json!("${X}"),
        json!(null),
    ]);
    let endpoint = prop::option::of(prop::sample::select(vec![
        json!("a:1"),
        json!("a"),
        json!(":1"),
        json!(""),
        json!(null),
        json!(4317),
        json!("${X}"),
    ]));
    let share = prop::option::of(prop::sample::select(vec![
        json!(0),
        json!(1),
        json!(1.5),
        json!("0.5"),
        json!("1.5"),
        json!("-0.0"),
        json!("-0.5"),
        json!(null),
        json!("${X}"),
    ]));
    let tracing = prop::option::of((enabled, endpoint, share));
    proptest!(cases(), |(legacy in legacy, listed in listed, tracing in tracing)| {
        let mut document = json!({ "x-note": 1 });
        for (key, value) in [("nbuserver", legacy), ("nbuservers", listed)] {
            if let Some(value) = value {
                document[key] = value;
            }
        }
        if let Some((enabled, endpoint, share)) = tracing {
            document["opentelemetry"] = json!({ "enabled": enabled });
            for (key, value) in [("endpoint", endpoint), ("samplingRate", share)] {
                if let Some(value) = value {
                    document["opentelemetry"][key] = value;
                }
            }
        }
        check(&judge, "", &document, &json!(null));
    });
}

#[test]
fn a_variable_stands_for_what_could_stand_in_its_place() {
    let judge = SchemaValidator::new();
    let scalars: Vec<String> = paths().into_iter().filter(|path| is_scalar(path)).collect();
    proptest!(cases(), |(path in prop::sample::select(scalars), text in text(), end in prop::sample::select(vec!["", "\n", "\r\n"]))| {
        prop_assume!(!text.contains("${") && !text.ends_with(['\r', '\n']));
        let ours = |value: &str, variables: &[(&str, &str)]| program(&with(&path, json!(value)), variables, Strictness::Full);
        // The files of these keys are not there.
        prop_assume!(!path.ends_with("File"));
        let plain = ours(&text, &[]);
        let by_variable = ours("${X}", &[("X", &format!("{text}{end}"))]);
        prop_assert_eq!(plain.is_ok(), by_variable.is_ok(), "{} {:?} {:?}", &path, &plain, &by_variable);
        if !text.contains('}') {
            let reference = format!("${{X:-{text}}}");
            let by_default = ours(&reference, &[]);
            prop_assert_eq!(plain.is_ok(), by_default.is_ok(), "{} {:?} {:?}", &path, &plain, &by_default);
            prop_assert!(path == "nbuserver.site" || judge.takes(&with(&path, json!(reference))));
        }
        if let Err(report) = by_variable {
            let shown = text.trim().chars().count() > 5 && report.replace(&path, "").contains(&text);
            let known = EDGES.iter().any(|edge| report.contains(edge) && edge.contains(&text));
            prop_assert!(!shown || known, "{}", report);
        }
    });
}

fn is_scalar(path: &str) -> bool {
    let path =
        path.strip_prefix("nbuserver.").map_or_else(|| path.to_owned(), |key| format!("nbuservers[].{key}"));
    every_key().iter().any(|(known, key)| *known == path && matches!((key.shape)(), Shape::Scalar { .. }))
}
