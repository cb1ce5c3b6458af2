//! The Leases of a fleet, in `coordination.k8s.io`.

mod form;

use std::io::ErrorKind;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::{BoxFuture, ready};
use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta, OwnerReference};
use kube::Api;
use kube::api::{DeleteParams, ListParams, PostParams, Preconditions, WatchParams};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::api_error::found;
use super::{Access, ApiError, Pod};
use crate::source::{LeaseFailure, LeaseFault, LeaseList, LeaseMarks, LeaseStore, Renewal, SeenLease};
use form::{LABEL, change, seen, version, written};

/// How long a watch lasts: kube takes less than 295 s. Members do not begin theirs anew at the same time.
const WATCH_SECONDS: std::ops::Range<u32> = 240..290;

/// The Leases of one fleet, and which of them is ours.
#[derive(Clone, Debug)]
pub(crate) struct Leases(Arc<LeaseClient>);

/// Who keeps Leases where.
#[derive(Clone, Debug)]
pub(crate) struct LeaseOwner {
    /// Where.
    pub(crate) namespace: String,
    /// The fleet's name.
    pub(crate) fleet: String,
    /// Our own name, which is our Lease's.
    pub(crate) member: String,
    /// Our own pod: our Lease ends with it.
    pub(crate) pod: Option<Pod>,
    /// For how long a Lease lasts.
    pub(crate) duration: Duration,
    /// How long a request may take.
    pub(crate) answer: Duration,
}

#[derive(Debug)]
struct LeaseClient {
    access: Access,
    owner: LeaseOwner,
    /// Ours and no other process's: a container that is restarted in its pod keeps its Lease.
    identity: String,
    own: Mutex<Own>,
}

/// What is known of our own Lease.
#[derive(Debug, Default)]
struct Own {
    /// As we wrote it last.
    lease: Option<Lease>,
    /// The uid of the one that this process had last.
    uid: Option<String>,
    /// The version in which another process had it.
    taken: Option<String>,
}

impl Leases {
    /// No request is made.
    pub(crate) fn new(access: Access, owner: LeaseOwner) -> Self {
        let uid = owner.pod.as_ref().and_then(|pod| pod.uid.clone());
        let identity =
            format!("{}_{}", owner.member, uid.unwrap_or_else(|| format!("{:016x}", fastrand::u64(..))));
        Self(Arc::new(LeaseClient { access, owner, identity, own: Mutex::default() }))
    }
}

impl LeaseStore for Leases {
    fn list(&self) -> BoxFuture<'static, Result<LeaseList, LeaseFailure>> {
        let fleet = self.0.clone();
        async move { fleet.list().await }.boxed()
    }

    fn renew(&self, marks: LeaseMarks) -> BoxFuture<'static, Result<Renewal, LeaseFailure>> {
        let fleet = self.0.clone();
        async move {
            let lease = fleet.within("renew", fleet.renew(&marks)).await??;
            let version = version(&lease);
            let mut own = fleet.own();
            // One that was made anew is another object; one that was another's meanwhile is told as taken before.
            let continued = own.uid == lease.metadata.uid;
            own.uid.clone_from(&lease.metadata.uid);
            (own.lease, own.taken) = (Some(lease), None);
            Ok(Renewal { version, continued })
        }
        .boxed()
    }

    fn give_back(&self) -> BoxFuture<'static, Result<(), LeaseFailure>> {
        let fleet = self.0.clone();
        async move {
            let Some(lease) = fleet.own().lease.clone() else { return Ok(()) };
            let uid = lease.metadata.uid.clone();
            // One that is removed without this counts until its time is over: anybody may have removed it.
            fleet.within("give back", fleet.leave(lease)).await?;
            let preconditions = Preconditions { uid, resource_version: None };
            fleet.delete(&fleet.owner.member, preconditions).await
        }
        .boxed()
    }

    fn remove(&self, dead: SeenLease) -> BoxFuture<'static, Result<(), LeaseFailure>> {
        let fleet = self.0.clone();
        async move {
            let preconditions = Preconditions { resource_version: Some(dead.version.to_string()), uid: None };
            fleet.delete(&dead.member, preconditions).await
        }
        .boxed()
    }
}

