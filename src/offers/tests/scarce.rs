//! Scarce offers from proposals to seats: caps, the ledger, stand-ins, contacts, lots, traces.

use super::{buys, crowd, items, shop};
use crate::{
    base::Day,
    input::ItemTable,
    offers::{Arm, ContactRow, Holdout, Refusal, Verdict, testing::Shop},
};

const NEXT: &str = "[[offers]]\nid = \"n\"\nkind = \"next_item\"\n";

fn grocery(members: usize) -> Shop {
    let table: ItemTable = items(&[("a", "x"), ("b", "x"), ("c", "y"), ("d", "y"), ("e", "z"), ("f", "z"), ("g", "")]);
    let mut rows = crowd(&table, members, 100);
    rows.extend(buys(&table, "me", "a", &[60, 70, 80, 90]));
    shop(table, rows, 100)
}

/// An offer that everybody wants most, of which there are `seats`.
fn seats(seats: u64, more: &str) -> String {
    format!(
        "{NEXT}[[offers]]\nid = \"seat\"\nkind = \"next_item\"\npriority = 50.0\nvalid_days = 5\n{more}\n\
         budget = {{ seats = {seats} }}\n"
    )
}

#[test]
fn seats_are_given_out_once_and_kept() {
    let mut shop = grocery(30);
    let job = seats(7, "");
    let first = shop.scarce_night(&job, Vec::new(), &[], &[]);
    let holders: Vec<String> = first.holders("seat").into_iter().map(str::to_owned).collect();
    assert_eq!(holders.len(), 7);
    for member in &holders {
        let list = first.outcome.short(member);
        assert_eq!(list.iter().filter(|l| l.0 == "seat").count(), 1, "one each: {list:?}");
    }
    // The next night: the same members with the same days, and nobody else.
    shop.as_of = 101;
    let second = shop.scarce_night(&job, first.seats(&shop.members), &[], &[]);
    assert_eq!(second.holders("seat"), holders);
    for member in &holders {
        let own = |o: &crate::offers::testing::Outcome| {
            o.of(member).into_iter().find(|c| o.catalogue.offers[usize::from(c.offer)].offer.id == "seat").unwrap()
        };
        let (before, after) = (own(&first.outcome), own(&second.outcome));
        assert_eq!((after.valid_from, after.valid_until), (before.valid_from, before.valid_until));
    }
    // A refusal and a seat given back go to others; an acceptance keeps its seat beyond its days.
    shop.as_of = 103;
    let at = |day: i32| Some(Day(day));
    let contacts = [
        ContactRow { refused: at(102), ..ContactRow::sent(&holders[0], "seat", Day(101)) },
        ContactRow { released: at(103), ..ContactRow::sent(&holders[1], "seat", Day(101)) },
        ContactRow { accepted: at(102), ..ContactRow::sent(&holders[2], "seat", Day(101)) },
        // After the as-of day: not seen.
        ContactRow { refused: at(104), ..ContactRow::sent(&holders[3], "seat", Day(101)) },
    ];
    let third = shop.scarce_night(&job, second.seats(&shop.members), &contacts, &[]);
    let now = third.holders("seat");
    assert_eq!(now.len(), 7);
    assert!(!now.contains(&holders[0].as_str()), "who refused rests");
    assert!(holders[2..].iter().all(|m| now.contains(&m.as_str())));
    // All that was not accepted ends with its days (101 to 105); who was given a seat on 103 has it until 108.
    shop.as_of = 105;
    let fourth = shop.scarce_night(&job, third.seats(&shop.members), &contacts[..3], &[]);
    let seats = fourth.seats(&shop.members);
    assert_eq!(seats.iter().filter(|s| s.arm == Arm::Treated).count(), 7);
    let accepted = seats.iter().find(|s| s.member.as_deref() == Some(holders[2].as_str())).unwrap();
    assert_eq!(accepted.state, crate::offers::SeatState::Accepted);
    let assigned_then = seats.iter().filter(|s| s.assigned == Day(100)).count();
    assert_eq!(assigned_then, 1, "only the accepted one is left of the first night");
}

