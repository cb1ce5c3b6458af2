//! The command line: what each command prints, and the code that it ends with.

use std::fs;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use nbu_exporter::app::catalogue;
use serde_json::Value;

use crate::golden;
use crate::harness::{
    self, Exporter, Port, Sites, Volume, config, eventually, exit_code, get, read, repository, sample,
};

/// What came of a run that ended by itself.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ran {
    /// The output of a run that must end well.
    #[track_caller]
    pub fn success(self) -> String {
        assert_eq!(self.code, Some(0), "{self:#?}");
        self.out
    }
}

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nbu-exporter"));
    command.env_remove("NBU_EXPORTER_CONFIG").env_remove("NBU_EXPORTER_ADDRESS").stdin(Stdio::null());
    command
}

fn ran(command: &mut Command) -> Ran {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// Runs the program to its end.
pub fn program(arguments: &[&str]) -> Ran {
    ran(command().args(arguments))
}

/// The program as a process whose output is watched. It is killed when the test ends.
struct Running {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Running {
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = Arc::default();
        watch(child.stdout.take().unwrap(), &lines);
        watch(child.stderr.take().unwrap(), &lines);
        Self { child, lines }
    }

    fn output(&self) -> String {
        self.lines.lock().unwrap().join("\n")
    }

    #[track_caller]
    fn says(&self, text: &str) {
        eventually(text, || self.output().contains(text));
    }

    /// The rest of the line behind `text`, once it was printed.
    #[track_caller]
    fn behind(&self, text: &str) -> String {
        self.says(text);
        self.output().split(text).nth(1).unwrap().lines().next().unwrap().trim().to_owned()
    }

    /// The word behind `text`, once it was printed.
    #[track_caller]
    fn word_behind(&self, text: &str) -> String {
        self.behind(text).split_whitespace().next().unwrap().to_owned()
    }

    /// Sends a signal and waits for the end; the exit code.
    #[track_caller]
    fn end_by(&mut self, signal: &str) -> Option<i32> {
        harness::signal(&self.child, signal);
        exit_code(&mut self.child)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("{}", self.output());
        }
    }
}

fn watch(pipe: impl Read + Send + 'static, lines: &Arc<Mutex<Vec<String>>>) {
    let lines = lines.clone();
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            lines.lock().unwrap().push(line);
        }
    });
}

fn in_directory(file: &str, text: &str) -> (tempfile::TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(file);
    fs::write(&path, text).unwrap();
    (directory, path.to_str().unwrap().to_owned())
}

#[test]
fn check_config_says_that_a_file_is_valid() {
    let (_directory, file) = in_directory("config.yaml", &config(&[("paris", 1), ("lyon", 2)]));
    assert_eq!(program(&["check-config", &file]).success(), format!("{file}: valid, 2 sites\n"));
}

#[test]
fn check_config_reads_a_mounted_volume_as_the_exporter_does() {
    let text = config(&[("paris", 1)]).replace("apiKey: simulated-key", "apiKeyFile: paris.key");
    let volume = Volume::new(&[("config.yaml", &text), ("paris.key", "hunter2\n")]);
    let file = volume.root().join("config.yaml");
    program(&["check-config", file.to_str().unwrap()]).success();
    volume.swap(&[("config.yaml", &text)]);
    let ran = program(&["check-config", file.to_str().unwrap()]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.out.contains("nbuservers[0].apiKeyFile"), "{ran:?}");
}

#[test]
fn check_config_reports_every_mistake_with_its_place() {
    let (_directory, file) =
        in_directory("config.yaml", "server:\n  port: 94400\nnbuservers:\n  - site: a\n    hsot: b\n");
    let ran = program(&["check-config", &file]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(2), ""));
    for line in [":2:9: server.port: ", ":5:5: nbuservers[0].hsot: unknown key; did you mean `host`?"] {
        assert!(ran.out.contains(&format!("{file}{line}")), "{}", ran.out);
    }
}

