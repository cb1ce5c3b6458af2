//! What shows which revision is the newer one, fault by fault.

use super::*;

fn digest(name: &str) -> Digest {
    Digest::of_text(name.as_bytes())
}

fn stamp(version: &str, text: &str) -> Stamp {
    Stamp { resource_version: version.to_owned(), text_digest: Some(digest(text)) }
}

/// The precedence of who saw these revisions by the watch.
fn seen(revisions: &[(&str, &str)]) -> Precedence {
    let mut precedence = Precedence::default();
    for (version, text) in revisions {
        assert_eq!(precedence.object(&stamp(version, text), Means::Watch), Standing::Newest);
    }
    precedence
}

#[test]
fn fault_57_a_file_that_lags_is_superseded_each_time() {
    let mut precedence = seen(&[("5", "v5"), ("6", "v6")]);
    for _ in 0..3 {
        assert_eq!(precedence.file(digest("v5")), Standing::Superseded);
    }
    assert_eq!(precedence.file(digest("v6")), Standing::Newest);
}

#[test]
fn fault_58_a_revision_that_the_watch_never_saw_is_asked_for_once_and_superseded() {
    let mut precedence = seen(&[("6", "v6")]);
    assert_eq!(precedence.file(digest("v5")), Standing::Unknown);
    precedence.object(&stamp("6", "v6"), Means::Get);
    assert_eq!(precedence.file_after_get(digest("v5")), Standing::Superseded);
    assert_eq!(precedence.file(digest("v5")), Standing::Superseded, "the next tick need not ask");
}

#[test]
fn fault_58_a_file_that_is_ahead_of_the_watch_is_what_the_get_says() {
    let mut precedence = seen(&[("6", "v6")]);
    assert_eq!(precedence.file(digest("v7")), Standing::Unknown);
    precedence.object(&stamp("7", "v7"), Means::Get);
    assert_eq!(precedence.file_after_get(digest("v7")), Standing::Newest);
}

#[test]
fn fault_59_with_the_api_away_an_unknown_file_applies_and_the_next_list_reconciles() {
    let mut precedence = seen(&[("6", "v6")]);
    assert_eq!(precedence.file(digest("v5")), Standing::Unknown);
    precedence.unreadable();
    assert_eq!(precedence.file_after_get(digest("v5")), Standing::Newest);
    assert_eq!(precedence.newest(), Some(digest("v5")));
    assert_eq!(precedence.object(&stamp("6", "v6"), Means::Watch), Standing::Newest);
    assert_eq!(precedence.newest(), Some(digest("v6")), "the same revision again is the newest all the same");
    assert_eq!(
        precedence.file(digest("v5")),
        Standing::Unknown,
        "the file alone had it, so the object's history has not"
    );
}

#[test]
fn fault_60_a_revert_is_the_newest_and_the_text_between_is_not() {
    let mut precedence = seen(&[("1", "a"), ("2", "b"), ("3", "a")]);
    assert_eq!(precedence.file(digest("b")), Standing::Superseded);
    assert_eq!(precedence.file(digest("a")), Standing::Newest);
    assert_eq!(precedence.version_of(digest("a")), Some("3"));
}

#[test]
fn a_revert_while_the_object_can_not_be_read_applies() {
    let mut precedence = seen(&[("1", "a"), ("2", "b")]);
    assert_eq!(precedence.file(digest("a")), Standing::Superseded, "the volume lags");
    assert_eq!(precedence.file(digest("b")), Standing::Newest);
    precedence.unreadable();
    assert_eq!(precedence.file(digest("a")), Standing::Newest, "it has shown b, so this is newer");
    assert_eq!(precedence.file(digest("b")), Standing::Newest, "and so on");
    precedence.object(&stamp("4", "b"), Means::Watch);
    assert_eq!(precedence.version_of(digest("b")), Some("4"));
}

#[test]
fn a_revert_is_asked_for_while_the_api_seems_to_be_there_and_applies_when_it_does_not_answer() {
    let mut precedence = seen(&[("1", "a"), ("2", "b")]);
    precedence.file(digest("b"));
    assert_eq!(precedence.file(digest("a")), Standing::Unknown);
    precedence.unreadable();
    assert_eq!(precedence.file_after_get(digest("a")), Standing::Newest);
}

