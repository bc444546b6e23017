//! Rules that hold for every kind, and what a job may say wrong.

use nextoffer::{
    job::{self, JobError},
    run::{Outcome, RunError, RunOptions, check},
};

use super::{dry_run, found, job_text};
use crate::support::root;

#[test]
fn nothing_is_sold_to_who_complains() {
    let shop = found();
    assert!(shop.at_odds.iter().any(|id| shop.personalised.contains(id)));
    let sells_not = [
        "points_expiring",
        "appointment",
        "consultation",
        "community_invite",
        "service_reminder",
        "milestone",
        "content_series",
        "donation_match",
    ];
    for (offer, slots) in &shop.slots {
        if !sells_not.contains(&offer.as_str()) {
            assert!(slots.iter().all(|s| !shop.at_odds.contains(&s.member)), "{offer}");
        }
    }
}

#[test]
fn nobody_without_consent_and_no_child_gets_a_birthday() {
    let shop = found();
    for slots in shop.slots.values() {
        assert!(slots.iter().all(|s| shop.personalised.contains(&s.member)));
    }
}

#[test]
fn denied_categories_are_in_no_offer_and_no_sentence() {
    let denied = |text: String| text.replace("[decision]", "[decision]\ndeny_categories = [\"beauty\"]");
    let Outcome::DryRun { summary, remarks } = dry_run(denied) else { panic!() };
    for offer in &summary.offers {
        for reason in &offer.reasons {
            for text in [&reason.example.0, &reason.example.1] {
                assert!(!text.contains("美妆") && !text.contains("beauty") && !text.contains("精华"), "{text}");
            }
        }
    }
    let of = |id: &str| summary.offers.iter().find(|o| o.offer_id == id).unwrap().chosen;
    for about_beauty in ["vip_preview", "consultation", "festival_bundle", "collection"] {
        assert_eq!(of(about_beauty), 0, "{about_beauty}");
    }
    assert!(of("local_event") > 0);
    assert!(remarks.findings().any(|f| f.code == "offers::denied_category"));
}

#[test]
fn a_rule_that_divides_by_zero_leaves_those_members_out() {
    let rule = |text: String| {
        text.replacen("id = \"winback\"", "id = \"winback\"\neligible = \"points / (points - points / 2 * 2) > 0\"", 1)
    };
    let Outcome::DryRun { summary, remarks } = dry_run(rule) else { panic!() };
    let reach = summary.offers.iter().find(|o| o.offer_id == "winback").unwrap().reach;
    // Members with an even number of points divide by zero; the others have the rule.
    assert!(reach.eligible > 100 && reach.eligible < found().personalised.len() as u64 * 7 / 10, "{reach:?}");
    let finding = remarks.findings().find(|f| f.code == "offers::rule_fails").unwrap();
    assert!(finding.message.contains("winback") && finding.message.contains("Divide by zero"), "{}", finding.message);
    assert_eq!(finding.at.as_str(), "offers[18].eligible");
}

#[test]
fn a_rule_on_what_a_member_lacks_is_no() {
    // `usual_gap_days` and `points` are null for some: null is no.
    let rule = |text: String| text.replacen("id = \"winback\"", "id = \"winback\"\neligible = \"city = city\"", 1);
    let Outcome::DryRun { summary, .. } = dry_run(rule) else { panic!() };
    let reach = summary.offers.iter().find(|o| o.offer_id == "winback").unwrap().reach;
    let city = found().attribute(found().members.texts("city"));
    let with_city = found().reachable(true).filter(|id| city[id.as_str()].is_some()).count() as u64;
    assert_eq!(reach.eligible, with_city);
}

/// Findings of the job with an edit: `code at: message (help)`.
fn findings(edit: impl Fn(String) -> String) -> Vec<String> {
    let loaded = match job::load_text(&root().join("jobs/kinds.toml"), &edit(job_text()), &[]) {
        Ok(loaded) => loaded,
        Err(JobError::Wrong { report, .. }) => return report.findings().map(said).collect(),
        Err(e) => panic!("{e}"),
    };
    match check(&loaded, &RunOptions::default()) {
        Ok(report) => report.findings().map(said).collect(),
        Err(RunError::Findings { report }) => report.findings().map(said).collect(),
        Err(e) => panic!("{e}"),
    }
}

