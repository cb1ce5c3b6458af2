use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use crate::config::{ApiVersion, Site};

use super::exchange::{Accept, Answer, Exchange, Request};
use super::listing::{Step, Trail, encode};
use super::{
    Cause, ClientError, DecodeError, Error, Field, Gate, Listing, Page, Stats, Time, TlsCache, Walk, decode,
    version,
};

/// Speaks to one NetBackup primary server with one key, within a budget of concurrent requests.
///
/// It never logs in: it sends an API key, or any token that `Authorization` takes.
#[derive(Debug)]
pub struct Client {
    pub(super) exchange: Exchange,
    pinned: Option<ApiVersion>,
    /// The version in use, as [`packed`]; 0 while it is not known.
    version: AtomicU32,
    /// How far the server's clock is ahead, in milliseconds; [`UNKNOWN_OFFSET`] before the first ping.
    clock_offset: AtomicI64,
}

/// What the server says about our key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// It is good.
    Accepted {
        /// When it ends, where the server says so.
        expiry: Option<Timestamp>,
    },
    /// It is not.
    Rejected,
}

/// What an answer to a ping says of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ping {
    /// The server's newest version.
    Announced(ApiVersion),
    /// Somebody is there, and no more.
    Silent,
    /// There is no ping; in front of an unknown path some ask for a key.
    Refused,
}

const UNKNOWN_OFFSET: i64 = i64::MIN;
/// The years 2000 to 2106 in milliseconds: what is outside is no time, or one in other units.
const TIMES: Range<i64> = 946_684_800_000..4_294_967_296_000;
/// Needs no key ("NetBackup API reference, /ping").
const PING: &str = "/ping";
/// Shows a key's owner that key without any permission ("NetBackup API reference, /security/api-keys").
const API_KEYS: &str = "/security/api-keys";

impl Client {
    /// Prepares a client; nothing is sent yet. All clients of one site have its counters and its gate in common.
    pub fn new(
        site: &Site,
        tls: &TlsCache,
        stats: Arc<Stats>,
        gate: Arc<Gate>,
    ) -> Result<Self, ClientError> {
        Ok(Self {
            exchange: Exchange::new(site, tls, stats, gate)?,
            pinned: site.api_version,
            version: AtomicU32::new(site.api_version.map_or(0, packed)),
            clock_offset: AtomicI64::new(UNKNOWN_OFFSET),
        })
    }

    /// The version in use; `None` before the first [`Client::negotiate`], unless one is pinned.
    pub fn version(&self) -> Option<ApiVersion> {
        unpacked(self.version.load(Ordering::Relaxed))
    }

    /// How far the server's clock is ahead of ours, as far as its last ping tells.
    pub fn clock_offset(&self) -> Option<SignedDuration> {
        match self.clock_offset.load(Ordering::Relaxed) {
            UNKNOWN_OFFSET => None,
            offset => Some(SignedDuration::from_millis(offset)),
        }
    }

    /// The server's time when ours is `now`, as far as its last ping tells; else ours.
    pub fn server_time(&self, now: Timestamp) -> Timestamp {
        self.clock_offset().and_then(|offset| now.checked_add(offset).ok()).unwrap_or(now)
    }

    /// Finds the newest version that both sides speak, and the server's time.
    ///
    /// Asked at the start of every cycle, so that an upgraded server is noticed. A pinned version stays; the server
    /// is pinged all the same, since a dead one is best found by the cheapest request.
    pub async fn negotiate(&self, deadline: Instant) -> Result<ApiVersion, Error> {
        let ping = self.ping(deadline).await?;
        let version = match (self.pinned, ping) {
            (Some(pinned), Ping::Refused) => {
                self.ask(pinned, ping, deadline).await.or_else(|error| {
                    // The collectors tell what matters of a refusal.
                    if is_refusal(&error.cause) { Ok(()) } else { Err(error) }
                })?;
                pinned
            }
            (Some(pinned), _) => pinned,
            (None, Ping::Announced(server)) => {
                version::common(server).map_err(|why| self.exchange.fail(PING, Cause::Version(why)))?
            }
            (None, Ping::Silent | Ping::Refused) => self.probe(ping, deadline).await?,
        };
        self.version.store(packed(version), Ordering::Relaxed);
        Ok(version)
    }

