//! A finished run, for people: rows, segments, offers, files.

use std::fmt::Write as _;

use super::terminal::{bar, count, display_width, pad, wrap};
use crate::{
    gates::GateStatus,
    input::accounting::RowCounts,
    run::{OfferSummary, RunSummary},
    segments::Drift,
};

/// Columns of the bars of the segments.
const BAR: usize = 20;
/// Columns of the text.
const WIDTH: usize = 100;
/// How much more often than on average a segment gets an offer, to be named with it.
const TELLING: f64 = 1.25;

/// Files of a run and what each is for; a path that ends in `/` stands for all below it.
const FILES: &[(&str, &str)] = &[
    ("report.html", "all of this on one page, for a browser"),
    ("offers.parquet", "each member's list: offer, reason, evidence, sentences"),
    ("segments.parquet", "each member's segment, lifecycle stage, value band, arm"),
    ("tags.parquet", "each member's tags, and since when each holds"),
    ("segment_profiles.parquet", "what the members of each segment are like, against all members"),
    ("next_purchase.parquet", "when members with a rhythm of their own are expected to buy next"),
    ("tag_dictionary.csv", "what each tag is called and the rule behind it"),
    ("feature_dictionary.csv", "what is measured of members: formula, unit, use"),
    ("features.parquet", "the measures themselves, a column each"),
    ("crm/generic/full.csv", "for a CRM: the lists, without the members held out"),
    ("crm/generic/members.csv", "for a CRM: segment and tags of each member"),
    ("crm/generic/preview.csv", "the first rows of full.csv, for a spreadsheet"),
    ("quarantine.parquet", "rows set aside: file, row, reason, values"),
    ("model/", "what was learned; the next run starts from it"),
];

/// The run as text. `place` is where its files are.
pub(super) fn describe(summary: &RunSummary, place: Option<&str>) -> String {
    let mut text = String::new();
    push_rows(summary, &mut text);
    push_segments(summary, &mut text);
    push_offers(summary, &mut text);
    push_gates(summary, &mut text);
    if let Some(place) = place {
        push_files(summary, place, &mut text);
    }
    push_stages(summary, &mut text);
    text
}

fn push_rows(summary: &RunSummary, out: &mut String) {
    let manifest = &summary.manifest;
    let _ = writeln!(out, "\nROWS of `{}` as of {}: read = kept + dropped + quarantined", manifest.job, manifest.as_of);
    let _ = writeln!(out, "  {:<16} {:>13} {:>13} {:>13} {:>13}", "", "read", "kept", "dropped", "quarantined");
    for (table, rows) in &manifest.rows {
        let sum = |reasons: &std::collections::BTreeMap<String, u64>| count(reasons.values().sum());
        let _ = writeln!(
            out,
            "  {table:<16} {:>13} {:>13} {:>13} {:>13}",
            count(rows.read),
            count(rows.kept),
            sum(&rows.dropped),
            sum(&rows.quarantined)
        );
        for line in lost(rows) {
            push_wrapped(&line, 6, out);
        }
    }
    let members = &manifest.members;
    let left_out: u64 = members.excluded.values().sum();
    let mut parts = vec![format!("{} in segments", count(members.in_fit))];
    if members.opted_out > 0 {
        parts.push(format!("{} opted out (they get one generic list)", count(members.opted_out)));
    }
    if left_out > 0 {
        let each: Vec<String> = members.excluded.iter().map(|(why, n)| format!("{why} {}", count(*n))).collect();
        parts.push(format!("{} left out ({})", count(left_out), each.join(", ")));
    }
    push_wrapped(&format!("members: {} with a kept line = {}", count(members.seen), parts.join(" + ")), 2, out);
}

fn lost(rows: &RowCounts) -> Vec<String> {
    let mut lines = Vec::new();
    for (what, reasons) in [("dropped", &rows.dropped), ("quarantined", &rows.quarantined)] {
        if !reasons.is_empty() {
            let each: Vec<String> = reasons.iter().map(|(why, n)| format!("{why} {}", count(*n))).collect();
            lines.push(format!("{what}: {}", each.join(", ")));
        }
    }
    if rows.unmatched_returns > 0 {
        lines.push(format!("kept, among them {} returns that match no purchase", count(rows.unmatched_returns)));
    }
    lines
}

