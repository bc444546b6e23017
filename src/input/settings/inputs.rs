//! `[inputs]`: where the tables are and what their columns are called.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    base::findings::{Findings, JobPath, nearest},
    input::contract::Table,
};

/// Where the input tables are and what their columns are called. Only `transactions` is required; what cannot be done
/// without one of the others is said once by `nextoffer check`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawInputs {
    /// Purchase lines: member_id, ts (or basket_index), item_id, order_id, quantity, unit_price or amount, discount,
    /// channel, store, city, is_return.
    pub transactions: RawTable,
    /// Items: item_id, name, category, brand, collection, parent, price, price_tier, launch_date, stock, fits,
    /// consumable_days, warranty_days, group_size, denied.
    pub items: Option<RawTable>,
    /// Members: member_id, birth_date, lunar_birthday, city, city_tier, joined, loyalty_tier, points, points_expire,
    /// channel_opt_in, preferred_channel.
    pub members: Option<RawTable>,
    /// Consent: member_id, lawful_basis, ts, personalisation_opt_out, guardian_consent, withdrawn_at. The newest state
    /// counts, whatever the as-of day.
    pub consent: Option<RawTable>,
    /// Members' ids in other systems: member_id, system, external_id, employee, email_hash, same_as.
    pub identities: Option<RawTable>,
    /// Offers sent: member_id, offer_id, sent_at, channel, outcome, outcome_at, run_id.
    pub contacts: Option<RawTable>,
    /// Which accessory fits which device: device, accessory (item ids or categories).
    pub compatibility: Option<RawTable>,
    /// What members did beside buying: member_id, activity (`referral`, `community`, `donation`, `complaint`,
    /// `return_request`), ts, subject (the cause or the group), closed_at (of complaints and requests).
    pub activities: Option<RawTable>,
    /// Tags a member must not be given: member_id, tag.
    pub suppressed_tags: Option<RawTable>,
    /// Ids of tags in target systems: system, tag, target_id.
    pub tag_ids: Option<RawTable>,
    /// Members to be forgotten: member_id.
    pub forgotten: Option<RawTable>,
    /// How object stores named by `s3://` paths are reached. Secrets come from the environment only.
    pub object_store: Option<RawObjectStore>,
}

/// One input table.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawTable {
    /// A Parquet file, a folder, a glob, a Hive-partitioned folder or an `s3://` URL, or a list of them. Relative paths
    /// start at the job file's folder.
    pub path: OneOrMany,
    /// Our column name = the file's column name, or = { expr = "SQL expression over the file's columns" }. A column that
    /// is not named here is looked for under our own name.
    #[serde(default)]
    pub columns: BTreeMap<String, RawColumn>,
    /// An SQL condition over the file's columns; rows that do not meet it are not read.
    pub filter: Option<String>,
}

/// One text or a list of texts.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum OneOrMany {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl Default for OneOrMany {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

/// What a column of ours is made of.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum RawColumn {
    /// A column of the file.
    Name(String),
    /// An SQL expression over the file's columns.
    Expr(RawExpr),
}

/// An SQL expression in the place of a column.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawExpr {
    /// The SQL expression over the file's columns.
    pub expr: String,
}

/// How object stores are reached. Keys and tokens are read from the environment (`AWS_ACCESS_KEY_ID`,
/// `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`), never from the job.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawObjectStore {
    /// URL of an S3-compatible server; without it, Amazon's.
    pub endpoint: Option<String>,
    /// Region.
    pub region: Option<String>,
    /// Whether plain http is allowed.
    #[serde(default)]
    pub allow_http: bool,
    /// Whether requests go out unsigned.
    #[serde(default)]
    pub anonymous: bool,
    /// Whether the bucket is part of the host name rather than of the path.
    #[serde(default)]
    pub virtual_hosted: bool,
}

/// The input tables of a job, checked.
#[derive(Debug, Clone, Serialize)]
pub struct InputSettings {
    tables: BTreeMap<Table, TableSource>,
    /// Where the data lies does not change what it says: its digests are in the run id.
    #[serde(skip)]
    object_store: ObjectStoreSettings,
}

/// One input table, checked.
#[derive(Debug, Clone, Serialize)]
pub struct TableSource {
    /// Places as written. Not part of the run id: the digests of what lies there are.
    #[serde(skip)]
    paths: Vec<String>,
    columns: BTreeMap<&'static str, ColumnSource>,
    filter: Option<String>,
}

/// What a column of the contract is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnSource {
    /// A column of the file.
    Column(String),
    /// An SQL expression over the file's columns.
    Expr(String),
}

/// How object stores are reached, checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObjectStoreSettings {
    options: BTreeMap<String, String>,
}

impl InputSettings {
    /// The source of a table, if the job names it.
    #[must_use]
    pub fn table(&self, table: Table) -> Option<&TableSource> {
        self.tables.get(&table)
    }

    /// Whether the job names the table.
    #[must_use]
    pub fn has(&self, table: Table) -> bool {
        self.tables.contains_key(&table)
    }

