//! Regular expressions for the JSON Schema, which accept the same texts as our parsers. They use only syntax that means the
//! same in Go, JavaScript and Rust: no look-around, no Unicode classes.

use serde_json::{Value, json};

/// An address of IPv4, as the standard library reads it.
const IPV4: &str = r"(?:(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\.){3}(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";
/// The last label of a host name. It must not look like a number: the whole name would be read as an address.
const NOT_NUMERIC: &str = "(?:[A-Za-z_-][A-Za-z0-9_-]*|[1-9][0-9]*[A-Za-z_-][A-Za-z0-9_-]*\
    |0(?:[0-9]+[A-Za-z_-]|[A-WYZa-wyz_-]|[Xx][0-9A-Fa-f]*[G-Zg-z_-])[A-Za-z0-9_-]*)";
/// Unicode's blanks and control characters, inside of a class.
pub(super) const BLANK: &str =
    "\\x00-\\x20\\x7f-\\xa0\u{1680}\u{2000}-\u{200a}\u{2028}\u{2029}\u{202f}\u{205f}\u{3000}";
/// The same for a name of one label, which does not begin with a hyphen.
const FIRST_NOT_NUMERIC: &str = "(?:[A-Za-z_][A-Za-z0-9_-]*|[1-9][0-9]*[A-Za-z_-][A-Za-z0-9_-]*\
    |0(?:[0-9]+[A-Za-z_-]|[A-WYZa-wyz_-]|[Xx][0-9A-Fa-f]*[G-Zg-z_-])[A-Za-z0-9_-]*)";
/// Text whose every `${` is written `$${`.
pub(super) const LITERAL: &str = r"^(?:[^$]|\$+[^${]|\$\$+\{)*\$*$";
/// The words for true, as the program reads them.
pub(super) const TRUE: &str = r"^(?:true|True|TRUE|t|T|yes|Yes|YES|y|Y|on|On|ON|0*1(?:\.0*)?)$";
/// The words for false.
pub(super) const FALSE: &str = r"^(?:false|False|FALSE|f|F|no|No|NO|n|N|off|Off|OFF|-?0+(?:\.0*)?)$";

/// Either of two patterns.
pub(super) fn either(one: &str, other: &str) -> String {
    format!("{one}|{other}")
}

/// Text with a reference to a variable, each well-formed.
pub(super) fn reference() -> String {
    let name = "[A-Za-z_][A-Za-z0-9_]*";
    // Up to the first `}`, and without a `${`.
    let default = r"(?::-(?:[^}$]|\$+[^}${])*\$*)?";
    let reference = format!(r"\$\{{{name}{default}\}}");
    let piece = format!(r"(?:[^$]|\$+[^${{]|\$\$+\{{|{reference})*");
    format!(r"^{piece}{reference}{piece}\$*$")
}

/// A whole number between two bounds: `7`, `07`, `7.0`, as YAML's tools write one number.
pub(super) fn whole_number(least: u32, most: u32) -> Value {
    let zero = if least == 0 { "-?0+|" } else { "" };
    let pattern = format!(r"^(?:{zero}0*{})(?:\.0*)?$", range(least.max(1).into(), most.into()));
    json!({ "type": ["integer", "string"], "minimum": least, "maximum": most, "pattern": pattern })
}

/// The digits of the numbers between two bounds.
pub(super) fn range(least: u64, most: u64) -> String {
    let mut alternatives = Vec::new();
    let mut from = least;
    while from <= most {
        // Up to the last number with as many digits.
        let to = most.min(10_u64.saturating_pow(from.max(1).ilog10() + 1) - 1);
        alternatives.push(same_length(&from.to_string(), &to.to_string()));
        match to.checked_add(1) {
            Some(next) => from = next,
            None => break,
        }
    }
    format!("(?:{})", alternatives.join("|"))
}

