//! What a target is filled from: some members of a run, with what is known of each and their decisions.

use std::ops::Range;

use arrow::{
    array::{
        Array, AsArray, BooleanArray, Date32Array, Float32Array, Float64Array, Int32Array, Int64Array, RecordBatch,
        StringArray,
    },
    datatypes::{Date32Type, Float32Type, Float64Type, Int32Type, Int64Type},
};

use crate::{
    base::Day,
    export::{
        ExportError,
        cell::{Cell, DayText},
        generic::{Evidence, GenericColumn},
        targets::Column,
    },
};

/// A segment's code and names.
#[derive(Debug, Clone)]
pub struct SegmentName {
    /// Lasting id.
    pub id: i32,
    /// Code.
    pub code: String,
    /// Chinese name.
    pub name_zh: String,
    /// English name.
    pub name_en: String,
}

/// A tag with its names.
#[derive(Debug, Clone, Default)]
pub struct TagWord {
    /// Code.
    pub tag: String,
    /// Source.
    pub source: String,
    /// Chinese name.
    pub name_zh: String,
    /// English name.
    pub name_en: String,
}

/// What the numbers of [`MemberFacts`] stand for.
#[derive(Debug, Clone, Default)]
pub struct Words {
    /// Segments.
    pub segments: Vec<SegmentName>,
    /// Tags in byte order of their codes.
    pub tags: Vec<TagWord>,
}

/// What a run says of a member.
#[derive(Debug, Clone)]
pub struct MemberFacts<'a> {
    /// Id.
    pub id: &'a str,
    /// Index of the segment; none for members without, and where its tag is suppressed.
    pub segment: Option<usize>,
    /// Lifecycle stage, unless suppressed.
    pub lifecycle: Option<&'a str>,
    /// Value band, unless suppressed.
    pub value_band: Option<&'a str>,
    /// Indices of the tags, rising.
    pub tags: Vec<u32>,
    /// `treated` or `holdout`.
    pub arm: &'a str,
    /// `personalised` or `generic`.
    pub basis: &'a str,
    /// Rows of the decisions.
    pub rows: Range<usize>,
    /// Which of these rows, from the first on, are decisions of a kind that the member is held out of: they leave a hole.
    pub ghosts: u64,
}

impl MemberFacts<'_> {
    /// Whether a row of the decisions is a ghost's.
    #[must_use]
    pub fn is_ghost(&self, row: usize) -> bool {
        row.checked_sub(self.rows.start).is_some_and(|at| at < 64 && self.ghosts & (1 << at) != 0)
    }
}

/// Some members of a run, in byte order of their ids.
#[derive(Debug)]
pub struct Block<'a> {
    /// The members.
    pub members: Vec<MemberFacts<'a>>,
    /// Their decisions, with the columns of `offers.parquet`.
    pub offers: &'a RecordBatch,
}

/// A run that can be gone through block by block.
pub trait Source: Sync {
    /// Number of blocks.
    fn blocks(&self) -> usize;

