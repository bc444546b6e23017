//! `report.html` in a real browser: it is drawn, both languages can be read, a phone shows it, it can be printed.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::support::{Published, demo, publish};
use nextoffer::{base::Day, run::RunOptions};

/// A Chromium or Chrome of this machine; says so if there is none.
fn browser() -> Option<PathBuf> {
    let names = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome"];
    let folders: Vec<PathBuf> =
        std::env::var_os("PATH").map(|p| std::env::split_paths(&p).collect()).unwrap_or_default();
    let found = folders.iter().flat_map(|folder| names.map(|name| folder.join(name))).find(|path| path.is_file());
    if found.is_none() {
        println!("skipped: no chromium here (apt-get install chromium)");
    }
    found
}

/// What the browser wrote on its two outputs.
fn browse(browser: &Path, work: &Path, arguments: &[&str], page: &Path) -> (String, String) {
    let profile = format!("--user-data-dir={}", work.join("profile").display());
    let output = Command::new(browser)
        .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run", &profile])
        // Nothing may come from anywhere else.
        .args(["--host-resolver-rules=MAP * ~NOTFOUND", "--allow-file-access-from-files", "--enable-logging=stderr"])
        .args(arguments)
        .arg(format!("file://{}", page.display()))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (text(output.stdout), text(output.stderr))
}

/// A page that shows another in a frame as wide as a phone, measures it, switches its language, and measures again.
const PHONE: &str = r#"<!DOCTYPE html><meta charset="utf-8"><body>
<iframe id="page" src="report.html" style="width:390px;height:900px;border:0"></iframe>
<pre id="found"></pre>
<script>
addEventListener("load", () => {
  const inner = document.getElementById("page").contentDocument;
  const shown = () => [...inner.querySelectorAll("h1 span, h2 span")].filter(s => s.getClientRects().length).map(s => s.textContent);
  const tall = () => [...inner.querySelectorAll("svg")].filter(s => s.getBoundingClientRect().height > 40).length;
  const found = { width: inner.documentElement.scrollWidth, zh: shown(), drawings: inner.querySelectorAll("svg").length, tall: tall() };
  inner.getElementById("lang-en").checked = true;
  found.en = shown();
  document.getElementById("found").textContent = JSON.stringify(found);
});
</script>"#;

/// A run that followed another: its report has every section.
fn second_night() -> (tempfile::TempDir, Published) {
    let out = tempfile::tempdir().unwrap();
    let run = |day: &str| {
        let options = RunOptions { as_of: Day::parse(day), ..RunOptions::default() };
        publish("jobs/demo.toml", out.path(), &[], options)
    };
    run("2026-06-29");
    let second = run("2026-06-30");
    (out, second)
}

#[test]
fn the_report_in_a_browser() {
    let Some(browser) = browser() else { return };
    let (_out, run) = second_night();
    let work = tempfile::tempdir().unwrap();
    let page = work.path().join("report.html");
    fs::copy(run.folder.join("report.html"), &page).unwrap();

    let (dom, log) = browse(&browser, work.path(), &["--dump-dom"], &page);
    for heading in ["会员分群与优惠报告", "群体画像", "分群地图", "与前次运行相比", "优惠与推荐", "Quality"]
    {
        assert!(dom.contains(heading), "{heading}");
    }
    assert!(!log.contains("CONSOLE"), "{log}");

    // Drawn, and not blank: far more ink than an empty page.
    let empty = work.path().join("empty.html");
    fs::write(&empty, "<!DOCTYPE html><title>empty</title>").unwrap();
    let picture = |of: &Path, name: &str| {
        let file = work.path().join(name);
        let argument = format!("--screenshot={}", file.display());
        browse(&browser, work.path(), &["--window-size=1280,4000", &argument], of);
        fs::metadata(file).unwrap().len()
    };
    let (drawn, blank) = (picture(&page, "page.png"), picture(&empty, "empty.png"));
    assert!(drawn > 10 * blank, "{drawn} {blank}");

    // On a phone nothing sticks out, every drawing has a size, and the other language can be chosen.
    let phone = work.path().join("phone.html");
    fs::write(&phone, PHONE).unwrap();
    let (dom, _) = browse(&browser, work.path(), &["--virtual-time-budget=10000", "--dump-dom"], &phone);
    let text = dom.split("<pre id=\"found\">").nth(1).unwrap().split("</pre>").next().unwrap();
    let found: serde_json::Value =
        serde_json::from_str(&text.replace("&amp;", "&")).unwrap_or_else(|e| panic!("{e}: {text}"));
    assert_eq!(found["width"], 390, "{found}");
    assert!(found["drawings"].as_u64() > Some(5), "{found}");
    assert_eq!(found["drawings"], found["tall"], "{found}");
    let shown = |language: &str| {
        found[language].as_array().unwrap().iter().map(|t| t.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert!(shown("zh").contains(&"会员分群".to_owned()) && !shown("zh").contains(&"Segments".to_owned()), "{found}");
    assert!(shown("en").contains(&"Segments".to_owned()) && !shown("en").contains(&"会员分群".to_owned()), "{found}");

    let paper = work.path().join("report.pdf");
    browse(&browser, work.path(), &["--no-pdf-header-footer", &format!("--print-to-pdf={}", paper.display())], &page);
    let bytes = fs::read(paper).unwrap();
    assert!(bytes.starts_with(b"%PDF") && bytes.len() > 50_000, "{}", bytes.len());
}

#[test]
fn the_report_names_nobody_and_loads_nothing() {
    let report = demo().text("report.html");
    assert!(report.len() < 1_000_000, "{}", report.len());
    let segments = demo().table("segments.parquet");
    for id in segments.names("member_id") {
        assert!(!report.contains(id), "{id}");
    }
    for outside in ["<script", "http:", "https:", "@import", "src=", "NaN"] {
        assert!(!report.contains(outside), "{outside}");
    }
    assert!(demo().manifest.outputs.iter().any(|o| o.path == "report.html"));
    // The figures are those of the run.
    let manifest = &demo().manifest;
    let thousands = |n: u64| if n < 1000 { n.to_string() } else { format!("{},{:03}", n / 1000, n % 1000) };
    for segment in &manifest.segments {
        assert!(report.contains(&format!("{} 人", thousands(segment.members))), "{segment:?}");
    }
    for offer in &manifest.offers {
        assert!(report.contains(&offer.offer_id) && report.contains(&thousands(offer.chosen)), "{offer:?}");
    }
}
