//! How many requests one run of a collector may send.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

tokio::task_local! {
    /// The budget of the run that is polled now. A collector can not forget to hand it on.
    static BUDGET: Arc<RequestBudget>;
}

/// How many requests a run may send, and how many it has sent.
#[derive(Debug)]
pub(crate) struct RequestBudget {
    most: u32,
    sent: AtomicU32,
}

impl RequestBudget {
    /// A budget of which nothing is spent.
    pub(crate) fn new(most: u32) -> Arc<Self> {
        Arc::new(Self { most, sent: AtomicU32::new(0) })
    }

    /// Runs a future whose requests count towards this budget.
    pub(crate) async fn scope<F: Future>(self: Arc<Self>, run: F) -> F::Output {
        BUDGET.scope(self, run).await
    }

    /// How many requests were sent, with those that were sent again.
    pub(crate) fn sent(&self) -> u32 {
        self.sent.load(Ordering::Relaxed)
    }

    fn take(&self) -> bool {
        let is_left = |sent| (sent < self.most).then_some(sent + 1);
        self.sent.fetch_update(Ordering::Relaxed, Ordering::Relaxed, is_left).is_ok()
    }
}

/// Takes one request out of the budget of the run; false if none is left. What is asked beside the runs has no budget.
pub(super) fn take() -> bool {
    BUDGET.try_with(|budget| budget.take()).unwrap_or(true)
}

/// Whether the run may send no further request.
pub(super) fn is_spent() -> bool {
    BUDGET.try_with(|budget| budget.sent() >= budget.most).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_run_may_send_as_many_requests_as_its_budget_has_and_what_is_asked_beside_it_any_number() {
        let budget = RequestBudget::new(2);
        let taken = budget.clone().scope(async { [is_spent(), take(), take(), is_spent(), take()] }).await;
        assert_eq!((taken, budget.sent()), ([false, true, true, true, false], 2));
        assert!(take() && !is_spent());
    }
}
