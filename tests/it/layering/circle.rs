//! Circles: modules beside each other that use each other, directly or through others, at any depth.
//!
//! A module counts with all that is inside of it. What a child uses of its parent, and a parent of its child, is no circle;
//! a name that the parent only imports from another child is followed to that child.

use std::collections::{BTreeMap, BTreeSet};

use super::modules::Modules;
use super::source::Source;

type Module = Vec<String>;

/// Every use of one module by another beside it, each with the first place where it stands.
struct Uses(BTreeMap<Module, BTreeMap<Module, String>>);

/// What lies on a circle, each as `FILE:LINE: sentence`.
pub(super) fn circles(sources: &[Source]) -> Vec<String> {
    let uses = Uses::of(sources);
    let mut found = Vec::new();
    for (from, all) in &uses.0 {
        for (to, place) in all.iter().filter(|(to, _)| uses.leads(to, from)) {
            let (from, to) = (from.join("::"), to.join("::"));
            found.push(format!("{place}: `{from}` uses `{to}`, which uses `{from}` in turn"));
        }
    }
    found
}

impl Uses {
    fn of(sources: &[Source]) -> Self {
        let modules = Modules::of(sources);
        let mut uses = BTreeMap::<_, BTreeMap<_, _>>::new();
        for source in sources {
            for (path, line) in &source.paths {
                let target = modules.module_of(&source.module, path);
                let shared =
                    source.module.iter().zip(&target).take_while(|(one, other)| one == other).count();
                if let (Some(from), Some(to)) = (source.module.get(..=shared), target.get(..=shared)) {
                    let all = uses.entry(from.to_vec()).or_default();
                    all.entry(to.to_vec()).or_insert(format!("{}:{line}", source.file));
                }
            }
        }
        Self(uses)
    }

    fn leads(&self, from: &Module, to: &Module) -> bool {
        let (mut seen, mut next) = (BTreeSet::new(), vec![from]);
        while let Some(module) = next.pop() {
            if module == to {
                return true;
            }
            if seen.insert(module) {
                next.extend(self.0.get(module).into_iter().flat_map(BTreeMap::keys));
            }
        }
        false
    }
}
