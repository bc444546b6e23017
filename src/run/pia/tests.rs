use std::path::Path;

use super::*;
use crate::job;

fn record(more: &str) -> (Job, ImpactRecord) {
    let text = format!(
        "version = 1\nname = \"shop\"\n[inputs]\ntransactions = {{ path = \"lines.parquet\", columns = {{ member_id = \"uid\" }} }}\n{more}"
    );
    let loaded = job::load_text(Path::new("job.toml"), &text, &[]).unwrap_or_else(|e| panic!("{e}"));
    let record = ImpactRecord::of(&loaded.job);
    (loaded.job, record)
}

fn codes(statements: &[Statement]) -> Vec<&str> {
    statements.iter().map(|s| s.code).collect()
}

#[test]
fn what_is_left_for_people_is_what_the_job_leaves() {
    let (_, bare) = record("[consent]\nlawful_basis = \"contract\"\n");
    assert_eq!(codes(&bare.open), ["declared_basis", "ages_unknown", "whole_history"]);
    let (_, full) = record(
        "consent = { path = \"c.parquet\" }\nitems = { path = \"i.parquet\" }\nmembers = { path = \"m.parquet\" }\n\
         [consent]\nunknown_birth_date = \"exclude\"\ndenied_categories = [\"health\"]\n[cleaning]\nwindow_days = 730\n",
    );
    assert_eq!(codes(&full.open), [""; 0]);
    let (_, more) = record(
        "consent = { path = \"c.parquet\" }\nitems = { path = \"i.parquet\" }\nmembers = { path = \"m.parquet\" }\n\
         identities = { path = \"x.parquet\", columns = { email_hash = \"mail\" } }\n\
         [[features.sql]]\nname = \"nights\"\nexpr = \"count(*)\"\nunit = \"share\"\n\
         [[offers]]\nid = \"all\"\nkind = \"next_item\"\n\
         [[offers]]\nid = \"five\"\nkind = \"next_item\"\nvalue = 5.0\neligible = \"orders > 3\"\n\
         [decision]\nholdout_share = 0.1\n[output]\nfeatures = true\n",
    );
    assert_eq!(
        codes(&more.open),
        [
            "birth_date_unknown",
            "nothing_denied",
            "whole_history",
            "unused_column",
            "own_feature",
            "rule_for_money",
            "by_lot",
            "features_written",
        ]
    );
    assert_eq!(more.offers[1].value_minor, 500);
    assert_eq!(more.offers[1].eligible.as_deref(), Some("orders > 3"));
}

#[test]
fn columns_are_those_of_the_tables_the_job_names() {
    let (_, record) = record("[consent]\nlawful_basis = \"contract\"\n");
    assert!(record.columns.iter().all(|c| c.table == "transactions"));
    let member = record.columns.iter().find(|c| c.column == "member_id").unwrap();
    assert_eq!((member.from.as_deref(), member.required, member.sort), (Some("uid"), true, Sort::Identifier));
    assert!(record.columns.iter().all(|c| !c.purpose.zh.is_empty() && c.purpose.en != "not said"));
}

#[test]
fn a_record_stands_for_its_configuration() {
    let basis = "[consent]\nlawful_basis = \"contract\"\n";
    let ((job, one), (_, again)) = (record(basis), record(basis));
    assert_eq!(impact_record_json(&job).unwrap(), impact_record_json(&job).unwrap());
    assert_eq!((one.page(&job), &one), (again.page(&job), &again));
    assert_eq!(one.config_sha256, job.sha256());
    let (_, other) = record(&basis.replace("contract", "consent"));
    assert_ne!(one.config_sha256, other.config_sha256);
    // Where the data lies is not the configuration's.
    let (_, moved) = record(&format!("{basis}minimum_age = 14\n"));
    assert_eq!(one, moved);
    let page = one.page(&job);
    for part in
        ["个人信息保护影响评估记录", "impact record", &one.config_sha256, "transactions.member_id", "大数据杀熟"]
    {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("<script"));
}
