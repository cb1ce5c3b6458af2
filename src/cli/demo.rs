//! The commands that need the simulator: `demo` and `simulate`.

mod first_data;

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use nbu_exporter_simulator::{self as simulator, Scenario, Simulation, Site, SiteOptions};
use strum::VariantArray as _;

use super::process::{DRAIN_DEADLINE, exit_code};
use super::{DemoArgs, until_signalled};
use crate::app::{App, Options, Process, RunError};
use crate::config::{CollectorId, ListenAddress, ListenHost};
use crate::reload::StatusReader;
use crate::shutdown::{Pace, Shutdown};
use crate::systemd::ServiceManager;
use crate::telemetry::Overrides;

/// The key that the simulated servers accept.
const KEY: &str = "simulated-key";

/// The exporter on two simulated sites, all on loopback and in a temporary directory that is removed at the end.
pub async fn demo(args: DemoArgs) -> Result<ExitCode, RunError> {
    let service = ServiceManager::default();
    let work = async |process| simulated(args, process).await;
    // Boxed: it holds the whole exporter.
    Box::pin(until_signalled(Overrides::default(), Duration::ZERO, service, work)).await
}

/// A simulated NetBackup alone.
pub async fn simulate(args: simulator::Args) -> Result<ExitCode, RunError> {
    let shutdown = Shutdown::install()?;
    let drain = shutdown.termination().drain;
    let mut out = io::stdout();
    let simulation = simulator::run(args, &mut out, drain.cancelled());
    let pace = Pace { delay: Duration::ZERO, deadline: DRAIN_DEADLINE };
    exit_code(shutdown.run(async { Ok(simulation.await.context("the simulation")?) }, pace).await)
}

async fn simulated(args: DemoArgs, process: Process) -> Result<(), RunError> {
    let mut lyon = SiteOptions::named("lyon");
    lyon.scenario = Scenario::BadNight;
    let options = simulator::Options {
        sites: vec![SiteOptions::named("paris"), lyon],
        seed: args.seed,
        api_keys: vec![KEY.to_owned()],
        // A certificate has an end to show, and the newest release the most of all.
        tls: simulator::Tls::SelfSigned,
        api_version: simulator::ApiVersion::new(14, 0),
        ..simulator::Options::default()
    };
    let simulation = Simulation::start(options).await.context("the simulated sites do not start")?;
    let directory = tempfile::tempdir().context("no temporary directory for the demo")?;
    let file = directory.path().join("config.yaml");
    std::fs::write(&file, configuration(simulation.sites()))
        .context("the demo's configuration can not be written")?;
    let host = ListenHost::Ip(Ipv4Addr::LOCALHOST.into());
    let listen_addresses = vec![ListenAddress { host, port: args.port }];
    let options = Options { config: Some(file.clone()), listen_addresses, ..Options::default() };
    let app = Box::pin(App::start(options, process)).await?;
    introduce(&app, &file).context("standard output is closed")?;
    let (snapshots, status) = (app.snapshots(), app.status());
    let names = simulation.sites().iter().map(|site| site.name().to_owned()).collect();
    let announcements = async {
        tokio::select! {
            error = announce(status) => error,
            Err(error) = first_data::tell(names, &snapshots, io::stdout()) => error,
        }
    };
    let outcome = tokio::select! {
        outcome = app.serve() => outcome,
        error = announcements => Err(RunError::Runtime(error.into())),
    };
    simulation.shutdown().await;
    outcome
}

fn configuration(sites: &[Site]) -> String {
    let mut text = String::from(
        "# Edit and save this file while the demo runs: sites come, go and move with no restart.\n\
         server:\n  collectionInterval: 5s\ncollectors:\n",
    );
    for id in CollectorId::VARIANTS.iter().filter(|id| !id.always_runs()) {
        let further = match id {
            CollectorId::PerClient => ", export: all, allowlist: ['*']",
            CollectorId::Tape => ", media: all",
            _ => "",
        };
        // Writing to a `String` can not fail.
        let _ = writeln!(text, "  {}: {{enabled: true, interval: 30s{further}}}", id.key());
    }
    text.push_str("nbuservers:\n");
    for site in sites {
        let (name, host, port) = (site.name(), site.address().ip(), site.address().port());
        let _ = writeln!(text, "  - site: {name}\n    host: {host}\n    port: {port}\n    apiKey: {KEY}");
        if let Some(digest) = site.certificate_sha256() {
            let _ = writeln!(text, "    certificateSha256: {digest}");
        }
    }
    text
}

fn introduce(app: &App, file: &Path) -> io::Result<()> {
    let (address, file) = (app.address(), file.display());
    writeln!(
        io::stdout(),
        "nbu-exporter demo: two simulated NetBackup primary servers, lyon in a bad night, and the exporter.\n\
         \n\
         \x20 look    curl -s http://{address}/metrics | grep ^nbu_\n\
         \x20         http://{address}/ in a browser\n\
         \x20 edit    {file}\n\
         \x20         rename a site, remove one, or copy one under another name, and save: it is applied by itself\n\
         \x20 break   write something wrong: the report names line and column, and all runs on\n\
         \x20 ask     curl -X POST http://{address}/-/reload (or: nbu-exporter reload --address http://{address})\n\
         \n\
         Ctrl-C ends it and cleans up.\n"
    )
}

/// Says what came of each reload, until standard output is closed.
async fn announce(mut status: StatusReader) -> io::Error {
    loop {
        status.changed().await;
        let status = status.load();
        let Some((_, verdict)) = &status.last_verdict else { continue };
        let (outcome, trigger) = (verdict.outcome.as_ref(), verdict.trigger.as_ref());
        if let Err(error) = writeln!(io::stdout(), "reload ({trigger}): {outcome}\n{}\n", verdict.detail) {
            return error;
        }
    }
}
