//! The door: a validating admission webhook. A configuration that the reload would refuse is refused before it is
//! written, and comes back to the editor with every mistake.
//!
//! ```text
//! API server ─► http ─► Guard ─► Preview, the judgement of the reload
//! CertificateKeeper ─► the certificate that http shows
//! ```
//!
//! It can not hurt: what it can not judge it lets through, and where it does not answer the API server does.

mod answer;
mod guard;
mod keeper;
mod metrics;
mod question;
mod rotation;

pub(crate) use guard::{Guard, Unreadable};
pub(crate) use keeper::{CertificateKeeper, CertificateOrigin};
pub(crate) use metrics::AdmissionMetrics;
pub(crate) use rotation::Rotation;

/// Reads a question as [`Guard::review`] does.
#[cfg(any(test, feature = "fuzz"))]
pub(crate) fn read_review(body: &[u8]) -> Result<(), Unreadable> {
    question::AdmissionRequest::read(body).map(drop).map_err(Unreadable)
}
