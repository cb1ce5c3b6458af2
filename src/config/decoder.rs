//! Decodes the YAML tree into the raw configuration, and collects what is wrong with it.

use std::collections::BTreeSet;

use super::expand::{self, Piece, Variable};
use super::key::{Key, Secrecy, Shape};
use super::report::{MOST_VIOLATIONS, Violation, quoted};
use super::tree::{Content, Entry, Node, TextPosition};
use super::{Environment, Strictness, confusable, defect, yaml};

/// The longest text after expansion: a reference of four bytes may stand for 128 KiB.
const MOST_EXPANDED_BYTES: usize = 1 << 20;
/// A longer word is not taken for a misspelt key.
const LONGEST_MISSPELT_KEY: usize = 64;

/// Where a value is: its position and its YAML path.
#[derive(Clone, Debug, Default)]
pub(super) struct Location {
    pub(super) position: TextPosition,
    pub(super) path: String,
}

/// Why there is no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoValue {
    /// The key is not there, or it has no value.
    Absent,
    /// The value can not be used. That is reported already, unless the check does not ask for it.
    Unusable,
}

/// A key's value, or why there is none, and where.
#[derive(Clone)]
pub(super) struct Slot<T> {
    pub(super) location: Location,
    pub(super) value: Result<T, NoValue>,
}

/// A value that a node of the tree can hold.
pub(super) trait Decode: Sized {
    /// Decodes a node and reports to the decoder what is wrong with it.
    fn decode(node: &Node, decoder: &mut Decoder<'_>) -> Result<Self, NoValue>;
    /// The shape for the schema, the documentation and the redaction.
    fn shape() -> Shape;
}

/// A value that is written as one scalar.
pub(super) trait Scalar: Sized {
    /// Whether the text may be shown.
    const SECRECY: Secrecy = Secrecy::Open;
    /// Whether an empty text leaves the key out; else it is a mistake.
    const MAY_BE_EMPTY: bool = false;
    /// Completes `must be …`.
    fn wants() -> String;
    /// Reads the text after expansion; it is not empty.
    fn parse(text: &str) -> Option<Self>;
    /// Its JSON Schema, without the possibility of a reference.
    fn schema() -> serde_json::Value {
        serde_json::json!({ "type": "string" })
    }
}

/// Walks the tree, decodes it, and collects violations and warnings.
pub(super) struct Decoder<'a> {
    environment: &'a Environment,
    strictness: Strictness,
    path: String,
    expanded_bytes: usize,
    pub(super) violations: Vec<Violation>,
    /// What is wrong with the files and variables that the text refers to, where a site can be left out for it.
    pub(super) lacks: Vec<Violation>,
    pub(super) warnings: Vec<Violation>,
    /// The variables that the text names.
    pub(super) variables: BTreeSet<String>,
}

impl<T> Slot<T> {
    /// The value, if there is one.
    pub(super) fn get(&self) -> Option<&T> {
        self.value.as_ref().ok()
    }

    /// Whether the key is there with a value.
    pub(super) fn is_given(&self) -> bool {
        !matches!(self.value, Err(NoValue::Absent))
    }
}

impl<T: Scalar> Decode for T {
    fn decode(node: &Node, decoder: &mut Decoder<'_>) -> Result<Self, NoValue> {
        let text = match &node.content {
            Content::Scalar(text) => text,
            Content::Null => return Err(NoValue::Absent),
            _ => return Err(decoder.wrong(node, &format!("must be {}, not {}", T::wants(), node.kind()))),
        };
        let expanded = decoder.expand(node.position, text)?;
        if expanded.is_empty() && T::MAY_BE_EMPTY {
            return Err(NoValue::Absent);
        }
        let value = if expanded.is_empty() { None } else { T::parse(&expanded) };
        value.ok_or_else(|| decoder.wrong(node, &refusal(&T::wants(), T::SECRECY, text, &expanded)))
    }

    fn shape() -> Shape {
        Shape::Scalar {
            secrecy: T::SECRECY,
            may_be_empty: T::MAY_BE_EMPTY,
            wants: T::wants(),
            schema: T::schema(),
        }
    }
}

