//! The command `doctor`.

mod webhook;

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::terminal::has_colours;
use crate::config::{self, Config, Strictness};
use crate::doctor::{self, MISCONFIGURED, Style};
use crate::source::file::FileReader;

const TICK: Duration = Duration::from_millis(250);

/// The flags of `doctor`.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 all well (warnings may be shown), 1 not all could be examined in time, 2 the configuration,
3 DNS, 4 TCP, 5 TLS, 6 API version, 7 API key, 8 a permission. With several failures the earliest step of any
site decides.")]
pub struct DoctorArgs {
    /// The configuration file.
    #[arg(short, long, value_name = "FILE", env = "NBU_EXPORTER_CONFIG")]
    pub config: PathBuf,
    /// Examines this site alone.
    #[arg(long, value_name = "NAME")]
    pub(crate) site: Option<String>,
    /// Asks the exporter that runs there as well, whether the API server asks its admission webhook.
    #[arg(long, value_name = "URL", env = "NBU_EXPORTER_ADDRESS")]
    pub(crate) address: Option<String>,
    /// The form of the report.
    #[arg(long, default_value = "text")]
    pub(crate) format: DoctorFormat,
}

/// The form of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DoctorFormat {
    /// A table for people.
    Text,
    /// For programs.
    Json,
}

/// Examines the sites of a file and prints what was found; see the exit codes of its help.
pub async fn examine(args: &DoctorArgs, reader: &FileReader) -> io::Result<ExitCode> {
    let config = match read(args, reader) {
        Ok(config) => config,
        Err(mistake) => {
            match args.format {
                DoctorFormat::Text => writeln!(io::stdout(), "{mistake}")?,
                DoctorFormat::Json => writeln!(io::stdout(), "{:#}", doctor::json_of_mistake(&mistake))?,
            }
            return Ok(ExitCode::from(MISCONFIGURED));
        }
    };
    let bar = progress(if args.site.is_some() { 1 } else { config.sites.len() });
    let mut diagnosis = doctor::examine(&config, args.site.as_deref(), &|| bar.inc(1)).await;
    if let Some(address) = &args.address {
        diagnosis.webhook = webhook::examine(address).await;
    }
    bar.finish_and_clear();
    match args.format {
        DoctorFormat::Text => write!(io::stdout(), "{}", doctor::table(&diagnosis, style()))?,
        DoctorFormat::Json => writeln!(io::stdout(), "{:#}", doctor::json(&diagnosis))?,
    }
    Ok(ExitCode::from(diagnosis.exit_code()))
}

fn read(args: &DoctorArgs, reader: &FileReader) -> Result<Config, String> {
    let file = &args.config;
    let named = |text: &[u8], environment: &config::Environment, files: &config::Files| {
        config::references(file, text, environment, files)
    };
    let snapshot = reader.stable_snapshot(None, &named).map_err(|error| error.to_string())?;
    let loaded =
        config::load(file, &snapshot.material, Strictness::Full).map_err(|report| report.to_string())?;
    let sites = &loaded.config.sites;
    match &args.site {
        Some(name) if !sites.iter().any(|site| *site.name == **name) => {
            let known: Vec<&str> = sites.iter().map(|site| &*site.name).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            Err(format!("{}: there is no site {name:?}; there are: {known}", file.display()))
        }
        _ => Ok(loaded.config),
    }
}

/// How many sites are examined, beside the report; nothing where nobody sees it move.
fn progress(sites: usize) -> ProgressBar {
    if sites < 2 || !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(u64::try_from(sites).ok(), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{bar:30} {pos} of {len} sites examined, {elapsed}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    // A site that does not answer takes a while: the time shows that something happens.
    bar.enable_steady_tick(TICK);
    bar
}

fn style() -> Style {
    if has_colours() { Style::Coloured } else { Style::Plain }
}
