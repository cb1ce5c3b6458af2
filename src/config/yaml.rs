//! The one place that names the YAML crate: text → located tree.
//!
//! The tree is built from the crate's events and not through serde: a resolved scalar has lost its text
//! (`13.0` becomes 13, `no` becomes false), and serde stops at the first mistake.

use std::collections::{HashMap, HashSet};

use serde_yaml::granit_parser::{ErrorKind, Event, Marker, Parser, ScalarStyle, ScanError, StrInput, Tag};

use super::report::{MOST_VIOLATIONS, Violation, escaped};
use super::tree::{Content, Entry, Node, TextPosition};

/// Kubernetes allows no larger ConfigMap.
const MOST_BYTES: usize = 1 << 20;
/// Our deepest key is on level 4; anchors in `x-` keys may add some.
const MOST_LEVELS: usize = 64;
/// The tree's size with all aliases resolved, each node counted as [`NODE_COST`] and its text.
const MOST_COST: usize = 16 << 20;
const NODE_COST: usize = 64;
const TOO_MUCH: &str = "too many values; aliases may have multiplied them";

type ParseResult<T> = Result<T, Violation>;

/// The one document of a file, with the mistakes that did not prevent a tree.
#[cfg_attr(test, derive(Debug))]
pub(super) struct Document {
    pub(super) root: Node,
    pub(super) mistakes: Vec<Violation>,
}

/// Whose file it is, where YAML leaves a choice.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Dialect {
    /// Our own: what is probably not meant is a mistake.
    Strict,
    /// That of Go's `yaml.v2`: only the first document counts, it may be empty, and tags of one's own have no meaning.
    Go,
}

/// Parses a file; the error says why there is no tree.
pub(super) fn parse(text: &[u8]) -> Result<Document, Vec<Violation>> {
    parse_as(text, Dialect::Strict)
}

/// Parses a file as Go's `yaml.v2` would.
pub(super) fn parse_as_go(text: &[u8]) -> Result<Document, Vec<Violation>> {
    parse_as(text, Dialect::Go)
}

fn parse_as(text: &[u8], dialect: Dialect) -> Result<Document, Vec<Violation>> {
    let text = characters(text).map_err(|violation| vec![violation])?;
    let mut builder = Builder::new(text, dialect);
    let root = match dialect {
        Dialect::Strict => builder.file(),
        Dialect::Go => builder.first_document(),
    };
    match root {
        Ok(root) => Ok(Document { root, mistakes: builder.mistakes }),
        Err(fatal) => {
            builder.mistakes.push(fatal);
            Err(builder.mistakes)
        }
    }
}

/// The bytes as text that is worth parsing.
fn characters(bytes: &[u8]) -> ParseResult<&str> {
    if bytes.len() > MOST_BYTES {
        let message = format!("the file has {} bytes; at most {MOST_BYTES} are allowed", bytes.len());
        return Err(Violation::new(TextPosition::START, "", message));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let valid = bytes.get(..error.valid_up_to()).and_then(|valid| std::str::from_utf8(valid).ok());
        let position = TextPosition::after(valid.unwrap_or_default());
        Violation::new(position, "", "the file must be UTF-8; the byte here is none")
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match text.split_once('\0') {
        Some((before, _)) => {
            Err(Violation::new(TextPosition::after(before), "", "the file must be text; here is a NUL byte"))
        }
        None => Ok(text),
    }
}

struct Builder<'a> {
    parser: Parser<'a, StrInput<'a>>,
    dialect: Dialect,
    /// Finished anchored nodes with what they cost.
    anchors: HashMap<usize, (Node, usize)>,
    cost: usize,
    path: String,
    mistakes: Vec<Violation>,
}

impl<'a> Builder<'a> {
    fn new(text: &'a str, dialect: Dialect) -> Self {
        let parser = Parser::new_from_str(text);
        Self { parser, dialect, anchors: HashMap::new(), cost: 0, path: String::new(), mistakes: Vec::new() }
    }

    fn first_document(&mut self) -> ParseResult<Node> {
        match self.next()? {
            (Event::DocumentStart(..), _) => self.next_node(1),
            _ => Ok(Node { position: TextPosition::START, content: Content::Null, is_plain: true }),
        }
    }

