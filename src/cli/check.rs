//! The command `check-config`.

use std::collections::BTreeSet;
use std::io::{self, Read as _, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use crate::config::{self, Environment, Files, Strictness};
use crate::source::file::{FileReader, References};

/// The file or what it names is not right.
const INVALID: u8 = 2;

/// More than any configuration has.
const MOST_BYTES: u64 = (1 << 20) + 1;

/// The flags of `check-config`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The file to check; `-` is the standard input.
    pub file: PathBuf,
    /// Leaves out what is not in a repository: variables, key files and CA files.
    #[arg(long)]
    pub(crate) skip_references: bool,
    /// The web config to check with it, as the flag of the running exporter.
    #[arg(long = "web.config.file", value_name = "FILE", env = "NBU_EXPORTER_WEB_CONFIG_FILE")]
    pub(crate) web_config: Option<PathBuf>,
}

impl CheckArgs {
    /// The web config to check with the configuration.
    pub fn web_config(&self) -> Option<&Path> {
        self.web_config.as_deref()
    }
}

/// Checks a file as the running program would: 0 when it is valid, 2 with the whole report otherwise. The file `-` is
/// the standard input; what it names is relative to the current directory.
pub fn check_config(args: &CheckArgs, reader: &FileReader, out: &mut impl Write) -> io::Result<ExitCode> {
    let file: &Path = &args.file;
    let skip = args.skip_references;
    let none = |_: &[u8], _: &Environment, _: &Files| BTreeSet::new();
    let named = |text: &[u8], environment: &Environment, files: &Files| {
        config::references(file, text, environment, files)
    };
    let input = if file == Path::new("-") { Some(standard_input()?) } else { None };
    let references: &References<'_> = if skip { &none } else { &named };
    let (material, notes) = match reader.stable_snapshot(input.as_deref(), references) {
        Ok(snapshot) => (snapshot.material, snapshot.notes),
        Err(error) => {
            writeln!(out, "{error}")?;
            return Ok(ExitCode::from(INVALID));
        }
    };
    let check = if skip { Strictness::SkipReferences } else { Strictness::Full };
    for note in notes {
        writeln!(out, "{note} (warning)")?;
    }
    match config::load(file, &material, check) {
        Ok(loaded) => {
            for warning in &loaded.warnings {
                writeln!(out, "{}:{warning} (warning)", file.display())?;
            }
            let sites = loaded.config.sites.len();
            let noun = if sites == 1 { "site" } else { "sites" };
            let uncounted = if skip { ", not counting those that need what was left out" } else { "" };
            writeln!(out, "{}: valid, {sites} {noun}{uncounted}", file.display())?;
            Ok(ExitCode::SUCCESS)
        }
        Err(report) => {
            writeln!(out, "{report}")?;
            Ok(ExitCode::from(INVALID))
        }
    }
}

fn standard_input() -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    io::stdin().lock().take(MOST_BYTES).read_to_end(&mut text)?;
    Ok(text)
}
