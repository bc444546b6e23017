use super::{at, buys, crowd, item, items, shop};
use crate::{
    base::Day,
    input::{ItemTable, Labels},
    offers::{Arm, Holdout, Language, PreviousDecisions, PreviousRow, SentenceWriter, testing::Night},
};

const NEXT: &str = "[[offers]]\nid = \"n\"\nkind = \"next_item\"\n";

fn grocery() -> ItemTable {
    items(&[("a", "x"), ("b", "x"), ("c", "y"), ("d", "y"), ("e", "z"), ("f", "z"), ("g", "")])
}

#[test]
fn caps_hold_and_short_lists_are_filled() {
    let table = grocery();
    let mut rows = crowd(&table, 40, 100);
    rows.extend(buys(&table, "me", "a", &[80, 90]));
    let shop = shop(table, rows, 100);
    let list = shop.decide(&format!("{NEXT}[decision]\nmax_per_category = 1\nslots = 9")).of("me");
    let mut seen: Vec<_> = list.iter().filter_map(|c| shop.items.category_of(c.target.item().unwrap())).collect();
    seen.sort_unstable();
    assert_eq!(seen, [0, 1, 2]);
    assert_eq!(list.len(), 4, "one a category, and the item without one");
    let two = shop.decide(&format!("{NEXT}max_per_member = 2\n[decision]\nfill_to = 5"));
    assert_eq!(two.of("me").len(), 2);
    let kinds = shop.decide(&format!("{NEXT}[decision]\nmax_per_kind = 3"));
    assert_eq!(kinds.of("me").len(), 3);
}

#[test]
fn discounts_keep_to_their_share_of_the_list_as_it_is() {
    let table = grocery();
    let rows = crowd(&table, 40, 100);
    let shop = shop(table, rows, 100);
    let job = |share: f64| {
        format!(
            "[[offers]]\nid = \"off\"\nkind = \"next_item\"\nincentive = \"discount\"\nvalue = 5.0\npriority = 100.0\n\
             {NEXT}max_per_member = 2\n[decision]\nslots = 6\nfill_to = 6\nmax_discount_share = {share}\nfallback = \"n\""
        )
    };
    let discounts = |share: f64| {
        let outcome = shop.decide(&job(share));
        let list = outcome.short("crowd7");
        (list.iter().filter(|l| l.0 == "off").count(), list.len())
    };
    assert_eq!(discounts(0.0), (0, 2));
    assert_eq!(discounts(0.5), (2, 4));
    assert_eq!(discounts(0.34), (1, 3));
    assert_eq!(discounts(1.0), (6, 6));
}

#[test]
fn an_item_is_offered_once_and_ties_break_by_id() {
    let table = grocery();
    let rows = crowd(&table, 40, 100);
    let shop = shop(table, rows, 100);
    let two = |first: &str, second: &str| {
        let job = [first, second].map(|id| format!("[[offers]]\nid = \"{id}\"\nkind = \"next_item\"\n")).concat();
        shop.decide(&job).short("crowd3")
    };
    let list = two("n2", "n1");
    assert!(list.iter().all(|l| l.0 == "n1"), "{list:?}");
    assert_eq!(list, two("n1", "n2"));
    let mut targets: Vec<_> = list.iter().map(|l| l.2).collect();
    targets.sort();
    targets.dedup();
    assert_eq!(targets.len(), list.len());
}

#[test]
fn slots_of_an_offer() {
    let table = grocery();
    let mut rows = crowd(&table, 40, 100);
    rows.extend(buys(&table, "me", "a", &[60, 70, 80, 90]));
    rows.extend(buys(&table, "me", "c", &[60, 70, 80, 90]));
    let shop = shop(table, rows, 100);
    let job = format!("{NEXT}[[offers]]\nid = \"r\"\nkind = \"replenish\"\npriority = 50.0\nslots = [2]\n");
    let list = shop.decide(&job).short("me");
    assert_eq!(list[1].0, "r");
    assert!(list.iter().enumerate().all(|(i, l)| (l.0 == "r") == (i == 1)), "{list:?}");
}

