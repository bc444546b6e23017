//! Everything a run writes into its staging folder.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use arrow::{
    array::{ArrayRef, Int64Array, RecordBatch, StringArray},
    datatypes::{DataType, Field, Schema},
};
use serde::Serialize;

use super::{
    FORMAT, Manifest, RunError,
    closing::{Closing, Lists},
    counted::{Counted, Tally},
    decide::Decided,
    fit::{Described, Scene},
    gates::Judged,
    inputs::TableDigest,
    manifest::{InputEntry, MemberCounts, OfferEntry, OutputEntry, SegmentEntry, cpu_features},
    scarce,
    summary::{OfferSummary, ReasonSummary, SegmentSummary},
};
use crate::{
    engine::EngineError,
    export::{
        LEDGER_PATH, RepeatPolicies, RunTables, WrittenFile, write_accessories, write_batches, write_csv, write_held,
        write_item_statistics, write_ledger, write_next_purchases, write_profiles, write_run,
    },
    features::FeatureDictionary,
    input::{QuarantinedRow, accounting::RowCounts},
    offers::{Decision, Holdout, Language, Reach, SentenceWriter, six_digits},
    store::{StagedFile, Staging},
};

/// Files that vary from run to run and are not in the manifest.
pub(super) const TIMINGS: &str = "timings.json";

/// Rows of a block of quarantined rows.
const BLOCK: usize = 65_536;

/// What identifies a run.
pub(super) struct Identity<'a> {
    pub(super) run_id: &'a str,
    pub(super) previous_run: Option<&'a str>,
    /// Digest and rows of the previous run's ledger.
    pub(super) ledger: Option<(&'a str, u64)>,
    pub(super) inputs: &'a [TableDigest],
    pub(super) rows: &'a BTreeMap<String, RowCounts>,
}

/// Writes every file of the run but the manifest.
pub(super) fn write(
    closing: &Closing<'_>,
    described: &Described,
    decided: &Decided,
    withdrawn: &HashSet<String>,
    staging: &Staging,
) -> Result<Vec<WrittenFile>, RunError> {
    let Closing { scene, members, catalogue, crm, .. } = *closing;
    let tables = RunTables {
        offsets: RunTables::offsets_of(members),
        members,
        withdrawn,
        generic_members: &scene.histories.opted_out,
        memberships: &described.memberships,
        segments: &described.model,
        lifecycle: &described.lifecycle,
        value_band: &described.value_band,
        tags: &described.tags,
        tag_entries: &described.tag_entries,
        features: &described.features,
        decisions: &decided.decisions,
        generic_list: &decided.generic,
        catalogue,
        holdout: Holdout::new(&catalogue.decision),
        items: scene.items,
        attributes: scene.members,
        sentences: SentenceWriter::new(catalogue, scene.items, scene.job.labels()),
    };
    // Small files, each made by one thread: they fill what the large ones leave idle.
    let (files, more) = rayon::join(
        || write_run(&tables, scene.job.output(), crm, staging),
        || write_small(closing, described, decided, withdrawn, staging),
    );
    let mut files = files?;
    files.extend(more?);
    Ok(files)
}

