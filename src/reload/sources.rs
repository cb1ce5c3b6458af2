use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::judge::Fault;
use super::last_good::{LastGood, Record};
use super::look::{Looked, Looker, Text};
use super::order::{Means, Order, Place, Stamp};
use super::ports::{Object, Reader};
use super::scene::{Lagging, MountLag, Newest, Scene};
use super::{ActiveConfig, Digest};
use crate::source::Store;
use crate::source::kubernetes::{ObjectEvent, ObjectKind, Revision};

/// The kubelet brings a change within 80 s; a volume that lags for longer than this never catches up.
const STUCK: Duration = Duration::from_mins(3);

/// A volume lags by an edit or a few.
const MOST_LAGGING: usize = 16;

/// Where the configuration comes from: the mounted file, the ConfigMap or Secret object, or both, put in order.
#[derive(Debug)]
pub struct Sources<R, O> {
    file: Option<Looker<R>>,
    object: Option<Watched<R, O>>,
    last_good: Option<LastGood<R>>,
    order: Order,
    /// What the file showed at the last look, and whether it ever showed the object's newest text.
    shown: Option<Shown>,
    has_met: bool,
    held: Option<(Digest, Instant)>,
    lag: MountLag,
    warned: bool,
}

/// The object, with what is known of it.
#[derive(Debug)]
struct Watched<R, O> {
    object: O,
    looker: Looker<R>,
    newest: Option<Arc<Revision>>,
    /// Why the object is not to be had, as last heard.
    absence: Option<Arc<str>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Shown {
    Text(Digest),
    Problem(Arc<str>),
}

impl<R: Reader, O: Object> Sources<R, O> {
    /// The file alone.
    pub fn file(reader: R) -> Self {
        Self { file: Some(Looker::new(reader)), ..Self::none() }
    }

    /// The object, with the reader of what it names, which is not that of the file; and the file where there is one.
    pub fn object(object: O, reader: R, file: Option<R>) -> Self {
        let object = Watched { object, looker: Looker::new(reader), newest: None, absence: None };
        Self { file: file.map(Looker::new), object: Some(object), ..Self::none() }
    }

    /// Keeps each configuration that runs in these stores, with a reader of what a kept one names, which is its own.
    #[must_use]
    pub fn kept_in(self, stores: Vec<Arc<dyn Store>>, reader: R) -> Self {
        Self { last_good: (!stores.is_empty()).then(|| LastGood::new(stores, reader)), ..self }
    }

    /// Takes note that the newest known revision runs.
    pub(super) fn keep(&mut self, text: Vec<u8>, active: &ActiveConfig) {
        let Some(last_good) = &mut self.last_good else { return };
        last_good.keep(Record {
            text: Some(text.into()),
            digest: active.text_digest,
            from: active.origin.clone(),
            revision: active.resource_version.clone(),
            applied: active.loaded_at,
            lagging: self.order.lagging().rev().take(MOST_LAGGING).collect(),
        });
    }

    /// What a start can run when the newest revision as a whole can not: a mounted file that is older than the object,
    /// or what of the newest lacks nothing, or else what was kept.
    pub(super) async fn fall_back(
        &mut self,
        file: Option<Looked>,
        reduced: Option<Box<ActiveConfig>>,
    ) -> Option<Box<ActiveConfig>> {
        let file = file.filter(|looked| looked.result.is_ok());
        if file.is_none() && reduced.is_some() {
            return reduced;
        }
        match &mut self.last_good {
            Some(last_good) => last_good.fall_back(file).await.or(reduced),
            None => file.and_then(|looked| looked.result.ok()).or(reduced),
        }
    }

    fn none() -> Self {
        Self {
            file: None,
            object: None,
            last_good: None,
            order: Order::default(),
            shown: None,
            has_met: false,
            held: None,
            lag: MountLag::default(),
            warned: false,
        }
    }

    pub(super) fn has_object(&self) -> bool {
        self.object.is_some()
    }

    /// Why the object could not be read when it was last asked for.
    pub(super) fn absence(&self) -> Option<&str> {
        self.object.as_ref()?.absence.as_deref()
    }

