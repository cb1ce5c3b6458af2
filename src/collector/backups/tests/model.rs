//! The order in which jobs come does not matter: a model that knows all of them at once says the same.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::outcomes::Outcomes;
use super::super::reading::ReadStep;
use super::*;

/// How a job or run ended, when, and its number.
type Ended = (JobResult, i64, u32);

/// What a model knows of a policy: its runs, and what each has moved.
#[derive(Default)]
struct ModelledPolicy(Vec<(Ended, u64)>);

fn outcomes(ended: &[Ended]) -> Outcomes {
    let mut outcomes = Outcomes::default();
    let mut ended = ended.to_vec();
    ended.sort_by_key(|(_, ended, job)| (*ended, *job));
    for (result, ended, job) in ended {
        outcomes.add(result, ended, job);
    }
    outcomes
}

/// Runs of two policies for three clients within a day; each with up to three children that end while it runs.
fn runs() -> impl Strategy<Value = Vec<Ran>> {
    let child = (0..3_usize, prop_oneof![Just(0_i64), Just(1), Just(96)], 0..1000_i64, 0..100_u64);
    let run = (0..2_usize, prop_oneof![Just(0_i64), Just(1), Just(96)], 0..86_000_i64, 1..20_000_i64);
    prop::collection::vec((run, prop::collection::vec(child, 0..4)), 1..25).prop_map(|runs| {
        let mut jobs = Vec::new();
        for (index, ((policy, status, start, length), children)) in runs.into_iter().enumerate() {
            let root = 100 * u32::try_from(index).unwrap() + 1;
            let policy = ["files", "mail"][policy];
            let started = NOW - 100_000 + start;
            let ended = (started + length).min(NOW - 1);
            let kilobytes = if children.is_empty() { 5 } else { 0 };
            let alone = Ran { started, kilobytes, ..Ran::alone(root, policy, "primary", status, ended) };
            jobs.push(Ran { children: children.len() as u64, ..alone });
            for (number, (client, status, at, kilobytes)) in (1..).zip(children) {
                let ended = started + (ended - started) * at / 1000;
                let client = ["web", "db", "Mail"][client];
                let child =
                    Ran { started, kilobytes, ..Ran::alone(root + number, policy, client, status, ended) };
                jobs.push(child.child_of(root));
            }
        }
        jobs
    })
}

fn modelled(jobs: &[Ran]) -> (BTreeMap<String, ModelledPolicy>, BTreeMap<String, Vec<Ended>>) {
    let mut policies: BTreeMap<String, ModelledPolicy> = BTreeMap::new();
    let mut clients: BTreeMap<String, BTreeMap<u32, (JobResult, i64)>> = BTreeMap::new();
    for job in jobs {
        let result = JobResult::of_status(job.status);
        if job.root == job.id {
            let moved = jobs.iter().filter(|other| other.root == job.id).map(|other| other.kilobytes).sum();
            policies.entry(job.policy.to_owned()).or_default().0.push(((result, job.ended, job.id), moved));
        }
        if job.children == 0 {
            let runs = clients.entry(job.client.to_lowercase()).or_default();
            let worst = runs.entry(job.root).or_insert((result, job.ended));
            *worst = (worst.0.max(result), worst.1.max(job.ended));
        }
    }
    let clients = clients.into_iter().map(|(name, runs)| {
        (name, runs.into_iter().map(|(root, (result, ended))| (result, ended, root)).collect())
    });
    (policies, clients.collect())
}

