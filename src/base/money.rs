//! Money is an integer number of minor units of one currency a job.

use std::fmt;

/// An amount in minor units (fen, pence …).
pub type Minor = i64;

/// The job's currency: an ISO 4217 code and its exponent (digits after the point).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Currency {
    code: [u8; 3],
    exponent: u8,
}

/// ISO 4217 codes whose exponent is not 2.
const EXPONENTS: &[(&str, u8)] = &[
    ("BHD", 3),
    ("BIF", 0),
    ("CLP", 0),
    ("DJF", 0),
    ("GNF", 0),
    ("IQD", 3),
    ("ISK", 0),
    ("JOD", 3),
    ("JPY", 0),
    ("KMF", 0),
    ("KRW", 0),
    ("KWD", 3),
    ("LYD", 3),
    ("OMR", 3),
    ("PYG", 0),
    ("RWF", 0),
    ("TND", 3),
    ("UGX", 0),
    ("VND", 0),
    ("VUV", 0),
    ("XAF", 0),
    ("XOF", 0),
    ("XPF", 0),
];

impl Currency {
    /// The currency of an ISO 4217 code (three capital letters), or `None` if it is not of that form.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        let bytes: [u8; 3] = code.as_bytes().try_into().ok()?;
        if !bytes.iter().all(u8::is_ascii_uppercase) {
            return None;
        }
        let exponent = EXPONENTS.iter().find(|(c, _)| *c == code).map_or(2, |(_, e)| *e);
        Some(Self { code: bytes, exponent })
    }

    /// The ISO 4217 code.
    #[must_use]
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.code).unwrap_or("XXX")
    }

    /// Digits after the decimal point.
    #[must_use]
    pub fn exponent(self) -> u8 {
        self.exponent
    }

    /// Minor units in one major unit.
    #[must_use]
    pub fn minor_per_major(self) -> i64 {
        10i64.pow(u32::from(self.exponent))
    }

    /// The amount as a plain decimal number, such as `-12.05`.
    #[must_use]
    pub fn format(self, amount: Minor) -> String {
        Decimal { units: amount, exponent: self.exponent }.to_string()
    }

    /// The amount with the sign members know (`¥12.05`), or the code where there is none.
    #[must_use]
    pub fn format_signed(self, amount: Minor) -> String {
        let number = self.format(amount);
        match self.code() {
            "CNY" | "JPY" => format!("¥{number}"),
            "GBP" => format!("£{number}"),
            "EUR" => format!("€{number}"),
            "USD" => format!("${number}"),
            code => format!("{code} {number}"),
        }
    }
}

struct Decimal {
    units: i64,
    exponent: u8,
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.units < 0 { "-" } else { "" };
        let digits = self.units.unsigned_abs();
        if self.exponent == 0 {
            return write!(f, "{sign}{digits}");
        }
        let scale = 10u64.pow(u32::from(self.exponent));
        write!(f, "{sign}{}.{:0width$}", digits / scale, digits % scale, width = usize::from(self.exponent))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_with_the_exponent() {
        let cny = Currency::from_code("CNY").unwrap();
        assert_eq!(cny.format(-1205), "-12.05");
        assert_eq!(cny.format(5), "0.05");
        assert_eq!(cny.format_signed(100), "¥1.00");
        assert_eq!(Currency::from_code("JPY").unwrap().format(5), "5");
        assert_eq!(Currency::from_code("cny"), None);
        assert_eq!(cny.format(i64::MIN), "-92233720368547758.08");
    }
}
