use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use url::Url;

use super::ReloadArgs;

const CONNECT: Duration = Duration::from_secs(5);
/// Longer than the exporter takes to answer: it waits for half-written files and for the Kubernetes API.
const ANSWER: Duration = Duration::from_mins(1);
const PATH: &str = "/-/reload";
/// Enough of a stranger's answer to know who it was.
const MOST_CHARACTERS: usize = 120;
const NOT_REACHED: u8 = 1;
const REJECTED: u8 = 2;

/// Asks the running exporter for a reload and prints its answer: 0 when the configuration is applied, unchanged
/// or superseded, 2 when it is rejected, 1 when the exporter is not reached.
pub async fn ask_for_reload(args: &ReloadArgs, out: &mut impl Write) -> io::Result<ExitCode> {
    let (code, said) = match ask(&args.address).await {
        Ok(answer) => answer,
        Err(why) => (NOT_REACHED, why),
    };
    writeln!(out, "{said}")?;
    Ok(ExitCode::from(code))
}

/// The exit code with the exporter's own words, or why there are none.
async fn ask(address: &str) -> Result<(u8, String), String> {
    let url = endpoint(address)
        .ok_or("--address must be host:port or http://host:port; the exporter speaks plain HTTP")?;
    let shown = without_user(&url);
    let client = client().map_err(|error| format!("no HTTP client: {error}"))?;
    let hint = "is the exporter running there? (--address URL)";
    let not_reached = |error: reqwest::Error| format!("{shown}: not reached: {}; {hint}", root(&error));
    let answer = client.post(url).send().await.map_err(not_reached)?;
    let status = answer.status();
    let text = answer.text().await.map_err(not_reached)?;
    let text = text.trim_end();
    match code(status.as_u16(), text) {
        Some(code) => Ok((code, text.to_owned())),
        None => Err(format!("{shown}: no outcome but HTTP {status}: {}; {hint}", excerpt(text))),
    }
}

/// `:9440`, `host:9440`, `http://host:9440/` and the page itself are one.
fn endpoint(address: &str) -> Option<Url> {
    let full = match address {
        _ if address.contains("://") => address.to_owned(),
        _ if address.starts_with(':') => format!("http://127.0.0.1{address}"),
        _ => format!("http://{address}"),
    };
    let mut url = Url::parse(&full).ok().filter(|url| url.scheme() == "http" && url.has_host())?;
    let base = url.path().trim_end_matches('/').trim_end_matches(PATH);
    let path = format!("{base}{PATH}");
    url.set_path(&path);
    url.set_query(None);
    url.set_fragment(None);
    Some(url)
}

/// The URL for people: a password in it is nobody's business.
fn without_user(url: &Url) -> Url {
    let mut url = url.clone();
    // Both fail only for URLs without a host.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url
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

fn excerpt(text: &str) -> String {
    let printable = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    printable.take(MOST_CHARACTERS).collect()
}

fn client() -> Result<reqwest::Client, reqwest::Error> {
    // The client wants to know its cryptography even where it speaks plain HTTP. An error means that it knows.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // The exporter's own address is never behind a proxy, and is plain HTTP: no certificates are needed.
    let plain = reqwest::Client::builder().no_proxy().tls_certs_only([]);
    // Whoever redirects is another server, and a redirected POST becomes a GET.
    plain.redirect(reqwest::redirect::Policy::none()).connect_timeout(CONNECT).timeout(ANSWER).build()
}

fn root(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_as_people_write_it() {
        for address in [
            ":9440",
            "127.0.0.1:9440",
            "http://127.0.0.1:9440",
            "HTTP://127.0.0.1:9440/",
            "http://127.0.0.1:9440/-/reload?x#y",
        ] {
            let url = endpoint(address).map(|url| url.to_string());
            assert_eq!(url.as_deref(), Some("http://127.0.0.1:9440/-/reload"), "{address}");
        }
        assert_eq!(endpoint("h/prefix/").unwrap().as_str(), "http://h/prefix/-/reload");
        for address in ["", "https://h:9440", "ftp://h", "h:99999", "http://"] {
            assert!(endpoint(address).is_none(), "{address}");
        }
    }

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

    #[test]
    fn a_password_in_the_address_is_not_shown() {
        let url = endpoint("http://joe:planted@h:1").unwrap();
        assert_eq!(without_user(&url).as_str(), "http://h:1/-/reload");
    }
}
