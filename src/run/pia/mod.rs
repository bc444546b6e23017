//! The impact record: what PIPL 55 and 56 ask for before personal information is used for automated decisions.
//!
//! It is worked out from the checked job alone, so that the same job gives the same record, byte for byte, and names the
//! configuration by the hash that is in the manifest of each of its runs (`job_sha256`). It says what the configuration
//! does and what is left for people to judge; it judges nothing itself.

mod columns;
mod decisions;
mod open_points;
mod page;
mod recipients;
mod risks;

use serde::Serialize;

use super::{FORMAT, RunError};
use crate::{
    base::digest::sha256_hex,
    input::{
        contract::Need,
        settings::{ColumnSource, UnknownBirthDate, Window},
    },
    job::{Job, Loaded},
    report::percent,
    store::{OutputRoot, Places},
};
pub use columns::Sort;
pub use decisions::OfferTerms;
pub use recipients::Recipient;

/// The record for machines.
const JSON: &str = "impact-record.json";
/// The record for people.
const HTML: &str = "impact-record.html";

/// A text in Chinese and in English.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Said {
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
}

impl Said {
    fn new(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { zh: zh.into(), en: en.into() }
    }

    fn text(&self) -> crate::report::Text {
        crate::report::text(self.zh.clone(), self.en.clone())
    }
}

/// A column of an input and what it is read for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ColumnUse {
    /// The table.
    pub table: &'static str,
    /// Our name of the column.
    pub column: &'static str,
    /// What it is made of, where the job says so; else a column of our own name is read if the file has it.
    pub from: Option<String>,
    /// Whether the table cannot be read without it.
    pub required: bool,
    /// What it holds.
    pub sort: Sort,
    /// What it is read for.
    pub purpose: Said,
}

/// A named statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Statement {
    /// A lasting code.
    pub code: &'static str,
    /// What it is about.
    pub about: Said,
    /// What is said.
    pub says: Said,
}

impl Statement {
    fn new(code: &'static str, about: (&str, &str), says: (impl Into<String>, impl Into<String>)) -> Self {
        Self { code, about: Said::new(about.0, about.1), says: Said::new(says.0, says.1) }
    }
}

/// The impact record of a configuration.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ImpactRecord {
    /// Version of this record's form.
    pub record: u32,
    /// The job's name.
    pub job: String,
    /// SHA-256 of the checked job: `job_sha256` in the manifest of each of its runs.
    pub config_sha256: String,
    /// Version of the program.
    pub program: &'static str,
    /// Version of what a run means and writes.
    pub format: u32,
    /// What is done, for what, and on what basis.
    pub processing: Vec<Statement>,
    /// Every column that is read.
    pub columns: Vec<ColumnUse>,
    /// What the segments are made from.
    pub segment_features: Vec<String>,
    /// The offers and the published rules by which members get them.
    pub offers: Vec<OfferTerms>,
    /// Where results go.
    pub recipients: Vec<Recipient>,
    /// What members can ask for, and how.
    pub rights: Vec<Statement>,
    /// Risks, and what stands against each.
    pub risks: Vec<Statement>,
    /// What this configuration leaves for people to judge.
    pub open: Vec<Statement>,
}

impl ImpactRecord {
    /// The record of a job.
    #[must_use]
    pub fn of(job: &Job) -> Self {
        Self {
            record: 1,
            job: job.name().to_owned(),
            config_sha256: job.sha256(),
            program: env!("CARGO_PKG_VERSION"),
            format: FORMAT,
            processing: processing(job),
            columns: read(job),
            segment_features: job.segments().features.iter().map(|f| f.name.clone()).collect(),
            offers: decisions::terms(job),
            recipients: recipients::of(job),
            rights: risks::rights(job),
            risks: risks::risks(job),
            open: open_points::of(job),
        }
    }

    /// The record as a page in Chinese and English.
    #[must_use]
    pub fn page(&self, job: &Job) -> String {
        page::page(self, job.report().language)
    }
}

