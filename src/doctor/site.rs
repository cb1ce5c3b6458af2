use tokio::time::{Instant, timeout_at};

use super::report::{Check, Curable, Finding, SiteDiagnosis, Step};
use super::{access, certificate, handshake, reach, speech};
use crate::collector::CollectorSpec;
use crate::config::{Proxy, Scheme, Site, UnusableProxy};
use crate::netbackup::{ProxyHop, TlsCache};

/// One site and what has been found there so far.
pub(super) struct Visit<'a> {
    site: Site,
    collectors: Vec<&'static CollectorSpec>,
    tls: &'a TlsCache,
    checks: Vec<Check>,
}

impl<'a> Visit<'a> {
    pub(super) fn new(site: Site, collectors: Vec<&'static CollectorSpec>, tls: &'a TlsCache) -> Self {
        Self { site, collectors, tls, checks: Vec::new() }
    }

    /// Goes as far as the way leads and the time lasts.
    pub(super) async fn until(mut self, deadline: Instant) -> SiteDiagnosis {
        let finished = timeout_at(deadline, self.go()).await.is_ok();
        self.skip_rest(if finished { "not examined" } else { "not examined: the doctor's time is over" });
        SiteDiagnosis {
            site: self.site.name.to_string(),
            address: self.site.endpoint.to_string(),
            finished,
            checks: self.checks,
        }
    }

    /// `None` when a step fails that the next ones need.
    async fn go(&mut self) -> Option<()> {
        let proxy = ProxyHop::of(&self.site);
        let addresses = reach::resolve(&self.site, proxy.as_ref(), self.deadline()).await;
        let addresses =
            self.note(Step::Dns, addresses.map(|(found, finding)| (found, self.marred(finding))))?;
        let way = reach::connect(&self.site, proxy.as_ref(), &addresses, self.tls, self.deadline()).await;
        let way = self.note(Step::Tcp, way)?;
        if self.site.endpoint.scheme() == Scheme::Https {
            let shown = handshake::shake(&self.site, way, self.tls, self.deadline()).await;
            let judged = certificate::judge(&self.site, shown, jiff::Timestamp::now());
            self.note(Step::Tls, judged.map(|finding| ((), finding)))?;
        } else {
            self.push(Step::Tls, None, certificate::without_tls(&self.site));
        }
        let client = self.note(Step::Api, speech::common(&self.site, self.tls, self.deadline()).await)?;
        self.push(Step::Clock, None, speech::clock(client.clock_offset()));
        let key = access::key(&client, self.deadline()).await;
        self.note(Step::Key, key.map(|finding| ((), finding)))?;
        for entry in self.collectors.clone() {
            let outcome = access::permission(&client, entry, self.deadline()).await;
            let finding = outcome.unwrap_or_else(|why| Finding::failed(&why));
            self.push(Step::Permission, Some(entry.name), finding);
        }
        Some(())
    }

    /// The exporter takes the direct way, and whoever set the variable wanted another.
    fn marred(&self, finding: Finding) -> Finding {
        match &self.site.proxy {
            Proxy::Unusable(problem) => finding.but(problem, UnusableProxy::CURE),
            _ => finding,
        }
    }

    /// Each step gets as long as one request of the exporter.
    fn deadline(&self) -> Instant {
        Instant::now() + self.site.timeout
    }

    fn note<T>(&mut self, step: Step, outcome: Result<(T, Finding), impl Curable>) -> Option<T> {
        match outcome {
            Ok((value, finding)) => {
                self.push(step, None, finding);
                Some(value)
            }
            Err(why) => {
                self.push(step, None, Finding::failed(&why));
                None
            }
        }
    }

    fn push(&mut self, step: Step, collector: Option<&'static str>, finding: Finding) {
        self.checks.push(Check { step, collector, finding });
    }

    fn skip_rest(&mut self, why: &str) {
        let steps = [Step::Dns, Step::Tcp, Step::Tls, Step::Api, Step::Clock, Step::Key];
        let rows = steps.map(|step| (step, None)).into_iter();
        let permissions = self.collectors.iter().map(|entry| (Step::Permission, Some(entry.name)));
        let rows: Vec<_> = rows.chain(permissions).skip(self.checks.len()).collect();
        for (step, collector) in rows {
            self.push(step, collector, Finding::skipped(why));
        }
    }
}
