//! `lawfit design`: recommends the next runs, and compares results with their forecasts.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::output;
use super::screen::Screen;
use super::walk::{Computing, walk_towards};
use super::{Exit, compiled_or_shown, read_specs};
use crate::artifact::Outputs;
use crate::design::{Advice, Believed, Cost};
use crate::diagnostic::numbered;
use crate::numeral::rounded;
use crate::plan::{PlanStage, SpecFile, compile_asking};
use crate::spec::Node;

/// Recommend the next runs, with their value and a rule for when to stop.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// The spec file.
    #[arg(value_name = "SPEC", required = true)]
    spec: Option<PathBuf>,
    /// The designs; all designs of the spec by default.
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    #[command(flatten)]
    how: How,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Compare results with their forecasts, and plan the remaining runs again.
    Check(Check),
}

#[derive(Clone, Debug, Args)]
struct Check {
    /// The spec file.
    #[arg(value_name = "SPEC")]
    spec: PathBuf,
    /// A CSV file with `name` (or model size and data), the response and, where runs failed, `status`.
    #[arg(value_name = "RESULTS")]
    results: PathBuf,
    /// The design, if the spec has several.
    #[arg(value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    how: How,
}

#[derive(Clone, Debug, Args)]
struct How {
    /// Print only the runs, for a launcher, or the whole advice as JSON.
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
    #[command(flatten)]
    computing: Computing,
}

/// Output format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// The runs as CSV
    Csv,
    /// The runs as JSON
    Json,
    /// The runs as YAML
    Yaml,
    /// The whole advice as JSON
    Advice,
}

impl Format {
    /// The artifact that is printed.
    const fn role(self) -> &'static str {
        match self {
            Self::Csv => "runs.csv",
            Self::Json => "runs.json",
            Self::Yaml => "runs.yaml",
            Self::Advice => "advice",
        }
    }
}

pub(super) fn run(arguments: &Arguments, screen: &Screen) -> Exit {
    match (&arguments.command, &arguments.spec) {
        (Some(Command::Check(check)), _) => {
            let results = match std::path::absolute(&check.results) {
                Ok(path) => path,
                Err(error) => {
                    screen.error(&format!("{}: {error}", check.results.display()), &[]);
                    return Exit::BadSpec;
                }
            };
            let names: Vec<String> = check.name.iter().cloned().collect();
            advise(&check.spec, &names, Some(&results.to_string_lossy()), &check.how, screen)
        }
        (None, Some(spec)) => advise(spec, &arguments.names, None, &arguments.how, screen),
        (None, None) => Exit::BadSpec,
    }
}

/// The name of the design that a stage plans, if it plans one.
fn design_of(stage: &PlanStage) -> Option<String> {
    (stage.id.kind == "design").then(|| stage.id.entry())
}