#[test]
fn seats_that_only_contacts_tell_of_count() {
    let mut shop = grocery(30);
    let job = seats(4, "");
    let told: Vec<ContactRow<'_>> =
        ["crowd1", "crowd2", "gone"].iter().map(|m| ContactRow::sent(m, "seat", Day(99))).collect();
    let night = shop.scarce_night(&job, Vec::new(), &told, &[]);
    assert_eq!(night.ledger.seats().len(), 3);
    assert_eq!(night.grants.iter().filter(|(_, g)| !g.held).count(), 1, "one of four is left");
    assert!(night.holders("seat").contains(&"crowd1"), "and is in the list with tonight's reason");
    // Sent on day 99 for five days: over after day 103.
    shop.as_of = 103;
    let later = shop.scarce_night(&job, Vec::new(), &told, &[]);
    assert_eq!(later.ledger.seats().len(), 0);
}

#[test]
fn limits_of_a_city_money_and_a_period() {
    let mut shop = grocery(30);
    for m in 0..30 {
        shop.members.entry(&format!("crowd{m}")).city = Some(if m % 2 == 0 { "上海" } else { "扬州" }.into());
    }
    let job = seats(20, "caps = { per_city = 5, cities = { \"扬州\" = 3 } }");
    let night = shop.scarce_night(&job, Vec::new(), &[], &[]);
    let of =
        |city: &str| night.holders("seat").iter().filter(|m| shop.members.get(m).city.as_deref() == Some(city)).count();
    assert_eq!((of("上海"), of("扬州")), (5, 3));
    // Nine yuan a head from a hundred: eleven heads, whatever the seats; and of all offers together seven.
    let money = |decision: &str| {
        let job = format!(
            "{NEXT}[[offers]]\nid = \"m\"\nkind = \"next_item\"\nincentive = \"service\"\npriority = 50.0\nvalue = 9.0\n\
             budget = {{ money = 100.0, seats = 15 }}\n[decision]\n{decision}"
        );
        shop.scarce_night(&job, Vec::new(), &[], &[]).holders("m").len()
    };
    assert_eq!(money(""), 11);
    assert_eq!(money("budget = 70.0"), 7);
    // Three new ones in any two days.
    let job = seats(20, "caps = { per_period = 3, period_days = 2 }");
    let first = shop.scarce_night(&job, Vec::new(), &[], &[]);
    assert_eq!(first.holders("seat").len(), 3);
    shop.as_of = 101;
    let second = shop.scarce_night(&job, first.seats(&shop.members), &[], &[]);
    assert_eq!(second.holders("seat").len(), 3);
    shop.as_of = 102;
    let third = shop.scarce_night(&job, second.seats(&shop.members), &[], &[]);
    assert_eq!(third.holders("seat").len(), 6);
}

#[test]
fn ghosts_use_up_nothing_and_keep_what_they_have() {
    let mut shop = grocery(60);
    let job = seats(9, "") + "[decision]\nholdout_share = 0.4";
    let first = shop.scarce_night(&job, Vec::new(), &[], &[]);
    assert_eq!(first.holders("seat").len(), 9);
    let ghosts = |night: &crate::offers::testing::ScarceOutcome| -> Vec<String> {
        let mut all: Vec<String> =
            night.grants.iter().filter(|(_, g)| g.arm == Arm::Holdout).map(|(id, _)| id.clone()).collect();
        all.sort();
        all
    };
    let before = ghosts(&first);
    assert!(!before.is_empty(), "the holdout is decided for like everybody else");
    shop.as_of = 101;
    let second = shop.scarce_night(&job, first.seats(&shop.members), &[], &[]);
    assert_eq!(second.holders("seat"), first.holders("seat"));
    assert!(before.iter().all(|g| ghosts(&second).contains(g)));
}

