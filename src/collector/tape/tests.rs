//! Drives, pools and tapes as they come, and what becomes of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use super::super::fixture::{Given, has_lines, page_of};
use super::*;
use crate::config::TapeMedia;
use crate::netbackup::fixture::{Answer, Received, Server};

fn list(data: &str) -> Answer {
    Answer::json(format!(r#"{{"data":[{data}]}}"#))
}

fn tape(pool: &str, media_type: &str, status: &str, rest: &str) -> String {
    format!(
        r#"{{"id":"A1","attributes":{{"volumePool":"{pool}","mediaType":"{media_type}","mediaStatus":"{status}"{rest}}}}}"#
    )
}

const POOL_LIST: &str = r#"{"id":"1","attributes":{"volumePoolName":"gold","poolType":"REGULAR_MEDIA_POOL","partiallyFullMedia":"7"}},
    {"id":"2","attributes":{"volumePoolName":"it's","poolType":"SCRATCH_MEDIA_POOL","partiallyFullMedia":0.0}},
    {"id":"3","attributes":{"volumePoolName":"tin","poolType":"SCRATCH_MEDIA_POOL","partiallyFullMedia":null}}"#;

/// A server with two scratch pools, and with what `tapes` answers to a request for tapes.
async fn with_tapes(
    media: TapeMedia,
    interval: Duration,
    tapes: impl Fn(&Received) -> Answer + Send + Sync + 'static,
) -> Given {
    let mut given = Given::at("12.0", move |request| match request.path.as_str() {
        "/storage/tape-volume-pools" => list(POOL_LIST),
        "/storage/tape-media" => tapes(request),
        _ => list(""),
    })
    .await;
    given.collectors.tape.options.media = media;
    given.collectors.tape.options.media_interval = interval;
    given
}

const SIX_HOURS: Duration = Duration::from_hours(6);

#[tokio::test]
async fn drives_become_series_and_two_like_ones_stay_two() {
    let given = Given::at("10.0", |_| {
        list(
            r#"{"id":"d0","attributes":{"driveType":"DT_HCART","robotType":"TLD","robotNumber":0,"driveStatus":"DRIVE_STATUS_DOWN",
            "deviceHost":"<multiple>","port":"<multiple>","cleaningComment":"NEEDS CLEANING","tapeAlert1":"HARD_ERROR,","tapeAlert2":"MEDIA,CLEAN_NOW,",
            "devicePaths":[{"pathStatus":"PATH_STATUS_UP"},{"pathStatus":"PATH_STATUS_DOWN"},{"pathStatus":"PATH_STATUS_ASLEEP"}]}},
            {"id":"d\"1","attributes":{"driveType":"DT_HCART","robotType":"TLD","robotNumber":"0","driveStatus":"DRIVE_STATUS_MIXED",
            "deviceHost":"ms1","cleaningComment":null,"tapeAlert1":"HARD_ERROR,","tapeAlert2":"HARD_ERROR,","devicePaths":[]}},
            {"id":"d2","attributes":{"driveType":"DT_DLT","driveStatus":"DRIVE_STATUS_SIDEWAYS"}}"#,
        )
    })
    .await;
    let run = given.run(&SPEC).await;
    assert_eq!((run.outcome.clone(), run.diagnostics.malformed, run.diagnostics.records), (Ok(()), 0, 3));
    let page = page_of(&run);
    has_lines(
        &page,
        &[
            "nbu_tape_drives{site=\"paris\",drive_type=\"DT_HCART\",robot_type=\"TLD\",status=\"DOWN\"} 1",
            "nbu_tape_drives{site=\"paris\",drive_type=\"DT_HCART\",robot_type=\"TLD\",status=\"UP\"} 0",
            "nbu_tape_drives{site=\"paris\",drive_type=\"DT_DLT\",robot_type=\"\",status=\"UNKNOWN\"} 1",
            "nbu_tape_drive_identity_info{site=\"paris\",drive=\"d\\\"1\",drive_type=\"DT_HCART\",robot_type=\"TLD\",robot_number=\"0\"} 1",
            "nbu_tape_drive_status{site=\"paris\",drive=\"d0\",status=\"DOWN\"} 1",
            "nbu_tape_drive_status{site=\"paris\",drive=\"d0\",status=\"UP\"} 0",
            "nbu_tape_drive_status{site=\"paris\",drive=\"d2\",status=\"UNKNOWN\"} 1",
            "nbu_tape_drive_paths{site=\"paris\",drive=\"d0\",status=\"DOWN\"} 1",
            "nbu_tape_drive_paths{site=\"paris\",drive=\"d0\",status=\"UNKNOWN\"} 1",
            "nbu_tape_drive_paths{site=\"paris\",drive=\"d\\\"1\",status=\"UP\"} 0",
            "nbu_tape_drive_needs_cleaning{site=\"paris\",drive=\"d0\"} 1",
            "nbu_tape_drive_needs_cleaning{site=\"paris\",drive=\"d\\\"1\"} 0",
            "nbu_tape_drive_alert{site=\"paris\",drive=\"d0\",alert=\"HARD_ERROR\"} 1",
            "nbu_tape_drive_alert{site=\"paris\",drive=\"d0\",alert=\"CLEAN_NOW\"} 1",
            "nbu_tape_drive_alert{site=\"paris\",drive=\"d\\\"1\",alert=\"HARD_ERROR\"} 1",
            "nbu_tape_drives_count{site=\"paris\",drive_type=\"DT_HCART\",robot_type=\"TLD\",status=\"DRIVE_STATUS_DOWN\"} 1",
            "nbu_tape_drive_info{site=\"paris\",drive_name=\"d0\",media_server=\"<multiple>\",drive_type=\"DT_HCART\",robot_number=\"0\",status=\"DRIVE_STATUS_DOWN\"} 1",
            "nbu_tape_drive_info{site=\"paris\",drive_name=\"d\\\"1\",media_server=\"ms1\",drive_type=\"DT_HCART\",robot_number=\"0\",status=\"DRIVE_STATUS_MIXED\"} 1",
        ],
    );
    assert!(!page.contains("nbu_tape_drive_paths{site=\"paris\",drive=\"d2\""));
    // The other resources came with a later release: none of them was asked for.
    assert!(
        given.asked("/storage/tape-media").is_empty() && given.asked("/storage/volume-groups").is_empty()
    );
}

