//! The order of triggers, as properties of any interleaving.

use std::time::Duration;

use proptest::prelude::*;
use strum::VariantArray as _;
use tokio::time::sleep;

use super::fakes::{Harness, invalid, valid};
use crate::reload::{Outcome, Trigger};

/// Something that happens.
#[derive(Clone, Debug)]
enum Step {
    Edit {
        number: u32,
        is_valid: bool,
    },
    Remove,
    Trigger(Trigger),
    /// A request whose client waits, or leaves.
    Post {
        stays: bool,
    },
    Hold(bool),
    Disturb(usize),
    /// The next attempt to put something to work fails.
    Fail,
    /// Time in which things may happen.
    Pause,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_u32..4, prop::bool::weighted(0.7)).prop_map(|(number, is_valid)| Step::Edit { number, is_valid }),
        1 => Just(Step::Remove),
        4 => prop::sample::select(vec![Trigger::Poll, Trigger::File, Trigger::Signal]).prop_map(Step::Trigger),
        2 => any::<bool>().prop_map(|stays| Step::Post { stays }),
        1 => any::<bool>().prop_map(Step::Hold),
        1 => (0_usize..3).prop_map(Step::Disturb),
        1 => Just(Step::Fail),
        3 => Just(Step::Pause),
    ]
}

async fn play(steps: Vec<Step>) {
    let harness = Harness::start(&valid(0)).await;
    let (mut newest_valid, mut answers, mut explicit) = (None, Vec::new(), 0.0);
    let mut current = Some((0, true));
    for step in steps {
        match step {
            Step::Edit { number, is_valid } => {
                harness.disk.write(&if is_valid { valid(number) } else { invalid(number) });
                current = Some((number, is_valid));
            }
            Step::Remove => {
                harness.disk.remove();
                current = None;
            }
            Step::Trigger(trigger) => {
                explicit += f64::from(u8::from(trigger.is_explicit()));
                harness.trigger(trigger);
            }
            Step::Post { stays } => {
                explicit += 1.0;
                let answer = harness.ask();
                if stays {
                    answers.push(answer);
                }
            }
            Step::Hold(held) => harness.writing.hold(held),
            Step::Disturb(reads) => harness.writing.disturb(reads),
            Step::Fail => harness.program.fail(&["not now"]),
            Step::Pause => sleep(Duration::from_millis(500)).await,
        }
    }
    harness.writing.hold(false);
    sleep(Duration::from_secs(1)).await;
    // The last edit is hinted at, as every edit is, and failures to put something to work end some day.
    for _ in 0..60 {
        harness.trigger(Trigger::Poll);
        sleep(Duration::from_secs(30)).await;
    }
    for answer in answers {
        assert!(answer.await.is_ok(), "every request is answered");
    }
    if let Some((number, true)) = current {
        newest_valid = Some(number);
    }
    let committed = harness.program.committed();
    if let Some(number) = newest_valid {
        let runs = committed.last().map_or(0, |active| u32::from(active.config.server.port) - 9000);
        assert_eq!(runs, number, "the newest valid content runs");
        assert!(harness.status.load().newest_runs);
    } else {
        assert!(!harness.status.load().newest_runs, "a rejection stands as long as its content");
    }
    // A configuration can not be invalid by its type; what runs twice in a row was applied twice.
    let mut before = 9000;
    for active in &committed {
        assert_ne!(active.config.server.port, before, "equal content is never applied twice");
        before = active.config.server.port;
    }
    let applied: f64 =
        Trigger::VARIANTS.iter().map(|&trigger| harness.count(trigger, Outcome::Applied)).sum();
    assert_eq!(applied, committed.len() as f64, "each publication is counted once");
    let asked: f64 = [Trigger::Signal, Trigger::Http]
        .iter()
        .flat_map(|&trigger| Outcome::VARIANTS.iter().map(move |&outcome| (trigger, outcome)))
        .map(|(trigger, outcome)| harness.count(trigger, outcome))
        .sum();
    assert!(asked <= explicit, "{asked} counted of {explicit}");
    assert_eq!(asked > 0.0, explicit > 0.0, "who asks is counted");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_the_order_of_edits_triggers_holds_and_failures_the_newest_valid_content_runs(
        steps in prop::collection::vec(step(), 1..40)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(play(steps));
    }
}

#[tokio::test(start_paused = true)]
async fn each_explicit_trigger_that_comes_alone_is_counted_once() {
    let harness = Harness::start(&valid(1)).await;
    for number in 0..10_u32 {
        harness.disk.write(&if number % 3 == 0 { invalid(number) } else { valid(number) });
        harness.trigger(Trigger::Signal);
        sleep(Duration::from_secs(1)).await;
        harness.post().await;
    }
    let counted =
        |trigger| Outcome::VARIANTS.iter().map(|&outcome| harness.count(trigger, outcome)).sum::<f64>();
    assert_eq!((counted(Trigger::Signal), counted(Trigger::Http)), (10.0, 10.0));
}
