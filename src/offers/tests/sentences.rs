//! Sentences with names that a shop did not mean to be read: every reason of every kind.

use proptest::prelude::*;

use super::items;
use crate::{
    base::{Day, Findings},
    history::Timeline,
    input::Labels,
    offers::{
        Catalogue, Chance, Choice, Evidence, Language, SentenceWriter, Target,
        template::{Template, is_layout},
        testing::bind,
    },
};

/// An offer of every kind.
const EVERY_KIND: &str = include_str!("../../../tests/it/kinds/offers.toml");
const HOSTILE: [&str; 14] = [
    "{item}",
    "}}{{",
    "{unknown}",
    "two\nlines\r\nand\u{2028}three",
    "👨‍👩‍👧‍👦🧧",
    "=HYPERLINK(\"http://x\")",
    "\u{202e}gnihtyreve snrut",
    "\u{2066}isolated",
    "مرحبا بالعالم",
    "\"quoted\", 'and' <b>more</b>",
    " \n \t ",
    "\0",
    "……——《》",
    "\\u0000%s%n",
];

fn catalogue(items: &crate::input::ItemTable, most: usize) -> Catalogue {
    let job = EVERY_KIND.replace("[decision]", &format!("[decision]\nmax_sentence_chars = {most}"));
    assert_ne!(job, EVERY_KIND);
    bind(&job, items, 20_600, Timeline::Calendar, &mut Findings::new())
}

/// Every sentence that the catalogue's offers can write about item 0 because of item 1.
fn sentences(names: [&str; 2], most: usize) -> Vec<(String, Language, String)> {
    let mut items = items(&[("a", "x"), ("b", "x"), ("z-denied", "y")]);
    items.name = vec![names[0].to_owned(), names[1].to_owned(), "㊙".to_owned()];
    items.denied[2] = true;
    let catalogue = catalogue(&items, most);
    let writer = SentenceWriter::new(&catalogue, &items, &Labels::default());
    let mut all = Vec::new();
    for (index, bound) in catalogue.offers.iter().enumerate() {
        for reason in 0..bound.offer.kind.reasons().len() {
            for target in [Target::Item(0), Target::Category(0)] {
                let choice = Choice {
                    offer: index as u16,
                    target,
                    score: 1.0,
                    reason: reason as u8,
                    evidence: Evidence {
                        about: Target::Item(1),
                        count: Some(3),
                        days: Some(30),
                        date: Some(Day(20_500)),
                        amount: Some(12_345),
                    },
                    valid_from: Day(20_601),
                    valid_until: Day(20_615),
                    chance: Chance::default(),
                };
                for language in [Language::Zh, Language::En] {
                    let mut text = String::from("before|");
                    writer.push(&choice, language, &mut text);
                    let text = text.strip_prefix("before|").unwrap().to_owned();
                    all.push((bound.offer.id.clone(), language, text));
                }
            }
        }
    }
    all
}

fn check(names: [&str; 2], most: usize) {
    for (offer, language, text) in sentences(names, most) {
        assert!(!text.trim().is_empty(), "{offer} {language:?} with {names:?}");
        assert!(!text.chars().any(is_layout), "{offer} {language:?}: {text:?}");
        assert!(text.chars().count() <= most, "{offer} {language:?}: {text}");
        assert!(!text.contains('㊙'), "{offer}: {text}");
    }
}

#[test]
fn every_kind_is_there() {
    let all = sentences(["a", "b"], 200);
    let kinds = crate::offers::kind_names().count();
    let offers: std::collections::BTreeSet<&str> = all.iter().map(|s| s.0.as_str()).collect();
    assert!(offers.len() >= kinds, "{} offers, {kinds} kinds", offers.len());
    // Plain names leave no brace of a template behind.
    for (offer, _, text) in &all {
        assert!(!text.contains(['{', '}']), "{offer}: {text}");
    }
}

#[test]
fn hostile_names_are_read_as_names() {
    for first in HOSTILE {
        for second in HOSTILE {
            check([first, second], 200);
        }
    }
    // What looks like a placeholder in a name stays what it is: names are not read as templates.
    let all = sentences(["{valid_until}", "{because}"], 200);
    assert!(all.iter().any(|(_, _, text)| text.contains("{valid_until}")));
    // A name that nobody could read gives way to the id.
    let all = sentences([" \u{2028}\n", "b"], 200);
    assert!(all.iter().all(|(_, _, text)| !text.contains("「」")), "{all:?}");
}

#[test]
fn long_names_give_way_to_shorter_sentences() {
    let long = "很长的商品名称".repeat(60);
    for most in [40, 60, 120, 200] {
        check([&long, "短"], most);
        check(["短", &long], most);
        check([&long, &long], most);
    }
    // Nothing is cut: where a name stands, it stands whole.
    for (_, _, text) in sentences([&"长".repeat(150), "短"], 200) {
        let run = text.matches('长').count();
        assert!(run == 0 || run == 150, "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_names(first in any::<String>(), second in "\\PC{0,80}", most in 40usize..200) {
        check([&first, &second], most);
    }

    #[test]
    fn templates_print_as_they_were_written(text in any::<String>()) {
        if let Ok(template) = Template::parse(&text) {
            prop_assert_eq!(template.to_string(), text);
        }
    }
}
