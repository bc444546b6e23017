//! One value on its way to a CRM, and how it is fitted into its field.

use std::{borrow::Cow, fmt::Write as _, ops::Deref};

use super::targets::{Field, TooLong};
use crate::{
    base::Day,
    offers::{push_score, six_digits},
};

/// A day as `YYYY-MM-DD`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayText([u8; 10]);

impl DayText {
    /// The text of a day of the years 0 to 9999.
    #[must_use]
    pub fn new(day: Day) -> Self {
        let (year, month, date) = day.ymd();
        let year = year.clamp(0, 9999);
        let digit = |value: i16| b'0' + (value % 10).unsigned_abs() as u8;
        let two = |value: i8| [digit(i16::from(value) / 10), digit(i16::from(value))];
        let ([m1, m2], [d1, d2]) = (two(month), two(date));
        let y = [digit(year / 1000), digit(year / 100), digit(year / 10), digit(year)];
        Self([y[0], y[1], y[2], y[3], b'-', m1, m2, b'-', d1, d2])
    }
}

impl Deref for DayText {
    type Target = str;

    fn deref(&self) -> &str {
        // Digits and hyphens only.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell<'a> {
    /// No value.
    Null,
    /// Text.
    Text(Cow<'a, str>),
    /// A whole number.
    Integer(i64),
    /// A finite number.
    Decimal(f64),
    /// A day.
    Day(DayText),
    /// True or false.
    Flag(bool),
    /// Tag codes in byte order.
    Tags(Vec<&'a str>),
}

/// Why a row is left out of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeftOut {
    /// The member has no key in the target.
    NoKey,
    /// The key has characters that a file of the target cannot hold.
    BadKey,
    /// Another member has the key.
    DuplicateKey,
    /// The account was merged into another one that is exported.
    Merged,
    /// A value is too long for its field and must not be cut.
    TooLong,
    /// A value says "no value" in the target's own way.
    SaysNothing,
}

impl LeftOut {
    /// The reason in snake_case, as `target.json` has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoKey => "no_key",
            Self::BadKey => "bad_key",
            Self::DuplicateKey => "duplicate_key",
            Self::Merged => "merged",
            Self::TooLong => "too_long",
            Self::SaysNothing => "says_nothing",
        }
    }
}

/// Whether a key can stand in a file as it is: it has no control character and no white space at its ends.
#[must_use]
pub fn is_key(text: &str, null: &str) -> bool {
    !text.is_empty()
        && text != null
        && text.trim() == text
        && !text.starts_with('\u{feff}')
        && !text.chars().any(|c| c.is_control())
}

/// Text as files take it: line ends are line feeds, other control characters and byte-order marks in front are gone.
#[must_use]
pub fn clean(text: &str) -> Cow<'_, str> {
    let bad = |b: u8| u8::from(b < 0x20 && b != b'\n' && b != b'\t') | u8::from(b == 0x7f);
    // U+FEFF begins with 0xEF, the controls U+0080 to U+009F with 0xC2.
    let odd = text.bytes().fold(0, |found, b| found | bad(b) | u8::from(b == 0xc2));
    if odd == 0 && !text.starts_with('\u{feff}') {
        return Cow::Borrowed(text);
    }
    let text = text.trim_start_matches('\u{feff}');
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '\r' if characters.peek() == Some(&'\n') => {}
            '\r' => out.push('\n'),
            '\n' | '\t' => out.push(c),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    // What is gone may have stood before a mark.
    Cow::Owned(out.trim_start_matches('\u{feff}').to_owned())
}

/// The longest start of `text` with at most so many characters and bytes, ending between two characters.
#[must_use]
pub fn cut(text: &str, max_chars: Option<u64>, max_bytes: Option<u64>) -> &str {
    let mut end = 0;
    for (count, (at, c)) in text.char_indices().enumerate() {
        let next = at + c.len_utf8();
        if max_chars.is_some_and(|most| count as u64 >= most) || max_bytes.is_some_and(|most| next as u64 > most) {
            break;
        }
        end = next;
    }
    &text[..end]
}

/// Fits a value into a field: cleaned, and cut where it may be. `field_chars` is the dialect's own limit, `null` what
/// stands for "no value" in it.
///
/// # Errors
/// Why the row must be left out.
pub fn fit<'a>(cell: Cell<'a>, field: &Field, field_chars: Option<u64>, null: &str) -> Result<Cell<'a>, LeftOut> {
    let Cell::Text(text) = cell else { return Ok(cell) };
    let mut text = match clean(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(cleaned) => Cow::Owned(cleaned),
    };
    let chars = match (field.max_chars.map(u64::from), field_chars) {
        (Some(own), Some(all)) => Some(own.min(all)),
        (own, all) => own.or(all),
    };
    let bytes = field.max_bytes.map(u64::from);
    // A text has at most as many characters as bytes.
    let length = text.len() as u64;
    if chars.is_some_and(|most| length > most) || bytes.is_some_and(|most| length > most) {
        let fits = cut(&text, chars, bytes).len();
        if fits < text.len() {
            if field.too_long == TooLong::LeaveOut {
                return Err(LeftOut::TooLong);
            }
            text = match text {
                Cow::Borrowed(whole) => Cow::Borrowed(&whole[..fits]),
                Cow::Owned(mut whole) => {
                    whole.truncate(fits);
                    Cow::Owned(whole)
                }
            };
        }
    }
    if !null.is_empty() && text == null {
        return Err(LeftOut::SaysNothing);
    }
    Ok(Cell::Text(text))
}

