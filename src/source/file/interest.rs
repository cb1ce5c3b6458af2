//! Which names in which directories matter, and what an event means for them.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use notify::event::{AccessKind, AccessMode, CreateKind, ModifyKind, RenameMode};
use notify::{Event, EventKind};

use super::hold::Act;
use super::trail::{Role, Trail};

/// The names that matter, by the real directory that they are in. Neighbours, such as editors' swap files, do not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Interest {
    directories: BTreeMap<PathBuf, BTreeMap<OsString, Name>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Name {
    role: Role,
    /// The followed paths that lead through it.
    files: BTreeSet<PathBuf>,
}

/// What an event means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Nothing to us.
    Nothing,
    /// The kernel dropped events: anything may have happened.
    Overflow,
    /// Something that is worth a look.
    Change {
        /// What it was to which followed files, when it bears on whether they are whole.
        act: Option<(Act, BTreeSet<PathBuf>)>,
        /// A watched directory that may no longer be the one that is watched.
        suspect: Option<PathBuf>,
    },
}

impl Interest {
    /// What must be watched to follow these paths, each with its trail.
    pub(super) fn of<'a>(trails: impl IntoIterator<Item = (&'a PathBuf, &'a Trail)>) -> Self {
        let mut directories: BTreeMap<PathBuf, BTreeMap<OsString, Name>> = BTreeMap::new();
        for (path, trail) in trails {
            for step in &trail.steps {
                let names = directories.entry(step.directory.clone()).or_default();
                let name = names
                    .entry(step.name.clone())
                    .or_insert_with(|| Name { role: step.role, files: BTreeSet::new() });
                name.files.insert(path.clone());
            }
        }
        Self { directories }
    }

    pub(super) fn directories(&self) -> impl Iterator<Item = &PathBuf> {
        self.directories.keys()
    }

    /// Two paths of one directory (it is mounted twice) share one watch, whose events name only one of them.
    pub(super) fn join(&mut self, one: &Path, other: &Path) {
        let names = |path| self.directories.get(path).cloned().unwrap_or_default();
        let (mut all, more) = (names(one), names(other));
        for (name, known) in more {
            all.entry(name).or_insert_with(|| known.clone()).files.extend(known.files);
        }
        for path in [one, other] {
            self.directories.insert(path.to_owned(), all.clone());
        }
    }

    /// What an event means. When in doubt it is a change: content decides.
    pub(super) fn meaning(&self, event: &Event) -> Meaning {
        // An overflow names no path, so it comes first.
        if event.need_rescan() {
            return Meaning::Overflow;
        }
        match event.kind {
            EventKind::Access(AccessKind::Close(AccessMode::Write)) => {}
            // Reading, by us or by the kubelet, changes nothing; both halves of a rename come as events of their own.
            EventKind::Access(_) | EventKind::Modify(ModifyKind::Name(RenameMode::Both)) => {
                return Meaning::Nothing;
            }
            _ => {}
        }
        let Some(path) = event.paths.first() else { return Meaning::Change { act: None, suspect: None } };
        let name =
            path.parent().zip(path.file_name()).and_then(|(directory, name)| self.name(directory, name));
        // A watched directory itself: it, or its name in a watched directory above, has gone or come.
        let suspect = self.directories.contains_key(path).then(|| path.clone());
        let act = name.and_then(|name| Some((act(event.kind, name.role)?, name.files.clone())));
        if name.is_none() && suspect.is_none() {
            return Meaning::Nothing;
        }
        Meaning::Change { act, suspect }
    }

    fn name(&self, directory: &Path, name: &std::ffi::OsStr) -> Option<&Name> {
        self.directories.get(directory)?.get(name)
    }
}

