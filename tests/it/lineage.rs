//! OpenLineage events against the rules of its specification 2-0-2 (<https://openlineage.io/spec/2-0-2/OpenLineage.json>, and
//! its facets `ErrorMessageRunFacet` 1-0-1 and `InputStatisticsInputDatasetFacet` 1-0-0), written down here in our own form; and against
//! the published schemas themselves where there is a copy of them.

use std::{fs, path::PathBuf};

use jsonschema::{Registry, Validator};
use nextoffer::run::{Lineage, LineageEvent};
use serde_json::{Value, json};

use super::support::{demo, nextoffer, real_data};

/// The rules for a run's event.
fn rules() -> Validator {
    let uri = json!({ "type": "string", "format": "uri" });
    // Facets by name: whatever they hold, each says who made it and after which schema.
    let facets = |known: Value| {
        json!({
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "properties": { "_producer": uri, "_schemaURL": uri },
                "required": ["_producer", "_schemaURL"],
            },
            "allOf": [{ "properties": known }],
        })
    };
    let named = |more: Value| {
        let mut value = json!({
            "type": "object",
            "properties": { "namespace": { "type": "string" }, "name": { "type": "string" }, "facets": facets(json!({})) },
            "required": ["namespace", "name"],
        });
        value["properties"].as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        value
    };
    let statistics = json!({ "inputStatistics": { "type": "object", "properties": {
        "rowCount": { "type": "integer" }, "size": { "type": "integer" }, "fileCount": { "type": "integer" },
    } } });
    let failed = json!({ "errorMessage": {
        "type": "object",
        "properties": { "message": { "type": "string" }, "programmingLanguage": { "type": "string" } },
        "required": ["message", "programmingLanguage"],
    } });
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {
            "eventTime": { "type": "string", "format": "date-time" },
            "producer": uri,
            "schemaURL": uri,
            "eventType": { "enum": ["START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"] },
            "run": {
                "type": "object",
                "properties": { "runId": { "type": "string", "format": "uuid" }, "facets": facets(failed) },
                "required": ["runId"],
            },
            "job": named(json!({})),
            "inputs": { "type": "array", "items": named(json!({ "inputFacets": facets(statistics) })) },
            "outputs": { "type": "array", "items": named(json!({ "outputFacets": facets(json!({})) })) },
        },
        "required": ["eventTime", "producer", "schemaURL", "run", "job"],
    });
    jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
}

/// The published schemas that events name, where there is a copy of them: in the folder that `OPENLINEAGE_SPEC` names (`spec` in
/// OpenLineage's repository) or in `openlineage` beside the real data.
fn published() -> Option<[Value; 3]> {
    let folder = std::env::var_os("OPENLINEAGE_SPEC").map(PathBuf::from).or_else(|| real_data("openlineage"))?;
    let files =
        ["OpenLineage.json", "facets/ErrorMessageRunFacet.json", "facets/InputStatisticsInputDatasetFacet.json"];
    Some(files.map(|file| serde_json::from_str(&fs::read_to_string(folder.join(file)).unwrap()).unwrap()))
}

/// The rules of the published schemas: the facets' files say under which names their facets stand.
fn published_rules(schemas: &[Value; 3]) -> Validator {
    let [event, failed, statistics] = schemas.each_ref().map(|schema| schema["$id"].as_str().unwrap());
    let pairs = schemas.iter().map(|schema| (schema["$id"].as_str().unwrap(), schema.clone()));
    let registry = Registry::new().extend(pairs).unwrap().prepare().unwrap();
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$ref": format!("{event}#/$defs/RunEvent"),
        "properties": {
            "run": { "properties": { "facets": { "$ref": failed } } },
            "inputs": { "items": { "properties": { "inputFacets": { "$ref": statistics } } } },
        },
    });
    jsonschema::options().should_validate_formats(true).with_registry(&registry).build(&schema).unwrap()
}

