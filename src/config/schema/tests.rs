//! The schema, the documentation and the example say the same as the program.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::super::key::{Key, Shape};
use super::super::tree::{Content, Node};
use super::super::{Material, Strictness, load, yaml};
use super::*;

fn repository(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(file)
}

/// Every key with its path, sections before their keys; the legacy block's are those of a site.
pub(in super::super) fn every_key() -> Vec<(String, &'static Key)> {
    fn walk(prefix: &str, keys: &'static [Key], found: &mut Vec<(String, &'static Key)>) {
        for key in keys {
            let path = format!("{prefix}{}", key.name);
            found.push((path.clone(), key));
            match (key.shape)() {
                Shape::Section(keys) if path != "nbuserver" => walk(&format!("{path}."), keys, found),
                Shape::List(item) => {
                    if let Shape::Section(keys) = item() {
                        walk(&format!("{path}[]."), keys, found);
                    }
                }
                _ => {}
            }
        }
    }
    let mut found = Vec::new();
    walk("", RawConfig::KEYS, &mut found);
    found
}

fn table() -> String {
    let mut table = "| key | default | meaning |\n|---|---|---|\n".to_owned();
    for (path, key) in every_key() {
        let default = match key.default {
            Some("{}") | None => String::new(),
            Some(default) => format!("`{default}`"),
        };
        let _ = writeln!(table, "| `{path}` | {default} | {} |", key.description().replace('|', "\\|"));
    }
    table
}

#[test]
fn the_documentation_has_the_table_of_keys() {
    let file = repository("docs/configuration.md");
    let text = std::fs::read_to_string(&file).unwrap();
    let marker = "cargo test --lib config::schema -->\n";
    let (prose, _) = text.split_once(marker).unwrap();
    let expected = format!("{prose}{marker}\n{}", table());
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&file, &expected).unwrap();
        return;
    }
    assert!(text == expected, "{}: run UPDATE_EXPECT=1 cargo test --lib config::schema", file.display());
}

/// The scalars of the tree by the paths of [`every_key`].
fn scalars(path: &str, node: &Node, found: &mut Vec<(String, String)>) {
    match &node.content {
        Content::Null => {}
        Content::Scalar(text) => found.push((path.to_owned(), text.clone())),
        Content::Sequence(items) => {
            for item in items {
                scalars(&format!("{path}[]"), item, found);
            }
        }
        Content::Mapping(entries) => {
            let dot = if path.is_empty() { "" } else { "." };
            for entry in entries {
                scalars(&format!("{path}{dot}{}", entry.key), &entry.value, found);
            }
        }
    }
}

fn example() -> String {
    std::fs::read_to_string(repository("config.example.yaml")).unwrap()
}

#[test]
fn the_example_loads_without_a_warning() {
    let material = Material { text: example().into_bytes(), ..Material::default() };
    let loaded = load(Path::new("config.example.yaml"), &material, Strictness::Full)
        .unwrap_or_else(|report| panic!("{report}"));
    assert_eq!((loaded.warnings, loaded.config.sites.len()), (vec![], 1));
}

#[test]
fn the_example_shows_every_key_with_its_default() {
    let text = example();
    let mut shown = Vec::new();
    scalars("", &yaml::parse(text.as_bytes()).unwrap().root, &mut shown);
    for (path, key) in every_key() {
        match key.default {
            Some("{}") => {}
            Some(default) => {
                let value = shown.iter().find(|(shown, _)| *shown == path).map(|(_, value)| value.as_str());
                assert_eq!(value, Some(default), "{path}");
            }
            None => {
                let begins = |line: &str| {
                    let line = line.trim_start().trim_start_matches(['#', '-', ' ']);
                    line.starts_with(&format!("{}:", key.name))
                };
                assert!(text.lines().any(begins), "{path}");
            }
        }
    }
}

#[test]
fn the_commented_keys_of_the_example_are_right_too() {
    let text = example();
    for key in [
        "apiVersion",
        "certificateSha256",
        "tlsServerName",
        "proxyUrl",
        "allowlist",
        "denylist",
        "hosts",
        "level",
        "format",
        "endpoint",
    ] {
        let uncommented = text.replace(&format!("# {key}:"), &format!("{key}:"));
        assert_ne!(uncommented, text, "{key}");
        let material = Material { text: uncommented.into_bytes(), ..Material::default() };
        load(Path::new("config.example.yaml"), &material, Strictness::Full)
            .unwrap_or_else(|report| panic!("{report}"));
    }
}

#[test]
fn the_schema_says_types_defaults_and_what_is_closed() {
    let schema = schema();
    let server = &schema["properties"]["server"];
    assert_eq!(server["properties"]["port"]["default"], 9440);
    assert_eq!(server["properties"]["host"]["default"], "::");
    assert_eq!(server["properties"]["port"]["anyOf"][0]["maximum"], 65535);
    assert_eq!(server["additionalProperties"], false);
    assert_eq!(server["default"], serde_json::json!({}));
    let site = &schema["definitions"]["site"];
    assert_eq!(site["properties"]["insecureSkipVerify"]["default"], false);
    assert_eq!(site["properties"]["proxyUrl"]["anyOf"][0]["type"], "string");
    assert_eq!(
        schema["properties"]["metrics"]["properties"]["names"]["anyOf"][0]["anyOf"][0]["enum"][2],
        "both"
    );
}

#[test]
fn every_default_is_valid() {
    let text = b"nbuservers: [{site: a, host: a, apiKey: a}]\nnbuserver: {}\n".to_vec();
    let loaded =
        load(Path::new("c.yaml"), &Material { text, ..Material::default() }, Strictness::Full).unwrap();
    assert_eq!(loaded.config.sites.len(), 1);
}

#[test]
fn the_schema_of_the_charts_values_is_the_programs_own() {
    let file = repository("charts/nbu-exporter/schema/config.schema.json");
    let text = format!("{:#}\n", schema());
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&file, text).unwrap();
        return;
    }
    let stale = "stale: UPDATE_EXPECT=1 cargo test --lib config::schema && charts/nbu-exporter/schema/build";
    assert!(std::fs::read_to_string(&file).unwrap() == text, "{stale}");
}
