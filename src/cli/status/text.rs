//! The status as a table for a terminal.

use std::fmt::Write as _;

use jiff::Timestamp;

use crate::config::one_line;
use crate::status::{
    CollectorPicture, ConfigurationPicture, Count, FaultPicture, FleetPicture, Severity, SiteCounts,
    SiteHealth, SitePicture, StatusPicture, WebhookPicture, duration, in_words,
};

/// How the table looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    /// Whether it has colours, by ANSI escapes.
    pub(super) colours: bool,
    /// How many columns a line may have.
    pub(super) width: usize,
    /// Whether all collectors are shown, also those that are well, and the counts.
    pub(super) is_whole: bool,
}

/// The status for people: what is wrong first.
pub(super) fn table(status: &StatusPicture, look: &Look) -> String {
    let mut lines = Vec::new();
    configuration(&status.configuration, status, look, &mut lines);
    if let Some(door) = &status.webhook {
        webhook(door, status, &mut lines);
    }
    if let Some(members) = &status.fleet {
        fleet(members, look, &mut lines);
    }
    for site in &status.sites {
        lines.push(String::new());
        of_site(site, status, look, &mut lines);
    }
    lines.push(String::new());
    lines.push(summary(status));
    let mut text = String::new();
    for line in lines {
        text.push_str(&line);
        text.push('\n');
    }
    text
}

fn configuration(
    configuration: &ConfigurationPicture,
    status: &StatusPicture,
    look: &Look,
    lines: &mut Vec<String>,
) {
    let ago = |moment| in_words(status.at.duration_since(moment).as_secs_f64());
    match &configuration.running {
        Some(running) => {
            let revision =
                running.revision.as_ref().map(|one| format!(", revision {one}")).unwrap_or_default();
            let loaded = ago(running.loaded_at);
            lines.push(one_line(&format!(
                "{}  {}{revision}, loaded {loaded} ago",
                running.origin, running.hash
            )));
            for warning in &running.warnings {
                look.wrapped(lines, "  warning: ", warning);
            }
        }
        None => lines.push("no configuration runs".to_owned()),
    }
    let Some(rejected) = &configuration.rejected else { return };
    lines.push(format!(
        "{} the newest configuration, {} ago",
        look.paint("REJECTED", colour(Severity::Bad)),
        ago(rejected.at)
    ));
    for mistake in &rejected.mistakes {
        look.wrapped(lines, "  ", mistake);
    }
    for change in &rejected.changes {
        look.wrapped(lines, "  ~ ", change);
    }
}

/// Whether the API server asks before an edit is written, and for how long it can.
fn webhook(webhook: &WebhookPicture, status: &StatusPicture, lines: &mut Vec<String>) {
    let words = |from: Timestamp, until: Timestamp| in_words(until.duration_since(from).as_secs_f64());
    let asked = webhook
        .last_asked_at
        .map_or_else(|| "never asked".to_owned(), |asked| format!("asked {} ago", words(asked, status.at)));
    let ends = match webhook.certificate_ends_at {
        None => "no certificate yet".to_owned(),
        Some(end) if end > status.at => format!("its certificate ends in {}", words(status.at, end)),
        Some(end) => format!("its certificate ended {} ago", words(end, status.at)),
    };
    lines.push(format!("admission webhook: {asked}, {ends}"));
    if let Some(trouble) = &webhook.trouble {
        lines.push(format!("  its certificate can not be kept: {}", one_line(trouble)));
    }
}

/// Who asks what; of this replica's sites more is said below.
fn fleet(fleet: &FleetPicture, look: &Look, lines: &mut Vec<String>) {
    lines.push(String::new());
    let part = if fleet.holds { "" } else { ", which has no part of the sites now" };
    let (count, this) = (fleet.members.len(), one_line(&fleet.member));
    let members = if count == 1 { "member" } else { "members" };
    lines.push(format!("fleet of {count} {members}; this is {this}{part}"));
    for member in &fleet.members {
        let sites = if member.sites.is_empty() { "no site".to_owned() } else { member.sites.join(", ") };
        look.wrapped(lines, "  ", &format!("{}: {sites}", member.name));
    }
}

fn of_site(site: &SitePicture, status: &StatusPicture, look: &Look, lines: &mut Vec<String>) {
    let endpoint = site.endpoint.as_deref().unwrap_or_default();
    let mut head = format!("{}  {endpoint}", site.name);
    if let Some(version) = &site.api_version {
        let _ = write!(head, "  API {version}");
    }
    if let Some(moment) = site.collected_at {
        let age = in_words(status.at.duration_since(moment).as_secs_f64());
        let _ = write!(head, "  {age} old");
    }
    lines.push(format!("{}  {}", of_health(site.state, look), one_line(&head)));
    for fault in &site.faults {
        of_fault(fault, look, lines);
    }
    if look.is_whole {
        counts(&site.counts, look, lines);
    }
    let shown: Vec<_> =
        site.collectors.iter().filter(|one| look.is_whole || site.is_to_be_seen(one)).collect();
    collectors(&shown, site, status, look, lines);
}

