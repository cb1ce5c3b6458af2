//! How strictly a file is checked.

/// How strictly a file is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strictness {
    /// Everything: the file is to be run.
    Full,
    /// Everything, but for what single sites refer to: a site that lacks a key or certificate file, or a variable, goes
    /// to [`Config::lacking`](super::Config). For a start, where nothing runs yet that could be kept.
    Start,
    /// All but what the file refers to: variables may be unset, key and certificate files may be missing. For a check in
    /// a repository. In the [`Config`](super::Config) an unset variable then counts as the key's default, and sites whose values are not
    /// all known are left out.
    SkipReferences,
}
