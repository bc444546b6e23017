//! A first job file from a look at the data passes `check`, and runs.

use std::fs;

use super::support::{nextoffer, root};

fn first_job(arguments: &[&str]) -> (tempfile::TempDir, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("job");
    let said = nextoffer(&[&["init", place.to_str().unwrap()], arguments].concat());
    assert_eq!(said.code, 0, "{}", said.err);
    let job = place.join("job.toml").to_str().unwrap().to_owned();
    let text = fs::read_to_string(&job).unwrap();
    let said = nextoffer(&["check", &job]);
    assert_eq!(said.code, 0, "{}{}\n{text}", said.out, said.err);
    (folder, job, text)
}

#[test]
fn of_the_fixture_shop() {
    let (folder, job, _) =
        first_job(&["--from", "fixtures/shop/transactions", "--items", "fixtures/shop/items.parquet"]);
    let out = folder.path().join("out");
    let said = nextoffer(&["run", &job, "-q", "--out", out.to_str().unwrap()]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(out.join("current/offers.parquet").is_file());
    // What somebody has worked on is not written over.
    let place = folder.path().join("job");
    let again = nextoffer(&["init", place.to_str().unwrap(), "--from", "fixtures/shop/transactions"]);
    assert_eq!(again.code, 73, "{}", again.err);
}

#[test]
fn of_real_shops() {
    let data = root().join("../shared/data");
    if !data.is_dir() {
        println!("skipped: no shared/data beside the checkout");
        return;
    }
    let at = |file: &str| data.join(file).to_str().unwrap().to_owned();
    let (lines, items) = (at("online_retail/transactions.parquet"), at("online_retail/products.parquet"));
    let (_folder, _, text) = first_job(&["--from", &lines, "--items", &items]);
    for wanted in ["ts = \"ts\"", "unit_price = \"unit_price\"", "order_id_pattern = \"^C\"", "name = \"name\""] {
        assert!(text.contains(wanted), "{wanted}\n{text}");
    }
    let (lines, items) = (at("completejourney/transactions_sample.parquet"), at("completejourney/products.parquet"));
    let (_folder, _, text) = first_job(&["--from", &lines, "--items", &items]);
    for wanted in ["amount = \"sales_value\"", "store = \"store_id\"", "category = \"category\"", "brand = \"brand\""] {
        assert!(text.contains(wanted), "{wanted}\n{text}");
    }
}

#[test]
fn a_table_without_what_is_needed() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_str().unwrap();
    let said = nextoffer(&["init", place, "--from", "fixtures/shop/items.parquet"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.err.contains("transactions: member_id"), "{}", said.err);
    assert!(said.out.contains("MISSING: member_id"), "{}", said.out);
}