fn advise(spec: &PathBuf, names: &[String], results: Option<&str>, how: &How, screen: &Screen) -> Exit {
    let files: Vec<SpecFile> = match read_specs(std::slice::from_ref(spec), screen) {
        Ok(files) => files,
        Err(exit) => return exit,
    };
    let allowed = how.computing.allow.allowed();
    let alone = match compiled_or_shown(&files, compile_asking(&files, None, allowed), screen) {
        Ok(alone) => alone,
        Err(exit) => return exit,
    };
    let known: Vec<String> = alone.plan.stages().filter_map(design_of).collect();
    let asked = if names.is_empty() { known.clone() } else { names.to_vec() };
    if let Some(unknown) = asked.iter().find(|name| !known.contains(name)) {
        let near = crate::diagnostic::nearest(unknown, known.iter().map(String::as_str));
        let hints: Vec<String> = near.map(|near| format!("did you mean `{near}`?")).into_iter().collect();
        screen.error(&format!("the spec has no design `{unknown}`"), &hints);
        return Exit::BadSpec;
    }
    if asked.is_empty() {
        let hint = "add a `[designs.next]` with `fit`, `decide`, `budget` and `candidates`".to_owned();
        screen.error("the spec has no design", &[hint]);
        return Exit::BadSpec;
    }
    if how.format.is_some() && asked.len() > 1 {
        let hint = format!("as in: lawfit design {} {} --format csv", spec.display(), asked[0]);
        let message = format!("`--format` prints the runs of one design, and there are {}", asked.join(", "));
        screen.error(&message, &[format!("name the design, {hint}")]);
        return Exit::BadSpec;
    }
    let compiled = match results {
        None => alone,
        Some(results) => {
            let [one] = asked.as_slice() else {
                screen
                    .error("name the design to which the results belong", &[format!("there are {}", asked.join(", "))]);
                return Exit::BadSpec;
            };
            let table = |key: &str, value: Node| Node::Table(vec![(key.to_owned(), value)]);
            let more = table("designs", table(one, table("results", Node::Text(results.to_owned()))));
            match compiled_or_shown(&files, compile_asking(&files, Some(&more), allowed), screen) {
                Ok(compiled) => compiled,
                Err(exit) => return exit,
            }
        }
    };
    let is_asked = |stage: &PlanStage| design_of(stage).is_some_and(|name| asked.contains(&name));
    let targets: Vec<usize> =
        compiled.plan.stages().enumerate().filter(|(_, stage)| is_asked(stage)).map(|(i, _)| i).collect();
    let print = |index: usize, outputs: &Outputs| {
        if let Some(format) = how.format {
            if let Some(bytes) = outputs.get(format.role()) {
                output::print(&String::from_utf8_lossy(bytes));
            }
            return;
        }
        let advice = outputs.get("advice").and_then(|bytes| serde_json::from_slice::<Advice>(bytes).ok());
        if let Some(advice) = advice {
            lines(&compiled.plan.stage(index).id.entry(), &advice).iter().for_each(output::print_line);
            advice.warnings.iter().for_each(|warning| screen.notice(warning));
        }
    };
    walk_towards((&compiled, &files), &targets, &how.computing, screen, print)
}

/// The advice as lines of text.
fn lines(name: &str, advice: &Advice) -> Vec<String> {
    let mut lines = vec![format!("{name}: {}", advice.advice)];
    if let Some(outcomes) = &advice.outcomes {
        for run in &outcomes.runs {
            let forecast = run.forecast.as_ref().map_or_else(String::new, |f| format!("forecast {}", interval(f)));
            let found = run.response.map_or_else(|| run.status.clone(), |r| format!("{r:.4}"));
            let z = run.z.map_or_else(String::new, |z| format!(", {z:+.1} standard deviations"));
            lines.push(format!("  {:<28} {found:<10} {forecast}{z}", run.name));
        }
        if let Some(surprise) = outcomes.surprise {
            let found = outcomes.runs.iter().filter(|run| run.response.is_some()).count();
            let found = if found == 1 { "1 result; its".to_owned() } else { format!("{found} results; their") };
            let verb = if outcomes.missing == 1 { "is" } else { "are" };
            let missing = format!("{} of the design {verb} missing", numbered(outcomes.missing, "run"));
            lines.push(format!("  {found} mean square is {surprise:.2} of what was forecast; {missing}"));
        }
    }
    for decision in &advice.decisions {
        lines.push(format!("  {}", decision.asks));
        for (when, known) in [("now  ", decision.now), ("after", decision.after)] {
            lines.extend(known.map(|b| format!("    {} {when} {}{}", decision.output, interval(&b), wasted(&b))));
        }
    }
    lines.extend(lines_of_runs(advice));
    let hours = advice.hours.map_or_else(String::new, |hours| format!(", {hours:.1} hours"));
    let count = advice.runs.len();
    let all = if count == 1 { "one run".to_owned() } else { format!("all {count} runs") };
    lines.push(format!("  {all}: {}{hours}", money(&advice.total)));
    if let Some(value) = &advice.value {
        let even = value.break_even.map_or_else(String::new, |c| {
            let which = if value.stop_after == 0 { "the first run pays" } else { "they pay" };
            format!("; at the same relative waste {which} for targets above {c:.2e} FLOP")
        });
        lines.push(format!("  saved {} for {} spent{even}", money(&value.saved), money(&value.spent)));
    }
    for rival in &advice.rivals {
        let waste = rival.waste.map_or_else(String::new, |w| format!("{:.3} % wasted, ", 100.0 * w));
        lines.push(format!(
            "  {} of {} runs for as much: {waste}{:.2} times as unsure",
            rival.design, rival.runs, rival.wider
        ));
    }
    for change in &advice.changes {
        let stop = change.stop_after.map_or_else(String::new, |n| format!("{n} runs would be worth their cost, "));
        let waste = change.waste.map_or_else(String::new, |w| format!("{:.3} % would be wasted, ", 100.0 * w));
        lines.push(format!(
            "  if {}: {stop}{waste}{} of {} runs the same",
            change.if_so,
            change.kept,
            advice.runs.len()
        ));
    }
    if let Some(simulated) = &advice.simulated {
        lines.push(format!(
            "  simulated on {} draws of the fit: predicted variance {:.2} of the realised one, the {:.0} % \
             interval covered {:.0} %",
            simulated.trials,
            simulated.ratio,
            100.0 * advice.level,
            100.0 * simulated.coverage
        ));
    }
    lines
}

