//! Whole files: what they become, and every mistake that is reported.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::*;
use strum::VariantArray as _;

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
        ("LINE_ENDS", "9555\r\n\n"),
        ("BLANK_END", "hunter2 "),
        ("BLANK_BEGINNING", "\thunter2"),
        ("TWO_LINES", "hunter2\nhunter2\n"),
        ("MARK", "\u{feff}hunter2"),
        ("UTF16", "h\0u\0n\0t\0e\0r\x002\0"),
        ("NOT_ASCII", "hunter2 \u{2013}b"),
    ];
    let process = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Environment { process, ..Environment::default() }
}

/// The text with the files that it names, read from the fixtures' directory.
fn material(text: &[u8]) -> Material {
    let environment = environment();
    let read = |path: PathBuf| {
        let content = std::fs::read(&path).map_err(|_| FileProblem("no such file".to_owned()));
        (path, content)
    };
    let files = references(&fixtures().join("c.yaml"), text, &environment, &Files::new())
        .into_iter()
        .map(read)
        .collect();
    Material { text: text.to_owned(), files, environment }
}

fn load_text(text: &str) -> Result<Loaded, Report> {
    load(&fixtures().join("c.yaml"), &material(text.as_bytes()), Strictness::Full)
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
    load(file, &material(&std::fs::read(file).unwrap()), Strictness::Full)
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

/// A configuration in a few lines; keys are shown as the fixtures have them, which are no secrets.
fn summary(config: &Config) -> String {
    let Config { server, web: _, collection, collectors, names, log, opentelemetry, sites, lacking: _ } =
        config;
    let enabled: Vec<_> = CollectorId::VARIANTS.iter().filter(|id| collectors.is_enabled(**id)).collect();
    let intervals: Vec<_> = enabled.iter().map(|id| collectors.interval(**id)).collect();
    let clients = &collectors.per_client.options;
    let mut text = format!("{server:?}\n{collection:?}\nCollectors {enabled:?} {intervals:?}\n{clients:?}\n");
    let _ = writeln!(text, "{names:?} {log:?}\n{opentelemetry:?}");
    for site in sites {
        let verification = match &site.verification {
            Verification::Roots(roots) => format!("{} roots", roots.len()),
            Verification::Pinned(digest) => format!("pinned {:02x}…{:02x}", digest[0], digest[31]),
            other => format!("{other:?}"),
        };
        let version = site.api_version.map(|version| version.to_string());
        let _ = write!(text, "{:?} {:?} {} key={}", site.id, site.name, site.endpoint, site.api_key.expose());
        let _ =
            write!(text, " version={version:?} {verification} {:?} {:?}", site.tls_server_name, site.proxy);
        let _ = writeln!(text, " {:?} {}", site.timeout, site.max_concurrent_requests);
    }
    text
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
        assert!(!format!("{:?}", loaded.config).contains("hunter2"));
        expect(&file, &format!("{}{}", summary(&loaded.config), shown(&warnings)));
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
    assert_eq!(config.server.host, ListenHost::Ip("::".parse().unwrap()));
    assert_eq!((config.server.port, config.server.metrics_path.as_str()), (9440, "/metrics"));
    assert_eq!(config.collection.interval, Duration::from_mins(5));
    assert_eq!(config.collection.window, Duration::from_hours(1));
    assert_eq!(config.collection.max_stale_cycles, 3);
    assert_eq!((config.names, config.log, config.sites.len()), (MetricNames::Both, Log::default(), 0));
    assert_eq!(loaded.warnings.len(), 1);
}

/// What this thread has used of a processor, which no other load changes.
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
    // Behind the name in parentheses; times in user and in kernel mode, in hundredths of a second.
    let fields = stat.rsplit_once(')').unwrap().1.split_whitespace().skip(11).take(2);
    Duration::from_millis(10 * fields.map(|ticks| ticks.parse::<u64>().unwrap()).sum::<u64>())
}

fn check_refused(text: &[u8], expected: &str) {
    let started = processor_time();
    let material = Material { text: text.to_owned(), environment: environment(), ..Material::default() };
    let report = load(Path::new("c.yaml"), &material, Strictness::Full).unwrap_err().to_string();
    assert!(references(Path::new("c.yaml"), text, &material.environment, &Files::new()).is_empty());
    assert!(redacted(Path::new("c.yaml"), text).len() <= 100 + 3 * text.len());
    assert!(report.contains(expected) && report.lines().count() < 110, "{report}");
    assert!(report.lines().all(|line| line.chars().count() < 400), "{report}");
    let took = processor_time().saturating_sub(started);
    assert!(took < Duration::from_secs(20), "{took:?}");
}

