//! The files of a run, from its tables.

use std::{fmt::Write as _, io::Write as _};

use super::{
    blocks::in_order,
    csv::{push_field, push_record},
    error::ExportError,
    generic::DecisionCsv,
    offers_table::{DISTINCT, FREE_TEXT, offers_batch, offers_schema},
    order::{MemberOrder, MemberRef},
    parquet_file::ParquetFile,
    settings::OutputSettings,
    sink::Sink,
    tables::{FeaturesTable, SegmentsTable, TagsTable, write_table},
};
use crate::{
    base::IdTable,
    features::FeatureTable,
    input::ItemTable,
    offers::{Catalogue, Choice, DateTexts, Decisions, Holdout, SentenceWriter},
    segments::{Lifecycle, Memberships, SegmentModel, ShardTags, TagEntry, TagHeld, TagSource, ValueBand},
};

/// Members of a block of decisions; part of the bytes, for a block is a row group.
const BLOCK: usize = 4096;

/// Everything a run has to say about its members. Slices by member are in (shard, member) order.
pub struct RunTables<'a> {
    /// Member ids by shard.
    pub members: &'a [IdTable],
    /// Members who opted out of personalisation.
    pub generic_members: &'a IdTable,
    /// Where each member is put.
    pub memberships: &'a Memberships,
    /// The segments.
    pub segments: &'a SegmentModel,
    /// Lifecycle stage of each member.
    pub lifecycle: &'a [Lifecycle],
    /// Value band of each member.
    pub value_band: &'a [ValueBand],
    /// Tags by shard.
    pub tags: &'a [ShardTags],
    /// What the tags are.
    pub tag_entries: &'a [TagEntry],
    /// Raw feature values.
    pub features: &'a FeatureTable,
    /// Lists by shard.
    pub decisions: &'a [Decisions],
    /// The list of every member who opted out.
    pub generic_list: &'a [Choice],
    /// The offers.
    pub catalogue: &'a Catalogue,
    /// Who is held out.
    pub holdout: Holdout,
    /// The items.
    pub items: &'a ItemTable,
    /// Writes the sentences.
    pub sentences: SentenceWriter<'a>,
    /// Row of each shard's first member, as [`RunTables::offsets_of`] gives it.
    pub offsets: Vec<usize>,
}

impl RunTables<'_> {
    /// Rows of the shards' first members.
    #[must_use]
    pub fn offsets_of(members: &[IdTable]) -> Vec<usize> {
        let mut next = 0;
        members
            .iter()
            .map(|ids| {
                next += ids.len();
                next - ids.len()
            })
            .collect()
    }

    /// A personalised member's row among all.
    pub(super) fn row(&self, member: MemberRef) -> Option<usize> {
        member.personalised().map(|(shard, index)| self.offsets[shard] + index)
    }

    pub(super) fn tags_of(&self, member: MemberRef) -> &[TagHeld] {
        member.personalised().map_or(&[], |(shard, index)| self.tags[shard].of(index))
    }
}

/// A file that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenFile {
    /// Path relative to the run's folder.
    pub path: String,
    /// Rows, the header not counted.
    pub rows: u64,
}