impl LeaseClient {
    fn api(&self) -> Api<Lease> {
        Api::namespaced(self.access.client(), &self.owner.namespace)
    }

    fn own(&self) -> MutexGuard<'_, Own> {
        // It is whole at every point where a panic could happen.
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn selector(&self) -> String {
        format!("{LABEL}={}", self.owner.fleet)
    }

    async fn list(self: Arc<Self>) -> Result<LeaseList, LeaseFailure> {
        let (api, selector) = (self.api(), self.selector());
        let list = self.within("list", api.list(&ListParams::default().labels(&selector))).await?;
        let leases = list.items.iter().filter_map(seen).collect();
        let from = list.metadata.resource_version.unwrap_or_default();
        let changes = async move {
            let params = WatchParams::default().labels(&selector).timeout(fastrand::u32(WATCH_SECONDS));
            let events = self.within("watch", api.watch(&params, &from)).await?;
            Ok(events.map_err(|error| failure(LeaseFault::Ours, "watch", &error)).boxed())
        };
        let changes = changes.into_stream().try_flatten().try_filter_map(|event| ready(change(event)));
        Ok(LeaseList { leases, changes: changes.boxed() })
    }

    /// Writes our Lease.
    async fn renew(&self, marks: &LeaseMarks) -> kube::Result<Result<Lease, LeaseFailure>> {
        let known = self.own().lease.clone();
        if let Some(lease) = known {
            match self.replace(lease, marks).await {
                // Somebody else wrote it, or a try of ours whose answer was lost; or it is gone.
                Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => self.own().lease = None,
                written => return written.map(Ok),
            }
        }
        let Some(found) = self.found().await? else {
            let lease = written(self.begun(Lease::default()), marks);
            return self.api().create(&PostParams::default(), &lease).await.map(Ok);
        };
        if let Some(why) = self.not_ours(&found) {
            return Ok(Err(LeaseFailure { fault: LeaseFault::Taken, why }));
        }
        self.replace(self.begun(found), marks).await.map(Ok)
    }

    /// Says that we leave.
    async fn leave(&self, lease: Lease) -> kube::Result<()> {
        let marks = LeaseMarks::default();
        match self.replace(lease, &marks).await {
            // A renewal was under way, and came first.
            Err(kube::Error::Api(status)) if status.code == 409 => match self.found().await? {
                Some(newer) => self.replace(newer, &marks).await.map(drop),
                None => Ok(()),
            },
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            written => written.map(drop),
        }
    }

    async fn found(&self) -> kube::Result<Option<Lease>> {
        found(self.api().get(&self.owner.member).await)
    }

    async fn replace(&self, lease: Lease, marks: &LeaseMarks) -> kube::Result<Lease> {
        let lease = written(lease, marks);
        self.api().replace(&self.owner.member, &PostParams::default(), &lease).await
    }

