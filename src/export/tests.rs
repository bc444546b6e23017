//! The files of a whole small run: their schemas, order, bytes for any thread count, and the CSV of hostile text.

use std::{
    collections::{BTreeMap, HashSet},
    io::{self, Write},
    sync::{Arc, Mutex},
};

use arrow::{
    array::{Array, AsArray},
    datatypes::{Date32Type, Float64Type, Int32Type, Schema},
    record_batch::RecordBatch,
};
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::*;
use crate::{
    base::{Currency, Day, Findings, IdTable, findings::JobPath},
    features::{DaySet, FeaturePlan, FeatureView, Features},
    history::{Dimensions, ShardSet, Timeline, testing::Row},
    input::{ItemTable, Labels},
    items::{View, item_statistics},
    offers::{
        Holdout, PreviousDecisions, SentenceWriter,
        testing::{Night, Outcome, Shop},
    },
    segments::{Lifecycle, Memberships, Segment, SegmentModel, ShardTags, TagEntry, TagHeld, TagSource, ValueBand},
};

#[derive(Default)]
struct Memory(Arc<Mutex<BTreeMap<String, Vec<u8>>>>);

struct MemoryFile(Arc<Mutex<BTreeMap<String, Vec<u8>>>>, String);

impl Write for MemoryFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().get_mut(&self.1).unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink for Memory {
    fn create(&self, relative: &str) -> io::Result<Box<dyn Write + Send>> {
        let old = self.0.lock().unwrap().insert(relative.to_owned(), Vec::new());
        assert!(old.is_none(), "{relative} is written twice");
        Ok(Box::new(MemoryFile(Arc::clone(&self.0), relative.to_owned())))
    }
}

const JOB: &str = "[[offers]]\nid = \"next\"\nkind = \"next_item\"\nname_zh = \"心选\"\nplacement = \"home\"\n\
                   [[offers]]\nid = \"pet\"\nkind = \"category_early_access\"\ncategories = [\"宠物\"]\nchannel = \"app\"\n\
                   value = 12.5\n[decision]\nholdout_share = 0.3\ngeneric_slots = 3\nslots = 4";

/// Names that try to break out of their cell.
const NAMES: &[&str] = &["=1+1", "鸡肉\n猫粮 \"大\", 新", "+86", "@x", "plain", "🎁，猫", "-0.3"];

fn shop() -> Shop {
    let ids = IdTable::from_unsorted((0..NAMES.len()).map(|i| format!("i{i}")));
    let count = ids.len();
    let items = ItemTable {
        ids,
        name: NAMES.iter().map(|n| (*n).to_owned()).collect(),
        categories: IdTable::from_unsorted(["宠物", "茶"]),
        category: (0..count as u32).map(|i| if i == 4 { u32::MAX } else { i % 2 }).collect(),
        ..ItemTable::default()
    };
    let member = |i: usize| if i.is_multiple_of(7) { format!("=m,{i}") } else { format!("m{i}") };
    let rows = (0..900)
        .map(|i| Row::buy(&member(i % 60), 10 + (i / 10) as i32, ((i * i / 3 + i) % count) as u32, 500 + i as i64))
        .collect();
    Shop::new(items, rows, 100)
}

struct Run {
    shop: Shop,
    outcome: Outcome,
    members: Vec<IdTable>,
    generic: IdTable,
    withdrawn: HashSet<String>,
    memberships: Memberships,
    model: SegmentModel,
    lifecycle: Vec<Lifecycle>,
    bands: Vec<ValueBand>,
    tags: Vec<ShardTags>,
    entries: Vec<TagEntry>,
    features: crate::features::FeatureTable,
}