fn numbered(numbers: std::ops::Range<usize>, line: impl Fn(usize) -> String) -> String {
    numbers.map(line).collect::<Vec<_>>().concat()
}

#[test]
fn hostile_files_are_refused_and_not_chewed_on() {
    let bomb = numbered(1..12, |n| {
        let aliases = vec![format!("*a{}", n - 1); 9].join(",");
        format!("x-{n}: &a{n} [{aliases}]\n")
    });
    let bomb = format!("x-0: &a0 [1,1,1,1,1,1,1,1,1]\n{bomb}");
    check_refused(bomb.as_bytes(), "too many values; aliases may have multiplied them");
    let long = format!("x-a: &a {}\nx-b: [{}]\n", "x".repeat(500_000), "*a,".repeat(100_000));
    check_refused(long.as_bytes(), "too many values; aliases may have multiplied them");
    let merges =
        numbered(1..60, |n| format!("x-{n}: &b{n}\n  <<: [*b{0}, *b{0}, *b{0}]\n  k{n}: 1\n", n - 1));
    check_refused(format!("x-0: &b0 {{k0: 1}}\n{merges}").as_bytes(), "too many values");
    check_refused("[".repeat(10_000).as_bytes(), "more than 64 levels deep");
    check_refused("{a: ".repeat(10_000).as_bytes(), "more than 64 levels deep");
    check_refused("- ".repeat(10_000).as_bytes(), "more than 64 levels deep");
    let nested = numbered(0..1_000, |level| format!("{}a:\n", " ".repeat(level)));
    check_refused(nested.as_bytes(), "more than 64 levels deep");
    check_refused("x".repeat(5 << 20).as_bytes(), "the file has 5242880 bytes; at most 1048576 are allowed");
    check_refused("x".repeat(1 << 20).as_bytes(), "must be a map of keys");
    check_refused("[".repeat(1 << 20).as_bytes(), "more than 64 levels deep");
    check_refused("a: 1\n".repeat(200_000).as_bytes(), "is given twice");
    let keys = numbered(0..100_000, |n| format!("k{n}: 1\n"));
    check_refused(keys.as_bytes(), "there are more mistakes");
    check_refused("? ".repeat(100_000).as_bytes(), "");
    check_refused("&a ".repeat(100_000).as_bytes(), "");
    check_refused("!!str ".repeat(100_000).as_bytes(), "");
    check_refused("'".repeat(1 << 20).as_bytes(), "");
    check_refused("#\n".repeat(500_000).as_bytes(), "the file is empty");
    check_refused("---\n".repeat(200_000).as_bytes(), "the file is empty");
    check_refused("---\na: 1\n".repeat(100_000).as_bytes(), "a second document begins here");
    check_refused("\0".repeat(1 << 20).as_bytes(), "NUL byte");
}

#[test]
fn variables_can_not_blow_up_the_file() {
    let mut material = Material { environment: environment(), ..Material::default() };
    material.environment.dotenv.insert("BIG".to_owned(), "x".repeat(100_000));
    let list = "'${BIG}',".repeat(1_000);
    material.text =
        format!("collectors: {{perClient: {{allowlist: [{list}]}}}}\nnbuservers: []\n").into_bytes();
    let report = load(Path::new("c.yaml"), &material, Strictness::Full).unwrap_err().to_string();
    assert!(report.contains("the variables make the file longer than 1 MiB"), "{report}");
    assert!(report.len() < 100_000);
}

#[test]
fn any_text_is_answered_without_a_panic() {
    use proptest::prelude::*;
    let pieces = prop::sample::select(vec![
        "nbuservers:",
        "nbuserver:",
        "\n",
        "\n  ",
        "\n    ",
        "- ",
        "site: a",
        "host: b",
        "apiKey: hunter2",
        "port: ",
        "${PORT}",
        "&a ",
        "*a",
        "<<: ",
        "[",
        "]",
        "{",
        "}",
        ",",
        "'",
        "\"",
        "!!str ",
        "? ",
        ": ",
        "# c",
        "\t",
        "\r",
        "|",
        ">",
        "é",
        "---",
        "x-a: ",
        "~",
    ]);
    let texts = prop::collection::vec(pieces, 0..40).prop_map(|pieces| pieces.concat());
    proptest!(|(text in texts)| {
        let file = Path::new("c.yaml");
        let result = load(file, &Material { text: text.clone().into_bytes(), environment: environment(), ..Material::default() }, Strictness::Full);
        if let Err(report) = result {
            prop_assert!(!report.violations.is_empty());
            prop_assert!(report.violations.is_sorted());
            prop_assert_eq!(report.to_string().lines().count(), report.violations.len());
        }
        redacted(file, text.as_bytes());
    });
    proptest!(|(bytes in prop::collection::vec(any::<u8>(), 0..200))| {
        let _ = load(Path::new("c.yaml"), &Material { text: bytes, ..Material::default() }, Strictness::Full);
    });
}

