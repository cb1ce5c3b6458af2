//! What policies do for clients, each kept once, so that a job names it by a number.

use std::sync::Arc;

use foldhash::HashMap;

/// What a policy does for a client.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ClientPhase {
    /// In lower case.
    pub(super) client: Arc<str>,
    pub(super) policy: Arc<str>,
    pub(super) job_type: Arc<str>,
}

/// The number of a [`ClientPhase`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct PhaseIndex(u32);

/// Everything that policies do for clients.
#[derive(Debug, Default)]
pub(super) struct Phases {
    all: Vec<ClientPhase>,
    indices: HashMap<ClientPhase, PhaseIndex>,
}

impl Phases {
    /// The number of a phase.
    pub(super) fn keep(&mut self, phase: ClientPhase) -> PhaseIndex {
        if let Some(index) = self.indices.get(&phase) {
            return *index;
        }
        // There are fewer of them than jobs, whose ids have 31 bits.
        let index = PhaseIndex(u32::try_from(self.all.len()).unwrap_or(u32::MAX));
        self.all.push(phase.clone());
        self.indices.insert(phase, index);
        index
    }

    /// The phase of a number.
    pub(super) fn get(&self, index: PhaseIndex) -> Option<&ClientPhase> {
        self.all.get(index.place())
    }

    /// All of them, in the order of their numbers.
    pub(super) fn all(&self) -> &[ClientPhase] {
        &self.all
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }
}

impl PhaseIndex {
    /// Its place in [`Phases::all`].
    pub(super) fn place(self) -> usize {
        self.0 as usize
    }
}
