//! The finished jobs of the window.

use std::ops::RangeInclusive;

use super::labels::{Group, GroupIndex, Labels, Word};
use super::watermark::OVERLAP;
use crate::collector::contract::Diagnostics;
use crate::collector::job_record::Job;
use crate::metric::Histogram;

/// A finished job in 32 bytes: there may be 100 000 of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Finished {
    kilobytes: u64,
    id: u32,
    /// In seconds since 1970; good until 2106.
    ended: u32,
    /// In seconds; [`NO_ELAPSED`] if it did not end after it started.
    elapsed: u32,
    files: u32,
    /// In thousandths of a percent, so that sums are exact; [`NO_DEDUP`] where the job says nothing of it.
    dedup: i32,
    group: GroupIndex,
    mark: Mark,
}

/// Whether a job has to be counted. Of several records of one job the first mark in this order counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Mark {
    /// Nothing any more.
    Settled,
    /// It ended while we watched, and is not counted yet.
    New,
    /// It ended before.
    Old,
}

const NO_ELAPSED: u32 = u32::MAX;
const NO_DEDUP: i32 = i32::MIN;

impl Finished {
    /// The job, if it is a finished one. One that ended before we began to watch does not `count`.
    pub(super) fn new(
        job: &Job<'_>,
        counts: bool,
        labels: &mut Labels,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        // A suspended job may have an end and go on; it is among the unfinished ones.
        if !job.state.is_empty() && job.state != "DONE" {
            return None;
        }
        let ended = job.end.and_then(|end| u32::try_from(end).ok());
        let status = job.status.and_then(|status| i32::try_from(status).ok());
        let (Some(ended), Some(status)) = (ended, status) else {
            diagnostics.malformed += 1;
            return None;
        };
        let (group, capped) = labels.group_index(job, status);
        diagnostics.capped += u64::from(capped);
        let elapsed = job.start.and_then(|start| u32::try_from(i64::from(ended) - start).ok());
        Some(Self {
            kilobytes: job.kilobytes.unwrap_or(0),
            id: job.id,
            ended,
            elapsed: elapsed.filter(|elapsed| *elapsed > 0).unwrap_or(NO_ELAPSED),
            files: job.files.map_or(0, |files| u32::try_from(files).unwrap_or(u32::MAX)),
            dedup: job.dedup.map_or(NO_DEDUP, thousandths),
            group,
            mark: if counts { Mark::New } else { Mark::Old },
        })
    }

    /// Whether both are records of one job; the other one has not ended later.
    ///
    /// A catalog recovery sets the ids back, so that later jobs have the ids of lost ones. An end may be corrected, but the
    /// start stays the same.
    fn is_of_the_job_of(&self, earlier: &Self) -> bool {
        let start = |job: &Self| job.ended.checked_sub(job.elapsed);
        let corrected = i64::from(self.ended) - i64::from(earlier.ended) <= OVERLAP;
        self.id == earlier.id && (corrected || start(self).is_some_and(|own| start(earlier) == Some(own)))
    }

    pub(super) fn ended(&self) -> i64 {
        self.ended.into()
    }

    #[cfg(test)]
    pub(super) fn id(&self) -> u32 {
        self.id
    }

    pub(super) fn group(&self) -> GroupIndex {
        self.group
    }

    pub(super) fn kilobytes(&self) -> u64 {
        self.kilobytes
    }

    pub(super) fn files(&self) -> u64 {
        self.files.into()
    }

    pub(super) fn elapsed(&self) -> Option<f64> {
        (self.elapsed != NO_ELAPSED).then_some(self.elapsed.into())
    }
}

/// Values out of range become the largest or the smallest, as the cast does.
#[allow(clippy::cast_possible_truncation)]
fn thousandths(percent: f64) -> i32 {
    (percent * 1000.0).round() as i32
}

/// The finished jobs that may still matter, each once.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// In the order of their ids, but for those that came since the last [`Window::settle`].
    jobs: Vec<Finished>,
}

impl Window {
    /// Takes a job in; it may be there already.
    pub(super) fn add(&mut self, job: Finished) {
        self.jobs.push(job);
    }

    /// Keeps only the newest record of each job, calls `count` for each new one, and drops what ended too long ago.
    pub(super) fn settle(&mut self, keep_from: i64, mut count: impl FnMut(&Finished)) {
        // The sort is stable: records with one id and one end stay in the order of their arrival.
        self.jobs.sort_by_key(|job| (job.id, job.ended));
        self.jobs.dedup_by(|later, earlier| {
            let same = later.is_of_the_job_of(earlier);
            if same {
                *earlier = Finished { mark: earlier.mark.min(later.mark), ..*later };
            }
            same
        });
        for job in &mut self.jobs {
            if job.mark == Mark::New {
                count(job);
            }
            job.mark = Mark::Settled;
        }
        self.jobs.retain(|job| job.ended() >= keep_from);
        if self.jobs.capacity() > 4 * self.jobs.len().max(64) {
            self.jobs.shrink_to(2 * self.jobs.len());
        }
    }

