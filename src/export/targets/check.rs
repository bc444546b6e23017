//! Checks `[output.targets]` and makes targets of what `output.crm` names.

use std::collections::BTreeMap;

use super::{
    BlankMeans, Column, Field, FieldType, Key, KeySource, Push, RawField, RawPush, RawTarget, Rows, Target, TextFormat,
    TooLong,
};
use crate::{
    base::{Findings, findings::JobPath, findings::nearest},
    export::{
        dialects::{self, Defaults, Dialect},
        generic::GenericColumn,
    },
};

/// What the targets share with the rest of `[output]`.
#[derive(Debug)]
pub struct Shared<'a> {
    /// Columns of the generic target where it declares no fields.
    pub generic_columns: &'a [GenericColumn],
    /// Rows of a preview.
    pub preview_rows: u32,
}

/// The targets that `crm` names: sections of `[output.targets]`, or dialects as they are.
pub fn check_targets(
    crm: Option<&[String]>,
    sections: &BTreeMap<String, RawTarget>,
    shared: &Shared<'_>,
    at: &JobPath,
    findings: &mut Findings,
) -> Vec<Target> {
    let at_targets = at.key("targets");
    for (name, raw) in sections {
        // Also one that is not exported tonight may be named by `nextoffer export`.
        check_one(name, raw, shared, &at_targets.key(name), findings);
    }
    let generic = ["generic".to_owned()];
    let mut targets: Vec<Target> = Vec::new();
    for (i, name) in crm.unwrap_or(&generic).iter().enumerate() {
        let at = at.key("crm").index(i);
        if crm.unwrap_or(&generic)[..i].contains(name) {
            findings.error("output::target_twice", at, format!("target `{name}` is named twice"), "");
            continue;
        }
        match target_named(name, sections, shared) {
            Some(target) => targets.push(target),
            // What is wrong with it is said elsewhere.
            None if sections.contains_key(name) || dialects::dialect(name).is_some() => {}
            None => {
                let mut known: Vec<&str> = sections.keys().map(String::as_str).collect();
                dialects::names().for_each(|name| known.push(name));
                let help = nearest(name, known.iter().copied())
                    .map_or_else(|| format!("targets: {}", known.join(", ")), |n| format!("did you mean `{n}`?"));
                findings.error("output::unknown_target", at, format!("there is no CRM target `{name}`"), help);
            }
        }
    }
    targets
}

/// The target of that name: a section, or a dialect as it is. `None` if there is none, or it is wrong.
pub fn target_named(name: &str, sections: &BTreeMap<String, RawTarget>, shared: &Shared<'_>) -> Option<Target> {
    let plain = RawTarget::default();
    let raw = sections.get(name).or_else(|| dialects::dialect(name).map(|_| &plain))?;
    let mut quiet = Findings::new();
    let target = check_one(name, raw, shared, &JobPath::root(), &mut quiet)?;
    (!quiet.has_errors()).then_some(target)
}

fn check_one(
    name: &str,
    raw: &RawTarget,
    shared: &Shared<'_>,
    at: &JobPath,
    findings: &mut Findings,
) -> Option<Target> {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-');
    if name.is_empty() || name.len() > 64 || !name.bytes().all(fits) {
        let message = format!("`{name}` cannot be a target's name");
        let help = "it is the name of a folder: use 1 to 64 lower-case letters, digits, `-` and `_`";
        findings.error("output::bad_target_name", at.clone(), message, help);
        return None;
    }
    let wanted = raw.dialect.as_deref().unwrap_or(name);
    let Some(dialect) = dialects::dialect(wanted) else {
        let help = nearest(wanted, dialects::names()).map_or_else(
            || format!("dialects: {}", dialects::names().collect::<Vec<_>>().join(", ")),
            |n| format!("did you mean `{n}`?"),
        );
        let at = if raw.dialect.is_some() { at.key("dialect") } else { at.clone() };
        findings.error("output::unknown_dialect", at, format!("there is no dialect `{wanted}`"), help);
        return None;
    };
    let defaults = dialect.defaults();
    check_options(dialect, raw, &defaults, at, findings);
    let rows = raw.rows.filter(|r| *r == Rows::Members || defaults.decisions).unwrap_or(defaults.rows);
    let decisions = rows == Rows::Decisions;
    let mut target = Target {
        name: name.to_owned(),
        dialect: dialect.name().to_owned(),
        format: raw.format.unwrap_or_default(),
        rows,
        keys: check_keys(raw, &defaults, at, findings),
        fields: check_fields(dialect, raw, &defaults, decisions, shared, at, findings),
        line_ending: raw.line_ending.unwrap_or_default(),
        header: raw.header.unwrap_or(true),
        blank: raw.blank.unwrap_or(defaults.blank.0),
        empty: raw.empty.clone().unwrap_or_else(|| "none".to_owned()),
        list: raw.list.unwrap_or_default(),
        tag_system: raw.tag_system.clone().unwrap_or_else(|| name.to_owned()),
        delta: raw.delta.unwrap_or(defaults.delta),
        preview_rows: raw.preview_rows.unwrap_or(shared.preview_rows).min(1_048_575),
        limits: defaults.limits.with(&raw.limits),
        push: check_push(name, &raw.push, &defaults, at, findings),
    };
    // A field may not be longer than what may be read of it.
    if let Some(most) = target.limits.field_chars {
        for field in &mut target.fields {
            if field.max_chars.is_some_and(|own| u64::from(own) > most) {
                field.max_chars = None;
            }
        }
    }
    check_names(dialect, &target, at, findings);
    Some(target)
}

