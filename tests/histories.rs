//! Training histories: the selected steps of each run become rows.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::sources::study_of;
use crate::world::World;

/// Scale and exponent of the fitted law A / N^a, which passes through both rows of its study.
pub(crate) fn of_two_rows(results: &Value) -> [f64; 2] {
    let parameters = &results["fits"]["main"]["parameters"];
    ["A", "a"].map(|name| parameters[name]["value"].as_f64().unwrap())
}

/// Scale and exponent of the law through two runs with these losses at 1e7 and 2e7 parameters.
pub(crate) fn through(losses: [f64; 2]) -> [f64; 2] {
    let a = libm::log2(losses[0] / losses[1]);
    [losses[0] * libm::pow(1e7, a), a]
}

pub(crate) fn close(found: [f64; 2], wanted: [f64; 2]) -> bool {
    found.iter().zip(wanted).all(|(found, wanted)| (found / wanted - 1.0).abs() < 1e-4)
}

/// The results of a spec, after a check that it fits two runs of 1e7 and 2e7 parameters with these losses.
#[track_caller]
fn reads_two_runs(world: &World, spec: &str, losses: [f64; 2]) -> Value {
    world.write("study.toml", spec);
    let results = world.run("study.toml")["results"].clone();
    assert_eq!(results["fits"]["main"]["rows"], 2, "{spec}");
    assert!(close(of_two_rows(&results), through(losses)), "{:?}: {spec}", of_two_rows(&results));
    results
}

/// Two runs that log a loss every ten steps and an evaluation every fifty: 3 + 1 / (run + 1) - step / 1000.
fn logged(run: usize, step: usize) -> f64 {
    3.0 + 1.0 / (run + 1) as f64 - step as f64 / 1000.0
}

#[test]
fn the_selected_steps_of_a_log_become_rows() {
    let log = |run: usize| {
        let line = |step: usize| {
            let eval = if step.is_multiple_of(50) {
                format!("step {step} eval: {}\n", logged(run, step) + 0.1)
            } else {
                String::new()
            };
            format!("step {step}/100 | loss {:.5} |\n{eval}", logged(run, step))
        };
        format!("starting\n{}", (0..=100).step_by(10).map(line).collect::<String>())
    };
    let pattern =
        "pattern = ['^step (?<step>\\d+)/.* loss (?<loss>[\\d.]+)', '^step (?<step>\\d+) eval: (?<eval>\\S+)']";
    for (take, column, wanted) in [
        ("\"last\"", "loss", [3.9, 3.4]),
        ("\"min\"", "loss", [3.9, 3.4]),
        ("{ mean = 3 }", "loss", [3.91, 3.41]),
        ("{ at = \"step == 40\" }", "loss", [3.96, 3.46]),
        ("\"last\"", "eval", [4.0, 3.5]),
    ] {
        let world = World::new();
        for run in 0..2 {
            world.write(&format!("{}M.log", 10 * (run + 1)), &log(run));
        }
        let source = format!("path = \"{{N}}.log\"\n{pattern}\nstep = \"step\"\ntake = {take}");
        let columns = format!(
            "N = {{ column = \"N\", unit = \"parameters\" }}\nL = {{ column = \"{column}\", unit = \"nats\" }}\n"
        );
        reads_two_runs(&world, &study_of(&source, &columns), wanted);
    }
}

