//! The architecture, enforced on the source: which module may see which, and what a file may be.
//!
//! Imports go strictly downward, and modules of one layer do not know each other. A new top-level module has to be
//! given its place in [`LAYERS`].

mod circle;
mod modules;
mod source;
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use crate::program::rust_files;
use modules::Modules;
use source::Source;

/// The place of each top-level module. It may see only what stands at a lower number.
pub const LAYERS: [(&str, u8); 24] = [
    // Vocabulary: no I/O, no tasks, no logs.
    ("certificate", 0),
    ("metric", 0),
    ("config", 1),
    // Adapters and stores.
    ("netbackup", 10),
    ("shutdown", 10),
    ("snapshot", 10),
    ("source", 10),
    ("systemd", 10),
    ("telemetry", 10),
    // The flow of the domain.
    ("collector", 20),
    ("exposition", 20),
    ("fleet", 20),
    ("reload", 20),
    // Processes, and the picture of what they did. The doctor runs once instead of the others, on the same adapters; they do not know each other.
    ("admission", 30),
    ("doctor", 30),
    ("poller", 30),
    ("status", 30),
    ("supervisor", 31),
    // Surface.
    ("http", 40),
    // Composition: no logic.
    // What is fuzzed of all these.
    ("fuzz", 49),
    ("app", 50),
    ("cli", 51),
    ("main", 52),
    ("lib", 53),
];

/// What a module must not name although its layer would allow it: our modules and other crates.
const FORBIDDEN: [(&[&str], &[&str], &str); 4] = [
    (
        &["http"],
        &["crate::netbackup", "crate::collector", "crate::source"],
        "the surface only shows what is there",
    ),
    (
        &["certificate", "config", "metric"],
        &["std::fs", "std::env", "std::net::TcpStream", "tokio", "tracing", "reqwest", "notify", "kube"],
        "the vocabulary does no I/O, spawns nothing and does not log",
    ),
    (
        &["supervisor", "poller"],
        &["axum", "hyper", "reqwest", "http", "serde_yaml"],
        "the processes speak neither HTTP nor YAML",
    ),
    (&["collector", "exposition"], &["serde_yaml", "axum", "reqwest"], "the domain knows no transport"),
];

/// What only these modules may name: another crate, the modules, and why.
const RESERVED: [(&str, &[&str], &str); 1] =
    [("nbu_exporter_simulator", &["cli", "main"], "only the command line starts simulations")];

/// What only one file may name, so that it can be replaced there.
const ONE_FILE: [&str; 2] = ["serde_yaml", "prometheus::proto"];

/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 8] = ["common", "helper", "helpers", "misc", "mod", "models", "util", "utils"];

/// Lines of a file without its tests.
const LINE_BUDGET: usize = 350;

/// Files that may be longer: the file, its own budget, and why it is one thing all the same.
const LONGER: [(&str, usize, &str); 0] = [];

/// Type names that several modules of a crate may have: each is read with its module (`file::Options`).
const SHARED_NAMES: [&str; 2] = ["Error", "Options"];

#[test]
fn the_exporter_keeps_to_its_layers() {
    let files = rust_files(&["src"]);
    assert_none(&[layer_findings(&files), findings(&files)].concat());
}

#[test]
fn the_simulator_keeps_to_the_same_form() {
    assert_none(&findings(&rust_files(&["simulator/src"])));
}

#[test]
fn every_file_says_in_its_first_line_what_it_is() {
    let files = rust_files(&["benches", "heap", "simulator", "src", "tests"]);
    let untitled = files.iter().filter(|(_, text)| !text.starts_with("//! "));
    let findings: Vec<_> =
        untitled.map(|(file, _)| format!("{file}:1: does not begin with a `//!` line")).collect();
    assert_none(&findings);
}

#[test]
fn every_file_is_a_module_that_its_parent_names() {
    let files = rust_files(&["benches/ratios", "simulator/src", "src", "tests/it"]);
    let findings: Vec<_> = files
        .iter()
        .filter(|(file, _)| !is_named(file, &files))
        .map(|(file, _)| format!("{file}: no `mod` line"))
        .collect();
    assert_none(&findings);
}

/// Whether the parent of this file has its `mod` line; the roots of crates have none.
fn is_named(file: &str, files: &[(String, String)]) -> bool {
    let (folder, name) = file.rsplit_once('/').unwrap();
    let line = format!("mod {};", name.trim_end_matches(".rs"));
    let parents = [format!("{folder}.rs"), format!("{folder}/main.rs"), format!("{folder}/lib.rs")];
    ["main.rs", "lib.rs"].contains(&name)
        || files.iter().any(|(path, text)| parents.contains(path) && text.contains(&line))
}

#[track_caller]
fn assert_none(findings: &[String]) {
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}

/// What is wrong with these files of the exporter beyond [`findings`].
fn layer_findings(files: &[(String, String)]) -> Vec<String> {
    let (sources, _) = parse(files);
    let mut findings = Vec::new();
    let modules = Modules::of(&sources);
    for source in &sources {
        check_paths(source, &modules, &mut findings);
    }
    check_one_file(&sources, &mut findings);
    findings.sort();
    findings
}

