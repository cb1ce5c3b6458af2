//! TLS and login on our own pages, changed under way.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};

use rcgen::{CertifiedKey, KeyPair};

use crate::harness::{
    CONFIG, Exporter, PATIENCE, Port, Volume, config, eventually, expect, get, post, repository, sample,
    skip, start_fails,
};

const TLS: &str = "tls_server_config:\n  cert_file: tls.crt\n  key_file: tls.key\n";
/// Of `hello`.
const HASH: &str = "$2y$04$cwBejUdzIB.77g2Xg0scnOrrFV0KsVKTlADiWfDXU0gjdyUvNHbUa";

fn named() -> String {
    config(&[]).replace("server:\n", "server:\n  webConfigFile: web.yml\n")
}

fn pair() -> CertifiedKey<KeyPair> {
    rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap()
}

fn files<'a>(text: &'a str, web: &'a str, certificate: &'a str, key: &'a str) -> [(&'a str, &'a str); 4] {
    [(CONFIG, text), ("web.yml", web), ("tls.crt", certificate), ("tls.key", key)]
}

/// A page by TLS, with its status, where this certificate is shown.
fn page(address: SocketAddr, path: &str, trusted: &str, login: Option<&str>) -> Option<(u16, String)> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let certificate = reqwest::Certificate::from_pem(trusted.as_bytes()).unwrap();
    runtime.block_on(async {
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([certificate]).timeout(PATIENCE);
        let request = client.build().unwrap().get(format!("https://{address}{path}"));
        let request = match login {
            Some(password) => request.basic_auth("alice", Some(password)),
            None => request,
        };
        let answer = request.send().await.ok()?;
        Some((answer.status().as_u16(), answer.text().await.ok()?))
    })
}

fn is_served(address: SocketAddr, trusted: &str) -> bool {
    page(address, "/-/healthy", trusted, None).is_some_and(|(status, _)| status == 200)
}

fn command(arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_nbu-exporter")).args(arguments).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn a_certificate_whose_key_does_not_fit_is_not_shown_and_the_pair_is_once_it_is_whole() {
    let (text, one, two) = (named(), pair(), pair());
    let (one_pem, two_pem) = (one.cert.pem(), two.cert.pem());
    let (one_key, two_key) = (one.signing_key.serialize_pem(), two.signing_key.serialize_pem());
    let volume = Volume::new(&files(&text, TLS, &one_pem, &one_key));
    let exporter = Exporter::start(&volume.path(CONFIG));
    let address = exporter.address();
    assert!(is_served(address, &one_pem));
    volume.swap(&files(&text, TLS, &two_pem, &one_key));
    let metric = |trusted: &str, name: &str| sample(&page(address, "/metrics", trusted, None)?.1, name);
    let successful = "nbu_exporter_config_last_reload_successful";
    eventually("it is rejected", || metric(&one_pem, successful) == Some(0.0));
    let said =
        exporter.log().into_iter().filter(|line| line.contains("the key is not that of the certificate"));
    let said: Vec<String> = said.collect();
    assert!(said.len() == 1 && said[0].contains("web.yml:3:13: tls_server_config: "), "{said:?}");
    assert!(is_served(address, &one_pem) && !is_served(address, &two_pem));
    volume.swap(&files(&text, TLS, &two_pem, &two_key));
    eventually("the new one is shown", || is_served(address, &two_pem));
    eventually("that is told", || metric(&two_pem, successful) == Some(1.0));
    assert!(!is_served(address, &one_pem));
    assert!(!exporter.log().join("\n").contains("PRIVATE KEY"));
}

#[test]
fn tls_is_turned_on_and_off_on_the_same_port() {
    let (text, one) = (named(), pair());
    let (pem, key) = (one.cert.pem(), one.signing_key.serialize_pem());
    let volume = Volume::new(&files(&text, "", &pem, &key));
    let exporter = Exporter::start(&volume.path(CONFIG));
    let address = exporter.address();
    let mut kept = TcpStream::connect(address).unwrap();
    kept.set_read_timeout(Some(PATIENCE)).unwrap();
    kept.write_all(b"GET /-/healthy HTTP/1.1\r\nHost: test\r\n\r\n").unwrap();
    assert!(kept.read(&mut [0; 1024]).unwrap() > 0);
    volume.swap(&files(&text, TLS, &pem, &key));
    eventually("TLS is spoken", || is_served(address, &pem));
    assert_eq!(kept.read(&mut [0; 1024]).unwrap(), 0, "what was in the clear ends in order");
    let clear = get(address, "/-/healthy").unwrap();
    assert_eq!((clear.status, clear.body().contains("HTTP request to an HTTPS server")), (400, true));
    volume.swap(&files(&text, "", &pem, &key));
    eventually("all is in the clear again", || {
        get(address, "/-/healthy").is_ok_and(|page| page.status == 200)
    });
    assert!(!is_served(address, &pem));
}

