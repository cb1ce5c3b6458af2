use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::time::{Instant, sleep};

use super::Plan;
use super::cycle::Memory;
use crate::config::{Secret, Site};
use crate::netbackup::{Client, Gate, KeyState, Stats, TlsCache};

/// What all clients of one site have in common, whatever their key.
#[derive(Clone, Debug, Default)]
pub(super) struct Dialer {
    tls: Arc<TlsCache>,
    pub(super) stats: Arc<Stats>,
    gate: Arc<Gate>,
}

impl Dialer {
    pub(super) fn new(tls: Arc<TlsCache>) -> Self {
        Self { tls, ..Self::default() }
    }

    /// Makes a client; why that can not be is kept for the cycle to say.
    fn client(&self, site: &Site) -> Result<Client, String> {
        Client::new(site, &self.tls, self.stats.clone(), self.gate.clone()).map_err(|error| error.to_string())
    }
}

/// The client in use, and one whose key was refused and that waits for its time.
#[derive(Debug)]
pub(super) struct Connection {
    client: Result<Client, String>,
    key: Secret,
    waiting: Waiting,
}

/// Asks for a refused key again and again, beside the cycles: none waits for it.
#[derive(Default)]
pub(super) struct Waiting(Option<BoxFuture<'static, Client>>);

impl Waiting {
    fn on(client: Client, interval: Duration, timeout: Duration) -> Self {
        let asking = async move {
            loop {
                sleep(interval).await;
                // A server that does not answer says nothing of the key: the old one, which works, must not go for that.
                if is_accepted(&client, Instant::now() + timeout).await {
                    return client;
                }
            }
        };
        Self(Some(asking.boxed()))
    }

    /// Waits until the key is accepted, for ever where there is none. Dropping the future loses nothing.
    pub(super) async fn accepted(&mut self) -> Client {
        match &mut self.0 {
            Some(asking) => asking.await,
            None => std::future::pending().await,
        }
    }
}

impl fmt::Debug for Waiting {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Waiting({})", self.0.is_some())
    }
}

impl Connection {
    pub(super) fn open(plan: &Plan, dialer: &Dialer) -> Self {
        let client = dialer.client(&plan.site);
        Self { client, key: plan.site.api_key.clone(), waiting: Waiting::default() }
    }

    /// The client to collect by, and what asks for another key meanwhile.
    pub(super) fn parts(&mut self) -> (Result<&Client, &String>, &mut Waiting) {
        (self.client.as_ref(), &mut self.waiting)
    }

    /// Takes the client whose key is accepted now.
    pub(super) fn adopt(&mut self, client: Client, plan: &Plan, memory: &mut Memory) {
        tracing::info!(site = %plan.site.name, "The new API key is accepted now and is in use");
        memory.key_changed(false);
        *self = Self { client: Ok(client), key: plan.site.api_key.clone(), waiting: Waiting::default() };
    }

    /// The connection to the same endpoint under a new plan.
    ///
    /// Another key is tried before the one in use is given up: a key that was rotated wrongly must not take down a site
    /// whose old key still works.
    pub(super) async fn under(
        self,
        plan: &Plan,
        dialer: &Dialer,
        memory: &mut Memory,
    ) -> Self {
        let candidate = Self::open(plan, dialer);
        if self.key == candidate.key && self.waiting.0.is_none() {
            return candidate;
        }
        let chosen = if self.key == candidate.key {
            candidate
        } else {
            let mut plan_with_old_key = plan.clone();
            plan_with_old_key.site.api_key = self.key;
            candidate.or(Self::open(&plan_with_old_key, dialer), plan).await
        };
        memory.key_changed(chosen.waiting.0.is_some());
        chosen
    }

    /// This connection, unless its key is refused and the old one's is not.
    async fn or(self, old: Self, plan: &Plan) -> Self {
        let (Ok(fresh), Ok(running)) = (&self.client, &old.client) else { return self };
        let deadline = Instant::now() + plan.site.timeout;
        let site = &plan.site.name;
        if !is_refused(fresh, deadline).await {
            // An answer that says nothing of the key is no reason against it.
            tracing::info!(%site, "The new API key is in use");
            return self;
        }
        if is_refused(running, deadline).await {
            tracing::error!(%site, "NetBackup refuses the new API key, and the old one as well: create a new key");
            return self;
        }
        tracing::error!(%site, "NetBackup refuses the new API key; the old one stays in use: correct the key");
        let interval = plan.collection.interval;
        let waiting = self.client.map(|client| Waiting::on(client, interval, plan.site.timeout));
        Self { waiting: waiting.unwrap_or_default(), ..old }
    }
}