fn collectors(
    shown: &[&CollectorPicture],
    site: &SitePicture,
    status: &StatusPicture,
    look: &Look,
    lines: &mut Vec<String>,
) {
    let longest = shown.iter().map(|collector| collector.name.len()).max().unwrap_or_default();
    let dash = || "-".to_owned();
    for collector in shown {
        let word = format!("{:<11}", collector.state.as_ref());
        let age = collector.age_seconds.map_or_else(dash, in_words);
        let seconds = |from: Timestamp, until: Timestamp| until.duration_since(from).as_secs_f64();
        let run = match collector.running_since {
            Some(began) => format!("running for {}", in_words(seconds(began, status.at))),
            None => format!("next in {}", in_words(seconds(status.at, collector.next_run_at))),
        };
        lines.push(format!(
            "  {:longest$}  {}  {age:>7} of {:<7}  {:>8} records  {:>7}  {run}",
            collector.name,
            look.paint(&word, colour(collector.state.severity())),
            in_words(collector.interval_seconds),
            collector.records.map_or_else(dash, |records| records.to_string()),
            collector.duration_seconds.map_or_else(dash, duration),
        ));
        if let Some(fault) = site.own_fault(collector) {
            of_fault(fault, look, lines);
        }
    }
}

fn of_fault(fault: &FaultPicture, look: &Look, lines: &mut Vec<String>) {
    look.wrapped(lines, "    ", &fault.what);
    if !fault.cure.is_empty() {
        look.wrapped(lines, "    -> ", &fault.cure);
    }
}

fn counts(counts: &SiteCounts, look: &Look, lines: &mut Vec<String>) {
    if let Some(jobs) = &counts.jobs {
        let jobs: Vec<_> =
            jobs.iter().map(|(state, count)| format!("{count} {}", state.to_lowercase())).collect();
        lines.push(format!(
            "  jobs not done: {}",
            if jobs.is_empty() { "none".into() } else { jobs.join(", ") }
        ));
    }
    let each: [(&str, &Option<Count>); 4] = [
        ("policies overdue", &counts.policies_overdue),
        ("pools at or near their mark", &counts.pools_near_mark),
        ("SLPs behind", &counts.slps_behind),
        ("tape drives not up", &counts.drives_down),
    ];
    for (what, count) in each {
        let Some(count) = count else { continue };
        lines.push(format!("  {what}: {} of {}", count.count, count.of));
        for name in &count.names {
            look.wrapped(lines, "    ", name);
        }
    }
    if let Some(age) = counts.catalog_backup_age_seconds {
        lines.push(format!("  last good catalog backup: {} ago", in_words(age)));
    }
}

fn of_health(state: SiteHealth, look: &Look) -> String {
    look.paint(&format!("{:<9}", state.as_ref()), colour(state.severity()))
}

/// The number in an ANSI escape.
fn colour(severity: Severity) -> u8 {
    match severity {
        Severity::Bad => 31,
        Severity::Warning => 33,
        Severity::Unknown => 90,
        Severity::Good => 32,
    }
}

fn summary(status: &StatusPicture) -> String {
    let all = status.sites.len();
    let count = |state| status.count(state);
    format!(
        "{all} {}: {} down, {} failing, {} with warnings, {} waiting, {} collected",
        if all == 1 { "site" } else { "sites" },
        count(SiteHealth::Down),
        count(SiteHealth::Failing),
        count(SiteHealth::Warning),
        count(SiteHealth::Waiting),
        count(SiteHealth::Collected),
    )
}

impl Look {
    fn paint(&self, text: &str, colour: u8) -> String {
        if self.colours { format!("\x1b[{colour}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// Lines that are not longer than the terminal is wide, if their words allow that.
    fn wrapped(&self, lines: &mut Vec<String>, lead: &str, text: &str) {
        let text = one_line(text);
        let (mut line, mut is_first) = (lead.to_owned(), true);
        for word in text.split(' ') {
            if !is_first && line.chars().count() + 1 + word.chars().count() > self.width {
                lines.push(std::mem::replace(&mut line, " ".repeat(lead.len())));
                is_first = true;
            }
            if !is_first {
                line.push(' ');
            }
            line.push_str(word);
            is_first = false;
        }
        lines.push(line);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::status::fixture::{picture, shared};

    const PLAIN: Look = Look { colours: false, width: 100, is_whole: false };

    #[test]
    fn the_table_is_the_expected_one() {
        let whole = table(&picture(), &Look { is_whole: true, ..PLAIN });
        let shared = table(&shared(), &PLAIN);
        let text = format!("{}\n---\n\n{whole}\n---\n\n{shared}", table(&picture(), &PLAIN));
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/status.txt");
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            return fs::write(file, text).unwrap();
        }
        assert!(
            fs::read_to_string(file).unwrap() == text,
            "stale: UPDATE_EXPECT=1 cargo test --lib cli::status\n{text}"
        );
    }

    #[test]
    fn lines_keep_to_the_width_and_colours_change_nothing_else() {
        let narrow = table(&picture(), &Look { width: 60, ..PLAIN });
        let reasons = narrow.lines().filter(|line| line.starts_with("    "));
        assert!(reasons.map(|line| line.chars().count()).max().unwrap() <= 60, "{narrow}");
        let mut coloured = table(&picture(), &Look { colours: true, ..PLAIN });
        assert!(coloured.contains("\x1b[31mdown     \x1b[0m  berlin"), "{coloured}");
        for colour in [31, 32, 33, 90, 0] {
            coloured = coloured.replace(&format!("\x1b[{colour}m"), "");
        }
        assert_eq!(coloured, table(&picture(), &PLAIN));
    }

    #[test]
    fn a_name_or_a_reason_can_not_write_to_the_terminal() {
        let mut status = picture();
        for site in &mut status.sites {
            site.name.push_str("\x1b]0;x\x07");
            site.faults.push(FaultPicture { what: "\x1b[2J\r".to_owned(), cure: "\u{9b}2J".to_owned() });
        }
        status.configuration.rejected.as_mut().unwrap().mistakes.push("\x1b[2J".to_owned());
        let text = table(&status, &PLAIN);
        assert!(!text.chars().any(|character| character.is_control() && character != '\n'), "{text:?}");
    }
}
