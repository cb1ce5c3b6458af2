//! The fleet on the start page: who asks what.

use maud::{Markup, html};

use crate::status::{FleetPicture, MemberPicture, encoded};

/// From more sites on a member's are folded.
const MANY: usize = 20;

/// The members, each with its sites.
pub(super) fn fleet(fleet: &FleetPicture) -> Markup {
    html! {
        h2 { "The fleet (" (fleet.members.len()) ")" }
        @if !fleet.holds {
            p.warn { "This replica has no part of the sites now: it joins, or can not renew its Lease; the log says which." }
        }
        p { "Replicas share the sites: each is asked by one of them, whose page has what is known of it." }
        table {
            thead { tr { th scope="col" { "Member" } th scope="col" { "Sites" } th scope="col" { "Which" } } }
            tbody { @for member in &fleet.members { (row(member, member.name == fleet.member)) } }
        }
    }
}

fn row(member: &MemberPicture, is_this: bool) -> Markup {
    html! {
        tr {
            th scope="row" { @if is_this { strong { (member.name) } " (this one)" } @else { (member.name) } }
            td data-of="Sites" { (member.sites.len()) }
            td {
                @if member.sites.len() > MANY { details { summary { "All " (member.sites.len()) } (names(member, is_this)) } }
                @else { (names(member, is_this)) }
            }
        }
    }
}

fn names(member: &MemberPicture, is_this: bool) -> Markup {
    html! {
        @for (index, site) in member.sites.iter().enumerate() {
            @if index > 0 { ", " }
            @if is_this { a href={ "/sites/" (encoded(site)) } { (site) } } @else { (site) }
        }
    }
}