fn push_segments(summary: &RunSummary, out: &mut String) {
    let widest = summary.segments.iter().map(|s| s.share).fold(0.0, f64::max);
    let zh = summary.segments.iter().map(|s| display_width(&s.name_zh)).max().unwrap_or(0);
    let _ = writeln!(out, "\nSEGMENTS of {} members", count(summary.manifest.members.in_fit));
    // Where the English names do not fit beside the Chinese ones, all of them go below.
    let start = 2 + 6 + 1 + BAR + 1 + 6 + 1 + 9 + 2;
    let fit = summary.segments.iter().all(|s| start + zh + 2 + display_width(&s.name_en) <= WIDTH);
    for s in &summary.segments {
        let drawn = if widest > 0.0 { bar(s.share / widest, BAR) } else { " ".repeat(BAR) };
        let _ = write!(out, "  {:<6} {drawn} {:>5.1}% {:>9}  ", s.code, s.share * 100.0, count(s.members));
        if fit {
            let _ = writeln!(out, "{}  {}", pad(&s.name_zh, zh), s.name_en);
        } else {
            let _ = writeln!(out, "{}", s.name_zh);
            for line in wrap(&s.name_en, WIDTH - start) {
                let _ = writeln!(out, "{:start$}{line}", "");
            }
        }
    }
    let stages: Vec<String> = summary.lifecycle.iter().map(|(stage, n)| format!("{stage} {}", count(*n))).collect();
    push_wrapped(&format!("lifecycle: {}", stages.join(", ")), 2, out);
    let tags: Vec<String> = summary.tags.iter().map(|(source, n)| format!("{source} {}", count(*n))).collect();
    push_wrapped(&format!("tags given, by source: {}", tags.join(", ")), 2, out);
    if let Some(drift) = &summary.drift {
        push_drift(drift, out);
    }
}

/// What has changed since the previous run.
fn push_drift(drift: &Drift, out: &mut String) {
    let percent = |part: u64, whole: u64| part as f64 * 100.0 / whole.max(1) as f64;
    push_wrapped(
        &format!(
            "since last run: {} of {} members moved ({:.2}%), {} held at a border, {} joined, {} left; adjusted Rand {:.4}",
            count(drift.moved),
            count(drift.both),
            percent(drift.moved, drift.both),
            count(drift.held),
            count(drift.joined),
            count(drift.left),
            drift.adjusted_rand
        ),
        2,
        out,
    );
    let codes = |ids: &[i32]| ids.iter().map(|id| format!("seg_{id:02}")).collect::<Vec<_>>().join(", ");
    let mut ids = vec![format!("ids: {} kept", drift.kept.len())];
    if !drift.created.is_empty() {
        ids.push(format!("created {}", codes(&drift.created)));
    }
    if !drift.retired.is_empty() {
        ids.push(format!("retired {}", codes(&drift.retired)));
    }
    let shift = drift.centroids.iter().max_by(|a, b| a.shift.total_cmp(&b.shift));
    ids.extend(shift.map(|c| format!("largest move of a centroid seg_{:02}, {:.3} of a radius", c.id, c.shift)));
    let psi = drift.psi.iter().max_by(|a, b| a.psi.total_cmp(&b.psi));
    ids.extend(psi.map(|p| format!("largest stability index {} {:.3}", p.feature, p.psi)));
    push_wrapped(&ids.join("; "), 2, out);
    // The biggest streams between segments.
    let mut streams: Vec<_> = drift.migration.iter().filter(|m| m.from != m.to && m.from != 0 && m.to != 0).collect();
    streams.sort_by_key(|m| (std::cmp::Reverse(m.members), m.from, m.to));
    if !streams.is_empty() {
        let each: Vec<String> = streams
            .iter()
            .take(5)
            .map(|m| format!("seg_{:02} → seg_{:02} {}", m.from, m.to, count(m.members)))
            .collect();
        let more = streams.len().saturating_sub(5);
        let more = if more > 0 { format!(" and {more} smaller streams") } else { String::new() };
        push_wrapped(&format!("moves: {}{more}", each.join(", ")), 2, out);
    }
    for renamed in &drift.renamed {
        push_wrapped(
            &format!(
                "renamed seg_{:02}: {} → {} ({} → {})",
                renamed.id, renamed.from_zh, renamed.to_zh, renamed.from_en, renamed.to_en
            ),
            2,
            out,
        );
    }
}

fn push_offers(summary: &RunSummary, out: &mut String) {
    let slots: u64 = summary.offers.iter().map(|o| o.chosen).sum();
    let mut title = format!("OFFERS: {} slots on the lists of {} members", count(slots), count(summary.with_list));
    if summary.held_out > 0 {
        let _ = write!(title, ", {} of them held out (measured, never exported)", count(summary.held_out));
    }
    out.push('\n');
    push_wrapped(&title, 0, out);
    for offer in &summary.offers {
        push_offer(offer, summary, out);
    }
}

