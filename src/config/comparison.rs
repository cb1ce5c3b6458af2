//! What one text of the configuration says otherwise than another, in words, for people: also of a text that is not valid.

use std::collections::BTreeSet;

use super::key::{Key, Shape};
use super::raw::RawConfig;
use super::redact;
use super::report::{MOST_QUOTED_CHARACTERS, one_line};
use super::tree::{Content, Entry, Node};
use super::yaml;

/// Nobody reads more of them.
const MOST_CHANGES: usize = 50;

/// What `new` says otherwise than `old`, one sentence each. Secrets are not shown, nor what the table of keys does not know.
pub(crate) fn changes(old: &[u8], new: &[u8]) -> Vec<String> {
    let tree = |text| yaml::parse(text).ok().map(|document| document.root);
    let mut changes = match (tree(old), tree(new)) {
        (Some(old), Some(new)) => {
            let mut comparison = Comparison(Vec::new());
            comparison.nodes(&old, &new, Some(&Shape::Section(RawConfig::KEYS)), "");
            comparison.0
        }
        _ => lines(&String::from_utf8_lossy(old), &String::from_utf8_lossy(new)).into_iter().collect(),
    };
    let more = changes.len().saturating_sub(MOST_CHANGES);
    if more > 0 {
        changes.truncate(MOST_CHANGES);
        changes.push(format!("and {more} more"));
    }
    changes
}

/// Which lines differ, without what they say: of a text that is no YAML nobody knows what is secret.
fn lines(old: &str, new: &str) -> Option<String> {
    let (old, new): (Vec<_>, Vec<_>) = (old.lines().collect(), new.lines().collect());
    let alike = |(old, new): &(&&str, &&str)| old == new;
    let before = old.iter().zip(&new).take_while(alike).count();
    let after = old.iter().rev().zip(new.iter().rev()).take_while(alike).count();
    let after = after.min(old.len().min(new.len()) - before);
    let (first, last) = (before + 1, new.len() - after);
    let gone = old.len() - after - before;
    match last.saturating_sub(before) {
        0 if gone == 0 => None,
        0 => Some(format!("{} gone before line {first}", count(gone, "line is", "lines are"))),
        1 => Some(format!("line {first} is another one")),
        _ => Some(format!("lines {first} to {last} are others")),
    }
}

