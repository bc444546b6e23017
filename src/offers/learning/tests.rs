//! Learning on contacts with planted probabilities.

mod completejourney;

use rand::{Rng as _, SeedableRng as _};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::*;

const OFFERING: fn() -> Offering = || Offering { kind: vec![0, 0, 1, 1], kinds: 2, segments: 3 };
const ENOUGH: Enough = Enough { for_rates: 50, for_model: 500, most: 100_000 };

/// Planted probability of an offer in a segment.
fn planted(offer: u16, segment: u16) -> f64 {
    [[0.30, 0.05, 0.10], [0.25, 0.10, 0.12], [0.04, 0.40, 0.10], [0.02, 0.30, 0.15]][usize::from(offer)]
        [usize::from(segment)]
}

/// Contacts over 200 days; with `eager`, members also differ among themselves, and their recency tells.
fn contacts(members: u64, eager: bool, seed: u64) -> Vec<Observation> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut all = Vec::new();
    for member in 0..members {
        let segment = rng.gen_range(0..3);
        let recency: u16 = rng.gen_range(1..200);
        for _ in 0..rng.gen_range(1..5) {
            let offer = rng.gen_range(0..4);
            let sent = Day(rng.gen_range(0..200));
            let mut p = planted(offer, segment);
            if eager {
                p = calibration::logistic(calibration::logit(p) + 1.2 - f64::from(recency).ln_1p() * 0.5);
            }
            let accepted = rng.gen_bool(p);
            let activity = Activity { recency, days: 3 };
            let so_far = SoFar { activity, contacts: 0, known: 0, accepted: 0, since_contact: 730 };
            let known = Some(sent.plus(15));
            all.push(Observation { member, offer: Some(offer), segment, sent, known, accepted, so_far });
        }
    }
    all
}

#[test]
fn rates_find_what_is_planted() {
    let all = contacts(6000, false, 1);
    let learned = Acceptance::learn(all.clone(), &OFFERING(), ENOUGH).unwrap();
    let so_far = all[0].so_far;
    for offer in 0..4 {
        for segment in 0..3 {
            let (got, want) = (learned.rates.rate(offer, segment), planted(offer, segment));
            assert!((got - want).abs() < 0.03, "offer {offer}, segment {segment}: {got} for {want}");
            let calibrated = learned.probability(offer, segment, &so_far);
            assert!((calibrated - want).abs() < 0.06, "{calibrated} for {want}");
        }
    }
    let report = &learned.report;
    assert!(report.log_loss_rates < report.log_loss_base, "{report:?}");
    // An offer of which nothing is known has the rate of its kind, one that is not in the catalogue that of all.
    let mut fresh = OFFERING();
    fresh.kind.push(1);
    let rates = Rates::fit(all.iter(), &fresh);
    assert!((rates.rate(4, 0) - rates.rate(4, 2)).abs() < 1e-12);
    let kind = |k: u16| {
        let of = |o: &&Observation| fresh.kind[usize::from(o.offer.unwrap())] == k;
        let n = all.iter().filter(of).count() as f64;
        all.iter().filter(of).filter(|o| o.accepted).count() as f64 / n
    };
    assert!((rates.rate(4, 0) - kind(1)).abs() < 0.02);
    assert_eq!(rates.rate(99, 0), rates.base());
}

#[test]
fn few_contacts_are_shrunk_to_the_offer() {
    let mut all = contacts(6000, false, 2);
    all.retain(|o| o.offer != Some(0) || o.segment != 1);
    let one = all[0];
    all.push(Observation { offer: Some(0), segment: 1, accepted: true, known: Some(Day(100)), ..one });
    let rates = Rates::fit(all.iter(), &OFFERING());
    let offer = rates.offers[0];
    let mean = offer.accepted as f64 / offer.contacts as f64;
    let got = rates.rate(0, 1);
    assert!(got > mean && got < mean + 0.35, "one acceptance moves {mean} to {got}, not to 1");
}

#[test]
fn a_model_is_taken_where_members_differ_and_only_there() {
    let alike = Acceptance::learn(contacts(5000, false, 3), &OFFERING(), ENOUGH).unwrap();
    let differ = Acceptance::learn(contacts(5000, true, 3), &OFFERING(), ENOUGH).unwrap();
    assert!(differ.model.is_some());
    let report = &differ.report;
    assert!(report.log_loss_model.unwrap() < report.log_loss_rates.unwrap() - 0.002, "{report:?}");
    // Where there is nothing more to know, the rates predict better, and stay.
    let report = &alike.report;
    assert!(alike.model.is_none() && report.log_loss_model > report.log_loss_rates, "{report:?}");
    assert!(report.log_loss_model.unwrap() - report.log_loss_rates.unwrap() < 0.02, "{report:?}");
    let of = |recency: u16| {
        let so_far =
            SoFar { activity: Activity { recency, days: 3 }, contacts: 0, known: 0, accepted: 0, since_contact: 730 };
        differ.probability(2, 1, &so_far)
    };
    assert!(of(2) > of(150) + 0.1, "{} {}", of(2), of(150));
    // The order of observations does not matter.
    let mut turned = contacts(5000, true, 3);
    turned.reverse();
    assert_eq!(Acceptance::learn(turned, &OFFERING(), ENOUGH).unwrap(), differ);
}

