//! The start page: what runs, at a glance.

use std::fmt::{self, Display, Write as _};
use std::sync::Arc;

use axum::extract;
use axum::http::header;
use axum::response::{Html, IntoResponse};
use jiff::Timestamp;

use super::State;
use crate::config::Site;
use crate::reload::{ActiveConfig, ReloadStatus};
use crate::snapshot::{Snapshot, Snapshots};

/// The browser runs no script and requests nothing, whatever a hostile name in the page asks for.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const STYLE: &str = "\
:root{color-scheme:light dark}\
body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}\
.wide{overflow-x:auto}\
table{border-collapse:collapse;width:100%}\
th,td{text-align:left;padding:.3rem .8rem .3rem 0;border-bottom:1px solid #8886;overflow-wrap:anywhere}\
dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem}dd{margin:0;overflow-wrap:anywhere}\
.rejected{border:2px solid #c33;border-radius:.4rem;padding:.2rem 1rem;margin:1rem 0}\
pre{white-space:pre-wrap;overflow-wrap:anywhere}";

/// What runs, at a glance.
pub(super) async fn index(extract::State(state): extract::State<Arc<State>>) -> impl IntoResponse {
    let (active, status) = (state.config.load(), state.status.load());
    let page = IndexPage {
        state: &state,
        active: active.as_deref(),
        status: &status,
        snapshots: &state.exposition.store().load(),
        now: Timestamp::now(),
    };
    let headers = [(header::CONTENT_SECURITY_POLICY, POLICY), (header::CACHE_CONTROL, "no-store")];
    (headers, Html(page.to_string()))
}

struct IndexPage<'a> {
    state: &'a State,
    active: Option<&'a ActiveConfig>,
    status: &'a ReloadStatus,
    snapshots: &'a Snapshots,
    now: Timestamp,
}

impl Display for IndexPage<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
             <title>nbu-exporter</title><style>{STYLE}</style></head>\n<body><main>\
             <h1>nbu-exporter {}</h1>\n",
            Escaped(self.state.build.version)
        )?;
        self.rejection(out)?;
        self.links(out)?;
        self.configuration(out)?;
        self.sites(out)?;
        out.write_str("</main></body></html>\n")
    }
}

