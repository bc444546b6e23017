use super::items;
use crate::{base::Findings, history::Timeline, offers::testing::bind};

fn of(job: &str) -> Vec<String> {
    let table = items(&[("cat-food", "pet/cat"), ("tea", "tea")]);
    let mut findings = Findings::new();
    bind(job, &table, 100, Timeline::Calendar, &mut findings);
    findings
        .iter()
        .map(|f| format!("{} {} | {} | {}", f.code, f.at, f.message, f.help.as_deref().unwrap_or_default()))
        .collect()
}

#[test]
fn every_finding_at_once() {
    let job = r#"
        [[offers]]
        id = "a"
        kind = "replenis"
        [[offers]]
        id = "a"
        kind = "accessory"
        lead_days = 3
        value = 1.005
        value_minor = 3
        starts = "2026-02-30"
        slots = [0]
        [[offers]]
        id = "b"
        kind = "category_early_access"
        starts = "2026-03-05"
        ends = "2026-03-01"
        eligible = "discount_share > 0.3"
        incentive = "discount"
        value = 1.005
        priority = 0.0
        valid_days = 0
        [[offers.sentences]]
        reason = "regular_bayer"
        zh = "x"
        [[offers.sentences]]
        zh = "{item} {categroy}"
        en = "{because} { "
        [[offers.sentences]]
        en = "{because}"
        [decision]
        slots = 0
        fallback = "c"
        holdout_share = 0.9
        [[decision.sentences]]
        zh = "x"
        [[decision.sentences]]
        kind = "nextitem"
        zh = "x"
    "#;
    insta::assert_snapshot!(of(job).join("\n"), @r#"
    offers::unknown_kind offers[0].kind | there is no offer kind `replenis` | did you mean `replenish`?
    offers::duplicate_id offers[1].id | two offers are called `a` (numbers 1 and 2) | give every offer an id of its own
    offers::unused_parameter offers[1].lead_days | an offer of kind `accessory` does not use `lead_days` | it uses device_days
    offers::bad_date offers[1].starts | `2026-02-30` is not a date | write it as YYYY-MM-DD
    offers::slot_out_of_range offers[1].slots[0] | there is no slot 0 | slots count from 1 to 50
    offers::value_twice offers[1].value | both `value` and `value_minor` are given | keep one of them
    offers::window_reversed offers[2].ends | the window of `b` ends on 2026-03-01, before it starts on 2026-03-05 | swap the two days
    offers::discount_gated_by_price_sensitivity offers[2].eligible | the rule of `b` decides by `discount_share` who gets money off | price sensitivity and discount affinity must never gate or size a discount (PIPL 24)
    offers::needs_categories offers[2].categories | `b` names no category to let members into | add `categories = ["…"]`
    offers::out_of_range offers[2].valid_days | 0 is out of range | from 1 to 3650
    offers::out_of_range offers[2].priority | 0 is out of range | from 0.000001 to 1000000
    offers::unknown_placeholder offers[2].sentences[1].zh | there is no placeholder `{categroy}` | did you mean `{category}`?
    offers::unbalanced_braces offers[2].sentences[1].en | a `{` has no `}` after it | write `{{` and `}}` for braces that are meant as such
    offers::placeholder_not_filled offers[2].sentences[2].en | reason `regular_buyer` of kind `category_early_access` does not fill `{because}` | it fills {offer}, {category}, {count}, {days}, {date}, {valid_from}, {valid_until}
    offers::unknown_reason offers[2].sentences[0].reason | kind `category_early_access` has no reason `regular_bayer` | did you mean `regular_buyer`?
    offers::value_precision offers[2].value | 1.005 is no amount of CNY | it has at most 2 digits after the point
    offers::sentence_without_kind decision.sentences[0] | the sentence names no kind | add `kind = …`
    offers::unknown_kind decision.sentences[1].kind | there is no offer kind `nextitem` | did you mean `next_item`?
    offers::out_of_range decision.slots | 0 is out of range | from 1 to 50
    offers::unknown_fallback decision.fallback | there is no offer `c` | did you mean `a`?
    offers::out_of_range decision.holdout_share | 0.9 is out of range | from 0 to 0.5
    offers::nobody offers[1].slots | nobody can get `a`: lists have 10 slots, and it takes none of them | let it take an earlier slot, or raise `decision.slots`
    "#);
}

#[test]
fn names_that_the_shop_does_not_have() {
    let job = "[[offers]]\nid = \"n\"\nkind = \"next_item\"\nitems = [\"tee\"]\ncategories = [\"pets\", \"pet\"]\n\
               [decision]\ndeny_categories = [\"te\"]";
    insta::assert_snapshot!(of(job).join("\n"), @r#"
    offers::no_fallback decision | no `next_item` offer is open to everyone, so short lists stay short and members who opted out of personalisation get no list | add an offer of kind `next_item` without `eligible`, `items` and `categories`
    offers::unknown_category decision.deny_categories[0] | no item is in category `te` | did you mean `tea`?
    offers::unknown_category offers[0].categories[0] | no item is in category `pets` | 
    offers::unknown_item offers[0].items[0] | there is no item `tee` | 
    offers::nobody offers[0].id | `n` is limited to items of which the shop has none | correct `items`, `categories`, `brands` or `collections`
    "#);
}

#[test]
fn caps_budgets_places_and_windows() {
    let job = r#"
        [[offers]]
        id = "zero"
        kind = "next_item"
        caps = { total = 0, per_city = -3, per_member_days = 30, cities = { "上还" = 5 } }
        budget = { money = -100.0, seats = -1 }
        fallback = "zerro"
        [[offers]]
        id = "short"
        kind = "coupon"
        categories = ["tea"]
        value = 20.0
        cost = -1.0
        budget = { money = 10.0 }
        [[offers]]
        id = "free"
        kind = "next_item"
        categories = ["tea"]
        budget = { money = 10.0 }
        fallback = "round"
        [[offers]]
        id = "round"
        kind = "local_event"
        categories = ["tea"]
        cities = ["上海", "杭洲"]
        city_tiers = [7]
        fallback = "free"
        [[offers]]
        id = "spring_a"
        kind = "next_item"
        categories = ["tea"]
        starts = "1970-03-01"
        ends = "1970-06-10"
        [[offers]]
        id = "spring_b"
        kind = "next_item"
        categories = ["tea"]
        starts = "1970-06-10"
        [[offers]]
        id = "feast"
        kind = "festival_bundle"
        festival = "opening"
        [[offers]]
        id = "season"
        kind = "seasonal_item"
        categories = ["tea"]
        season_from = "02-30"
        [calendar]
        holidays = [{ code = "opening", dates = ["1969-05-01"] }, { code = "opening", day = "9-9", lunar = "03-31" }]
        [cities.tiers]
        "鹤城" = 6
        [loyalty]
        tiers = [{ code = "gold", spend = 100.0 }, { code = "black", spend = 100.0 }]
    "#;
    insta::assert_snapshot!(of(job).join("\n"), @r"
    cities::tier_out_of_range cities.tiers.鹤城 | 6 is no tier of `鹤城` | from 1 (first tier) to 5
    loyalty::not_rising loyalty.tiers[1] | `black` asks for no more than the tier below it | write the tiers from the lowest up
    calendar::when calendar.holidays[1] | it is not said, or said twice, when `opening` is | give one of `dates`, `day` and `lunar`
    calendar::bad_day calendar.holidays[1].day | `9-9` is no such day | write month and day, such as 03-08
    calendar::duplicate_code calendar.holidays[1].code | two holidays are called `opening` | give each a code
    offers::cap_of_zero offers[0].caps.total | a cap of 0 lets nobody have the offer | raise it
    offers::negative_cap offers[0].caps.per_city | -3 is no number of members | write 0 or more, or leave it out for no cap
    offers::period_without_cap offers[0].caps.per_member_days | `per_member_days` without `per_member` does nothing | add the cap or take it out
    cities::unknown_city offers[0].caps.cities.上还 | there is no city `上还` | did you mean `上海`? Else give its tier under `[cities.tiers]`
    offers::value_negative offers[0].budget.money | `money` is negative | write 0 or more
    offers::negative_cap offers[0].budget.seats | -1 is no number of members | write 0 or more, or leave it out for no cap
    offers::value_negative offers[1].cost | `cost` is negative | write 0 or more
    offers::budget_below_value offers[1].budget | the budget is smaller than one face value, so nobody gets the offer | raise the budget
    offers::budget_without_value offers[2].budget.money | the offer has no face value, so it uses up no money | give the offer a `value`, or cap it with `caps.total` or `budget.seats`
    offers::without_end offers[3].budget | `round` has no seats, so that everybody is invited | add `budget.seats` or `caps.per_city`
    cities::unknown_city offers[3].cities[1] | there is no city `杭洲` | did you mean `杭州`? Else give its tier under `[cities.tiers]`
    offers::out_of_range offers[3].city_tiers[0] | there is no city tier 7 | from 1 to 5
    offers::bad_month_day offers[7].season_from | `02-30` is no day of a year | write month and day, such as 11-15
    offers::half_a_season offers[7].season_from | a season needs its first and its last day | give `season_from` and `season_until`
    offers::unknown_fallback offers[0].fallback | there is no offer `zerro` | did you mean `zero`?
    offers::fallback_circle offers[2].fallback | the fallbacks of `free` lead back to it | let the last one have no `fallback`
    offers::fallback_circle offers[3].fallback | the fallbacks of `round` lead back to it | let the last one have no `fallback`
    offers::no_fallback decision | no `next_item` offer is open to everyone, so short lists stay short and members who opted out of personalisation get no list | add an offer of kind `next_item` without `eligible`, `items` and `categories`
    offers::overlapping_windows offers[5].id | `spring_a` and `spring_b` offer the same to the same members, and their windows overlap | on common days the higher `priority` goes first, then the lower id; end one before the other starts
    offers::nobody offers[6].festival | nobody can get `feast`: its festival does not come again | give the holiday dates that lie ahead
    ");
}
