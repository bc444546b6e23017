//! What is wrong with a job and its inputs, without reading rows or writing anything.

use super::{
    RunError, RunOptions,
    opened::{open, open_but},
};
use crate::{
    base::Findings,
    job::{Loaded, Mended, Report},
};

/// Checks the job's inputs and its expressions over them; gives every finding.
///
/// # Errors
/// If the engine cannot be started.
pub fn check(loaded: &Loaded, options: &RunOptions) -> Result<Report, RunError> {
    let mut findings = Findings::new();
    open(&loaded.job, options, &mut findings)?;
    Ok(loaded.text.report(findings))
}

/// Checks what can be judged of a wrong job's inputs and expressions; gives every finding, those of the job file too, and
/// none that only follows from another.
///
/// # Errors
/// If the engine cannot be started.
pub fn check_mended(mended: &Mended, options: &RunOptions) -> Result<Report, RunError> {
    let mut findings = mended.findings.clone();
    open_but(&mended.job, &mended.doubts, options, &mut findings)?;
    Ok(mended.text.report(findings))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{
        base::Severity,
        job::{JobError, load_text},
    };

    const LINES: &str = "[inputs.transactions]\npath = '../fixtures/shop/transactions'\n";
    const ITEMS: &str = "[inputs.items]\npath = '../fixtures/shop/items.parquet'\n";

    /// The errors said of a job of these parts, as code and place; what is said of each file counts once.
    fn said(parts: &[&str], overrides: &[&str]) -> Vec<String> {
        let text = format!("version = 1\nname = 'test'\n{}\n[consent]\nlawful_basis = 'contract'\n", parts.join("\n"));
        let overrides: Vec<String> = overrides.iter().map(|o| (*o).to_owned()).collect();
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("jobs/test.toml");
        let report = match load_text(&file, &text, &overrides) {
            Err(JobError::Wrong { mended: Some(mended), .. }) => check_mended(&mended, &RunOptions::default()),
            Ok(loaded) => check(&loaded, &RunOptions::default()),
            Err(other) => panic!("{other}"),
        };
        let report = report.unwrap();
        let errors = report.findings().filter(|f| f.severity == Severity::Error);
        let mut lines: Vec<String> = errors.map(|f| format!("{} {}", f.code, f.at)).collect();
        lines.dedup();
        lines
    }

    #[test]
    fn the_job_its_inputs_and_its_rules_at_once() {
        let lines = format!("{LINES}columns = {{ amount = 'amuont' }}\n");
        let offers = "[[offers]]\nid = 'a'\nkind = 'nonsense'\n[[offers]]\nid = 'b'\nkind = 'next_item'\n\
                      eligible = 'recensy_days > 3'\n";
        let items = "[inputs.items]\npath = 'nowhere.parquet'\n";
        assert_eq!(
            said(&["colour = 'red'", &lines, items, offers], &[]),
            [
                "job::unknown_key colour",
                "input::missing_column inputs.transactions.columns.amount",
                "input::not_found inputs.items.path",
                "offers::unknown_kind offers[0].kind",
                "offers::bad_rule offers[1].eligible",
            ]
        );
    }

    #[test]
    fn without_lines_the_rules_are_checked_all_the_same() {
        let lines = "[inputs.transactions]\npath = 'nowhere.parquet'\n[cleaning]\nnot_merchandise = 'item_id ='\n";
        let rest = "[[segments.rules]]\ncode = 'mine'\nzh = '甲'\nen = 'mine'\nwhen = 'ordres > 3'\n\
                    [[features.sql]]\nname = 'spent'\nexpr = 'sum(amuont)'\n";
        assert_eq!(
            said(&[lines, rest], &[]),
            [
                "input::not_found inputs.transactions.path",
                "cleaning::bad_expression cleaning.not_merchandise",
                "segments::bad_condition segments.rules[0].when",
                "sql::unknown_column features.sql[0].expr",
            ]
        );
    }

    #[test]
    fn a_table_whose_place_is_wrong_is_not_opened_and_nothing_is_said_of_what_it_lacks() {
        let offers = "[[offers]]\nid = 'a'\nkind = 'premium_upgrade'\n";
        let uses = "[[segments.features]]\nname = 'share_category_*'\n";
        let items = "[inputs.items]\npth = 'x'\n";
        assert_eq!(
            said(&[LINES, items, offers, uses], &[]),
            ["job::missing_key inputs.items.path", "job::unknown_key inputs.items.pth"]
        );
        // What the job makes of its columns can be wrong whatever they are.
        let items =
            "[inputs.items]\npth = 'x'\nfilter = 'price >'\ncolumns = { brand = { expr = 'lower(b' }, name = 'x' }\n";
        assert_eq!(
            said(&[LINES, items, uses], &[]),
            [
                "job::missing_key inputs.items.path",
                "job::unknown_key inputs.items.pth",
                "input::bad_expression inputs.items.filter",
                "input::bad_expression inputs.items.columns.brand",
            ]
        );
        // A table that may be the one meant by a name that is not known is not missed either.
        assert_eq!(said(&[LINES, "[inputs.itms]\npath = 'x'\n", uses], &[]), ["job::unknown_key inputs.itms"]);
        assert_eq!(said(&[LINES, "[inputs.items]\npath = ''\n", uses], &[]), ["input::empty_path inputs.items.path"]);
        // Nor is a store asked whose address is wrong.
        let store = "[inputs.object_store]\nendpoint = 'localhost'\n";
        let items = "[inputs.items]\npath = 's3://shop/items.parquet'\n";
        assert_eq!(said(&[LINES, items, store], &[]), ["input::bad_endpoint inputs.object_store.endpoint"]);
    }

    #[test]
    fn of_a_table_with_a_wrong_mapping_what_is_mapped_is_judged_and_what_is_missing_is_not() {
        let lines = "[inputs.transactions]\npath = '../fixtures/shop/items.parquet'\n\
                     columns = { menber_id = 'brand', ts = 'name', store = 'stoer' }\n";
        assert_eq!(
            said(&[lines], &[]),
            [
                "input::unknown_column inputs.transactions.columns.menber_id",
                "input::wrong_type inputs.transactions.columns.ts",
                "input::missing_column inputs.transactions.columns.store",
            ]
        );
    }

    #[test]
    fn a_rule_may_name_what_is_defined_wrongly() {
        let offers = "[[offers]]\nid = 'a'\nkind = 'next_item'\neligible = 'spent > 3'\n";
        let other = "[[offers]]\nid = 'b'\nkind = 'next_item'\neligible = 'spent >'\n";
        let with_expr = "[[features.sql]]\nname = 'spent'\nexpr = 5\n";
        assert_eq!(said(&[LINES, offers, with_expr], &[]), ["job::wrong_type features.sql[0].expr"]);
        let without_name = "[[features.sql]]\nnaem = 'spent'\nexpr = 'sum(amount)'\n";
        assert_eq!(
            said(&[LINES, offers, other, without_name], &[]),
            [
                "offers::bad_rule offers[1].eligible",
                "job::missing_key features.sql[0].name",
                "job::unknown_key features.sql[0].naem"
            ]
        );
        let misspelt = "[[featurs.sql]]\nname = 'spent'\nexpr = 'sum(amount)'\n";
        assert_eq!(said(&[LINES, offers, misspelt], &[]), ["job::unknown_key featurs"]);
    }

    #[test]
    fn an_override_that_cannot_be_set_hides_nothing_else() {
        let offers = "[[offers]]\nid = 'a'\nkind = 'next_item'\neligible = 'ordres > 3'\n";
        assert_eq!(
            said(&[LINES, ITEMS, offers], &["offers[z].priority=2"]),
            ["job::bad_override --set offers[z].priority=2", "offers::bad_rule offers[0].eligible"]
        );
    }
}