#[test]
fn a_file_of_several_runs_that_is_read_as_one_is_reported() {
    let columns = "N = { column = \"params\", unit = \"parameters\" }\nL = { column = \"loss\", unit = \"nats\" }\n";
    let warned = |table: &str, run: &str| {
        let world = World::new();
        world.write("log.csv", table);
        let source = format!("path = \"log.csv\"\nstep = \"step\"\ntake = \"last\"\n{run}");
        world.write("study.toml", &study_of(&source, columns));
        world.run("study.toml")["results"]["sources"]["runs"]["warnings"].to_string()
    };
    let two = "name,step,params,loss\na,0,1e8,9.0\na,10,1e8,4.0\nb,0,1e9,9.1\nb,10,1e9,3.5\n";
    let said = warned(two, "");
    assert!(said.contains("`log.csv` is read as one run, because the source has no `run`"), "{said}");
    assert!(said.contains("(row 3)"), "{said}");
    assert_eq!(warned(two, "run = [\"name\"]"), "[]");
    // A resumed run goes back to a later step, and a file may list one column after the other.
    let resumed = warned("step,params,loss\n0,1e8,9\n10,1e8,5\n20,1e8,4\n10,1e8,5.1\n20,1e8,4.1\n", "");
    assert!(
        !resumed.contains("read as one run") && resumed.contains("`log.csv` at step 10, after step 20"),
        "{resumed}"
    );
    assert_eq!(warned("step,params,loss\n0,1e8,\n10,1e8,\n0,,9\n10,,4\n", ""), "[]");
}

#[test]
fn a_run_that_is_resumed_from_an_earlier_step_forgets_what_it_logged_beyond() {
    // Two parts per run: the first diverges after step 50 and ends at 100, the second is resumed from step 50.
    let part = |loss: f64, steps: std::ops::RangeInclusive<u32>, extra: f64| {
        let line = |step: u32| {
            let lost = if step > 50 { extra } else { 0.0 };
            format!("{{\"step\": {step}, \"loss\": {}}}\n", loss + 0.01 * f64::from(90 - step.min(90)) + lost)
        };
        steps.step_by(10).map(line).collect::<String>()
    };
    let world = World::new();
    for (place, (size, loss)) in [(1e7, 3.9), (2e7, 3.4)].into_iter().enumerate() {
        let setting = format!("{{\"step\": 0, \"params\": {size}}}\n");
        world.write(&format!("runs/{place}-part9.jsonl"), &(setting + &part(loss, 0..=100, 2.0)));
        world.write(&format!("runs/{place}-part10.jsonl"), &part(loss, 60..=90, 0.0));
    }
    let columns = "N = { column = \"params\", unit = \"parameters\" }\nL = { column = \"loss\", unit = \"nats\" }\n";
    for (take, wanted) in
        [("\"last\"", [3.9, 3.4]), ("{ mean = 3 }", [4.0, 3.5]), ("{ at = \"step == 80\" }", [4.0, 3.5])]
    {
        let source = format!(
            "path = \"runs/*.jsonl\"\nnames = '(?<name>\\d+)-part'\nrun = [\"name\"]\nstep = \"step\"\ntake = {take}"
        );
        let results = reads_two_runs(&world, &study_of(&source, columns), wanted);
        let source = &results["sources"]["runs"];
        let warnings = source["warnings"].to_string();
        assert!(warnings.contains("`0` at step 60, after step 100 (runs/0-part10.jsonl row 1)"), "{warnings}");
        assert!(warnings.contains("10 rows that the earlier attempt logged"), "{warnings}");
        let dropped = source["dropped"].to_string();
        assert!(dropped.contains("an earlier attempt, which a later one of the same run repeats"), "{dropped}");
    }
}

#[test]
fn lines_of_a_log_without_a_step_belong_to_the_steps_around_them() {
    let world = World::new();
    for (place, (size, loss)) in [(1e7, 3.9), (2e7, 3.4)].into_iter().enumerate() {
        let lines: Vec<String> =
            (1..=5).map(|step| format!("step {step}: loss {}", loss + 0.5 - 0.1 * f64::from(step))).collect();
        let lines = lines.join("\n");
        let log = format!("number of parameters {size}\n{lines}\nvalidation loss {}\n", loss + 0.1);
        world.write(&format!("{place}.log"), &log);
    }
    let pattern = "pattern = ['parameters (?<params>\\d+)', 'step (?<step>\\d+): loss (?<loss>\\S+)', 'validation loss (?<val>\\S+)']";
    let source = format!("path = \"*.log\"\n{pattern}\nstep = \"step\"\ntake = \"last\"");
    for (column, wanted) in [("loss", [3.9, 3.4]), ("val", [4.0, 3.5])] {
        let columns = format!(
            "N = {{ column = \"params\", unit = \"parameters\" }}\nL = {{ column = \"{column}\", unit = \"nats\" }}\n"
        );
        let results = reads_two_runs(&world, &study_of(&source, &columns), wanted);
        let dropped = results["sources"]["runs"]["dropped"].to_string();
        assert!(!dropped.contains("no step is there"), "{dropped}");
    }
}