/// What a run writes beside segments, tags and offers.
fn write_small(
    closing: &Closing<'_>,
    described: &Described,
    decided: &Decided,
    withdrawn: &HashSet<String>,
    staging: &Staging,
) -> Result<Vec<WrittenFile>, RunError> {
    let Closing { scene, members, known, catalogue, quarantined, judged, .. } = *closing;
    let settings = scene.job.output();
    let mut files = Vec::new();
    let mut wrote = |path: &str, rows: u64| files.push(WrittenFile { path: path.to_owned(), rows });

    let path = "feature_dictionary.csv";
    let rows = described.features.dictionary().rows(Some(&described.scaling));
    let lines = rows.iter().map(|row| row.each_ref().map(String::as_str));
    wrote(path, write_csv(staging, path, &FeatureDictionary::HEADER, lines)?);
    let rows = write_profiles(staging, &described.profiles, scene.job.currency(), settings.compression)?;
    wrote("segment_profiles.parquet", rows);
    let rows = write_next_purchases(staging, members, &described.next_purchase, settings.compression)?;
    wrote("next_purchase.parquet", rows);
    let rows = write_held(staging, members, &described.model, &described.memberships, settings.compression)?;
    wrote("model/held.parquet", rows);
    let path = "quarantine.parquet";
    wrote(path, write_quarantine(quarantined, scene, staging)?);
    let path = "model/item_statistics.parquet";
    let statistics = &known.knowledge.statistics;
    wrote(path, write_item_statistics(staging, scene.items, statistics, 0, &known.repeat, settings.compression)?);
    let source = if known.learned_fits { "learned" } else { "declared" };
    let rows = write_accessories(staging, scene.items, statistics, &known.attach, source, settings.compression)?;
    wrote("model/accessories.parquet", rows);
    let policies = RepeatPolicies::new(&known.repeat, scene.job.recommend().never_repeat_below, statistics);
    json(staging, "model/repeat_policies.json", &policies)?;
    json(staging, "model/segments.json", &described.model)?;
    json(staging, "model/segment_ids.json", &described.ids)?;
    if let Some(choice) = &described.k_choice {
        json(staging, "model/k_choice.json", choice)?;
    }
    json(staging, "model/distributions.json", &described.distributions)?;
    if let Some(drift) = &described.drift {
        json(staging, "model/drift.json", drift)?;
    }
    json(staging, "model/profiles.json", &described.profiles)?;
    json(staging, "model/scaling.json", &described.scaling)?;
    json(staging, "model/thresholds.json", &described.thresholds)?;
    json(staging, "model/vocabulary.json", &described.vocabulary)?;
    json(staging, "model/score.json", &known.tuned)?;
    if let Some(acceptance) = &decided.acceptance {
        json(staging, "model/acceptance.json", acceptance)?;
    }
    judged.write(staging)?;
    files.extend(decided.uplift.write(scene, members, withdrawn, staging)?);
    if let Some(ledger) = &decided.ledger {
        let rows = write_ledger(staging, ledger, catalogue, scene.items, settings.compression)?;
        files.push(WrittenFile { path: LEDGER_PATH.to_owned(), rows });
    }
    Ok(files)
}

/// Writes a value as indented JSON.
pub(super) fn json<T: Serialize>(staging: &Staging, file: &'static str, value: &T) -> Result<(), RunError> {
    let mut bytes = serde_json::to_vec_pretty(value).map_err(|source| RunError::Json { file, source })?;
    bytes.push(b'\n');
    Ok(staging.write(file, &bytes)?)
}

fn write_quarantine(rows: &[QuarantinedRow], scene: &Scene<'_>, staging: &Staging) -> Result<u64, RunError> {
    let text = |name: &str, nullable| Field::new(name, DataType::Utf8, nullable);
    let fields = vec![
        text("table", false),
        text("file", false),
        Field::new("row", DataType::Int64, false),
        text("reason", false),
        text("detail", true),
        text("values", false),
    ];
    let schema = Arc::new(Schema::new(fields));
    let batch = |rows: &[QuarantinedRow]| {
        let texts = |get: &dyn Fn(&QuarantinedRow) -> Option<String>| -> ArrayRef {
            Arc::new(rows.iter().map(get).collect::<StringArray>())
        };
        let columns = vec![
            texts(&|r| Some(r.table.to_owned())),
            texts(&|r| Some(r.file.clone())),
            Arc::new(rows.iter().map(|r| r.row as i64).collect::<Int64Array>()),
            texts(&|r| Some(r.reason.to_owned())),
            texts(&|r| (!r.detail.is_empty()).then(|| r.detail.clone())),
            texts(&|r| {
                let values: serde_json::Map<String, serde_json::Value> =
                    r.values.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
                Some(serde_json::Value::Object(values).to_string())
            }),
        ];
        RecordBatch::try_new(Arc::clone(&schema), columns).map_err(|e| EngineError::arrow("gathered quarantine", e))
    };
    let batches = rows.chunks(BLOCK).map(batch).collect::<Result<Vec<_>, _>>()?;
    let written = write_batches(staging, "quarantine.parquet", &schema, scene.job.output().compression, batches);
    Ok(written?)
}

