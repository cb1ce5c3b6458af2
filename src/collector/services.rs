//! The daemons of NetBackup's hosts. Each answer is a live call from the primary server to the host.

mod host;

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::time::Instant;

use super::contract::{CollectError, Collector, Context, Diagnostics};
use super::hold::Hold;
use super::resource::{Resource, Trial, V10_0};
use super::server_info;
use super::spec::CollectorSpec;
use super::walk::{fold_page, label};
use crate::config::CollectorId;
use crate::metric::{Family, Labelled, flag};
use crate::netbackup::{Cause, Error, Get, Text};
use host::{HOSTS, ServiceHost};

static SERVICES: Resource = Resource::new("/admin/hosts/{hostId}/services", V10_0, &[&UP])
    .viewed_by("|MANAGE|HOSTS|PROCESSES|")
    .tried(Trial::None);

/// Whether the daemons of the primary server, and of media servers that the configuration names, run ("NetBackup API reference,
/// /admin/hosts/{hostId}/services").
pub(super) static SPEC: CollectorSpec = CollectorSpec {
    id: CollectorId::Services,
    main: &SERVICES,
    others: &[&server_info::ASKED, &HOSTS],
    requests: 200,
    awaits_facts: false,
    new: |_| Box::new(Services::default()),
};

static UP: Labelled<2> = Labelled::gauge(
    "nbu_service_up",
    "Whether a daemon of a host runs (status RUNNING, 1) or not (STOPPED, 0); one that is DISABLED has no series.",
    ["host", "daemon"],
);

/// A host that does not answer must not take the time of the others.
const HOST_TIMEOUT: Duration = Duration::from_secs(20);

/// What is remembered of hosts, by their ids.
#[derive(Debug, Default)]
struct Services {
    /// Those that can not be asked.
    unsupported: HashMap<String, Hold>,
    /// Those whose last answer failed, so that it is said once.
    failing: BTreeSet<String>,
}

/// A daemon of a host, and whether it runs.
struct Daemon {
    host: String,
    name: String,
    is_up: bool,
}

impl Collector for Services {
    fn collect<'a>(
        &'a mut self,
        context: &'a Context<'a>,
        diagnostics: &'a mut Diagnostics,
    ) -> BoxFuture<'a, Result<Vec<Family>, CollectError>> {
        self.ask_all(context, diagnostics).boxed()
    }
}

impl Services {
    /// Asks one host after the other. A host that fails costs the others nothing; without any answer the run has failed.
    async fn ask_all(
        &mut self,
        context: &Context<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Result<Vec<Family>, CollectError> {
        let hosts = host::wanted(context, diagnostics).await?;
        let mut daemons = Vec::new();
        let (mut answered, mut unsupported, mut failure) = (0, 0, None);
        let mut newly_unsupported = Vec::new();
        for host in &hosts {
            if self.is_unsupported(host, context) {
                unsupported += 1;
                continue;
            }
            if context.is_over() {
                diagnostics.truncated = true;
                break;
            }
            match ask(context, host, &mut daemons, diagnostics).await {
                Ok(()) => {
                    answered += 1;
                    self.failing.remove(&host.id);
                }
                // All would be refused, and refusals may count towards a lock-out.
                Err(error) if error.is_unauthorized() => return Err(error.into()),
                Err(error) if is_unsupported_by(&error) => {
                    unsupported += 1;
                    newly_unsupported.push(host.id.clone());
                }
                Err(error) => {
                    diagnostics.truncated = true;
                    self.fails(host, &error);
                    failure.get_or_insert(error);
                }
            }
        }
        match failure {
            Some(error) if answered == 0 => return Err(error.into()),
            None if answered == 0 && unsupported > 0 => {
                return Err(CollectError::Unsupported("none of the hosts can be asked for its services"));
            }
            _ => {}
        }
        // Where no host answers it may be the server that was turned to another release meanwhile, and that is not for the hosts to remember.
        let hold = Hold::unsupported(context.client.version());
        self.unsupported.extend(newly_unsupported.into_iter().map(|host| (host, hold)));
        let samples = daemons.iter().map(|daemon| ([daemon.host.as_str(), &daemon.name], flag(daemon.is_up)));
        Ok(vec![UP.family(context.site, samples)])
    }

    fn is_unsupported(&self, host: &ServiceHost, context: &Context<'_>) -> bool {
        self.unsupported.get(&host.id).is_some_and(|hold| hold.holds(context.client.version()))
    }

    fn fails(&mut self, host: &ServiceHost, error: &Error) {
        if self.failing.insert(host.id.clone()) {
            tracing::warn!(host = host.name, %error, "A host does not tell of its services");
        }
    }
}

/// Whether an error says that this host can not be asked at all: one of Cloud Scale (400), one before NetBackup 8.2 (501), one that is
/// not there any more (404).
fn is_unsupported_by(error: &Error) -> bool {
    matches!(error.cause, Cause::Client { status: 400, .. }) || error.cause.is_unsupported()
}

/// Asks a host for its services.
async fn ask(
    context: &Context<'_>,
    host: &ServiceHost,
    daemons: &mut Vec<Daemon>,
    diagnostics: &mut Diagnostics,
) -> Result<(), Error> {
    let get = Get::new(SERVICES.path).segment(&host.id);
    let deadline = context.deadline.min(Instant::now() + HOST_TIMEOUT);
    let read = |text: &str| {
        let page = fold_page(text, diagnostics, |record: ServiceRecord<'_>, malformed| {
            let status = record.attributes?.status.take(malformed)?;
            let name = label(record.id, malformed)?;
            let is_up = match &*status {
                "RUNNING" => true,
                "STOPPED" => false,
                // Somebody wants it so, or nobody knows.
                _ => return Some(()),
            };
            daemons.push(Daemon { host: host.name.clone(), name, is_up });
            Some(())
        })?;
        Ok(page.records)
    };
    diagnostics.records += context.client.get_with(&get, deadline, read).await?;
    Ok(())
}

/// A record of `/admin/hosts/{hostId}/services` as it comes.
#[derive(serde::Deserialize)]
struct ServiceRecord<'a> {
    #[serde(borrow, default)]
    id: Text<'a>,
    #[serde(borrow, default)]
    attributes: Option<ServiceAttributes<'a>>,
}

#[derive(serde::Deserialize)]
struct ServiceAttributes<'a> {
    #[serde(borrow, default)]
    status: Text<'a>,
}

#[cfg(test)]
mod tests;