#[test]
fn an_exported_chart_with_a_column_per_run_gives_a_row_per_run() {
    let world = World::new();
    let mut table = "\"Step\",\"a - loss\",\"a - loss__MIN\",\"b - loss\",\"b - loss__MIN\"\n".to_owned();
    for step in 1..=4 {
        let (a, b) = (3.9 + 0.1 * f64::from(4 - step), 3.4 + 0.1 * f64::from(3 - step));
        let of_b = if step < 4 { format!("{b},{b}") } else { ",".to_owned() };
        let _ = writeln!(table, "{step},{a},{a},{of_b}");
    }
    world.write("chart.csv", &table);
    let source = "path = \"chart.csv\"\nheadings = '^(?<run>.+) - (?<column>.+)$'\nrun = [\"run\"]\nstep = \"Step\"\ntake = \"last\"";
    let columns = "run = { column = \"run\", type = \"text\" }\nN = { expr = \"1e7 * (1 + (run == 'b'))\", unit = \"parameters\" }\nL = { column = \"loss\", unit = \"nats\" }\n";
    let spec = study_of(source, columns);
    reads_two_runs(&world, &spec, [3.9, 3.4]);
    world.write("study.toml", &spec.replace(" - ", ": "));
    let outcome = world.lawfit(&["run", "study.toml"]);
    assert!(outcome.code == 5 && outcome.stderr.contains("no heading matches"), "{}", outcome.stderr);
    world.write("study.toml", &spec.replace("^(?<run>.+) - (?<column>.+)$", "^(.+) - .+$"));
    let outcome = world.lawfit(&["check", "study.toml"]);
    assert!(outcome.code == 2 && outcome.stderr.contains("no group with a name"), "{}", outcome.stderr);
}

#[test]
fn a_header_of_two_lines_is_joined() {
    let world = World::new();
    world.write(
        "results.csv",
        "results of 2024\n,web,,books,\nsize,loss,acc,loss,acc\n1e7,3.9,.5,3.8,.4\n2e7,3.4,.6,3.3,.5\n",
    );
    let source = "path = \"results.csv\"\nheader = [2, 3]";
    let columns =
        "N = { column = \"size\", unit = \"parameters\" }\nL = { column = \"web / loss\", unit = \"nats\" }\n";
    reads_two_runs(&world, &study_of(source, columns), [3.9, 3.4]);
    let source = format!("{source}\nheadings = '^(?<corpus>.+) / (?<column>.+)$'\nmissing = \"drop\"");
    let columns = "corpus = { column = \"corpus\", type = \"text\" }\nN = { column = \"size\", unit = \"parameters\" }\nL = { column = \"loss\", unit = \"nats\" }\n";
    let spec = study_of(&source, columns).replace("rows = \"runs\"", "rows = \"books\"");
    let filter = "[filters.books]\nsource = \"runs\"\nrules = [{ keep = \"corpus == 'books'\" }]\n";
    reads_two_runs(&world, &format!("{spec}{filter}"), [3.8, 3.3]);
}

#[test]
fn a_history_needs_a_selection_of_steps() {
    let world = World::new();
    let state = json!({ "max_steps": 3, "log_history": [{ "step": 1, "loss": 3.0 }, { "step": 1, "eval_loss": 3.2 }] });
    world.write("trainer_state.json", &state.to_string());
    let columns =
        "N = { column = \"max_steps\", unit = \"parameters\" }\nL = { column = \"eval_loss\", unit = \"nats\" }\n";
    let source = "path = \"trainer_state.json\"\nformat = \"hf_trainer\"";
    world.write("study.toml", &study_of(source, columns));
    let outcome = world.lawfit(&["check", "study.toml"]);
    assert!(
        outcome.code == 2 && outcome.stderr.contains("choose the steps that become rows with `take`"),
        "{}",
        outcome.stderr
    );
    world.write("study.toml", &study_of(&format!("{source}\ntake = \"last\""), columns));
    let results = world.run("study.toml")["results"].clone();
    assert_eq!(results["fits"]["main"]["rows"], 1);
}

