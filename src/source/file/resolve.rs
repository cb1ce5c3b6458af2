//! Resolves a path link by link, and remembers each name on the way.

use std::collections::{BTreeMap, VecDeque};
use std::ffi::OsString;
use std::io;
use std::path::{Component, Path, PathBuf};

use super::error::FileError;

/// As many links as the kernel follows in one path (`MAXSYMLINKS`, `path_resolution(7)`).
const MOST_LINKS: usize = 40;

/// The links that one snapshot meets. Each is read once, so that all files of one volume come out of the same
/// `..data` directory, whatever happens meanwhile.
#[derive(Debug, Default)]
pub(super) struct Links {
    targets: BTreeMap<PathBuf, Option<PathBuf>>,
}

/// Where a path leads.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Resolution {
    /// The names on the way whose change would lead elsewhere.
    pub(super) steps: Vec<PathStep>,
    /// The file, without a link in its path.
    pub(super) file: Result<PathBuf, FileError>,
}

/// One name in a real directory: a link, the file itself, or where the file or a directory above it should be.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PathStep {
    pub(super) directory: PathBuf,
    pub(super) name: OsString,
    pub(super) is_link: bool,
}

impl Links {
    /// Resolves an absolute path.
    pub(super) fn resolve(&mut self, path: &Path) -> Resolution {
        let mut steps = Vec::new();
        let file = self.walk(path, &mut steps);
        Resolution { steps, file }
    }

    fn walk(&mut self, path: &Path, steps: &mut Vec<PathStep>) -> Result<PathBuf, FileError> {
        let mut directory = PathBuf::from("/");
        let mut rest = names(path);
        let mut links = 0;
        while let Some(name) = rest.pop_front() {
            if name == ".." {
                directory.pop();
                continue;
            }
            let path = directory.join(&name);
            let target = self.target(&path);
            let is_link = matches!(target, Ok(Some(_)));
            if is_link || target.is_err() || rest.is_empty() {
                steps.push(PathStep { directory: directory.clone(), name, is_link });
            }
            let Some(target) = target.map_err(|error| FileError::new(&path, &error))? else {
                directory = path;
                continue;
            };
            links += 1;
            if links > MOST_LINKS {
                return Err(FileError::Loop);
            }
            if target.is_absolute() {
                directory = PathBuf::from("/");
            }
            rest = names(&target).into_iter().chain(rest).collect();
        }
        Ok(directory)
    }

    /// Where the link at a path points; `None` for what is no link.
    fn target(&mut self, path: &Path) -> io::Result<Option<PathBuf>> {
        if let Some(target) = self.targets.get(path) {
            return Ok(target.clone());
        }
        let target = read_link(path)?;
        self.targets.insert(path.to_owned(), target.clone());
        Ok(target)
    }

    /// Whether every link still points where it pointed, and what was none is none.
    pub(super) fn still_hold(&self) -> bool {
        self.targets.iter().all(|(path, target)| read_link(path).is_ok_and(|now| now == *target))
    }
}

fn read_link(path: &Path) -> io::Result<Option<PathBuf>> {
    match std::fs::read_link(path) {
        Ok(target) => Ok(Some(target)),
        // EINVAL: not a link (readlink(2)).
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(None),
        Err(error) => Err(error),
    }
}

fn names(path: &Path) -> VecDeque<OsString> {
    path.components()
        .filter(|component| matches!(component, Component::Normal(_) | Component::ParentDir))
        .map(|component| component.as_os_str().to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    fn names_of(resolution: &Resolution) -> Vec<(String, bool)> {
        let name = |step: &PathStep| (step.name.to_string_lossy().into_owned(), step.is_link);
        resolution.steps.iter().map(name).collect()
    }

    fn directory() -> (tempfile::TempDir, PathBuf) {
        let held = tempfile::tempdir().unwrap();
        let real = held.path().canonicalize().unwrap();
        (held, real)
    }

    #[test]
    fn every_link_on_the_way_is_a_step() {
        let (_held, root) = directory();
        fs::create_dir_all(root.join("..2026/conf")).unwrap();
        fs::write(root.join("..2026/conf/config.yml"), "x").unwrap();
        symlink("..2026", root.join("..data")).unwrap();
        symlink("..data/conf", root.join("conf")).unwrap();
        let resolution = Links::default().resolve(&root.join("conf/config.yml"));
        assert_eq!(resolution.file, Ok(root.join("..2026/conf/config.yml")));
        let expected = [("conf", true), ("..data", true), ("config.yml", false)];
        assert_eq!(names_of(&resolution), expected.map(|(name, is_link)| (name.to_owned(), is_link)));
    }

    #[test]
    fn a_chain_of_three_links_is_followed_through_other_directories_and_parents() {
        let (_held, root) = directory();
        fs::create_dir_all(root.join("a/b")).unwrap();
        fs::write(root.join("file"), "x").unwrap();
        symlink("a/b/two", root.join("one")).unwrap();
        symlink("../three", root.join("a/b/two")).unwrap();
        symlink(root.join("file"), root.join("a/three")).unwrap();
        let resolution = Links::default().resolve(&root.join("one"));
        assert_eq!(resolution.file, Ok(root.join("file")));
        assert_eq!(
            resolution.steps.iter().map(|step| step.directory.clone()).collect::<Vec<_>>(),
            [root.clone(), root.join("a/b"), root.join("a"), root],
        );
    }

    #[test]
    fn links_in_a_circle_are_a_loop_and_a_dangling_link_names_what_is_missing() {
        let (_held, root) = directory();
        symlink("b", root.join("a")).unwrap();
        symlink("a", root.join("b")).unwrap();
        symlink("nowhere", root.join("c")).unwrap();
        assert_eq!(Links::default().resolve(&root.join("a")).file, Err(FileError::Loop));
        assert_eq!(
            Links::default().resolve(&root.join("c")).file,
            Err(FileError::Missing(root.join("nowhere")))
        );
    }

    #[test]
    fn a_missing_directory_is_waited_for_where_it_should_appear() {
        let (_held, root) = directory();
        let resolution = Links::default().resolve(&root.join("gone/deep/config.yml"));
        assert_eq!(resolution.file, Err(FileError::Missing(root.join("gone"))));
        assert_eq!(names_of(&resolution), [("gone".to_owned(), false)]);
        assert_eq!(resolution.steps[0].directory, root);
    }

    #[test]
    fn a_link_is_read_once_and_a_change_is_noticed() {
        let (_held, root) = directory();
        for version in ["one", "two"] {
            fs::create_dir(root.join(version)).unwrap();
            fs::write(root.join(version).join("key"), version).unwrap();
        }
        symlink("one", root.join("..data")).unwrap();
        let mut links = Links::default();
        assert_eq!(links.resolve(&root.join("..data/key")).file, Ok(root.join("one/key")));
        assert!(links.still_hold());
        symlink("two", root.join("next")).unwrap();
        fs::rename(root.join("next"), root.join("..data")).unwrap();
        assert_eq!(links.resolve(&root.join("..data/key")).file, Ok(root.join("one/key")));
        assert!(!links.still_hold());
    }
}
