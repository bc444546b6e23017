//! PostgreSQL: a server of the test's own, loaded by `push` and, as an operator would, by `psql`.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use super::{NIGHTS, acknowledge, night, records};
use crate::support::root;

/// A server that ends with the test.
struct Server {
    folder: tempfile::TempDir,
    binaries: PathBuf,
}

/// Runs a server's program as a user who is not root, whom it refuses.
fn as_postgres(program: &Path) -> Command {
    let root = Command::new("id").arg("-u").output().is_ok_and(|o| o.stdout == b"0\n");
    if !root {
        return Command::new(program);
    }
    let mut command = Command::new("runuser");
    command.args(["-u", "postgres", "--"]).arg(program);
    command
}

fn run(command: &mut Command) -> Result<Output, String> {
    let output = command.stdin(Stdio::null()).output().map_err(|e| format!("{command:?}: {e}"))?;
    if output.status.success() {
        Ok(output)
    } else {
        Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)))
    }
}

impl Server {
    fn start() -> Result<Self, String> {
        Self::start_with(|_| Ok("-c listen_addresses=''".to_owned()))
    }

    /// With options that are made in the server's own folder.
    fn start_with(more: impl FnOnce(&Path) -> Result<String, String>) -> Result<Self, String> {
        let mut places: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
            .map(|entries| entries.flatten().map(|e| e.path().join("bin")).collect())
            .unwrap_or_default();
        places.sort();
        let path = std::env::var_os("PATH").unwrap_or_default();
        places.extend(std::env::split_paths(&path));
        let binaries = places
            .into_iter()
            .find(|place| place.join("initdb").exists() && place.join("pg_ctl").exists())
            .ok_or("there is no initdb and pg_ctl; apt-get install postgresql")?;
        let folder = tempfile::Builder::new().prefix("pg").tempdir().map_err(|e| e.to_string())?;
        let server = Self { folder, binaries };
        let place = server.folder.path();
        if Command::new("id").arg("-u").output().is_ok_and(|o| o.stdout == b"0\n") {
            run(Command::new("chown").arg("postgres").arg(place))?;
        }
        let data = place.join("data");
        let data = data.to_str().ok_or("a path that is no text")?;
        let options = ["-D", data, "-A", "trust", "-U", "crm", "-E", "UTF8", "--locale=C", "-N"];
        run(as_postgres(&server.binaries.join("initdb")).args(options))?;
        let socket = format!("{} -c fsync=off -k {}", more(place)?, place.display());
        let log = place.join("log");
        let mut start = as_postgres(&server.binaries.join("pg_ctl"));
        start.args(["-D", data, "-w", "-l"]).arg(&log).args(["-o", &socket, "start"]);
        // The server keeps what it inherits: it must not be a pipe that the test waits on.
        start.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let status = start.status().map_err(|e| e.to_string())?;
        if !status.success() {
            return Err(format!("the server does not start: {}", fs::read_to_string(&log).unwrap_or_default()));
        }
        Ok(server)
    }

    fn secret(&self) -> String {
        format!("host={} user=crm dbname=postgres", self.folder.path().display())
    }

    /// Runs statements; gives what they print, without alignment.
    fn psql(&self, sql: &str) -> Result<String, String> {
        let mut command = Command::new(self.binaries.join("psql"));
        command.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h"]).arg(self.folder.path());
        let output = run(command.args(["-U", "crm", "-d", "postgres", "-c", sql]))?;
        String::from_utf8(output.stdout).map_err(|e| e.to_string())
    }

    /// The rows of a table as its snapshot has them.
    fn rows(&self, table: &str) -> BTreeMap<String, Vec<String>> {
        let file = self.folder.path().join("dump.csv");
        let sql = format!("copy (select * from {table}) to stdout with (format csv, header)");
        fs::write(&file, self.psql(&sql).unwrap()).unwrap();
        records(&file)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let data = self.folder.path().join("data");
        let mut stop = as_postgres(&self.binaries.join("pg_ctl"));
        let _ = stop.arg("-D").arg(data).args(["-m", "immediate", "stop"]).output();
    }
}

