//! What a value of a field may look like.

use crate::{
    base::{Day, tag_code::TagCode},
    export::{
        dialects::{CsvForm, ListStyle, Sheet},
        targets::{Field, FieldType},
    },
};

/// Control characters that no value holds.
pub(super) fn has_controls(text: &str) -> bool {
    text.chars().any(|c| c.is_control() && c != '\n' && c != '\t')
}

/// The codes of a list, as the dialect writes it; `None` if it is no such list.
pub(super) fn tags(text: &str, style: ListStyle) -> Option<Vec<String>> {
    let codes: Vec<String> = match style {
        ListStyle::Joined(_) if text.is_empty() => Vec::new(),
        ListStyle::Joined(separator) => text.split(separator).map(str::to_owned).collect(),
        ListStyle::Json => serde_json::from_str(text).ok()?,
        ListStyle::Braces => match text.strip_prefix('{')?.strip_suffix('}')? {
            "" => Vec::new(),
            inside => inside.split(',').map(str::to_owned).collect(),
        },
    };
    let strict = codes.iter().all(|c| TagCode::new(c).is_some()) && codes.is_sorted_by(|a, b| a < b);
    // White space and other liberties of JSON are not what an importer is promised.
    let same = style != ListStyle::Json || serde_json::to_string(&codes).is_ok_and(|again| again == text);
    (strict && same).then_some(codes)
}

fn is_integer(text: &str) -> bool {
    text.parse::<i64>().is_ok_and(|v| v.to_string() == text)
}

fn is_decimal(text: &str, digits: Option<u8>) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let numeric = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    let plain = !whole.is_empty() && numeric(whole) && (whole == "0" || !whole.starts_with('0'));
    let dot = unsigned.contains('.') != fraction.is_empty();
    plain && dot && numeric(fraction) && digits.is_none_or(|d| fraction.len() == usize::from(d))
}

/// Whether a day stands there as the dialect writes it.
fn is_day(text: &str, midnight: bool) -> bool {
    let date = if midnight { text.strip_suffix(" 00:00:00") } else { Some(text) };
    date.is_some_and(|d| d.len() == 10 && Day::parse(d).is_some())
}

/// What is wrong with a value that is there.
pub(super) fn wrong(text: &str, field: &Field, form: &CsvForm<'_>, sheet: &Sheet<'_>) -> Option<&'static str> {
    let limits = &sheet.target.limits;
    if has_controls(text) {
        return Some("holds a control character");
    }
    let chars = text.chars().count() as u64;
    if limits.field_chars.is_some_and(|most| chars > most)
        || field.max_chars.is_some_and(|most| chars > u64::from(most))
        || field.max_bytes.is_some_and(|most| text.len() as u64 > u64::from(most))
    {
        return Some("is longer than the field");
    }
    let fits = match field.from.kind() {
        FieldType::Text => return text.starts_with('\u{feff}').then_some("begins with a byte-order mark"),
        FieldType::Integer => is_integer(text),
        FieldType::Decimal => is_decimal(text, field.digits),
        FieldType::Day => is_day(text, form.midnight),
        FieldType::Flag => text == form.flags.0 || text == form.flags.1,
        FieldType::Tags => tags(text, form.list).is_some_and(|t| !t.is_empty() || form.empty_list),
    };
    (!fits).then_some(match field.from.kind() {
        FieldType::Integer => "is no whole number",
        FieldType::Decimal => "is no number with the declared digits",
        FieldType::Day => "is no day as the target takes it",
        FieldType::Flag => "is neither true nor false as the target takes them",
        _ => "is no list of tag codes as the target takes it",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_days_and_lists() {
        assert!(is_decimal("0.5", None) && is_decimal("-12", None) && is_decimal("1.50", Some(2)));
        for bad in ["", ".5", "5.", "01", "1e5", "NaN", "+1", "1.5.2", "1,5"] {
            assert!(!is_decimal(bad, None), "{bad}");
        }
        assert!(!is_decimal("1.5", Some(2)) && !is_decimal("1", Some(1)));
        assert!(is_day("2026-02-28", false) && !is_day("2026-02-30", false) && !is_day("2026-2-28", false));
        assert!(is_day("2026-02-28 00:00:00", true) && !is_day("2026-02-28", true));
        assert!(is_integer("-5") && !is_integer("05") && !is_integer("5.0"));
        let of = |text, style| tags(text, style).map(|t| t.len());
        assert_eq!(of("a;b", ListStyle::Joined(';')), Some(2));
        assert_eq!(of("b;a", ListStyle::Joined(';')), None);
        assert_eq!(of(";a", ListStyle::Joined(';')), None);
        assert_eq!(of("a, b", ListStyle::Joined(',')), None);
        assert_eq!(of("[\"a\",\"b\"]", ListStyle::Json), Some(2));
        assert_eq!(of("[\"a\", \"b\"]", ListStyle::Json), None);
        assert_eq!(of("{a,b}", ListStyle::Braces), Some(2));
        assert_eq!(of("{}", ListStyle::Braces), Some(0));
        assert_eq!(of("{A}", ListStyle::Braces), None);
    }
}