/// Options that the dialect does not have.
fn check_options(dialect: &dyn Dialect, raw: &RawTarget, defaults: &Defaults, at: &JobPath, findings: &mut Findings) {
    let mut idle = |key: &str, there: bool, has: bool| {
        if there && !has {
            let message = format!("dialect `{}` has no `{key}`", dialect.name());
            findings.error("output::idle_option", at.key(key), message, "leave it out");
        }
    };
    let generic = dialect.name() == "generic";
    idle("format", raw.format.is_some(), generic);
    idle("rows", raw.rows == Some(Rows::Decisions), defaults.decisions);
    idle("line_ending", raw.line_ending.is_some(), defaults.options.line_ending);
    idle("header", raw.header.is_some(), defaults.options.header);
    idle("list", raw.list.is_some(), defaults.options.list);
    idle("blank", raw.blank.is_some(), defaults.blank.1);
    idle("tag_system", raw.tag_system.is_some(), dialect.name() == "wecom");
    let ignored = raw.blank.unwrap_or(defaults.blank.0) == BlankMeans::Ignored;
    idle("empty", raw.empty.is_some(), ignored && !matches!(dialect.name(), "salesforce" | "wecom"));
    if let Some(empty) = &raw.empty
        && (empty.trim() != empty || empty.is_empty() || empty.chars().any(char::is_control))
    {
        let message = format!("`{empty}` cannot stand for \"no value\"");
        findings.error("output::bad_empty", at.key("empty"), message, "use a word, such as \"none\"");
    }
    if raw.preview_rows.is_some_and(|r| r > 1_048_575) {
        let at = at.key("preview_rows");
        findings.error("output::preview_too_long", at, "a spreadsheet holds 1,048,575 rows below the header", "");
    }
}

fn key_source(text: &str) -> Option<KeySource> {
    match text.split_once('.') {
        None if text == "member_id" => Some(KeySource::MemberId),
        Some(("identity", system)) if !system.is_empty() => Some(KeySource::Identity(system.to_owned())),
        _ => None,
    }
}

fn check_keys(raw: &RawTarget, defaults: &Defaults, at: &JobPath, findings: &mut Findings) -> Vec<Key> {
    let Some(keys) = &raw.keys else {
        let own = |(field, from, create_only): &(&str, &str, bool)| Key {
            field: (*field).to_owned(),
            from: key_source(from).unwrap_or(KeySource::MemberId),
            create_only: *create_only,
        };
        return defaults.keys.iter().map(own).collect();
    };
    let at = at.key("keys");
    let mut checked: Vec<Key> = Vec::new();
    for (i, key) in keys.iter().enumerate() {
        let at = at.index(i);
        let Some(from) = key_source(&key.from) else {
            let message = format!("`{}` is no key of a member", key.from);
            findings.error("output::bad_key", at.key("from"), message, "use `member_id` or `identity.<system>`");
            continue;
        };
        if checked.iter().any(|k| k.field == key.field) {
            let message = format!("key field `{}` is named twice", key.field);
            findings.error("output::field_twice", at.key("field"), message, "each kind of key has a file of its own");
            continue;
        }
        checked.push(Key { field: key.field.clone(), from, create_only: key.create_only.unwrap_or(false) });
    }
    if keys.is_empty() {
        findings.error("output::no_key", at, "a target needs a key", "name one, or leave `keys` out");
    }
    checked
}

