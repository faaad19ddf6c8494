//! `lawfit plan`: shows what a run would do.

use clap::Args;

use super::compiled::PlannedSpec;
use super::output;
use super::screen::Screen;
use super::{Exit, ForReport, Study, compile_for_report};
use crate::engine::{Look, look};
use crate::store::Store;

/// Show what `run` would compute and what it would take from the cache.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    study: Study,
    #[command(flatten)]
    report: ForReport,
    /// Print JSON.
    #[arg(long, group = "form")]
    json: bool,
    /// Print the graph in the Mermaid language.
    #[arg(long, group = "form")]
    mermaid: bool,
    /// Print the graph in the Graphviz language.
    #[arg(long, group = "form")]
    dot: bool,
}

pub(super) fn run(arguments: &Arguments, screen: &Screen) -> Exit {
    let (files, compiled) =
        match compile_for_report(&arguments.study.specs, &arguments.study.allow, &arguments.report, screen) {
            Ok(compiled) => compiled,
            Err(exit) => return exit,
        };
    let plan = &compiled.plan;
    if arguments.mermaid {
        output::print(&plan.mermaid());
        return Exit::Done;
    }
    if arguments.dot {
        output::print(&plan.dot());
        return Exit::Done;
    }
    let store = Store::new(&arguments.study.cache.cache);
    let looks = look(plan, &store);
    store.take_notices().iter().for_each(|notice| screen.notice(notice));
    if arguments.json {
        let stages: Vec<serde_json::Value> = plan
            .stages()
            .zip(&looks)
            .enumerate()
            .map(|(index, (stage, look))| {
                let needs: Vec<String> = plan.inputs(index).into_iter().map(|(from, _)| plan.stage(from).id.to_string()).collect();
                serde_json::json!({ "id": stage.id.to_string(), "kind": stage.stage.kind(), "status": look.name(), "key": look.key(), "needs": needs })
            })
            .collect();
        let specs: Vec<PlannedSpec> = files.iter().map(PlannedSpec::of).collect();
        output::print_line(format_args!("{:#}", serde_json::json!({ "specs": specs, "stages": stages })));
        return Exit::Done;
    }
    for (stage, look) in plan.stages().zip(&looks) {
        let detail = match look {
            Look::Hit(key) | Look::Miss(key) => format!("  {:.12}", key.as_str()),
            Look::Unknown => "  depends on a stage that would run".to_owned(),
            Look::Unreadable(why) => format!("  {why}"),
        };
        output::print_line(format_args!("{:>10}  {}{detail}", look.name(), stage.id));
    }
    let hits = looks.iter().filter(|l| matches!(l, Look::Hit(_))).count();
    output::print_line(format_args!("{} stages: {hits} cached, {} to run", looks.len(), looks.len() - hits));
    Exit::Done
}
