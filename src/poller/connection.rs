//! The client of a site, and what is asked about its API keys beside the collection.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::time::{Instant, sleep};

use super::plan::Plan;
use super::state::SiteState;
use crate::config::{Secret, Site};
use crate::netbackup::{self, Client, KeyState, QuietGate, Stats, TlsCache};

/// The deadline of a question about a key. It holds nothing up, so it may outlast the longest quiet that a server can ask for.
const PATIENCE: Duration = Duration::from_hours(2);
/// A refused key is asked about again after the interval, and then less and less often: each refusal may count towards
/// a lock-out.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);

/// What all clients of one site have in common, whatever their key.
#[derive(Clone, Debug, Default)]
pub(super) struct Dialer {
    tls: Arc<TlsCache>,
    pub(super) stats: Arc<Stats>,
    gate: Arc<QuietGate>,
}

impl Dialer {
    pub(super) fn new(tls: Arc<TlsCache>) -> Self {
        Self { tls, ..Self::default() }
    }

    /// Makes a client; the error is kept, so that it can be reported.
    fn client(&self, site: &Site) -> Result<Arc<Client>, String> {
        Client::new(site, &self.tls, self.stats.clone(), self.gate.clone())
            .map(Arc::new)
            .map_err(|error| error.to_string())
    }
}

/// The client in use, and what is asked about keys beside the collection.
#[derive(Debug)]
pub(super) struct Connection {
    client: Result<Arc<Client>, String>,
    key: Secret,
    trial: KeyTrial,
    check: KeyCheck,
}

/// What came of a question about a key.
#[derive(Debug)]
pub(super) enum KeyEvent {
    /// A newer key takes the place of the one in use.
    Accepted(Arc<Client>),
    /// The newer key is refused, and the one in use is not.
    Refused,
    /// The key in use is good or not, or that is not known.
    Checked(Result<KeyState, netbackup::Error>),
}

/// A newer key than the one in use.
#[derive(Default)]
enum KeyTrial {
    #[default]
    None,
    /// It is tried for the first time; its client comes back as an error if it has to wait.
    First(BoxFuture<'static, Result<Arc<Client>, Arc<Client>>>, Duration),
    /// It was refused, and is asked about again until it is accepted.
    Waiting(BoxFuture<'static, Arc<Client>>),
}

impl KeyTrial {
    /// Dropping the future loses nothing.
    async fn event(&mut self) -> KeyEvent {
        match self {
            Self::None => std::future::pending().await,
            Self::First(asking, interval) => match asking.await {
                Ok(client) => self.accepted(client),
                Err(client) => {
                    *self = Self::Waiting(wait(client, *interval).boxed());
                    KeyEvent::Refused
                }
            },
            Self::Waiting(asking) => {
                let client = asking.await;
                self.accepted(client)
            }
        }
    }

    fn accepted(&mut self, client: Arc<Client>) -> KeyEvent {
        *self = Self::None;
        KeyEvent::Accepted(client)
    }
}

impl fmt::Debug for KeyTrial {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::None => "None",
            Self::First(..) => "First",
            Self::Waiting(_) => "Waiting",
        })
    }
}

/// The question whether the key in use is good.
#[derive(Default)]
struct KeyCheck(Option<BoxFuture<'static, Result<KeyState, netbackup::Error>>>);

impl KeyCheck {
    /// Dropping the future loses nothing.
    async fn event(&mut self) -> KeyEvent {
        let Some(asking) = &mut self.0 else { return std::future::pending().await };
        let state = asking.await;
        self.0 = None;
        KeyEvent::Checked(state)
    }
}

impl fmt::Debug for KeyCheck {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "KeyCheck({})", self.0.is_some())
    }
}

impl Connection {
    /// A connection with the plan's own key.
    pub(super) fn open(plan: &Plan, dialer: &Dialer) -> Self {
        Self::with(dialer.client(&plan.site), plan.site.api_key.clone())
    }

    fn with(client: Result<Arc<Client>, String>, key: Secret) -> Self {
        Self { client, key, trial: KeyTrial::None, check: KeyCheck::default() }
    }

    /// The client to collect by.
    pub(super) fn client(&self) -> Result<Arc<Client>, String> {
        self.client.clone()
    }

    /// Asks about the key in use, beside all else.
    pub(super) fn check_key(&mut self) {
        if let Ok(client) = self.client.clone() {
            let asking = async move { client.check_key(Instant::now() + PATIENCE).await };
            self.check.0 = Some(asking.boxed());
        }
    }

    /// Waits for what comes of the questions about keys. Dropping the future loses nothing.
    pub(super) async fn event(&mut self) -> KeyEvent {
        tokio::select! {
            biased;
            event = self.trial.event() => event,
            event = self.check.event() => event,
        }
    }

    /// Takes in what came of a question, and publishes it.
    pub(super) fn handle(&mut self, event: KeyEvent, plan: &Plan, state: &mut SiteState) {
        match event {
            KeyEvent::Accepted(client) => {
                tracing::info!("The new API key is in use");
                state.key_changed(false);
                state.start_over();
                *self = Self::with(Ok(client), plan.site.api_key.clone());
            }
            KeyEvent::Refused => state.key_changed(true),
            KeyEvent::Checked(checked) => state.key_checked(checked),
        }
        state.publish(plan);
    }

