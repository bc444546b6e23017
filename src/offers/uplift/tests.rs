//! Windows, enrolment and measuring by hand.

use super::{outcomes::look, *};
use crate::{
    base::{Day, IdTable},
    evaluate::uplift::difference_of_shares,
    history::{
        Shard,
        testing::{Row, shards_of},
    },
    input::{Activity, ActivityKind, ItemTable, MemberAttributes, MemberTable},
    offers::{Arm, Holdout, testing::Shop},
    segments::{Lifecycle, LifecycleSettings},
};

/// A shop's holdout.
fn holdout(decision: &str) -> Holdout {
    let kinds = [("n", "next_item", ""), ("w", "winback", ""), ("c", "coupon", "value = 1.0\npoints_cost = 5\n")];
    let offers = kinds.map(|(id, kind, more)| format!("[[offers]]\nid = \"{id}\"\nkind = \"{kind}\"\n{more}"));
    let job = format!("{}[decision]\n{decision}", offers.concat());
    Holdout::new(&Shop::new(ItemTable::default(), Vec::new(), 100).catalogue(&job).decision)
}

#[test]
fn kinds_have_holdouts_of_their_own() {
    let rule = holdout("holdout_share = 0.2\nholdout_kinds = { winback = 0.5, coupon = 0.3 }");
    let names: Vec<String> = (0..10_000).map(|i| format!("m{i}")).collect();
    let share = |holds: &dyn Fn(&str) -> bool| names.iter().filter(|n| holds(n)).count() as f64 / 10_000.0;
    assert!((share(&|n| rule.arm(n) == Arm::Holdout) - 0.2).abs() < 0.02);
    assert!((share(&|n| rule.is_held_out_of(n, "winback")) - 0.5).abs() < 0.02);
    assert!((share(&|n| rule.is_held_out_of(n, "coupon")) - 0.3).abs() < 0.02);
    // Drawn independently: of those held out of all, half are held out of one kind, and so on.
    assert!((share(&|n| rule.arm(n) == Arm::Holdout && rule.is_held_out_of(n, "winback")) - 0.1).abs() < 0.02);
    let both = |n: &str| rule.is_held_out_of(n, "winback") && rule.is_held_out_of(n, "coupon");
    assert!((share(&both) - 0.15).abs() < 0.02);
    assert!((share(&|n| rule.arm_of(n, "winback") == Arm::Holdout) - 0.6).abs() < 0.02);
    assert!((share(&|n| rule.arm_of(n, "next_item") == Arm::Holdout) - 0.2).abs() < 0.02);
    // Another share of one kind is another experiment of that kind alone.
    let other = holdout("holdout_share = 0.2\nholdout_kinds = { winback = 0.4, coupon = 0.3 }");
    assert_ne!(rule.experiment(Some("winback")), other.experiment(Some("winback")));
    assert_eq!(rule.experiment(Some("coupon")), other.experiment(Some("coupon")));
    assert_eq!(rule.experiment(None), other.experiment(None));
    let salted = holdout("holdout_share = 0.2\nholdout_salt = \"b\"");
    assert_ne!(rule.experiment(None), salted.experiment(None));
    assert!(!holdout("holdout_kinds = { winback = 0.0 }").is_any() && rule.is_any());
}

fn bought(member: &str, day: i32, amount: i64, channel: u16) -> Row {
    Row { channel, ..Row::buy(member, day, 0, amount) }
}

fn one(rows: &[Row]) -> Shard {
    shards_of(rows, 1).remove(0)
}

#[test]
fn a_window_by_hand() {
    let back = Row { units: -1, amount: -500, ..Row::buy("a", 112, 0, 0) };
    let late = Row { units: -1, amount: -700, ..Row::buy("a", 116, 0, 0) };
    let rows = [
        bought("a", 50, 900, 1),
        bought("a", 90, 300, 1),
        bought("a", 90, 400, 2),
        bought("a", 111, 500, 2),
        back,
        bought("a", 115, 700, 1),
        late,
        bought("a", 117, 1000, 1),
    ];
    let shard = one(&rows);
    let referral =
        |day: i32| Activity { at: 0, kind: ActivityKind::Referral, day: Day(day), subject: None, closed: None };
    let referrer = MemberAttributes { activities: vec![referral(99), referral(115)], ..MemberAttributes::default() };
    let mut room = Vec::new();
    let window = Window { start: Day(100), days: 15, history_days: 30 };
    assert_eq!(window.end(), Day(115));
    let seen = look(&shard, 0, &referrer, window, &mut room);
    assert!(seen.known);
    // Of the days 101 to 115: 500 and 700, 500 brought back in time; what is brought back later is not seen yet.
    let of = |outcome| seen.outcome(outcome, true);
    assert_eq!(of(Outcome::RepeatPurchase), Some(1.0));
    assert_eq!(of(Outcome::Spend), Some(700.0));
    // Channel 1 is the usual one (two lines to one); the line through channel 2 was brought back.
    assert_eq!(of(Outcome::CrossChannel), Some(0.0));
    assert_eq!(of(Outcome::Referral), Some(1.0));
    assert_eq!(of(Outcome::Reactivation), Some(1.0));
    assert_eq!(seen.outcome(Outcome::Reactivation, false), None);
    // Before: 700 on one day of the last 30, ten days ago.
    assert_eq!(*seen.before(), [700.0, 1.0, 10.0]);
    // The day of the assignment itself is before.
    let later = look(&shard, 0, &MemberAttributes::default(), Window { start: Day(111), ..window }, &mut room);
    assert_eq!(later.outcome(Outcome::Referral, false), Some(0.0));
    assert_eq!(later.before()[2], 0.0);
    let before = look(&shard, 0, &referrer, Window { start: Day(49), days: 10, history_days: 30 }, &mut room);
    assert!(!before.known);
    assert_eq!(before.outcome(Outcome::CrossChannel, false), None);
    assert_eq!(*before.before(), [0.0, 0.0, 30.0]);
}

