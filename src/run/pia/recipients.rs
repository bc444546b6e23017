//! Where results go.

use serde::Serialize;

use crate::{export::targets::KeySource, job::Job};

/// Somebody who gets results about members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Recipient {
    /// The CRM target, or `runs` for the published files themselves.
    pub name: String,
    /// How its files are written.
    pub dialect: String,
    /// What members are known by there.
    pub keys: Vec<String>,
    /// What is handed over of a member.
    pub fields: Vec<String>,
    /// Where `push` takes it, if it can.
    pub push: Option<String>,
}

pub(super) fn of(job: &Job) -> Vec<Recipient> {
    let mut files = vec!["segments", "tags", "offers", "next_purchase", "quarantine", "model"];
    if job.output().features {
        files.push("features");
    }
    let mut all = vec![Recipient {
        name: "runs".to_owned(),
        dialect: "parquet".to_owned(),
        keys: vec!["member_id".to_owned()],
        fields: files.into_iter().map(str::to_owned).collect(),
        push: None,
    }];
    all.extend(job.output().crm.iter().map(|target| {
        let key = |from: &KeySource| match from {
            KeySource::MemberId => "member_id".to_owned(),
            KeySource::Identity(system) => format!("identity.{system}"),
        };
        let pushes = matches!(target.dialect.as_str(), "wecom" | "postgres");
        Recipient {
            name: target.name.clone(),
            dialect: target.dialect.clone(),
            keys: target.keys.iter().map(|k| format!("{} = {}", k.field, key(&k.from))).collect(),
            fields: target.fields.iter().map(|f| format!("{} = {}", f.name, String::from(f.from.clone()))).collect(),
            push: pushes.then(|| match target.dialect.as_str() {
                "wecom" => target.push.url.clone(),
                _ => target.push.table.clone(),
            }),
        }
    }));
    all
}