    fn file(&mut self) -> ParseResult<Node> {
        let empty = "the file is empty; it must have a key `nbuservers` or `nbuserver`";
        let mut root = None;
        while let (Event::DocumentStart(..), position) = self.next()? {
            let document = self.next_node(1)?;
            // Templates may leave an empty document at either end of a file.
            if document.content == Content::Null {
                continue;
            }
            if root.is_some() {
                return Err(self.violation(position, "a second document begins here; only one is allowed"));
            }
            root = Some(document);
        }
        root.ok_or_else(|| self.violation(TextPosition::START, empty))
    }

    /// The next event that is data.
    fn next(&mut self) -> ParseResult<(Event<'a>, TextPosition)> {
        loop {
            match self.parser.next() {
                None => return Ok((Event::StreamEnd, TextPosition::START)),
                Some(Err(error)) => return Err(self.syntax(&error)),
                Some(Ok((Event::StreamStart | Event::DocumentEnd, _))) => {}
                Some(Ok((event, span))) if event.is_node() || is_structure(&event) => {
                    return Ok((event, position(&span.start)));
                }
                // A comment.
                Some(Ok(_)) => {}
            }
        }
    }

    fn next_node(&mut self, level: usize) -> ParseResult<Node> {
        let (event, position) = self.next()?;
        self.node(event, position, level)
    }

    fn node(&mut self, event: Event<'a>, position: TextPosition, level: usize) -> ParseResult<Node> {
        if level > MOST_LEVELS {
            return Err(self.violation(position, too_deep()));
        }
        let before = self.cost;
        let mut is_plain = true;
        let (anchor, content) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.check_tag(tag.as_deref(), position);
                self.pay(NODE_COST + text.len(), position)?;
                is_plain = match tag.as_deref() {
                    None => style == ScalarStyle::Plain,
                    Some(tag) => {
                        ["bool", "int", "float"].iter().any(|name| tag.is_yaml_core_schema_tag(name))
                    }
                };
                (anchor, scalar(text.into_owned(), style, tag.as_deref()))
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.check_tag(tag.as_deref(), position);
                self.pay(NODE_COST, position)?;
                (anchor, Content::Sequence(self.items(level)?))
            }
            Event::MappingStart(_, anchor, tag) => {
                self.check_tag(tag.as_deref(), position);
                self.pay(NODE_COST, position)?;
                (anchor, Content::Mapping(self.entries(level)?))
            }
            Event::Alias(anchor) => return self.alias(anchor, position),
            _ => return Err(self.violation(position, "a value must stand here")),
        };
        let node = Node { position, content, is_plain };
        if anchor != 0 {
            let cost = self.cost - before;
            self.pay(cost, position)?;
            self.anchors.insert(anchor, (node.clone(), cost));
        }
        Ok(node)
    }

    fn items(&mut self, level: usize) -> ParseResult<Vec<Node>> {
        let mut items = Vec::new();
        loop {
            let (event, position) = self.next()?;
            if event == Event::SequenceEnd {
                return Ok(items);
            }
            let segment = format!("[{}]", items.len());
            items.push(self.inside(&segment, |builder| builder.node(event, position, level + 1))?);
        }
    }

    fn entries(&mut self, level: usize) -> ParseResult<Vec<Entry>> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut merged = Vec::new();
        let mut seen: HashMap<String, TextPosition> = HashMap::new();
        loop {
            let (key, position, plain) = match self.next()? {
                (Event::MappingEnd, _) => break,
                (Event::Scalar(text, style, _, _), position) => {
                    (text.into_owned(), position, style == ScalarStyle::Plain)
                }
                (_, position) => {
                    return Err(self.violation(position, "a key must be a word, not a list or map"));
                }
            };
            let value = self.inside(&segment(&self.path, &key), |builder| {
                if let Some(first) = seen.get(&key) {
                    let message = format!("is given twice; it stands in line {} already", first.line);
                    builder.mistakes.push(builder.violation(position, message));
                }
                builder.next_node(level + 1)
            })?;
            if self.mistakes.len() > MOST_VIOLATIONS {
                return Err(self.violation(position, "too many mistakes to go on"));
            }
            if seen.insert(key.clone(), position).is_some() {
                continue;
            }
            if plain && key == "<<" {
                merged = self.merged(value);
            } else {
                entries.push(Entry { key, position, value });
            }
        }
        entries.extend(merged.into_iter().filter(|entry| !seen.contains_key(&entry.key)));
        Ok(entries)
    }

    /// What a merge key brings: the entries of a map, or of several, where the first one wins.
    fn merged(&mut self, value: Node) -> Vec<Entry> {
        let sources = match value.content {
            Content::Sequence(sources) => sources,
            content => vec![Node { content, ..value }],
        };
        let mut names = HashSet::new();
        let mut entries = Vec::new();
        for source in sources {
            if let Content::Mapping(more) = source.content {
                entries.extend(more.into_iter().filter(|entry| names.insert(entry.key.clone())));
            } else {
                let message = "a merge key `<<` must name a map or a list of maps";
                self.mistakes.push(self.violation(source.position, message));
            }
        }
        entries
    }

    fn alias(&mut self, anchor: usize, position: TextPosition) -> ParseResult<Node> {
        let Some((node, cost)) = self.anchors.get(&anchor) else {
            return Err(self.violation(position, "an alias must not stand inside of what it names"));
        };
        // Counted before it is copied.
        let total = self.cost.saturating_add(*cost);
        if total > MOST_COST {
            return Err(self.violation(position, TOO_MUCH));
        }
        self.cost = total;
        Ok(Node { position, ..node.clone() })
    }

    fn pay(&mut self, cost: usize, position: TextPosition) -> ParseResult<()> {
        self.cost = self.cost.saturating_add(cost);
        if self.cost > MOST_COST {
            return Err(self.violation(position, TOO_MUCH));
        }
        Ok(())
    }

    fn check_tag(&mut self, tag: Option<&Tag>, position: TextPosition) {
        if self.dialect == Dialect::Strict && tag.is_some_and(Tag::is_custom) {
            self.mistakes.push(self.violation(position, "tags (`!name`) have no meaning here; remove it"));
        }
    }

    fn inside<T>(&mut self, segment: &str, work: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.path.len();
        self.path.push_str(segment);
        let result = work(self);
        self.path.truncate(length);
        result
    }

    fn violation(&self, position: TextPosition, message: impl Into<String>) -> Violation {
        Violation::new(position, &self.path, message)
    }

    fn syntax(&self, error: &ScanError) -> Violation {
        let message = match error.kind() {
            // The crate would quote the character; it may be one of a secret.
            ErrorKind::UnexpectedCharacter { .. } => {
                "not valid YAML: a value can not begin with this character; put it in quotes".to_owned()
            }
            ErrorKind::RecursionLimitExceeded => too_deep(),
            kind => format!("not valid YAML: {kind}"),
        };
        self.violation(position(error.marker()), message)
    }
}

