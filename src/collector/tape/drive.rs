//! A tape drive, as the API gives it and as it is shown.

use std::collections::{BTreeMap, BTreeSet};

use crate::collector::walk::{FromRecord, label};
use crate::metric::{Desc, Family, Labelled, flag, one_of};
use crate::netbackup::{Field, Part, PartList, Text};

static DRIVES: Labelled<3> = Labelled::gauge(
    "nbu_tape_drives",
    "Tape drives by type, robot type and status: UP, DOWN, MIXED or DISABLED (driveType, robotType, driveStatus).",
    ["drive_type", "robot_type", "status"],
);
static IDENTITY: Labelled<4> = Labelled::gauge(
    "nbu_tape_drive_identity_info",
    "What a tape drive is, as labels (driveType, robotType, robotNumber); always 1.",
    ["drive", "drive_type", "robot_type", "robot_number"],
);
static STATUS: Labelled<2> = Labelled::gauge(
    "nbu_tape_drive_status",
    "Whether a tape drive has this status (driveStatus, 1) or not (0); MIXED: not all of its paths are up.",
    ["drive", "status"],
);
static PATHS: Labelled<2> = Labelled::gauge(
    "nbu_tape_drive_paths",
    "Paths to a tape drive by status: UP, DOWN or DISABLED (devicePaths.pathStatus).",
    ["drive", "status"],
);
static NEEDS_CLEANING: Labelled<1> = Labelled::gauge(
    "nbu_tape_drive_needs_cleaning",
    "Whether a tape drive wants to be cleaned (cleaningComment NEEDS CLEANING, 1) or not (0).",
    ["drive"],
);
static ALERT: Labelled<2> = Labelled::gauge(
    "nbu_tape_drive_alert",
    "The alerts that a tape drive gives (tapeAlert1, tapeAlert2); always 1.",
    ["drive", "alert"],
);
static V4_DRIVES: Labelled<3> = Labelled::v4_gauge(
    "nbu_tape_drives_count",
    "Tape drives by type, robot type and status (driveType, robotType, driveStatus).",
    ["drive_type", "robot_type", "status"],
);
static V4_INFO: Labelled<5> = Labelled::v4_gauge(
    "nbu_tape_drive_info",
    "What a tape drive is, as labels (id, deviceHost, driveType, robotNumber, driveStatus); always 1.",
    ["drive_name", "media_server", "drive_type", "robot_number", "status"],
);

/// Everything that [`render`] gives, in its order.
pub(super) static FAMILIES: &[&Desc] =
    &[&DRIVES, &IDENTITY, &STATUS, &PATHS, &NEEDS_CLEANING, &ALERT, &V4_DRIVES, &V4_INFO];

/// `driveStatus` without its `DRIVE_STATUS_`.
const STATUSES: [&str; 4] = ["UP", "DOWN", "MIXED", "DISABLED"];
/// `pathStatus` without its `PATH_STATUS_`.
const PATH_STATUSES: [&str; 3] = ["UP", "DOWN", "DISABLED"];

/// A record of `/storage/drives` as it comes. The name of a drive is its id: no attribute repeats it.
#[derive(serde::Deserialize)]
pub(super) struct DriveRecord<'a> {
    #[serde(borrow, default)]
    id: Text<'a>,
    #[serde(borrow, default)]
    attributes: Part<DriveAttributes<'a>>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct DriveAttributes<'a> {
    #[serde(borrow, default)]
    drive_type: Text<'a>,
    #[serde(borrow, default)]
    robot_type: Text<'a>,
    #[serde(default)]
    robot_number: Field<u64>,
    #[serde(borrow, default)]
    drive_status: Text<'a>,
    #[serde(borrow, default)]
    device_host: Text<'a>,
    #[serde(borrow, default)]
    cleaning_comment: Text<'a>,
    #[serde(borrow, default)]
    tape_alert1: Text<'a>,
    #[serde(borrow, default)]
    tape_alert2: Text<'a>,
    #[serde(borrow, default)]
    device_paths: PartList<Part<DrivePathRecord<'a>>>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct DrivePathRecord<'a> {
    #[serde(borrow, default)]
    path_status: Text<'a>,
}

/// A tape drive; what the record leaves out is empty or `None`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Drive {
    pub(super) name: String,
    drive_type: String,
    robot_type: String,
    robot_number: String,
    /// As it comes.
    status: Option<String>,
    /// A media server, or `<multiple>`.
    device_host: String,
    needs_cleaning: bool,
    alerts: BTreeSet<String>,
    /// The statuses of its paths; `None` if the record lists none.
    paths: Option<Vec<String>>,
}

impl FromRecord for Drive {
    type Record<'a> = DriveRecord<'a>;