#[test]
fn rules_channels_and_contacts_close_an_offer() {
    let table = grocery();
    let rows = crowd(&table, 12, 100);
    let mut shop = shop(table, rows, 100);
    shop.channel_opt_in_known = true;
    shop.members.entry("crowd2").channel_opt_in = ["app".into()].into();
    for m in [0, 1, 3, 4, 5] {
        shop.members.entry(&format!("crowd{m}")).channel_opt_in = ["sms".into(), "app".into()].into();
    }
    let job = "[[offers]]\nid = \"n\"\nkind = \"next_item\"\nchannel = \"sms\"\ncooldown_days = 10\n\
               eligible = \"city_tier = 1\"\n[decision]\nfill_to = 3";
    let night = Night {
        eligible: vec![Some(|member| member != "crowd1")],
        contacts: vec![
            ("crowd3", "n", 91, None),
            ("crowd4", "n", 80, Some(82)),
            ("crowd4", "n", 70, None),
            ("crowd5", "n", 90, None),
            ("crowd5", "n", 99, Some(101)),
            ("crowd0", "n", 101, None),
            ("crowd0", "gone", 100, None),
        ],
        ..Night::default()
    };
    let outcome = shop.decide_on(job, &night);
    let open = |m: &str| !outcome.of(m).is_empty();
    assert!(open("crowd0"), "a contact after the as-of day is not seen");
    assert!(!open("crowd1"), "not eligible");
    assert!(!open("crowd2"), "not opted in to the channel");
    assert!(!open("crowd3"), "within the cooldown");
    assert!(!open("crowd4"), "refused lately");
    assert!(!open("crowd5"), "sent yesterday; the later refusal is not seen");
    // A rule leaves no offer that is open to everyone.
    assert_eq!(outcome.generic, []);
}

#[test]
fn validity_stays_from_the_first_assignment() {
    let table = grocery();
    let mut rows = crowd(&table, 12, 100);
    rows.extend(buys(&table, "me", "a", &[60, 70, 80, 90]));
    let shop = shop(table, rows, 100);
    let catalogue = shop.catalogue(NEXT);
    let mut builder = PreviousDecisions::builder(&catalogue, &shop.items, catalogue.first_valid());
    let row = |member_id, item_id, from: i32, until: i32, generic| PreviousRow {
        member_id,
        slot: 1,
        offer_id: "n",
        item_id: Some(item_id),
        category: None,
        valid_from: Day(from),
        valid_until: Day(until),
        generic,
        reason_code: "",
        about: None,
    };
    builder.push(&row("me", "a", 95, 108, false));
    builder.push(&row("me", "b", 87, 100, false));
    builder.push(&row("you", "c", 95, 108, false));
    builder.push(&row("out", "d", 96, 103, true));
    builder.push(&row("out2", "d", 96, 103, true));
    builder.push(&row("me", "unknown", 96, 103, false));
    let outcome = shop.decide_on(NEXT, &Night { previous: builder.build(), ..Night::default() });
    for choice in outcome.of("me") {
        let kept = choice.target == item(&shop.items, "a");
        let want = if kept { (Day(95), Day(108)) } else { (Day(101), Day(114)) };
        assert_eq!((choice.valid_from, choice.valid_until), want);
    }
    assert_eq!(outcome.generic.iter().filter(|c| c.valid_from == Day(96)).count(), 1);
}

#[test]
fn a_reason_stays_while_it_holds() {
    let table = grocery();
    let mut rows = crowd(&table, 40, 100);
    rows.extend(buys(&table, "me", "a", &[60, 90]));
    rows.extend(buys(&table, "me", "c", &[70, 90]));
    let shop = shop(table, rows, 100);
    let catalogue = shop.catalogue(NEXT);
    let fresh = shop.decide(NEXT);
    let (mut stayed, mut changed) = (0, 0);
    for ((_, own, _), choice) in fresh.short("me").iter().zip(fresh.of("me")) {
        for (given, about) in
            [("because_you_bought", Some("a")), ("bought_before", None), ("popular_now", None), ("gone", None)]
        {
            let mut builder = PreviousDecisions::builder(&catalogue, &shop.items, catalogue.first_valid());
            builder.push(&PreviousRow {
                member_id: "me",
                slot: 1,
                offer_id: "n",
                item_id: choice.target.item().map(|i| shop.items.ids.get(i as usize)),
                category: None,
                valid_from: Day(95),
                valid_until: Day(108),
                generic: false,
                reason_code: given,
                about,
            });
            let next = shop.decide_on(NEXT, &Night { previous: builder.build(), ..Night::default() });
            let now = next.short("me").into_iter().find(|l| l.2 == choice.target).map(|l| l.1);
            // The one it was given with, or the largest; never one that says nothing of the item.
            assert!(now == Some(given) || now == Some(*own), "{now:?} after {given}, by itself {own}");
            let bought = choice.target == item(&shop.items, "a") || choice.target == item(&shop.items, "c");
            assert!(given != "bought_before" || now != Some(given) || bought);
            if given != *own {
                stayed += usize::from(now == Some(given));
                changed += usize::from(now == Some(*own));
            }
        }
    }
    assert!(stayed > 0 && changed > 0, "{stayed} {changed}");
}

