//! Certificates that we show to clients: read, judged and made.

mod issue;
mod pair;

pub(crate) use issue::{IssueError, Issued, issue};
pub(crate) use pair::{PairError, ServingPair, authorities, pem_of, validity};
