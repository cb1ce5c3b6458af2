//! The source of the program without its tests, as tokens.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::str::FromStr as _;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::harness::repository;

/// Every source file of the program with its tokens, without what is compiled for tests only.
pub fn files() -> Vec<(String, TokenStream)> {
    let mut files = rust_files(&["src"]);
    let only_in_tests: BTreeSet<String> =
        files.iter().flat_map(|(file, text)| modules_of_tests(file, text)).collect();
    let is_test = |file: &str| {
        let module = file.trim_end_matches(".rs");
        only_in_tests.iter().any(|test| {
            module.strip_prefix(test.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    };
    files.retain(|(file, _)| !is_test(file));
    assert!(files.len() > 100, "{} files", files.len());
    files
        .into_iter()
        .map(|(file, text)| {
            let tokens = TokenStream::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
            (file, without_tests(tokens))
        })
        .collect()
}

/// The Rust files in these folders: the path from the repository's root, and the text.
pub fn rust_files(folders: &[&str]) -> Vec<(String, String)> {
    let mut files = Vec::new();
    for folder in folders {
        read_folder(&repository(folder), &mut files);
    }
    assert!(files.len() > 40, "found only {} files", files.len());
    files
}

fn read_folder(folder: &Path, files: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_folder(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let file = path.strip_prefix(repository("")).unwrap().to_str().unwrap().to_owned();
            files.push((file, fs::read_to_string(&path).unwrap()));
        }
    }
}

/// The modules in files of their own that this file declares for tests only, such as `reload/tests`.
fn modules_of_tests(file: &str, text: &str) -> Vec<String> {
    let folder = match file.strip_suffix(".rs").unwrap_or(file) {
        "src/lib" | "src/main" => "src/".to_owned(),
        module => format!("{module}/"),
    };
    let declared = text.split("#[cfg(test)]\n").skip(1).filter_map(|rest| {
        let line = rest.lines().find(|line| !line.starts_with("#["))?;
        line.strip_suffix(';')?.rsplit_once("mod ")
    });
    declared.map(|(_, name)| format!("{folder}{name}")).collect()
}

/// Leaves out every item behind `#[cfg(test)]`, at any depth.
fn without_tests(tokens: TokenStream) -> TokenStream {
    let mut kept = Vec::new();
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Punct(hash) if hash.as_char() == '#' && tokens.peek().is_some_and(is_cfg_test) => {
                // An item ends with a semicolon or with its body.
                tokens.find(|token| match token {
                    TokenTree::Punct(mark) => mark.as_char() == ';',
                    TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
                    _ => false,
                });
            }
            TokenTree::Group(group) => {
                let inside = without_tests(group.stream());
                kept.push(TokenTree::Group(proc_macro2::Group::new(group.delimiter(), inside)));
            }
            token => kept.push(token),
        }
    }
    kept.into_iter().collect()
}

fn is_cfg_test(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Group(group) if group.stream().to_string().replace(' ', "") == "cfg(test)")
}
