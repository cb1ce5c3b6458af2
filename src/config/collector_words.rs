//! The words that further keys of collectors take.

/// Which clients get series of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientExport {
    /// Those whose last good backup is too old.
    Overdue,
    /// All of them.
    All,
}

/// Which tapes are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TapeMedia {
    /// Scratch, frozen, suspended and cleaning tapes.
    Summary,
    /// Every tape.
    All,
    /// None.
    None,
}
