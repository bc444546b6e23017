//! Gates on nights made by hand.

use super::*;
use crate::{base::Day, base::Findings, base::findings::JobPath, segments::Drift};

fn night(day: i32, read: u64) -> Night {
    let blank = [("channel".to_owned(), read / 10)].into();
    Night {
        as_of: Day(day),
        tables: [("transactions".to_owned(), TableNight { read, kept: read * 9 / 10, duplicates: read / 100, blank })]
            .into(),
        stale_days: Some(0),
        unknown_items: Some(0.01),
        recent: Some(RecentLines { lines: 500, mean_minor: 5000.0, median_minor: 3000 }),
        segments: [(1, 0.5), (2, 0.5)].into(),
        offers: OfferNight {
            kinds: [("next_item".to_owned(), 0.8), ("coupon".to_owned(), 0.2)].into(),
            reach: 0.9,
            fallback: 0.1,
        },
        accepted: Vec::new(),
    }
}

fn history() -> History {
    History { nights: (0..5).map(|d| night(20_000 + d, 1000 + d as u64)).collect() }
}

fn found(night: &Night, settings: &GateSettings) -> Vec<(String, GateStatus)> {
    let results = judge(night, &history(), &Evidence::default(), settings);
    results.into_iter().filter(|r| r.status != GateStatus::Passed).map(|r| (r.gate, r.status)).collect()
}

/// A way to break a night, and what becomes of which gates.
type Breakage = (fn(&mut Night), &'static [(&'static str, GateStatus)]);

#[test]
fn each_gate_has_its_limits() {
    use GateStatus::{Refused, Warned};
    let cases: &[Breakage] = &[
        (|_| {}, &[]),
        (|n| *n = night(20_005, 850), &[("rows_fall", Warned)]),
        (|n| *n = night(20_005, 600), &[("rows_fall", Refused)]),
        (|n| *n = night(20_005, 1600), &[("rows_growth", Warned)]),
        (|n| n.tables.get_mut("transactions").unwrap().kept = 600, &[("lost_rise", Refused)]),
        (|n| n.tables.get_mut("transactions").unwrap().duplicates = 50, &[("duplicates_rise", Warned)]),
        (
            |n| {
                let _ = n.tables.get_mut("transactions").unwrap().blank.insert("channel".into(), 400);
            },
            &[("blank_rise", Refused)],
        ),
        (
            |n| {
                let _ = n.tables.get_mut("transactions").unwrap().blank.insert("new".into(), 900);
            },
            &[],
        ),
        (|n| n.unknown_items = Some(0.1), &[("unknown_items_rise", Warned)]),
        (|n| n.stale_days = Some(4), &[("stale_days", Warned)]),
        (|n| n.stale_days = Some(32), &[("stale_days", Refused)]),
        (|n| n.recent.as_mut().unwrap().mean_minor = 500_000.0, &[("amount_mean", Refused)]),
        (|n| n.recent.as_mut().unwrap().mean_minor = 1600.0, &[("amount_mean", Refused)]),
        (|n| n.recent.as_mut().unwrap().median_minor = 2000, &[("amount_median", Warned)]),
        // Too few lines to say.
        (|n| n.recent = Some(RecentLines { lines: 99, mean_minor: 1.0, median_minor: 1 }), &[]),
        (|n| n.offers.kinds = [("coupon".to_owned(), 1.0)].into(), &[("offer_mix", Warned)]),
        (|n| n.offers.reach = 0.3, &[("reach_fall", Refused)]),
        (|n| n.offers.fallback = 0.3, &[("fallback_rise", Warned)]),
    ];
    for (index, (breaks, expected)) in cases.iter().enumerate() {
        let mut tonight = night(20_005, 1002);
        breaks(&mut tonight);
        let expected: Vec<(String, GateStatus)> = expected.iter().map(|(g, s)| ((*g).to_owned(), *s)).collect();
        assert_eq!(found(&tonight, &GateSettings::default()), expected, "case {index}");
    }
    // Without nights before it only what is true of the night itself is held against anything.
    let alone = judge(&night(20_005, 5), &History::default(), &Evidence::default(), &GateSettings::default());
    assert_eq!(alone.iter().map(|r| r.gate.as_str()).collect::<Vec<_>>(), ["stale_days"]);
}

#[test]
fn drift_is_held_against_the_last_run_and_the_baseline() {
    let drift = Drift { joined: 60, moved_share: 0.2, ..Drift::default() };
    let before = [(1, 0.9), (2, 0.1)].into();
    let slow = [("orders".to_owned(), 0.1), ("net_spend".to_owned(), 0.6)];
    let late = LateLines { up_to: Day(20_004), days: vec![LateDay { day: Day(20_001), came: 90, gone: 4 }] };
    let evidence = Evidence {
        drift: Some(&drift),
        members: 100,
        slow: &slow,
        segments_before: Some(&before),
        late: Some(&late),
        ..Evidence::default()
    };
    let results = judge(&night(20_005, 1002), &history(), &evidence, &GateSettings::default());
    let broken: Vec<String> =
        results.iter().filter(|r| r.status != GateStatus::Passed).map(ToString::to_string).collect();
    assert_eq!(
        broken,
        [
            "late_lines: share of lines that came late, of days before the last run: 9.99%, limit 5%",
            "new_members: share of members the last run did not have: 60%, limit 50%",
            "moved: share of members who changed their segment: 20%, limit 10%",
            "slow_drift: stability index of a feature against the baseline (net_spend): 0.6, limit 0.25",
            "segment_mix: stability index of the segments' sizes against the baseline: 0.879, limit 0.25",
        ]
    );
}

