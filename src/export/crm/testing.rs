//! A small shop for tests of targets, and CRMs that import as the vendors' do.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write},
    sync::{Arc, Mutex},
};

use arrow::{
    array::{
        ArrayRef, BooleanArray, Date32Array, Float32Array, Float64Array, Int32Array, Int64Array, RecordBatch,
        StringArray, StructArray, new_null_array,
    },
    datatypes::DataType,
};

use super::*;
use crate::{
    base::{Findings, findings::JobPath},
    export::{
        ExportError, Sink,
        dialects::{self, Op, Role, TagIds},
        offers_schema,
        settings::{Compression, RawOutput},
        targets::Target,
        validate::{Problems, ReadRow},
    },
};

#[derive(Default)]
pub(crate) struct Memory(pub(crate) Arc<Mutex<BTreeMap<String, Vec<u8>>>>);

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

/// A member of the small shop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Person {
    pub(crate) tags: Vec<u32>,
    /// Offers: id and sentence.
    pub(crate) offers: Vec<(String, String)>,
    /// Id in every CRM; none: the member has none.
    pub(crate) external: Option<String>,
    pub(crate) held_out: bool,
}

pub(crate) const TAGS: &[(&str, &str)] = &[
    ("ch_app", "channel"),
    ("lc_active", "lifecycle"),
    ("lc_new", "lifecycle"),
    ("seg_01", "cluster"),
    ("vb_top", "value"),
];

pub(crate) type People = BTreeMap<String, Person>;

pub(crate) struct Shop<'a> {
    people: &'a People,
    words: Words,
    /// Members of a block.
    size: usize,
}

impl<'a> Shop<'a> {
    pub(crate) fn new(people: &'a People, size: usize) -> Self {
        let tag = |(tag, source): &(&str, &str)| TagWord {
            tag: (*tag).into(),
            source: (*source).into(),
            name_zh: format!("名{tag}"),
            name_en: format!("name {tag}"),
        };
        let segment = SegmentName { id: 1, code: "seg_01".into(), name_zh: "甲".into(), name_en: "A".into() };
        Self { people, words: Words { segments: vec![segment], tags: TAGS.iter().map(tag).collect() }, size }
    }

    fn offers(&self, members: &[(&String, &Person)]) -> RecordBatch {
        let (mut ids, mut slots, mut offers, mut texts, mut arms) = (vec![], vec![], vec![], vec![], vec![]);
        for (id, person) in members {
            for (slot, (offer, text)) in person.offers.iter().enumerate() {
                ids.push((*id).clone());
                slots.push(slot as i32 + 1);
                offers.push(offer.clone());
                texts.push(text.clone());
                arms.push(if person.held_out { "holdout" } else { "treated" });
            }
        }
        let rows = ids.len();
        let schema = offers_schema();
        let text = |values: Vec<String>| -> ArrayRef { Arc::new(StringArray::from(values)) };
        let columns = schema.fields().iter().map(|field| -> ArrayRef {
            match (field.name().as_str(), field.data_type()) {
                ("member_id", _) => text(ids.clone()),
                ("slot", _) => Arc::new(Int32Array::from(slots.clone())),
                ("offer_id", _) => text(offers.clone()),
                ("text_zh", _) => text(texts.clone()),
                ("arm", _) => text(arms.iter().map(|a| (*a).to_owned()).collect()),
                (_, kind) if field.is_nullable() => new_null_array(kind, rows),
                (name, DataType::Utf8) => text(vec![name.to_owned(); rows]),
                (_, DataType::Float64) => Arc::new(Float64Array::from(vec![0.25; rows])),
                (_, DataType::Float32) => Arc::new(Float32Array::from(vec![1.0; rows])),
                (_, DataType::Int64) => Arc::new(Int64Array::from(vec![250; rows])),
                (_, DataType::Date32) => Arc::new(Date32Array::from(vec![20_000; rows])),
                (_, DataType::Boolean) => Arc::new(BooleanArray::from(vec![false; rows])),
                (_, DataType::Struct(fields)) => {
                    let inside = fields.iter().map(|f| new_null_array(f.data_type(), rows)).collect();
                    Arc::new(StructArray::try_new(fields.clone(), inside, None).unwrap())
                }
                other => panic!("{other:?}"),
            }
        });
        RecordBatch::try_new(schema.clone(), columns.collect()).unwrap()
    }
}

impl Source for Shop<'_> {
    fn blocks(&self) -> usize {
        self.people.len().div_ceil(self.size)
    }

    fn with_block(
        &self,
        index: usize,
        each: &mut dyn FnMut(&Block<'_>) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        let members: Vec<_> = self.people.iter().skip(index * self.size).take(self.size).collect();
        let offers = self.offers(&members);
        let facts = members.iter().map(|(id, person)| MemberFacts {
            id,
            segment: person.tags.contains(&3).then_some(0),
            lifecycle: person.tags.contains(&1).then_some("active"),
            value_band: person.tags.contains(&4).then_some("top"),
            tags: person.tags.clone(),
            arm: if person.held_out { "holdout" } else { "treated" },
            basis: "personalised",
            rows: 0..0,
            ghosts: 0,
        });
        each(&Block::new(facts.collect(), &offers))
    }

    fn words(&self) -> &Words {
        &self.words
    }
}

/// A target as a job would have it: the text of its section.
pub(crate) fn target(name: &str, section: &str) -> Target {
    let text = format!("crm = [\"{name}\"]\npreview_rows = 3\n[targets.{name}]\n{section}");
    let raw: RawOutput = toml::from_str(&text).unwrap();
    let mut findings = Findings::new();
    let settings = raw.check(&JobPath::root().key("output"), &mut findings);
    assert!(findings.is_empty(), "{findings:?}");
    settings.crm.into_iter().next().unwrap()
}

