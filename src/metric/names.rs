//! Which metric names are served.

use super::desc::{Desc, Naming};

/// Which metric names are served: the key `metrics.names`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum MetricNames {
    /// Only ours.
    Native,
    /// Only the Go exporter's.
    V4,
    /// Both sets side by side.
    #[default]
    Both,
}

impl MetricNames {
    /// Whether a family is served under this choice.
    pub fn serves(self, desc: &Desc) -> bool {
        match (self, desc.naming) {
            (Self::Both, _) | (_, Naming::Shared) => true,
            (Self::Native, naming) => naming == Naming::Native,
            (Self::V4, naming) => naming == Naming::V4,
        }
    }
}
