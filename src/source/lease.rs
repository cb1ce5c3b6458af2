//! The Leases of a fleet: one for each member.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;

/// Where the members of a fleet keep their Leases. Every request ends in time by itself.
pub(crate) trait LeaseStore: Debug + Send + Sync + 'static {
    /// All Leases of the fleet, from a quorum, and what happens to them from there on.
    fn list(&self) -> BoxFuture<'static, Result<LeaseList, LeaseFailure>>;

    /// Makes our own Lease, or renews it.
    fn renew(&self, marks: LeaseMarks) -> BoxFuture<'static, Result<Renewal, LeaseFailure>>;

    /// Says in our own Lease that our sites are the others' now, and removes it.
    fn give_back(&self) -> BoxFuture<'static, Result<(), LeaseFailure>>;

    /// Removes the Lease of a member that is gone, if it still has this version.
    fn remove(&self, dead: SeenLease) -> BoxFuture<'static, Result<(), LeaseFailure>>;
}

/// A Lease of the fleet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SeenLease {
    /// Whose it is.
    pub(crate) member: Arc<str>,
    /// An opaque string: another one after each renewal.
    pub(crate) version: Arc<str>,
    /// For how long without a renewal its member counts as alive.
    pub(crate) duration: Duration,
    /// What its member says in it.
    pub(crate) marks: LeaseMarks,
}

/// What a member says in its Lease.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LeaseMarks {
    /// Another one each time that the member joins; empty once it has left its sites to the others.
    pub(crate) token: Arc<str>,
    /// The tokens of the members that it sees, joined by commas: it has left their sites to them.
    pub(crate) sees: Arc<str>,
}

/// What came of a renewal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Renewal {
    /// The version that our Lease has now.
    pub(crate) version: Arc<str>,
    /// Whether it was there and ours all the time since the last one.
    pub(crate) continued: bool,
}

/// All Leases at one moment.
pub(crate) struct LeaseList {
    /// The Leases.
    pub(crate) leases: Vec<SeenLease>,
    /// What happens to them after that moment, in order. It ends after a while, and is then to be begun anew by a list.
    pub(crate) changes: BoxStream<'static, Result<LeaseChange, LeaseFailure>>,
}

/// What happened to a Lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LeaseChange {
    /// It was made or renewed.
    Seen(SeenLease),
    /// It is gone.
    Gone(Arc<str>),
}

/// Why a request came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub(crate) struct LeaseFailure {
    /// What it means for us.
    pub(crate) fault: LeaseFault,
    /// A sentence.
    pub(crate) why: String,
}

/// Whose fault it is that a request came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LeaseFault {
    /// The API server is away for everybody, as far as can be seen from here: the way to it is open.
    Away,
    /// It is us whom it does not answer.
    Ours,
    /// Another process has our Lease.
    Taken,
}