/// A run with a size that is logged at its start, a loss at every tenth step, and a result after its end.
fn history_of(size: f64, loss: f64, with_result: bool) -> String {
    let mut lines = format!("{{\"step\": 0, \"params\": {size}}}\n");
    for step in (0..=90).step_by(10) {
        let _ = writeln!(lines, "{{\"step\": {step}, \"loss\": {}}}", loss + 0.9 - 0.01 * f64::from(step));
    }
    if with_result {
        let _ = writeln!(lines, "{{\"step\": 91, \"final_loss\": {}}}", loss + 0.1);
    }
    lines
}

#[test]
fn a_setting_and_a_result_belong_to_the_last_step_of_their_run() {
    let world = World::new();
    for (place, (size, loss)) in [(1e7, 3.9), (2e7, 3.4)].into_iter().enumerate() {
        world.write(&format!("runs/{place}.jsonl"), &history_of(size, loss, true));
    }
    for (take, column, wanted) in [
        ("\"last\"", "loss", [3.9, 3.4]),
        ("\"min\"", "loss", [3.9, 3.4]),
        ("{ mean = 3 }", "loss", [4.0, 3.5]),
        ("{ at = \"step == 40\" }", "loss", [4.4, 3.9]),
        ("\"last\"", "final_loss", [4.0, 3.5]),
    ] {
        let source = format!("path = \"runs/*.jsonl\"\nstep = \"step\"\ntake = {take}");
        let columns = format!(
            "N = {{ column = \"params\", unit = \"parameters\" }}\nL = {{ column = \"{column}\", unit = \"nats\" }}\n"
        );
        reads_two_runs(&world, &study_of(&source, &columns), wanted);
    }
}

#[test]
fn a_run_that_logged_no_result_is_left_out_and_counted() {
    let world = World::new();
    for (place, with_result) in [true, true, false].into_iter().enumerate() {
        let size = 1e7 * (place + 1) as f64;
        world.write(&format!("runs/{place}.jsonl"), &history_of(size, 3.9 - 0.5 * place as f64, with_result));
    }
    let source = "path = \"runs/*.jsonl\"\nstep = \"step\"\ntake = \"last\"";
    let columns =
        "N = { column = \"params\", unit = \"parameters\" }\nL = { column = \"final_loss\", unit = \"nats\" }\n";
    let results = reads_two_runs(&world, &study_of(source, columns), [4.0, 3.5]);
    let dropped = results["sources"]["runs"]["dropped"].as_array().unwrap();
    let is_lost = |dropped: &Value| dropped["rule"] == "runs that never logged `final_loss`" && dropped["rows"] == 1;
    assert!(dropped.iter().any(is_lost), "{dropped:?}");
    world.write("study.toml", &study_of(source, &columns.replace("final_loss", "finalloss")));
    let outcome = world.lawfit(&["run", "study.toml"]);
    assert!(outcome.code == 5 && outcome.stderr.contains("did you mean `final_loss`?"), "{}", outcome.stderr);
}

