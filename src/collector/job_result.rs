//! How a job ended.

/// How a job ended, from the best to the worst: status 1 is "partially successful", neither the one nor the other ("NetBackup status
/// codes").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(super) enum JobResult {
    Success,
    Partial,
    Failed,
}

impl JobResult {
    pub(super) const ALL: [Self; 3] = [Self::Success, Self::Partial, Self::Failed];

    /// What a status code means.
    pub(super) fn of_status(status: i64) -> Self {
        match status {
            0 => Self::Success,
            1 => Self::Partial,
            _ => Self::Failed,
        }
    }

    /// The value of the `result` label.
    pub(super) fn name(self) -> &'static str {
        self.into()
    }

    /// Whether there is something to restore from.
    pub(super) fn is_good(self) -> bool {
        self != Self::Failed
    }
}
