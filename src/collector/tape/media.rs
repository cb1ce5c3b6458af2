//! Tapes, as the API gives them and as they are shown: counted, and never by name.

use std::collections::BTreeMap;

use crate::collector::walk::label;
use crate::metric::{Desc, Family, Labelled};
use crate::netbackup::{Field, Part, Text};

use super::pool::RobotRecord;

static COUNT: Labelled<3> = Labelled::gauge(
    "nbu_tape_media",
    "Tapes by volume pool, media type and status: ACTIVE, FULL, FROZEN, SUSPENDED or OTHER (volumePool, mediaType, mediaStatus). Without \
     `media: all` only those that are FROZEN or SUSPENDED.",
    ["volume_pool", "media_type", "status"],
);
static WRITTEN: Labelled<1> = Labelled::gauge(
    "nbu_tape_media_written_bytes",
    "What is written on the tapes of a volume pool (kiloBytes x 1024); with `media: all`.",
    ["volume_pool"],
);
static SCRATCH: Labelled<1> = Labelled::gauge(
    "nbu_tape_scratch_media",
    "Tapes of a scratch pool that are neither frozen nor suspended (volumePool, mediaStatus).",
    ["volume_pool"],
);
static CLEANING: Labelled<1> = Labelled::gauge(
    "nbu_tape_cleaning_uses_remaining",
    "How often the cleaning tapes of a type can still be used (cleaningsRemaining of them all).",
    ["media_type"],
);
static V4_COUNT: Labelled<3> = Labelled::v4_gauge(
    "nbu_tape_media_count",
    "Tapes by volume pool, media type and robot type (volumePool, mediaType, robot.robotType); with `media: all`.",
    ["pool", "media_type", "robot_type"],
);

/// Everything that [`render`] gives, in its order.
pub(super) static FAMILIES: &[&Desc] = &[&COUNT, &WRITTEN, &SCRATCH, &CLEANING, &V4_COUNT];

/// The statuses that are told apart. `mediaStatus` is a text of several words.
const STATUSES: [&str; 4] = ["ACTIVE", "FULL", "FROZEN", "SUSPENDED"];

/// A record of `/storage/tape-media` as it comes.
#[derive(serde::Deserialize)]
pub(super) struct TapeRecord<'a> {
    #[serde(borrow, default)]
    attributes: Part<TapeAttributes<'a>>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct TapeAttributes<'a> {
    #[serde(borrow, default)]
    media_type: Text<'a>,
    #[serde(borrow, default)]
    volume_pool: Text<'a>,
    #[serde(borrow, default)]
    robot: Part<RobotRecord<'a>>,
    #[serde(borrow, default)]
    media_status: Text<'a>,
    // Typed `number` in the reference, and a sum of large ones.
    #[serde(default)]
    kilo_bytes: Field<f64>,
    #[serde(default)]
    cleanings_remaining: Field<u64>,
}

/// What one walk over tapes asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sought {
    /// All tapes.
    All,
    /// The tapes of a scratch pool.
    Scratch(String),
    /// Frozen and suspended tapes.
    Unusable,
    /// Cleaning tapes.
    Cleaning,
}

/// What was counted of the tapes.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Tally {
    /// Whether all tapes are in it.
    is_whole: bool,
    /// By volume pool and media type: of each status, and of others.
    count: BTreeMap<[String; 2], [u64; STATUSES.len() + 1]>,
    /// Kilobytes by volume pool.
    written: BTreeMap<String, f64>,
    /// By scratch pool.
    scratch: BTreeMap<String, u64>,
    /// By media type.
    cleaning: BTreeMap<String, u64>,
    /// By volume pool, media type and robot type.
    v4_count: BTreeMap<[String; 3], u64>,
}

impl Tally {
    /// Nothing was counted yet; these scratch pools are known.
    pub(super) fn new(is_whole: bool, scratch_pools: impl Iterator<Item = String>) -> Self {
        Self { is_whole, scratch: scratch_pools.map(|pool| (pool, 0)).collect(), ..Self::default() }
    }

