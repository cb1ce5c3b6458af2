//! Which texts each kind of scalar accepts.

use super::super::number::{BoundedCount, Number};
use super::*;

/// Texts that a value takes.
pub(in super::super) fn accepted<T: Scalar>(texts: &[&str]) {
    for text in texts {
        assert!(T::parse(text).is_some(), "{text:?} must be {}", T::wants());
    }
}

/// Texts that it does not.
pub(in super::super) fn refused<T: Scalar>(texts: &[&str]) {
    for text in texts {
        assert!(T::parse(text).is_none(), "{text:?} is not {}", T::wants());
    }
}

#[test]
fn pins_have_64_digits() {
    let (plain, colons) = ("0aFF".repeat(16), ["0a"; 32].join(":"));
    accepted::<CertificateDigest>(&[&plain, &colons]);
    assert_eq!(CertificateDigest::parse(&plain).unwrap().0[..2], [10, 255]);
    refused::<CertificateDigest>(&[
        &plain[..62],
        &colons[..94],
        &colons.replace("0a:0a", "0:a0a"),
        &"+a".repeat(32),
        &"é".repeat(32),
    ]);
}

#[test]
fn booleans_are_those_of_yaml_and_go() {
    accepted::<Flag>(&["true", "TRUE", "T", "1", "yes", "on", "false", "F", "0", "No", "off"]);
    refused::<Flag>(&["tRue", "2", "maybe", " true"]);
}

#[test]
fn words_are_taken_in_any_letter_case() {
    accepted::<Scheme>(&["http", "HTTPS", "Https"]);
    accepted::<LogLevel>(&["INFO", "Debug", "warn"]);
    refused::<LogLevel>(&["warning", "in fo", "ınfo"]);
    assert_eq!(any_case(&["v4", "both"]), "^([vV]4|[bB][oO][tT][hH])$");
}

#[test]
fn keys_fit_into_a_header() {
    accepted::<Secret>(&["abc", "A b~!", "x"]);
    refused::<Secret>(&["a\nb", "a\tb", "é", " a", "a ", "\u{7f}", "\u{feff}a"]);
}

#[test]
fn numbers_keep_their_bounds() {
    accepted::<BoundedCount<1, 64>>(&["1", "64"]);
    refused::<BoundedCount<1, 64>>(&["0", "65", "4294967297"]);
    accepted::<BoundedDuration<1_000, 60_000>>(&["1s", "1m", "1000ms"]);
    refused::<BoundedDuration<1_000, 60_000>>(&["999ms", "61s", "0s", "-1s", "1"]);
    refused::<Number>(&["nan", "inf", "a"]);
}
