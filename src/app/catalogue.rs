//! The list of all metric families of the sites.

use crate::collector::{COLLECTORS, Resource};
use crate::config::ApiVersion;
use crate::metric::Desc;
use crate::netbackup::Stats;
use crate::poller;

/// One metric family of the sites, and where its values come from.
#[derive(Clone, Copy, Debug)]
pub struct Listed {
    /// The family.
    pub desc: &'static Desc,
    /// The collector that gives it, or `poller` or `client` for what the exporter knows of a site by itself.
    pub from: &'static str,
    /// The NetBackup resource that a collector reads for it.
    pub resource: Option<&'static str>,
    /// What the key's role needs for it: the operation and the namespace.
    pub permission: Option<(&'static str, &'static str)>,
    /// The first version of the API that has the resource.
    pub since: Option<ApiVersion>,
    /// Whether the collector runs where the configuration does not say so.
    pub is_default: bool,
}

impl Listed {
    /// The names of all labels, `site` first.
    pub fn labels(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once("site").chain(self.desc.labels.iter().copied())
    }
}

/// Every family of the sites by its name.
pub fn catalogue() -> Vec<Listed> {
    let own = |from| {
        move |desc: &&'static Desc| Listed {
            desc,
            from,
            resource: None,
            permission: None,
            since: None,
            is_default: true,
        }
    };
    let of_collectors = COLLECTORS.iter().flat_map(|entry| {
        let of_resource = move |resource: &'static Resource| {
            resource.families.iter().map(move |desc| Listed {
                desc,
                from: entry.id.name(),
                resource: Some(resource.path),
                permission: resource.permission.map(|needed| (needed.operation, needed.namespace)),
                since: Some(resource.since),
                is_default: entry.id.runs_by_default(),
            })
        };
        entry.resources().flat_map(of_resource)
    });
    let of_sites = poller::FAMILIES.iter().map(own("poller"));
    let mut all: Vec<_> =
        of_collectors.chain(of_sites).chain(Stats::DESCS.iter().map(own("client"))).collect();
    all.sort_by_key(|listed| listed.desc.name);
    all
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::metric::{MetricKind, Naming};

    #[test]
    fn a_name_belongs_to_one_family_and_a_label_stands_once() {
        let all = catalogue();
        let names: BTreeSet<_> = all.iter().map(|listed| listed.desc.name).collect();
        assert_eq!(names.len(), all.len());
        for listed in all {
            let labels: BTreeSet<_> = listed.labels().collect();
            assert_eq!(labels.len(), listed.desc.labels.len() + 1, "{}", listed.desc.name);
            assert!(!labels.contains("le"), "{}", listed.desc.name);
        }
    }

    #[test]
    fn every_help_is_a_sentence_and_no_family_names_the_site_itself() {
        for Listed { desc, .. } in catalogue() {
            assert!(desc.help.ends_with('.') && !desc.help.contains('\n'), "{}: {}", desc.name, desc.help);
            assert!(!desc.labels.contains(&"site"), "{}", desc.name);
        }
    }

    #[test]
    fn native_names_follow_the_rules_of_the_field() {
        for Listed { desc, .. } in catalogue().iter().filter(|listed| listed.desc.naming == Naming::Native) {
            assert_eq!(desc.name.ends_with("_total"), desc.kind == MetricKind::Counter, "{}", desc.name);
            for suffix in ["_count", "_sum", "_bucket", "_ms", "_info_total"] {
                assert!(!desc.name.ends_with(suffix), "{}", desc.name);
            }
            assert!(!desc.labels.contains(&"type"), "{}", desc.name);
        }
    }
}
