//! A published run, read back for its targets.

use std::{collections::BTreeMap, ops::Range, sync::Arc};

use arrow::{
    array::{AsArray, RecordBatch},
    compute::concat_batches,
    datatypes::Int32Type,
};
use bytes::Bytes;
use parquet::arrow::{ProjectionMask, arrow_reader::ParquetRecordBatchReaderBuilder};

use super::block::{Block, MemberFacts, SegmentName, Source, TagWord, Words};
use crate::export::{ExportError, offers_table::offers_schema};

/// The files of a run that its targets are made from.
#[derive(Debug)]
pub struct PublishedRun {
    /// `segments.parquet`.
    pub segments: Vec<u8>,
    /// `tags.parquet`.
    pub tags: Vec<u8>,
    /// `offers.parquet`.
    pub offers: Vec<u8>,
    /// `tag_dictionary.csv`.
    pub tag_dictionary: Vec<u8>,
    /// The segments, by the manifest.
    pub names: Vec<SegmentName>,
}

#[derive(Debug)]
struct Member {
    id: String,
    segment: Option<usize>,
    lifecycle: Option<String>,
    value_band: Option<String>,
    tags: Vec<u32>,
    arm: String,
    basis: String,
}

/// The tables of a published run.
#[derive(Debug)]
pub struct PublishedTables {
    words: Words,
    members: Vec<Member>,
    /// Members of each block, which is a row group of the decisions.
    blocks: Vec<Range<usize>>,
    offers: Bytes,
    groups: usize,
}

const OFFERS: &str = "offers.parquet";

fn builder(bytes: &Bytes, path: &str) -> Result<ParquetRecordBatchReaderBuilder<Bytes>, ExportError> {
    ParquetRecordBatchReaderBuilder::try_new(bytes.clone()).map_err(ExportError::parquet(path))
}

/// Columns of a small table as one batch.
fn table(bytes: &Bytes, path: &str, columns: &[&str]) -> Result<RecordBatch, ExportError> {
    let builder = builder(bytes, path)?;
    let mask = ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied());
    let reader = builder.with_projection(mask).build().map_err(ExportError::parquet(path))?;
    let schema = arrow::array::RecordBatchReader::schema(&reader);
    let batches = reader.collect::<Result<Vec<_>, _>>().map_err(ExportError::columns(path))?;
    concat_batches(&schema, &batches).map_err(ExportError::columns(path))
}

/// A text column; empty if it is not there.
fn texts(batch: &RecordBatch, name: &str) -> Vec<String> {
    let column = batch.column_by_name(name).and_then(|c| c.as_string_opt::<i32>());
    let of = |c: &arrow::array::StringArray| c.iter().map(|v| v.unwrap_or_default().to_owned()).collect();
    column.map_or_else(|| vec![String::new(); batch.num_rows()], of)
}

