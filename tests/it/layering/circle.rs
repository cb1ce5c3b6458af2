//! Circles: modules beside each other that use each other, directly or through others, at any depth.
//!
//! A module counts with all that is inside of it. What a child uses of its parent, and a parent of its child, is no circle;
//! a name that the parent only imports from another child is followed to that child.

use std::collections::{BTreeMap, BTreeSet};

use super::source::Source;

type Module = Vec<String>;

/// Every use of one module by another beside it, each with the first place where it stands.
struct Uses(BTreeMap<Module, BTreeMap<Module, String>>);

/// What lies on a circle, each as `FILE:LINE: sentence`, but for the uses that are allowed.
pub(super) fn circles(sources: &[Source], allowed: &[(&str, &str)]) -> Vec<String> {
    let is_allowed = |from: &Module, to: &Module| allowed.contains(&(&*from.join("::"), &*to.join("::")));
    let mut uses = Uses::of(sources);
    for (from, all) in &mut uses.0 {
        all.retain(|to, _| !is_allowed(from, to));
    }
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
        let crate_ = Crate::of(sources);
        let mut uses = BTreeMap::<_, BTreeMap<_, _>>::new();
        for source in sources {
            for (path, line) in &source.paths {
                let target = crate_.module_of(&source.module, path);
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

/// The modules of a crate, and the names that each imports.
struct Crate<'a> {
    modules: BTreeSet<&'a [String]>,
    imports: BTreeMap<&'a [String], &'a BTreeMap<String, Vec<String>>>,
}

impl<'a> Crate<'a> {
    fn of(sources: &'a [Source]) -> Self {
        let own = sources.iter().map(|source| source.module.as_slice());
        let inner = sources.iter().flat_map(|source| &source.modules).map(|it| it.module.as_slice());
        Self {
            modules: own.chain(inner).collect(),
            imports: sources.iter().map(|source| (source.module.as_slice(), &source.imports)).collect(),
        }
    }

    /// The module that a path leads to from `module`; `module` itself for what is of another crate.
    fn module_of(&self, module: &[String], path: &[String]) -> Module {
        let (mut base, mut path) = (module.to_vec(), path.to_vec());
        // Bounded, since two modules could import one name from each other.
        for _ in 0..100 {
            let Some((first, rest)) = path.split_first() else { break };
            let inner = [base.as_slice(), std::slice::from_ref(first)].concat();
            if first == "crate" {
                (base, path) = (Vec::new(), rest.to_vec());
            } else if self.modules.contains(inner.as_slice()) {
                (base, path) = (inner, rest.to_vec());
            } else if let Some(imported) =
                self.imports.get(base.as_slice()).and_then(|names| names.get(first))
            {
                path = [imported.as_slice(), rest].concat();
            } else {
                break;
            }
        }
        base
    }
}
