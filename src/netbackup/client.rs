//! The client of one NetBackup primary server.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use crate::config::{ApiVersion, Site};

use super::budget;
use super::error::{Cause, Error};
use super::exchange::Exchange;
use super::gate::QuietGate;
use super::listing::{Listing, NextPage, Pager, Walk};
use super::negotiation::Negotiation;
use super::page::{DecodeError, Page};
use super::request::{Accept, Request};
use super::setup::ClientError;
use super::stats::Stats;
use super::tls::TlsCache;

/// Speaks to one NetBackup primary server with one key, within a budget of concurrent requests.
///
/// It never logs in: it sends an API key, or any token that `Authorization` takes.
#[derive(Debug)]
pub(crate) struct Client {
    pub(super) exchange: Exchange,
    pub(super) negotiation: Negotiation,
}

impl Client {
    /// Prepares a client; nothing is sent yet. All clients of one site have its counters and its gate in common.
    pub(crate) fn new(
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

    /// A client that is answered from memory, and tries nothing twice.
    #[cfg(any(test, feature = "fuzz"))]
    pub(crate) fn canned(site: &Site, answers: super::CannedAnswers) -> Result<Self, ClientError> {
        let mut client = Self::new(site, &TlsCache::default(), Arc::default(), Arc::default())?;
        client.exchange.answer_from(answers);
        Ok(client)
    }

    /// The version in use; `None` before the first [`Client::negotiate`], unless one is pinned.
    pub(crate) fn version(&self) -> Option<ApiVersion> {
        self.negotiation.version()
    }

    /// How far the server's clock is ahead of ours, as far as its last ping tells.
    pub(crate) fn clock_offset(&self) -> Option<SignedDuration> {
        self.negotiation.clock_offset()
    }

    /// The server's time when ours is `now`, as far as its last ping tells; else ours.
    pub(crate) fn server_time(&self, now: Timestamp) -> Timestamp {
        self.clock_offset().and_then(|offset| now.checked_add(offset).ok()).unwrap_or(now)
    }

    /// Finds the newest version that both sides speak, and the server's time.
    ///
    /// Asked in the shortest interval of the collectors, so that an upgraded server is noticed. A pinned version stays; the server
    /// is pinged all the same, since a dead one is best found by the cheapest request.
    pub(crate) async fn negotiate(&self, deadline: Instant) -> Result<ApiVersion, Error> {
        self.negotiation.negotiate(&self.exchange, deadline).await
    }

    /// The version that the server announces (`/ping`), if it does; notes its clock.
    pub(crate) async fn announced(&self, deadline: Instant) -> Result<Option<ApiVersion>, Error> {
        self.negotiation.announced(&self.exchange, deadline).await
    }

    /// Reads a listing page by page, and folds each as it arrives; no page is kept.
    ///
    /// `fold` gets the text of a page, decodes it (see [`decode`](super::decode)) and answers with its [`Page`]. What was folded
    /// before an error stays folded. It is an error if the version changes meanwhile: a list is asked for in the words of one version, and
    /// its pages are those of one.
    pub(crate) async fn walk(
        &self,
        listing: &Listing,
        deadline: Instant,
        mut fold: impl FnMut(&str) -> Result<Page, DecodeError> + Send,
    ) -> Result<Walk, Error> {
        let fail = |cause| self.exchange.fail(listing.endpoint, cause);
        let mut pager = Pager::new(listing);
        let mut walk = Walk::default();
        let began_in = self.version();
        loop {
            let text = self.get(listing.endpoint, listing.query_at(pager.position()), deadline).await?;
            if let Some(version) = began_in.filter(|version| self.version() != Some(*version)) {
                // No request has failed.
                return Err(Error::new(listing.endpoint, Cause::NotAcceptable(version)));
            }
            let page = fold(&text).map_err(|error| fail(error.into()))?;
            walk.pages += 1;
            walk.records += page.records;
            walk.truncated = match pager.advance(&page).map_err(fail)? {
                NextPage::At(_) if walk.pages < listing.max_pages && !budget::is_spent() => continue,
                NextPage::At(_) | NextPage::CutShort => true,
                NextPage::End => false,
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
        let request =
            |version| Request { query: query.clone(), ..Request::get(endpoint, Accept::Json(version)) };
        self.exchange_text(request, deadline).await
    }

    /// Sends one request in the version in use. If the server no longer speaks that, another is found, once.
    pub(super) async fn exchange_text(
        &self,
        request: impl Fn(ApiVersion) -> Request,
        deadline: Instant,
    ) -> Result<String, Error> {
        let version = match self.version() {
            Some(version) => version,
            None => self.negotiate(deadline).await?,
        };
        let refused = match self.exchange.send(&request(version), deadline).await {
            Err(error) if matches!(error.cause, Cause::NotAcceptable(_)) => error,
            outcome => return outcome.map(|answer| answer.text),
        };
        if self.negotiation.pinned.is_some() {
            return Err(refused);
        }
        let Some(renewed) = self.negotiation.renegotiate(&self.exchange, version, deadline).await? else {
            return Err(refused);
        };
        self.exchange.send(&request(renewed), deadline).await.map(|answer| answer.text)
    }
}
