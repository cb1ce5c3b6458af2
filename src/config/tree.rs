//! The YAML tree, with positions. It has no `Debug` outside of tests: a scalar may be an API key.

/// A position in the file, both counted from 1; the column counts characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TextPosition {
    pub(super) line: usize,
    pub(super) column: usize,
}

/// A YAML value with its position; one that came through an alias has the alias's position.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub(super) struct Node {
    pub(super) position: TextPosition,
    pub(super) content: Content,
    /// Whether a scalar is written without quotes, so that it may be something else than a text.
    pub(super) is_plain: bool,
}

/// What a YAML value is. Scalars keep their text; the key decides their type.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub(super) enum Content {
    Null,
    Scalar(String),
    Sequence(Vec<Node>),
    Mapping(Vec<Entry>),
}

/// A key of a mapping with its value; keys are unique, merge keys are applied.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) position: TextPosition,
    pub(super) value: Node,
}

impl TextPosition {
    /// Where a file begins.
    pub(super) const START: Self = Self { line: 1, column: 1 };

    /// The position after `before`, the text from the beginning of the file.
    pub(super) fn after(before: &str) -> Self {
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |rest| rest.chars().count()) + 1;
        Self { line, column }
    }
}

impl Node {
    /// A default of the table of keys: a section without keys, or a scalar.
    pub(super) fn default(position: TextPosition, text: &str) -> Self {
        let section = text == "{}";
        let content = if section { Content::Mapping(Vec::new()) } else { Content::Scalar(text.to_owned()) };
        Self { position, content, is_plain: true }
    }

    /// What this is, in a sentence.
    pub(super) fn kind(&self) -> &'static str {
        match self.content {
            Content::Null => "nothing",
            Content::Scalar(_) => "a single value",
            Content::Sequence(_) => "a list",
            Content::Mapping(_) => "a map of keys",
        }
    }
}
