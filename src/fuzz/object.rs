//! What the API server sends.

use crate::admission::read_review;
use crate::source::kubernetes::{ObjectName, WrittenObject};

/// The object that holds the configuration, as either kind.
pub(super) fn configmap_and_secret(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let name = "monitoring/nbu-exporter";
    for name in [name.parse(), ObjectName::secret(name)].into_iter().flatten() {
        if let Some(Err(unusable)) = WrittenObject::read(&name, text).map(|object| object.text) {
            assert!(unusable.to_string().lines().count() == 1, "{unusable}");
        }
    }
}

/// A question of whether an object may be written.
pub(super) fn review(bytes: &[u8]) {
    if let Err(unreadable) = read_review(bytes) {
        assert!(unreadable.0.lines().count() == 1, "{unreadable}");
    }
}
