//! Exact decimals from whatever number type a file has.

use arrow::{
    array::{Array, ArrayRef, AsArray, Decimal128Array, Float64Array, Int64Array},
    compute::cast,
    datatypes::{DataType, Decimal128Type, Float64Type, Int64Type},
};

use crate::base::round::div_half_even;

/// Most digits after the point that are kept of a floating-point number's shortest decimal text.
const MAX_SCALE: i32 = 12;

/// Powers of ten of a few digits.
const POWERS: [i64; 7] = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000];

/// A decimal number: `mantissa / 10^scale`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decimal {
    mantissa: i128,
    scale: u32,
}

impl Decimal {
    /// One.
    pub const ONE: Self = Self { mantissa: 1, scale: 0 };

    /// The decimal that `value` was written as: the shortest text that reads back as the same number. `None` for NaN,
    /// infinities, and magnitudes past 10^18.
    #[must_use]
    pub fn from_f64(value: f64) -> Option<Self> {
        if !value.is_finite() || value.abs() > 1e18 {
            return None;
        }
        for (scale, power) in [(0, 1.0), (2, 100.0), (3, 1000.0)] {
            let scaled = (value * power).round();
            // Below 2^53 the quotient is the double nearest to that decimal, so equality means it is what was written.
            if scaled.abs() < 9_007_199_254_740_992.0 && scaled / power == value {
                return Some(Self { mantissa: scaled as i128, scale });
            }
        }
        Self::from_shortest(value)
    }

    fn from_shortest(value: f64) -> Option<Self> {
        let text = format!("{value:e}");
        let (digits, exponent) = text.split_once('e')?;
        let exponent: i32 = exponent.parse().ok()?;
        let fraction = digits.split_once('.').map_or(0, |(_, f)| f.len() as i32);
        let mantissa: i128 = digits.replace('.', "").parse().ok()?;
        let scale = fraction - exponent;
        Some(if scale <= 0 {
            Self { mantissa: mantissa * 10i128.pow(scale.unsigned_abs()), scale: 0 }
        } else if scale <= MAX_SCALE {
            Self { mantissa, scale: scale.unsigned_abs() }
        } else {
            let cut = (scale - MAX_SCALE).unsigned_abs().min(37);
            Self { mantissa: div_half_even(mantissa, 10i128.pow(cut)), scale: MAX_SCALE.unsigned_abs() }
        })
    }

    /// The number in units of `10^-digits`, rounded half to even; `None` if it does not fit.
    #[must_use]
    pub fn to_units(self, digits: u32) -> Option<i64> {
        // Almost every number: it fits into 64 bits and nothing is to be rounded.
        if let (Ok(mantissa), Some(more)) = (i64::try_from(self.mantissa), digits.checked_sub(self.scale))
            && let Some(power) = POWERS.get(more as usize)
            && let Some(units) = mantissa.checked_mul(*power)
        {
            return Some(units);
        }
        self.to_units_widely(digits)
    }

    fn to_units_widely(self, digits: u32) -> Option<i64> {
        let units = if digits >= self.scale {
            self.mantissa.checked_mul(10i128.checked_pow(digits - self.scale)?)?
        } else {
            div_half_even(self.mantissa, 10i128.checked_pow(self.scale - digits)?)
        };
        i64::try_from(units).ok()
    }

    /// The exact product; `None` if it does not fit.
    #[must_use]
    pub fn times(self, other: Self) -> Option<Self> {
        Some(Self { mantissa: self.mantissa.checked_mul(other.mantissa)?, scale: self.scale + other.scale })
    }

    /// Whether units of `10^-digits` hold the number without rounding.
    #[must_use]
    pub fn is_exact_in(self, digits: u32) -> bool {
        self.scale <= digits || self.mantissa % 10i128.pow((self.scale - digits).min(37)) == 0
    }

    /// −1, 0 or 1.
    #[must_use]
    pub fn signum(self) -> i32 {
        self.mantissa.signum() as i32
    }

    /// The number without its sign.
    #[must_use]
    pub fn abs(self) -> Self {
        Self { mantissa: self.mantissa.abs(), ..self }
    }

    /// Mantissa and scale, for digests.
    #[must_use]
    pub fn parts(self) -> (i128, u32) {
        let (mut mantissa, mut scale) = (self.mantissa, self.scale);
        while scale > 0 && mantissa % 10 == 0 {
            mantissa /= 10;
            scale -= 1;
        }
        (mantissa, scale)
    }
}

/// A value of a number column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Number {
    /// No value.
    Null,
    /// NaN, infinite, or too large to be meant.
    Unusable,
    /// A number.
    Value(Decimal),
}