    /// Asks whether the key is good, with a request that needs no permission.
    pub async fn check_key(&self, deadline: Instant) -> Result<KeyState, Error> {
        match self.get(API_KEYS, two_keys(), deadline).await {
            Ok(text) => {
                let expiry =
                    only_expiry(&text).map_err(|error| self.exchange.fail(API_KEYS, error.into()))?;
                Ok(KeyState::Accepted { expiry })
            }
            Err(Error { cause: Cause::Unauthorized, .. }) => Ok(KeyState::Rejected),
            // The token of a login has no entry here, and a role may not see any: both were let in.
            Err(Error { cause: Cause::NotFound | Cause::Forbidden, .. }) => {
                Ok(KeyState::Accepted { expiry: None })
            }
            Err(error) => Err(error),
        }
    }

    /// Folds a listing page by page as it arrives; no page is kept.
    ///
    /// `fold` gets the text of a page, decodes it (see [`decode`]) and answers with its [`Page`]. What was folded
    /// before an error stays folded.
    pub async fn walk(
        &self,
        listing: &Listing,
        deadline: Instant,
        mut fold: impl FnMut(&str) -> Result<Page, DecodeError> + Send,
    ) -> Result<Walk, Error> {
        let fail = |cause| self.exchange.fail(listing.endpoint, cause);
        let mut trail = Trail::new(listing);
        let mut walk = Walk::default();
        loop {
            let text = self.get(listing.endpoint, listing.query_at(trail.position()), deadline).await?;
            let page = fold(&text).map_err(|error| fail(error.into()))?;
            walk.pages += 1;
            walk.records += page.records;
            walk.truncated = match trail.advance(&page).map_err(fail)? {
                Step::Next(_) if walk.pages < listing.max_pages => continue,
                Step::Next(_) | Step::CutShort => true,
                Step::End => false,
            };
            return Ok(walk);
        }
    }

    /// Gets one resource in the version in use.
    pub(super) async fn get(
        &self,
        endpoint: &'static str,
        query: String,
        deadline: Instant,
    ) -> Result<String, Error> {
        self.exchange_text(endpoint, query, None, deadline).await
    }

    /// Sends one request in the version in use. If the server no longer speaks that, another is found, once.
    pub(super) async fn exchange_text(
        &self,
        endpoint: &'static str,
        query: String,
        body: Option<String>,
        deadline: Instant,
    ) -> Result<String, Error> {
        let version = match self.version() {
            Some(version) => version,
            None => self.negotiate(deadline).await?,
        };
        let mut request = Request { endpoint, query, accept: Accept::Json(version), body };
        let refused = match self.exchange.send(&request, deadline).await {
            Err(error) if matches!(error.cause, Cause::NotAcceptable(_)) && self.pinned.is_none() => error,
            outcome => return outcome.map(|answer| answer.text),
        };
        let mut renewed = self.negotiate(deadline).await?;
        if renewed == version {
            // What the server announces is not what it does.
            renewed = self.probe(Ping::Silent, deadline).await?;
            self.version.store(packed(renewed), Ordering::Relaxed);
        }
        if renewed == version {
            return Err(refused);
        }
        request.accept = Accept::Json(renewed);
        self.exchange.send(&request, deadline).await.map(|answer| answer.text)
    }

    /// What a ping says; notes the server's clock. A refusal says nothing of the server.
    async fn ping(&self, deadline: Instant) -> Result<Ping, Error> {
        match self.announced(deadline).await {
            Ok(version) => Ok(version.map_or(Ping::Silent, Ping::Announced)),
            Err(error) if is_refusal(&error.cause) => Ok(Ping::Refused),
            Err(error) => Err(error),
        }
    }

