//! What a test does that can not be made on this machine. The other test binaries include this file too.

use std::fmt::Display;
use std::io::{self, Write as _};

/// Why a test may be left out where `CI` is set, one reason a line; `.ci/run` has the list.
const MAY_SKIP: &str = "NBU_EXPORTER_CI_MAY_SKIP";

/// Says that a test is left out. Where `CI` is set it fails instead, unless the reason is one that was foreseen.
#[track_caller]
pub(crate) fn skip(test: &str, reason: impl Display) {
    let said = format!("{test}: {reason}");
    // Past the test harness, which swallows what a passing test prints by `eprintln!`.
    let _ = writeln!(io::stderr(), "SKIPPED {said}");
    let in_ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty());
    let foreseen = std::env::var(MAY_SKIP).unwrap_or_default();
    assert!(!in_ci || is_foreseen(&said, &foreseen), "skipped, and {MAY_SKIP} does not foresee it: {said}");
}

/// Whether one of the lines is how `said` begins.
fn is_foreseen(said: &str, lines: &str) -> bool {
    lines.lines().map(str::trim).any(|line| !line.is_empty() && said.starts_with(line))
}

#[test]
fn only_a_foreseen_reason_lets_a_test_be_left_out() {
    let check = |said, expected| {
        let lines = "\n  image::\n\n  editors: vim is missing\n";
        assert_eq!(is_foreseen(said, lines), expected, "{said}");
    };
    check("image::kill: no static program", true);
    check("editors: vim is missing here", true);
    check("editors: sed is missing", false);
    check("faults::full_disk: image:: is not meant", false);
    assert!(!is_foreseen("anything", ""));
}
