//! The sites on the start page, with the links that choose among them.

use std::collections::BTreeSet;

use maud::{Markup, html};
use strum::VariantArray as _;

use super::frame::Reader;
use super::site;
use crate::status::{SiteHealth, SitePicture, StatusFilter, StatusPicture};

/// From more sites on only what is wrong is shown of each, so that the page stays small.
const MANY: usize = 20;

/// All sites, or those that were asked for.
pub(super) fn sites(
    reader: &Reader<'_>,
    status: &StatusPicture,
    shown: &[SitePicture],
    filter: &StatusFilter,
) -> Markup {
    let all = status.sites.len();
    html! {
        h2 { "Sites (" (all) ")" }
        p { (in_a_sentence(status)) }
        @if all > 0 { (choices(status, filter)) }
        @if !filter.is_empty() { p { (shown.len()) " of " (all) " shown" (of_filter(filter)) ". " a href="/" { "Show all" } } }
        @for site in shown { (site::entry(reader, site, shown.len() > MANY)) }
    }
}

/// Why there is no site.
pub(super) fn none(status: &StatusPicture) -> &'static str {
    if status.fleet.is_some() { "No site is this replica's." } else { "No site is configured." }
}

fn in_a_sentence(status: &StatusPicture) -> Markup {
    let wrong = status.count(SiteHealth::Down) + status.count(SiteHealth::Failing);
    let warning = status.count(SiteHealth::Warning);
    let (all, waiting) = (status.sites.len(), status.count(SiteHealth::Waiting));
    html! {
        @if all == 0 { (none(status)) }
        @else if wrong > 0 { strong.bad { (wrong) " of " (all) @if wrong == 1 { " needs" } @else { " need" } " somebody now" } "; the cure stands beside what is wrong." }
        @else if warning > 0 { strong.warn { "All that was asked answers; " (warning) " of " (all) " should be looked at." } }
        @else if waiting > 0 { (waiting) " of " (all) " have not answered yet: their first collection is under way." }
        @else { strong.good { "Every site is collected in full." } }
    }
}

fn choices(status: &StatusPicture, filter: &StatusFilter) -> Markup {
    let names: BTreeSet<&str> = status
        .sites
        .iter()
        .flat_map(|site| &site.collectors)
        .map(|collector| collector.name.as_str())
        .collect();
    let counted = SiteHealth::VARIANTS.iter().map(|state| (state.as_ref(), status.count(*state)));
    html! {
        nav aria-label="Filter by state" {
            ul {
                @for (state, count) in counted.filter(|(_, count)| *count > 0) {
                    @let chosen = StatusFilter { state: Some(state.to_owned()), ..filter.clone() };
                    li { (choice(&chosen, filter, &format!("{state} ({count})"))) }
                }
            }
        }
        @if !names.is_empty() {
            details open[filter.collector.is_some()] {
                summary { "One collector of all sites" }
                nav aria-label="Filter by collector" {
                    ul { @for name in names {
                        @let chosen = StatusFilter { collector: Some(name.to_owned()), ..filter.clone() };
                        li { (choice(&chosen, filter, name)) }
                    } }
                }
            }
        }
    }
}

fn choice(chosen: &StatusFilter, filter: &StatusFilter, words: &str) -> Markup {
    let current = (chosen == filter).then_some("true");
    html! { a href={ "/" (chosen.query()) } aria-current=[current] { (words) } }
}

fn of_filter(filter: &StatusFilter) -> Markup {
    let parts = [("state", &filter.state), ("site", &filter.site), ("collector", &filter.collector)];
    html! { @for (what, value) in parts { @if let Some(value) = value { ", " (what) " " strong { (value) } } } }
}
