//! Names of clients: how they are compared, and which of them get series of their own.

use std::borrow::Cow;

use crate::config::Collectors;

/// The name by which a client is known: NetBackup compares host names without regard to case, and its lists differ in it.
pub(super) fn client_key(name: &str) -> Cow<'_, str> {
    let name = name.trim();
    // Most names are in lower case, and each job has one.
    let is_key = name.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
    if is_key { Cow::Borrowed(name) } else { Cow::Owned(name.to_lowercase()) }
}

/// Whether the names of clients may be shown, and of which: `perClient.allowlist` less `perClient.denylist`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ClientFilter {
    allowed: Vec<Glob>,
    denied: Vec<Glob>,
}

/// A name in which `*` stands for any characters, or none, and `?` for one character.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Glob(Vec<char>);

impl ClientFilter {
    /// What the settings allow; without the collector or without an allowlist that is no client, as in the Go exporter.
    pub(super) fn new(collectors: &Collectors) -> Self {
        let per_client = &collectors.per_client;
        if !per_client.enabled {
            return Self::default();
        }
        let globs = |names: &[String]| names.iter().map(|name| Glob::new(name)).collect();
        Self { allowed: globs(&per_client.options.allowlist), denied: globs(&per_client.options.denylist) }
    }

    /// Whether no client is allowed.
    pub(super) fn is_empty(&self) -> bool {
        self.allowed.is_empty()
    }

    /// Whether a client may have series of its own.
    pub(super) fn allows(&self, name: &str) -> bool {
        if self.is_empty() {
            return false;
        }
        let name: Vec<char> = client_key(name).chars().collect();
        let any = |globs: &[Glob]| globs.iter().any(|glob| glob.matches(&name));
        any(&self.allowed) && !any(&self.denied)
    }
}

impl Glob {
    fn new(pattern: &str) -> Self {
        Self(client_key(pattern).chars().collect())
    }

    /// Takes as little as it can for each `*`, and goes back to the last one where that was too little.
    fn matches(&self, name: &[char]) -> bool {
        let (mut at, mut read) = (0, 0);
        let mut last_star = None;
        while let Some(character) = name.get(read) {
            match self.0.get(at) {
                Some('*') => {
                    at += 1;
                    last_star = Some((at, read));
                }
                Some(wanted) if *wanted == '?' || wanted == character => {
                    at += 1;
                    read += 1;
                }
                _ => {
                    let Some((after, from)) = last_star else { return false };
                    last_star = Some((after, from + 1));
                    (at, read) = (after, from + 1);
                }
            }
        }
        self.0.iter().skip(at).all(|rest| *rest == '*')
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::fixture;

    fn filter(allowed: &[&str], denied: &[&str]) -> ClientFilter {
        let mut collectors = fixture::collectors();
        collectors.per_client.enabled = true;
        let texts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        collectors.per_client.options.allowlist = texts(allowed);
        collectors.per_client.options.denylist = texts(denied);
        ClientFilter::new(&collectors)
    }

    #[test]
    fn a_client_is_shown_if_a_glob_allows_it_and_none_denies_it() {
        let filter = filter(&["db-*", "WEB??", "files.example.com"], &["*-test", "web13"]);
        for name in ["db-1", "DB-", "web12", "Web99", " files.example.com "] {
            assert!(filter.allows(name), "{name}");
        }
        for name in ["db", "db-7-TEST", "web1", "web123", "WEB13", "files.example.org", ""] {
            assert!(!filter.allows(name), "{name}");
        }
    }

    #[test]
    fn without_an_allowlist_or_without_the_collector_no_client_is_shown() {
        assert!(!filter(&[], &[]).allows("db-1"));
        assert!(filter(&[], &["x"]).is_empty());
        let mut collectors = fixture::collectors();
        collectors.per_client.options.allowlist = vec!["*".to_owned()];
        assert_eq!(ClientFilter::new(&collectors), ClientFilter::default());
    }

    #[test]
    fn a_client_has_one_name_however_it_is_written() {
        for name in ["db-1.example.com", " DB-1.Example.com ", "db-1.EXAMPLE.COM\t"] {
            assert_eq!(client_key(name), "db-1.example.com");
        }
        for name in ["ÄRZTE-1", "ärzte-1 "] {
            assert_eq!(client_key(name), "ärzte-1");
        }
    }

    /// The definition, however long it takes.
    fn matches(pattern: &[char], name: &[char]) -> bool {
        match (pattern, name) {
            ([], _) => name.is_empty(),
            (['*', rest @ ..], _) => (0..=name.len()).any(|skip| matches(rest, &name[skip..])),
            (['?', rest @ ..], [_, tail @ ..]) => matches(rest, tail),
            ([wanted, rest @ ..], [first, tail @ ..]) => wanted == first && matches(rest, tail),
            (_, []) => false,
        }
    }

    proptest! {
        #[test]
        fn a_glob_matches_what_its_definition_says(pattern in "[ab?*]{0,8}", name in "[ab]{0,8}") {
            let glob = Glob::new(&pattern);
            let name: Vec<char> = name.chars().collect();
            prop_assert_eq!(glob.matches(&name), matches(&glob.0, &name));
        }
    }
}
