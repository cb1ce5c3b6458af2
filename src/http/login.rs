//! Basic authentication: bcrypt away from the async threads, its results remembered, unknown names as slow as known ones.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::http::HeaderValue;
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use zeroize::Zeroizing;

use crate::config::PasswordHash;

/// As many as the toolkit remembers.
const MOST_REMEMBERED: usize = 100;

/// Who may log in, and what was found already.
pub(super) struct Login {
    users: BTreeMap<String, PasswordHash>,
    /// What an unknown name is checked against: as slow as the slowest of the known, so that the time tells nothing.
    decoy: PasswordHash,
    /// Results by a digest with a salt of this process: no password is kept.
    remembered: Mutex<HashMap<[u8; 32], bool>>,
    salt: [u8; 32],
    /// One check at a time: each takes a whole processor.
    turn: Semaphore,
}

/// What a client says of itself.
struct Credentials {
    name: String,
    password: Zeroizing<Vec<u8>>,
}

impl Login {
    /// `None` where nobody has to log in.
    pub(super) fn of(users: &BTreeMap<String, PasswordHash>) -> Option<Self> {
        let slowest = users.values().max_by_key(|hash| hash.cost())?;
        Some(Self {
            users: users.clone(),
            decoy: slowest.clone(),
            remembered: Mutex::default(),
            salt: std::array::from_fn(|_| fastrand::u8(..)),
            turn: Semaphore::new(1),
        })
    }

    /// Whether these are its users.
    pub(super) fn is_of(&self, users: &BTreeMap<String, PasswordHash>) -> bool {
        self.users == *users
    }

    /// Whether whoever sends this header may ask.
    pub(super) async fn admits(&self, header: Option<&HeaderValue>) -> bool {
        let Some(credentials) = header.and_then(Credentials::of) else { return false };
        let digest = self.digest(&credentials);
        if let Some(known) = self.remembered().get(&digest) {
            return *known;
        }
        // Whoever had to wait for its turn may find that another request has brought the result.
        let Ok(turn) = self.turn.acquire().await else { return false };
        if let Some(known) = self.remembered().get(&digest) {
            return *known;
        }
        let known = self.users.get(&credentials.name);
        let (hash, is_known) = (known.unwrap_or(&self.decoy).clone(), known.is_some());
        let fits = spawn_blocking(move || hash.fits(&credentials.password)).await.unwrap_or(false);
        drop(turn);
        let is_admitted = fits && is_known;
        self.remember(digest, is_admitted);
        is_admitted
    }

    fn digest(&self, credentials: &Credentials) -> [u8; 32] {
        let mut hasher = Sha256::new();
        hasher.update(self.salt);
        // A name has no colon, so no two pairs are one text.
        hasher.update(&credentials.name);
        hasher.update(b":");
        hasher.update(&*credentials.password);
        hasher.finalize().into()
    }

    fn remember(&self, digest: [u8; 32], is_admitted: bool) {
        let mut remembered = self.remembered();
        while remembered.len() >= MOST_REMEMBERED {
            let index = fastrand::usize(..remembered.len());
            let Some(victim) = remembered.keys().nth(index).copied() else { break };
            remembered.remove(&victim);
        }
        remembered.insert(digest, is_admitted);
    }

    fn remembered(&self) -> MutexGuard<'_, HashMap<[u8; 32], bool>> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Credentials {
    /// As Go's `Request.BasicAuth` reads it.
    fn of(header: &HeaderValue) -> Option<Self> {
        let bytes = header.as_bytes();
        let (scheme, encoded) = bytes.split_at_checked(6)?;
        if !scheme.eq_ignore_ascii_case(b"basic ") {
            return None;
        }
        let decoded = Zeroizing::new(base64(encoded)?);
        let colon = decoded.iter().position(|byte| *byte == b':')?;
        let (name, password) = decoded.split_at_checked(colon)?;
        let name = String::from_utf8(name.to_vec()).ok()?;
        Some(Self { name, password: Zeroizing::new(password.get(1..)?.to_vec()) })
    }
}

/// The standard alphabet with padding.
fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let padding = text.iter().rev().take_while(|byte| **byte == b'=').count();
    if !text.len().is_multiple_of(4) || padding > 2 {
        return None;
    }
    let digits = text.get(..text.len() - padding)?;
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut held, mut count) = (0_u32, 0);
    for digit in digits {
        let six = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        held = (held << 6 | u32::from(six)) & 0xffff;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(held >> count & 0xff).ok()?);
        }
    }
    Some(bytes)
}

impl fmt::Debug for Login {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Login({} users)", self.users.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first is of `hello`.
    const HASHES: [(&str, &str); 2] = [
        ("alice", "$2y$04$cwBejUdzIB.77g2Xg0scnOrrFV0KsVKTlADiWfDXU0gjdyUvNHbUa"),
        ("bob", "$2a$05$cwBejUdzIB.77g2Xg0scnOrrFV0KsVKTlADiWfDXU0gjdyUvNHbUa"),
    ];

    fn login() -> Login {
        let users = HASHES.map(|(name, hash)| (name.to_owned(), PasswordHash::parse(hash).unwrap()));
        Login::of(&users.into()).unwrap()
    }

    fn header(text: &str) -> HeaderValue {
        HeaderValue::from_str(text).unwrap()
    }

    #[test]
    fn a_header_is_read_as_go_reads_it() {
        let read = |text: &str| {
            let credentials = Credentials::of(&header(text))?;
            Some(format!("{} {}", credentials.name, String::from_utf8_lossy(&credentials.password)))
        };
        assert_eq!(read("Basic YWxpY2U6aGVsbG8=").as_deref(), Some("alice hello"));
        assert_eq!(read("bASIC YWxpY2U6").as_deref(), Some("alice "));
        assert_eq!(read("Basic YTpiOmM=").as_deref(), Some("a b:c"));
        for wrong in
            ["", "Basic", "Basic ", "Bearer YWxpY2U6", "Basic YWxpY2U", "Basic YW!pY2U6", "Basic YWxpY2U="]
        {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[tokio::test]
    async fn only_the_right_password_is_admitted_and_each_is_checked_once() {
        let login = login();
        // alice:hello, alice:hellO, carol:hello
        for (text, expected) in [
            ("Basic YWxpY2U6aGVsbG8=", true),
            ("Basic YWxpY2U6aGVsbE8=", false),
            ("Basic Y2Fyb2w6aGVsbG8=", false),
        ] {
            for _ in 0..2 {
                assert_eq!(login.admits(Some(&header(text))).await, expected, "{text}");
            }
        }
        assert_eq!(login.remembered().len(), 3);
        assert!(!login.admits(None).await);
    }

    #[test]
    fn an_unknown_name_takes_as_long_as_the_slowest_known_one() {
        assert_eq!(login().decoy.cost(), 5);
    }

    #[test]
    fn what_is_remembered_has_a_bound_and_no_password() {
        let login = login();
        for number in 0..1_000_u32 {
            let mut digest = [0; 32];
            digest[..4].copy_from_slice(&number.to_le_bytes());
            login.remember(digest, false);
        }
        assert_eq!(login.remembered().len(), MOST_REMEMBERED);
        assert_eq!(format!("{login:?}"), "Login(2 users)");
    }
}
