//! Whether all collectors may ask with a key.

use std::time::Duration;

use tokio::time::Instant;

/// So long other collectors wait for the first answer to one that always runs.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whether all collectors may ask with the key. Each refusal of a wrong key may count towards a lock-out, so before anything was answered
/// with it, only the collectors that always run ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct KeyTrust {
    tried_from: Instant,
}

impl Default for KeyTrust {
    /// Nothing is known of it. It is tried after a while all the same, since the server may be too slow to say anything.
    fn default() -> Self {
        Self { tried_from: Instant::now() + PATIENCE }
    }
}

impl KeyTrust {
    /// Something was answered with it, or the server says that it is good.
    pub(super) fn known() -> Self {
        Self { tried_from: Instant::now() }
    }

    /// From when on all collectors ask with it.
    pub(super) fn tried_from(self) -> Instant {
        self.tried_from
    }
}
