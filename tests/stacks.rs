//! Questions that several laws of a fit answer together.

use serde_json::Value;

use crate::world::{SPEC, World, simulated_runs};

/// The simulated study with alternatives of its law, and more entries.
fn study(alternatives: &str, more: &str) -> String {
    let spec = SPEC.replace("law = \"hoffmann\"", &format!("law = \"hoffmann\"\nalternatives = {alternatives}"));
    format!("{spec}\n{more}")
}

/// A query of the fit `main` to several laws.
fn asked(name: &str, question: &str) -> String {
    format!("[queries.{name}]\nfit = \"main\"\n{question}\nforecast = \"stack\"\n")
}

const TWIN: &str = "[laws.twin]\nuse = \"hoffmann\"\n";

fn cell(row: &Value, output: &str, part: &str) -> f64 {
    row[output][part].as_f64().unwrap_or_else(|| panic!("{output}.{part} of {row}"))
}

/// Every question with a response for a budget or a size.
const QUESTIONS: [(&str, &str, &str); 10] = [
    ("reach", "reach = { L = 2.2, solve = \"C\" }", "solution"),
    ("data", "reach = { L = 2.3, solve = \"D\", N = \"7B\" }", "solution"),
    ("split", "compute_optimal = { C = 1e23 }", "N"),
    ("threshold", "threshold = { L = 2.3, solve = \"N\", D = \"1T\" }", "solution"),
    ("isoflop", "isoflop = { C = 1e23, points = 5 }", "N"),
    ("serve", "inference_aware = { loss = 2.3, serve = \"1T\" }", "N"),
    ("overtrain", "overtrain = { C = 1e23, factor = 0.25 }", "loss"),
    ("marginal", "marginal = { C = 1e23 }", "gain"),
    ("allocate", "allocate = { C = 1e23, serve = \"1T\" }", "N"),
    ("compare", "compare = { with = \"main\", C = 1e23 }", "loss"),
];

#[test]
fn every_question_about_the_response_is_answered_by_several_laws() {
    let queries: String = QUESTIONS.iter().map(|(name, question, _)| asked(name, question)).collect();
    let world = World::with(&study("[\"additive_nd\", \"kaplan_nd\"]", &queries), &simulated_runs(0.01));
    let results = world.run("study.toml")["results"].clone();
    for (name, _, output) in QUESTIONS {
        let query = &results["queries"][name];
        let row = &query["rows"][0];
        let [lower, value, upper] = ["lower", "value", "upper"].map(|part| cell(row, output, part));
        assert!(lower <= value && value <= upper && lower < upper, "{name}: {row}");
        let laws = query["stacks"]["all"]["laws"].as_array().unwrap();
        let names: Vec<&str> = laws.iter().map(|law| law["law"].as_str().unwrap()).collect();
        assert_eq!(names, ["hoffmann", "additive_nd", "kaplan_nd"]);
        let shares: f64 = laws.iter().map(|law| law["share"].as_f64().unwrap()).sum();
        assert!((shares - 1.0).abs() < 1e-12, "{name}: {shares}");
        assert_eq!(laws[0]["answers"].as_array().unwrap().len(), query["rows"].as_array().unwrap().len());
        assert!(query["interval"].as_str().unwrap().contains("3 laws stacked"), "{query}");
    }
    // The answer of each law by itself is that of the fit's own law where that is asked alone.
    let own = &results["queries"]["reach"]["stacks"]["all"]["laws"][0]["answers"][0]["outputs"]["solution"];
    assert_eq!(*own, results["queries"]["target"]["rows"][0]["solution"]);
    let report = world.read("outputs/study/report.md");
    assert!(report.contains("Each law by itself at L = 2.2, with its share: `hoffmann` ("), "{report}");
    assert!(report.contains("3 of 3 laws have an answer."), "{report}");
    assert!(report.contains("(query reach, fit main, 3 laws stacked"), "{report}");
}

#[test]
fn a_law_beside_its_twin_answers_as_by_itself_but_for_the_error_of_laws() {
    // Exact rows: both laws miss no hidden run, so that no error is added.
    let loss = "loss = { N = 7e10, D = 2e12 }";
    let queries = [
        asked("reach", "reach = { L = 2.2, solve = \"C\" }"),
        asked("split", "compute_optimal = { C = 1e23 }"),
        asked("loss", loss),
        format!("[queries.alone]\nfit = \"main\"\n{loss}\n"),
    ];
    let world = World::with(&study("[\"twin\"]", &format!("{TWIN}{}", queries.concat())), &simulated_runs(0.0));
    let results = world.run("study.toml")["results"].clone();
    let queries = &results["queries"];
    let same = |one: &Value, other: &Value, output: &str| {
        for part in ["value", "lower", "upper"] {
            let ratio = cell(one, output, part) / cell(other, output, part);
            assert!((ratio - 1.0).abs() < 1e-6, "{output}.{part}: {one} {other}");
        }
    };
    same(&queries["reach"]["rows"][0], &queries["target"]["rows"][0], "solution");
    same(&queries["split"]["rows"][0], &queries["budget"]["rows"][1], "N");
    same(&queries["loss"]["rows"][0], &queries["alone"]["rows"][0], "loss");
}