impl Run {
    fn new() -> Self {
        let shop = shop();
        let outcome = shop.decide(JOB);
        let members: Vec<IdTable> =
            (0..outcome.shards.len()).map(|s| outcome.shards.get(s).unwrap().members.clone()).collect();
        let count: usize = members.iter().map(IdTable::len).sum();
        let segment = |id: i32| Segment {
            id,
            code: format!("seg_{id}"),
            name_zh: format!("段 {id}"),
            name_en: format!("segment {id}"),
            traits: Vec::new(),
            members: 1,
            nearest: 1,
            scaled: Vec::new(),
            raw: Vec::new(),
        };
        let model = SegmentModel {
            format: 1,
            features: Vec::new(),
            segments: vec![segment(4), segment(9)],
            highest_id: 9,
            warm_start: false,
            fitted_on: 1,
            inertia: 0.0,
            iterations: 1,
            converged: true,
        };
        let memberships = Memberships {
            segment: (0..count as u16).map(|i| i % 2).collect(),
            nearest: (0..count as u16).map(|i| i % 3 % 2).collect(),
            distance: (0..count).map(|i| i as f32).collect(),
            margin: (0..count).map(|i| i as f32 / 2.0).collect(),
            held: Vec::new(),
        };
        let entry = |tag: &str, source| TagEntry {
            tag: tag.into(),
            name_zh: "名".into(),
            name_en: "name".into(),
            source,
            rule: "a, \"b\"".into(),
        };
        let entries = vec![
            entry("lc_new", TagSource::Lifecycle),
            entry("seg_4", TagSource::Cluster),
            entry("seg_9", TagSource::Cluster),
            entry("vb_top", TagSource::Value),
        ];
        let tags = members
            .iter()
            .map(|ids| {
                let mut tags = ShardTags { offsets: vec![0], held: Vec::new() };
                for member in 0..ids.len() {
                    // The third member of a shard has suppressed all tags but the segment.
                    let held: &[u8] = if member == 2 { &[1] } else { &[0, 1, 3] };
                    tags.held.extend(held.iter().map(|t| TagHeld { tag: (*t).into(), since: Day(90) }));
                    tags.offsets.push(tags.held.len() as u32);
                }
                tags
            })
            .collect();
        let features = features(&shop, &outcome.shards);
        let lifecycle = vec![Lifecycle::New; count];
        let bands = vec![ValueBand::Top; count];
        let generic = IdTable::from_unsorted(["a-first", "m30b", "z,last"]);
        let withdrawn = HashSet::new();
        Self {
            shop,
            outcome,
            members,
            generic,
            withdrawn,
            memberships,
            model,
            lifecycle,
            bands,
            tags,
            entries,
            features,
        }
    }

    fn write(&self, settings: &OutputSettings) -> BTreeMap<String, Vec<u8>> {
        let tables = RunTables {
            members: &self.members,
            withdrawn: &self.withdrawn,
            generic_members: &self.generic,
            memberships: &self.memberships,
            segments: &self.model,
            lifecycle: &self.lifecycle,
            value_band: &self.bands,
            tags: &self.tags,
            tag_entries: &self.entries,
            features: &self.features,
            decisions: &self.outcome.decisions,
            generic_list: &self.outcome.generic,
            catalogue: &self.outcome.catalogue,
            holdout: Holdout::new(&self.outcome.catalogue.decision),
            items: &self.shop.items,
            attributes: &self.shop.members,
            sentences: SentenceWriter::new(&self.outcome.catalogue, &self.shop.items, &Labels::default()),
            offsets: RunTables::offsets_of(&self.members),
        };
        let memory = Memory::default();
        let plan = |target: &targets::Target| {
            let tag_ids = [("seg_4", "id4"), ("vb_top", "idv")].map(|(t, id)| (t.to_owned(), id.to_owned())).into();
            crm::TargetPlan { target: target.clone(), tag_ids, base: None }
        };
        let crm = crm::CrmPlan {
            run_id: "r1".into(),
            targets: settings.crm.iter().map(plan).collect(),
            identities: crm::Identities::default(),
        };
        let files = write_run(&tables, settings, &crm, &memory).unwrap();
        let written = std::mem::take(&mut *memory.0.lock().unwrap());
        let tables = written.keys().filter(|name| !name.ends_with(".json"));
        assert!(files.iter().map(|f| &f.path).eq_by_set(tables));
        for file in files.iter().filter(|f| f.path.ends_with(".parquet")) {
            assert_eq!(read(&written[&file.path]).num_rows() as u64, file.rows, "{}", file.path);
        }
        for file in files.iter().filter(|f| f.path.ends_with(".csv")) {
            assert_eq!(records(&written[&file.path]).len() as u64, file.rows + 1, "{}", file.path);
        }
        written
    }
}

trait EqBySet<'a> {
    fn eq_by_set(self, other: impl Iterator<Item = &'a String>) -> bool;
}

impl<'a, I: Iterator<Item = &'a String>> EqBySet<'a> for I {
    fn eq_by_set(self, other: impl Iterator<Item = &'a String>) -> bool {
        self.collect::<std::collections::BTreeSet<_>>() == other.collect()
    }
}