#[test]
fn runs_that_ended_before_their_planned_last_step_are_reported() {
    let world = World::new();
    // The last step of the first run is the last of 100 that are logged every tenth step.
    for (run, planned) in [("a", 100), ("b", 400)] {
        let log = history_of(if run == "a" { 1e7 } else { 2e7 }, 3.9, false);
        let log = log.replacen("{\"step\": 0,", &format!("{{\"step\": 0, \"steps\": {planned},"), 1);
        world.write(&format!("runs/{run}.jsonl"), &log);
    }
    let source = "path = \"runs/*.jsonl\"\nstep = \"step\"\ntake = \"last\"\nplanned = \"steps\"";
    let columns = "N = { column = \"params\", unit = \"parameters\" }\nL = { column = \"loss\", unit = \"nats\" }\n";
    world.write("study.toml", &study_of(source, columns));
    let warnings = world.run("study.toml")["results"]["sources"]["runs"]["warnings"].to_string();
    assert!(
        warnings.contains("1 of 2 runs ended before the planned last step (runs/b.jsonl at 90 of 400)"),
        "{warnings}"
    );
    assert!(warnings.contains("drop = \\\"step < 0.9 * planned\\\""), "{warnings}");
    world.write("study.toml", &study_of(&source.replace("\"steps\"", "\"stepz\""), columns));
    assert!(world.lawfit(&["run", "study.toml"]).stderr.contains("has no column `stepz`"));
}

#[test]
fn the_run_of_a_file_without_names_is_its_folder() {
    let world = World::new();
    for (run, loss) in [("a", 3.9), ("b", 3.4)] {
        let log: Vec<Value> =
            (1..=3).map(|step| json!({ "step": step, "loss": loss + 0.3 - 0.1 * f64::from(step) })).collect();
        let size = if run == "a" { 1e7 } else { 2e7 };
        let state = json!({ "max_steps": 3, "num_train_epochs": size, "log_history": log });
        world.write(&format!("out/{run}/trainer_state.json"), &state.to_string());
    }
    let source = "path = \"out/*/trainer_state.json\"\ntake = \"all\"";
    let columns = "run = { column = \"run\", type = \"text\" }\nN = { column = \"num_train_epochs\", unit = \"parameters\" }\n\
                   L = { column = \"loss\", unit = \"nats\" }\n";
    let spec = study_of(source, columns);
    let best = "[tables.best]\nfrom = \"runs\"\nsteps = [{ best = { lowest = \"L\", by = [\"run\"] } }]\n";
    let of_best = spec.replace("rows = \"runs\"", "rows = \"best\"");
    assert_ne!(of_best, spec);
    reads_two_runs(&world, &format!("{of_best}{best}"), [3.9, 3.4]);
}

#[test]
fn files_written_by_trackers_themselves_are_read() {
    let fixtures = crate::world::repository().join("tests/fixtures");
    let wandb = "N = { column = \"config.N\", unit = \"parameters\" }\nlr = \"config.optimizer.lr\"\n";
    let mut cases = vec![
        ("path = \"run-*.wandb\"\ntake = \"last\"", format!("{wandb}L = {{ column = \"train/loss\", unit = \"nats\" }}\n"), [3.9, 3.4]),
        ("path = \"run-*.wandb\"\ntake = \"last\"", format!("{wandb}L = {{ column = \"eval/loss\", unit = \"nats\" }}\n"), [4.0, 3.5]),
        ("path = \"run-*.wandb\"\ntake = \"last\"", format!("{wandb}L = {{ column = \"summary.train/loss\", unit = \"nats\" }}\n"), [3.9, 3.4]),
        (
            "path = \"tensorboard/model-*/*tfevents*\"\nnames = 'model-(?<model>\\d)'\ntake = \"last\"",
            "model = \"model\"\nN = { expr = \"1e7 * (model + 1)\", unit = \"parameters\" }\nL = { column = \"train/loss\", unit = \"nats\" }\n".to_owned(),
            [3.9, 3.4],
        ),
    ];
    if cfg!(feature = "sqlite") {
        cases.push((
            "path = \"mlflow.db.gz\"\nformat = \"mlflow\"\ntake = { at = \"step == 100\" }",
            "N = { column = \"params.N\", unit = \"parameters\" }\nL = { column = \"metrics.loss\", unit = \"nats\" }\n".to_owned(),
            [3.9, 3.4],
        ));
    }
    for (source, columns, wanted) in cases {
        let world = World::new();
        let status = std::process::Command::new("cp").arg("-r").arg(fixtures.join(".")).arg(world.path("")).status();
        assert!(status.unwrap().success());
        reads_two_runs(&world, &study_of(source, &columns), wanted);
    }
}