#[test]
fn check_config_reads_the_standard_input() {
    for (text, expected, code) in [
        (config(&[("paris", 1)]), "-: valid, 1 site\n".to_owned(), 0),
        (
            "nbuservers: 7".to_owned(),
            "-:1:13: nbuservers: must be a list, not a single value\n".to_owned(),
            2,
        ),
        (
            "#".repeat(2 << 20),
            "-:1:1: the file has 1048577 bytes; at most 1048576 are allowed\n".to_owned(),
            2,
        ),
    ] {
        let (reader, mut writer) = std::io::pipe().unwrap();
        let writing = std::thread::spawn(move || {
            // The program stops to read what is too much.
            let _ = writer.write_all(text.as_bytes());
        });
        let ran = ran(command().args(["check-config", "-"]).stdin(reader));
        writing.join().unwrap();
        assert_eq!((ran.code, ran.out), (Some(code), expected));
    }
}

#[test]
fn a_command_without_a_configuration_to_reload_ends_by_every_signal() {
    for (signal, number) in [("HUP", 1), ("INT", 2), ("TERM", 15)] {
        let (reader, mut writer) = std::io::pipe().unwrap();
        let mut child = command().args(["check-config", "-"]).stdin(reader).spawn().unwrap();
        // More than a pipe holds: it reads, and the end never comes.
        writer.write_all(&vec![b'#'; 1 << 17]).unwrap();
        harness::signal(&child, signal);
        assert_eq!(child.wait().unwrap().signal(), Some(number));
    }
    let mut child = command().arg("simulate").stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    harness::signal(&child, "HUP");
    assert_eq!(child.wait().unwrap().signal(), Some(1));
}

#[test]
fn check_config_says_why_a_variable_of_dotenv_is_missing() {
    let (directory, file) =
        in_directory("config.yaml", "nbuserver: {host: h, apiKey: '${NOT_SET_ANYWHERE}'}\n");
    fs::write(directory.path().join(".env"), "NOT_SET_ANYWHERE hunter2\n").unwrap();
    let ran = program(&["check-config", &file]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.out.contains("/.env: line 1: it is not NAME=value"), "{ran:?}");
    assert!(!ran.out.contains("hunter2"), "{ran:?}");
}

#[test]
fn check_config_says_what_is_wrong_with_a_file_that_is_not_there() {
    let ran = program(&["check-config", "/nowhere/config.yaml"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.out.contains("/nowhere/config.yaml"), "{ran:?}");
}

#[test]
fn check_config_leaves_out_what_is_not_in_a_repository_when_told_to() {
    let text = "nbuservers:\n  - site: a\n    host: ${NOT_SET_ANYWHERE}\n    apiKeyFile: secrets/none\n";
    let (_directory, file) = in_directory("config.yaml", text);
    let strict = program(&["check-config", &file]);
    assert_eq!(strict.code, Some(2));
    assert!(strict.out.contains("NOT_SET_ANYWHERE"), "{strict:?}");
    let said = program(&["check-config", "--skip-references", &file]).success();
    assert!(said.ends_with("not counting those that need what was left out\n"), "{said}");
}

#[test]
fn check_config_takes_every_shape_of_the_go_exporters_files_and_refuses_every_broken_one() {
    let mut checked = (0, 0);
    for entry in fs::read_dir(repository("tests/fixtures/config")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let name = path.file_name().unwrap().to_str().unwrap();
        let file = path.to_str().unwrap();
        if name.starts_with("valid-") {
            // What an empty variable leaves out is known only where it is set.
            let arguments =
                if name == "valid-empty-values.yaml" { vec![file] } else { vec!["--skip-references", file] };
            ran(command().env("EMPTY", "").arg("check-config").args(arguments)).success();
            checked.0 += 1;
        } else if name.starts_with("invalid-") {
            let ran = program(&["check-config", file]);
            assert_eq!(ran.code, Some(2), "{name}: {ran:?}");
            assert!(ran.out.starts_with(file), "{name}: {ran:?}");
            assert!(!ran.out.contains("hunter2"), "{name} gives a secret away: {ran:?}");
            checked.1 += 1;
        }
    }
    assert!(checked.0 > 10 && checked.1 > 10, "{checked:?}");
}

#[test]
fn list_metrics_has_every_family_in_each_form() {
    let (text, markdown) =
        (program(&["list-metrics"]).success(), program(&["list-metrics", "--format=markdown"]).success());
    let json: Value = serde_json::from_str(&program(&["list-metrics", "--format=json"]).success()).unwrap();
    let list = json.as_array().unwrap();
    assert_eq!(list.len(), catalogue().len());
    for (entry, listed) in list.iter().zip(catalogue()) {
        let (name, kind) = (listed.desc.name, listed.desc.kind.as_ref());
        assert_eq!(
            (&entry["name"], &entry["type"], &entry["labels"][0]),
            (&name.into(), &kind.into(), &"site".into())
        );
        assert!(text.contains(&format!("{name} {kind} {{site")), "{name}");
        assert!(markdown.contains(&format!("| `{name}` | {kind} | site")), "{name}");
    }
    let jobs = list.iter().find(|entry| entry["name"] == "nbu_jobs_active").unwrap();
    assert_eq!((&jobs["resource"], &jobs["permission"]), (&"/admin/jobs".into(), &"|MANAGE|JOBS|".into()));
    assert!(text.contains("GET /admin/jobs, API 7.0); permission: |OPERATIONS|VIEW| on |MANAGE|JOBS|"));
}

#[test]
fn the_schema_accepts_the_example_and_no_unknown_key() {
    let (mut schemas, mut compiler) = (boon::Schemas::new(), boon::Compiler::new());
    let schema: Value = serde_json::from_str(&program(&["schema"]).success()).unwrap();
    compiler.add_resource("file:///config.json", schema).unwrap();
    let schema = compiler.compile("file:///config.json", &mut schemas).unwrap();
    let accepts = |document: &Value| schemas.validate(document, schema).is_ok();
    let example: Value = serde_yaml::from_str(&read("config.example.yaml")).unwrap();
    assert!(accepts(&example));
    let mut unknown = example.clone();
    unknown["server"]["prot"] = 1.into();
    assert!(!accepts(&unknown));
    let mut wrong = example;
    wrong["server"]["port"] = 94_400.into();
    assert!(!accepts(&wrong));
}

#[test]
fn a_list_whose_reader_has_had_enough_ends_quietly() {
    for name in ["list-metrics", "schema"] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let child = command().arg(name).stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
        let ended = child.wait_with_output().unwrap();
        assert_eq!((ended.status.code(), ended.stderr.as_slice()), (Some(0), &b""[..]), "{name}");
    }
}

