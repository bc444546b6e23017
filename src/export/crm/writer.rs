//! Writes the files of a target, block by block.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    block::{Source, Words},
    columns::{Columns, with_ops},
    keys::{Identities, KeyBook},
    parts::Parts,
    render::{Context, Entry, HOLE, Rendered, preview, preview_header},
    report::{DeltaCounts, TARGET_FILE, TargetReport},
    state::{AckedState, STATE_FILE, StateWriter},
};
use crate::export::{
    ExportError, WrittenFile,
    cell::cut,
    csv::push_record,
    dialects::{self, Change, DeltaText, Op, Role, Sheet, TagIds},
    parquet_file::{GroupEncoder, ParquetFile},
    run::write_text,
    settings::Compression,
    sink::Sink,
    targets::{DeltaWhen, FieldType, Target, TextFormat},
};

/// A target of a run.
#[derive(Debug)]
pub struct TargetPlan {
    /// The target.
    pub target: Target,
    /// Ids of tags in it.
    pub tag_ids: TagIds,
    /// What it holds, if it ever acknowledged a run.
    pub base: Option<AckedState>,
}

/// The targets of a run.
#[derive(Debug, Default)]
pub struct CrmPlan {
    /// The run's id.
    pub run_id: String,
    /// The targets.
    pub targets: Vec<TargetPlan>,
    /// The identities table.
    pub identities: Identities,
}

/// Rows of a Parquet target.
struct ParquetRows {
    full: ParquetFile,
    full_path: String,
    encoder: GroupEncoder,
    delta: Option<(ParquetFile, GroupEncoder, String)>,
}

/// The text files of one kind of key.
struct TextRows<'s> {
    full: Parts<'s>,
    delta: Option<Parts<'s>>,
    clear: Option<Parts<'s>>,
}

/// Writes the files of one target.
pub struct TargetWriter<'s> {
    sink: &'s dyn Sink,
    plan: &'s TargetPlan,
    run_id: &'s str,
    identities: &'s Identities,
    keys: Arc<KeyBook>,
    text: Vec<TextRows<'s>>,
    parquet: Option<ParquetRows>,
    state: Option<StateWriter>,
    /// Rows of the base that were found again.
    seen: Vec<bool>,
    changed_form: bool,
    delta: Option<DeltaCounts>,
    key_count: u64,
    rows: u64,
    left_out: BTreeMap<String, u64>,
}

/// Renders blocks for a target.
#[derive(Debug)]
pub struct Renderer<'s> {
    plan: &'s TargetPlan,
    identities: &'s Identities,
    keys: Arc<KeyBook>,
}

impl Renderer<'_> {
    /// Renders a block.
    ///
    /// # Errors
    /// As [`super::render`].
    pub fn render(&self, words: &Words, block: &super::Block<'_>) -> Result<Rendered, ExportError> {
        super::render(&self.plan.target, &self.keys, self.identities, &self.plan.tag_ids, words, block)
    }
}

/// A key field as part of a file's name.
fn file_word(field: &str) -> String {
    field.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '_' | '-') { c } else { '_' }).collect()
}

