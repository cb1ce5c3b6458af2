use std::fmt::Write as _;
use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use sha2::{Digest as _, Sha256};

/// The reporting controller of our Events.
const CONTROLLER: &str = "nbu-exporter";
/// The API takes 1 kB (`events.k8s.io/v1`, field `note`).
const LONGEST_NOTE: usize = 1024;
/// The API takes so much (field `reportingInstance`).
const LONGEST_INSTANCE: usize = 128;
/// So that an Event's name is one that an object can have (253 characters): the object's, a dot and a hash.
const LONGEST_NAME: usize = 220;

/// What an Event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A configuration was refused.
    ConfigRejected,
    /// A configuration was put to work.
    ConfigReloaded,
    /// NetBackup refused an API key.
    CredentialRejected,
}

/// One thing to tell the cluster. It must hold no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// What it is about.
    pub kind: Kind,
    /// The text; it is cut to what the API takes.
    pub note: String,
    /// When it happened, which may be a while before it is told.
    pub at: Timestamp,
    /// By what it is known as the same thing.
    pub occasion: Occasion,
}

/// What makes two announcements the same thing: replicas that tell one thing meet in one Event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// What first came of this revision of the object. The words may differ: what it changed depends on what ran.
    Revision(Arc<str>),
    /// The words.
    Note,
}

impl Kind {
    /// All kinds, the most urgent first.
    pub(super) const ALL: [Self; 3] = [Self::ConfigRejected, Self::ConfigReloaded, Self::CredentialRejected];

    /// The Event's `reason`.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::ConfigRejected => "ConfigRejected",
            Self::ConfigReloaded => "ConfigReloaded",
            Self::CredentialRejected => "CredentialRejected",
        }
    }

    fn action(self) -> &'static str {
        match self {
            Self::ConfigRejected | Self::ConfigReloaded => "Reload",
            Self::CredentialRejected => "Collect",
        }
    }

    fn type_(self) -> &'static str {
        match self {
            Self::ConfigRejected | Self::CredentialRejected => "Warning",
            Self::ConfigReloaded => "Normal",
        }
    }
}

impl Announcement {
    /// The Event that tells this of an object. Its name is made of what is told, so that there is one of it whoever
    /// tells it.
    pub(super) fn event(&self, about: ObjectReference, instance: Option<&str>) -> Event {
        let instance = instance.unwrap_or(CONTROLLER);
        Event {
            metadata: ObjectMeta {
                name: Some(self.name(&about)),
                namespace: about.namespace.clone(),
                ..ObjectMeta::default()
            },
            type_: Some(self.kind.type_().to_owned()),
            reason: Some(self.kind.reason().to_owned()),
            action: Some(self.kind.action().to_owned()),
            note: Some(cut(&self.note)),
            event_time: Some(MicroTime(self.at)),
            reporting_controller: Some(CONTROLLER.to_owned()),
            reporting_instance: Some(instance.chars().take(LONGEST_INSTANCE).collect()),
            regarding: Some(about),
            ..Event::default()
        }
    }

    fn name(&self, about: &ObjectReference) -> String {
        let what = match &self.occasion {
            Occasion::Revision(revision) => ["revision", revision],
            Occasion::Note => ["note", &self.note],
        };
        let uid = about.uid.as_deref().unwrap_or_default();
        let mut hash = Sha256::new();
        for part in [uid, self.kind.reason()].into_iter().chain(what) {
            hash.update(part);
            hash.update([0]);
        }
        let mut name: String = about.name.as_deref().unwrap_or_default().chars().take(LONGEST_NAME).collect();
        // A label ends with a letter or a digit.
        name.truncate(name.trim_end_matches(['-', '.']).len());
        name.push('.');
        for byte in hash.finalize().iter().take(8) {
            // Writing to a `String` can not fail.
            let _ = write!(name, "{byte:02x}");
        }
        name
    }
}

/// Cuts a note between characters.
fn cut(note: &str) -> String {
    const SIGN: &str = " …";
    if note.len() <= LONGEST_NOTE {
        return note.to_owned();
    }
    let end = note.floor_char_boundary(LONGEST_NOTE - SIGN.len());
    format!("{}{SIGN}", note.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_report_is_cut_between_characters_to_what_the_api_takes() {
        for text in ["short".to_owned(), "é".repeat(512), "é".repeat(513), "x".repeat(5000), "€".repeat(400)]
        {
            let note = cut(&text);
            assert!(note.len() <= LONGEST_NOTE);
            assert_eq!(note == text, text.len() <= LONGEST_NOTE);
        }
    }

    #[test]
    fn an_event_has_one_name_for_one_thing_and_one_that_an_object_can_have() {
        let about = |name: &str, uid: &str| ObjectReference {
            name: Some(name.to_owned()),
            uid: Some(uid.to_owned()),
            ..ObjectReference::default()
        };
        let told = |kind, note: &str, occasion| Announcement {
            kind,
            note: note.to_owned(),
            at: Timestamp::UNIX_EPOCH,
            occasion,
        };
        let on_7 = |note| told(Kind::ConfigReloaded, note, Occasion::Revision("7".into()));
        let name = on_7("sites: +paris").name(&about("cfg", "u1"));
        assert_eq!(on_7("sites: +paris, +lyon").name(&about("cfg", "u1")), name);
        for other in [
            told(Kind::ConfigRejected, "sites: +paris", Occasion::Revision("7".into())),
            told(Kind::ConfigReloaded, "sites: +paris", Occasion::Revision("8".into())),
            told(Kind::ConfigReloaded, "sites: +paris", Occasion::Note),
            told(Kind::ConfigReloaded, "7", Occasion::Note),
        ] {
            assert_ne!(other.name(&about("cfg", "u1")), name);
        }
        assert_ne!(on_7("").name(&about("cfg", "u2")), name);
        assert!(name.starts_with("cfg.") && name.len() == "cfg.".len() + 16, "{name}");
        let longest = format!("{}-{}", "a".repeat(LONGEST_NAME - 1), "b".repeat(30));
        let name = on_7("").name(&about(&longest, "u1"));
        assert!(
            name.len() <= 253 && name.starts_with(&format!("{}.", "a".repeat(LONGEST_NAME - 1))),
            "{name}"
        );
    }
}
