//! WeCom's `mark_tag` behind a stub that enforces what the vendor does.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{NIGHTS, night};
use crate::support::root;

type Held = BTreeMap<(String, String), BTreeSet<String>>;

#[derive(Default)]
struct Stub {
    held: Mutex<Held>,
    under_way: AtomicU64,
    most: AtomicU64,
    calls: AtomicU64,
    done: AtomicU64,
    too_many: AtomicU64,
    /// Calls whose shape is wrong.
    wrong: Mutex<Vec<String>>,
    /// Customers who are refused.
    refused: Mutex<BTreeSet<String>>,
    /// Every so many calls fail in a way that passes; 0: none.
    flaky: AtomicU64,
    end: AtomicBool,
}

const TOKEN: &str = "token-of-the-test";

impl Stub {
    fn start() -> (Arc<Self>, String) {
        let stub = Arc::new(Self::default());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serving = Arc::clone(&stub);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if serving.end.load(Ordering::Relaxed) {
                    return;
                }
                let (stub, stream) = (Arc::clone(&serving), stream.unwrap());
                thread::spawn(move || stub.serve(stream));
            }
        });
        (stub, url)
    }

    /// One connection, which ends after its first answer.
    fn serve(&self, mut stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut head = String::new();
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().unwrap();
            }
            if line == "\r\n" {
                break;
            }
            if head.is_empty() {
                head = line;
            }
        }
        let mut body = vec![0; length];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        let now = self.under_way.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        let (status, answer) = self.answer(&head, &body, now);
        thread::sleep(Duration::from_millis(2));
        self.under_way.fetch_sub(1, Ordering::SeqCst);
        let answer = answer.to_string();
        let text =
            format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{answer}", answer.len());
        let _ = stream.write_all(text.as_bytes());
    }

    fn answer(&self, head: &str, body: &[u8], under_way: u64) -> (&'static str, Value) {
        let said = |code: i64, text: &str| ("200 OK", json!({ "errcode": code, "errmsg": text }));
        if head.starts_with("GET /cgi-bin/gettoken?corpid=corp&corpsecret=hush ") {
            return ("200 OK", json!({ "errcode": 0, "errmsg": "ok", "access_token": TOKEN, "expires_in": 7200 }));
        }
        if head != format!("POST /cgi-bin/externalcontact/mark_tag?access_token={TOKEN} HTTP/1.1\r\n") {
            return said(40014, "invalid access_token");
        }
        if under_way > 5 {
            self.too_many.fetch_add(1, Ordering::SeqCst);
            return said(45033, "api concurrent out of limit");
        }
        let count = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        let flaky = self.flaky.load(Ordering::Relaxed);
        if flaky > 0 && count.is_multiple_of(flaky) {
            return match count / flaky % 3 {
                0 => said(45033, "api concurrent out of limit"),
                1 => said(-1, "system busy"),
                _ => ("502 Bad Gateway", Value::Null),
            };
        }
        let call: Value = serde_json::from_slice(body).unwrap_or_default();
        let ids = |name: &str| -> Option<BTreeSet<String>> {
            let list = match call.get(name) {
                None => return Some(BTreeSet::new()),
                Some(list) => list.as_array()?,
            };
            let ids: BTreeSet<String> = list.iter().filter_map(Value::as_str).map(str::to_owned).collect();
            (ids.len() == list.len() && ids.iter().all(|id| id.starts_with("et"))).then_some(ids)
        };
        let text = |name: &str| call.get(name).and_then(Value::as_str).filter(|t| !t.is_empty()).map(str::to_owned);
        let keys = ["userid", "external_userid", "add_tag", "remove_tag"];
        let known = call.as_object().is_some_and(|o| o.keys().all(|k| keys.contains(&k.as_str())));
        let (Some(user), Some(customer), Some(add), Some(remove), true) =
            (text("userid"), text("external_userid"), ids("add_tag"), ids("remove_tag"), known)
        else {
            self.wrong.lock().unwrap().push(String::from_utf8_lossy(body).into_owned());
            return said(40058, "invalid request parameter");
        };
        if (add.is_empty() && remove.is_empty()) || add.len() + remove.len() > 100 || !add.is_disjoint(&remove) {
            self.wrong.lock().unwrap().push(call.to_string());
            return said(40058, "invalid request parameter");
        }
        if self.refused.lock().unwrap().contains(&customer) {
            return said(84061, &format!("not external contact, {TOKEN}"));
        }
        let mut held = self.held.lock().unwrap();
        let tags = held.entry((customer, user)).or_default();
        tags.extend(add);
        tags.retain(|tag| !remove.contains(tag));
        held.retain(|_, tags| !tags.is_empty());
        self.done.fetch_add(1, Ordering::SeqCst);
        said(0, "ok")
    }

    fn held(&self) -> Held {
        self.held.lock().unwrap().clone()
    }
}