/// A column of numbers of any type.
#[derive(Debug, Clone)]
pub enum NumberColumn {
    /// Signed integers of 64 bits.
    Integer(Int64Array),
    /// Floating point.
    Float(Float64Array),
    /// Decimals with their scale.
    Decimal(Decimal128Array, u32),
}

/// Whether a column of this type can be read as numbers.
#[must_use]
pub fn is_number(data_type: &DataType) -> bool {
    data_type.is_numeric()
}

impl NumberColumn {
    /// Reads an array as numbers; `None` if its type is no number.
    #[must_use]
    pub fn new(array: &ArrayRef) -> Option<Self> {
        let doubles = |array: &ArrayRef| cast(array, &DataType::Float64).ok();
        match array.data_type() {
            DataType::Decimal128(_, scale) if *scale >= 0 => {
                Some(Self::Decimal(array.as_primitive::<Decimal128Type>().clone(), u32::from(scale.unsigned_abs())))
            }
            DataType::Decimal32(_, s)
            | DataType::Decimal64(_, s)
            | DataType::Decimal256(_, s)
            | DataType::Decimal128(_, s) => {
                let scale = (*s).max(0);
                let wide = cast(array, &DataType::Decimal128(38, scale)).ok()?;
                Some(Self::Decimal(wide.as_primitive::<Decimal128Type>().clone(), u32::from(scale.unsigned_abs())))
            }
            DataType::Float16 | DataType::Float64 => {
                Some(Self::Float(doubles(array)?.as_primitive::<Float64Type>().clone()))
            }
            // Through text, so that 2.55f32 is 2.55 and not 2.549999952316284.
            DataType::Float32 => {
                let text = cast(array, &DataType::Utf8).ok()?;
                Some(Self::Float(doubles(&text)?.as_primitive::<Float64Type>().clone()))
            }
            t if t.is_integer() => {
                let whole = cast(array, &DataType::Int64).ok()?;
                Some(Self::Integer(whole.as_primitive::<Int64Type>().clone()))
            }
            _ => None,
        }
    }

    /// The value of a row.
    #[must_use]
    pub fn get(&self, row: usize) -> Number {
        match self {
            Self::Integer(a) if a.is_valid(row) => {
                Number::Value(Decimal { mantissa: i128::from(a.value(row)), scale: 0 })
            }
            Self::Float(a) if a.is_valid(row) => {
                Decimal::from_f64(a.value(row)).map_or(Number::Unusable, Number::Value)
            }
            Self::Decimal(a, scale) if a.is_valid(row) => {
                Number::Value(Decimal { mantissa: a.value(row), scale: *scale })
            }
            _ => Number::Null,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cents(value: f64) -> Option<i64> {
        Decimal::from_f64(value)?.to_units(2)
    }

    #[test]
    fn what_was_written_counts() {
        assert_eq!(cents(2.675), Some(268));
        assert_eq!(cents(2.665), Some(266));
        assert_eq!(cents(0.001), Some(0));
        assert_eq!(cents(-1.005), Some(-100));
        assert_eq!(cents(f64::NAN), None);
        assert_eq!(cents(f64::INFINITY), None);
        assert_eq!(cents(1e300), None);
        assert_eq!(cents(1e-300), Some(0));
        assert_eq!(cents(123_456_789.125), Some(12_345_678_912));
    }

    proptest! {
        #[test]
        fn two_digits_are_exact(units in -1_000_000_000_000i64..1_000_000_000_000) {
            let value: f64 = format!("{}{}.{:02}", if units < 0 {"-"} else {""}, units.abs() / 100, units.abs() % 100)
                .parse().unwrap();
            prop_assert_eq!(cents(value), Some(units));
        }

        #[test]
        fn short_cuts_equal_the_wide_way(mantissa in prop_oneof![
            -1_000_000i64..1_000_000, any::<i64>()
        ], scale in 0u32..9, digits in 0u32..9) {
            let number = Decimal { mantissa: i128::from(mantissa), scale };
            prop_assert_eq!(number.to_units(digits), number.to_units_widely(digits));
        }

        #[test]
        fn products_round_once(q in -5000i64..5000, p in 0i64..100_000) {
            let quantity = Decimal { mantissa: i128::from(q), scale: 3 };
            let price = Decimal { mantissa: i128::from(p), scale: 2 };
            let want = div_half_even(i128::from(q) * i128::from(p), 1000);
            prop_assert_eq!(quantity.times(price).unwrap().to_units(2), i64::try_from(want).ok());
        }
    }
}