/// Appends a number: to so many digits behind the point, or as its shortest decimal.
pub fn push_decimal(out: &mut String, value: f64, digits: Option<u8>) {
    // Writing into a String cannot fail.
    match digits {
        Some(digits) => {
            let start = out.len();
            let _ = write!(out, "{value:.*}", usize::from(digits));
            // Rounded to nothing, a negative number is no other than a positive one.
            if out[start..].starts_with('-') && out[start + 1..].bytes().all(|b| matches!(b, b'0' | b'.')) {
                out.remove(start);
            }
        }
        None if value > 0.0 && six_digits(value) == value => push_score(out, value),
        None => {
            let _ = write!(out, "{value}");
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::export::targets::Column;

    fn field(max_chars: Option<u32>, max_bytes: Option<u32>, too_long: TooLong) -> Field {
        Field { name: "f".into(), from: Column::Basis, digits: None, max_chars, max_bytes, too_long }
    }

    #[test]
    fn four_byte_characters_at_the_limit_stay_whole() {
        let of =
            |chars, bytes| match fit(Cell::Text("ab🎁猫c".into()), &field(chars, bytes, TooLong::Cut), None, "#N/A")
                .unwrap()
            {
                Cell::Text(text) => text.into_owned(),
                other => panic!("{other:?}"),
            };
        assert_eq!(of(Some(3), None), "ab🎁");
        assert_eq!(of(None, Some(5)), "ab");
        assert_eq!(of(None, Some(6)), "ab🎁");
        assert_eq!(of(Some(4), Some(8)), "ab🎁");
        assert_eq!(of(None, Some(10)), "ab🎁猫c");
        let strict = field(Some(2), None, TooLong::LeaveOut);
        assert_eq!(fit(Cell::Text("abc".into()), &strict, None, ""), Err(LeftOut::TooLong));
        assert_eq!(fit(Cell::Text("#N/A".into()), &strict, Some(9), "#N/A"), Err(LeftOut::TooLong));
        let loose = field(None, None, TooLong::LeaveOut);
        assert_eq!(fit(Cell::Text("#N/A".into()), &loose, Some(9), "#N/A"), Err(LeftOut::SaysNothing));
    }

    #[test]
    fn control_characters_go() {
        assert_eq!(clean("\u{feff}a\r\nb\rc\0d\u{85}e\tf"), "a\nb\ncde\tf");
        assert_eq!(clean("\0\u{feff}a"), "a");
        assert!(matches!(clean("猫粮 é\n"), Cow::Borrowed(_)));
        assert!(is_key("wm_01", "#N/A") && !is_key("#N/A", "#N/A") && !is_key(" a", "") && !is_key("a\0", ""));
    }

    #[test]
    fn numbers() {
        let of = |value, digits| {
            let mut out = String::new();
            push_decimal(&mut out, value, digits);
            out
        };
        assert_eq!(of(0.123_456, None), "0.123456");
        assert_eq!(of(0.25, Some(1)), "0.2");
        assert_eq!(of(-0.001, Some(2)), "0.00");
        assert_eq!(of(12.0, Some(0)), "12");
        assert_eq!(of(0.0, None), "0");
    }

    proptest! {
        #[test]
        fn days_read_as_they_do_elsewhere(day in -700_000i32..2_900_000) {
            let day = Day(day);
            prop_assume!((0..=9999).contains(&day.ymd().0));
            prop_assert_eq!(&*DayText::new(day), day.to_string());
        }

        #[test]
        fn cuts_are_the_longest_that_fit(text in ".{0,12}", chars in 0u64..14, bytes in 0u64..40) {
            let got = cut(&text, Some(chars), Some(bytes));
            let fits = |t: &str| t.chars().count() as u64 <= chars && t.len() as u64 <= bytes;
            prop_assert!(text.starts_with(got) && fits(got));
            if let Some(next) = text[got.len()..].chars().next() {
                let longer = format!("{got}{next}");
                prop_assert!(!fits(&longer));
            }
        }

        #[test]
        fn clean_text_has_nothing_to_clean(text in "(\\PC|[\u{0}-\u{20}\u{7f}-\u{9f}\u{feff}]){0,12}") {
            let once = clean(&text).into_owned();
            prop_assert_eq!(clean(&once), once.as_str());
            prop_assert!(!once.chars().any(|c| c.is_control() && c != '\n' && c != '\t'));
        }
    }
}
