//! The API keys that a simulated server accepts.

use std::sync::Mutex;

use sha2::{Digest, Sha256};

use super::locked;

/// The user that all accepted keys belong to.
pub(super) const USER: &str = "exporter";

/// One API key.
#[derive(Clone)]
pub(super) struct ApiKey {
    secret: String,
    /// Who it belongs to.
    pub(super) user: String,
    /// Identifies the key without revealing it; in the real product it is the key's tag.
    pub(super) fingerprint: String,
    pub(super) created: i64,
    pub(super) expires: i64,
}

/// All keys of one site; they may change while it runs.
pub(super) struct KeyRing {
    keys: Mutex<Vec<ApiKey>>,
    /// Keys of other users; nobody asks with them here.
    foreign: Mutex<Vec<ApiKey>>,
    /// How long a key is valid when nothing else is said, in milliseconds.
    validity: i64,
}

impl KeyRing {
    pub(super) fn new(secrets: &[String], now: i64, validity: i64) -> Self {
        let keys = secrets.iter().map(|secret| key(secret, now, validity)).collect();
        Self { keys: Mutex::new(keys), foreign: Mutex::default(), validity }
    }

    /// The valid key that `Authorization` carries: raw, or as bearer token.
    pub(super) fn authenticate(&self, authorization: &str, now: i64) -> Option<ApiKey> {
        let offered = bare(authorization);
        locked(&self.keys).iter().find(|key| key.secret == offered && now < key.expires).cloned()
    }

    pub(super) fn replace(&self, secrets: &[String], now: i64) {
        *locked(&self.keys) = secrets.iter().map(|secret| key(secret, now, self.validity)).collect();
    }

    pub(super) fn add(&self, secret: &str, now: i64) {
        locked(&self.keys).push(key(secret, now, self.validity));
    }

    pub(super) fn add_foreign(&self, user: &str, now: i64, expires: i64) {
        let key = ApiKey { user: user.to_owned(), expires, ..key(user, now, 0) };
        locked(&self.foreign).push(key);
    }

    /// Keys that a role sees which covers those of others, if there are such keys.
    pub(super) fn foreign(&self) -> Vec<ApiKey> {
        locked(&self.foreign).clone()
    }

    pub(super) fn remove(&self, secret: &str) {
        locked(&self.keys).retain(|key| key.secret != secret);
    }

    /// Sets the expiry of every key, in milliseconds since the Unix epoch.
    pub(super) fn expire_at(&self, time: i64) {
        for key in locked(&self.keys).iter_mut() {
            key.expires = time;
        }
    }
}

fn key(secret: &str, now: i64, validity: i64) -> ApiKey {
    ApiKey {
        secret: secret.to_owned(),
        user: USER.to_owned(),
        fingerprint: fingerprint(secret),
        created: now,
        expires: now.saturating_add(validity),
    }
}

fn bare(authorization: &str) -> &str {
    let token = authorization.trim();
    match token.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        _ => token,
    }
}

/// The first 12 hexadecimal digits of the SHA-256 of the key that an `Authorization` header carries.
pub(super) fn fingerprint(authorization: &str) -> String {
    hex(&Sha256::digest(bare(authorization))).chars().take(12).collect()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String can not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_accepted_raw_and_as_bearer_until_it_expires() {
        let ring = KeyRing::new(&["secret".into()], 0, 9);
        assert!(ring.authenticate("secret", 1).is_some());
        assert!(ring.authenticate("Bearer secret", 1).is_some());
        assert!(ring.authenticate("Basic secret", 1).is_none());
        assert!(ring.authenticate("other", 1).is_none());
        assert!(ring.authenticate("secret", 9).is_none());
    }

    #[test]
    fn keys_change_while_the_server_runs() {
        let ring = KeyRing::new(&["old".into()], 0, 9);
        ring.add("new", 0);
        ring.remove("old");
        assert!(ring.authenticate("old", 1).is_none() && ring.authenticate("new", 1).is_some());
        ring.expire_at(5);
        assert!(ring.authenticate("new", 5).is_none());
    }
}
