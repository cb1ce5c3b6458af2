use axum::extract;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};

use super::State;
use super::ready::{Check, report};
use crate::snapshot::{Snapshot, Snapshots};

/// Says that the process answers, and nothing else.
pub(super) async fn healthy() -> &'static str {
    "Healthy\n"
}

/// Says whether a scrape has something to show for each site. `?verbose` lists the checks.
pub(super) async fn ready(extract::State(state): extract::State<State>, uri: Uri) -> Response {
    let verbose = uri.query().is_some_and(|query| query.split('&').any(|part| part.starts_with("verbose")));
    let (ready, text) = report(&checks(&state), verbose);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, text).into_response()
}

/// The Go exporter's page. It always answers 200: there it was used as a liveness probe, which restarted the
/// exporter whenever NetBackup was down. The body says the state in that exporter's words.
pub(super) async fn health(extract::State(state): extract::State<State>) -> &'static str {
    summary(&state.exposition.store().load())
}

fn checks(state: &State) -> Vec<Check> {
    let active = state.config.load();
    let snapshots = state.exposition.store().load();
    let ages = state.first_seen.ages(&active.config, active.loaded_at);
    // Without a configuration nothing is served at all.
    let mut checks = vec![Check { name: "configuration".to_owned(), ready: true, detail: "ok" }];
    checks.extend(active.config.sites.iter().zip(ages).map(|(site, age)| {
        let complete = snapshots.sites.get(&site.id).is_some_and(|snapshot| snapshot.complete);
        Check::site(&site.name, complete, age)
    }));
    checks
}

fn summary(snapshots: &Snapshots) -> &'static str {
    let any = |is: fn(&Snapshot) -> bool| snapshots.sites.values().any(|snapshot| is(snapshot));
    if any(|snapshot| snapshot.up == Some(true)) {
        "OK\n"
    } else if snapshots.sites.is_empty() || any(|snapshot| snapshot.up.is_none()) {
        "OK (starting)\n"
    } else {
        "UNHEALTHY: NetBackup API unreachable\n"
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::config::SiteId;

    fn check(up: &[Option<bool>], expected: &str) {
        let snapshot = |(number, up): (usize, &Option<bool>)| {
            let site = Arc::<str>::from(number.to_string());
            let snapshot = Snapshot {
                site: site.clone(),
                taken_at: jiff::Timestamp::UNIX_EPOCH,
                up: *up,
                complete: up.is_some(),
                fragments: Vec::new(),
            };
            (SiteId::Named(site), Arc::new(snapshot))
        };
        let sites = up.iter().enumerate().map(snapshot).collect();
        assert_eq!(summary(&Snapshots { version: 1, sites }), expected, "{up:?}");
    }

    #[test]
    fn one_site_that_answers_is_enough_and_one_that_may_is_waited_for() {
        check(&[], "OK (starting)\n");
        check(&[None], "OK (starting)\n");
        check(&[None, Some(true)], "OK\n");
        check(&[Some(false), Some(true)], "OK\n");
        check(&[Some(false), None], "OK (starting)\n");
        check(&[Some(false), Some(false)], "UNHEALTHY: NetBackup API unreachable\n");
    }
}
