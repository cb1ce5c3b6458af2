//! Every target on its corpus, and on what becomes of that by chance.

mod mutation;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, fs, thread};

use super::{FuzzTarget, pages};
use mutation::Mutator;

/// Of each target. `NBU_EXPORTER_FUZZ_CASES` asks for another number, `NBU_EXPORTER_FUZZ_TARGET` for one target.
const CASES: usize = 1_000;

fn corpus(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target)
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let folders = match target {
        "configuration" => vec![corpus(target), tests.join("fixtures/config")],
        "authority-file" => vec![tests.join("tls/chains")],
        _ => vec![corpus(target)],
    };
    let files =
        folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap()).map(|file| file.unwrap().path());
    let mut files: Vec<_> = files.filter(|file| file.is_file()).collect();
    files.sort();
    assert!(!files.is_empty(), "{target} has no corpus");
    let mut inputs: Vec<_> = files.iter().map(|file| fs::read(file).unwrap()).collect();
    if target == "web-config" {
        let cases = fs::read_to_string(tests.join("go/webconfig/cases.txt")).unwrap();
        inputs.extend(
            cases.split("=== ").filter_map(|case| case.split_once('\n')).map(|(_, case)| case.into()),
        );
    }
    inputs
}

/// Runs a target; an input that breaks a promise is kept, and the place said.
fn run(target: &FuzzTarget, input: &[u8]) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(|| target.run(input))).map_err(|_| {
        let file = env::temp_dir().join(format!("{}-{:016x}", target.name(), fastrand::u64(..)));
        fs::write(&file, input).unwrap();
        format!("{} fails with {}", target.name(), file.display())
    })
}

fn fuzz(target: &FuzzTarget, cases: usize) -> Result<(), String> {
    let seeds = seeds(target.name());
    for seed in &seeds {
        run(target, seed)?;
    }
    // The same in every run, and another one where more is asked for.
    let mut mutator = Mutator::new(u64::try_from(cases).unwrap(), seeds);
    (0..cases).try_for_each(|_| run(target, &mutator.next()))
}

#[test]
fn whatever_others_write_is_read_without_a_broken_promise() {
    let cases = env::var("NBU_EXPORTER_FUZZ_CASES").map_or(CASES, |cases| cases.parse().unwrap());
    let wanted = env::var("NBU_EXPORTER_FUZZ_TARGET").ok();
    let mut targets = FuzzTarget::all();
    targets.retain(|target| wanted.as_deref().is_none_or(|wanted| wanted == target.name()));
    assert!(!targets.is_empty(), "there is no target {wanted:?}");
    let next = AtomicUsize::new(0);
    let work = || {
        let mut failures = Vec::new();
        while let Some(target) = targets.get(next.fetch_add(1, Ordering::Relaxed)) {
            let begun = std::time::Instant::now();
            failures.extend(fuzz(target, cases).err());
            println!("{}: {cases} cases, {:?}", target.name(), begun.elapsed());
        }
        failures
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let failures: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// With `NBU_EXPORTER_FUZZ_RECORD` the corpora of the answers are written anew.
#[tokio::test]
async fn what_the_simulator_answers_is_read_without_a_broken_promise() {
    let targets = FuzzTarget::all();
    let mut inputs = pages::recording::inputs().await.into_iter();
    for target in targets.iter().filter(|target| target.name().starts_with("answers-")) {
        let (collector, input) = inputs.next().unwrap();
        assert_eq!(target.name(), format!("answers-{collector}"));
        if env::var_os("NBU_EXPORTER_FUZZ_RECORD").is_some() {
            fs::create_dir_all(corpus(target.name())).unwrap();
            fs::write(corpus(target.name()).join("simulator"), &input).unwrap();
        }
        // Not in the runtime of this test.
        thread::scope(|scope| scope.spawn(|| run(target, &input)).join().unwrap()).unwrap();
    }
}
