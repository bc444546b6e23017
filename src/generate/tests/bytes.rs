//! The same spec gives the same bytes; a folder is only replaced if it is a shop.

use std::path::Path;

use super::read::files_of;
use crate::{
    base::{digest::sha256_hex, progress::Silent},
    generate::{GenerateError, ShopSpec, ShopSummary, generate, recipe_of},
};

fn digests(folder: &Path) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for path in files_of(folder) {
        if path.is_dir() {
            all.extend(digests(&path));
        } else {
            let name = path.display().to_string();
            let short = name.rsplit('/').take(2).collect::<Vec<_>>().join("<");
            all.push((short, sha256_hex(&std::fs::read(&path).unwrap())));
        }
    }
    all
}

fn by_threads(spec: &ShopSpec, threads: usize) -> (Vec<(String, String)>, ShopSummary) {
    let dir = tempfile::tempdir().unwrap();
    let shop = dir.path().join("shop");
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let summary = pool.install(|| generate(spec, &shop, &Silent)).unwrap();
    (digests(&shop), summary)
}

#[test]
fn the_same_bytes_for_any_number_of_threads() {
    let spec = ShopSpec::new(3_000, 60_000, 5);
    let one = by_threads(&spec, 1);
    assert!(one.0.len() > 20);
    assert_eq!(one, by_threads(&spec, 2));
    assert_eq!(one, by_threads(&spec, 4));
    assert_ne!(one.0, by_threads(&ShopSpec { seed: 6, ..spec }, 2).0);
}

#[test]
fn the_same_bytes_over_several_blocks() {
    // More members than a block holds, so that files get more than one row group.
    let spec = ShopSpec { items: 300, ..ShopSpec::new(264_000, 300_000, 5) };
    let (bytes, summary) = by_threads(&spec, 1);
    assert_eq!(summary.rows.rows, 300_000);
    assert_eq!(summary.members.members, 264_000);
    assert_eq!((bytes, summary), by_threads(&spec, 3));
}

#[test]
fn shops_of_odd_sizes() {
    for spec in [
        ShopSpec::new(1, 1, 1),
        ShopSpec::new(1, 900, 2),
        ShopSpec::new(50, 0, 3),
        ShopSpec { days: 90, ..ShopSpec::new(200, 4_000, 4) },
        ShopSpec { dirt: 5.0, ..ShopSpec::new(200, 4_000, 5) },
        ShopSpec {
            days: 3_650,
            last_day: crate::base::Day::parse("2024-02-29").unwrap(),
            ..ShopSpec::new(30, 9_000, 6)
        },
    ] {
        let (_, summary) = by_threads(&spec, 2);
        assert_eq!(summary.members.members, spec.members);
        // A lone member may be one of those who never bought.
        assert!(summary.rows.rows == spec.lines || spec.members == 1, "{spec:?}");
    }
}

#[test]
fn no_dirt_at_scale_zero() {
    let (_, summary) = by_threads(&ShopSpec { dirt: 0.0, ..ShopSpec::new(300, 9_000, 5) }, 2);
    assert_eq!(summary.rows.purchase, 9_000);
}

#[test]
fn a_shop_is_replaced_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let spec = ShopSpec::new(40, 800, 1);
    std::fs::write(dir.path().join("letter.txt"), "keep me").unwrap();
    assert!(matches!(generate(&spec, dir.path(), &Silent), Err(GenerateError::NotAShop { .. })));
    assert_eq!(std::fs::read_to_string(dir.path().join("letter.txt")).unwrap(), "keep me");

    let shop = dir.path().join("shop");
    assert_eq!(recipe_of(&shop).unwrap(), None);
    generate(&ShopSpec { days: 400, ..spec.clone() }, &shop, &Silent).unwrap();
    generate(&spec, &shop, &Silent).unwrap();
    assert_eq!(recipe_of(&shop).unwrap(), Some(spec.clone()));
    let fresh = dir.path().join("fresh");
    generate(&spec, &fresh, &Silent).unwrap();
    let names = |digests: Vec<(String, String)>| digests.into_iter().map(|d| d.1).collect::<Vec<_>>();
    assert_eq!(names(digests(&shop)), names(digests(&fresh)), "nothing of the old shop is left");

    // Broken off half-way: the folder has no recipe, only what was begun.
    let broken = dir.path().join("broken");
    std::fs::create_dir_all(broken.join(".partial/transactions")).unwrap();
    generate(&spec, &broken, &Silent).unwrap();
    assert!(!broken.join(".partial").exists());
}

#[test]
fn the_fixture_is_what_its_recipe_gives() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/shop");
    let spec = recipe_of(&fixture).unwrap().expect("fixtures/shop holds a generated shop");
    let dir = tempfile::tempdir().unwrap();
    let shop = dir.path().join("shop");
    generate(&spec, &shop, &Silent).unwrap();
    assert_eq!(digests(&shop), digests(&fixture));
}