/// What is wrong with these files of one crate (path from the repository's root, text), each as `FILE:LINE: sentence`.
fn findings(files: &[(String, String)]) -> Vec<String> {
    let (sources, mut findings) = parse(files);
    for source in &sources {
        check_names(source, &mut findings);
        check_length(source, &mut findings);
    }
    check_exceptions(&sources, &mut findings);
    check_types(&sources, &mut findings);
    findings.extend(circle::circles(&sources));
    findings.sort();
    findings
}

/// The files without those that are only built for tests, and what can not be read.
fn parse(files: &[(String, String)]) -> (Vec<Source>, Vec<String>) {
    let mut findings = Vec::new();
    let mut sources = Vec::new();
    for (file, text) in files {
        match Source::read(file, text) {
            Ok(source) => sources.push(source),
            Err(line) => findings.push(format!("{file}:{line}: is no Rust")),
        }
    }
    let declared = sources.iter().flat_map(|source| &source.modules);
    let tests: BTreeSet<_> =
        declared.filter(|declared| declared.only_in_tests).map(|declared| declared.module.clone()).collect();
    sources.retain(|source| !source.ancestry().any(|module| tests.contains(module)));
    (sources, findings)
}

fn check_names(source: &Source, findings: &mut Vec<String>) {
    let names = source.module.last().map(|name| (name, 1));
    let declared =
        source.modules.iter().filter_map(|declared| Some((declared.module.last()?, declared.line)));
    for (name, line) in names.into_iter().chain(declared) {
        if EMPTY_NAMES.contains(&name.as_str()) {
            findings.push(format!("{}:{line}: `{name}` says nothing about what is inside", source.file));
        }
    }
}

fn check_length(source: &Source, findings: &mut Vec<String>) {
    let own = LONGER.iter().find(|(file, ..)| *file == source.file);
    let budget = own.map_or(LINE_BUDGET, |(_, budget, _)| *budget);
    if source.lines > budget {
        findings
            .push(format!("{}:1: has {} lines without its tests, over {budget}", source.file, source.lines));
    }
}

fn check_paths(source: &Source, modules: &Modules<'_>, findings: &mut Vec<String>) {
    let own = source.module.first().map_or("lib", String::as_str);
    let Some(own_layer) = layer(own) else {
        findings.push(format!("{}:1: the module `{own}` has no place in the table of layers", source.file));
        return;
    };
    for (path, line) in &source.paths {
        let place = format!("{}:{line}", source.file);
        let text = path.join("::");
        let target = modules.module_of(&source.module, path);
        if let [first, seen, ..] = path.as_slice()
            && first == "crate"
            // What the root exports is of the module that it comes from.
            && let seen = target.first().unwrap_or(seen)
            && seen != own
        {
            match layer(seen) {
                None => {
                    findings.push(format!("{place}: `{text}`: `{seen}` has no place in the table of layers"));
                }
                Some(seen_layer) if seen_layer >= own_layer => {
                    let relation = if seen_layer == own_layer { "stands beside" } else { "stands above" };
                    findings.push(format!("{place}: `{text}`: `{seen}` {relation} `{own}`"));
                }
                Some(_) => {}
            }
        }
        for (modules, forbidden, reason) in FORBIDDEN {
            if modules.contains(&own) && forbidden.iter().any(|forbidden| is_at_or_below(path, forbidden)) {
                findings.push(format!("{place}: `{text}` in `{own}`: {reason}"));
            }
        }
        for (reserved, modules, reason) in RESERVED {
            if !modules.contains(&own) && is_at_or_below(path, reserved) {
                findings.push(format!("{place}: `{text}` in `{own}`: {reason}"));
            }
        }
    }
}

fn check_one_file(sources: &[Source], findings: &mut Vec<String>) {
    for subject in ONE_FILE {
        let places: Vec<_> = sources
            .iter()
            .filter_map(|source| {
                let (_, line) = source.paths.iter().find(|(path, _)| is_at_or_below(path, subject))?;
                Some(format!("{}:{line}", source.file))
            })
            .collect();
        if let [first, others @ ..] = places.as_slice() {
            findings.extend(
                others.iter().map(|other| format!("{other}: `{subject}` has its one file already: {first}")),
            );
        }
    }
}

fn check_types(sources: &[Source], findings: &mut Vec<String>) {
    let mut first = BTreeMap::new();
    for source in sources {
        for (name, line) in &source.types {
            let place = format!("{}:{line}", source.file);
            match first.get(name) {
                Some(first) if !SHARED_NAMES.contains(&name.as_str()) => {
                    findings.push(format!("{place}: the type name `{name}` is taken already: {first}"));
                }
                _ => drop(first.insert(name, place)),
            }
        }
    }
}

fn check_exceptions(sources: &[Source], findings: &mut Vec<String>) {
    for (file, ..) in LONGER {
        if !sources.iter().any(|source| source.file == file && source.lines > LINE_BUDGET) {
            findings.push(format!("{file}:1: needs no exception from the line budget any more"));
        }
    }
}

fn layer(module: &str) -> Option<u8> {
    LAYERS.iter().find(|(name, _)| *name == module).map(|(_, layer)| *layer)
}

fn is_at_or_below(path: &[String], ancestor: &str) -> bool {
    let mut words = path.iter();
    ancestor.split("::").all(|word| words.next().is_some_and(|other| other == word))
}