#[test]
fn who_is_held_out_of_a_kind_takes_nothing_of_it() {
    let shop = grocery(80);
    let job = seats(9, "") + "[decision]\nholdout_kinds = { next_item = 0.4 }";
    let night = shop.scarce_night(&job, Vec::new(), &[], &[]);
    let rule = Holdout::new(&night.outcome.catalogue.decision);
    assert_eq!(night.holders("seat").len(), 9, "ghosts leave every seat to the others");
    assert!(night.holders("seat").iter().all(|id| !rule.is_held_out_of(id, "next_item")));
    let ghosts = night.grants.iter().filter(|(_, g)| g.arm == Arm::Holdout);
    assert!(ghosts.clone().count() > 0 && ghosts.clone().all(|(id, _)| rule.is_held_out_of(id, "next_item")));
    let seats = night.seats(&shop.members);
    assert!(
        seats.iter().all(|s| (s.arm == Arm::Holdout) == rule.is_held_out_of(s.member.as_ref().unwrap(), "next_item"))
    );
}

#[test]
fn what_stands_by_goes_to_those_who_come_too_late() {
    let shop = grocery(20);
    let job = format!(
        "{NEXT}max_per_member = 1\n[[offers]]\nid = \"seat\"\nkind = \"next_item\"\npriority = 50.0\nfallback = \"later\"\n\
         budget = {{ seats = 3 }}\n[[offers]]\nid = \"later\"\nkind = \"next_item\"\npriority = 0.001\nmax_per_member = 1\n\
         [decision]\nslots = 1\nfill_to = 0\nfallback = \"n\"\n"
    );
    let night = shop.scarce_night(&job, Vec::new(), &[], &[]);
    let holders = night.holders("seat");
    assert_eq!(holders.len(), 3);
    for m in 0..20 {
        let member = format!("crowd{m}");
        let list = night.outcome.short(&member);
        if holders.contains(&member.as_str()) {
            assert_eq!(list[0].0, "seat");
        } else {
            assert!(list.len() == 1 && list[0].0 == "later", "{member}: {list:?}");
        }
    }
}

#[test]
fn a_trace_names_the_first_rule_and_the_cap_that_was_full() {
    let shop = grocery(20);
    let job = seats(2, "")
        + "[[offers]]\nid = \"early\"\nkind = \"next_item\"\nstarts = \"1970-06-01\"\n\
           [[offers]]\nid = \"refused\"\nkind = \"next_item\"\n\
           [[offers]]\nid = \"food\"\nkind = \"replenish\"\n\
           [[offers]]\nid = \"low\"\nkind = \"next_item\"\npriority = 0.0001\n[decision]\nslots = 3\nfallback = \"n\"\n";
    let contacts = [ContactRow { refused: Some(Day(95)), ..ContactRow::sent("crowd3", "refused", Day(94)) }];
    let all: Vec<String> = (0..20).map(|m| format!("crowd{m}")).collect();
    let traced: Vec<&str> = all.iter().map(String::as_str).collect();
    let night = shop.scarce_night(&job, Vec::new(), &contacts, &traced);
    let holders = night.holders("seat");
    let verdict = |member: &str, offer: &str| {
        let index = night.outcome.catalogue.index_of(offer).unwrap();
        night.traces[member][usize::from(index)].verdict.clone()
    };
    let mut full = 0;
    for member in &all {
        assert_eq!(night.traces[member].len(), 6);
        match verdict(member, "seat") {
            Verdict::Kept { slots } => {
                assert!(holders.contains(&member.as_str()));
                let (slot, choice, parts) = &slots[0];
                assert_eq!(*slot, 1);
                let product = parts.fit * parts.worth * parts.priority * parts.incentive;
                assert!((product - parts.score).abs() < 1e-6 * parts.score && parts.score == choice.score);
                assert!(parts.price > 0.0);
            }
            Verdict::Refused(Refusal::CapFull { cap, price }) => {
                assert!(!holders.contains(&member.as_str()));
                assert_eq!(cap, "budget.seats");
                assert!(price > 0.0);
                full += 1;
            }
            other => panic!("{member}: {other:?}"),
        }
        assert_eq!(verdict(member, "early"), Verdict::Refused(Refusal::NotOpen));
        let low = verdict(member, "low");
        assert!(matches!(low, Verdict::Refused(Refusal::Outranked { .. } | Refusal::Twice)), "{low:?}");
    }
    assert_eq!(full, 20 - holders.iter().filter(|h| h.starts_with("crowd")).count());
    assert_eq!(verdict("crowd3", "refused"), Verdict::Refused(Refusal::RefusedLately { until: Day(185) }));
}