    /// How long the file lags behind the object.
    pub fn lag(&self) -> MountLag {
        self.lag.clone()
    }

    /// Takes in what the API server said; what is older than known is found out by asking. Whether it was news.
    pub(super) async fn hear(&mut self, object_event: ObjectEvent) -> bool {
        match self.absorb(object_event, Means::Watch) {
            Place::Newest => true,
            Place::Ask => {
                self.ask().await;
                false
            }
            Place::Superseded => false,
        }
    }

    /// Takes note that the object had a revision between two others.
    pub(super) fn pass(&mut self, stamp: &Stamp) {
        self.order.object(stamp, Means::Watch);
    }

    /// One GET of the object.
    pub(super) async fn ask(&mut self) {
        if let Some(watched) = &self.object {
            let answer = watched.object.get().await;
            self.absorb(answer, Means::Get);
        }
    }

    fn absorb(&mut self, object_event: ObjectEvent, means: Means) -> Place {
        let Some(watched) = &mut self.object else { return Place::Superseded };
        let name = watched.object.name();
        let absence: Arc<str> = match object_event {
            ObjectEvent::Present(revision) => {
                let place = self.order.object(&stamp(&revision), means);
                if place == Place::Newest {
                    (watched.newest, watched.absence) = (Some(revision), None);
                }
                return place;
            }
            ObjectEvent::Missing => {
                self.order.missing();
                name.missing(self.file.is_some() && watched.newest.is_none()).into()
            }
            ObjectEvent::Unavailable(_) => {
                self.order.away();
                "the Kubernetes API does not answer, or not to us; the log says why".into()
            }
        };
        // What makes it unavailable was said by the watch.
        if self.order.is_missing() && watched.absence.as_ref() != Some(&absence) {
            tracing::warn!(
                object = %name,
                error = &*absence,
                "The {} can not be read; what runs is kept",
                name.kind
            );
        }
        watched.absence = Some(absence);
        Place::Newest
    }

    /// Looks at what there is and puts it in order.
    pub(super) async fn see(&mut self) -> Scene {
        let looked = match &mut self.file {
            Some(file) => Some(file.look(None).await),
            None => None,
        };
        match looked {
            Some(looked) if self.object.is_none() => Scene::of(looked),
            Some(looked) => self.order_file(looked).await,
            None => {
                let newest = self.see_object().await;
                Scene { revision: self.revision(), ..Scene::new(newest) }
            }
        }
    }

    async fn order_file(&mut self, mut looked: Looked) -> Scene {
        let place = match looked.text {
            Some(text) => match self.order.file(text) {
                Place::Ask => {
                    self.ask().await;
                    self.order.file_after_get(text)
                }
                place => place,
            },
            // With nothing else known this is what there is to say.
            None if self.order.newest().is_none() && !self.order.is_of_object() => Place::Newest,
            None => Place::Superseded,
        };
        let shown = match (&looked.text, &looked.result) {
            (Some(text), _) => Shown::Text(*text),
            (None, Err(fault)) => Shown::Problem(fault.report.clone()),
            (None, Ok(_)) => Shown::Problem("".into()),
        };
        let again = looked.come_again;
        let fresh = self.shown.as_ref() != Some(&shown);
        if again.is_none() {
            self.shown = Some(shown);
        }
        self.note_lag(place);
        if place == Place::Newest {
            self.held = None;
            let version = looked.text.and_then(|text| self.order.version_of(text));
            if let Some(version) = version {
                looked.set_version(version);
            }
            let revision = version.map(Into::into);
            return Scene { revision, caught_up: fresh, ..Scene::of(looked) };
        }
        let newest = self.see_object().await;
        let kind = self.object.as_ref().map_or(ObjectKind::ConfigMap, |watched| watched.object.name().kind);
        let detail = match (&looked.text, &looked.result) {
            (None, Err(fault)) => format!("{}; the {kind} object says what runs", fault.report).into(),
            _ => format!(
                "the file is older than the {kind} object; the kubelet brings it up to date within 80 s"
            )
            .into(),
        };
        let lagging = Some(Lagging { text: looked.text, detail, fresh, looked: Some(looked) });
        let scene = Scene::new(newest);
        Scene { revision: self.revision(), lagging, again: scene.again.or(again), ..scene }
    }