#[test]
fn unknown_outcomes_teach_nothing_and_the_future_is_not_seen() {
    let mut all = contacts(3000, false, 4);
    let known = Acceptance::learn(all.clone(), &OFFERING(), ENOUGH).unwrap();
    let extra: Vec<Observation> = all.iter().map(|o| Observation { known: None, accepted: true, ..*o }).collect();
    all.extend(extra);
    let more = Acceptance::learn(all.clone(), &OFFERING(), ENOUGH).unwrap();
    assert_eq!(known.rates, more.rates);
    assert_eq!(more.report.unknown, known.report.contacts);
    // What is known of rates when a contact is sent comes from outcomes of earlier days alone.
    let mut sorted = contacts(3000, false, 4);
    sorted.sort_unstable_by_key(Observation::order);
    let rates = Rates::fit(sorted.iter(), &OFFERING());
    let rows = rates.walk(&sorted, &OFFERING());
    for at in [0, 10, 500, 2000] {
        let seen: Vec<Observation> =
            sorted.iter().copied().filter(|o| o.known.is_some_and(|day| day < sorted[at].sent)).collect();
        let mut then = Rates::fit(seen.iter(), &OFFERING());
        then.weights = rates.weights;
        assert_eq!(rows[at].rate, then.rate(sorted[at].offer.unwrap(), sorted[at].segment));
        assert_eq!(rows[at].base, then.base());
    }
}

#[test]
fn too_little_to_learn_from() {
    assert_eq!(Acceptance::learn(Vec::new(), &OFFERING(), ENOUGH), None);
    let mut all = contacts(3000, false, 5);
    assert_eq!(Acceptance::learn(all[..20].to_vec(), &OFFERING(), ENOUGH), None);
    all.iter_mut().for_each(|o| o.accepted = false);
    assert_eq!(Acceptance::learn(all, &OFFERING(), ENOUGH), None);
    // All on one day: nothing to hold a trial with, rates all the same.
    let mut all = contacts(300, false, 6);
    all.iter_mut().for_each(|o| o.sent = Day(5));
    let learned = Acceptance::learn(all, &OFFERING(), ENOUGH).unwrap();
    assert_eq!((learned.report.split, learned.model), (None, None));
}

#[test]
fn calibration_undoes_what_is_off_and_leaves_what_is_right() {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(7);
    let draw = |rng: &mut Xoshiro256PlusPlus, off: fn(f64) -> f64| -> Vec<Prediction> {
        (0..20_000)
            .map(|i| {
                let p = rng.gen_range(0.02..0.6);
                Prediction { member: i, offer: Some(0), probability: off(p), accepted: rng.gen_bool(p) }
            })
            .collect()
    };
    let right = Calibration::fit(&draw(&mut rng, |p| p));
    assert!(right.shift.abs() < 0.06 && (right.slope - 1.0).abs() < 0.05, "{right:?}");
    let wrong = draw(&mut rng, |p| calibration::logistic(2.0 * calibration::logit(p) + 0.7));
    let fitted = Calibration::fit(&wrong);
    let corrected: Vec<Prediction> =
        wrong.iter().map(|p| Prediction { probability: fitted.apply(p.probability), ..*p }).collect();
    assert!(log_loss(&corrected) < log_loss(&wrong));
    for bin in reliability(&corrected, 10) {
        assert!((bin.predicted - bin.accepted).abs() < 0.04, "{bin:?}");
    }
    assert_eq!(reliability(&corrected, 10).iter().map(|b| b.contacts).sum::<u64>(), 20_000);
    assert_eq!(Calibration::fit(&[]), Calibration::default());
}

#[test]
fn what_was_known_when_a_contact_was_sent() {
    let activity = Activity::of([Day(10), Day(10), Day(95), Day(120)], Day(100));
    assert_eq!(activity, Activity { recency: 5, days: 1 });
    assert_eq!(Activity::of([Day(10)], Day(99)), Activity { recency: 89, days: 1 });
    assert_eq!(Activity::of([], Day(99)), Activity { recency: 730, days: 0 });
}
