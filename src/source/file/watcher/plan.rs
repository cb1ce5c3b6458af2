//! Which names in which directories matter, and what an event means for them.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use notify::event::{AccessKind, AccessMode, CreateKind, ModifyKind, RenameMode};
use notify::{Event, EventKind};

use super::gate::FileChange;
use crate::source::file::resolve::Resolution;

/// The names that matter, by the real directory that they are in. Neighbours, such as editors' swap files, do not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct WatchPlan {
    directories: BTreeMap<PathBuf, BTreeMap<OsString, PlannedName>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct PlannedName {
    is_link: bool,
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
    /// Something that is worth a snapshot.
    Change {
        /// What happened to which followed files, when it bears on whether they are whole.
        files: Option<(FileChange, BTreeSet<PathBuf>)>,
        /// A watched directory that may no longer be the one that is watched.
        suspect: Option<PathBuf>,
    },
}

impl WatchPlan {
    /// What must be watched to follow these paths. `one_path` gives each directory one path, also where it is mounted
    /// twice.
    pub(super) fn new<'a>(
        resolved: impl IntoIterator<Item = (&'a PathBuf, &'a Resolution)>,
        mut one_path: impl FnMut(&Path) -> PathBuf,
    ) -> Self {
        let mut plan = Self::default();
        for (path, resolution) in resolved {
            for step in &resolution.steps {
                let names = plan.directories.entry(one_path(&step.directory)).or_default();
                let name = names
                    .entry(step.name.clone())
                    .or_insert_with(|| PlannedName { is_link: step.is_link, files: BTreeSet::new() });
                name.files.insert(path.clone());
            }
        }
        plan
    }

    /// The directories to watch.
    pub(super) fn directories(&self) -> BTreeSet<PathBuf> {
        self.directories.keys().cloned().collect()
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
        let Some(path) = event.paths.first() else { return Meaning::Change { files: None, suspect: None } };
        let planned =
            path.parent().zip(path.file_name()).and_then(|(directory, name)| self.name(directory, name));
        // A watched directory itself: it, or its name in a watched directory above, has gone or come.
        let suspect = self.directories.contains_key(path).then(|| path.clone());
        if planned.is_none() && suspect.is_none() {
            return Meaning::Nothing;
        }
        let files = planned.and_then(|name| Some((change(event.kind, name.is_link)?, name.files.clone())));
        Meaning::Change { files, suspect }
    }

    fn name(&self, directory: &Path, name: &OsStr) -> Option<&PlannedName> {
        self.directories.get(directory)?.get(name)
    }
}

/// What an event on a name means for the files behind it.
fn change(kind: EventKind, is_link: bool) -> Option<FileChange> {
    match (kind, is_link) {
        (EventKind::Modify(ModifyKind::Name(RenameMode::To)), _)
        // A link is whole from the start.
        | (EventKind::Create(_), true) => Some(FileChange::Replaced),
        (EventKind::Create(CreateKind::Folder), false) => None,
        (EventKind::Create(_), false) => Some(FileChange::Created),
        (EventKind::Modify(ModifyKind::Data(_)), false) => Some(FileChange::Modified),
        (EventKind::Access(_), false) => Some(FileChange::Closed),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use notify::event::{DataChange, Flag, MetadataKind, RemoveKind};

    use super::*;
    use crate::source::file::resolve::PathStep;

    const MOUNT: &str = "/etc/app";
    const PAYLOAD: &str = "/etc/app/..2026_11_23_10_01_24.3466630818";

    /// The plan for `/etc/app/config.yml` in a ConfigMap volume.
    fn plan() -> WatchPlan {
        let step = |directory: &str, name: &str, is_link| PathStep {
            directory: directory.into(),
            name: name.into(),
            is_link,
        };
        let resolution = Resolution {
            steps: vec![
                step(MOUNT, "config.yml", true),
                step(MOUNT, "..data", true),
                step(PAYLOAD, "config.yml", false),
            ],
            file: Ok(Path::new(PAYLOAD).join("config.yml")),
        };
        WatchPlan::new([(&PathBuf::from("/etc/app/config.yml"), &resolution)], Path::to_owned)
    }

    fn meaning(kind: EventKind, path: &str) -> Meaning {
        plan().meaning(&Event::new(kind).add_path(path.into()))
    }

    fn check_change(kind: EventKind, path: &str, expected: Option<FileChange>) {
        let change = match meaning(kind, path) {
            Meaning::Change { files, .. } => files.map(|(change, _)| change),
            other => panic!("{kind:?} {path}: {other:?}"),
        };
        assert_eq!(change, expected, "{kind:?} {path}");
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
        check_change(TO, "/etc/app/..data", Some(FileChange::Replaced));
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
        check_change(CREATE, &file, Some(FileChange::Created));
        check_change(DATA, &file, Some(FileChange::Modified));
        check_change(CLOSE, &file, Some(FileChange::Closed));
        check_change(TO, &file, Some(FileChange::Replaced));
        for kind in [FROM, REMOVE, METADATA, EventKind::Any] {
            check_change(kind, &file, None);
        }
        check_change(CREATE, "/etc/app/config.yml", Some(FileChange::Replaced));
    }

    #[test]
    fn an_overflow_is_seen_though_it_names_no_path() {
        let event = Event::new(EventKind::Other).set_flag(Flag::Rescan);
        assert_eq!(plan().meaning(&event), Meaning::Overflow);
        assert_eq!(
            plan().meaning(&Event::new(EventKind::Other)),
            Meaning::Change { files: None, suspect: None }
        );
    }

    #[test]
    fn a_watched_directory_that_goes_or_comes_is_suspect() {
        for kind in [FROM, TO, EventKind::Remove(RemoveKind::Folder), EventKind::Create(CreateKind::Folder)] {
            for directory in [MOUNT, PAYLOAD] {
                let expected = Meaning::Change { files: None, suspect: Some(directory.into()) };
                assert_eq!(meaning(kind, directory), expected, "{kind:?}");
            }
        }
    }

    #[test]
    fn a_directory_that_is_mounted_twice_knows_the_names_of_both_paths() {
        let step = |name: &str, directory: &str| Resolution {
            steps: vec![PathStep { directory: directory.into(), name: name.into(), is_link: false }],
            file: Ok(Path::new(directory).join(name)),
        };
        let (config, key) = (PathBuf::from("/a/config"), PathBuf::from("/b/key"));
        let resolved = [(&config, &step("config", "/a")), (&key, &step("key", "/b"))];
        let plan = WatchPlan::new(resolved, |_| PathBuf::from("/b"));
        let event = Event::new(TO).add_path("/b/config".into());
        let expected = Some((FileChange::Replaced, BTreeSet::from([config])));
        assert_eq!(plan.meaning(&event), Meaning::Change { files: expected, suspect: None });
    }
}
