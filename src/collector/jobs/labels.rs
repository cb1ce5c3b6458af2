//! The label values and label sets of jobs, each kept once.

use std::collections::HashMap;
use std::sync::Arc;

use crate::collector::job_record::Job;
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
    pub(super) status: JobStatus,
}

/// The status code of a finished job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct JobStatus(i32);

/// How a job ended: status 1 is "partially successful", neither the one nor the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, strum::AsRefStr)]
#[strum(serialize_all = "snake_case")]
pub(super) enum JobResult {
    Success,
    Partial,
    Failed,
}

impl JobStatus {
    const SUCCESS: Self = Self(0);
    const PARTIAL: Self = Self(1);
    /// Any failure, once there are too many label sets.
    pub(super) const OTHER: Self = Self(i32::MIN);

    pub(super) fn result(self) -> JobResult {
        match self {
            Self::SUCCESS => JobResult::Success,
            Self::PARTIAL => JobResult::Partial,
            _ => JobResult::Failed,
        }
    }

    pub(super) fn label(self) -> String {
        if self == Self::OTHER { "other".to_owned() } else { self.0.to_string() }
    }
}

impl JobResult {
    /// The index of the group for jobs with this result that have no group of their own; as in [`Labels::default`].
    fn overflow(self) -> GroupIndex {
        match self {
            Self::Success => 0,
            Self::Partial => 1,
            Self::Failed => 2,
        }
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
pub(super) const MOST_GROUPS: usize = MOST_LABEL_SETS - 3;
/// Up to this number, unused label sets are not worth removing.
const FEW_GROUPS: usize = 256;

impl Word {
    /// The value of a label for which there are too many values.
    pub(super) const OTHER: Self = Self(0);
}

impl Default for Labels {
    fn default() -> Self {
        let other: Arc<str> = "other".into();
        let group = |status| Group {
            job_type: Word::OTHER,
            policy_type: Word::OTHER,
            schedule_type: Word::OTHER,
            status,
        };
        let groups = vec![group(JobStatus::SUCCESS), group(JobStatus::PARTIAL), group(JobStatus::OTHER)];
        Self {
            word_of: HashMap::from([(other.clone(), Word::OTHER)]),
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
            status: JobStatus(status),
        };
        if let Some(index) = self.group_of.get(&group) {
            return (*index, false);
        }
        let Some(index) = u16::try_from(self.groups.len()).ok().filter(|_| self.groups.len() < MOST_GROUPS)
        else {
            return (group.status.result().overflow(), true);
        };
        self.groups.push(group);
        self.group_of.insert(group, index);
        (index, false)
    }

    /// The label set with this index.
    pub(super) fn group(&self, index: GroupIndex) -> Group {
        self.groups.get(usize::from(index)).copied().unwrap_or(Group {
            job_type: Word::OTHER,
            policy_type: Word::OTHER,
            schedule_type: Word::OTHER,
            status: JobStatus::OTHER,
        })
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
            let next = u16::try_from(tidied.groups.len()).unwrap_or(JobResult::Failed.overflow());
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
