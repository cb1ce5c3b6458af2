//! What policies do for clients, each kept once, so that a job names it by a number.

use std::hash::BuildHasher as _;
use std::sync::Arc;

use foldhash::HashMap;

/// What a policy does for a client.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// By a hash of all three names; one that is another's too has the next one that is free.
    indices: HashMap<u64, PhaseIndex>,
}

impl Phases {
    /// The number of a phase by its three names, if it is there; else where it belongs.
    pub(super) fn find(&self, names: [&str; 3]) -> Result<PhaseIndex, u64> {
        let mut hash = self.indices.hasher().hash_one(names);
        while let Some(index) = self.indices.get(&hash) {
            if self.get(*index).is_some_and(|phase| phase.names() == names) {
                return Ok(*index);
            }
            hash = hash.wrapping_add(1);
        }
        Err(hash)
    }

    /// The number of a phase.
    pub(super) fn keep(&mut self, phase: ClientPhase) -> PhaseIndex {
        self.find(phase.names()).unwrap_or_else(|hash| {
            // There are fewer of them than jobs, whose ids have 31 bits.
            let index = PhaseIndex(u32::try_from(self.all.len()).unwrap_or(u32::MAX));
            self.all.push(phase);
            self.indices.insert(hash, index);
            index
        })
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

impl ClientPhase {
    fn names(&self) -> [&str; 3] {
        [&self.client, &self.policy, &self.job_type]
    }
}

impl PhaseIndex {
    /// Its place in [`Phases::all`].
    pub(super) fn place(self) -> usize {
        self.0 as usize
    }
}
