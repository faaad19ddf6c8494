//! `lawfit laws`: the catalogue.

use clap::Args;

use super::Exit;
use super::screen::Screen;
use crate::law::{Entry, catalogue, find, names};
use crate::report::typeset_plain;

/// List the laws of the catalogue, or show one.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The law to show.
    name: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments, screen: &Screen) -> Exit {
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
        println!("{:#}", serde_json::json!(entry));
    } else {
        print!("{}", page(&entry));
    }
    Exit::Done
}

fn list(json: bool) {
    let all = catalogue();
    if json {
        println!("{:#}", serde_json::json!(all));
        return;
    }
    let width = all.iter().map(|e| e.name.len()).max().unwrap_or(0);
    for entry in &all {
        println!("{:width$}  {}", entry.name, entry.title);
        println!("{:width$}  {}", "", formula(entry));
    }
    println!("\n`lawfit laws NAME` shows one.");
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
    let _ = writeln!(out, "\nparameters");
    for (name, parameter) in &entry.parameters {
        let bounds = parameter
            .bounds
            .map(|[low, high]| format!(", in [{}, {}]", short(low.0), short(high.0)))
            .unwrap_or_default();
        let _ = writeln!(out, "  {name:10} {}{bounds}", parameter.meaning.as_deref().unwrap_or(""));
    }
    if !entry.constants.is_empty() {
        let _ = writeln!(out, "\npublished constants");
        for (name, constants) in &entry.constants {
            let values: Vec<String> = constants.values.iter().map(|(p, v)| format!("{p} = {}", short(v.0))).collect();
            let _ = writeln!(out, "  {name}: {}\n    {}", values.join(", "), constants.reference);
        }
    }
    let _ = writeln!(out, "\nwhere it holds\n  {}", entry.caution);
    let _ = writeln!(out, "\nreferences");
    entry.references.iter().for_each(|reference| {
        let _ = writeln!(out, "  {reference}");
    });
    let _ = writeln!(out, "\nin a spec\n{}", snippet(entry));
    out
}

fn short(value: f64) -> String {
    crate::expr::number_text(value)
}

/// A spec that runs as it stands: with published constants where there are some.
fn snippet(entry: &Entry) -> String {
    let name = &entry.name;
    match entry.constants.keys().next() {
        Some(constants) => {
            let at: Vec<String> =
                entry.variables.iter().map(|(name, v)| format!("{name} = {}", short(v.example()))).collect();
            format!(
                "  spec = 1\n  study.title = \"{}\"\n  [laws.published]\n  use = \"{name}\"\n  constants = \"{constants}\"\n  [fits.published]\n  law = \"published\"\n  [queries.example]\n  fit = \"published\"\n  loss = {{ {} }}\n",
                entry.title,
                at.join(", ")
            )
        }
        None => format!("  [laws.mine]\n  use = \"{name}\"\n  [fits.main]\n  rows = \"...\"\n  law = \"mine\"\n"),
    }
}
