//! How a state looks.

use maud::{Markup, html};

use crate::status::Severity;

/// A sign beside the word, so that nothing depends on colours.
pub(super) fn state(severity: Severity, word: &str) -> Markup {
    let sign = match severity {
        Severity::Bad => "✖",
        Severity::Warning => "▲",
        Severity::Unknown => "○",
        Severity::Good => "●",
    };
    html! { span class={ "state " (class(severity)) } { span aria-hidden="true" { (sign) } " " (word) } }
}

/// The class that has its colour.
pub(super) fn class(severity: Severity) -> &'static str {
    match severity {
        Severity::Bad => "bad",
        Severity::Warning => "warn",
        Severity::Unknown => "dim",
        Severity::Good => "good",
    }
}
