//! A source file as the rules see it: the paths that its code names, without comments, strings and tests.

use std::collections::{BTreeMap, BTreeSet};
use std::iter::Peekable;
use std::str::FromStr as _;

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree, token_stream};

/// A source file.
#[derive(Debug)]
pub(super) struct Source {
    /// Relative to the repository, `src/config/site.rs`.
    pub(super) file: String,
    /// Its place among the modules, `["config", "site"]`; empty for `lib.rs`, `["main"]` for `main.rs`.
    pub(super) module: Vec<String>,
    /// Lines that are not part of a test.
    pub(super) lines: usize,
    /// Every path of two or more words outside tests, with its line; `super` and `self` are resolved to `crate`.
    pub(super) paths: BTreeSet<(Vec<String>, usize)>,
    /// The modules that it declares.
    pub(super) modules: Vec<Declared>,
    /// The names that it imports, each with the path that it stands for.
    pub(super) imports: BTreeMap<String, Vec<String>>,
    /// The types that it defines outside tests, with their lines.
    pub(super) types: Vec<(String, usize)>,
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
            imports: BTreeMap::new(),
            types: Vec::new(),
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
                TokenTree::Ident(word) if word == "struct" || word == "enum" || word == "trait" => {
                    if let Some(TokenTree::Ident(name)) = tokens.peek() {
                        self.types.push((name.to_string(), name.span().start().line));
                    }
                }
                TokenTree::Ident(word) if word == "use" => self.walk_use(&mut tokens, &[], module),
                TokenTree::Ident(word) => {
                    let line = word.span().start().line;
                    if let Some(path) = self.walk_path(&mut tokens, vec![word.to_string()], module) {
                        self.add_path(path, line, module);
                    }
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

    /// Behind `use`, or inside its braces: each path of it, and what it is called here.
    fn walk_use(&mut self, tokens: &mut Tokens, prefix: &[String], module: &[String]) {
        while let Some(TokenTree::Ident(word)) = tokens.next_if(|token| !is_punct(token, ';')) {
            let line = word.span().start().line;
            if let Some(path) = self.walk_path(tokens, child(prefix, &word.to_string()), module) {
                let is_as = |token: &TokenTree| matches!(token, TokenTree::Ident(word) if word == "as");
                let renamed = tokens.next_if(is_as).and_then(|_| tokens.next()).map(|name| name.to_string());
                let imported = path.strip_suffix(&["self".to_owned()]).unwrap_or(&path).to_vec();
                if let Some(name) = renamed.or_else(|| imported.last().cloned()) {
                    self.imports.insert(name, resolve(imported, module));
                }
                self.add_path(path, line, module);
            }
            while tokens.next_if(|token| is_punct(token, '*') || is_punct(token, ',')).is_some() {}
        }
    }

    /// Behind the first word of a path: the whole path, or `None` when it ended in the braces of a `use`.
    fn walk_path(
        &mut self,
        tokens: &mut Tokens,
        mut path: Vec<String>,
        module: &[String],
    ) -> Option<Vec<String>> {
        while skip_colons(tokens) {
            match tokens.peek() {
                Some(TokenTree::Ident(word)) => path.push(word.to_string()),
                Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                    let group = group.stream();
                    tokens.next();
                    self.walk_use(&mut group.into_iter().peekable(), &path, module);
                    return None;
                }
                // `*`, or `<` of type arguments.
                _ => break,
            }
            tokens.next();
        }
        Some(path)
    }

    fn add_path(&mut self, path: Vec<String>, line: usize, module: &[String]) {
        if path.len() > 1 {
            self.paths.insert((resolve(path, module), line));
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
    let path = file.split_once("src/").map_or(file, |(_, path)| path);
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

fn is_punct(token: &TokenTree, character: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == character)
}

fn skip_colons(tokens: &mut Tokens) -> bool {
    let joint = |token: &TokenTree| matches!(token, TokenTree::Punct(colon) if colon.as_char() == ':' && colon.spacing() == Spacing::Joint);
    tokens.next_if(joint).is_some() && tokens.next().is_some()
}
