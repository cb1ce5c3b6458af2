//! Text of a `filter` parameter → expression over the documented attributes.

use std::borrow::Cow;

use super::value::{Value, duration, instant};
use super::{AttributeType, Field, Operator};

/// Nesting that a filter may have; deeper ones are refused rather than recursed into.
const DEEPEST: usize = 32;

#[derive(Debug)]
pub(crate) enum Expression {
    All(Vec<Expression>),
    Any(Vec<Expression>),
    Not(Box<Expression>),
    Test(Test),
}

/// One comparison of an attribute with a literal.
#[derive(Debug)]
pub(crate) struct Test {
    pub(crate) field: &'static Field,
    pub(crate) operator: Operator,
    pub(crate) literal: Value<'static>,
    pub(super) case: Case,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Case {
    Kept,
    Lower,
    Upper,
}

/// Why a filter is refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum FilterError {
    #[error("the filter ends too early")]
    Unfinished,
    #[error("unexpected '{0}' in the filter")]
    Unexpected(String),
    #[error("'{0}' can not be used in a filter here")]
    UnknownField(String),
    #[error("'{0}' does not support this operator")]
    Operator(&'static str),
    #[error("'{literal}' is not a value for '{field}'")]
    Literal { field: &'static str, literal: String },
    #[error("the filter is nested too deeply")]
    TooDeep,
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Open,
    Close,
    Comma,
    Word(String),
    Text(String),
}

/// Parses a (percent-decoded) filter over `fields`.
pub(crate) fn parse(text: &str, fields: &'static [Field]) -> Result<Expression, FilterError> {
    let mut parser = Parser { tokens: tokens(text)?.into_iter().peekable(), fields, depth: 0 };
    let expression = parser.any()?;
    match parser.tokens.next() {
        None => Ok(expression),
        Some(token) => Err(unexpected(token)),
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, FilterError> {
    let mut found = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            ' ' | '\t' => {}
            '(' => found.push(Token::Open),
            ')' => found.push(Token::Close),
            ',' => found.push(Token::Comma),
            '\'' => found.push(Token::Text(quoted(&mut rest)?)),
            first => {
                let mut word = String::from(first);
                while let Some(next) = rest.next_if(|next| !" \t(),'".contains(*next)) {
                    word.push(next);
                }
                found.push(Token::Word(word));
            }
        }
    }
    Ok(found)
}

/// The rest of a string in single quotes; a quote inside is doubled.
fn quoted(rest: &mut std::iter::Peekable<impl Iterator<Item = char>>) -> Result<String, FilterError> {
    let mut text = String::new();
    loop {
        match rest.next().ok_or(FilterError::Unfinished)? {
            '\'' if rest.next_if_eq(&'\'').is_some() => text.push('\''),
            '\'' => return Ok(text),
            other => text.push(other),
        }
    }
}

fn unexpected(token: Token) -> FilterError {
    FilterError::Unexpected(match token {
        Token::Open => "(".into(),
        Token::Close => ")".into(),
        Token::Comma => ",".into(),
        Token::Word(text) | Token::Text(text) => text,
    })
}

struct Parser {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
    fields: &'static [Field],
    depth: usize,
}

impl Parser {
    fn any(&mut self) -> Result<Expression, FilterError> {
        let mut parts = vec![self.all()?];
        while self.skip_word("or") {
            parts.push(self.all()?);
        }
        Ok(single(parts, Expression::Any))
    }

    fn all(&mut self) -> Result<Expression, FilterError> {
        let mut parts = vec![self.part()?];
        while self.skip_word("and") {
            parts.push(self.part()?);
        }
        Ok(single(parts, Expression::All))
    }

    fn part(&mut self) -> Result<Expression, FilterError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(FilterError::TooDeep);
        }
        let part = if self.skip_word("not") {
            Expression::Not(Box::new(self.part()?))
        } else if self.tokens.next_if_eq(&Token::Open).is_some() {
            let inner = self.any()?;
            self.expect(&Token::Close)?;
            inner
        } else {
            Expression::Test(self.test()?)
        };
        self.depth -= 1;
        Ok(part)
    }

