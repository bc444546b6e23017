//! A run as OpenLineage events, one JSON object a line: <https://openlineage.io/spec/2-0-2/OpenLineage.json>.
//!
//! Inputs and outputs stand on `START` and on the last event, so that a reader of either has both.

use serde_json::{Value, json};
use uuid::Uuid;

use super::Manifest;

const PRODUCER: &str = concat!("https://github.com/nextoffer/nextoffer/tree/v", env!("CARGO_PKG_VERSION"));
const SCHEMA: &str = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent";

/// What an event is about.
#[derive(Debug, Clone)]
pub struct Lineage {
    /// The job's name.
    pub job: String,
    /// Names of the input tables and where they are.
    pub inputs: Vec<(String, String)>,
    /// Where the run is published: a folder or URL.
    pub output: String,
    id: Uuid,
}

/// Which event.
#[derive(Debug, Clone, Copy)]
pub enum LineageEvent<'a> {
    /// The run began.
    Start,
    /// It was published.
    Complete(&'a Manifest),
    /// It failed.
    Fail(&'a str),
}

impl Lineage {
    /// The events of one go at a job: a run that is tried again has another id.
    #[must_use]
    pub fn new(job: &str, inputs: Vec<(String, String)>, output: &str) -> Self {
        Self { job: job.to_owned(), inputs, output: output.to_owned(), id: Uuid::now_v7() }
    }

    /// The event as a line; `time` is RFC 3339.
    #[must_use]
    pub fn line(&self, event: LineageEvent<'_>, time: &str) -> String {
        let (kind, facets) = match event {
            LineageEvent::Start => ("START", json!({})),
            LineageEvent::Complete(manifest) => (
                "COMPLETE",
                json!({ "nextoffer_run": facet(json!({ "runId": manifest.run_id, "asOf": manifest.as_of.to_string() })) }),
            ),
            LineageEvent::Fail(message) => (
                "FAIL",
                json!({ "errorMessage": {
                    "_producer": PRODUCER,
                    "_schemaURL": "https://openlineage.io/spec/facets/1-0-1/ErrorMessageRunFacet.json#/$defs/ErrorMessageRunFacet",
                    "message": message,
                    "programmingLanguage": "rust",
                } }),
            ),
        };
        let rows = |table: &str| match event {
            LineageEvent::Complete(manifest) => manifest.rows.get(table).map(|counts| counts.read),
            _ => None,
        };
        let inputs: Vec<Value> = self
            .inputs
            .iter()
            .map(|(table, place)| {
                let mut input = dataset(place);
                if let Some(rows) = rows(table) {
                    input["inputFacets"] = json!({ "inputStatistics": {
                        "_producer": PRODUCER,
                        "_schemaURL": "https://openlineage.io/spec/facets/1-0-0/InputStatisticsInputDatasetFacet.json#/$defs/InputStatisticsInputDatasetFacet",
                        "rowCount": rows,
                    } });
                }
                input
            })
            .collect();
        let event = json!({
            "eventType": kind,
            "eventTime": time,
            "producer": PRODUCER,
            "schemaURL": SCHEMA,
            "run": { "runId": self.id.to_string(), "facets": facets },
            "job": { "namespace": "nextoffer", "name": self.job, "facets": {} },
            "inputs": inputs,
            "outputs": [dataset(&self.output)],
        });
        format!("{event}\n")
    }
}

fn facet(mut value: Value) -> Value {
    value["_producer"] = PRODUCER.into();
    value["_schemaURL"] = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunFacet".into();
    value
}

/// A dataset by the naming rules of the standard: the store's scheme and authority, and the path in it.
fn dataset(place: &str) -> Value {
    let (namespace, name) = match place.split_once("://") {
        Some((scheme, rest)) => {
            let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
            (format!("{scheme}://{host}"), path.to_owned())
        }
        None => ("file".to_owned(), place.to_owned()),
    };
    json!({ "namespace": namespace, "name": name, "facets": {} })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_hold_both_ends() {
        let inputs = vec![("transactions".to_owned(), "s3://shop/in/lines".to_owned())];
        let lineage = Lineage::new("demo", inputs, "/srv/runs");
        for (event, kind) in [(LineageEvent::Start, "START"), (LineageEvent::Fail("no disk"), "FAIL")] {
            let value: Value = serde_json::from_str(&lineage.line(event, "2026-06-30T02:00:00Z")).unwrap();
            assert_eq!(value["eventType"], kind);
            assert_eq!(value["inputs"][0]["namespace"], "s3://shop");
            assert_eq!(value["inputs"][0]["name"], "in/lines");
            assert_eq!(value["outputs"][0]["name"], "/srv/runs");
            assert_eq!(value["run"]["runId"], lineage.id.to_string());
        }
    }
}
