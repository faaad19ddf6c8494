//! `lawfit query`: a question to the fits of a spec, without writing it there.

use std::path::PathBuf;

use clap::Args;

use super::output;
use super::screen::Screen;
use super::walk::{Walk, exit_of, interrupted, show_failures};
use super::{Allow, Cache, Exit, compiled_or_shown, read_specs};
use crate::diagnostic::{Diagnostic, Place};
use crate::engine::Engine;
use crate::plan::compile_asking;
use crate::report::answer_in_words;
use crate::spec::{Node, Query};

/// Ask the fits of a spec something that it does not ask itself; what is fitted already is taken from the cache.
#[derive(Debug, Args)]
#[expect(clippy::doc_markdown, reason = "help is not Markdown")]
pub(super) struct Arguments {
    /// The spec file.
    #[arg(value_name = "SPEC")]
    spec: PathBuf,
    /// A kind of query and its settings: 'loss N=280B D=300B', 'reach L=2.0 solve=C', 'compute_optimal C=1e21,1e24';
    /// `fit=NAME` where the spec has several.
    #[arg(value_name = "QUESTION", required = true)]
    question: Vec<String>,
    #[command(flatten)]
    cache: Cache,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    walk: Walk,
    #[command(flatten)]
    allow: Allow,
}

/// The name that the question has among the spec's queries.
const ASKED: &str = "asked";

pub(super) fn run(arguments: &Arguments, screen: &Screen) -> Exit {
    let files = match read_specs(std::slice::from_ref(&arguments.spec), screen) {
        Ok(files) => files,
        Err(exit) => return exit,
    };
    let allowed = arguments.allow.allowed();
    let alone = compile_asking(&files, None, allowed);
    // What is wrong with the spec itself comes first; its warnings come once, with the question.
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
    let is_asked = |id: &str| {
        let name = id.strip_prefix("extrapolate.").unwrap_or_default();
        name == ASKED || name.starts_with(&format!("{ASKED}["))
    };
    let targets: Vec<usize> =
        compiled.plan.stages().enumerate().filter(|(_, stage)| is_asked(&stage.id.0)).map(|(i, _)| i).collect();
    let store = crate::store::Store::new(&arguments.cache.cache);
    let options = arguments.walk.options();
    let progress = screen.progress(targets.len());
    let observer = |event: &crate::engine::Event<'_>| progress.show(event);
    let engine = Engine::new(&compiled.plan, &store, &options, &observer, interrupted()).towards(&targets, true);
    let outcomes = engine.run();
    progress.clear();
    show_failures(&compiled, &files, &outcomes, screen);
    let described = compiled.specs.first().and_then(|spec| spec.report.as_ref()).map(|report| &report.described);
    let mut results = serde_json::Map::new();
    for &index in &targets {
        let id = &compiled.plan.stage(index).id.0;
        let answer = engine.outputs(index).ok().and_then(|outputs| serde_json::from_slice(outputs.get("answer")?).ok());
        let (Some(answer), Some(described)) = (answer, described) else { continue };
        let name = id.strip_prefix("extrapolate.").unwrap_or(id);
        let Some((result, sentences)) = answer_in_words(described, name, &answer) else { continue };
        if arguments.json {
            results.insert(name.to_owned(), serde_json::json!(result));
        } else {
            sentences.iter().for_each(output::print_line);
            result.warnings.iter().for_each(|warning| screen.notice(warning));
        }
    }
    if arguments.json {
        output::print_line(format_args!("{:#}", serde_json::json!(results)));
    }
    exit_of(&outcomes)
}

/// Says what is wrong with a question in its own words: it is no entry of the spec.
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

/// A question in one line as part of a spec.
fn question(text: &str, fits: &[String]) -> Result<Node, String> {
    // Blanks around `=` mean nothing.
    let text = text.split('=').map(str::trim).collect::<Vec<_>>().join("=");
    let mut words = text.split_whitespace();
    let kinds = Query::kinds();
    let kind = words.next().unwrap_or_default();
    if !kinds.contains(&kind) {
        let kinds_in_words = crate::diagnostic::list(&kinds).replace(" and ", " or ");
        let near = crate::diagnostic::nearest(kind, kinds).filter(|_| !kind.contains('='));
        return Err(match near {
            Some(near) => format!("there is no kind of question `{kind}`; did you mean `{near}`?"),
            None => format!("a question begins with its kind: {kinds_in_words}"),
        });
    }
    let mut query = Vec::new();
    let mut settings = Vec::new();
    for word in words {
        let (key, value) = word.split_once('=').ok_or_else(|| format!("`{word}` is no setting such as C=1e24"))?;
        let values: Vec<Node> = value.split(',').map(value_of).collect();
        let value = match values.as_slice() {
            [one] => one.clone(),
            _ => Node::List(values),
        };
        // These are said beside the kind, all others under it.
        let beside = matches!(key, "fit" | "forecast" | "ceiling");
        if beside { &mut query } else { &mut settings }.push((key.to_owned(), value));
    }
    if query.iter().all(|(key, _)| key != "fit") {
        let [fit] = fits else {
            return Err(format!("say which fit: fit={}", fits.join(" or fit=")));
        };
        query.push(("fit".to_owned(), Node::Text(fit.clone())));
    }
    query.push((kind.to_owned(), Node::Table(settings)));
    let table = |key: &str, value: Node| Node::Table(vec![(key.to_owned(), value)]);
    Ok(table("queries", table(ASKED, Node::Table(query))))
}

/// A number where it reads as one, else a text; quantities such as 280B are texts in specs too.
fn value_of(text: &str) -> Node {
    match (text.parse::<i64>(), text.parse::<f64>()) {
        (Ok(whole), _) => Node::Integer(whole),
        (_, Ok(number)) if number.is_finite() => Node::Float(number),
        _ => Node::Text(text.to_owned()),
    }
}