    fn test(&mut self) -> Result<Test, FilterError> {
        let word = self.word()?;
        let function = match word.as_str() {
            "contains" => Some(Operator::Contains),
            "startswith" => Some(Operator::StartsWith),
            "endswith" => Some(Operator::EndsWith),
            _ => None,
        };
        if let Some(operator) = function {
            self.expect(&Token::Open)?;
            let name = self.word()?;
            let (field, case) = self.field(&name)?;
            self.expect(&Token::Comma)?;
            let test = self.compared(field, case, operator)?;
            self.expect(&Token::Close)?;
            return Ok(test);
        }
        let (field, case) = self.field(&word)?;
        let operator = match self.word()?.as_str() {
            "eq" => Operator::Equal,
            "ne" => Operator::NotEqual,
            "gt" => Operator::Greater,
            "ge" => Operator::GreaterOrEqual,
            "lt" => Operator::Less,
            "le" => Operator::LessOrEqual,
            other => return Err(FilterError::Unexpected(other.into())),
        };
        self.compared(field, case, operator)
    }

    /// `name`, or `tolower(name)`, `toupper(name)` of which the first word is already read.
    fn field(&mut self, word: &str) -> Result<(&'static Field, Case), FilterError> {
        let case = match word {
            "tolower" => Case::Lower,
            "toupper" => Case::Upper,
            name => return Ok((self.find(name)?, Case::Kept)),
        };
        self.expect(&Token::Open)?;
        let name = self.word()?;
        let field = self.find(&name)?;
        self.expect(&Token::Close)?;
        if field.kind != AttributeType::Text {
            return Err(FilterError::Operator(field.name));
        }
        Ok((field, case))
    }

    fn find(&self, name: &str) -> Result<&'static Field, FilterError> {
        self.fields
            .iter()
            .find(|field| field.name == name && field.operators != super::Operators::None)
            .ok_or_else(|| FilterError::UnknownField(name.into()))
    }

    fn compared(
        &mut self,
        field: &'static Field,
        case: Case,
        operator: Operator,
    ) -> Result<Test, FilterError> {
        if !field.operators.allow(operator) {
            return Err(FilterError::Operator(field.name));
        }
        let token = self.tokens.next().ok_or(FilterError::Unfinished)?;
        Ok(Test { field, operator, literal: literal(field, token)?, case })
    }

    fn word(&mut self) -> Result<String, FilterError> {
        match self.tokens.next().ok_or(FilterError::Unfinished)? {
            Token::Word(word) => Ok(word),
            other => Err(unexpected(other)),
        }
    }

    fn skip_word(&mut self, word: &str) -> bool {
        self.tokens.next_if(|token| matches!(token, Token::Word(next) if next == word)).is_some()
    }

    fn expect(&mut self, token: &Token) -> Result<(), FilterError> {
        match self.tokens.next().ok_or(FilterError::Unfinished)? {
            found if found == *token => Ok(()),
            other => Err(unexpected(other)),
        }
    }
}

fn single(mut parts: Vec<Expression>, join: fn(Vec<Expression>) -> Expression) -> Expression {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        Some(last) => {
            parts.push(last);
            join(parts)
        }
        None => join(parts),
    }
}

/// Strings are quoted, numbers and booleans bare, times either (the vendor's own samples have both).
fn literal(field: &'static Field, token: Token) -> Result<Value<'static>, FilterError> {
    let value = match (field.kind, &token) {
        (AttributeType::Text, Token::Text(text)) => Some(Value::Text(Cow::Owned(text.clone()))),
        (AttributeType::Integer | AttributeType::Code(_), Token::Word(word)) => {
            word.parse().ok().map(Value::Integer)
        }
        (AttributeType::Float, Token::Word(word)) => {
            word.parse().ok().filter(|number: &f64| number.is_finite()).map(Value::Float)
        }
        (AttributeType::Boolean, Token::Word(word)) => word.parse().ok().map(Value::Boolean),
        (AttributeType::Time, Token::Word(text) | Token::Text(text)) => instant(text).map(Value::Integer),
        (AttributeType::Duration, Token::Word(text) | Token::Text(text)) => {
            duration(text).map(Value::Integer)
        }
        _ => None,
    };
    value.ok_or_else(|| match token {
        Token::Word(literal) | Token::Text(literal) => FilterError::Literal { field: field.name, literal },
        other => unexpected(other),
    })
}
