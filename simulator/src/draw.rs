//! Numbers that look random and are a pure function of (seed, stream): the reason why jobs cost no memory.

/// `SplitMix64` (Steele, Lea, Flood 2014): tiny, and good enough for any stream number as its start.
#[derive(Clone, Debug)]
pub(super) struct Draw(u64);

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

impl Draw {
    pub(super) fn new(seed: u64, stream: i64) -> Self {
        Self(mix(seed ^ mix(stream.cast_unsigned().wrapping_mul(GOLDEN))))
    }

    pub(super) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mix(self.0)
    }

    /// 0 ≤ result < `limit` (0 for a limit below 1).
    pub(super) fn below(&mut self, limit: i64) -> i64 {
        (self.bits() >> 1).cast_signed().rem_euclid(limit.max(1))
    }

    /// `low` ≤ result ≤ `high`.
    pub(super) fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below(high - low + 1)
    }

    pub(super) fn per_mille(&mut self, chance: i64) -> bool {
        self.below(1_000) < chance
    }

    pub(super) fn pick<T: Copy>(&mut self, first: T, rest: &[T]) -> T {
        let index = self.below(i64::try_from(rest.len()).unwrap_or(0) + 1);
        usize::try_from(index - 1).ok().and_then(|index| rest.get(index)).copied().unwrap_or(first)
    }
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Folds a text into a seed (FNV-1a), so that sites of one simulation differ.
pub(super) fn seed_of(seed: u64, text: &str) -> u64 {
    text.bytes().fold(seed ^ 0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_seeds_draw_equal_numbers() {
        let (mut a, mut b) = (Draw::new(7, 41), Draw::new(7, 41));
        assert!((0..100).all(|_| a.bits() == b.bits()));
        assert_ne!(Draw::new(7, 41).bits(), Draw::new(8, 41).bits());
        assert_ne!(Draw::new(7, 41).bits(), Draw::new(7, 42).bits());
    }

    #[test]
    fn every_choice_comes_up() {
        let mut draw = Draw::new(1, 1);
        let mut seen = [false; 4];
        for _ in 0..200 {
            seen[draw.pick(0, &[1, 2, 3])] = true;
        }
        assert_eq!(seen, [true; 4]);
    }
}