/// The manifest of the files that were staged.
pub(super) fn manifest(
    closing: &Closing<'_>,
    described: &Described,
    decided: &Decided,
    counted: &Counted,
    written: &[WrittenFile],
    staged: &[StagedFile],
) -> Manifest {
    let Closing { scene, identity, catalogue, .. } = *closing;
    let left = match &decided.ledger {
        Some(ledger) => scarce::left(catalogue, ledger),
        None => vec![None; catalogue.offers.len()],
    };
    let histories = scene.histories;
    let in_fit = described.features.members() as u64;
    Manifest {
        format: FORMAT,
        run_id: identity.run_id.to_owned(),
        job: scene.job.name().to_owned(),
        as_of: histories.dimensions.as_of,
        previous_run: identity.previous_run.map(str::to_owned),
        job_sha256: scene.job.sha256(),
        inputs: identity
            .inputs
            .iter()
            .map(|t| InputEntry { table: t.table.to_owned(), files: t.files, rows: t.rows, sha256: t.sha256.clone() })
            .chain(identity.ledger.map(|(sha256, rows)| InputEntry {
                table: "ledger".to_owned(),
                files: 1,
                rows,
                sha256: sha256.to_owned(),
            }))
            .collect(),
        rows: identity.rows.clone(),
        members: MemberCounts {
            seen: histories.members_seen,
            in_fit,
            opted_out: histories.opted_out.len() as u64,
            excluded: histories.excluded.iter().map(|(why, n)| ((*why).to_owned(), *n)).collect(),
        },
        segments: described
            .model
            .segments
            .iter()
            .map(|s| SegmentEntry {
                id: s.id,
                code: s.code.clone(),
                name_zh: s.name_zh.clone(),
                name_en: s.name_en.clone(),
                members: s.members,
            })
            .collect(),
        offers: catalogue
            .offers
            .iter()
            .zip(decided.reach.iter().zip(&counted.tallies).zip(left))
            .map(|(offer, ((reach, tally), cap_left))| OfferEntry {
                offer_id: offer.offer.id.clone(),
                eligible: reach.eligible,
                chosen: tally.slots(),
                cap_left,
            })
            .collect(),
        kpis: kpis(described, decided, counted, closing.judged, in_fit),
        gates: closing.judged.results.clone(),
        outputs: entries(written, staged),
        cpu: cpu_features(),
        redactions: Vec::new(),
    }
}

/// The files that were staged, as the manifest lists them.
pub(super) fn entries(written: &[WrittenFile], staged: &[StagedFile]) -> Vec<OutputEntry> {
    let counts: HashMap<&str, u64> = written.iter().map(|f| (f.path.as_str(), f.rows)).collect();
    staged
        .iter()
        .filter(|f| f.path != TIMINGS)
        .map(|f| OutputEntry {
            path: f.path.clone(),
            rows: counts.get(f.path.as_str()).copied(),
            bytes: f.bytes,
            sha256: f.sha256.clone(),
        })
        .collect()
}

