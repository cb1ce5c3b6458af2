//! The fleet in the picture.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::fleet::Assignment;

/// A fleet, as this member sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FleetPicture {
    /// This member's name.
    pub member: String,
    /// Whether it has its part of the sites now.
    pub holds: bool,
    /// The members that live, by their names.
    pub members: Vec<MemberPicture>,
}

/// A member of a fleet, and what it asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MemberPicture {
    /// Its name.
    pub name: String,
    /// The names of its sites, in the order of the configuration.
    pub sites: Vec<String>,
}

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

impl FleetPicture {
    /// Which other member asks a site.
    pub(crate) fn other(&self, site: &str) -> Option<&str> {
        let asks = |member: &&MemberPicture| {
            member.name != self.member && member.sites.iter().any(|one| one == site)
        };
        self.members.iter().find(asks).map(|member| member.name.as_str())
    }
}
