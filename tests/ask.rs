//! The commands `query`, `simulate` and `run --watch`.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::world::{SPEC, World, simulated_columns, simulated_runs};

#[test]
fn a_question_from_the_command_line_is_answered_as_in_the_spec() {
    let world = World::with(SPEC, &simulated_runs(0.01));
    world.run("study.toml");
    let results: serde_json::Value = serde_json::from_str(&world.read("outputs/study/results.json")).unwrap();
    let outcome = world.lawfit(&["query", "study.toml", "compute_optimal C=1e21,1e23", "--json"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let answer: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(answer["asked"], results["queries"]["budget"]);
    assert!(!outcome.stderr.contains("ran fit.main"), "the fit is taken from the cache: {}", outcome.stderr);
    let sentence =
        results["conclusions"].as_array().unwrap().iter().find_map(|c| c.as_str().filter(|c| c.contains("1e21")));
    let text = world.lawfit(&["query", "study.toml", "compute_optimal", "C=1e21", "fit=main"]).stdout;
    // The sentence of the study names its query; a question from the command line has none.
    assert_eq!(text.trim(), sentence.unwrap().replace("query budget, ", ""));
    let reach = world.lawfit(&["query", "study.toml", "reach L=2.2 solve=C", "--json"]).stdout;
    let reach: serde_json::Value = serde_json::from_str(&reach).unwrap();
    assert_eq!(reach["asked"]["rows"], results["queries"]["target"]["rows"]);
}

#[test]
fn a_question_from_the_command_line_can_be_about_one_group() {
    let fit = "[fits.groups]\nrows = \"runs\"\nlaw = \"hoffmann\"\nby = \"family\"\n";
    let world = World::with(&format!("{}{fit}", simulated_columns()), &simulated_runs(0.01));
    for question in ["loss N=7B D=1T group=even", "minimum over=D hold.N=1B group=even"] {
        let outcome = world.lawfit(&["query", "study.toml", question, "--json"]);
        assert_eq!(outcome.code, 0, "{question}: {}", outcome.stderr);
        let answer: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
        let rows = answer["asked"]["rows"].as_array().unwrap();
        assert!(rows.len() == 1 && rows[0]["group"] == "even", "{answer}");
    }
}

#[test]
fn an_answer_by_one_law_says_which_other_laws_could_be_asked() {
    let more = "[fits.other]\nrows = \"main\"\nlaw = \"gadre\"\n[queries.other]\nfit = \"other\"\nloss = { N = 1e9, D = 1e10 }\n";
    let spec = SPEC.replace("law = \"hoffmann\"", "law = \"hoffmann\"\nalternatives = [\"power_nd\"]");
    let spec = spec.replace("power_nd", "additive_nd");
    let world = World::with(&format!("{spec}{more}"), &simulated_runs(0.01));
    let told = world.lawfit(&["query", "study.toml", "loss fit=main N=1B D=20B"]).stderr;
    assert!(told.contains("by the law `hoffmann` alone; the fit `main` has `additive_nd` as alternatives"), "{told}");
    assert!(told.contains("this answer is by the fit `main`; ask the others with fit=other"), "{told}");
    let alone = World::with(SPEC, &simulated_runs(0.01)).lawfit(&["query", "study.toml", "loss N=1B D=20B"]).stderr;
    assert!(!alone.contains("this answer is by"), "there is one law: {alone}");
}

#[test]
fn a_question_that_cannot_be_answered_is_reported() {
    let world = World::with(SPEC, &simulated_runs(0.01));
    world.write("broken.toml", &SPEC.replace("law = \"hoffmann\"", "law = \"hofmann\""));
    let outcome = world.lawfit(&["query", "broken.toml", "loss N=1B D=20B"]);
    assert_eq!(outcome.code, 2);
    assert!(outcome.stderr.contains("did you mean `hoffmann`"), "the spec's own errors come first: {}", outcome.stderr);
    for (question, message) in [
        ("losss N=1B D=20B", "losss"),
        ("loss N=1B", "D"),
        ("N=1B", "begins with its kind"),
        ("loss N=1B D=x", "x"),
        ("loss N 1B", "`N` is not a setting"),
        ("loss fit=other N=1B D=20B", "other"),
    ] {
        let outcome = world.lawfit(&["query", "study.toml", question]);
        assert_eq!(outcome.code, 2, "{question}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(message), "{question}: {}", outcome.stderr);
    }
}

#[test]
fn simulated_runs_are_those_of_the_law_and_a_fit_finds_its_parameters_again() {
    let world = World::with("", "");
    let simulate = |more: &[&str]| {
        let given = [
            "simulate",
            "hoffmann",
            "--constants",
            "hoffmann2022",
            "--at",
            "N=40M..16B:9",
            "--at",
            "D=1e9,1e10,1e11,1e12",
        ];
        world.lawfit(&[given.as_slice(), more].concat())
    };
    let exact = simulate(&[]).stdout;
    assert_eq!(exact.lines().next(), Some("N,D,L"));
    assert_eq!(exact.lines().count(), 37);
    let cells: Vec<f64> = exact.lines().nth(1).unwrap().split(',').map(|cell| cell.parse().unwrap()).collect();
    let loss = 1.69 + 406.4 / libm::pow(cells[0], 0.34) + 410.7 / libm::pow(cells[1], 0.28);
    assert!((cells[2] / loss - 1.0).abs() < 1e-12, "{cells:?} {loss}");
    assert_eq!(cells[..2], [4e7, 1e9]);
    assert_eq!(simulate(&["--noise", "0.02", "--seed", "1", "--out", "runs.csv"]).code, 0);
    assert_eq!(simulate(&["--noise", "0.02", "--seed", "1"]).stdout, world.read("runs.csv"), "a seed says all");
    world.write(
        "study.toml",
        &SPEC
            .replace("\"params\"", "\"N\"")
            .replace("\"tokens\", unit", "\"D\", unit")
            .replace("L = \"loss\"", "L = \"L\"")
            .replace("family = { column = \"family\", type = \"text\" }\n", ""),
    );
    let results = world.run("study.toml")["results"].clone();
    let alpha = &results["fits"]["main"]["parameters"]["alpha"];
    assert!((alpha["value"].as_f64().unwrap() - 0.34).abs() < 4.0 * alpha["se"].as_f64().unwrap(), "{alpha}");
    let formula = world.lawfit(&[
        "simulate",
        "L = E + A / C^alpha",
        "--at",
        "C=1e20",
        "--set",
        "E=2",
        "--set",
        "A=1e3",
        "--set",
        "alpha=0.15",
    ]);
    assert_eq!(formula.stdout, "C,L\n1e20,3\n");
    for (arguments, message) in [
        (vec!["simulate", "hofmann", "--at", "N=1"], "did you mean `hoffmann`"),
        (vec!["simulate", "hoffmann", "--at", "N=1"], "give `E`, `A`, `alpha`, `B` and `beta` a value"),
        (vec!["simulate", "hoffmann", "--at", "N=1", "--constants", "hoffmann2022"], "give values of D"),
        (
            vec!["simulate", "hoffmann", "--at", "N=1..x:3", "--at", "D=1", "--constants", "hoffmann2022"],
            "`x` is not a number",
        ),
    ] {
        let outcome = world.lawfit(&arguments);
        assert_eq!(outcome.code, 2);
        assert!(outcome.stderr.contains(message), "{message}: {}", outcome.stderr);
    }
}

#[test]
fn a_watched_study_is_run_again_when_its_data_changes_and_only_then() {
    let world = World::with(SPEC, &simulated_runs(0.01));
    let mut watching = Command::new(env!("CARGO_BIN_EXE_lawfit"))
        .args(["watch", "study.toml"])
        .current_dir(world.path(""))
        .env_remove("LAWFIT_CACHE")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(watching.stderr.take().unwrap()).lines();
    let mut until = |wanted: &str| {
        let mut seen = Vec::new();
        for line in lines.by_ref() {
            let line = line.unwrap();
            let found = line.contains(wanted);
            seen.push(line);
            if found {
                return seen.join("\n");
            }
        }
        panic!("`{wanted}` did not come: {}", seen.join("\n"));
    };
    let first = until("watching for changes");
    assert!(first.contains("done 7 stages: 0 cached, 7 ran"), "{first}");
    // Files are replaced by renaming, so that the watcher never sees half a file.
    let replace = |name: &str, text: &str| {
        world.write("outputs/replacement", text);
        std::fs::rename(world.path("outputs/replacement"), world.path(name)).unwrap();
    };
    // The study's own outputs and equal bytes are not changes; a new row is one.
    replace("runs.csv", &simulated_runs(0.01));
    world.write("outputs/study/note.txt", "a note");
    replace("runs.csv", &format!("{}2e10,5e11,1.93,even\n", simulated_runs(0.01)));
    let second = until("watching for changes");
    assert!(
        second.contains("moved sources.runs: 1 new rows") && second.matches("done 7 stages").count() == 1,
        "{second}"
    );
    replace("study.toml", "spec = 1\nbroken");
    assert!(until("watching for changes").contains("error"), "a spec that is broken is waited for");
    replace("study.toml", SPEC);
    assert!(until("watching for changes").contains("done 7 stages: 7 cached"));
    let status = Command::new("sh").args(["-c", &format!("kill -INT {}", watching.id())]).status().unwrap();
    assert!(status.success());
    assert_eq!(watching.wait().unwrap().code(), Some(0));
}
