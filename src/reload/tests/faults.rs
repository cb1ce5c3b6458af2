//! Looks that panic or hang, storms, failures of what is published by, and the end.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::sleep;

use super::fakes::{Act, Funnel, invalid, valid};
use crate::reload::{Outcome, Trigger};

/// A look that hangs until the sender is dropped.
fn hang() -> (std::sync::mpsc::Sender<()>, Act) {
    let (sender, receiver) = std::sync::mpsc::channel();
    (sender, Act::Hang(Arc::new(Mutex::new(receiver))))
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_a_look_is_a_rejection_that_tells_no_detail_and_the_funnel_lives_on() {
    let funnel = Funnel::start(&valid(1)).await;
    funnel.disk.next([Act::Panic, Act::Panic]);
    let first = funnel.post().await;
    assert_eq!(first.outcome, Outcome::Rejected);
    assert!(first.detail.contains("internal error") && !first.detail.contains("planted"), "{}", first.detail);
    assert!(!funnel.status.load().newest_runs);
    funnel.post().await;
    assert_eq!(funnel.post().await.outcome, Outcome::Unchanged);
    assert!(funnel.status.load().newest_runs);
    funnel.disk.write(&valid(2));
    assert_eq!(funnel.post().await.outcome, Outcome::Applied);
    assert_eq!(funnel.ports(), [9002]);
}

#[tokio::test]
async fn a_file_system_that_hangs_is_a_rejection_and_what_it_held_up_is_never_taken_for_new() {
    // The clock stands still but for us: threads that block keep it from moving by itself.
    let funnel = Funnel::start(&valid(1)).await;
    funnel.settle().await;
    tokio::time::pause();
    let (release, act) = hang();
    funnel.disk.next([act]);
    let looks = funnel.disk.looks();
    let hanging = funnel.ask();
    while funnel.disk.looks() == looks {
        tokio::task::yield_now().await;
    }
    tokio::time::advance(Duration::from_secs(11)).await;
    let verdict = hanging.await.unwrap();
    assert_eq!(verdict.outcome, Outcome::Rejected);
    assert!(verdict.detail.contains("has not answered"), "{}", verdict.detail);
    // Others are answered as well, and there is no second thread that hangs.
    let second = funnel.ask();
    tokio::task::yield_now().await;
    tokio::time::advance(Duration::from_secs(11)).await;
    assert_eq!(second.await.unwrap().outcome, Outcome::Rejected);
    assert_eq!(funnel.disk.looks(), looks + 1);
    // What the thread saw is from before this edit.
    funnel.disk.write(&valid(2));
    let third = funnel.ask();
    drop(release);
    assert_eq!(third.await.unwrap().outcome, Outcome::Applied);
    assert_eq!(funnel.ports(), [9002]);
    assert!(funnel.status.load().newest_runs);
}

#[tokio::test(start_paused = true)]
async fn fifty_requests_a_signal_and_a_file_event_are_one_or_two_looks() {
    let funnel = Funnel::start(&valid(1)).await;
    funnel.settle().await;
    let before = funnel.disk.looks();
    funnel.disk.write(&valid(2));
    let answers: Vec<_> = (0..50).map(|_| funnel.ask()).collect();
    funnel.trigger(Trigger::Signal);
    funnel.trigger(Trigger::File);
    for answer in answers {
        // Each asked after the edit, so that each must see it done.
        assert_eq!(answer.await.unwrap().outcome, Outcome::Applied);
        assert_eq!(funnel.ports(), [9002]);
    }
    funnel.settle().await;
    assert!((2..=3).contains(&(funnel.disk.looks() - before)), "{}", funnel.disk.looks() - before);
    assert_eq!(funnel.count(Trigger::Http, Outcome::Applied), 1.0, "one look is counted once");
}

#[tokio::test(start_paused = true)]
async fn a_request_is_answered_by_a_look_that_begins_after_it() {
    let funnel = Funnel::start(&valid(1)).await;
    funnel.settle().await;
    funnel.disk.write(&valid(2));
    let slow = funnel.program.slow();
    let first = funnel.ask();
    while funnel.program.prepared() == 0 {
        sleep(Duration::from_millis(1)).await;
    }
    // The look is over and its outcome under way: this edit and this request came too late for it.
    funnel.disk.write(&valid(3));
    let (second, third) = (funnel.ask(), funnel.ask());
    funnel.trigger(Trigger::Signal);
    let looks = funnel.disk.looks();
    slow.notify_one();
    assert_eq!(first.await.unwrap().outcome, Outcome::Applied);
    assert_eq!(second.await.unwrap().outcome, Outcome::Applied);
    assert_eq!(third.await.unwrap().outcome, Outcome::Applied);
    assert_eq!(funnel.ports(), [9002, 9003]);
    assert_eq!(funnel.disk.looks(), looks + 1, "whatever came meanwhile causes exactly one more look");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_takes_nothing_along() {
    let funnel = Funnel::start(&valid(1)).await;
    funnel.disk.write(&valid(2));
    drop(funnel.ask());
    assert!(matches!(funnel.post().await.outcome, Outcome::Applied | Outcome::Unchanged));
    assert_eq!(funnel.ports(), [9002]);
}

#[tokio::test(start_paused = true)]
async fn a_tick_that_sees_a_change_before_its_event_is_heard_is_counted_as_the_files() {
    let funnel = Funnel::start(&valid(1)).await;
    funnel.settle().await;
    let counted = funnel.counts();
    funnel.disk.write(&valid(2));
    funnel.writing.tell();
    funnel.trigger(Trigger::Poll);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(funnel.count(Trigger::File, Outcome::Applied), 1.0);
    assert_eq!(funnel.counts(), counted + 1.0);
}

#[tokio::test(start_paused = true)]
async fn ticks_and_events_without_news_count_and_tell_nothing() {
    let funnel = Funnel::start(&valid(1)).await;
    for trigger in [Trigger::Poll, Trigger::File].repeat(8) {
        funnel.trigger(trigger);
        sleep(Duration::from_secs(1)).await;
    }
    assert!(funnel.disk.looks() > 15);
    assert_eq!(funnel.counts(), 0.0);
    assert!(funnel.status.load().last_verdict.is_none());
    funnel.trigger(Trigger::Signal);
    sleep(Duration::from_secs(1)).await;
    funnel.post().await;
    assert_eq!(funnel.count(Trigger::Signal, Outcome::Unchanged), 1.0);
    assert_eq!(funnel.count(Trigger::Http, Outcome::Unchanged), 1.0);
    assert_eq!(funnel.counts(), 2.0);
    assert!(funnel.program.committed().is_empty(), "equal content is not published again");
}

#[tokio::test(start_paused = true)]
async fn a_bad_file_that_is_seen_at_every_tick_is_told_once() {
    let funnel = Funnel::start(&valid(1)).await;
    funnel.settle().await;
    let counted = funnel.counts();
    funnel.disk.write(&invalid(2));
    for _ in 0..20 {
        funnel.trigger(Trigger::Poll);
        sleep(Duration::from_secs(30)).await;
    }
    assert_eq!(funnel.count(Trigger::Poll, Outcome::Rejected), 1.0);
    assert_eq!(funnel.post().await.outcome, Outcome::Rejected);
    assert_eq!(funnel.counts(), counted + 2.0);
    let status = funnel.status.load();
    assert!(!status.newest_runs && status.rejection.is_some());
    assert!(funnel.program.committed().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_can_not_be_put_to_work_is_rejected_once_and_tried_at_every_trigger() {
    let funnel = Funnel::start(&valid(1)).await;
    funnel.settle().await;
    let counted = funnel.counts();
    funnel.disk.write(&valid(2));
    funnel.program.fail(&["the address is in use"; 4]);
    for _ in 0..4 {
        funnel.trigger(Trigger::Poll);
        sleep(Duration::from_secs(30)).await;
    }
    assert_eq!(funnel.program.prepared(), 4);
    assert_eq!(funnel.count(Trigger::Poll, Outcome::Rejected), 1.0);
    assert_eq!(funnel.counts(), counted + 1.0);
    assert!(!funnel.status.load().newest_runs);
    assert!(funnel.ports().is_empty(), "nothing of it runs");
    funnel.trigger(Trigger::Poll);
    sleep(Duration::from_secs(30)).await;
    assert_eq!(funnel.count(Trigger::Poll, Outcome::Applied), 1.0);
    assert_eq!(funnel.ports(), [9002]);
    assert!(funnel.status.load().newest_runs);
}

#[tokio::test(start_paused = true)]
async fn a_look_that_a_writer_disturbed_is_repeated_before_it_counts() {
    let funnel = Funnel::start(&valid(1)).await;
    funnel.settle().await;
    funnel.disk.write(&valid(2));
    funnel.writing.disturb(3);
    let before = funnel.disk.looks();
    assert_eq!(funnel.post().await.outcome, Outcome::Applied);
    assert_eq!(funnel.disk.looks() - before, 4);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_looked_at_while_somebody_writes_and_all_who_asked_get_one_answer() {
    let funnel = Funnel::start(&valid(1)).await;
    funnel.settle().await;
    funnel.writing.hold(true);
    funnel.disk.write(&invalid(2));
    let before = funnel.disk.looks();
    let mut answers = Vec::new();
    for _ in 0..5 {
        answers.push(funnel.ask());
        funnel.trigger(Trigger::Signal);
        sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(funnel.disk.looks(), before);
    funnel.disk.write(&valid(3));
    funnel.writing.hold(false);
    for answer in answers {
        assert_eq!(answer.await.unwrap().outcome, Outcome::Applied);
    }
    assert_eq!((funnel.disk.looks(), funnel.ports()), (before + 1, vec![9003]));
}

#[tokio::test(start_paused = true)]
async fn files_that_never_come_to_rest_are_judged_in_the_end() {
    let funnel = Funnel::start(&valid(1)).await;
    funnel.settle().await;
    funnel.disk.next(vec![Act::ComeAgain(Duration::from_millis(50)); 1000]);
    let before = funnel.disk.looks();
    let verdict = funnel.post().await;
    assert_eq!(verdict.outcome, Outcome::Rejected);
    assert!(verdict.detail.contains("still changing"), "{}", verdict.detail);
    assert!((2..=100).contains(&(funnel.disk.looks() - before)));
}

#[tokio::test(start_paused = true)]
async fn a_missing_file_is_rejected_and_the_old_content_ends_that() {
    let funnel = Funnel::start(&valid(1)).await;
    funnel.disk.remove();
    assert_eq!(funnel.post().await.outcome, Outcome::Rejected);
    funnel.disk.write(&valid(1));
    funnel.trigger(Trigger::File);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(funnel.count(Trigger::File, Outcome::Unchanged), 1.0, "the end of a rejection is news");
    assert!(funnel.status.load().newest_runs && funnel.status.load().rejection.is_none());
    assert!(funnel.program.committed().is_empty());
}

#[tokio::test(start_paused = true)]
async fn nothing_is_published_after_the_shutdown_began() {
    let funnel = Funnel::start(&valid(1)).await;
    funnel.settle().await;
    funnel.disk.write(&valid(2));
    let slow = funnel.program.slow();
    let answer = funnel.ask();
    while funnel.program.prepared() == 0 {
        sleep(Duration::from_millis(1)).await;
    }
    funnel.shutdown.cancel();
    slow.notify_one();
    funnel.trigger(Trigger::Signal);
    let program = funnel.end().await;
    assert!(program.committed().is_empty());
    assert!(answer.await.is_err(), "who asked learns that there will be no outcome");
}

#[tokio::test(start_paused = true)]
async fn the_moment_of_success_moves_only_with_a_success() {
    let funnel = Funnel::start(&valid(1)).await;
    let success = || funnel.status.load().last_success;
    let first = success();
    funnel.post().await;
    funnel.disk.write(&invalid(2));
    funnel.post().await;
    assert_eq!(success(), first);
    funnel.disk.write(&valid(3));
    funnel.post().await;
    assert!(success() > first);
}