    /// Looks at the newest revision of the object.
    async fn see_object(&mut self) -> Newest {
        let Some(watched) = &mut self.object else { return Newest::Nothing("there is no source".into()) };
        let name = watched.object.name();
        let origin = name.to_string();
        let Some(revision) = watched.newest.clone() else {
            let absence = watched.absence.as_deref().unwrap_or("the Kubernetes API has not answered yet");
            return Newest::Nothing(format!("{origin}: {absence}").into());
        };
        let bytes = match &revision.text {
            Ok(bytes) => Arc::from(bytes.as_slice()),
            Err(unusable) => {
                return Newest::Looked(Looked::refused(Fault::new(
                    None,
                    format!("{origin}: {unusable}; correct the object or {}", name.kind.flag()),
                )));
            }
        };
        let label = format!("{origin}:{}", name.key).into();
        let mut looked = watched.looker.look(Some(Text { bytes, origin: origin.clone(), label })).await;
        looked.set_version(&revision.resource_version);
        match looked.text {
            Some(text) if self.file.is_some() && !looked.beside.is_empty() => {
                self.hold(text, &looked.beside, &origin)
            }
            _ => Newest::Looked(looked),
        }
    }

    /// The text is newer than the files beside the mounted one: a mixed pair must never run.
    fn hold(&mut self, text: Digest, beside: &BTreeSet<PathBuf>, origin: &str) -> Newest {
        let since = match self.held {
            Some((held, since)) if held == text => since,
            _ => Instant::now(),
        };
        self.held = Some((text, since));
        let names = beside.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
        if since.elapsed() < STUCK {
            let detail = format!(
                "{origin}: held until the mounted volume shows the same text, since it names files of that volume: {names}"
            );
            return Newest::Held(detail.into());
        }
        let report = format!(
            "{origin}: it names files of the mounted volume ({names}), and the volume has not shown the same text for \
             {STUCK:?}: mount this object as a directory without subPath, or keep those files elsewhere"
        );
        Newest::Looked(Looked::refused(Fault::new(Some(text), report)))
    }

    fn revision(&self) -> Option<Arc<str>> {
        let revision = self.object.as_ref()?.newest.as_ref()?;
        Some(revision.resource_version.as_str().into())
    }

    /// Measures the lag, and says once that the volume will never catch up.
    fn note_lag(&mut self, place: Place) {
        self.has_met |= place == Place::Newest && self.order.is_of_object();
        // An object without a configuration is nothing that a file could show.
        let lags = place != Place::Newest && self.order.newest().is_some();
        self.lag.set(lags);
        if !lags {
            self.warned = false;
        } else if !self.warned && self.lag.get() > STUCK {
            self.warned = true;
            self.warn_of_lag();
        }
    }

    fn warn_of_lag(&self) {
        let (Some(file), Some(watched)) = (&self.file, &self.object) else { return };
        let name = watched.object.name();
        let (kind, flag) = (name.kind, name.kind.flag());
        let why = if file.reader().is_lone_mount() {
            format!("it is mounted by subPath, which never shows an update: mount the {kind} as a directory")
        } else if watched.newest.as_ref().is_some_and(|revision| revision.immutable) {
            format!(
                "the {kind} is immutable, and the kubelet keeps showing the object that was there before: restart the pod"
            )
        } else if self.has_met {
            "the kubelet does not update the volume: see its log, and whether `..data_tmp` was left in the volume".to_owned()
        } else {
            format!(
                "it never showed what the object holds: the mount and {flag} are not the same {kind} or key"
            )
        };
        let file = file.reader().path().display();
        tracing::warn!(%file, object = %name, error = why, "The mounted file does not follow the {kind}; the object says what runs");
    }
}

/// What the order needs to know of a revision.
pub(super) fn stamp(revision: &Revision) -> Stamp {
    Stamp {
        uid: revision.uid.clone(),
        resource_version: revision.resource_version.clone(),
        text: revision.text.as_ref().ok().map(|text| Digest::of_text(text)),
    }
}