#[test]
fn the_interval_of_several_laws_holds_their_disagreement_and_is_wider_than_that_of_one() {
    let reach = "reach = { L = [2.2, 2.0], solve = \"C\" }";
    let loss = "loss = { N = [1e9, 7e10], D = [2e10, 2e12] }";
    let alone = |name: &str, question: &str| format!("[queries.{name}_alone]\nfit = \"main\"\n{question}\n");
    let asked = [asked("reach", reach), alone("reach", reach), asked("loss", loss), alone("loss", loss)];
    let more = asked.concat();
    let world = World::with(&study("[\"additive_nd\", \"kaplan_nd\"]", &more), &simulated_runs(0.01));
    let results = world.run("study.toml")["results"].clone();
    for (query, output) in [("reach", "solution"), ("loss", "loss")] {
        for row in 0..2 {
            let width = |query: &str| {
                let row = &results["queries"][query]["rows"][row];
                libm::log(cell(row, output, "upper") / cell(row, output, "lower"))
            };
            let (several, one) = (width(query), width(&format!("{query}_alone")));
            // Where the laws agree on a loss, the widths differ by the noise of the draws.
            let least = if query == "reach" { 1.0 } else { 0.95 };
            assert!(several > least * one, "{query} {row}: {several} {one}");
        }
    }
}

#[test]
fn a_law_that_cannot_be_asked_takes_no_part_and_the_answer_says_why() {
    let mine = "[laws.mine]\nformula = \"L = E + A / N^alpha\"\n";
    let more = format!("{mine}{}", asked("split", "compute_optimal = { C = 1e23 }"));
    let world = World::with(&study("[\"mine\", \"additive_nd\"]", &more), &simulated_runs(0.01));
    let results = world.run("study.toml")["results"].clone();
    let split = &results["queries"]["split"];
    assert!(split["warnings"].to_string().contains("The law `mine` takes no part: the law"), "{split}");
    assert!(cell(&split["rows"][0], "N", "value") > 0.0);
    let of_mine = &split["stacks"]["all"]["laws"][1]["answers"][0];
    assert!(of_mine["note"].as_str().unwrap().contains("does not have both a model size and data"), "{of_mine}");
}

#[test]
fn a_study_pays_for_several_laws_only_where_it_asks_for_them() {
    let plain = study("[\"additive_nd\"]", "");
    let stacked = study("[\"additive_nd\"]", &asked("reach", "reach = { L = 2.1, solve = \"C\" }"));
    let keys = |spec: &str| -> std::collections::BTreeMap<String, String> {
        let world = World::with(spec, &simulated_runs(0.01));
        world.run("study.toml");
        let lock: toml::Table = toml::from_str(&world.read("study.lock")).unwrap();
        let stages = lock["stages"].as_table().unwrap().iter();
        stages.map(|(name, stage)| (name.clone(), stage["key"].as_str().unwrap().to_owned())).collect()
    };
    let (before, after) = (keys(&plain), keys(&stacked));
    let added: Vec<&str> = after.keys().filter(|name| !before.contains_key(*name)).map(String::as_str).collect();
    assert_eq!(added, ["extrapolate.reach", "fit.main[alternative=additive_nd]"]);
    for (name, key) in before.iter().filter(|(name, _)| *name != "results") {
        assert_eq!(after[name], *key, "{name}");
    }
}

#[test]
fn answers_of_several_laws_are_cached_and_do_not_depend_on_the_number_of_threads() {
    let queries =
        [asked("reach", "reach = { L = 2.1, solve = \"C\" }"), asked("split", "compute_optimal = { C = 1e23 }")];
    let spec = study("[\"additive_nd\"]", &queries.concat());
    let run = |threads: &str| {
        let world = World::with(&spec, &simulated_runs(0.01));
        let outcome = world.lawfit(&["run", "study.toml", "--jobs", threads]);
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        world
    };
    let (one, seven) = (run("1"), run("7"));
    assert_eq!(one.read("study.lock"), seven.read("study.lock"));
    assert_eq!(one.read("outputs/study/results.json"), seven.read("outputs/study/results.json"));
    assert!(one.statuses("study.toml").values().all(|status| status == "cached"));
}

