//! The files of a run, from its tables.

use std::{collections::HashSet, fmt::Write as _, io::Write as _};

use arrow::record_batch::RecordBatch;

use super::{
    blocks::in_order,
    crm::{Block, CrmPlan, MemberFacts, SegmentName, Source, TagWord, TargetWriter, Words},
    csv::{push_field, push_record},
    error::ExportError,
    offers_table::{DISTINCT, FREE_TEXT, OfferWords, offers_batch, offers_schema},
    order::{MemberOrder, MemberRef},
    parquet_file::ParquetFile,
    settings::OutputSettings,
    sink::Sink,
    tables::{FeaturesTable, SegmentsTable, TagsTable, write_table},
    words::unpacked,
};
use crate::{
    base::IdTable,
    features::FeatureTable,
    input::{ItemTable, MemberTable},
    offers::{Catalogue, Choice, Decisions, Holdout, SentenceWriter},
    segments::{Lifecycle, Memberships, SegmentModel, ShardTags, TagEntry, TagHeld, TagSource, ValueBand},
};

/// Members of a block of decisions; part of the bytes, for a block is a row group.
const BLOCK: usize = 4096;

/// Everything a run has to say about its members. Slices by member are in (shard, member) order.
pub struct RunTables<'a> {
    /// Member ids by shard.
    pub members: &'a [IdTable],
    /// Members of either kind who withdrew after they were read: nothing is written of them.
    pub withdrawn: &'a HashSet<String>,
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
    /// What the shop says about its members.
    pub attributes: &'a MemberTable,
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
    crm: &CrmPlan,
    sink: &dyn Sink,
) -> Result<Vec<WrittenFile>, ExportError> {
    let mut files = Vec::new();
    let mut wrote = |path: &str, rows: u64| files.push(WrittenFile { path: path.to_owned(), rows });
    let personalised = MemberOrder::new(run.members, run.generic_members, false).without(run.withdrawn);
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
    let everyone = MemberOrder::new(run.members, run.generic_members, true).without(run.withdrawn);
    for file in write_offers(run, settings, crm, sink, &everyone)? {
        wrote(&file.path, file.rows);
    }
    Ok(files)
}

/// The run that is being written, as its targets see it.
struct Running<'a> {
    run: &'a RunTables<'a>,
    order: &'a MemberOrder<'a>,
    schema: arrow::datatypes::SchemaRef,
    texts: OfferWords,
    words: Words,
}

impl<'a> Running<'a> {
    fn new(run: &'a RunTables<'a>, order: &'a MemberOrder<'a>) -> Self {
        let segments = run.segments.segments.iter().map(|s| SegmentName {
            id: s.id,
            code: s.code.clone(),
            name_zh: s.name_zh.clone(),
            name_en: s.name_en.clone(),
        });
        let tags = run.tag_entries.iter().map(|t| TagWord {
            tag: t.tag.clone(),
            source: t.source.as_str().to_owned(),
            name_zh: t.name_zh.clone(),
            name_en: t.name_en.clone(),
        });
        let words = Words { segments: segments.collect(), tags: tags.collect() };
        Self { run, order, schema: offers_schema(), texts: OfferWords::new(run), words }
    }

    /// What is known of a member. What a suppressed tag would say is left out here too.
    fn facts(&self, member: MemberRef) -> MemberFacts<'a> {
        let run = self.run;
        let held = run.tags_of(member);
        let says = |source: TagSource| held.iter().any(|t| run.tag_entries[t.tag as usize].source == source);
        let row = run.row(member);
        let id = self.order.id(member);
        let (arm, basis) = match row {
            Some(_) => (run.holdout.arm(id).code(), "personalised"),
            None => ("treated", "generic"),
        };
        MemberFacts {
            id,
            segment: row.filter(|_| says(TagSource::Cluster)).map(|r| usize::from(run.memberships.segment[r])),
            lifecycle: row.filter(|_| says(TagSource::Lifecycle)).map(|r| run.lifecycle[r].as_str()),
            value_band: row.filter(|_| says(TagSource::Value)).map(|r| run.value_band[r].as_str()),
            tags: held.iter().map(|t| t.tag).collect(),
            arm,
            basis,
            rows: 0..0,
            ghosts: 0,
        }
    }

    fn members(&self, index: usize) -> Vec<MemberFacts<'a>> {
        self.order.block(index, BLOCK).iter().map(|m| self.facts(*m)).collect()
    }

    /// The decisions of a block, texts that repeat packed.
    fn offers(&self, index: usize) -> Result<RecordBatch, ExportError> {
        let members = self.order.block(index, BLOCK);
        offers_batch(self.run, &self.texts, self.order, members, &self.schema).map_err(ExportError::columns(OFFERS))
    }

    /// The same with every text written out.
    fn unpacked(&self, offers: &RecordBatch) -> Result<RecordBatch, ExportError> {
        unpacked(&self.schema, offers).map_err(ExportError::columns(OFFERS))
    }
}

