//! Figures of two manifests side by side.

use std::collections::BTreeMap;

use super::FigureChange;
use crate::run::Manifest;

/// The figures of a manifest by path.
fn figures(manifest: &Manifest) -> BTreeMap<String, f64> {
    let mut all = BTreeMap::new();
    let mut add = |path: String, value: u64| {
        all.insert(path, value as f64);
    };
    for (table, rows) in &manifest.rows {
        add(format!("rows.{table}.read"), rows.read);
        add(format!("rows.{table}.kept"), rows.kept);
        for (what, reasons) in [("dropped", &rows.dropped), ("quarantined", &rows.quarantined)] {
            for (reason, count) in reasons {
                add(format!("rows.{table}.{what}.{reason}"), *count);
            }
        }
    }
    let members = &manifest.members;
    add("members.seen".to_owned(), members.seen);
    add("members.in_fit".to_owned(), members.in_fit);
    add("members.opted_out".to_owned(), members.opted_out);
    for (reason, count) in &members.excluded {
        add(format!("members.excluded.{reason}"), *count);
    }
    all.extend(manifest.kpis.iter().map(|(name, value)| (format!("kpis.{name}"), *value)));
    all
}

/// The figures that differ, by path.
pub(super) fn compare(before: &Manifest, after: &Manifest) -> Vec<FigureChange> {
    let (before, after) = (figures(before), figures(after));
    let mut paths: Vec<&String> = before.keys().chain(after.keys()).collect();
    paths.sort_unstable();
    paths.dedup();
    let get = |figures: &BTreeMap<String, f64>, path: &str| figures.get(path).copied();
    paths
        .into_iter()
        .map(|path| FigureChange { figure: path.clone(), before: get(&before, path), after: get(&after, path) })
        .filter(|c| c.before != c.after)
        .collect()
}