fn count(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

struct Comparison(Vec<String>);

impl Comparison {
    fn nodes(&mut self, old: &Node, new: &Node, shape: Option<&Shape>, path: &str) {
        match (&old.content, &new.content, shape) {
            (Content::Mapping(old), Content::Mapping(new), Some(Shape::Section(keys))) => {
                self.mappings(old, new, keys, path);
            }
            (Content::Sequence(old), Content::Sequence(new), Some(Shape::List(item))) => {
                self.lists(old, new, &item(), path);
            }
            _ if is_same(old, new) => {}
            _ => match (shown(old, shape), shown(new, shape)) {
                (Some(old), Some(new)) if old != new => self.say(path, &format!("is {new} and was {old}")),
                _ if old.kind() != new.kind() => {
                    self.say(path, &format!("is {} and was {}", new.kind(), old.kind()));
                }
                _ => self.say(path, "has another value"),
            },
        }
    }

    fn mappings(&mut self, old: &[Entry], new: &[Entry], keys: &[Key], path: &str) {
        let find = |entries: &[Entry], key: &str| {
            entries.iter().find(|entry| entry.key == key).map(|entry| entry.value.clone())
        };
        let names = old.iter().chain(new).map(|entry| entry.key.as_str());
        let mut seen = BTreeSet::new();
        for name in names.filter(|name| !name.starts_with("x-") && seen.insert(*name)) {
            let shape = keys.iter().find(|key| key.name == name).map(|key| (key.shape)());
            let path = format!("{path}{}", yaml::segment(path, name));
            self.both(find(old, name), find(new, name), shape.as_ref(), &path);
        }
    }

    /// Items are told by what they are called, else by their places.
    fn lists(&mut self, old: &[Node], new: &[Node], shape: &Shape, path: &str) {
        let label = |(index, item): (usize, &Node)| name(item).unwrap_or_else(|| index.to_string());
        let labels = |items: &[Node]| items.iter().enumerate().map(label).collect::<Vec<_>>();
        let (old_labels, new_labels) = (labels(old), labels(new));
        let find = |items: &[Node], labels: &[String], label: &String| {
            labels.iter().position(|other| other == label).and_then(|index| items.get(index).cloned())
        };
        let mut seen = BTreeSet::new();
        for label in old_labels.iter().chain(&new_labels).filter(|label| seen.insert(*label)) {
            let path = format!("{path}[{label}]");
            self.both(find(old, &old_labels, label), find(new, &new_labels, label), Some(shape), &path);
        }
    }

    fn both(&mut self, old: Option<Node>, new: Option<Node>, shape: Option<&Shape>, path: &str) {
        let value = |node: &Node| shown(node, shape).map(|value| format!(": {value}")).unwrap_or_default();
        match (old, new) {
            (Some(old), Some(new)) => self.nodes(&old, &new, shape, path),
            (None, Some(new)) => self.say(path, &format!("is new{}", value(&new))),
            (Some(_), None) => self.say(path, "is gone"),
            (None, None) => {}
        }
    }

    fn say(&mut self, path: &str, what: &str) {
        let path = if path.is_empty() { "the file" } else { path };
        self.0.push(one_line(&format!("{path} {what}")));
    }
}

/// A value as it may be shown. A long one may be a key in the wrong place, as in a report.
fn shown(node: &Node, shape: Option<&Shape>) -> Option<String> {
    let shown = redact::shown(node, shape)?;
    let length = shown.chars().count();
    Some(if length > MOST_QUOTED_CHARACTERS { format!("a text of {length} characters") } else { shown })
}

/// What an item of a list is called.
fn name(item: &Node) -> Option<String> {
    let Content::Mapping(entries) = &item.content else { return None };
    let site = entries.iter().find(|entry| entry.key == "site")?;
    let Content::Scalar(name) = &site.value.content else { return None };
    // A name that could be a secret in the wrong place is not shown.
    (name.chars().count() <= MOST_QUOTED_CHARACTERS && !name.contains('@')).then(|| name.clone())
}

/// Whether both say the same, wherever they stand.
fn is_same(one: &Node, other: &Node) -> bool {
    match (&one.content, &other.content) {
        (Content::Mapping(one), Content::Mapping(other)) => {
            one.len() == other.len()
                && one.iter().zip(other).all(|(a, b)| a.key == b.key && is_same(&a.value, &b.value))
        }
        (Content::Sequence(one), Content::Sequence(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(a, b)| is_same(a, b))
        }
        (one, other) => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(old: &str, new: &str, expected: &[&str]) {
        assert_eq!(changes(old.as_bytes(), new.as_bytes()), expected, "{new}");
    }

    const RUNS: &str = "server: {collectionInterval: 5m}\nx-a: 1\nnbuservers:\n  - {site: paris, host: a, port: 1556, apiKey: k}\n  - {site: lyon, host: b, apiKey: k}\n";

    #[test]
    fn what_is_otherwise_is_said_in_words_by_the_names_of_sites() {
        check(RUNS, RUNS, &[]);
        check(RUNS, &RUNS.replace("x-a: 1", "x-a: 2"), &[]);
        check(RUNS, &RUNS.replace("5m", "5x"), &["server.collectionInterval is 5x and was 5m"]);
        check(RUNS, &RUNS.replace("port: 1556, ", ""), &["nbuservers[paris].port is gone"]);
        check(
            RUNS,
            &RUNS.replace("host: b", "host: b, timeout: 2m"),
            &["nbuservers[lyon].timeout is new: 2m"],
        );
        check(RUNS, &RUNS.replace("lyon", "nice"), &["nbuservers[lyon] is gone", "nbuservers[nice] is new"]);
        check(
            RUNS,
            &RUNS.replace("{collectionInterval: 5m}", "[]"),
            &["server is a list and was a map of keys"],
        );
        check(
            RUNS,
            "nbuservers: []",
            &["server is gone", "nbuservers[paris] is gone", "nbuservers[lyon] is gone"],
        );
    }

    #[test]
    fn no_secret_is_said_wherever_it_stands() {
        for new in [
            RUNS.replace("apiKey: k", "apiKey: hunter2"),
            RUNS.replace("apiKey: k", "apikey: hunter2"),
            RUNS.replace("apiKey: k", "apiKey: [hunter2]"),
            RUNS.replace("host: a", "host: 'joe:hunter2@a'"),
            RUNS.replace("host: a", "host: a, proxyUrl: 'http://joe:hunter2@p:1'"),
            RUNS.replace("site: lyon", "site: 'joe:hunter2@lyon'"),
            // In the place of something else, as long as the keys of NetBackup are.
            RUNS.replace(
                "host: a",
                "host: a, timeout: hunter2-is-as-long-as-the-keys-that-netbackup-makes-0123456789",
            ),
            RUNS.replace("5m", "hunter2-is-as-long-as-the-keys-that-netbackup-makes-0123456789"),
            RUNS.replace(
                "site: lyon",
                "site: hunter2-is-as-long-as-the-keys-that-netbackup-makes-0123456789",
            ),
            RUNS.replace("apiKey: k", "apiKey: 'hunter2"),
            "hunter2".to_owned(),
        ] {
            for (old, new) in [(RUNS, new.as_str()), (new.as_str(), RUNS)] {
                let said = changes(old.as_bytes(), new.as_bytes()).join("\n");
                assert!(!said.contains("hunter2") && !said.is_empty(), "{new} gave {said}");
            }
        }
        check(
            RUNS,
            &RUNS.replace("host: b, apiKey: k", "host: b, apiKey: other"),
            &["nbuservers[lyon].apiKey has another value"],
        );
    }

    #[test]
    fn of_a_text_that_is_no_yaml_the_lines_are_told() {
        check("a: 1\nb: 2\nc: 3\n", "a: 1\nb: [\nc: 3\n", &["line 2 is another one"]);
        check("a: 1\nc: 3\n", "a: 1\nb: [\n{\nc: 3\n", &["lines 2 to 3 are others"]);
        check("a: 1\nb: ]\nc: [\n", "a: 1\nc: [\n", &["1 line is gone before line 2"]);
        check("a: [\n", "a: [\n", &[]);
    }

    #[test]
    fn a_text_that_has_nothing_in_common_does_not_fill_a_page() {
        let sites =
            (0..99).map(|n| format!("  - {{site: s{n}, host: h, apiKey: k}}\n")).collect::<Vec<_>>().concat();
        let said = changes(b"nbuservers: []", format!("nbuservers:\n{sites}").as_bytes());
        assert_eq!((said.len(), said.last().unwrap().as_str()), (MOST_CHANGES + 1, "and 49 more"));
    }
}
