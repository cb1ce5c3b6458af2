//! The findings as plain data, and the exit code that follows from them.

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};

/// The exit code when the configuration can not be read, is not valid, or lacks the site that was asked for.
pub(crate) const MISCONFIGURED: u8 = 2;
/// The exit code when nothing failed, but not all could be examined in time.
const UNFINISHED: u8 = 1;

/// What was found at all sites.
#[derive(Debug, Default)]
pub(crate) struct Diagnosis {
    /// In the order of the configuration.
    pub sites: Vec<SiteDiagnosis>,
    /// What the running exporter says of its admission webhook, where it was asked and has one.
    pub webhook: Option<Finding>,
}

/// What was found at one site.
#[derive(Debug, Serialize)]
pub(crate) struct SiteDiagnosis {
    /// Its name.
    pub site: String,
    /// Where its API is.
    pub address: String,
    /// Whether there was time for it.
    pub finished: bool,
    /// In the order in which they are made; the same for every site.
    pub checks: Vec<Check>,
}

/// One row.
#[derive(Debug, Serialize)]
pub(crate) struct Check {
    /// What was examined.
    #[serde(rename = "check")]
    pub step: CheckStep,
    /// Whose permission was examined.
    pub collector: Option<&'static str>,
    /// The result.
    #[serde(flatten)]
    pub finding: Finding,
}

/// The steps, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, strum::AsRefStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub(crate) enum CheckStep {
    /// The host has an address.
    Dns,
    /// The port takes connections.
    Tcp,
    /// The certificate is one that the configuration trusts.
    Tls,
    /// There is a common version of the API.
    Api,
    /// The clocks agree; never a failure.
    Clock,
    /// The API key is accepted.
    Key,
    /// The key's role may read what a collector reads.
    Permission,
}

/// How a step went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum CheckStatus {
    /// It works.
    Passed,
    /// It works, and something should be done.
    Warned,
    /// It does not work.
    Failed,
    /// Not examined, since an earlier step failed.
    Skipped,
}

/// The result of a step.
#[derive(Debug, Serialize)]
pub(crate) struct Finding {
    /// How it went.
    pub status: CheckStatus,
    /// What was found. Parts of it may be text of the server.
    pub finding: String,
    /// What to do about it.
    pub cure: Option<String>,
    /// Details for programs.
    pub details: Map<String, Value>,
}

/// Why a step failed, and what to do about it.
pub(super) trait Curable: fmt::Display {
    /// What to do, in a sentence.
    fn cure(&self) -> String;

    /// The details for programs.
    fn details(&self) -> Map<String, Value> {
        Map::new()
    }
}

impl Diagnosis {
    /// The exit code: 0 if nothing failed, else that of the earliest step that failed at any site.
    pub(crate) fn exit_code(&self) -> u8 {
        let checks = self.sites.iter().flat_map(|site| &site.checks);
        let failed = checks.filter(|check| check.finding.status == CheckStatus::Failed);
        let unfinished = self.sites.iter().any(|site| !site.finished);
        let earliest = failed.map(|check| check.step).min().map(CheckStep::exit_code);
        earliest.unwrap_or(if unfinished { UNFINISHED } else { 0 })
    }
}

impl CheckStep {
    fn exit_code(self) -> u8 {
        match self {
            Self::Dns => 3,
            Self::Tcp => 4,
            Self::Tls => 5,
            // The clock never fails.
            Self::Api | Self::Clock => 6,
            Self::Key => 7,
            Self::Permission => 8,
        }
    }
}

impl Finding {
    pub(crate) fn passed(finding: impl Into<String>) -> Self {
        Self { status: CheckStatus::Passed, finding: finding.into(), cure: None, details: Map::new() }
    }

    pub(crate) fn warned(finding: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { status: CheckStatus::Warned, cure: Some(cure.into()), ..Self::passed(finding) }
    }

    pub(super) fn failed(error: &impl Curable) -> Self {
        Self {
            status: CheckStatus::Failed,
            cure: Some(error.cure()),
            details: error.details(),
            ..Self::passed(error.to_string())
        }
    }

    pub(super) fn skipped(reason: &str) -> Self {
        Self { status: CheckStatus::Skipped, ..Self::passed(reason) }
    }

    /// Turns it into a failure with this error, although the next steps are examined.
    pub(super) fn but(self, error: impl fmt::Display, cure: &str) -> Self {
        let finding = format!("{}, but {error}", self.finding);
        Self { status: CheckStatus::Failed, finding, cure: Some(cure.to_owned()), ..self }
    }

    /// With one more detail for programs.
    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(finished: bool, checks: &[(CheckStep, CheckStatus)]) -> SiteDiagnosis {
        let check = |(step, status): &(CheckStep, CheckStatus)| Check {
            step: *step,
            collector: None,
            finding: Finding { status: *status, ..Finding::passed("") },
        };
        SiteDiagnosis {
            site: "paris".into(),
            address: String::new(),
            finished,
            checks: checks.iter().map(check).collect(),
        }
    }

    fn check(sites: Vec<SiteDiagnosis>, expected: u8) {
        assert_eq!(Diagnosis { sites, webhook: None }.exit_code(), expected);
    }

    #[test]
    fn the_earliest_step_that_failed_anywhere_decides() {
        let (passed, warned, failed) = (CheckStatus::Passed, CheckStatus::Warned, CheckStatus::Failed);
        check(vec![], 0);
        check(vec![site(true, &[(CheckStep::Tls, warned), (CheckStep::Key, passed)])], 0);
        check(vec![site(false, &[(CheckStep::Dns, passed)])], 1);
        check(
            vec![site(true, &[(CheckStep::Permission, failed)]), site(true, &[(CheckStep::Tcp, failed)])],
            4,
        );
        check(vec![site(false, &[]), site(true, &[(CheckStep::Key, failed)])], 7);
        let codes = [
            CheckStep::Dns,
            CheckStep::Tcp,
            CheckStep::Tls,
            CheckStep::Api,
            CheckStep::Key,
            CheckStep::Permission,
        ];
        assert_eq!(codes.map(CheckStep::exit_code), [3, 4, 5, 6, 7, 8]);
    }
}
