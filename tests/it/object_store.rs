//! Inputs and outputs on an object store: `moto`, an S3 server for tests, where it is installed.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use futures::TryStreamExt;
use object_store::{ObjectStore, ObjectStoreExt, aws::AmazonS3Builder, path::Path as ObjectPath};

use super::support::{demo, digest_of, digests, root};

const BUCKET: &str = "shop";
const KEYS: [(&str, &str); 3] =
    [("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test"), ("AWS_REGION", "us-east-1")];

/// A server that ends with the test.
struct Server {
    process: Child,
    endpoint: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Starts a server on a free port; says why if it cannot.
fn start(log: &Path) -> Result<Server, String> {
    let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).map_err(|e| e.to_string())?.port();
    let log = fs::File::create(log).map_err(|e| e.to_string())?;
    let process = Command::new("moto_server")
        .args(["-H", "127.0.0.1", "-p", &port.to_string()])
        .stdin(Stdio::null())
        .stdout(log.try_clone().map_err(|e| e.to_string())?)
        .stderr(log)
        .spawn()
        .map_err(|e| format!("moto_server does not start: {e}; pip install 'moto[server]'"))?;
    let mut server = Server { process, endpoint: format!("http://127.0.0.1:{port}") };
    let end = Instant::now() + Duration::from_secs(60);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if let Ok(Some(status)) = server.process.try_wait() {
            return Err(format!("moto_server ended at once: {status}; pip install 'moto[server]'"));
        }
        if Instant::now() > end {
            return Err("moto_server does not answer within a minute".to_owned());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(server)
}

/// Makes the bucket: the one request that `object_store` has no call for.
fn make_bucket(endpoint: &str) {
    use std::io::{Read, Write};
    let address = endpoint.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    write!(stream, "PUT /{BUCKET} HTTP/1.1\r\nHost: {address}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

fn upload(store: &dyn ObjectStore, runtime: &tokio::runtime::Runtime, folder: &Path, prefix: &str) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{prefix}/{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            upload(store, runtime, &path, &name);
        } else {
            let bytes = fs::read(&path).unwrap();
            runtime.block_on(store.put(&ObjectPath::from(name), bytes.into())).unwrap();
        }
    }
}

/// Runs the program with keys in its environment, for at most two minutes.
fn run_with_keys(arguments: &[String]) -> (i32, String) {
    let log = tempfile::NamedTempFile::new().unwrap();
    let mut process = Command::new(env!("CARGO_BIN_EXE_nextoffer"))
        .args(arguments)
        .current_dir(root())
        .envs(KEYS)
        .stdin(Stdio::null())
        .stdout(log.reopen().unwrap())
        .stderr(log.reopen().unwrap())
        .spawn()
        .unwrap();
    let end = Instant::now() + Duration::from_secs(120);
    let status = loop {
        if let Some(status) = process.try_wait().unwrap() {
            break status;
        }
        if Instant::now() > end {
            process.kill().unwrap();
            break process.wait().unwrap();
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    (status.code().unwrap_or(-1), fs::read_to_string(log.path()).unwrap())
}

#[test]
fn from_s3_to_s3() {
    let work = tempfile::tempdir().unwrap();
    let server = match start(&work.path().join("moto.log")) {
        Ok(server) => server,
        Err(why) => return println!("skipped: {why}"),
    };
    make_bucket(&server.endpoint);
    let store: Arc<dyn ObjectStore> = Arc::new(
        AmazonS3Builder::new()
            .with_bucket_name(BUCKET)
            .with_endpoint(&server.endpoint)
            .with_allow_http(true)
            .with_region("us-east-1")
            .with_access_key_id("test")
            .with_secret_access_key("test")
            .build()
            .unwrap(),
    );
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    upload(store.as_ref(), &runtime, &root().join("fixtures/shop"), "in");

    let set = |key: &str, value: &str| ["--set".to_owned(), format!("{key}={value}")];
    let mut arguments: Vec<String> = vec!["run".into(), "jobs/demo.toml".into()];
    arguments.extend(set("inputs.object_store.endpoint", &server.endpoint));
    arguments.extend(set("inputs.object_store.allow_http", "true"));
    arguments.extend(set("output.features", "true"));
    arguments.extend(set("inputs.transactions.path", &format!("s3://{BUCKET}/in/transactions")));
    for table in
        ["items", "members", "consent", "identities", "contacts", "compatibility", "suppressed_tags", "tag_ids"]
    {
        arguments.extend(set(&format!("inputs.{table}.path"), &format!("s3://{BUCKET}/in/{table}.parquet")));
    }
    let from_s3 = arguments.clone();
    arguments.extend(["--out".to_owned(), format!("s3://{BUCKET}/runs/demo")]);
    let (code, said) = run_with_keys(&arguments);
    assert_eq!(code, 0, "{said}");

    // The same bytes as from folder to folder, and the pointer in place of the link.
    let listed: Vec<_> = runtime.block_on(store.list(Some(&ObjectPath::from("runs/demo"))).try_collect()).unwrap();
    let read = |path: &ObjectPath| runtime.block_on(async { store.get(path).await.unwrap().bytes().await.unwrap() });
    let folder = demo().folder.strip_prefix(&demo().out).unwrap().to_str().unwrap();
    let pointer: serde_json::Value = serde_json::from_slice(&read(&"runs/demo/current.json".into())).unwrap();
    assert_eq!(pointer["run"], folder);
    let expected = digests(&demo().folder);
    let found: std::collections::BTreeMap<String, String> = listed
        .iter()
        .filter_map(|meta| Some((meta, meta.location.as_ref().strip_prefix(&format!("runs/demo/{folder}/"))?)))
        .filter(|(_, name)| *name != "timings.json")
        .map(|(meta, name)| (name.to_owned(), digest_of(name, &read(&meta.location), &demo().manifest.run_id)))
        .collect();
    assert_eq!(found, expected);

    // The second night finds the first through the store; nothing is run twice.
    let (code, said) = run_with_keys(&[&arguments[..], &["--skip-if-published".to_owned()]].concat());
    assert_eq!(code, 99, "{said}");
    let next = ["--as-of".to_owned(), "2026-07-01".to_owned()];
    let (code, said) = run_with_keys(&[&arguments[..], &next].concat());
    assert_eq!(code, 0, "{said}");
    let pointer: serde_json::Value = serde_json::from_slice(&read(&"runs/demo/current.json".into())).unwrap();
    let run = pointer["run"].as_str().unwrap();
    assert!(run.starts_with("dt=2026-07-01/"), "{run}");
    let manifest: serde_json::Value =
        serde_json::from_slice(&read(&format!("runs/demo/{run}/manifest.json").into())).unwrap();
    assert_eq!(manifest["previous_run"], demo().manifest.run_id.as_str());
    // A backfill leaves the pointer alone, and follows nothing.
    let earlier = ["--as-of".to_owned(), "2026-06-20".to_owned()];
    let (code, said) = run_with_keys(&[&arguments[..], &earlier].concat());
    assert_eq!(code, 0, "{said}");
    let pointer: serde_json::Value = serde_json::from_slice(&read(&"runs/demo/current.json".into())).unwrap();
    assert_eq!(pointer["run"], run);

    // The run that was published there, as the previous run of one published here.
    let out = work.path().join("out");
    let local = [
        "--out",
        out.to_str().unwrap(),
        "--previous",
        &format!("s3://{BUCKET}/runs/demo/{folder}"),
        "--as-of",
        "2026-07-01",
    ];
    let (code, said) = run_with_keys(&[&from_s3[..], &local.map(str::to_owned)].concat());
    assert_eq!(code, 0, "{said}");
    assert!(
        out.join("current").join("_SUCCESS").exists()
            && out.join("current").join(format!("../run={}", manifest["run_id"].as_str().unwrap())).exists()
    );

    // What is not there is named.
    let absent = set("inputs.items.path", &format!("s3://{BUCKET}/in/nowhere.parquet"));
    let (code, said) = run_with_keys(&[&arguments[..], &absent].concat());
    assert_eq!(code, 66, "{said}");
    assert!(said.contains("table items") && said.contains("nowhere.parquet"), "{said}");
    drop(server);

    // A server that is gone ends the run within bounds, and says which place it was.
    let (code, said) = run_with_keys(&arguments);
    assert_eq!(code, 66, "{said}");
    assert!(said.contains("table transactions"), "{said}");
}
