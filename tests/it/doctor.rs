//! `nbu-exporter doctor` on sites with one fault each.

mod proxy;
mod terminal;

use std::fmt::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nbu_exporter::app::catalogue;
use nbu_exporter_simulator::{ApiVersion, Clock, Fault, Options, Rule, SiteOptions, Tls};
use serde_json::Value;

use crate::golden::collectors;
use crate::harness::{ApiServer, Exporter, Port, Sites, Volume, config, eventually, read};
use proxy::Proxy;

/// It must be seen nowhere.
const KEY: &str = "k3y-that-must-not-be-seen";
const WRONG_KEY: &str = "wr0ng-k3y-that-must-not-be-seen";
const PASSWORD: &str = "pr0xy-passw0rd";

/// The answer of one run.
struct Run {
    code: i32,
    text: String,
    stderr: String,
}

/// Runs the doctor; whatever it says, it says no secret.
fn doctor(config: &Path, flags: &[&str]) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nbu-exporter"));
    command.arg("doctor").arg("--config").arg(config).args(flags).stdin(Stdio::null());
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"] {
        command.env_remove(name);
    }
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    let all = format!("{text}{stderr}");
    for secret in [KEY, WRONG_KEY, PASSWORD] {
        assert!(!all.contains(secret), "{all}");
    }
    Run { code: output.status.code().unwrap(), text, stderr }
}

/// A configuration with sites, in a directory of its own.
struct File {
    directory: tempfile::TempDir,
    text: String,
}

#[test]
fn a_role_that_may_see_nothing_is_told_each_right_that_it_lacks() {
    // A resource that takes a name can not be tried.
    let mut tried = catalogue();
    tried.retain(|listed| {
        listed.permission.is_some() && listed.resource.is_some_and(|resource| !resource.contains('{'))
    });
    let server = server(|options| {
        options.api_version = ApiVersion::new(14, 0);
        options.denied = tried.iter().map(|listed| listed.resource.unwrap().to_owned()).collect();
        options.denied.push("/admin/jobs-count-requests".to_owned());
    });
    let mut file = File { text: format!("collectors: {}\nnbuservers:\n", collectors()), ..File::new() };
    file.site("paris", server.port(0), "scheme: http");
    let run = doctor(&file.config(), &[]);
    assert_eq!(run.code, 8, "{}", run.text);
    for listed in tried {
        let (operation, namespace) = listed.permission.unwrap();
        let cure = format!("operation {operation} on the namespace {namespace}\n");
        assert!(run.text.contains(&cure), "{} {cure} is not in\n{}", listed.resource.unwrap(), run.text);
    }
}

/// Turns every collector off that can be turned off, so that the tables stay as they are when one is added.
fn only_always() -> String {
    let text = read("config.example.yaml");
    let (_, section) = text.split_once("\ncollectors:\n").unwrap();
    let keys = section.lines().take_while(|line| !line.starts_with(char::is_alphabetic));
    let keys = keys.filter_map(|line| line.strip_prefix("  ")?.strip_suffix(':'));
    let optional =
        keys.filter(|key| key.chars().all(char::is_alphabetic) && !["jobs", "storage"].contains(key));
    let off: Vec<_> = optional.map(|key| format!("{key}: {{enabled: false}}")).collect();
    assert!(off.len() > 10, "{off:?}");
    format!("collectors: {{{}}}\n", off.join(", "))
}

impl File {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap(), text: format!("{}nbuservers:\n", only_always()) }
    }

    /// Adds a site with these keys beside the usual ones.
    fn site(&mut self, name: &str, port: u16, keys: &str) -> &mut Self {
        let _ = writeln!(self.text, "  - site: {name}\n    port: {port}");
        for (key, usual) in [("host", "127.0.0.1"), ("apiKey", KEY), ("timeout", "20s"), ("proxyUrl", "none")]
        {
            if !keys.split("; ").any(|given| given.starts_with(&format!("{key}:"))) {
                let _ = writeln!(self.text, "    {key}: {usual}");
            }
        }
        for key in keys.split("; ").filter(|key| !key.is_empty()) {
            let _ = writeln!(self.text, "    {key}");
        }
        self
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn config(&self) -> PathBuf {
        self.write("config.yaml", &self.text)
    }
}

