//! What the followed files were, so that a change without an event is found.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::source::file::read::Identity;
use crate::source::file::resolve::Resolution;

/// The followed files at one time, and the number of changes with an event before.
#[derive(Debug, Default)]
pub(super) struct Baseline {
    pub(super) changes: u64,
    files: BTreeMap<PathBuf, Option<Identity>>,
}

impl Baseline {
    /// What the files are now, after so many changes with an event.
    pub(super) fn new(changes: u64, resolved: BTreeMap<PathBuf, Resolution>) -> Self {
        let identity = |resolution: Resolution| resolution.file.ok().and_then(|file| Identity::of(&file));
        let files = resolved.into_iter().map(|(path, resolution)| (path, identity(resolution)));
        Self { changes, files: files.collect() }
    }

    /// Whether a file has changed since then although there was no event.
    pub(super) fn misses(&self, now: &Self) -> bool {
        let is_other = |(path, then)| now.files.get(path).is_some_and(|now| now != then);
        self.changes == now.changes && self.files.iter().any(is_other)
    }

    /// Takes over what the files are now where there was an event since, and otherwise only the new files.
    pub(super) fn advance(&mut self, now: Self) {
        if now.changes != self.changes {
            *self = now;
            return;
        }
        self.files.retain(|path, _| now.files.contains_key(path));
        for (path, file) in now.files {
            self.files.entry(path).or_insert(file);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    /// Two files with these texts in a directory, after so many changes.
    fn observed(directory: &Path, changes: u64, texts: &[(&str, &str)]) -> Baseline {
        let resolved = texts.iter().map(|(name, text)| {
            let path = directory.join(name);
            fs::write(&path, text).unwrap();
            (path.clone(), Resolution { steps: Vec::new(), file: Ok(path) })
        });
        Baseline::new(changes, resolved.collect())
    }

    #[test]
    fn a_change_without_an_event_is_missed_however_often_the_baseline_advanced() {
        let directory = tempfile::tempdir().unwrap();
        let of = |changes, texts: &[(&str, &str)]| observed(directory.path(), changes, texts);
        let mut baseline = of(7, &[("config", "one")]);
        assert!(!baseline.misses(&of(7, &[("new", "a new file is no change")])));
        baseline.advance(of(7, &[("config", "two!"), ("key", "new")]));
        assert!(baseline.misses(&of(7, &[("config", "two!")])));
        assert!(!baseline.misses(&of(8, &[("config", "two!")])));
        baseline.advance(of(8, &[("config", "three"), ("key", "new")]));
        assert!(!baseline.misses(&Baseline::new(8, BTreeMap::new())), "a file that is not followed any more");
        assert!(baseline.misses(&of(8, &[("config", "three"), ("key", "changed")])));
    }
}
