//! OpenLineage events against the rules of its specification 2-0-2 (<https://openlineage.io/spec/2-0-2/OpenLineage.json>, and
//! its facets `ErrorMessageRunFacet` 1-0-1 and `InputStatisticsInputDatasetFacet` 1-0-0), written down here in our own form.

use std::fs;

use jsonschema::Validator;
use nextoffer::run::{Lineage, LineageEvent};
use serde_json::{Value, json};

use super::support::{demo, nextoffer};

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

fn check(rules: &Validator, event: &Value) {
    let wrong: Vec<String> = rules.iter_errors(event).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(wrong.is_empty(), "{wrong:?}\n{event:#}");
}

#[test]
fn every_event_is_as_the_specification_has_it() {
    let rules = rules();
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
        assert!(!rules.is_valid(&event), "{at}");
    }
    for key in ["eventTime", "producer", "schemaURL", "run", "job"] {
        let mut event = good.clone();
        event.as_object_mut().unwrap().remove(key);
        assert!(!rules.is_valid(&event), "{key}");
    }
}