#[test]
fn contacts_keep_offers_away_by_what_came_of_them() {
    let shop = grocery(20);
    let job = seats(100, "")
        + "[decision]\nslots = 5\n[decision.contacts]\nresponse_days = 3\naccepted_days = 20\nunanswered_days = 10\nmax = 4\n\
           max_days = 5\n";
    let sent = |member, offer, day| ContactRow::sent(member, offer, Day(day));
    let contacts = [
        ContactRow { accepted: Some(Day(91)), ..sent("crowd1", "n", 90) },
        sent("crowd2", "n", 90),
        // Still unknown.
        sent("crowd4", "n", 99),
        // Three contacts in five days leave one slot of four; one of them with an offer that is no more.
        sent("crowd5", "gone", 98),
        sent("crowd5", "n", 99),
        sent("crowd5", "n", 100),
        // Long ago.
        sent("crowd6", "n", 50),
        sent("crowd7", "n", 97),
        sent("crowd7", "x", 97),
        sent("crowd7", "y", 98),
        sent("crowd7", "z", 99),
    ];
    let night = shop.scarce_night(&job, Vec::new(), &contacts, &["crowd1", "crowd2", "crowd7"]);
    let has = |member: &str| night.outcome.short(member).iter().any(|l| l.0 == "n");
    assert!(!has("crowd1") && !has("crowd2"));
    assert!(has("crowd4") && has("crowd6"));
    assert_eq!(night.outcome.of("crowd4").len(), 3, "one contact of four is used up");
    assert_eq!(night.outcome.of("crowd5").len(), 1);
    assert!(night.outcome.of("crowd6").len() > 3, "what lies long back is no cap");
    assert_eq!(night.outcome.of("crowd7").len(), 0);
    let first = |member: &str| night.traces[member][0].verdict.clone();
    assert_eq!(first("crowd1"), Verdict::Refused(Refusal::AcceptedLately { until: Day(111) }));
    assert_eq!(first("crowd2"), Verdict::Refused(Refusal::UnansweredLately { until: Day(103) }));
    assert_eq!(first("crowd7"), Verdict::Refused(Refusal::ContactedOften));
}

#[test]
fn explored_slots_carry_their_propensity() {
    let shop = grocery(400);
    let mut job = String::from(NEXT) + "max_per_member = 2\n";
    for id in ["p", "q", "r"] {
        job += &format!("[[offers]]\nid = \"{id}\"\nkind = \"next_item\"\npriority = 0.5\nmax_per_member = 1\n");
    }
    job += "[decision]\nslots = 3\nfallback = \"n\"\n[decision.exploration]\nshare = 0.3\n";
    let outcome = shop.decide(&job);
    let (mut explored, mut weight) = (0, 0.0);
    for m in 0..400 {
        let list = outcome.of(&format!("crowd{m}"));
        let whole: Vec<_> = {
            let at = outcome
                .decisions
                .iter()
                .enumerate()
                .find_map(|(s, _)| Some((s, outcome.shards.get(s).unwrap().members.find(&format!("crowd{m}"))?)));
            let (shard, member) = at.unwrap();
            outcome.decisions[shard].choices(member).collect()
        };
        assert_eq!(list.len(), whole.len());
        let Some((last, others)) = whole.split_last() else { continue };
        assert!(others.iter().all(|c| c.chance.propensity == 1.0 && !c.chance.explored));
        let p = f64::from(last.chance.propensity);
        assert!(p > 0.0 && p < 1.0);
        if last.chance.explored {
            explored += 1;
        } else {
            assert!(p > 0.7);
        }
        // Weighed by one over their propensities, members with the best in the last slot stand for all members.
        if p > 0.5 {
            weight += 1.0 / p;
        }
    }
    assert!((90..150).contains(&explored), "{explored} of 400 at a share of 0.3");
    assert!((weight - 400.0).abs() < 30.0, "{weight}");
    // The same lots again.
    let again = shop.decide(&job);
    assert!((0..400).all(|m| outcome.of(&format!("crowd{m}")) == again.of(&format!("crowd{m}"))));
}