fn check_fields(
    dialect: &dyn Dialect,
    raw: &RawTarget,
    defaults: &Defaults,
    decisions: bool,
    shared: &Shared<'_>,
    at: &JobPath,
    findings: &mut Findings,
) -> Vec<Field> {
    let plain = |name: &str, from: Column| {
        let too_long = if from.is_prose() { TooLong::Cut } else { TooLong::LeaveOut };
        Field { name: name.to_owned(), from, digits: None, max_chars: None, max_bytes: None, too_long }
    };
    let Some(fields) = &raw.fields else {
        let generic = dialect.name() == "generic";
        if decisions {
            let columns = shared.generic_columns.iter();
            // Elsewhere the key and the slot are columns of their own.
            let own = |c: &&GenericColumn| generic || !matches!(c, GenericColumn::MemberId | GenericColumn::Slot);
            return columns.filter(own).map(|c| plain(c.name(), Column::Decision(*c))).collect();
        }
        let mut own = Vec::new();
        if generic {
            own.push(plain("member_id", Column::MemberId));
        }
        let of = if defaults.fields.is_empty() { dialects::MEMBER_FIELDS } else { defaults.fields };
        own.extend(of.iter().filter_map(|(name, column)| Some(plain(name, Column::named(column, false)?))));
        return own;
    };
    let at = at.key("fields");
    let mut checked: Vec<Field> = Vec::new();
    for (name, raw) in &fields.0 {
        let at = at.key(name);
        let from = match raw {
            RawField::Column(from) => from,
            RawField::Fitted(fitted) => &fitted.from,
        };
        let Some(column) = Column::named(from, decisions) else {
            let known = Column::names(decisions);
            let help = nearest(from, known.iter().map(String::as_str)).map(|n| format!("did you mean `{n}`?"));
            let message = format!("there is no column `{from}`");
            findings.error("output::unknown_column", at, message, help.unwrap_or_else(|| known.join(", ")));
            continue;
        };
        let mut field = plain(name, column);
        if let RawField::Fitted(fitted) = raw {
            let kind = field.from.kind();
            if fitted.digits.is_some() && kind != FieldType::Decimal {
                let message = format!("`{from}` is no number with a fraction");
                findings.error("output::idle_option", at.key("digits"), message, "leave `digits` out");
            }
            let limited = fitted.max_chars.is_some() || fitted.max_bytes.is_some() || fitted.too_long.is_some();
            if limited && kind != FieldType::Text {
                let message = format!("`{from}` is no text: it has no length to keep within");
                findings.error("output::idle_option", at.clone(), message, "leave the length out");
            }
            for (key, most) in [("max_chars", fitted.max_chars), ("max_bytes", fitted.max_bytes)] {
                if most == Some(0) {
                    findings.error("output::no_room", at.key(key), "a field of length 0 holds nothing", "");
                }
            }
            field.digits = fitted.digits.map(|d| d.min(17));
            field.max_chars = fitted.max_chars;
            field.max_bytes = fitted.max_bytes;
            field.too_long = fitted.too_long.unwrap_or(field.too_long);
        }
        checked.push(field);
    }
    if checked.is_empty() && fields.0.is_empty() {
        findings.error("output::no_fields", at, "a target without fields tells the CRM nothing", "map a column");
    }
    checked
}

fn check_push(name: &str, raw: &RawPush, defaults: &Defaults, at: &JobPath, findings: &mut Findings) -> Push {
    let at = at.key("push");
    let table = raw.table.clone().unwrap_or_else(|| format!("nextoffer_{}", name.replace('-', "_")));
    let word = |part: &str| {
        !part.is_empty()
            && part.len() <= 63
            && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
            && !part.starts_with(|c: char| c.is_ascii_digit())
    };
    if table.split('.').count() > 2 || !table.split('.').all(word) {
        let message = format!("`{table}` cannot be the name of a table");
        findings.error("output::bad_table", at.key("table"), message, "use lower-case letters, digits and `_`");
    }
    if let Some(url) = &raw.url
        && !(url.starts_with("https://") || url.starts_with("http://"))
    {
        let message = format!("`{url}` is no http address");
        findings.error("output::bad_url", at.key("url"), message, "write it like https://qyapi.weixin.qq.com");
    }
    if let Some(secret) = &raw.secret_env
        && !secret.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    {
        // What was meant as a name may be the secret itself: it is not repeated.
        let message = "this is not the name of an environment variable";
        findings.error("output::bad_secret_env", at.key("secret_env"), message, "name the variable, not the secret");
    }
    Push {
        url: raw.url.clone().unwrap_or_else(|| defaults.url.to_owned()).trim_end_matches('/').to_owned(),
        secret_env: raw.secret_env.clone().unwrap_or_else(|| defaults.secret_env.to_owned()),
        secret_file: raw.secret_file.clone(),
        table,
        attempts: raw.attempts.unwrap_or(8).clamp(1, 100),
        backoff_ms: raw.backoff_ms.unwrap_or(500).min(60_000),
    }
}