/// What would be known if no job came any more; what is known stays as it is.
fn as_if_all_had_ended(backups: &mut Backups, expected: &Expected) -> BackupMemory {
    let covered = backups.covered().unwrap();
    let Backups { memory, pending, reading, .. } = backups;
    let before = memory.clone();
    let jobs = supposed(pending, reading, covered, expected.policies.as_deref());
    let seen = memory.supposing(&jobs, covered, BackupMemory::clone);
    assert_eq!(*memory, before);
    seen
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_order_and_repetition_and_any_steps_give_what_one_look_at_all_jobs_gives(
        jobs in runs(),
        live_from in 0..100_000_i64,
        live_ends in prop::collection::vec(1..100_000_i64, 0..5),
        steps in prop::collection::vec(1..40_000_i64, 0..6),
        order in any::<u64>(),
        shows_between in any::<bool>(),
        sorts in any::<bool>(),
    ) {
        let live_from = NOW - 100_000 + live_from;
        let mut backups = Backups { is_wanted: true, ..Backups::default() };
        let (given, board) = (crate::config::fixture::collectors(), Board::default());
        board.learn_policies(["files", "mail"].map(|name| (name.to_owned(), daily())).into());
        let expected = Expected::on(&board);
        // The live stream comes in runs that overlap, in any order and with repetitions.
        let mut ends: Vec<_> = live_ends.iter().map(|end| NOW - 100_000 + end).filter(|end| *end > live_from).collect();
        ends.sort_unstable();
        ends.push(NOW);
        let mut read = live_from;
        for (number, end) in ends.iter().enumerate() {
            // Up to five minutes are recorded late: they come with the next run.
            let is_due = |job: &&Ran| job.ended >= read && job.ended < *end;
            let mut batch: Vec<_> = jobs.iter().filter(is_due).collect();
            let by = order.wrapping_add(number as u64);
            batch.sort_by_key(|job| u64::from(job.id).wrapping_mul(by | 1).rotate_left(17));
            // A server that sorts gives them in the order of their ends, so that they are folded as they come.
            if sorts {
                batch.sort_by_key(|job| job.ended);
            }
            for job in &batch {
                backups.noted(job);
                if sorts {
                    backups.advance(live_from..job.ended - 300, &board);
                }
            }
            batch.iter().take(3).for_each(|job| backups.noted(job));
            read = (end - 300).max(live_from);
            backups.settle(Some(live_from..read), NOW, &given, &board);
        }
        // The rest is read back in steps of any length.
        backups.reading.frontier = Some(live_from);
        let mut to = live_from;
        for length in steps.into_iter().chain([200_000]) {
            let from = to - length;
            let mut step = ReadStep::new(from, to, Vec::new());
            for job in jobs.iter().rev().filter(|job| (from..to).contains(&job.ended)) {
                let text = job.json();
                let job = Job::new(serde_json::from_str(&text).unwrap(), &mut 0).unwrap();
                step.jobs.insert(job.id, NotedJob::new(&job, &mut backups.names).unwrap());
            }
            backups.reading.step = Some(step);
            if shows_between {
                as_if_all_had_ended(&mut backups, &expected);
            }
            backups.end_step(&expected);
            to = from;
        }
        let shown = as_if_all_had_ended(&mut backups, &expected);
        let (policies, clients) = modelled(&jobs);
        prop_assert_eq!(sorted(shown.policies.keys()), policies.keys().map(String::as_str).collect::<Vec<_>>());
        for (name, ModelledPolicy(runs)) in &policies {
            let known = &shown.policies[name.as_str()];
            let ended: Vec<_> = runs.iter().map(|(ended, _)| *ended).collect();
            prop_assert_eq!(&known.outcomes, &outcomes(&ended));
            let good = runs.iter().filter(|((result, ..), _)| result.is_good());
            let good = good.max_by_key(|((_, ended, root), _)| (*ended, *root)).map(|(_, moved)| Some(*moved));
            prop_assert_eq!(known.good.as_ref().map(|good| good.kilobytes), good);
        }
        prop_assert_eq!(sorted(shown.clients.keys()), clients.keys().map(String::as_str).collect::<Vec<_>>());
        for (name, runs) in &clients {
            prop_assert_eq!(&shown.clients[name.as_str()].outcomes, &outcomes(runs));
        }
    }
}
