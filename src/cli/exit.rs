//! How a command line is read, and how the program ends.

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Parser as _;
use clap::error::{ContextKind, ContextValue};

use super::{Command, CommandLine};
use crate::app::RunError;
use crate::telemetry;

/// The command, or the code to end with when there is none.
pub fn parse() -> Result<Command, ExitCode> {
    CommandLine::try_parse().map(CommandLine::into_command).map_err(|error| {
        let error = with_feature(error);
        if error.use_stderr() && asks_for_json(std::env::args()) {
            telemetry::last_words(error.to_string().trim_end());
        } else {
            // With the stream gone there is nobody left to tell; the exit code still says it.
            let _ = error.print();
        }
        u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
    })
}

/// Adds to an unknown command which feature of the build would bring it.
fn with_feature(mut error: clap::Error) -> clap::Error {
    if let Some(ContextValue::String(command)) = error.get(ContextKind::InvalidSubcommand)
        && matches!(command.as_str(), "demo" | "simulate")
    {
        let tip = format!("this program was built without the feature `demo`, which brings `{command}`");
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    }
    error
}

/// A command line that can not be parsed may still say how the log is to be.
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
    fn a_command_that_was_not_built_in_is_told_with_its_feature() {
        let told = |command: &str| {
            let parser = clap::Command::new("nbu-exporter").subcommand(clap::Command::new("run"));
            with_feature(parser.try_get_matches_from(["nbu-exporter", command]).unwrap_err()).to_string()
        };
        for command in ["demo", "simulate"] {
            let tip =
                format!("tip: this program was built without the feature `demo`, which brings `{command}`");
            assert!(told(command).contains(&tip), "{}", told(command));
        }
        assert!(!told("dome").contains("feature"));
    }

    #[test]
    fn the_format_is_known_of_a_command_line_that_is_wrong() {
        check("nbu-exporter --log.format=json --nope", true);
        check("nbu-exporter run --log.format JSON --nope", true);
        check("nbu-exporter --log.format=logfmt --nope json", false);
        check("nbu-exporter --log.format", false);
    }
}
