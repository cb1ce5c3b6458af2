//! Replicas that share the sites: who is a member, and whose a site is.
//!
//! The members are the Leases of the fleet, and nothing else; a site belongs to the member with the greatest hash of both. What decides
//! ([`membership`]) is a pure state machine with moments of our own clock as its input; [`member`] runs it on a store of Leases.

mod assignment;
mod claim;
mod contact;
mod member;
mod membership;
mod peers;
mod rhythm;
#[cfg(test)]
mod tests;

pub(crate) use assignment::{Assignment, FleetReader};
pub(crate) use member::{Member, MemberStatus};
pub(crate) use rhythm::Rhythm;
