use std::sync::Arc;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::config::Site;

use super::exchange::{Accept, Exchange, Request};
use super::listing::{Step, Trail, encode};
use super::negotiation::Negotiation;
use super::{
    Cause, ClientError, DecodeError, Error, Field, Listing, Page, QuietGate, Stats, Time, TlsCache, Walk,
    decode,
};

/// Speaks to one NetBackup primary server with one key, within a budget of concurrent requests.
///
/// It never logs in: it sends an API key, or any token that `Authorization` takes.
#[derive(Debug)]
pub struct Client {
    pub(super) exchange: Exchange,
    pub(super) negotiation: Negotiation,
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

/// Shows a key's owner that key without any permission ("NetBackup API reference, /security/api-keys").
pub(super) const API_KEYS: &str = "/security/api-keys";

impl Client {
    /// Prepares a client; nothing is sent yet. All clients of one site have its counters and its gate in common.
    pub fn new(
        site: &Site,
        tls: &TlsCache,
        stats: Arc<Stats>,
        gate: Arc<QuietGate>,
    ) -> Result<Self, ClientError> {
        Ok(Self {
            exchange: Exchange::new(site, tls, stats, gate)?,
            negotiation: Negotiation::new(site.api_version),
        })
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
            Err(error) if matches!(error.cause, Cause::NotAcceptable(_)) => error,
            outcome => return outcome.map(|answer| answer.text),
        };
        if self.negotiation.pinned.is_some() {
            return Err(refused);
        }
        let Some(renewed) = self.renegotiate(version, deadline).await? else { return Err(refused) };
        request.accept = Accept::Json(renewed);
        self.exchange.send(&request, deadline).await.map(|answer| answer.text)
    }
}

/// Two are enough to see whether there is only one.
pub(super) fn two_keys() -> String {
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
