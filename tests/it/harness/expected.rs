//! Files of the repository, compared with what they should be.

use std::path::{Path, PathBuf};

/// A file of the repository.
pub fn repository(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(file)
}

/// The text of a file of the repository.
#[track_caller]
pub fn read(file: &str) -> String {
    std::fs::read_to_string(repository(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// Compares a file of the repository with what it should be; with `UPDATE_EXPECT` set it is written instead.
#[track_caller]
pub fn expect(file: &str, actual: &str) {
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(repository(file), actual).unwrap();
        return;
    }
    let expected = read(file);
    let differs = expected.lines().zip(actual.lines()).position(|(expected, actual)| expected != actual);
    let line = differs.unwrap_or_else(|| expected.lines().count().min(actual.lines().count()));
    assert!(
        expected == actual,
        "{file}:{}: is not up to date; UPDATE_EXPECT=1 cargo test rewrites it\n  file: {:?}\n  now:  {:?}",
        line + 1,
        expected.lines().nth(line),
        actual.lines().nth(line)
    );
}