    /// Adds a tape that came when it was asked for these. A tape that is something else, from a server that does not understand the
    /// filter, does not count. `None` if it is no record of a tape; malformed fields are counted.
    pub(super) fn note(
        &mut self,
        sought: &Sought,
        record: TapeRecord<'_>,
        malformed: &mut u64,
    ) -> Option<()> {
        let attributes = record.attributes.take(malformed)?;
        let pool = label(attributes.volume_pool, malformed).unwrap_or_default();
        let media_type = label(attributes.media_type, malformed).unwrap_or_default();
        let status = status_of(&attributes.media_status.take(malformed).unwrap_or_default());
        let is_usable = !matches!(status, Some("FROZEN" | "SUSPENDED"));
        let is_sought = match sought {
            Sought::All => true,
            Sought::Scratch(of) => pool == *of,
            Sought::Unusable => !is_usable,
            Sought::Cleaning => is_cleaning(&media_type),
        };
        if !is_sought {
            return Some(());
        }
        if matches!(sought, Sought::All | Sought::Scratch(_))
            && is_usable
            && let Some(count) = self.scratch.get_mut(&pool)
        {
            *count += 1;
        }
        if matches!(sought, Sought::All | Sought::Cleaning)
            && is_cleaning(&media_type)
            && let Some(uses) = attributes.cleanings_remaining.take(malformed)
        {
            let sum = self.cleaning.entry(media_type.clone()).or_default();
            *sum = sum.saturating_add(uses);
        }
        if *sought == Sought::All {
            let kilobytes = attributes.kilo_bytes.take(malformed).filter(|kilobytes| *kilobytes >= 0.0);
            *self.written.entry(pool.clone()).or_default() += kilobytes.unwrap_or(0.0);
            let robot = attributes.robot.take(malformed).and_then(|robot| label(robot.robot_type, malformed));
            let key = [pool.clone(), media_type.clone(), robot.unwrap_or_default()];
            *self.v4_count.entry(key).or_default() += 1;
        }
        if matches!(sought, Sought::All | Sought::Unusable) {
            let place = STATUSES.iter().position(|known| Some(*known) == status).unwrap_or(STATUSES.len());
            if let Some(count) = self.count.entry([pool, media_type]).or_default().get_mut(place) {
                *count += 1;
            }
        }
        Some(())
    }
}

/// The first word that is known; a tape that is frozen among other things is frozen.
fn status_of(text: &str) -> Option<&'static str> {
    let words = || text.split(|character: char| !character.is_ascii_alphanumeric() && character != '_');
    if words().any(|word| word == "FROZEN") {
        return Some("FROZEN");
    }
    words().find_map(|word| STATUSES.into_iter().find(|known| *known == word))
}

/// `HC_CLN` and its kin.
fn is_cleaning(media_type: &str) -> bool {
    media_type.ends_with("_CLN")
}

/// The families of a site's tapes. What only a walk over all tapes tells has no series otherwise.
pub(super) fn render(site: &str, tally: &Tally) -> Vec<Family> {
    let whole = tally.is_whole.then_some(tally);
    let mut count = COUNT.of_site(site);
    for ([pool, media_type], counts) in &tally.count {
        for (status, number) in STATUSES.into_iter().chain(["OTHER"]).zip(counts) {
            if tally.is_whole || matches!(status, "FROZEN" | "SUSPENDED") {
                count.sample([pool, media_type, status], *number as f64);
            }
        }
    }
    let written = whole.into_iter().flat_map(|tally| &tally.written);
    let v4_count = whole.into_iter().flat_map(|tally| &tally.v4_count);
    vec![
        count.build(),
        WRITTEN.family(site, written.map(|(pool, kilobytes)| ([pool.as_str()], kilobytes * 1024.0))),
        SCRATCH.family(site, tally.scratch.iter().map(|(pool, count)| ([pool.as_str()], *count as f64))),
        CLEANING.family(site, tally.cleaning.iter().map(|(kind, uses)| ([kind.as_str()], *uses as f64))),
        V4_COUNT
            .family(site, v4_count.map(|(key, count)| (key.each_ref().map(String::as_str), *count as f64))),
    ]
}