/// Names of fields: what a header can hold, once each, within the limits.
fn check_names(dialect: &dyn Dialect, target: &Target, at: &JobPath, findings: &mut Findings) {
    let generic = dialect.name() == "generic";
    let at_fields = at.key("fields");
    let mut seen: Vec<&str> = Vec::new();
    let keys = target.keys.iter().map(|k| (k.field.as_str(), at.key("keys")));
    let keys = keys.filter(|_| !generic);
    let fields = target.fields.iter().map(|f| (f.name.as_str(), at_fields.key(&f.name)));
    for (name, at) in keys.chain(fields) {
        let reserved = name == "op" || (target.decisions() && !generic && name == "slot");
        if name.trim() != name || name.is_empty() || name.chars().any(|c| c.is_control() || c == '\u{feff}') {
            let message = format!("`{}` cannot be the name of a field", name.escape_debug());
            findings.error("output::bad_field_name", at, message, "no control characters, no space at its ends");
        } else if reserved || seen.contains(&name) {
            let message = format!("field `{name}` is there twice");
            findings.error("output::field_twice", at, message, "`op` and `slot` are columns of their own");
        }
        seen.push(name);
    }
    if generic {
        let holds = |wanted: &[Column]| target.fields.iter().any(|f| wanted.contains(&f.from));
        let member = [Column::MemberId, Column::Decision(GenericColumn::MemberId)];
        let slot = [Column::Decision(GenericColumn::Slot)];
        for (name, wanted, needed) in [("member_id", &member[..], true), ("slot", &slot[..], target.decisions())] {
            // The columns of `generic_columns` are checked where they are written.
            if needed && !holds(wanted) {
                let message = format!("no field holds `{name}`, which is part of the key");
                findings.error("output::key_column_missing", at_fields.clone(), message, "map it");
            }
        }
        let wrong = target.keys.len() != 1 || target.keys.iter().any(|k| k.from != KeySource::MemberId);
        if wrong {
            let message = "the generic target is keyed by `member_id`";
            findings.error("output::bad_key", at.key("keys"), message, "leave `keys` out");
        }
    }
    if dialect.name() == "wecom" {
        if target.fields.len() != 1 || target.fields[0].from.kind() != FieldType::Tags {
            let message = "WeCom takes tags and nothing else";
            let help = "map one field to `tags` or to `tags.<source>`";
            findings.error("output::tags_only", at_fields.clone(), message, help);
        }
        if !matches!(target.keys.as_slice(), [key] if matches!(key.from, KeySource::Identity(_))) {
            let message = "WeCom is keyed by the external id and the employee of the identities table";
            findings.error("output::bad_key", at.key("keys"), message, "leave `keys` out, or name `identity.<system>`");
        }
    }
    let limits = &target.limits;
    let columns = target.fields.len() as u64 + 2;
    if limits.columns.is_some_and(|most| columns > most) {
        let message = format!("{columns} columns are more than the target takes");
        findings.error("output::too_many_columns", at_fields.clone(), message, "map fewer");
    }
    let header: usize = target.fields.iter().map(|f| f.name.chars().count() + 3).sum::<usize>() + 64;
    if limits.header_chars.is_some_and(|most| header as u64 > most) {
        let message = "the names of the fields make a header that is longer than the target takes";
        findings.error("output::long_header", at_fields, message, "map fewer, or give them shorter names");
    }
    let text = target.format == TextFormat::Parquet;
    if text && (limits.file_bytes.is_some() || limits.file_rows.is_some()) {
        let message = "a Parquet file is not split";
        findings.error("output::idle_option", at.key("limits"), message, "leave `file_bytes` and `file_rows` out");
    }
}