impl Source for Running<'_> {
    fn blocks(&self) -> usize {
        self.order.blocks(BLOCK)
    }

    fn with_block(
        &self,
        index: usize,
        each: &mut dyn FnMut(&Block<'_>) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        let offers = self.unpacked(&self.offers(index)?)?;
        each(&Block::new(self.members(index), &offers))
    }

    fn words(&self) -> &Words {
        &self.words
    }
}

const OFFERS: &str = "offers.parquet";
const MEMBERS: &str = "crm/generic/members.csv";

/// Writes the decisions: `offers.parquet`, and the files of the CRM targets.
fn write_offers(
    run: &RunTables<'_>,
    settings: &OutputSettings,
    crm: &CrmPlan,
    sink: &dyn Sink,
    order: &MemberOrder<'_>,
) -> Result<Vec<WrittenFile>, ExportError> {
    let running = Running::new(run, order);
    let (mut file, encoder) =
        ParquetFile::create(sink, OFFERS, &running.schema, settings.compression, FREE_TEXT, DISTINCT)?;
    let ids: Vec<&str> = order.rows().iter().map(|m| order.id(*m)).collect();
    let mut writers = Vec::new();
    for plan in &crm.targets {
        writers.push(TargetWriter::new(sink, plan, crm, &ids, settings.compression)?);
    }
    drop(ids);
    let mut members = None;
    if crm.targets.iter().any(|t| t.target.name == "generic") {
        let mut out = sink.create(MEMBERS).map_err(ExportError::io(MEMBERS))?;
        let mut header = String::new();
        push_record(&mut header, MEMBER_COLUMNS.iter().copied());
        out.write_all(header.as_bytes()).map_err(ExportError::io(MEMBERS))?;
        members = Some(out);
    }
    let with_members = members.is_some();
    let renderers: Vec<_> = writers.iter().map(TargetWriter::renderer).collect();
    in_order(
        order.blocks(BLOCK),
        |index| {
            let batch = running.offers(index)?;
            let group = if batch.num_rows() > 0 { Some(encoder.encode(&batch)?) } else { None };
            let mut about = String::new();
            if with_members {
                order.block(index, BLOCK).iter().for_each(|m| push_member(run, order, *m, &mut about));
            }
            let mut rendered = Vec::new();
            if !renderers.is_empty() {
                let batch = running.unpacked(&batch)?;
                let block = Block::new(running.members(index), &batch);
                for renderer in &renderers {
                    rendered.push(renderer.render(&running.words, &block)?);
                }
            }
            Ok((group, about, rendered))
        },
        |(group, about, rendered)| {
            if let Some(group) = group {
                file.append(group)?;
            }
            if let Some(out) = &mut members {
                out.write_all(about.as_bytes()).map_err(ExportError::io(MEMBERS))?;
            }
            for (writer, rendered) in writers.iter_mut().zip(rendered) {
                writer.append(&rendered)?;
            }
            Ok::<_, ExportError>(())
        },
    )?;
    let mut files = vec![WrittenFile { path: OFFERS.to_owned(), rows: file.close()? }];
    if let Some(mut out) = members {
        out.flush().map_err(ExportError::io(MEMBERS))?;
        files.push(WrittenFile { path: MEMBERS.to_owned(), rows: order.rows().len() as u64 });
    }
    for writer in writers {
        files.extend(writer.finish(&running)?.0);
    }
    Ok(files)
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
        out.push_str(if i > 0 { ",\"\"" } else { "\"\"" });
        out.push_str(&run.tag_entries[tag.tag as usize].tag);
        out.push_str("\"\"");
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

pub(super) fn write_text(sink: &dyn Sink, path: &str, text: &str) -> Result<(), ExportError> {
    let mut out = sink.create(path).map_err(ExportError::io(path))?;
    out.write_all(text.as_bytes()).map_err(ExportError::io(path))?;
    out.flush().map_err(ExportError::io(path))
}
