//! Pages for people: one file each, without a script and without any further request.
//!
//! maud makes them: a template is Rust that the compiler checks, names are escaped wherever they stand, and it brings one small crate into
//! the program. askama would bring files in a language of their own, and a parser for them into each build.

mod configuration;
mod counts;
mod fleet;
mod frame;
mod severity;
mod site;
mod sites;
mod table;
mod time;

pub(super) use frame::{POLICY, Reader};

use maud::{Markup, html};

use crate::status::{SitePicture, StatusFilter, StatusPicture, encoded};

/// The start page: what is wrong first, then the sites, then what runs.
pub(super) fn start(
    reader: &Reader<'_>,
    status: &StatusPicture,
    shown: &[SitePicture],
    filter: &StatusFilter,
) -> Markup {
    reader.frame(
        None,
        &html! {
            (configuration::rejection(reader, &status.configuration))
            (sites::sites(reader, status, shown, filter))
            @if let Some(members) = &status.fleet { (fleet::fleet(members)) }
            (configuration::running(reader, status))
            (pages(reader))
        },
    )
}

/// A site's own page.
pub(super) fn site(reader: &Reader<'_>, status: &StatusPicture, site: &SitePicture) -> Markup {
    reader.frame(
        Some(&site.name),
        &html! {
            @if status.configuration.rejected.is_some() {
                p.bad { a href="/" { "✖ The newest configuration is rejected" } }
            }
            (site::page(reader, site))
        },
    )
}

/// There is no such site: what there is.
pub(super) fn no_site(reader: &Reader<'_>, name: &str, status: &StatusPicture) -> Markup {
    reader.frame(
        Some("no such site"),
        &html! {
            @if let Some(member) = status.fleet.as_ref().and_then(|fleet| fleet.other(name)) {
                h2 { "The site “" (name) "” is asked by " (member) }
                p { "Replicas share the sites; this one knows nothing of it. Ask that one for its page." }
            } @else {
                h2 { "There is no site “" (name) "”" }
            }
            @if status.sites.is_empty() {
                p { (sites::none(status)) }
            } @else {
                p { @if status.fleet.is_some() { "This one asks:" } @else { "There are:" } }
                ul { @for site in &status.sites { li { a href={ "/sites/" (encoded(&site.name)) } { (site.name) } } } }
            }
        },
    )
}

fn pages(reader: &Reader<'_>) -> Markup {
    let pages = [
        (reader.metrics_path, "metrics"),
        ("/api/v1/status", "this page for programs; nbu-exporter status shows it on a terminal"),
        ("/config", "the running configuration, secrets masked"),
        ("/-/ready?verbose", "readiness, check by check"),
        ("/-/healthy", "liveness"),
        ("/health", "whether NetBackup answers"),
    ];
    html! {
        h2 { "Other pages" }
        ul {
            @for (path, what) in pages { li { a href=(path) { (path) } ": " (what) } }
            li { code { "POST /-/reload" } ": read the configuration now" }
        }
    }
}
