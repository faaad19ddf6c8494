//! Reports in a browser: runs in Chromium if it is installed.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::world::{World, repository};

/// The browser; `None` if it is not installed.
fn chromium() -> Option<PathBuf> {
    let folders = std::env::split_paths(&std::env::var_os("PATH")?).collect::<Vec<_>>();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    folders.iter().flat_map(|folder| names.map(|name| folder.join(name))).find(|path| path.is_file())
}

/// The results of the probe in a page: what was tried, whether it holds, and what was observed.
fn probe(browser: &Path, world: &World, page: &str, size: &str) -> Vec<(String, bool, String)> {
    let html = world.read(page);
    let script = std::fs::read_to_string(repository().join("tests/browser/probe.js")).unwrap();
    // axe-core is not part of the project: `LAWFIT_AXE` is the path of its axe.min.js, which `npm pack axe-core` has.
    let axe = std::env::var_os("LAWFIT_AXE").map(|path| std::fs::read_to_string(path).unwrap()).unwrap_or_default();
    let watch = "window.troubles = []; \
        for (const kind of ['error', 'unhandledrejection', 'securitypolicyviolation']) \
            addEventListener(kind, event => troubles.push(kind + ' ' + (event.message ?? event.blockedURI ?? event.reason))); \
        for (const kind of ['error', 'warn']) console[kind] = (...all) => troubles.push(all.join(' '));";
    let html = html.replacen("<head>", &format!("<head><script>{watch}</script>"), 1);
    let html = html.replacen("</body>", &format!("<script>{axe}</script><script>{script}</script></body>"), 1);
    world.write("probed.html", &html);
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", "--virtual-time-budget=20000"])
        .arg(format!("--user-data-dir={}", world.path("browser").display()))
        .arg(format!("--window-size={size}"))
        .arg(format!("file://{}", world.path("probed.html").display()))
        .output()
        .unwrap();
    let dom = String::from_utf8_lossy(&output.stdout).into_owned();
    let found = dom.split("<pre id=\"probe\">").nth(1).and_then(|rest| rest.split("</pre>").next());
    let found = found.unwrap_or_else(|| panic!("the probe did not end: {}", String::from_utf8_lossy(&output.stderr)));
    let text = found.replace("&lt;", "<").replace("&gt;", ">").replace("&nbsp;", "\u{a0}").replace("&amp;", "&");
    serde_json::from_str(&text).unwrap()
}

fn assert_usable(world: &World, page: &str) {
    let Some(browser) = chromium() else { return println!("browser: skipped, there is no Chromium") };
    if std::env::var_os("LAWFIT_AXE").is_none() {
        println!("browser: axe skipped, LAWFIT_AXE does not name axe.min.js");
    }
    for size in ["1200,900", "500,844"] {
        let found = probe(&browser, world, page, size);
        assert!(found.len() > 15, "{found:?}");
        let failed: Vec<_> = found.iter().filter(|(_, holds, _)| !holds).collect();
        assert!(failed.is_empty(), "{size}: {failed:#?}");
    }
}

#[test]
fn a_report_is_used_by_pointer_and_by_keyboard() {
    let world = World::new();
    for name in ["specs/cerebras-gpt.toml", "specs/data/cerebras-gpt.csv"] {
        world.write(name, &std::fs::read_to_string(repository().join(name)).unwrap());
    }
    assert_eq!(world.lawfit(&["run", "specs/cerebras-gpt.toml", "--quiet"]).code, 0);
    assert_usable(&world, "outputs/cerebras-gpt/report.html");
}

#[test]
fn hostile_names_run_nothing_in_a_report() {
    const EVIL: &str = "</script><img src=x onerror=alert(1)><svg onload=alert(2)>'&\\\"";
    let world = World::new();
    let mut table = String::from("family,N,L\n");
    for (family, scale) in [(EVIL.replace("\\\"", "\"\""), 1.0), ("b".to_owned(), 1.1)] {
        for i in 1..=6 {
            let n = 1e7 * libm::pow(3.0, f64::from(i));
            let _ = writeln!(table, "\"{family}\",{n},{}", scale * (1.5 + 60.0 / libm::pow(n, 0.3)));
        }
    }
    world.write("runs.csv", &table);
    world.write(
        "study.toml",
        &format!(
            "spec = 1\n[study]\ntitle = \"{EVIL}\"\nsummary = \"{EVIL}\"\n[sources.runs]\npath = \"runs.csv\"\ncolumns = {{ N = \"N\", L = \"L\", family = {{ column = \"family\", type = \"text\" }} }}\n\
             [laws.power]\nformula = \"L = E + A / N^alpha\"\n[fits.main]\nrows = \"runs\"\nlaw = \"power\"\nby = \"family\"\n[queries.\"{EVIL}\"]\nfit = \"main\"\nloss = {{ N = 1e12 }}\n"
        ),
    );
    let outcome = world.lawfit(&["run", "study.toml", "--quiet"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let html = world.read("outputs/study/report.html");
    assert!(!html.contains("<img") && !html.contains("<svg onload"), "no mark-up comes out of a name");
    for entry in std::fs::read_dir(world.path("outputs/study/figures")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "svg") {
            let svg = std::fs::read_to_string(&path).unwrap();
            assert!(!svg.contains("<img") && !svg.contains("onload=alert(2)>"), "{}", path.display());
        }
    }
    assert_usable(&world, "outputs/study/report.html");
}
