//! The domain that a simulated server shows, as a client finds it.

use std::collections::BTreeMap;

use super::*;
use crate::world::{DAY, HOUR};

async fn site_of(scenario: Scenario, version: ApiVersion) -> (Simulation, Site) {
    let mut site = SiteOptions::named("paris");
    site.scenario = scenario;
    start(Options {
        sites: vec![site],
        api_version: version,
        jobs_per_day: scenario.jobs_per_day(),
        storage_units: scenario.storage_units(),
        ..options()
    })
    .await
}

/// All entries of a list that is paged by offset.
async fn all(site: &Site, path: &str, limit: usize) -> Vec<Value> {
    let join = if path.contains('?') { '&' } else { '?' };
    let mut found = Vec::new();
    loop {
        let page = format!("{path}{join}page%5Blimit%5D={limit}&page%5Boffset%5D={}", found.len());
        let mut got = get(site, &page).await.json();
        let data = got["data"].as_array_mut().map(std::mem::take).unwrap_or_default();
        let last = data.len() < limit;
        found.extend(data);
        if last {
            return found;
        }
    }
}

fn attribute<'a>(item: &'a Value, name: &str) -> &'a Value {
    &item["attributes"][name]
}

/// The lists, the largest page of each, and the first version that has them.
const LISTS: &[(&str, usize, u16)] = &[
    ("/config/policies/", 500, 3),
    ("/config/unique-policy-clients", 5_000, 7),
    ("/storage/storage-servers", 100, 3),
    ("/config/media-servers", 500, 4),
    ("/config/slps", 100, 4),
    ("/config/paused-clients", 100, 7),
    ("/config/hosts-certificate-mappings", 100_000, 13),
    ("/storage/drives", 100, 4),
    ("/malware/latest-scan-results", 100, 7),
    ("/malware/scan-hosts", 100, 7),
    ("/security/anomalies", 100, 7),
    ("/manage/alerts", 100_000, 7),
    ("/eventlog/notifications", 100, 7),
    ("/licensing/entitlements", 100, 7),
    ("/security/mpa-tickets", 100, 10),
    ("/catalog/images", 100, 3),
    ("/servicecatalog/slos", 100_000, 3),
];

const CURSOR_LISTS: &[(&str, usize, u16)] = &[
    ("/catalog/slp-images", 1_000, 5),
    ("/storage/tape-media", 100, 12),
    ("/storage/tape-volume-pools", 100, 12),
    ("/storage/volume-groups", 100, 12),
];