impl<'s> TargetWriter<'s> {
    /// Starts the files of a target. `members` are all members of the run, in byte order.
    ///
    /// # Errors
    /// If a file cannot be made.
    pub fn new(
        sink: &'s dyn Sink,
        plan: &'s TargetPlan,
        crm: &'s CrmPlan,
        members: &[&str],
        compression: Compression,
    ) -> Result<Self, ExportError> {
        let target = &plan.target;
        let folder = target.folder();
        let dialect = dialects::of(target);
        let keys = Arc::new(KeyBook::new(target, members, &crm.identities));
        let with_delta = match target.delta {
            DeltaWhen::Never => false,
            DeltaWhen::Always => true,
            DeltaWhen::Acknowledged => plan.base.is_some(),
        };
        let mut text = Vec::new();
        let mut parquet = None;
        if target.format == TextFormat::Parquet {
            let create = |role: Role, name: &str| {
                let path = format!("{folder}/{name}.parquet");
                let schema = super::parquet_schema(target, role);
                ParquetFile::create(sink, &path, &schema, compression, &[], &[]).map(|(f, e)| (f, e, path))
            };
            let (full, encoder, full_path) = create(Role::Full, "full")?;
            let delta = with_delta.then(|| create(Role::Delta, "delta")).transpose()?;
            parquet = Some(ParquetRows { full, full_path, encoder, delta });
        } else {
            let extension = dialect.extension(target);
            for key in &target.keys {
                let sheet = Sheet { target, key, tag_ids: &plan.tag_ids };
                let infix = if target.keys.len() > 1 { format!(".{}", file_word(&key.field)) } else { String::new() };
                let parts = |name: &str, role: Role| {
                    let suffix = if role == Role::Clear { ".clear" } else { "" };
                    let stem = format!("{folder}/{name}{infix}{suffix}");
                    Parts::new(sink, stem, extension, dialect.header(&sheet, role), &target.limits, (role, &key.field))
                };
                let clears = target.dialect == "tryton" && !key.create_only;
                text.push(TextRows {
                    full: parts("full", Role::Full),
                    delta: with_delta.then(|| parts("delta", Role::Delta)),
                    clear: (with_delta && clears).then(|| parts("delta", Role::Clear)),
                });
            }
        }
        let state = match target.delta {
            DeltaWhen::Never => None,
            _ => Some(StateWriter::create(sink, format!("{folder}/{STATE_FILE}"), compression)?),
        };
        let left_out = keys.left_out.iter().map(|(why, n)| ((*why).to_owned(), *n)).collect();
        Ok(Self {
            sink,
            plan,
            run_id: &crm.run_id,
            identities: &crm.identities,
            keys,
            text,
            parquet,
            state,
            seen: vec![false; plan.base.as_ref().map_or(0, |b| b.rows().len())],
            changed_form: plan.base.as_ref().is_some_and(|b| b.form != target.form()),
            delta: with_delta.then(DeltaCounts::default),
            key_count: 0,
            rows: 0,
            left_out,
        })
    }