fn act(kind: EventKind, role: Role) -> Option<Act> {
    match (kind, role) {
        (EventKind::Modify(ModifyKind::Name(RenameMode::To)), _)
        // A link is whole from the start.
        | (EventKind::Create(_), Role::Link) => Some(Act::Replaced),
        (EventKind::Create(CreateKind::Folder), Role::File) => None,
        (EventKind::Create(_), Role::File) => Some(Act::Created),
        (EventKind::Modify(ModifyKind::Data(_)), Role::File) => Some(Act::Modified),
        (EventKind::Access(_), Role::File) => Some(Act::Closed),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use notify::event::{DataChange, Flag, MetadataKind, RemoveKind};

    use super::super::trail::Step;
    use super::*;

    const MOUNT: &str = "/etc/app";
    const PAYLOAD: &str = "/etc/app/..2026_11_23_10_01_24.3466630818";

    /// The interest of `/etc/app/config.yml` in a ConfigMap volume.
    fn interest() -> Interest {
        let step =
            |directory: &str, name: &str, role| Step { directory: directory.into(), name: name.into(), role };
        let trail = Trail {
            steps: vec![
                step(MOUNT, "config.yml", Role::Link),
                step(MOUNT, "..data", Role::Link),
                step(PAYLOAD, "config.yml", Role::File),
            ],
            end: Ok(Path::new(PAYLOAD).join("config.yml")),
        };
        Interest::of([(&PathBuf::from("/etc/app/config.yml"), &trail)])
    }

    fn meaning(kind: EventKind, path: &str) -> Meaning {
        interest().meaning(&Event::new(kind).add_path(path.into()))
    }

    fn check_act(kind: EventKind, path: &str, expected: Option<Act>) {
        let act = match meaning(kind, path) {
            Meaning::Change { act, .. } => act.map(|(act, _)| act),
            other => panic!("{kind:?} {path}: {other:?}"),
        };
        assert_eq!(act, expected, "{kind:?} {path}");
    }

    const TO: EventKind = EventKind::Modify(ModifyKind::Name(RenameMode::To));
    const FROM: EventKind = EventKind::Modify(ModifyKind::Name(RenameMode::From));
    const BOTH: EventKind = EventKind::Modify(ModifyKind::Name(RenameMode::Both));
    const DATA: EventKind = EventKind::Modify(ModifyKind::Data(DataChange::Any));
    const METADATA: EventKind = EventKind::Modify(ModifyKind::Metadata(MetadataKind::Any));
    const CREATE: EventKind = EventKind::Create(CreateKind::File);
    const REMOVE: EventKind = EventKind::Remove(RemoveKind::File);
    const CLOSE: EventKind = EventKind::Access(AccessKind::Close(AccessMode::Write));
    const OPEN: EventKind = EventKind::Access(AccessKind::Open(AccessMode::Any));

    #[test]
    fn of_a_whole_swap_only_the_rename_of_the_data_link_matters() {
        let next = "/etc/app/..2026_11_23_10_02_26.2040001761";
        for (kind, path) in [
            (EventKind::Create(CreateKind::Folder), next),
            (METADATA, next),
            (CREATE, "/etc/app/..data_tmp"),
            (FROM, "/etc/app/..data_tmp"),
            (BOTH, "/etc/app/..data_tmp"),
            (CREATE, "/etc/app/extra.yml"),
            (REMOVE, "/etc/app/other.txt"),
        ] {
            assert_eq!(meaning(kind, path), Meaning::Nothing, "{kind:?} {path}");
        }
        check_act(TO, "/etc/app/..data", Some(Act::Replaced));
    }

    #[test]
    fn opening_and_reading_mean_nothing() {
        for path in ["/etc/app/config.yml", "/etc/app", PAYLOAD] {
            assert_eq!(meaning(OPEN, path), Meaning::Nothing);
            assert_eq!(meaning(EventKind::Access(AccessKind::Read), path), Meaning::Nothing);
            assert_eq!(
                meaning(EventKind::Access(AccessKind::Close(AccessMode::Read)), path),
                Meaning::Nothing
            );
        }
    }

    #[test]
    fn swap_files_backups_and_locks_of_editors_are_neighbours_that_do_not_matter() {
        for name in
            [".config.yml.swp", "config.yml~", ".#config.yml", "4913", ".config.yml.Xa81kq", "sedQ1w2e3"]
        {
            for kind in [CREATE, DATA, CLOSE, FROM, TO, REMOVE, METADATA] {
                assert_eq!(meaning(kind, &format!("{PAYLOAD}/{name}")), Meaning::Nothing, "{name}");
            }
        }
    }

    #[test]
    fn writing_in_place_is_told_from_a_rename_into_place() {
        let file = format!("{PAYLOAD}/config.yml");
        check_act(CREATE, &file, Some(Act::Created));
        check_act(DATA, &file, Some(Act::Modified));
        check_act(CLOSE, &file, Some(Act::Closed));
        check_act(TO, &file, Some(Act::Replaced));
        for kind in [FROM, REMOVE, METADATA, EventKind::Any] {
            check_act(kind, &file, None);
        }
        check_act(CREATE, "/etc/app/config.yml", Some(Act::Replaced));
    }

    #[test]
    fn an_overflow_is_seen_though_it_names_no_path() {
        let event = Event::new(EventKind::Other).set_flag(Flag::Rescan);
        assert_eq!(interest().meaning(&event), Meaning::Overflow);
        assert_eq!(
            interest().meaning(&Event::new(EventKind::Other)),
            Meaning::Change { act: None, suspect: None }
        );
    }

    #[test]
    fn a_watched_directory_that_goes_or_comes_is_suspect() {
        for kind in [FROM, TO, EventKind::Remove(RemoveKind::Folder), EventKind::Create(CreateKind::Folder)] {
            for directory in [MOUNT, PAYLOAD] {
                let expected = Meaning::Change { act: None, suspect: Some(directory.into()) };
                assert_eq!(meaning(kind, directory), expected, "{kind:?}");
            }
        }
    }

    #[test]
    fn a_directory_that_is_mounted_twice_knows_the_names_of_both_paths() {
        let step = |name: &str, directory: &str| Trail {
            steps: vec![Step { directory: directory.into(), name: name.into(), role: Role::File }],
            end: Ok(Path::new(directory).join(name)),
        };
        let (config, key) = (PathBuf::from("/a/config"), PathBuf::from("/b/key"));
        let mut interest = Interest::of([(&config, &step("config", "/a")), (&key, &step("key", "/b"))]);
        interest.join(Path::new("/a"), Path::new("/b"));
        let event = Event::new(TO).add_path("/b/config".into());
        let expected = Some((Act::Replaced, BTreeSet::from([config])));
        assert_eq!(interest.meaning(&event), Meaning::Change { act: expected, suspect: None });
    }
}