/// Writes `segments.parquet`, `tags.parquet`, `tag_dictionary.csv`, `features.parquet` (if asked for), `offers.parquet`
/// and the files of the CRM targets. The bytes do not depend on the number of threads.
///
/// # Errors
/// If a file cannot be written.
pub fn write_run(
    run: &RunTables<'_>,
    settings: &OutputSettings,
    sink: &dyn Sink,
) -> Result<Vec<WrittenFile>, ExportError> {
    let mut files = Vec::new();
    let mut wrote = |path: &str, rows: u64| files.push(WrittenFile { path: path.to_owned(), rows });
    let personalised = MemberOrder::new(run.members, run.generic_members, false);
    let compression = settings.compression;
    let path = "segments.parquet";
    wrote(path, write_table(sink, path, &personalised, &SegmentsTable(run), compression)?);
    let path = "tags.parquet";
    wrote(path, write_table(sink, path, &personalised, &TagsTable(run), compression)?);
    if settings.features {
        let path = "features.parquet";
        wrote(path, write_table(sink, path, &personalised, &FeaturesTable(run.features), compression)?);
    }
    drop(personalised);
    let path = "tag_dictionary.csv";
    let entries = run.tag_entries.iter();
    wrote(
        path,
        write_csv(
            sink,
            path,
            &["tag", "name_zh", "name_en", "source", "rule"],
            entries.map(|e| [e.tag.as_str(), &e.name_zh, &e.name_en, e.source.as_str(), &e.rule]),
        )?,
    );
    let everyone = MemberOrder::new(run.members, run.generic_members, true);
    for file in write_offers(run, settings, sink, &everyone)? {
        wrote(&file.path, file.rows);
    }
    Ok(files)
}

/// Writes the decisions: `offers.parquet`, and the generic target's files if the job wants them.
fn write_offers(
    run: &RunTables<'_>,
    settings: &OutputSettings,
    sink: &dyn Sink,
    order: &MemberOrder<'_>,
) -> Result<Vec<WrittenFile>, ExportError> {
    const FULL: &str = "crm/generic/full.csv";
    const MEMBERS: &str = "crm/generic/members.csv";
    let path = "offers.parquet";
    let schema = offers_schema();
    let (mut file, encoder) = ParquetFile::create(sink, path, &schema, settings.compression, FREE_TEXT, DISTINCT)?;
    let generic = settings.crm.contains(&"generic");
    let dates = DateTexts::new(run.catalogue.as_of);
    let csv = DecisionCsv::new(&settings.generic_columns, &dates);
    let mut outputs = None;
    if generic {
        let mut full = sink.create(FULL).map_err(ExportError::io(FULL))?;
        let mut members = sink.create(MEMBERS).map_err(ExportError::io(MEMBERS))?;
        let mut header = String::new();
        csv.header(&mut header);
        full.write_all(header.as_bytes()).map_err(ExportError::io(FULL))?;
        header.clear();
        push_record(&mut header, MEMBER_COLUMNS.iter().copied());
        members.write_all(header.as_bytes()).map_err(ExportError::io(MEMBERS))?;
        outputs = Some((full, members));
    }
    let mut csv_rows = 0;
    in_order(
        order.blocks(BLOCK),
        |block| {
            let members = order.block(block, BLOCK);
            let batch = offers_batch(run, order, members, &schema).map_err(ExportError::columns(path))?;
            let group = if batch.num_rows() > 0 { Some(encoder.encode(&batch)?) } else { None };
            let (mut full, mut about) = (String::new(), String::new());
            let mut rows = 0;
            if generic {
                full.reserve(batch.num_rows() * 320);
                rows = csv.rows(&batch, usize::MAX, false, &mut full);
                members.iter().for_each(|m| push_member(run, order, *m, &mut about));
            }
            Ok((group, full, rows, about))
        },
        |(group, full, rows, about)| {
            if let Some(group) = group {
                file.append(group)?;
            }
            if let Some((out, members)) = &mut outputs {
                out.write_all(full.as_bytes()).map_err(ExportError::io(FULL))?;
                members.write_all(about.as_bytes()).map_err(ExportError::io(MEMBERS))?;
                csv_rows += rows as u64;
            }
            Ok(())
        },
    )?;
    let mut files = vec![WrittenFile { path: path.to_owned(), rows: file.close()? }];
    if let Some((mut full, mut members)) = outputs {
        full.flush().map_err(ExportError::io(FULL))?;
        members.flush().map_err(ExportError::io(MEMBERS))?;
        files.push(WrittenFile { path: FULL.to_owned(), rows: csv_rows });
        files.push(WrittenFile { path: MEMBERS.to_owned(), rows: order.rows().len() as u64 });
        files.push(write_preview(run, settings, sink, order, &csv)?);
    }
    Ok(files)
}

