//! The table of a site's collectors.

use maud::{Markup, html};

use super::frame::Reader;
use super::severity::{class, state};
use crate::status::{CollectorHealth, CollectorPicture, FaultPicture, SitePicture, duration, in_words};

/// The table of a site's collectors. What is wrong with the whole site is said above, and not again in each row.
pub(super) fn collectors(
    reader: &Reader<'_>,
    collectors: &[&CollectorPicture],
    site: &SitePicture,
) -> Markup {
    html! {
        table {
            thead { tr { th scope="col" { "Collector" } th scope="col" { "State" } th scope="col" { "Age (interval)" }
                th scope="col" { "Records" } th scope="col" { "Took" } th scope="col" { "Requests" } th scope="col" { "Next run" } } }
            tbody { @for collector in collectors { (row(reader, collector, site)) } }
        }
    }
}

fn row(reader: &Reader<'_>, collector: &CollectorPicture, site: &SitePicture) -> Markup {
    let age = collector.age_seconds.map_or_else(|| "none yet".to_owned(), in_words);
    let number = |number: Option<u64>| number.map_or_else(|| "–".to_owned(), |number| number.to_string());
    let fault = site.own_fault(collector);
    html! {
        tr {
            th scope="row" { (collector.name) }
            td data-of="State" { (of_state(collector.state)) }
            td data-of="Age (interval)" { (age) " (" (in_words(collector.interval_seconds)) ")" }
            td data-of="Records" { (number(collector.records)) }
            td data-of="Took" { @match collector.duration_seconds { Some(seconds) => (duration(seconds)), None => "–" } }
            td data-of="Requests" { (number(collector.requests.map(u64::from))) }
            td data-of="Next run" {
                @match collector.running_since { Some(began) => { "under way, begun " (reader.ago(began)) }, None => (reader.soon(collector.next_run_at)) }
            }
        }
        @if let Some(fault) = fault { tr.why { td colspan="7" { (why(fault, class(collector.state.severity()))) } } }
    }
}

/// What is wrong, and the cure.
pub(super) fn why(fault: &FaultPicture, class: &str) -> Markup {
    html! {
        p class=(class) { (fault.what) @if !fault.cure.is_empty() { " " span.cure { "→ " (fault.cure) } } }
    }
}

fn of_state(health: CollectorHealth) -> Markup {
    let word = match health {
        CollectorHealth::Failing => "failing",
        CollectorHealth::Stale => "stale",
        CollectorHealth::Refused => "not allowed",
        CollectorHealth::Partial => "sees only a part",
        CollectorHealth::Truncated => "list too long",
        CollectorHealth::Waiting => "first run",
        CollectorHealth::Unsupported => "not in this release",
        CollectorHealth::Good => "good",
    };
    state(health.severity(), word)
}
