use super::{at, buys, crowd, item, items, shop};
use crate::{
    base::Day,
    history::{Timeline, testing::Row},
    input::{ItemTable, Labels},
    offers::{Language, SentenceWriter, Target, testing::Outcome},
};

fn sentence(outcome: &Outcome, table: &ItemTable, member: &str, slot: usize, language: Language) -> String {
    let mut out = String::new();
    SentenceWriter::new(&outcome.catalogue, table, &Labels::default()).push(
        &outcome.of(member)[slot],
        language,
        &mut out,
    );
    out
}

#[test]
fn next_item_gives_reasons_and_fills_up() {
    let table = items(&[("bread", "food"), ("butter", "food"), ("jam", "food"), ("knife", "tools"), ("soap", "bath")]);
    let mut rows = Vec::new();
    for m in 0..30 {
        let name = format!("b{m}");
        rows.extend(buys(&table, &name, "bread", &[10, 20]));
        rows.extend(buys(&table, &name, "butter", &[10, 20]));
    }
    // Enough others, so that nothing is popular by itself.
    for m in 0..400 {
        rows.extend(buys(&table, &format!("s{m}"), "soap", &[30]));
    }
    rows.extend(buys(&table, "me", "bread", &[5, 15, 25]));
    let shop = shop(table, rows, 40);
    let outcome = shop.decide("[[offers]]\nid = \"n\"\nkind = \"next_item\"");
    let list = outcome.short("me");
    let bread = list.iter().position(|l| l.2 == item(&shop.items, "bread")).unwrap();
    assert_eq!(list[bread].1, "bought_before");
    assert!(list.contains(&("n".into(), "because_you_bought", item(&shop.items, "butter"))), "{list:?}");
    assert!(list.iter().all(|l| l.2 != item(&shop.items, "knife")), "nobody buys it: {list:?}");
    assert_eq!(
        sentence(&outcome, &shop.items, "me", bread, Language::Zh),
        "您已 3 次购买「bread」，最近一次是1970年1月26日。"
    );
    assert_eq!(
        sentence(&outcome, &shop.items, "me", bread, Language::En),
        "You have bought bread 3 times, last on 1970-01-26."
    );
    let scores: Vec<f64> = outcome.of("me").iter().map(|c| c.score).collect();
    assert!(scores.is_sorted_by(|a, b| a >= b) && scores.iter().all(|s| *s > 0.0 && *s <= 1.0));
    // Only what is new to the member, only of one category.
    let new = shop.decide("[[offers]]\nid = \"n\"\nkind = \"next_item\"\nonly_new = true\ncategories = [\"food\"]");
    assert_eq!(new.short("me").iter().map(|l| l.2).collect::<Vec<_>>(), [item(&shop.items, "butter")]);
}

#[test]
fn what_may_never_be_offered() {
    let mut table =
        items(&[("a", "x"), ("b", "x"), ("c", "x"), ("d", "secret/pills"), ("e", "x"), ("f", ""), ("g", "x")]);
    table.denied[0] = true;
    table.stock[1] = Some(0);
    table.launch[2] = Some(Day(101));
    // On the lines, but not in the items table.
    table.listed[6] = false;
    let rows: Vec<Row> = (0..200).map(|i| Row::buy(&format!("m{}", i % 40), 60 + i % 40, (i % 7) as u32, 9)).collect();
    let shop = shop(table, rows, 99);
    let outcome = shop.decide(
        "[[offers]]\nid = \"n\"\nkind = \"next_item\"\n[decision]\ndeny_categories = [\"secret\"]\ngeneric_slots = 9",
    );
    let allowed = ["e", "f"].map(|id| item(&shop.items, id));
    for m in 0..40 {
        let list = outcome.of(&format!("m{m}"));
        assert!(list.iter().all(|c| allowed.contains(&c.target)), "{list:?}");
        // Not even as a reason.
        assert!(list.iter().all(|c| c.evidence.about != item(&shop.items, "d")));
    }
    assert_eq!(outcome.generic.len(), 2);
    assert!(outcome.generic.iter().all(|c| allowed.contains(&c.target) && outcome.describe(c).1 == "popular_now"));
}

