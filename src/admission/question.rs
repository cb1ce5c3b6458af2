//! The question of an API server whether an object may be written (`admission.k8s.io/v1`).

use serde::Deserialize;
use serde_json::value::RawValue;

const VERSION: &str = "admission.k8s.io/v1";

/// Only what is asked of it; the objects are read where they are judged. They may hold keys, so it has no `Debug`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AdmissionRequest<'a> {
    /// The answer repeats it.
    pub(super) uid: String,
    pub(super) kind: AskedKind,
    /// Empty where the API server makes the name.
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) namespace: String,
    pub(super) operation: Operation,
    #[serde(default)]
    pub(super) user_info: Asker,
    /// What is about to be written.
    #[serde(borrow)]
    pub(super) object: Option<&'a RawValue>,
    /// What is there, of an update.
    #[serde(borrow)]
    pub(super) old_object: Option<&'a RawValue>,
    /// Whether nothing is written in the end.
    #[serde(default)]
    pub(super) dry_run: Option<bool>,
}

#[derive(Deserialize)]
pub(super) struct AskedKind {
    pub(super) kind: String,
}

/// Who wants to write.
#[derive(Default, Deserialize)]
pub(super) struct Asker {
    #[serde(default)]
    pub(super) username: String,
}

/// What is to be done with the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Operation {
    Create,
    Update,
    /// Nothing that could bring a configuration.
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AdmissionReview<'a> {
    api_version: String,
    kind: String,
    #[serde(borrow)]
    request: Option<AdmissionRequest<'a>>,
}

impl<'a> AdmissionRequest<'a> {
    /// The question of a review; what is wrong otherwise, in a sentence that shows nothing of it.
    pub(super) fn read(body: &'a [u8]) -> Result<Self, String> {
        let review: AdmissionReview<'_> = serde_json::from_slice(body).map_err(|error| {
            format!(
                "no AdmissionReview can be read from the body (line {}, column {})",
                error.line(),
                error.column()
            )
        })?;
        if (review.api_version.as_str(), review.kind.as_str()) != (VERSION, "AdmissionReview") {
            return Err(format!("the body is no AdmissionReview of {VERSION}"));
        }
        review.request.ok_or_else(|| "the AdmissionReview has no request".to_owned())
    }

    pub(super) fn is_dry_run(&self) -> bool {
        self.dry_run.unwrap_or(false)
    }
}
