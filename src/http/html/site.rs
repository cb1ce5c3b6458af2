//! A site: its own page, and its place on the start page.

use maud::{Markup, html};

use super::frame::Reader;
use super::severity::state;
use super::{counts, table};
use crate::status::{CollectorPicture, SiteHealth, SitePicture, encoded};

/// The page of one site.
pub(super) fn page(reader: &Reader<'_>, site: &SitePicture) -> Markup {
    html! {
        p { (of_state(site.state)) }
        (faults(site))
        (facts(reader, site))
        h2 { "What counts" }
        (counts::cards(&site.counts))
        h2 { "Collectors" }
        @if site.collectors.is_empty() { p { "None has run yet." } }
        @else { (table::collectors(reader, &site.collectors.iter().collect::<Vec<_>>(), site)) }
        p { a href="/" { "All sites" } }
    }
}

/// A site among others. Among many, those that are well are one line each, and of the others only what is wrong is shown.
pub(super) fn entry(reader: &Reader<'_>, site: &SitePicture, is_among_many: bool) -> Markup {
    let is_wrong = site.state.is_wrong();
    if is_among_many && site.state == SiteHealth::Collected {
        return html! { div.site { (head(reader, site, true)) } };
    }
    // Where nobody answers, each collector would say the same.
    let is_short = is_among_many || site.state == SiteHealth::Down;
    let collectors: Vec<&CollectorPicture> =
        site.collectors.iter().filter(|collector| !is_short || site.is_to_be_seen(collector)).collect();
    html! {
        details.wrong[is_wrong] open[is_wrong] {
            summary { (head(reader, site, false)) }
            (faults(site))
            (facts(reader, site))
            @if !collectors.is_empty() { (table::collectors(reader, &collectors, site)) }
            p { a href={ "/sites/" (encoded(&site.name)) } { "The page of " (site.name) } @if is_short { ": all collectors" } }
        }
    }
}

fn head(reader: &Reader<'_>, site: &SitePicture, is_link: bool) -> Markup {
    let in_short = counts::in_short(site);
    html! {
        (of_state(site.state)) " "
        @if is_link { a href={ "/sites/" (encoded(&site.name)) } { (site.name) } } @else { strong { (site.name) } }
        @if !in_short.is_empty() { span.dim { (in_short.join(" · ")) } }
        @match site.collected_at {
            Some(moment) => { span.dim { "last data " (reader.ago(moment)) } }
            None => { span.dim { "no data yet" } }
        }
    }
}

fn faults(site: &SitePicture) -> Markup {
    let class = if site.state.is_wrong() { "bad" } else { "warn" };
    html! { @for fault in &site.faults { (table::why(fault, class)) } }
}

fn facts(reader: &Reader<'_>, site: &SitePicture) -> Markup {
    html! {
        dl {
            @if let Some(endpoint) = &site.endpoint { dt { "Endpoint" } dd { (endpoint) } }
            dt { "API version" } dd { @match &site.api_version { Some(version) => (version), None => "not known" } }
            dt { "API key" }
            dd {
                @match site.key_accepted { Some(true) => "accepted", Some(false) => span.bad { "refused" }, None => "not known" }
                @if let Some(end) = site.key_ends_at.filter(|_| site.key_accepted != Some(false)) { ", ends " (reader.end(end)) }
            }
            @if let Some(end) = site.certificate_ends_at { dt { "Certificate" } dd { "ends " (reader.end(end)) } }
            @if let Some(until) = site.quiet_until { dt { "Quiet" } dd { "the server is asked again " (reader.soon(until)) } }
            (progress("Jobs of the window", site.jobs_read_ratio))
            (progress("History of backups", site.history_read_ratio))
        }
    }
}

/// How far something is that takes long.
fn progress(what: &str, ratio: Option<f64>) -> Markup {
    let Some(ratio) = ratio.filter(|ratio| *ratio < 1.0) else { return html! {} };
    let percent = (ratio * 100.0).floor();
    html! { dt { (what) } dd { progress max="100" value=(percent) aria-label=(what) {} " " (percent) " % read; what counts may be too low until then" } }
}

fn of_state(health: SiteHealth) -> Markup {
    state(health.severity(), health.as_ref())
}