#[tokio::test]
async fn pools_groups_and_hosts_of_robots_are_counted() {
    let given = Given::at("12.0", |request| match request.path.as_str() {
        "/storage/tape-volume-pools" => list(POOL_LIST),
        "/storage/volume-groups" => list(
            r#"{"id":"0:HCART:g","attributes":{"volumeGroupName":"g","mediaType":"HCART","robot":{"robotType":"TLD","robotNumber":0},"volumeCount":3}},
            {"id":"1:HCART:g","attributes":{"volumeGroupName":"g","mediaType":"HCART","robot":{"robotType":"TLD","robotNumber":1},"volumeCount":"4"}},
            {"id":"x","attributes":{"volumeGroupName":"h","robot":"none","volumeCount":0}}"#,
        ),
        "/storage/robots-device-hosts" => list(r#"{"type":"deviceHost","id":"a"},{"type":"deviceHost","id":"b"}"#),
        _ => list(""),
    })
    .await;
    let run = given.run(&SPEC).await;
    assert_eq!((run.outcome.clone(), run.diagnostics.malformed), (Ok(()), 1));
    has_lines(
        &page_of(&run),
        &[
            "nbu_tape_pool_partially_full_media{site=\"paris\",volume_pool=\"gold\",pool_type=\"REGULAR_MEDIA_POOL\"} 7",
            "nbu_tape_pool_partially_full{site=\"paris\",pool_name=\"it's\",pool_type=\"SCRATCH_MEDIA_POOL\"} 0",
            "nbu_tape_volume_group_media{site=\"paris\",volume_group=\"g\",media_type=\"HCART\",robot_type=\"TLD\"} 7",
            "nbu_tape_volume_group_media{site=\"paris\",volume_group=\"h\",media_type=\"\",robot_type=\"\"} 0",
            "nbu_tape_robot_hosts{site=\"paris\"} 2",
            "nbu_tape_robot_device_hosts{site=\"paris\"} 2",
        ],
    );
    assert!(!page_of(&run).contains("volume_pool=\"tin\",pool_type"));
}

#[tokio::test]
async fn a_summary_asks_for_scratch_unusable_and_cleaning_tapes_and_counts_each_once() {
    let given = with_tapes(TapeMedia::Summary, SIX_HOURS, |request| {
        if request.query.contains("volumePool eq 'it''s'") {
            list(&format!(
                "{},{},{}",
                tape("it's", "HCART", "ACTIVE", ""),
                tape("it's", "HCART", "MULTIPLEXED FROZEN", ""),
                tape("it's", "HCART", "", "")
            ))
        } else if request.query.contains("volumePool eq 'tin'") {
            list("")
        } else if request
            .query
            .contains("contains(mediaStatus,'FROZEN') or contains(mediaStatus,'SUSPENDED')")
        {
            list(&format!(
                "{},{}",
                tape("it's", "HCART", "ACTIVE FROZEN", ""),
                tape("gold", "HC_CLN", "SUSPENDED FULL", r#","cleaningsRemaining":3"#)
            ))
        } else {
            assert!(request.query.contains("mediaType eq 'HC_CLN' or mediaType eq 'HC2_CLN'"), "{request:?}");
            list(&format!(
                "{},{},{}",
                tape("None", "HC_CLN", "ACTIVE", r#","cleaningsRemaining":17.0"#),
                tape("gold", "HC_CLN", "SUSPENDED FULL", r#","cleaningsRemaining":"3""#),
                // A server that does not understand the filter.
                tape("gold", "HCART", "ACTIVE", r#","cleaningsRemaining":9"#)
            ))
        }
    })
    .await;
    let run = given.run(&SPEC).await;
    assert_eq!((run.outcome.clone(), run.diagnostics.malformed), (Ok(()), 0));
    assert_eq!(given.asked("/storage/tape-media").len(), 4);
    let page = page_of(&run);
    has_lines(
        &page,
        &[
            "nbu_tape_scratch_media{site=\"paris\",volume_pool=\"it's\"} 2",
            "nbu_tape_scratch_media{site=\"paris\",volume_pool=\"tin\"} 0",
            "nbu_tape_media{site=\"paris\",volume_pool=\"it's\",media_type=\"HCART\",status=\"FROZEN\"} 1",
            "nbu_tape_media{site=\"paris\",volume_pool=\"it's\",media_type=\"HCART\",status=\"SUSPENDED\"} 0",
            "nbu_tape_media{site=\"paris\",volume_pool=\"gold\",media_type=\"HC_CLN\",status=\"SUSPENDED\"} 1",
            "nbu_tape_cleaning_uses_remaining{site=\"paris\",media_type=\"HC_CLN\"} 20",
        ],
    );
    for absent in ["status=\"ACTIVE\"", "nbu_tape_media_count", "nbu_tape_media_written_bytes"] {
        assert!(!page.contains(absent), "{absent} is in\n{page}");
    }
}

#[tokio::test]
async fn all_tapes_are_counted_by_pool_type_and_status() {
    let given = with_tapes(TapeMedia::All, SIX_HOURS, |request| {
        assert!(!request.query.contains("filter"));
        let robot = r#","robot":{"robotType":"TLD","robotNumber":0}"#;
        list(
            &[
                tape("gold", "HCART", "ACTIVE MULTIPLEXED", &format!(r#"{robot},"kiloBytes":104857600.0"#)),
                tape("gold", "HCART", "IMPORTED FULL", &format!(r#"{robot},"kiloBytes":"2""#)),
                tape("gold", "HCART", "WORM", r#","robot":"?","kiloBytes":null"#),
                tape("it's", "HCART", "ACTIVE", &format!(r#"{robot},"kiloBytes":0"#)),
                tape("None", "HC_CLN", "ACTIVE", r#","cleaningsRemaining":0"#),
            ]
            .join(","),
        )
    })
    .await;
    let run = given.run(&SPEC).await;
    // The robot that is a text.
    assert_eq!((run.outcome.clone(), run.diagnostics.malformed), (Ok(()), 1));
    has_lines(
        &page_of(&run),
        &[
            "nbu_tape_media{site=\"paris\",volume_pool=\"gold\",media_type=\"HCART\",status=\"ACTIVE\"} 1",
            "nbu_tape_media{site=\"paris\",volume_pool=\"gold\",media_type=\"HCART\",status=\"FULL\"} 1",
            "nbu_tape_media{site=\"paris\",volume_pool=\"gold\",media_type=\"HCART\",status=\"OTHER\"} 1",
            "nbu_tape_media{site=\"paris\",volume_pool=\"gold\",media_type=\"HCART\",status=\"FROZEN\"} 0",
            "nbu_tape_media_written_bytes{site=\"paris\",volume_pool=\"gold\"} 107374184448",
            "nbu_tape_media_written_bytes{site=\"paris\",volume_pool=\"it's\"} 0",
            "nbu_tape_scratch_media{site=\"paris\",volume_pool=\"it's\"} 1",
            "nbu_tape_scratch_media{site=\"paris\",volume_pool=\"tin\"} 0",
            "nbu_tape_cleaning_uses_remaining{site=\"paris\",media_type=\"HC_CLN\"} 0",
            "nbu_tape_media_count{site=\"paris\",pool=\"gold\",media_type=\"HCART\",robot_type=\"TLD\"} 2",
            "nbu_tape_media_count{site=\"paris\",pool=\"gold\",media_type=\"HCART\",robot_type=\"\"} 1",
        ],
    );
}

#[tokio::test]
async fn tapes_are_walked_at_their_own_interval_and_shown_in_between() {
    for (interval, walks) in [(SIX_HOURS, 1), (Duration::ZERO, 2)] {
        let given =
            with_tapes(TapeMedia::All, interval, |_| list(&tape("it's", "HCART", "ACTIVE", ""))).await;
        let mut collector = (SPEC.new)(&given.collectors);
        for _ in 0..2 {
            let run = given.run_again(collector.as_mut()).await;
            has_lines(&page_of(&run), &["nbu_tape_scratch_media{site=\"paris\",volume_pool=\"it's\"} 1"]);
        }
        assert_eq!(given.asked("/storage/tape-media").len(), walks);
        assert_eq!(given.asked("/storage/drives").len(), 2);
    }
}

/// The number in the cursor that a request sends, and a page behind it.
fn numbered(request: &Received, last: u32) -> Answer {
    let number = request.query.split_once("page[after]=").map_or(0, |(_, after)| {
        after.split_once('&').map_or(after, |(number, _)| number).parse::<u32>().unwrap()
    });
    let next = if number < last { format!(r#""next":"{}""#, number + 1) } else { String::new() };
    let tape = tape("it's", "HCART", "ACTIVE", "");
    Answer::json(format!(r#"{{"data":[{tape}],"meta":{{"pagination":{{{next}}}}}}}"#))
}

#[tokio::test]
async fn a_walk_that_one_run_can_not_end_goes_on_in_the_next_and_is_shown_when_it_is_whole() {
    let given = with_tapes(TapeMedia::All, SIX_HOURS, |request| numbered(request, 204)).await;
    let mut collector = (SPEC.new)(&given.collectors);
    let first = given.run_again(collector.as_mut()).await;
    assert!(first.outcome.is_ok() && first.diagnostics.truncated);
    assert!(!page_of(&first).contains("nbu_tape_scratch_media"));
    let second = given.run_again(collector.as_mut()).await;
    assert!(second.outcome.is_ok() && !second.diagnostics.truncated);
    has_lines(&page_of(&second), &["nbu_tape_scratch_media{site=\"paris\",volume_pool=\"it's\"} 205"]);
    assert_eq!(given.asked("/storage/tape-media").len(), 205);
}

#[tokio::test]
async fn a_walk_that_fails_goes_on_behind_its_last_page_and_one_whose_cursor_is_refused_begins_anew() {
    // Status of the one failure, and how often the first page is asked for.
    for (status, first_pages) in [(422, 2), (500, 1)] {
        let failures = AtomicU32::new(0);
        let given = with_tapes(TapeMedia::All, SIX_HOURS, move |request| {
            // A 500 is tried three times.
            let fails = request.query.contains("page[after]=2")
                && failures.fetch_add(1, Ordering::Relaxed) < if status == 500 { 3 } else { 1 };
            if fails { Answer::status(status) } else { numbered(request, 2) }
        })
        .await;
        let mut collector = (SPEC.new)(&given.collectors);
        assert!(given.run_again(collector.as_mut()).await.outcome.is_err());
        let run = given.run_again(collector.as_mut()).await;
        assert_eq!(run.outcome, Ok(()));
        has_lines(&page_of(&run), &["nbu_tape_scratch_media{site=\"paris\",volume_pool=\"it's\"} 3"]);
        let asked = given.asked("/storage/tape-media");
        let first = asked.iter().filter(|asked| !asked.query.contains("page[after]")).count();
        assert_eq!(first, first_pages, "{status}");
    }
}

#[tokio::test]
async fn a_role_that_may_not_see_tapes_sees_drives_and_what_was_known_is_forgotten() {
    let may_see = Arc::new(AtomicBool::new(true));
    let sees = may_see.clone();
    let given = with_tapes(TapeMedia::All, Duration::ZERO, move |_| {
        if sees.load(Ordering::Relaxed) {
            list(&tape("it's", "HCART", "ACTIVE", ""))
        } else {
            Answer::status(403)
        }
    })
    .await;
    let mut collector = (SPEC.new)(&given.collectors);
    let run = given.run_again(collector.as_mut()).await;
    assert!(page_of(&run).contains("nbu_tape_scratch_media"));
    may_see.store(false, Ordering::Relaxed);
    let run = given.run_again(collector.as_mut()).await;
    assert_eq!(run.outcome, Ok(()));
    assert!(given.absences.any_refused());
    let page = page_of(&run);
    assert!(page.contains("nbu_tape_pool_partially_full") && !page.contains("nbu_tape_scratch_media"));
}

#[tokio::test]
async fn tapes_are_forgotten_when_an_older_release_is_restored_and_walked_at_once_when_it_is_upgraded_again()
{
    let is_old = Arc::new(AtomicBool::new(false));
    let old = is_old.clone();
    let server = Server::start(move |request| match request.path.as_str() {
        "/ping" => Answer::ping(if old.load(Ordering::Relaxed) { "10.0" } else { "14.0" }),
        "/storage/tape-volume-pools" => list(POOL_LIST),
        "/storage/tape-media" => list(&tape("it's", "HCART", "ACTIVE", "")),
        _ => list(""),
    })
    .await;
    let mut given = Given::by(server.client());
    given.collectors.tape.options.media_interval = SIX_HOURS;
    let mut collector = (SPEC.new)(&given.collectors);
    for old in [false, true, false] {
        is_old.store(old, Ordering::Relaxed);
        given.client.negotiate(given.context().deadline).await.unwrap();
        let run = given.run_again(collector.as_mut()).await;
        assert_eq!(page_of(&run).contains("nbu_tape_scratch_media"), !old);
    }
}
