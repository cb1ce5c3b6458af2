//! The diagnosis as a table for people.

use std::fmt::Write as _;

use super::{Check, CheckStatus, Diagnosis, Finding, SiteDiagnosis};
use crate::config::one_line;

/// Whether rows have colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// For files and pipes.
    Plain,
    /// For terminals, by ANSI escapes.
    Coloured,
}

/// The diagnosis for people: a row for each check, and a cure below where one is needed.
pub(crate) fn table(diagnosis: &Diagnosis, style: Style) -> String {
    let mut tables: Vec<_> = diagnosis.sites.iter().map(|site| site_table(site, style)).collect();
    tables.extend(diagnosis.webhook.as_ref().map(|finding| {
        let mut text = "the running exporter\n".to_owned();
        row(&mut text, "webhook", "webhook".len(), finding, style);
        text
    }));
    let summary = match diagnosis.sites.len() {
        0 => "no sites to examine: nbuservers is empty".to_owned(),
        sites => summary(diagnosis, sites),
    };
    tables.push(summary + "\n");
    tables.join("\n")
}

fn site_table(site: &SiteDiagnosis, style: Style) -> String {
    let mut text = format!("{}  {}\n", one_line(&site.site), one_line(&site.address));
    let width = site.checks.iter().map(|check| subject(check).len()).max().unwrap_or(0);
    for check in &site.checks {
        row(&mut text, &subject(check), width, &check.finding, style);
    }
    text
}

fn row(text: &mut String, subject: &str, width: usize, finding: &Finding, style: Style) {
    let status = status_cell(finding.status, style);
    // Writing to a String can not fail.
    let _ = writeln!(text, "  {status}  {subject:width$}  {}", one_line(&finding.finding));
    if let Some(cure) = &finding.cure {
        let _ = writeln!(text, "  {:4}  {:width$}  -> {}", "", "", one_line(cure));
    }
}

fn subject(check: &Check) -> String {
    match check.collector {
        Some(collector) => format!("{} {collector}", check.step.as_ref()),
        None => check.step.as_ref().to_owned(),
    }
}

/// All words have the same width.
fn status_cell(status: CheckStatus, style: Style) -> String {
    let (word, colour) = match status {
        CheckStatus::Passed => ("ok  ", 32),
        CheckStatus::Warned => ("warn", 33),
        CheckStatus::Failed => ("FAIL", 31),
        CheckStatus::Skipped => ("-   ", 90),
    };
    match style {
        Style::Plain => word.to_owned(),
        Style::Coloured => format!("\x1b[{colour}m{word}\x1b[0m"),
    }
}

fn summary(diagnosis: &Diagnosis, sites: usize) -> String {
    let has = |site: &&SiteDiagnosis, status| site.checks.iter().any(|check| check.finding.status == status);
    let failed = diagnosis.sites.iter().filter(|site| has(site, CheckStatus::Failed)).count();
    let warned = diagnosis.sites.iter().filter(|site| has(site, CheckStatus::Warned)).count();
    let noun = if sites == 1 { "site" } else { "sites" };
    format!("{sites} {noun}: {failed} failed, {warned} with warnings (exit code {})", diagnosis.exit_code())
}