async fn is_refused(client: &Client, deadline: Instant) -> bool {
    matches!(client.check_key(deadline).await, Ok(KeyState::Rejected))
}

async fn is_accepted(client: &Client, deadline: Instant) -> bool {
    matches!(client.check_key(deadline).await, Ok(KeyState::Accepted { .. }))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::config::{Collection, Collectors, fixture};
    use crate::metric::MetricNames;
    use crate::netbackup::fixture::{Answer, KEY, Server};

    fn plan(server: &Server, key: &str) -> Plan {
        let mut site = server.site();
        site.api_key = Secret::new(key.to_owned());
        Plan {
            site,
            collection: Collection { interval: Duration::from_millis(1), ..fixture::collection() },
            collectors: Collectors::default(),
            names: MetricNames::Native,
        }
    }

    /// A connection with one key and then with another, and the server's answers to the others than [`KEY`].
    async fn rotated(
        answers: impl Fn(&str, usize) -> u16 + Send + Sync + 'static,
        keys: &[&str],
    ) -> (Server, Connection, Memory) {
        let asked = AtomicUsize::new(0);
        let server = Server::start(move |seen| match (seen.path.as_str(), seen.key.as_deref()) {
            ("/ping", _) => Answer::ping("12.0"),
            (_, Some(key)) => match answers(key, asked.fetch_add(1, Ordering::SeqCst)) {
                200 => Answer::json(r#"{"data":[]}"#),
                code => Answer::status(code),
            },
            _ => Answer::status(401),
        })
        .await;
        let dialer = Dialer::default();
        let mut memory = Memory::new(Vec::new());
        let mut connection = Connection::open(&plan(&server, KEY), &dialer);
        for key in keys {
            connection = connection.under(&plan(&server, key), &dialer, &mut memory).await;
        }
        (server, connection, memory)
    }

    #[tokio::test]
    async fn a_refused_key_takes_over_only_once_it_is_accepted() {
        let answers = |key: &str, number| match (key, number) {
            (KEY, _) => 200,
            (_, 0 | 2) => 401,
            (_, 3) => 400,
            _ => 200,
        };
        let (server, mut connection, mut memory) = rotated(answers, &["newer"]).await;
        assert!(connection.key == Secret::new(KEY.to_owned()) && memory.is_key_refused());
        let client = connection.waiting.accepted().await;
        connection.adopt(client, &plan(&server, "newer"), &mut memory);
        assert!(connection.key == Secret::new("newer".to_owned()) && !memory.is_key_refused());
        assert_eq!(server.seen_at("/security/api-keys").len(), 5);
    }

    #[tokio::test]
    async fn a_wrong_key_stays_out_whatever_else_changes_and_is_forgotten_when_the_old_one_is_back() {
        let answers = |key: &str, _| if key == KEY { 200 } else { 401 };
        let (_server, connection, memory) = rotated(answers, &["wrong", "wrong"]).await;
        assert!(connection.key == Secret::new(KEY.to_owned()));
        assert!(connection.waiting.0.is_some() && memory.is_key_refused());
        let (_server, connection, memory) = rotated(answers, &["wrong", KEY]).await;
        assert!(connection.waiting.0.is_none() && !memory.is_key_refused());
    }

    #[tokio::test]
    async fn an_old_key_goes_only_when_it_is_refused_as_well() {
        let (_server, connection, _) = rotated(|key, _| if key == KEY { 400 } else { 401 }, &["wrong"]).await;
        assert!(connection.key == Secret::new(KEY.to_owned()));
        let (_server, connection, _) = rotated(|_, _| 401, &["wrong"]).await;
        assert!(connection.key == Secret::new("wrong".to_owned()) && connection.waiting.0.is_none());
    }
}
