//! What the watch task, notify's thread and the reload task share.
//!
//! Events and commands leave nothing behind but flags and counters: any number of them needs no memory and none is
//! lost, however long a dead file system holds the watch task up. Nobody holds the lock for longer than microseconds.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Instant;

use super::gate::WriteGate;
use super::plan::{Meaning, WatchPlan};
use super::{Hint, ReadPermit};
use crate::source::file::FileSource;

/// Everything that is known of the followed files without reading them.
#[derive(Debug)]
pub(super) struct WatchState {
    /// The files to follow.
    pub(super) followed: BTreeSet<PathBuf>,
    pub(super) plan: WatchPlan,
    pub(super) gate: WriteGate,
    /// Directories whose watch may be dead.
    pub(super) suspects: BTreeSet<PathBuf>,
    /// The number of changes with an event.
    pub(super) changes: u64,
    /// The hint that nobody has taken yet.
    pub(super) hint: Option<Hint>,
    /// What the watch task has not done yet.
    pub(super) commands: Commands,
    /// The last command to catch up that was numbered.
    pub(super) numbered: u64,
    /// The last one that is done.
    pub(super) caught_up: u64,
    /// The thread that panics next, for a test.
    #[cfg(test)]
    pub(super) dies: Option<&'static str>,
}

/// What the watch task is to do.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Commands {
    /// Watch what leads to the followed files now.
    pub(super) cover: bool,
    /// Take in every event up to now, and say that the command with this number is done.
    pub(super) catch_up: Option<u64>,
    /// Begin notify's thread anew: the one with this number has ended.
    pub(super) ended: Option<u64>,
    /// End: the watcher was dropped.
    pub(super) stop: bool,
}

impl WatchState {
    pub(super) fn new(source: &FileSource) -> Self {
        Self {
            followed: source.paths.followed(&BTreeSet::new()),
            plan: WatchPlan::default(),
            gate: WriteGate::new(source.options.quiet, source.options.longest_hold),
            suspects: BTreeSet::new(),
            changes: 0,
            hint: None,
            commands: Commands { cover: true, ..Commands::default() },
            numbered: 0,
            caught_up: 0,
            #[cfg(test)]
            dies: None,
        }
    }

    /// Handles an event; returns whether it matters.
    pub(super) fn handle(&mut self, event: &notify::Result<notify::Event>, now: Instant) -> bool {
        match event.as_ref().map(|event| self.plan.meaning(event)) {
            Ok(Meaning::Nothing) => return false,
            Ok(Meaning::Change { files, suspect }) => {
                if let Some((change, files)) = files {
                    for file in &files {
                        self.gate.note(file, change, now);
                    }
                }
                self.suspects.extend(suspect);
            }
            // Anything may have happened.
            Ok(Meaning::Overflow) | Err(_) => {}
        }
        self.changes += 1;
        self.hint = Some(Hint::Change);
        true
    }

    /// A change wins over a tick.
    pub(super) fn hint(&mut self, hint: Hint) {
        if self.hint != Some(Hint::Change) {
            self.hint = Some(hint);
        }
    }

    /// The permission to read, or when to ask for it again.
    pub(super) fn permit(&mut self, now: Instant) -> Result<ReadPermit, Instant> {
        let is_forced = self.gate.open(now)?;
        Ok(ReadPermit { writes: self.gate.writes(), changes: self.changes, is_forced })
    }
}

#[cfg(test)]
impl WatchState {
    /// Panics where the thread of this name is the one that is to die.
    pub(super) fn die_if(&mut self, thread: &'static str) {
        assert!(self.dies.take_if(|dies| *dies == thread).is_none(), "injected");
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::source::file::Options;

    #[test]
    fn any_number_of_commands_are_taken_at_once_and_only_once() {
        let source = FileSource::new(Path::new("/nowhere"), [].into(), Options::default());
        let mut state = WatchState::new(&source);
        for number in 0..1000 {
            state.commands.cover = true;
            state.commands.ended = Some(number);
        }
        let expected = Commands { cover: true, ended: Some(999), ..Commands::default() };
        assert_eq!(std::mem::take(&mut state.commands), expected);
        assert_eq!(std::mem::take(&mut state.commands), Commands::default());
    }
}
