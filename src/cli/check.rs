use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use super::CheckArgs;
use crate::config::{self, Check, Environment};
use crate::source::file::FileReader;

/// The file or what it names is not right.
const INVALID: u8 = 2;

/// Checks a file as the running program would: 0 when it is valid, 2 with the whole report otherwise.
pub fn check_config(args: &CheckArgs, environment: FileReader, out: &mut impl Write) -> io::Result<ExitCode> {
    let file: &Path = &args.file;
    let skip = args.skip_references;
    let none = |_: &[u8], _: &Environment| Default::default();
    let named = |text: &[u8], environment: &Environment| config::references(file, text, environment);
    let material = match if skip { environment.look(&none) } else { environment.look(&named) } {
        Ok(material) => material,
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
            writeln!(out, "{}: valid, {sites} {noun}", file.display())?;
            Ok(ExitCode::SUCCESS)
        }
        Err(report) => {
            writeln!(out, "{report}")?;
            Ok(ExitCode::from(INVALID))
        }
    }
}
