//! `lawfit laws`: shows the catalogue.

use clap::Args;

use super::Exit;
use super::output;
use super::screen::Screen;
use crate::law::{CONVENTIONS, Convention, Entry, catalogue, find, names};
use crate::numeral::exact;
use crate::report::typeset_plain;

/// List the laws of the catalogue, or show one.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The law to show.
    name: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Print the whole catalogue as Markdown.
    #[arg(long, hide = true, conflicts_with_all = ["name", "json"])]
    markdown: bool,
    /// List the published conventions for the cost of training, which `[costs.NAME]` accepts by name.
    #[arg(long, conflicts_with = "name")]
    costs: bool,
}

pub(super) fn run(arguments: &Arguments, screen: &Screen) -> Exit {
    if arguments.costs {
        costs(arguments);
        return Exit::Done;
    }
    if arguments.markdown {
        output::print(&markdown());
        return Exit::Done;
    }
    let Some(name) = &arguments.name else {
        list(arguments.json);
        return Exit::Done;
    };
    let Some(entry) = find(name) else {
        let hint = match crate::diagnostic::nearest(name, names()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "`lawfit laws` lists them".to_owned(),
        };
        screen.error(&format!("the catalogue has no law `{name}`"), &[hint]);
        return Exit::BadSpec;
    };
    if arguments.json {
        output::print_line(format_args!("{:#}", serde_json::json!(entry)));
    } else {
        output::print(&page(entry));
    }
    Exit::Done
}

fn list(json: bool) {
    let all = catalogue();
    if json {
        output::print_line(format_args!("{:#}", serde_json::json!(all)));
        return;
    }
    let variables = |entry: &Entry| entry.variables.keys().cloned().collect::<Vec<_>>().join(" ");
    let width = |of: &dyn Fn(&Entry) -> usize| all.iter().map(of).max().unwrap_or(0);
    let (name, of) = (width(&|e| e.name.len()), width(&|e| variables(e).len()));
    output::print_line(format_args!("{:name$}  {:of$}  what it describes", "law", "of"));
    for entry in all {
        output::print_line(format_args!("{:name$}  {:of$}  {}", entry.name, variables(entry), entry.title));
    }
    output::print_line("\n`lawfit laws NAME` shows one with its formula, constants, references and a spec.");
}

/// Prints the conventions for the cost of training.
fn costs(arguments: &Arguments) {
    if arguments.json {
        output::print_line(format_args!("{:#}", serde_json::json!(CONVENTIONS)));
    } else if arguments.markdown {
        output::print(&costs_in_markdown());
    } else {
        for convention in &CONVENTIONS {
            output::print_line(format_args!("{}", cost(convention)));
        }
        output::print_line("Take one in a spec: `[costs.NAME]` with `use = \"palm_attention\"`.");
    }
}

/// A convention in plain text.
fn cost(convention: &Convention) -> String {
    use std::fmt::Write as _;
    let Convention { name, compute, serve, variables, reference } = convention;
    let mut out = format!("{name}\n  training        {compute}\n  serving a token {serve}\n");
    for (variable, meaning) in *variables {
        let _ = writeln!(out, "  {variable}: {meaning}");
    }
    let _ = writeln!(out, "  from {reference}");
    out
}

/// The conventions for the cost of training in Markdown.
fn costs_in_markdown() -> String {
    let pages = CONVENTIONS.iter().map(|convention| {
        let page = cost(convention);
        let body = page.split_once('\n').map_or("", |(_, body)| body);
        format!("\n## {}\n\n```text\n{}\n```\n", convention.name, body.trim_end_matches('\n'))
    });
    let head = "# What training costs\n\nWritten by `just generate` from `src/law/cost.rs`; the text of `lawfit laws --costs`. \
        Floating-point operations by the published conventions that `[costs.NAME]` takes by name (`use`). \
        Each says where it is from, and where the source itself was not read.\n";
    format!("{head}{}", pages.collect::<String>())
}

/// The whole catalogue in Markdown.
fn markdown() -> String {
    use std::fmt::Write as _;
    let mut out = "# The laws of the catalogue\n\nWritten by `just generate` from `src/law/catalogue/`; the text of `lawfit laws NAME` for each.\n\n".to_owned();
    for entry in catalogue() {
        let _ = writeln!(out, "- [`{0}`](#{0}): {1}", entry.name, entry.title);
    }
    for entry in catalogue() {
        let page = page(entry);
        let body = page.split_once('\n').map_or("", |(_, body)| body);
        let _ = write!(out, "\n## {}\n\n{}.\n\n```text\n{}\n```\n", entry.name, entry.title, body.trim_matches('\n'));
    }
    out
}

