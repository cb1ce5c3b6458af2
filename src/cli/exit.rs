use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Parser as _;

use super::{Command, CommandLine};
use crate::app::RunError;
use crate::telemetry;

/// The command, or the code to end with when there is none.
pub fn parse() -> Result<Command, ExitCode> {
    CommandLine::try_parse().map(CommandLine::into_command).map_err(|error| {
        if error.use_stderr() && asks_for_json(std::env::args()) {
            telemetry::last_words(error.to_string().trim_end());
        } else {
            // With the stream gone there is nobody left to tell; the exit code still says it.
            let _ = error.print();
        }
        u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
    })
}

/// What can not be parsed as a whole may still say how it is to be logged.
fn asks_for_json(arguments: impl Iterator<Item = String>) -> bool {
    let mut is_value = false;
    for argument in arguments {
        let value = if is_value { Some(argument.as_str()) } else { argument.strip_prefix("--log.format=") };
        if value.is_some_and(|value| value.eq_ignore_ascii_case("json")) {
            return true;
        }
        is_value = argument == "--log.format";
    }
    false
}

/// Says why the program ends: 2 for the configuration, 1 for all else.
pub fn failed(error: &RunError, as_json: bool) -> ExitCode {
    if as_json {
        telemetry::last_words(error.to_string().trim_end());
    } else {
        let _ = writeln!(io::stderr(), "{error}");
    }
    match error {
        RunError::Configuration(_) => ExitCode::from(2),
        RunError::Runtime(_) => ExitCode::FAILURE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: bool) {
        assert_eq!(asks_for_json(line.split(' ').map(str::to_owned)), expected, "{line}");
    }

    #[test]
    fn the_format_is_known_of_a_command_line_that_is_wrong() {
        check("nbu-exporter --log.format=json --nope", true);
        check("nbu-exporter run --log.format JSON --nope", true);
        check("nbu-exporter --log.format=logfmt --nope json", false);
        check("nbu-exporter --log.format", false);
    }
}