impl IndexPage<'_> {
    fn links(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("<ul>\n")?;
        let metrics = (self.state.metrics_path(self.active), "metrics");
        let rest = [
            ("/config", "the running configuration, secrets masked"),
            ("/-/ready?verbose", "readiness, check by check"),
            ("/-/healthy", "liveness"),
            ("/health", "whether NetBackup answers"),
        ];
        for (path, what) in [metrics].into_iter().chain(rest) {
            writeln!(out, "<li><a href=\"{0}\">{0}</a>: {what}</li>", Escaped(path))?;
        }
        out.write_str("<li><code>POST /-/reload</code>: read the configuration now</li>\n</ul>\n")
    }

    fn rejection(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((when, verdict)) = &self.status.rejection else { return Ok(()) };
        let runs = match self.active {
            None => "Nothing is collected until it is mended.",
            Some(active) if active.config.lacking.is_empty() => "The last good one runs on.",
            Some(_) => "It runs without the sites that lack something.",
        };
        writeln!(
            out,
            "<section class=\"rejected\" role=\"alert\"><h2>✖ The newest configuration is rejected</h2>\
             <p>{runs} Rejected {}:</p><pre>{}</pre></section>",
            Ago(*when, self.now),
            Escaped(&verdict.detail)
        )
    }

    fn configuration(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("<h2>Configuration</h2>\n<dl>")?;
        if let Some(active) = self.active {
            self.origin(out, active)?;
        } else {
            out.write_str("<dt>Origin</dt><dd>none</dd>")?;
        }
        write!(out, "<dt>Process started</dt><dd>{}</dd>", Ago(self.state.started, self.now))?;
        for warning in self.active.iter().flat_map(|active| &active.warnings) {
            write!(out, "<dt>Warning</dt><dd>{}</dd>", Escaped(warning))?;
        }
        out.write_str("</dl>\n")
    }

    fn origin(&self, out: &mut fmt::Formatter<'_>, active: &ActiveConfig) -> fmt::Result {
        write!(out, "<dt>Origin</dt><dd>{}</dd>", Escaped(&active.origin))?;
        if let Some(version) = &active.resource_version {
            write!(out, "<dt>Resource version</dt><dd>{}</dd>", Escaped(version))?;
        }
        write!(out, "<dt>Hash</dt><dd><code>{}</code></dd>", active.text_digest.short())?;
        write!(out, "<dt>Loaded</dt><dd>{}</dd>", Ago(active.loaded_at, self.now))
    }

    fn sites(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sites, lacking) = match self.active {
            Some(active) => (active.config.sites.as_slice(), active.config.lacking.as_slice()),
            None => Default::default(),
        };
        let count = sites.len() + lacking.len();
        writeln!(out, "<h2>Sites ({count})</h2>")?;
        if count == 0 {
            return out.write_str("<p>None is configured.</p>\n");
        }
        out.write_str(
            "<div class=\"wide\"><table><thead><tr><th scope=\"col\">Site</th><th scope=\"col\">Endpoint</th>\
             <th scope=\"col\">State</th><th scope=\"col\">Last poll</th></tr></thead>\n<tbody>",
        )?;
        for site in sites {
            self.site(out, site)?;
        }
        for site in lacking {
            let endpoint = site.endpoint.as_ref().map(ToString::to_string).unwrap_or_default();
            writeln!(
                out,
                "<tr><td>{}</td><td>{}</td><td>✖ down: {}</td><td>none</td></tr>",
                Escaped(&site.name),
                Escaped(&endpoint),
                Escaped(&site.why)
            )?;
        }
        out.write_str("</tbody></table></div>\n")
    }

    fn site(&self, out: &mut fmt::Formatter<'_>, site: &Site) -> fmt::Result {
        let snapshot = self.snapshots.sites.get(&site.id).map(AsRef::<Snapshot>::as_ref);
        // A sign beside the word, so that nothing depends on colours.
        let state = match snapshot.and_then(|snapshot| snapshot.up) {
            Some(true) => "● up",
            Some(false) => "✖ down",
            None => "○ not known yet",
        };
        let endpoint = site.endpoint.to_string();
        write!(out, "<tr><td>{}</td><td>{}</td><td>{state}", Escaped(&site.name), Escaped(&endpoint))?;
        if let Some(snapshot) = snapshot.filter(|snapshot| !snapshot.unauthorized.is_empty()) {
            let collectors = snapshot.unauthorized.join(", ");
            write!(out, ", ✖ the key lacks permissions: {}", Escaped(&collectors))?;
        }
        out.write_str("</td><td>")?;
        match snapshot {
            Some(snapshot) => write!(out, "{}", Ago(snapshot.taken_at, self.now))?,
            None => out.write_str("none")?,
        }
        out.write_str("</td></tr>\n")
    }
}

/// Text without markup, for an element or a quoted attribute.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => out.write_str("&amp;")?,
                '<' => out.write_str("&lt;")?,
                '>' => out.write_str("&gt;")?,
                '"' => out.write_str("&quot;")?,
                '\'' => out.write_str("&#39;")?,
                other => out.write_char(other)?,
            }
        }
        Ok(())
    }
}

/// How long before the second time the first one was.
struct Ago(Timestamp, Timestamp);

impl Display for Ago {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.1.as_second().saturating_sub(self.0.as_second()).max(0);
        let (number, unit) = match seconds {
            0..120 => (seconds, "s"),
            120..7200 => (seconds / 60, "min"),
            7200..172_800 => (seconds / 3600, "h"),
            _ => (seconds / 86_400, "d"),
        };
        write!(out, "<time datetime=\"{0:.0}\" title=\"{0:.0}\">{number} {unit} ago</time>", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_a_name_stays_text() {
        assert_eq!(Escaped("<b a='1' c=\"2\">&").to_string(), "&lt;b a=&#39;1&#39; c=&quot;2&quot;&gt;&amp;");
    }

    fn check(seconds: i64, expected: &str) {
        let then = Timestamp::UNIX_EPOCH;
        let text = Ago(then, Timestamp::from_second(seconds).unwrap()).to_string();
        assert!(text.contains(&format!(">{expected} ago<")), "{text}");
        assert!(text.contains("datetime=\"1970-01-01T00:00:00Z\""), "{text}");
    }

    #[test]
    fn an_age_is_said_in_a_unit_that_fits() {
        check(-5, "0 s");
        check(119, "119 s");
        check(120, "2 min");
        check(7_200, "2 h");
        check(172_800, "2 d");
    }
}
