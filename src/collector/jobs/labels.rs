//! The label values and label sets of jobs, each kept once.

use std::sync::Arc;

use foldhash::HashMap;

use crate::collector::job_record::Job;
use crate::collector::job_result::JobResult;
use crate::metric::{MOST_LABEL_SETS, label_value};

/// A label value, as a number; [`Labels::word`] gives it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Word(u16);

/// The index of a [`Group`].
pub(super) type GroupIndex = u16;

/// What finished jobs have in common when they share all label values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Group {
    pub(super) job_type: Word,
    pub(super) policy_type: Word,
    pub(super) schedule_type: Word,
    pub(super) kin: Kin,
    pub(super) status: JobStatus,
}

/// Where a job stands among the jobs that one run of a policy makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Kin {
    pub(super) level: Level,
    /// Whether it has no children. A parent may show the data that its children moved, so only leaves are added up.
    pub(super) is_leaf: bool,
}

/// Whether another job started a job: a policy of 100 virtual machines ends as one root and hundreds of children.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, strum::AsRefStr)]
#[strum(serialize_all = "snake_case")]
pub(super) enum Level {
    Root,
    Child,
}

/// The status code of a finished job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct JobStatus(i32);

impl JobStatus {
    const SUCCESS: Self = Self(0);
    const PARTIAL: Self = Self(1);
    /// Any failure, once there are too many label sets.
    pub(super) const OTHER: Self = Self(i32::MIN);

    pub(super) fn result(self) -> JobResult {
        JobResult::of_status(self.0.into())
    }

    pub(super) fn label(self) -> String {
        if self == Self::OTHER { "other".to_owned() } else { self.0.to_string() }
    }
}

impl Kin {
    const ALL: [Self; 4] = [
        Self { level: Level::Root, is_leaf: true },
        Self { level: Level::Root, is_leaf: false },
        Self { level: Level::Child, is_leaf: true },
        Self { level: Level::Child, is_leaf: false },
    ];

    fn of(job: &Job<'_>) -> Self {
        let level = if job.is_root() { Level::Root } else { Level::Child };
        Self { level, is_leaf: job.is_leaf() }
    }
}

impl Group {
    /// The group of the jobs with this result that have no group of their own.
    const fn overflow(kin: Kin, status: JobStatus) -> Self {
        let other = Word::OTHER;
        Self { job_type: other, policy_type: other, schedule_type: other, kin, status }
    }

    /// Its index in [`Labels::default`].
    fn overflow_index(self) -> GroupIndex {
        let result = match self.status.result() {
            JobResult::Success => 0,
            JobResult::Partial => 4,
            JobResult::Failed => 8,
        };
        let level = if self.kin.level == Level::Root { 0 } else { 2 };
        result + level + GroupIndex::from(!self.kin.is_leaf)
    }
}

/// Every label value and every label set of the jobs so far, each stored once.
#[derive(Debug)]
pub(super) struct Labels {
    words: Vec<Arc<str>>,
    word_of: HashMap<Arc<str>, Word>,
    groups: Vec<Group>,
    group_of: HashMap<Group, GroupIndex>,
}

/// NetBackup has about 150 job, policy and schedule types; a server with more than this is not NetBackup.
const MOST_WORDS: usize = 2000;
/// The most label sets beside those of [`Labels::default`]: with 20 policy types and 30 status codes a site has some
/// hundreds.
pub(super) const MOST_GROUPS: usize = MOST_LABEL_SETS - OVERFLOWS;
/// The label sets that jobs share which have none of their own: one for each result and each place among its kin.
const OVERFLOWS: usize = 12;
/// Up to this number, unused label sets are not worth removing.
const FEW_GROUPS: usize = 256;

impl Word {
    /// The value of a label for which there are too many values.
    pub(super) const OTHER: Self = Self(0);
}

impl Default for Labels {
    fn default() -> Self {
        let other: Arc<str> = "other".into();
        let results = [JobStatus::SUCCESS, JobStatus::PARTIAL, JobStatus::OTHER];
        let of_result = |status| Kin::ALL.map(|kin| Group::overflow(kin, status));
        let groups: Vec<_> = results.into_iter().flat_map(of_result).collect();
        Self {
            word_of: HashMap::from_iter([(other.clone(), Word::OTHER)]),
            words: vec![other],
            group_of: groups.iter().copied().zip(0..).collect(),
            groups,
        }
    }
}

impl Labels {
    /// The value of a word.
    pub(super) fn word(&self, word: Word) -> &str {
        self.words.get(usize::from(word.0)).map_or("other", |text| text)
    }

    /// The word of a value.
    pub(super) fn intern(&mut self, text: &str) -> Word {
        let text = &*label_value(text);
        if let Some(word) = self.word_of.get(text) {
            return *word;
        }
        if self.words.len() >= MOST_WORDS {
            return Word::OTHER;
        }
        let Ok(index) = u16::try_from(self.words.len()) else { return Word::OTHER };
        let text: Arc<str> = text.into();
        self.words.push(text.clone());
        self.word_of.insert(text, Word(index));
        Word(index)
    }

    /// The label set of a finished job, and whether it is a shared one since there are too many.
    pub(super) fn group_index(&mut self, job: &Job<'_>, status: i32) -> (GroupIndex, bool) {
        let group = Group {
            job_type: self.intern(&job.job_type),
            policy_type: self.intern(&job.policy_type),
            schedule_type: self.intern(&job.schedule_type),
            kin: Kin::of(job),
            status: JobStatus(status),
        };
        if let Some(index) = self.group_of.get(&group) {
            return (*index, false);
        }
        let Some(index) = u16::try_from(self.groups.len()).ok().filter(|_| self.groups.len() < MOST_GROUPS)
        else {
            return (group.overflow_index(), true);
        };
        self.groups.push(group);
        self.group_of.insert(group, index);
        (index, false)
    }

    /// The label set with this index.
    pub(super) fn group(&self, index: GroupIndex) -> Group {
        let [kin, ..] = Kin::ALL;
        self.groups.get(usize::from(index)).copied().unwrap_or(Group::overflow(kin, JobStatus::OTHER))
    }

    /// All label sets, in the order of their indices.
    pub(super) fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// Drops the label sets that no job has any more, if they are many; returns the new index for each old one.
    pub(super) fn tidy(&mut self, used: &[bool]) -> Option<Vec<GroupIndex>> {
        let kept = used.iter().filter(|used| **used).count();
        if self.groups.len() < FEW_GROUPS || kept * 2 > self.groups.len() {
            return None;
        }
        let old = std::mem::take(&mut self.groups);
        let words = std::mem::take(&mut self.words);
        let word_of = std::mem::take(&mut self.word_of);
        let mut tidied = Self { words, word_of, ..Self::default() };
        let mut new_index = Vec::with_capacity(old.len());
        for (index, group) in old.into_iter().enumerate() {
            let next = u16::try_from(tidied.groups.len()).unwrap_or(GroupIndex::MAX);
            let keeps = used.get(index).copied().unwrap_or(false);
            let known = tidied.group_of.get(&group).copied();
            if keeps && known.is_none() {
                tidied.groups.push(group);
                tidied.group_of.insert(group, next);
            }
            new_index.push(known.unwrap_or(next));
        }
        *self = tidied;
        Some(new_index)
    }
}
