//! Where the configuration comes from: the mounted file, the ConfigMap or Secret object, or both.

mod mount;
mod object;

use std::sync::Arc;

use super::ActiveConfig;
use super::candidate::{Candidate, CandidateReader, GivenText};
use super::last_good::{LastGood, Record};
use super::observation::{NewestRevision, Observation, Superseded};
use super::precedence::{Means, Precedence, Stamp, Standing};
use super::traits::{Object, SnapshotReader};
use crate::source::Store;
use crate::source::kubernetes::{ObjectEvent, ObjectKind};
pub(crate) use mount::MountLag;
use mount::MountedFile;
use object::WatchedObject;

/// A volume lags by an edit or a few.
const MOST_LAGGING: usize = 16;

/// The sources, with the store of the last good configuration.
#[derive(Debug)]
pub(crate) struct Sources {
    file: Option<MountedFile>,
    object: Option<WatchedObject>,
    /// Reads what runs again, and what was kept.
    reader: CandidateReader,
    last_good: Option<LastGood>,
    pub(super) precedence: Precedence,
    /// The watch brought a revision that is older than known.
    met_a_replica: bool,
}

impl Sources {
    /// The file, the object with a reader of what it names, or both; and where each configuration that runs is kept.
    /// The first reader reads what runs again, and what was kept. Each reader is used for one of these alone.
    pub(crate) fn new(
        reader: Arc<dyn SnapshotReader>,
        file: Option<Arc<dyn SnapshotReader>>,
        object: Option<(Box<dyn Object>, Arc<dyn SnapshotReader>)>,
        stores: Vec<Arc<dyn Store>>,
    ) -> Self {
        Self {
            file: file.map(MountedFile::new),
            object: object.map(|(object, reader)| WatchedObject::new(object, reader)),
            reader: CandidateReader::new(reader),
            last_good: (!stores.is_empty()).then(|| LastGood::new(stores)),
            precedence: Precedence::default(),
            met_a_replica: false,
        }
    }

    /// How long the file, if there is one, lags behind the object.
    pub(crate) fn lag(&self) -> Option<MountLag> {
        self.file.as_ref().map(MountedFile::lag)
    }

    pub(super) fn has_object(&self) -> bool {
        self.object.is_some()
    }

    /// Why the object could not be read when it was last asked for.
    pub(super) fn absence(&self) -> Option<&str> {
        self.object.as_ref()?.absence.as_deref()
    }

    /// Notes that the object had a revision between two others.
    pub(super) fn pass(&mut self, stamp: &Stamp) {
        self.precedence.object(stamp, Means::Watch);
    }

    /// Notes what the watch of the object brought; a GET decides about a revision that is older than known.
    pub(super) async fn hear(&mut self, event: ObjectEvent) {
        if self.note(event, Means::Watch) == Standing::Unknown {
            self.met_a_replica = true;
            self.ask().await;
        }
    }

    /// Asks for the object once.
    pub(super) async fn ask(&mut self) {
        if let Some(object) = &self.object {
            let event = object.object.get().await;
            self.note(event, Means::Get);
        }
    }

    fn note(&mut self, event: ObjectEvent, means: Means) -> Standing {
        let Some(object) = &mut self.object else { return Standing::Superseded };
        match event {
            ObjectEvent::Present(revision) => {
                let standing = self.precedence.object(&Stamp::from(&*revision), means);
                if standing == Standing::Newest {
                    (object.newest, object.absence) = (Some(revision), None);
                }
                return standing;
            }
            ObjectEvent::Missing => {
                self.precedence.unreadable();
                object.missing(self.file.is_some());
            }
            ObjectEvent::Unavailable(error) => {
                self.precedence.unreadable();
                object.unavailable(&error);
            }
        }
        Standing::Newest
    }

    /// Reads what the sources show, and which of it is the newest. Where nothing runs, or a part, a part of it may be wanted.
    pub(super) async fn observe(&mut self, wants_partial: bool) -> Observation {
        let met_a_replica = std::mem::take(&mut self.met_a_replica);
        let mut observation = match &mut self.file {
            None => self.observe_object(wants_partial).await,
            Some(file) => {
                let candidate = file.read(wants_partial).await;
                if self.object.is_some() {
                    self.observe_both(candidate, wants_partial).await
                } else {
                    file.shows(&candidate);
                    Observation::of(NewestRevision::Read(candidate))
                }
            }
        };
        if met_a_replica {
            observation.superseded = Some(Superseded::by_a_replica());
        }
        observation
    }

