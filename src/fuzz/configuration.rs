//! The configuration and the files that belong to it.

use std::collections::BTreeMap;
use std::path::Path;

use crate::config::{
    Environment, Material, Report, Strictness, changes, holds_secrets, load, log, redacted, references,
    web_config, web_references,
};
use crate::source::file::Dotenv;

/// Stands in no corpus, so that what shows it has not got it from the text.
const SECRET: &str = "k3y-that-must-not-be-seen";
const FILE: &str = "/etc/nbu-exporter/config.yaml";
const NAMES_FILES: &str = "nbuserver: {host: nbu.example, apiKeyFile: /key, caFile: /authorities}";

/// A configuration that names what is there and what is not.
pub(super) fn text(bytes: &[u8]) {
    let process =
        BTreeMap::from([("KEY".to_owned(), SECRET.to_owned()), ("PORT".to_owned(), "1556".to_owned())]);
    let environment = Environment { process, ..Environment::default() };
    let file = Path::new(FILE);
    let mut material = Material { text: bytes.to_vec(), environment, ..Material::default() };
    for path in references(file, bytes, &material.environment, &BTreeMap::new()) {
        material.files.insert(path, Ok(SECRET.into()));
    }
    log(bytes);
    redacted(file, bytes);
    holds_secrets(bytes);
    for strictness in [Strictness::Full, Strictness::SkipReferences] {
        judge(&material, strictness);
    }
    assert!(changes(bytes, bytes).is_empty(), "a text differs from itself");
}

/// A web config; the files that it names hold no certificates.
pub(super) fn web(bytes: &[u8]) {
    let file = Path::new("/etc/nbu-exporter/web.yml");
    let named = web_references(file, bytes).into_iter();
    let files = named.map(|path| (path, Ok(SECRET.into()))).collect();
    if let Err(report) = web_config(file, bytes, &files) {
        assert!(!report.violations.is_empty(), "refused, and no reason is given");
        holds(&report);
    }
}

/// What the file with a key holds.
pub(super) fn key_file(bytes: &[u8]) {
    with_file("/key", bytes);
}

/// What the file with certificates holds.
pub(super) fn authority_file(bytes: &[u8]) {
    with_file("/authorities", bytes);
}

/// The variables beside the configuration.
pub(super) fn dotenv(bytes: &[u8]) {
    let process = BTreeMap::from([("KEY".to_owned(), SECRET.to_owned())]);
    let dotenv = Dotenv::parse(bytes, &process);
    let lines = bytes.split(|byte| matches!(byte, b'\n' | b'\r')).count();
    assert!(dotenv.errors.len() <= lines, "{} errors in {lines} lines", dotenv.errors.len());
    for error in &dotenv.errors {
        let said = error.to_string();
        assert!(!said.contains(SECRET) && said.lines().count() == 1, "{said}");
    }
}

fn with_file(path: &str, bytes: &[u8]) {
    let mut material = Material { text: NAMES_FILES.into(), ..Material::default() };
    let files = [("/key", SECRET.as_bytes()), ("/authorities", b"".as_slice()), (path, bytes)];
    material.files = files.map(|(path, bytes)| (path.into(), Ok(bytes.to_vec()))).into();
    judge(&material, Strictness::Full);
}

/// Loads, and holds what is promised of every report: a place that is there, one line each, no secret.
fn judge(material: &Material, strictness: Strictness) {
    let file = Path::new(FILE);
    let violations = match load(file, material, strictness) {
        Ok(loaded) => {
            let shown = format!("{:?}", loaded.config);
            assert!(!shown.contains(SECRET), "Debug shows a secret");
            loaded.warnings
        }
        Err(report) => {
            assert!(!report.violations.is_empty(), "refused, and no reason is given");
            holds(&report);
            report.violations
        }
    };
    let lines = material.text.split(|byte| matches!(byte, b'\n' | b'\r')).count();
    for violation in violations {
        let said = violation.to_string();
        assert!(said.lines().count() == 1, "more than one line: {said:?}");
        assert!(
            (1..=lines + 1).contains(&violation.line) && violation.column > 0,
            "of {lines} lines: {said}"
        );
    }
}

fn holds(report: &Report) {
    let said = report.to_string();
    assert!(!said.contains(SECRET), "a report shows a secret: {said}");
}