    /// What renders blocks for this target, on any thread.
    #[must_use]
    pub fn renderer(&self) -> Renderer<'s> {
        Renderer { plan: self.plan, identities: self.identities, keys: Arc::clone(&self.keys) }
    }

    /// Appends the rows of the next block.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn append(&mut self, rendered: &Rendered) -> Result<(), ExportError> {
        for (why, count) in &rendered.left_out {
            *self.left_out.entry((*why).to_owned()).or_default() += count;
        }
        for (out, rows) in self.text.iter_mut().zip(&rendered.kinds) {
            if !rows.text.is_empty() {
                out.full.rows(&rows.text, &rows.ends, rows.lines)?;
            }
        }
        self.rows += rendered.kinds.iter().map(|k| k.lines).sum::<u64>();
        if let (Some(parquet), Some(batch)) = (&mut self.parquet, &rendered.batch)
            && batch.num_rows() > 0
        {
            parquet.full.append(parquet.encoder.encode(batch)?)?;
        }
        self.key_count += rendered.entries.len() as u64;
        let mut picked: Vec<(u32, Op)> = Vec::new();
        let mut gone: Vec<(String, i32)> = Vec::new();
        for entry in &rendered.entries {
            let hashes = &rendered.kinds[entry.kind].hashes[entry.first..entry.first + entry.rows];
            if let Some(state) = &mut self.state {
                state.push(entry.kind, &entry.key, &entry.employee, hashes, entry.carry.as_deref())?;
            }
            if self.delta.is_some() {
                self.compare(entry, hashes, rendered, &mut picked, &mut gone)?;
            }
        }
        self.append_parquet_delta(rendered, &picked, &gone)
    }

    /// What became of the rows of a key.
    fn compare(
        &mut self,
        entry: &Entry,
        hashes: &[u64],
        rendered: &Rendered,
        picked: &mut Vec<(u32, Op)>,
        gone: &mut Vec<(String, i32)>,
    ) -> Result<(), ExportError> {
        let base = self.plan.base.as_ref();
        let mut found = base.and_then(|b| b.find(entry.kind, &entry.key, &entry.employee));
        if found.is_none()
            && let (Some(base), Some((kind, key))) = (base, &entry.made_as)
        {
            found = base.find(*kind, key, "");
        }
        if let Some(index) = found {
            self.seen[index] = true;
        }
        let old = found.and_then(|index| base.and_then(|b| b.rows().get(index)));
        let kind = &rendered.kinds[entry.kind];
        let mut counts = DeltaCounts::default();
        let decisions = self.plan.target.decisions();
        for (row, hash) in hashes.iter().enumerate() {
            let before = old.and_then(|o| o.hashes.get(row)).filter(|before| **before != HOLE);
            if *hash == HOLE {
                if before.is_some() {
                    counts.removed += 1;
                    self.take_away(entry.kind, (&entry.key, &entry.employee), row, gone)?;
                }
                continue;
            }
            let op = match before {
                None => Op::Added,
                Some(before) if before != hash || self.changed_form => Op::Changed,
                Some(_) => continue,
            };
            match op {
                Op::Added => counts.added += 1,
                _ => counts.changed += 1,
            }
            let at = entry.first + row;
            picked.push((u32::try_from(kind.batch_row(at)).unwrap_or(u32::MAX), op));
            if self.parquet.is_none() {
                let start = if at == 0 { 0 } else { kind.ends[at - 1] };
                let slot = decisions.then(|| i32::try_from(row + 1).unwrap_or(i32::MAX));
                self.change(
                    entry.kind,
                    &Change {
                        op,
                        key: &entry.key,
                        employee: &entry.employee,
                        slot,
                        line: &kind.text[start..kind.ends[at]],
                        old: old.and_then(|o| o.carry.as_deref()),
                        new: entry.carry.as_deref(),
                    },
                )?;
            }
        }
        for row in hashes.len()..old.map_or(0, |o| o.hashes.len()) {
            if old.is_some_and(|o| o.hashes[row] == HOLE) {
                continue;
            }
            counts.removed += 1;
            self.take_away(entry.kind, (&entry.key, &entry.employee), row, gone)?;
        }
        self.count(counts);
        Ok(())
    }

    /// Takes a row of a key away that the target has.
    fn take_away(
        &mut self,
        kind: usize,
        (key, employee): (&str, &str),
        row: usize,
        gone: &mut Vec<(String, i32)>,
    ) -> Result<(), ExportError> {
        let slot = i32::try_from(row + 1).unwrap_or(i32::MAX);
        if self.parquet.is_some() {
            gone.push((key.to_owned(), slot));
            return Ok(());
        }
        self.change(kind, &removal(key, employee, Some(slot), None))
    }

    fn count(&mut self, counts: DeltaCounts) {
        if let Some(delta) = &mut self.delta {
            delta.added += counts.added;
            delta.changed += counts.changed;
            delta.removed += counts.removed;
            delta.keys += u64::from(counts.added + counts.changed + counts.removed > 0);
        }
    }

    fn change(&mut self, kind: usize, change: &Change<'_>) -> Result<(), ExportError> {
        let target = &self.plan.target;
        let (Some(key), Some(out)) = (target.keys.get(kind), self.text.get_mut(kind)) else { return Ok(()) };
        let sheet = Sheet { target, key, tag_ids: &self.plan.tag_ids };
        let mut text = DeltaText::default();
        dialects::of(target).delta(&sheet, change, &mut text);
        if let (Some(clear), false) = (&mut out.clear, text.clear.is_empty()) {
            clear.row(&text.clear)?;
        }
        if let Some(delta) = &mut out.delta {
            if target.dialect == "wecom" {
                for call in text.delta.split_inclusive('\n') {
                    delta.row(call)?;
                }
            } else if !text.delta.is_empty() {
                delta.row(&text.delta)?;
            }
        }
        Ok(())
    }

    fn append_parquet_delta(
        &mut self,
        rendered: &Rendered,
        picked: &[(u32, Op)],
        gone: &[(String, i32)],
    ) -> Result<(), ExportError> {
        let target = &self.plan.target;
        let Some((file, encoder, path)) = self.parquet.as_mut().and_then(|p| p.delta.as_mut()) else { return Ok(()) };
        if let Some(batch) = rendered.batch.as_ref().filter(|_| !picked.is_empty()) {
            let rows = arrow::array::UInt32Array::from_iter_values(picked.iter().map(|(row, _)| *row));
            let taken = arrow::compute::take_record_batch(batch, &rows).map_err(ExportError::columns(path))?;
            let ops: Vec<Op> = picked.iter().map(|(_, op)| *op).collect();
            let batch = with_ops(target, &ops, &taken).map_err(ExportError::columns(path))?;
            file.append(encoder.encode(&batch)?)?;
        }
        if !gone.is_empty() {
            let mut columns = Columns::new(target);
            for (key, slot) in gone {
                columns.push(&dialects::removed(target, key, target.decisions().then_some(*slot), false));
            }
            let rows = columns.finish(target).map_err(ExportError::columns(path))?;
            let batch = with_ops(target, &vec![Op::Removed; gone.len()], &rows).map_err(ExportError::columns(path))?;
            file.append(encoder.encode(&batch)?)?;
        }
        Ok(())
    }

    /// What the target holds and the run has no more.
    fn remove_unseen(&mut self) -> Result<(), ExportError> {
        let (Some(base), true) = (self.plan.base.as_ref(), self.delta.is_some()) else { return Ok(()) };
        let mut gone = Vec::new();
        let seen = std::mem::take(&mut self.seen);
        for old in base.rows().iter().zip(seen).filter(|(_, seen)| !seen).map(|(old, _)| old) {
            if self.plan.target.keys.get(old.kind).is_none_or(|k| k.create_only) {
                continue;
            }
            let held = || (0..old.hashes.len()).filter(|row| old.hashes[*row] != HOLE);
            for row in held() {
                let slot = i32::try_from(row + 1).unwrap_or(i32::MAX);
                if self.parquet.is_some() {
                    gone.push((old.key.clone(), slot));
                } else {
                    let slot = self.plan.target.decisions().then_some(slot);
                    self.change(old.kind, &removal(&old.key, &old.employee, slot, old.carry.as_deref()))?;
                }
            }
            self.count(DeltaCounts { removed: held().count() as u64, ..DeltaCounts::default() });
        }
        let nothing = Rendered { kinds: Vec::new(), entries: Vec::new(), batch: None, left_out: BTreeMap::new() };
        self.append_parquet_delta(&nothing, &[], &gone)
    }

    /// Ends the files: what is gone, the state, the preview, the tag dictionary and `target.json`.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn finish(mut self, source: &dyn Source) -> Result<(Vec<WrittenFile>, TargetReport), ExportError> {
        self.remove_unseen()?;
        let (target, folder) = (&self.plan.target, self.plan.target.folder());
        let mut written = Vec::new();
        let mut wrote = |path: String, rows: u64| written.push(WrittenFile { path, rows });
        let mut files = Vec::new();
        let (mut clears, mut deltas) = (Vec::new(), Vec::new());
        for rows in std::mem::take(&mut self.text) {
            files.extend(rows.full.finish()?);
            for (parts, into) in [(rows.clear, &mut clears), (rows.delta, &mut deltas)] {
                into.extend(parts.map(Parts::finish).transpose()?.into_iter().flatten());
            }
        }
        files.extend(clears);
        files.extend(deltas);
        if let Some(parquet) = self.parquet.take() {
            let key = target.keys.first().map(|k| k.field.clone()).unwrap_or_default();
            let mut entry =
                |role, path: String, rows| files.push(super::FileEntry { path, role, key: key.clone(), rows });
            entry(Role::Full, parquet.full_path, parquet.full.close()?);
            if let Some((file, _, path)) = parquet.delta {
                entry(Role::Delta, path, file.close()?);
            }
        }
        files.iter().for_each(|f| wrote(f.path.clone(), f.rows));
        if let Some(state) = self.state.take() {
            let (path, rows) = state.close()?;
            wrote(path, rows);
        }
        let path = format!("{folder}/preview.csv");
        let rows = self.preview(source, &path)?;
        wrote(path, rows);
        let tagged = target.fields.iter().any(|f| f.from.kind() == FieldType::Tags);
        if tagged {
            let path = format!("{folder}/tag_dictionary.csv");
            let rows = self.dictionary(source.words(), &path)?;
            wrote(path, rows);
        }
        let report = TargetReport {
            format: 1,
            run_id: self.run_id.to_owned(),
            form: target.form(),
            base: self.plan.base.as_ref().map(|b| b.run_id.clone()),
            warnings: self.warnings(source.words(), &files),
            target: target.clone(),
            files,
            keys: self.key_count,
            rows: self.rows,
            left_out: self.left_out,
            delta: self.delta,
            tag_ids: self.plan.tag_ids.clone(),
        };
        let path = format!("{folder}/{TARGET_FILE}");
        let mut text = serde_json::to_string_pretty(&report).unwrap_or_default();
        text.push('\n');
        write_text(self.sink, &path, &text)?;
        Ok((written, report))
    }

    fn preview(&self, source: &dyn Source, path: &str) -> Result<u64, ExportError> {
        let target = &self.plan.target;
        let words = source.words();
        let context = Context { target, keys: &self.keys, identities: self.identities, words };
        let mut text = String::from('\u{feff}');
        preview_header(target, &mut text);
        let most = target.preview_rows as usize;
        let mut rows = 0;
        for block in 0..source.blocks() {
            if rows >= most {
                break;
            }
            source.with_block(block, &mut |block| {
                rows += preview(&context, block, most - rows, &mut text);
                Ok(())
            })?;
        }
        write_text(self.sink, path, &text)?;
        Ok(rows as u64)
    }

    /// The tags with their names and ids, cut to what the target takes.
    fn dictionary(&self, words: &Words, path: &str) -> Result<u64, ExportError> {
        let limits = &self.plan.target.limits;
        let mut text = String::new();
        push_record(&mut text, ["tag", "name_zh", "name_en", "group", "target_id"]);
        for tag in &words.tags {
            push_record(
                &mut text,
                [
                    tag.tag.as_str(),
                    cut(&tag.name_zh, limits.tag_name_chars, None),
                    cut(&tag.name_en, limits.tag_name_chars, None),
                    cut(&tag.source, limits.group_name_chars, None),
                    self.plan.tag_ids.get(&tag.tag).map_or("", String::as_str),
                ],
            );
        }
        write_text(self.sink, path, &text)?;
        Ok(words.tags.len() as u64)
    }

    fn warnings(&self, words: &Words, files: &[super::FileEntry]) -> Vec<String> {
        let target = &self.plan.target;
        let mut warnings = Vec::new();
        if target.dialect == "wecom" {
            let without = words.tags.iter().filter(|t| !self.plan.tag_ids.contains_key(&t.tag));
            let without: Vec<&str> = without.map(|t| t.tag.as_str()).collect();
            if !without.is_empty() {
                warnings.push(format!("tags without an id in the tag_ids table: {}", without.join(", ")));
            }
        }
        for role in [Role::Full, Role::Delta] {
            let rows: u64 = files.iter().filter(|f| f.role == role).map(|f| f.rows).sum();
            if target.limits.day_rows.is_some_and(|most| rows > most) {
                warnings.push(format!("{rows} rows are more than the target takes in a day"));
            }
        }
        if self.changed_form {
            warnings
                .push("the target's fields are not those of the acknowledged run: every row has changed".to_owned());
        }
        warnings
    }
}

fn removal<'a>(key: &'a str, employee: &'a str, slot: Option<i32>, old: Option<&'a str>) -> Change<'a> {
    Change { op: Op::Removed, key, employee, slot, line: "", old, new: None }
}
