//! Whether the process lives and is ready to be scraped, and the Go exporter's page about NetBackup.

use std::sync::Arc;

use axum::extract;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};

use super::State;
use super::readiness::{Condition, report};
use crate::config::SiteId;
use crate::fleet::{Assignment, FleetReader};

/// Says that the process answers, and nothing else.
pub(super) async fn healthy() -> &'static str {
    "Healthy\n"
}

/// Says whether a scrape has something to show for each site, and that the process does not end. `?verbose` lists the
/// conditions.
pub(super) async fn ready(extract::State(state): extract::State<Arc<State>>, uri: Uri) -> Response {
    let verbose = uri.query().is_some_and(|query| query.split('&').any(|part| part.starts_with("verbose")));
    let mut conditions = conditions(&state);
    conditions.push(shutdown(&state));
    let (ready, text) = report(&conditions, verbose);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, text).into_response()
}

/// The Go exporter's page. It always answers 200: there it was used as a liveness probe, which restarted the
/// exporter whenever NetBackup was down. The body says the state in the words of the Go exporter.
pub(super) async fn health(extract::State(state): extract::State<Arc<State>>) -> &'static str {
    let Some(active) = state.config.load() else { return summary([].into_iter()) };
    let (config, snapshots) = (&active.config, state.exposition.store().load());
    let sites = config.sites.iter().map(|site| &site.id).chain(config.lacking.iter().map(|site| &site.id));
    let fleet = state.fleet.as_ref().map(FleetReader::load);
    let ours = sites.filter(|id| is_ours(fleet.as_deref(), id));
    summary(ours.map(|id| snapshots.sites.get(id).and_then(|snapshot| snapshot.up)))
}

/// Whether this replica asks a site; without a fleet it asks all.
fn is_ours(fleet: Option<&Assignment>, site: &SiteId) -> bool {
    fleet.is_none_or(|fleet| fleet.is_ours(site))
}

fn conditions(state: &State) -> Vec<Condition> {
    let active = state.config.load();
    let (ready, detail) = match (&active, &state.status.load().rejection) {
        (Some(_), _) => (true, "ok"),
        (None, None) => (false, "none was found yet"),
        (None, Some(_)) => (false, "it is rejected; the page / and the log say why"),
    };
    let mut conditions = vec![Condition { name: "configuration".to_owned(), ready, detail }];
    let Some(active) = active else { return conditions };
    let snapshots = state.exposition.store().load();
    let waited = state.readiness.waited(active.loaded_at);
    // What another replica asks is its matter.
    let fleet = state.fleet.as_ref().map(FleetReader::load);
    conditions.extend(fleet.as_ref().map(|fleet| Condition::fleet(fleet.holds(), waited)));
    conditions.extend(active.config.sites.iter().filter(|site| is_ours(fleet.as_deref(), &site.id)).map(
        |site| {
            let complete = snapshots.sites.get(&site.id).is_some_and(|snapshot| snapshot.complete);
            Condition::site(&site.name, complete, waited)
        },
    ));
    if conditions.iter().all(|condition| condition.ready) {
        state.readiness.reached();
    }
    conditions
}

/// Near the end of the process, whoever still comes is answered, but others are to be sent elsewhere.
fn shutdown(state: &State) -> Condition {
    let ready = !state.announced.is_cancelled();
    let detail = if ready { "ok" } else { "the exporter is about to end" };
    Condition { name: "shutdown".to_owned(), ready, detail }
}

/// `None` is a site that is not known to answer yet.
fn summary(sites: impl Iterator<Item = Option<bool>> + Clone) -> &'static str {
    let mut up = sites.clone();
    let mut waiting = sites.clone();
    if sites.count() == 0 || up.any(|up| up == Some(true)) {
        "OK\n"
    } else if waiting.any(|up| up.is_none()) {
        "OK (starting)\n"
    } else {
        "UNHEALTHY: NetBackup API unreachable\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(up: &[Option<bool>], expected: &str) {
        assert_eq!(summary(up.iter().copied()), expected, "{up:?}");
    }

    #[test]
    fn one_site_that_answers_is_enough_and_one_that_may_is_waited_for() {
        check(&[], "OK\n");
        check(&[None], "OK (starting)\n");
        check(&[None, Some(true)], "OK\n");
        check(&[Some(false), Some(true)], "OK\n");
        check(&[Some(false), None], "OK (starting)\n");
        check(&[Some(false), Some(false)], "UNHEALTHY: NetBackup API unreachable\n");
    }
}
