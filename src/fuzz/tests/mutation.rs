//! Inputs that come of others by chance.

use fastrand::Rng;

/// What readers of text and of JSON treat in a way of its own.
const WORDS: [&str; 24] = [
    "null",
    "true",
    "-1",
    "1e999",
    "9223372036854775808",
    "\"\"",
    "{}",
    "[]",
    "[[",
    "${",
    "${X:-",
    "}",
    "\\u0000",
    "\\",
    "\"",
    "\n",
    "\r",
    "\t",
    "\u{feff}",
    "\u{2028}",
    "%%",
    "&a",
    "*a",
    "1970-01-01T00:00:00Z",
];
/// Longer inputs only cost time.
const LONGEST: usize = 64 << 10;

/// Makes up inputs out of a corpus.
pub(super) struct Mutator {
    random: Rng,
    seeds: Vec<Vec<u8>>,
}

impl Mutator {
    pub(super) fn new(seed: u64, seeds: Vec<Vec<u8>>) -> Self {
        Self { random: Rng::with_seed(seed), seeds }
    }

    pub(super) fn next(&mut self) -> Vec<u8> {
        let mut input = self.random.choice(&self.seeds).cloned().unwrap_or_default();
        for _ in 0..self.random.usize(1..8) {
            self.change(&mut input);
        }
        input.truncate(LONGEST);
        input
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let (from, to) = self.range(input);
        match self.random.u8(0..8) {
            0 if from < to => input[from] ^= 1 << self.random.u8(0..8),
            1 if from < to => input[from] = self.random.u8(..),
            2 => drop(input.drain(from..to)),
            3 => input.truncate(from),
            4 => {
                let again = input[from..to].to_vec();
                drop(input.splice(to..to, again));
            }
            5 => {
                let other = self.random.choice(&self.seeds).cloned().unwrap_or_default();
                let (begin, end) = self.range(&other);
                drop(input.splice(from..to, other[begin..end].iter().copied()));
            }
            6 => self.replace_value(input, from),
            _ => {
                let word = self.random.choice(WORDS).unwrap();
                drop(input.splice(from..from, word.bytes()));
            }
        }
    }

    /// Puts another value behind the next colon: a wrong type, which chance alone seldom gives.
    fn replace_value(&mut self, input: &mut Vec<u8>, from: usize) {
        let Some(colon) = input[from..].iter().position(|byte| *byte == b':').map(|at| from + at + 1) else {
            return;
        };
        let rest = &input[colon..];
        let end = rest.iter().position(|byte| b",}]\n".contains(byte)).map_or(input.len(), |at| colon + at);
        let word = self.random.choice(WORDS).unwrap();
        drop(input.splice(colon..end, word.bytes()));
    }

    fn range(&mut self, input: &[u8]) -> (usize, usize) {
        let from = self.random.usize(..=input.len());
        let longest = (input.len() - from).min(1 << self.random.u8(0..10));
        (from, from + self.random.usize(..=longest))
    }
}
