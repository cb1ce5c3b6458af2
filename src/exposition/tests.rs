//! The page and its encodings.

use std::io::Read as _;

use bytes::Bytes;
use flate2::read::GzDecoder;
use http_body_util::BodyExt as _;
use jiff::Timestamp;

use super::*;
use crate::config::SiteId;
use crate::metric::{Labelled, MetricKind, Naming, TextFormat};
use crate::snapshot::{Fragment, MetricsPage, SiteReport, Snapshot};

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
        report: SiteReport::default(),
    }
}

fn page(snapshots: impl IntoIterator<Item = Snapshot>) -> MetricsPage {
    MetricsPage::assemble(snapshots.into_iter().map(Arc::new))
}

fn text(page: &MetricsPage) -> String {
    let text = page.chunks(TextFormat::Prometheus).collect::<Vec<_>>().concat();
    assert_eq!(text.len(), page.length(TextFormat::Prometheus));
    String::from_utf8(text).unwrap()
}

#[test]
fn each_family_is_one_group_with_one_head() {
    let page = page([snapshot("nice", &[&JOBS]), snapshot("paris", &[&JOBS, &BYTES])]);
    assert_eq!(
        text(&page),
        "# HELP bytes Bytes.\n# TYPE bytes counter\nbytes{site=\"paris\"} 1\n\
         # HELP jobs Jobs,\\nby \\\\ state.\n# TYPE jobs gauge\njobs{site=\"nice\"} 1\njobs{site=\"paris\"} 1\n"
    );
}

#[test]
fn a_family_without_samples_has_no_head() {
    let empty = Fragment::new(&BYTES, Bytes::new());
    let mut snapshot = snapshot("nice", &[&JOBS]);
    snapshot.fragments.push(empty);
    assert!(!text(&page([snapshot])).contains("bytes"));
}

#[test]
fn large_fragments_are_not_copied_and_small_ones_are_joined() {
    let of = |text: &str, count: usize| Fragment::new(&JOBS, Bytes::from(text.repeat(count)));
    let with = |fragment| Snapshot { fragments: vec![fragment], ..snapshot("x", &[]) };
    let large = of("c 1\n", 50_000);
    let snapshots = [of("a 1\n", 10), of("b 1\n", 10), large.clone(), of("d 1\n", 10)].map(with);
    let all = snapshots.iter().flat_map(|snapshot| snapshot.fragments[0].text().to_vec()).collect::<Vec<_>>();
    let page = page(snapshots);
    let chunks = page.chunks(TextFormat::Prometheus).collect::<Vec<_>>();
    assert_eq!(chunks.len(), 3);
    assert_eq!(chunks[1].as_ptr(), large.text().as_ptr());
    assert!(chunks.concat().ends_with(&all));
}

/// So many sites, each with 100 lines of 1 000 bytes in fragments of so many lines.
fn many(sites: usize, lines: usize) -> Vec<Snapshot> {
    let line = format!("jobs{{name=\"{}\"}} 1\n", "n".repeat(983));
    let fragment = Fragment::new(&JOBS, Bytes::from(line.repeat(lines)));
    let fragments = vec![fragment; 100 / lines];
    (0..sites).map(|_| Snapshot { fragments: fragments.clone(), ..snapshot("x", &[]) }).collect()
}

#[test]
fn many_small_fragments_make_few_pieces_that_hold_them_all_and_only_of_a_small_page_they_are_kept() {
    for (sites, are_kept) in [(5, true), (50, false)] {
        for lines in [1, 10] {
            let page = page(many(sites, lines));
            assert_eq!(text(&page).lines().count(), 2 + sites * 100);
            assert!(
                page.chunks(TextFormat::Prometheus).count() <= 2 * sites,
                "{sites} sites of {} fragments",
                100 / lines
            );
            let first = || page.chunks(TextFormat::Prometheus).next().unwrap();
            assert_eq!(first().as_ptr() == first().as_ptr(), are_kept);
        }
    }
}

#[tokio::test]
async fn what_is_large_is_compressed_when_it_is_published_and_once_for_all_pages() {
    let exposition = exposition();
    let writer = exposition.store().writer(SiteId::Legacy);
    let site = || many(1, 100).remove(0);
    let fragment = || exposition.store().load().sites[&SiteId::Legacy].fragments[0].clone();
    writer.publish(site());
    assert!(!fragment().is_deflated(), "nobody has asked for a compressed page yet");
    let small = unpacked(&exposition).await;
    assert!(fragment().is_deflated(), "the first page that was asked for");
    writer.publish(site());
    assert!(fragment().is_deflated(), "before anybody asks");
    assert!(unpacked(&exposition).await.starts_with(small.split("# HELP nbu").next().unwrap()));
}

