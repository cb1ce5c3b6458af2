//! The page and its encodings.

use std::io::Read as _;

use bytes::Bytes;
use flate2::read::GzDecoder;
use http_body_util::BodyExt as _;
use jiff::Timestamp;

use super::*;
use crate::config::SiteId;
use crate::metric::{Labelled, MetricKind, Naming};
use crate::snapshot::{Fragment, Snapshot};

static JOBS: Labelled<0> = Labelled {
    name: "jobs",
    help: "Jobs,\nby \\ state.",
    kind: MetricKind::Gauge,
    labels: [],
    naming: Naming::Native,
};
static BYTES: Labelled<0> =
    Labelled { name: "bytes", help: "Bytes.", kind: MetricKind::Counter, labels: [], naming: Naming::Native };

fn snapshot(site: &str, descs: &[&'static Labelled<0>]) -> Snapshot {
    let fragment = |desc: &&'static Labelled<0>| {
        let mut family = desc.of_site(site);
        family.sample([], 1.0);
        Fragment::from(family.build())
    };
    Snapshot {
        site: site.into(),
        taken_at: Timestamp::UNIX_EPOCH,
        up: Some(true),
        complete: true,
        unauthorized: Vec::new(),
        fragments: descs.iter().map(fragment).collect(),
    }
}

fn text(page: &MetricsPage) -> String {
    String::from_utf8(page.chunks().concat()).unwrap()
}

#[test]
fn each_family_is_one_group_with_one_head() {
    let page = MetricsPage::assemble(&[snapshot("nice", &[&JOBS]), snapshot("paris", &[&JOBS, &BYTES])]);
    assert_eq!(
        text(&page),
        "# HELP bytes Bytes.\n# TYPE bytes counter\nbytes{site=\"paris\"} 1\n\
         # HELP jobs Jobs,\\nby \\\\ state.\n# TYPE jobs gauge\njobs{site=\"nice\"} 1\njobs{site=\"paris\"} 1\n"
    );
}

#[test]
fn a_family_without_samples_has_no_head() {
    let empty = Fragment { desc: &BYTES, text: Bytes::new() };
    let mut snapshot = snapshot("nice", &[&JOBS]);
    snapshot.fragments.push(empty);
    assert!(!text(&MetricsPage::assemble([&snapshot])).contains("bytes"));
}

#[test]
fn large_fragments_are_not_copied_and_small_ones_are_joined() {
    let of = |text: &str, count: usize| Fragment { desc: &JOBS, text: Bytes::from(text.repeat(count)) };
    let with = |fragment| Snapshot { fragments: vec![fragment], ..snapshot("x", &[]) };
    let snapshots = [of("a 1\n", 10), of("b 1\n", 10), of("c 1\n", 50_000), of("d 1\n", 10)].map(with);
    let page = MetricsPage::assemble(&snapshots);
    let chunks = page.chunks();
    assert_eq!(chunks.len(), 3);
    assert_eq!(chunks[1].as_ptr(), snapshots[2].fragments[0].text.as_ptr());
    let all = snapshots.iter().flat_map(|snapshot| snapshot.fragments[0].text.to_vec()).collect::<Vec<_>>();
    assert!(chunks.concat().ends_with(&all));
}

#[test]
fn many_small_fragments_make_few_pieces_that_hold_them_all() {
    let snapshots = (0..500)
        .map(|_| {
            let fragment = Fragment { desc: &JOBS, text: Bytes::from("jobs 1\n".repeat(100)) };
            Snapshot { fragments: vec![fragment], ..snapshot("x", &[]) }
        })
        .collect::<Vec<_>>();
    let page = MetricsPage::assemble(&snapshots);
    assert_eq!(text(&page).lines().count(), 2 + 500 * 100);
    assert!(page.chunks().len() <= 6);
}

#[tokio::test]
async fn what_happened_before_a_renewal_is_in_the_next_scrape() {
    let exposition = exposition();
    let counter = prometheus::IntCounter::new("happened", "It happened.").unwrap();
    exposition.registry.prometheus().register(Box::new(counter.clone())).unwrap();
    for count in 0..5 {
        let text = exposition.identity().collect().await.unwrap().to_bytes();
        assert!(std::str::from_utf8(&text).unwrap().contains(&format!("\nhappened {count}\n")));
        counter.inc();
        exposition.renew();
    }
}

fn exposition() -> Exposition {
    let registry = Registry::new(&BuildInfo::current()).unwrap();
    Exposition::new(SnapshotStore::default(), registry)
}

#[test]
fn a_page_is_assembled_once_per_version() {
    let exposition = exposition();
    let writer = exposition.store().writer(SiteId::Legacy);
    let before = exposition.cache().page.clone();
    assert!(Arc::ptr_eq(&before, &exposition.cache().page.clone()));
    writer.publish(snapshot("nice", &[&JOBS]));
    let after = exposition.cache().page.clone();
    assert!(!Arc::ptr_eq(&before, &after));
    assert!(text(&after).contains("jobs{site=\"nice\"} 1\n"));
}

#[tokio::test]
async fn without_sites_a_scrape_is_our_own_metrics() {
    let body = exposition().identity();
    let length = http_body::Body::size_hint(&body).exact();
    let bytes = body.collect().await.unwrap().to_bytes();
    assert_eq!(length, Some(bytes.len() as u64));
    assert!(bytes.starts_with(b"# HELP nbu_exporter_build_info"));
}

#[tokio::test]
async fn both_encodings_hold_the_same_families() {
    let exposition = exposition();
    let writer = exposition.store().writer(SiteId::Legacy);
    writer.publish(snapshot("nice", &[&JOBS, &BYTES]));
    let names = |text: &str| {
        text.lines().filter(|line| line.starts_with("# TYPE")).map(str::to_owned).collect::<Vec<_>>()
    };
    let identity = exposition.identity().collect().await.unwrap().to_bytes();
    let gzip = exposition.gzip().await.unwrap().collect().await.unwrap().to_bytes();
    let mut unpacked = String::new();
    GzDecoder::new(&*gzip).read_to_string(&mut unpacked).unwrap();
    assert_eq!(names(&unpacked), names(std::str::from_utf8(&identity).unwrap()));
    assert!(unpacked.starts_with("# HELP bytes"));
}

#[tokio::test]
async fn scrapes_that_come_together_compress_once() {
    let exposition = exposition();
    let page = exposition.cache().page.clone();
    let (one, two) = tokio::join!(page.compressed(), page.compressed());
    assert!(std::ptr::eq(one.unwrap(), two.unwrap()));
}

#[test]
fn scrapes_while_snapshots_are_published_see_whole_ones_in_their_order() {
    let exposition = exposition();
    let writer = exposition.store().writer(SiteId::Legacy);
    let numbered = |number: u32| {
        let family = |desc: &'static Labelled<0>| {
            let mut family = desc.of_site("nice");
            family.sample([], f64::from(number));
            Fragment::from(family.build())
        };
        Snapshot { fragments: vec![family(&JOBS), family(&BYTES)], ..snapshot("nice", &[]) }
    };
    writer.publish(numbered(0));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut last = 0;
                while last < 2000 {
                    let text = text(&exposition.cache().page.clone());
                    let values =
                        text.lines().filter_map(|line| line.rsplit_once("} ")?.1.parse::<u32>().ok());
                    let values = values.collect::<Vec<_>>();
                    assert!(values.len() == 2 && values[0] == values[1] && values[0] >= last, "{values:?}");
                    last = values[0];
                }
            });
        }
        for number in 1..=2000 {
            assert!(writer.publish(numbered(number)));
        }
    });
}