/// The digits of the numbers between two that have equally many.
fn same_length(from: &str, to: &str) -> String {
    let (Some(low), Some(high)) = (from.chars().next(), to.chars().next()) else { return String::new() };
    let (below, above) = (from.get(1..).unwrap_or_default(), to.get(1..).unwrap_or_default());
    if low == high {
        return format!("{low}{}", same_length(below, above));
    }
    let step = |digit: char, by: i8| (digit as u8).saturating_add_signed(by) as char;
    let (mut first, mut last) = (low, high);
    let mut alternatives = Vec::new();
    if below.contains(|digit| digit != '0') {
        alternatives.push(format!("{low}{}", same_length(below, &"9".repeat(below.len()))));
        first = step(low, 1);
    }
    let partial = above.contains(|digit| digit != '9');
    if partial {
        last = step(high, -1);
    }
    if first <= last {
        let digits = if first == last { first.to_string() } else { format!("[{first}-{last}]") };
        let rest = match below.len() {
            0 => String::new(),
            1 => "[0-9]".to_owned(),
            more => format!("[0-9]{{{more}}}"),
        };
        alternatives.push(format!("{digits}{rest}"));
    }
    if partial {
        alternatives.push(format!("{high}{}", same_length(&"0".repeat(above.len()), above)));
    }
    format!("(?:{})", alternatives.join("|"))
}

/// Any duration.
pub(super) const DURATION: &str = r"^(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[nuµμm]?s|[mhdw]))+$";

/// Durations between two bounds in milliseconds. It is exact for one number with one unit; a regular expression can not
/// judge the sum of several.
pub(super) fn duration(least: u64, most: u64) -> String {
    let (least, most) = (u128::from(least) * 1_000_000, u128::from(most) * 1_000_000);
    let units = [
        ("ns", 1),
        ("[uµμ]s", 1_000),
        ("ms", 1_000_000),
        ("s", 1_000_000_000),
        ("m", 60_000_000_000),
        ("h", 3_600_000_000_000),
        ("d", 86_400_000_000_000),
        ("w", 604_800_000_000_000_u128),
    ];
    let bounded = |from: u128, to: u128| {
        // Zeros before it, or nothing at all before a point.
        let zero = if from == 0 { "0*|" } else { "" };
        let digits =
            range(u64::try_from(from.max(1)).unwrap_or(u64::MAX), u64::try_from(to).unwrap_or(u64::MAX));
        format!("(?:{zero}0*{digits})")
    };
    let single = units.iter().filter_map(|(unit, length)| {
        let whole = (least.div_ceil(*length), most / length);
        let broken = (least / length, most.div_ceil(*length) - 1);
        let whole = (whole.0 <= whole.1).then(|| format!(r"{}(?:\.0*)?", bounded(whole.0, whole.1)));
        let broken =
            (broken.0 <= broken.1).then(|| format!(r"{}\.0*[1-9][0-9]*", bounded(broken.0, broken.1)));
        let alternatives: Vec<String> = [whole, broken].into_iter().flatten().collect();
        (!alternatives.is_empty()).then(|| format!("(?:{}){unit}", alternatives.join("|")))
    });
    let any = r"(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[nuµμm]?s|[mhdw]))";
    let single: Vec<String> = single.collect();
    format!("^(?:{}|{any}{{2,}})$", single.join("|"))
}

/// An address of either family, as the standard library reads it.
fn ip() -> String {
    let group = "[0-9A-Fa-f]{1,4}";
    let mut forms = vec![format!("(?:{group}:){{7}}{group}"), format!("(?:{group}:){{6}}{IPV4}")];
    for before in 0..=7 {
        let head = match before {
            0 => String::new(),
            1 => group.to_owned(),
            more => format!("{group}(?::{group}){{{}}}", more - 1),
        };
        let tail = match 7 - before {
            0 => String::new(),
            1 => format!("(?:{group})?"),
            groups @ 2.. => {
                let (more, leading) = (groups - 1, groups - 2);
                format!("(?:{group}(?::{group}){{0,{more}}}|(?:{group}:){{0,{leading}}}{IPV4})?")
            }
            _ => continue,
        };
        forms.push(format!("{head}::{tail}"));
    }
    format!("(?:{})", forms.join("|"))
}