pub(crate) fn tag_ids() -> TagIds {
    TAGS.iter().map(|(tag, _)| ((*tag).to_owned(), format!("et_{tag}"))).collect()
}

/// What a run wrote for a target.
#[derive(Debug, Clone)]
pub(crate) struct Night {
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    pub(crate) report: TargetReport,
}

pub(crate) fn identities(people: &People, target: &Target) -> Identities {
    let mut identities = Identities::default();
    for (id, person) in people {
        for system in target.systems() {
            if let Some(external) = &person.external {
                let employee = Some("guide_01".to_owned());
                let row = IdentityRow { system: system.to_owned(), external_id: external.clone(), employee };
                identities.push(id, row, None);
            }
        }
    }
    identities
}

/// Writes a target.
pub(crate) fn write(target: &Target, people: &People, run: &str, base: Option<&Night>) -> Night {
    let identities = identities(people, target);
    write_with(target, people, identities, run, base)
}

pub(crate) fn write_with(
    target: &Target,
    people: &People,
    identities: Identities,
    run: &str,
    base: Option<&Night>,
) -> Night {
    let base = base.map(|night| night.state(target));
    let plan = TargetPlan { target: target.clone(), tag_ids: tag_ids(), base };
    let crm = CrmPlan { run_id: run.to_owned(), targets: vec![plan], identities };
    let memory = Memory::default();
    let members: Vec<&str> = people.keys().map(String::as_str).collect();
    let shop = Shop::new(people, 3);
    let mut writer = TargetWriter::new(&memory, &crm.targets[0], &crm, &members, Compression::Zstd).unwrap();
    let renderer = writer.renderer();
    for block in 0..shop.blocks() {
        shop.with_block(block, &mut |block| writer.append(&renderer.render(shop.words(), block)?)).unwrap();
    }
    let (_, report) = writer.finish(&shop).unwrap();
    let files = std::mem::take(&mut *memory.0.lock().unwrap());
    Night { files, report }
}

/// What a CRM holds: by key, its fields; a record without a value in any of them is none.
pub(crate) type Held = BTreeMap<Vec<String>, Vec<Option<String>>>;

impl Night {
    pub(crate) fn state(&self, target: &Target) -> AckedState {
        let bytes = self.files[&format!("{}/{STATE_FILE}", target.folder())].clone();
        AckedState::read(&self.report, target, bytes).unwrap()
    }

    /// Problems that the strict readers find.
    pub(crate) fn problems(&self) -> Vec<String> {
        let mut problems = Problems::default();
        validate_target(&self.report, &mut problems, |path| {
            self.files.get(path).cloned().ok_or_else(|| format!("no {path}"))
        })
        .unwrap();
        problems.list().iter().map(|p| format!("{}:{}: {}", p.file, p.line, p.what)).collect()
    }

    /// The rows of a role, as the target's reader sees them.
    pub(crate) fn rows(&self, role: Role) -> Vec<ReadRow> {
        let mut all = Vec::new();
        for file in self.report.of(role) {
            let mut problems = Problems::keeping_rows();
            let sheet = self.report.sheet(file).unwrap();
            dialects::of(&self.report.target).validate(&sheet, role, &self.files[&file.path], &mut problems);
            for mut row in problems.take_rows() {
                row.key.push(file.key.clone());
                all.push(row);
            }
        }
        all
    }

    /// What a CRM holds that imported the full snapshot afresh.
    pub(crate) fn snapshot(&self) -> Held {
        let mut held = Held::new();
        import(&self.report.target, &mut held, self.rows(Role::Full));
        held
    }

    /// Imports the delta into a CRM.
    pub(crate) fn import_delta(&self, held: &mut Held) {
        import(&self.report.target, held, self.rows(Role::Clear));
        import(&self.report.target, held, self.rows(Role::Delta));
    }
}

/// Imports rows as the vendor's import would.
pub(crate) fn import(target: &Target, held: &mut Held, rows: Vec<ReadRow>) {
    for row in rows {
        let none = vec![None; target.fields.len()];
        let record = held.remove(&row.key).unwrap_or_else(|| none.clone());
        let fields = match target.dialect.as_str() {
            _ if row.op == Some(Op::Removed) => none,
            "wecom" => {
                let set = |text: &Option<String>| -> BTreeSet<String> {
                    let ids = text.iter().flat_map(|t| t.split(' ')).filter(|id| !id.is_empty());
                    ids.map(str::to_owned).collect()
                };
                let mut tags = set(&record[0]);
                tags.extend(set(&row.fields[0]));
                set(&row.fields[1]).iter().for_each(|id| {
                    tags.remove(id);
                });
                vec![(!tags.is_empty()).then(|| tags.into_iter().collect::<Vec<_>>().join(" "))]
            }
            // import_data: all tags go, and of the new ones only those come that were not there.
            "tryton" => {
                let set = |text: &Option<String>| -> BTreeSet<String> {
                    text.iter().flat_map(|t| t.split(',')).map(str::to_owned).collect()
                };
                let left: BTreeSet<String> = set(&row.fields[0]).difference(&set(&record[0])).cloned().collect();
                vec![(!left.is_empty()).then(|| left.into_iter().collect::<Vec<_>>().join(","))]
            }
            // A list without tags is none.
            _ => row.fields.into_iter().map(|f| f.filter(|f| !matches!(f.as_str(), "[]" | "{}"))).collect(),
        };
        if fields.iter().any(Option::is_some) {
            held.insert(row.key, fields);
        }
    }
}