impl PublishedTables {
    /// Reads the tables; decisions are read block by block later.
    ///
    /// # Errors
    /// If a file is not what a run writes.
    pub fn read(run: PublishedRun) -> Result<Self, ExportError> {
        let words = Words { segments: run.names, tags: tag_words(&run.tag_dictionary) };
        let segments = table(
            &run.segments.into(),
            "segments.parquet",
            &["member_id", "segment_id", "lifecycle", "value_band", "arm", "basis"],
        )?;
        let (ids, stages, bands) =
            (texts(&segments, "member_id"), texts(&segments, "lifecycle"), texts(&segments, "value_band"));
        let (arms, bases) = (texts(&segments, "arm"), texts(&segments, "basis"));
        let segment_ids = segments.column_by_name("segment_id").and_then(|c| c.as_primitive_opt::<Int32Type>());
        let mut members: BTreeMap<String, Member> = BTreeMap::new();
        for (row, id) in ids.into_iter().enumerate() {
            let segment =
                segment_ids.map(|c| c.value(row)).and_then(|id| words.segments.iter().position(|s| s.id == id));
            members.insert(
                id.clone(),
                Member {
                    id,
                    segment,
                    lifecycle: Some(stages[row].clone()),
                    value_band: Some(bands[row].clone()),
                    tags: Vec::new(),
                    arm: arms[row].clone(),
                    basis: bases[row].clone(),
                },
            );
        }
        let tags = table(&run.tags.into(), "tags.parquet", &["member_id", "tag"])?;
        for (id, tag) in texts(&tags, "member_id").iter().zip(texts(&tags, "tag")) {
            let index = words.tags.iter().position(|t| t.tag == tag);
            if let (Some(member), Some(index)) = (members.get_mut(id), index) {
                member.tags.push(u32::try_from(index).unwrap_or(u32::MAX));
            }
        }
        for member in members.values_mut() {
            member.tags.sort_unstable();
            let says = |source: &str| member.tags.iter().any(|t| words.tags[*t as usize].source == source);
            member.segment = member.segment.filter(|_| says("cluster"));
            member.lifecycle = member.lifecycle.take().filter(|_| says("lifecycle"));
            member.value_band = member.value_band.take().filter(|_| says("value"));
        }
        let offers = Bytes::from(run.offers);
        let groups = builder(&offers, OFFERS)?.metadata().num_row_groups();
        let mut ends = Vec::new();
        for group in 0..groups {
            let reader = builder(&offers, OFFERS)?;
            let mask = ProjectionMask::columns(reader.parquet_schema(), ["member_id", "arm", "basis"]);
            let reader = reader.with_row_groups(vec![group]).with_projection(mask).build();
            let mut last = String::new();
            for batch in reader.map_err(ExportError::parquet(OFFERS))? {
                let batch = batch.map_err(ExportError::columns(OFFERS))?;
                let (ids, arms, bases) = (texts(&batch, "member_id"), texts(&batch, "arm"), texts(&batch, "basis"));
                for (row, id) in ids.into_iter().enumerate() {
                    if id != last && !members.contains_key(&id) {
                        let member = Member {
                            id: id.clone(),
                            segment: None,
                            lifecycle: None,
                            value_band: None,
                            tags: Vec::new(),
                            arm: arms[row].clone(),
                            basis: bases[row].clone(),
                        };
                        members.insert(id.clone(), member);
                    }
                    last = id;
                }
            }
            ends.push(last);
        }
        let members: Vec<Member> = members.into_values().collect();
        let mut blocks = Vec::new();
        let mut start = 0;
        for (group, end) in ends.iter().enumerate() {
            let upto = match group + 1 == groups {
                true => members.len(),
                false => members.partition_point(|m| m.id <= *end),
            };
            blocks.push(start..upto);
            start = upto;
        }
        if blocks.is_empty() {
            blocks.push(0..members.len());
        }
        Ok(Self { words, members, blocks, offers, groups })
    }

    /// Ids of all members, in byte order.
    #[must_use]
    pub fn ids(&self) -> Vec<&str> {
        self.members.iter().map(|m| m.id.as_str()).collect()
    }
}

/// Reads a tag dictionary.
fn tag_words(csv: &[u8]) -> Vec<TagWord> {
    let mut reader = ::csv::Reader::from_reader(csv);
    let of = |r: ::csv::StringRecord| {
        let text = |i: usize| r.get(i).unwrap_or_default().to_owned();
        TagWord { tag: text(0), name_zh: text(1), name_en: text(2), source: text(3) }
    };
    reader.records().filter_map(Result::ok).map(of).collect()
}

impl Source for PublishedTables {
    fn blocks(&self) -> usize {
        self.blocks.len()
    }

    fn with_block(
        &self,
        index: usize,
        each: &mut dyn FnMut(&Block<'_>) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        let members = self.members[self.blocks[index].clone()].iter().map(|m| MemberFacts {
            id: &m.id,
            segment: m.segment,
            lifecycle: m.lifecycle.as_deref(),
            value_band: m.value_band.as_deref(),
            tags: m.tags.clone(),
            arm: &m.arm,
            basis: &m.basis,
            rows: 0..0,
            ghosts: 0,
        });
        let offers = if index < self.groups {
            let reader = builder(&self.offers, OFFERS)?.with_row_groups(vec![index]).build();
            let reader = reader.map_err(ExportError::parquet(OFFERS))?;
            let schema = arrow::array::RecordBatchReader::schema(&reader);
            let batches = reader.collect::<Result<Vec<_>, _>>().map_err(ExportError::columns(OFFERS))?;
            concat_batches(&schema, &batches).map_err(ExportError::columns(OFFERS))?
        } else {
            RecordBatch::new_empty(Arc::clone(&offers_schema()))
        };
        each(&Block::new(members.collect(), &offers))
    }

    fn words(&self) -> &Words {
        &self.words
    }
}
