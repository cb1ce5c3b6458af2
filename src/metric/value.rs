//! Truths and moments as samples.

use jiff::Timestamp;

/// A truth as a sample: 1 or 0.
pub(crate) fn flag(value: bool) -> f64 {
    f64::from(u8::from(value))
}

/// A moment as a sample: Unix time in seconds.
pub(crate) fn seconds(moment: Timestamp) -> f64 {
    moment.as_millisecond() as f64 / 1000.0
}

/// The state of one object as samples: 1 for the state that it is in, 0 for each other one that is known. A word that is not known
/// is the state `UNKNOWN`, which has no sample otherwise.
pub(crate) fn one_of<const N: usize>(
    known: [&'static str; N],
    state: &str,
) -> impl Iterator<Item = (&'static str, f64)> + use<N> {
    let place = known.iter().position(|one| *one == state);
    let samples = known.into_iter().enumerate().map(move |(number, one)| (one, flag(Some(number) == place)));
    samples.chain(place.is_none().then_some(("UNKNOWN", 1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_in_one_of_the_known_states_or_in_an_unknown_one() {
        let samples = |state: &str| one_of(["UP", "DOWN"], state).collect::<Vec<_>>();
        assert_eq!(samples("DOWN"), [("UP", 0.0), ("DOWN", 1.0)]);
        assert_eq!(samples("SIDEWAYS"), [("UP", 0.0), ("DOWN", 0.0), ("UNKNOWN", 1.0)]);
    }
}
