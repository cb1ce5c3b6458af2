//! The configuration on the start page.

use maud::{Markup, html};

use super::frame::Reader;
use crate::status::{
    ConfigurationPicture, RunningPicture, StatusPicture, VerdictPicture, WebhookPicture, duration,
};

/// The newest configuration, where it can not run.
pub(super) fn rejection(reader: &Reader<'_>, configuration: &ConfigurationPicture) -> Markup {
    let Some(rejected) = &configuration.rejected else { return html! {} };
    let runs = match &configuration.running {
        None => "Nothing is collected until it is mended.",
        Some(running) if !running.lacking_sites.is_empty() => {
            "It runs without the sites that lack something."
        }
        Some(_) => "The last good one runs on, and what it collects goes on.",
    };
    html! {
        section.alert role="alert" {
            h2 { "✖ The newest configuration is rejected" }
            p { (runs) " Rejected " (reader.ago(rejected.at)) " (" (rejected.trigger)
                @if let Some(revision) = &rejected.revision { ", revision " (revision) }
                @if let Some(hash) = &rejected.hash { ", hash " code { (hash) } } "). Mend these and save; it is read again by itself:" }
            pre { (rejected.mistakes.join("\n")) }
            @if !rejected.changes.is_empty() {
                h3 { "What it says otherwise than what runs" }
                ul { @for change in &rejected.changes { li { (change) } } }
            }
        }
    }
}

/// What runs, and what came of the last reloads.
pub(super) fn running(reader: &Reader<'_>, status: &StatusPicture) -> Markup {
    let configuration = &status.configuration;
    html! {
        h2 { "What runs" }
        dl {
            @match &configuration.running {
                Some(running) => (of_running(reader, running)),
                None => { dt { "Configuration" } dd { "none" } }
            }
            dt { "Process" }
            dd { "started " (reader.ago(status.started_at)) ", version " (status.version) @if status.ending { ", about to end" } }
            @if let Some(webhook) = &status.webhook { (of_webhook(reader, webhook)) }
        }
        @if !configuration.verdicts.is_empty() {
            h3 { "The last reloads" }
            table {
                thead { tr { th scope="col" { "When" } th scope="col" { "Asked by" } th scope="col" { "Outcome" }
                    th scope="col" { "Revision" } th scope="col" { "Took" } th scope="col" { "What" } } }
                tbody { @for verdict in &configuration.verdicts { (of_verdict(reader, verdict)) } }
            }
        }
    }
}

fn of_running(reader: &Reader<'_>, running: &RunningPicture) -> Markup {
    html! {
        dt { "Configuration" } dd { (running.origin) ", loaded " (reader.ago(running.loaded_at)) }
        @if let Some(revision) = &running.revision { dt { "Revision" } dd { (revision) } }
        dt { "Hash" } dd { code { (running.hash) } }
        @for warning in &running.warnings { dt { "Warning" } dd.warn { (warning) } }
    }
}

fn of_webhook(reader: &Reader<'_>, webhook: &WebhookPicture) -> Markup {
    html! {
        dt { "Admission webhook" }
        dd {
            @match webhook.last_asked_at { Some(asked) => { "asked " (reader.ago(asked)) }, None => "never asked by the API server" }
            @match webhook.certificate_ends_at { Some(ends) => { ", certificate ends " (reader.end(ends)) }, None => ", no certificate yet" }
            @if let Some(trouble) = &webhook.trouble { br; span.warn { "its certificate can not be kept: " (trouble) } }
        }
    }
}

fn of_verdict(reader: &Reader<'_>, verdict: &VerdictPicture) -> Markup {
    let is_rejected = verdict.outcome == "rejected";
    let revision = verdict.revision.as_ref().or(verdict.hash.as_ref());
    html! {
        tr {
            td data-of="When" { (reader.ago(verdict.at)) }
            td data-of="Asked by" { (verdict.trigger) }
            td data-of="Outcome" class=[is_rejected.then_some("bad")] { (verdict.outcome) }
            td data-of="Revision" { @if let Some(revision) = revision { code { (revision) } } @else { "none" } }
            td data-of="Took" { (duration(verdict.duration_seconds)) }
            td {
                @for (index, line) in verdict.detail.iter().take(MOST_LINES).enumerate() { @if index > 0 { br; } (line) }
                @if verdict.detail.len() > MOST_LINES { br; "and " (verdict.detail.len() - MOST_LINES) " more" }
            }
        }
    }
}

/// The newest rejection stands above as a whole.
const MOST_LINES: usize = 3;
