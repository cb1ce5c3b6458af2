//! Asking the exporter that runs.

use std::time::Duration;

use reqwest::{Client, Method};
use url::Url;

use super::AddressArgs;
use super::access::WayIn;

const CONNECT: Duration = Duration::from_secs(5);
/// How much of another server's answer is shown, to know which server it was.
const MOST_CHARACTERS: usize = 120;
const HINT: &str = "is the exporter running there? (--address URL)";

/// What the running exporter is asked for.
pub(super) struct Question {
    pub(super) method: Method,
    pub(super) path: &'static str,
    pub(super) patience: Duration,
}

impl Question {
    /// The outcome that `judge` finds in the status and the text of the answer, with that text; or why there is none.
    pub(super) async fn ask<T>(
        self,
        args: &AddressArgs,
        judge: impl FnOnce(u16, &str) -> Option<T>,
    ) -> Result<(T, String), String> {
        let mut url = page(&args.address, self.path)
            .ok_or("--address must be host:port, http://host:port or https://host:port")?;
        let access = args.access.access()?;
        if access.is_tls {
            // It fails only for schemes that are no web.
            let _ = url.set_scheme("https");
        }
        let shown = without_user(&url);
        let client = client(self.patience, &access).map_err(|error| format!("no HTTP client: {error}"))?;
        let not_reached = |error: reqwest::Error| format!("{shown}: not reached: {}; {HINT}", root(&error));
        let answer = access.request(client.request(self.method, url)).send().await.map_err(not_reached)?;
        let status = answer.status();
        let text = answer.text().await.map_err(not_reached)?;
        let text = text.trim_end();
        judge(status.as_u16(), text).map(|outcome| (outcome, text.to_owned())).ok_or_else(|| {
            let hint = hint(status.as_u16(), text);
            format!("{shown}: no outcome but HTTP {status}: {}; {hint}", excerpt(text))
        })
    }
}

/// `:9440`, `host:9440`, `http://host:9440/` and the page itself are one.
fn page(address: &str, page: &str) -> Option<Url> {
    let full = match address {
        _ if address.contains("://") => address.to_owned(),
        _ if address.starts_with(':') => format!("http://127.0.0.1{address}"),
        _ => format!("http://{address}"),
    };
    let mut url =
        Url::parse(&full).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())?;
    let base = url.path().trim_end_matches('/').trim_end_matches(page);
    let path = format!("{base}{page}");
    url.set_path(&path);
    url.set_query(None);
    url.set_fragment(None);
    Some(url)
}

/// The URL as it is shown, without user and password.
fn without_user(url: &Url) -> Url {
    let mut url = url.clone();
    // Both fail only for URLs without a host.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url
}

fn excerpt(text: &str) -> String {
    let printable = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    printable.take(MOST_CHARACTERS).collect()
}

/// What to do about an answer that is none of the exporter's pages.
fn hint(status: u16, text: &str) -> &'static str {
    match status {
        401 => "it wants a login: --user NAME --password-file FILE",
        400 if text.contains("HTTPS server") => {
            "it serves TLS: --web.config.file FILE, or --address https://HOST:PORT with --ca-file FILE"
        }
        _ => HINT,
    }
}

fn client(patience: Duration, access: &WayIn) -> Result<Client, reqwest::Error> {
    // The exporter's own address is never behind a proxy.
    let direct = access.client(Client::builder().no_proxy());
    // A server that redirects is another one, and a redirected POST would become a GET.
    direct.redirect(reqwest::redirect::Policy::none()).connect_timeout(CONNECT).timeout(patience).build()
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
            let url = page(address, "/-/reload").map(|url| url.to_string());
            assert_eq!(url.as_deref(), Some("http://127.0.0.1:9440/-/reload"), "{address}");
        }
        assert_eq!(page("h/prefix/", "/-/healthy").unwrap().as_str(), "http://h/prefix/-/healthy");
        for address in ["", "ftp://h:9440", "ftp://h", "h:99999", "http://"] {
            assert!(page(address, "/-/reload").is_none(), "{address}");
        }
    }

    #[test]
    fn a_password_in_the_address_is_not_shown() {
        let url = page("http://joe:planted@h:1", "/-/reload").unwrap();
        assert_eq!(without_user(&url).as_str(), "http://h:1/-/reload");
    }
}
