use std::path::{Path, PathBuf};

use super::*;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/config")
}

/// The variables that the fixtures may name.
fn environment() -> Environment {
    let pairs = [
        ("NBU1_HOSTNAME", "nbu1.example"),
        ("NBU1_APIKEY", "expanded-hunter2"),
        ("NBU1_SKIP_CERTIFICATE", "true"),
        ("PARIS_KEY", "paris-hunter2"),
        ("PORT", "9555"),
        ("EMPTY", ""),
        ("WORD", "hunter2word"),
    ];
    let process = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Environment { process, dotenv: std::collections::BTreeMap::default() }
}

/// The text with the files that it names, read from the fixtures' directory.
fn material(text: &[u8]) -> Material {
    let environment = environment();
    let read = |path: PathBuf| {
        let content = std::fs::read(&path).map_err(|_| FileProblem("no such file".to_owned()));
        (path, content)
    };
    let files = references(&fixtures().join("c.yaml"), text, &environment).into_iter().map(read).collect();
    Material { text: text.to_owned(), files, environment }
}

fn load_text(text: &str) -> Result<Loaded, Report> {
    load(&fixtures().join("c.yaml"), &material(text.as_bytes()), Check::Full)
}

/// A report without the directory of the fixtures.
fn shown(report: &Report) -> String {
    report.to_string().replace(&format!("{}/", fixtures().display()), "") + "\n"
}

fn named(prefix: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(fixtures()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| {
        let name = file.file_name().unwrap().to_string_lossy();
        name.starts_with(prefix) && name.ends_with(".yaml")
    });
    files.sort();
    assert!(!files.is_empty());
    files
}

fn load_fixture(file: &Path) -> Result<Loaded, Report> {
    load(file, &material(&std::fs::read(file).unwrap()), Check::Full)
}

/// `UPDATE_EXPECT=1` writes the expectation anew, for a look at the difference.
fn expect(file: &Path, actual: &str) {
    let expectation = file.with_extension("expect.txt");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&expectation, actual).unwrap();
    }
    let expected = std::fs::read_to_string(&expectation).unwrap_or_default();
    assert_eq!(actual, expected, "{}", file.display());
}

#[test]
fn every_mistake_has_its_exact_report() {
    for file in named("invalid-") {
        let report = load_fixture(&file).expect_err(&file.display().to_string());
        expect(&file, &shown(&report));
    }
}

#[test]
fn every_valid_shape_loads_with_its_warnings() {
    for file in named("valid-") {
        let loaded = load_fixture(&file).unwrap_or_else(|report| panic!("{report}"));
        let warnings = Report { file: file.clone(), violations: loaded.warnings };
        expect(&file, &format!("{:#?}\n{}", loaded.config, shown(&warnings)));
    }
}

#[test]
fn no_report_shows_a_secret() {
    for file in named("invalid-") {
        let report = load_fixture(&file).unwrap_err().to_string();
        assert!(!report.contains("hunter2"), "{report}");
        let shown = redacted(&file, &std::fs::read(&file).unwrap());
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

#[test]
fn the_smallest_file_has_the_defaults() {
    let loaded = load_text("nbuservers: []").unwrap();
    let config = loaded.config;
    assert_eq!(config.server.host, ListenHost::Ip("0.0.0.0".parse().unwrap()));
    assert_eq!((config.server.port, config.server.metrics_path.as_str()), (9440, "/metrics"));
    assert_eq!(config.collection.interval, Duration::from_secs(300));
    assert_eq!(config.collection.window, Duration::from_secs(3600));
    assert_eq!(config.collection.max_stale_cycles, 3);
    assert_eq!((config.names, config.log, config.sites.len()), (MetricNames::Both, Log::default(), 0));
    assert_eq!(loaded.warnings.len(), 1);
}
