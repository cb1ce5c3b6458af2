//! The weight of a choice in a header (RFC 9110 §12.4.2).

/// A weight in thousandths; text that is no weight counts as 0.
pub(super) fn weight(parameter: &str) -> u16 {
    let number = parameter.strip_prefix("q=").or_else(|| parameter.strip_prefix("Q="));
    match number.and_then(|number| number.trim().parse::<f32>().ok()) {
        // The pattern keeps it in range.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        Some(weight @ 0.0..=1.0) => (weight * 1000.0) as u16,
        _ => 0,
    }
}
