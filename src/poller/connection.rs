use std::sync::Arc;

use tokio::time::Instant;

use super::Plan;
use super::cycle::Memory;
use crate::netbackup::{Client, KeyState, Stats, TlsCache};

/// The client in use, and one whose key was refused and that waits for its time.
#[derive(Debug)]
pub(super) struct Connection {
    client: Result<Client, String>,
    waiting: Option<Client>,
}

impl Connection {
    /// Makes a client; why that can not be is kept for the cycle to say.
    pub(super) fn open(plan: &Plan, tls: &TlsCache, stats: &Arc<Stats>) -> Self {
        let client = Client::new(&plan.site, tls, stats.clone()).map_err(|error| error.to_string());
        Self { client, waiting: None }
    }

    /// The client to collect by.
    pub(super) fn client(&self) -> Result<&Client, &String> {
        self.client.as_ref()
    }

    /// Decides between this connection and a new one to the same endpoint.
    ///
    /// Where only the key differs, the new one is tried before the old one is given up: a key that was rotated
    /// wrongly must not take down a site whose old key still works.
    pub(super) async fn replace(self, candidate: Self, old: &Plan, new: &Plan, memory: &mut Memory) -> Self {
        let mut key_only = old.clone();
        key_only.site.api_key = new.site.api_key.clone();
        memory.site().key_changed(false);
        let (Ok(running), Ok(fresh), false) = (&self.client, &candidate.client, key_only.reconnects(new))
        else {
            return candidate;
        };
        let deadline = Instant::now() + new.site.timeout;
        let site = &new.site.name;
        if !is_refused(fresh, deadline).await {
            // An answer that says nothing of the key is no reason against it.
            tracing::info!(%site, "The new API key is in use");
            return candidate;
        }
        if matches!(running.check_key(deadline).await, Ok(KeyState::Accepted { .. })) {
            tracing::error!(%site, "NetBackup refuses the new API key; the old one still works and stays in use: correct the key");
            memory.site().key_changed(true);
            return Self { client: self.client, waiting: candidate.client.ok() };
        }
        tracing::error!(%site, "NetBackup refuses the new API key, and the old one as well: create a new key");
        candidate
    }

    /// Tries a key again that was refused.
    pub(super) async fn retry_waiting(&mut self, plan: &Plan, memory: &mut Memory) {
        let Some(waiting) = self.waiting.take() else { return };
        let deadline = Instant::now() + plan.site.timeout;
        // A server that does not answer says nothing of the key: the old one, which works, must not go for that.
        if !matches!(waiting.check_key(deadline).await, Ok(KeyState::Accepted { .. })) {
            self.waiting = Some(waiting);
            return;
        }
        tracing::info!(site = %plan.site.name, "The new API key is accepted now and is in use");
        memory.site().key_changed(false);
        self.client = Ok(waiting);
    }
}

async fn is_refused(client: &Client, deadline: Instant) -> bool {
    matches!(client.check_key(deadline).await, Ok(KeyState::Rejected))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::config::{Collection, Collectors, Secret};
    use crate::metric::MetricNames;
    use crate::netbackup::fixture::{Answer, KEY, Server};

    fn plan(server: &Server, key: &str) -> Plan {
        let mut site = server.site();
        site.api_key = Secret::new(key.to_owned());
        Plan {
            site,
            collection: Collection {
                interval: std::time::Duration::from_mins(5),
                window: std::time::Duration::from_hours(1),
                max_stale_cycles: 3,
            },
            collectors: Collectors::default(),
            names: MetricNames::Native,
        }
    }

    #[tokio::test]
    async fn a_refused_key_takes_over_only_once_it_is_accepted() {
        let refusal = Arc::new(Mutex::new(401));
        let answered = refusal.clone();
        let server = Server::start(move |seen| match (seen.path.as_str(), seen.key.as_deref()) {
            ("/ping", _) => Answer::ping("12.0"),
            (_, Some("newer")) if *answered.lock().unwrap() != 200 => {
                Answer::status(*answered.lock().unwrap())
            }
            _ => Answer::json(r#"{"data":[]}"#),
        })
        .await;
        let (old, new) = (plan(&server, KEY), plan(&server, "newer"));
        let (tls, counts) = (TlsCache::default(), Arc::new(Stats::default()));
        let mut memory = Memory::new(Vec::new());
        let candidate = Connection::open(&new, &tls, &counts);
        let mut connection =
            Connection::open(&old, &tls, &counts).replace(candidate, &old, &new, &mut memory).await;
        for (code, waits) in [(401, true), (500, true), (200, false)] {
            *refusal.lock().unwrap() = code;
            connection.retry_waiting(&new, &mut memory).await;
            assert_eq!(connection.waiting.is_some(), waits, "{code}");
        }
    }
}
