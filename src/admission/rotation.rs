//! When the webhook's certificate is made anew, and in which order the API server and we learn of that.
//!
//! A certificate has an authority of its own, so there is one kind of renewal. What comes next is first put beside what is
//! shown; the API server is told to trust both; and only when it has been seen to do so for a while, what comes next is
//! shown. An authority leaves the bundle when its time is over: nobody can show anything of it then, and its key is nowhere.
//!
//! Replicas agree by the versions of the two objects: who writes first wins, and everybody else reads again. The bundle
//! is to be read *before* the Secret: then no older view of the Secret can take an authority out of the bundle.

mod held;
#[cfg(test)]
mod tests;

use std::time::Duration;

use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use tokio::time::Instant;

pub(super) use held::{Held, Kept};

use crate::certificate::{IssueError, authorities, issue, pem_of, validity};

/// A certificate is valid from so long ago on, as far as that is a tenth of its time: clocks differ.
const LEEWAY: Duration = Duration::from_hours(1);

/// How often the objects are looked at, unless the certificates live for so short that they have to be more often.
const LONGEST_LOOK: Duration = Duration::from_mins(1);

/// The rules of renewal, and what is remembered between two looks.
#[derive(Debug)]
pub(crate) struct Rotation {
    /// What a certificate is made for.
    hosts: Vec<String>,
    /// For how long one is made.
    lifetime: Duration,
    /// Which authority the API server has been seen to trust beside the one that is in use, and since when.
    trusted: Option<(Vec<u8>, Instant)>,
}

/// What is to be done.
#[derive(Debug)]
pub(super) enum Step {
    /// Nothing, for now.
    Rest,
    /// To write this into the Secret.
    Keep(Held),
    /// To have the API server trust these authorities, as PEM.
    Trust(String),
}

impl Rotation {
    /// For a server at these hosts.
    pub(crate) fn new(hosts: Vec<String>, lifetime: Duration) -> Self {
        Self { hosts, lifetime, trusted: None }
    }

    /// How long to wait between two looks: often enough for all that a renewal takes.
    pub(super) fn pause(&self) -> Duration {
        (self.lifetime / 30).min(LONGEST_LOOK)
    }

    /// What is to be done, given what the API server trusts and what the Secret holds, in this order of reading.
    pub(super) fn step(
        &mut self,
        bundle: &[u8],
        held: &Held,
        now: Timestamp,
        moment: Instant,
    ) -> Result<Step, IssueError> {
        let good = |kept: &Option<Kept>| kept.clone().filter(|kept| kept.is_good(&self.hosts, now));
        let (current, next) = (good(&held.current), good(&held.next));
        let Some(current) = current else {
            // There is nothing that could be shown, so there is nothing to wait for.
            let begun = next.map_or_else(|| self.make(now), Ok)?;
            return Ok(Step::Keep(Held { current: Some(begun), next: None }));
        };
        let needed = [Some(&current), next.as_ref()].into_iter().flatten();
        if let Some(bundle) = bundle_with(bundle, needed, now) {
            self.trusted = None;
            return Ok(Step::Trust(bundle));
        }
        match next {
            Some(next) if self.has_been_trusted(&next, moment) => {
                Ok(Step::Keep(Held { current: Some(next), next: None }))
            }
            None if current.is_due(now) => {
                Ok(Step::Keep(Held { current: Some(current), next: Some(self.make(now)?) }))
            }
            _ => Ok(Step::Rest),
        }
    }

    fn make(&self, now: Timestamp) -> Result<Kept, IssueError> {
        let begins = now - LEEWAY.min(self.lifetime / 10);
        Ok(issue(&self.hosts, begins, now + self.lifetime)?.into())
    }

    /// Whether the API server, of which each replica has a view of its own, has had two looks' time to learn of it.
    fn has_been_trusted(&mut self, next: &Kept, moment: Instant) -> bool {
        match &self.trusted {
            Some((authority, since)) if *authority == next.authority => moment - *since >= self.pause() * 2,
            _ => {
                self.trusted = Some((next.authority.clone(), moment));
                false
            }
        }
    }
}

/// The bundle with all that is needed and without what is over; `None` if it is so already.
fn bundle_with<'a>(bundle: &[u8], needed: impl Iterator<Item = &'a Kept>, now: Timestamp) -> Option<String> {
    let is_live = |der: &CertificateDer<'_>| validity(der).is_some_and(|(_, end)| end >= now);
    let there = authorities(bundle);
    let mut wanted: Vec<_> = there.iter().filter(|der| is_live(der)).cloned().collect();
    for der in needed.flat_map(|kept| authorities(&kept.authority)) {
        if !wanted.contains(&der) {
            wanted.push(der);
        }
    }
    (wanted != there).then(|| wanted.iter().map(pem_of).collect())
}
