//! Storage servers and media servers as they come, and what becomes of them.

use super::super::fixture::{Given, has_lines, page_of};
use super::super::runner::Run;
use super::*;
use crate::netbackup::fixture::Answer;

/// A run on a server with these records in its two lists.
async fn run_on(storage_servers: &str, media_servers: &str) -> Run {
    let list = |data: &str| Answer::json(format!(r#"{{"data":[{data}]}}"#));
    let (storage_servers, media_servers) = (list(storage_servers), list(media_servers));
    let given = Given::at("12.0", move |request| match request.path.as_str() {
        "/storage/storage-servers" => storage_servers.clone(),
        _ => media_servers.clone(),
    });
    let run = given.await.run(&SPEC).await;
    assert_eq!(run.outcome, Ok(()));
    run
}

#[tokio::test]
async fn a_storage_server_becomes_series_and_what_it_leaves_out_does_not() {
    let run = run_on(
        r#"{"id":"PureDisk:ms1","attributes":{"name":"ms1","storageCategory":"MSDP","sType":"PureDisk","nbuHostVersion":"10.5",
        "storageServerState":"UP","msdpAttributes":{"storagePoolDetails":{"sizeBytes":"100","usedSpaceBytes":93.0,
        "availableSpaceBytes":9223372036854775807,"reservedSpaceBytes":4},"catalogLogicalSizeBytes":1100,"catalogFilesCount":7,
        "deduplicationRatioPercentage":90.9}}},
        {"id":"AdvancedDisk:ms2","attributes":{"name":"ms2","storageServerState":"DOWN","msdpAttributes":null}},
        {"id":"x:ms3","attributes":{"name":"ms3"}}"#,
        "",
    )
    .await;
    let page = page_of(&run);
    has_lines(
        &page,
        &[
            "nbu_storage_server_up{site=\"paris\",storage_server=\"ms1\"} 1",
            "nbu_storage_server_up{site=\"paris\",storage_server=\"ms2\"} 0",
            "nbu_storage_server_info{site=\"paris\",storage_server=\"ms1\",storage_category=\"MSDP\",storage_server_type=\"PureDisk\",release=\"10.5\"} 1",
            "nbu_msdp_pool_size_bytes{site=\"paris\",storage_server=\"ms1\"} 100",
            "nbu_msdp_pool_used_bytes{site=\"paris\",storage_server=\"ms1\"} 93",
            "nbu_msdp_pool_reserved_bytes{site=\"paris\",storage_server=\"ms1\"} 4",
            "nbu_msdp_catalog_logical_bytes{site=\"paris\",storage_server=\"ms1\"} 1100",
            "nbu_msdp_catalog_files{site=\"paris\",storage_server=\"ms1\"} 7",
            "nbu_msdp_dedup_ratio{site=\"paris\",storage_server=\"ms1\"} 0.909",
        ],
    );
    for absent in ["nbu_msdp_pool_available", "nbu_storage_server_up{site=\"paris\",storage_server=\"ms3\"}"]
    {
        assert!(!page.contains(absent), "{absent} is in\n{page}");
    }
    assert_eq!(page.matches("nbu_msdp_").count(), 6);
    assert_eq!((run.diagnostics.records, run.diagnostics.malformed), (3, 0));
}

#[tokio::test]
async fn two_storage_servers_of_one_host_are_called_by_their_ids() {
    let run = run_on(
        r#"{"id":"PureDisk:ms1","attributes":{"name":"ms1","storageServerState":"UP"}},
        {"id":"AdvancedDisk:ms1","attributes":{"name":"ms1","storageServerState":"DOWN"}}"#,
        "",
    )
    .await;
    has_lines(
        &page_of(&run),
        &[
            "nbu_storage_server_up{site=\"paris\",storage_server=\"PureDisk:ms1\"} 1",
            "nbu_storage_server_up{site=\"paris\",storage_server=\"AdvancedDisk:ms1\"} 0",
        ],
    );
    assert_eq!(run.diagnostics.malformed, 0);
}

