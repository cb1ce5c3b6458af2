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
///
/// As it is declared it is a [`Labelled`], whose number of labels is part of the type. A reference to one is a reference to a plain `Desc`
/// where it does not matter how many there are.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Desc<L: ?Sized = [&'static str]> {
    /// The family's full name.
    pub name: &'static str,
    /// One sentence for the `# HELP` line; it names the NetBackup field that the value comes from.
    pub help: &'static str,
    /// Gauge, counter or histogram.
    pub kind: MetricKind,
    /// The name set that the family belongs to.
    pub naming: Naming,
    /// The names of the labels after `site`, in the order in which samples give their values.
    pub labels: L,
}

/// A family with so many labels after `site`.
pub type Labelled<const N: usize> = Desc<[&'static str; N]>;

impl<const N: usize> Labelled<N> {
    /// A family under our own name.
    pub const fn native(
        kind: MetricKind,
        name: &'static str,
        help: &'static str,
        labels: [&'static str; N],
    ) -> Self {
        Self { name, help, kind, labels, naming: Naming::Native }
    }

    /// A gauge under our own name.
    pub const fn gauge(name: &'static str, help: &'static str, labels: [&'static str; N]) -> Self {
        Self::native(MetricKind::Gauge, name, help, labels)
    }

    /// A gauge under the Go exporter's name.
    pub const fn v4_gauge(name: &'static str, help: &'static str, labels: [&'static str; N]) -> Self {
        Self::v4(MetricKind::Gauge, name, help, labels)
    }

    /// A family under the Go exporter's name.
    pub const fn v4(
        kind: MetricKind,
        name: &'static str,
        help: &'static str,
        labels: [&'static str; N],
    ) -> Self {
        Self { name, help, kind, labels, naming: Naming::V4 }
    }
}
