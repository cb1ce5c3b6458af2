//! The client, against a scripted server.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rcgen::{CertificateParams, CertifiedIssuer, KeyPair, generate_simple_self_signed};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::time::Instant;

use super::fixture::{Answer, KEY, Received, Server, client, site, soon};
use super::listing::Paging;
use super::*;
use crate::config::{ApiVersion, Proxy, Scheme, Secret, Site, Verification};

#[derive(serde::Deserialize)]
struct Unit {
    #[serde(default)]
    id: Field<u64>,
}

fn listing(paging: Paging) -> Listing {
    Listing {
        endpoint: "/units",
        query: vec![("filter", "a eq 'b c'".to_owned())],
        paging,
        limit: 2,
        start: None,
        max_pages: 9,
    }
}

/// Walks and gives the ids of what came.
async fn walk(client: &Client, paging: Paging) -> (Vec<u64>, Result<Walk, Error>) {
    let mut ids = Vec::new();
    let walk = client
        .walk(&listing(paging), soon(), |text| {
            let decoded = decode::<Unit>(text)?;
            ids.extend(decoded.records.iter().filter_map(|unit| unit.id.take(&mut 0)));
            Ok(decoded.page)
        })
        .await;
    (ids, walk)
}

async fn reason_of(handler: impl Fn(&Received) -> Answer + Send + Sync + 'static) -> (&'static str, usize) {
    let server = Server::start(
        move |request| if request.path == "/ping" { Answer::ping("12.0") } else { handler(request) },
    )
    .await;
    let error = walk(&server.client(), Paging::Offset).await.1.unwrap_err();
    assert!(!format!("{error} {error:?}").contains(KEY));
    assert!(!error.to_string().contains("b c"), "{error}");
    (error.reason(), server.received_at("/units").len())
}

fn version(major: u16) -> ApiVersion {
    ApiVersion { major, minor: 0 }
}

#[tokio::test]
async fn the_version_comes_from_a_ping_without_the_key() {
    let server = Server::start(|_| Answer::ping("12.0")).await;
    let client = server.client();
    assert_eq!(client.negotiate(soon()).await, Ok(version(12)));
    let received = server.received();
    assert_eq!((received.len(), received[0].path.as_str(), received[0].key.as_deref()), (1, "/ping", None));
    let ours = jiff::Timestamp::now();
    assert!(client.server_time(ours).duration_since(ours).as_secs().abs() < 30);
}

