use std::sync::Arc;

use super::Digest;

/// What one look showed, as far as the judgement needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// A valid configuration.
    Valid {
        /// The digest of everything that it depends on.
        effective: Digest,
    },
    /// Nothing that could run.
    Invalid(Fault),
}

/// Why something can not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// The digest of the material, or `None` when it could not be read.
    pub(super) effective: Option<Digest>,
    /// The whole report.
    pub(super) report: Arc<str>,
    /// The report without the name of the source: what the object and the volume say of the same text is one thing.
    pub(super) mistakes: Arc<str>,
    /// Nothing is wrong but what the text refers to, which may still come: a Secret lags behind.
    pub(super) lacks_reference: bool,
}

impl Fault {
    /// A fault that is no matter of the text.
    pub(super) fn new(effective: Option<Digest>, report: impl Into<Arc<str>>) -> Self {
        let report = report.into();
        Self { effective, mistakes: report.clone(), report, lacks_reference: false }
    }

    /// Whether both are the same news.
    fn is_like(&self, other: &Self) -> bool {
        self.effective == other.effective && self.mistakes == other.mistakes
    }
}

/// What to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    /// Get it ready and publish it.
    Apply,
    /// It runs already; `recovered` when a rejection stood until now.
    Unchanged {
        /// Whether this ends a rejection.
        recovered: bool,
    },
    /// Keep what runs; `fresh` when this is said for the first time.
    Reject {
        /// Whether it is news.
        fresh: bool,
    },
}

/// Remembers what runs and what was refused. It decides alone by content, so that the order and the number of
/// triggers do not matter.
#[derive(Debug)]
pub(super) struct Judge {
    running: Option<Digest>,
    refused: Option<Fault>,
}

impl Judge {
    /// Begins with the first configuration, unless it stands in for another one.
    pub(super) fn new(running: Option<Digest>) -> Self {
        Self { running, refused: None }
    }

    /// Decides about what was seen.
    pub(super) fn judge(&mut self, seen: Seen) -> Judgement {
        match seen {
            Seen::Valid { effective } if Some(effective) == self.running => {
                Judgement::Unchanged { recovered: self.refused.take().is_some() }
            }
            Seen::Valid { .. } => Judgement::Apply,
            Seen::Invalid(fault) => Judgement::Reject { fresh: self.refuse(fault) },
        }
    }

    /// Notes that a configuration was published.
    pub(super) fn applied(&mut self, effective: Digest) {
        self.running = Some(effective);
        self.refused = None;
    }

    /// Notes that something can not run; whether that is news.
    pub(super) fn refuse(&mut self, fault: Fault) -> bool {
        let fresh = !self.refused.as_ref().is_some_and(|refused| refused.is_like(&fault));
        self.refused = Some(fault);
        fresh
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn digest(name: &str) -> Digest {
        Digest::of_text(name.as_bytes())
    }

    fn valid(name: &str) -> Seen {
        Seen::Valid { effective: digest(name) }
    }

    fn invalid(name: &str) -> Seen {
        Seen::Invalid(Fault::new(Some(digest(name)), name))
    }

    #[test]
    fn a_rejection_is_news_only_once() {
        let mut judge = Judge::new(Some(digest("a")));
        assert_eq!(judge.judge(invalid("b")), Judgement::Reject { fresh: true });
        assert_eq!(judge.judge(invalid("b")), Judgement::Reject { fresh: false });
        assert_eq!(judge.judge(invalid("c")), Judgement::Reject { fresh: true });
    }

    #[test]
    fn going_back_to_the_running_content_ends_the_rejection() {
        let mut judge = Judge::new(Some(digest("a")));
        judge.judge(invalid("b"));
        assert_eq!(judge.judge(valid("a")), Judgement::Unchanged { recovered: true });
        assert_eq!(judge.judge(valid("a")), Judgement::Unchanged { recovered: false });
    }

    proptest! {
        #[test]
        fn whatever_the_order_of_edits_and_looks_the_newest_valid_one_runs_and_nothing_is_applied_twice(
            steps in prop::collection::vec((0_u8..5, any::<bool>(), 0_usize..4), 1..60)
        ) {
            // An edit writes content `n`, valid or not; then it is looked at none to three times.
            let mut judge = Judge::new(Some(digest("start")));
            let (mut running, mut newest_valid_seen) = ("start".to_owned(), "start".to_owned());
            for (content, is_valid, looks) in steps {
                let name = format!("{content}");
                for _ in 0..looks {
                    let seen = if is_valid { valid(&name) } else { invalid(&name) };
                    if judge.judge(seen) == Judgement::Apply {
                        prop_assert!(is_valid, "an invalid one must not run");
                        prop_assert_ne!(&running, &name, "equal content must not be applied twice");
                        judge.applied(digest(&name));
                        running.clone_from(&name);
                    }
                    if is_valid {
                        newest_valid_seen.clone_from(&name);
                    }
                }
                prop_assert_eq!(&running, &newest_valid_seen);
            }
        }
    }
}
