//! References to variables, `${NAME}`. The pieces have no `Debug` outside of tests: a literal may be an API key.

/// What may stand between `${` and `}`: the Go exporter's `[A-Za-z_][A-Za-z0-9_]*`.
fn is_name(name: &str) -> bool {
    !name.starts_with(|first: char| first.is_ascii_digit())
        && !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// A reference to a variable.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub(super) struct Variable<'a> {
    pub(super) name: &'a str,
    /// The value where it is unset or empty, as in a shell.
    pub(super) default: Option<&'a str>,
}

impl<'a> Variable<'a> {
    /// Parses the text between `${` and `}`. A default contains no reference, so it ends at the first `}`.
    fn parse(inner: &'a str) -> Option<Self> {
        let (name, default) = match inner.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inner, None),
        };
        let right = is_name(name) && !default.is_some_and(|default| default.contains("${"));
        right.then_some(Self { name, default })
    }
}

/// A piece of a scalar.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub(super) enum Piece<'a> {
    /// Text that stands for itself.
    Literal(&'a str),
    /// `${NAME}`, or `${NAME:-default}`.
    Variable(Variable<'a>),
    /// A `${` that does not begin a reference.
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
        let reference =
            inner.split_once('}').and_then(|(inner, after)| Some((Variable::parse(inner)?, after)));
        if let Some((variable, after)) = reference {
            pieces.push(Piece::Variable(variable));
            rest = after;
        } else {
            pieces.push(Piece::Malformed);
            rest = inner;
        }
    }
    pieces.push(Piece::Literal(rest));
    pieces.retain(|piece| *piece != Piece::Literal(""));
    pieces
}

/// A variable that a text names is not set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the variable {0} is not set")]
pub(crate) struct UnsetVariable(String);

/// The text with each `${NAME}` and `${NAME:-default}` replaced; `$${` is a literal `${`, and a `${` that begins no reference stays.
pub(crate) fn expanded<'v>(
    text: &str,
    variable: impl Fn(&str) -> Option<&'v str>,
) -> Result<String, UnsetVariable> {
    let texts = pieces(text).into_iter().map(|piece| match piece {
        Piece::Literal(text) => Ok(text.to_owned()),
        Piece::Malformed => Ok("${".to_owned()),
        Piece::Variable(Variable { name, default }) => {
            let value = variable(name).filter(|value| default.is_none() || !value.is_empty());
            value.or(default).map(str::to_owned).ok_or_else(|| UnsetVariable(name.to_owned()))
        }
    });
    texts.collect()
}

#[cfg(test)]
mod tests {
    use super::Piece::{Literal, Malformed};
    use super::*;

    fn plain(name: &str) -> Piece<'_> {
        Piece::Variable(Variable { name, default: None })
    }

    fn with_default<'a>(name: &'a str, default: &'a str) -> Piece<'a> {
        Piece::Variable(Variable { name, default: Some(default) })
    }

    fn check(text: &str, expected: &[Piece<'_>]) {
        assert_eq!(pieces(text), expected, "{text}");
    }

    #[test]
    fn references_are_told_from_text() {
        check("", &[]);
        check("plain $HOME", &[Literal("plain $HOME")]);
        check("${A}", &[plain("A")]);
        check("a${A_1}b${b}", &[Literal("a"), plain("A_1"), Literal("b"), plain("b")]);
    }

    #[test]
    fn a_reference_may_have_a_default() {
        check("${A:-b}", &[with_default("A", "b")]);
        check("${A:-}x", &[with_default("A", ""), Literal("x")]);
        check("${A:-a:-b $c}", &[with_default("A", "a:-b $c")]);
        check("$${A:-b}", &[Literal("${"), Literal("A:-b}")]);
    }

    #[test]
    fn a_doubled_dollar_makes_a_literal() {
        check("$${A}", &[Literal("${"), Literal("A}")]);
        check("x$${A}${B}", &[Literal("x"), Literal("${"), Literal("A}"), plain("B")]);
        check("$$", &[Literal("$$")]);
    }

    #[test]
    fn what_is_no_reference_is_named() {
        check("${A-b}", &[Malformed, Literal("A-b}")]);
        check("${A:=b}", &[Malformed, Literal("A:=b}")]);
        check("${A:?b}", &[Malformed, Literal("A:?b}")]);
        check("${1:-b}", &[Malformed, Literal("1:-b}")]);
        check("${:-b}", &[Malformed, Literal(":-b}")]);
        check("${A:-${B}}", &[Malformed, Literal("A:-"), plain("B"), Literal("}")]);
        check("${1}", &[Malformed, Literal("1}")]);
        check("${}", &[Malformed, Literal("}")]);
        check("${A", &[Malformed, Literal("A")]);
    }
}
