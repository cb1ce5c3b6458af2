//! The resource that shows a key's owner that key.

use jiff::Timestamp;

use super::field::{Field, Time};
use super::listing::encode;
use super::page::{DecodeError, decode};

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

/// When the key ends. A role that may see the keys of others gets several, and nothing tells which one is ours.
pub(super) fn only_expiry(text: &str) -> Result<Option<Timestamp>, DecodeError> {
    #[derive(serde::Deserialize)]
    struct ApiKey {
        #[serde(default)]
        attributes: Option<ApiKeyAttributes>,
    }
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct ApiKeyAttributes {
        #[serde(default)]
        expiry_date_time: Field<Time>,
    }

    let keys = decode::<ApiKey>(text)?.records;
    let [ApiKey { attributes: Some(attributes) }] = keys.as_slice() else { return Ok(None) };
    let second = attributes.expiry_date_time.second(&mut 0);
    Ok(second.and_then(|second| Timestamp::from_second(second).ok()))
}