fn features(shop: &Shop, shards: &ShardSet) -> crate::features::FeatureTable {
    let dimensions = Dimensions {
        channels: IdTable::default(),
        stores: IdTable::default(),
        cities: IdTable::default(),
        timeline: Timeline::Calendar,
        as_of: Day(100),
        first_day: Day(0),
    };
    let view = FeatureView {
        settings: &Features::default(),
        items: &shop.items,
        dimensions: &dimensions,
        labels: &Labels::default(),
        festivals: &DaySet::from_fn(Day(0), Day(200), |_| false),
        currency: Currency::from_code("CNY").unwrap(),
        cut: Day(100),
    };
    FeaturePlan::new(view, shards, None).unwrap().compute(shards, None).unwrap()
}

fn settings(job: &str) -> OutputSettings {
    let mut findings = Findings::new();
    let raw: RawOutput = toml::from_str(job).unwrap();
    let settings = raw.check(&JobPath::root().key("output"), &mut findings);
    assert!(findings.is_empty(), "{findings:?}");
    settings
}

fn read(bytes: &[u8]) -> RecordBatch {
    let reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::copy_from_slice(bytes)).unwrap();
    let schema = Arc::clone(reader.schema());
    let batches: Vec<RecordBatch> = reader.build().unwrap().map(Result::unwrap).collect();
    arrow::compute::concat_batches(&schema, &batches).unwrap()
}

fn records(bytes: &[u8]) -> Vec<Vec<String>> {
    let mut reader = ::csv::ReaderBuilder::new().has_headers(false).from_reader(bytes);
    reader.records().map(|r| r.unwrap().iter().map(str::to_owned).collect()).collect()
}

fn columns(schema: &Schema) -> Vec<String> {
    schema
        .fields()
        .iter()
        .map(|f| format!("{} {}{}", f.name(), f.data_type(), if f.is_nullable() { "?" } else { "" }))
        .collect()
}