fn server(change: impl FnOnce(&mut Options)) -> Sites {
    let mut options = Options {
        sites: vec![SiteOptions::named("server")],
        api_keys: vec![KEY.to_owned()],
        ..Options::default()
    };
    change(&mut options);
    Sites::with(options)
}

fn with_fault(fault: Fault, path: &str) -> Sites {
    server(|options| options.faults = vec![Rule::new(fault).on(path)])
}

/// Sites with one fault each, the servers that they are, and the exit code of each.
fn world() -> (File, Vec<Sites>, Vec<(&'static str, i32)>) {
    let mut file = File::new();
    let (mut servers, mut codes) = (Vec::new(), Vec::new());
    let mut add = |name: &'static str, server: Sites, keys: &str, code| {
        let site = &server.simulation().sites()[0];
        let keys = keys.replace("FINGERPRINT", site.certificate_sha256().unwrap_or_default());
        if let Some(pem) = site.ca_pem() {
            file.write(&format!("{name}.pem"), pem);
        }
        file.site(name, server.port(0), &keys.replace("CA", &format!("{name}.pem")));
        servers.push(server);
        codes.push((name, code));
    };
    let tls = |mode| server(move |options| options.tls = mode);

    add("well", tls(Tls::Valid), "caFile: CA", 0);
    add("pinned", tls(Tls::SelfSignedCa), "certificateSha256: FINGERPRINT", 0);
    add("other-name", tls(Tls::WrongName), "caFile: CA; tlsServerName: elsewhere.invalid", 0);
    add("unverified", tls(Tls::Expired), "insecureSkipVerify: true", 0);
    add("plain", server(|_| {}), "scheme: http", 0);
    let late = Clock::manual(jiff::Timestamp::now().as_millisecond() - 100_000_000);
    add("late-clock", server(|options| options.clock = late), "scheme: http", 0);

    add("unresolvable", server(|_| {}), "host: nowhere.invalid", 3);
    add("no-tls", server(|_| {}), "", 5);
    add("unknown-issuer", tls(Tls::Valid), "", 5);
    add("self-signed", tls(Tls::SelfSigned), "", 5);
    add("self-signed-ca", tls(Tls::SelfSignedCa), "", 5);
    add("given-self-signed-ca", tls(Tls::SelfSignedCa), "caFile: CA", 0);
    add("expired", tls(Tls::Expired), "caFile: CA", 5);
    add("wrong-name", tls(Tls::WrongName), "caFile: CA", 5);
    add("other-pin", tls(Tls::Valid), &format!("certificateSha256: {}", "0".repeat(64)), 5);
    add("too-new-pin", server(|_| {}), "scheme: http; apiVersion: \"13.0\"", 6);
    let old = server(|options| options.api_version = ApiVersion::new(6, 0));
    add("too-old", old, "scheme: http", 6);
    add("wrong-uri", server(|_| {}), "scheme: http; uri: /elsewhere", 6);
    add("web-site", with_fault(Fault::Html { code: 200 }, ""), "scheme: http", 6);
    add("stalled", with_fault(Fault::Stall, ""), "scheme: http; timeout: 1s", 6);
    add("wrong-key", server(|_| {}), &format!("scheme: http; apiKey: {WRONG_KEY}"), 7);
    let denied = server(|options| options.denied = vec!["/admin".to_owned()]);
    add("denied", denied, "scheme: http", 8);
    let missing = with_fault(Fault::Status { code: 404, retry_after: None }, "/storage");
    add("missing", missing, "scheme: http", 8);
    (file, servers, codes)
}

#[test]
fn each_fault_has_its_row_its_cure_and_its_exit_code() {
    let (file, servers, codes) = world();
    let config = file.config();
    let mut tables = String::new();
    for (name, expected) in codes {
        let run = doctor(&config, &["--site", name]);
        assert_eq!(run.code, expected, "{}", run.text);
        tables.push_str(&normal(&run.text, &servers));
        tables.push('\n');
    }
    let expected = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/doctor/tables.txt");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&expected, &tables).unwrap();
    }
    assert_eq!(
        tables,
        std::fs::read_to_string(&expected).unwrap(),
        "UPDATE_EXPECT=1 writes {} anew",
        expected.display()
    );
}