    fn new(record: DriveRecord<'_>, malformed: &mut u64) -> Option<Self> {
        let name = label(record.id, malformed)?;
        let attributes = record.attributes.take(malformed)?;
        let cleaning = attributes.cleaning_comment.take(malformed);
        let mut alerts = alerts(attributes.tape_alert1, malformed);
        alerts.extend(self::alerts(attributes.tape_alert2, malformed));
        let robot_number = attributes.robot_number.take(malformed);
        Some(Self {
            name,
            drive_type: label(attributes.drive_type, malformed).unwrap_or_default(),
            robot_type: label(attributes.robot_type, malformed).unwrap_or_default(),
            robot_number: robot_number.map(|number| number.to_string()).unwrap_or_default(),
            status: label(attributes.drive_status, malformed),
            device_host: label(attributes.device_host, malformed).unwrap_or_default(),
            needs_cleaning: cleaning
                .is_some_and(|comment| comment.trim().eq_ignore_ascii_case("NEEDS CLEANING")),
            alerts,
            paths: attributes.device_paths.take(malformed).map(|paths| statuses_of(paths, malformed)),
        })
    }
}

impl Drive {
    /// One of [`STATUSES`], or a word that is not known.
    fn status(&self) -> Option<&str> {
        self.status.as_deref().map(|status| status.strip_prefix("DRIVE_STATUS_").unwrap_or(status))
    }
}

/// The words of an alert: in the reference most of them end in a comma.
fn alerts(field: Text<'_>, malformed: &mut u64) -> BTreeSet<String> {
    let text = label(field, malformed).unwrap_or_default();
    text.split(',').map(str::trim).filter(|alert| !alert.is_empty()).map(str::to_owned).collect()
}

fn statuses_of(paths: Vec<Part<DrivePathRecord<'_>>>, malformed: &mut u64) -> Vec<String> {
    let paths = paths.into_iter().filter_map(|path| {
        let status = path.take(malformed)?.path_status.take(malformed).unwrap_or_default();
        Some(status.strip_prefix("PATH_STATUS_").unwrap_or(&status).to_owned())
    });
    paths.collect()
}

/// The families of a site's tape drives.
pub(super) fn render(site: &str, drives: &[Drive]) -> Vec<Family> {
    let labelled = drives.iter().map(|drive| (drive.name.as_str(), drive));
    vec![
        count(site, drives),
        IDENTITY.family(site, drives.iter().map(|drive| (identity(drive), 1.0))),
        STATUS.family(
            site,
            labelled.clone().flat_map(|(name, drive)| {
                let samples = drive.status().into_iter().flat_map(|status| one_of(STATUSES, status));
                samples.map(move |(status, value)| ([name, status], value))
            }),
        ),
        PATHS.family(
            site,
            labelled.clone().flat_map(|(name, drive)| {
                let samples = drive.paths.iter().flat_map(|paths| tally(PATH_STATUSES, paths));
                samples.map(move |(status, count)| ([name, status], count as f64))
            }),
        ),
        NEEDS_CLEANING
            .family(site, labelled.clone().map(|(name, drive)| ([name], flag(drive.needs_cleaning)))),
        ALERT.family(
            site,
            labelled.flat_map(|(name, drive)| {
                drive.alerts.iter().map(move |alert| ([name, alert.as_str()], 1.0))
            }),
        ),
        v4_count(site, drives),
        V4_INFO.family(site, drives.iter().map(|drive| (v4_info(drive), 1.0))),
    ]
}

fn identity(drive: &Drive) -> [&str; 4] {
    [&drive.name, &drive.drive_type, &drive.robot_type, &drive.robot_number]
}

fn v4_info(drive: &Drive) -> [&str; 5] {
    let status = drive.status.as_deref().unwrap_or_default();
    [&drive.name, &drive.device_host, &drive.drive_type, &drive.robot_number, status]
}

/// How often each known word comes, and all that are not known as `UNKNOWN` if there is one.
fn tally<const N: usize>(known: [&'static str; N], words: &[String]) -> Vec<(&'static str, usize)> {
    let of = |word: &str| words.iter().filter(|one| *one == word).count();
    let counts = known.map(|word| (word, of(word)));
    let unknown = words.len() - counts.iter().map(|(_, count)| count).sum::<usize>();
    counts.into_iter().chain((unknown > 0).then_some(("UNKNOWN", unknown))).collect()
}

/// Of each kind of drives that there is, all statuses.
fn count(site: &str, drives: &[Drive]) -> Family {
    let mut kinds = BTreeMap::<_, Vec<String>>::new();
    for drive in drives {
        let statuses = kinds.entry([drive.drive_type.as_str(), &drive.robot_type]).or_default();
        statuses.push(drive.status().unwrap_or_default().to_owned());
    }
    let mut family = DRIVES.of_site(site);
    for ([drive_type, robot_type], statuses) in kinds {
        for (status, count) in tally(STATUSES, &statuses) {
            family.sample([drive_type, robot_type, status], count as f64);
        }
    }
    family.build()
}

/// The Go exporter has no series for a status that no drive has.
fn v4_count(site: &str, drives: &[Drive]) -> Family {
    let mut counts = BTreeMap::<_, u64>::new();
    for drive in drives {
        let status = drive.status.as_deref().unwrap_or_default();
        *counts.entry([drive.drive_type.as_str(), &drive.robot_type, status]).or_default() += 1;
    }
    V4_DRIVES.family(site, counts.into_iter().map(|(labels, count)| (labels, count as f64)))
}
