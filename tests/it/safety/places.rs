//! Places that refuse: full, read-only, forbidden; files' modes; and clocks that jump.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, SystemTime},
};

use super::{Look, TinyShop, said};

/// A file system of its own, if this process may make one.
struct Mounted(std::path::PathBuf);

impl Mounted {
    fn tmpfs(at: &Path, options: &str) -> Option<Self> {
        fs::create_dir_all(at).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", options, "nextoffer-test"]).arg(at).stderr(Stdio::null());
        mount.status().is_ok_and(|s| s.success()).then(|| Self(at.to_owned()))
    }

    fn remount(&self, options: &str) {
        let mut mount = Command::new("mount");
        mount.args(["-o", &format!("remount,{options}")]).arg(&self.0);
        assert!(mount.status().unwrap().success());
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk() {
    let shop = TinyShop::new();
    let Some(_disk) = Mounted::tmpfs(&shop.out(), "size=16m,mode=750") else {
        return println!("skipped: no file system can be mounted here");
    };
    assert!(shop.night("2026-06-01").0.success());
    let before = shop.look();
    // Less and less full: each time the night ends at a later file.
    let filler = shop.out().join("filler");
    for part in 0..40 {
        let df = Command::new("df").args(["--output=avail", "-k"]).arg(shop.out()).output().unwrap();
        let free: u64 = String::from_utf8(df.stdout).unwrap().split_whitespace().last().unwrap().parse().unwrap();
        fs::write(&filler, vec![1; usize::try_from((free - 8 - part * 48) * 1024).unwrap()]).unwrap();
        let (status, text) = shop.night("2026-06-02");
        fs::remove_file(&filler).unwrap();
        let now = shop.look();
        now.assert_keeps(&before, &format!("part {part}"));
        if status.success() {
            assert!(part > 2, "the disk was not full");
            break;
        }
        assert!(matches!(status.code(), Some(73 | 74)), "{status} {text}");
        assert!(text.contains("cannot ") && text.contains(shop.out().to_str().unwrap()), "names no file: {text}");
        assert_eq!(now, before, "part {part}");
        shop.assert_clean("after a full disk");
    }
    assert!(shop.night("2026-06-02").0.success());
    assert!(shop.look().current.unwrap().starts_with("dt=2026-06-02/"));
}

/// No file may become larger than so many blocks: what a full disk looks like to who is not root.
#[test]
fn files_that_may_not_grow() {
    let shop = TinyShop::new();
    assert!(shop.night("2026-06-01").0.success());
    let before = shop.look();
    let mut failed = 0;
    for blocks in [1, 8, 16, 32, 64, 96, 128] {
        let program = shop.command(&["run", "JOB", "--quiet", "--as-of", "2026-06-02"]);
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\""), "sh"]).arg(program.get_program());
        shell.args(program.get_args()).env("TMPDIR", shop.temporary()).stdin(Stdio::null());
        let child = shell.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (status, text) = said(child);
        let now = shop.look();
        now.assert_keeps(&before, &format!("{blocks} blocks"));
        if status.success() {
            break;
        }
        failed += 1;
        assert!(matches!(status.code(), Some(73 | 74)), "{blocks} blocks: {status} {text}");
        assert_eq!(now, before);
        shop.assert_clean("after files that may not grow");
    }
    assert!(failed > 2, "{failed}");
    assert!(shop.night("2026-06-02").0.success());
}