/// What differs from run to run becomes a word for it.
fn normal(text: &str, servers: &[Sites]) -> String {
    // The server's clock has whole seconds, and one may end while its answer is on the way.
    let mut text = text.replace("7201 s behind", "7200 s behind");
    for server in servers {
        text = text.replace(&format!(":{}", server.port(0)), ":PORT");
        if let Some(digest) = server.simulation().sites()[0].certificate_sha256() {
            text = text.replace(digest, "DIGEST");
        }
    }
    let lines = text.lines().map(|line| {
        // Each system words the one in its own way, and a busy machine is slow.
        let cut = ["can not be resolved: ", "agree within "].into_iter().find_map(|end| line.split_once(end));
        let line = cut.map_or(line, |(before, _)| before);
        let words: Vec<_> = line.split(' ').map(normal_word).collect();
        words.join(" ") + "\n"
    });
    lines.collect()
}

fn normal_word(word: &str) -> String {
    let bare = word.trim_matches(['(', ')', ',', ';']);
    if bare.parse::<jiff::civil::Date>().is_ok() && bare != "2021-01-01" {
        word.replace(bare, "DATE")
    } else if bare.len() > 4 && bare.parse::<u32>().is_ok() || ["364", "365"].contains(&bare) {
        word.replace(bare, "NUMBER")
    } else {
        word.to_owned()
    }
}

#[test]
fn a_closed_port_is_told_from_one_that_says_nothing() {
    let closed = Port::reserve();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut file = File::new();
    file.site("closed", closed.number(), "").site(
        "silent",
        silent.local_addr().unwrap().port(),
        "timeout: 1s",
    );
    let config = file.config();
    let run = doctor(&config, &["--site", "closed"]);
    assert_eq!(run.code, 4, "{}", run.text);
    assert!(run.text.contains("bpps -x"), "{}", run.text);
    let run = doctor(&config, &["--site", "silent"]);
    assert_eq!(run.code, 5, "{}", run.text);
    assert!(run.text.contains("no TLS handshake in time"), "{}", run.text);
}

#[test]
fn the_earliest_step_of_any_site_decides_and_none_hides_another() {
    let closed = Port::reserve();
    let server = server(|_| {});
    let wrong = format!("scheme: http; apiKey: {WRONG_KEY}");
    let mut file = File::new();
    file.site("wrong-key", server.port(0), &wrong).site("closed", closed.number(), "").site(
        "well",
        server.port(0),
        "scheme: http",
    );
    let run = doctor(&file.config(), &[]);
    assert_eq!(run.code, 4, "{}", run.text);
    assert!(run.text.contains("FAIL  key ") && run.text.contains("FAIL  tcp "), "{}", run.text);
    assert!(run.text.ends_with("3 sites: 2 failed, 0 with warnings (exit code 4)\n"), "{}", run.text);
}

#[test]
fn what_ends_soon_is_a_warning() {
    let server = server(|_| {});
    let week = jiff::Timestamp::now().as_millisecond() + 7 * 86_400_000 + 3_600_000;
    server.simulation().sites()[0].expire_keys_at(week);
    let mut file = File::new();
    file.site("paris", server.port(0), "scheme: http");
    let run = doctor(&file.config(), &[]);
    assert_eq!(run.code, 0, "{}", run.text);
    assert!(run.text.contains("warn  key                 accepted; it ends in 7 days"), "{}", run.text);
}

#[test]
fn json_has_one_form_whatever_happens() {
    let (file, _servers, _) = world();
    let run = doctor(&file.config(), &["--format", "json"]);
    let report: Value = serde_json::from_str(&run.text).unwrap();
    assert_eq!((run.code, &report["exitCode"], &report["error"]), (3, &Value::from(3), &Value::Null));
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
    let steps = ["dns", "tcp", "tls", "api", "clock", "key", "permission", "permission"];
    for site in report["sites"].as_array().unwrap() {
        assert_eq!(keys(site), "address checks finished site");
        let checks = site["checks"].as_array().unwrap();
        assert_eq!(checks.iter().map(|check| check["check"].as_str().unwrap()).collect::<Vec<_>>(), steps);
        for check in checks {
            assert_eq!(keys(check), "check collector cure details finding status");
            let status = check["status"].as_str().unwrap();
            assert!(["passed", "warned", "failed", "skipped"].contains(&status));
            assert_eq!(check["cure"].is_string(), ["warned", "failed"].contains(&status), "{check}");
        }
    }
    let expired = report["sites"].as_array().unwrap().iter().find(|site| site["site"] == "expired").unwrap();
    assert_eq!(expired["checks"][2]["details"]["notAfter"], "2021-01-01T00:00:00Z");
}