fn push_offer(offer: &OfferSummary, summary: &RunSummary, out: &mut String) {
    let names = match (offer.name_zh.as_str(), offer.name_en.as_str()) {
        (zh, en) if zh == en => String::new(),
        (zh, en) => format!("  {zh} / {en}"),
    };
    let _ = writeln!(out, "  {} ({}){names}", offer.offer_id, offer.kind);
    let reach = &offer.reach;
    let steps = [
        ("eligible", reach.eligible, "its rule, window, cities or tiers admit nobody"),
        ("after consent", reach.consented, "nobody agreed to its channel"),
        ("after contact rules", reach.rested, "everybody was contacted with it lately"),
        ("with a reason", reach.with_reason.max(reach.wanted), "no member has a reason for it"),
        ("in the best lists", reach.wanted, "better offers fill all lists"),
        ("after caps", reach.after_caps, "its caps let nobody have it"),
    ];
    let steps_text: Vec<String> = steps.iter().map(|(step, n, _)| format!("{step} {}", count(*n))).collect();
    push_wrapped(&format!("{} → chosen {} slots", steps_text.join(" → "), count(offer.chosen)), 4, out);
    if offer.chosen == 0 {
        let why = steps.iter().find(|(_, n, _)| *n == 0).map_or("its caps let nobody have it", |(.., why)| why);
        let _ = writeln!(out, "    nobody gets it: {why}");
        return;
    }
    let mut who = format!("{} members, {} slots", count(offer.members), count(offer.chosen));
    let named: Vec<String> = offer
        .segments
        .iter()
        .filter_map(|(code, n)| {
            let segment = summary.segments.iter().find(|s| s.code == *code)?;
            let share = *n as f64 / offer.members as f64;
            (share >= TELLING * segment.share && share >= 0.1)
                .then(|| format!("{:.0}% in {code} {}", share * 100.0, segment.name_zh))
        })
        .take(3)
        .collect();
    if !named.is_empty() {
        let _ = write!(who, "; {}", named.join(", "));
    }
    push_wrapped(&who, 4, out);
    for reason in &offer.reasons {
        let share = match reason.slots as f64 * 100.0 / offer.chosen as f64 {
            percent if percent < 1.0 => "under 1%".to_owned(),
            percent => format!("{percent:.0}%"),
        };
        let _ = writeln!(out, "    reason {}, {share}:", reason.code);
        let (zh, en) = &reason.example;
        push_wrapped(zh, 6, out);
        push_wrapped(en, 6, out);
    }
}

fn push_gates(summary: &RunSummary, out: &mut String) {
    let gates = &summary.manifest.gates;
    let named = |wanted: GateStatus| gates.iter().filter(move |g| g.status == wanted);
    let mut title = format!("GATES: {} held", named(GateStatus::Passed).count());
    for (status, words) in [(GateStatus::Warned, "warned"), (GateStatus::Accepted, "let through by name")] {
        let count = named(status).count();
        if count > 0 {
            let _ = write!(title, ", {count} {words}");
        }
    }
    let _ = writeln!(out, "\n{title}");
    for gate in gates.iter().filter(|g| g.status != GateStatus::Passed) {
        push_wrapped(&gate.to_string(), 2, out);
    }
}

fn push_files(summary: &RunSummary, place: &str, out: &mut String) {
    let _ = writeln!(out, "\nFILES in {place}");
    let outputs = &summary.manifest.outputs;
    for (path, purpose) in FILES {
        let rows = match path.strip_suffix('/') {
            Some(_) if outputs.iter().any(|o| o.path.starts_with(path)) => String::new(),
            Some(_) => continue,
            None => match outputs.iter().find(|o| o.path == *path) {
                Some(file) => file.rows.map(count).unwrap_or_default(),
                None => continue,
            },
        };
        let _ = writeln!(out, "  {path:<24} {rows:>10}  {purpose}");
    }
    let _ = writeln!(out, "  {:<24} {:>10}  counts, inputs and checksums of all of this", "manifest.json", "");
}

fn push_stages(summary: &RunSummary, out: &mut String) {
    let peak = summary.stages.iter().filter_map(|s| s.peak_bytes).max();
    let parts: Vec<String> = summary.stages.iter().map(|s| format!("{} {:.1}", s.stage, s.wall_s)).collect();
    let memory = peak.map(|peak| format!(", at most {} MiB of memory", count(peak >> 20))).unwrap_or_default();
    out.push('\n');
    push_wrapped(&format!("{:.1} s{memory}; seconds by stage: {}", summary.seconds, parts.join(", ")), 0, out);
}

fn push_wrapped(text: &str, indent: usize, out: &mut String) {
    for (i, line) in wrap(text, WIDTH - indent - 2).iter().enumerate() {
        // What goes on hangs two further.
        let indent = indent + if i == 0 { 0 } else { 2 };
        let _ = writeln!(out, "{:indent$}{line}", "");
    }
}
