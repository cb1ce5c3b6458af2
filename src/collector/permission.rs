//! What the role of the key needs.

/// What a role may do ("NetBackup API reference, getting started, access control").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Permission {
    /// Such as `|OPERATIONS|VIEW|`.
    pub operation: &'static str,
    /// Such as `|MANAGE|JOBS|`.
    pub namespace: &'static str,
}
