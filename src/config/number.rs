//! Numbers, in the several forms in which tools write them.

use serde_json::{Value, json};

use super::decoder::Scalar;
use super::pattern;

/// No program writes longer ones.
const LONGEST_NUMBER: usize = 32;

/// A whole number between two bounds.
#[derive(Clone, Copy, Debug)]
pub(super) struct BoundedCount<const LEAST: u32, const MOST: u32>(pub(super) u32);

/// A number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Number(pub(super) f64);

impl<const LEAST: u32, const MOST: u32> Scalar for BoundedCount<LEAST, MOST> {
    fn wants() -> String {
        format!("a whole number from {LEAST} to {MOST}")
    }

    fn parse(text: &str) -> Option<Self> {
        whole_number(text).filter(|number| (LEAST..=MOST).contains(number)).map(Self)
    }

    fn schema() -> Value {
        pattern::whole_number(LEAST, MOST)
    }
}

impl Scalar for Number {
    fn wants() -> String {
        "a number".to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        let short = text.len() <= LONGEST_NUMBER && exponent(text).is_none_or(is_small_exponent);
        text.parse::<f64>().ok().filter(|number| short && number.is_finite()).map(Self)
    }

    fn schema() -> Value {
        json!({
            "type": ["number", "string"],
            "exclusiveMinimum": -1e100,
            "exclusiveMaximum": 1e100,
            "maxLength": LONGEST_NUMBER,
            "pattern": r"^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE](?:-[0-9]{1,3}|\+?[0-9]{1,2}))?$",
        })
    }
}

/// The digits of a whole number. For YAML and JSON `7`, `7.0`, and `-0` and `0`, are one number, and tools write either.
pub(super) fn whole_number(text: &str) -> Option<u32> {
    let (digits, zeros) = text.split_once('.').unwrap_or((text, ""));
    let is_zero = |digits: &str| digits.bytes().all(|byte| byte == b'0');
    let digits = digits.strip_prefix('-').filter(|digits| is_zero(digits)).unwrap_or(digits);
    let whole = is_zero(zeros) && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| whole)
}

/// What stands behind the `e` of a number.
fn exponent(text: &str) -> Option<&str> {
    text.split_once(['e', 'E']).map(|(_, exponent)| exponent)
}

/// With so small an exponent a short number can not be infinite.
fn is_small_exponent(exponent: &str) -> bool {
    exponent
        .strip_prefix('-')
        .map_or_else(|| exponent.trim_start_matches('+').len() <= 2, |digits| digits.len() <= 3)
}