/// The program as nobody, whom files can refuse.
fn as_nobody(shop: &TinyShop, program: &Path, as_of: &str) -> Option<(std::process::ExitStatus, String)> {
    let root = Command::new("id").arg("-u").output().is_ok_and(|o| o.stdout == b"0\n");
    if !root || Command::new("setpriv").arg("--version").output().is_err() {
        println!("skipped: only root can become somebody whom files refuse, and needs setpriv for it");
        return None;
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(program);
    command.arg("run").arg(shop.job()).args(["--quiet", "--as-of", as_of]);
    command.env("TMPDIR", shop.temporary()).env_remove("RUST_LOG").current_dir(shop.folder.path());
    Some(said(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()))
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn places_that_forbid() {
    let shop = TinyShop::new();
    assert!(shop.night("2026-06-01").0.success());
    let before = shop.look();
    let program = shop.folder.path().join("nextoffer");
    fs::copy(env!("CARGO_BIN_EXE_nextoffer"), &program).unwrap();
    mode(shop.folder.path(), 0o755);
    mode(&shop.temporary(), 0o777);
    // A folder of somebody else's.
    mode(&shop.out(), 0o755);
    let Some((status, text)) = as_nobody(&shop, &program, "2026-06-02") else { return };
    assert!(matches!(status.code(), Some(73 | 74)), "{status} {text}");
    assert!(text.contains(".lock") && text.contains("ermission denied"), "{text}");
    assert_eq!(shop.look(), before);
    // No place for temporary files.
    mode(&shop.temporary(), 0o755);
    let (status, text) = as_nobody(&shop, &program, "2026-06-02").unwrap();
    assert!(status.code() == Some(73) && text.contains(shop.temporary().to_str().unwrap()), "{status} {text}");
    mode(&shop.temporary(), 0o777);
    // An input that may not be read.
    let members = shop.folder.path().join("shop/members.parquet");
    mode(&members, 0o600);
    let (status, text) = as_nobody(&shop, &program, "2026-06-02").unwrap();
    assert!(status.code() == Some(66) && text.contains("members.parquet"), "{status} {text}");
    assert_eq!(shop.look(), before);
    shop.assert_clean("after places that forbid");
}

#[test]
fn a_read_only_file_system() {
    let shop = TinyShop::new();
    let Some(disk) = Mounted::tmpfs(&shop.out(), "size=64m,mode=750") else {
        return println!("skipped: no file system can be mounted here");
    };
    assert!(shop.night("2026-06-01").0.success());
    let before = shop.look();
    disk.remount("ro");
    let (status, text) = shop.night("2026-06-02");
    assert!(matches!(status.code(), Some(73 | 74)), "{status} {text}");
    assert!(text.contains("ead-only file system"), "{text}");
    assert_eq!(shop.look(), before);
    disk.remount("rw");
    assert!(shop.night("2026-06-02").0.success());
}

#[test]
fn modes_of_everything_written() {
    let shop = TinyShop::new();
    // A umask that would let everybody in.
    let program = shop.command(&["run", "JOB", "--quiet", "--as-of", "2026-06-01"]);
    let mut shell = Command::new("sh");
    shell.args(["-c", "umask 0; exec \"$@\"", "sh"]).arg(program.get_program()).args(program.get_args());
    assert!(shell.env("TMPDIR", shop.temporary()).status().unwrap().success());
    assert!(shop.say(&["ack", "current", "--target", "generic", "--out", "OUT"]).0.success());
    assert!(shop.night("2026-06-02").0.success());
    assert!(shop.say(&["rollback", "JOB", "--to", "2026-06-01"]).0.success());
    let to = shop.folder.path().join("exported");
    let export =
        ["export", "current", "--out", "OUT", "--target", "generic", "--job", "JOB", "--to", to.to_str().unwrap()];
    let (status, text) = shop.say(&export);
    assert!(status.success(), "{text}");
    assert!(to.join("crm/generic/target.json").exists() && !to.join(".nextoffer-scratch").exists());
    let (mut folders, mut seen) = (vec![shop.out(), to], 0);
    while let Some(folder) = folders.pop() {
        assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o7777, 0o750, "{}", folder.display());
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let kind = path.symlink_metadata().unwrap();
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() {
                seen += 1;
                assert_eq!(kind.permissions().mode() & 0o7777, 0o640, "{}", path.display());
            }
        }
    }
    assert!(seen > 60, "{seen}");
}

/// Times of files say nothing: not those of inputs, and of runs only which of one day came last, whatever the clock said.
#[test]
fn clocks_that_jump() {
    let shop = TinyShop::new();
    assert!(shop.night("2026-06-01").0.success());
    let first = shop.look();
    let future = SystemTime::now() + Duration::from_secs(100 * 365 * 86_400);
    let touch = |path: &Path, time: SystemTime| {
        fs::OpenOptions::new().write(true).open(path).unwrap().set_modified(time).unwrap();
    };
    let shop_files = shop.folder.path().join("shop");
    touch(&shop_files.join("members.parquet"), future);
    touch(&shop_files.join("items.parquet"), SystemTime::UNIX_EPOCH);
    assert!(shop.night("2026-06-01").0.success());
    assert_eq!(shop.look(), first, "the same inputs with other times");

    // A run of the same day, published while the clock was a century ahead, and another after it was set back.
    let (ahead, _) = first.runs.iter().next().unwrap();
    touch(&shop.out().join(ahead).join("_SUCCESS"), future);
    let again = ["run", "JOB", "--quiet", "--as-of", "2026-06-01", "--set", "decision.slots=2"];
    assert!(shop.say(&again).0.success());
    let second = shop.look();
    let later = second.runs.keys().find(|run| *run != ahead).unwrap();
    assert_eq!(second.current.as_ref(), Some(later));
    assert!(shop.night("2026-06-02").0.success());
    let newest = shop.out().join("current/manifest.json");
    let manifest: serde_json::Value = serde_json::from_slice(&fs::read(newest).unwrap()).unwrap();
    assert_eq!(format!("dt=2026-06-01/run={}", manifest["previous_run"].as_str().unwrap()), *later);
    let _: Look = second;
}