#[test]
fn schemas_are_those_of_the_contract() {
    let files = Run::new().write(&settings("features = true"));
    insta::assert_snapshot!(columns(&read(&files["segments.parquet"]).schema()).join("\n"), @r#"
    member_id Utf8
    segment_id Int32
    segment_code Utf8
    nearest_segment Int32
    distance Float32
    margin Float32
    lifecycle Utf8
    value_band Utf8
    arm Utf8
    basis Utf8
    "#);
    insta::assert_snapshot!(columns(&read(&files["tags.parquet"]).schema()).join("\n"), @r#"
    member_id Utf8
    tag Utf8
    source Utf8
    since Date32
    "#);
    insta::assert_snapshot!(columns(&read(&files["offers.parquet"]).schema()).join("\n"), @r#"
    member_id Utf8
    slot Int32
    offer_id Utf8
    kind Utf8
    item_id Utf8?
    category Utf8?
    score Float64
    probability Float32?
    value_minor Int64
    reason_code Utf8
    evidence Struct("item_id": Utf8, "category": Utf8, "count": Int32, "days": Int32, "date": Date32, "amount_minor": Int64)
    text_zh Utf8
    text_en Utf8
    valid_from Date32
    valid_until Date32
    channel Utf8?
    placement Utf8
    incentive Utf8
    basis Utf8
    arm Utf8
    explored Boolean
    propensity Float32
    segment_id Int32?
    "#);
    let features = read(&files["features.parquet"]);
    assert!(features.num_columns() > 5);
    assert_eq!(features.schema().field(0).name(), "member_id");
    assert!(features.schema().fields()[1..].iter().all(|f| f.is_nullable() && f.data_type().is_floating()));
}

#[test]
fn rows_are_sorted_and_say_what_was_decided() {
    let run = Run::new();
    let files = run.write(&settings(""));
    let offers = read(&files["offers.parquet"]);
    let text = |name: &str| offers.column_by_name(name).unwrap().as_string::<i32>().clone();
    let (members, basis, arm, item) = (text("member_id"), text("basis"), text("arm"), text("item_id"));
    let slots = offers.column_by_name("slot").unwrap().as_primitive::<Int32Type>().clone();
    let keys: Vec<(&str, i32)> = (0..offers.num_rows()).map(|r| (members.value(r), slots.value(r))).collect();
    assert!(keys.is_sorted_by(|a, b| a < b));
    let segments = offers.column_by_name("segment_id").unwrap();
    let mut generic = BTreeMap::new();
    for row in 0..offers.num_rows() {
        let out = run.generic.find(members.value(row)).is_some();
        assert_eq!(basis.value(row), if out { "generic" } else { "personalised" });
        assert_eq!(segments.is_null(row), out);
        if out {
            assert_eq!(arm.value(row), "treated");
            generic.entry(members.value(row)).or_insert_with(Vec::new).push(item.value(row));
        } else {
            let choice = run.outcome.of(members.value(row))[slots.value(row) as usize - 1];
            let score = offers.column_by_name("score").unwrap().as_primitive::<Float64Type>().value(row);
            assert_eq!(score, crate::base::round::significant(choice.score, 6));
            let want = choice.target.item().map(|i| run.shop.items.ids.get(i as usize));
            assert_eq!(item.is_valid(row).then(|| item.value(row)), want);
        }
    }
    let lists: Vec<_> = generic.values().collect();
    assert_eq!(lists.len(), 3);
    assert!(lists.iter().all(|l| *l == lists[0] && l.len() == 3), "one list for all of them");
    assert!(arm.iter().flatten().any(|a| a == "holdout"));
    for name in ["segments.parquet", "tags.parquet"] {
        let ids = read(&files[name]).column(0).as_string::<i32>().clone();
        let ids: Vec<&str> = ids.iter().flatten().collect();
        assert!(ids.is_sorted() && ids.iter().all(|id| run.generic.find(id).is_none()), "{name}");
    }
}

#[test]
fn the_previous_run_is_read_back() {
    let run = Run::new();
    let files = run.write(&settings("crm = []"));
    assert!(!files.keys().any(|f| f.starts_with("crm/")));
    let batch = read(&files["offers.parquet"]);
    let next = Shop { as_of: 103, ..shop() };
    let catalogue = next.catalogue(JOB);
    let mut builder = PreviousDecisions::builder(&catalogue, &next.items, catalogue.first_valid());
    assert!(push_previous(&batch, &mut builder));
    assert!(!push_previous(&batch.project(&[0, 1]).unwrap(), &mut builder));
    let outcome = next.decide_on(JOB, &Night { previous: builder.build(), ..Night::default() });
    let mut kept = 0;
    for member in run.members.iter().flat_map(IdTable::iter) {
        let before = run.outcome.of(member);
        for choice in outcome.of(member) {
            let held = before.iter().any(|b| b.offer == choice.offer && b.target == choice.target);
            assert_eq!(choice.valid_from, Day(if held { 101 } else { 104 }));
            kept += usize::from(held);
        }
    }
    assert!(kept > 100, "{kept}");
    assert!(outcome.generic.iter().all(|c| c.valid_from == Day(101)));
}

#[test]
fn bytes_do_not_depend_on_threads() {
    let run = Run::new();
    let settings = settings("features = true");
    let of = |threads: usize| {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(|| run.write(&settings))
    };
    let one = of(1);
    assert!(of(2) == one && of(4) == one);
}

#[test]
fn full_csv_is_strict_and_the_preview_is_disarmed() {
    let run = Run::new();
    let files = run.write(&settings("preview_rows = 7"));
    let (full, preview) = (&files["crm/generic/full.csv"], &files["crm/generic/preview.csv"]);
    assert!(!full.starts_with(b"\xef\xbb\xbf") && preview.starts_with(b"\xef\xbb\xbf"));
    assert!(!full.contains(&b'\r'));
    let (full, preview) = (records(full), records(&preview[3..]));
    assert_eq!(full[0], DEFAULT_COLUMNS.iter().map(|c| c.name()).collect::<Vec<_>>());
    assert_eq!((preview.len(), &preview[0]), (8, &full[0]));
    let at = |name: &str| full[0].iter().position(|c| c == name).unwrap();
    let offers = read(&files["offers.parquet"]);
    let text = |name: &str| offers.column_by_name(name).unwrap().as_string::<i32>().clone();
    let (members, zh, arm, channel) = (text("member_id"), text("text_zh"), text("arm"), text("channel"));
    let from = offers.column_by_name("valid_from").unwrap().as_primitive::<Date32Type>().clone();
    let treated: Vec<usize> = (0..offers.num_rows()).filter(|r| arm.value(*r) == "treated").collect();
    assert!(treated.len() < offers.num_rows());
    assert_eq!(full.len(), treated.len() + 1, "the holdout is not exported");
    for (record, row) in full[1..].iter().zip(treated) {
        assert_eq!(record[at("member_id")], members.value(row));
        assert_eq!(record[at("text_zh")], zh.value(row));
        assert_eq!(record[at("valid_from")], Day(from.value(row)).to_string());
        assert_eq!(record[at("channel")], if channel.is_valid(row) { channel.value(row) } else { "" });
    }
    for (record, strict) in preview[1..].iter().zip(&full[1..]) {
        for (cell, strict) in record.iter().zip(strict) {
            let want = if is_formula(strict) { format!("'{strict}") } else { strict.clone() };
            assert_eq!(*cell, want);
        }
    }
    assert!(preview[1..].iter().any(|r| r[0].starts_with("'=m,")));
}

#[test]
fn members_csv_has_tags_as_a_json_array() {
    let run = Run::new();
    let files = run.write(&settings(""));
    let members = records(&files["crm/generic/members.csv"]);
    let everyone: usize = run.members.iter().map(IdTable::len).sum::<usize>() + 3;
    assert_eq!(members.len(), everyone + 1);
    let suppressed = run.members[0].get(2);
    for record in &members[1..] {
        let tags: Vec<String> = serde_json::from_str(&record[5]).unwrap();
        let rest: Vec<&str> = record[1..5].iter().map(String::as_str).collect();
        if run.generic.find(&record[0]).is_some() {
            assert_eq!((tags.len(), rest, record[7].as_str()), (0, vec!["", "", "", ""], "generic"));
        } else if record[0] == suppressed {
            assert_eq!((tags.join(" "), &rest[2..]), ("seg_4".into(), &["", ""][..]));
        } else if tags.len() == 3 {
            assert_eq!((tags.join(" "), &rest[2..]), ("lc_new seg_4 vb_top".into(), &["new", "top"][..]));
            assert!(matches!(rest[..2], ["4", "seg_4"] | ["9", "seg_9"]));
        }
    }
    let dictionary = records(&files["tag_dictionary.csv"]);
    assert_eq!(dictionary[0].join(","), "tag,name_zh,name_en,source,rule");
    assert_eq!(dictionary[1].join("|"), "lc_new|名|name|lifecycle|a, \"b\"");
}

#[test]
fn chosen_columns_and_evidence_as_json() {
    let run = Run::new();
    let files =
        run.write(&settings("generic_columns = [\"slot\", \"member_id\", \"evidence\", \"propensity\", \"explored\"]"));
    let full = records(&files["crm/generic/full.csv"]);
    assert_eq!(full[0].join(","), "slot,member_id,evidence,propensity,explored");
    for record in &full[1..] {
        let evidence: serde_json::Value = serde_json::from_str(&record[2]).unwrap();
        assert!(evidence.is_object());
        assert_eq!(record[3..], ["1", "false"]);
    }
    assert!(full.iter().any(|r| r[2].contains("\"date\":\"1970-")));
}

#[test]
fn settings_findings() {
    let mut findings = Findings::new();
    let raw: RawOutput = toml::from_str(
        "crm = [\"generc\", \"generic\", \"generic\"]\npreview_rows = 2000000\n\
         generic_columns = [\"slot\", \"itm_id\", \"slot\"]",
    )
    .unwrap();
    raw.check(&JobPath::root().key("output"), &mut findings);
    let codes: Vec<String> = findings.iter().map(|f| format!("{} {}", f.code, f.at)).collect();
    assert_eq!(
        codes,
        [
            "output::preview_too_long output.preview_rows",
            "output::unknown_column output.generic_columns[1]",
            "output::column_twice output.generic_columns[2]",
            "output::key_column_missing output.generic_columns",
            "output::unknown_target output.crm[0]",
            "output::target_twice output.crm[2]",
        ]
    );
}

#[test]
fn item_statistics_file() {
    let run = Run::new();
    let view = View::at(Day(100), Timeline::Calendar);
    let statistics = item_statistics(&run.outcome.shards, &view, &run.shop.items, &[30.0]).unwrap();
    let memory = Memory::default();
    let repeat = crate::recommend::RepeatRules::none(run.shop.items.len());
    let rows = write_item_statistics(&memory, &run.shop.items, &statistics, 0, &repeat, Compression::Zstd).unwrap();
    assert_eq!(rows, NAMES.len() as u64);
    let batch = read(&memory.0.lock().unwrap()["model/item_statistics.parquet"]);
    assert_eq!(batch.column(0).as_string::<i32>().value(2), "i2");
}
