//! CSV as RFC 4180 has it, with LF: a fast path whose output equals that of the `csv` crate.

/// Appends a field; quoted only where it must be.
pub fn push_field(out: &mut String, field: &str) {
    if needs_quotes(field) {
        out.push('"');
        let mut rest = field;
        while let Some(at) = rest.find('"') {
            out.push_str(&rest[..=at]);
            out.push('"');
            rest = &rest[at + 1..];
        }
        out.push_str(rest);
        out.push('"');
    } else {
        out.push_str(field);
    }
}

fn needs_quotes(field: &str) -> bool {
    // Without an early way out the loop runs on many bytes at once.
    let special = |b: u8| u8::from(b == b',') | u8::from(b == b'"') | u8::from(b == b'\n') | u8::from(b == b'\r');
    field.bytes().fold(0, |found, b| found | special(b)) != 0
}

/// Whether a spreadsheet would run this cell as a formula (OWASP, CSV injection).
#[must_use]
pub fn is_formula(field: &str) -> bool {
    matches!(field.as_bytes().first(), Some(b'=' | b'+' | b'-' | b'@' | b'\t' | b'\r' | b'\n'))
}

/// Appends a field for people: as [`push_field`], with `'` before what a spreadsheet would run. Only for previews: it
/// changes the value.
pub fn push_field_for_people(out: &mut String, field: &str) {
    if is_formula(field) {
        let mut prefixed = String::with_capacity(field.len() + 1);
        prefixed.push('\'');
        prefixed.push_str(field);
        push_field(out, &prefixed);
    } else {
        push_field(out, field);
    }
}

/// Appends a record of text fields and its line end.
pub fn push_record<'a>(out: &mut String, fields: impl IntoIterator<Item = &'a str>) {
    let start = out.len();
    let mut count = 0;
    for field in fields {
        if count > 0 {
            out.push(',');
        }
        push_field(out, field);
        count += 1;
    }
    // A line of one empty field would be an empty line, which readers skip.
    if count == 1 && out.len() == start {
        out.push_str("\"\"");
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn by_the_crate(records: &[Vec<String>]) -> String {
        let mut writer =
            csv::WriterBuilder::new().terminator(csv::Terminator::Any(b'\n')).flexible(true).from_writer(Vec::new());
        for record in records {
            writer.write_record(record).unwrap();
        }
        String::from_utf8(writer.into_inner().unwrap()).unwrap()
    }

    fn ours(records: &[Vec<String>]) -> String {
        let mut out = String::new();
        for record in records {
            push_record(&mut out, record.iter().map(String::as_str));
        }
        out
    }

    proptest! {
        #[test]
        fn equals_the_csv_crate(records in prop::collection::vec(
            prop::collection::vec(prop::string::string_regex("[a\",\n\r =+@\t'🎁猫-]{0,6}").unwrap(), 1..5), 0..6)) {
            prop_assert_eq!(ours(&records), by_the_crate(&records));
        }
    }

    #[test]
    fn formulas_are_disarmed_for_people_only() {
        for cell in ["=1+1", "+86 10", "-0.3", "@x", "\tx", "\rx", "\nx"] {
            let mut people = String::new();
            push_field_for_people(&mut people, cell);
            assert!(people.starts_with('\'') || people.starts_with("\"'"), "{people}");
            let mut machine = String::new();
            push_field(&mut machine, cell);
            assert!(machine.trim_start_matches('"').starts_with(cell), "{machine:?}");
        }
        let mut plain = String::new();
        push_field_for_people(&mut plain, "猫粮 🐱");
        assert_eq!(plain, "猫粮 🐱");
    }
}
