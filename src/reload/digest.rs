//! The digests that tell one configuration from another.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::config::Material;

/// A SHA-256 digest.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of a configuration's text; it orders the sources.
    pub fn of_text(text: &[u8]) -> Self {
        Self(Sha256::digest(text).into())
    }

    /// The digest of everything that a configuration depends on: the text, each file that it names, and the
    /// value of each variable. It decides whether anything changed.
    pub fn of_material(material: &Material, variables: &BTreeSet<String>) -> Self {
        let mut hasher = Sha256::new();
        let mut part = |tag: u8, bytes: &[u8]| {
            // The length keeps neighbours apart: ("ab", "c") is not ("a", "bc").
            hasher.update([tag]);
            hasher.update((bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        part(b't', &material.text);
        for (path, content) in &material.files {
            part(b'p', path.as_os_str().as_encoded_bytes());
            match content {
                Ok(bytes) => part(b'f', bytes),
                Err(problem) => part(b'e', problem.to_string().as_bytes()),
            }
        }
        for name in variables {
            part(b'n', name.as_bytes());
            match material.environment.get(name) {
                Some(value) => part(b'v', value.as_bytes()),
                None => part(b'u', b""),
            }
        }
        Self(hasher.finalize().into())
    }

    /// The first 48 bits: what a float sample holds exactly.
    pub fn as_sample(&self) -> f64 {
        self.0.iter().take(6).fold(0, |bits, byte| (bits << 8) | u64::from(*byte)) as f64
    }

    /// The first 12 hexadecimal digits, which are the 48 bits of [`Digest::as_sample`].
    pub fn short(&self) -> String {
        let mut text = self.to_string();
        text.truncate(12);
        text
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

impl TryFrom<String> for Digest {
    type Error = &'static str;

    /// Reads what `Display` writes.
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let digits = text.chars().map(|digit| digit.to_digit(16)).collect::<Option<Vec<_>>>();
        let (pairs, rest) = digits.as_deref().unwrap_or_default().as_chunks::<2>();
        let bytes: Vec<u8> =
            pairs.iter().filter_map(|[high, low]| u8::try_from(high * 16 + low).ok()).collect();
        match (bytes.try_into(), rest) {
            (Ok(bytes), []) => Ok(Self(bytes)),
            _ => Err("no SHA-256 digest in hexadecimal digits"),
        }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.short())
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::config::FileProblem;

    fn material(text: &str, file: Result<&str, &str>) -> Material {
        let content = file.map(|bytes| bytes.as_bytes().to_vec()).map_err(|why| FileProblem(why.to_owned()));
        Material {
            text: text.as_bytes().to_vec(),
            files: [(PathBuf::from("/key"), content)].into(),
            ..Material::default()
        }
    }

    #[test]
    fn a_referenced_file_changes_the_material_and_not_the_text() {
        let (old, new) = (material("a", Ok("k1")), material("a", Ok("k2")));
        let none = BTreeSet::new();
        assert_eq!(Digest::of_text(&old.text), Digest::of_text(&new.text));
        assert_ne!(Digest::of_material(&old, &none), Digest::of_material(&new, &none));
        assert_ne!(
            Digest::of_material(&old, &none),
            Digest::of_material(&material("a", Err("missing")), &none)
        );
    }

    #[test]
    fn only_variables_that_the_text_names_count() {
        let mut with = material("a", Ok("k"));
        with.environment.dotenv.insert("KEY".to_owned(), "1".to_owned());
        let without = material("a", Ok("k"));
        let (none, named) = (BTreeSet::new(), BTreeSet::from(["KEY".to_owned()]));
        assert_eq!(Digest::of_material(&with, &none), Digest::of_material(&without, &none));
        assert_ne!(Digest::of_material(&with, &named), Digest::of_material(&without, &named));
    }

    #[test]
    fn a_digest_is_read_back() {
        let digest = Digest::of_text(b"text");
        assert_eq!(Digest::try_from(digest.to_string()), Ok(digest));
        for text in ["", "00", &"+0".repeat(32), &"é".repeat(32), &"00".repeat(33)] {
            assert!(Digest::try_from(text.to_owned()).is_err(), "{text}");
        }
    }

    #[test]
    fn the_sample_is_the_hexadecimal_short_form() {
        let digest = Digest::of_text(b"text");
        let expected = u64::from_str_radix(&digest.short(), 16).unwrap() as f64;
        assert!((digest.as_sample() - expected).abs() < f64::EPSILON);
    }
}
