//! Which version of the API is spoken, and what the server's clock says.

use std::ops::Range;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::error::{Cause, Error};
use super::exchange::{Answer, Exchange};
use super::keys::{API_KEYS, two_keys};
use super::request::{Accept, Request};
use super::version;
use crate::config::ApiVersion;

/// What is known of the server's versions and of its clock.
#[derive(Debug)]
pub(super) struct Negotiation {
    pub(super) pinned: Option<ApiVersion>,
    /// The version in use, as [`packed`]; 0 while it is not known.
    version: AtomicU32,
    /// How far the server's clock is ahead, in milliseconds; [`UNKNOWN_OFFSET`] before the first ping.
    clock_offset: AtomicI64,
    ladder: Mutex<Ladder>,
    /// Many requests may be refused at one time; only one of them tries the versions.
    climber: Semaphore,
}

/// The versions that were asked for one by one, from the newest to the oldest, and what came of it.
#[derive(Debug, Default)]
struct Ladder {
    /// What the server announced last; another one is another server.
    announced: Option<ApiVersion>,
    climbed: Option<Climb>,
}

#[derive(Clone, Copy, Debug)]
struct Climb {
    at: Instant,
    /// The version that was taken, if any was.
    found: Option<ApiVersion>,
}

/// How often the versions are tried one by one, at a server that accepts none or another one than it announces.
pub(super) const CLIMB_INTERVAL: Duration = Duration::from_mins(10);

impl Negotiation {
    pub(super) fn new(pinned: Option<ApiVersion>) -> Self {
        Self {
            pinned,
            version: AtomicU32::new(pinned.map_or(0, packed)),
            clock_offset: AtomicI64::new(UNKNOWN_OFFSET),
            ladder: Mutex::default(),
            climber: Semaphore::new(1),
        }
    }

    fn ladder(&self) -> MutexGuard<'_, Ladder> {
        // Whole after every step.
        self.ladder.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn adopt(&self, version: ApiVersion) -> ApiVersion {
        self.version.store(packed(version), Ordering::Relaxed);
        version
    }
}

impl Ladder {
    fn announced(&mut self, version: ApiVersion) {
        if self.announced != Some(version) {
            *self = Self { announced: Some(version), climbed: None };
        }
    }

    /// The last climb, while it counts.
    fn recent(&self) -> Option<Climb> {
        self.climbed.filter(|climb| climb.at.elapsed() < CLIMB_INTERVAL)
    }

    /// What it found.
    fn found(&self) -> Option<ApiVersion> {
        self.recent()?.found
    }
}

const UNKNOWN_OFFSET: i64 = i64::MIN;
/// The years 2000 to 2106 in milliseconds: a number outside is not a time, or one in other units.
const TIMES: Range<i64> = 946_684_800_000..4_294_967_296_000;
/// Needs no key ("NetBackup API reference, /ping").
const PING: &str = "/ping";
/// What an answer to a ping says of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ping {
    /// The server's newest version.
    Announced(ApiVersion),
    /// A server answered, and said nothing about versions.
    Silent,
    /// There is no ping; some servers answer an unknown path by asking for a key.
    Refused,
}

impl Negotiation {
    /// The version in use.
    pub(super) fn version(&self) -> Option<ApiVersion> {
        unpacked(self.version.load(Ordering::Relaxed))
    }

    /// How far the server's clock is ahead of ours.
    pub(super) fn clock_offset(&self) -> Option<SignedDuration> {
        match self.clock_offset.load(Ordering::Relaxed) {
            UNKNOWN_OFFSET => None,
            offset => Some(SignedDuration::from_millis(offset)),
        }
    }

    /// See [`Client::negotiate`](super::Client::negotiate).
    pub(super) async fn negotiate(
        &self,
        exchange: &Exchange,
        deadline: Instant,
    ) -> Result<ApiVersion, Error> {
        let ping = self.ping(exchange, deadline).await?;
        let version = match (self.pinned, ping) {
            (Some(pinned), Ping::Refused) => {
                self.ask(exchange, pinned, ping, deadline).await.or_else(|error| {
                    // If the refusal matters, the collectors find it out.
                    if is_refusal(&error.cause) { Ok(()) } else { Err(error) }
                })?;
                pinned
            }
            (Some(pinned), _) => pinned,
            (None, Ping::Announced(server)) => {
                let common =
                    version::common(server).map_err(|why| exchange.fail(PING, Cause::Version(why)))?;
                // A server does not always accept what it announces.
                self.ladder().found().unwrap_or(common)
            }
            (None, Ping::Silent | Ping::Refused) => self.unannounced(exchange, ping, deadline).await?,
        };
        Ok(self.adopt(version))
    }

