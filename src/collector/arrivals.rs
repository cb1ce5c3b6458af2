//! What lists that only grow have had since they were read first: each record that is new counts once.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::interner::Interner;

/// A server that gives each record a word of its own does not get a label value for each.
const MOST_WORDS: usize = 100;
/// What stands for the words that are too many.
const OTHER: &str = "OTHER";

/// The values of a record's labels.
pub(super) type Words<const N: usize> = [Arc<str>; N];

/// The records of a list, and how many of them were new.
#[derive(Default)]
pub(super) struct Arrivals<const N: usize> {
    /// Those that a reading may find again, by their identifiers.
    known: HashMap<String, Arrival<N>>,
    new: BTreeMap<Words<N>, u64>,
    words: Interner<MOST_WORDS>,
    /// Whether the list was read as far as it went once: what is found from then on is new.
    is_seeded: bool,
}

struct Arrival<const N: usize> {
    /// In seconds since 1970.
    created: i64,
    words: Words<N>,
}

impl<const N: usize> Arrivals<N> {
    /// Takes in a record that a reading found.
    pub(super) fn note(&mut self, id: &str, created: i64, words: [&str; N]) {
        if let Some(known) = self.known.get_mut(id) {
            known.created = known.created.max(created);
            return;
        }
        let words = words.map(|word| self.words.keep(word).unwrap_or_else(|| Arc::from(OTHER)));
        if self.is_seeded {
            *self.new.entry(words.clone()).or_default() += 1;
        }
        self.known.insert(id.to_owned(), Arrival { created, words });
    }

    /// The list was read as far as it goes.
    pub(super) fn settle(&mut self) {
        self.is_seeded = true;
    }

    /// Forgets records that no reading will find again.
    pub(super) fn forget_before(&mut self, second: i64) {
        self.known.retain(|_, arrival| arrival.created >= second);
    }

    /// Forgets all but these, which are all that there are.
    pub(super) fn keep(&mut self, ids: &HashSet<String>) {
        self.known.retain(|id, _| ids.contains(id));
    }

    /// How many were new, by some of their words.
    pub(super) fn new_by<const M: usize>(
        &self,
        by: impl Fn(&Words<N>) -> Words<M>,
    ) -> BTreeMap<Words<M>, u64> {
        sums(self.new.iter().map(|(words, count)| (by(words), *count)))
    }

    /// How many are known, by some of their words.
    pub(super) fn known_by<const M: usize>(
        &self,
        by: impl Fn(&Words<N>) -> Words<M>,
    ) -> BTreeMap<Words<M>, u64> {
        sums(self.known.values().map(|arrival| (by(&arrival.words), 1)))
    }
}

fn sums<const M: usize>(counts: impl Iterator<Item = (Words<M>, u64)>) -> BTreeMap<Words<M>, u64> {
    let mut sums = BTreeMap::new();
    for (words, count) in counts {
        *sums.entry(words).or_default() += count;
    }
    sums
}

/// Counts of two words, with 0 for each pair of the words that are listed as known and were not counted.
pub(super) fn with_zeros<'a>(
    counts: &'a BTreeMap<Words<2>, u64>,
    first: &'static [&'static str],
    second: &'static [&'static str],
) -> Vec<([&'a str; 2], f64)> {
    let counted: BTreeMap<[&str; 2], u64> =
        counts.iter().map(|([one, other], count)| ([&**one, &**other], *count)).collect();
    let pairs = first.iter().flat_map(|one| second.iter().map(move |other| [*one, *other]));
    let absent: Vec<_> = pairs.filter(|pair| !counted.contains_key(pair)).map(|pair| (pair, 0.0)).collect();
    counted.into_iter().map(|(pair, count)| (pair, count as f64)).chain(absent).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(arrivals: &Arrivals<1>) -> Vec<(String, u64)> {
        let counts = arrivals.new_by(Clone::clone);
        counts.into_iter().map(|([word], count)| (word.to_string(), count)).collect()
    }

    #[test]
    fn what_was_there_before_is_not_new_and_what_comes_later_counts_once() {
        let mut arrivals = Arrivals::default();
        arrivals.note("1", 10, ["ERROR"]);
        arrivals.settle();
        assert_eq!(new(&arrivals), []);
        for _ in 0..2 {
            arrivals.note("1", 10, ["ERROR"]);
            arrivals.note("2", 20, ["ERROR"]);
            arrivals.note("3", 30, ["INFO"]);
        }
        assert_eq!(new(&arrivals), [("ERROR".to_owned(), 1), ("INFO".to_owned(), 1)]);
        assert_eq!(arrivals.known_by(Clone::clone).values().sum::<u64>(), 3);
        arrivals.forget_before(20);
        arrivals.keep(&HashSet::from(["3".to_owned()]));
        assert_eq!(arrivals.known_by(Clone::clone).values().sum::<u64>(), 1);
        assert_eq!(new(&arrivals).len(), 2, "what was counted stays counted");
    }

    #[test]
    fn words_without_end_are_told_apart_up_to_a_bound() {
        let mut arrivals = Arrivals::default();
        arrivals.settle();
        for number in 0..1000 {
            arrivals.note(&number.to_string(), 1, [&format!("word {number}")]);
        }
        let new = new(&arrivals);
        assert_eq!(new.len(), MOST_WORDS + 1);
        assert_eq!(new.iter().map(|(_, count)| count).sum::<u64>(), 1000);
    }

    #[test]
    fn a_pair_of_known_words_that_nothing_has_is_zero() {
        let counts = BTreeMap::from([(["a", "x"].map(Arc::from), 2), (["new", "x"].map(Arc::from), 1)]);
        assert_eq!(
            with_zeros(&counts, &["a", "b"], &["x"]),
            [(["a", "x"], 2.0), (["new", "x"], 1.0), (["b", "x"], 0.0)]
        );
    }
}