#[test]
fn reload_asks_the_running_exporter_and_ends_with_the_outcome() {
    let sites = Sites::start(1);
    let good = config(&[("paris", sites.port(0))]);
    let (_directory, file) = in_directory("config.yaml", &good);
    let exporter = Exporter::start(Path::new(&file));
    let address = format!("http://{}", exporter.address());
    let reload = || program(&["reload", "--address", &address]);
    assert!(reload().success().starts_with("unchanged"));
    // The file's own event may come first; then this finds the news applied already.
    fs::write(&file, good.replace("paris", "lyon")).unwrap();
    let out = reload().success();
    assert!(out.starts_with("applied") || out.starts_with("unchanged"), "{out}");
    assert!(exporter.metrics().contains("site=\"lyon\""));
    fs::write(&file, good.replace("scheme: http", "scheme: gopher") + "bogus: 1\n").unwrap();
    let rejected = reload();
    assert_eq!(rejected.code, Some(2));
    assert!(rejected.out.starts_with("rejected:\n"), "{rejected:?}");
    for mistake in [":9:13: nbuservers[0].scheme:", ":11:1: bogus:"] {
        assert!(rejected.out.contains(&format!("\n{file}{mistake}")), "{rejected:?}");
    }
}

#[test]
fn healthcheck_asks_the_running_exporter() {
    let (_directory, file) = in_directory("config.yaml", "nbuservers: []\n");
    let exporter = Exporter::start(Path::new(&file));
    let address = exporter.address().to_string();
    let healthy = program(&["healthcheck", "--address", &address]);
    assert_eq!((healthy.code, &*healthy.out), (Some(0), "Healthy\n"), "{healthy:?}");
    exporter.signal("TERM");
    assert_eq!(exporter.wait(), Some(0));
    let gone = program(&["healthcheck", "--address", &address]);
    assert_eq!(gone.code, Some(1), "{gone:?}");
    assert!(gone.out.contains(&format!("http://{address}/-/healthy: not reached")), "{gone:?}");
}