/// The impact record as JSON.
///
/// # Errors
/// Never in practice: the record holds nothing that JSON lacks.
pub fn impact_record_json(job: &Job) -> Result<Vec<u8>, RunError> {
    let mut bytes =
        serde_json::to_vec_pretty(&ImpactRecord::of(job)).map_err(|source| RunError::Json { file: JSON, source })?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Writes the impact record of a job, as a page and as JSON, to `pia/<start of the record's SHA-256>` of the output place or
/// of `out`; gives the place.
///
/// # Errors
/// If the output place cannot be written.
pub fn write_impact_record(loaded: &Loaded, out: Option<&str>) -> Result<String, RunError> {
    let job = &loaded.job;
    let places = Places::new(job.inputs().object_store().options().clone(), 1)?;
    let root = match out {
        Some(out) => OutputRoot::open(out, std::path::Path::new("."), &places),
        None => OutputRoot::open(job.out(), job.folder(), &places),
    }
    .map_err(RunError::Output)?;
    let json = impact_record_json(job)?;
    let id = sha256_hex(&json)[..16].to_owned();
    let staging = root.stage(&format!("pia-{id}")).map_err(RunError::Output)?;
    staging.write(JSON, &json)?;
    staging.write(HTML, ImpactRecord::of(job).page(job).as_bytes())?;
    let folder = format!("pia/{id}");
    root.replace(staging, &folder, &places)?;
    Ok(root.place(&folder))
}

fn read(job: &Job) -> Vec<ColumnUse> {
    let mut all = Vec::new();
    for (table, source) in job.inputs().tables() {
        for column in table.columns() {
            let (sort, purpose) = columns::purpose(table, column.name);
            let from = source.column(column.name).map(|from| match from {
                ColumnSource::Column(name) => name.clone(),
                ColumnSource::Expr(sql) => format!("sql: {sql}"),
            });
            let required = column.need == Need::Required;
            all.push(ColumnUse { table: table.name(), column: column.name, from, required, sort, purpose });
        }
    }
    all
}

fn processing(job: &Job) -> Vec<Statement> {
    let (consent, decision) = (job.consent(), &job.offers().decision);
    let basis = match consent.lawful_basis() {
        Some(basis) => Said::new(
            format!("任务声明对全部会员适用：{basis}"),
            format!("declared by the job for all members: {basis}"),
        ),
        None => Said::new(
            "逐个会员，以授权表的最新状态为准，发布前再核对一次；没有依据的排除并计数",
            "member by member, by the newest state of the consent table, which is read once more right before publishing; who \
             has none is left out and counted",
        ),
    };
    let segments = if job.segments().choose_k { "auto".to_owned() } else { job.segments().k.to_string() };
    let unknown = match consent.unknown_birth_date() {
        UnknownBirthDate::Keep => Said::new("视为成年", "taken to be of age"),
        UnknownBirthDate::Exclude => Said::new("按未成年人排除", "left out like minors"),
    };
    let denied = match decision.deny_categories.as_slice() {
        [] => Said::new("未列出禁用品类", "no category is denied"),
        some => {
            let list = some.join(", ");
            Said::new(
                format!("以下品类及其下级从不用于特征、优惠、标签或理由：{list}"),
                format!("never a feature, an offer, a tag or a reason, with all below them: {list}"),
            )
        }
    };
    let window = match job.cleaning().window() {
        Window::All => Said::new("读取全部历史", "the whole history is read"),
        Window::Days(days) => {
            Said::new(format!("只读取截止日前 {days} 天"), format!("only the {days} days up to the as-of day are read"))
        }
        Window::From(day) => Said::new(format!("只读取 {day} 起的记录"), format!("only lines from {day} on are read")),
    };
    let says = |s: Said| (s.zh, s.en);
    let kinds: Vec<String> =
        decision.holdout_kinds.iter().map(|(kind, share)| format!("{kind} {}", percent(*share))).collect();
    let kinds = kinds.join(", ");
    vec![
        Statement::new(
            "purpose",
            ("处理目的", "purpose"),
            (
                "根据购买记录为会员分群，并决定下一步最合适的优惠与服务，供会员运营使用",
                "members are put in segments by what they bought, and the next fitting offer or service is decided for each",
            ),
        ),
        Statement::new(
            "means",
            ("处理方式", "means"),
            (
                format!(
                    "自动化决策（个人信息保护法第二十四条、第五十五条第二项）：k-means 分群（k = {segments}）；按公开公式打分；\
                     每人至多 {} 项优惠；每夜批处理，无人工逐条审核",
                    decision.slots
                ),
                format!(
                    "automated decisions (PIPL 24, 55(2)): k-means segments (k = {segments}), a documented score, at most {} \
                     offers a member; a nightly batch, not looked at one by one",
                    decision.slots
                ),
            ),
        ),
        Statement::new("lawful_basis", ("合法依据", "lawful basis"), says(basis)),
        Statement::new(
            "minors",
            ("未成年人", "minors"),
            (
                format!("未满 {} 岁且无监护人同意的会员排除；生日未知的会员：{}", consent.minimum_age(), unknown.zh),
                format!(
                    "members under {} without a guardian's consent are left out; members whose birth date is not known are {}",
                    consent.minimum_age(),
                    unknown.en
                ),
            ),
        ),
        Statement::new("sensitive", ("敏感品类", "sensitive categories"), says(denied)),
        Statement::new("period", ("数据期限", "period of the data"), says(window)),
        Statement::new(
            "fair_terms",
            ("交易条件公平", "fair terms"),
            (
                "优惠的面值写在目录中，对所有得到它的会员相同；价格敏感度与促销偏好不得决定谁得到优惠金额，`check` 会拒绝这样的规则；\
                 每次运行的 fairness.csv 与 report.html 按分群和城市层级对比",
                "an offer's face value stands in the catalogue and is the same for all who get it; price sensitivity and \
                 interest in discounts may not decide who gets money off, and `check` refuses a rule that tries; fairness.csv \
                 and report.html of each run compare segments and city tiers",
            ),
        ),
        Statement::new(
            "experiments",
            ("实验与探索", "experiments"),
            (
                format!(
                    "对照组 {}（不导出优惠），按类型的对照组：{}；探索抽取 {}",
                    percent(decision.holdout_share),
                    if kinds.is_empty() { "无" } else { kinds.as_str() },
                    percent(decision.exploration.share)
                ),
                format!(
                    "{} of the members are held out (nothing is exported for them); by kind of offer: {}; a slot is drawn by lot \
                     for {}",
                    percent(decision.holdout_share),
                    if kinds.is_empty() { "none" } else { kinds.as_str() },
                    percent(decision.exploration.share)
                ),
            ),
        ),
    ]
}

#[cfg(test)]
mod tests;