/// The runs as a table whose columns without values are left out.
fn lines_of_runs(advice: &Advice) -> Vec<String> {
    let settings = advice.names_of_settings();
    let is_wasted = advice.runs.iter().any(|run| run.after.is_some_and(|after| after.waste.is_some()));
    let then = if is_wasted { "waste" } else { "interval" };
    let heads =
        [&["run", "round", "name"][..], &settings, &["batch", "steps", "shape", "cost", "hours", then, "for"]].concat();
    let row = |run: &crate::design::Run| {
        let of = |after: Believed| after.waste.map_or_else(|| interval(&after), |w| format!("{:.3} %", 100.0 * w));
        let waste = run.after.map_or_else(String::new, of);
        let stop = if run.is_worth_it { "" } else { " (after the stop)" };
        let mut cells = vec![run.order.to_string(), run.round.to_string(), advice.name_of(run).to_owned()];
        cells.extend(advice.settings(run).into_iter().map(|(_, value)| format!("{value:.3e}")));
        cells.extend([
            run.batch.map_or_else(String::new, |b| format!("{b:.2e}")),
            run.steps.map_or_else(String::new, |s| s.to_string()),
            run.layers.zip(run.width).map_or_else(String::new, |(l, w)| format!("{l}x{w}")),
            money(&run.cost),
            run.hours.map_or_else(String::new, |h| format!("{h:.2}")),
            waste,
            format!("{}{stop}", run.purpose.word()),
        ]);
        cells
    };
    let rows: Vec<Vec<String>> = advice.runs.iter().map(row).collect();
    let kept: Vec<usize> = (0..heads.len()).filter(|&at| rows.iter().any(|row| !row[at].is_empty())).collect();
    let width = |at: usize| rows.iter().map(|row| row[at].len()).max().unwrap_or(0).max(heads[at].len());
    let line = |cells: &dyn Fn(usize) -> String| {
        let cells = kept.iter().map(|&at| match heads[at] {
            "for" => cells(at),
            _ => format!("{:>width$}", cells(at), width = width(at)),
        });
        format!("  {}", cells.collect::<Vec<_>>().join("  ")).trim_end().to_owned()
    };
    let head = (!rows.is_empty()).then(|| line(&|at| heads[at].to_owned()));
    head.into_iter().chain(rows.iter().map(|row| line(&|at| row[at].clone()))).collect()
}

/// A number and its interval.
fn interval(belief: &Believed) -> String {
    format!("{} [{}, {}]", rounded(belief.value, 4), rounded(belief.lower, 4), rounded(belief.upper, 4))
}

/// The wasted share of the compute in percent.
fn wasted(belief: &Believed) -> String {
    belief.waste.map_or_else(String::new, |waste| format!(", {:.3} % of the compute wasted", 100.0 * waste))
}

/// A cost in dollars where known, else in compute.
fn money(cost: &Cost) -> String {
    match cost.usd {
        Some(usd) if usd < 100.0 => format!("${usd:.2}"),
        Some(usd) => format!("${usd:.0}"),
        None => format!("{:.2e}", cost.flop),
    }
}
