//! The picture as data.

use std::fs;

use super::fixture::{HOSTILE, picture};
use super::*;

fn names(sites: &[SitePicture]) -> Vec<&str> {
    sites.iter().map(|site| site.name.as_str()).collect()
}

#[test]
fn the_picture_is_the_documented_one() {
    let json = serde_json::to_string_pretty(&picture()).unwrap() + "\n";
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/http.md");
    let text = fs::read_to_string(file).unwrap();
    let (before, rest) = text.split_once("<!-- begin status -->\n```json\n").unwrap();
    let (example, after) = rest.split_once("```\n<!-- end status -->").unwrap();
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        let new = format!("{before}<!-- begin status -->\n```json\n{json}```\n<!-- end status -->{after}");
        return fs::write(file, new).unwrap();
    }
    assert!(example == json, "stale: UPDATE_EXPECT=1 cargo test --lib status::\n{json}");
    // What a program reads is what was written.
    assert_eq!(serde_json::from_str::<StatusPicture>(&json).unwrap(), picture());
}

#[test]
fn what_is_wrong_comes_first() {
    let picture = picture();
    let states: Vec<_> = picture.sites.iter().map(|site| (site.name.as_str(), site.state)).collect();
    assert_eq!(
        states,
        [
            ("berlin", SiteHealth::Down),
            (HOSTILE, SiteHealth::Failing),
            ("nice", SiteHealth::Waiting),
            ("paris", SiteHealth::Collected),
        ]
    );
    assert!(picture.wrong);
    let of_lyon: Vec<_> =
        picture.sites[1].collectors.iter().map(|one| (one.name.as_str(), one.state)).collect();
    assert_eq!(
        of_lyon[..5],
        [
            ("storage", CollectorHealth::Stale),
            ("alerts", CollectorHealth::Refused),
            ("slp", CollectorHealth::Truncated),
            ("posture", CollectorHealth::Waiting),
            ("slo", CollectorHealth::Unsupported),
        ]
    );
}

#[test]
fn the_counts_are_those_of_the_sites_own_samples() {
    let picture = picture();
    let counts = &picture.sites[1].counts;
    assert_eq!(counts.jobs.as_ref().unwrap().values().copied().collect::<Vec<_>>(), [5, 60]);
    let overdue = counts.policies_overdue.as_ref().unwrap();
    assert_eq!((overdue.count, overdue.of), (2, 3), "{:?}", overdue.names);
    assert!(overdue.names[0].starts_with("NEVER: no good one for 35 d at least"), "{:?}", overdue.names);
    assert_eq!(counts.pools_near_mark.as_ref().unwrap().names, ["dp-1: 94 % used, full at 98 %"]);
    let behind = counts.slps_behind.as_ref().unwrap();
    assert_eq!((behind.count, behind.of), (1, 2));
    assert_eq!(counts.drives_down.as_ref().unwrap().names, ["d1: DOWN"]);
    assert_eq!(counts.catalog_backup_age_seconds, Some(9.0 * 3_600.0));
    // Of a site that nobody has reached nothing is claimed.
    assert_eq!(picture.sites[0].counts, SiteCounts::default());
}

#[test]
fn a_filter_chooses_sites_and_collectors_and_is_a_query() {
    #[track_caller]
    fn check(query: &str, sites: &[&str], collectors: usize) {
        let (filter, mut shown) = (StatusFilter::of_query(query), picture().sites);
        filter.apply(&mut shown);
        assert_eq!(names(&shown), sites, "{query}");
        assert_eq!(shown.iter().map(|site| site.collectors.len()).sum::<usize>(), collectors, "{query}");
        assert_eq!(StatusFilter::of_query(filter.query().trim_start_matches('?')), filter);
    }
    let all = ["berlin", HOSTILE, "nice", "paris"];
    check("", &all, 13);
    check("nothing&x=y&state=", &all, 13);
    check("state=down", &["berlin"], 1);
    check("state=failing", &["berlin", HOSTILE], 11);
    check("state=refused", &[HOSTILE], 1);
    check("collector=storage", &[HOSTILE, "paris"], 2);
    check("collector=storage&state=collected", &["paris"], 1);
    check("state=none", &[], 0);
    check(&format!("site={}", encoded(HOSTILE)), &[HOSTILE], 10);
    check("site=lyon+%3Cb%3E%22%26%27%2F%3F%23", &[HOSTILE], 10);
    check("site=%ff", &all, 13);
}

#[test]
fn no_secret_is_in_the_picture() {
    let picture = picture();
    let shown = format!("{picture:?}{}", serde_json::to_string(&picture).unwrap());
    // The key of every site of the fixture, and the text of its configuration.
    assert!(!shown.contains("simulated-key"));
}
