//! The answers of each endpoint.

use super::*;

#[tokio::test]
async fn ping_tells_time_and_version_to_anyone() {
    let (_simulation, site) = start(options()).await;
    let got = send(&site, "GET", "/netbackup/ping", &[], "").await;
    assert_eq!(got.status, 200);
    assert_eq!(got.header("X-NetBackup-API-Version"), Some("12.0"));
    assert_eq!(got.header("Content-Type"), Some("text/vnd.netbackup+plain;version=12.0"));
    assert_eq!(got.body, NOON.to_string().as_bytes());
    let json = [("Accept", "application/vnd.netbackup+json;version=12.0")];
    assert_eq!(send(&site, "GET", "/netbackup/ping", &json, "").await.status, 406);
}

#[tokio::test]
async fn what_needs_no_key_is_answered_without_one() {
    let (_simulation, site) = start(options()).await;
    for (path, pointer, expected) in [
        ("/security/serverinfo", "/nbuVersion", json!("10.5")),
        ("/security/servertime", "/serverTime", json!(NOON)),
        ("/security/cacert", "/caCertificateData", json!([])),
    ] {
        let got = send(&site, "GET", &format!("/netbackup{path}"), &[], "").await;
        assert_eq!((got.status, got.json().pointer(pointer)), (200, Some(&expected)), "{path}");
    }
    let text = send(&site, "GET", "/netbackup/security/ping", &[], "").await;
    assert_eq!(text.body, NOON.to_string().as_bytes());
}

#[tokio::test]
async fn a_key_is_needed_everywhere_else() {
    let (_simulation, site) = start(options()).await;
    for path in [
        "/admin/jobs",
        "/storage/storage-units",
        "/storage/disk-pools",
        "/security/api-keys",
        "/no/such/path",
    ] {
        for headers in [&[][..], &[("Authorization", "wrong")], &[("Authorization", "Basic simulated-key")]] {
            let got = send(&site, "GET", &format!("/netbackup{path}"), headers, "").await;
            assert_eq!(got.status, 401, "{path} {headers:?}");
            assert!(got.json()["errorCode"].is_i64() && got.json()["errorMessage"].is_string());
            assert_eq!(got.header("Content-Type"), Some("application/vnd.netbackup+json;version=12.0"));
        }
    }
    let bearer = [("Authorization", "Bearer simulated-key")];
    assert_eq!(send(&site, "GET", "/netbackup/admin/jobs", &bearer, "").await.status, 200);
}