#[test]
fn references_are_expanded_and_relative_to_the_file() {
    let text = "x: [unknown]\nnbuservers:\n  - {apiKeyFile: 'keys/${PORT}', caFile: /etc/ca.pem}\n  - {apiKeyFile: '../${UNSET}'}\n  \
                - {caFile: ../ca.pem, port: wrong}\nnbuserver: {apiKeyFile: legacy}\n";
    let found = references(Path::new("/etc/nbu/c.yaml"), text.as_bytes(), &environment(), &Files::new());
    let expected = ["/etc/ca.pem", "/etc/nbu/../ca.pem", "/etc/nbu/keys/9555", "/etc/nbu/legacy"];
    assert_eq!(found, expected.iter().map(PathBuf::from).collect());
    let bare =
        references(Path::new("c.yaml"), b"nbuserver: {apiKeyFile: key}", &environment(), &Files::new());
    assert_eq!(bare, std::iter::once(PathBuf::from("key")).collect());
    assert!(
        references(Path::new("c.yaml"), b"nbuserver: {apiKeyFile: key", &environment(), &Files::new())
            .is_empty()
    );
}

#[test]
fn a_default_stands_where_a_variable_is_unset_or_empty() {
    let port = |text: &str| {
        let loaded = load_text(&format!("server: {{port: '{text}'}}\nnbuservers: []\n"));
        loaded.map(|loaded| loaded.config.server.port).map_err(|report| report.to_string())
    };
    assert_eq!(port("${UNSET:-9441}"), Ok(9441));
    assert_eq!(port("${EMPTY:-9441}"), Ok(9441));
    assert_eq!(port("${PORT:-9441}"), Ok(9555));
    assert_eq!(port("9${UNSET:-4}4${EMPTY:-}1"), Ok(9441));
    let refused = port("${UNSET:-hunter}").unwrap_err();
    assert!(
        refused.ends_with("must be a port from 1 to 65535; \"${UNSET:-hunter}\" stands for something else"),
        "{refused}"
    );
    let nested = port("${UNSET:-${PORT}}").unwrap_err();
    assert!(
        nested.contains("`${` must begin a reference such as `${NAME}` or `${NAME:-default}`"),
        "{nested}"
    );
}

#[test]
fn a_value_of_a_variable_loses_the_line_ends_at_its_end_as_a_key_file_does() {
    let text = "server: {port: '${LINE_ENDS}', uri: '/${LINE_ENDS}/metrics'}\nnbuservers: []\n";
    let server = load_text(text).unwrap().config.server;
    assert_eq!((server.port, server.metrics_path.as_str()), (9555, "/9555/metrics"));
}

#[test]
fn api_version_12_means_12_0() {
    let version = |text: &str| {
        let loaded = load_text(&format!("nbuserver: {{host: a, apiKey: k, apiVersion: {text}}}")).ok()?;
        loaded.config.sites[0].api_version.map(|version| version.to_string())
    };
    for text in ["12", "'12'", "12.0", "'12.0'", "12.00"] {
        assert_eq!(version(text).as_deref(), Some("12.0"), "{text}");
    }
    for text in ["12.5", "6", "15", "14.1", "1e1", "' 12'"] {
        assert_eq!(version(text), None, "{text}");
    }
}

#[test]
fn an_explicit_empty_text_is_a_mistake_where_a_value_may_not_be_empty() {
    let keys = schema::tests::every_key();
    let (mut refused, mut taken) = (Vec::new(), Vec::new());
    for (path, key) in &keys {
        let key::Shape::Scalar { .. } = (key.shape)() else { continue };
        for empty in ["''", "'${EMPTY}'", "'${UNSET:-}'"] {
            let mut text = format!("{{{}: {empty}}}", path.rsplit('.').next().unwrap());
            for section in path.rsplit('.').skip(1) {
                text = match section.strip_suffix("[]") {
                    Some(list) => format!("{{{list}: [{text}]}}"),
                    None => format!("{{{section}: {text}}}"),
                };
            }
            let report = load_text(&text).unwrap_err().to_string();
            let told = report.contains("not an empty text") || report.contains("stands for an empty text");
            if told { refused.push(path) } else { taken.push(path) }
        }
    }
    taken.dedup();
    let may = ["nbuservers[].apiVersion", "nbuservers[].insecureSkipVerify", "opentelemetry.endpoint"];
    assert_eq!(taken, may.iter().collect::<Vec<_>>());
    assert!(refused.len() > 60, "{refused:?}");
}