    /// A version that the server takes though it announces none.
    async fn unannounced(
        &self,
        exchange: &Exchange,
        ping: Ping,
        deadline: Instant,
    ) -> Result<ApiVersion, Error> {
        let known = self.ladder().found();
        match (known, ping) {
            // The requests that follow find out whether it is still accepted, but not whether there is an API at all.
            (Some(known), Ping::Refused) => match self.ask(exchange, known, ping, deadline).await {
                Err(Error { cause: Cause::NotAcceptable(_), .. }) => {
                    self.ladder().climbed = None;
                    self.climb(exchange, ping, deadline).await
                }
                asked => asked.map(|()| known),
            },
            (Some(known), _) => Ok(known),
            (None, _) => self.climb(exchange, ping, deadline).await,
        }
    }

    /// Another version than `refused`, which the server does not take any more; `None` if there is none, or was none
    /// a short while ago.
    pub(super) async fn renegotiate(
        &self,
        exchange: &Exchange,
        refused: ApiVersion,
        deadline: Instant,
    ) -> Result<Option<ApiVersion>, Error> {
        let is_other = |version: &ApiVersion| *version != refused;
        if let Some(renewed) = self.version().filter(is_other) {
            // Another request was refused as well.
            return Ok(Some(renewed));
        }
        let climb = self.ladder().recent();
        let renewed = match climb {
            Some(climb) => climb.found,
            None => match self.negotiate(exchange, deadline).await? {
                // The server does not accept what it announces.
                same if same == refused => self.climb(exchange, Ping::Silent, deadline).await.ok(),
                renewed => Some(renewed),
            },
        };
        Ok(renewed.filter(is_other).map(|renewed| self.adopt(renewed)))
    }

    /// What a ping says; notes the server's clock.
    async fn ping(&self, exchange: &Exchange, deadline: Instant) -> Result<Ping, Error> {
        match self.announced(exchange, deadline).await {
            Ok(version) => Ok(version.map_or(Ping::Silent, Ping::Announced)),
            Err(error) if is_refusal(&error.cause) => Ok(Ping::Refused),
            Err(error) => Err(error),
        }
    }

    /// Asks whether the server takes a version.
    ///
    /// A release may lack the ping, and a key may have no entry here; where both are missing there is no API.
    async fn ask(
        &self,
        exchange: &Exchange,
        version: ApiVersion,
        ping: Ping,
        deadline: Instant,
    ) -> Result<(), Error> {
        let request = Request { query: two_keys(), ..Request::get(API_KEYS, Accept::Json(version)) };
        match exchange.send(&request, deadline).await {
            Err(Error { cause: Cause::NotFound, .. }) if ping == Ping::Refused => {
                Err(exchange.fail(PING, Cause::NoApi))
            }
            Ok(_) | Err(Error { cause: Cause::NotFound | Cause::Forbidden, .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The version that the server announces (`/ping`), if it does; notes its clock.
    pub(super) async fn announced(
        &self,
        exchange: &Exchange,
        deadline: Instant,
    ) -> Result<Option<ApiVersion>, Error> {
        let request = Request::get(PING, Accept::Text);
        let answer = exchange.send(&request, deadline).await.inspect_err(|_| {
            // An old offset must not be shown for a site that is down.
            exchange.stats().clock_offset(None);
        })?;
        self.note_clock(exchange, &answer, Timestamp::now());
        let header = answer.headers.get("x-netbackup-api-version").and_then(|value| value.to_str().ok());
        let announced = header.and_then(version::announced);
        if let Some(version) = announced {
            self.ladder().announced(version);
        }
        Ok(announced)
    }

    /// The newest version that the server takes, found by asking for one after the other; that is done seldom.
    async fn climb(&self, exchange: &Exchange, ping: Ping, deadline: Instant) -> Result<ApiVersion, Error> {
        let _alone = self.climber.acquire().await;
        let known = self.ladder().recent();
        let found = if let Some(climb) = known {
            climb.found
        } else {
            let found = self.probe(exchange, ping, deadline).await?;
            self.ladder().climbed = Some(Climb { at: Instant::now(), found });
            found
        };
        found.ok_or_else(|| {
            let (newest, oldest) = (ApiVersion::NEWEST, ApiVersion::OLDEST);
            let why = format!("the server took none from {newest} down to {oldest}");
            exchange.fail(API_KEYS, Cause::Version(why))
        })
    }

    async fn probe(
        &self,
        exchange: &Exchange,
        ping: Ping,
        deadline: Instant,
    ) -> Result<Option<ApiVersion>, Error> {
        for version in version::descending() {
            match self.ask(exchange, version, ping, deadline).await {
                Ok(()) => return Ok(Some(version)),
                Err(Error { cause: Cause::NotAcceptable(_), .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    fn note_clock(&self, exchange: &Exchange, answer: &Answer, now: Timestamp) {
        let offset = clock_offset(answer, now);
        if let Some(offset) = offset {
            self.clock_offset.store(offset, Ordering::Relaxed);
        }
        exchange.stats().clock_offset(offset.map(|offset| offset as f64 / 1000.0));
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
