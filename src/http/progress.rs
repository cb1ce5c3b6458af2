//! How far a connection is, and the time limits that follow from it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::Limits;

/// How far one connection is. All its time limits follow from this.
#[derive(Debug)]
pub(super) struct Progress(Mutex<Stage>);

#[derive(Debug)]
struct Stage {
    phase: Phase,
    since: Instant,
    /// Since when the client takes nothing of what is ready to be sent.
    blocked: Option<Instant>,
    /// Requests that are answered now; more than one by HTTP/2 alone.
    open: usize,
    /// Whether bytes may come that belong to no request, as by HTTP/2.
    is_multiplexed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Headers are awaited.
    Head,
    /// A request is answered.
    Answer,
    /// The answer is handed over, and perhaps not yet sent.
    Flush,
    /// No request is open.
    Idle,
}

/// Which limit a connection exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::AsRefStr)]
pub(super) enum Overdue {
    #[strum(serialize = "headers")]
    Head,
    #[strum(serialize = "idle")]
    Idle,
    #[strum(serialize = "stalled")]
    Stall,
    #[strum(serialize = "too_slow")]
    Answer,
}

impl Overdue {
    /// Those that cost the client an answer.
    pub(super) const CUTS: [Self; 3] = [Self::Head, Self::Stall, Self::Answer];
}

impl Progress {
    /// A new connection, whose first headers are awaited.
    pub(super) fn new() -> Self {
        Self::of(false)
    }

    /// The same of HTTP/2.
    pub(super) fn multiplexed() -> Self {
        Self::of(true)
    }

    fn of(is_multiplexed: bool) -> Self {
        let since = Instant::now();
        Self(Mutex::new(Stage { phase: Phase::Head, since, blocked: None, open: 0, is_multiplexed }))
    }

    /// Bytes came.
    pub(super) fn received(&self) {
        let mut stage = self.stage();
        if stage.phase == Phase::Idle && !stage.is_multiplexed {
            stage.enter(Phase::Head);
        }
    }

    /// A request's headers are complete.
    pub(super) fn request(&self) {
        let mut stage = self.stage();
        stage.open += 1;
        // The time of one that is answered already goes on.
        if stage.phase != Phase::Answer {
            stage.enter(Phase::Answer);
        }
    }

    /// The whole answer is handed over for sending.
    pub(super) fn answered(&self) {
        let mut stage = self.stage();
        stage.open = stage.open.saturating_sub(1);
        if stage.open > 0 {
            // That something ends is progress.
            stage.enter(Phase::Answer);
        } else if stage.phase == Phase::Answer {
            stage.phase = Phase::Flush;
        }
    }

    /// The client took some bytes.
    pub(super) fn sent(&self) {
        self.stage().blocked = None;
    }

    /// The client takes nothing now.
    pub(super) fn blocked(&self) {
        self.stage().blocked.get_or_insert_with(Instant::now);
    }

    /// Nothing is left to be sent.
    pub(super) fn flushed(&self) {
        let mut stage = self.stage();
        if stage.phase == Phase::Flush {
            stage.enter(Phase::Idle);
        }
    }

    /// Whether a request may be on its way that was not seen yet.
    pub(super) fn awaits_head(&self) -> bool {
        self.stage().phase == Phase::Head
    }

    /// When the connection is to be closed, and why. When the server is full, an idle connection gives way to others.
    pub(super) fn deadline(&self, limits: &Limits, full: bool) -> (Instant, Overdue) {
        let stage = self.stage();
        let (limit, reason) = match stage.phase {
            Phase::Head => (limits.head, Overdue::Head),
            Phase::Answer | Phase::Flush => (limits.answer, Overdue::Answer),
            Phase::Idle if full => (limits.head.min(limits.idle), Overdue::Idle),
            Phase::Idle => (limits.idle, Overdue::Idle),
        };
        let whole = (stage.since + limit, reason);
        match stage.blocked {
            Some(since) if since + limits.stall < whole.0 => (since + limits.stall, Overdue::Stall),
            _ => whole,
        }
    }

    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stage {
    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.since = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn check(progress: &Progress, seconds: u64, reason: Overdue) {
        let (deadline, why) = progress.deadline(&Limits::default(), false);
        assert_eq!((deadline - Instant::now(), why), (Duration::from_secs(seconds), reason));
    }

    #[tokio::test(start_paused = true)]
    async fn each_phase_has_its_own_limit() {
        let progress = Progress::new();
        check(&progress, 5, Overdue::Head);
        tokio::time::advance(Duration::from_secs(2)).await;
        progress.received();
        check(&progress, 3, Overdue::Head);
        progress.request();
        check(&progress, 60, Overdue::Answer);
        progress.blocked();
        check(&progress, 30, Overdue::Stall);
        tokio::time::advance(Duration::from_secs(20)).await;
        progress.blocked();
        check(&progress, 10, Overdue::Stall);
        progress.sent();
        check(&progress, 40, Overdue::Answer);
        progress.blocked();
        tokio::time::advance(Duration::from_secs(5)).await;
        progress.sent();
        progress.answered();
        check(&progress, 35, Overdue::Answer);
        progress.flushed();
        check(&progress, 120, Overdue::Idle);
        let (full, reason) = progress.deadline(&Limits::default(), true);
        assert_eq!((full - Instant::now(), reason), (Duration::from_secs(5), Overdue::Idle));
        progress.received();
        check(&progress, 5, Overdue::Head);
    }

    #[tokio::test(start_paused = true)]
    async fn several_requests_of_one_connection_are_answered_until_the_last_one_is() {
        let progress = Progress::multiplexed();
        progress.request();
        tokio::time::advance(Duration::from_secs(10)).await;
        progress.request();
        check(&progress, 50, Overdue::Answer);
        progress.answered();
        check(&progress, 60, Overdue::Answer);
        progress.flushed();
        check(&progress, 60, Overdue::Answer);
        progress.answered();
        progress.flushed();
        check(&progress, 120, Overdue::Idle);
        // A ping is no request.
        tokio::time::advance(Duration::from_secs(20)).await;
        progress.received();
        check(&progress, 100, Overdue::Idle);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_a_little_now_and_then_is_bound_by_the_whole_answer() {
        let progress = Progress::new();
        progress.request();
        for _ in 0..5 {
            progress.blocked();
            tokio::time::advance(Duration::from_secs(10)).await;
            progress.sent();
        }
        progress.blocked();
        check(&progress, 10, Overdue::Answer);
    }
}
