/// What may stand between `${` and `}`: the Go exporter's `[A-Za-z_][A-Za-z0-9_]*`.
fn is_name(name: &str) -> bool {
    !name.starts_with(|first: char| first.is_ascii_digit())
        && !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// A piece of a scalar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// Text that stands for itself.
    Literal(&'a str),
    /// `${NAME}`.
    Variable(&'a str),
    /// A `${` that begins no reference.
    Malformed,
}

/// Cuts a scalar into literal text and references; `$${` is a literal `${`.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, after) = rest.split_at(at);
        let inner = after.get(2..).unwrap_or_default();
        if let Some(literal) = before.strip_suffix('$') {
            pieces.extend([Piece::Literal(literal), Piece::Literal("${")]);
            rest = inner;
            continue;
        }
        pieces.push(Piece::Literal(before));
        match inner.split_once('}') {
            Some((name, after)) if is_name(name) => {
                pieces.push(Piece::Variable(name));
                rest = after;
            }
            _ => {
                pieces.push(Piece::Malformed);
                rest = inner;
            }
        }
    }
    pieces.push(Piece::Literal(rest));
    pieces.retain(|piece| *piece != Piece::Literal(""));
    pieces
}

/// A variable that a text names is not set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the variable {0} is not set")]
pub struct Unset(String);

/// The text with each `${NAME}` replaced; `$${` is a literal `${`, and what begins no reference stays as it is.
pub fn expanded<'v>(text: &str, variable: impl Fn(&str) -> Option<&'v str>) -> Result<String, Unset> {
    let texts = pieces(text).into_iter().map(|piece| match piece {
        Piece::Literal(text) => Ok(text.to_owned()),
        Piece::Malformed => Ok("${".to_owned()),
        Piece::Variable(name) => variable(name).map(str::to_owned).ok_or_else(|| Unset(name.to_owned())),
    });
    texts.collect()
}

#[cfg(test)]
mod tests {
    use super::Piece::{Literal, Malformed, Variable};
    use super::*;

    fn check(text: &str, expected: &[Piece<'_>]) {
        assert_eq!(pieces(text), expected, "{text}");
    }

    #[test]
    fn references_are_told_from_text() {
        check("", &[]);
        check("plain $HOME", &[Literal("plain $HOME")]);
        check("${A}", &[Variable("A")]);
        check("a${A_1}b${b}", &[Literal("a"), Variable("A_1"), Literal("b"), Variable("b")]);
    }

    #[test]
    fn a_doubled_dollar_makes_a_literal() {
        check("$${A}", &[Literal("${"), Literal("A}")]);
        check("x$${A}${B}", &[Literal("x"), Literal("${"), Literal("A}"), Variable("B")]);
        check("$$", &[Literal("$$")]);
    }

    #[test]
    fn what_is_no_reference_is_named() {
        check("${A:-b}", &[Malformed, Literal("A:-b}")]);
        check("${1}", &[Malformed, Literal("1}")]);
        check("${}", &[Malformed, Literal("}")]);
        check("${A", &[Malformed, Literal("A")]);
    }
}