#[test]
fn accessories_fit_and_are_lacking() {
    let mut table = items(&[
        ("case-x", "cases"),
        ("case-y", "cases"),
        ("charger", "power"),
        ("phone-x", "phones"),
        ("phone-y", "phones"),
    ]);
    for (accessory, fits) in [("case-x", "phone-x"), ("case-y", "phone-y"), ("charger", "phones")] {
        let i = at(&table, accessory);
        table.fits[i] = vec![fits.into()];
    }
    let mut rows = crowd(&table, 30, 100);
    rows.extend(buys(&table, "x", "phone-x", &[90]));
    rows.extend(buys(&table, "y", "phone-y", &[80]));
    rows.extend(buys(&table, "y", "case-y", &[81]));
    rows.extend(buys(&table, "none", "charger", &[70]));
    rows.extend(buys(&table, "back", "phone-x", &[90]));
    rows.push(Row { units: -1, amount: -1000, ..Row::buy("back", 95, at(&table, "phone-x") as u32, 1000) });
    let mut shop = shop(table, rows, 100);
    shop.recommend.repeat.insert("phones".into(), crate::recommend::RepeatPolicy::NeverRepeat);
    let outcome = shop.decide(
        "[[offers]]\nid = \"acc\"\nkind = \"accessory\"\n[[offers]]\nid = \"next\"\nkind = \"next_item\"\n\
         [decision]\nfill_to = 10",
    );
    let of = |member: &str, offer: &str| -> Vec<Target> {
        outcome.short(member).into_iter().filter(|l| l.0 == offer).map(|l| l.2).collect()
    };
    let item = |id| item(&shop.items, id);
    let mut both = of("x", "acc");
    both.sort();
    assert_eq!(both, [item("case-x"), item("charger")]);
    assert_eq!(of("y", "acc"), [item("charger")], "one case is enough");
    assert_eq!(of("back", "acc"), [], "what was returned is not owned");
    assert_eq!(of("none", "acc"), []);
    // No kind offers what does not fit; what was bought before fits.
    for (member, never) in
        [("x", "case-y"), ("y", "case-x"), ("none", "case-x"), ("none", "case-y"), ("back", "charger")]
    {
        assert!(outcome.of(member).iter().all(|c| c.target != item(never)), "{member} {never}");
    }
    assert!(outcome.of("x").iter().all(|c| c.target != item("phone-x")), "just bought, not bought again");
    let slot = outcome.of("x").iter().position(|c| c.target == item("case-x")).unwrap();
    assert_eq!(
        sentence(&outcome, &shop.items, "x", slot, Language::Zh),
        "「case-x」适配您在1970年4月1日购买的「phone-x」。"
    );
    let evidence = outcome.of("x")[slot].evidence;
    assert_eq!((evidence.about, evidence.date), (item("phone-x"), Some(Day(90))));
}

#[test]
fn replenish_by_own_gap_then_by_the_items() {
    let mut table = items(&[("filter", "parts"), ("food", "pet"), ("litter", "pet"), ("sofa", "home")]);
    let filter = at(&table, "filter");
    table.consumable_days[filter] = Some(60);
    let mut rows = Vec::new();
    for m in 0..30 {
        rows.extend(buys(&table, &format!("m{m}"), "litter", &[m, m + 20, m + 40]));
        rows.extend(buys(&table, &format!("m{m}"), "sofa", &[m]));
    }
    // Own gap 10, due on day 100.
    rows.extend(buys(&table, "own", "food", &[60, 70, 80, 90]));
    // Bought twice only: the item's gap of 20 makes it due on day 97.
    rows.extend(buys(&table, "items", "litter", &[50, 77]));
    // Two filters for 60 days each: due on day 100.
    rows.push(Row { units: 2, ..Row::buy("lasts", -20, filter as u32, 100) });
    rows.extend(buys(&table, "sofa", "sofa", &[70]));
    rows.extend(buys(&table, "early", "food", &[80, 88, 96]));
    rows.extend(buys(&table, "late", "food", &[10, 20, 30]));
    rows.iter_mut().for_each(|r| r.day += 100);
    let shop = shop(table, rows, 198);
    let outcome = shop.decide("[[offers]]\nid = \"r\"\nkind = \"replenish\"\nlead_days = 4");
    let food = item(&shop.items, "food");
    assert_eq!(outcome.short("own"), [("r".into(), "due_own_rhythm", food)]);
    let choice = outcome.of("own")[0];
    assert_eq!(choice.evidence.date, Some(Day(200)));
    assert_eq!((choice.evidence.days, choice.evidence.count), (Some(10), Some(4)));
    assert_eq!((choice.valid_from, choice.valid_until), (Day(199), Day(212)));
    // certainty 3 / 4, one day before it is due
    assert!((choice.score - 0.75 / 1.1).abs() < 1e-6);
    assert_eq!(outcome.short("items"), [("r".into(), "due_item_gap", item(&shop.items, "litter"))]);
    assert_eq!(outcome.of("items")[0].evidence.date, Some(Day(197)));
    assert_eq!(outcome.short("lasts"), [("r".into(), "due_consumable", item(&shop.items, "filter"))]);
    assert_eq!(outcome.of("lasts")[0].evidence.date, Some(Day(200)));
    for nobody in ["sofa", "early", "late"] {
        assert_eq!(outcome.short(nobody), [], "{nobody}");
    }
    assert_eq!(
        sentence(&outcome, &shop.items, "own", 0, Language::Zh),
        "您大约每 10 天购买一次「food」，按此节奏，1970年7月20日前后该补货了。"
    );
}

