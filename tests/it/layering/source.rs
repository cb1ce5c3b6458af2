//! A source file as the rules see it: the paths that its code names, without comments, strings and tests.

use std::collections::BTreeSet;
use std::iter::Peekable;
use std::str::FromStr as _;

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree, token_stream};

/// A source file.
#[derive(Debug)]
pub(super) struct Source {
    /// Relative to the package, `src/reload/funnel.rs`.
    pub(super) file: String,
    /// Its place among the modules, `["reload", "funnel"]`; empty for `lib.rs`, `["main"]` for `main.rs`.
    pub(super) module: Vec<String>,
    /// Lines that are not part of a test.
    pub(super) lines: usize,
    /// Every path of two or more words outside tests, with its line; `super` and `self` are resolved to `crate`.
    pub(super) paths: BTreeSet<(Vec<String>, usize)>,
    /// The modules that are declared with a body or only under test.
    pub(super) modules: Vec<Declared>,
}

/// A declared module.
#[derive(Debug)]
pub(super) struct Declared {
    pub(super) module: Vec<String>,
    pub(super) line: usize,
    pub(super) only_in_tests: bool,
}

impl Source {
    /// Reads a file; the error is the line that can not be read.
    pub(super) fn read(file: &str, text: &str) -> Result<Self, usize> {
        let tokens = TokenStream::from_str(text).map_err(|error| error.span().start().line)?;
        let module = module_of(file);
        let mut source = Self {
            file: file.to_owned(),
            lines: text.lines().count(),
            module: module.clone(),
            paths: BTreeSet::new(),
            modules: Vec::new(),
        };
        source.walk(tokens, &module);
        Ok(source)
    }

    /// The module and those that it is in.
    pub(super) fn ancestry(&self) -> impl Iterator<Item = &[String]> {
        (1..=self.module.len()).filter_map(|length| self.module.get(..length))
    }

    fn walk(&mut self, tokens: TokenStream, module: &[String]) {
        let mut tokens = tokens.into_iter().peekable();
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Punct(hash) if hash.as_char() == '#' && next_is_cfg_test(&mut tokens) => {
                    self.skip_item(&mut tokens, hash.span().start().line, module);
                }
                TokenTree::Ident(word) if word == "mod" => self.walk_module(&mut tokens, module),
                TokenTree::Ident(word) => {
                    let line = word.span().start().line;
                    self.walk_path(&mut tokens, vec![word.to_string()], line, module);
                }
                TokenTree::Group(group) => self.walk(group.stream(), module),
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
    }

    /// Behind `mod`: a module with a body has a place of its own, which `super` counts from.
    fn walk_module(&mut self, tokens: &mut Tokens, module: &[String]) {
        let Some(TokenTree::Ident(name)) = tokens.next() else { return };
        let module = child(module, &name.to_string());
        self.modules.push(Declared {
            module: module.clone(),
            line: name.span().start().line,
            only_in_tests: false,
        });
        if let Some(TokenTree::Group(body)) = tokens.next_if(|token| matches!(token, TokenTree::Group(_))) {
            self.walk(body.stream(), &module);
        }
    }

    /// Behind the first word of a path, or inside the braces of a `use`.
    fn walk_path(&mut self, tokens: &mut Tokens, mut path: Vec<String>, line: usize, module: &[String]) {
        while skip_colons(tokens) {
            match tokens.peek() {
                Some(TokenTree::Ident(word)) => path.push(word.to_string()),
                Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                    let group = group.stream();
                    tokens.next();
                    return self.walk_use_group(group, &path, module);
                }
                // `*`, or `<` of type arguments.
                _ => break,
            }
            tokens.next();
        }
        if path.len() > 1 {
            self.paths.insert((resolve(path, module), line));
        }
    }

    fn walk_use_group(&mut self, group: TokenStream, prefix: &[String], module: &[String]) {
        let mut tokens = group.into_iter().peekable();
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Ident(word) if word == "as" => drop(tokens.next()),
                TokenTree::Ident(word) => {
                    let line = word.span().start().line;
                    self.walk_path(&mut tokens, child(prefix, &word.to_string()), line, module);
                }
                TokenTree::Group(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
    }

    /// Behind `#` of `#[cfg(test)]`: its lines do not count, nor does what it names.
    fn skip_item(&mut self, tokens: &mut Tokens, first: usize, module: &[String]) {
        let mut last = first;
        let mut mod_seen = false;
        for token in tokens.by_ref() {
            last = token.span().end().line;
            match token {
                TokenTree::Punct(end) if end.as_char() == ';' => break,
                TokenTree::Group(body) if body.delimiter() == Delimiter::Brace => break,
                TokenTree::Ident(name) if mod_seen => {
                    let module = child(module, &name.to_string());
                    self.modules.push(Declared { module, line: last, only_in_tests: true });
                    mod_seen = false;
                }
                TokenTree::Ident(word) => mod_seen = word == "mod",
                TokenTree::Group(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
        self.lines -= last + 1 - first;
    }
}

type Tokens = Peekable<token_stream::IntoIter>;

fn module_of(file: &str) -> Vec<String> {
    let path = file.strip_prefix("src/").unwrap_or(file);
    let path = path.strip_suffix(".rs").unwrap_or(path);
    if path == "lib" { Vec::new() } else { path.split('/').map(str::to_owned).collect() }
}

fn child(module: &[String], name: &str) -> Vec<String> {
    [module, &[name.to_owned()]].concat()
}

/// Makes a path of our own start with `crate`.
fn resolve(path: Vec<String>, module: &[String]) -> Vec<String> {
    let ups = path.iter().take_while(|word| *word == "super").count();
    let own = match path.first().map(String::as_str) {
        Some("super" | "self") => module.get(..module.len().saturating_sub(ups)).unwrap_or_default(),
        Some("nbu_exporter") => &[],
        _ => return path,
    };
    let rest = path.get(ups.max(1)..).unwrap_or_default();
    [&["crate".to_owned()], own, rest].concat()
}

/// Whether `[cfg(test)]` follows, or another `cfg` that only tests can meet.
fn next_is_cfg_test(tokens: &mut Tokens) -> bool {
    let Some(TokenTree::Group(attribute)) = tokens.peek() else { return false };
    let text: String = attribute.stream().to_string().split_whitespace().collect();
    text == "cfg(test)" || text.starts_with("cfg(all(test,")
}

fn skip_colons(tokens: &mut Tokens) -> bool {
    let joint = |token: &TokenTree| matches!(token, TokenTree::Punct(colon) if colon.as_char() == ':' && colon.spacing() == Spacing::Joint);
    tokens.next_if(joint).is_some() && tokens.next().is_some()
}
