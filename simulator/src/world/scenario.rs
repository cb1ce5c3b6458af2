//! How a simulated site is: quiet, huge, or in trouble.

/// What kind of site and night is simulated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Scenario {
    /// An ordinary week of a site of middle size.
    #[default]
    Ordinary,
    /// Two days in which policies and the catalog backup fail, a pool is full, a drive is down, an SLP is stuck and a key ends soon.
    BadNight,
    /// The bad night and what it spares: most backups fail, a pool is down, one almost full and one filling, certificates were not renewed.
    Disaster,
    /// A big site: 500 policies, 20 000 jobs a day, 200 storage units.
    Huge,
    /// A server that nobody has configured yet.
    Empty,
}

impl Scenario {
    pub(crate) fn jobs_per_day(self) -> u32 {
        match self {
            Self::Ordinary | Self::BadNight | Self::Disaster => 2_000,
            Self::Huge => 20_000,
            Self::Empty => 0,
        }
    }

    pub(crate) fn storage_units(self) -> usize {
        match self {
            Self::Ordinary | Self::BadNight | Self::Disaster => 8,
            Self::Huge => 200,
            Self::Empty => 0,
        }
    }

    pub(crate) fn policies(self, jobs_per_day: u32) -> usize {
        match self {
            Self::Huge => 500,
            _ => usize::try_from(jobs_per_day / 50).unwrap_or(0).clamp(1, 2_000),
        }
    }

    pub(crate) fn media_servers(self) -> i64 {
        if self == Self::Huge { 30 } else { 4 }
    }

    /// Whether it is a bad night, or worse.
    pub(crate) fn is_bad(self) -> bool {
        matches!(self, Self::BadNight | Self::Disaster)
    }

    pub(crate) fn is_disaster(self) -> bool {
        self == Self::Disaster
    }
}
