use std::io::{self, Write as _};
use std::process::ExitCode;

use crate::app::RunError;

/// Says why the program ends: 2 for the configuration, 1 for all else.
pub fn failed(error: &RunError) -> ExitCode {
    // With standard error gone there is nobody left to tell; the exit code still says it.
    let _ = writeln!(io::stderr(), "{error}");
    match error {
        RunError::Configuration(_) => ExitCode::from(2),
        RunError::Runtime(_) => ExitCode::FAILURE,
    }
}