    /// Our Lease as it begins, in the place of `old`.
    fn begun(&self, old: Lease) -> Lease {
        let LeaseOwner { member, fleet, pod, duration, .. } = &self.owner;
        let pod = pod.as_ref().and_then(|pod| Some((pod, pod.uid.clone()?)));
        let owner = pod.map(|(pod, uid)| OwnerReference {
            api_version: "v1".to_owned(),
            kind: "Pod".to_owned(),
            name: pod.name.clone(),
            uid,
            ..OwnerReference::default()
        });
        let mut labels = old.metadata.labels.unwrap_or_default();
        labels.insert(LABEL.to_owned(), fleet.clone());
        let now = Some(MicroTime(Timestamp::now()));
        let spec = LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: i32::try_from(duration.as_secs()).ok(),
            acquire_time: now.clone(),
            renew_time: now,
            lease_transitions: old
                .spec
                .map(|spec| spec.lease_transitions.unwrap_or_default().saturating_add(1)),
            ..LeaseSpec::default()
        };
        let metadata = ObjectMeta {
            name: Some(member.clone()),
            labels: Some(labels),
            owner_references: owner.map(|owner| vec![owner]),
            ..old.metadata
        };
        Lease { metadata, spec: Some(spec) }
    }

    /// Why a Lease of our name is not ours to take. At the start it is the one of whoever had this name before.
    fn not_ours(&self, found: &Lease) -> Option<String> {
        let name = &self.owner.member;
        let label = found.metadata.labels.as_ref().and_then(|labels| labels.get(LABEL));
        if label != Some(&self.owner.fleet) {
            return Some(format!("the Lease {name} is not of this fleet: give this process another name"));
        }
        let holder = found.spec.as_ref().and_then(|spec| spec.holder_identity.as_deref());
        let mut own = self.own();
        let version = found.metadata.resource_version.clone();
        if own.uid.is_none() || holder == Some(&self.identity) || own.taken == version {
            return None;
        }
        own.taken = version;
        let holder = holder.unwrap_or("nobody");
        Some(format!("the Lease {name} is held by {holder}: two processes have one name; give each its own"))
    }

    async fn delete(&self, name: &str, preconditions: Preconditions) -> Result<(), LeaseFailure> {
        let params = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::default() };
        let api = self.api();
        self.within("delete", async { found(api.delete(name, &params).await).map(drop) }).await
    }

    /// The answer in time; else whose fault it is that there is none.
    async fn within<T>(
        &self,
        verb: &'static str,
        request: impl Future<Output = kube::Result<T>>,
    ) -> Result<T, LeaseFailure> {
        let error = match timeout(self.owner.answer, request).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => error,
            Err(_) => {
                let why = format!("{verb}: no answer within {:?}", self.owner.answer);
                return Err(LeaseFailure { fault: self.fault().await, why });
            }
        };
        let fault = match &error {
            kube::Error::Api(status) if matches!(status.code, 500 | 502..=504) => LeaseFault::Away,
            kube::Error::Api(status) => {
                if status.code == 401 {
                    // It may have been rotated.
                    self.access.renew().await;
                }
                LeaseFault::Ours
            }
            _ => self.fault().await,
        };
        let mut failure = failure(fault, verb, &error);
        if matches!(&error, kube::Error::Api(status) if status.code == 403) {
            failure.why = format!(
                "{}; give the service account a Role in namespace {} with apiGroups [coordination.k8s.io], \
                 resources [leases], verbs [create, delete, get, list, update, watch]",
                failure.why, self.owner.namespace
            );
        }
        Err(failure)
    }

    /// Whose fault a request without an answer is. If the way to the API server is open, it is the server that is away. That can not be
    /// known behind a proxy.
    async fn fault(&self) -> LeaseFault {
        let Some(server) = self.access.server() else { return LeaseFault::Ours };
        match timeout(self.owner.answer / 2, TcpStream::connect(server)).await {
            Ok(Ok(_)) => LeaseFault::Away,
            Ok(Err(error)) if error.kind() == ErrorKind::ConnectionRefused => LeaseFault::Away,
            Ok(Err(_)) | Err(_) => LeaseFault::Ours,
        }
    }
}

fn failure(fault: LeaseFault, verb: &'static str, error: &kube::Error) -> LeaseFailure {
    let why = match (error, ApiError::new(verb, error)) {
        (kube::Error::Api(status), _) => format!("{verb}: HTTP {} {}", status.code, status.message),
        (_, ApiError::Other(text)) => format!("{verb}: {text}"),
        (error, _) => format!("{verb}: {error}"),
    };
    LeaseFailure { fault, why }
}
