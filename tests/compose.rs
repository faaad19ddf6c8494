//! Composed specs: `extends`, `[matrix]`, and sources of several files.

use crate::world::{SPEC, World, simulated_runs};

const MATRIX: &str = r#"
[matrix.fits.main]
law = ["hoffmann", "kaplan_nd"]
objective.huber.delta = [1e-3, 1e-2]
"#;

fn results(world: &World, folder: &str) -> serde_json::Value {
    serde_json::from_str(&world.read(&format!("{folder}/results.json"))).unwrap()
}

#[test]
fn a_matrix_makes_a_fit_and_its_queries_for_every_combination() {
    let expect = "[[expect]]\nthat = \"fits.main[law=hoffmann,delta=0.01].alpha in [0.2, 0.5] and queries.target[law=hoffmann,delta=0.001].N > 1\"\n";
    let world = World::with(&format!("{SPEC}{MATRIX}{expect}"), &simulated_runs(0.01));
    let outcome = world.lawfit(&["run", "study.toml"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let results = results(&world, "outputs/study");
    let fits: Vec<&String> = results["fits"].as_object().unwrap().keys().collect();
    assert_eq!(
        fits,
        [
            "main[law=hoffmann,delta=0.001]",
            "main[law=hoffmann,delta=0.01]",
            "main[law=kaplan_nd,delta=0.001]",
            "main[law=kaplan_nd,delta=0.01]"
        ]
    );
    assert_eq!(results["queries"].as_object().unwrap().len(), 8);
    assert_eq!(results["queries"]["budget[law=kaplan_nd,delta=0.01]"]["fit"], "main[law=kaplan_nd,delta=0.01]");
    // A member is the same stage as the fit written out, so it comes from the cache.
    world.write(
        "alone.toml",
        &SPEC.replace("law = \"hoffmann\"", "law = \"hoffmann\"\nobjective = { huber = { delta = 1e-2 } }"),
    );
    let object = world.run("alone.toml");
    let stages = object["stages"].as_array().unwrap();
    assert_eq!(stages.iter().find(|s| s["id"] == "fit.main").unwrap()["status"], "cached");
    let figures: Vec<String> = world.files("outputs/study/figures").into_keys().collect();
    assert!(figures.iter().any(|f| f.starts_with("fit-main-law-hoffmann-delta-0.001-")), "{figures:?}");
}

#[test]
fn a_matrix_may_repeat_queries_in_toml_and_yaml() {
    let query = "[matrix.queries.target]\nreach.L = [2.2, 2.4]\n";
    let world = World::with(&format!("{SPEC}{MATRIX}{query}"), &simulated_runs(0.01));
    let plan = world.lawfit(&["plan", "study.toml"]);
    assert!(
        plan.stdout.contains("extrapolate.target[law=kaplan_nd,delta=0.01,L=2.4]"),
        "{}{}",
        plan.stdout,
        plan.stderr
    );
    assert_eq!(plan.stdout.matches("extrapolate.target").count(), 8);
    let value: toml::Value = toml::from_str(&world.read("study.toml")).unwrap();
    world.write("study.yaml", &serde_yaml::to_string(&value).unwrap());
    assert_eq!(world.lawfit(&["plan", "study.yaml"]).stdout, plan.stdout);
}

#[test]
fn variations_of_a_fit_follow_its_members() {
    let spec = format!("{SPEC}{MATRIX}[sensitivity.main]\nobjectives = [{{ least_squares = {{}} }}]\n");
    let world = World::with(&spec, &simulated_runs(0.01));
    world.run("study.toml");
    let results = results(&world, "outputs/study");
    let varied: Vec<&String> = results["sensitivity"].as_object().unwrap().keys().collect();
    assert_eq!(varied, results["fits"].as_object().unwrap().keys().collect::<Vec<_>>());
}

#[test]
fn an_error_in_a_matrix_is_shown_once_in_its_place() {
    let spec = format!("{SPEC}{}", MATRIX.replace("kaplan_nd", "kaplan_ndd"));
    let world = World::with(&spec, &simulated_runs(0.01));
    let outcome = world.lawfit(&["check", "study.toml"]);
    assert_eq!(outcome.code, 2);
    assert_eq!(outcome.stderr.matches("there is no law `kaplan_ndd`").count(), 1, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("law = [\"hoffmann\", \"kaplan_ndd\"]"), "{}", outcome.stderr);
    let many: Vec<String> = (0..300).map(|i| format!("{}", 1.0 + f64::from(i))).collect();
    let clusters = ["\"N\""; 400].join(", ");
    let large = format!(
        "clusters = [{clusters}]\n[matrix.fits.main]\nobjective.huber.delta = [\n{0}]\nuncertainty.sandwich.draws = [\n{0}]\n",
        many.join(",\n")
    );
    for (matrix, message) in [
        ("[matrix.fits.other]\nlaw = [\"hoffmann\"]\n", "there is no entry `other` in `fits`"),
        ("[matrix.filters.main]\nsource = [\"runs\"]\n", "a matrix repeats fits or queries, not `filters`"),
        ("[matrix.fits.main]\nlaw = \"hoffmann\"\n", "a matrix needs a list of values for a setting; this is the text"),
        ("[matrix.fits.main]\nlaw = [\"hoffmann\", \"hoffmann\"]\n", "the matrix has `law=hoffmann` twice"),
        (&large, "90000 combinations of this entry make the spec too large"),
        ("[matrix.fits.main]\nlaww = [\"hoffmann\"]\n", "laww"),
    ] {
        // The matrix belongs before the queries of the large spec.
        let (head, tail) = SPEC.split_at(SPEC.find("[queries.budget]").unwrap());
        world.write("study.toml", &format!("{head}{matrix}{tail}"));
        let outcome = world.lawfit(&["check", "study.toml"]);
        assert_eq!(outcome.code, 2, "{matrix}");
        assert!(outcome.stderr.contains(message), "{matrix}: {}", outcome.stderr);
    }
}

#[test]
fn a_spec_extends_another_one_from_its_folder() {
    let world = World::with("", "");
    world.write("base/base.toml", SPEC);
    world.write("base/runs.csv", &simulated_runs(0.01));
    world.write(
        "paper.toml",
        "spec = 1\nextends = \"base/base.toml\"\n[study]\ntitle = \"Paper\"\n[queries.target.reach]\nL = 2.4\n",
    );
    let outcome = world.lawfit(&["run", "paper.toml"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let results = results(&world, "outputs/paper");
    assert_eq!(results["study"]["title"], "Paper");
    assert_eq!(results["study"]["seed"], 3, "tables are merged");
    world.run("base/base.toml");
    // Settings equal to those of the base give the same stages: the fit comes from the cache.
    let outcome = world.lawfit(&["diff", "base/base.toml", "paper.toml"]);
    assert!(outcome.stdout.contains("queries.target.reach.L  2.2 -> 2.4"), "{}", outcome.stdout);
    assert!(!outcome.stdout.contains("fit.main "), "{}", outcome.stdout);
}

#[test]
fn an_error_in_a_base_spec_is_shown_in_the_base() {
    let world = World::with("", &simulated_runs(0.01));
    world.write("base.yaml", "spec: 1\nstudy: {title: Base}\nfits:\n  main: {law: hofmann}\n");
    world.write("study.toml", "spec = 1\nextends = \"base.yaml\"\n");
    let outcome = world.lawfit(&["check", "study.toml"]);
    assert_eq!(outcome.code, 2);
    assert!(outcome.stderr.contains("base.yaml:4") && outcome.stderr.contains("hoffmann"), "{}", outcome.stderr);
    for (base, message) in [
        ("nothing.toml", "`nothing.toml` cannot be read"),
        ("study.toml", "one extends itself"),
        ("runs.csv", "`runs.csv`: "),
    ] {
        world.write("study.toml", &format!("spec = 1\nextends = \"{base}\"\n[study]\ntitle = \"x\"\n"));
        let outcome = world.lawfit(&["check", "study.toml"]);
        assert_eq!(outcome.code, 2);
        assert!(outcome.stderr.contains(message), "{}", outcome.stderr);
    }
}

#[test]
fn only_a_new_file_of_a_source_is_read() {
    let table = simulated_runs(0.01);
    let (header, rows) = table.split_once('\n').unwrap();
    let rows: Vec<&str> = rows.lines().collect();
    let part = |rows: &[&str]| format!("{header}\n{}\n", rows.join("\n"));
    let world = World::with(&SPEC.replace("runs.csv", "runs/*.csv"), "");
    world.write("runs/a.csv", &part(&rows[..10]));
    world.write("runs/b.csv", &part(&rows[10..25]));
    world.run("study.toml");
    world.write("runs/c.csv", &part(&rows[25..]));
    let statuses = world.statuses("study.toml");
    assert_eq!(statuses["ingest.runs[runs/a.csv]"], "cached");
    assert_eq!(statuses["ingest.runs[runs/b.csv]"], "cached");
    assert_eq!(statuses["ingest.runs[runs/c.csv]"], "ran");
    assert_eq!(statuses["fit.main"], "ran");
    // The same rows in a single file give the same fit.
    let several = results(&world, "outputs/study");
    world.write("one.toml", &SPEC.replace("runs.csv", "all.csv"));
    world.write("all.csv", &table);
    world.run("one.toml");
    assert_eq!(results(&world, "outputs/one")["fits"], several["fits"]);
    assert_eq!(several["sources"]["runs"]["rows"], 30);
    // An invalid value is located in its file.
    world.write("runs/c.csv", &part(&["1e9,1e10,bad,odd"]));
    let outcome = world.lawfit(&["run", "study.toml"]);
    assert_eq!(outcome.code, 5);
    assert!(outcome.stderr.contains("runs/c.csv row 1"), "{}", outcome.stderr);
}