#[test]
fn a_document_that_holds_nothing_is_no_second_document() {
    for (before, behind) in [
        ("", "---"),
        ("", "---\n"),
        ("", "--- # the end\n"),
        ("", "---\n# the end\n"),
        ("", "---\n---\n---\n"),
        ("", "...\n"),
        ("", "...\n---\n...\n"),
        ("", "--- ~\n"),
        ("---\n", ""),
        ("---\n# Source: config.yaml\n---\n", "---\n"),
        ("# a\n---\n...\n---\n", ""),
        ("%YAML 1.2\n---\n", "...\n%YAML 1.2\n---\n"),
    ] {
        let text = format!("{before}nbuservers: []\n{behind}");
        assert!(load_text(&text).is_ok(), "{text}{:?}", load_text(&text));
    }
    for second in ["---\nserver:\n", "---\n{}\n", "---\n---\n''\n", "--- []\n", "---\n!x\n"] {
        let report = load_text(&format!("nbuservers: []\n{second}")).unwrap_err().to_string();
        assert!(
            report.contains("a second document begins here") || second.contains("!x"),
            "{second}{report}"
        );
    }
}

#[test]
fn variables_are_named() {
    let text = "nbuserver: {host: a, apiKey: '${NBU1_APIKEY}'}\nx-a: ${FREE}\n";
    let loaded = load_text(text).unwrap();
    assert_eq!(loaded.variables.into_iter().collect::<Vec<_>>(), ["NBU1_APIKEY"]);
}

#[test]
fn a_repository_is_checked_without_its_references() {
    let text = "server: {port: '${UNSET}'}\nopentelemetry: {enabled: '${UNSET}'}\nnbuservers:\n  - {site: a, host: '${UNSET}', apiKey: '${UNSET}'}\n  \
                - {site: b, host: b, apiKeyFile: none, caFile: none}\n  - {site: c, host: c, apiKey: k}\n";
    let material = Material { text: text.as_bytes().to_vec(), ..Material::default() };
    let loaded = load(Path::new("c.yaml"), &material, Strictness::SkipReferences).unwrap();
    assert_eq!(loaded.config.server.port, 9440);
    assert_eq!(loaded.config.sites.iter().map(|site| &*site.name).collect::<Vec<_>>(), ["c"]);
    assert_eq!(load(Path::new("c.yaml"), &material, Strictness::Full).unwrap_err().violations.len(), 6);

    let wrong = text.replace("site: b", "site: a").into_bytes();
    let report = load(
        Path::new("c.yaml"),
        &Material { text: wrong, ..Material::default() },
        Strictness::SkipReferences,
    );
    assert!(report.unwrap_err().to_string().contains("must be unique"));
}

#[test]
fn another_spelling_is_the_same_configuration() {
    let plain = "nbuservers:\n  - {site: a, host: nbu.example, port: 443, apiKey: k}\nserver: {port: 9440}\n";
    let other = "# comment\nserver:\n  uri: /metrics\n  port: '9440'\nnbuservers:\n- apiKey: k\n  scheme: https\n  \
                 uri: netbackup/\n  port: '443'\n  host: NBU.Example.\n  site: a\n";
    let (plain, other) = (load_text(plain).unwrap().config, load_text(other).unwrap().config);
    assert_eq!(ConfigDiff::between(&plain, &other), ConfigDiff::default());
    assert_eq!(plain, other);
}

#[test]
fn a_key_file_counts_without_its_line_end() {
    let loaded = load_text("nbuserver: {host: a, apiKeyFile: secrets/key}").unwrap();
    assert_eq!(loaded.config.sites[0].api_key.expose(), "file-hunter2");
}

#[test]
fn a_variable_of_the_process_wins_over_dotenv_and_is_not_expanded_again() {
    let mut material = material(b"nbuserver: {host: '${NBU1_HOSTNAME}', apiKey: '${NESTED}'}");
    material.environment.dotenv.insert("NBU1_HOSTNAME".to_owned(), "other.example".to_owned());
    material.environment.dotenv.insert("NESTED".to_owned(), "${PORT}".to_owned());
    let site = load(Path::new("c.yaml"), &material, Strictness::Full).unwrap().config.sites.remove(0);
    assert_eq!((&*site.name, site.api_key.expose()), ("nbu1.example", "${PORT}"));
}

