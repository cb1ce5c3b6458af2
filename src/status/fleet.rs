//! The fleet in the picture.

use std::collections::BTreeMap;

use super::model::{FleetPicture, MemberPicture};
use crate::config::Config;
use crate::fleet::Assignment;

/// Who has what.
pub(super) fn of(assignment: &Assignment, config: Option<&Config>) -> FleetPicture {
    let mut sites: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (id, name) in config.into_iter().flat_map(Config::names_of_sites) {
        if let Some(owner) = assignment.owner(id) {
            sites.entry(owner).or_default().push(name.to_string());
        }
    }
    let member = |name: &std::sync::Arc<str>| MemberPicture {
        name: name.to_string(),
        sites: sites.get(&**name).cloned().unwrap_or_default(),
    };
    FleetPicture {
        member: assignment.own().to_string(),
        holds: assignment.holds(),
        members: assignment.members().iter().map(member).collect(),
    }
}