fn kpis(
    described: &Described,
    decided: &Decided,
    counted: &Counted,
    judged: &Judged,
    members: u64,
) -> BTreeMap<String, f64> {
    let share = |count: u64| if members == 0 { 0.0 } else { count as f64 / members as f64 };
    let slots = counted.tallies.iter().map(Tally::slots).sum();
    let all = &described.profiles.all;
    let mut kpis = BTreeMap::from([
        ("members_with_a_list".to_owned(), share(counted.with_list)),
        ("slots_per_member".to_owned(), share(slots)),
        ("fallback_share".to_owned(), judged.fallback),
    ]);
    if let Some(late) = &judged.late {
        kpis.insert("late_lines".to_owned(), late.came() as f64);
        kpis.insert("vanished_lines".to_owned(), late.gone() as f64);
    }
    kpis.extend(counted.fallbacks.iter().cloned());
    let rates = [
        ("repeat_purchase_rate", all.repeat_purchase_rate),
        ("reactivation_rate", all.reactivation_rate),
        ("cross_channel_share", all.cross_channel_share),
    ];
    if let Some(drift) = &described.drift {
        kpis.insert("members_moved_share".to_owned(), drift.moved_share);
        kpis.insert("adjusted_rand_with_previous".to_owned(), drift.adjusted_rand);
        let most = |values: &mut dyn Iterator<Item = f64>| values.fold(0.0, f64::max);
        kpis.insert("largest_centroid_shift".to_owned(), most(&mut drift.centroids.iter().map(|c| c.shift)));
        kpis.insert("largest_feature_psi".to_owned(), most(&mut drift.psi.iter().map(|p| p.psi)));
    }
    kpis.extend(rates.into_iter().filter_map(|(name, rate)| Some((name.to_owned(), rate?))));
    decided.uplift.kpis(&mut kpis);
    if let Some(allocation) = &decided.allocation {
        kpis.insert("allocation_gap".to_owned(), six_digits(allocation.gap()));
    }
    kpis
}

/// Segments for people, by falling size.
pub(super) fn segment_summaries(described: &Described) -> Vec<SegmentSummary> {
    let members = described.features.members().max(1) as f64;
    let mut all: Vec<SegmentSummary> = described
        .model
        .segments
        .iter()
        .map(|s| SegmentSummary {
            code: s.code.clone(),
            name_zh: s.name_zh.clone(),
            name_en: s.name_en.clone(),
            members: s.members,
            share: s.members as f64 / members,
        })
        .collect();
    all.sort_by(|a, b| b.members.cmp(&a.members).then_with(|| a.code.cmp(&b.code)));
    all
}

/// The lists of all members, for people: what each offer came to, how many members have a list, and how many of those
/// are held out. Offers come by falling number of slots, each with the best sentence of each of its reasons.
pub(super) fn offer_summaries(
    closing: &Closing<'_>,
    described: &Described,
    decided: &Decided,
    counted: Counted,
    manifest: &Manifest,
) -> Lists {
    let Closing { scene, catalogue, .. } = *closing;
    let Counted { tallies, with_list, held_out, .. } = counted;
    let segments = &described.model.segments;
    let writer = SentenceWriter::new(catalogue, scene.items, scene.job.labels());
    let sentence = |decision: Decision, language| {
        let mut text = String::new();
        writer.push(&decision.unpack(catalogue.as_of), language, &mut text);
        text
    };
    let mut all: Vec<OfferSummary> = Vec::with_capacity(tallies.len());
    let entries = catalogue.offers.iter().zip(&manifest.offers).zip(&decided.reach);
    for (((offer, entry), reach), tally) in entries.zip(tallies) {
        let reasons = offer.offer.kind.reasons().iter().zip(tally.by_reason);
        let mut reasons: Vec<ReasonSummary> = reasons
            .filter_map(|(reason, (slots, best))| {
                let example = best.map(|b| (sentence(b, Language::Zh), sentence(b, Language::En)))?;
                Some(ReasonSummary { code: reason.code, slots, example })
            })
            .collect();
        reasons.sort_by_key(|r| std::cmp::Reverse(r.slots));
        let mut by_segment: Vec<(String, u64)> =
            segments.iter().zip(tally.by_segment).map(|(s, n)| (s.code.clone(), n)).filter(|(_, n)| *n > 0).collect();
        by_segment.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        all.push(OfferSummary {
            offer_id: entry.offer_id.clone(),
            kind: offer.offer.kind.code().to_owned(),
            name_zh: offer.offer.name_zh.clone(),
            name_en: offer.offer.name_en.clone(),
            reach: Reach { after_caps: tally.members, ..*reach },
            chosen: entry.chosen,
            members: tally.members,
            segments: by_segment,
            reasons,
        });
    }
    all.sort_by(|a, b| b.chosen.cmp(&a.chosen).then_with(|| a.offer_id.cmp(&b.offer_id)));
    Lists { offers: all, with_list, held_out }
}