#[test]
fn a_start_goes_on_without_the_sites_that_lack_what_they_refer_to() {
    const PARIS: &str = "nbuservers:\n  - {site: paris, host: paris, apiKey: planted-key}\n";
    let check = |rest: &str, file: Result<&str, &str>, expected: Result<(&[&str], &str), &str>| {
        let text = format!("{PARIS}{rest}\n");
        let content = file.map(|text| text.as_bytes().to_vec()).map_err(|why| FileProblem(why.to_owned()));
        let material = Material {
            files: [(PathBuf::from("/etc/x/file"), content)].into(),
            text: text.clone().into_bytes(),
            ..Material::default()
        };
        let path = Path::new("/etc/x/config.yaml");
        let whole = load(path, &material, Strictness::Full);
        match (load(path, &material, Strictness::Start), expected) {
            (Ok(loaded), Ok((lacking, why))) => {
                let names: Vec<&str> = loaded.config.lacking.iter().map(|site| &*site.name).collect();
                assert_eq!(names, lacking, "{text}");
                assert_eq!(loaded.config.sites.len(), 1, "{text}");
                assert!(
                    loaded.config.lacking.iter().all(|site| site.why.contains(why)),
                    "{:?}",
                    loaded.config
                );
                assert_eq!(whole.is_ok(), lacking.is_empty(), "a reload takes only the whole: {text}");
            }
            (Err(report), Err(why)) => assert!(report.to_string().contains(why), "{report}"),
            (loaded, _) => panic!("{text}: {loaded:?}"),
        }
    };
    let lyon = |keys: &str| format!("  - {{site: lyon, host: lyon, {keys}}}");
    let by_file = lyon("apiKeyFile: file");
    let gone = Err("no such file");
    check(&by_file, gone, Ok((&["lyon"], "nbuservers[1].apiKeyFile: names a file that can not be read")));
    check(&by_file, Ok("\n"), Ok((&["lyon"], "empty file")));
    check(&lyon("apiKey: k, caFile: file"), gone, Ok((&["lyon"], "nbuservers[1].caFile")));
    check(&lyon("apiKey: k, caFile: file"), Ok("no certificate"), Ok((&["lyon"], "nbuservers[1].caFile")));
    check(&lyon("apiKey: \"${UNSET}\""), gone, Ok((&["lyon"], "UNSET must be set")));
    check(&lyon("apiKey: k, host: \"${UNSET}\"").replace("host: lyon, ", ""), gone, Ok((&["lyon"], "UNSET")));
    // What is wrong beside that, or belongs to no site, or to a site without a name, is wrong at a start as well.
    check(&format!("{by_file}\nserver: {{port: 0}}"), gone, Err("server.port"));
    check(&format!("{by_file}\nserver: {{port: \"${{UNSET}}\"}}"), gone, Err("UNSET"));
    check(&lyon("apiKeyFile: file, timeout: 0s"), gone, Err("timeout"));
    check(&by_file.replace("site: lyon", "site: \"${UNSET}\""), Ok("k"), Err("UNSET"));
    check(&by_file.replace("site: lyon", "site: paris"), gone, Err("must be unique"));
}

#[test]
fn no_debug_shows_a_secret() {
    #[track_caller]
    fn check(value: &dyn std::fmt::Debug) {
        let shown = format!("{value:?}");
        let as_bytes = "hunter2".bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(", ");
        assert!(!shown.contains("hunter2") && !shown.contains(&as_bytes), "{shown}");
    }
    let text = "nbuservers:\n- {site: a, host: a, apiKey: hunter2, proxyUrl: 'http://user:hunter2@proxy.example'}\n\
                - {site: b, host: b, apiKeyFile: key}\n";
    let variables = |name: &str| [(name.to_owned(), "hunter2".to_owned())].into();
    let environment = Environment { process: variables("A"), dotenv: variables("B"), web_config: None };
    let files = [("key".into(), Ok(b"hunter2".to_vec()))].into();
    let material = Material { text: text.as_bytes().to_vec(), files, environment };
    let loaded = load(Path::new("c.yaml"), &material, Strictness::Full).unwrap();
    let site = &loaded.config.sites[0];
    assert!(matches!(site.proxy, Proxy::Url(_)));
    check(&material.environment);
    check(&material);
    check(&site.api_key);
    check(&site.proxy);
    check(&loaded);
}
