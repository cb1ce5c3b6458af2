//! The list of faults names tests that exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The names of all tests, as the attribute before a function or the table of `tests/signals.rs` makes them.
fn tests() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    sources(&root.join("src"), &mut files);
    sources(&root.join("tests"), &mut files);
    let mut names = BTreeSet::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let mut is_test = false;
        for line in text.lines().map(str::trim) {
            if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
                is_test = true;
            } else if let Some((_, rest)) =
                line.split_once("fn ").filter(|_| is_test || text.contains("proptest!"))
            {
                names.extend(rest.split('(').next().map(str::to_owned));
                is_test = false;
            }
        }
        if file.ends_with("signals.rs") {
            names.extend(text.split('"').filter(|word| word.contains('_')).map(str::to_owned));
        }
    }
    names
}

#[test]
fn every_test_that_the_list_of_faults_names_exists() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/faults.md")).unwrap();
    // Names of tests are the words in backquotes with at least three underscores; metrics have a prefix.
    let named: Vec<&str> = page
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|word| {
            word.matches('_').count() >= 3 && !word.starts_with("nbu_") && !word.contains(['/', ' ', '{'])
        })
        .collect();
    let tests = tests();
    let missing: Vec<&&str> = named.iter().filter(|name| !tests.contains(**name)).collect();
    assert!(named.len() > 60, "only {} tests are named", named.len());
    assert!(missing.is_empty(), "no such test: {missing:#?}");
}

#[test]
fn every_fault_stands_in_the_list_once_with_its_test_or_the_reason_for_none() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/faults.md")).unwrap();
    let rows = page.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| ")?.split(" | ");
        Some((cells.next()?.parse::<usize>().ok()?, line))
    });
    let mut numbers = Vec::new();
    for (number, row) in rows {
        numbers.push(number);
        let tests = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        assert!(tests.starts_with('`') || row.contains("No test: "), "{row}");
    }
    assert_eq!(numbers, (1..=127).collect::<Vec<_>>());
}
