//! Rounding that is the same everywhere.

/// `numerator / denominator` rounded half to even. `denominator` must be positive.
#[must_use]
pub fn div_half_even(numerator: i128, denominator: i128) -> i128 {
    let quotient = numerator.div_euclid(denominator);
    let twice = numerator.rem_euclid(denominator) * 2;
    match twice.cmp(&denominator) {
        std::cmp::Ordering::Less => quotient,
        std::cmp::Ordering::Greater => quotient + 1,
        std::cmp::Ordering::Equal => quotient + (quotient & 1),
    }
}

/// `value` rounded to `digits` significant decimal digits: what a written score carries.
#[must_use]
pub fn significant(value: f64, digits: usize) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    // Through the shortest decimal text: the nearest f64 of that decimal, whatever the platform.
    format!("{value:.*e}", digits.saturating_sub(1)).parse().unwrap_or(value)
}

/// A whole number with a comma between thousands.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_goes_to_even() {
        for (n, d, want) in [(5, 2, 2), (7, 2, 4), (-5, 2, -2), (-7, 2, -4), (1, 3, 0), (2, 3, 1), (-1, 3, 0)] {
            assert_eq!(div_half_even(n, d), want, "{n}/{d}");
        }
    }

    #[test]
    fn six_digits() {
        assert_eq!(significant(0.123_456_789, 6), 0.123_457);
        assert_eq!(significant(1_234_567.8, 6), 1_234_570.0);
        assert_eq!(significant(0.0, 6), 0.0);
    }
}
