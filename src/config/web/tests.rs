//! The table that the toolkit is held to as well, and what is said of what is wrong.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use super::super::FileProblem;
use super::*;

/// What the toolkit accepts and this program can not do, so that it would serve nobody.
const STRICTER: [&str; 6] = [
    "P-521",
    "RSA of 1024 bits",
    "only old versions",
    "versions the wrong way round",
    "only CBC and TLS 1.2",
    "only P-521",
];

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/go/webconfig"))
}

/// The cases with their names, as `main.go` reads them.
fn cases() -> Vec<(String, String)> {
    let text = format!("\n{}", fs::read_to_string(folder().join("cases.txt")).unwrap());
    let cases = text.split("\n=== ").skip(1).map(|part| part.split_once('\n').unwrap_or((part, "")));
    cases.map(|(name, config)| (name.to_owned(), embedded(config) + "\n")).collect()
}

fn embedded(config: &str) -> String {
    let mut text = config.to_owned();
    while let Some((before, rest)) = text.clone().split_once("{{")
        && let Some((file, after)) = rest.split_once("}}")
        && let Ok(content) = fs::read_to_string(folder().join("files").join(file))
    {
        text = format!("{before}{}{after}", content.trim().replace('\n', "\n    "));
    }
    text
}

fn loaded(config: &str) -> Result<LoadedWebConfig, Vec<Violation>> {
    let file = folder().join("files/web.yml");
    let read = |path: &PathBuf| fs::read(path).map_err(|_| FileProblem("no such file".to_owned()));
    let files = references(&file, config.as_bytes()).into_iter().map(|path| (path.clone(), read(&path)));
    load(&file, config.as_bytes(), &files.collect())
}

#[test]
fn what_the_toolkit_accepts_is_accepted_and_what_it_refuses_is_refused() {
    let verdicts = fs::read_to_string(folder().join("verdicts.txt")).unwrap();
    let cases = cases();
    assert_eq!(verdicts.lines().count(), cases.len());
    let mut wrong = Vec::new();
    let mut stricter = BTreeSet::new();
    for ((name, config), verdict) in cases.iter().zip(verdicts.lines()) {
        let (of, verdict) = verdict.split_once('\t').unwrap();
        assert_eq!(of, name);
        let ours = loaded(config);
        match (verdict == "accepted", ours.is_ok()) {
            (true, false) if STRICTER.contains(&name.as_str()) => {
                stricter.insert(name.as_str());
            }
            (theirs, ours) if theirs == ours => {}
            _ => wrong.push(format!("{name}: {verdict}, but {:?}", ours.map(|ours| ours.warnings))),
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert_eq!(stricter, BTreeSet::from(STRICTER));
}

/// `UPDATE_EXPECT=1` writes it anew.
#[test]
fn each_mistake_is_told_with_its_place() {
    let mut told = String::new();
    for (name, config) in cases() {
        let (word, lines) = match loaded(&config) {
            Ok(loaded) => ("accepted", loaded.warnings),
            Err(violations) => ("refused", violations),
        };
        writeln!(told, "{name}: {word}").unwrap();
        for line in lines {
            writeln!(told, "  {line}").unwrap();
        }
    }
    let file = folder().join("ours.txt");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&file, &told).unwrap();
    }
    assert!(
        told == fs::read_to_string(&file).unwrap_or_default(),
        "stale: UPDATE_EXPECT=1 cargo test --lib config::web"
    );
}

#[test]
fn nothing_of_a_key_a_hash_or_a_password_is_told() {
    let planted = "pl4nted";
    let texts = [
        format!("basic_auth_users: {{alice: {planted}}}"),
        format!("basic_auth_users: {{alice: [{planted}]}}"),
        format!("tls_server_config: {{key: {planted}, cert: {planted}}}"),
        format!("tls_server_config: {{key: [{planted}], cert: x}}"),
        format!("basic_auth_users:\n  alice: \"{planted}\n"),
        format!("basic_auth_users: {{alice:{planted}}}"),
        format!("basic_auth_users:\n  alice: `{planted}\n"),
    ];
    for text in texts {
        let told = format!("{:?}", loaded(&text).unwrap_err());
        assert!(!told.contains(planted), "{text}: {told}");
    }
    let shown =
        format!("{:?}", loaded(&cases().iter().find(|(name, _)| name == "users").unwrap().1).unwrap());
    assert!(!shown.contains("$2y$") && shown.contains("PasswordHash(cost 12)"), "{shown}");
}
