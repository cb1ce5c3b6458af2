//! Medians, quantiles and measuring in turn.

/// The value below which the share `quantile` of all values lies.
pub fn quantile(values: &[f64], quantile: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len() - 1;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
    let index = (last as f64 * quantile).round() as usize;
    sorted[index]
}

/// The middle value.
pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// Measures `ours` and `theirs` in turn; the median of the ratios, and of each side's values.
pub fn in_turn(rounds: usize, mut ours: impl FnMut() -> f64, mut theirs: impl FnMut() -> f64) -> Pair {
    let (mut mine, mut other) = (Vec::new(), Vec::new());
    // What comes first finds cold caches, so each side comes first as often as the other; one round is not counted.
    for round in 0..=rounds {
        let (one, two) = if round % 2 == 0 {
            let one = ours();
            (one, theirs())
        } else {
            let two = theirs();
            (ours(), two)
        };
        if round > 0 {
            mine.push(one);
            other.push(two);
        }
    }
    let ratios: Vec<_> = mine.iter().zip(&other).map(|(mine, other)| mine / other).collect();
    Pair { ratio: median(&ratios), ours: median(&mine), theirs: median(&other) }
}

/// What [`in_turn`] found.
#[derive(Clone, Copy, Debug)]
pub struct Pair {
    /// Ours to theirs, the median of the rounds.
    pub ratio: f64,
    /// The median of ours.
    pub ours: f64,
    /// The median of theirs.
    pub theirs: f64,
}
