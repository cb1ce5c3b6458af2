//! What a metric family is, as data.

/// What a family measures, in the words of the text format 0.0.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::AsRefStr)]
#[strum(serialize_all = "snake_case")]
pub enum MetricKind {
    /// A value that goes up and down.
    Gauge,
    /// A value that only grows, until the process or the endpoint changes.
    Counter,
    /// Counts of observations in cumulative buckets.
    Histogram,
}

/// Which name set a family belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::AsRefStr)]
#[strum(serialize_all = "snake_case")]
pub enum Naming {
    /// Ours; passes `promtool check metrics`.
    Native,
    /// The name and the labels of the Go exporter 4.x.
    V4,
    /// One name that serves both.
    #[strum(serialize = "both")]
    Shared,
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
