use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use super::CheckArgs;
use crate::config::{self, Check, Environment};
use crate::source::file::FileReader;

/// The file or what it names is not right.
const INVALID: u8 = 2;

/// Checks a file as the running program would: 0 when it is valid, 2 with the whole report otherwise.
pub fn check_config(args: &CheckArgs, reader: &FileReader, out: &mut impl Write) -> io::Result<ExitCode> {
    let file: &Path = &args.file;
    let skip = args.skip_references;
    let none = |_: &[u8], _: &Environment| BTreeSet::new();
    let named = |text: &[u8], environment: &Environment| config::references(file, text, environment);
    let look = if skip { reader.look_until_settled(&none) } else { reader.look_until_settled(&named) };
    let material = match look {
        Ok(look) => look.material,
        Err(error) => {
            writeln!(out, "{error}")?;
            return Ok(ExitCode::from(INVALID));
        }
    };
    let check = if skip { Check::SkipReferences } else { Check::Full };
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
