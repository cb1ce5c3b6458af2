//! The simulator over HTTP, as a client uses it.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

mod faults;
mod protocol;
mod tls;
mod world;

/// 2026-02-03T12:00:00Z
const NOON: i64 = 1_770_120_000_000;
const KEY: &str = "simulated-key";

fn options() -> Options {
    Options { clock: Clock::manual(NOON), ..Options::default() }
}

async fn start(options: Options) -> (Simulation, Site) {
    let simulation = Simulation::start(options).await.unwrap();
    let site = simulation.sites()[0].clone();
    (simulation, site)
}

/// An answer as it came over the wire.
struct Got {
    status: u16,
    head: String,
    body: Vec<u8>,
    /// The connection ended in an error, a reset most likely.
    broken: bool,
}

impl Got {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (known, value) = line.split_once(':')?;
            known.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {} {}", self.head, String::from_utf8_lossy(&self.body)))
    }

    fn ids(&self) -> Vec<i64> {
        let json = self.json();
        let data = json["data"].as_array().unwrap().iter();
        data.map(|record| record["id"].as_str().unwrap().parse().unwrap()).collect()
    }
}

/// Sends one request over a connection of its own and reads until its end.
async fn send(site: &Site, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Got {
    let mut stream = TcpStream::connect(site.address()).await.unwrap();
    let headers: String = headers.iter().flat_map(|(name, value)| [*name, ": ", *value, "\r\n"]).collect();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: primary\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    let broken = tokio::time::timeout(Duration::from_mins(2), stream.read_to_end(&mut bytes))
        .await
        .expect("an answer within two minutes")
        .is_err();
    let at = bytes.windows(4).position(|window| window == b"\r\n\r\n");
    let (head, body) = at.map_or((&[] as &[u8], &bytes[..]), |at| (&bytes[..at], &bytes[at + 4..]));
    let head = String::from_utf8_lossy(head).into_owned();
    Got {
        status: head.split_whitespace().nth(1).and_then(|code| code.parse().ok()).unwrap_or(0),
        head,
        body: body.to_vec(),
        broken,
    }
}

fn accept(version: &str) -> String {
    format!("application/vnd.netbackup+json;version={version}")
}

async fn get_as(site: &Site, version: &str, path: &str) -> Got {
    let headers = [("Authorization", KEY), ("Accept", &accept(version))];
    send(site, "GET", &format!("/netbackup{path}"), &headers, "").await
}

async fn get(site: &Site, path: &str) -> Got {
    get_as(site, &site.api_version().to_string(), path).await
}

fn encode(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// Asks for jobs with a filter, a sort and a limit.
async fn jobs(site: &Site, filter: &str, sort: &str, limit: usize) -> Got {
    let parameters =
        [("page[limit]", limit.to_string()), ("filter", filter.to_owned()), ("sort", sort.to_owned())];
    let query: Vec<_> = parameters
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
        .collect();
    let path = format!("/admin/jobs?{}", query.join("&"));
    get(site, &path).await
}

#[tokio::test]
async fn several_sites_run_on_several_ports_with_different_jobs() {
    let simulation = Simulation::start(Options {
        sites: vec![SiteOptions::named("paris"), SiteOptions::named("lyon")],
        ..options()
    })
    .await
    .unwrap();
    let [paris, lyon] = simulation.sites() else { panic!("two sites were asked for") };
    assert_ne!(paris.address(), lyon.address());
    assert_ne!(
        get(paris, "/admin/jobs").await.json()["data"][0]["attributes"]["clientName"],
        get(lyon, "/admin/jobs").await.json()["data"][0]["attributes"]["clientName"]
    );
    let address = paris.address();
    simulation.shutdown().await;
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_taken_port_is_a_start_error_that_names_the_site() {
    let (_simulation, site) = start(options()).await;
    let mut second = options();
    second.sites[0].port = site.address().port();
    let error = Simulation::start(second).await.err().unwrap().to_string();
    assert!(error.contains("site-1") && error.contains(&site.address().to_string()), "{error}");
}

#[tokio::test]
async fn impossible_options_are_refused() {
    for wrong in [
        Options { jobs_per_day: MOST_JOBS_PER_DAY + 1, ..options() },
        Options { base_path: "netbackup".into(), ..options() },
        Options { base_path: "/netbackup/".into(), ..options() },
        Options { base_path: "/simulator".into(), ..options() },
    ] {
        assert!(Simulation::start(wrong).await.is_err());
    }
}

#[tokio::test]
async fn equal_seeds_give_equal_answers() {
    let (_first, one) = start(options()).await;
    let (_second, other) = start(options()).await;
    let (_third, different) = start(Options { seed: 2, ..options() }).await;
    for path in ["/admin/jobs?page%5Blimit%5D=100", "/storage/storage-units", "/storage/disk-pools"] {
        let data = get(&one, path).await.json()["data"].to_string().replace(&one.address().to_string(), "");
        let same =
            get(&other, path).await.json()["data"].to_string().replace(&other.address().to_string(), "");
        let not = get(&different, path).await.json()["data"]
            .to_string()
            .replace(&different.address().to_string(), "");
        assert_eq!(data, same, "{path}");
        assert_ne!(data, not, "{path}");
    }
}

#[tokio::test]
async fn the_command_line_tells_where_each_site_listens() {
    #[derive(clap::Parser)]
    struct Command {
        #[command(flatten)]
        args: Args,
    }
    let command = <Command as clap::Parser>::try_parse_from([
        "simulate",
        "--sites",
        "2",
        "--port",
        "0",
        "--tls",
        "valid",
        "--fault",
        "stall,path=/admin",
        "--api-version",
        "13.0",
        "--job-retention",
        "24",
    ]);
    let args = command.unwrap().args;
    assert_eq!(Options::from(args.clone()).job_retention, Duration::from_hours(24));
    let mut output = Vec::new();
    run(args, &mut output, async {}).await.unwrap();
    let output = String::from_utf8(output).unwrap();
    assert!(
        output.contains("site-1: https://127.0.0.1:") && output.contains("site-2: https://127.0.0.1:"),
        "{output}"
    );
    assert!(output.contains("BEGIN CERTIFICATE"), "{output}");
    assert!(<Command as clap::Parser>::try_parse_from(["simulate", "--fault", "fire"]).is_err());
}