#[test]
fn the_holdout_is_sticky_and_grows() {
    let settings = |share: f64| {
        let job = format!("{NEXT}[decision]\nholdout_share = {share}\nholdout_salt = \"spring\"");
        Holdout::new(&shop(grocery(), Vec::new(), 1).catalogue(&job).decision)
    };
    let (small, large) = (settings(0.1), settings(0.3));
    let names: Vec<String> = (0..5000).map(|i| format!("m{i}")).collect();
    let held = |h: &Holdout| names.iter().filter(|n| h.arm(n) == Arm::Holdout).count();
    assert!((400..600).contains(&held(&small)), "{}", held(&small));
    assert!(names.iter().all(|n| small.arm(n) == Arm::Treated || large.arm(n) == Arm::Holdout));
    assert_eq!(held(&settings(0.0)), 0);
}

#[test]
fn variants_of_what_the_member_has() {
    let mut table = items(&[("coat", "wear"), ("coat-blue", "wear"), ("coat-red", "wear"), ("scarf", "wear")]);
    table.parent = vec![u32::MAX, 0, 0, u32::MAX];
    let mut rows = crowd(&table, 30, 100);
    rows.extend(buys(&table, "me", "coat-red", &[90]));
    let mut shop = shop(table, rows, 100);
    shop.recommend.repeat.insert("wear".into(), crate::recommend::RepeatPolicy::NeverRepeat);
    let list = shop.decide(NEXT).short("me");
    assert_eq!(list.iter().map(|l| l.2).collect::<Vec<_>>(), [item(&shop.items, "scarf")]);
}

#[test]
fn sentences_of_the_job_and_their_length() {
    let mut table = grocery();
    let a = at(&table, "a");
    table.name[a] = "猫粮\n\"鸡肉\" 🐱".into();
    let mut rows = crowd(&table, 12, 100);
    rows.extend(buys(&table, "me", "a", &[60, 70, 80, 90]));
    let shop = shop(table, rows, 100);
    let job = format!(
        "{NEXT}name_zh = \"心选\"\nvalue = 5.5\n[[offers.sentences]]\nreason = \"bought_before\"\n\
         zh = \"{{offer}}：{{item}}（{{count}} 次）{{value}} 至 {{valid_until}}\"\n\
         [[decision.sentences]]\nkind = \"next_item\"\nen = \"{{offer}} says: {{item}} is a very fine thing to have now\"\n\
         short_en = \"{{item}}, again?\"\n[decision]\nmax_sentence_chars = "
    );
    let said = |most: usize, language| {
        let outcome = shop.decide(&format!("{job}{most}"));
        let mut out = String::from("|");
        let writer = SentenceWriter::new(&outcome.catalogue, &shop.items, &Labels::default());
        writer.push(&outcome.of("me")[0], language, &mut out);
        assert!(out.chars().count() <= most + 1, "{out}");
        out
    };
    assert_eq!(said(40, Language::Zh), "|心选：猫粮 \"鸡肉\" 🐱（4 次）¥5.50 至 1970年4月25日");
    assert_eq!(said(60, Language::En), "|n says: 猫粮 \"鸡肉\" 🐱 is a very fine thing to have now");
    // Too long: the shorter sentence, whole; then the offer's name.
    assert_eq!(said(40, Language::En), "|猫粮 \"鸡肉\" 🐱, again?");
    assert_eq!(said(10, Language::En), "|n");
    assert_eq!(said(10, Language::Zh), "|心选");
}

#[test]
fn a_channel_has_its_own_length() {
    let table = grocery();
    let mut rows = crowd(&table, 12, 100);
    rows.extend(buys(&table, "me", "a", &[60, 70, 80, 90]));
    let mut shop = shop(table, rows, 100);
    shop.members.entry("me").channel_opt_in = ["sms".into()].into();
    let job = "[[offers]]\nid = \"n\"\nkind = \"next_item\"\nchannels = [\"sms\", \"wecom\"]\n\
               [decision]\nchannel_sentence_chars = { sms = 20 }";
    let outcome = shop.decide(job);
    let mut out = String::new();
    let writer = SentenceWriter::new(&outcome.catalogue, &shop.items, &Labels::default());
    writer.push(&outcome.of("me")[0], Language::Zh, &mut out);
    assert_eq!(out, "「a」欢迎再次选购。");
}

#[test]
fn lines_without_items_give_no_offers() {
    let rows: Vec<_> =
        (0..20).map(|i| crate::history::testing::Row::buy(&format!("m{}", i % 4), i, u32::MAX, 5)).collect();
    let shop = shop(ItemTable::default(), rows, 30);
    let outcome = shop.decide(&format!("{NEXT}[[offers]]\nid = \"r\"\nkind = \"replenish\"\n"));
    assert_eq!(outcome.of("m1"), []);
    assert_eq!(outcome.generic, []);
}