    async fn observe_object(&mut self, wants_partial: bool) -> Observation {
        let Some(object) = &mut self.object else {
            return Observation::of(NewestRevision::Missing("there is no source".into()));
        };
        let newest = object.read(self.file.is_some(), wants_partial).await;
        Observation { revision: object.version(), ..Observation::of(newest) }
    }

    async fn observe_both(&mut self, mut candidate: Candidate, wants_partial: bool) -> Observation {
        let standing = self.standing(&candidate).await;
        let is_news = self.note_file(&candidate, standing);
        if standing == Standing::Newest {
            if let Some(object) = &mut self.object {
                object.held = None;
            }
            let version = candidate.text_digest.and_then(|text| self.precedence.version_of(text));
            for active in candidate.result.as_mut().ok().into_iter().chain(&mut candidate.partial) {
                active.resource_version = version.map(str::to_owned);
            }
            let revision = version.map(Into::into);
            let newest = NewestRevision::Read(candidate);
            return Observation { revision, has_caught_up: is_news, ..Observation::of(newest) };
        }
        let kind = self.object.as_ref().map_or(ObjectKind::ConfigMap, |object| object.object.name().kind);
        let detail = match (candidate.text_digest, &candidate.result) {
            (None, Err(rejection)) => {
                format!("{}; the {kind} object says what runs", rejection.report)
            }
            _ => {
                format!(
                    "the file is older than the {kind} object; the kubelet brings it up to date within 80 s"
                )
            }
        };
        let mut observation = self.observe_object(wants_partial).await;
        observation.retry_after = observation.retry_after.or(candidate.retry_after);
        let (text_digest, detail) = (candidate.text_digest, detail.into());
        observation.superseded = Some(Superseded { text_digest, detail, is_news, file: Some(candidate) });
        observation
    }

    /// Where the text of the file stands among the known revisions.
    async fn standing(&mut self, candidate: &Candidate) -> Standing {
        let Some(text) = candidate.text_digest else {
            // Where nothing else is known, that the file can not be read is what there is to say.
            let is_all = self.precedence.newest().is_none() && !self.precedence.is_of_object();
            return if is_all { Standing::Newest } else { Standing::Superseded };
        };
        match self.precedence.file(text) {
            Standing::Unknown => {
                self.ask().await;
                self.precedence.file_after_get(text)
            }
            standing => standing,
        }
    }

    /// Measures the lag of the file. Whether it shows something else than before.
    fn note_file(&mut self, candidate: &Candidate, standing: Standing) -> bool {
        let (Some(file), Some(object)) = (&mut self.file, &self.object) else { return false };
        let is_newest = standing == Standing::Newest;
        // An object without a configuration is nothing that a file could show.
        let lags = !is_newest && self.precedence.newest().is_some();
        file.note_lag(lags, object.object.name(), object.is_immutable());
        file.has_met |= is_newest && self.precedence.is_of_object();
        file.shows(candidate)
    }

    /// Reads what runs once more with what it names. Files that come with the volume belong to the text that the volume
    /// shows, which may be another one: they are never mixed.
    pub(super) async fn read_again(&mut self, running: &ActiveConfig) -> Option<Box<ActiveConfig>> {
        let candidate = self.reader.read(Some(GivenText::of(running)), running.is_partial()).await;
        candidate.result.ok().or(candidate.partial).filter(|_| candidate.beside.is_empty())
    }

    /// What can run when nothing runs and the newest revision can not: a mounted file that is older than the object, or
    /// the part of the newest that lacks nothing, or else what was kept.
    pub(super) async fn fall_back(
        &mut self,
        file: Option<Candidate>,
        partial: Option<Box<ActiveConfig>>,
    ) -> Option<Box<ActiveConfig>> {
        let file = file.and_then(|candidate| candidate.result.ok());
        if file.is_none() && partial.is_some() {
            return partial;
        }
        let found = match &mut self.last_good {
            Some(last_good) => last_good.fall_back(file, &mut self.reader).await,
            None => file,
        };
        found.or(partial)
    }

    /// Notes that this is the newest known revision and runs.
    pub(super) fn keep(&mut self, active: &ActiveConfig) {
        let lagging = self.precedence.lagging().rev().take(MOST_LAGGING).collect();
        if let Some(last_good) = &mut self.last_good {
            last_good.keep(Record::of(active, lagging));
        }
    }
}