#[tokio::test]
async fn what_happened_before_a_renewal_is_in_the_next_scrape() {
    let exposition = exposition();
    let counter = prometheus::IntCounter::new("happened", "It happened.").unwrap();
    exposition.registry.prometheus().register(Box::new(counter.clone())).unwrap();
    for count in 0..5 {
        let text = exposition.identity(TextFormat::Prometheus).collect().await.unwrap().to_bytes();
        assert!(std::str::from_utf8(&text).unwrap().contains(&format!("\nhappened {count}\n")));
        counter.inc();
        exposition.renew();
    }
}

#[tokio::test]
async fn openmetrics_has_the_same_samples_behind_other_heads_and_shares_what_is_large() {
    let exposition = exposition();
    let (nice, paris) =
        (exposition.store().writer(SiteId::Legacy), exposition.store().writer(SiteId::Named("p".into())));
    nice.publish(snapshot("nice", &[&BYTES]));
    paris.publish(many(1, 100).remove(0));
    let page = exposition.store().load().page().clone();
    let chunks = |format| page.chunks(format).collect::<Vec<_>>();
    let (old, new) = (chunks(TextFormat::Prometheus), chunks(TextFormat::OpenMetrics));
    let samples = |chunks: &[Bytes]| {
        let text = String::from_utf8(chunks.concat()).unwrap();
        text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(samples(&old), samples(&new));
    assert_eq!(new.concat().len(), page.length(TextFormat::OpenMetrics));
    assert!(new.concat().starts_with(
        b"# TYPE bytes unknown\n# HELP bytes Bytes.\nbytes{site=\"nice\"} 1\n# TYPE jobs gauge\n"
    ));
    let large = |chunks: &[Bytes]| chunks.iter().find(|chunk| chunk.len() > 90_000).unwrap().as_ptr();
    assert_eq!(large(&old), large(&new));

    let whole = unpacked_as(&exposition, TextFormat::OpenMetrics).await;
    assert!(
        whole.as_bytes().starts_with(&new.concat()) && whole.ends_with("\n# EOF\n"),
        "{}",
        &whole[whole.len() - 200..]
    );
    assert!(!unpacked(&exposition).await.contains("# EOF"));
}

async fn unpacked(exposition: &Exposition) -> String {
    unpacked_as(exposition, TextFormat::Prometheus).await
}

async fn unpacked_as(exposition: &Exposition, format: TextFormat) -> String {
    let body = exposition.gzip(format).await.unwrap();
    let length = http_body::Body::size_hint(&body).exact();
    let gzip = body.collect().await.unwrap().to_bytes();
    assert_eq!(length, Some(gzip.len() as u64));
    let mut unpacked = String::new();
    GzDecoder::new(&*gzip).read_to_string(&mut unpacked).unwrap();
    unpacked
}

fn exposition() -> Exposition {
    let registry = Registry::new(&BuildInfo::current()).unwrap();
    Exposition::new(SnapshotStore::default(), registry)
}

#[test]
fn a_page_is_assembled_once_per_version() {
    let exposition = exposition();
    let writer = exposition.store().writer(SiteId::Legacy);
    let page = || exposition.store().load().page().clone();
    let before = page();
    assert!(Arc::ptr_eq(&before, &page()));
    writer.publish(snapshot("nice", &[&JOBS]));
    let after = page();
    assert!(!Arc::ptr_eq(&before, &after));
    assert!(text(&after).contains("jobs{site=\"nice\"} 1\n"));
}

#[tokio::test]
async fn a_page_that_nobody_reads_any_more_keeps_nothing() {
    let exposition = exposition();
    let writer = exposition.store().writer(SiteId::Legacy);
    writer.publish(snapshot("nice", &[&JOBS]));
    let page = Arc::downgrade(exposition.store().load().page());
    let body = exposition.identity(TextFormat::Prometheus);
    let gzip = exposition.gzip(TextFormat::Prometheus).await.unwrap();
    writer.publish(snapshot("nice", &[&BYTES]));
    assert!(page.upgrade().is_some(), "it is being sent");
    let text = body.collect().await.unwrap().to_bytes();
    assert!(text.starts_with(b"# HELP jobs"));
    drop(gzip);
    assert!(page.upgrade().is_none());
}

#[tokio::test]
async fn without_sites_a_scrape_is_our_own_metrics() {
    let body = exposition().identity(TextFormat::Prometheus);
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
    let identity = exposition.identity(TextFormat::Prometheus).collect().await.unwrap().to_bytes();
    let unpacked = unpacked(&exposition).await;
    assert_eq!(names(&unpacked), names(std::str::from_utf8(&identity).unwrap()));
    assert!(unpacked.starts_with("# HELP bytes"));
}

#[tokio::test]
async fn scrapes_that_come_together_compress_once() {
    let exposition = exposition();
    let page = exposition.store().load().page().clone();
    let (one, two) =
        tokio::join!(page.deflated(TextFormat::Prometheus), page.deflated(TextFormat::Prometheus));
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
                    let text = text(exposition.store().load().page());
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