/// Every definition that an event says something is made after must be in a published schema.
fn names_definitions(schemas: &[Value; 3], value: &Value) {
    for (key, value) in value.as_object().into_iter().flatten() {
        if let ("schemaURL" | "_schemaURL", Some(url)) = (key.as_str(), value.as_str()) {
            let (file, at) = url.split_once('#').unwrap();
            let schema = schemas.iter().find(|schema| schema["$id"] == file);
            assert!(schema.is_some_and(|schema| schema.pointer(at).is_some()), "{url}");
        }
        names_definitions(schemas, value);
    }
    value.as_array().into_iter().flatten().for_each(|element| names_definitions(schemas, element));
}

fn check(rules: &[Validator], event: &Value) {
    let wrong: Vec<String> =
        rules.iter().flat_map(|r| r.iter_errors(event)).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(wrong.is_empty(), "{wrong:?}\n{event:#}");
}

#[test]
fn every_event_is_as_the_specification_has_it() {
    let schemas = published();
    let rules: Vec<Validator> = std::iter::once(rules()).chain(schemas.as_ref().map(published_rules)).collect();
    let place = tempfile::tempdir().unwrap();
    let (out, file) = (place.path().join("out"), place.path().join("lineage.ndjson"));
    let run = |job: &str, more: &[&str]| {
        let watched = ["run", job, "-q", "--out", out.to_str().unwrap(), "--lineage-file", file.to_str().unwrap()];
        nextoffer(&[&watched[..], more].concat()).code
    };
    assert_eq!(run("jobs/demo.toml", &[]), 0);
    assert_eq!(run("jobs/demo.toml", &["--skip-if-published"]), 99);
    assert_eq!(run("fixtures/bad/not_parquet.toml", &[]), 66);
    let text = fs::read_to_string(&file).unwrap();
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds: Vec<&str> = events.iter().map(|e| e["eventType"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["START", "COMPLETE", "START", "FAIL", "START", "FAIL"]);
    for event in &events {
        check(&rules, event);
        schemas.iter().for_each(|schemas| names_definitions(schemas, event));
        assert!(event["schemaURL"].as_str().unwrap().starts_with("https://openlineage.io/spec/2-0-2/"));
        // Inputs and outputs on the first event and on the last.
        assert!(!event["inputs"].as_array().unwrap().is_empty() && !event["outputs"].as_array().unwrap().is_empty());
    }
    // One go, one run; each event its own time.
    assert_eq!(events[0]["run"]["runId"], events[1]["run"]["runId"]);
    assert_ne!(events[0]["run"]["runId"], events[2]["run"]["runId"]);

    // An object store's places, and words that have to be escaped.
    let inputs = vec![("transactions".to_owned(), "s3://shop/in/*.parquet".to_owned())];
    let lineage = Lineage::new("demo", inputs, "s3://shop/runs");
    for event in
        [LineageEvent::Start, LineageEvent::Fail("\"no\"\n\u{1f300}"), LineageEvent::Complete(&demo().manifest)]
    {
        check(&rules, &serde_json::from_str(&lineage.line(event, "2026-06-30T02:00:00+08:00")).unwrap());
    }

    // The rules would notice.
    let good = &events[1];
    let breaks: [(&str, Value); 9] = [
        ("/eventTime", json!("yesterday")),
        ("/producer", json!("nextoffer")),
        ("/schemaURL", Value::Null),
        ("/eventType", json!("DONE")),
        ("/run/runId", json!("17")),
        ("/job/name", json!(7)),
        ("/inputs/0/namespace", Value::Null),
        ("/inputs/0/inputFacets/inputStatistics/rowCount", json!("many")),
        ("/run/facets/nextoffer_run/_schemaURL", json!("here")),
    ];
    for (at, wrong) in breaks {
        let mut event = good.clone();
        *event.pointer_mut(at).unwrap_or_else(|| panic!("{at}")) = wrong;
        assert!(rules.iter().all(|rules| !rules.is_valid(&event)), "{at}");
    }
    for key in ["eventTime", "producer", "schemaURL", "run", "job"] {
        let mut event = good.clone();
        event.as_object_mut().unwrap().remove(key);
        assert!(rules.iter().all(|rules| !rules.is_valid(&event)), "{key}");
    }
}