#[tokio::test]
async fn keys_change_while_the_server_runs() {
    let (_simulation, site) = start(options()).await;
    site.replace_keys(&["other".into()]);
    assert_eq!(get(&site, "/admin/jobs").await.status, 401);
    site.add_key(KEY);
    assert_eq!(get(&site, "/admin/jobs").await.status, 200);
    site.expire_keys_at(NOON);
    assert_eq!(get(&site, "/admin/jobs").await.status, 401);
    let control = send(&site, "POST", "/simulator/keys", &[], r#"{"replace":["simulated-key"]}"#).await;
    assert_eq!(control.status, 200);
    assert_eq!(get(&site, "/admin/jobs").await.status, 200);
    site.remove_key(KEY);
    assert_eq!(get(&site, "/admin/jobs").await.status, 401);
}

#[tokio::test]
async fn a_user_sees_when_the_own_key_expires() {
    let (_simulation, site) = start(options()).await;
    site.set_denied(vec!["/".into()]);
    let got = get(&site, "/security/api-keys").await.json();
    assert_eq!(got["data"][0]["attributes"]["expiryDateTime"], "2027-02-03T12:00:00.000Z");
    assert!(!got.to_string().contains(KEY));
}

#[tokio::test]
async fn a_gap_in_the_role_is_401_on_that_path_only() {
    let (_simulation, site) = start(Options { denied: vec!["/storage".into()], ..options() }).await;
    assert_eq!(get(&site, "/storage/storage-units").await.status, 401);
    assert_eq!(get(&site, "/storage/disk-pools").await.status, 401);
    assert_eq!(get(&site, "/admin/jobs").await.status, 200);
    let body = r#"{"denied":["/admin"]}"#;
    assert_eq!(send(&site, "POST", "/simulator/permissions", &[], body).await.status, 200);
    assert_eq!(get(&site, "/storage/storage-units").await.status, 200);
    assert_eq!(get(&site, "/admin/jobs/1").await.status, 401);
}

#[tokio::test]
async fn a_role_without_the_permission_sees_no_jobs_and_may_not_count_them() {
    let (_simulation, site) = start(Options { denied: vec!["/admin".into()], ..options() }).await;
    let body = r#"{"data":{"type":"jobCount","attributes":{}}}"#;
    let count = async || {
        let headers = [("Authorization", KEY), ("Content-Type", "application/json")];
        send(&site, "POST", "/netbackup/admin/jobs-count-requests", &headers, body).await.status
    };
    for version in ["8.0", "12.0"] {
        let got = get_as(&site, version, "/admin/jobs").await;
        assert_eq!((got.status, got.ids().len()), (200, 0), "{version}");
        assert_eq!(got.json()["meta"]["pagination"]["next"], Value::Null, "{version}");
    }
    assert_eq!(count().await, 401);
    site.set_denied(Vec::new());
    assert_eq!((get(&site, "/admin/jobs").await.ids().len(), count().await), (10, 200));
}

#[tokio::test]
async fn each_version_up_to_the_servers_own_is_answered_in_kind() {
    let (_simulation, site) = start(options()).await;
    for version in ["7.0", "8.0", "9.0", "10.0", "11.0", "12.0"] {
        let got = get_as(&site, version, "/admin/jobs").await;
        assert_eq!(got.status, 200);
        assert_eq!(got.header("Content-Type"), Some(accept(version).as_str()));
        let pagination = &got.json()["meta"]["pagination"];
        let by_offset = ["7.0", "8.0"].contains(&version);
        assert_eq!(pagination["next"].is_i64(), by_offset, "{version}: {pagination}");
        assert_eq!(pagination["count"].is_i64(), by_offset, "{version}: {pagination}");
    }
    let newer = get_as(&site, "13.0", "/admin/jobs").await;
    assert_eq!((newer.status, newer.header("Content-Type")), (406, Some(accept("12.0").as_str())));
    site.set_api_version(ApiVersion::new(13, 0));
    assert_eq!(get_as(&site, "13.0", "/admin/jobs").await.status, 200);
    let body = r#"{"version":"9.0"}"#;
    assert_eq!(send(&site, "POST", "/simulator/version", &[], body).await.status, 200);
    assert_eq!(get_as(&site, "13.0", "/admin/jobs").await.status, 406);
}

#[tokio::test]
async fn unknown_paths_and_methods_are_told_apart() {
    let (_simulation, site) = start(options()).await;
    assert_eq!(get(&site, "/admin/job").await.status, 404);
    assert_eq!(get(&site, "/admin/jobs/1").await.status, 404);
    assert_eq!(get(&site, "/admin/jobs/one").await.status, 400);
    let headers = [("Authorization", KEY)];
    assert_eq!(send(&site, "DELETE", "/netbackup/admin/jobs", &headers, "").await.status, 405);
    assert_eq!(send(&site, "GET", "/elsewhere", &headers, "").await.status, 404);
}

#[tokio::test]
async fn bad_parameters_are_400_and_name_the_parameter() {
    let (_simulation, site) = start(options()).await;
    for (path, parameter) in [
        ("/admin/jobs?page%5Blimit%5D=101", "page[limit]"),
        ("/admin/jobs?page%5Blimit%5D=ten", "page[limit]"),
        ("/admin/jobs?page%5Blimit%5D=-1", "page[limit]"),
        ("/admin/jobs?page%5Blimit%5D=5&page%5Blimit%5D=5", "page[limit]"),
        ("/admin/jobs?page%5Bafter%5D=x", "page[after]"),
        ("/admin/jobs?page%5Bafter%5D=99999999999999", "page[after]"),
        ("/admin/jobs?filter=endTime%2520ge%25202026-02-03T00%253A00%253A00Z", "filter"),
        ("/admin/jobs?filter=nonsense", "filter"),
        ("/admin/jobs?sort=nonsense", "sort"),
        ("/storage/storage-units?page%5Blimit%5D=0", "page[limit]"),
        ("/storage/storage-units?page%5Blimit%5D=501", "page[limit]"),
        ("/storage/storage-units?page%5Boffset%5D=-1", "page[offset]"),
        ("/storage/disk-pools?filter=name%20is%201", "filter"),
    ] {
        let got = get(&site, path).await;
        assert_eq!(got.status, 400, "{path}");
        assert!(got.json()["attributeErrors"][parameter].is_string(), "{path}: {}", got.json());
    }
    assert_eq!(get(&site, "/admin/jobs?unknown=1").await.status, 200);
}

#[tokio::test]
async fn ten_jobs_come_by_default_the_newest_start_first() {
    let (_simulation, site) = start(options()).await;
    let got = get(&site, "/admin/jobs").await;
    let ids = got.ids();
    assert_eq!(ids.len(), 10);
    assert!(ids.is_sorted_by(|a, b| a > b));
}

/// Follows `links.next.href` to the end, calling `between` after each page.
async fn walk(site: &Site, filter: &str, sort: &str, mut between: impl FnMut()) -> Vec<i64> {
    let mut seen = Vec::new();
    let mut got = jobs(site, filter, sort, 7).await;
    loop {
        seen.extend(got.ids());
        let json = got.json();
        let cursors = (json["meta"]["pagination"]["next"].as_str(), json["links"]["next"]["href"].as_str());
        let (Some(next), Some(href)) = cursors else {
            assert_eq!(cursors, (None, None));
            return seen;
        };
        assert!(href.contains(&encode(next).replace("%2D", "-").replace("%2E", ".")), "{href} {next}");
        between();
        let path = href.strip_prefix(site.base_url()).unwrap();
        got = get(site, path).await;
        assert_eq!(got.status, 200, "{path}");
    }
}

#[tokio::test]
async fn a_walk_by_cursor_sees_each_job_once_while_new_ones_arrive() {
    let options = Options { jobs_per_day: 20_000, ..options() };
    let clock = options.clock.clone();
    let (_simulation, site) = start(options).await;
    let filter = "endTime ge 2026-02-03T11:55:00Z and endTime lt 2026-02-03T11:59:00Z";
    for sort in [
        "jobId",
        "-jobId",
        "startTime",
        "-startTime",
        "endTime",
        "-endTime",
        "-endTime,-jobId",
        "policyName,jobId",
        "-status",
        "",
    ] {
        let seen = walk(&site, filter, sort, || {
            clock.advance(Duration::from_secs(1));
        })
        .await;
        let unique: BTreeSet<_> = seen.iter().copied().collect();
        assert!(seen.len() > 20, "{sort}: {}", seen.len());
        assert_eq!(unique.len(), seen.len(), "{sort}");
        let count = count(&site, filter).await;
        assert_eq!(i64::try_from(seen.len()), Ok(count), "{sort}");
    }
}

async fn count(site: &Site, filter: &str) -> i64 {
    let body = json!({"data": {"type": "jobCount", "attributes": {"filter": filter}}}).to_string();
    let headers = [("Authorization", KEY), ("Content-Type", "application/vnd.netbackup+json;version=12.0")];
    let got = send(site, "POST", "/netbackup/admin/jobs-count-requests", &headers, &body).await;
    assert_eq!(got.status, 200, "{}", got.json());
    got.json()["data"]["attributes"]["count"].as_i64().unwrap()
}

#[tokio::test]
async fn a_walk_over_everything_sees_live_and_done_jobs_in_every_order() {
    let (_simulation, site) =
        start(Options { jobs_per_day: 500, job_retention: Duration::from_hours(24), ..options() }).await;
    let all = count(&site, "").await;
    assert!(all > 400);
    for sort in ["jobId", "-jobId", "endTime", "-endTime", "clientName"] {
        let seen: BTreeSet<_> = walk(&site, "", sort, || ()).await.into_iter().collect();
        assert_eq!(i64::try_from(seen.len()), Ok(all), "{sort}");
    }
    let live = walk(&site, "state ne 'DONE'", "jobId", || ()).await;
    let done = walk(&site, "state eq 'DONE'", "endTime", || ()).await;
    assert_eq!(i64::try_from(live.len() + done.len()), Ok(all));
    assert!(!live.is_empty());
}

#[tokio::test]
async fn in_a_bad_night_one_backup_hangs_for_more_than_a_day() {
    let site = SiteOptions { scenario: Scenario::BadNight, ..SiteOptions::named("paris") };
    let (_simulation, site) = start(Options { sites: vec![site], ..options() }).await;
    let oldest = async |filter: &str| jobs(&site, filter, "startTime", 1).await.json()["data"][0].clone();
    let hung = oldest("state eq 'ACTIVE' and jobType eq 'BACKUP'").await;
    let since = hung["attributes"]["activeTryStartTime"].as_str().unwrap();
    let since = since.parse::<jiff::Timestamp>().unwrap().as_millisecond();
    assert!(NOON - since > 24 * 3_600_000, "{hung}");
    assert!(hung["attributes"]["endTime"].is_null() && hung["attributes"]["percentComplete"] == 0, "{hung}");
    let id: i64 = hung["id"].as_str().unwrap().parse().unwrap();
    // It lives for longer than the searches by time expect of a job, and is in each walk once all the same.
    let live = count(&site, "state ne 'DONE'").await;
    for sort in ["jobId", "-jobId", "endTime", "-endTime", "clientName"] {
        let seen = walk(&site, "state ne 'DONE'", sort, || ()).await;
        assert_eq!(seen.iter().filter(|seen| **seen == id).count(), 1, "{sort}");
        assert_eq!(i64::try_from(seen.len()), Ok(live), "{sort}");
    }
    assert_eq!(
        get(&site, &format!("/admin/jobs/{id}")).await.json()["data"]["attributes"]["state"],
        "ACTIVE"
    );
    let next = oldest(&format!("state eq 'ACTIVE' and jobId gt {id}")).await;
    let started = next["attributes"]["startTime"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    assert!(NOON - started.as_millisecond() < 5 * 3_600_000, "it is the only one: {next}");
}

#[tokio::test]
async fn pages_can_be_walked_back() {
    let (_simulation, site) = start(options()).await;
    for sort in ["jobId", "-jobId", "endTime", "-endTime", "clientName"] {
        let filter = "endTime ge 2026-02-03T08:00:00Z";
        let first = jobs(&site, filter, sort, 5).await;
        let follow = async |got: &Got, link: &str| {
            let json = got.json();
            let href = json["links"][link]["href"].as_str().unwrap();
            get(&site, href.strip_prefix(site.base_url()).unwrap()).await
        };
        assert!(first.json()["links"]["prev"].is_null());
        let second = follow(&first, "next").await;
        let third = follow(&second, "next").await;
        assert_eq!(follow(&third, "prev").await.ids(), second.ids(), "{sort}");
        let back = follow(&second, "prev").await;
        assert_eq!(back.ids(), first.ids(), "{sort}");
        assert!(back.json()["links"]["prev"].is_null(), "{sort}");
        assert_eq!(follow(&back, "next").await.ids(), second.ids(), "{sort}");
    }
}

#[tokio::test]
async fn a_range_between_two_cursors_is_cut_at_the_limit() {
    let (_simulation, site) = start(options()).await;
    for sort in ["jobId", "-endTime"] {
        let filter = "endTime ge 2026-02-03T08:00:00Z";
        let all = jobs(&site, filter, sort, 20).await;
        let json = all.json();
        let cursor = |index: usize| encode(json["data"][index]["meta"]["page"]["cursor"].as_str().unwrap());
        for (limit, expected, truncated) in [(100, 2..9, false), (3, 2..5, true)] {
            let path = format!(
                "/admin/jobs?filter={}&sort={sort}&page%5Blimit%5D={limit}&page%5Bafter%5D={}&page%5Bbefore%5D={}",
                encode(filter),
                cursor(1),
                cursor(9)
            );
            let got = get(&site, &path).await;
            assert_eq!(got.ids(), all.ids()[expected], "{sort}");
            assert_eq!(
                got.json()["meta"]["pagination"]["rangeTruncated"].as_bool().unwrap_or(false),
                truncated
            );
        }
    }
}

#[tokio::test]
async fn pages_by_offset_cover_the_list() {
    let (_simulation, site) = start(Options { storage_units: 23, ..options() }).await;
    let mut names = Vec::new();
    let mut path = "/storage/storage-units?sort=-name".to_owned();
    loop {
        let got = get(&site, &path).await.json();
        names.extend(
            got["data"].as_array().unwrap().iter().map(|unit| unit["id"].as_str().unwrap().to_owned()),
        );
        let pagination = &got["meta"]["pagination"];
        assert_eq!(
            (&pagination["count"], &pagination["pages"], &pagination["last"]),
            (&json!(23), &json!(3), &json!(20))
        );
        match got["links"]["next"]["href"].as_str() {
            Some(href) => path = href.strip_prefix(site.base_url()).unwrap().to_owned(),
            None => break,
        }
    }
    assert_eq!(names.len(), 23);
    assert!(names.is_sorted_by(|a, b| a > b));
    let beyond = get(&site, "/storage/storage-units?page%5Boffset%5D=40").await.json();
    assert_eq!(beyond["data"], json!([]));
}

#[tokio::test]
async fn jobs_of_old_servers_are_paged_by_offset() {
    let (_simulation, site) = start(Options { api_version: ApiVersion::new(8, 0), ..options() }).await;
    let filter = encode("endTime ge 2026-02-03T11:00:00Z");
    let mut seen = BTreeSet::new();
    let (mut offset, mut total) = (0, 0);
    loop {
        let path = format!("/admin/jobs?filter={filter}&page%5Boffset%5D={offset}&page%5Blimit%5D=9");
        let got = get(&site, &path).await;
        seen.extend(got.ids());
        total += got.ids().len();
        let pagination = &got.json()["meta"]["pagination"];
        let Some(next) = pagination["next"].as_i64() else {
            assert_eq!(pagination["count"].as_u64(), u64::try_from(total).ok());
            break;
        };
        offset = next;
    }
    assert_eq!(seen.len(), total);
    assert!(total > 9);
}

#[tokio::test]
async fn filters_select_what_they_say() {
    let (_simulation, site) = start(options()).await;
    for (filter, name, expected) in [
        ("state eq 'DONE'", "state", json!("DONE")),
        ("jobType eq 'IMAGEDELETE'", "jobType", json!("IMAGEDELETE")),
        ("policyType eq 'VMWARE' and status eq 0", "policyType", json!("VMWARE")),
        ("policyName eq 'VM-GOLD'", "policyName", json!("VM-GOLD")),
        ("applicationType eq 1", "applicationType", json!("VMWARE")),
        ("status gt 1 and not status ge 7", "status", json!(6)),
    ] {
        let got = jobs(&site, filter, "-endTime", 20).await.json();
        let data = got["data"].as_array().unwrap();
        assert!(!data.is_empty(), "{filter}");
        for job in data {
            assert_eq!(job["attributes"][name], expected, "{filter}");
        }
    }
    let units = get(&site, &format!("/storage/storage-units?filter={}", encode("storageCategory eq 'TAPE'")))
        .await
        .json();
    assert_eq!(units["data"][0]["attributes"]["storageCategory"], "TAPE");
    assert_eq!(units["meta"]["pagination"]["count"], 1);
}

#[tokio::test]
async fn jobs_look_as_their_state_wants() {
    let (_simulation, site) = start(Options { jobs_per_day: 100_000, ..options() }).await;
    for (filter, has_end, waits) in [
        ("state eq 'QUEUED'", false, true),
        ("state eq 'ACTIVE'", false, false),
        ("state eq 'DONE'", true, false),
    ] {
        let got = jobs(&site, filter, "-jobId", 50).await.json();
        assert!(!got["data"].as_array().unwrap().is_empty(), "{filter}");
        for job in got["data"].as_array().unwrap() {
            let attributes = &job["attributes"];
            assert_eq!(attributes["endTime"].is_string(), has_end, "{attributes}");
            assert_eq!(attributes["status"].is_i64(), has_end, "{attributes}");
            assert_eq!(attributes["jobQueueReason"] != 0, waits, "{attributes}");
        }
    }
    for state in ["REQUEUED", "SUSPENDED", "INCOMPLETE"] {
        assert!(count(&site, &format!("state eq '{state}'")).await > 0, "{state}");
    }
    let cleanup = jobs(&site, "jobType eq 'IMAGEDELETE'", "", 1).await.json();
    let attributes = &cleanup["data"][0]["attributes"];
    assert_eq!((&attributes["clientName"], &attributes["policyType"]), (&json!(""), &Value::Null));
    let parent = jobs(&site, "endTime ge 2026-02-03T11:30:00Z", "-childCount", 1).await.json();
    let parent = &parent["data"][0]["attributes"];
    assert_eq!(
        count(&site, &format!("parentJobId eq {}", parent["jobId"])).await,
        parent["childCount"].as_i64().unwrap()
    );
}

#[tokio::test]
async fn a_job_is_found_by_its_identifier() {
    let (_simulation, site) = start(options()).await;
    let first = get(&site, "/admin/jobs").await.json();
    let id = first["data"][0]["id"].as_str().unwrap();
    let job = get(&site, &format!("/admin/jobs/{id}")).await.json();
    assert_eq!(job["data"]["attributes"], first["data"][0]["attributes"]);
}

#[tokio::test]
async fn a_page_of_jobs_has_the_size_of_a_real_one() {
    let (_simulation, site) = start(options()).await;
    let got = jobs(&site, "state eq 'DONE'", "", 100).await;
    let per_job = got.body.len() / 100;
    assert!((1_700..=2_300).contains(&per_job), "{per_job} bytes");
}

#[tokio::test]
async fn storage_units_of_every_kind_are_there_and_change() {
    let (_simulation, site) = start(options()).await;
    let got = get(&site, "/storage/storage-units").await.json();
    let find = |category: &str| {
        let units = got["data"].as_array().unwrap().iter();
        units.map(|unit| &unit["attributes"]).find(|unit| unit["storageCategory"] == category).unwrap()
    };
    for category in ["MSDP", "ADVANCED_DISK", "BASIC_DISK", "OPEN_STORAGE"] {
        assert!(find(category)["usedCapacityBytes"].as_i64() > Some(0));
    }
    for category in ["CLOUD", "TAPE"] {
        assert!(find(category)["usedCapacityBytes"].is_null());
    }
    assert_eq!(find("TAPE")["maxConcurrentDrives"], 4);
    site.add_storage_unit("stu-new", Category::Msdp);
    assert_eq!(get(&site, "/storage/storage-units").await.json()["meta"]["pagination"]["count"], 9);
    let body = r#"{"remove":"stu-new"}"#;
    assert_eq!(send(&site, "POST", "/simulator/storage-units", &[], body).await.status, 200);
    assert_eq!(send(&site, "POST", "/simulator/storage-units", &[], body).await.status, 404);
    let body = r#"{"add":{"name":"tape-2","category":"TAPE"}}"#;
    assert_eq!(send(&site, "POST", "/simulator/storage-units", &[], body).await.status, 200);
    assert!(get(&site, "/storage/storage-units").await.json().to_string().contains("tape-2"));
}

#[tokio::test]
async fn requests_are_logged_without_the_key() {
    let (_simulation, site) = start(options()).await;
    get(&site, "/admin/jobs?page%5Blimit%5D=3").await;
    send(&site, "GET", "/netbackup/admin/jobs", &[], "").await;
    let log = site.requests().matching("/admin/jobs");
    assert_eq!(log.iter().map(|request| request.status).collect::<Vec<_>>(), [Some(200), Some(401)]);
    assert_eq!(log[0].query, "page%5Blimit%5D=3");
    assert_eq!(log[0].key_fingerprint.as_deref().map(str::len), Some(12));
    assert_eq!(log[1].key_fingerprint, None);
    let shown = send(&site, "GET", "/simulator/requests", &[], "").await;
    assert_eq!(shown.json()["count"], 2);
    assert!(!String::from_utf8_lossy(&shown.body).contains(KEY));
    assert_eq!(send(&site, "DELETE", "/simulator/requests", &[], "").await.status, 200);
    assert_eq!((site.requests().recent(10).len(), site.requests().count()), (0, 2));
}
