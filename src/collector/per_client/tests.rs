//! The list of clients as it comes, and what becomes of it.

use super::*;
use crate::collector::fixture::Given;
use crate::netbackup::fixture::{Answer, Server, soon};

fn clients(data: &str) -> (PolicyClients, u64) {
    let (mut clients, mut diagnostics) = (PolicyClients::new(), Diagnostics::default());
    let text = format!(r#"{{"data":[{data}]}}"#);
    fold_page(&text, &mut diagnostics, |record, malformed| add(&mut clients, record, malformed)).unwrap();
    (clients, diagnostics.malformed)
}

fn listed(clients: &PolicyClients) -> Vec<(&str, Vec<&str>)> {
    clients
        .iter()
        .map(|(name, policies)| (name.as_ref(), policies.iter().map(String::as_str).collect()))
        .collect()
}

#[test]
fn a_client_has_all_of_its_policies_however_its_name_is_spelled() {
    let (clients, malformed) = clients(
        r#"{"id":"DB1.example.com","attributes":{"policyNames":["gold","a\"b, c"]}},
        {"id":"db1.Example.com","attributes":{"policyNames":["silver","gold"]}},
        {"id":" web1 ","attributes":{}},{"id":"web2"},{"id":17,"attributes":{"policyNames":null}}"#,
    );
    assert_eq!(malformed, 0);
    assert_eq!(
        listed(&clients),
        [
            ("17", vec![]),
            ("db1.example.com", vec!["a\"b, c", "gold", "silver"]),
            ("web1", vec![]),
            ("web2", vec![]),
        ]
    );
}

#[test]
fn what_is_malformed_costs_only_itself() {
    let (clients, malformed) = clients(
        r#"{"id":"a","attributes":{"policyNames":"gold"}},{"id":"b","attributes":{"policyNames":[[],"gold",""]}},
        {"id":"","attributes":{"policyNames":["gold"]}},{"attributes":{}},17,{"id":[],"attributes":{}}"#,
    );
    assert_eq!(listed(&clients), [("a", vec![]), ("b", vec!["gold"])]);
    // The list that is none, the name that is none, three records without a name of which one is malformed itself, and the number.
    assert_eq!(malformed, 7);
}

async fn run(given: &Given) -> Diagnostics {
    let mut diagnostics = Diagnostics::default();
    collect(&given.context(), &mut diagnostics).await.unwrap();
    diagnostics
}

#[tokio::test]
async fn a_client_that_is_gone_is_forgotten_when_the_whole_list_was_read() {
    let server = Server::start(|request| {
        if request.path == "/ping" {
            return Answer::ping("12.0");
        }
        assert!(request.query.contains("sort=id") && request.query.contains("page[limit]=5000"));
        Answer::json(r#"{"data":[{"id":"a","attributes":{}}],"meta":{"pagination":{"count":1}}}"#)
    })
    .await;
    let given = Given::by(server.client());
    given.client.negotiate(soon()).await.unwrap();
    given.board.learn_clients(PolicyClients::from([("gone".into(), BTreeSet::new())]));
    assert_eq!(run(&given).await, Diagnostics { records: 1, ..Diagnostics::default() });
    assert_eq!(listed(&given.board.clients().unwrap()), [("a", vec![])]);
}

#[tokio::test]
async fn a_list_that_is_cut_short_removes_no_client() {
    // It goes on for ever.
    let server = Server::start(|request| {
        if request.path == "/ping" {
            return Answer::ping("12.0");
        }
        let offset: u64 = request
            .query
            .split("page[offset]=")
            .nth(1)
            .map_or(0, |rest| rest.split('&').next().unwrap().parse().unwrap());
        Answer::json(format!(
            r#"{{"data":[{{"id":"c{offset}"}}],"meta":{{"pagination":{{"next":{},"count":900000}}}}}}"#,
            offset + 5000
        ))
    })
    .await;
    let given = Given::by(server.client());
    given.client.negotiate(soon()).await.unwrap();
    given.board.learn_clients(PolicyClients::from([("unseen".into(), BTreeSet::new())]));
    assert!(run(&given).await.truncated);
    let clients = given.board.clients().unwrap();
    assert!(clients.contains_key("unseen") && clients.contains_key("c5000"));
}