/// What a full snapshot says that customers hold.
fn snapshot(run: &Path) -> Held {
    let text = fs::read_to_string(run.join("crm/wecom/full.jsonl")).unwrap();
    let of = |line: &str| {
        let call: Value = serde_json::from_str(line).unwrap();
        let text = |name: &str| call[name].as_str().unwrap().to_owned();
        let tags = call["add_tag"].as_array().unwrap().iter().map(|t| t.as_str().unwrap().to_owned());
        ((text("external_userid"), text("userid")), tags.collect())
    };
    text.lines().map(of).collect()
}

fn push(out: &Path, url: &str, secret: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nextoffer"));
    command.args(["push", "--target", "wecom", "--url", url, "--out", out.to_str().unwrap()]);
    command.current_dir(root()).env("NEXTOFFER_WECOM_TOKEN", secret).stdin(Stdio::null());
    command
}

/// Runs a push to its end; gives its exit code and what it said.
fn pushed(out: &Path, url: &str, secret: &str) -> (i32, String) {
    let output = push(out, url, secret).output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(!said.contains(TOKEN) && !said.contains("hush"), "{said}");
    (output.status.code().unwrap(), said)
}

const SETS: &[&str] = &["output.crm=[\"wecom\"]", "output.targets.wecom.push={ backoff_ms = 1, attempts = 12 }"];

#[test]
fn three_nights_with_retries_a_kill_and_dead_letters() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path();
    let (stub, url) = Stub::start();
    stub.flaky.store(7, Ordering::Relaxed);

    let first = night(out, NIGHTS[0], SETS);
    let wanted = snapshot(&first);
    // Killed in the middle, and begun again.
    let mut child = push(out, &url, TOKEN).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let began = Instant::now();
    while stub.done.load(Ordering::SeqCst) < 200 && began.elapsed() < Duration::from_secs(60) {
        thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let before = stub.done.load(Ordering::SeqCst);
    assert!(before >= 200 && stub.held() != wanted, "{before}");
    let (code, said) = pushed(out, &url, TOKEN);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("were done before"), "{said}");
    assert_eq!(stub.held(), wanted);
    let total = stub.done.load(Ordering::SeqCst);
    assert!(total <= wanted.len() as u64 + 10, "{total} calls for {} customers", wanted.len());

    // A night later, only what changed; the token is fetched with the corporation's secret.
    let second = night(out, NIGHTS[1], SETS);
    let (code, said) = pushed(out, &url, "corp:hush");
    assert_eq!(code, 0, "{said}");
    assert_eq!(stub.held(), snapshot(&second));
    let delta = stub.done.load(Ordering::SeqCst) - total;
    assert!(delta > 0 && delta < wanted.len() as u64 / 20, "{delta} calls");
    let (code, said) = pushed(out, &url, TOKEN);
    assert!(code == 0 && said.contains("already"), "{said}");

    // One customer is refused for good: the rest is done, and nothing is acknowledged.
    let third = night(out, NIGHTS[2], SETS);
    let wanted = snapshot(&third);
    let delta = fs::read_to_string(third.join("crm/wecom/delta.jsonl")).unwrap();
    let call: Value = serde_json::from_str(delta.lines().next().unwrap()).unwrap();
    let customer = call["external_userid"].as_str().unwrap().to_owned();
    stub.refused.lock().unwrap().insert(customer.clone());
    let (code, said) = pushed(out, &url, TOKEN);
    assert_eq!(code, 65, "{said}");
    let letters = said.lines().find_map(|l| l.split_once("see ")).unwrap().1.to_owned();
    let letter: Value = serde_json::from_str(fs::read_to_string(letters).unwrap().lines().next().unwrap()).unwrap();
    assert_eq!(
        (letter["errcode"].as_i64(), letter["call"]["external_userid"].as_str()),
        (Some(84061), Some(&*customer))
    );
    assert!(!letter.to_string().contains(TOKEN));
    let others = |held: Held| held.into_iter().filter(|((c, _), _)| *c != customer).collect::<Held>();
    assert_eq!(others(stub.held()), others(wanted.clone()));
    // Friends again: only that call is left to do.
    stub.refused.lock().unwrap().clear();
    let (code, said) = pushed(out, &url, TOKEN);
    assert_eq!(code, 0, "{said}");
    assert_eq!(stub.held(), wanted);

    assert_eq!(*stub.wrong.lock().unwrap(), Vec::<String>::new());
    assert_eq!((stub.too_many.load(Ordering::SeqCst), stub.most.load(Ordering::SeqCst) <= 5), (0, true));
    stub.end.store(true, Ordering::Relaxed);
}

#[test]
fn secrets_and_ends() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path();
    night(out, NIGHTS[2], SETS);
    let (stub, url) = Stub::start();
    let mut command = push(out, &url, TOKEN);
    let output = command.env_remove("NEXTOFFER_WECOM_TOKEN").output().unwrap();
    assert_eq!(output.status.code(), Some(78), "{output:?}");
    let (code, said) = pushed(out, &url, "another-token");
    assert!(code == 65 && said.contains("40014") && !said.contains("another-token"), "{code} {said}");
    stub.end.store(true, Ordering::Relaxed);
    // Nobody listens: the calls wait for another night, or another push.
    let unused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (code, said) = pushed(out, &format!("http://{unused}"), "corp:hush");
    assert!(code == 75 && !said.contains("hush"), "{code} {said}");
}