#[test]
fn a_question_on_the_command_line_can_be_put_to_several_laws() {
    let world = World::with(&study("[\"additive_nd\"]", ""), &simulated_runs(0.01));
    world.run("study.toml");
    let alone = world.lawfit(&["query", "study.toml", "reach fit=main L=2.1 solve=C"]);
    assert!(alone.stderr.contains("has `additive_nd` as alternatives, and `forecast=stack` asks them together"));
    let outcome = world.lawfit(&["query", "study.toml", "reach fit=main L=2.1 solve=C forecast=stack"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert!(outcome.stdout.contains("(fit main, 2 laws stacked"), "{}", outcome.stdout);
    assert!(
        outcome.stdout.contains("Each law by itself at L = 2.1, with its share: `hoffmann` ("),
        "{}",
        outcome.stdout
    );
    assert!(!outcome.stderr.contains("alone"), "{}", outcome.stderr);
}

#[test]
fn each_group_is_answered_by_its_own_laws() {
    let spec = study("[\"additive_nd\"]", &asked("reach", "reach = { L = 2.2, solve = \"C\" }"))
        .replace("alternatives", "by = \"family\"\nalternatives");
    let results = World::with(&spec, &simulated_runs(0.01)).run("study.toml")["results"].clone();
    let reach = &results["queries"]["reach"];
    let groups: Vec<&String> = reach["stacks"].as_object().unwrap().keys().collect();
    assert_eq!(groups, ["even", "odd"]);
    for (row, group) in reach["rows"].as_array().unwrap().iter().zip(groups) {
        assert_eq!(row["group"].as_str(), Some(group.as_str()));
        let own = &reach["stacks"][group]["laws"][0]["answers"][0]["outputs"]["solution"];
        assert!(own["value"].as_f64().is_some(), "{own}");
        assert!(cell(row, "solution", "lower") < cell(row, "solution", "value"));
    }
}

#[test]
fn answers_of_several_laws_keep_to_limits_and_to_names_of_the_study() {
    let names = |text: &str| text.replace("N = ", "params = ").replace("D = ", "tokens = ").replace("C = ", "flops = ");
    let spec = study("[\"additive_nd\"]", "");
    let spec = spec
        .replace("N = { column", "params = { column")
        .replace("D = { column", "tokens = { column")
        .replace("C = { expr = \"6 * N * D\"", "flops = { expr = \"6 * params * tokens\"")
        .replace("compute_optimal = { C", "compute_optimal = { flops")
        .replace("solve = \"C\"", "solve = \"flops\"");
    let limited = names(&asked("limited", "compute_optimal = { C = 1e23 }\nsubject_to = { N = \"<= 5B\" }"));
    let laws = "[laws.named]\nuse = \"hoffmann\"\nvariables = { N = \"params\", D = \"tokens\" }\n\
                [laws.sum]\nuse = \"additive_nd\"\nvariables = { N = \"params\", D = \"tokens\" }\n";
    let spec = format!("{spec}{laws}{limited}")
        .replace("law = \"hoffmann\"", "law = \"named\"")
        .replace("[\"additive_nd\"]", "[\"sum\"]");
    let results = World::with(&spec, &simulated_runs(0.01)).run("study.toml")["results"].clone();
    let row = &results["queries"]["limited"]["rows"][0];
    assert!(cell(row, "params", "value") <= 5e9 * (1.0 + 1e-9), "{row}");
    let beyond = &results["queries"]["limited"]["stacks"]["all"]["beyond"];
    assert_eq!(beyond.as_object().unwrap().keys().collect::<Vec<_>>(), ["params", "tokens"]);
}

#[test]
fn a_stack_that_no_laws_can_give_is_refused_before_anything_runs() {
    let other = "[fits.other]\nrows = \"main\"\nlaw = \"hoffmann\"\n";
    for (more, message) in [
        (asked("a", "derived = { a = \"beta / (alpha + beta)\" }"), "`derived` is not answered by several laws: its"),
        (
            format!("{other}{}", asked("a", "compare = { with = \"other\", C = 1e22 }")),
            "a stack needs several laws on both sides: give the fit `other` `alternatives`, too",
        ),
    ] {
        let world = World::with(&study("[\"additive_nd\"]", &more), &simulated_runs(0.01));
        let outcome = world.lawfit(&["check", "study.toml"]);
        assert_eq!(outcome.code, 2, "{more}");
        assert!(outcome.stderr.contains(message) && outcome.stderr.contains("study.toml:"), "{}", outcome.stderr);
    }
}