    /// Asks whether the server takes a version.
    ///
    /// A release may lack the ping, and a key may have no entry here; where both are missing there is no API.
    async fn ask(&self, version: ApiVersion, ping: Ping, deadline: Instant) -> Result<(), Error> {
        let request = Request { query: two_keys(), ..Request::get(API_KEYS, Accept::Json(version)) };
        match self.exchange.send(&request, deadline).await {
            Err(Error { cause: Cause::NotFound, .. }) if ping == Ping::Refused => {
                Err(self.exchange.fail(PING, Cause::NoApi))
            }
            Ok(_) | Err(Error { cause: Cause::NotFound | Cause::Forbidden, .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The version that the server announces (`/ping`), if it does; notes its clock.
    pub async fn announced(&self, deadline: Instant) -> Result<Option<ApiVersion>, Error> {
        let request = Request::get(PING, Accept::Text);
        let answer = self.exchange.send(&request, deadline).await.inspect_err(|_| {
            // An offset of old would stand beside a site that is down.
            self.exchange.stats().clock_offset(None);
        })?;
        self.note_clock(&answer, Timestamp::now());
        let header = answer.headers.get("x-netbackup-api-version").and_then(|value| value.to_str().ok());
        Ok(header.and_then(version::announced))
    }

    /// The newest version that the server takes, found by asking.
    async fn probe(&self, ping: Ping, deadline: Instant) -> Result<ApiVersion, Error> {
        for version in version::descending() {
            match self.ask(version, ping, deadline).await {
                Ok(()) => return Ok(version),
                Err(Error { cause: Cause::NotAcceptable(_), .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let why = format!("the server took none from {} down to {}", ApiVersion::NEWEST, ApiVersion::OLDEST);
        Err(self.exchange.fail(API_KEYS, Cause::Version(why)))
    }

    fn note_clock(&self, answer: &Answer, now: Timestamp) {
        let offset = clock_offset(answer, now);
        if let Some(offset) = offset {
            self.clock_offset.store(offset, Ordering::Relaxed);
        }
        self.exchange.stats().clock_offset(offset.map(|offset| offset as f64 / 1000.0));
    }
}

/// The body of a ping is the server's time in milliseconds; it was written about halfway through the exchange.
///
/// A number that is no time would set the window of jobs into another century.
fn clock_offset(answer: &Answer, now: Timestamp) -> Option<i64> {
    let server: i64 = answer.text.trim().trim_matches('"').parse().ok()?;
    let halfway = i64::try_from(answer.took.as_millis() / 2).unwrap_or(0);
    TIMES.contains(&server).then(|| server.saturating_sub(now.as_millisecond().saturating_sub(halfway)))
}

/// Whether a failed ping says only that there is no ping here, and nothing of the server.
fn is_refusal(cause: &Cause) -> bool {
    match cause {
        Cause::Unauthorized
        | Cause::Forbidden
        | Cause::NotFound
        | Cause::NotAcceptable(_)
        | Cause::Redirect(_)
        | Cause::ContentType(_)
        | Cause::TooLarge(_) => true,
        Cause::Client { status, .. } => *status != 408,
        _ => false,
    }
}

/// Two are enough to see whether there is only one.
fn two_keys() -> String {
    encode(&[("page[limit]", "2")])
}

/// When the key ends. Who may see the keys of others gets those too, and nothing tells which one is ours.
fn only_expiry(text: &str) -> Result<Option<Timestamp>, DecodeError> {
    #[derive(serde::Deserialize)]
    struct Key {
        #[serde(default)]
        attributes: Option<Attributes>,
    }
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Attributes {
        #[serde(default)]
        expiry_date_time: Field<Time>,
    }

    let keys = decode::<Key>(text)?.records;
    let [Key { attributes: Some(attributes) }] = keys.as_slice() else { return Ok(None) };
    let second = attributes.expiry_date_time.take(&mut 0).and_then(|time| time.0);
    Ok(second.and_then(|second| Timestamp::from_second(second).ok()))
}

fn packed(version: ApiVersion) -> u32 {
    u32::from(version.major) << 16 | u32::from(version.minor)
}

fn unpacked(bits: u32) -> Option<ApiVersion> {
    let [high, low, minor_high, minor_low] = bits.to_be_bytes();
    let version = ApiVersion {
        major: u16::from_be_bytes([high, low]),
        minor: u16::from_be_bytes([minor_high, minor_low]),
    };
    (bits != 0).then_some(version)
}