/// Members m0 to m(n-1) in one shard; those whose number is even buy after day 100 if `buys` says so.
fn people(n: usize, buys: impl Fn(usize) -> bool) -> Shard {
    let mut rows = Vec::new();
    for i in 0..n {
        let id = format!("m{i:04}");
        rows.push(bought(&id, 10 + (i % 80) as i32, 100, 0));
        if buys(i) {
            rows.push(bought(&id, 105, 250, 0));
        }
    }
    one(&rows)
}

fn enrolled(member: usize, track: u8, held_out: HeldOut, first: i32) -> Enrolled {
    Enrolled { member: member as u32, track, held_out, lifecycle: Lifecycle::Active, segment: 0, first: Day(first) }
}

#[test]
fn arms_are_measured_as_they_were_drawn() {
    let rule = holdout("holdout_share = 0.25\nholdout_kinds = { winback = 0.5 }");
    let shard = people(400, |i| i.is_multiple_of(4) && !i.is_multiple_of(8) || i.is_multiple_of(3));
    let ids = [shard.members.clone()];
    let mut enrolments = EnrolmentsBuilder::new(&ids, &rule).build();
    enrolments.segment("seg_01");
    let winback = enrolments.tracks.find("winback").unwrap();
    // Every fourth is held out of all, every other of winback; a tenth comes a day later.
    let by = |i: usize, track: u8| match (i % 4, track) {
        (0, _) => HeldOut::OfAll,
        (1, t) if t == winback => HeldOut::OfKind,
        _ => HeldOut::No,
    };
    let first = |i: usize| if i % 10 == 9 { 101 } else { 100 };
    let bits = 1 | 1 << winback;
    enrolments.enrol(0, 400, |_| bits, |i, track| enrolled(i, track, by(i, track), first(i)));
    // Once enrolled, a member stays as enrolled.
    let before = enrolments.shards[0].clone();
    enrolments.enrol(0, 400, |_| bits, |i, track| enrolled(i, track, HeldOut::No, 150));
    assert_eq!(enrolments.shards[0], before);
    let members = MemberTable::default();
    let settings = UpliftSettings { window_days: 14, history_days: 60, detect: 0.1 };
    let measure = Measure {
        settings: &settings,
        holdout: &rule,
        as_of: Day(114),
        members: &members,
        has_activities: false,
        has_channels: false,
    };
    let sums = measure.shard(0, &shard, &enrolments);
    let report = measure.report(&sums, &enrolments);
    assert_eq!(report.tracks.iter().map(|t| t.kind.as_str()).collect::<Vec<_>>(), ["all", "winback"]);
    let all = report.all().unwrap();
    assert_eq!((all.assigned, all.open), (Arms { treated: 300, holdout: 100 }, Arms { treated: 40, holdout: 0 }));
    assert!(all.sample_ratio.as_ref().unwrap().holds() && all.since == Day(100) && all.against == "all");
    let codes: Vec<&str> = all.outcomes.iter().map(|o| o.outcome.code()).collect();
    assert_eq!(codes, ["repeat_purchase", "spend"], "nobody was away, and the shop logs nothing else");
    let bought = |i: &usize| i.is_multiple_of(4) && !i.is_multiple_of(8) || i.is_multiple_of(3);
    let counted = |holds: &dyn Fn(usize) -> bool| {
        let own: Vec<usize> = (0..400).filter(|i| first(*i) == 100 && holds(*i)).collect();
        (own.iter().filter(|i| bought(i)).count() as u64, own.len() as u64)
    };
    let (treated, held) = (counted(&|i| i % 4 != 0), counted(&|i| i % 4 == 0));
    let repeat = all.outcome(Outcome::RepeatPurchase).unwrap();
    assert_eq!(repeat.members, Arms { treated: treated.1, holdout: held.1 });
    assert_eq!(Some(repeat.uplift), difference_of_shares(treated, held));
    let spend = all.outcome(Outcome::Spend).unwrap();
    assert!((spend.holdout - 250.0 * held.0 as f64 / held.1 as f64).abs() < 1e-9);
    // Winback against its own holdout, without those held out of all; the shares do not fit the draw of a half.
    let own = report.track("winback").unwrap();
    assert_eq!((own.against.as_str(), own.assigned), ("kind", Arms { treated: 200, holdout: 100 }));
    assert!(!own.sample_ratio.as_ref().unwrap().holds());
    let (treated, held) = (counted(&|i| i % 4 > 1), counted(&|i| i % 4 == 1));
    assert_eq!(Some(own.outcome(Outcome::RepeatPurchase).unwrap().uplift), difference_of_shares(treated, held));
    // Who leaves is not measured any more, and still counts for the sizes of the arms.
    enrolments.forget(&ids, |id| id < "m0040");
    let report = measure.report(&measure.shard(0, &shard, &enrolments), &enrolments);
    let all = report.all().unwrap();
    assert_eq!((all.assigned, all.left), (Arms { treated: 300, holdout: 100 }, Arms { treated: 30, holdout: 10 }));
    assert_eq!(all.outcome(Outcome::RepeatPurchase).unwrap().members.holdout, 90);
}

