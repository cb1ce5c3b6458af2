//! How a path is resolved, link by link.

use std::collections::{BTreeMap, VecDeque};
use std::ffi::OsString;
use std::io;
use std::path::{Component, Path, PathBuf};

/// As many links as the kernel follows in one path (`MAXSYMLINKS`, `path_resolution(7)`).
const MOST_LINKS: usize = 40;

/// The links of one look. Each is read once, so that all files of one volume come out of the same `..data`
/// directory, whatever happens meanwhile.
#[derive(Debug, Default)]
pub(super) struct Links {
    targets: BTreeMap<PathBuf, Option<PathBuf>>,
}

/// The way from a path to its file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Trail {
    /// The names on the way whose change would lead elsewhere.
    pub(super) steps: Vec<Step>,
    /// The file, without a link in its path.
    pub(super) end: Result<PathBuf, Lost>,
}

/// One name that was looked up in a real directory.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) directory: PathBuf,
    pub(super) name: OsString,
    pub(super) role: Role,
}

/// What a name is to the paths that lead through it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    /// A symbolic link.
    Link,
    /// The file itself, or where it, or a directory above it, should be.
    File,
}

/// Why a path leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Lost {
    /// Nothing is at this place.
    Missing(PathBuf),
    /// Too many links, as when two point at each other.
    Loop,
    /// The place can not be looked at.
    Refused(PathBuf, io::ErrorKind, Option<i32>),
}

impl Links {
    /// Resolves an absolute path.
    pub(super) fn trail(&mut self, path: &Path) -> Trail {
        let mut steps = Vec::new();
        let end = self.walk(path, &mut steps);
        Trail { steps, end }
    }

    fn walk(&mut self, path: &Path, steps: &mut Vec<Step>) -> Result<PathBuf, Lost> {
        let mut at = PathBuf::from("/");
        let mut rest = names(path);
        let mut links = 0;
        while let Some(name) = rest.pop_front() {
            if name == ".." {
                at.pop();
                continue;
            }
            let place = at.join(&name);
            let target = self.target(&place);
            let role = if matches!(target, Ok(Some(_))) { Role::Link } else { Role::File };
            if role == Role::Link || target.is_err() || rest.is_empty() {
                steps.push(Step { directory: at.clone(), name, role });
            }
            match target.map_err(|error| lost(&place, &error))? {
                None => at = place,
                Some(target) => {
                    links += 1;
                    if links > MOST_LINKS {
                        return Err(Lost::Loop);
                    }
                    if target.is_absolute() {
                        at = PathBuf::from("/");
                    }
                    for name in names(&target).into_iter().rev() {
                        rest.push_front(name);
                    }
                }
            }
        }
        Ok(at)
    }

    /// Where the link at a place points; `None` for what is no link.
    fn target(&mut self, place: &Path) -> io::Result<Option<PathBuf>> {
        if let Some(target) = self.targets.get(place) {
            return Ok(target.clone());
        }
        let target = read_link(place)?;
        self.targets.insert(place.to_owned(), target.clone());
        Ok(target)
    }

    /// Whether every link still points where it pointed, and what was none is none.
    pub(super) fn still_hold(&self) -> bool {
        self.targets.iter().all(|(place, target)| read_link(place).is_ok_and(|now| now == *target))
    }
}

fn read_link(place: &Path) -> io::Result<Option<PathBuf>> {
    match std::fs::read_link(place) {
        Ok(target) => Ok(Some(target)),
        // EINVAL: not a link (readlink(2)).
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(None),
        Err(error) => Err(error),
    }
}

fn lost(place: &Path, error: &io::Error) -> Lost {
    match error.kind() {
        io::ErrorKind::NotFound => Lost::Missing(place.to_owned()),
        kind => Lost::Refused(place.to_owned(), kind, error.raw_os_error()),
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

    fn names_of(trail: &Trail) -> Vec<(String, Role)> {
        let name = |step: &Step| (step.name.to_string_lossy().into_owned(), step.role);
        trail.steps.iter().map(name).collect()
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
        let trail = Links::default().trail(&root.join("conf/config.yml"));
        assert_eq!(trail.end, Ok(root.join("..2026/conf/config.yml")));
        let expected = [("conf", Role::Link), ("..data", Role::Link), ("config.yml", Role::File)];
        assert_eq!(names_of(&trail), expected.map(|(name, role)| (name.to_owned(), role)));
    }

    #[test]
    fn a_chain_of_three_links_is_followed_through_other_directories_and_parents() {
        let (_held, root) = directory();
        fs::create_dir_all(root.join("a/b")).unwrap();
        fs::write(root.join("file"), "x").unwrap();
        symlink("a/b/two", root.join("one")).unwrap();
        symlink("../three", root.join("a/b/two")).unwrap();
        symlink(root.join("file"), root.join("a/three")).unwrap();
        let trail = Links::default().trail(&root.join("one"));
        assert_eq!(trail.end, Ok(root.join("file")));
        assert_eq!(
            trail.steps.iter().map(|step| step.directory.clone()).collect::<Vec<_>>(),
            [root.clone(), root.join("a/b"), root.join("a"), root],
        );
    }

    #[test]
    fn links_in_a_circle_are_a_loop_and_a_dangling_link_names_what_is_missing() {
        let (_held, root) = directory();
        symlink("b", root.join("a")).unwrap();
        symlink("a", root.join("b")).unwrap();
        symlink("nowhere", root.join("c")).unwrap();
        assert_eq!(Links::default().trail(&root.join("a")).end, Err(Lost::Loop));
        assert_eq!(Links::default().trail(&root.join("c")).end, Err(Lost::Missing(root.join("nowhere"))));
    }

    #[test]
    fn a_missing_directory_is_waited_for_where_it_should_appear() {
        let (_held, root) = directory();
        let trail = Links::default().trail(&root.join("gone/deep/config.yml"));
        assert_eq!(trail.end, Err(Lost::Missing(root.join("gone"))));
        assert_eq!(names_of(&trail), [("gone".to_owned(), Role::File)]);
        assert_eq!(trail.steps[0].directory, root);
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
        assert_eq!(links.trail(&root.join("..data/key")).end, Ok(root.join("one/key")));
        assert!(links.still_hold());
        symlink("two", root.join("next")).unwrap();
        fs::rename(root.join("next"), root.join("..data")).unwrap();
        assert_eq!(links.trail(&root.join("..data/key")).end, Ok(root.join("one/key")));
        assert!(!links.still_hold());
    }
}
