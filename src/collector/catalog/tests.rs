//! Images as they are counted.

use super::*;
use crate::collector::fixture::Given;
use crate::netbackup::fixture::{Answer, Server, soon};

async fn run(version: &'static str) -> (String, Vec<String>) {
    let server = Server::start(move |request| match request.path.as_str() {
        "/ping" => Answer::ping(version),
        _ => Answer::json(r#"{"data":[{}],"meta":{"pagination":{"count":7}}}"#),
    })
    .await;
    let given = Given::by(server.client());
    given.client.negotiate(soon()).await.unwrap();
    let families = collect(&given.context(), &mut Diagnostics::default()).await.unwrap();
    let asked = server.received_at("/catalog/images").into_iter().map(|request| request.query);
    (families.iter().map(Family::text).collect(), asked.collect())
}

const BOUNDED: &str = " and backupTime ge 20";

#[tokio::test]
async fn each_release_is_asked_by_the_filters_that_it_knows_and_always_with_both_bounds() {
    for (version, questions, filter) in [
        ("10.0", 3, "filter=malwareScanResult eq 'IMPACTED' and backupTime ge"),
        ("11.0", 3, "filter=malwareScanResult eq 'CLEAN' and backupTime ge"),
        (
            "12.0",
            9,
            "filter=malwareScanResult eq 'IMPACTED' and anomalyStatus eq 'NOT_PROCESSED' and backupTime ge",
        ),
        (
            "13.0",
            9,
            "filter=malwareStatus eq 'INFECTION_DETECTED_BY_MALWARE_SCAN' and anomalyStatus eq 'ANOMALOUS' and",
        ),
        (
            "14.0",
            9,
            "filter=malwareStatus eq 'NOT_SCANNED' and anomalyStatus eq 'NOT_ANOMALOUS' and backupTime ge",
        ),
    ] {
        let (page, asked) = run(version).await;
        assert_eq!((asked.len(), page.lines().count()), (questions, 2 * questions), "{version}");
        assert!(asked.iter().any(|query| query.starts_with(filter)), "{version}: {asked:#?}");
        for query in asked {
            assert!(
                query.contains(BOUNDED) && query.contains("Z and backupTime le 20"),
                "{version}: {query}"
            );
            assert_eq!(query.contains("fieldset[image]=imageCopy"), version == "14.0", "{version}: {query}");
            assert!(!query.contains("sort"), "{version}: {query}");
        }
    }
}

#[tokio::test]
async fn both_names_say_the_same_in_the_words_of_the_newest_release() {
    let (page, _) = run("12.0").await;
    let labels = "malware_status=\"INFECTION_DETECTED_BY_MALWARE_SCAN\",anomaly_status=\"NOT_ANOMALOUS\"";
    for name in ["nbu_catalog_window_images", "nbu_catalog_images_count"] {
        assert!(page.contains(&format!("{name}{{site=\"paris\",{labels}}} 7\n")), "{page}");
    }
    let (page, _) = run("10.0").await;
    let line =
        "nbu_catalog_images_count{site=\"paris\",malware_status=\"CLEAN\",anomaly_status=\"UNKNOWN\"} 7\n";
    assert!(page.contains(line), "{page}");
}
