//! What those who watch a run from outside get: a metrics file, events, a heartbeat.

use std::{
    fs,
    io::{Read, Write},
    net::TcpListener,
    process::Command,
};

use super::support::nextoffer;

/// Answers calls until the run has ended, and gives the paths that were called.
fn listener() -> (String, std::thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/secret", listener.local_addr().unwrap());
    let thread = std::thread::spawn(move || {
        let mut paths = Vec::new();
        while paths.last().is_none_or(|path: &String| path.ends_with("/start")) {
            let (mut stream, _) = listener.accept().unwrap();
            let mut buffer = [0; 4096];
            let read = stream.read(&mut buffer).unwrap();
            let text = String::from_utf8_lossy(&buffer[..read]).into_owned();
            paths.push(text.split_whitespace().nth(1).unwrap().to_owned());
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
        }
        paths
    });
    (url, thread)
}

fn events(file: &std::path::Path) -> Vec<serde_json::Value> {
    fs::read_to_string(file).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_run_that_is_watched() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    let text = |name: &str| at(name).to_str().unwrap().to_owned();
    let (out, metrics, lineage) = (text("out"), text("nextoffer.prom"), text("lineage.ndjson"));
    let run = |job: &str, url: &str| {
        let watched = ["--metrics-file", &metrics, "--lineage-file", &lineage, "--ping-url", url];
        nextoffer(&[&["run", job, "-q", "--out", &out][..], &watched].concat())
    };

    let (url, heard) = listener();
    let said = run("jobs/demo.toml", &url);
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(heard.join().unwrap(), ["/secret/start", "/secret/0"]);
    let good = fs::read_to_string(&metrics).unwrap();
    for wanted in [
        "nextoffer_last_run_exit_code{job_name=\"demo\"} 0\n",
        "nextoffer_rows{job_name=\"demo\",table=\"transactions\",outcome=\"read\",reason=\"\"} ",
        "nextoffer_segment_members{job_name=\"demo\",segment=\"seg_01\"} ",
        "nextoffer_list_coverage_ratio{job_name=\"demo\"} 0.",
    ] {
        assert!(good.contains(wanted), "{wanted}\n{good}");
    }
    promtool(&good);
    let found = events(&at("lineage.ndjson"));
    assert_eq!(found.iter().map(|e| e["eventType"].as_str().unwrap()).collect::<Vec<_>>(), ["START", "COMPLETE"]);
    assert_eq!(found[0]["run"]["runId"], found[1]["run"]["runId"]);
    for event in &found {
        assert_eq!(event["inputs"].as_array().unwrap().len(), 9, "{event}");
        assert_eq!(event["outputs"][0]["name"], out.as_str());
    }
    let lines = |event: &serde_json::Value| event["inputs"][0]["inputFacets"]["inputStatistics"]["rowCount"].as_u64();
    assert!(lines(&found[1]).is_some_and(|rows| rows > 10_000), "{}", found[1]);

    // A run that fails leaves the last success in place, and nobody who does not answer keeps a run from its end.
    let said = run("fixtures/bad/not_parquet.toml", "http://127.0.0.1:1/secret");
    assert_eq!(said.code, 66, "{}", said.err);
    assert!(said.err.contains("the heartbeat was not heard") && !said.err.contains("secret"), "{}", said.err);
    let bad = fs::read_to_string(&metrics).unwrap();
    assert!(bad.contains("nextoffer_last_run_exit_code{job_name=\"not_parquet\"} 66\n"), "{bad}");
    let success = good.lines().find(|l| l.starts_with("nextoffer_last_success_timestamp_seconds")).unwrap();
    assert!(bad.contains(success), "{bad}");
    promtool(&bad);
    assert_eq!(events(&at("lineage.ndjson"))[3]["eventType"], "FAIL");
}

/// Prometheus' own check, where its program is installed.
pub(super) fn promtool(text: &str) {
    let Ok(mut child) = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
    else {
        println!("skipped: no promtool here");
        return;
    };
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success() && said.trim().is_empty(), "{said}");
}
