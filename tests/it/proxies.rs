//! The way to a site by a proxy: which one, and what is said of one that is wrong.

mod witness;

use std::path::Path;
use std::process::{Command, Stdio};

use crate::harness::{Exporter, Sites, config, eventually, expect, repository, skip};
use witness::Witness;

/// The program's command with nothing about proxies in its environment.
fn exporter(config: &Path) -> Command {
    without_proxies(Exporter::command(config))
}

fn without_proxies(mut command: Command) -> Command {
    for name in ["http_proxy", "https_proxy", "all_proxy", "no_proxy"] {
        command.env_remove(name).env_remove(name.to_uppercase());
    }
    command
}

fn doctor(config: &Path, environment: &[(&str, &str)]) -> (i32, String) {
    let mut command = without_proxies(Command::new(env!("CARGO_BIN_EXE_nbu-exporter")));
    command.arg("doctor").arg("--config").arg(config).envs(environment.iter().copied());
    let output = command.stdin(Stdio::null()).output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

/// A configuration of one site, in a directory of its own.
fn file(host: &str, port: u16, keys: &str) -> (tempfile::TempDir, std::path::PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.yaml");
    let text =
        config(&[("paris", port)]).replace("host: 127.0.0.1\n    port", &format!("host: {host}\n    port"));
    std::fs::write(&path, format!("{text}{keys}")).unwrap();
    (directory, path)
}

#[test]
fn what_is_on_this_machine_never_goes_by_a_proxy_of_the_environment() {
    let sites = Sites::start(1);
    let witness = Witness::start();
    let proxy = format!("http://127.0.0.1:{}", witness.port());
    for host in ["127.0.0.1", "localhost"] {
        let (_keep, path) = file(host, sites.port(0), "");
        let mut command = exporter(&path);
        command.env("HTTP_PROXY", &proxy).env("ALL_PROXY", &proxy);
        let exporter = Exporter::spawn(command);
        eventually("the site is collected", || exporter.is_up("paris"));
        let (code, report) = doctor(&path, &[("HTTP_PROXY", &proxy)]);
        assert_eq!(code, 0, "{report}");
    }
    assert_eq!(witness.connections(), 0, "a proxy of the environment was asked for what is on this machine");
}

#[test]
fn the_demo_never_uses_a_proxy() {
    let witness = Witness::start();
    let mut command = without_proxies(Command::new(env!("CARGO_BIN_EXE_nbu-exporter")));
    let proxy = format!("http://127.0.0.1:{}", witness.port());
    command.args(["demo", "--port", "0"]).env("HTTP_PROXY", &proxy).env("HTTPS_PROXY", &proxy);
    let exporter = Exporter::spawn(command);
    eventually("both sites are collected", || exporter.is_up("paris") && exporter.is_up("lyon"));
    assert_eq!(witness.connections(), 0);
}

#[test]
fn a_proxy_of_the_environment_is_used_for_what_is_elsewhere_and_no_proxy_takes_it_away() {
    let sites = Sites::start(1);
    let witness = Witness::start();
    let proxy = format!("http://127.0.0.1:{}", witness.port());
    // The name is known to nobody, so only the proxy can have been asked.
    let (_keep, path) = file("nbu.invalid", sites.port(0), "");
    let mut command = exporter(&path);
    command.env("HTTP_PROXY", &proxy);
    let through = Exporter::spawn(command);
    eventually("the proxy is asked", || witness.connections() > 0);
    drop(through);
    let other = Witness::start();
    let mut command = exporter(&path);
    command.env("HTTP_PROXY", format!("http://127.0.0.1:{}", other.port())).env("NO_PROXY", "*.invalid");
    let direct = Exporter::spawn(command);
    eventually("the direct way is tried", || {
        direct.log().iter().any(|line| line.contains("can not be resolved"))
    });
    assert_eq!(other.connections(), 0);
}

#[test]
fn a_socks_proxy_is_told_the_sites_name_and_gone_through() {
    let sites = Sites::start(1);
    for scheme in ["socks5", "socks5h"] {
        let proxy = Witness::socks("user", "pl4nted-password", sites.port(0));
        let keys = format!("    proxyUrl: {scheme}://user:pl4nted-password@127.0.0.1:{}\n", proxy.port());
        let (_keep, path) = file("nbu.invalid", 1556, &keys);
        let exporter = Exporter::spawn(exporter(&path));
        eventually("the site is collected", || exporter.is_up("paris"));
        assert_eq!(proxy.asked_for(), ["nbu.invalid:1556"], "{scheme}");
        let (code, report) = doctor(&path, &[]);
        assert_eq!(code, 0, "{report}");
        assert!(report.contains(", and through it to the site"), "{report}");
        let said = format!("{report}{}{}", exporter.log().join("\n"), exporter.get("/config").body());
        assert!(!said.contains("pl4nted"), "{said}");
        // A wrong password is the proxy's refusal, not the site's.
        let wrong = std::fs::read_to_string(&path).unwrap().replace("pl4nted-password", "another");
        std::fs::write(&path, wrong).unwrap();
        let (code, report) = doctor(&path, &[]);
        assert_eq!(code, 4, "{report}");
        assert!(report.contains("gives no connection to the site"), "{report}");
    }
}

#[test]
fn a_malformed_proxy_variable_is_told_at_the_start_and_a_red_row_of_the_doctor() {
    let sites = Sites::start(1);
    let (_keep, path) = file("127.0.0.2", sites.port(0), "");
    // 127.0.0.2 is loopback as well; a name of a site elsewhere is what the variable is for.
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("127.0.0.2", "nbu.invalid")).unwrap();
    let mut command = exporter(&path);
    command.env("HTTP_PROXY", "ftp://user:pl4nted@proxy:1");
    let exporter = Exporter::spawn(command);
    let told = "the environment variable HTTP_PROXY can not be used as a proxy: its scheme is none of http";
    eventually("the log warns", || exporter.log().iter().any(|line| line.contains(told)));
    assert!(exporter.get("/").body().contains("HTTP_PROXY can not be used"));
    let (code, report) = doctor(&path, &[("HTTP_PROXY", "ftp://user:pl4nted@proxy:1")]);
    assert_eq!(code, 3, "{report}");
    // It can be resolved now, and the row is red all the same.
    std::fs::write(&path, text.replace("127.0.0.2", "0.0.0.0")).unwrap();
    let (code, report) = doctor(&path, &[("HTTP_PROXY", "ftp://user:pl4nted@proxy:1")]);
    assert_eq!(code, 3, "{report}");
    assert!(report.contains("FAIL  dns") && report.contains(told), "{report}");
    assert!(report.contains("-> set it to http://HOST:PORT"), "{report}");
    assert!(report.contains("ok    tcp"), "the direct way is examined on: {report}");
    assert!(!format!("{report}{:?}", exporter.log()).contains("pl4nted"));
    // What a shell or a Secret leaves around a value does not count.
    let quoted = "\"http://127.0.0.1:1\"\n";
    let (_, report) = doctor(&path, &[("HTTP_PROXY", quoted)]);
    assert!(report.contains("the proxy 127.0.0.1 is an address"), "{report}");
}

