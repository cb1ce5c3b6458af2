//! Whether the process lives, and the Go exporter's page about NetBackup.

use std::sync::Arc;

use axum::extract;

use super::State;

/// Says that the process answers, and nothing else.
pub(super) async fn healthy() -> &'static str {
    "Healthy\n"
}

/// The Go exporter's page. It always answers 200: there it was used as a liveness probe, which restarted the
/// exporter whenever NetBackup was down. The body says the state in the words of the Go exporter.
pub(super) async fn health(extract::State(state): extract::State<Arc<State>>) -> &'static str {
    let Some(active) = state.config.load() else { return summary([].into_iter()) };
    let (config, snapshots) = (&active.config, state.exposition.store().load());
    let sites = config.sites.iter().map(|site| &site.id).chain(config.lacking.iter().map(|site| &site.id));
    summary(sites.map(|id| snapshots.sites.get(id).and_then(|snapshot| snapshot.up)))
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
