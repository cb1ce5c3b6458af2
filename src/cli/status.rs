//! The command `status`.

mod text;

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};
use reqwest::Method;

use super::AddressArgs;
use super::running::Question;
use super::terminal::has_colours;
use crate::status::{StatusFilter, StatusPicture};

/// Of hundreds of sites it takes a while.
const PATIENCE: Duration = Duration::from_secs(30);
const WRONG: u8 = 1;
const NOT_ASKED: u8 = 2;
/// For a terminal that does not tell its width, and for files and pipes.
const WIDTH: usize = 100;

/// The flags of `status`.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 all sites are collected (some may need a look), 1 the newest configuration is rejected, or a site is down or
failing, 2 the exporter could not be asked.")]
pub struct StatusArgs {
    #[command(flatten)]
    pub(crate) address: AddressArgs,
    /// Shows this site alone, with what counts at it.
    #[arg(long, value_name = "NAME")]
    pub(crate) site: Option<String>,
    /// The form of the answer.
    #[arg(long, default_value = "text")]
    pub(crate) output: StatusOutput,
}

/// The form of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum StatusOutput {
    /// A table for people.
    Text,
    /// For programs: what `/api/v1/status` answers.
    Json,
}

/// Asks the running exporter what runs, and prints it; see the exit codes of its help.
pub async fn show_status(args: &StatusArgs, out: &mut impl Write) -> io::Result<ExitCode> {
    let mut status = match picture(&args.address).await {
        Ok(status) => status,
        Err(why) => {
            writeln!(io::stderr(), "{why}")?;
            return Ok(ExitCode::from(NOT_ASKED));
        }
    };
    let wrong = wrong(args, &mut status);
    match args.output {
        StatusOutput::Text => write!(out, "{}", text::table(&status, &look(args.site.is_some())))?,
        StatusOutput::Json => {
            let json = serde_json::to_string_pretty(&status).map_err(io::Error::other)?;
            writeln!(out, "{json}")?;
        }
    }
    if status.sites.is_empty() && args.site.is_some() {
        writeln!(io::stderr(), "there is no such site: {}", args.site.as_deref().unwrap_or_default())?;
        return Ok(ExitCode::from(NOT_ASKED));
    }
    Ok(ExitCode::from(if wrong { WRONG } else { 0 }))
}

/// What the exporter that runs there says of itself, or why it says nothing.
pub(super) async fn picture(args: &AddressArgs) -> Result<StatusPicture, String> {
    let question = Question { method: Method::GET, path: "/api/v1/status", patience: PATIENCE };
    let judge = |status, text: &str| (status == 200).then(|| serde_json::from_str(text).ok()).flatten();
    question.ask(args, judge).await.map(|(status, _)| status)
}

/// Whether something is wrong of what was asked for; the rest is left out.
fn wrong(args: &StatusArgs, status: &mut StatusPicture) -> bool {
    let filter = StatusFilter { site: args.site.clone(), ..StatusFilter::default() };
    filter.apply(&mut status.sites);
    match args.site {
        Some(_) => status.sites.iter().any(|site| site.state.is_wrong()),
        None => status.wrong,
    }
}

fn look(is_whole: bool) -> text::Look {
    let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let width = rustix::termios::tcgetwinsize(io::stdout()).ok().map(|size| usize::from(size.ws_col));
    let width = columns.or(width).filter(|width| *width > 0).unwrap_or(WIDTH);
    text::Look { colours: has_colours(), width: width.max(40), is_whole }
}
