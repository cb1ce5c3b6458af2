//! Begins a task anew after a panic.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use prometheus::{IntCounterVec, Registry, register_int_counter_vec_with_registry};
use strum::VariantArray as _;
use tokio::time::{Instant, sleep};

/// The pause before a task is begun anew; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// A task that lived this long was healthy: its next panic is a first one again.
const HEALTHY: Duration = Duration::from_mins(10);

/// A task that a panic does not end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::AsRefStr, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum Task {
    /// Accepts clients.
    Acceptor,
    /// Makes announcements of verdicts.
    Announcing,
    /// Publishes announcements as Events.
    Events,
    /// Keeps the webhook's certificate.
    Certificate,
}

/// Begins a task anew after a panic, and counts that.
#[derive(Clone, Debug)]
pub(crate) struct Restarts(IntCounterVec);

impl Restarts {
    /// Registers the counter; every task begins at 0.
    pub(crate) fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let restarts = register_int_counter_vec_with_registry!(
            "nbu_exporter_task_restarts_total",
            "Times that a task was begun anew after a panic.",
            &["task"],
            registry
        )?;
        for task in Task::VARIANTS {
            restarts.with_label_values(&[task.as_ref()]);
        }
        Ok(Self(restarts))
    }

    /// How often a task was begun anew.
    #[cfg(test)]
    pub(crate) fn of(&self, task: Task) -> u64 {
        self.0.with_label_values(&[task.as_ref()]).get()
    }

    /// Does the work until it ends by itself. After a panic the work begins anew with the state as the panic left it.
    pub(crate) async fn keep<S, T>(
        &self,
        task: Task,
        state: &mut S,
        mut work: impl for<'a> FnMut(&'a mut S) -> BoxFuture<'a, T>,
    ) -> T {
        let mut pause = FIRST_PAUSE;
        loop {
            let began = Instant::now();
            if let Ok(done) = AssertUnwindSafe(work(state)).catch_unwind().await {
                return done;
            }
            if began.elapsed() >= HEALTHY {
                pause = FIRST_PAUSE;
            }
            let name = task.as_ref();
            self.0.with_label_values(&[name]).inc();
            tracing::error!(
                task = name,
                pause = pause.as_secs_f64(),
                "A task ended by a panic; it is begun anew"
            );
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_task_that_panics_is_counted_and_begun_anew_with_growing_pauses_until_it_is_healthy() {
        let registry = Registry::new();
        let restarts = Restarts::new(&registry).unwrap();
        let mut lives = vec![0, 0, 0, HEALTHY.as_secs(), 0];
        let mut began = Vec::new();
        let state = &mut (&mut lives, &mut began);
        let done = restarts.keep(Task::Events, state, |(lives, began)| {
            async move {
                began.push(Instant::now());
                if lives.is_empty() {
                    return "done";
                }
                sleep(Duration::from_secs(lives.remove(0))).await;
                panic!("a task that panics");
            }
            .boxed()
        });
        assert_eq!(done.await, "done");
        let pauses: Vec<_> = began.windows(2).map(|pair| (pair[1] - pair[0]).as_millis() % 600_000).collect();
        assert_eq!(pauses, [100, 200, 400, 100, 200]);
        assert_eq!((restarts.of(Task::Events), restarts.of(Task::Acceptor)), (5, 0));
    }
}
