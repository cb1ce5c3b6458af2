//! Which of the text formats a scraper wants (RFC 9110 §12.5.1).

use axum::http::{HeaderMap, header};

use super::weight::weight;
use crate::metric::TextFormat;

/// OpenMetrics for who names its version 1.0.0 and prefers that, as Prometheus does; 0.0.4 for everybody else.
pub(super) fn wanted(headers: &HeaderMap) -> TextFormat {
    let (mut open_metrics, mut text) = (0, 0);
    for value in headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()) {
        for range in value.split(',') {
            let mut parameters = range.split(';').map(str::trim);
            let kind = parameters.next().unwrap_or_default().to_ascii_lowercase();
            let mut version = None;
            let mut preference = 1000;
            for parameter in parameters {
                match parameter.split_once('=') {
                    Some((name, value)) if name.eq_ignore_ascii_case("version") => {
                        version = Some(value.trim_matches('"'));
                    }
                    Some((name, _)) if name.eq_ignore_ascii_case("q") => preference = weight(parameter),
                    _ => {}
                }
            }
            match (kind.as_str(), version) {
                ("application/openmetrics-text", None | Some("1.0.0")) => {
                    open_metrics = open_metrics.max(preference);
                }
                ("text/plain", None | Some("0.0.4")) | ("text/*" | "*/*", None) => {
                    text = text.max(preference);
                }
                _ => {}
            }
        }
    }
    if open_metrics > text { TextFormat::OpenMetrics } else { TextFormat::Prometheus }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(accept: &[&str], expected: TextFormat) {
        let mut headers = HeaderMap::new();
        for value in accept {
            headers.append(header::ACCEPT, value.parse().unwrap());
        }
        assert_eq!(wanted(&headers), expected, "{accept:?}");
    }

    #[test]
    fn openmetrics_is_for_who_names_its_version_and_prefers_it() {
        for accept in [
            // Prometheus 3, 2.49 and 2.42 with what they are by default.
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,\
             text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
            "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            "application/openmetrics-text",
            "Application/OpenMetrics-Text; Version=\"1.0.0\"; charset=utf-8",
        ] {
            check(&[accept], TextFormat::OpenMetrics);
        }
        check(&["text/plain;q=0.1", "application/openmetrics-text;q=0.2"], TextFormat::OpenMetrics);
    }

    #[test]
    fn everybody_else_gets_the_older_format() {
        for accept in [
            "",
            "*/*",
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            // Prometheus with `scrape_protocols: [PrometheusText0.0.4]`.
            "text/plain;version=0.0.4;q=0.5,*/*;q=0.4",
            "application/openmetrics-text;version=0.0.1",
            "application/openmetrics-text;version=2.0.0",
            "application/openmetrics-text;version=1.0.0;q=0",
            "application/openmetrics-text;version=1.0.0;q=0.3,text/plain;version=0.0.4;q=0.5",
            "application/openmetrics-text, text/plain",
        ] {
            check(&[accept], TextFormat::Prometheus);
        }
        check(&[], TextFormat::Prometheus);
    }
}
