//! The command `healthcheck`.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use reqwest::Method;

use super::AddressArgs;
use super::running::Question;

/// Shorter than Docker's own patience, so that the reason is seen.
const PATIENCE: Duration = Duration::from_secs(10);

/// Asks the running exporter whether it is healthy and prints its answer: 0 when it is, and 1 otherwise.
pub async fn check_health(args: &AddressArgs, out: &mut impl Write) -> io::Result<ExitCode> {
    let question = Question { method: Method::GET, path: "/-/healthy", patience: PATIENCE };
    let (code, said) = match question.ask(&args.address, is_healthy).await {
        Ok(((), said)) => (ExitCode::SUCCESS, said),
        Err(why) => (ExitCode::FAILURE, why),
    };
    writeln!(out, "{said}")?;
    Ok(code)
}

/// Another server's 200 means nothing.
fn is_healthy(status: u16, text: &str) -> Option<()> {
    (status == 200 && text == "Healthy").then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exporters_own_word_is_healthy() {
        for (status, text, expected) in
            [(200, "Healthy", true), (200, "<html>Healthy", false), (200, "", false), (503, "Healthy", false)]
        {
            assert_eq!(is_healthy(status, text).is_some(), expected, "{status} {text}");
        }
    }
}
