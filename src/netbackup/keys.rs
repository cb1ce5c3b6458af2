//! The resource that shows a key's owner that key.

use jiff::Timestamp;

use super::listing::encode;

/// What the server says about our key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyState {
    /// It is good.
    Accepted {
        /// When it ends, where the server says so.
        expiry: Option<Timestamp>,
    },
    /// It is not.
    Rejected,
}

/// Shows the owner of a key that key, without any permission ("NetBackup API reference, /security/api-keys").
pub(super) const API_KEYS: &str = "/security/api-keys";

/// Two are enough to see whether there is only one.
pub(super) fn two_keys() -> String {
    encode(&[("page[limit]", "2")])
}