#[test]
fn a_volume_that_lags_while_the_object_can_not_be_read_stays_superseded() {
    let mut precedence = seen(&[("1", "a"), ("2", "b"), ("3", "c")]);
    precedence.file(digest("a"));
    precedence.unreadable();
    for lagging in ["a", "b"] {
        assert_eq!(
            precedence.file(digest(lagging)),
            Standing::Superseded,
            "{lagging}: it never showed what is newer"
        );
    }
    assert_eq!(
        precedence.file(digest("a")),
        Standing::Newest,
        "it left this behind, so it was written again"
    );
}

#[test]
fn a_text_between_two_others_is_asked_for_once_and_superseded() {
    let mut precedence = seen(&[("1", "a"), ("2", "b"), ("3", "a")]);
    precedence.file(digest("a"));
    assert_eq!(
        precedence.file(digest("b")),
        Standing::Unknown,
        "a lagging volume, or one that is ahead of the watch"
    );
    precedence.object(&stamp("3", "a"), Means::Get);
    assert_eq!(precedence.file_after_get(digest("b")), Standing::Superseded);
    precedence.unreadable();
    assert_eq!(precedence.file(digest("b")), Standing::Superseded, "that answer stands");
}

#[test]
fn fault_62_after_an_invalid_revision_and_a_valid_one_the_file_with_the_invalid_one_is_superseded() {
    let mut precedence = seen(&[("5", "v5"), ("6", "invalid"), ("7", "v7")]);
    assert_eq!(precedence.file(digest("invalid")), Standing::Superseded);
}

#[test]
fn fault_63_after_a_restart_the_file_drives_until_the_api_answers() {
    let mut precedence = Precedence::default();
    assert_eq!(precedence.file(digest("v4")), Standing::Newest);
    precedence.object(&stamp("6", "v6"), Means::Watch);
    assert_eq!(precedence.newest(), Some(digest("v6")));
    assert_eq!(precedence.file(digest("v4")), Standing::Unknown);
    precedence.object(&stamp("6", "v6"), Means::Get);
    assert_eq!(precedence.file_after_get(digest("v4")), Standing::Superseded);
}

#[test]
fn fault_64_a_file_before_the_watch_is_the_newest_and_the_watch_then_says_the_same() {
    let mut precedence = seen(&[("5", "v5")]);
    assert_eq!(precedence.file(digest("v6")), Standing::Unknown);
    precedence.object(&stamp("6", "v6"), Means::Get);
    assert_eq!(precedence.file_after_get(digest("v6")), Standing::Newest);
    assert_eq!(precedence.object(&stamp("6", "v6"), Means::Watch), Standing::Newest);
    assert_eq!(precedence.newest(), Some(digest("v6")));
}

#[test]
fn fault_65_a_mount_of_another_object_never_takes_turns_with_the_watched_one() {
    let mut precedence = seen(&[("6", "ours")]);
    for text in ["other 1", "other 2", "other 1"] {
        if precedence.file(digest(text)) == Standing::Unknown {
            precedence.object(&stamp("6", "ours"), Means::Get);
            assert_eq!(precedence.file_after_get(digest(text)), Standing::Superseded);
        }
        assert_eq!(precedence.newest(), Some(digest("ours")));
    }
}

#[test]
fn fault_67_beyond_the_history_a_get_decides() {
    let mut precedence = Precedence::default();
    for version in 1..=HISTORY + 2 {
        precedence.object(&stamp(&version.to_string(), &format!("text {version}")), Means::Watch);
    }
    let newest = stamp(&(HISTORY + 2).to_string(), &format!("text {}", HISTORY + 2));
    assert_eq!(precedence.file(digest("text 2")), Standing::Superseded);
    assert_eq!(precedence.file(digest("text 1")), Standing::Unknown);
    precedence.object(&newest, Means::Get);
    assert_eq!(precedence.file_after_get(digest("text 1")), Standing::Superseded);
}

