//! A line of the log: an event with the fields of its spans, as logfmt or JSON.

use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// Writes each event to standard error.
///
/// The libraries' formatters store the fields of a span as text in their own format, and panic on a span that began
/// under the other one. Here the format changes while spans live, so the fields are kept as values.
#[derive(Debug)]
pub(super) struct Lines {
    /// Whether a line is JSON, and not logfmt.
    pub(super) is_json: Arc<AtomicBool>,
}

/// The fields of an event or a span, in their order.
#[derive(Debug, Default)]
struct Fields(Vec<(&'static str, Value)>);

impl Fields {
    fn put(&mut self, key: &'static str, value: Value) {
        // Records of the crate `log` have these; they say where in a library the line comes from.
        if !key.starts_with("log.") {
            self.0.push((key, value));
        }
    }

    /// Adds the fields of a span; a key that is there already keeps its value.
    fn extend(&mut self, span: &Self) {
        for (key, value) in &span.0 {
            if !self.0.iter().any(|(known, _)| known == key) {
                self.0.push((key, value.clone()));
            }
        }
    }

    fn logfmt(&self, now: Timestamp, level: Level) -> String {
        let mut line = format!("ts={now:.6} level={}", level.as_str().to_ascii_lowercase());
        for (key, value) in &self.0 {
            // Writing to a `String` can not fail.
            let _ = match value {
                Value::String(text) if text.chars().any(|ch| ch <= ' ' || matches!(ch, '=' | '"')) => {
                    write!(line, " {key}=\"{}\"", text.escape_debug())
                }
                Value::String(text) => write!(line, " {key}={text}"),
                other => write!(line, " {key}={other}"),
            };
        }
        line
    }

    fn json(&self, now: Timestamp, level: Level) -> String {
        let mut line = format!("{{\"timestamp\":\"{now:.6}\",\"level\":\"{level}\"");
        for (key, value) in &self.0 {
            let _ = write!(line, ",\"{key}\":{value}");
        }
        line + "}"
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field.name(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field.name(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field.name(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field.name(), value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field.name(), value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field.name(), format!("{value:?}").into());
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Lines {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        for span in
            context.event_scope(event).into_iter().flat_map(tracing_subscriber::registry::Scope::from_root)
        {
            if let Some(more) = span.extensions().get::<Fields>() {
                fields.extend(more);
            }
        }
        let (now, level) = (Timestamp::now(), *event.metadata().level());
        let is_json = self.is_json.load(Ordering::Relaxed);
        let line = if is_json { fields.json(now, level) } else { fields.logfmt(now, level) };
        // Where standard error is gone, nobody can be told so.
        let _ = std::io::stderr().lock().write_all((line + "\n").as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(fields: &[(&'static str, Value)], logfmt: &str, json: &str) {
        let fields = Fields(fields.to_vec());
        let now = Timestamp::UNIX_EPOCH;
        let head = "ts=1970-01-01T00:00:00.000000Z level=warn";
        assert_eq!(fields.logfmt(now, Level::WARN), format!("{head}{logfmt}"));
        let head = r#"{"timestamp":"1970-01-01T00:00:00.000000Z","level":"WARN""#;
        assert_eq!(fields.json(now, Level::WARN), format!("{head}{json}}}"));
    }

    #[test]
    fn a_value_is_quoted_where_it_has_to_be_and_a_line_stays_one_line() {
        check(&[], "", "");
        check(
            &[("message", "It failed".into()), ("site", "paris".into()), ("records", 7.into())],
            r#" message="It failed" site=paris records=7"#,
            r#","message":"It failed","site":"paris","records":7"#,
        );
        check(
            &[("error", "two\nlines".into()), ("note", "say \"no\"".into()), ("pair", "a=b".into())],
            r#" error="two\nlines" note="say \"no\"" pair="a=b""#,
            r#","error":"two\nlines","note":"say \"no\"","pair":"a=b""#,
        );
        check(
            &[("pause", 0.5.into()), ("whole", true.into())],
            " pause=0.5 whole=true",
            r#","pause":0.5,"whole":true"#,
        );
    }

    #[test]
    fn a_span_adds_what_the_event_does_not_say_itself() {
        let mut fields = Fields(vec![("site", "lyon".into())]);
        fields.extend(&Fields(vec![("site", "paris".into()), ("collector", "jobs".into())]));
        assert_eq!(fields.0, [("site", "lyon".into()), ("collector", "jobs".into())]);
    }
}
