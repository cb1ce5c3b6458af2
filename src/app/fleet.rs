//! The fleet that we are a member of, where replicas share the sites.

use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::run_error::RunError;
use crate::exposition::{Reading, Readings};
use crate::fleet::{FleetReader, Member, MemberStatus, Rhythm};
use crate::metric::{flag, seconds};
use crate::source::kubernetes::{Access, FleetName, LeaseOwner, Leases, Pod, Timing, member_name};
use crate::supervisor::SupervisorHandle;

const MEMBERS: &str = "nbu_exporter_fleet_members";
const MEMBER: &str = "nbu_exporter_fleet_member";
const RENEWED: &str = "nbu_exporter_fleet_last_renewal_timestamp_seconds";

/// Which fleet, and how its Leases last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FleetOptions {
    /// The fleet's name.
    pub name: FleetName,
    /// How long a Lease lasts.
    pub lease: Duration,
}

/// The fleet that we are a member of.
#[derive(Debug)]
pub(super) struct Fleet {
    reader: FleetReader,
    status: Arc<MemberStatus>,
    step: Presence,
}

#[derive(Debug)]
enum Presence {
    /// Not begun.
    Outside(Member),
    /// Until the token is cancelled.
    Inside(CancellationToken, AbortOnDropHandle<()>),
}

impl Fleet {
    /// Finds the way to the API server, unless it is known; no request is made.
    pub(super) async fn join(
        options: &FleetOptions,
        access: Option<Access>,
        pod: Option<Pod>,
    ) -> Result<Self, RunError> {
        let access = match access {
            Some(access) => access,
            None => Access::infer(&Timing::default()).await?,
        };
        let rhythm = Rhythm { lease: options.lease };
        let host = || nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
        let host = pod.as_ref().map(|pod| pod.name.clone()).or_else(host).unwrap_or_default();
        let member = member_name(&host).ok_or_else(|| {
            anyhow!(
                "{host:?} can be no name of a Lease: set POD_NAME to lower-case letters, digits, '-' and '.'"
            )
        })?;
        let FleetName { namespace, name } = options.name.clone();
        let of_pod = || pod.as_ref().map(|pod| pod.namespace.clone());
        let namespace = namespace.or_else(of_pod).unwrap_or_else(|| access.namespace().to_owned());
        // A Pod owns only what is in its own namespace.
        let pod = pod.filter(|pod| pod.namespace == namespace);
        let (duration, answer) = (rhythm.lease, rhythm.answer());
        let owner = LeaseOwner { namespace, fleet: name, member: member.clone(), pod, duration, answer };
        let (member, reader) = Member::new(&member, rhythm, Arc::new(Leases::new(access, owner)));
        Ok(Self { reader, status: member.status(), step: Presence::Outside(member) })
    }

    pub(super) fn reader(&self) -> FleetReader {
        self.reader.clone()
    }

    pub(super) fn metrics(&self) -> MembershipMetrics {
        MembershipMetrics { reader: self.reader.clone(), status: self.status.clone() }
    }

    /// Becomes a member, until `leaving` is cancelled.
    pub(super) fn begin(self, leaving: CancellationToken, pollers: SupervisorHandle) -> Self {
        let Self { reader, status, step } = self;
        let step = match step {
            Presence::Outside(member) => {
                let until = leaving.clone();
                let task =
                    tokio::spawn(async move { member.run(until, async { pollers.settle().await }).await });
                Presence::Inside(leaving, AbortOnDropHandle::new(task))
            }
            inside @ Presence::Inside(..) => inside,
        };
        Self { reader, status, step }
    }

    /// Waits for an end that nobody asked for: then nothing would end our claim, so the program has to end.
    pub(super) async fn ended(&mut self) {
        self.step.ended().await;
    }

    /// Waits until our Lease is given back.
    pub(super) async fn left(self) {
        self.step.left().await;
    }
}

impl Presence {
    async fn ended(&mut self) {
        if let Self::Inside(leaving, task) = self {
            let ended = task.await;
            if ended.is_err() || !leaving.is_cancelled() {
                return;
            }
        }
        std::future::pending::<()>().await;
    }

    async fn left(self) {
        // Whoever waited for its end has its result already; a second look at the handle panics.
        if let Self::Inside(_, task) = self
            && !task.is_finished()
        {
            // The panic was logged where it happened.
            let _ = task.await;
        }
    }
}

/// What is known of the fleet, as metrics.
#[derive(Debug)]
pub(super) struct MembershipMetrics {
    reader: FleetReader,
    status: Arc<MemberStatus>,
}

impl Readings for MembershipMetrics {
    fn names(&self) -> Vec<(&'static str, &'static str)> {
        vec![
            (MEMBERS, "Members of the fleet that live, as this one sees them, itself included."),
            (MEMBER, "Whether this one is a member and may ask its part of the sites."),
            (
                RENEWED,
                "When this member's Lease was renewed last, as Unix time; absent before the first time.",
            ),
        ]
    }

    fn read(&self) -> Vec<Reading> {
        let assignment = self.reader.load();
        let renewed = self.status.renewed().map(|at| Reading::gauge(RENEWED, seconds(at)));
        let mut readings = vec![
            Reading::gauge(MEMBERS, assignment.members().len() as f64),
            Reading::gauge(MEMBER, flag(assignment.holds())),
        ];
        readings.extend(renewed);
        readings
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    fn inside(member: impl Future<Output = ()> + Send + 'static) -> (CancellationToken, Presence) {
        let leaving = CancellationToken::new();
        (leaving.clone(), Presence::Inside(leaving, AbortOnDropHandle::new(tokio::spawn(member))))
    }

    #[tokio::test(start_paused = true)]
    async fn a_member_that_gave_its_lease_back_before_the_drain_is_not_waited_for_again() {
        let (leaving, mut presence) = inside(async {});
        leaving.cancel();
        assert!(timeout(Duration::from_secs(1), presence.ended()).await.is_err(), "that end was asked for");
        presence.left().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_member_that_ends_by_itself_ends_the_program() {
        let (_leaving, mut presence) = inside(async {});
        assert!(timeout(Duration::from_secs(1), presence.ended()).await.is_ok());
        let (leaving, mut presence) = inside(async { panic!("injected") });
        leaving.cancel();
        assert!(timeout(Duration::from_secs(1), presence.ended()).await.is_ok());
    }
}