    /// Gives back the label sets that no job has any more.
    pub(super) fn tidy(&mut self, labels: &mut Labels) {
        let mut used = vec![false; labels.groups().len()];
        for job in &self.jobs {
            if let Some(used) = used.get_mut(usize::from(job.group)) {
                *used = true;
            }
        }
        let Some(new_index) = labels.tidy(&used) else { return };
        for job in &mut self.jobs {
            job.group = new_index.get(usize::from(job.group)).copied().unwrap_or(job.group);
        }
    }

    /// How many jobs ended since then.
    pub(super) fn count_since(&self, from: i64) -> u64 {
        self.jobs.iter().filter(|job| job.ended() >= from).count() as u64
    }

    /// Adds up the jobs that ended in `range`, by their label sets.
    pub(super) fn summary(&self, range: RangeInclusive<i64>, labels: &Labels) -> Summary {
        let groups = labels.groups();
        let mut totals = vec![Totals::default(); groups.len()];
        let mut pairs: Vec<_> = groups.iter().map(|group| (group.job_type, group.policy_type)).collect();
        pairs.sort_unstable();
        pairs.dedup();
        let pair_of: Vec<usize> = groups
            .iter()
            .map(|group| pairs.binary_search(&(group.job_type, group.policy_type)).unwrap_or(0))
            .collect();
        let mut elapsed: Vec<_> = pairs.iter().map(|_| Histogram::new(V4_ELAPSED_BOUNDS)).collect();
        for job in self.jobs.iter().filter(|job| range.contains(&job.ended())) {
            let index = usize::from(job.group);
            if let Some(totals) = totals.get_mut(index) {
                totals.add(job);
            }
            let histogram = pair_of.get(index).and_then(|pair| elapsed.get_mut(*pair));
            if let (Some(histogram), Some(seconds)) = (histogram, job.elapsed()) {
                histogram.observe(seconds);
            }
        }
        let by_group = groups.iter().copied().zip(totals).filter(|(_, totals)| totals.jobs > 0).collect();
        let elapsed = pairs.into_iter().zip(elapsed).filter(|(_, histogram)| histogram.count() > 0).collect();
        Summary { by_group, elapsed }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.jobs.len()
    }
}

/// The buckets of the Go exporter's `nbu_job_duration_seconds`, one minute to one day.
pub(super) const V4_ELAPSED_BOUNDS: &[f64] =
    &[60.0, 300.0, 900.0, 1800.0, 3600.0, 7200.0, 14400.0, 28800.0, 86400.0];

/// The window by label sets.
#[derive(Debug, Default)]
pub(super) struct Summary {
    pub(super) by_group: Vec<(Group, Totals)>,
    /// By job type and policy type.
    pub(super) elapsed: Vec<((Word, Word), Histogram)>,
}

/// The jobs of one label set, added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) jobs: u64,
    pub(super) kilobytes: u64,
    pub(super) files: u64,
    /// The sum of all deduplication percentages, in thousandths.
    dedup: i64,
    /// How many jobs have one.
    deduped: u64,
}

impl Totals {
    fn add(&mut self, job: &Finished) {
        self.jobs += 1;
        self.kilobytes = self.kilobytes.saturating_add(job.kilobytes);
        self.files += job.files();
        if job.dedup != NO_DEDUP {
            self.dedup += i64::from(job.dedup);
            self.deduped += 1;
        }
    }

    /// The mean deduplication percentage; a job without one counts as 0.
    pub(super) fn mean_dedup_percent(&self) -> f64 {
        self.dedup as f64 / (1000.0 * self.jobs as f64)
    }

    /// The mean deduplication ratio, 0 to 1, of the jobs that have one.
    pub(super) fn mean_dedup_ratio(&self) -> Option<f64> {
        (self.deduped > 0).then(|| self.dedup as f64 / (100_000.0 * self.deduped as f64))
    }

    /// Without the data of jobs whose children moved it.
    pub(super) fn of_leaves(self, group: &Group) -> Self {
        if group.kin.is_leaf { self } else { Self { kilobytes: 0, files: 0, ..self } }
    }

    /// Takes in the jobs of another label set.
    pub(super) fn merge(&mut self, other: &Self) {
        self.jobs += other.jobs;
        self.kilobytes = self.kilobytes.saturating_add(other.kilobytes);
        self.files += other.files;
        self.dedup += other.dedup;
        self.deduped += other.deduped;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finished_job_takes_32_bytes() {
        assert_eq!(size_of::<Finished>(), 32);
    }
}