#[test]
fn a_proxys_name_that_can_not_be_resolved_is_reported_as_the_proxys() {
    let sites = Sites::start(1);
    // SOCKS' own errors do not say why there is no connection to the proxy; the doctor does.
    for (scheme, told) in [
        ("http", "the name of the proxy proxy.invalid:3128 can not be resolved"),
        ("socks5", "the connection failed (by way of the proxy proxy.invalid:3128: "),
    ] {
        let keys = format!("    proxyUrl: {scheme}://joe:pl4nted@proxy.invalid:3128\n");
        let (_keep, path) = file("nbu.example", sites.port(0), &keys);
        let exporter = Exporter::spawn(exporter(&path));
        eventually("the log names the proxy", || exporter.log().iter().any(|line| line.contains(told)));
        assert!(!exporter.log().join("\n").contains("pl4nted"));
        let (code, report) = doctor(&path, &[]);
        assert_eq!(code, 3, "{report}");
        assert!(report.contains("the proxy proxy.invalid can not be resolved"), "{report}");
    }
}

#[test]
fn gos_own_package_says_what_the_table_of_no_proxy_says() {
    let folder = repository("tests/go/noproxy");
    if !Command::new("go").arg("version").stdout(Stdio::null()).status().is_ok_and(|status| status.success())
    {
        skip("go::noproxy", "Go is not installed here");
        return;
    }
    let cases = std::fs::File::open(folder.join("cases.txt")).unwrap();
    let run = Command::new("go").args(["run", "."]).current_dir(&folder).stdin(cases).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    expect("tests/go/noproxy/verdicts.txt", &String::from_utf8(run.stdout).unwrap());
}
