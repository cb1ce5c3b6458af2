//! Renders what is known of the jobs as families.

use std::collections::BTreeMap;

use super::counters::Counters;
use super::descs::{
    ACTIVE, BYTES_TOTAL, ELAPSED, FAILED_TOTAL, FILES_TOTAL, FINISHED_TOTAL, OLDEST_ACTIVE, OLDEST_QUEUED,
    QUEUED, QUEUED_BY_RESOURCE, TRANSFER_RATE, UNFINISHED, V4_BYTES, V4_DEDUP, V4_DURATION, V4_FILES,
    V4_JOBS, V4_QUEUED, V4_STATE, V4_STATUS, WINDOW, WINDOW_BYTES, WINDOW_DEDUP, WINDOW_FILES, WINDOW_JOBS,
};
use super::labels::{Group, Labels, Word};
use super::unfinished::Unfinished;
use super::window::{Summary, Totals};
use crate::collector::contract::Context;
use crate::metric::{Family, FamilyBuilder, Histogram, Labelled};

/// NetBackup's kilobyte.
const KILOBYTE: f64 = 1024.0;

/// The families of one run.
pub(super) fn render(
    context: &Context<'_>,
    summary: &Summary,
    counters: &Counters,
    unfinished: &Unfinished,
    labels: &Labels,
) -> Vec<Family> {
    let renderer = Renderer { site: context.site, labels };
    let mut window = WINDOW.of_site(context.site);
    window.sample([], context.window.as_secs_f64());
    let mut families = vec![window.build()];
    families.extend(renderer.windowed(summary));
    families.extend(renderer.unfinished(unfinished));
    families.extend(renderer.counted(counters));
    families.extend(renderer.v4(summary, unfinished));
    families
}

/// What all families need.
struct Renderer<'a> {
    site: &'a str,
    labels: &'a Labels,
}