/// `.key`, or `key` at the root. What may be a secret is not shown: a key under `apiKey`, and the text
/// after the colon of `apiKey:text`, which YAML reads as one word.
pub(super) fn segment(path: &str, key: &str) -> String {
    let dot = if path.is_empty() { "" } else { "." };
    match key.split_once(':') {
        _ if path.ends_with("apiKey") => format!("{dot}…"),
        Some((name, _)) => format!("{dot}{}…", escaped(name)),
        None => format!("{dot}{}", escaped(key)),
    }
}

fn too_deep() -> String {
    format!("more than {MOST_LEVELS} levels deep")
}

fn is_structure(event: &Event<'_>) -> bool {
    matches!(
        event,
        Event::DocumentStart(..)
            | Event::StreamEnd
            | Event::SequenceEnd
            | Event::MappingEnd
            | Event::Alias(_)
    )
}

fn scalar(text: String, style: ScalarStyle, tag: Option<&Tag>) -> Content {
    let null = matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL");
    if style == ScalarStyle::Plain && null && !is_text(tag) { Content::Null } else { Content::Scalar(text) }
}

/// Whether a tag says that the value is a text.
fn is_text(tag: Option<&Tag>) -> bool {
    tag.is_some_and(|tag| tag.is_yaml_core_schema_tag("str"))
}

fn position(marker: &Marker) -> TextPosition {
    TextPosition { line: marker.line(), column: marker.col() + 1 }
}
