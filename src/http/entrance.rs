//! What a client meets before a page answers, and how that changes while clients are connected.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::http::{HeaderName, HeaderValue, Request, Response, StatusCode, header};
use axum::response::IntoResponse as _;
use rustls::ServerConfig;
use tokio_util::sync::CancellationToken;

use super::login::Login;
use super::rate::Limiter;
use super::router::Content;
use super::tls;
use crate::certificate::ServingPair;
use crate::config::{TlsDemands, WebConfig};

/// What a client meets before a page answers; clones share it. Whoever connects and whoever asks from a change on meets
/// the new rules.
#[derive(Clone)]
pub(crate) struct Entrance(Arc<ArcSwap<Rules>>);

/// The rules of an entrance, all of one web config.
pub(crate) struct Rules {
    transport: Carriage,
    demands: Option<TlsDemands>,
    headers: Vec<(HeaderName, HeaderValue)>,
    login: Option<Arc<Login>>,
    limiter: Option<Arc<Limiter>>,
    /// Cancelled when connections that were made by these rules are to begin anew.
    outdated: CancellationToken,
    /// Whether connections that were made by the rules before may stay; then the token is theirs.
    keeps_connections: bool,
}

/// How bytes are carried.
pub(super) enum Carriage {
    /// Nobody is served.
    Closed,
    /// As they are.
    Plain,
    /// By TLS.
    Tls(Arc<ServerConfig>),
}

/// Why a web config can not be put to work.
#[derive(Debug, thiserror::Error)]
#[error("the web config can not be put to work: {0}")]
pub(crate) struct UnusableRules(#[from] rustls::Error);

impl Default for Entrance {
    /// Nobody is served as long as nothing is shown.
    fn default() -> Self {
        Self::with(Carriage::Closed)
    }
}

impl Entrance {
    /// Everything in the clear, and for anybody.
    pub(crate) fn open() -> Self {
        Self::with(Carriage::Plain)
    }

    fn with(transport: Carriage) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(Rules::of(transport))))
    }

    /// Shows this certificate to everybody who connects from now on, by TLS 1.3 alone. Connections that are open keep
    /// what they have.
    pub(crate) fn show(&self, pair: &ServingPair) -> Result<(), rustls::Error> {
        let outdated = self.rules().outdated.clone();
        let transport = Carriage::Tls(Arc::new(tls::of_pair(pair)?));
        self.0.store(Arc::new(Rules { outdated, ..Rules::of(transport) }));
        Ok(())
    }

    /// The rules of a web config, or that all is in the clear and for anybody. What did not change is kept: who is known
    /// already, and how many requests came. It may read the certificates that the system trusts, so it may block.
    pub(crate) fn prepare(&self, web: Option<&WebConfig>) -> Result<Rules, UnusableRules> {
        let now = self.rules();
        let Some(web) = web else { return Ok(Rules::of(Carriage::Plain).after(&now)) };
        let transport = match &web.tls {
            Some(tls) => Carriage::Tls(Arc::new(tls::of_web(tls, web.http2)?)),
            None => Carriage::Plain,
        };
        let login = now.login.as_ref().filter(|login| login.is_of(&web.users)).cloned();
        let limiter = now.limiter.as_ref().filter(|limiter| Some(limiter.limit()) == web.rate).cloned();
        let rules = Rules {
            demands: web.tls.as_ref().map(|tls| tls.demands.clone()),
            headers: web.headers.iter().filter_map(|(name, value)| header_of(name, value)).collect(),
            login: login.or_else(|| Login::of(&web.users).map(Arc::new)),
            limiter: limiter.or_else(|| web.rate.map(|limit| Arc::new(Limiter::new(limit)))),
            ..Rules::of(transport)
        };
        Ok(rules.after(&now))
    }

    /// From now on these rules are met.
    pub(crate) fn commit(&self, rules: Rules) {
        let stays = rules.keeps_connections;
        let before = self.0.swap(Arc::new(rules));
        if !stays {
            before.outdated.cancel();
        }
    }

    pub(super) fn rules(&self) -> Arc<Rules> {
        self.0.load_full()
    }
}

fn header_of(name: &'static str, value: &str) -> Option<(HeaderName, HeaderValue)> {
    // As Go does it; a value can be folded in YAML.
    let line: String = value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let value = HeaderValue::from_bytes(line.trim().as_bytes()).ok()?;
    Some((HeaderName::from_bytes(name.as_bytes()).ok()?, value))
}

impl Rules {
    fn of(transport: Carriage) -> Self {
        Self {
            transport,
            demands: None,
            headers: Vec::new(),
            login: None,
            limiter: None,
            outdated: CancellationToken::new(),
            keeps_connections: false,
        }
    }

    /// Connections that were made by the rules before stay where they would be made in the same way: another certificate
    /// alone, or other users, end none.
    fn after(self, before: &Self) -> Self {
        let is_alike = match (&self.transport, &before.transport) {
            (Carriage::Tls(_), Carriage::Tls(_)) => self.demands == before.demands,
            (Carriage::Plain, Carriage::Plain) => true,
            _ => false,
        };
        if is_alike {
            Self { outdated: before.outdated.clone(), keeps_connections: true, ..self }
        } else {
            self
        }
    }

    pub(super) fn transport(&self) -> &Carriage {
        &self.transport
    }

    /// Cancelled when connections that were made by these rules are to begin anew.
    pub(super) fn outdated(&self) -> &CancellationToken {
        &self.outdated
    }

    /// The answer to a request that no page is to answer, as the toolkit gives it.
    pub(super) async fn refusal<B>(&self, request: &Request<B>) -> Option<Response<Content>> {
        if self.limiter.as_ref().is_some_and(|limiter| !limiter.allows()) {
            return Some(refused(StatusCode::TOO_MANY_REQUESTS));
        }
        let login = self.login.as_ref()?;
        let credentials = request.headers().get(header::AUTHORIZATION);
        // Boxed: mostly nobody has to log in.
        if Box::pin(login.admits(credentials)).await {
            return None;
        }
        let mut response = refused(StatusCode::UNAUTHORIZED);
        let challenge = HeaderValue::from_static("Basic realm=\"nbu-exporter\"");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        Some(response)
    }

    /// Gives an answer the headers that all answers get.
    pub(super) fn dress<B>(&self, response: &mut Response<B>) {
        for (name, value) in &self.headers {
            response.headers_mut().insert(name, value.clone());
        }
    }
}

fn refused(status: StatusCode) -> Response<Content> {
    let text = format!("{}\n", status.canonical_reason().unwrap_or_default());
    (status, text).into_response().map(Content::Right)
}

impl fmt::Debug for Entrance {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Entrance({:?})", self.rules())
    }
}

impl fmt::Debug for Rules {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // They hold a key and hashes.
        formatter.write_str(match self.transport {
            Carriage::Closed => "closed",
            Carriage::Plain => "plain",
            Carriage::Tls(_) => "TLS",
        })
    }
}