#[test]
fn users_change_while_it_runs_and_a_bad_file_lets_in_whom_the_good_one_did() {
    let (text, users) = (named(), format!("basic_auth_users:\n  alice: {HASH}\n"));
    let volume = Volume::new(&[(CONFIG, &text), ("web.yml", &users)]);
    let exporter = Exporter::start(&volume.path(CONFIG));
    let status = || get(exporter.address(), "/-/healthy").unwrap().status;
    assert_eq!(status(), 401);
    volume.swap(&[(CONFIG, &text), ("web.yml", "basic_auth_users:\n  alice: pl4nted\n")]);
    eventually("it is rejected", || {
        exporter
            .log()
            .iter()
            .any(|line| line.contains("web.yml:2:3: basic_auth_users: must be a bcrypt hash"))
    });
    assert_eq!(status(), 401);
    assert!(!exporter.log().join("\n").contains("pl4nted"));
    volume.swap(&[(CONFIG, &text), ("web.yml", "{}\n")]);
    eventually("anybody may ask", || status() == 200);
}

#[test]
fn a_web_config_that_is_wrong_at_the_start_is_told_with_its_place_and_nothing_is_served() {
    let volume =
        Volume::new(&[(CONFIG, &config(&[])), ("web.yml", "tls_server_config:\n  min_version: TLS9\n")]);
    let (file, web) = (volume.path(CONFIG), volume.path("web.yml"));
    let flags = ["--config", file.to_str().unwrap(), "--web.config.file", web.to_str().unwrap()];
    let (code, said) = start_fails(&flags);
    assert_eq!(code, Some(2));
    assert!(said.contains("web.yml:2:16: tls_server_config.min_version: unknown version of TLS"), "{said}");
    let (code, said) = command(&["check-config", flags[1], flags[2], flags[3]]);
    assert!(code == Some(2) && said.contains("web.yml:2:16: "), "{said}");
}

#[test]
fn probes_and_commands_get_in_where_a_certificate_and_a_login_are_wanted() {
    let (server, client) = (pair(), pair());
    let web = format!(
        "{TLS}  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: client.crt\nbasic_auth_users:\n  alice: {HASH}\n"
    );
    let volume = Volume::new(&[
        (CONFIG, &config(&[])),
        ("web.yml", &web),
        ("tls.crt", &server.cert.pem()),
        ("tls.key", &server.signing_key.serialize_pem()),
        ("client.crt", &client.cert.pem()),
        ("client.key", &client.signing_key.serialize_pem()),
        ("password", "hello\n"),
    ]);
    let path = |name: &str| volume.path(name).to_str().unwrap().to_owned();
    let probes = Port::reserve();
    let probe_address = probes.local().to_string();
    let flags = ["--web.listen-address", "127.0.0.1:0", "--web.config.file", &path("web.yml")];
    let exporter = Exporter::start_with(
        Path::new(&path(CONFIG)),
        &[&flags[..], &["--web.probe-listen-address", &probe_address]].concat(),
    );
    for (page, expected) in
        [("/healthz", 200), ("/-/ready", 200), ("/metrics", 404), ("/", 404), ("/-/reload", 404)]
    {
        assert_eq!(get(probes.local(), page).unwrap().status, expected, "{page}");
    }
    assert_eq!(post(probes.local(), "/-/reload").unwrap().status, 404);
    assert!(!is_served(exporter.address(), &server.cert.pem()), "without a certificate");

    let (code, said) = command(&["healthcheck", "--web.probe-listen-address", &probe_address]);
    assert_eq!((code, said.as_str()), (Some(0), "Healthy\n"));
    let address = exporter.address().to_string();
    let files = [path("web.yml"), path("client.crt"), path("client.key"), path("password")];
    let access = [
        ["--web.config.file", &files[0]],
        ["--client-cert-file", &files[1]],
        ["--client-key-file", &files[2]],
        ["--user", "alice"],
        ["--password-file", &files[3]],
    ];
    let access = access.concat();
    let ask = |name: &str, access: &[&str]| command(&[&[name, "--address", &address], access].concat());
    let (code, said) = ask("reload", &access);
    assert_eq!((code, said.starts_with("unchanged")), (Some(0), true), "{said}");
    let (code, said) = ask("status", &access);
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = ask("reload", &access[..6]);
    assert!(code == Some(1) && said.contains("--user NAME --password-file FILE"), "{said}");
    assert_eq!(ask("reload", &access[..2]).0, Some(1), "without a certificate");
    let (code, said) = ask("reload", &[]);
    assert!(code == Some(1) && said.contains("it serves TLS"), "{said}");
}

#[test]
fn the_exporter_toolkit_says_what_the_table_of_web_configs_says() {
    let folder = repository("tests/go/webconfig");
    if !Command::new("go").arg("version").stdout(Stdio::null()).status().is_ok_and(|status| status.success())
    {
        skip("go::webconfig", "Go is not installed here");
        return;
    }
    let cases = std::fs::File::open(folder.join("cases.txt")).unwrap();
    let run = Command::new("go").args(["run", "."]).current_dir(&folder).stdin(cases).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    expect("tests/go/webconfig/verdicts.txt", &String::from_utf8(run.stdout).unwrap());
}
