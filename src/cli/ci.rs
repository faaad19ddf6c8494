//! Output for CI systems: annotations, the summary of a job, `JUnit` XML.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment};

use super::conclusion::Conclusion;
use super::lock_path;
use super::output;
use super::screen::Screen;
use crate::expectation::Severity;
use crate::file::{from_root, replaceable};

/// Annotates the lines of failed expectations and stages, if the program runs in a job on GitHub.
pub(super) fn annotate(conclusions: &[Conclusion<'_>]) {
    if std::env::var_os("GITHUB_ACTIONS").is_none() {
        return;
    }
    for conclusion in conclusions {
        let (stem, path) = (conclusion.file.stem(), conclusion.file.path.display());
        for judged in conclusion.expectations.iter().filter(|judged| !judged.holds) {
            let word = if judged.severity == Severity::Error { "error" } else { "warning" };
            let message = escaped(&format!("{stem}: {}", judged.in_words()));
            output::tell(&format!("::{word} file={path},line={}::{message}", judged.line));
        }
        for (stage, failure) in &conclusion.failures {
            let message = escaped(&format!("{stem}: stage {stage} failed: {}", failure.message));
            output::tell(&format!("::error file={path}::{message}"));
        }
    }
}

/// A message escaped for GitHub's commands.
fn escaped(message: &str) -> String {
    message.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Adds the conclusion of a run to the summary of the job, if the program runs in a job on GitHub.
pub(super) fn summarize(conclusions: &[Conclusion<'_>], screen: &Screen) {
    let Some(path) = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty()) else { return };
    let text: String = conclusions.iter().map(summary).collect();
    let written = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    if let Err(error) = written {
        screen.notice(&format!("the summary of the job is not written: {error}"));
    }
}

fn summary(conclusion: &Conclusion<'_>) -> String {
    let stem = conclusion.file.stem();
    let mut text = match &conclusion.results {
        Some(results) => format!("### {} ({stem})\n\n", results.study.title),
        None => format!("### {stem}: no results\n\n"),
    };
    for (stage, failure) in &conclusion.failures {
        let _ = writeln!(text, "- **stage `{stage}` failed**: {}", failure.message);
    }
    for sentence in conclusion.results.iter().flat_map(|results| &results.conclusions) {
        let _ = writeln!(text, "- {sentence}");
    }
    if !conclusion.expectations.is_empty() {
        text.push_str("\n| expectation | | found |\n|---|---|---|\n");
        for judged in &conclusion.expectations {
            let emphasis = if judged.fails() { "**" } else { "" };
            let (that, verdict) = (judged.that.replace('|', "\\|"), judged.verdict());
            let _ = writeln!(text, "| `{that}` | {emphasis}{verdict}{emphasis} | {} |", judged.found);
        }
    }
    if !conclusion.changes.is_empty() {
        let _ = write!(
            text,
            "\n<details><summary>Changes since the lock file</summary>\n\n{}\n</details>\n",
            conclusion.changes.markdown()
        );
    }
    text.push('\n');
    text
}

const JUNIT: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="lawfit" tests="{{ tests }}" failures="{{ failures }}" errors="{{ errors }}">
{% for suite in suites %}
  <testsuite name="{{ suite.name }}" tests="{{ suite.tests }}" failures="{{ suite.failures }}" errors="{{ suite.errors }}">
{% for case in suite.cases %}
    <testcase classname="{{ suite.name }}" name="{{ case.name }}" file="{{ suite.file }}"{% if case.line %} line="{{ case.line }}"{% endif %}>
{% if case.failure %}
      <failure message="{{ case.failure }}"/>
{% elif case.error %}
      <error message="{{ case.error }}"/>
{% elif case.warning %}
      <system-out>{{ case.warning }}</system-out>
{% endif %}
    </testcase>
{% endfor %}
  </testsuite>
{% endfor %}
</testsuites>
"#;

/// Writes `JUnit` XML: a suite per spec, and a case per expectation and per failed stage.
pub(super) fn write_junit(path: &Path, conclusions: &[Conclusion<'_>]) -> Result<(), String> {
    let path = &replaceable(path).map_err(|error| error.to_string())?;
    let is_here = |own: &Path| from_root(own) == from_root(path);
    if let Some(spec) = conclusions.iter().map(|c| &c.file.path).find(|spec| is_here(spec) || is_here(&lock_path(spec)))
    {
        return Err(format!(
            "this is `{}` or its lock file, and the results of tests would replace it",
            spec.display()
        ));
    }
    let suites: Vec<serde_json::Value> = conclusions.iter().map(suite).collect();
    let total = |what: &str| suites.iter().filter_map(|suite| suite[what].as_u64()).sum::<u64>();
    let totals = serde_json::json!({
        "tests": total("tests"), "failures": total("failures"), "errors": total("errors"), "suites": suites,
    });
    let failed = |error: minijinja::Error| format!("{error:#}");
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).build().map_err(failed)?);
    let text = environment.render_str(JUNIT, Serde(totals)).map_err(failed)?;
    crate::store::replace(path, text.as_bytes(), "junit").map_err(|error| error.to_string())
}

fn suite(conclusion: &Conclusion<'_>) -> serde_json::Value {
    let expectations = conclusion.expectations.iter().map(|judged| {
        let message = (!judged.holds).then(|| judged.in_words());
        let (failure, warning) = if judged.fails() { (message, None) } else { (None, message) };
        serde_json::json!({ "name": judged.that, "line": judged.line, "failure": failure, "warning": warning })
    });
    let stages = conclusion
        .failures
        .iter()
        .map(|(stage, failure)| serde_json::json!({ "name": format!("stage {stage}"), "error": failure.message }));
    // A spec without expectations has one case: that its report was written.
    let report = conclusion.results.as_ref().map(|_| serde_json::json!({ "name": "report" }));
    let cases: Vec<serde_json::Value> = expectations.chain(stages).chain(report).collect();
    serde_json::json!({
        "name": conclusion.file.stem(),
        "file": conclusion.file.path,
        "tests": cases.len(),
        "failures": conclusion.expectations.iter().filter(|judged| judged.fails()).count(),
        "errors": conclusion.failures.len(),
        "cases": cases,
    })
}
