use std::collections::VecDeque;

use super::Digest;

#[cfg(test)]
mod tests;

/// Old revisions that are remembered. A lagging volume that shows an older one costs one GET.
const HISTORY: usize = 64;

/// One revision of the object, as far as the order needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    /// Another object of the same name has another one.
    pub(super) uid: String,
    /// Opaque, but see [`is_older`].
    pub(super) resource_version: String,
    /// The digest of the configuration in it, if there is one.
    pub(super) text: Option<Digest>,
}

/// How we came to know a revision of the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Means {
    /// It came by the watch, which may be served by an API server that lags.
    Watch,
    /// We asked for it, and the answer is what holds now.
    Get,
}

/// The place of what a source shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// It is the newest that is known.
    Newest,
    /// It is older than that.
    Superseded,
    /// One GET of the object has to tell.
    Ask,
}

/// What the API server last said of the object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Api {
    /// Nothing, or that it does not answer: the volume alone drives.
    #[default]
    Away,
    /// That there is no object.
    Missing,
    /// A revision.
    Present,
}

/// The newest revision that is known, of whichever source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Newest {
    #[default]
    Unknown,
    /// By the file, with nobody to ask.
    OfFile(Digest),
    /// By the object; without a text when it holds no configuration.
    OfObject(Option<Digest>),
}

/// Puts what the two sources show in order: the mounted volume lags behind the object, by seconds to minutes, and
/// neither is seen whole.
#[derive(Debug, Default)]
pub(super) struct Order {
    newest: Newest,
    /// Texts that the object had before the newest, or that it was found not to have; the latest at the end.
    history: VecDeque<Digest>,
    /// The text of the last `..data` directory that the volume led to. It only goes forward, so any other text is newer
    /// than this one. Two texts are always two directories; two directories may hold one text, as when a projected volume
    /// is swapped for the sake of its token, and that tells nothing.
    shown: Option<Digest>,
    version: Option<(String, String)>,
    api: Api,
}

impl Order {
    /// The object has, or had, this revision. After `Ask` the answer of the GET is given to this as well.
    pub(super) fn object(&mut self, stamp: &Stamp, means: Means) -> Place {
        self.api = Api::Present;
        if self.is_rewind(stamp) {
            if means == Means::Watch {
                // A replica that lags, or a restored backup: only the API server itself can tell.
                return Place::Ask;
            }
            self.history.clear();
            tracing::warn!(
                revision = stamp.resource_version,
                "The object's revisions went back, as after a restored backup; what was known of their order is forgotten"
            );
        }
        self.version = Some((stamp.uid.clone(), stamp.resource_version.clone()));
        self.adopt(Newest::OfObject(stamp.text));
        Place::Newest
    }

    /// The API server says that there is no object. What runs is kept.
    pub(super) fn missing(&mut self) {
        self.api = Api::Missing;
    }

    /// The API server does not answer.
    pub(super) fn away(&mut self) {
        self.api = Api::Away;
    }

    /// The file has this text. After `Ask` and the GET it is asked again by [`Order::file_after_get`].
    pub(super) fn file(&mut self, text: Digest) -> Place {
        let place = match self.newest {
            Newest::OfObject(Some(newest)) if newest == text => Place::Newest,
            // With nobody to ask a volume that was followed so far is followed on.
            Newest::OfFile(_) if self.api != Api::Present => self.of_file(text),
            _ if self.may_lag_at(text) => Place::Superseded,
            _ if self.api == Api::Present => return Place::Ask,
            _ => self.of_file(text),
        };
        self.shown = Some(text);
        place
    }

    /// The same after a GET, whose answer was given to [`Order::object`], [`Order::missing`] or [`Order::away`].
    pub(super) fn file_after_get(&mut self, text: Digest) -> Place {
        match self.file(text) {
            Place::Ask => {
                // It is none of the newest, so it was before it. Remembered, so that the next tick need not ask.
                self.remember(text);
                self.shown = Some(text);
                Place::Superseded
            }
            place => place,
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
            Newest::Unknown | Newest::OfObject(None) => None,
            Newest::OfFile(text) | Newest::OfObject(Some(text)) => Some(text),
        }
    }

    /// Whether the object gave the newest known revision, be it one without a configuration.
    pub(super) fn is_of_object(&self) -> bool {
        matches!(self.newest, Newest::OfObject(_))
    }

    /// Whether the API server said that there is no object.
    pub(super) fn is_missing(&self) -> bool {
        self.api == Api::Missing
    }

    /// The `resourceVersion` of the newest revision, where the object has this text.
    pub(super) fn version_of(&self, text: Digest) -> Option<&str> {
        let (_, version) = self.version.as_ref()?;
        (self.newest == Newest::OfObject(Some(text))).then_some(version.as_str())
    }

    fn of_file(&mut self, text: Digest) -> Place {
        self.adopt(Newest::OfFile(text));
        Place::Newest
    }

    fn adopt(&mut self, newest: Newest) {
        // What only the file had is in no history of the object.
        if let Newest::OfObject(Some(text)) = self.newest
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
        self.version.as_ref().is_some_and(|(_, newest)| is_older(&stamp.resource_version, newest))
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
