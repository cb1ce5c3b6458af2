//! What a scalar is to Go's `yaml.v2`, and what a duration is to Go.

/// What a scalar without quotes stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum GoScalar {
    Flag(bool),
    Whole(i128),
    Float(f64),
    Text,
}

impl GoScalar {
    /// As `resolve` of `yaml.v2` has it.
    pub(super) fn of(text: &str) -> Self {
        match text {
            "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
                return Self::Flag(true);
            }
            "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
                return Self::Flag(false);
            }
            _ => {}
        }
        let plain = text.replace('_', "");
        if let Some(whole) = whole(&plain) {
            return Self::Whole(whole);
        }
        let is_number = |c: char| c.is_ascii_digit() || matches!(c, '.' | '+' | '-' | 'e' | 'E');
        let begins = plain.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '.' | '+' | '-'));
        if begins && plain.contains(|c: char| c.is_ascii_digit()) && plain.chars().all(is_number) {
            return plain.parse().map_or(Self::Text, Self::Float);
        }
        Self::Text
    }
}

/// A number with a sign and the prefix of another base; one that begins with 0 is octal.
fn whole(text: &str) -> Option<i128> {
    let (is_negative, digits) = match text.strip_prefix(['+', '-']) {
        Some(rest) => (text.starts_with('-'), rest),
        None => (false, text),
    };
    let lower = digits.to_ascii_lowercase();
    let bases = [("0x", 16), ("0o", 8), ("0b", 2), ("0", 8)];
    let prefixed = bases.iter().find_map(|(prefix, base)| Some((lower.strip_prefix(prefix)?, *base)));
    let (digits, base) = prefixed.filter(|(rest, _)| !rest.is_empty()).unwrap_or((&lower, 10));
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let value = i128::from_str_radix(digits, base).ok()?;
    let value = if is_negative { -value } else { value };
    (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(&value).then_some(value)
}

/// What `time.ParseDuration` makes of a text, in nanoseconds.
pub(super) fn duration(text: &str) -> Option<i64> {
    let (is_negative, mut rest) = match text.strip_prefix(['+', '-']) {
        Some(rest) => (text.starts_with('-'), rest),
        None => (false, text),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at_checked(end)?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if fraction.contains('.') || (whole.is_empty() && fraction.is_empty()) {
            return None;
        }
        let end = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at_checked(end)?;
        let unit = nanoseconds(unit)?;
        let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        // More digits are less than a nanosecond of any unit.
        let fraction = fraction.get(..fraction.len().min(18)).unwrap_or_default();
        let scale = 10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
        let part: i128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
        total = total.checked_add(whole.checked_mul(unit)?)?.checked_add(part * unit / scale)?;
        rest = tail;
    }
    i64::try_from(if is_negative { -total } else { total }).ok()
}

fn nanoseconds(unit: &str) -> Option<i128> {
    Some(match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scalar_is_what_it_is_to_go() {
        for (text, expected) in [
            ("yes", GoScalar::Flag(true)),
            ("Off", GoScalar::Flag(false)),
            ("yEs", GoScalar::Text),
            ("10", GoScalar::Whole(10)),
            ("-1_000", GoScalar::Whole(-1000)),
            ("0x1F", GoScalar::Whole(31)),
            ("017", GoScalar::Whole(15)),
            ("08", GoScalar::Float(8.0)),
            ("0", GoScalar::Whole(0)),
            ("1.5", GoScalar::Float(1.5)),
            ("1e3", GoScalar::Float(1000.0)),
            ("--1", GoScalar::Text),
            ("1s", GoScalar::Text),
            ("", GoScalar::Text),
            (".", GoScalar::Text),
        ] {
            assert_eq!(GoScalar::of(text), expected, "{text}");
        }
    }

    #[test]
    fn a_duration_is_what_it_is_to_go() {
        for (text, expected) in [
            ("0", Some(0)),
            ("1s", Some(1_000_000_000)),
            ("-1.5h", Some(-5_400_000_000_000)),
            ("1h2m3s4ms5us6ns", Some(3_723_004_005_006)),
            (".5s", Some(500_000_000)),
            ("1.s", Some(1_000_000_000)),
            ("3µs", Some(3_000)),
            ("1", None),
            ("s", None),
            (".s", None),
            ("1.2.3s", None),
            ("1d", None),
            ("", None),
            ("+", None),
            ("1s ", None),
            ("9223372036854775807ns", Some(i64::MAX)),
            ("9223372036854775808ns", None),
        ] {
            assert_eq!(duration(text), expected, "{text}");
        }
    }
}