#[test]
fn reload_and_healthcheck_find_the_listener_by_the_environment() {
    let (_directory, file) = in_directory("config.yaml", "nbuservers: []\n");
    let exporter = Exporter::start(Path::new(&file));
    let address = format!("http://{}", exporter.address());
    for (name, expected) in [("reload", "unchanged"), ("healthcheck", "Healthy")] {
        let out = ran(command().env("NBU_EXPORTER_ADDRESS", &address).arg(name)).success();
        assert!(out.starts_with(expected), "{name}: {out}");
        // The flag wins. Nobody is there (port 9, discard).
        let flag = ["--address", "127.0.0.1:9"];
        let elsewhere = ran(command().env("NBU_EXPORTER_ADDRESS", &address).arg(name).args(flag));
        assert_eq!(elsewhere.code, Some(1), "{elsewhere:?}");
    }
}

#[test]
fn reload_says_when_the_exporter_is_not_reached() {
    // An address may be given without its scheme.
    let nobody = Port::reserve();
    let address = nobody.local().to_string();
    let ran = program(&["reload", "--address", &address]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.out.contains(&format!("http://{address}/-/reload: not reached")), "{ran:?}");
    // A server that is there and is another one.
    let sites = Sites::start(1);
    let stranger = format!("joe:planted-secret@127.0.0.1:{}", sites.port(0));
    let ran = program(&["reload", "--address", &stranger]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.out.contains("/-/reload: no outcome but HTTP 404"), "{ran:?}");
    assert!(!ran.out.contains("planted-secret"), "{ran:?}");
}

