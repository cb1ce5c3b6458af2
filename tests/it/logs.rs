//! The list of log lines in `docs/logs.md` is the program's: it is read from the source.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::documents::with_section;
use crate::harness::{expect, read};
use crate::program;

const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

/// A log line as the source has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Line {
    /// Its place among [`LEVELS`].
    level: usize,
    message: String,
    keys: Vec<String>,
}

impl Line {
    /// Its row, but for when it is written.
    fn row(&self) -> String {
        let keys = self.keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
        format!("| {} | {} | {keys} |", LEVELS[self.level], self.message.replace('|', "\\|"))
    }
}

/// Every `tracing::warn!(…)`, or `warn!(…)` where it is imported.
fn lines(tokens: &TokenStream, found: &mut BTreeSet<Line>) {
    let tokens: Vec<TokenTree> = tokens.clone().into_iter().collect();
    for (index, token) in tokens.iter().enumerate() {
        let TokenTree::Group(group) = token else { continue };
        lines(&group.stream(), found);
        let [.., TokenTree::Ident(name), TokenTree::Punct(mark)] = &tokens[..index] else { continue };
        let level = LEVELS.iter().position(|level| name == level);
        if let (Some(level), '!', Delimiter::Parenthesis) = (level, mark.as_char(), group.delimiter()) {
            found.insert(line(level, group.stream()));
        }
    }
}

/// The arguments of a macro: fields, then the message with its own arguments.
fn line(level: usize, arguments: TokenStream) -> Line {
    let mut keys = Vec::new();
    let mut argument: Vec<TokenTree> = Vec::new();
    for token in arguments
        .into_iter()
        .chain([TokenTree::Punct(proc_macro2::Punct::new(',', proc_macro2::Spacing::Alone))])
    {
        if !matches!(&token, TokenTree::Punct(mark) if mark.as_char() == ',') {
            argument.push(token);
            continue;
        }
        let argument = std::mem::take(&mut argument);
        match argument.as_slice() {
            [TokenTree::Literal(message)] => {
                return Line { level, message: text(&message.to_string()), keys };
            }
            // `target: TARGET`
            [TokenTree::Ident(_), TokenTree::Punct(mark), ..] if mark.as_char() == ':' => {}
            argument => keys.extend(key(argument)),
        }
    }
    panic!("a log line without a message: {keys:?}");
}

/// `key`, `%key`, `?key`, or `key = value`.
fn key(argument: &[TokenTree]) -> Option<String> {
    let name = argument.iter().find_map(|token| match token {
        TokenTree::Ident(name) => Some(name.to_string()),
        _ => None,
    });
    let has_path =
        argument.iter().take(3).any(|token| matches!(token, TokenTree::Punct(mark) if mark.as_char() == '.'));
    assert!(!has_path || argument.len() > 3, "a key is one word: {argument:?}");
    name
}

/// The message that a literal stands for; `…` where a value is put in.
fn text(literal: &str) -> String {
    let mut text = String::new();
    let mut rest = literal.trim_matches('"').replace("\\\"", "\"");
    while let Some((before, after)) = rest.split_once("\\\n") {
        rest = format!("{before}{}", after.trim_start());
    }
    let mut rest = rest.as_str();
    while let Some((before, after)) = rest.split_once(['{', '}']) {
        text.push_str(before);
        let mark = &rest[before.len()..=before.len()];
        rest = if let Some(after) = after.strip_prefix(mark) {
            text.push_str(mark);
            after
        } else {
            text.push('…');
            after.split_once('}').unwrap().1
        };
    }
    text + rest
}

fn program_lines() -> BTreeSet<Line> {
    let mut found = BTreeSet::new();
    for (_, tokens) in program::files() {
        lines(&tokens, &mut found);
    }
    assert!(found.len() > 40, "{found:#?}");
    found
}

#[test]
fn the_list_of_log_lines_is_the_programs() {
    let text = read("docs/logs.md");
    // When a line is written is said by hand, and found again by its message.
    let written: BTreeMap<&str, &str> = text
        .lines()
        .filter_map(|row| {
            let [level, message, _, when] =
                row.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").collect::<Vec<_>>()[..]
            else {
                return None;
            };
            LEVELS.contains(&level).then_some((message, when))
        })
        .collect();
    let mut table = "| level | message | keys | when |\n|---|---|---|---|\n".to_owned();
    for line in program_lines() {
        let when = written.get(line.message.replace('|', "\\|").as_str());
        let _ = writeln!(table, "{} {} |", line.row(), when.copied().unwrap_or("TODO"));
    }
    expect("docs/logs.md", &with_section(&text, "lines", &table));
    assert!(!table.contains("| TODO |"), "docs/logs.md does not say when each line is written:\n{table}");
}

#[test]
fn log_lines_keep_to_one_style() {
    for line in program_lines() {
        let message = &line.message;
        let first = message.chars().next().unwrap();
        // A flag is written as the user wrote it.
        assert!(first.is_uppercase() || message.starts_with("--"), "begins with a capital: {line:?}");
        assert!(!message.ends_with('.'), "ends without a full stop: {line:?}");
        for key in &line.keys {
            let is_snake_case = key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
            assert!(is_snake_case, "{key}: {line:?}");
            assert!(
                !["err", "why", "problem", "cause"].contains(&key.as_str()),
                "the cause is `error`: {line:?}"
            );
        }
    }
}

#[test]
fn a_log_line_is_read_from_its_macro() {
    #[track_caller]
    fn check(source: &str, expected: &str) {
        let mut found = BTreeSet::new();
        lines(&source.parse().unwrap(), &mut found);
        assert_eq!(found.iter().map(Line::row).collect::<Vec<_>>(), [expected]);
    }
    check(
        "fn f() { tracing::warn!(%site, error = why, \"It fails\"); }",
        "| warn | It fails | `site`, `error` |",
    );
    check(
        "info!(target: T, a = b.c(1, 2), \"The {} of {name:?} and ${{NAME}}\", x);",
        "| info | The … of … and ${NAME} | `a` |",
    );
    check("error!(\"One \\\n    line\")", "| error | One line |  |");
}
