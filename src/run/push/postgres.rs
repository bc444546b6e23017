//! PostgreSQL: COPY into a staging table, then one transaction that deletes and upserts. Which run a table holds is kept in
//! the database, so that a delta is never applied to anything but its base.

use std::{fmt::Write as _, path::Path};

use bytes::Bytes;
use futures::SinkExt;
use tokio_postgres::{Client, Transaction};

use super::{
    Load, PushError, Pushed,
    secret::without,
    tls::{Security, TlsError},
};
use crate::{
    base::progress::Progress,
    export::{
        dialects::Role,
        targets::{FieldType, Target},
    },
    run::RunError,
    store::{StoreError, step},
};

/// Bytes of one message of a COPY.
const CHUNK: usize = 1 << 18;

/// The statements that load a target.
struct Statements {
    table: String,
    loads: String,
    create: String,
    /// Columns of a row.
    columns: Vec<String>,
    keys: Vec<String>,
}

/// A name as SQL has it.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn sql_type(kind: FieldType) -> &'static str {
    match kind {
        FieldType::Text => "text",
        FieldType::Integer => "bigint",
        FieldType::Decimal => "double precision",
        FieldType::Day => "date",
        FieldType::Flag => "boolean",
        FieldType::Tags => "text[]",
    }
}

impl Statements {
    fn new(target: &Target) -> Self {
        let parts: Vec<String> = target.push.table.split('.').map(quoted).collect();
        let schema = if parts.len() == 2 { format!("{}.", parts[0]) } else { String::new() };
        let mut keys: Vec<String> = target.keys.iter().take(1).map(|k| quoted(&k.field)).collect();
        let mut create = format!("{} text not null", keys.join(""));
        if target.decisions() {
            keys.push(quoted("slot"));
            create.push_str(", \"slot\" integer not null");
        }
        let mut columns = keys.clone();
        for field in &target.fields {
            // Writing into a String cannot fail.
            let _ = write!(create, ", {} {}", quoted(&field.name), sql_type(field.from.kind()));
            columns.push(quoted(&field.name));
        }
        let table = parts.join(".");
        let create = format!("create table if not exists {table} ({create}, primary key ({}))", keys.join(", "));
        Self { table, loads: format!("{schema}nextoffer_loads"), create, columns, keys }
    }

    fn upsert(&self, delta: bool) -> String {
        let columns = self.columns.join(", ");
        let fields = &self.columns[self.keys.len()..];
        let set: Vec<String> = fields.iter().map(|c| format!("{c} = excluded.{c}")).collect();
        let action = if set.is_empty() { "nothing".to_owned() } else { format!("update set {}", set.join(", ")) };
        let from = if delta { " where op <> 'removed'" } else { "" };
        format!(
            "insert into {} ({columns}) select {columns} from nextoffer_staging{from} on conflict ({}) do {action}",
            self.table,
            self.keys.join(", ")
        )
    }

    /// Deletes what was removed; of a full snapshot, what is not in it.
    fn delete(&self, delta: bool) -> String {
        let same: Vec<String> = self.keys.iter().map(|k| format!("t.{k} = s.{k}")).collect();
        let same = same.join(" and ");
        let table = &self.table;
        if delta {
            format!("delete from {table} t using nextoffer_staging s where s.op = 'removed' and {same}")
        } else {
            format!("delete from {table} t where not exists (select 1 from nextoffer_staging s where {same})")
        }
    }
}

/// Loads a run.
pub(super) fn push(load: &Load<'_>, full: bool, progress: &dyn Progress) -> Result<Pushed, RunError> {
    let target = &load.report.target;
    if target.keys.len() != 1 {
        return Err(PushError::SeveralKeys { target: target.name.clone() }.into());
    }
    progress.start("load", None);
    let pushed = load.places.runtime().block_on(async {
        let refused = |what| {
            move |e: tokio_postgres::Error| {
                let why = e.as_db_error().map_or_else(|| chain(&e), |db| db.to_string());
                let why = without(&why, &load.secret);
                if e.as_db_error().is_some() {
                    PushError::Refused { what, why }
                } else {
                    PushError::Unreachable { what, why }
                }
            }
        };
        let unusable = |e: TlsError| PushError::BadSecret { target: target.name.clone(), why: e.to_string() };
        let (security, plain) = Security::of(&load.secret).map_err(unusable)?;
        let mut config: tokio_postgres::Config = plain.parse().map_err(|_| PushError::BadSecret {
            target: target.name.clone(),
            why: "it is no connection string, such as host=db user=crm dbname=crm password=… sslmode=verify-full"
                .to_owned(),
        })?;
        let tls = security.apply(&mut config).map_err(unusable)?;
        let (mut client, connection) = config.connect(tls).await.map_err(refused("connect to PostgreSQL"))?;
        let driver = tokio::spawn(connection);
        let pushed = load_into(&mut client, load, full, &refused).await;
        drop(client);
        // Its end was seen as that of the statements.
        let _ = driver.await;
        pushed
    })?;
    progress.finish(&format!("{} rows", pushed.done));
    Ok(pushed)
}

pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let _ = write!(text, ": {cause}");
        source = cause.source();
    }
    text
}

async fn load_into<E>(
    client: &mut Client,
    load: &Load<'_>,
    full: bool,
    refused: &impl Fn(&'static str) -> E,
) -> Result<Pushed, RunError>
where
    E: FnOnce(tokio_postgres::Error) -> PushError,
{
    let report = load.report;
    let target = &report.target;
    let statements = Statements::new(target);
    let transaction = client.transaction().await.map_err(refused("begin"))?;
    let loads = &statements.loads;
    let create = format!("create table if not exists {loads} (target text primary key, run_id text, form text)");
    for sql in [create.as_str(), statements.create.as_str()] {
        transaction.batch_execute(sql).await.map_err(refused("create the table"))?;
    }
    // One load of a target at a time.
    let name = &target.name;
    let claim = format!("insert into {loads} (target) values ($1) on conflict (target) do nothing");
    transaction.execute(&claim, &[name]).await.map_err(refused("note the load"))?;
    let ask = format!("select run_id, form from {loads} where target = $1 for update");
    let row = transaction.query_one(&ask, &[name]).await.map_err(refused("note the load"))?;
    let held: Option<String> = row.get(0);
    if held.as_ref() == Some(&report.run_id) && !full {
        return Ok(Pushed { already: true, ..Pushed::default() });
    }
    let delta = !full && report.delta.is_some() && report.base.is_some() && report.base == held;
    let role = if delta { Role::Delta } else { Role::Full };
    let op = if delta { "op text, " } else { "" };
    let staging = format!("create temp table nextoffer_staging ({op}like {}) on commit drop", statements.table);
    transaction.batch_execute(&staging).await.map_err(refused("stage"))?;
    let mut columns: Vec<&str> = if delta { vec!["op"] } else { Vec::new() };
    columns.extend(statements.columns.iter().map(String::as_str));
    let copy = format!("copy nextoffer_staging ({}) from stdin with (format csv, header match)", columns.join(", "));
    let mut rows = 0;
    for (_, bytes) in load.files(role)? {
        rows += copy_in(&transaction, &copy, bytes).await.map_err(refused("copy"))?;
    }
    for sql in [statements.delete(delta), statements.upsert(delta)] {
        transaction.batch_execute(&sql).await.map_err(refused("upsert"))?;
    }
    let note = format!("update {loads} set run_id = $2, form = $3 where target = $1");
    transaction.execute(&note, &[name, &report.run_id, &report.form]).await.map_err(refused("note the load"))?;
    step("push.commit").map_err(StoreError::io("load", Path::new(&statements.table)))?;
    transaction.commit().await.map_err(refused("commit"))?;
    Ok(Pushed { full: !delta, total: rows, done: rows, ..Pushed::default() })
}

async fn copy_in(transaction: &Transaction<'_>, copy: &str, bytes: Vec<u8>) -> Result<u64, tokio_postgres::Error> {
    let sink = transaction.copy_in::<_, Bytes>(copy).await?;
    let mut sink = std::pin::pin!(sink);
    let mut bytes = Bytes::from(bytes);
    while !bytes.is_empty() {
        sink.send(bytes.split_to(bytes.len().min(CHUNK))).await?;
    }
    sink.finish().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::targets::{RawTarget, Shared, target_named};

    #[test]
    fn statements() {
        let mut raw: RawTarget =
            toml::from_str("fields = { \"se\\\"g\" = \"segment_code\", tags = \"tags\" }").unwrap();
        raw.push.table = Some("crm.members".into());
        let shared = Shared { generic_columns: &[], preview_rows: 1 };
        let target = target_named("postgres", &[("postgres".to_owned(), raw)].into(), &shared).unwrap();
        let statements = Statements::new(&target);
        assert_eq!(
            statements.create,
            "create table if not exists \"crm\".\"members\" (\"member_id\" text not null, \"se\"\"g\" text, \
             \"tags\" text[], primary key (\"member_id\"))"
        );
        assert_eq!(
            statements.upsert(true),
            "insert into \"crm\".\"members\" (\"member_id\", \"se\"\"g\", \"tags\") select \"member_id\", \"se\"\"g\", \
             \"tags\" from nextoffer_staging where op <> 'removed' on conflict (\"member_id\") do update set \
             \"se\"\"g\" = excluded.\"se\"\"g\", \"tags\" = excluded.\"tags\""
        );
        assert_eq!(statements.loads, "\"crm\".nextoffer_loads");
    }
}
