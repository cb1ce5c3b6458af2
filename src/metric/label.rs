//! The bounds of label values and label sets.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// The longest value of a label, in bytes: NetBackup's own names have 255 at most.
pub(super) const LONGEST: usize = 256;
/// The most label sets of one family of one site. More series of one family are of no use in Prometheus.
pub(crate) const MOST_LABEL_SETS: usize = 10_000;

/// A label's value as it is served: one that is too long is cut, and a digest of the whole keeps it apart from others.
pub(crate) fn label_value(value: &str) -> Cow<'_, str> {
    if value.len() <= LONGEST {
        return Cow::Borrowed(value);
    }
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    let digest = format!("…{:08x}", hasher.finish() >> 32);
    let head = value.get(..value.floor_char_boundary(LONGEST - digest.len())).unwrap_or_default();
    Cow::Owned(head.to_owned() + &digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_is_too_long_is_cut_between_characters_and_stays_apart_from_others() {
        let long = |end: &str| "é".repeat(1 << 20) + end;
        let (one, other) = (long("1"), long("2"));
        let cut = label_value(&one);
        assert!(cut.len() <= LONGEST && cut.starts_with("éé"), "{cut}");
        assert_ne!(cut, label_value(&other));
        assert_eq!(cut, label_value(&one));
        let fits = "x".repeat(LONGEST);
        assert_eq!(label_value(&fits), fits);
    }
}
