//! The commands as a user calls them.

use crate::world::{SPEC, World, simulated_runs};

#[test]
fn the_starter_spec_runs_with_and_without_its_examples() {
    let world = World::new();
    assert_eq!(world.lawfit(&["init"]).code, 0);
    let outcome = world.lawfit(&["run", "study.toml"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert!(outcome.stdout.contains("the best split is"));
    let starter = world.read("study.toml");
    let examples = starter.find("# ---- your own runs").unwrap();
    let switched: String = starter[examples..]
        .lines()
        .skip(2)
        .map(|line| line.strip_prefix("# ").unwrap_or(line).to_owned() + "\n")
        .collect();
    world.write("full.toml", &(starter[..examples].to_owned() + &switched));
    world.write("runs.csv", &simulated_runs(0.01));
    let outcome = world.lawfit(&["run", "full.toml"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
}

#[test]
fn init_writes_no_toml_into_a_file_of_yaml() {
    let world = World::new();
    let outcome = world.lawfit(&["init", "study.yaml"]);
    assert_eq!(outcome.code, 2);
    assert!(outcome.stderr.contains("lawfit init study.toml"), "{}", outcome.stderr);
    assert!(!world.path("study.yaml").exists());
}

#[test]
fn init_does_not_overwrite_a_file() {
    let world = World::new();
    world.write("study.toml", "mine");
    let outcome = world.lawfit(&["init"]);
    assert_eq!(outcome.code, 2);
    assert_eq!(world.read("study.toml"), "mine");
}

#[test]
fn laws_lists_the_catalogue_and_shows_one_whose_snippet_runs() {
    let world = World::new();
    let list = world.lawfit(&["laws"]).stdout;
    for name in [
        "additive_nd",
        "additive_ndc",
        "hoffmann",
        "kaplan_c",
        "kaplan_d",
        "kaplan_n",
        "kaplan_nd",
        "power",
        "power_floor",
    ] {
        assert!(list.contains(name), "{name}");
    }
    for name in ["hoffmann", "kaplan_nd", "kaplan_c", "additive_ndc"] {
        let page = world.lawfit(&["laws", name]).stdout;
        let snippet = page.split("in a spec\n").nth(1).unwrap();
        world.write(&format!("{name}.toml"), snippet);
        let outcome = world.lawfit(&["run", &format!("{name}.toml")]);
        assert_eq!(outcome.code, 0, "{name}: {}", outcome.stderr);
    }
    let outcome = world.lawfit(&["laws", "chinchila"]);
    assert_eq!(outcome.code, 2);
}

#[test]
fn json_has_the_promised_shape() {
    let world = World::with(SPEC, &simulated_runs(0.01));
    let object = world.run("study.toml");
    let keys = |value: &serde_json::Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&object), ["outputs", "results", "stages"]);
    assert_eq!(keys(&object["stages"][0]), ["id", "kind", "peak_memory", "seconds", "status"]);
    let from_file: serde_json::Value = serde_json::from_str(&world.read("outputs/study/results.json")).unwrap();
    assert_eq!(object["results"], from_file);
    let fit = &object["results"]["fits"]["main"];
    assert_eq!(keys(&fit["parameters"]["alpha"]), ["lower", "se", "status", "upper", "value"]);
    for key in ["law", "formula", "rows", "objective", "parameters", "evidence", "holdout"] {
        assert!(fit.get(key).is_some(), "{key}");
    }
    let row = &object["results"]["queries"]["budget"]["rows"][1];
    assert_eq!(keys(row), ["C", "D", "N", "loss", "reach"]);
    assert_eq!(row["C"], 1e23);
    assert!(
        row["N"]["lower"].as_f64() < row["N"]["value"].as_f64()
            && row["N"]["value"].as_f64() < row["N"]["upper"].as_f64()
    );
}

#[test]
fn several_specs_run_as_one_graph() {
    let world = World::with(SPEC, &simulated_runs(0.01));
    world.write("again.toml", &SPEC.replace("Simulated", "Again"));
    let outcome = world.lawfit(&["run", "study.toml", "again.toml", "--json"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let object: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(object["stages"].as_array().unwrap().len(), 14);
    assert!(object["stages"].to_string().contains("again/fit.main"));
    assert!(world.path("outputs/study/report.html").exists() && world.path("outputs/again/report.html").exists());
}

#[test]
fn plans_are_drawn_in_two_languages_and_as_json() {
    let world = World::with(SPEC, &simulated_runs(0.01));
    assert!(world.lawfit(&["plan", "study.toml", "--mermaid"]).stdout.starts_with("flowchart LR\n"));
    assert!(world.lawfit(&["plan", "study.toml", "--dot"]).stdout.starts_with("digraph"));
    let plan: serde_json::Value =
        serde_json::from_str(&world.lawfit(&["plan", "study.toml", "--json"]).stdout).unwrap();
    assert_eq!(plan["stages"][2]["needs"][0], "filter.main");
}

#[test]
fn results_go_to_stdout_and_everything_else_to_stderr() {
    let world = World::with(SPEC, &simulated_runs(0.01));
    let outcome = world.lawfit(&["run", "study.toml", "--quiet"]);
    assert_eq!(outcome.stderr, "");
    assert!(
        outcome.stdout.starts_with("Simulated (study)\n  With C = 1e23 FLOP the best split is"),
        "{}",
        outcome.stdout
    );
    assert!(!outcome.stdout.contains('\u{1b}'));
}

#[test]
fn every_shell_gets_its_completions() {
    let world = World::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(world.lawfit(&["completions", shell]).stdout.contains("lawfit"), "{shell}");
    }
}

#[test]
fn wrong_arguments_and_missing_specs_end_with_two() {
    let world = World::new();
    assert_eq!(world.lawfit(&["run"]).code, 2);
    assert_eq!(world.lawfit(&["run", "nowhere.toml"]).code, 2);
    assert_eq!(world.lawfit(&["frobnicate"]).code, 2);
    assert_eq!(world.lawfit(&["run", "a.toml", "--jobs", "0"]).code, 2);
    assert_eq!(world.lawfit(&["--version"]).code, 0);
}

#[test]
fn a_self_check_computes_known_studies_and_leaves_nothing_behind() {
    let world = World::new();
    let outcome = world.lawfit(&["self-check"]);
    assert_eq!(outcome.code, 0, "{}{}", outcome.stdout, outcome.stderr);
    for study in ["cerebras-gpt", "over-training", "openclip"] {
        assert!(outcome.stdout.contains(&format!("{study}: ")), "{}", outcome.stdout);
    }
    assert!(outcome.stdout.contains(&format!("numerics {}", lawfit::numerics::NUMERICS_REV)), "{}", outcome.stdout);
    assert_eq!(std::fs::read_dir(world.path("")).unwrap().count(), 0, "nothing is kept");
}

#[test]
fn the_manual_has_a_page_for_every_command() {
    let world = World::new();
    assert_eq!(world.lawfit(&["man", "man1"]).code, 0);
    let help = world.lawfit(&["--help"]).stdout;
    let commands = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap().lines();
    let names = commands.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names: Vec<&str> = names.filter_map(|line| line.split_whitespace().next()).filter(|n| *n != "help").collect();
    assert!(names.contains(&"run") && names.contains(&"self-check"), "{help}");
    for name in names {
        let page = world.read(&format!("man1/lawfit-{name}.1"));
        let synopsis = format!("\\fBlawfit {}\\fR", name.replace('-', "\\-"));
        assert!(page.contains(".SH SYNOPSIS") && page.contains(&synopsis), "{name}: {page}");
    }
    assert!(world.read("man1/lawfit-cache-export.1").contains("zstd"));
    assert!(world.read("man1/lawfit.1").contains("130 interrupted"));
}
