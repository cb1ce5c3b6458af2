//! The vocabulary of samples: what a metric family is, and its text of one site.

mod family;
mod histogram;
mod label;
mod names;
mod value;

pub use family::Family;
pub use histogram::Histogram;
pub use label::{MOST_LABEL_SETS, label_value};
pub use names::MetricNames;
pub use value::{flag, seconds};

/// What a family measures, in the words of the text format 0.0.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MetricKind {
    /// A value that goes up and down.
    Gauge,
    /// A value that only grows, until the process or the endpoint changes.
    Counter,
    /// Counts of observations in cumulative buckets.
    Histogram,
}

impl MetricKind {
    /// The word of the `# TYPE` line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
            Self::Histogram => "histogram",
        }
    }
}

/// Which name set a family belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Naming {
    /// Ours; passes `promtool check metrics`.
    Native,
    /// The name and the labels of the Go exporter 4.x.
    V4,
    /// One name that serves both.
    Shared,
}

impl Naming {
    /// The word in lists.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::V4 => "v4",
            Self::Shared => "both",
        }
    }
}

/// A metric family declared as data. `site` is the first label of every family of a site and is not listed.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Desc {
    /// The family's full name.
    pub name: &'static str,
    /// One sentence for the `# HELP` line; it names the NetBackup field that the value comes from.
    pub help: &'static str,
    /// Gauge, counter or histogram.
    pub kind: MetricKind,
    /// The names of the labels after `site`, in the order in which samples give their values.
    pub labels: &'static [&'static str],
    /// The name set that the family belongs to.
    pub naming: Naming,
}

impl Desc {
    /// A family under our own name.
    pub const fn native(
        kind: MetricKind,
        name: &'static str,
        help: &'static str,
        labels: &'static [&'static str],
    ) -> Self {
        Self { name, help, kind, labels, naming: Naming::Native }
    }

    /// A family under the Go exporter's name.
    pub const fn v4(
        kind: MetricKind,
        name: &'static str,
        help: &'static str,
        labels: &'static [&'static str],
    ) -> Self {
        Self { name, help, kind, labels, naming: Naming::V4 }
    }
}