#[test]
fn early_access_for_regular_buyers_by_own_rhythm() {
    let table = items(&[("bone", "pet/dog"), ("cat-food", "pet/cat"), ("litter", "pet/cat"), ("tea", "tea")]);
    let mut rows = crowd(&table, 20, 90);
    rows.extend(buys(&table, "weekly", "cat-food", &[60, 67, 74, 81, 88]));
    rows.extend(buys(&table, "weekly", "bone", &[81]));
    rows.extend(buys(&table, "monthly", "litter", &[10, 40, 70]));
    rows.extend(buys(&table, "stopped", "cat-food", &[20, 27, 34, 41]));
    rows.extend(buys(&table, "rare", "cat-food", &[88, 89]));
    rows.extend(buys(&table, "tea", "tea", &[60, 67, 74, 81, 88]));
    let shop = shop(table, rows, 90);
    let job = "[[offers]]\nid = \"pet-first\"\nkind = \"category_early_access\"\ncategories = [\"pet\"]\n\
               starts = \"1970-04-05\"\nends = \"1970-04-10\"\nannounce_days = 5\n[decision]\nfill_to = 0";
    let outcome = shop.decide(job);
    let cat = Target::Category(shop.items.categories.find("pet/cat").unwrap() as u32);
    for member in ["weekly", "monthly"] {
        assert_eq!(outcome.short(member), [("pet-first".into(), "regular_buyer", cat)]);
    }
    for member in ["stopped", "rare", "tea"] {
        assert_eq!(outcome.short(member), [], "{member}");
    }
    let choice = outcome.of("weekly")[0];
    assert_eq!((choice.evidence.count, choice.evidence.days, choice.evidence.date), (Some(5), Some(7), Some(Day(60))));
    assert_eq!((choice.valid_from, choice.valid_until), (Day(94), Day(99)));
    assert_eq!(
        sentence(&outcome, &shop.items, "weekly", 0, Language::Zh),
        "您自1970年3月2日起已 5 次选购 pet 类商品，约每 7 天一次；1970年4月5日起您可抢先选购。"
    );
    // Before it is announced, and after it is over.
    for as_of in [87, 99] {
        let later = super::Shop { as_of, ..self::shop(shop.items.clone(), shop.rows.clone(), 0) };
        assert_eq!(later.decide(job).short("weekly"), []);
    }
}

#[test]
fn data_without_a_calendar_gets_next_items_only() {
    let table = items(&[("a", "x"), ("b", "x"), ("c", "x")]);
    let rows: Vec<Row> = (0..90).map(|i| Row::buy(&format!("m{}", i % 10), i / 10, (i * i % 3) as u32, 5)).collect();
    let mut shop = shop(table, rows, 8);
    shop.timeline = Timeline::Ordinal;
    let outcome =
        shop.decide("[[offers]]\nid = \"r\"\nkind = \"replenish\"\n[[offers]]\nid = \"n\"\nkind = \"next_item\"");
    for m in 0..10 {
        let list = outcome.short(&format!("m{m}"));
        assert!(!list.is_empty() && list.iter().all(|l| l.0 == "n"), "{list:?}");
        for (slot, choice) in outcome.of(&format!("m{m}")).iter().enumerate() {
            assert_eq!(choice.evidence.date, None);
            let text = sentence(&outcome, &shop.items, &format!("m{m}"), slot, Language::Zh);
            assert!(!text.contains('年') && !text.is_empty(), "{text}");
        }
    }
}
