//! `lawfit query`: answers a query that is not in the spec.

use std::path::PathBuf;

use clap::Args;

use super::output;
use super::screen::Screen;
use super::walk::{Computing, walk_towards};
use super::{Exit, compiled_or_shown, read_specs};
use crate::artifact::Outputs;
use crate::diagnostic::{Diagnostic, Place, list};
use crate::plan::{PlanStage, compile_asking};
use crate::report::{AnsweredBy, Described, answer_in_words};
use crate::spec::{ASKED, question};

/// Answer a query that is not in the spec, with fits from the cache.
#[derive(Debug, Args)]
#[expect(clippy::doc_markdown, reason = "help is not Markdown")]
pub(super) struct Arguments {
    /// The spec file.
    #[arg(value_name = "SPEC")]
    spec: PathBuf,
    /// A kind of query and its settings: 'loss N=280B D=300B', 'reach L=2.0 solve=C', 'compute_optimal C=1e21,1e24';
    /// `fit=NAME` if the spec has several fits.
    #[arg(value_name = "QUESTION", required = true)]
    question: Vec<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    computing: Computing,
}

pub(super) fn run(arguments: &Arguments, screen: &Screen) -> Exit {
    let files = match read_specs(std::slice::from_ref(&arguments.spec), screen) {
        Ok(files) => files,
        Err(exit) => return exit,
    };
    let allowed = arguments.computing.allow.allowed();
    let alone = compile_asking(&files, None, allowed);
    // Errors of the spec itself come first; its warnings are printed once, with the query.
    if alone.has_errors() {
        return compiled_or_shown(&files, alone, screen).map_or_else(|exit| exit, |_| Exit::BadSpec);
    }
    let described = alone.specs.iter().find_map(|spec| spec.report.as_ref()).map(|report| &report.described);
    let fits: Vec<String> =
        described.iter().flat_map(|described| &described.fits).map(|fit| fit.name.clone()).collect();
    let asked = match question(&arguments.question.join(" "), &fits) {
        Ok(asked) => asked,
        Err(message) => {
            screen.error(&message, &["as in: lawfit query SPEC 'compute_optimal C=1e24'".to_owned()]);
            return Exit::BadSpec;
        }
    };
    let mut compiled = compile_asking(&files, Some(&asked), allowed);
    compiled.diagnostics.iter_mut().for_each(in_words_of_the_question);
    let compiled = match compiled_or_shown(&files, compiled, screen) {
        Ok(compiled) => compiled,
        Err(exit) => return exit,
    };
    let is_asked = |stage: &PlanStage| stage.id.kind == "extrapolate" && stage.id.name.as_deref() == Some(ASKED);
    let targets: Vec<usize> =
        compiled.plan.stages().enumerate().filter(|(_, stage)| is_asked(stage)).map(|(i, _)| i).collect();
    let described = compiled.specs.first().and_then(|spec| spec.report.as_ref()).map(|report| &report.described);
    let mut results = serde_json::Map::new();
    let tell = |index: usize, outputs: &Outputs| {
        let answer = outputs.get("answer").and_then(|bytes| serde_json::from_slice(bytes).ok());
        let (Some(answer), Some(described)) = (answer, described) else { return };
        let name = &compiled.plan.stage(index).id.entry();
        let Some((result, sentences)) = answer_in_words(described, name, &answer) else { return };
        if arguments.json {
            results.insert(name.to_owned(), serde_json::json!(result));
        } else {
            sentences.iter().for_each(output::print_line);
            result.warnings.iter().for_each(|warning| screen.notice(&warning.text));
        }
    };
    let beside = described.into_iter().flat_map(|described| laws_beside(described, ASKED));
    beside.for_each(|notice| screen.notice(&notice));
    let exit = walk_towards((&compiled, &files), &targets, &arguments.computing, screen, tell);
    if arguments.json {
        output::print_line(format_args!("{:#}", serde_json::json!(results)));
    }
    exit
}

/// Notices about laws that could answer a query too: those compared in its fit, and those of other fits of the same
/// response.
fn laws_beside(described: &Described, query: &str) -> Vec<String> {
    let Some(fit) = described.query(query).and_then(|query| described.fit(&query.fit)) else { return Vec::new() };
    let mut notices = Vec::new();
    let is_by_one = described
        .query(query)
        .is_some_and(|query| query.by == AnsweredBy::Law && query.question.member().takes_several_laws().is_ok());
    if is_by_one && !fit.alternatives.is_empty() {
        let others: Vec<&str> = fit.alternatives.iter().map(|law| law.name.as_str()).collect();
        notices.push(format!(
            "this answer is by the law `{}` alone; the fit `{}` has {} as alternatives, and `forecast=stack` asks them together",
            fit.law.name,
            fit.name,
            list(&others)
        ));
    }
    let others = described.fits.iter().filter(|other| other.name != fit.name && other.law.response == fit.law.response);
    let others: Vec<String> = others.map(|other| format!("fit={}", other.name)).collect();
    if !others.is_empty() {
        notices.push(format!("this answer is by the fit `{}`; ask the others with {}", fit.name, others.join(" or ")));
    }
    notices
}

/// Words a diagnostic for a query on the command line, which is not an entry of the spec.
fn in_words_of_the_question(diagnostic: &mut Diagnostic) {
    if diagnostic.place == Place::Question {
        diagnostic.message = diagnostic
            .message
            .replace(&format!("`queries.{ASKED}.loss`"), "the question")
            .replace(&format!("`queries.{ASKED}."), "`")
            .replace(&format!("`queries.{ASKED}`"), "the question")
            .replace(&format!("the query `{ASKED}`"), "the question");
    }
}