#[tokio::test]
async fn a_media_server_is_up_by_its_machine_or_else_by_its_status_and_has_one_status() {
    let run = run_on(
        "",
        r#"{"id":"a","attributes":{"hostName":"a \"ü\\","nbuVersion":"11.2","osType":"RedHat","isMachineUp":"TRUE","status":{"name":"OFFLINE"}}},
            {"id":"b","attributes":{"hostName":"b","isMachineUp":null,"status":{"name":"ACTIVE_FOR_DISK"}}},
            {"id":"c","attributes":{"hostName":"c","status":{"name":"DEACTIVATED"}}},
            {"id":"d","attributes":{"hostName":"d"}},
            {"id":"e","attributes":{"hostName":"e","isMachineUp":false,"status":{"name":"ASLEEP"}}}"#,
    )
    .await;
    let page = page_of(&run);
    has_lines(
        &page,
        &[
            "nbu_media_server_up{site=\"paris\",media_server=\"a \\\"ü\\\\\"} 1",
            "nbu_media_server_up{site=\"paris\",media_server=\"b\"} 1",
            "nbu_media_server_up{site=\"paris\",media_server=\"c\"} 0",
            "nbu_media_server_up{site=\"paris\",media_server=\"e\"} 0",
            "nbu_media_server_status{site=\"paris\",media_server=\"b\",status=\"ACTIVE_FOR_DISK\"} 1",
            "nbu_media_server_status{site=\"paris\",media_server=\"b\",status=\"OFFLINE\"} 0",
            "nbu_media_server_status{site=\"paris\",media_server=\"c\",status=\"DEACTIVATED\"} 1",
            "nbu_media_server_status{site=\"paris\",media_server=\"e\",status=\"UNKNOWN\"} 1",
            "nbu_media_server_info{site=\"paris\",media_server=\"a \\\"ü\\\\\",release=\"11.2\",os=\"RedHat\"} 1",
        ],
    );
    assert!(!page.contains("nbu_media_server_up{site=\"paris\",media_server=\"d\"}"));
    assert!(!page.contains("nbu_media_server_status{site=\"paris\",media_server=\"d\""));
    // Six known ones of each that has a status, and the unknown one.
    assert_eq!(page.matches("nbu_media_server_status{").count(), 4 * 6 + 1);
}

#[tokio::test]
async fn a_role_that_may_not_see_media_servers_sees_the_storage_servers() {
    let given = Given::at("12.0", |request| match request.path.as_str() {
        "/storage/storage-servers" => {
            Answer::json(r#"{"data":[{"id":"a","attributes":{"name":"a","storageServerState":"UP"}}]}"#)
        }
        _ => Answer::status(401),
    })
    .await;
    for _ in 0..2 {
        let run = given.run(&SPEC).await;
        assert_eq!(run.outcome, Ok(()));
        has_lines(&page_of(&run), &["nbu_storage_server_up{site=\"paris\",storage_server=\"a\"} 1"]);
        assert!(!page_of(&run).contains("nbu_media_server"));
    }
    assert!(given.absences.any_refused());
    assert_eq!(given.asked("/config/media-servers").len(), 1, "a refusal is remembered");
}

#[tokio::test]
async fn malformed_parts_cost_only_themselves() {
    let run = run_on(
        r#"17,{"id":"x"},{"id":"","attributes":{}},
        {"id":"a","attributes":{"name":"a","storageServerState":"UP","msdpAttributes":"none"}},
        {"id":"b","attributes":{"name":"b","msdpAttributes":{"storagePoolDetails":[1],"catalogFilesCount":-5,"deduplicationRatioPercentage":"2.5"}}}"#,
        r#"{"id":"c","attributes":{"status":"ACTIVE","isMachineUp":7}},{"id":"d","attributes":{"hostName":"d","isMachineUp":1}}"#,
    )
    .await;
    has_lines(
        &page_of(&run),
        &[
            "nbu_storage_server_up{site=\"paris\",storage_server=\"a\"} 1",
            "nbu_msdp_dedup_ratio{site=\"paris\",storage_server=\"b\"} 0.025",
            "nbu_media_server_info{site=\"paris\",media_server=\"c\",release=\"\",os=\"\"} 1",
            "nbu_media_server_up{site=\"paris\",media_server=\"d\"} 1",
        ],
    );
    // Three records without a name, two parts and a number of storage servers, a part and a truth of media servers.
    assert_eq!(run.diagnostics.malformed, 3 + 3 + 2);
}