#[tokio::test]
async fn without_a_ping_the_newest_version_that_is_taken_is_found_by_asking() {
    let server = Server::start(|request| match request.accept.split_once("version=") {
        Some((_, asked)) if asked.parse::<f64>().unwrap() > 10.0 => Answer::status(406),
        Some(_) => Answer::json(r#"{"data":[]}"#),
        None => Answer::status(404),
    })
    .await;
    assert_eq!(server.client().negotiate(soon()).await, Ok(version(10)));
    assert_eq!(server.received_at("/security/api-keys").len(), 5);
}

#[tokio::test]
async fn a_server_that_is_too_old_or_takes_nothing_is_named() {
    let old = Server::start(|_| Answer::ping("6.0")).await;
    let error = old.client().negotiate(soon()).await.unwrap_err();
    assert_eq!(error.reason(), "version");
    assert!(error.to_string().contains("7.0 (NetBackup 10.0)"), "{error}");
    let deaf = Server::start(|_| Answer::status(406)).await;
    assert_eq!(deaf.client().negotiate(soon()).await.unwrap_err().reason(), "version");
}

#[tokio::test]
async fn a_wrong_key_ends_the_probe_at_once() {
    let server =
        Server::start(|request| Answer::status(if request.path == "/ping" { 404 } else { 401 })).await;
    assert_eq!(server.client().negotiate(soon()).await.unwrap_err().reason(), "unauthorized");
    assert_eq!(server.received_at("/security/api-keys").len(), 1);
}

#[tokio::test]
async fn a_version_that_is_refused_in_mid_cycle_is_negotiated_anew_once_and_no_list_is_read_in_two_versions()
{
    let pings = AtomicUsize::new(0);
    let server = Server::start(move |request| match request.path.as_str() {
        "/ping" if pings.fetch_add(1, Ordering::SeqCst) == 0 => Answer::ping("13.0"),
        "/ping" => Answer::ping("12.0"),
        _ if request.accept.ends_with("version=13.0") => Answer::status(406),
        _ => Answer::json(r#"{"data":[{"id":1}]}"#),
    })
    .await;
    let client = server.client();
    client.negotiate(soon()).await.unwrap();
    let (ids, error) = walk(&client, Paging::Offset).await;
    assert!(ids.is_empty() && matches!(error.unwrap_err().cause, Cause::NotAcceptable(_)));
    assert_eq!(client.version(), Some(version(12)));
    assert_eq!(server.received_at("/units").len(), 2);
    assert_eq!(walk(&client, Paging::Offset).await.0, [1]);
}

/// How many requests each of some cycles costs: a negotiation and two collectors side by side.
async fn costs(client: &Client, server: &Server, cycles: usize) -> Vec<usize> {
    let mut costs = Vec::new();
    for _ in 0..cycles {
        let before = server.received().len();
        if client.negotiate(soon()).await.is_ok() {
            let _ = tokio::join!(walk(client, Paging::Offset), walk(client, Paging::Cursor));
        }
        costs.push(server.received().len() - before);
    }
    costs
}

#[tokio::test]
async fn a_server_that_answers_406_to_everything_is_asked_for_its_version_once_then_rarely() {
    // A ping, two requests that are refused, one more ping, and the ladder of eight versions.
    let announcing =
        Server::start(
            |request| if request.path == "/ping" { Answer::ping("12.0") } else { Answer::status(406) },
        );
    let announcing = announcing.await;
    let client = announcing.client();
    assert_eq!(costs(&client, &announcing, 4).await[1..], [3, 3, 3]);
    assert_eq!(announcing.received_at("/security/api-keys").len(), 8);
    let deaf = Server::start(|_| Answer::status(406)).await;
    let client = deaf.client();
    assert_eq!(costs(&client, &deaf, 4).await, [9, 1, 1, 1]);
    tokio::time::pause();
    tokio::time::advance(negotiation::CLIMB_INTERVAL).await;
    tokio::time::resume();
    assert_eq!(costs(&client, &deaf, 2).await, [9, 1], "rarely is not never");
}

#[tokio::test]
async fn a_version_that_was_found_by_asking_is_kept() {
    for ping in ["12.0", "", "none"] {
        let server = Server::start(move |request| match (request.path.as_str(), ping) {
            ("/ping", "none") => Answer::status(404),
            ("/ping", "") => Answer::json("1770080400000"),
            ("/ping", version) => Answer::ping(version),
            _ if request.accept.ends_with("version=10.0") => Answer::json(r#"{"data":[]}"#),
            _ => Answer::status(406),
        })
        .await;
        let client = server.client();
        let expected = if ping == "none" { 4 } else { 3 };
        assert_eq!(costs(&client, &server, 3).await[1..], [expected; 2], "{ping}");
        assert_eq!(client.version(), Some(version(10)), "{ping}");
    }
}

#[tokio::test]
async fn without_a_ping_and_a_key_resource_there_is_no_api_and_one_of_both_is_enough() {
    for (ping, key, pinned, expected) in [
        (404, 404, None, Err("no_api")),
        (404, 404, Some(version(12)), Err("no_api")),
        (401, 404, None, Err("no_api")),
        (302, 404, Some(version(12)), Err("no_api")),
        (404, 200, None, Ok(version(14))),
        (404, 200, Some(version(12)), Ok(version(12))),
        (404, 401, Some(version(12)), Ok(version(12))),
        (404, 500, Some(version(12)), Err("http_5xx")),
        (200, 404, None, Ok(version(11))),
        (200, 404, Some(version(12)), Ok(version(12))),
    ] {
        let server = Server::start(move |request| match (request.path.as_str(), ping, key) {
            ("/ping", 200, _) => Answer::ping("11.0"),
            ("/ping", code, _) => Answer::status(code),
            (_, _, 200) => Answer::json(r#"{"data":[]}"#),
            (_, _, code) => Answer::status(code),
        })
        .await;
        let client = client(&Site { api_version: pinned, ..server.site() });
        let found = client.negotiate(soon()).await;
        assert_eq!(found.map_err(|error| error.reason()), expected, "{ping} {key} {pinned:?}");
    }
}

#[tokio::test]
async fn a_clock_offset_goes_with_the_server_and_a_number_that_is_no_time_makes_none() {
    let body = Arc::new(std::sync::Mutex::new(String::new()));
    let told = body.clone();
    let server = Server::start(move |_| match told.lock().unwrap().as_str() {
        "" => Answer::status(404),
        body => Answer { body: body.as_bytes().to_vec(), ..Answer::ping("12.0") },
    })
    .await;
    let stats = Arc::new(Stats::default());
    let client = Client::new(&server.site(), &TlsCache::default(), stats.clone(), Arc::default()).unwrap();
    let hour_ahead = (jiff::Timestamp::now().as_second() + 3600).to_string();
    for (told, shown) in [
        ("1", false),
        ("pong", false),
        (&*hour_ahead, false),
        (&*format!("{hour_ahead}000"), true),
        ("", false),
    ] {
        told.clone_into(&mut body.lock().unwrap());
        let _ = client.announced(soon()).await;
        let text: String = stats.families("paris").iter().map(crate::metric::Family::text).collect();
        assert_eq!(
            text.contains("nbu_server_clock_offset_seconds{site=\"paris\"} 3"),
            shown,
            "{told}: {text}"
        );
        assert!(shown || !text.contains("nbu_server_clock_offset_seconds"), "{told}: {text}");
    }
    // What is known is still the best guess.
    let ours = jiff::Timestamp::now();
    assert!(client.server_time(ours).duration_since(ours).as_secs() > 3500);
}

#[tokio::test]
async fn an_upgraded_server_is_noticed_and_a_pinned_version_stays() {
    let pings = Arc::new(AtomicUsize::new(12));
    let announced = pings.clone();
    let server =
        Server::start(move |_| Answer::ping(&format!("{}.0", announced.load(Ordering::SeqCst)))).await;
    let (free, mut pinned) = (server.client(), server.site());
    pinned.api_version = Some(version(9));
    let pinned = client(&pinned);
    for major in [12, 13] {
        pings.store(major.into(), Ordering::SeqCst);
        assert_eq!(free.negotiate(soon()).await, Ok(version(major)));
        assert_eq!(pinned.negotiate(soon()).await, Ok(version(9)));
    }
}

#[tokio::test]
async fn cursors_are_followed_and_every_request_has_key_version_and_query() {
    let server = Server::start(|request| match request.path.as_str() {
        "/ping" => Answer::ping("12.0"),
        _ if request.query.contains("page[after]=a+/=") => {
            Answer::json(r#"{"data":[{"id":3}],"meta":{"pagination":{"next":""}}}"#)
        }
        _ => Answer::json(r#"{"data":[{"id":1},{"id":2}],"meta":{"pagination":{"next":"a+/="}}}"#),
    })
    .await;
    let (ids, walk) = walk(&server.client(), Paging::Cursor).await;
    assert_eq!(ids, [1, 2, 3]);
    assert_eq!(walk, Ok(Walk { pages: 2, records: 3, truncated: false }));
    for request in server.received_at("/units") {
        assert_eq!(request.key.as_deref(), Some(KEY));
        assert_eq!(request.accept, "application/vnd.netbackup+json;version=12.0");
        assert!(request.query.starts_with("filter=a eq 'b c'&page[limit]=2"), "{}", request.query);
    }
}

#[tokio::test]
async fn pages_without_an_end_are_cut_off_and_reported() {
    let server = Server::start(|request| {
        let offset: u64 = request.query.split("page[offset]=").nth(1).map_or(0, |text| text.parse().unwrap());
        if request.path == "/ping" {
            return Answer::ping("12.0");
        }
        let next = offset + 1;
        Answer::json(format!(r#"{{"data":[{{"id":{offset}}}],"meta":{{"pagination":{{"next":{next}}}}}}}"#))
    })
    .await;
    let (ids, walk) = walk(&server.client(), Paging::Offset).await;
    assert_eq!(ids, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(walk, Ok(Walk { pages: 9, records: 9, truncated: true }));
}

#[tokio::test]
async fn a_list_that_counts_more_than_it_points_to_is_read_to_its_end() {
    for (records, count) in [(5, 5), (4, 5), (3, 9)] {
        let server = Server::start(move |request| {
            if request.path == "/ping" {
                return Answer::ping("12.0");
            }
            let offset: u64 =
                request.query.split("page[offset]=").nth(1).map_or(0, |text| text.parse().unwrap());
            let data: Vec<_> =
                (offset..records).take(2).map(|number| format!(r#"{{"id":{number}}}"#)).collect();
            let data = data.join(",");
            Answer::json(format!(r#"{{"data":[{data}],"meta":{{"pagination":{{"count":{count}}}}}}}"#))
        })
        .await;
        let (ids, walk) = walk(&server.client(), Paging::Offset).await;
        assert_eq!(ids, (0..records).collect::<Vec<_>>());
        assert!(walk.is_ok_and(|walk| !walk.truncated && walk.records == records), "{records} of {count}");
    }
}

#[tokio::test]
async fn a_list_that_leads_back_to_its_first_page_is_reported_as_cut_short() {
    for (paging, pagination) in [(Paging::Cursor, r#""next":"a""#), (Paging::Offset, r#""next":2,"count":9"#)]
    {
        let server = Server::start(move |request| match request.path.as_str() {
            "/ping" => Answer::ping("12.0"),
            _ => Answer::json(format!(
                r#"{{"data":[{{"id":1}},{{"id":2}}],"meta":{{"pagination":{{{pagination}}}}}}}"#
            )),
        })
        .await;
        let walk = walk(&server.client(), paging).await.1;
        assert_eq!(walk, Ok(Walk { pages: 2, records: 4, truncated: true }), "{paging:?}");
    }
}

#[tokio::test]
async fn a_date_to_retry_after_is_one_of_the_servers_clock() {
    let asked = AtomicUsize::new(0);
    let server = Server::start(move |request| match request.path.as_str() {
        "/ping" => Answer::ping("12.0"),
        _ if asked.fetch_add(1, Ordering::SeqCst) < 2 => Answer::status(429)
            .with("date", "Tue, 03 Feb 2099 01:00:00 GMT")
            .with("retry-after", "2099-02-03T01:00:00.000Z"),
        _ => Answer::json(r#"{"data":[{"id":7}]}"#),
    })
    .await;
    // By our clock that is longer than the whole cycle, and nothing would be tried again.
    assert_eq!(walk(&server.client(), Paging::Offset).await.0, [7]);
}

#[tokio::test]
async fn a_refusal_is_final_and_only_what_may_pass_is_tried_again() {
    for (status, expected) in [
        (400, ("http_4xx", 1)),
        (401, ("unauthorized", 1)),
        (403, ("forbidden", 1)),
        (404, ("not_found", 1)),
        (302, ("redirect", 1)),
        (204, ("content_type", 1)),
        (408, ("http_4xx", 3)),
        (429, ("rate_limited", 3)),
        (500, ("http_5xx", 3)),
        (503, ("http_5xx", 3)),
    ] {
        assert_eq!(reason_of(move |_| Answer::status(status)).await, expected, "{status}");
    }
}

#[tokio::test]
async fn bodies_that_are_no_pages_are_told_apart() {
    let html = || Answer { body: b"<html>log in</html>".to_vec(), ..Answer::json("") };
    assert_eq!(reason_of(move |_| html().with("content-type", "text/html")).await, ("content_type", 1));
    assert_eq!(reason_of(move |_| html()).await, ("decode", 1));
    assert_eq!(reason_of(|_| Answer::json(r#"{"data":[{"id":"#)).await, ("decode", 1));
    assert_eq!(reason_of(|_| Answer::json(" ".repeat((16 << 20) + 1))).await, ("too_large", 1));
}

#[tokio::test]
async fn a_bomb_of_gzip_is_cut_off_broken_gzip_is_named_and_plain_gzip_is_unpacked() {
    let packed = |text: &str| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, text.as_bytes()).unwrap();
        Answer { body: encoder.finish().unwrap(), ..Answer::json("") }.with("content-encoding", "gzip")
    };
    let bomb = packed(&" ".repeat(17 << 20));
    assert_eq!(reason_of(move |_| bomb.clone()).await, ("too_large", 1));
    let mut broken = packed(r#"{"data":[{"id":5}]}"#);
    broken.body.iter_mut().skip(12).for_each(|byte| *byte ^= 0x5a);
    assert_eq!(reason_of(move |_| broken.clone()).await, ("decode", 1));
    let page = packed(r#"{"data":[{"id":5}]}"#);
    let server = Server::start(
        move |request| if request.path == "/ping" { Answer::ping("12.0") } else { page.clone() },
    )
    .await;
    assert_eq!(walk(&server.client(), Paging::Offset).await.0, [5]);
}

#[tokio::test]
async fn a_busy_server_is_asked_again_when_it_says_so() {
    let asked = AtomicUsize::new(0);
    let server = Server::start(move |request| match request.path.as_str() {
        "/ping" => Answer::ping("12.0"),
        _ if asked.fetch_add(1, Ordering::SeqCst) < 2 => Answer::status(503).with("retry-after", "0"),
        _ => Answer::json(r#"{"data":[{"id":7}]}"#),
    })
    .await;
    let stats = Arc::new(Stats::default());
    let client = Client::new(&server.site(), &TlsCache::default(), stats.clone(), Arc::default()).unwrap();
    assert_eq!(walk(&client, Paging::Offset).await.0, [7]);
    let text: String = stats.families("paris").iter().map(crate::metric::Family::text).collect();
    assert!(text.contains("nbu_api_throttled_total{site=\"paris\"} 2\n"), "{text}");
    assert!(text.contains("nbu_api_retries_total{site=\"paris\"} 2\n"), "{text}");
}

#[tokio::test]
async fn a_503_with_retry_after_closes_the_whole_sites_gate_and_a_429_that_of_its_resource() {
    let soon_by_date = || (jiff::Timestamp::now() + jiff::SignedDuration::from_secs(300)).to_string();
    for (status, form) in [
        (429, "300".to_owned()),
        (503, "300".to_owned()),
        (429, soon_by_date()),
        (429, "Tue, 03 Feb 2099 01:05:00 GMT".to_owned()),
    ] {
        let told = form.clone();
        let server = Server::start(move |request| match request.path.as_str() {
            "/ping" => Answer::ping("12.0"),
            "/units" => {
                let answer = Answer::status(status).with("retry-after", &told);
                if told.ends_with("GMT") {
                    answer.with("date", "Tue, 03 Feb 2099 01:00:00 GMT")
                } else {
                    answer
                }
            }
            _ => Answer::json(r#"{"data":[]}"#),
        })
        .await;
        let (stats, gate) = (Arc::new(Stats::default()), Arc::default());
        let [client, another] = [(); 2].map(|()| {
            Client::new(&server.site(), &TlsCache::default(), stats.clone(), Arc::clone(&gate)).unwrap()
        });
        walk(&client, Paging::Offset).await.1.unwrap_err();
        assert_eq!(server.received_at("/units").len(), 1, "{status} {form}");
        let before = server.received().len();
        for client in [&client, &another] {
            let refused = walk(client, Paging::Offset).await.1.unwrap_err();
            assert_eq!(refused.reason(), "rate_limited", "{status} {form}");
            assert!(matches!(refused.cause, Cause::Quiet(_)), "{refused}");
            assert_eq!(client.negotiate(soon()).await.is_ok(), status == 429, "{status} {form}");
            let checked = client.check_key(soon()).await;
            assert_eq!(checked.is_ok(), status == 429, "{status} {form}");
        }
        let (all, units) = (server.received().len(), server.received_at("/units").len());
        assert_eq!((all - before, units), (if status == 429 { 5 } else { 0 }, 1), "{status} {form}");
        let text: String = stats.families("paris").iter().map(crate::metric::Family::text).collect();
        let quiet = "nbu_api_quiet_until_timestamp_seconds{site=\"paris\"} ";
        assert!(text.contains(quiet) && !text.contains(&format!("{quiet}0\n")), "{text}");
        // What was never sent has not failed.
        let failures = format!("reason=\"rate_limited\"}} {}\n", u8::from(status == 429));
        assert!(text.contains(&failures), "{text}");
    }
}

#[tokio::test]
async fn a_stalled_server_costs_no_more_than_the_deadline() {
    let server = Server::start(|_| Answer { delay: Duration::from_mins(10), ..Answer::ping("12.0") }).await;
    let client = client(&Site { timeout: Duration::from_hours(1), ..server.site() });
    let deadline = soon();
    // Once the request is there the time goes by itself.
    let stalled = async {
        while server.received().is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::pause();
    };
    let (outcome, ()) = tokio::join!(client.negotiate(deadline), stalled);
    assert_eq!(outcome.unwrap_err().reason(), "timeout");
    assert!(Instant::now() < deadline + Duration::from_secs(1));
    assert_eq!(server.received().len(), 1);
}

#[tokio::test]
async fn no_more_requests_are_under_way_than_the_budget_allows() {
    let server = Server::start(|_| Answer { delay: Duration::from_millis(30), ..Answer::ping("12.0") }).await;
    let client = client(&Site { max_concurrent_requests: 2, ..server.site() });
    let outcomes = futures_util::future::join_all((0..6).map(|_| client.negotiate(soon()))).await;
    assert!(outcomes.iter().all(Result::is_ok));
    assert!(server.most_under_way() <= 2);
    // And where no answer makes room, as many are under way as it allows.
    let server = Server::start(|_| Answer { delay: Duration::from_hours(1), ..Answer::ping("12.0") }).await;
    let client = self::client(&Site { max_concurrent_requests: 2, ..server.site() });
    let stalled = futures_util::future::join_all((0..6).map(|_| client.negotiate(soon())));
    let both = async {
        while server.received().len() < 2 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    tokio::select! {
        _ = stalled => panic!("nothing was answered"),
        () = both => assert_eq!(server.received().len(), 2),
    }
}

#[tokio::test]
async fn a_redirect_takes_the_key_nowhere() {
    let elsewhere = Server::start(|_| Answer::json(r#"{"data":[]}"#)).await;
    let target = format!("http://{}/units", elsewhere.address);
    let (reason, _) = reason_of(move |_| Answer::status(307).with("location", &target)).await;
    assert_eq!((reason, elsewhere.received().len()), ("redirect", 0));
}

/// A server that reads a request, sends these bytes and closes.
async fn raw(bytes: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 2048];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(bytes).await;
        }
    });
    port
}

#[tokio::test]
async fn broken_connections_and_unknown_hosts_are_told_apart() {
    let reason = async |host: &str, port: u16| {
        let client = client(&Site { api_version: Some(version(12)), ..site(Scheme::Http, host, port) });
        walk(&client, Paging::Offset).await.1.unwrap_err().reason()
    };
    assert_eq!(reason("127.0.0.1", raw(b"").await).await, "connect");
    let cut = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{\"data\":[";
    assert_eq!(reason("127.0.0.1", raw(cut).await).await, "connect");
    assert_eq!(reason("127.0.0.1", raw(b"SSH-2.0-OpenSSH_9.2\r\n").await).await, "connect");
    assert_eq!(reason("127.0.0.1", 1).await, "connect");
    assert_eq!(reason("nbu.invalid", 1556).await, "dns");
}

#[tokio::test]
async fn the_key_is_judged_by_its_own_record() {
    let state = async |answer: Answer| {
        let server =
            Server::start(
                move |request| if request.path == "/ping" { Answer::ping("12.0") } else { answer.clone() },
            )
            .await;
        server.client().check_key(soon()).await
    };
    let key = r#"{"id":"k","attributes":{"expiryDateTime":"2026-12-31T00:00:00.000Z"}}"#;
    let expiry = "2026-12-31T00:00:00Z".parse().ok();
    assert_eq!(
        state(Answer::json(format!(r#"{{"data":[{key}]}}"#))).await,
        Ok(KeyState::Accepted { expiry })
    );
    let unknown = Ok(KeyState::Accepted { expiry: None });
    assert_eq!(state(Answer::json(format!(r#"{{"data":[{key},{key}]}}"#))).await, unknown);
    assert_eq!(state(Answer::status(404)).await, unknown);
    assert_eq!(state(Answer::status(401)).await, Ok(KeyState::Rejected));
    assert_eq!(state(Answer::status(500)).await.unwrap_err().reason(), "http_5xx");
}

#[test]
fn a_key_that_no_header_can_carry_is_refused_and_none_is_ever_shown() {
    let mut site = site(Scheme::Http, "127.0.0.1", 1);
    site.proxy = Proxy::Url("http://someone:pr0xy-passw0rd@127.0.0.1:3128".parse().unwrap());
    let debug = format!("{:?}", client(&site));
    assert!(!debug.contains(KEY) && !debug.contains("pr0xy-passw0rd"), "{debug}");
    site.api_key = Secret::new("two\nlines".to_owned());
    let error = Client::new(&site, &TlsCache::default(), Arc::default(), Arc::default()).unwrap_err();
    assert!(matches!(error, ClientError::Key));
    assert!(!format!("{error} {error:?}").contains("lines"));
}

/// An authority, and a server of its that has the name `nbu.example`.
async fn tls_server() -> (CertificateDer<'static>, CertificateDer<'static>, Server) {
    let authority = CertifiedIssuer::self_signed(
        {
            let mut params = CertificateParams::new(Vec::new()).unwrap();
            params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
            params
        },
        KeyPair::generate().unwrap(),
    )
    .unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf =
        CertificateParams::new(vec!["nbu.example".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    let server = tls_with(leaf.der().clone(), &key).await;
    (authority.der().clone(), leaf.der().clone(), server)
}

async fn tls_with(certificate: CertificateDer<'static>, key: &KeyPair) -> Server {
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config =
        rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
    Server::start_tls(config, |_| Answer::ping("12.0")).await
}

async fn negotiated(
    server: &Server,
    verification: Verification,
    name: Option<&str>,
) -> Result<ApiVersion, Error> {
    let site = Site {
        verification,
        tls_server_name: name.map(str::to_owned),
        ..site(Scheme::Https, "localhost", server.address.port())
    };
    client(&site).negotiate(soon()).await
}

fn roots(der: &CertificateDer<'_>) -> Verification {
    Verification::Roots(vec![der.to_vec()].into())
}

#[tokio::test]
async fn a_certificate_must_have_a_known_authority_and_the_right_name() {
    let (authority, _, server) = tls_server().await;
    assert_eq!(negotiated(&server, roots(&authority), Some("nbu.example")).await, Ok(version(12)));
    let request = server.received().pop().unwrap();
    assert_eq!(request.server_name.as_deref(), Some("nbu.example"));
    assert_eq!(request.host, format!("localhost:{}", server.address.port()));
    for name in [None, Some("other.example"), Some("10.0.0.1")] {
        let error = negotiated(&server, roots(&authority), name).await.unwrap_err();
        assert_eq!(error.reason(), "tls", "{name:?}");
        assert!(error.to_string().contains("tlsServerName"), "{error}");
    }
    let (stranger, _, _) = tls_server().await;
    assert_eq!(negotiated(&server, roots(&stranger), Some("nbu.example")).await.unwrap_err().reason(), "tls");
}

#[tokio::test]
async fn what_is_wrong_with_a_handshake_is_said_in_the_same_words_every_time() {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(2021, 1, 1);
    let key = KeyPair::generate().unwrap();
    let expired = params.self_signed(&key).unwrap();
    let server = tls_with(expired.der().clone(), &key).await;
    let error = negotiated(&server, roots(expired.der()), None).await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("TLS failed (the certificate is not valid any more: it ended on 2021-01-01); renew")
    );
    let plain = Server::start(|_| Answer::ping("12.0")).await;
    let error = negotiated(&plain, Verification::Off, None).await.unwrap_err();
    let said = error.to_string();
    assert!(said.contains("TLS failed (no TLS is spoken at this port); see that the port is"), "{said}");
}

#[tokio::test]
async fn a_pinned_certificate_needs_neither_authority_nor_name() {
    let (_, leaf, server) = tls_server().await;
    assert_eq!(
        negotiated(&server, Verification::Pinned(Sha256::digest(&leaf).into()), None).await,
        Ok(version(12))
    );
    let error = negotiated(&server, Verification::Pinned([7; 32]), None).await.unwrap_err();
    assert!(error.to_string().contains("certificateSha256"), "{error}");
    assert_eq!(negotiated(&server, Verification::Off, None).await, Ok(version(12)));
}

#[tokio::test]
async fn a_pinned_certificate_without_its_key_is_refused() {
    let honest = generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let digest = Sha256::digest(honest.cert.der()).into();
    let config =
        rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth();
    let thief = PrivateKeyDer::try_from(KeyPair::generate().unwrap().serialize_der()).unwrap();
    let signer = rustls::crypto::ring::sign::any_supported_type(&thief).unwrap();
    let stolen = rustls::sign::CertifiedKey::new(vec![honest.cert.der().clone()], signer);
    let config = config.with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(stolen)));
    let server = Server::start_tls(config, |_| Answer::ping("12.0")).await;
    assert_eq!(negotiated(&server, Verification::Pinned(digest), None).await.unwrap_err().reason(), "tls");
}

/// What is told of the end of the certificate that a site shows, once it has answered.
async fn certificate_end(site: Site) -> String {
    let stats = Arc::new(Stats::default());
    let client = Client::new(&site, &TlsCache::default(), stats.clone(), Arc::default()).unwrap();
    client.negotiate(soon()).await.unwrap();
    let families = stats.families("paris");
    let family =
        families.iter().find(|family| family.desc().name.starts_with("nbu_tls_certificate")).unwrap();
    family.text().to_owned()
}

#[tokio::test]
async fn the_end_of_the_certificate_is_known_from_the_handshake_and_a_plain_site_has_none() {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["nbu.example".to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(2030, 1, 1);
    let server = tls_with(params.self_signed(&key).unwrap().der().clone(), &key).await;
    let site =
        Site { verification: Verification::Off, ..site(Scheme::Https, "localhost", server.address.port()) };
    let expected = "nbu_tls_certificate_expiry_timestamp_seconds{site=\"paris\"} 1893456000\n";
    assert_eq!(certificate_end(site).await, expected);
    let plain = Server::start(|_| Answer::ping("12.0")).await;
    assert_eq!(certificate_end(plain.site()).await, "");
}

#[test]
fn equal_settings_are_shared_and_go_with_their_last_user() {
    let cache = TlsCache::default();
    let one = cache.config(&Verification::Off, None).unwrap();
    assert!(Arc::ptr_eq(&one, &cache.config(&Verification::Off, None).unwrap()));
    assert!(!Arc::ptr_eq(&one, &cache.config(&Verification::Off, Some("a.example")).unwrap()));
    let weak = Arc::downgrade(&one);
    drop(one);
    cache.config(&Verification::Pinned([1; 32]), None).unwrap();
    assert_eq!(weak.strong_count(), 0);
}

#[tokio::test]
async fn a_proxy_is_used_when_one_is_given() {
    let proxy = Server::start(|_| Answer::ping("11.0")).await;
    let mut site = site(Scheme::Http, "nbu.invalid", 1556);
    site.proxy = Proxy::Url(format!("http://{}", proxy.address).parse().unwrap());
    assert_eq!(client(&site).negotiate(soon()).await, Ok(version(11)));
    assert_eq!(proxy.received()[0].host, "nbu.invalid:1556");
}
