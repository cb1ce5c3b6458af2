//! The examination of one site: its steps, one after the other.

use tokio::time::{Instant, timeout_at};

use super::report::{Check, CheckStep, Curable, Finding, SiteDiagnosis};
use super::{access, api, certificate, handshake, network};
use crate::collector::{CollectorSpec, Resource};
use crate::config::{CollectorId, Proxy, Scheme, Site, UnusableProxy};
use crate::netbackup::{ProxyHop, TlsCache};

/// One site, with the findings so far.
pub(super) struct Examination<'a> {
    site: Site,
    collectors: Vec<&'static CollectorSpec>,
    tls: &'a TlsCache,
    checks: Vec<Check>,
}

impl<'a> Examination<'a> {
    pub(super) fn new(site: Site, collectors: Vec<&'static CollectorSpec>, tls: &'a TlsCache) -> Self {
        Self { site, collectors, tls, checks: Vec::new() }
    }

    /// Runs the steps until one fails that the next ones need, or until the deadline.
    pub(super) async fn run(mut self, deadline: Instant) -> SiteDiagnosis {
        let finished = timeout_at(deadline, self.steps()).await.is_ok();
        self.skip_rest(if finished { "not examined" } else { "not examined: the doctor's time is over" });
        SiteDiagnosis {
            site: self.site.name.to_string(),
            address: self.site.endpoint.to_string(),
            finished,
            checks: self.checks,
        }
    }

    /// `None` when a step fails that the next ones need.
    async fn steps(&mut self) -> Option<()> {
        let proxy = ProxyHop::of(&self.site);
        let addresses = network::resolve(&self.site, proxy.as_ref(), self.deadline()).await;
        let addresses = self.record(
            CheckStep::Dns,
            addresses.map(|(found, finding)| (found, self.with_unusable_proxy(finding))),
        )?;
        let connection =
            network::connect(&self.site, proxy.as_ref(), &addresses, self.tls, self.deadline()).await;
        let connection = self.record(CheckStep::Tcp, connection)?;
        if self.site.endpoint.scheme() == Scheme::Https {
            let handshake = handshake::handshake(&self.site, connection, self.tls, self.deadline()).await;
            let judged = certificate::judge(&self.site, handshake, jiff::Timestamp::now());
            self.record(CheckStep::Tls, judged.map(|finding| ((), finding)))?;
        } else {
            self.push(CheckStep::Tls, None, certificate::without_tls(&self.site));
        }
        let client =
            self.record(CheckStep::Api, api::negotiate(&self.site, self.tls, self.deadline()).await)?;
        self.push(CheckStep::Clock, None, api::clock(client.clock_offset()));
        let key = access::key(&client, self.deadline()).await;
        self.record(CheckStep::Key, key.map(|finding| ((), finding)))?;
        for (id, resource) in self.resources() {
            let outcome = access::permission(&client, id, resource, self.deadline()).await;
            let finding = outcome.unwrap_or_else(|error| Finding::failed(&error));
            self.push(CheckStep::Permission, Some(id.name()), finding);
        }
        Some(())
    }

    /// What the collectors read, each with its collector.
    fn resources(&self) -> Vec<(CollectorId, &'static Resource)> {
        self.collectors
            .iter()
            .flat_map(|entry| entry.resources().map(|resource| (entry.id, resource)))
            .collect()
    }

    /// The exporter connects directly, although whoever set the variable wanted a proxy.
    fn with_unusable_proxy(&self, finding: Finding) -> Finding {
        match &self.site.proxy {
            Proxy::Unusable(problem) => finding.but(problem, UnusableProxy::CURE),
            _ => finding,
        }
    }

    /// The time of a step is that of one request of the exporter.
    fn deadline(&self) -> Instant {
        Instant::now() + self.site.timeout
    }

    fn record<T>(&mut self, step: CheckStep, outcome: Result<(T, Finding), impl Curable>) -> Option<T> {
        match outcome {
            Ok((value, finding)) => {
                self.push(step, None, finding);
                Some(value)
            }
            Err(error) => {
                self.push(step, None, Finding::failed(&error));
                None
            }
        }
    }

    fn push(&mut self, step: CheckStep, collector: Option<&'static str>, finding: Finding) {
        self.checks.push(Check { step, collector, finding });
    }

    fn skip_rest(&mut self, reason: &str) {
        let steps = [
            CheckStep::Dns,
            CheckStep::Tcp,
            CheckStep::Tls,
            CheckStep::Api,
            CheckStep::Clock,
            CheckStep::Key,
        ];
        let rows = steps.map(|step| (step, None)).into_iter();
        let resources = self.resources();
        let permissions = resources.iter().map(|(id, _)| (CheckStep::Permission, Some(id.name())));
        let rows: Vec<_> = rows.chain(permissions).skip(self.checks.len()).collect();
        for (step, collector) in rows {
            self.push(step, collector, Finding::skipped(reason));
        }
    }
}
