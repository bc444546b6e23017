//! Text files: rows that stay keep their bytes, so that the quotes and line ends of a dialect are what they were.

use std::io::{BufRead, BufReader, Read, Write};

use serde_json::Value;

use super::{Erased, Open, Redacted};
use crate::export::{error::ExportError, sink::Sink};

/// Where rows begin in a CSV file, and which of them go. The first row is the header.
struct CsvRows {
    /// Byte ranges that stay.
    stay: Vec<std::ops::Range<u64>>,
    redacted: Redacted,
}

fn csv_rows(open: Open<'_>, relative: &str, erased: &Erased<'_>) -> Result<Option<CsvRows>, ExportError> {
    let file = open()?;
    let length = file.metadata().map_err(ExportError::io(relative))?.len();
    let mut reader = ::csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(BufReader::new(file));
    let mut record = ::csv::StringRecord::new();
    let bad = |e: ::csv::Error| ExportError::io(relative)(std::io::Error::other(e));
    if !reader.read_record(&mut record).map_err(bad)? {
        return Ok(None);
    }
    // A preview disarms cells that a spreadsheet would run.
    let is_preview = relative.ends_with("/preview.csv");
    let columns: Vec<usize> = record
        .iter()
        .enumerate()
        .filter(|(_, name)| erased.is_key(name.trim_start_matches('\u{feff}')))
        .map(|(index, _)| index)
        .collect();
    if columns.is_empty() {
        return Ok(None);
    }
    let mut rows = CsvRows { stay: Vec::new(), redacted: Redacted { rows: 0, erased: 0 } };
    let mut begin = 0;
    loop {
        let at = reader.position().byte();
        if !reader.read_record(&mut record).map_err(bad)? {
            break;
        }
        let meant = |cell: &str| {
            erased.ids.contains(cell)
                || (is_preview && cell.strip_prefix('\'').is_some_and(|cell| erased.ids.contains(cell)))
        };
        if columns.iter().any(|c| record.get(*c).is_some_and(meant)) {
            rows.stay.push(begin..at);
            begin = reader.position().byte();
            rows.redacted.erased += 1;
        } else {
            rows.redacted.rows += 1;
        }
    }
    rows.stay.push(begin..length);
    Ok((rows.redacted.erased > 0).then_some(rows))
}

/// Writes a CSV file without some members; see [`super::redact_file`].
///
/// # Errors
/// If the file cannot be read, or the new one cannot be written.
pub(super) fn redact_csv(
    open: Open<'_>,
    relative: &str,
    erased: Erased<'_>,
    sink: &dyn Sink,
) -> Result<Option<Redacted>, ExportError> {
    let Some(rows) = csv_rows(open, relative, &erased)? else { return Ok(None) };
    let mut source = BufReader::with_capacity(1 << 20, open()?);
    let mut out = sink.create(relative).map_err(ExportError::io(relative))?;
    let mut at = 0;
    for range in rows.stay {
        let mut skip = source.by_ref().take(range.start - at);
        std::io::copy(&mut skip, &mut std::io::sink()).map_err(ExportError::io(relative))?;
        let mut keep = source.by_ref().take(range.end - range.start);
        std::io::copy(&mut keep, &mut out).map_err(ExportError::io(relative))?;
        at = range.end;
    }
    out.flush().map_err(ExportError::io(relative))?;
    Ok(Some(rows.redacted))
}

/// Whether a value names one of the erased, at any depth.
fn names(value: &Value, erased: &Erased<'_>) -> bool {
    /// WeCom's key of a customer.
    const CUSTOMER: &str = "external_userid";
    match value {
        Value::Object(fields) => fields.iter().any(|(key, value)| match value {
            Value::String(text) => (erased.is_key(key) || key == CUSTOMER) && erased.ids.contains(text),
            other => names(other, erased),
        }),
        Value::Array(values) => values.iter().any(|value| names(value, erased)),
        _ => false,
    }
}