impl Renderer<'_> {
    fn windowed(&self, summary: &Summary) -> [Family; 4] {
        let mut jobs = WINDOW_JOBS.of_site(self.site);
        let mut bytes = WINDOW_BYTES.of_site(self.site);
        self.by_status(summary, of_leaves, &mut jobs, &mut bytes);
        let mut files = WINDOW_FILES.of_site(self.site);
        let mut dedup = WINDOW_DEDUP.of_site(self.site);
        for (types, totals) in by_types(summary, of_leaves) {
            files.sample(self.pair(types), totals.files as f64);
            if let Some(ratio) = totals.mean_dedup_ratio() {
                dedup.sample(self.pair(types), ratio);
            }
        }
        [jobs.build(), bytes.build(), files.build(), dedup.build()]
    }

    fn unfinished(&self, unfinished: &Unfinished) -> [Family; 7] {
        let mut queued = QUEUED.of_site(self.site);
        for ((job_type, reason), jobs) in &unfinished.queued {
            queued.sample([self.word(*job_type), reason.name()], *jobs as f64);
        }
        let by_type = |desc: &'static Labelled<1>, values: &mut dyn Iterator<Item = (Word, f64)>| {
            let mut family = desc.of_site(self.site);
            values.for_each(|(job_type, value)| family.sample([self.word(job_type)], value));
            family.build()
        };
        let oldest = |desc, oldest: &BTreeMap<Word, i64>| {
            by_type(desc, &mut oldest.iter().map(|(job_type, start)| (*job_type, *start as f64)))
        };
        let mut rates = unfinished
            .transfer_rates
            .iter()
            .map(|(job_type, kilobytes)| (*job_type, *kilobytes as f64 * KILOBYTE));
        let waited_for = unfinished.waited_for().into_iter();
        [
            self.states(&UNFINISHED, &unfinished.states).build(),
            by_type(&ACTIVE, &mut unfinished.active.iter().map(|(job_type, jobs)| (*job_type, *jobs as f64))),
            queued.build(),
            oldest(&OLDEST_ACTIVE, &unfinished.oldest_active),
            oldest(&OLDEST_QUEUED, &unfinished.oldest_queued),
            by_type(&TRANSFER_RATE, &mut rates),
            QUEUED_BY_RESOURCE
                .family(self.site, waited_for.map(|(resource, jobs)| ([resource], jobs as f64))),
        ]
    }

    fn counted(&self, counters: &Counters) -> [Family; 5] {
        let mut finished = FINISHED_TOTAL.of_site(self.site);
        for ((job_type, policy_type, schedule_type, level, result), jobs) in &counters.finished {
            let [job_type, policy_type] = self.pair((*job_type, *policy_type));
            let labels = [job_type, policy_type, self.word(*schedule_type), level.as_ref(), result.name()];
            finished.sample(labels, *jobs as f64);
        }
        let mut failed = FAILED_TOTAL.of_site(self.site);
        for ((job_type, level, status), jobs) in &counters.failed {
            failed.sample([self.word(*job_type), level.as_ref(), &status.label()], *jobs as f64);
        }
        let mut bytes = BYTES_TOTAL.of_site(self.site);
        let mut files = FILES_TOTAL.of_site(self.site);
        let mut elapsed = ELAPSED.of_site(self.site);
        for (types, moved) in &counters.moved {
            let labels = self.pair(*types);
            bytes.sample(labels, moved.kilobytes as f64 * KILOBYTE);
            files.sample(labels, moved.files as f64);
            elapsed.histogram(labels, &moved.elapsed);
        }
        [finished.build(), failed.build(), bytes.build(), files.build(), elapsed.build()]
    }

    fn v4(&self, summary: &Summary, unfinished: &Unfinished) -> [Family; 8] {
        let mut jobs = V4_JOBS.of_site(self.site);
        let mut bytes = V4_BYTES.of_site(self.site);
        self.by_status(summary, of_all, &mut jobs, &mut bytes);
        let mut status = V4_STATUS.of_site(self.site);
        for ((job_type, code), totals) in add_up(summary, of_all, |group| (group.job_type, group.status)) {
            status.sample([self.word(job_type), &code.label()], totals.jobs as f64);
        }
        let mut state = self.states(&V4_STATE, &unfinished.states);
        for (job_type, totals) in add_up(summary, of_all, |group| group.job_type) {
            state.sample([self.word(job_type), "DONE"], totals.jobs as f64);
        }
        let mut queued = V4_QUEUED.of_site(self.site);
        for ((job_type, reason), jobs) in &unfinished.queued_first {
            queued.sample([self.word(*job_type), &reason.0.to_string()], *jobs as f64);
        }
        let mut files = V4_FILES.of_site(self.site);
        let mut dedup = V4_DEDUP.of_site(self.site);
        for (types, totals) in by_types(summary, of_all) {
            files.sample(self.pair(types), totals.files as f64);
            dedup.sample(self.pair(types), totals.mean_dedup_percent());
        }
        [
            bytes.build(),
            jobs.build(),
            status.build(),
            state.build(),
            queued.build(),
            files.build(),
            dedup.build(),
            self.histograms(&V4_DURATION, &summary.elapsed),
        ]
    }

    fn by_status(
        &self,
        summary: &Summary,
        counted: Counted,
        jobs: &mut FamilyBuilder<3>,
        bytes: &mut FamilyBuilder<3>,
    ) {
        let key = |group: &Group| (group.job_type, group.policy_type, group.status);
        for ((job_type, policy_type, status), totals) in add_up(summary, counted, key) {
            let [job_type, policy_type] = self.pair((job_type, policy_type));
            let labels = [job_type, policy_type, &status.label()];
            jobs.sample(labels, totals.jobs as f64);
            bytes.sample(labels, totals.kilobytes as f64 * KILOBYTE);
        }
    }

    fn states(&self, desc: &'static Labelled<2>, states: &BTreeMap<(Word, Word), u64>) -> FamilyBuilder<2> {
        let mut family = desc.of_site(self.site);
        for (types, jobs) in states {
            family.sample(self.pair(*types), *jobs as f64);
        }
        family
    }

    fn histograms(&self, desc: &'static Labelled<2>, histograms: &[((Word, Word), Histogram)]) -> Family {
        let mut family = desc.of_site(self.site);
        for (types, histogram) in histograms {
            family.histogram(self.pair(*types), histogram);
        }
        family.build()
    }

    fn word(&self, word: Word) -> &str {
        self.labels.word(word)
    }

    fn pair(&self, (first, second): (Word, Word)) -> [&str; 2] {
        [self.word(first), self.word(second)]
    }
}

/// What of a label set is added up.
type Counted = fn(Totals, &Group) -> Totals;

/// The data of parents as well as that of their children, as the Go exporter adds it up.
fn of_all(totals: Totals, _: &Group) -> Totals {
    totals
}

/// The data of jobs without children alone, so that nothing counts twice.
fn of_leaves(totals: Totals, group: &Group) -> Totals {
    totals.of_leaves(group)
}

fn by_types(summary: &Summary, counted: Counted) -> BTreeMap<(Word, Word), Totals> {
    add_up(summary, counted, |group| (group.job_type, group.policy_type))
}

fn add_up<K: Ord>(summary: &Summary, counted: Counted, key: impl Fn(&Group) -> K) -> BTreeMap<K, Totals> {
    let mut sums: BTreeMap<K, Totals> = BTreeMap::new();
    for (group, totals) in &summary.by_group {
        sums.entry(key(group)).or_default().merge(&counted(*totals, group));
    }
    sums
}
