//! The tasks of one HTTP/2 connection: each request has one, and none outlives the connection.

use hyper::rt::Executor;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Owns the tasks of one connection: they end when it is dropped.
#[derive(Debug)]
pub(super) struct StreamTasks {
    cut: CancellationToken,
    _guard: DropGuard,
}

/// Begins tasks for a connection.
#[derive(Clone, Debug)]
pub(super) struct StreamExecutor(CancellationToken);

impl Default for StreamTasks {
    fn default() -> Self {
        let cut = CancellationToken::new();
        Self { _guard: cut.clone().drop_guard(), cut }
    }
}

impl StreamTasks {
    pub(super) fn executor(&self) -> StreamExecutor {
        StreamExecutor(self.cut.clone())
    }
}

impl<F: Future<Output: Send> + Send + 'static> Executor<F> for StreamExecutor {
    fn execute(&self, task: F) {
        tokio::spawn(self.0.clone().run_until_cancelled_owned(task));
    }
}