/// Writes a file of JSON lines without some members; see [`super::redact_file`].
///
/// # Errors
/// If the file cannot be read, or the new one cannot be written.
pub(super) fn redact_json_lines(
    open: Open<'_>,
    relative: &str,
    erased: Erased<'_>,
    sink: &dyn Sink,
) -> Result<Option<Redacted>, ExportError> {
    let mut redacted = Redacted { rows: 0, erased: 0 };
    let mut each = |keep: &mut dyn FnMut(&[u8]) -> std::io::Result<()>| -> Result<Redacted, ExportError> {
        redacted = Redacted { rows: 0, erased: 0 };
        let mut source = BufReader::with_capacity(1 << 20, open()?);
        let mut line = Vec::new();
        loop {
            line.clear();
            if source.read_until(b'\n', &mut line).map_err(ExportError::io(relative))? == 0 {
                return Ok(redacted);
            }
            if serde_json::from_slice::<Value>(&line).is_ok_and(|value| names(&value, &erased)) {
                redacted.erased += 1;
            } else {
                redacted.rows += 1;
                keep(&line).map_err(ExportError::io(relative))?;
            }
        }
    };
    if each(&mut |_| Ok(()))?.erased == 0 {
        return Ok(None);
    }
    let mut out = sink.create(relative).map_err(ExportError::io(relative))?;
    let redacted = each(&mut |line| out.write_all(line))?;
    out.flush().map_err(ExportError::io(relative))?;
    Ok(Some(redacted))
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests put files where they need them")]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::store::{NewFolder, StoreError};

    fn redact(name: &str, text: &str, ids: &[&str], keys: &[&str]) -> (Option<Redacted>, String) {
        let place = tempfile::tempdir().unwrap();
        let from = place.path().join("from");
        std::fs::write(&from, text).unwrap();
        let ids: HashSet<String> = ids.iter().map(|id| (*id).to_owned()).collect();
        let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
        let folder = NewFolder::create(&place.path().join("to")).unwrap();
        let erased = Erased { ids: &ids, keys: &keys };
        let open = || std::fs::File::open(&from).map_err(StoreError::io("read", &from));
        let done = super::super::redact_file(&open, name, erased, &folder).unwrap();
        let new = folder.read(name).unwrap().unwrap_or_default();
        (done, String::from_utf8(new).unwrap())
    }

    #[test]
    fn rows_that_stay_keep_their_bytes() {
        let text = "Key__c,Note\r\na,\"x, \"\"y\"\"\r\nz\"\r\nb,plain\r\n\"a\",2\r\nc,b\r\n";
        let (done, new) = redact("crm/s/full.csv", text, &["a"], &["Key__c"]);
        assert_eq!(done, Some(Redacted { rows: 2, erased: 2 }));
        assert_eq!(new, "Key__c,Note\r\nb,plain\r\nc,b\r\n");
        // An id in another column is no member.
        assert_eq!(redact("crm/s/full.csv", text, &["plain"], &["Key__c"]).0, None);
        assert_eq!(redact("tag_dictionary.csv", text, &["a"], &[]).0, None);
    }

    #[test]
    fn previews_with_a_mark_and_disarmed_cells() {
        let text = "\u{feff}member_id,slot\n'+86,1\nb,1\n";
        let (done, new) = redact("crm/generic/preview.csv", text, &["+86"], &[]);
        assert_eq!(done, Some(Redacted { rows: 1, erased: 1 }));
        assert_eq!(new, "\u{feff}member_id,slot\nb,1\n");
    }

    #[test]
    fn calls_and_letters() {
        let text = "{\"external_userid\":\"wm1\",\"add_tag\":[\"wm2\"]}\n{\"call\":{\"external_userid\":\"wm2\"}}\n";
        let (done, new) = redact("crm/wecom/full.jsonl", text, &["wm2"], &[]);
        assert_eq!(done, Some(Redacted { rows: 1, erased: 1 }));
        assert_eq!(new, "{\"external_userid\":\"wm1\",\"add_tag\":[\"wm2\"]}\n");
    }
}