fn formula(entry: &Entry) -> String {
    entry.law().map_or_else(|_| entry.formula.clone(), |law| typeset_plain(&law.response, &law.body))
}

fn page(entry: &Entry) -> String {
    use std::fmt::Write as _;
    let mut out = format!("{}: {}\n\n  {}\n", entry.name, entry.title, formula(entry));
    if !entry.aliases.is_empty() {
        let _ = writeln!(out, "  also called {}", entry.aliases.join(", "));
    }
    let _ = writeln!(out, "\nvariables");
    for (name, variable) in &entry.variables {
        let unit = variable.unit.map(|u| format!(", in {u}")).unwrap_or_default();
        let _ = writeln!(out, "  {name:10} {}{unit}", variable.meaning);
    }
    if takes_schedule(entry) {
        for (name, meaning) in crate::schedule::PER_KNOT {
            let _ = writeln!(out, "  {name:10} {meaning}; of each knot of a schedule");
        }
    }
    let _ = writeln!(out, "\nparameters");
    for (name, parameter) in &entry.parameters {
        let bounds = parameter
            .bounds
            .map(|[low, high]| format!(", in [{}, {}]", exact(low.0), exact(high.0)))
            .unwrap_or_default();
        let _ = writeln!(out, "  {name:10} {}{bounds}", parameter.meaning.as_deref().unwrap_or(""));
    }
    if !entry.constants.is_empty() {
        let _ = writeln!(out, "\npublished constants");
        for (name, constants) in &entry.constants {
            let values: Vec<String> = constants.values.iter().map(|(p, v)| format!("{p} = {}", exact(v.0))).collect();
            let _ = writeln!(out, "  {name}: {}\n    {}", values.join(", "), constants.reference);
        }
    }
    let _ = writeln!(out, "\nwhere it holds\n  {}", entry.caution);
    if let Some(monotone) = entry.holds.monotone {
        let has = if monotone { "has no" } else { "may have a" };
        let _ = writeln!(out, "  it {has} minimum or maximum along a variable");
    }
    if let Some(epochs) = entry.holds.epochs {
        let times = if epochs > 1.0 { format!("up to {} times", exact(epochs)) } else { "once".to_owned() };
        let _ = writeln!(out, "  each token is seen {times}");
    }
    for (variable, [low, high]) in &entry.holds.range {
        let _ = writeln!(out, "  published for {variable} from {} to {}", exact(low.0), exact(high.0));
    }
    let _ = writeln!(out, "\nreferences");
    entry.references.iter().for_each(|reference| {
        let _ = writeln!(out, "  {reference}");
    });
    let _ = writeln!(out, "\nin a spec\n{}", snippet(entry));
    out
}

fn takes_schedule(entry: &Entry) -> bool {
    entry.law().is_ok_and(|law| law.takes_schedule())
}

/// A complete spec, with published constants where there are some.
fn snippet(entry: &Entry) -> String {
    let name = &entry.name;
    match entry.constants.keys().next() {
        Some(constants) => {
            let at: Vec<String> = if takes_schedule(entry) {
                let cosine = "{ shape = \"cosine\", peak = 3e-4, end = 3e-5, warmup = 2000, steps = 24000 }";
                vec![format!("schedule = {cosine}")]
            } else {
                // Constants may be for other units than those of the law's usual example.
                let of_constants = entry.checks.iter().find(|check| check.constants == *constants);
                let at = |name: &str| of_constants.and_then(|check| check.at.get(name)).map(|value| value.0);
                let is_whole = entry.variables.keys().all(|name| at(name).is_some());
                let variables = entry.variables.iter().map(|(name, variable)| {
                    let value = at(name).filter(|_| is_whole).unwrap_or_else(|| variable.example());
                    format!("{name} = {}", exact(value))
                });
                variables.collect()
            };
            format!(
                "  spec = 1\n  study.title = \"{}\"\n  [laws.published]\n  use = \"{name}\"\n  constants = \"{constants}\"\n  [fits.published]\n  law = \"published\"\n  [queries.example]\n  fit = \"published\"\n  loss = {{ {} }}\n",
                entry.title,
                at.join(", ")
            )
        }
        None => format!("  [laws.mine]\n  use = \"{name}\"\n  [fits.main]\n  rows = \"...\"\n  law = \"mine\"\n"),
    }
}