#[test]
fn fault_56_the_history_is_bounded() {
    let mut precedence = Precedence::default();
    for version in 1..=1000 {
        precedence.object(&stamp(&version.to_string(), &format!("text {version}")), Means::Watch);
    }
    assert_eq!(precedence.history.len(), HISTORY);
    assert_eq!(precedence.newest(), Some(digest("text 1000")));
}

#[test]
fn fault_51_an_edit_of_metadata_alone_moves_the_version_and_not_the_text() {
    let mut precedence = seen(&[("5", "a"), ("6", "b"), ("7", "b")]);
    assert_eq!(precedence.version_of(digest("b")), Some("7"));
    assert_eq!(precedence.file(digest("a")), Standing::Superseded);
    assert_eq!(precedence.file(digest("b")), Standing::Newest);
}

#[test]
fn fault_42_revisions_that_went_back_are_confirmed_and_then_accepted() {
    let mut precedence = seen(&[("1199", "old"), ("1200", "new")]);
    assert_eq!(precedence.object(&stamp("1000", "restored"), Means::Watch), Standing::Unknown);
    assert_eq!(precedence.newest(), Some(digest("new")), "nothing moves before the answer");
    assert_eq!(precedence.object(&stamp("1000", "restored"), Means::Get), Standing::Newest);
    assert_eq!(precedence.newest(), Some(digest("restored")));
    assert_eq!(precedence.file(digest("old")), Standing::Unknown, "the history is forgotten");
}

#[test]
fn fault_54_a_replica_that_lags_is_found_out_by_the_get() {
    let mut precedence = seen(&[("1200", "new")]);
    for _ in 0..3 {
        assert_eq!(precedence.object(&stamp("1000", "old"), Means::Watch), Standing::Unknown);
        assert_eq!(precedence.object(&stamp("1200", "new"), Means::Get), Standing::Newest);
        assert_eq!(precedence.newest(), Some(digest("new")));
    }
}

#[test]
fn fault_49_a_recreated_object_counts_by_its_content() {
    let mut precedence = seen(&[("5", "a")]);
    precedence.unreadable();
    assert_eq!(precedence.newest(), Some(digest("a")), "what runs is kept");
    let recreated = stamp("9", "a");
    assert_eq!(precedence.object(&recreated, Means::Watch), Standing::Newest);
    assert_eq!(precedence.newest(), Some(digest("a")));
    let other = stamp("12", "b");
    assert_eq!(precedence.object(&other, Means::Watch), Standing::Newest);
    assert_eq!(precedence.newest(), Some(digest("b")));
}

#[test]
fn fault_48_without_an_object_the_file_drives_and_the_object_takes_over_by_content() {
    let mut precedence = Precedence::default();
    precedence.unreadable();
    for text in ["a", "b", "a"] {
        assert_eq!(
            precedence.file(digest(text)),
            Standing::Newest,
            "a revert of the file is none of the object"
        );
    }
    precedence.object(&stamp("9", "c"), Means::Watch);
    assert_eq!(precedence.newest(), Some(digest("c")));
}

#[test]
fn fault_52_a_revision_without_a_configuration_is_the_newest_and_no_older_file_comes_back() {
    let mut precedence = seen(&[("5", "a")]);
    let empty = Stamp { text_digest: None, ..stamp("6", "") };
    assert_eq!(precedence.object(&empty, Means::Watch), Standing::Newest);
    assert_eq!(precedence.newest(), None);
    assert!(precedence.is_of_object());
    assert_eq!(precedence.file(digest("a")), Standing::Superseded);
}

#[test]
fn fault_53_odd_versions_are_opaque() {
    let long = "9".repeat(40);
    for (older, than, expected) in [
        ("9", "10", true),
        ("10", "9", false),
        ("10", "10", false),
        (long.as_str(), "1", false),
        ("1", long.as_str(), true),
        ("00", "10", false),
        ("0", "10", false),
        ("abc", "abd", false),
        ("", "1", false),
        ("-1", "1", false),
        ("1", "٣٣", false),
    ] {
        assert_eq!(is_older(older, than), expected, "{older} {than}");
    }
    let mut precedence = seen(&[("abc", "a"), ("00", "b"), (&long, "c")]);
    assert_eq!(precedence.newest(), Some(digest("c")));
    assert_eq!(precedence.file(digest("a")), Standing::Superseded);
}
