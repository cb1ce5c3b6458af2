//! The diagnosis as JSON.

use serde_json::{Value, json};

use super::{Diagnosis, MISCONFIGURED};

/// The diagnosis for programs: `exitCode`, `error` (null), `sites` and `webhook` (null where there is none).
pub(crate) fn json(diagnosis: &Diagnosis) -> Value {
    json!({"exitCode": diagnosis.exit_code(), "error": null, "sites": diagnosis.sites, "webhook": diagnosis.webhook})
}

/// The same form when there is no configuration to examine.
pub(crate) fn json_of_mistake(error: &str) -> Value {
    json!({"exitCode": MISCONFIGURED, "error": error, "sites": [], "webhook": null})
}
