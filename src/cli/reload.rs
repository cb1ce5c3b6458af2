//! The command `reload`.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use reqwest::Method;

use super::AddressArgs;
use super::running::Question;

/// Longer than the exporter takes to answer: it waits for half-written files and for the Kubernetes API.
const PATIENCE: Duration = Duration::from_mins(1);
const NOT_REACHED: u8 = 1;
const REJECTED: u8 = 2;

/// Asks the running exporter for a reload and prints its answer: 0 when the configuration is applied, unchanged
/// or superseded, 2 when it is rejected, 1 when the exporter is not reached.
pub async fn ask_for_reload(args: &AddressArgs, out: &mut impl Write) -> io::Result<ExitCode> {
    let question = Question { method: Method::POST, path: "/-/reload", patience: PATIENCE };
    let (code, said) = match question.ask(args, code).await {
        Ok(answer) => answer,
        Err(why) => (NOT_REACHED, why),
    };
    writeln!(out, "{said}")?;
    Ok(ExitCode::from(code))
}

/// What the answer means; another server's 200 means nothing.
fn code(status: u16, text: &str) -> Option<u8> {
    let word = text.split(|c: char| !c.is_ascii_alphabetic()).next()?;
    match (status, word) {
        (200, "applied" | "unchanged" | "superseded") => Some(0),
        (500, "rejected") => Some(REJECTED),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exporters_own_words_are_an_outcome() {
        for (status, text, expected) in [
            (200, "applied: no changes", Some(0)),
            (200, "unchanged", Some(0)),
            (200, "superseded: the file is older", Some(0)),
            (500, "rejected:\nc.yaml:1:1: …", Some(2)),
            (200, "<html>applied", None),
            (200, "", None),
            (500, "Internal Server Error", None),
            (503, "the exporter is shutting down", None),
        ] {
            assert_eq!(code(status, text), expected, "{text}");
        }
    }
}
