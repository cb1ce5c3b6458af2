//! Storage servers and media servers.

use nbu_exporter_simulator::ApiVersion;

use super::{Collected, is_not_supported_at, says_that_it_is_refused, value};

const ON: &str = "servers: {enabled: true}";

#[test]
fn the_servers_of_a_bad_night_are_shown_as_the_server_has_them() {
    let collected = Collected::start(ApiVersion::new(14, 0), ON);
    let page = collected.page("servers");
    let list = |path: &str| collected.answer(path)["data"].as_array().unwrap().clone();
    let (mut down, mut pools) = (0, 0);
    let servers = list("/storage/storage-servers?page%5Blimit%5D=100");
    for server in &servers {
        let attributes = &server["attributes"];
        // A host may have storage servers of several types.
        let is_alone =
            servers.iter().filter(|other| other["attributes"]["name"] == attributes["name"]).count() == 1;
        let name = if is_alone { &attributes["name"] } else { &server["id"] };
        let of = |family: &str| value(&page, &format!("{family}{{site=\"paris\",storage_server={name}}}"));
        let is_down = attributes["storageServerState"] == "DOWN";
        assert_eq!(of("nbu_storage_server_up"), f64::from(!is_down));
        down += u32::from(is_down);
        if let Some(msdp) = attributes.get("msdpAttributes") {
            let size = msdp["storagePoolDetails"]["sizeBytes"].as_f64().unwrap();
            assert_eq!(of("nbu_msdp_pool_size_bytes"), size);
            assert_eq!(of("nbu_msdp_catalog_files"), msdp["catalogFilesCount"].as_f64().unwrap());
            pools += 1;
        }
    }
    assert_eq!(down, 1, "one storage server is down in a bad night");
    assert!(pools > 0);
    let mut offline = 0;
    for server in list("/config/media-servers?page%5Blimit%5D=500") {
        let attributes = &server["attributes"];
        let (name, status) = (&attributes["hostName"], &attributes["status"]["name"]);
        let is_up = status != "OFFLINE";
        let up = format!("nbu_media_server_up{{site=\"paris\",media_server={name}}}");
        assert_eq!(value(&page, &up), f64::from(is_up));
        let series = format!("nbu_media_server_status{{site=\"paris\",media_server={name},status={status}}}");
        assert_eq!(value(&page, &series), 1.0);
        offline += u32::from(!is_up);
    }
    assert_eq!(offline, 1, "one media server is down in a bad night");
}

#[test]
fn a_role_that_may_see_one_kind_of_servers_is_shown_it_and_told_of_the_other() {
    says_that_it_is_refused(ON, "servers", "/storage/storage-servers");
    let collected = Collected::prepared(ApiVersion::new(12, 0), ON, |server| {
        server.set_denied(vec!["/config/media-servers".to_owned()]);
    });
    let page = collected.page("servers");
    assert!(page.contains("nbu_storage_server_up{") && !page.contains("nbu_media_server_up{"));
    assert_eq!(collected.run("unauthorized", "servers"), Some(1.0));
}

#[test]
fn a_release_before_10_3_has_no_list_of_storage_servers() {
    is_not_supported_at(ApiVersion::new(9, 0), ON, "servers");
}