impl<T: Decode> Decode for Vec<Slot<T>> {
    fn decode(node: &Node, decoder: &mut Decoder<'_>) -> Result<Self, NoValue> {
        let items = match &node.content {
            Content::Sequence(items) => items,
            Content::Null => return Err(NoValue::Absent),
            _ => return Err(decoder.wrong(node, &format!("must be a list, not {}", node.kind()))),
        };
        Ok(items
            .iter()
            .enumerate()
            .map(|(index, item)| decoder.inside(&format!("[{index}]"), |decoder| decoder.node(item)))
            .collect())
    }

    fn shape() -> Shape {
        Shape::List(T::shape)
    }
}

impl<'a> Decoder<'a> {
    pub(super) fn new(environment: &'a Environment, strictness: Strictness) -> Self {
        Self {
            environment,
            strictness,
            path: String::new(),
            expanded_bytes: 0,
            violations: Vec::new(),
            lacks: Vec::new(),
            warnings: Vec::new(),
            variables: BTreeSet::new(),
        }
    }

    /// Whether the files and variables that the text refers to must be there.
    pub(super) fn checks_references(&self) -> bool {
        self.strictness != Strictness::SkipReferences
    }

    /// Reports that a file or variable that the text refers to can not be used.
    pub(super) fn lack(&mut self, location: &Location, message: impl Into<String>) {
        if self.strictness == Strictness::Start && self.lacks.len() <= MOST_VIOLATIONS {
            self.lacks.push(Violation::new(location.position, &location.path, message));
        } else {
            self.violation(location, message);
        }
    }

