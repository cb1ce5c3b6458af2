//! The answer to an API server, as its clients show it.

use serde::Serialize;
use serde_json::{Value, json};

use crate::config::{Violation, one_line};
use crate::source::kubernetes::ObjectName;

/// The API server drops what goes beyond 4096 characters in all, and cuts each warning at 256.
const MOST_WARNINGS: usize = 16;

/// What was decided of a question; each value is one of the label `verdict`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::AsRefStr, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
pub(super) enum Ruling {
    /// It would run, or would once what it refers to is there.
    Allowed,
    /// It can not run.
    Refused,
    /// It can not run, and an annotation lets it through.
    Overridden,
    /// Nothing that concerns the configuration, or nothing that could be judged.
    Unjudged,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AdmissionResponse {
    pub(super) ruling: Ruling,
    /// A line each.
    pub(super) warnings: Vec<String>,
    /// Why it is refused.
    pub(super) mistakes: Vec<Mistake>,
}

/// One mistake: where it is, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    place: String,
    sentence: String,
}

#[derive(Serialize)]
struct Response<'a> {
    uid: &'a str,
    allowed: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Value>,
}

impl AdmissionResponse {
    pub(super) fn new(ruling: Ruling, warnings: Vec<String>) -> Self {
        Self { ruling, warnings, mistakes: Vec::new() }
    }

    /// The review that is sent back.
    pub(super) fn review(&self, uid: &str, object: &ObjectName) -> Value {
        let is_refused = self.ruling == Ruling::Refused;
        let response = Response {
            uid,
            allowed: !is_refused,
            warnings: self.shown_warnings(),
            status: is_refused.then(|| self.status(object)),
        };
        json!({ "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response })
    }

    fn shown_warnings(&self) -> Vec<String> {
        let mut shown: Vec<_> = self.warnings.iter().take(MOST_WARNINGS).map(|line| one_line(line)).collect();
        let more = self.warnings.len() - shown.len();
        if more > 0 {
            shown.push(format!("and {more} more"));
        }
        shown
    }

    /// The reason `Invalid` has `kubectl edit` show the text again, with the causes above it; Helm and others show the
    /// message.
    fn status(&self, object: &ObjectName) -> Value {
        let lines: Vec<_> = self.mistakes.iter().map(Mistake::line).collect();
        let causes: Vec<_> = (self.mistakes.iter())
            .map(|Mistake { place, sentence }| json!({ "reason": "FieldValueInvalid", "field": place, "message": sentence }))
            .collect();
        json!({
            "status": "Failure",
            "reason": "Invalid",
            "code": 422,
            "message": format!("nbu-exporter can not run this configuration:\n{}", lines.join("\n")),
            "details": { "kind": object.kind.as_ref(), "name": object.name, "causes": causes },
        })
    }
}

impl Mistake {
    /// Of the object, in the key that holds the configuration.
    pub(super) fn of_object(key: &str, sentence: String) -> Self {
        Self { place: format!("data[{key}]"), sentence }
    }

    /// `place: sentence`.
    pub(super) fn line(&self) -> String {
        format!("{}: {}", self.place, self.sentence)
    }
}

impl From<Violation> for Mistake {
    fn from(violation: Violation) -> Self {
        let Violation { line, column, path, message } = violation;
        let place =
            if path.is_empty() { format!("{line}:{column}") } else { format!("{line}:{column}: {path}") };
        Self { place, sentence: message }
    }
}