#[test]
fn the_version_is_the_packages() {
    assert_eq!(program(&["--version"]).success(), format!("nbu-exporter {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_command_line_that_is_not_understood_ends_with_2() {
    for arguments in
        [&["--cofnig=x"][..], &["run", "--bogus"], &["explode"], &["list-metrics", "--format=xml"]]
    {
        let ran = program(arguments);
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(ran.err.contains("--help"), "{ran:?}");
    }
    assert!(program(&["--cofnig=x"]).err.contains("'--config'"));
}

#[test]
fn run_without_a_configuration_says_how_to_name_one() {
    let ran = program(&["run"]);
    assert_eq!(ran.code, Some(2));
    let cure = "no configuration is named: give --config FILE or set NBU_EXPORTER_CONFIG";
    assert!(ran.err.starts_with(cure) && ran.err.lines().count() == 1, "{ran:?}");
}

#[test]
fn run_with_an_invalid_configuration_ends_with_2_and_the_report() {
    let (_directory, file) = in_directory("config.yaml", "nbuservers: 7\n");
    let ran = program(&["--config", &file]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains(&format!("{file}:1:13: nbuservers: ")), "{ran:?}");
}

#[test]
fn run_ends_with_1_when_its_port_is_taken() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (_directory, file) = in_directory("config.yaml", "nbuservers: []\n");
    let address = taken.local_addr().unwrap().to_string();
    let ran = program(&["--config", &file, "--web.listen-address", &address]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains(&address), "{ran:?}");
}

#[test]
fn the_configuration_may_be_named_by_the_environment_and_other_commands_do_not_mind() {
    let (_directory, file) = in_directory("config.yaml", "nbuservers: []\n");
    let mut named = command();
    named.env("NBU_EXPORTER_CONFIG", &file).args(["--web.listen-address", "127.0.0.1:0"]);
    let exporter = Exporter::spawn(named);
    assert_eq!(exporter.get("/-/healthy").status, 200);
    ran(command().env("NBU_EXPORTER_CONFIG", &file).args(["check-config", &file])).success();
    exporter.signal("TERM");
    assert_eq!(exporter.wait(), Some(0));
}

#[test]
fn the_go_exporters_flags_are_understood() {
    let sites = Sites::start(1);
    let (_directory, file) = in_directory("config.yaml", &config(&[("paris", sites.port(0))]));
    let mut go = command();
    go.args(["-c", &file, "-d", "--trace", "--web.listen-address", "127.0.0.1:0"]);
    let exporter = Exporter::spawn(go);
    eventually("the site is up", || exporter.is_up("paris"));
}

#[test]
fn trace_shows_the_answers_of_the_api_but_no_key() {
    let sites = Sites::start(1);
    let (_directory, file) = in_directory("config.yaml", &config(&[("paris", sites.port(0))]));
    let flags = ["--trace", "--log.level", "trace", "--web.listen-address", "127.0.0.1:0"];
    let exporter = Exporter::start_with(Path::new(&file), &flags);
    eventually("the key was asked about", || exporter.metrics().contains("nbu_api_credential_accepted"));
    // The log comes through a pipe; all of the first cycle is there once the second begins.
    let shown = |log: &[String], path: &str| {
        log.iter().filter(|line| line.contains("The NetBackup API answered") && line.contains(path)).count()
    };
    eventually("a second cycle began", || shown(&exporter.log(), "path=/ping ") > 1);
    let log = exporter.log();
    let answers: Vec<_> = log.iter().filter(|line| line.contains("The NetBackup API answered")).collect();
    for path in ["/ping", "/admin/jobs", "/storage/storage-units"] {
        let part = format!("path={path} ");
        let answer = answers.iter().find(|line| line.contains(&part)).unwrap_or_else(|| panic!("{path}"));
        assert!(
            answer.contains("method=GET") && answer.contains("status=200") && answer.contains("body="),
            "{answer}"
        );
    }
    assert!(answers.iter().any(|line| line.contains("storageUnit")), "the bodies are there");
    assert!(!log.iter().any(|line| line.contains("simulated-key")), "the key is in the log");
    assert!(!answers.iter().any(|line| line.contains("/security/")), "what is said of keys is in the log");
}

#[test]
fn without_trace_no_answer_is_shown_at_any_level() {
    let sites = Sites::start(1);
    let (_directory, file) = in_directory("config.yaml", &config(&[("paris", sites.port(0))]));
    let flags = ["--log.level", "trace", "--web.listen-address", "127.0.0.1:0"];
    let exporter = Exporter::start_with(Path::new(&file), &flags);
    eventually("the site is up", || exporter.is_up("paris"));
    assert!(!exporter.log().iter().any(|line| line.contains("The NetBackup API answered")));
}

#[test]
fn simulate_says_where_it_listens_and_ends_in_good_order() {
    let mut simulator = Running::start(command().args(["simulate", "--sites", "2", "--port", "0"]));
    for site in ["site-1: http://", "site-2: http://"] {
        let base = simulator.word_behind(site);
        let address: SocketAddr = base.split('/').next().unwrap().parse().unwrap();
        assert_eq!(get(address, "/netbackup/ping").unwrap().status, 200);
    }
    assert_eq!(simulator.end_by("TERM"), Some(0));
}

#[test]
fn the_demo_shows_metrics_tells_of_edits_and_cleans_up() {
    let scratch = tempfile::tempdir().unwrap();
    let mut demo = Running::start(command().args(["demo", "--port", "0"]).env("TMPDIR", scratch.path()));
    let page = demo.word_behind("curl -s http://");
    let address: SocketAddr = page.strip_suffix("/metrics").unwrap().parse().unwrap();
    let file = demo.behind("edit ");
    assert!(file.starts_with(scratch.path().to_str().unwrap()), "{file}");
    eventually("both sites are up", || {
        let page = get(address, "/metrics").unwrap().body();
        ["paris", "lyon"].iter().all(|site| sample(&page, &format!("nbu_up{{site=\"{site}\"}}")) == Some(1.0))
    });
    eventually("the site with the bad night has a value of every family", || {
        let page = get(address, "/metrics").unwrap().body();
        let of_lyon = page.lines().filter(|line| line.contains("site=\"lyon\""));
        golden::missing(&of_lyon.fold(String::new(), |page, line| page + "\n" + line), "both").is_empty()
    });
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("site: lyon", "site: nice")).unwrap();
    demo.says("reload (file): applied");
    demo.says("+nice");
    demo.says("-lyon");
    fs::write(&file, text.replace("site: lyon", "stie: lyon")).unwrap();
    demo.says("reload (file): rejected");
    demo.says("unknown key; did you mean `site`?");
    assert_eq!(demo.end_by("INT"), Some(0));
    assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 0, "the directory is left behind");
}
