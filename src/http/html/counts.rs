//! What counts at a site: a card for each on its own page, and a few words on the start page.

use maud::{Markup, html};

use crate::status::{Count, SiteCounts, SitePicture, in_words};

/// The cards of a site's page.
pub(super) fn cards(counts: &SiteCounts) -> Markup {
    html! {
        ul.counts {
            (jobs(counts))
            (card("policies overdue by their own schedules", "policies", counts.policies_overdue.as_ref()))
            (card("disk pools at or near their mark", "pools", counts.pools_near_mark.as_ref()))
            (card("SLPs behind by more than a day", "SLPs", counts.slps_behind.as_ref()))
            (card("tape drives not up", "drives", counts.drives_down.as_ref()))
            li {
                @match counts.catalog_backup_age_seconds {
                    Some(age) => { b { (in_words(age)) } p { "since the last good catalog backup" } }
                    None => { b { "–" } p { "no good catalog backup is known" } }
                }
            }
        }
    }
}

fn jobs(counts: &SiteCounts) -> Markup {
    let Some(jobs) = &counts.jobs else {
        return html! { li { b { "–" } p { "jobs are not known yet" } } };
    };
    html! {
        li {
            b { (jobs.values().sum::<u64>()) } p { "jobs not done" }
            ul { @for (state, count) in jobs { li { (count) " " (state.to_lowercase()) } } }
        }
    }
}

fn card(title: &str, of: &str, count: Option<&Count>) -> Markup {
    let Some(count) = count else {
        return html! { li { b { "–" } p { (title) ": not collected, or not known yet" } } };
    };
    let class = if count.count == 0 { "good" } else { "bad" };
    html! {
        li {
            b class=(class) { (count.count) } p { (title) ", of " (count.of) " " (of) }
            @if !count.names.is_empty() {
                ul { @for name in &count.names { li { (name) } }
                    @if count.count > count.names.len() { li { "and " (count.count - count.names.len()) " more" } } }
            }
        }
    }
}

/// What of it is not as it should be, in a few words.
pub(super) fn in_short(site: &SitePicture) -> Vec<String> {
    let counts = &site.counts;
    let some = |count: &Option<Count>, one: &str, many: &str| {
        let count = count.as_ref()?.count;
        (count > 0).then(|| format!("{count} {}", if count == 1 { one } else { many }))
    };
    let reading = |ratio: Option<f64>, what: &str| {
        ratio
            .filter(|ratio| *ratio < 1.0)
            .map(|ratio| format!("{what}: {:.0} % read", (ratio * 100.0).floor()))
    };
    [
        reading(site.jobs_read_ratio, "jobs of the window"),
        reading(site.history_read_ratio, "history of backups"),
        some(&counts.policies_overdue, "policy overdue", "policies overdue"),
        some(&counts.pools_near_mark, "pool near its mark", "pools near their mark"),
        some(&counts.slps_behind, "SLP behind", "SLPs behind"),
        some(&counts.drives_down, "drive down", "drives down"),
    ]
    .into_iter()
    .flatten()
    .collect()
}
