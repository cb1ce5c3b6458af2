//! The modules of a crate, and to which of them a path leads.

use std::collections::{BTreeMap, BTreeSet};

use super::source::Source;

/// The modules of a crate, and the names that each imports.
pub(super) struct Modules<'a> {
    all: BTreeSet<&'a [String]>,
    imports: BTreeMap<&'a [String], &'a BTreeMap<String, Vec<String>>>,
}

impl<'a> Modules<'a> {
    pub(super) fn of(sources: &'a [Source]) -> Self {
        let own = sources.iter().map(|source| source.module.as_slice());
        let inner = sources.iter().flat_map(|source| &source.modules).map(|it| it.module.as_slice());
        Self {
            all: own.chain(inner).collect(),
            imports: sources.iter().map(|source| (source.module.as_slice(), &source.imports)).collect(),
        }
    }

    /// The module that a path leads to from `module`; `module` itself for what is of another crate.
    pub(super) fn module_of(&self, module: &[String], path: &[String]) -> Vec<String> {
        let (mut base, mut path) = (module.to_vec(), path.to_vec());
        // Bounded, since two modules could import one name from each other.
        for _ in 0..100 {
            let Some((first, rest)) = path.split_first() else { break };
            let inner = [base.as_slice(), std::slice::from_ref(first)].concat();
            if first == "crate" {
                (base, path) = (Vec::new(), rest.to_vec());
            } else if self.all.contains(inner.as_slice()) {
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