    /// Takes what is lacking under a path, all of it in one text; `None` if nothing is.
    pub(super) fn claim(&mut self, path: &str) -> Option<String> {
        let is_under = |lack: &mut Violation| {
            lack.path.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let claimed: Vec<String> = self
            .lacks
            .extract_if(.., is_under)
            .map(|lack| format!("{}: {}", lack.path, lack.message))
            .collect();
        (!claimed.is_empty()).then(|| claimed.join("; "))
    }

    /// Reports a mistake; beyond a limit they are dropped.
    pub(super) fn violation(&mut self, location: &Location, message: impl Into<String>) {
        if self.violations.len() <= MOST_VIOLATIONS {
            self.violations.push(Violation::new(location.position, &location.path, message));
        }
    }

    /// Reports what is allowed but probably a mistake.
    pub(super) fn warning(&mut self, location: &Location, message: impl Into<String>) {
        self.warnings.push(Violation::new(location.position, &location.path, message));
    }

    /// The location of this position, under the path that is being decoded.
    pub(super) fn location(&self, position: TextPosition) -> Location {
        Location { position, path: self.path.clone() }
    }

    /// Decodes a node under the current path.
    pub(super) fn node<T: Decode>(&mut self, node: &Node) -> Slot<T> {
        Slot { location: self.location(node.position), value: T::decode(node, self) }
    }

    /// Decodes one key of a section, or its default.
    pub(super) fn slot<T: Decode>(&mut self, section: &Node, key: &Key) -> Slot<T> {
        self.inside(&yaml::segment(&self.path, key.name), |decoder| {
            let entry = entries(section).iter().find(|entry| entry.key == key.name);
            let mut slot = match entry {
                Some(entry) => decoder.node(&entry.value),
                None => Slot { location: decoder.location(section.position), value: Err(NoValue::Absent) },
            };
            let absent = match slot.value {
                Err(NoValue::Absent) => true,
                // Mistakes in the text itself are reported already; the value of a variable is not known.
                Err(NoValue::Unusable) => !decoder.checks_references(),
                Ok(_) => false,
            };
            if let (true, Some(default)) = (absent, key.default) {
                slot.value = T::decode(&Node::default(slot.location.position, default), decoder);
            }
            slot
        })
    }

    /// Checks that a node is a section and has no keys but these and `x-…`.
    pub(super) fn section(&mut self, node: &Node, keys: &[Key]) -> Result<(), NoValue> {
        if node.content == Content::Null {
            return Err(NoValue::Absent);
        }
        if !matches!(node.content, Content::Mapping(_)) {
            return Err(self.wrong(node, &format!("must be a map of keys, not {}", node.kind())));
        }
        for entry in entries(node) {
            if self.violations.len() > MOST_VIOLATIONS {
                break;
            }
            let known = entry.key.starts_with("x-") || keys.iter().any(|key| key.name == entry.key);
            if !known {
                let location = Location {
                    position: entry.position,
                    path: self.path.clone() + &yaml::segment(&self.path, &entry.key),
                };
                self.violation(&location, unknown_key(&entry.key, keys));
            }
        }
        Ok(())
    }

    fn wrong(&mut self, node: &Node, message: &str) -> NoValue {
        let location = self.location(node.position);
        self.violation(&location, message);
        NoValue::Unusable
    }

    /// Replaces each `${NAME}` by its value.
    fn expand(&mut self, position: TextPosition, text: &str) -> Result<String, NoValue> {
        let mut expanded = String::new();
        let mut usable = true;
        for piece in expand::pieces(text) {
            match piece {
                Piece::Literal(literal) => expanded.push_str(literal),
                Piece::Variable(Variable { name, default }) => {
                    self.variables.insert(name.to_owned());
                    let value = self.environment.get(name);
                    // Editors and `echo` add a line end; it is dropped, as for a key file.
                    let value = value.map(|value| value.trim_end_matches(['\r', '\n']));
                    let value = value.filter(|value| default.is_none() || !value.is_empty());
                    if let Some(value) = value.or(default) {
                        expanded.push_str(value);
                    } else {
                        self.unset(position, name);
                        usable = false;
                    }
                }
                Piece::Malformed => {
                    let message = "`${` must begin a reference such as `${NAME}` or `${NAME:-default}`; a literal `${` is written `$${`";
                    self.violation(&self.location(position), message);
                    usable = false;
                }
            }
        }
        self.expanded_bytes = self.expanded_bytes.saturating_add(expanded.len());
        if self.expanded_bytes > MOST_EXPANDED_BYTES {
            self.violation(&self.location(position), "the variables make the file longer than 1 MiB");
            usable = false;
        }
        if usable { Ok(expanded) } else { Err(NoValue::Unusable) }
    }

    fn unset(&mut self, position: TextPosition, name: &str) {
        if self.checks_references() {
            let message = format!("the environment variable {name} must be set");
            self.lack(&self.location(position), message);
        }
    }

    fn inside<R>(&mut self, segment: &str, work: impl FnOnce(&mut Self) -> R) -> R {
        let length = self.path.len();
        self.path.push_str(segment);
        let result = work(self);
        self.path.truncate(length);
        result
    }
}

/// Why a text is refused. `expanded` is its value; neither a secret nor the value of a variable is shown.
fn refusal(wants: &str, secrecy: Secrecy, text: &str, expanded: &str) -> String {
    let literal = text == expanded;
    if expanded.is_empty() {
        return if literal {
            format!("must be {wants}, not an empty text")
        } else {
            format!("must be {wants}; {} stands for an empty text", quoted(text))
        };
    }
    // In what was meant to be a URL, a password may stand before the `@`.
    let open = secrecy == Secrecy::Open && !text.contains('@');
    let defect = defect::of_text(expanded);
    match defect {
        _ if open && literal => match confusable::characters(expanded) {
            Some(found) => format!("must be {wants}, not {}, which {found}", quoted(text)),
            None => format!("must be {wants}, not {}", quoted(text)),
        },
        Some(defect) if open => {
            format!("must be {wants}; {} stands for a text that {defect}", quoted(text))
        }
        None if open => format!("must be {wants}; {} stands for something else", quoted(text)),
        Some(defect) => format!("must be {wants}; the text here {defect}"),
        None => format!("must be {wants}"),
    }
}

/// The entries of a section; anything else has none.
pub(super) fn entries(node: &Node) -> &[Entry] {
    match &node.content {
        Content::Mapping(entries) => entries,
        _ => &[],
    }
}

fn unknown_key(given: &str, keys: &[Key]) -> String {
    let has_effect = |key: &&Key| !matches!((key.shape)(), Shape::Ignored);
    let distance = |key: &Key| strsim::damerau_levenshtein(&given.to_lowercase(), &key.name.to_lowercase());
    let short = given.len() <= LONGEST_MISSPELT_KEY;
    let nearest = keys.iter().filter(|key| short && has_effect(key)).min_by_key(|key| distance(key));
    match nearest {
        _ if given.contains(':') => "unknown key; after a key's colon there must be a space".to_owned(),
        Some(key) if distance(key) <= (given.len() / 3).max(1) => {
            format!("unknown key; did you mean `{}`?", key.name)
        }
        _ => {
            let names: Vec<&str> = keys.iter().filter(has_effect).map(|key| key.name).collect();
            format!("unknown key; the keys here are {}", names.join(", "))
        }
    }
}
