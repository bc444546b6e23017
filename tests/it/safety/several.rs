//! Several processes in one output place.

use super::{TinyShop, said};

#[test]
fn one_run_at_a_time() {
    let shop = TinyShop::new();
    assert!(shop.night("2026-06-01").0.success());
    let mut refused = 0;
    for day in 2..8 {
        let before = shop.look();
        let today = format!("2026-06-{day:02}");
        let run = ["run", "JOB", "--quiet", "--as-of", &today];
        let children: Vec<_> = (0..4).map(|_| shop.spawn(&run)).collect();
        let ids: Vec<String> = children.iter().map(|c| format!("process {}", c.id())).collect();
        let mut published = 0;
        for child in children {
            let (status, text) = said(child);
            match status.code() {
                Some(0) => published += 1,
                Some(75) => {
                    refused += 1;
                    assert!(text.contains("another run holds") && text.contains(".lock"), "{text}");
                    let named = ids.iter().any(|id| text.contains(id)) && text.contains("job tiny, as of 2026-06-");
                    assert!(named || text.contains("it has just begun"), "{text}");
                }
                other => panic!("{other:?} {text}"),
            }
        }
        assert!(published >= 1);
        let now = shop.look();
        now.assert_keeps(&before, &today);
        assert_eq!(now.runs.len(), before.runs.len() + 1, "the same night is one run, however often");
        assert!(now.current.unwrap().starts_with(&format!("dt={today}/")));
    }
    assert!(refused > 0, "no two of them met");
    shop.assert_clean("after all");
}

#[test]
fn a_run_and_a_rollback_during_a_backfill() {
    let shop = TinyShop::new();
    for day in ["2026-05-01", "2026-05-02"] {
        assert!(shop.night(day).0.success());
    }
    let mut before = shop.look();
    for round in 0..4 {
        let from = format!("2026-05-{:02}", 3 + 4 * round);
        let to = format!("2026-05-{:02}", 6 + 4 * round);
        let backfill = shop.spawn(&["run", "JOB", "--quiet", "--from", &from, "--to", &to]);
        let others = [
            shop.spawn(&["run", "JOB", "--quiet", "--as-of", "2026-06-01"]),
            shop.spawn(&["rollback", "JOB", "--to", "2026-05-01"]),
            shop.spawn(&["ack", "2026-05-01", "--target", "generic", "--out", "OUT"]),
        ];
        for child in others.into_iter().chain([backfill]) {
            let (status, text) = said(child);
            assert!(matches!(status.code(), Some(0 | 75)), "{status} {text}");
            let now = shop.look();
            now.assert_keeps(&before, &from);
            before = now;
        }
    }
    // Whatever was refused can be had now.
    let (status, text) = shop.say(&["run", "JOB", "--quiet", "--from", "2026-05-03", "--to", "2026-05-18"]);
    assert!(status.success(), "{text}");
    let days: std::collections::BTreeSet<String> = shop.look().runs.keys().map(|run| run[3..13].to_owned()).collect();
    assert!(days.len() >= 18, "{days:?}");
    shop.assert_clean("after all");
}