fn said(finding: &nextoffer::base::Finding) -> String {
    format!("{} {}: {} ({})", finding.code, finding.at, finding.message, finding.help.as_deref().unwrap_or_default())
}

#[test]
fn every_wrong_rule_points_into_itself() {
    let of = |rule: &str| {
        let edit =
            |text: String| text.replacen("id = \"winback\"", &format!("id = \"winback\"\neligible = \"{rule}\""), 1);
        let all = findings(edit);
        all.into_iter().filter(|f| f.contains("offers[18]")).collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(
        [of("recency_dais < 30"), of("points > 'many'"), of("points / 0 > 1"), of("1 = 2"), of("points"), of("city_tier <")]
            .join("\n"),
        @r"
    offers::bad_rule offers[18].eligible: offer `winback`: `recency_dais < 30` names the column `recency_dais` (character 1), which is not there (did you mean `recency_days`?)
    offers::bad_rule offers[18].eligible: offer `winback`: `points > 'many'` failed on the data: Cast error: Cannot cast string 'many' to value of Int64 type (guard it: nullif(x, 0) under a division, try_cast instead of cast)
    offers::bad_rule offers[18].eligible: offer `winback`: `points / 0 > 1` failed on the data: Divide by zero error (guard it: nullif(x, 0) under a division, try_cast instead of cast)
    offers::nobody offers[18].eligible: nobody can get `winback`: its rule is never true (correct the rule)
    offers::bad_rule offers[18].eligible: offer `winback`: `points` gives Int64, where true or false is wanted (make it true or false, for example with CAST(… AS …))
    offers::bad_rule offers[18].eligible: offer `winback`: `city_tier <` is not a SQL expression: Expected: an expression, found: EOF (write one SQL expression, such as `quantity * unit_price`)
    "
    );
}

#[test]
fn what_a_kind_needs_is_asked_for() {
    let edit = |text: String| {
        text.replacen("activities = {", "#activities = {", 1)
            .replacen("festival = \"qixi\"", "festival = \"qixy\"", 1)
            .replacen("tiers = [\"gold\"", "tiers = [\"golden\"", 1)
    };
    insta::assert_snapshot!(findings(edit).join("\n"), @r"
    offers::unknown_tier offers[10].tiers[0]: `[loyalty]` has no tier `golden` (did you mean `gold`?)
    offers::unknown_festival offers[14].festival: there is no festival `qixy` (did you mean `qixi`?)
    job::offer_needs_table offers[20].kind: `community_invite` is of kind `community_invite`, which needs a table that is not named (name `[inputs.activities]` with `activity`)
    job::offer_needs_table offers[22].kind: `referral_invite` is of kind `referral_invite`, which needs a table that is not named (name `[inputs.activities]` with `activity`)
    job::offer_needs_table offers[27].kind: `donation_match` is of kind `donation_match`, which needs a table that is not named (name `[inputs.activities]` with `activity`)
    ");
}

#[test]
fn every_kind_has_its_place() {
    let nightly = std::fs::read_to_string(root().join("jobs/nightly.toml")).unwrap();
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let mut kinds = 0;
    for kind in nextoffer::offers::kind_names() {
        let row = format!("kind = \"{kind}\"");
        assert!(nightly.contains(&row), "jobs/nightly.toml has no offer of kind {kind}");
        assert!(job_text().contains(&row), "no offer of kind {kind} is held against the planted shop");
        assert!(readme.contains(&format!("`{kind}`")), "the readme does not say who gets a {kind}");
        assert!(!found().of(kind).is_empty(), "nobody gets a {kind}");
        kinds += 1;
    }
    assert_eq!(kinds, 28);
}
