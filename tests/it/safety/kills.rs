//! The program is killed hundreds of times, at moments that a seed chooses.

use std::{
    thread,
    time::{Duration, Instant},
};

use rand::{RngCore, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::{TinyShop, said};

const KILLS: u32 = 300;

fn day(number: u32) -> String {
    format!("2026-{:02}-{:02}", 2 + number / 28, 1 + number % 28)
}

#[test]
fn kills_at_any_moment() {
    let shop = TinyShop::new();
    let mut dice = Xoshiro256PlusPlus::seed_from_u64(7);
    let mut below = |n: u64| dice.next_u64() % n;
    let began = Instant::now();
    let (status, text) = shop.night(&day(0));
    assert!(status.success(), "{text}");
    let mut whole_run = began.elapsed();
    let mut before = shop.look();
    let (mut number, mut killed, mut ended, mut tries) = (1, 0, 0, 0);
    while killed < KILLS {
        let newest = day(number - 1);
        let today = day(number);
        let to = format!("export-{tries}");
        let what = below(10);
        let arguments: &[&str] = match what {
            0 => &["ack", "current", "--target", "generic", "--out", "OUT"],
            1 => &["rollback", "JOB", "--to", &newest],
            2 => &["export", "current", "--out", "OUT", "--target", "generic", "--job", "JOB", "--to", &to],
            _ => &["run", "JOB", "--quiet", "--threads", "2", "--as-of", &today],
        };
        let mut child = shop.spawn(arguments);
        // What is no run is over soon.
        let longest = if what < 3 { whole_run / 8 } else { whole_run };
        thread::sleep(Duration::from_micros(below(longest.as_micros() as u64 + 1)));
        let over = child.try_wait().unwrap().is_some();
        child.kill().unwrap();
        let (status, text) = said(child);
        let when = format!("kill {killed} at {arguments:?}");
        let now = shop.look();
        now.assert_keeps(&before, &when);
        tries += 1;
        if over {
            ended += 1;
            assert!(status.success(), "{when}: {status} {text}");
        } else {
            killed += 1;
        }
        if what >= 3 && now.runs.keys().any(|run| run.starts_with(&format!("dt={today}/"))) {
            number += 1;
        }
        before = now;
        // Every now and then a night that nobody kills: it heals what is there, and leaves nothing behind.
        if tries % 25 == 0 {
            let began = Instant::now();
            let (status, text) = shop.night(&day(number));
            assert!(status.success(), "{when}: {text}");
            whole_run = (whole_run + began.elapsed()) / 2;
            // A killed export leaves its folder to the next one.
            let _ = std::fs::remove_dir_all(shop.folder.path().join(&to));
            let export = ["export", "current", "--out", "OUT", "--target", "generic", "--job", "JOB", "--to", &to];
            let (status, text) = shop.say(&export);
            assert!(status.success(), "{when}: {text}");
            let healed = shop.look();
            healed.assert_keeps(&before, &when);
            assert_eq!(healed.current.as_deref().and_then(|run| run.get(3..13)), Some(day(number).as_str()));
            let _ = std::fs::remove_dir_all(shop.folder.path().join(&to));
            shop.assert_clean(&when);
            before = healed;
            number += 1;
        }
    }
    println!("{killed} kills, {ended} ended before theirs, {} nights published", before.runs.len());
    assert!(before.runs.len() > 15);
    // A run that was never killed comes to the same bytes: here the first night again, elsewhere.
    let elsewhere = shop.folder.path().join("elsewhere");
    let first = day(0);
    let arguments = ["run", "JOB", "--quiet", "--as-of", &first, "--out", elsewhere.to_str().unwrap()];
    assert!(shop.say(&arguments).0.success());
    let alone = super::Look::at(&elsewhere);
    for (folder, files) in alone.runs {
        assert_eq!(before.runs.get(&folder), Some(&files));
    }
}
