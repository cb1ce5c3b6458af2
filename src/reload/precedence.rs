//! Which of two sources shows the newer revision, though each shows only a part of them.

use std::collections::VecDeque;

use super::Digest;
use crate::source::kubernetes::Revision;

#[cfg(test)]
mod tests;

/// Old revisions that are remembered. A lagging volume that shows an older one costs one GET.
const HISTORY: usize = 64;

/// One revision of the object, as far as its precedence needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    /// Opaque, but see [`is_older`].
    pub(super) resource_version: String,
    /// The digest of the configuration in it, if there is one.
    pub(super) text_digest: Option<Digest>,
}

/// How we came to know a revision of the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Means {
    /// It came by the watch, which may be served by an API server that lags.
    Watch,
    /// We asked for it, and the answer is what holds now.
    Get,
}

/// Where what a source shows stands among the known revisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is the newest one.
    Newest,
    /// It is older than the newest one.
    Superseded,
    /// Only a GET of the object can tell.
    Unknown,
}

/// The newest known text, and which source gave it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum NewestText {
    /// No text is known yet.
    #[default]
    None,
    /// The file gave it, and the object could not be asked.
    File(Digest),
    /// The object gave it; `None` when the object holds no configuration.
    Object(Option<Digest>),
}

/// Knows which of two sources shows the newer revision. The mounted volume lags behind the object by seconds to minutes,
/// and neither source shows every revision.
#[derive(Debug, Default)]
pub(super) struct Precedence {
    newest: NewestText,
    /// Texts that the object had before the newest, or that it was found not to have; the latest at the end.
    history: VecDeque<Digest>,
    /// The text of the last `..data` directory that the volume led to. It only goes forward, so any other text is newer
    /// than this one. Two texts are always two directories; two directories may hold one text, as when a projected volume
    /// is swapped for the sake of its token, and that tells nothing.
    shown: Option<Digest>,
    /// The newest `resourceVersion` of the object.
    version: Option<String>,
    /// Whether the object could be read when it was last heard of; else the volume alone drives.
    is_readable: bool,
}

impl From<&Revision> for Stamp {
    fn from(revision: &Revision) -> Self {
        let text = revision.text.as_ref().ok();
        Self {
            resource_version: revision.resource_version.clone(),
            text_digest: text.map(|text| Digest::of_text(text)),
        }
    }
}

impl Precedence {
    /// The object has, or had, this revision. After [`Standing::Unknown`] the answer of the GET is given to this as well.
    pub(super) fn object(&mut self, stamp: &Stamp, means: Means) -> Standing {
        self.is_readable = true;
        if self.is_rewind(stamp) {
            if means == Means::Watch {
                // A replica that lags, or a restored backup: only the API server itself can tell.
                return Standing::Unknown;
            }
            self.history.clear();
            tracing::warn!(
                revision = stamp.resource_version,
                "The object's revisions went back, as after a restored backup; what was known of their order is forgotten"
            );
        }
        self.version = Some(stamp.resource_version.clone());
        self.adopt(NewestText::Object(stamp.text_digest));
        Standing::Newest
    }

    /// The object can not be read: there is none, or the API server does not answer. What runs is kept.
    pub(super) fn unreadable(&mut self) {
        self.is_readable = false;
    }

    /// The file has this text. After [`Standing::Unknown`] and a GET, [`Precedence::file_after_get`] tells.
    pub(super) fn file(&mut self, text: Digest) -> Standing {
        let standing = match self.newest {
            NewestText::Object(Some(newest)) if newest == text => Standing::Newest,
            // With nobody to ask a volume that was followed so far is followed on.
            NewestText::File(_) if !self.is_readable => self.of_file(text),
            _ if self.may_lag_at(text) => Standing::Superseded,
            _ if self.is_readable => return Standing::Unknown,
            _ => self.of_file(text),
        };
        self.shown = Some(text);
        standing
    }

    /// The same after a GET, whose answer was given to [`Precedence::object`] or [`Precedence::unreadable`].
    pub(super) fn file_after_get(&mut self, text: Digest) -> Standing {
        match self.file(text) {
            Standing::Unknown => {
                // It is none of the newest, so it was before it. Remembered, so that the next tick need not ask.
                self.remember(text);
                self.shown = Some(text);
                Standing::Superseded
            }
            standing => standing,
        }
    }

    /// Whether a volume on its way to the newest revision may still show this text. One that it has left behind it shows
    /// again only by a newer revision: a revert.
    fn may_lag_at(&self, text: Digest) -> bool {
        self.lagging().any(|known| known == text)
    }

    /// The texts that a volume on its way to the newest revision may still show, the oldest first.
    pub(super) fn lagging(&self) -> impl DoubleEndedIterator<Item = Digest> {
        let reached = match self.shown {
            Some(shown) if self.newest() == Some(shown) => self.history.len(),
            Some(shown) => self.history.iter().position(|known| *known == shown).unwrap_or(0),
            None => 0,
        };
        self.history.iter().skip(reached).copied()
    }

    /// The text of the newest known revision.
    pub(super) fn newest(&self) -> Option<Digest> {
        match self.newest {
            NewestText::None | NewestText::Object(None) => None,
            NewestText::File(text) | NewestText::Object(Some(text)) => Some(text),
        }
    }

    /// Whether the object gave the newest known revision, be it one without a configuration.
    pub(super) fn is_of_object(&self) -> bool {
        matches!(self.newest, NewestText::Object(_))
    }

    /// The `resourceVersion` of the newest revision, where the object has this text.
    pub(super) fn version_of(&self, text: Digest) -> Option<&str> {
        self.version.as_deref().filter(|_| self.newest == NewestText::Object(Some(text)))
    }

    fn of_file(&mut self, text: Digest) -> Standing {
        self.adopt(NewestText::File(text));
        Standing::Newest
    }

    fn adopt(&mut self, newest: NewestText) {
        // What only the file had is in no history of the object.
        if let NewestText::Object(Some(text)) = self.newest
            && newest != self.newest
        {
            self.remember(text);
        }
        self.newest = newest;
        // A revert makes an old text the newest.
        if let Some(text) = self.newest() {
            self.history.retain(|known| *known != text);
        }
    }

    fn remember(&mut self, text: Digest) {
        self.history.retain(|known| *known != text);
        self.history.push_back(text);
        if self.history.len() > HISTORY {
            self.history.pop_front();
        }
    }

    fn is_rewind(&self, stamp: &Stamp) -> bool {
        self.version.as_ref().is_some_and(|newest| is_older(&stamp.resource_version, newest))
    }
}

/// Whether one version is older than another. They are compared only where both are decimals without a leading zero, of
/// any length, as Kubernetes allows from 1.35 on (KEP-5504); all others are opaque, and the order of arrival decides.
pub(super) fn is_older(version: &str, than: &str) -> bool {
    let is_decimal = |text: &str| {
        !text.is_empty() && !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    is_decimal(version) && is_decimal(than) && (version.len(), version) < (than.len(), than)
}