    /// The connection to the same endpoint under a new plan.
    ///
    /// Another key is tried while the one in use goes on collecting: a key that was rotated wrongly must not take down a
    /// site whose old key still works.
    pub(super) fn reconnect(self, plan: &Plan, dialer: &Dialer, state: &mut SiteState) -> Self {
        let fresh = Self::open(plan, dialer);
        if self.key == fresh.key {
            if !matches!(self.trial, KeyTrial::None) || self.check.0.is_some() {
                state.key_changed(false);
            }
            return fresh;
        }
        let with_old_key = Site { api_key: self.key.clone(), ..plan.site.clone() };
        let (Ok(new), Ok(old)) = (&fresh.client, dialer.client(&with_old_key)) else {
            state.key_changed(false);
            return fresh;
        };
        let trial = try_first(new.clone(), old.clone());
        let trial = KeyTrial::First(trial.boxed(), plan.collection.interval);
        Self { trial, ..Self::with(Ok(old), self.key) }
    }
}

/// Tries a new key. Its client is the error if it has to wait, since it is refused and the old one is not.
async fn try_first(new: Arc<Client>, old: Arc<Client>) -> Result<Arc<Client>, Arc<Client>> {
    if !is_refused(&new).await {
        // Any other answer says nothing about the key, so it is no reason against it.
        return Ok(new);
    }
    if is_refused(&old).await {
        tracing::error!("NetBackup refuses the new API key, and the old one as well: create a new key");
        return Ok(new);
    }
    tracing::error!("NetBackup refuses the new API key; the old one stays in use: correct the key");
    Err(new)
}

/// Asks about a refused key until it is accepted.
async fn wait(client: Arc<Client>, interval: Duration) -> Arc<Client> {
    let mut pause = interval;
    loop {
        sleep(pause).await;
        // A server that does not answer says nothing about the key, and the old one works.
        if is_accepted(&client).await {
            return client;
        }
        pause = (pause * 2).min(LONGEST_PAUSE.max(interval));
    }
}

async fn is_refused(client: &Client) -> bool {
    matches!(client.check_key(Instant::now() + PATIENCE).await, Ok(KeyState::Rejected))
}

async fn is_accepted(client: &Client) -> bool {
    matches!(client.check_key(Instant::now() + PATIENCE).await, Ok(KeyState::Accepted { .. }))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::super::schedule::Schedule;
    use super::*;
    use crate::config::{Collection, fixture};
    use crate::metric::MetricNames;
    use crate::netbackup::fixture::{Answer, KEY, Server};
    use crate::snapshot::SnapshotStore;

    fn plan(server: &Server, key: &str) -> Plan {
        let mut site = server.site();
        site.api_key = Secret::new(key.to_owned());
        Plan {
            site,
            collection: Collection { interval: Duration::from_millis(1), ..fixture::collection() },
            collectors: fixture::collectors(),
            names: MetricNames::Native,
            asked: 0,
        }
    }

    /// A connection with one key and then with another, and the server's answers to the others than [`KEY`].
    async fn rotated(
        answers: impl Fn(&str, usize) -> u16 + Send + Sync + 'static,
        keys: &[&str],
    ) -> (Server, Connection, SiteState) {
        let asked = AtomicUsize::new(0);
        let server = Server::start(move |request| match (request.path.as_str(), request.key.as_deref()) {
            ("/ping", _) => Answer::ping("12.0"),
            (_, Some(key)) => match answers(key, asked.fetch_add(1, Ordering::SeqCst)) {
                200 => Answer::json(r#"{"data":[]}"#),
                code => Answer::status(code),
            },
            _ => Answer::status(401),
        })
        .await;
        let dialer = Dialer::default();
        let writer = SnapshotStore::default().writer(server.site().id);
        let mut state = SiteState::with(Schedule::default(), dialer.stats.clone(), writer);
        let mut connection = Connection::open(&plan(&server, KEY), &dialer);
        for key in keys {
            let plan = plan(&server, key);
            connection = connection.reconnect(&plan, &dialer, &mut state);
            // The next change comes after this event.
            if connection.key != plan.site.api_key {
                let event = connection.event().await;
                connection.handle(event, &plan, &mut state);
            }
        }
        (server, connection, state)
    }

    #[tokio::test]
    async fn a_refused_key_takes_over_only_once_it_is_accepted() {
        let answers = |key: &str, number| match (key, number) {
            (KEY, _) => 200,
            (_, 0 | 2) => 401,
            (_, 3) => 400,
            _ => 200,
        };
        let (server, mut connection, mut state) = rotated(answers, &["newer"]).await;
        assert!(connection.key == Secret::new(KEY.to_owned()) && state.status.credential == Some(false));
        let event = connection.event().await;
        connection.handle(event, &plan(&server, "newer"), &mut state);
        assert!(connection.key == Secret::new("newer".to_owned()) && state.status.credential.is_none());
        assert_eq!(server.received_at("/security/api-keys").len(), 5);
    }

    #[tokio::test]
    async fn a_wrong_key_stays_out_whatever_else_changes_and_is_forgotten_when_the_old_one_is_back() {
        let answers = |key: &str, _| if key == KEY { 200 } else { 401 };
        let (_server, connection, state) = rotated(answers, &["wrong", "wrong"]).await;
        assert!(connection.key == Secret::new(KEY.to_owned()));
        assert!(matches!(connection.trial, KeyTrial::Waiting(_)) && state.status.credential == Some(false));
        let (_server, connection, state) = rotated(answers, &["wrong", KEY]).await;
        assert!(matches!(connection.trial, KeyTrial::None) && state.status.credential.is_none());
    }

    #[tokio::test]
    async fn an_old_key_goes_only_when_it_is_refused_as_well() {
        let (_server, connection, _) = rotated(|key, _| if key == KEY { 400 } else { 401 }, &["wrong"]).await;
        assert!(connection.key == Secret::new(KEY.to_owned()));
        let (_server, connection, _) = rotated(|_, _| 401, &["wrong"]).await;
        assert!(
            connection.key == Secret::new("wrong".to_owned()) && matches!(connection.trial, KeyTrial::None)
        );
    }
}
