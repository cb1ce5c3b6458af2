use std::collections::BTreeSet;

use super::expand::{self, Piece, Variable};
use super::key::{Key, Secrecy, Shape};
use super::report::{MOST_VIOLATIONS, Violation, quoted};
use super::tree::{Content, Entry, Node, Place};
use super::{Check, Environment, confusable, trouble, yaml};

/// Expanded text beyond this is no configuration; a reference of four bytes may stand for 128 KiB.
const MOST_EXPANDED_BYTES: usize = 1 << 20;
/// A longer word is no misspelt key.
const LONGEST_MISSPELT_KEY: usize = 64;

/// Where something is, for a violation about it.
#[derive(Clone, Debug, Default)]
pub(super) struct At {
    pub(super) place: Place,
    pub(super) path: String,
}

/// Why there is no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Without {
    /// The key is not there, or nothing stands behind it.
    Value,
    /// The key is there and can not be used; that is reported already, or it was asked not to.
    Use,
}

/// A key's value, or why there is none, and where.
#[derive(Clone, Debug)]
pub(super) struct Slot<T> {
    pub(super) at: At,
    pub(super) value: Result<T, Without>,
}

/// A value that a node of the tree can hold.
pub(super) trait Decode: Sized {
    /// Reads a node; what is wrong with it is reported to the reader.
    fn decode(node: &Node, reader: &mut Reader<'_>) -> Result<Self, Without>;
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

/// Walks the tree and collects what there is to say about it.
pub(super) struct Reader<'a> {
    environment: &'a Environment,
    check: Check,
    path: String,
    expanded_bytes: usize,
    pub(super) violations: Vec<Violation>,
    /// What the text refers to and is not to be used, where a site can be left out for it.
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
        !matches!(self.value, Err(Without::Value))
    }
}

impl<T: Scalar> Decode for T {
    fn decode(node: &Node, reader: &mut Reader<'_>) -> Result<Self, Without> {
        let text = match &node.content {
            Content::Scalar(text) => text,
            Content::Null => return Err(Without::Value),
            _ => return Err(reader.wrong(node, &format!("must be {}, not {}", T::wants(), node.kind()))),
        };
        let expanded = reader.expand(node.place, text)?;
        if expanded.is_empty() && T::MAY_BE_EMPTY {
            return Err(Without::Value);
        }
        let value = if expanded.is_empty() { None } else { T::parse(&expanded) };
        value.ok_or_else(|| reader.wrong(node, &refusal(&T::wants(), T::SECRECY, text, &expanded)))
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
    fn decode(node: &Node, reader: &mut Reader<'_>) -> Result<Self, Without> {
        let items = match &node.content {
            Content::Sequence(items) => items,
            Content::Null => return Err(Without::Value),
            _ => return Err(reader.wrong(node, &format!("must be a list, not {}", node.kind()))),
        };
        Ok(items
            .iter()
            .enumerate()
            .map(|(index, item)| reader.inside(&format!("[{index}]"), |reader| reader.node(item)))
            .collect())
    }

    fn shape() -> Shape {
        Shape::List(T::shape)
    }
}

impl<'a> Reader<'a> {
    pub(super) fn new(environment: &'a Environment, check: Check) -> Self {
        Self {
            environment,
            check,
            path: String::new(),
            expanded_bytes: 0,
            violations: Vec::new(),
            lacks: Vec::new(),
            warnings: Vec::new(),
            variables: BTreeSet::new(),
        }
    }

    /// Whether what the text refers to must be there.
    pub(super) fn checks_references(&self) -> bool {
        self.check != Check::SkipReferences
    }

    /// Reports that something can not be used that the text refers to.
    pub(super) fn lack(&mut self, at: &At, message: impl Into<String>) {
        if self.check == Check::Start && self.lacks.len() <= MOST_VIOLATIONS {
            self.lacks.push(Violation::new(at.place, &at.path, message));
        } else {
            self.violation(at, message);
        }
    }

    /// Takes out what is lacking under a path, one mistake after the other; `None` if nothing is.
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

    /// Reports a mistake; of very many the rest is dropped.
    pub(super) fn violation(&mut self, at: &At, message: impl Into<String>) {
        if self.violations.len() <= MOST_VIOLATIONS {
            self.violations.push(Violation::new(at.place, &at.path, message));
        }
    }

    /// Reports what is allowed and probably not meant.
    pub(super) fn warning(&mut self, at: &At, message: impl Into<String>) {
        self.warnings.push(Violation::new(at.place, &at.path, message));
    }

    /// Where `place` is, under the path that is being read.
    pub(super) fn at(&self, place: Place) -> At {
        At { place, path: self.path.clone() }
    }

    /// Reads a node under the current path.
    pub(super) fn node<T: Decode>(&mut self, node: &Node) -> Slot<T> {
        Slot { at: self.at(node.place), value: T::decode(node, self) }
    }

