//! The command `healthcheck`.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use reqwest::Method;

use super::AddressArgs;
use super::access::AccessArgs;
use super::running::Question;
use crate::config::{ListenAddress, ListenHost};

/// Shorter than Docker's own patience, so that the reason is seen.
const PATIENCE: Duration = Duration::from_secs(10);

/// The flags of `healthcheck`.
#[derive(Debug, Args)]
pub struct HealthArgs {
    #[command(flatten)]
    pub(crate) address: AddressArgs,
    /// The address where the running exporter answers probes; it is asked there, in the clear and without a login.
    #[arg(
        long = "web.probe-listen-address",
        value_name = "HOST:PORT",
        env = "NBU_EXPORTER_WEB_PROBE_LISTEN_ADDRESS"
    )]
    pub(crate) probe_address: Option<ListenAddress>,
}

/// Asks the running exporter whether it is healthy and prints its answer: 0 when it is, and 1 otherwise.
pub async fn check_health(args: &HealthArgs, out: &mut impl Write) -> io::Result<ExitCode> {
    let question = Question { method: Method::GET, path: "/-/healthy", patience: PATIENCE };
    let probe = args.probe_address.as_ref().map(probe);
    let (code, said) = match question.ask(probe.as_ref().unwrap_or(&args.address), is_healthy).await {
        Ok(((), said)) => (ExitCode::SUCCESS, said),
        Err(why) => (ExitCode::FAILURE, why),
    };
    writeln!(out, "{said}")?;
    Ok(code)
}

/// Where probes are answered, from here.
fn probe(address: &ListenAddress) -> AddressArgs {
    let host = match &address.host {
        ListenHost::Ip(address) if address.is_unspecified() => ListenHost::Ip([127, 0, 0, 1].into()),
        host => host.clone(),
    };
    let address = ListenAddress { host, port: address.port };
    AddressArgs { address: format!("http://{address}"), access: AccessArgs::default() }
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
