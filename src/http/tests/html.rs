//! The pages for people, of a picture that stands still.

use std::fs;

use super::world::World;
use crate::http::html::{self, Reader};
use crate::status::fixture::{HOSTILE, now, picture, shared};
use crate::status::{StatusFilter, encoded};

const READER: fn() -> Reader<'static> = || Reader { now: now(), metrics_path: "/metrics", version: "1.2.3" };

/// Compares a page with the expected one; an element a line, so that a difference can be read.
#[track_caller]
fn check(name: &str, page: &str) {
    let file = format!("{}/tests/golden/{name}.html", env!("CARGO_MANIFEST_DIR"));
    let page = page.replace("><", ">\n<") + "\n";
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        return fs::write(file, page).unwrap();
    }
    assert!(
        fs::read_to_string(&file).unwrap() == page,
        "stale: UPDATE_EXPECT=1 cargo test --lib http::tests::html"
    );
}

fn start(filter: &StatusFilter) -> String {
    let status = picture();
    let mut shown = status.sites.clone();
    filter.apply(&mut shown);
    html::start(&READER(), &status, &shown, filter).into_string()
}

#[test]
fn the_pages_are_the_expected_ones() {
    let status = picture();
    check("start", &start(&StatusFilter::default()));
    check("site", &html::site(&READER(), &status, &status.sites[1]).into_string());
}

#[test]
fn a_member_of_a_fleet_shows_who_asks_what_and_of_other_members_sites_nothing_else() {
    let status = shared();
    let others: Vec<_> = status.fleet.as_ref().unwrap().members[0].sites.clone();
    assert!(!others.is_empty() && !status.sites.is_empty());
    assert_eq!(status.sites.len() + others.len(), picture().sites.len());
    let page = html::start(&READER(), &status, &status.sites, &StatusFilter::default()).into_string();
    for site in &others {
        let link = format!("href=\"/sites/{}\"", encoded(site));
        assert!(!page.contains(&link), "{site}");
        let own_page = html::no_site(&READER(), site, &status).into_string();
        assert!(own_page.contains("is asked by nbu-0"), "{own_page}");
    }
    assert!(page.contains("<strong>nbu-1</strong> (this one)"), "{page}");
}

#[test]
fn names_and_reports_stay_text() {
    let status = picture();
    let pages = [
        start(&StatusFilter::default()),
        start(&StatusFilter { site: Some(HOSTILE.to_owned()), ..StatusFilter::default() }),
        html::site(&READER(), &status, &status.sites[1]).into_string(),
        html::no_site(&READER(), "<script>\"'", &status).into_string(),
    ];
    for page in pages {
        assert!(!page.contains("<script") && !page.contains("<b>\""), "{page}");
        assert!(!page.contains("simulated-key"));
    }
}

#[test]
fn what_is_wrong_is_open_and_has_its_cure() {
    let page = start(&StatusFilter::default());
    let (rejection, berlin, paris) =
        (page.find("is rejected"), page.find("<strong>berlin"), page.find("<strong>paris"));
    assert!(rejection < berlin && berlin < paris);
    assert_eq!(page.matches("<details class=\"wrong\" open>").count(), 2);
    assert!(
        page.contains("Connection refused) <span class=\"cure\">→ see that the port is right</span>"),
        "{page}"
    );
    // Its collector says the same, and that is not said again.
    assert_eq!(page.matches("Connection refused").count(), 1);
    let nothing = start(&StatusFilter { state: Some("warning".to_owned()), ..StatusFilter::default() });
    assert!(nothing.contains("0 of 4 shown") && !nothing.contains("<details class"), "{nothing}");
}

#[test]
fn two_hundred_sites_are_a_small_page() {
    let mut status = picture();
    let (down, failing, good) = (status.sites[0].clone(), status.sites[1].clone(), status.sites[3].clone());
    status.sites = [(5, down), (20, failing), (175, good)]
        .into_iter()
        .flat_map(|(count, site)| std::iter::repeat_n(site, count))
        .collect();
    for site in &mut status.sites {
        let rest = site.collectors.clone();
        site.collectors.extend(rest.into_iter().cycle().take(20 - site.collectors.len()));
    }
    let page = html::start(&READER(), &status, &status.sites, &StatusFilter::default()).into_string();
    assert!(page.len() < 250_000, "{}", page.len());
    assert_eq!(page.matches("<details").count(), 26, "one for each site that is not well, and the filter's");
}

#[tokio::test]
async fn a_site_that_is_not_there_is_told_with_those_that_are() {
    let world = World::new().await;
    world.config.publish(super::world::active(&["paris", HOSTILE]));
    let mut client = world.client().await;
    let answer = client.get("/sites/lyon").await;
    assert_eq!(answer.status, 404);
    assert!(answer.text().contains("There is no site “lyon”"), "{}", answer.text());
    assert!(answer.text().contains(&format!("href=\"/sites/{}\"", encoded(HOSTILE))), "{}", answer.text());
    assert!(answer.header("content-security-policy").unwrap().starts_with("default-src 'none'"));
    assert_eq!(client.get(&format!("/sites/{}", encoded(HOSTILE))).await.status, 200);
    assert_eq!(client.get("/sites/paris?x=y").await.status, 200);
    assert_eq!(client.get("/sites/").await.status, 404);
    assert_eq!(client.request("POST", "/sites/paris", "").await.status, 405);
    assert_eq!(client.request("HEAD", "/sites/paris", "").await.body.len(), 0);
}

#[tokio::test]
async fn programs_get_the_same_as_json() {
    let world = World::new().await;
    world.config.publish(super::world::active(&["paris", "lyon"]));
    let mut client = world.client().await;
    let answer = client.get("/api/v1/status?site=lyon").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let value = serde_json::from_slice::<serde_json::Value>(&answer.body).unwrap();
    assert_eq!(value["sites"].as_array().unwrap().len(), 1);
    assert_eq!(value["sites"][0]["state"], "waiting");
    assert_eq!(value["wrong"], false);
    assert!(!answer.text().contains("key-that-nobody-sees"));
}
