//! Values that are read at the moment of a scrape.

/// Values that are read at the moment of a scrape. The list of names must always be the same.
pub trait Readings: Send + Sync + 'static {
    /// The families that it can give: names and help texts.
    fn names(&self) -> Vec<(&'static str, &'static str)>;

    /// What they are now; what can not be read is left out.
    fn read(&self) -> Vec<Reading>;
}

/// One value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// The family's name; one of [`Readings::names`].
    pub name: &'static str,
    /// Whether it only grows.
    pub counter: bool,
    /// The value.
    pub value: f64,
    /// Its label, if it has one: name and value.
    pub label: Option<(&'static str, &'static str)>,
}

impl Reading {
    /// A value that goes up and down.
    pub fn gauge(name: &'static str, value: f64) -> Self {
        Self { name, counter: false, value, label: None }
    }

    /// A value that only grows.
    pub fn counter(name: &'static str, value: f64) -> Self {
        Self { counter: true, ..Self::gauge(name, value) }
    }
}