    /// The tables the job names, in the order of the contract.
    pub fn tables(&self) -> impl Iterator<Item = (Table, &TableSource)> {
        self.tables.iter().map(|(table, source)| (*table, source))
    }

    /// How object stores are reached.
    #[must_use]
    pub fn object_store(&self) -> &ObjectStoreSettings {
        &self.object_store
    }
}

impl TableSource {
    /// Files, folders, globs or URLs as written; relative ones start at the job file's folder.
    #[must_use]
    pub fn paths(&self) -> &[String] {
        &self.paths
    }

    /// What the job says the column of the contract is made of; `None` if the job does not name it.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&ColumnSource> {
        self.columns.get(name)
    }

    /// The columns the job names, by our name.
    pub fn columns(&self) -> impl Iterator<Item = (&'static str, &ColumnSource)> {
        self.columns.iter().map(|(name, source)| (*name, source))
    }

    /// SQL condition for the rows to read.
    #[must_use]
    pub fn filter(&self) -> Option<&str> {
        self.filter.as_deref()
    }

    /// The same table, of the rows only for which `condition` holds too.
    #[must_use]
    pub fn narrowed(&self, condition: &str) -> Self {
        let filter = match &self.filter {
            Some(filter) => format!("({filter}) AND ({condition})"),
            None => condition.to_owned(),
        };
        Self { filter: Some(filter), ..self.clone() }
    }
}

impl ObjectStoreSettings {
    /// Options by the names the object-store client knows.
    #[must_use]
    pub fn options(&self) -> &BTreeMap<String, String> {
        &self.options
    }
}

impl RawInputs {
    /// Checks the section found at `at`.
    pub fn check(&self, at: &JobPath, findings: &mut Findings) -> InputSettings {
        let mut tables = BTreeMap::new();
        for table in Table::ALL {
            if let Some(raw) = self.table(table) {
                tables.insert(table, raw.check(table, &at.key(table.name()), findings));
            }
        }
        let store_at = at.key("object_store");
        let object_store = self.object_store.as_ref().map(|raw| raw.check(&store_at, findings)).unwrap_or_default();
        InputSettings { tables, object_store }
    }

    fn table(&self, table: Table) -> Option<&RawTable> {
        match table {
            Table::Transactions => Some(&self.transactions),
            Table::Items => self.items.as_ref(),
            Table::Members => self.members.as_ref(),
            Table::Consent => self.consent.as_ref(),
            Table::Identities => self.identities.as_ref(),
            Table::Contacts => self.contacts.as_ref(),
            Table::Compatibility => self.compatibility.as_ref(),
            Table::Activities => self.activities.as_ref(),
            Table::SuppressedTags => self.suppressed_tags.as_ref(),
            Table::TagIds => self.tag_ids.as_ref(),
            Table::Forgotten => self.forgotten.as_ref(),
        }
    }
}

impl RawTable {
    fn check(&self, table: Table, at: &JobPath, findings: &mut Findings) -> TableSource {
        let paths = match &self.path {
            OneOrMany::One(path) => vec![path.clone()],
            OneOrMany::Many(paths) => paths.clone(),
        };
        if paths.is_empty() || paths.iter().any(|p| p.trim().is_empty()) {
            let message = format!("table `{}` has an empty path", table.name());
            findings.error(
                "input::empty_path",
                at.key("path"),
                message,
                "name a Parquet file, folder, glob or s3:// URL",
            );
        }
        for path in &paths {
            if let Some((scheme, _)) = path.split_once("://")
                && !matches!(scheme, "s3" | "s3a" | "file")
            {
                let message = format!("`{path}`: scheme `{scheme}` is not known");
                findings.error("input::unknown_scheme", at.key("path"), message, "use a path, s3://… or file://…");
            }
        }
        let mut columns = BTreeMap::new();
        for (ours, theirs) in &self.columns {
            let place = at.key("columns").key(ours);
            let source = theirs.source();
            if source.text().trim().is_empty() {
                let place = if matches!(source, ColumnSource::Expr(_)) { place.key("expr") } else { place };
                let message = format!("column `{ours}` of table `{}` is mapped to nothing", table.name());
                findings.error("input::empty_column", place, message, "name a column of the file or an SQL expression");
            } else if let Some(column) = table.column(ours) {
                columns.insert(column.name, source);
            } else {
                findings.error(
                    "input::unknown_column",
                    place,
                    format!("table `{}` has no column `{ours}` in the contract", table.name()),
                    unknown_column_help(table, ours, source.text()),
                );
            }
        }
        if table == Table::Transactions && columns.contains_key("ts") && columns.contains_key("basket_index") {
            let place = at.key("columns").key("basket_index");
            let message = "`ts` and `basket_index` are both mapped".to_owned();
            findings.error("input::two_orders", place, message, "map `basket_index` only for data that has no time");
        }
        let filter = self.filter.clone().filter(|f| !f.trim().is_empty());
        TableSource { paths, columns, filter }
    }
}