#[tokio::test]
async fn every_list_has_its_largest_page_its_first_release_and_its_permission() {
    let (_simulation, site) = site_of(Scenario::Ordinary, ApiVersion::new(14, 0)).await;
    for (path, largest, since) in LISTS.iter().chain(CURSOR_LISTS) {
        let with = |limit: usize| format!("{path}?page%5Blimit%5D={limit}");
        assert_eq!(get(&site, &with(*largest)).await.status, 200, "{path}");
        assert_eq!(get(&site, &with(largest + 1)).await.status, 400, "{path}");
        assert_eq!(get(&site, &format!("{path}?filter=nonsense")).await.status, 400, "{path}");
        site.set_denied(vec![(*path).to_owned()]);
        let denied = get(&site, path).await;
        if *path == "/servicecatalog/slos" {
            assert_eq!((denied.status, denied.json()["data"].clone()), (200, json!([])), "object level");
        } else {
            assert_eq!(denied.status, 401, "{path}");
        }
        site.set_denied(Vec::new());
        site.set_api_version(ApiVersion::new(since - 1, 0));
        assert_eq!(get(&site, path).await.status, 404, "{path}");
        site.set_api_version(ApiVersion::new(14, 0));
        assert_eq!(get_as(&site, &format!("{}.0", since - 1), path).await.status, 406, "{path}");
        assert_eq!(get_as(&site, &format!("{since}.0"), path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn an_empty_server_has_empty_lists() {
    let (_simulation, site) = site_of(Scenario::Empty, ApiVersion::new(14, 0)).await;
    for (path, _, _) in LISTS.iter().chain(CURSOR_LISTS) {
        let servers =
            ["/config/media-servers", "/config/hosts-certificate-mappings", "/storage/tape-volume-pools"];
        let got = get(&site, path).await.json();
        assert_eq!(got["data"].as_array().map(Vec::is_empty), Some(!servers.contains(path)), "{path}: {got}");
    }
    assert_eq!(get(&site, "/licensing/capacity").await.status, 404);
}

#[tokio::test]
async fn a_walk_by_cursor_sees_each_entry_once_in_both_directions() {
    let (_simulation, site) = site_of(Scenario::Ordinary, ApiVersion::new(14, 0)).await;
    for ((path, _, _), limit) in CURSOR_LISTS.iter().zip([50, 30, 2, 1]) {
        let (mut forward, mut cursor) = (Vec::new(), String::new());
        let last = loop {
            let got = get(&site, &format!("{path}?page%5Blimit%5D={limit}{cursor}")).await.json();
            forward.extend(got["data"].as_array().unwrap().iter().map(|item| item["id"].clone()));
            let pagination = &got["meta"]["pagination"];
            let Some(next) = pagination["next"].as_str() else { break pagination["prev"].clone() };
            cursor = format!("&page%5Bafter%5D={}", encode(next));
        };
        let unique: BTreeSet<String> = forward.iter().map(ToString::to_string).collect();
        assert_eq!(unique.len(), forward.len(), "{path}");
        assert!(forward.len() > limit, "{path}: {}", forward.len());
        let before =
            format!("{path}?page%5Blimit%5D={limit}&page%5Bbefore%5D={}", encode(last.as_str().unwrap()));
        let got = get(&site, &before).await.json();
        assert_eq!(got["data"].as_array().map(Vec::len), Some(limit), "{path}");
        assert_eq!(get(&site, &format!("{path}?page%5Bafter%5D=x")).await.status, 400, "{path}");
    }
}

#[tokio::test]
async fn a_cursor_of_slp_images_is_a_place() {
    let (_simulation, site) = site_of(Scenario::Ordinary, ApiVersion::new(12, 0)).await;
    let after = async |cursor: &str| {
        let path = format!("/catalog/slp-images?page%5Blimit%5D=1000&page%5Bafter%5D={}", encode(cursor));
        let got = get(&site, &path).await;
        assert_eq!(got.status, 200, "{cursor}");
        got.json()["data"].as_array().map_or(0, Vec::len)
    };
    let all =
        get(&site, "/catalog/slp-images?page%5Blimit%5D=1000").await.json()["data"].as_array().unwrap().len();
    assert!(all > 100);
    assert_eq!((after("0:eA==").await, after("99999999999:eA==").await), (all, 0));
}

#[tokio::test]
async fn a_policy_runs_when_its_schedule_says() {
    let (_simulation, site) = site_of(Scenario::Ordinary, ApiVersion::new(12, 0)).await;
    let policies = all(&site, "/config/policies/", 500).await;
    assert_eq!(policies.len(), 40);
    for policy in &policies {
        let name = policy["id"].as_str().unwrap();
        let details =
            get(&site, policy["links"]["self"]["href"].as_str().unwrap()).await.json()["data"]["attributes"]
                .clone();
        let schedule = &details.as_object().unwrap().values().next().unwrap()["schedules"][0];
        let filter = format!(
            "policyName eq '{name}' and jobType ne 'RESTORE' and state eq 'DONE' and scheduleName eq '{}'",
            schedule["scheduleName"].as_str().unwrap()
        );
        let runs = jobs(&site, &filter, "-endTime", 1).await.json()["data"].clone();
        let every = schedule["frequencySeconds"].as_i64().unwrap();
        let monthly = schedule["scheduleType"] == "Calendar";
        let expected = attribute(policy, "active") == true && !monthly;
        if !expected {
            continue;
        }
        let start =
            runs[0]["attributes"]["startTime"].as_str().unwrap_or_else(|| panic!("{name} has no job"));
        let start = start.parse::<jiff::Timestamp>().unwrap().as_millisecond();
        let weekends = if every == 86_400 { 3 * DAY } else { 0 };
        assert!(NOON - start <= every * 1_000 + weekends + 2 * HOUR, "{name}: {start}");
    }
}

#[tokio::test]
async fn every_client_of_a_daily_policy_has_a_backup() {
    let (_simulation, site) = site_of(Scenario::Ordinary, ApiVersion::new(12, 0)).await;
    let clients = all(&site, "/config/unique-policy-clients?sort=id", 5_000).await;
    assert!(clients.len() > 60, "{}", clients.len());
    let listed: BTreeSet<_> =
        clients.iter().map(|client| client["id"].as_str().unwrap().to_lowercase()).collect();
    let found = walk_clients(&site).await;
    let never: Vec<_> = listed.iter().filter(|client| !found.contains_key(*client)).collect();
    // Weekly and monthly policies run seldom, and some names stand for a query.
    assert!(never.len() < clients.len() / 4, "{never:?}");
    assert!(found.keys().any(|client| client.starts_with("vm-")), "query clients are known from jobs only");
    assert!(!listed.iter().any(|client| client.starts_with("vm-")));
}

async fn walk_clients(site: &Site) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    let mut after = String::new();
    loop {
        let filter = encode("jobType eq 'BACKUP' and state eq 'DONE'");
        let path = format!("/admin/jobs?filter={filter}&sort=-endTime&page%5Blimit%5D=100{after}");
        let got = get(site, &path).await.json();
        for job in got["data"].as_array().unwrap() {
            *found.entry(attribute(job, "clientName").as_str().unwrap().to_owned()).or_default() += 1;
        }
        match got["meta"]["pagination"]["next"].as_str() {
            Some(next) => after = format!("&page%5Bafter%5D={}", encode(next)),
            None => return found,
        }
    }
}

#[tokio::test]
async fn a_parent_is_as_good_as_its_children() {
    let (_simulation, site) = start(Options { jobs_per_day: 20_000, ..options() }).await;
    let parents =
        jobs(&site, "endTime ge 2026-02-03T11:00:00Z and endTime le 2026-02-03T11:50:00Z", "-childCount", 5)
            .await
            .json();
    for parent in parents["data"].as_array().unwrap() {
        let id = attribute(parent, "jobId");
        let children = jobs(&site, &format!("parentJobId eq {id}"), "jobId", 20).await.json();
        let statuses: Vec<_> = children["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|job| attribute(job, "status").as_i64().unwrap())
            .collect();
        let failed = statuses.iter().filter(|status| **status > 1).count();
        let expected = match failed {
            0 => *statuses.iter().max().unwrap(),
            some if some < statuses.len() => 1,
            _ => *statuses.iter().max().unwrap(),
        };
        assert_eq!(attribute(parent, "status").as_i64(), Some(expected), "{statuses:?}");
        assert!(children["data"].as_array().unwrap().iter().all(|job| {
            attribute(job, "jobPath").as_str().unwrap().starts_with(&format!("{id}."))
                && attribute(job, "policyName") == attribute(parent, "policyName")
        }));
    }
}

#[tokio::test]
async fn the_catalog_backup_runs_once_a_day() {
    let (_simulation, site) = site_of(Scenario::Ordinary, ApiVersion::new(12, 0)).await;
    let got = jobs(&site, "policyType eq 'NBU_CATALOG' and state eq 'DONE'", "-endTime", 20).await.json();
    let data = got["data"].as_array().unwrap();
    assert_eq!(data.len(), 7);
    assert!(data.iter().all(|job| attribute(job, "jobType") == "DBBACKUP"));
}

#[tokio::test]
async fn an_edit_changes_the_generation_of_a_policy() {
    let options = options();
    let clock = options.clock.clone();
    let (_simulation, site) = start(options).await;
    let generations = async || {
        let policies = all(&site, "/config/policies/", 500).await;
        policies.iter().map(|policy| attribute(policy, "generationId").as_i64().unwrap()).collect::<Vec<_>>()
    };
    let before = generations().await;
    assert_eq!(before, generations().await);
    clock.advance(Duration::from_hours(5 * 24));
    let after = generations().await;
    let changed = before.iter().zip(&after).filter(|(before, after)| before != after).count();
    assert!((1..before.len()).contains(&changed), "{changed} of {}", before.len());
    let old = get_as(&site, "10.0", "/config/policies/").await.json();
    assert!(attribute(&old["data"][0], "generationId").is_null(), "from NetBackup 10.5 on only");
}

#[tokio::test]
async fn policies_with_odd_names_and_types_are_found() {
    let (_simulation, site) = site_of(Scenario::Ordinary, ApiVersion::new(12, 0)).await;
    let odd = "Büro \"A\" & 50% (a/b\\c)";
    let got = get(&site, &format!("/config/policies/{}", encode(odd))).await;
    assert_eq!((got.status, &got.json()["data"]["id"]), (200, &json!(odd)));
    assert_eq!(get(&site, "/config/policies/none").await.status, 404);
    let own = get(&site, "/config/policies/VM-GOLD").await.json();
    assert!(own["data"]["attributes"]["policyVMware"].is_object(), "{own}");
    let headers = [
        ("Authorization", KEY),
        ("Accept", "application/vnd.netbackup+json;version=12.0"),
        ("X-NetBackup-Policy-Use-Generic-Schema", "true"),
    ];
    let generic = send(&site, "GET", "/netbackup/config/policies/VM-GOLD", &headers, "").await.json();
    assert!(generic["data"]["attributes"]["policyGeneric"].is_object(), "{generic}");
    let cloud = all(&site, "/config/policies/", 500).await;
    let cloud = cloud.iter().find(|policy| policy["type"] == "Cloud").unwrap();
    let path = format!("/config/policies/{}", encode(cloud["id"].as_str().unwrap()));
    assert_eq!(get_as(&site, "10.0", &path).await.status, 501);
}

#[tokio::test]
async fn a_bad_night_shows_everywhere() {
    let (_simulation, site) = site_of(Scenario::BadNight, ApiVersion::new(14, 0)).await;
    let failed =
        jobs(&site, "policyName eq 'VM-GOLD' and state eq 'DONE' and jobType eq 'BACKUP'", "-endTime", 3)
            .await;
    assert!(failed.json()["data"].as_array().unwrap().iter().all(|job| attribute(job, "status") == 156));
    let waiting = jobs(&site, "state eq 'QUEUED'", "", 100).await.ids().len();
    assert!(waiting > 40, "{waiting} jobs wait");
    let why = jobs(&site, "qReasonCode eq 17 and qResource eq 'stu-msdp-01'", "", 100).await.ids().len();
    assert!(why >= waiting, "{why} of {waiting} for the full pool");
    let catalog = jobs(&site, "policyType eq 'NBU_CATALOG' and status le 1", "-endTime", 1).await.json();
    let end = attribute(&catalog["data"][0], "endTime").as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    assert!(NOON - end.as_millisecond() > 36 * HOUR);
    let full = all(&site, "/storage/disk-pools", 500).await;
    assert!(full.iter().any(|pool| {
        let used = attribute(pool, "usedCapacityBytes").as_f64().unwrap_or(0.0);
        let usable = attribute(pool, "usableSizeBytes").as_f64().unwrap_or(f64::INFINITY);
        used / usable > 0.96
    }));
    let drives = all(&site, "/storage/drives", 100).await;
    assert_eq!(attribute(&drives[0], "driveStatus"), "DRIVE_STATUS_DOWN");
    let stuck = get(&site, "/catalog/slp-images?page%5Blimit%5D=1").await.json();
    let oldest =
        attribute(&stuck["data"][0], "backupTime").as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    assert!(NOON - oldest.as_millisecond() > 3 * DAY);
    let key = get(&site, "/security/api-keys").await.json();
    let expiry =
        attribute(&key["data"][0], "expiryDateTime").as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    assert!(expiry.as_millisecond() - NOON < 7 * DAY);
    let certificates = get(&site, "/security/certificates/current").await.json();
    let ends = certificates["certificateList"].as_array().unwrap().iter();
    assert_eq!(ends.filter(|host| host["notAfter"].as_i64().unwrap() - NOON < 30 * DAY).count(), 1);
    assert_eq!(
        all(&site, "/config/paused-clients?filter=triggerMethod%20eq%20'AUTOMATIC'", 100).await.len(),
        3
    );
    let impacted =
        get(&site, "/malware/latest-scan-results?filter=scanResult%20eq%20'IMPACTED'").await.json();
    assert_eq!(impacted["meta"]["pagination"]["count"], 4);
    assert_eq!(get(&site, "/security/serverinfo").await.json()["freezeModeEnabled"], true);
}

#[tokio::test]
async fn a_disaster_has_what_the_bad_night_spares() {
    let (_simulation, site) = site_of(Scenario::Disaster, ApiVersion::new(14, 0)).await;
    let pools = all(&site, "/storage/disk-pools", 500).await;
    let down = pools.iter().find(|pool| attribute(pool, "diskPoolState") == "DOWN").unwrap();
    assert_eq!(attribute(down, "diskVolumes")[0]["state"], "DOWN");
    let used = |pool: &Value| {
        attribute(pool, "usedCapacityBytes").as_f64().unwrap_or(0.0)
            / attribute(pool, "usableSizeBytes").as_f64().unwrap_or(1.0)
    };
    assert_eq!(pools.iter().filter(|pool| (0.93..0.96).contains(&used(pool))).count(), 1, "almost full");
    assert_eq!(pools.iter().filter(|pool| used(pool) >= 0.96).count(), 1, "full");
    let authorities = all(&site, "/security/certificate-authorities", 100).await;
    let end = attribute(&authorities[0], "nbcaCertDetails")["notAfter"].as_str().unwrap();
    assert!(end.parse::<jiff::Timestamp>().unwrap().as_millisecond() - NOON < 180 * DAY);
    let certificates = get(&site, "/security/certificates/current").await.json();
    let left = certificates["certificateList"].as_array().unwrap().iter();
    let left = left.map(|host| (host["notAfter"].as_i64().unwrap() - NOON) / DAY);
    assert_eq!(left.filter(|days| (30..150).contains(days)).count(), 1);
    let backups = jobs(&site, "jobType eq 'BACKUP' and state eq 'DONE'", "-endTime", 100).await.json();
    let status = |job: &Value| attribute(job, "status").as_i64().unwrap();
    let failed = backups["data"].as_array().unwrap().iter().filter(|job| status(job) > 1).count();
    assert!(failed > 55, "{failed} of the last 100 backups failed");
}

#[tokio::test]
async fn services_are_asked_of_a_host_by_its_identifier() {
    let (_simulation, site) = site_of(Scenario::Ordinary, ApiVersion::new(12, 0)).await;
    let primary = get(&site, "/security/serverinfo").await.json()["masterHostId"].clone();
    let services = get(&site, &format!("/admin/hosts/{}/services", primary.as_str().unwrap())).await.json();
    assert_eq!(services["data"].as_array().map(Vec::len), Some(12));
    assert_eq!(get(&site, "/admin/hosts/none/services").await.status, 404);
    let filter = encode("nbuHostType eq 'MEDIA_SERVER'");
    let hosts = get(&site, &format!("/config/hosts?filter={filter}")).await.json();
    assert_eq!(hosts["hosts"].as_array().map(Vec::len), Some(4));
    let clients =
        get(&site, &format!("/config/hosts?filter={}", encode("nbuHostType eq 'CLIENT'"))).await.json();
    let mut statuses = BTreeSet::new();
    for host in clients["hosts"].as_array().unwrap().iter().take(8) {
        let path = format!("/admin/hosts/{}/services", host["uuid"].as_str().unwrap());
        statuses.insert(get(&site, &path).await.status);
    }
    assert_eq!(statuses, BTreeSet::from([200, 501]), "a host before 8.2 can not be asked");
}

#[tokio::test]
async fn images_are_those_of_the_last_day_unless_a_time_is_given() {
    let (_simulation, site) = site_of(Scenario::Ordinary, ApiVersion::new(13, 0)).await;
    let count = async |filter: &str| {
        let path = format!("/catalog/images?page%5Blimit%5D=1&filter={}", encode(filter));
        let got = get(&site, &path).await;
        assert_eq!(got.status, 200, "{filter}: {}", got.json());
        got.json()["meta"]["pagination"]["count"].as_i64().unwrap()
    };
    let day = get(&site, "/catalog/images").await.json()["meta"]["pagination"]["count"].as_i64().unwrap();
    assert!(day > 500, "{day}");
    let month = count("backupTime ge 2026-01-04T12:00:00Z").await;
    assert!(month > 25 * day, "the catalog keeps more than the jobs: {month}");
    let policy = count("policyName eq 'CATALOG' and backupTime ge 2026-01-04T12:00:00Z").await;
    assert!((20..=30).contains(&policy), "{policy}");
    let since = "backupTime ge 2026-01-20T12:00:00Z";
    for name in ["VM-GOLD", "CATALOG"] {
        let equal = count(&format!("policyName eq '{name}' and {since}")).await;
        let lower = name.to_lowercase();
        let folded = count(&format!("tolower(policyName) eq '{lower}' and {since}")).await;
        assert!(equal > 10 && equal == folded, "{name}: {equal} {folded}");
    }
    let client = get(&site, "/catalog/images").await.json()["data"][0]["attributes"]["clientName"].clone();
    let client = client.as_str().unwrap();
    let equal = count(&format!("clientName eq '{client}' and {since}")).await;
    let folded = count(&format!("tolower(clientName) eq '{}' and {since}", client.to_lowercase())).await;
    assert!(equal > 10 && equal == folded, "{client}: {equal} {folded}");
    assert_eq!(count(&format!("clientName eq '{client}' and policyName eq 'CATALOG' and {since}")).await, 0);
    assert!(count("malwareStatus eq 'CLEAN' and anomalyStatus eq 'NOT_ANOMALOUS'").await > 0);
    let old = get_as(&site, "10.0", "/catalog/images?filter=anomalyStatus%20eq%20'ANOMALOUS'").await;
    assert_eq!(old.status, 400, "from NetBackup 10.5 on only");
}

#[tokio::test]
async fn the_number_of_impacted_files_has_two_names() {
    let (_simulation, site) = site_of(Scenario::Ordinary, ApiVersion::new(14, 0)).await;
    for (version, name) in [("10.0", "noOfFilesImpacted"), ("12.0", "numberOfFilesImpacted")] {
        let path = format!("/malware/latest-scan-results?sort=-{name}");
        let got = get_as(&site, version, &path).await;
        assert!(attribute(&got.json()["data"][0], name).is_i64(), "{version}: {}", got.json());
    }
}

#[tokio::test]
async fn a_policy_is_edited_deactivated_and_deleted_while_the_server_runs() {
    let options = options();
    let clock = options.clock.clone();
    let (_simulation, site) = start(options).await;
    let find = async || {
        let policies = all(&site, "/config/policies/", 500).await;
        policies.into_iter().find(|policy| policy["id"] == "VM-GOLD")
    };
    let first = find().await.unwrap();
    assert!(
        site.change_policy("VM-GOLD", PolicyChange::Edit) && !site.change_policy("none", PolicyChange::Edit)
    );
    let edited = find().await.unwrap();
    let generation = |policy: &Value| attribute(policy, "generationId").as_i64().unwrap();
    assert_eq!(generation(&edited), generation(&first) + 1);
    let count =
        async || count_jobs(&site, "policyName eq 'VM-GOLD' and startTime gt 2026-02-03T12:00:00Z").await;
    let body = r#"{"name":"VM-GOLD","change":"deactivate"}"#;
    assert_eq!(send(&site, "POST", "/simulator/policies", &[], body).await.status, 200);
    assert_eq!(attribute(&find().await.unwrap(), "active"), false);
    clock.advance(Duration::from_hours(48));
    assert_eq!(count().await, 0);
    assert!(count_jobs(&site, "policyName eq 'VM-GOLD'").await > 0, "its jobs stay");
    assert!(site.change_policy("VM-GOLD", PolicyChange::Delete));
    assert!(find().await.is_none());
    assert_eq!(get(&site, "/config/policies/VM-GOLD").await.status, 404);
    assert_eq!(send(&site, "POST", "/simulator/policies", &[], body).await.status, 404);
}

async fn count_jobs(site: &Site, filter: &str) -> usize {
    jobs(site, filter, "", 100).await.ids().len()
}

#[tokio::test]
async fn a_role_that_sees_the_keys_of_others_finds_its_own_by_its_user() {
    let (_simulation, site) = site_of(Scenario::Ordinary, ApiVersion::new(13, 0)).await;
    site.add_foreign_key("somebody", NOON + DAY);
    assert_eq!(get(&site, "/security/api-keys").await.json()["meta"]["pagination"]["count"], 2);
    let own = get(&site, "/self-profile").await.json()["data"]["attributes"].clone();
    let (name, domain) = (own["userName"].as_str().unwrap(), own["userDomainName"].as_str().unwrap());
    let filter = encode(&format!("userName eq '{name}' and userDomain eq '{domain}'"));
    let got = get(&site, &format!("/security/api-keys?filter={filter}")).await.json();
    assert_eq!(got["meta"]["pagination"]["count"], 1);
    assert_eq!(attribute(&got["data"][0], "expiryDateTime"), "2027-02-03T12:00:00.000Z");
    site.set_denied(vec!["/security".into()]);
    assert_eq!(get(&site, "/security/api-keys").await.json()["meta"]["pagination"]["count"], 1);
}

#[tokio::test]
async fn a_huge_site_has_the_sizes_of_a_big_one() {
    let (_simulation, site) = site_of(Scenario::Huge, ApiVersion::new(12, 0)).await;
    assert_eq!(all(&site, "/config/policies/", 500).await.len(), 500);
    assert!(all(&site, "/config/unique-policy-clients", 5_000).await.len() > 2_500);
    let pools = all(&site, "/storage/disk-pools", 500).await;
    assert!(pools.len() > 60);
    let names: BTreeSet<_> = pools.iter().map(|pool| attribute(pool, "name").to_string()).collect();
    let ids: BTreeSet<_> = pools.iter().map(|pool| pool["id"].to_string()).collect();
    assert!(names.len() < ids.len() && ids.len() == pools.len(), "two pools have one name");
    assert!(
        pools.iter().any(|pool| attribute(pool, "usableSizeBytes") == i64::MAX),
        "no capacity, as a number"
    );
    assert_eq!(all(&site, "/config/media-servers", 500).await.len(), 30);
    assert_eq!(all(&site, "/storage/drives", 100).await.len(), 50);
    let tapes = get(&site, "/storage/volume-groups").await.json();
    let count = |group: &Value| attribute(group, "volumeCount").as_i64().unwrap();
    assert_eq!(tapes["data"].as_array().unwrap().iter().map(count).sum::<i64>(), 20_000);
    let images = get(&site, "/catalog/slp-images?page%5Blimit%5D=1000").await.json();
    assert!(images["meta"]["pagination"]["next"].is_string());
}