/// The whole pattern, judged only where the short one matches, so that most mistakes are reported with the short one.
pub(super) fn refined(short: &str, whole: &str) -> Value {
    json!({ "pattern": short, "if": { "pattern": short }, "then": { "pattern": whole } })
}

/// A host name or an address. Of a name with other letters than ASCII's, or with labels of Punycode, only the ASCII part is
/// judged.
pub(super) fn host() -> Value {
    let ipv6 = ip();
    let dots = r"(?:[A-Za-z0-9_-]+\.)*";
    let wide = r"(?:[A-Za-z0-9_.-]|[^\x00-\x7f])*";
    json!({
        "not": { "type": "string", "pattern": "^[.-]" },
        "if": { "pattern": ":" },
        "then": { "pattern": format!(r"^(?:\[{ipv6}\]|{ipv6})$") },
        "else": { "pattern": format!(r"^(?:{IPV4}|{dots}{NOT_NUMERIC}\.?|{wide}[^\x00-\x7f]{wide})$") },
    })
}

/// A URL of a proxy.
pub(super) fn url() -> String {
    let user = format!(r"(?:[^/?#\\{BLANK}]*@)?");
    // As in `host`; a name does not begin with a hyphen.
    let name =
        format!(r"(?:[A-Za-z0-9_][A-Za-z0-9_-]*\.(?:[A-Za-z0-9_-]+\.)*{NOT_NUMERIC}|{FIRST_NOT_NUMERIC})\.?");
    let port = range(1, u16::MAX.into());
    let rest = format!(r"(?:[/?#][^{BLANK}]*)?");
    format!(
        r"^(?:[hH][tT][tT][pP][sS]?|[sS][oO][cC][kK][sS]5[hH]?)://{user}(?:\[{}\]|{IPV4}|{name})(?::0*{port})?{rest}$",
        ip()
    )
}

/// The name in a certificate: an address, or a DNS name in its strict form.
pub(super) fn tls_name() -> Value {
    let label = "[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?";
    let labels = format!(r"^{label}(?:\.{label})*\.?$");
    let last = format!(r"^(?:{IPV4}|(?:[A-Za-z0-9_-]+\.)*{NOT_NUMERIC}\.?)$");
    json!({
        "if": { "pattern": ":" },
        "then": { "pattern": format!("^{}$", ip()) },
        "else": { "allOf": all(&[labels, last]) },
    })
}

/// The same path for a server: each character plain or percent-encoded, slashes repeated.
pub(super) fn path_in_any_encoding(path: &str) -> String {
    let slash = "(?:/|%2[Ff])";
    let segments: Vec<String> = path
        .split('/')
        .filter(|segment| !segment.is_empty())
        .map(|segment| segment.bytes().map(in_any_encoding).collect())
        .collect();
    if segments.is_empty() {
        return format!("^{slash}+$");
    }
    format!("^{slash}+{}{slash}*$", segments.join(&format!("{slash}+")))
}

/// A path below this one, for a server: something that is no slash follows it.
pub(super) fn below_in_any_encoding(path: &str) -> String {
    let path = path_in_any_encoding(path);
    format!("{}(?:[^/%]|%[^2]|%2[^Ff]|%2?$)", path.trim_end_matches("*$").to_owned() + "+")
}

fn in_any_encoding(byte: u8) -> String {
    let digit = |digit: u8| match char::from_digit(digit.into(), 16).unwrap_or_default() {
        digit @ 'a'..='f' => format!("[{}{digit}]", digit.to_ascii_uppercase()),
        digit => digit.to_string(),
    };
    format!("(?:{}|%{}{})", byte as char, digit(byte >> 4), digit(byte & 15))
}

/// All of these patterns must match.
pub(super) fn all(patterns: &[String]) -> Value {
    patterns.iter().map(|pattern| json!({ "pattern": pattern })).collect()
}