#[test]
fn rows_of_the_night_before() {
    let rule = holdout("holdout_share = 0.25");
    let ids = [IdTable::from_unsorted(["a", "b"])];
    let mut builder = EnrolmentsBuilder::new(&ids, &rule);
    let code = experiment_code(rule.experiment(None));
    let row = EnrolledRow {
        member_id: Some("b"),
        track: ALL_OFFERS,
        held_out: None,
        first: Day(7),
        lifecycle: Some("dormant"),
        segment: Some("seg_02"),
        experiment: &code,
        members: 1,
    };
    assert!(builder.push(&row));
    assert!(builder.push(&EnrolledRow { member_id: Some("gone"), held_out: Some("all"), ..row }));
    assert!(builder.push(&EnrolledRow { member_id: None, lifecycle: None, segment: None, members: 3, ..row }));
    assert!(builder.push(&EnrolledRow { experiment: "another", ..row }));
    assert!(builder.push(&EnrolledRow { track: "a kind of tomorrow", ..row }));
    assert!(!builder.push(&EnrolledRow { held_out: Some("nonsense"), ..row }));
    assert!(!builder.push(&EnrolledRow { lifecycle: None, ..row }));
    let enrolments = builder.build();
    let want = Enrolled { lifecycle: Lifecycle::Dormant, ..enrolled(1, 0, HeldOut::No, 7) };
    assert_eq!((enrolments.shards[0].as_slice(), enrolments.over), (&[want][..], 1));
    let gone = |held_out| Gone { track: 0, held_out, first: Day(7) };
    assert_eq!(enrolments.gone.get(&gone(HeldOut::OfAll)), Some(&1));
    assert_eq!(enrolments.gone.get(&gone(HeldOut::No)), Some(&3));
}

#[test]
fn the_last_period_against_the_one_before() {
    // a buys in both periods, b in the last one after a long silence, c in the first, d for the first time.
    let mut rows: Vec<Row> = [10, 20, 30, 40, 50, 60, 70, 80, 90].map(|d| bought("a", d, 100, 0)).to_vec();
    rows.extend([bought("b", 5, 50, 0), bought("b", 12, 50, 0), bought("b", 19, 50, 0), bought("b", 95, 300, 1)]);
    rows.extend([bought("c", 60, 40, 0), bought("c", 75, 40, 0), bought("d", 98, 70, 0)]);
    let shard = one(&rows);
    let lifecycle = LifecycleSettings {
        new_days: 30,
        at_risk_after: 2.0,
        dormant_after: 4.0,
        lost_after: 8.0,
        own_rhythm_from: 3,
        min_gap_days: 7,
        max_gap_days: 180,
        reactivation_days: 90,
    };
    let members = MemberTable::default();
    let periods =
        Periods { as_of: Day(100), days: 15, lifecycle: &lifecycle, population_gap: Some(10.0), members: &members };
    let mut sums = PeriodSums::new(2);
    sums.shard(&shard, &[0, 0, 1, 1], &periods);
    let found = sums.measures(&["seg_01", "seg_02"], |outcome| outcome != Outcome::Referral);
    let of = |segment: &str, outcome: Outcome| {
        let own = found.iter().find(|m| m.segment_code == segment).unwrap();
        let m = own.measures.iter().find(|m| m.outcome == outcome).unwrap();
        (m.members, m.now, m.before)
    };
    // Days 86 to 100 against 71 to 85; d is not known before the last period is over.
    assert_eq!(of("all", Outcome::RepeatPurchase), (3, Some(2.0 / 3.0), Some(2.0 / 3.0)));
    assert_eq!(of("seg_01", Outcome::RepeatPurchase), (2, Some(1.0), Some(0.5)));
    assert_eq!(of("seg_01", Outcome::Spend), (2, Some(200.0), Some(50.0)));
    assert_eq!(of("seg_01", Outcome::CrossChannel), (2, Some(0.5), Some(0.0)));
    assert_eq!(of("all", Outcome::Reactivation), (1, Some(1.0), Some(0.0)));
    assert_eq!(of("seg_02", Outcome::RepeatPurchase), (1, Some(0.0), Some(1.0)));
}