fn unknown_column_help(table: Table, ours: &str, theirs: &str) -> String {
    if table.column(theirs).is_some() && table.column(ours).is_none() {
        return format!("the map is ours = theirs: write `{theirs} = \"{ours}\"`");
    }
    let names = table.columns().iter().map(|c| c.name);
    match nearest(ours, names.clone()) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("the contract has: {}", names.collect::<Vec<_>>().join(", ")),
    }
}

impl RawColumn {
    fn source(&self) -> ColumnSource {
        match self {
            Self::Name(name) => ColumnSource::Column(name.clone()),
            Self::Expr(RawExpr { expr }) => ColumnSource::Expr(expr.clone()),
        }
    }
}

impl ColumnSource {
    /// The column's name or the expression.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Column(text) | Self::Expr(text) => text,
        }
    }
}

impl RawObjectStore {
    fn check(&self, at: &JobPath, findings: &mut Findings) -> ObjectStoreSettings {
        let mut options = BTreeMap::new();
        if let Some(endpoint) = &self.endpoint {
            match endpoint.split_once("://") {
                Some(("https", _)) => {}
                Some(("http", _)) if self.allow_http => {}
                Some(("http", _)) => findings.error(
                    "input::plain_http",
                    at.key("endpoint"),
                    format!("`{endpoint}` is plain http"),
                    "use https, or set `allow_http = true` where the network is your own",
                ),
                _ => findings.error(
                    "input::bad_endpoint",
                    at.key("endpoint"),
                    format!("`{endpoint}` is not an http or https URL"),
                    "write it like https://s3.example.com",
                ),
            }
            if endpoint.split_once("://").is_some_and(|(_, rest)| rest.split('/').next().unwrap_or("").contains('@')) {
                let message = "the endpoint carries a name and password".to_owned();
                findings.error(
                    "input::secret_in_job",
                    at.key("endpoint"),
                    message,
                    "secrets come from the environment",
                );
            }
            options.insert("endpoint".to_owned(), endpoint.clone());
        }
        if let Some(region) = &self.region {
            options.insert("region".to_owned(), region.clone());
        }
        for (name, on) in [
            ("allow_http", self.allow_http),
            ("skip_signature", self.anonymous),
            ("virtual_hosted_style_request", self.virtual_hosted),
        ] {
            if on {
                options.insert(name.to_owned(), "true".to_owned());
            }
        }
        ObjectStoreSettings { options }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> (InputSettings, Vec<(String, String, String)>) {
        let raw: RawInputs = toml::from_str(text).unwrap();
        let mut findings = Findings::new();
        let settings = raw.check(&JobPath::root().key("inputs"), &mut findings);
        let list =
            findings.into_iter().map(|f| (f.code.to_owned(), f.at.to_string(), f.help.unwrap_or_default())).collect();
        (settings, list)
    }

    #[test]
    fn a_good_section() {
        let (settings, findings) = check(
            r#"
            transactions = { path = ["a/*.parquet", "s3://b/c/"], filter = "x > 1", columns = { member_id = "uid", amount = { expr = "p / 100" } } }
            object_store = { endpoint = "http://localhost:9000", allow_http = true, anonymous = true }
            "#,
        );
        assert_eq!(findings, []);
        let lines = settings.table(Table::Transactions).unwrap();
        assert_eq!(lines.paths(), ["a/*.parquet", "s3://b/c/"]);
        assert_eq!(lines.column("amount"), Some(&ColumnSource::Expr("p / 100".into())));
        assert_eq!(lines.column("ts"), None);
        assert_eq!(settings.object_store().options().len(), 3);
        assert_eq!(
            serde_json::to_string(&settings).unwrap(),
            r#"{"tables":{"transactions":{"columns":{"amount":{"expr":"p / 100"},"member_id":{"column":"uid"}},"filter":"x > 1"}}}"#
        );
    }

    #[test]
    fn every_problem_is_found() {
        let (_, findings) = check(
            r#"
            transactions = { path = "", columns = { menber_id = "uid", uid = "member_id", zzzzzzz = "q", ts = "t", basket_index = "b", item_id = "" } }
            items = { path = "gs://x" }
            object_store = { endpoint = "http://me:pw@localhost" }
            "#,
        );
        let codes: Vec<&str> = findings.iter().map(|(code, ..)| code.as_str()).collect();
        assert_eq!(
            codes,
            [
                "input::empty_path",
                "input::empty_column",
                "input::unknown_column",
                "input::unknown_column",
                "input::unknown_column",
                "input::two_orders",
                "input::unknown_scheme",
                "input::plain_http",
                "input::secret_in_job",
            ]
        );
        assert_eq!(findings[2].1, "inputs.transactions.columns.menber_id");
        assert_eq!(findings[2].2, "did you mean `member_id`?");
        assert_eq!(findings[3].2, "the map is ours = theirs: write `member_id = \"uid\"`");
    }
}
