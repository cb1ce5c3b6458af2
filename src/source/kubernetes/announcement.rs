//! What is announced to the cluster, and the Event that says it.

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

/// Why an Event is published; its `reason`. The most urgent one comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, strum::AsRefStr, strum::VariantArray)]
pub(crate) enum EventReason {
    /// A configuration was refused.
    ConfigRejected,
    /// A configuration was put to work.
    ConfigReloaded,
    /// NetBackup refused an API key.
    CredentialRejected,
    /// A configuration that would be refused was written all the same.
    RejectionOverridden,
}

/// One message to the cluster. It must hold no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Announcement {
    /// Why it is announced.
    pub reason: EventReason,
    /// The text; it is cut to what the API takes.
    pub note: String,
    /// When it happened, which may be a while before it is published.
    pub at: Timestamp,
    /// What makes another announcement the same one.
    pub identity: EventIdentity,
}

/// What makes two announcements the same: replicas that announce the same thing share one Event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum EventIdentity {
    /// The first outcome of this revision of the object. The texts may differ: what changes depends on what ran before.
    Revision(Arc<str>),
    /// The text.
    Note,
}

impl EventReason {
    fn action(self) -> &'static str {
        match self {
            Self::ConfigRejected | Self::ConfigReloaded => "Reload",
            Self::CredentialRejected => "Collect",
            Self::RejectionOverridden => "Admit",
        }
    }

    fn type_(self) -> &'static str {
        match self {
            Self::ConfigRejected | Self::CredentialRejected | Self::RejectionOverridden => "Warning",
            Self::ConfigReloaded => "Normal",
        }
    }
}

impl Announcement {
    /// The Event about an object. Its name is made of what it says, so that all replicas that say it make the same one.
    pub(super) fn event(&self, about: ObjectReference, instance: Option<&str>) -> Event {
        let instance = instance.unwrap_or(CONTROLLER);
        Event {
            metadata: ObjectMeta {
                name: Some(self.name(&about)),
                namespace: about.namespace.clone(),
                ..ObjectMeta::default()
            },
            type_: Some(self.reason.type_().to_owned()),
            reason: Some(self.reason.as_ref().to_owned()),
            action: Some(self.reason.action().to_owned()),
            note: Some(cut(&self.note)),
            event_time: Some(MicroTime(self.at)),
            reporting_controller: Some(CONTROLLER.to_owned()),
            reporting_instance: Some(instance.chars().take(LONGEST_INSTANCE).collect()),
            regarding: Some(about),
            ..Event::default()
        }
    }

    fn name(&self, about: &ObjectReference) -> String {
        let what = match &self.identity {
            EventIdentity::Revision(revision) => ["revision", revision],
            EventIdentity::Note => ["note", &self.note],
        };
        let uid = about.uid.as_deref().unwrap_or_default();
        let mut hash = Sha256::new();
        for part in [uid, self.reason.as_ref()].into_iter().chain(what) {
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
        let announcement = |reason, note: &str, identity| Announcement {
            reason,
            note: note.to_owned(),
            at: Timestamp::UNIX_EPOCH,
            identity,
        };
        let on_7 =
            |note| announcement(EventReason::ConfigReloaded, note, EventIdentity::Revision("7".into()));
        let name = on_7("sites: +paris").name(&about("cfg", "u1"));
        assert_eq!(on_7("sites: +paris, +lyon").name(&about("cfg", "u1")), name);
        for other in [
            announcement(EventReason::ConfigRejected, "sites: +paris", EventIdentity::Revision("7".into())),
            announcement(EventReason::ConfigReloaded, "sites: +paris", EventIdentity::Revision("8".into())),
            announcement(EventReason::ConfigReloaded, "sites: +paris", EventIdentity::Note),
            announcement(EventReason::ConfigReloaded, "7", EventIdentity::Note),
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