fn push(out: &Path, secret: &str, more: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_nextoffer"))
        .args(["push", "--target", "postgres", "--out", out.to_str().unwrap()])
        .args(more)
        .current_dir(root())
        .env("NEXTOFFER_POSTGRES", secret)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    (output.status.code().unwrap(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

const SETS: &[&str] = &["output.crm=[\"postgres\"]"];

/// The import an operator would write.
const BY_HAND: &str = "begin;
create temp table staging (op text, like by_hand) on commit drop;
copy staging from '{file}' with (format csv, header match);
delete from by_hand t using staging s where s.op = 'removed' and t.member_id = s.member_id;
insert into by_hand select member_id, segment_code, lifecycle, value_band, tags, next_offer, next_offer_until
  from staging where op <> 'removed'
  on conflict (member_id) do update set segment_code = excluded.segment_code, lifecycle = excluded.lifecycle,
  value_band = excluded.value_band, tags = excluded.tags, next_offer = excluded.next_offer,
  next_offer_until = excluded.next_offer_until;
commit;";

#[test]
fn three_nights() {
    let server = match Server::start() {
        Ok(server) => server,
        Err(why) => return println!("skipped: {why}"),
    };
    let place = tempfile::tempdir().unwrap();
    let out = place.path();
    let create = "create table by_hand (member_id text primary key, segment_code text, lifecycle text, value_band text, \
                  tags text[], next_offer text, next_offer_until date)";
    server.psql(create).unwrap();
    for (i, as_of) in NIGHTS.into_iter().enumerate() {
        let run = night(out, as_of, SETS);
        let wanted = records(&run.join("crm/postgres/full.csv"));
        assert!(wanted.len() > 1000);
        // The server reads a copy that it may read.
        let file = server.folder.path().join("delta.csv");
        fs::copy(run.join("crm/postgres/delta.csv"), &file).unwrap();
        run_chmod(&file);
        server.psql(&BY_HAND.replace("{file}", file.to_str().unwrap())).unwrap();
        assert_eq!(server.rows("by_hand"), wanted, "{as_of}");
        let (code, said) = push(out, &server.secret(), &[]);
        assert_eq!(code, 0, "{said}");
        assert!(said.contains(if i == 0 { "full snapshot" } else { "delta" }), "{said}");
        assert_eq!(server.rows("nextoffer_postgres"), wanted, "{as_of}");
        let (code, said) = push(out, &server.secret(), &["--no-ack"]);
        assert!(code == 0 && said.contains("already"), "{said}");
    }
    // A table that lost what it had takes the full snapshot again.
    server
        .psql("delete from nextoffer_postgres where segment_code = 'seg_01'; update nextoffer_loads set run_id = 'x'")
        .unwrap();
    let (code, said) = push(out, &server.secret(), &[]);
    assert!(code == 0 && said.contains("full snapshot"), "{said}");
    assert_eq!(server.rows("nextoffer_postgres").len(), server.rows("by_hand").len());
}

fn run_chmod(file: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(file, fs::Permissions::from_mode(0o644)).unwrap();
}

#[test]
fn a_failed_load_changes_nothing_and_says_no_secret() {
    let server = match Server::start() {
        Ok(server) => server,
        Err(why) => return println!("skipped: {why}"),
    };
    let place = tempfile::tempdir().unwrap();
    let out = place.path();
    let first = night(out, NIGHTS[0], SETS);
    let (code, said) = push(out, &server.secret(), &[]);
    assert_eq!(code, 0, "{said}");
    // A skipped night, and one whose load fails: the table stays as the first night left it.
    night(out, NIGHTS[1], SETS);
    server.psql("alter table nextoffer_postgres add constraint no check (lifecycle <> 'lost') not valid").unwrap();
    let third = night(out, NIGHTS[2], SETS);
    let (code, said) = push(out, &server.secret(), &["--full"]);
    assert!(code == 65 && said.contains("no"), "{code} {said}");
    assert_eq!(server.rows("nextoffer_postgres"), records(&first.join("crm/postgres/full.csv")));
    server.psql("alter table nextoffer_postgres drop constraint no").unwrap();
    let (code, said) = push(out, &server.secret(), &[]);
    assert!(code == 0 && said.contains("delta"), "{code} {said}");
    assert_eq!(server.rows("nextoffer_postgres"), records(&third.join("crm/postgres/full.csv")));
    acknowledge(out, "postgres");

    let secret = format!("host={}/nowhere user=crm password=hunter22x", server.folder.path().display());
    let (code, said) = push(out, &secret, &[]);
    assert!(code == 75 && !said.contains("hunter22x"), "{code} {said}");
    let (code, said) = push(out, "no connection string at all", &[]);
    assert!(code == 78 && !said.contains("at all"), "{code} {said}");
}

/// Makes keys and certificates in `place`: `ca.crt`, which signs `server.crt` for the name `localhost`, and `other.crt`,
/// which signs nothing; and `own.crt`, which signs itself.
fn certificates(place: &Path) -> Result<(), String> {
    let openssl = |arguments: &[&str]| run(Command::new("openssl").args(arguments).current_dir(place)).map(drop);
    let new = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
    for name in ["ca", "other"] {
        let (key, crt) = (format!("{name}.key"), format!("{name}.crt"));
        openssl(
            &[&new[..], &["-subj", &format!("/CN=nextoffer test {name}"), "-keyout", &key, "-out", &crt]].concat(),
        )?;
    }
    let named = "subjectAltName=DNS:localhost";
    let own = ["-subj", "/CN=localhost", "-addext", named, "-keyout", "own.key", "-out", "own.crt"];
    openssl(&[&new[..], &own].concat())?;
    let ask = ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=localhost"];
    openssl(&[&ask[..], &["-keyout", "server.key", "-out", "server.csr"]].concat())?;
    fs::write(place.join("named"), named).map_err(|e| e.to_string())?;
    let sign = ["x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial"];
    openssl(&[&sign[..], &["-days", "2", "-extfile", "named", "-out", "server.crt"]].concat())?;
    for name in ["server", "own"] {
        use std::os::unix::fs::PermissionsExt;
        let key = place.join(format!("{name}.key"));
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).map_err(|e| e.to_string())?;
        if Command::new("id").arg("-u").output().is_ok_and(|o| o.stdout == b"0\n") {
            run(Command::new("chown").arg("postgres").arg(&key))?;
        }
    }
    Ok(())
}

/// A server that takes passwords over TLS alone.
fn encrypted(certificate: &str, port: u16) -> Result<Server, String> {
    let server = Server::start_with(|place| {
        certificates(place)?;
        let rules = "local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n";
        let hba = place.join("hba");
        fs::write(&hba, rules).map_err(|e| e.to_string())?;
        let at = place.display();
        Ok(format!(
            "-c listen_addresses=localhost -p {port} -c hba_file={at}/hba -c ssl=on -c ssl_cert_file={at}/{certificate}.crt \
             -c ssl_key_file={at}/{certificate}.key"
        ))
    })?;
    let mut command = Command::new(server.binaries.join("psql"));
    command.args(["-X", "-q", "-h"]).arg(server.folder.path()).args(["-p", &port.to_string(), "-U", "crm"]);
    run(command.args(["-d", "postgres", "-c", "alter role crm password 'hunter22x'"]))?;
    Ok(server)
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn over_tls() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path();
    let mut wanted = None;
    for certificate in ["server", "own"] {
        let port = free_port();
        let server = match encrypted(certificate, port) {
            Ok(server) => server,
            Err(why) => return println!("skipped: {why}"),
        };
        let run = wanted.get_or_insert_with(|| night(out, NIGHTS[0], SETS)).clone();
        let at = server.folder.path().to_str().unwrap().to_owned();
        let pushed = |host: &str, words: &str| {
            let secret = format!("host={host} port={port} user=crm dbname=postgres password=hunter22x {words}");
            let (code, said) = push(out, &secret, &["--full", "--no-ack"]);
            assert!(!said.contains("hunter22x"), "{said}");
            (code, said)
        };
        let root = if certificate == "own" { "own" } else { "ca" };
        let trusted = format!("sslrootcert={at}/{root}.crt");
        for words in [
            String::new(),
            "sslmode=prefer".into(),
            "sslmode=require".into(),
            format!("sslmode=require {trusted}"),
            format!("sslmode=verify-ca {trusted}"),
            format!("sslmode=verify-full {trusted}"),
        ] {
            let (code, said) = pushed("localhost", &words);
            assert_eq!(code, 0, "{certificate}, {words}: {said}");
        }
        let (code, said) = pushed("127.0.0.1", &format!("sslmode=verify-ca {trusted}"));
        assert_eq!(code, 0, "the name is not asked for: {said}");
        for (host, words, why) in [
            ("localhost", "sslmode=disable".to_owned(), "no encryption"),
            ("localhost", format!("sslmode=verify-full sslrootcert={at}/other.crt"), "certificate"),
            ("localhost", format!("sslmode=require sslrootcert={at}/other.crt"), "certificate"),
            ("localhost", "sslmode=verify-full sslrootcert=system".to_owned(), "certificate"),
            ("127.0.0.1", format!("sslmode=verify-full {trusted}"), "certificate"),
        ] {
            let (code, said) = pushed(host, &words);
            assert!(matches!(code, 65 | 75) && said.contains(why), "{certificate}, {host} {words}: {code} {said}");
        }
        for words in ["sslmode=loose", "sslmode=verify-full sslrootcert=/nowhere/root.crt"] {
            let (code, said) = pushed("localhost", words);
            assert!(code == 78 && said.contains("ssl"), "{words}: {code} {said}");
        }
        let secret = format!("postgres://crm:hunter22x@localhost:{port}/postgres?sslmode=verify-full&{trusted}");
        let (code, said) = push(out, &secret, &["--full", "--no-ack"]);
        assert!(code == 0 && !said.contains("hunter22x"), "{said}");
        let mut command = Command::new(server.binaries.join("psql"));
        command.args(["-X", "-q", "-A", "-t", "-h"]).arg(&at).args(["-p", &port.to_string(), "-U", "crm", "-d"]);
        let count = self::run(command.args(["postgres", "-c", "select count(*) from nextoffer_postgres"])).unwrap();
        let rows = records(&run.join("crm/postgres/full.csv")).len();
        assert_eq!(String::from_utf8(count.stdout).unwrap().trim(), rows.to_string());
    }
    // A server without TLS.
    let server = Server::start().unwrap();
    let local = format!("{} sslmode=verify-full sslrootcert=/nowhere/root.crt", server.secret());
    let (code, said) = push(out, &local, &["--no-ack"]);
    assert_eq!(code, 0, "a Unix socket is never encrypted: {said}");
}