#[test]
fn a_configuration_that_is_none_is_two_in_both_forms() {
    let file = File::new();
    let broken = file.write("broken.yaml", "nbuservers: [{site: paris, hots: x}]\n");
    let run = doctor(&broken, &[]);
    assert_eq!(run.code, 2, "{}", run.text);
    assert!(run.text.contains("did you mean `host`?"), "{}", run.text);
    let run = doctor(&broken, &["--format", "json"]);
    let report: Value = serde_json::from_str(&run.text).unwrap();
    assert_eq!(
        (run.code, &report["exitCode"], &report["sites"]),
        (2, &Value::from(2), &Value::Array(vec![]))
    );
    assert!(report["error"].as_str().unwrap().contains("did you mean"), "{report}");
    assert_eq!(doctor(Path::new("/nonexistent/config.yaml"), &[]).code, 2);
    let mut file = File::new();
    file.site("paris", 1, "");
    let run = doctor(&file.config(), &["--site", "rome"]);
    assert_eq!(run.code, 2);
    assert!(run.text.contains("there is no site \"rome\"; there are: paris"), "{}", run.text);
}

#[test]
fn a_proxy_on_the_way_is_named_and_gone_through() {
    let server = server(|options| options.tls = Tls::Valid);
    let proxy = Proxy::start(&format!("user:{PASSWORD}"));
    let mut file = File::new();
    file.write("ca.pem", server.simulation().sites()[0].ca_pem().unwrap());
    let via = |password: &str| {
        format!("caFile: ca.pem; proxyUrl: http://user:{password}@localhost:{}", proxy.port())
    };
    file.site("paris", server.port(0), &via(PASSWORD)).site("refused", server.port(0), &via("other"));
    let config = file.config();
    let run = doctor(&config, &["--site", "paris"]);
    assert_eq!(run.code, 0, "{}", run.text);
    assert!(run.text.contains("the proxy localhost is "), "{}", run.text);
    assert!(run.text.contains(", and through it to the site"), "{}", run.text);
    let run = doctor(&config, &["--site", "refused"]);
    assert_eq!(run.code, 4, "{}", run.text);
    assert!(run.text.contains("gives no connection to the site"), "{}", run.text);
}

#[test]
fn the_running_exporter_is_asked_whether_the_api_server_asks_its_webhook() {
    let sites = Sites::start(1);
    let volume = Volume::new(&[("config.yaml", &config(&[("paris", sites.port(0))]))]);
    let file = volume.path("config.yaml");
    let api = ApiServer::start("1200", &config(&[("paris", sites.port(0))]));
    let mut command = Exporter::command(&file);
    api.watched_by(&mut command);
    command.args(["--webhook.listen-address=127.0.0.1:0", "--webhook.certificate-dir=/nonexistent"]);
    let exporter = Exporter::spawn(command);
    eventually("it has looked for its certificate", || {
        exporter.log().iter().any(|line| line.contains("certificate can not be kept"))
    });
    let address = format!("--address={}", exporter.address());
    let run = doctor(&file, &[&address]);
    println!("{}", run.text);
    let row = "  warn  webhook  the API server never asked since this exporter started ";
    let line = run.text.lines().find(|line| line.starts_with(row)).unwrap_or_else(|| panic!("{}", run.text));
    assert!(line.contains("; there is no certificate yet; it can not be kept: /nonexistent/"), "{line}");
    let report: Value = serde_json::from_str(&doctor(&file, &[&address, "--format=json"]).text).unwrap();
    assert_eq!(report["webhook"]["status"], "warned", "{report}");
    // One without a webhook, and none at all.
    let plain = Exporter::start(&file);
    let run = doctor(&file, &[&format!("--address={}", plain.address())]);
    assert!(!run.text.contains("webhook"), "{}", run.text);
    let run = doctor(&file, &["--address=127.0.0.1:1"]);
    assert!(
        run.text.contains("  warn  webhook  not known: http://127.0.0.1:1/api/v1/status: not reached"),
        "{}",
        run.text
    );
}