#[test]
fn what_is_let_through_starts_what_is_usual_anew() {
    let raw: RawGates = toml::from_str("accept = [\"rows_fall\"]").unwrap();
    let settings = raw.check(&JobPath::root().key("gates"), &mut Findings::new());
    let half = night(20_005, 500);
    assert_eq!(found(&half, &settings), [("rows_fall".to_owned(), GateStatus::Accepted)]);
    let accepted = Night { accepted: vec!["rows_fall".into()], ..half.clone() };
    let later = history().with(&accepted, 14);
    assert_eq!(later.nights.len(), 6);
    let results = judge(&night(20_006, 500), &later, &Evidence::default(), &GateSettings::default());
    assert!(results.iter().all(|r| r.status == GateStatus::Passed), "{results:?}");
    // The other gates still know the nights before.
    assert_eq!(results.iter().find(|r| r.gate == "rows_growth").unwrap().usual, Some(1001.5));
    assert_eq!(later.with(&half, 3).nights.iter().map(|n| n.as_of.0).collect::<Vec<_>>(), [20_004, 20_005, 20_005]);
}

#[test]
fn limits_as_written() {
    let check = |text: &str| {
        let raw: RawGates = toml::from_str(text).unwrap();
        let mut findings = Findings::new();
        let settings = raw.check(&JobPath::root().key("gates"), &mut findings);
        (settings, findings.iter().map(|f| format!("{} {}", f.code, f.at)).collect::<Vec<_>>())
    };
    let (settings, said) = check("rows_fall = { refuse = 1 }\nstale_days = { warn = false, refuse = false }");
    assert!(said.is_empty(), "{said:?}");
    assert_eq!(settings.limits("rows_fall"), Limits { warn: Some(0.1), refuse: Some(1.0) });
    assert_eq!(settings.limits("stale_days"), Limits::default());
    let (_, said) = check(
        "history = 0\naccept = [\"row_fall\", \"refuse_moved_above\"]\nmoved = { warn = true }\nreach_fall = { refuse = -0.1 }\n\
         amount_mean = { warn = 5 }",
    );
    assert_eq!(
        said,
        [
            "gates::out_of_range gates.history",
            "gates::idle_warning gates.amount_mean.warn",
            "gates::bad_limit gates.moved.warn",
            "gates::bad_limit gates.reach_fall.refuse",
            "gates::unknown_gate gates.accept[0]",
        ]
    );
}

#[test]
fn baselines_are_as_old_as_wanted_and_no_older() {
    let mut kept = Baselines::default();
    for day in 0..60 {
        let at = kept.at(Day(day), 28).map(|b| b.as_of.0);
        let oldest = kept.snapshots.first().map(|b| b.as_of.0);
        match day {
            0 => assert_eq!(at, None),
            1..28 => assert_eq!(at, Some(0)),
            _ => assert!(at.is_some_and(|at| (28..35).contains(&(day - at))), "{day} {at:?}"),
        }
        assert!(oldest.is_none_or(|first| day - first < 36) && kept.snapshots.len() <= 6, "{day} {oldest:?}");
        kept = kept.with(Baseline { as_of: Day(day), ..Baseline::default() }, 28);
    }
    // After a long pause the newest that is old enough.
    assert_eq!(kept.at(Day(500), 28).unwrap().as_of.0, kept.snapshots.last().unwrap().as_of.0);
}

#[test]
fn late_lines_by_day() {
    let before = LineDays::new(&[0, 0, 5, 0, 7, 3]);
    assert_eq!((before.first, before.lines.clone(), before.newest()), (Day(2), vec![5, 0, 7, 3], Some(Day(5))));
    let now = LineDays::new(&[0, 2, 5, 1, 6, 3, 9]);
    let late = now.since(&before, None, Day(5));
    let day = |day, came, gone| LateDay { day: Day(day), came, gone };
    assert_eq!(late.days, [day(1, 2, 0), day(3, 1, 0), day(4, 0, 1)]);
    assert_eq!((late.came(), late.gone()), (3, 1));
    // Days that fell out of the window are not gone, and those after the last run are new.
    assert_eq!(now.since(&before, Some(Day(4)), Day(5)).days, [day(4, 0, 1)]);
    let none = LineDays::new(&[]).since(&LineDays::new(&[0, 4]), None, Day(3));
    assert_eq!(none.days, [day(1, 0, 4)]);
}
