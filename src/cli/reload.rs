use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use super::ReloadArgs;

/// Longer than a look at a dead file system takes.
const TIMEOUT: Duration = Duration::from_secs(30);
const NOT_REACHED: u8 = 1;
const REJECTED: u8 = 2;

/// Asks the running exporter for a reload and prints its answer: 0 when the configuration is applied, unchanged
/// or superseded, 2 when it is rejected, 1 when the exporter is not reached.
pub async fn ask_for_reload(args: &ReloadArgs, out: &mut impl Write) -> io::Result<ExitCode> {
    let scheme = if args.address.contains("://") { "" } else { "http://" };
    let url = format!("{scheme}{}/-/reload", args.address.trim_end_matches('/'));
    let client = match client() {
        Ok(client) => client,
        Err(error) => {
            writeln!(out, "no HTTP client: {error}")?;
            return Ok(ExitCode::from(NOT_REACHED));
        }
    };
    let answer = match client.post(&url).send().await {
        Ok(answer) => answer,
        Err(error) => {
            writeln!(
                out,
                "{url}: not reached: {}; is the exporter running there? (--address URL)",
                root(&error)
            )?;
            return Ok(ExitCode::from(NOT_REACHED));
        }
    };
    let status = answer.status();
    let text = answer.text().await.unwrap_or_default();
    writeln!(out, "{}", text.trim_end())?;
    Ok(match status.as_u16() {
        200 => ExitCode::SUCCESS,
        500 => ExitCode::from(REJECTED),
        _ => ExitCode::from(NOT_REACHED),
    })
}

fn client() -> Result<reqwest::Client, reqwest::Error> {
    // The client wants to know its cryptography even where it speaks plain HTTP. An error means that it knows.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // The exporter's own address is never behind a proxy, and is plain HTTP: no certificates are needed.
    reqwest::Client::builder().no_proxy().tls_certs_only([]).timeout(TIMEOUT).build()
}

fn root(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