    /// Reads one key of a section, or its default.
    pub(super) fn slot<T: Decode>(&mut self, section: &Node, key: &Key) -> Slot<T> {
        self.inside(&yaml::segment(&self.path, key.name), |reader| {
            let entry = entries(section).iter().find(|entry| entry.key == key.name);
            let mut slot = match entry {
                Some(entry) => reader.node(&entry.value),
                None => Slot { at: reader.at(section.place), value: Err(Without::Value) },
            };
            let absent = match slot.value {
                Err(Without::Value) => true,
                // Its own mistakes are reported; what a variable would say is not known.
                Err(Without::Use) => !reader.checks_references(),
                Ok(_) => false,
            };
            if let (true, Some(default)) = (absent, key.default) {
                slot.value = T::decode(&Node::default(slot.at.place, default), reader);
            }
            slot
        })
    }

    /// Checks that a node is a section and has no keys but these and `x-…`.
    pub(super) fn section(&mut self, node: &Node, keys: &[Key]) -> Result<(), Without> {
        if node.content == Content::Null {
            return Err(Without::Value);
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
                let at = At {
                    place: entry.place,
                    path: self.path.clone() + &yaml::segment(&self.path, &entry.key),
                };
                self.violation(&at, unknown_key(&entry.key, keys));
            }
        }
        Ok(())
    }

    fn wrong(&mut self, node: &Node, message: &str) -> Without {
        let at = self.at(node.place);
        self.violation(&at, message);
        Without::Use
    }

    /// Puts in what `${NAME}` stands for.
    fn expand(&mut self, place: Place, text: &str) -> Result<String, Without> {
        let mut expanded = String::new();
        let mut usable = true;
        for piece in expand::pieces(text) {
            match piece {
                Piece::Literal(literal) => expanded.push_str(literal),
                Piece::Variable(Variable { name, default }) => {
                    self.variables.insert(name.to_owned());
                    let value = self.environment.get(name);
                    // An editor or `echo` ends it with one; a key file is read the same way.
                    let value = value.map(|value| value.trim_end_matches(['\r', '\n']));
                    let value = value.filter(|value| default.is_none() || !value.is_empty());
                    if let Some(value) = value.or(default) {
                        expanded.push_str(value);
                    } else {
                        self.unset(place, name);
                        usable = false;
                    }
                }
                Piece::Malformed => {
                    let message = "`${` must begin a reference such as `${NAME}` or `${NAME:-default}`; a literal `${` is written `$${`";
                    self.violation(&self.at(place), message);
                    usable = false;
                }
            }
        }
        self.expanded_bytes = self.expanded_bytes.saturating_add(expanded.len());
        if self.expanded_bytes > MOST_EXPANDED_BYTES {
            self.violation(&self.at(place), "the variables make the file longer than 1 MiB");
            usable = false;
        }
        if usable { Ok(expanded) } else { Err(Without::Use) }
    }

    fn unset(&mut self, place: Place, name: &str) {
        if self.checks_references() {
            let message = format!("the environment variable {name} must be set");
            self.lack(&self.at(place), message);
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

/// Why a text is not taken. `expanded` is what it stands for; neither a secret nor the value of a variable is shown.
fn refusal(wants: &str, secrecy: Secrecy, text: &str, expanded: &str) -> String {
    let literal = text == expanded;
    if expanded.is_empty() {
        return if literal {
            format!("must be {wants}, not an empty text")
        } else {
            format!("must be {wants}; {} stands for an empty text", quoted(text))
        };
    }
    // A password may stand before the `@` of something that was meant to be a URL.
    let open = secrecy == Secrecy::Open && !text.contains('@');
    let trouble = trouble::of_text(expanded);
    match trouble {
        _ if open && literal => match confusable::characters(expanded) {
            Some(found) => format!("must be {wants}, not {}, which {found}", quoted(text)),
            None => format!("must be {wants}, not {}", quoted(text)),
        },
        Some(trouble) if open => {
            format!("must be {wants}; {} stands for a text that {trouble}", quoted(text))
        }
        None if open => format!("must be {wants}; {} stands for something else", quoted(text)),
        Some(trouble) => format!("must be {wants}; the text here {trouble}"),
        None => format!("must be {wants}"),
    }
}

/// The keys of a section; anything else has none.
pub(super) fn entries(node: &Node) -> &[Entry] {
    match &node.content {
        Content::Mapping(entries) => entries,
        _ => &[],
    }
}

fn unknown_key(given: &str, keys: &[Key]) -> String {
    let alive = |key: &&Key| !matches!((key.shape)(), Shape::Dead);
    let distance = |key: &Key| strsim::damerau_levenshtein(&given.to_lowercase(), &key.name.to_lowercase());
    let short = given.len() <= LONGEST_MISSPELT_KEY;
    let nearest = keys.iter().filter(|key| short && alive(key)).min_by_key(|key| distance(key));
    match nearest {
        _ if given.contains(':') => "unknown key; after a key's colon there must be a space".to_owned(),
        Some(key) if distance(key) <= (given.len() / 3).max(1) => {
            format!("unknown key; did you mean `{}`?", key.name)
        }
        _ => {
            let names: Vec<&str> = keys.iter().filter(alive).map(|key| key.name).collect();
            format!("unknown key; the keys here are {}", names.join(", "))
        }
    }
}
