//! Reads that panic or hang, bursts, failures to publish, and the shutdown.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::sleep;

use super::fakes::{Act, Harness, invalid, valid};
use crate::reload::{Outcome, Trigger};

/// A read that hangs until the sender is dropped.
fn hang() -> (std::sync::mpsc::Sender<()>, Act) {
    let (sender, receiver) = std::sync::mpsc::channel();
    (sender, Act::Hang(Arc::new(Mutex::new(receiver))))
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_a_read_is_a_rejection_without_detail_and_the_next_read_is_good() {
    let harness = Harness::start(&valid(1)).await;
    harness.disk.next([Act::Panic, Act::Panic]);
    let first = harness.post().await;
    assert_eq!(first.outcome, Outcome::Rejected);
    assert!(first.detail.contains("internal error") && !first.detail.contains("planted"), "{}", first.detail);
    assert!(!harness.status.load().newest_runs);
    harness.post().await;
    assert_eq!(harness.post().await.outcome, Outcome::Unchanged);
    assert!(harness.status.load().newest_runs);
    harness.disk.write(&valid(2));
    assert_eq!(harness.post().await.outcome, Outcome::Applied);
    assert_eq!(harness.ports(), [9002]);
}

#[tokio::test]
async fn a_file_system_that_hangs_is_a_rejection_and_what_it_held_up_is_never_taken_for_new() {
    // The clock stands still but for us: threads that block keep it from moving by itself.
    let harness = Harness::start(&valid(1)).await;
    harness.settle().await;
    tokio::time::pause();
    let (release, act) = hang();
    harness.disk.next([act]);
    let reads = harness.disk.reads();
    let hanging = harness.ask();
    while harness.disk.reads() == reads {
        tokio::task::yield_now().await;
    }
    tokio::time::advance(Duration::from_secs(11)).await;
    let verdict = hanging.await.unwrap();
    assert_eq!(verdict.outcome, Outcome::Rejected);
    assert!(verdict.detail.contains("has not answered"), "{}", verdict.detail);
    // Others are answered as well, and there is no second thread that hangs.
    let second = harness.ask();
    tokio::task::yield_now().await;
    tokio::time::advance(Duration::from_secs(11)).await;
    assert_eq!(second.await.unwrap().outcome, Outcome::Rejected);
    assert_eq!(harness.disk.reads(), reads + 1);
    // What the thread saw is from before this edit.
    harness.disk.write(&valid(2));
    let third = harness.ask();
    drop(release);
    assert_eq!(third.await.unwrap().outcome, Outcome::Applied);
    assert_eq!(harness.ports(), [9002]);
    assert!(harness.status.load().newest_runs);
}

#[tokio::test(start_paused = true)]
async fn fifty_requests_a_signal_and_a_file_event_are_one_or_two_reloads() {
    let harness = Harness::start(&valid(1)).await;
    harness.settle().await;
    let before = harness.disk.reads();
    harness.disk.write(&valid(2));
    let answers: Vec<_> = (0..50).map(|_| harness.ask()).collect();
    harness.trigger(Trigger::Signal);
    harness.trigger(Trigger::File);
    for answer in answers {
        // Each asked after the edit, so that each must see it done.
        assert_eq!(answer.await.unwrap().outcome, Outcome::Applied);
        assert_eq!(harness.ports(), [9002]);
    }
    harness.settle().await;
    assert!((2..=3).contains(&(harness.disk.reads() - before)), "{}", harness.disk.reads() - before);
    assert_eq!(harness.count(Trigger::Http, Outcome::Applied), 1.0, "one reload is counted once");
}

#[tokio::test(start_paused = true)]
async fn a_request_is_answered_by_a_reload_that_begins_after_it() {
    let harness = Harness::start(&valid(1)).await;
    harness.settle().await;
    harness.disk.write(&valid(2));
    let slow = harness.program.slow();
    let first = harness.ask();
    while harness.program.prepared() == 0 {
        sleep(Duration::from_millis(1)).await;
    }
    // The read is over and its outcome under way: this edit and this request came too late for it.
    harness.disk.write(&valid(3));
    let (second, third) = (harness.ask(), harness.ask());
    harness.trigger(Trigger::Signal);
    let reads = harness.disk.reads();
    slow.notify_one();
    assert_eq!(first.await.unwrap().outcome, Outcome::Applied);
    assert_eq!(second.await.unwrap().outcome, Outcome::Applied);
    assert_eq!(third.await.unwrap().outcome, Outcome::Applied);
    assert_eq!(harness.ports(), [9002, 9003]);
    assert_eq!(harness.disk.reads(), reads + 1, "whatever came meanwhile causes exactly one more reload");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_takes_nothing_along() {
    let harness = Harness::start(&valid(1)).await;
    harness.disk.write(&valid(2));
    drop(harness.ask());
    assert!(matches!(harness.post().await.outcome, Outcome::Applied | Outcome::Unchanged));
    assert_eq!(harness.ports(), [9002]);
}

#[tokio::test(start_paused = true)]
async fn a_tick_that_sees_a_change_before_its_event_is_log_is_counted_as_the_files() {
    let harness = Harness::start(&valid(1)).await;
    harness.settle().await;
    let counted = harness.counts();
    harness.disk.write(&valid(2));
    harness.writing.tell();
    harness.trigger(Trigger::Poll);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(harness.count(Trigger::File, Outcome::Applied), 1.0);
    assert_eq!(harness.counts(), counted + 1.0);
}

#[tokio::test(start_paused = true)]
async fn ticks_and_events_without_news_count_and_tell_nothing() {
    let harness = Harness::start(&valid(1)).await;
    for trigger in [Trigger::Poll, Trigger::File].repeat(8) {
        harness.trigger(trigger);
        sleep(Duration::from_secs(1)).await;
    }
    assert!(harness.disk.reads() > 15);
    assert_eq!(harness.counts(), 0.0);
    assert!(harness.status.load().last_verdict.is_none());
    assert_eq!(harness.program.asked(), 0);
    harness.trigger(Trigger::Signal);
    sleep(Duration::from_secs(1)).await;
    harness.post().await;
    assert_eq!(harness.program.asked(), 2, "what was refused is asked for again");
    assert_eq!(harness.count(Trigger::Signal, Outcome::Unchanged), 1.0);
    assert_eq!(harness.count(Trigger::Http, Outcome::Unchanged), 1.0);
    assert_eq!(harness.counts(), 2.0);
    assert!(harness.program.committed().is_empty(), "equal content is not published again");
}

#[tokio::test(start_paused = true)]
async fn a_bad_file_that_is_seen_at_every_tick_is_told_once() {
    let harness = Harness::start(&valid(1)).await;
    harness.settle().await;
    let counted = harness.counts();
    harness.disk.write(&invalid(2));
    for _ in 0..20 {
        harness.trigger(Trigger::Poll);
        sleep(Duration::from_secs(30)).await;
    }
    assert_eq!(harness.count(Trigger::Poll, Outcome::Rejected), 1.0);
    assert_eq!(harness.post().await.outcome, Outcome::Rejected);
    assert_eq!(harness.counts(), counted + 2.0);
    let status = harness.status.load();
    assert!(!status.newest_runs && status.rejection.is_some());
    assert!(harness.program.committed().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_can_not_be_put_to_work_is_rejected_once_and_tried_at_every_trigger() {
    let harness = Harness::start(&valid(1)).await;
    harness.settle().await;
    let counted = harness.counts();
    harness.disk.write(&valid(2));
    harness.program.fail(&["the address is in use"; 4]);
    for _ in 0..4 {
        harness.trigger(Trigger::Poll);
        sleep(Duration::from_secs(30)).await;
    }
    assert_eq!(harness.program.prepared(), 4);
    assert_eq!(harness.count(Trigger::Poll, Outcome::Rejected), 1.0);
    assert_eq!(harness.counts(), counted + 1.0);
    assert!(!harness.status.load().newest_runs);
    assert!(harness.ports().is_empty(), "nothing of it runs");
    harness.trigger(Trigger::Poll);
    sleep(Duration::from_secs(30)).await;
    assert_eq!(harness.count(Trigger::Poll, Outcome::Applied), 1.0);
    assert_eq!(harness.ports(), [9002]);
    assert!(harness.status.load().newest_runs);
}

#[tokio::test(start_paused = true)]
async fn a_read_that_a_writer_disturbed_is_repeated_before_it_counts() {
    let harness = Harness::start(&valid(1)).await;
    harness.settle().await;
    harness.disk.write(&valid(2));
    harness.writing.disturb(3);
    let before = harness.disk.reads();
    assert_eq!(harness.post().await.outcome, Outcome::Applied);
    assert_eq!(harness.disk.reads() - before, 4);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_read_while_somebody_writes_and_all_requests_get_one_answer() {
    let harness = Harness::start(&valid(1)).await;
    harness.settle().await;
    harness.writing.hold(true);
    harness.disk.write(&invalid(2));
    let before = harness.disk.reads();
    let mut answers = Vec::new();
    for _ in 0..5 {
        answers.push(harness.ask());
        harness.trigger(Trigger::Signal);
        sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(harness.disk.reads(), before);
    harness.disk.write(&valid(3));
    harness.writing.hold(false);
    for answer in answers {
        assert_eq!(answer.await.unwrap().outcome, Outcome::Applied);
    }
    assert_eq!((harness.disk.reads(), harness.ports()), (before + 1, vec![9003]));
}

#[tokio::test(start_paused = true)]
async fn files_that_never_come_to_rest_are_judged_in_the_end() {
    let harness = Harness::start(&valid(1)).await;
    harness.settle().await;
    harness.disk.next(vec![Act::RetryAfter(Duration::from_millis(50)); 1000]);
    let before = harness.disk.reads();
    let verdict = harness.post().await;
    assert_eq!(verdict.outcome, Outcome::Rejected);
    assert!(verdict.detail.contains("still changing"), "{}", verdict.detail);
    assert!((2..=100).contains(&(harness.disk.reads() - before)));
}

#[tokio::test(start_paused = true)]
async fn a_missing_file_is_rejected_and_the_old_content_ends_that() {
    let harness = Harness::start(&valid(1)).await;
    harness.disk.remove();
    assert_eq!(harness.post().await.outcome, Outcome::Rejected);
    harness.disk.write(&valid(1));
    harness.trigger(Trigger::File);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(harness.count(Trigger::File, Outcome::Unchanged), 1.0, "the end of a rejection is news");
    assert!(harness.status.load().newest_runs && harness.status.load().rejection.is_none());
    assert!(harness.program.committed().is_empty());
}

#[tokio::test(start_paused = true)]
async fn nothing_is_published_after_the_shutdown_began() {
    let harness = Harness::start(&valid(1)).await;
    harness.settle().await;
    harness.disk.write(&valid(2));
    let slow = harness.program.slow();
    let answer = harness.ask();
    while harness.program.prepared() == 0 {
        sleep(Duration::from_millis(1)).await;
    }
    harness.shutdown.cancel();
    slow.notify_one();
    harness.trigger(Trigger::Signal);
    let program = harness.end().await;
    assert!(program.committed().is_empty());
    assert!(answer.await.is_err(), "who asked learns that there will be no outcome");
}

#[tokio::test(start_paused = true)]
async fn the_moment_of_success_moves_only_with_a_success() {
    let harness = Harness::start(&valid(1)).await;
    let success = || harness.status.load().last_success;
    let first = success();
    harness.post().await;
    harness.disk.write(&invalid(2));
    harness.post().await;
    assert_eq!(success(), first);
    harness.disk.write(&valid(3));
    harness.post().await;
    assert!(success() > first);
}