    /// Reads a block and hands it on.
    ///
    /// # Errors
    /// If it cannot be read, and what `each` gives.
    fn with_block(
        &self,
        index: usize,
        each: &mut dyn FnMut(&Block<'_>) -> Result<(), ExportError>,
    ) -> Result<(), ExportError>;

    /// What the numbers of members stand for.
    fn words(&self) -> &Words;
}

impl<'a> Block<'a> {
    /// Finds each member's decisions; `members` and the rows of `offers` are in the same order.
    #[must_use]
    pub fn new(mut members: Vec<MemberFacts<'a>>, offers: &'a RecordBatch) -> Self {
        let ids = offers.column_by_name("member_id").and_then(|c| c.as_string_opt::<i32>());
        let arms = offers.column_by_name("arm").and_then(|c| c.as_string_opt::<i32>());
        let mut next = 0;
        for member in &mut members {
            let start = next;
            while ids.is_some_and(|ids| next < ids.len() && ids.value(next) == member.id) {
                if next - start < 64 && arms.is_some_and(|arms| arms.value(next) == "holdout") {
                    member.ghosts |= 1 << (next - start);
                }
                next += 1;
            }
            member.rows = start..next;
        }
        Self { members, offers }
    }
}

/// Columns of decisions, ready to be read by row.
pub(super) enum Values<'a> {
    Text(&'a StringArray),
    Int(&'a Int32Array),
    Long(&'a Int64Array),
    Day(&'a Date32Array),
    Single(&'a Float32Array),
    Double(&'a Float64Array),
    Flag(&'a BooleanArray),
    Evidence(Evidence<'a>),
    Missing,
}

impl<'a> Values<'a> {
    pub(super) fn of(batch: &'a RecordBatch, column: GenericColumn) -> Self {
        use GenericColumn as C;
        let Some(array) = batch.column_by_name(column.name()) else { return Self::Missing };
        let found = match column {
            C::Slot | C::SegmentId => array.as_primitive_opt::<Int32Type>().map(Self::Int),
            C::ValueMinor => array.as_primitive_opt::<Int64Type>().map(Self::Long),
            C::ValidFrom | C::ValidUntil => array.as_primitive_opt::<Date32Type>().map(Self::Day),
            C::Probability | C::Propensity => array.as_primitive_opt::<Float32Type>().map(Self::Single),
            C::Score => array.as_primitive_opt::<Float64Type>().map(Self::Double),
            C::Explored => array.as_boolean_opt().map(Self::Flag),
            C::Evidence => array.as_struct_opt().map(|s| Self::Evidence(Evidence(s))),
            _ => array.as_string_opt::<i32>().map(Self::Text),
        };
        found.unwrap_or(Self::Missing)
    }

    pub(super) fn cell(&self, row: usize) -> Cell<'a> {
        match self {
            Self::Text(v) if v.is_valid(row) => Cell::Text(v.value(row).into()),
            Self::Int(v) if v.is_valid(row) => Cell::Integer(i64::from(v.value(row))),
            Self::Long(v) if v.is_valid(row) => Cell::Integer(v.value(row)),
            Self::Day(v) if v.is_valid(row) => Cell::Day(DayText::new(Day(v.value(row)))),
            // The shortest decimal of the f32, not of the f64 next to it.
            Self::Single(v) if v.is_valid(row) => v.value(row).to_string().parse().map_or(Cell::Null, Cell::Decimal),
            Self::Double(v) if v.is_valid(row) => Cell::Decimal(v.value(row)),
            Self::Flag(v) if v.is_valid(row) => Cell::Flag(v.value(row)),
            Self::Evidence(evidence) => {
                let mut text = String::new();
                evidence.json(row, &mut text);
                Cell::Text(text.into())
            }
            _ => Cell::Null,
        }
    }
}

/// The value of a column for a member and, where a row is a decision, for row `row`. `offers` holds the columns of
/// [`Column::Offer`] and [`Column::Decision`] in the order of the fields.
pub(super) fn cell<'a>(
    column: &Column,
    values: &Values<'a>,
    words: &'a Words,
    member: &MemberFacts<'a>,
    row: Option<usize>,
) -> Cell<'a> {
    let text = |value: Option<&'a str>| value.map_or(Cell::Null, |v| Cell::Text(v.into()));
    let segment = || member.segment.and_then(|s| words.segments.get(s));
    match column {
        Column::MemberId => text(Some(member.id)),
        Column::SegmentId => segment().map_or(Cell::Null, |s| Cell::Integer(i64::from(s.id))),
        Column::SegmentCode => text(segment().map(|s| s.code.as_str())),
        Column::SegmentNameZh => text(segment().map(|s| s.name_zh.as_str())),
        Column::SegmentNameEn => text(segment().map(|s| s.name_en.as_str())),
        Column::Lifecycle => text(member.lifecycle),
        Column::ValueBand => text(member.value_band),
        Column::Arm => text(Some(member.arm)),
        Column::Basis => text(Some(member.basis)),
        Column::Tags => Cell::Tags(tags(words, member, None)),
        Column::TagsOf(source) => Cell::Tags(tags(words, member, Some(source))),
        Column::HasTag(tag) => Cell::Flag(tags(words, member, None).contains(&tag.as_str())),
        // Filled in where the identities are known.
        Column::Identity(_) => Cell::Null,
        // What a member of the holdout would have got is not exported.
        Column::Offer(slot, _) if member.arm == "treated" => {
            let at = member.rows.start + usize::from(*slot) - 1;
            if at < member.rows.end && !member.is_ghost(at) { values.cell(at) } else { Cell::Null }
        }
        Column::Offer(..) => Cell::Null,
        Column::Decision(_) => row.map_or(Cell::Null, |row| values.cell(row)),
    }
}

fn tags<'a>(words: &'a Words, member: &MemberFacts<'_>, source: Option<&str>) -> Vec<&'a str> {
    let known = member.tags.iter().filter_map(|t| words.tags.get(*t as usize));
    known.filter(|t| source.is_none_or(|wanted| t.source == wanted)).map(|t| t.tag.as_str()).collect()
}
