//! A password's bcrypt hash, in the form that Go's `bcrypt` takes.

use std::fmt;

use zeroize::Zeroizing;

/// `$2y$10$`, 22 characters of salt and 31 of hash; the minor version may be missing.
const SHORTEST: usize = 59;
const LONGEST_PASSWORD: usize = 72;
const SALT: usize = 22;
const HASH: usize = 31;
const COSTS: std::ops::RangeInclusive<u32> = 4..=31;
const ALPHABET: &[u8; 64] = b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// The hash of a password.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct PasswordHash {
    cost: u32,
    /// The salt, and the hash as it is written; `None` where no password can have it.
    parts: Option<([u8; 16], [u8; HASH])>,
}

/// Why a text is no bcrypt hash. It holds nothing of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HashProblem {
    /// It is too short or begins otherwise.
    #[error(
        "must be a bcrypt hash, such as `htpasswd -nBC 10 NAME` makes: it begins with $2y$ and has 60 characters"
    )]
    Form,
    /// The cost is not there or out of range.
    #[error("must be a bcrypt hash with a cost from 04 to 31")]
    Cost,
}

impl PasswordHash {
    /// Takes what `bcrypt.Cost` of Go takes.
    pub(crate) fn parse(text: &str) -> Result<Self, HashProblem> {
        let bytes = text.as_bytes();
        let rest = match bytes {
            _ if bytes.len() < SHORTEST => return Err(HashProblem::Form),
            [b'$', major, b'$', rest @ ..] | [b'$', major, _, _, rest @ ..] if *major <= b'2' => rest,
            _ => return Err(HashProblem::Form),
        };
        let cost =
            rest.get(..2).and_then(|cost| std::str::from_utf8(cost).ok()).and_then(|cost| cost.parse().ok());
        let cost = cost.filter(|cost| COSTS.contains(cost)).ok_or(HashProblem::Cost)?;
        Ok(Self { cost, parts: parts(rest) })
    }

    /// How many doublings of work one check takes.
    pub(crate) fn cost(&self) -> u32 {
        self.cost
    }

    /// Whether this is the password. It takes a whole processor for as long as the cost says.
    pub(crate) fn fits(&self, password: &[u8]) -> bool {
        let Some((salt, hash)) = &self.parts else { return false };
        // As C does it: with the NUL at the end, and no more than 72 bytes.
        let mut key = Zeroizing::new([password, &[0]].concat());
        key.truncate(LONGEST_PASSWORD);
        let found = written(&bcrypt::bcrypt(self.cost, *salt, &key));
        // Whoever measures the time learns nothing.
        found.iter().zip(hash).fold(0, |different, (found, known)| different | (found ^ known)) == 0
    }

    /// Whether there may be a password that it is the hash of.
    pub(super) fn is_whole(&self) -> bool {
        self.parts.is_some()
    }
}

fn parts(rest: &[u8]) -> Option<([u8; 16], [u8; HASH])> {
    // Two digits of cost and a dollar sign.
    let (salt, hash) = rest.get(3..)?.split_at_checked(SALT)?;
    let mut bits = salt.iter().map(|byte| ALPHABET.iter().position(|known| known == byte));
    let mut bytes = Vec::with_capacity(SALT);
    let (mut held, mut count) = (0_usize, 0_u32);
    bits.try_for_each(|six| {
        held = (held << 6 | six?) & 0xffff;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(held >> count & 0xff).ok()?);
        }
        Some(())
    })?;
    Some((bytes.try_into().ok()?, hash.get(..HASH)?.try_into().ok()?))
}

/// The hash as it is written: bcrypt leaves out its last byte.
fn written(hash: &[u8; 24]) -> [u8; HASH] {
    let digit = |index: usize| {
        let bit = index * 6;
        let byte = |at: usize| u16::from(hash.get(at).copied().filter(|_| at < 23).unwrap_or(0));
        let two = byte(bit / 8) << 8 | byte(bit / 8 + 1);
        let six = two >> (10 - bit % 8) & 0x3f;
        ALPHABET.get(usize::from(six)).copied().unwrap_or_default()
    };
    std::array::from_fn(digit)
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "PasswordHash(cost {})", self.cost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Go's bcrypt says of these, made and checked by `golang.org/x/crypto/bcrypt` (`tests/go/webconfig/passwords`).
    #[test]
    fn passwords_fit_as_they_do_in_go() {
        let table = include_str!("../../../tests/go/webconfig/passwords.tsv");
        let mut seen = [0, 0];
        for line in table.lines() {
            let [password, hash, verdict] = line.split('\t').collect::<Vec<_>>().try_into().unwrap();
            let password: String = serde_json::from_str(password).unwrap();
            let fits = PasswordHash::parse(hash).unwrap().fits(password.as_bytes());
            assert_eq!(fits, verdict == "fits", "{line}");
            seen[usize::from(fits)] += 1;
        }
        assert!(seen.iter().all(|count| *count > 4), "{seen:?}");
    }
}
