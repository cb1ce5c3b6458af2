//! Certificates, against a scripted server.

use super::super::fixture::Given;
use super::super::runner::{Run, run};
use super::*;
use crate::netbackup::fixture::{Answer, Server};

const NOW: &str = "2026-01-01T00:00:00Z";

#[derive(Clone, Copy, Default)]
struct Answers {
    authorities: &'static str,
    /// `None` for a role that may not see them.
    current: Option<&'static str>,
    external_usage: u8,
    mappings: &'static str,
}

async fn collected(version: &'static str, answers: Answers) -> (Run, Vec<String>) {
    let server = Server::start(move |request| match request.path.as_str() {
        // Its clock and ours agree.
        "/ping" => Answer::ping(version),
        "/security/certificate-authorities" => {
            Answer::json(format!(r#"{{"data":[{}]}}"#, answers.authorities))
        }
        server_info::PATH => Answer::json(format!(r#"{{"externalCaUsage":{}}}"#, answers.external_usage)),
        "/security/certificates/current" => match answers.current {
            Some(list) => Answer::json(format!(r#"{{"certificateList":[{list}]}}"#)),
            None => Answer::status(401),
        },
        _ => Answer::json(format!(r#"{{"data":[{}]}}"#, answers.mappings)),
    })
    .await;
    let mut given = Given::by(server.client());
    given.now = NOW.parse().unwrap();
    given.client.negotiate(given.context().deadline).await.unwrap();
    let run = run((SPEC.new)(&given.collectors).as_mut(), &given.context()).await;
    let asked = server.received().into_iter().map(|request| request.path).filter(|path| path != "/ping");
    (run, asked.collect())
}

fn text(run: &Run) -> String {
    run.families.iter().map(Family::text).collect()
}

/// Three hosts: a server that has 20 days left, a client that has ended, and a server that was installed anew.
const CURRENT: &str = r#"
    {"hostName":"media1","notAfter":1768953600000,"state":1,"hostType":1,"isCertDeleted":false},
    {"hostName":"client1","notAfter":"1767139200000","state":1,"hostType":2},
    {"hostName":"media2","notAfter":1767225600000,"state":1,"hostType":1},
    {"hostName":"media2","notAfter":1798761600000,"state":1,"hostType":1}"#;

#[tokio::test]
async fn servers_have_series_of_their_own_and_clients_are_counted() {
    let answers = Answers { current: Some(CURRENT), ..Answers::default() };
    let (run, asked) = collected("12.0", answers).await;
    assert_eq!(
        text(&run),
        "nbu_host_certificate_expiry_timestamp_seconds{site=\"paris\",host=\"media1\"} 1768953600\n\
         nbu_host_certificate_expiry_timestamp_seconds{site=\"paris\",host=\"media2\"} 1798761600\n\
         nbu_host_certificates{site=\"paris\",host_type=\"server\",expires_within=\"expired\"} 0\n\
         nbu_host_certificates{site=\"paris\",host_type=\"server\",expires_within=\"30d\"} 1\n\
         nbu_host_certificates{site=\"paris\",host_type=\"server\",expires_within=\"150d\"} 0\n\
         nbu_host_certificates{site=\"paris\",host_type=\"server\",expires_within=\"later\"} 1\n\
         nbu_host_certificates{site=\"paris\",host_type=\"client\",expires_within=\"expired\"} 1\n\
         nbu_host_certificates{site=\"paris\",host_type=\"client\",expires_within=\"30d\"} 0\n\
         nbu_host_certificates{site=\"paris\",host_type=\"client\",expires_within=\"150d\"} 0\n\
         nbu_host_certificates{site=\"paris\",host_type=\"client\",expires_within=\"later\"} 0\n"
    );
    assert_eq!(asked.len(), 3, "{asked:?}");
}

#[tokio::test]
async fn certificates_that_are_revoked_deleted_or_without_an_end_do_not_count() {
    const LIST: &str = r#"
        {"hostName":"revoked","notAfter":1768953600000,"state":2,"hostType":1},
        {"hostName":"deleted","notAfter":1768953600000,"state":1,"hostType":1,"isCertDeleted":"TRUE"},
        {"hostName":"endless","notAfter":0,"state":1,"hostType":1},
        {"hostName":"soon","notAfter":"soon","state":1,"hostType":1},
        {"hostName":"odd \"name\"\n","notAfter":1768953600000.0,"state":1.0,"hostType":9},7"#;
    let (run, _) = collected("13.0", Answers { current: Some(LIST), ..Answers::default() }).await;
    let page = text(&run);
    assert!(page.starts_with("nbu_host_certificate_expiry_timestamp_seconds{site=\"paris\",host=\"odd \\\"name\\\"\\n\"} 1768953600\n"), "{page}");
    assert!(page.contains("host_type=\"unknown\",expires_within=\"30d\"} 1\n"), "{page}");
    // The one without an end, the word with its record, and the number.
    assert_eq!((run.diagnostics.malformed, run.diagnostics.records), (4, 6));
}

#[tokio::test]
async fn active_authorities_are_shown_to_anybody() {
    const LIST: &str = r#"
        {"attributes":{"nbcaCertDetails":{"subjectCN":"nbatd","subjectName":"CN=nbatd,O=vx","notAfter":"2036-01-01T00:00:00.000Z"}}},
        {"attributes":{"nbcaCertDetails":{"subjectCN":"nbatd","subjectName":"CN=nbatd,O=vx","notAfter":"2046-01-01T00:00:00.000Z"}}},
        {"attributes":{"nbcaCertDetails":{"subjectCN":"other","notAfter":"2030-01-01T00:00:00.000Z"}}},
        {"attributes":{"nbcaCertDetails":{"subjectCN":"endless","notAfter":null}}}"#;
    let (run, asked) = collected("12.0", Answers { authorities: LIST, ..Answers::default() }).await;
    assert_eq!(
        text(&run),
        "nbu_ca_certificate_expiry_timestamp_seconds{site=\"paris\",subject=\"CN=nbatd,O=vx\"} 2398377600\n\
         nbu_ca_certificate_expiry_timestamp_seconds{site=\"paris\",subject=\"other\"} 1893456000\n"
    );
    assert_eq!(run.diagnostics.malformed, 1);
    // A role that may not see hosts costs nothing more.
    assert_eq!(asked, ["/security/certificate-authorities", "/security/certificates/current"]);
}

const MAPPINGS: &str = r#"
    {"attributes":{"hostName":"media1","externalCertNotValidAfter":"2027-01-01T00:00:00.000Z"}},
    {"attributes":{"hostName":"media2","externalCertNotValidAfter":"2026-01-11T00:00:00.000Z"}},
    {"attributes":{"hostName":"media3","externalCertNotValidAfter":"2026-01-12T00:00:00.000Z"}},
    {"attributes":{"hostName":"client1"}}"#;

#[tokio::test]
async fn external_certificates_count_beside_or_instead_of_netbackups_own() {
    let answers = |external_usage| Answers {
        current: Some(CURRENT),
        external_usage,
        mappings: MAPPINGS,
        ..Answers::default()
    };
    let ends = async |version, usage| {
        let (run, asked) = collected(version, answers(usage)).await;
        let page = text(&run);
        let of = |line: &str| {
            line.strip_prefix("nbu_host_certificate_expiry_timestamp_seconds").map(str::to_owned)
        };
        let ends: Vec<_> = page
            .lines()
            .filter_map(of)
            .map(|line| line.rsplit_once(' ').unwrap().1.parse::<i64>().unwrap())
            .collect();
        (ends, asked.len())
    };
    let (disabled, external) = (vec![1_768_953_600, 1_798_761_600], 1_768_176_000);
    assert_eq!(ends("13.0", 0).await, (disabled.clone(), 3));
    assert_eq!(ends("13.0", 1).await, (vec![1_768_953_600, 1_768_089_600, external], 4));
    assert_eq!(ends("13.0", 2).await, (vec![1_798_761_600, 1_768_089_600, external], 4));
    assert_eq!(ends("12.0", 1).await, (disabled, 3), "the list is there from 11.0 on");
}
