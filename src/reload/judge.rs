//! What runs and what was rejected before, by content: the order and the number of triggers do not matter.

use super::Digest;
use super::candidate::Rejection;

/// Remembers what runs and what was rejected.
#[derive(Debug)]
pub(super) struct Judge {
    /// `None` while nothing runs, or what runs stands in for the newest: whatever can run then is applied.
    running: Option<Digest>,
    rejection: Option<Rejection>,
}

impl Judge {
    /// Begins with the effective digest of the first configuration, if it is the newest one.
    pub(super) fn new(running: Option<Digest>) -> Self {
        Self { running, rejection: None }
    }

    /// Whether this is what runs.
    pub(super) fn runs(&self, effective: Digest) -> bool {
        self.running == Some(effective)
    }

    /// Notes that the newest configuration runs. Whether this ends a rejection.
    pub(super) fn accept(&mut self, effective: Digest) -> bool {
        self.running = Some(effective);
        self.rejection.take().is_some()
    }

    /// Notes that the newest configuration can not run. Whether that is news.
    pub(super) fn reject(&mut self, rejection: Rejection) -> bool {
        let is_news = !self.rejection.as_ref().is_some_and(|known| known.is_like(&rejection));
        self.rejection = Some(rejection);
        is_news
    }

    /// Notes that what runs has other content in the files that it names, while the newest can not run.
    pub(super) fn renew(&mut self, effective: Digest) {
        self.running = self.running.and(Some(effective));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(name: &str) -> Digest {
        Digest::of_text(name.as_bytes())
    }

    fn rejection(name: &str) -> Rejection {
        Rejection::new(Some(digest(name)), name)
    }

    #[test]
    fn a_rejection_is_news_only_once() {
        let mut judge = Judge::new(Some(digest("a")));
        assert!(judge.reject(rejection("b")));
        assert!(!judge.reject(rejection("b")));
        assert!(judge.reject(rejection("c")));
    }

    #[test]
    fn going_back_to_the_running_content_ends_the_rejection() {
        let mut judge = Judge::new(Some(digest("a")));
        judge.reject(rejection("b"));
        assert!(judge.runs(digest("a")));
        assert!(judge.accept(digest("a")));
        assert!(!judge.accept(digest("a")));
    }

    #[test]
    fn what_stands_in_for_the_newest_is_not_compared_with() {
        let mut judge = Judge::new(None);
        judge.renew(digest("a"));
        assert!(!judge.runs(digest("a")));
    }
}
