//! Storage lifecycle policies, and how far behind they are.

use super::Scenario;

/// One storage lifecycle policy.
#[derive(Debug)]
pub(crate) struct Slp {
    pub(crate) name: String,
    pub(crate) active: bool,
    /// Its copies go to another domain, and not to a storage unit of this one.
    pub(crate) replicates: bool,
    /// How many images wait for it, and how far apart their backups are, in milliseconds.
    pub(crate) backlog: (i64, i64),
}

impl Slp {
    /// One for every third policy. In a bad night the first one is stuck.
    pub(super) fn all(policies: usize, scenario: Scenario) -> Vec<Self> {
        (0..policies.div_ceil(3)).map(|number| Self::numbered(number, scenario)).collect()
    }

    fn numbered(number: usize, scenario: Scenario) -> Self {
        let active = number % 12 != 2;
        let images = match (scenario, number) {
            (_, 0) if scenario.is_bad() => (1_500, 4 * 60_000),
            (_, 1) if scenario.is_bad() => (80, 20 * 60_000),
            (Scenario::Huge, _) => (60, 10 * 60_000),
            _ if !active => (25, 60 * 60_000),
            _ if number.is_multiple_of(4) => (0, 60_000),
            _ => (12, 17 * 60_000),
        };
        let tier = ["GOLD", "SILVER", "BRONZE"].get(number % 3).copied().unwrap_or_default();
        let replicates = number.is_multiple_of(2);
        let kind = if replicates { "REPLICATE" } else { "DUPLICATE" };
        let name = match number {
            // A name with all that a careless client does not encode.
            3 => "SLP \"Köln\" 50% & co/py\\1".to_owned(),
            _ => format!("SLP-{tier}-{kind}-{:02}", number + 1),
        };
        Self { name, active, replicates, backlog: images }
    }
}
