//! A media server, as the API gives it and as it is shown.

use crate::collector::walk::{FromRecord, label};
use crate::metric::{Desc, Family, Labelled, flag, one_of};
use crate::netbackup::{Field, Part, Text};

static UP: Labelled<1> = Labelled::gauge(
    "nbu_media_server_up",
    "Whether a media server is up (isMachineUp, or else status.name ACTIVE…, 1) or not (0).",
    ["media_server"],
);
static STATUS: Labelled<2> = Labelled::gauge(
    "nbu_media_server_status",
    "Whether a media server has this status (status.name, 1) or not (0); somebody has wished DEACTIVATED.",
    ["media_server", "status"],
);
static INFO: Labelled<3> = Labelled::gauge(
    "nbu_media_server_info",
    "What a media server is, as labels (nbuVersion, osType); always 1.",
    ["media_server", "release", "os"],
);

/// Everything that [`render`] gives, in its order.
pub(super) static FAMILIES: &[&Desc] = &[&UP, &STATUS, &INFO];

/// The words of `status.name` ("NetBackup API reference, /config/media-servers" of 10.3; later ones do not list them).
const STATUSES: [&str; 6] = [
    "ACTIVE_FOR_TAPE_AND_DISK",
    "ACTIVE_FOR_TAPE",
    "ACTIVE_FOR_DISK",
    "OFFLINE",
    "DEACTIVATED",
    "VIRTUAL_NODE",
];

/// A record of `/config/media-servers` as it comes.
#[derive(serde::Deserialize)]
pub(super) struct MediaServerRecord<'a> {
    #[serde(borrow, default)]
    id: Text<'a>,
    #[serde(borrow, default)]
    attributes: Part<MediaServerAttributes<'a>>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct MediaServerAttributes<'a> {
    #[serde(borrow, default)]
    host_name: Text<'a>,
    #[serde(borrow, default)]
    nbu_version: Text<'a>,
    #[serde(borrow, default)]
    os_type: Text<'a>,
    #[serde(default)]
    is_machine_up: Field<bool>,
    #[serde(borrow, default)]
    status: Part<MediaServerStatusRecord<'a>>,
}

#[derive(serde::Deserialize)]
struct MediaServerStatusRecord<'a> {
    #[serde(borrow, default)]
    name: Text<'a>,
}

/// A media server; what the record leaves out is empty or `None`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct MediaServer {
    pub(super) name: String,
    release: String,
    os: String,
    is_up: Option<bool>,
    status: Option<String>,
}

impl FromRecord for MediaServer {
    type Record<'a> = MediaServerRecord<'a>;

    fn new(record: MediaServerRecord<'_>, malformed: &mut u64) -> Option<Self> {
        let attributes = record.attributes.take(malformed)?;
        let id = label(record.id, malformed);
        let status = attributes.status.take(malformed).and_then(|status| label(status.name, malformed));
        let is_up = attributes.is_machine_up.take(malformed);
        Some(Self {
            name: label(attributes.host_name, malformed).or(id)?,
            release: label(attributes.nbu_version, malformed).unwrap_or_default(),
            os: label(attributes.os_type, malformed).unwrap_or_default(),
            is_up: is_up.or_else(|| status.as_deref().map(|status| status.starts_with("ACTIVE"))),
            status,
        })
    }
}

/// The families of a site's media servers.
pub(super) fn render(site: &str, servers: &[MediaServer]) -> Vec<Family> {
    let up = |server: &MediaServer| server.is_up.map(flag);
    vec![
        UP.family(site, servers.iter().filter_map(|server| Some(([server.name.as_str()], up(server)?)))),
        STATUS.family(site, servers.iter().flat_map(statuses)),
        INFO.family(site, servers.iter().map(|server| ([&*server.name, &server.release, &server.os], 1.0))),
    ]
}

fn statuses(server: &MediaServer) -> impl Iterator<Item = ([&str; 2], f64)> {
    let samples = server.status.as_deref().into_iter().flat_map(|status| one_of(STATUSES, status));
    samples.map(|(status, value)| ([server.name.as_str(), status], value))
}