/// The first rows of `full.csv` for people: with a byte-order mark, and disarmed for spreadsheets.
fn write_preview(
    run: &RunTables<'_>,
    settings: &OutputSettings,
    sink: &dyn Sink,
    order: &MemberOrder<'_>,
    csv: &DecisionCsv<'_>,
) -> Result<WrittenFile, ExportError> {
    const PREVIEW: &str = "crm/generic/preview.csv";
    const MEMBERS_AT_ONCE: usize = 256;
    let schema = offers_schema();
    let mut text = String::from('\u{feff}');
    csv.header(&mut text);
    let most = settings.preview_rows as usize;
    let mut rows = 0;
    for block in 0..order.blocks(MEMBERS_AT_ONCE) {
        if rows == most {
            break;
        }
        let members = order.block(block, MEMBERS_AT_ONCE);
        let batch = offers_batch(run, order, members, &schema).map_err(ExportError::columns(PREVIEW))?;
        rows += csv.rows(&batch, most - rows, true, &mut text);
    }
    write_text(sink, PREVIEW, &text)?;
    Ok(WrittenFile { path: PREVIEW.to_owned(), rows: rows as u64 })
}

/// Columns of `members.csv`.
const MEMBER_COLUMNS: &[&str] =
    &["member_id", "segment_id", "segment_code", "lifecycle", "value_band", "tags", "arm", "basis"];

/// Appends a member's row of `members.csv`. What a suppressed tag would say is left blank here too.
fn push_member(run: &RunTables<'_>, order: &MemberOrder<'_>, member: MemberRef, out: &mut String) {
    push_field(out, order.id(member));
    let held = run.tags_of(member);
    let says = |source: TagSource| held.iter().any(|t| run.tag_entries[t.tag as usize].source == source);
    let row = run.row(member);
    let segment = row.filter(|_| says(TagSource::Cluster)).map(|r| run.segments.segment(run.memberships.segment[r]));
    out.push(',');
    if let Some(segment) = segment {
        // Writing into a String cannot fail.
        let _ = write!(out, "{}", segment.id);
    }
    let stage = row.filter(|_| says(TagSource::Lifecycle)).map(|r| run.lifecycle[r].as_str());
    let band = row.filter(|_| says(TagSource::Value)).map(|r| run.value_band[r].as_str());
    for field in [segment.map(|s| s.code.as_str()), stage, band] {
        out.push(',');
        push_field(out, field.unwrap_or_default());
    }
    // Tag codes need no escape in JSON; the quotes of the array do in CSV.
    out.push_str(if held.is_empty() { ",[" } else { ",\"[" });
    for (i, tag) in held.iter().enumerate() {
        let comma = if i > 0 { "," } else { "" };
        let _ = write!(out, "{comma}\"\"{}\"\"", run.tag_entries[tag.tag as usize].tag);
    }
    out.push_str(if held.is_empty() { "]" } else { "]\"" });
    let (arm, basis) = match row {
        Some(_) => (run.holdout.arm(order.id(member)).code(), "personalised"),
        None => ("treated", "generic"),
    };
    let _ = writeln!(out, ",{arm},{basis}");
}

/// Writes a small CSV file; gives the number of rows below the header.
///
/// # Errors
/// If it cannot be written.
pub fn write_csv<'t, const N: usize>(
    sink: &dyn Sink,
    path: &str,
    header: &[&str; N],
    rows: impl IntoIterator<Item = [&'t str; N]>,
) -> Result<u64, ExportError> {
    let mut text = String::new();
    push_record(&mut text, header.iter().copied());
    let mut count = 0;
    for row in rows {
        push_record(&mut text, row);
        count += 1;
    }
    write_text(sink, path, &text)?;
    Ok(count)
}

fn write_text(sink: &dyn Sink, path: &str, text: &str) -> Result<(), ExportError> {
    let mut out = sink.create(path).map_err(ExportError::io(path))?;
    out.write_all(text.as_bytes()).map_err(ExportError::io(path))?;
    out.flush().map_err(ExportError::io(path))
}
