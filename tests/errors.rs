//! Error messages: what is wrong, where, what was expected, and what to do.

use crate::world::{SPEC, World, simulated_runs};

/// The output of `check` for a spec.
fn check(spec: &str) -> String {
    let world = World::with(spec, &simulated_runs(0.01));
    let outcome = world.lawfit(&["check", "study.toml"]);
    assert_eq!(outcome.code, 2, "{}", outcome.stderr);
    outcome.stderr
}

#[test]
fn an_error_shows_its_line_and_the_nearest_name() {
    let shown = check(&SPEC.replace("law = \"hoffmann\"", "law = \"hofmann\""));
    assert_eq!(
        shown,
        "error[unknown-name]: there is no law `hofmann`\n  --> study.toml:19:7\n   |\n19 | law = \"hofmann\"\n   |       ^^^^^^^^^\n   |\n   = help: did you mean `hoffmann`?\n\n"
    );
}

#[test]
fn all_errors_come_at_once_in_the_order_of_the_file() {
    let shown = check(
        &SPEC
            .replace("title = \"Simulated\"", "titel = \"Simulated\"")
            .replace("drop = \"L > 10\"", "drop = \"Loss > 10\"")
            .replace("law = \"hoffmann\"", "law = \"hofmann\"")
            .replace("resamples = 100", "resamples = 1")
            .replace("solve = \"C\"", "solve = \"X\""),
    );
    let places: Vec<usize> = ["title` is missing", "no key `titel`", "no variable `Loss`", "no law `hofmann`"]
        .iter()
        .map(|part| shown.find(part).unwrap_or_else(|| panic!("{part} in {shown}")))
        .collect();
    assert!(places.is_sorted(), "{shown}");
    assert!(shown.contains("at least 20"), "{shown}");
}

#[test]
fn uses_of_a_bad_column_give_no_errors_and_other_errors_are_shown() {
    let shown = check(
        &SPEC
            .replace("unit = \"tokens\"", "unit = \"tokns\"")
            .replace("drop = \"L > 10\"", "drop = \"Loss > 10\"")
            .replace("solve = \"C\"", "solve = \"X\""),
    );
    assert!(shown.contains("did you mean `tokens`?") && shown.contains("no variable `Loss`"), "{shown}");
    assert!(shown.contains("`X`"), "{shown}");
    assert_eq!(shown.matches("error[").count(), 3, "{shown}");
    // It is not treated as numbers or text either.
    let shown = check(
        &SPEC.replace("unit = \"tokens\"", "type = \"txt\"").replace("drop = \"L > 10\"", "drop = \"D == 'few'\""),
    );
    assert!(shown.contains("did you mean `text`?"), "{shown}");
    assert_eq!(shown.matches("error[").count(), 1, "{shown}");
}

#[test]
fn each_mistake_is_named_in_its_own_words() {
    for (from, to, wanted) in [
        ("path = \"runs.csv\"", "path = \"run.csv\"", "did you mean `runs.csv`?"),
        ("path = \"runs.csv\"", "url = \"https://example.org/runs.csv\"", "pin the content of the file with `sha256`"),
        ("unit = \"tokens\"", "unit = \"token\"", "did you mean `tokens`?"),
        ("unit = \"tokens\"", "unit = \"FLOP\"", "is in FLOP, but the law needs tokens"),
        ("expr = \"6 * N * D\"", "expr = \"6 * N * M\"", "there is no variable `M`"),
        ("expr = \"6 * N * D\"", "expr = \"6 * C\"", "defined by each other"),
        ("expr = \"6 * N * D\"", "expr = \"6 * family\"", "expected a number, found a text"),
        ("drop = \"L > 10\"", "drop = \"L + 10\"", "expected true or false, found a number"),
        ("drop = \"L > 10\"", "drop = \"L > 10\", keep = \"L < 9\"", "has `keep` and `drop` at once"),
        ("drop = \"L > 10\"", "drop_highest = \"L\"", "`count` is missing"),
        ("drop = \"L > 10\"", "range = { N = [2, 1] }", "ends at 1, below its start at 2"),
        ("rows = \"main\"", "rows = \"mian\"", "did you mean `main`?"),
        ("rows = \"main\"", "holdout = \"N > 1\"", "are free"),
        ("law = \"hoffmann\"", "law = \"L = E + A / N^alpha\"", "write `[laws.mine]` with `formula = \"L = E"),
        ("law = \"hoffmann\"", "law = \"power\"", "needs `x`, which the source does not provide"),
        ("L = \"loss\"", "loss = \"loss\"", "needs `L`, which the source does not provide"),
        ("fit = \"main\"\ncompute_optimal", "fit = \"man\"\ncompute_optimal", "did you mean `main`?"),
        ("C = [1e21, 1e23]", "C = [1e21, -1]", "positive and finite"),
        ("C = [1e21, 1e23]", "C = \"1e21 FLOPS\"", "is not a number"),
        ("solve = \"C\"", "solve = \"L\"", "can be solved for `N`, `D` and `C`"),
        ("seed = 3", "seed = -3", "0 or more"),
        (
            "law = \"hoffmann\"",
            "law = \"hoffmann\"\nobjective = { student_t = { scale = 0 } }",
            "`scale` is 0; it must be positive",
        ),
        ("spec = 1", "spec = 2", "reads version 1"),
    ] {
        assert!(SPEC.contains(from), "{from}");
        let shown = check(&SPEC.replacen(from, to, 1));
        assert!(shown.contains(wanted), "{to}: {shown}");
    }
}

#[test]
fn an_expectation_names_a_number_of_the_results() {
    let shown = check(&format!("{SPEC}[[expect]]\nthat = \"fits.main.alhpa < 1\"\n"));
    assert!(
        shown.contains("no number `fits.main.alhpa`") && shown.contains("did you mean `fits.main.alpha`?"),
        "{shown}"
    );
    let shown = check(&format!("{SPEC}[[expect]]\nthat = \"fits.main.groups.adam.parameters.alpha < 1\"\n"));
    assert!(shown.contains("no number `fits.main.groups.adam"), "this fit has no groups: {shown}");
}

#[test]
fn errors_in_a_formula_point_at_its_letters() {
    let spec = SPEC
        .replace("law = \"hoffmann\"", "law = \"mine\"")
        .replace("[fits.main]", "[laws.mine]\nformula = \"L = E + A / N^alpha + \"\n[fits.main]");
    let shown = check(&spec.replace("alpha + ", "alpha + B ln(D)"));
    assert!(
        shown.contains("no operator between `B` and `ln`") && shown.contains("                                ^^\n"),
        "{shown}"
    );
}

#[test]
fn an_unused_entry_is_a_warning_not_an_error() {
    // With two costs a fit must name one; here both are unused.
    let costs = "[costs.one]\ncompute = \"6 * N * D\"\n[costs.other]\ncompute = \"7 * N * D\"\n";
    let world = World::with(&format!("{SPEC}[laws.spare]\nuse = \"power\"\n{costs}"), &simulated_runs(0.01));
    let outcome = world.lawfit(&["check", "study.toml"]);
    assert_eq!(outcome.code, 0);
    for unused in ["law `spare`", "cost `one`", "cost `other`"] {
        let warning = format!("warning[unused]: the {unused} is not used");
        assert!(outcome.stderr.contains(&warning), "{}", outcome.stderr);
    }
}

#[test]
fn an_invalid_cell_stops_the_stage_with_file_and_row() {
    for (bad, wanted) in [
        ("1e9,,2.5,odd", "D is missing: runs.csv row 31"),
        ("1e9,lots,2.5,odd", "D is not a number: `lots`: runs.csv row 31"),
        ("1e9,1e10,-2.5,odd", "L is not above zero, and its logarithm is fitted: runs.csv row 31"),
        ("0,1e10,2.5,odd", "N is not above zero, where `N^alpha` has no value: runs.csv row 31"),
        ("1e9,1e10,inf,odd", "L is not a number: `inf`: runs.csv row 31"),
    ] {
        let world = World::with(SPEC, &format!("{}{bad}\n", simulated_runs(0.01)));
        let outcome = world.lawfit(&["run", "study.toml"]);
        assert_eq!(outcome.code, 5, "{bad}");
        assert!(outcome.stderr.contains(wanted), "{bad}: {}", outcome.stderr);
        world.write("study.toml", &SPEC.replace("[sources.runs]", "[sources.runs]\nmissing = \"drop\""));
        let object = world.run("study.toml");
        assert_eq!(object["results"]["fits"]["main"]["rows"], 30, "{bad}");
    }
}

/// The simulated runs with losses that are lower by 100.
fn runs_below_zero() -> String {
    let rows = simulated_runs(0.01);
    let (header, rows) = rows.split_once('\n').unwrap();
    let shifted = rows.lines().map(|line| {
        let cells: Vec<&str> = line.split(',').collect();
        format!("{},{},{},{}\n", cells[0], cells[1], cells[2].parse::<f64>().unwrap() - 100.0, cells[3])
    });
    format!("{header}\n{}", shifted.collect::<String>())
}

#[test]
fn a_response_below_zero_names_the_objective_that_fits_it() {
    let world = World::with(SPEC, &runs_below_zero());
    let outcome = world.lawfit(&["run", "study.toml"]);
    assert_eq!(outcome.code, 5);
    assert!(outcome.stderr.contains("= { on = \"raw\" } }` fits L itself"), "{}", outcome.stderr);
    // No row would be left.
    assert!(!outcome.stderr.contains("drop such rows"), "{}", outcome.stderr);
}

#[test]
fn laws_of_a_response_below_zero_are_compared_without_a_stacked_forecast() {
    let laws = "[laws.sum]\nformula = \"L = E + A / N^a + B / D^b\"\n[laws.size]\nformula = \"L = E + A / N^a\"\n";
    let (before, _) = SPEC.split_once("[fits.main]").unwrap();
    let fit = "[fits.main]\nrows = \"main\"\nlaw = \"sum\"\nalternatives = [\"size\"]\n\
               objective = { least_squares = { on = \"raw\" } }\n";
    let world = World::with(&format!("{before}{laws}{fit}"), &runs_below_zero());
    let choice = world.run("study.toml")["results"]["fits"]["main"]["choice"].clone();
    assert_eq!(choice["quote"], "sum");
    assert!(choice["laws"][0]["ahead"].as_f64().unwrap() < -90.0, "{choice}");
    assert!(choice["stack"].is_null(), "{choice}");
}

#[test]
fn a_fit_without_rows_counts_what_each_rule_and_the_source_dropped() {
    let spec = SPEC
        .replace("[sources.runs]", "[sources.runs]\nmissing = \"drop\"")
        .replace(
            "because = \"diverged\" }]",
            "because = \"diverged\" }, { keep = \"N > 1e10\" }, { drop = \"N >= 1e9\" }]",
        )
        .replace("N > 1e10", "N >= 1e9");
    let world = World::with(&spec, &format!("{}1e9,,2.5,odd\n", simulated_runs(0.01)));
    let outcome = world.lawfit(&["run", "study.toml"]);
    assert_eq!(outcome.code, 5);
    for line in
        ["the source dropped 1 row: D is missing", "`keep N >= 1e9` dropped 15 rows", "`drop N >= 1e9` dropped 15 rows"]
    {
        assert!(outcome.stderr.contains(line), "{line}: {}", outcome.stderr);
    }
    assert!(!outcome.stderr.contains("`drop L > 10`"), "this rule dropped nothing: {}", outcome.stderr);
}

#[test]
fn a_missing_column_is_shown_on_the_line_that_names_it() {
    let world = World::with(&SPEC.replace("L = \"loss\"", "L = \"losss\""), &simulated_runs(0.01));
    let outcome = world.lawfit(&["run", "study.toml"]);
    assert!(outcome.stderr.contains("| L = \"losss\"\n"), "{}", outcome.stderr);
}

#[test]
fn one_mistake_is_one_error() {
    for (from, to, wanted) in [
        ("compute_optimal", "compute_optimum", "did you mean `compute_optimal`?"),
        (
            "compute_optimal = { C = [1e21, 1e23] }",
            "best = { lowest = \"L\" }",
            "`best` is a step of a table: it belongs in `steps`",
        ),
        ("law = \"hoffmann\"", "law = \"hofmann\"", "did you mean `hoffmann`?"),
        (
            "[queries.target]",
            "[report]\nformats = [\"html\", \"pdf\"]\n[queries.target]",
            "there is no kind `pdf` here",
        ),
        ("{ C = [1e21, 1e23] }", "{ Cc = [1e21, 1e23] }", "did you mean `C`?"),
        ("{ C = [1e21, 1e23] }", "{ budget = [1e21, 1e23] }", "did you mean `C`?"),
        ("compute_optimal = { C = [1e21, 1e23] }", "loss = { N = 1e9, Dd = 1e11 }", "did you mean `D`?"),
        ("compute_optimal = { C = [1e21, 1e23] }", "isoflop = { CC = 1e21 }", "did you mean `C`?"),
        // A wrong key or value in a question is no missing question.
        ("compute_optimal = { C = [1e21, 1e23] }", "reach = { L = 2.1 }", "`solve` is missing"),
        ("compute_optimal = { C = [1e21, 1e23] }", "reach = { L = 2.1, solve = \"C\", whre = 1 }", "whre"),
    ] {
        let shown = check(&format!("{}[sensitivity.main]\nlaws = [\"gadre\"]\n", SPEC.replacen(from, to, 1)));
        assert!(shown.contains(wanted), "{to}: {shown}");
        assert_eq!(shown.matches("error[").count(), 1, "{to}: {shown}");
    }
}

#[test]
fn a_misspelt_section_is_one_error() {
    for (section, misspelt) in [
        ("sources", "sorces"),
        ("filters", "filtres"),
        ("fits", "models"),
        ("queries", "questions"),
        ("expect", "expects"),
    ] {
        let expect = "[[expect]]\nthat = \"fits.main.rows > 10\"\n";
        let spec = format!("{SPEC}{expect}");
        let from = if section == "expect" { "[[expect" } else { &format!("[{section}.") };
        assert!(spec.contains(from), "{section}");
        let shown = check(&spec.replace(from, &from.replace(section, misspelt)));
        assert!(shown.contains(&format!("no key `{misspelt}`")), "{shown}");
        assert_eq!(shown.matches("error[").count(), 1, "{section}: {shown}");
        assert_eq!(shown.matches("warning[").count(), 0, "{section}: {shown}");
    }
}

#[test]
fn compute_in_a_wrong_unit_is_found_by_the_query_for_a_budget() {
    let shown = check(
        &SPEC
            .replace("unit = \"FLOP\"", "unit = \"parameters\"")
            .replace("reach = { L = 2.2, solve = \"C\" }", "loss = { N = 1e9, D = 1e10 }"),
    );
    assert!(shown.contains("did you mean `FLOP`?") && shown.contains("`C` is a column in parameters;"), "{shown}");
    assert_eq!(shown.matches("error[").count(), 1, "{shown}");
}

#[test]
fn a_missing_file_is_one_error() {
    let more = "[costs.own]\ncompute = \"8 * N * D\"\n[report]\nconclusion = \"It is {queries.target}.\"\n";
    let shown = check(&format!("{}{more}", SPEC.replace("runs.csv", "other.csv")));
    assert!(shown.contains("there is no file `other.csv`"), "{shown}");
    assert_eq!((shown.matches("error[").count(), shown.matches("warning[").count()), (1, 0), "{shown}");
}

#[test]
fn a_chain_at_fault_is_one_error() {
    let chain = "[laws.task]\nformula = \"err = c / (1 + exp(k * (m - L)))\"\n[fits.task]\nrows = \"main\"\nlaw = \"task\"\n\
        through = { L = \"mian\" }\n[queries.task]\nfit = \"task\"\nloss = { N = 1e9, D = 1e11 }\n[report]\nconclusion = \"{queries.task}\"\n";
    let spec = SPEC.replacen("L = \"loss\"", "L = \"loss\"\nerr = \"loss\"", 1);
    let shown = check(&format!("{spec}{chain}"));
    assert!(shown.contains("did you mean `main`?"), "{shown}");
    assert_eq!(shown.matches("error[").count(), 1, "{shown}");
}

#[test]
fn a_list_of_a_fixed_length_has_no_more_values() {
    let spec = SPEC.replacen("law = \"hoffmann\"", "law = \"own\"", 1);
    let law = "[laws.own]\nuse = \"hoffmann\"\nparameters = { E = { bounds = [0, 3, 99] } }\n";
    let shown = check(&format!("{spec}{law}"));
    assert!(shown.contains("expected a list of 2 values, found 3"), "{shown}");
}

#[test]
fn a_function_without_its_argument_is_no_parameter() {
    let spec = SPEC.replacen("law = \"hoffmann\"", "law = \"own\"", 1);
    let shown = check(&format!("{spec}[laws.own]\nformula = \"L = E + A * exp -k * N / D\"\n"));
    assert!(shown.contains("`exp` is a function, and its argument stands in parentheses"), "{shown}");
}

#[test]
fn a_syntax_error_says_what_to_write() {
    for (from, to, wanted) in [
        ("seed = 3", "seed: 3", "TOML writes `seed = 3`"),
        ("title = \"Simulated\"", "title = \"Simulated", "close the text with the quotation mark"),
        ("\"params\", unit", "\"params\" unit", "put a comma between the entries"),
        ("L = \"loss\"", "val loss = \"loss\"", "`\"val loss\" = \"loss\"`"),
        ("law = \"hoffmann\"", "law = hoffmann", "`law = \"hoffmann\"`"),
        ("law = \"hoffmann\"", "law =", "write a value after `=`"),
        ("law = \"hoffmann\"", "law == \"hoffmann\"", "a key is followed by one `=`: `law = \"hoffmann\"`"),
    ] {
        assert!(SPEC.contains(from), "{from}");
        let shown = check(&SPEC.replacen(from, to, 1));
        assert!(shown.contains(wanted), "{to}: {shown}");
    }
    for (yaml, wanted) in [
        ("spec: 1\nstudy:\n  title: x\n  seed 3\n", "this line has no colon after its key"),
        ("spec: 1\nstudy:\n  title: %x\n", "put it in quotes: `title: \"%x\"`"),
    ] {
        let shown = check_file("study.yaml", yaml.as_bytes());
        assert!(shown.contains(wanted), "{yaml}: {shown}");
    }
}

#[test]
fn a_value_of_another_shape_is_shown_as_it_should_be_written() {
    let source = SPEC.replace("path = \"runs.csv\"", "path = \"runs.csv\"\nrun = \"family\"");
    assert!(check(&source).contains("write it in brackets: `[\"family\"]`"));
    let design = "[designs.next]\nfit = \"main\"\ndecide = { compute_optimal = { C = 1e24 } }\nbudget = 3e21\n";
    assert!(check(&format!("{SPEC}{design}")).contains("expected a table such as { FLOP = 3e21 }"));
}

#[test]
fn quiet_errors_keep_the_warnings_that_may_explain_them() {
    let spec = SPEC
        .replace("law = \"hoffmann\"", "law = \"mine\"")
        .replace("[fits.main]", "[laws.mine]\nformula = \"L = E + A / n^alpha\"\n[fits.main]");
    let world = World::with(&spec, &simulated_runs(0.01));
    let outcome = world.lawfit(&["check", "study.toml", "-q"]);
    assert_eq!(outcome.code, 2, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("the variable `N` is not used"), "{}", outcome.stderr);
}

#[test]
fn a_failed_stage_fails_only_what_needs_it() {
    let spec = format!(
        "{SPEC}[laws.given]\nuse = \"hoffmann\"\nconstants = \"hoffmann2022\"\n[fits.given]\nlaw = \"given\"\n"
    );
    let world = World::with(&spec, "params,tokens,loss,family\n1,x,2,a\n");
    let outcome = world.lawfit(&["run", "study.toml", "--json"]);
    assert_eq!(outcome.code, 5);
    let object: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    let status =
        |id: &str| object["stages"].as_array().unwrap().iter().find(|s| s["id"] == id).unwrap()["status"].clone();
    assert_eq!(
        (status("ingest.runs"), status("fit.main"), status("fit.given")),
        ("failed".into(), "skipped".into(), "ran".into())
    );
}

#[test]
fn a_missing_column_is_named_with_the_nearest_one() {
    let world = World::with(&SPEC.replace("\"params\"", "\"param\""), &simulated_runs(0.01));
    let outcome = world.lawfit(&["run", "study.toml"]);
    assert_eq!(outcome.code, 5);
    assert!(
        outcome.stderr.contains("runs.csv has no column `param`") && outcome.stderr.contains("did you mean `params`?"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn an_expectation_that_does_not_hold_ends_with_six_and_says_what_was_found() {
    let world = World::with(&format!("{SPEC}[[expect]]\nthat = \"fits.main.alpha > 0.5\"\n"), &simulated_runs(0.0));
    let outcome = world.lawfit(&["run", "study.toml"]);
    assert_eq!(outcome.code, 6);
    assert!(
        outcome.stderr.contains("expected fits.main.alpha > 0.5, found fits.main.alpha = 0.3"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn queries_that_no_law_can_answer_are_refused_with_their_place() {
    let asked = |query: &str| check(&format!("{SPEC}[queries.new]\nfit = \"main\"\n{query}\n"));
    for (query, message) in [
        ("compare = { with = \"other\", C = 1e22 }", "there is no fit `other`"),
        ("isoflop = { C = 1e22, width = 0.5 }", "it must be above 1"),
        ("isoflop = { C = 1e22, at = 1e24 }", "at least two budgets"),
        ("overtrain = { C = 1e22 }", "the model's size is missing"),
        ("overtrain = { C = 1e22, N = \"1B\", factor = 0.5 }", "the size is given twice"),
        ("marginal = { C = 1e22, factor = 1 }", "it must be above 1"),
        ("inference_aware = { loss = 2.2, serve = -1 }", "it must be zero or more"),
        ("marginal = { C = 1e22, hold = { U = 1e9 } }", "has no variable `U`"),
        ("compute_optimal = { C = 1e22, D = \"1T\" }", "the query solves for `D`"),
        ("marginal = { C = 1e22, by = 3 }", "no variable `by`"),
    ] {
        let shown = asked(query);
        assert!(shown.contains(message) && shown.contains("--> study.toml:"), "{query}: {shown}");
    }
}

#[test]
fn invalid_choices_are_refused_in_their_place() {
    for (sensitivity, message, line) in [
        ("[sensitivity.other]\nlaws = [\"power\"]", "there is no fit `other`", 27),
        ("[sensitivity.main]\nlaws = [\"hofmann\"]", "there is no law `hofmann`", 28),
        ("[sensitivity.main]\nwithout = [\"X > 1\"]", "there is no variable `X`", 28),
        ("[sensitivity.main]\nrows = [\"all\"]", "there is no filter, table or source `all`", 28),
        ("[sensitivity.main]\nleave_out = [\"famly\"]", "did you mean `family`?", 28),
    ] {
        let shown = check(&format!("{SPEC}{sensitivity}\n"));
        assert!(
            shown.contains(message) && shown.contains(&format!("--> study.toml:{line}:")),
            "{sensitivity}: {shown}"
        );
    }
}

#[test]
fn a_spec_whose_name_leads_out_of_the_output_folder_is_refused() {
    let world = World::with(SPEC, &simulated_runs(0.01));
    for name in ["..toml", "...toml"] {
        world.write(name, SPEC);
        let outcome = world.lawfit(&["run", name]);
        assert_eq!(outcome.code, 2, "{name}: {}", outcome.stderr);
        assert!(outcome.stderr.contains("has no name for a folder"), "{}", outcome.stderr);
    }
}

/// The output of `check` for a file with a given name.
fn check_file(name: &str, bytes: &[u8]) -> String {
    let world = World::new();
    world.write("runs.csv", &simulated_runs(0.01));
    std::fs::write(world.path(name), bytes).unwrap();
    let outcome = world.lawfit(&["check", name]);
    assert_eq!(outcome.code, 2, "{}", outcome.stderr);
    outcome.stderr
}

#[test]
fn one_missing_bracket_is_one_error_in_its_place() {
    for (from, to, message) in [
        ("[1e21, 1e23]", "[1e21, 1e23", "this `[` is not closed"),
        ("unit = \"parameters\" }", "unit = \"parameters\"", "this `{` is not closed"),
        ("[filters.main]", "[filters.main", "this `[` is not closed"),
        ("because = \"diverged\" }]", "because = \"diverged\" }", "this `[` is not closed"),
        ("because = \"diverged\" }]", "because = \"diverged\" }]]", "this `]` closes nothing"),
    ] {
        let spec = SPEC.replacen(from, to, 1);
        let shown = check(&spec);
        let line = 1 + spec[..spec.find(to).unwrap()].matches('\n').count();
        assert!(shown.contains(message) && shown.contains(&format!("study.toml:{line}:")), "{to}: {shown}");
        assert_eq!(shown.matches("error[").count(), 1, "{to}: {shown}");
    }
    let shown = check(&SPEC.replace("\"main\"\nlaw = \"hoffmann\"", "main\nlaw = hoffmann"));
    assert_eq!(shown.matches("error[").count(), 2, "two lines are wrong for themselves: {shown}");
}

#[test]
fn a_file_of_another_kind_than_a_spec_is_named() {
    for (name, bytes, message) in [
        ("runs2.csv", simulated_runs(0.01).as_bytes(), "`runs2.csv` is a table, not a spec"),
        ("plot.toml", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "the file is a PNG image"),
        ("s.toml", b"spec: 1\nstudy:\n  title: x\n", "is read as TOML but looks like YAML"),
        ("s.yaml", b"spec = 1\n[study]\ntitle = \"x\"\n", "is read as YAML but looks like TOML"),
        ("s.toml", b"{ \"spec\": 1 }", "looks like JSON"),
    ] {
        let shown = check_file(name, bytes);
        assert!(shown.contains(message) && shown.matches("error[").count() == 1, "{name}: {shown}");
    }
}

#[test]
fn data_files_of_another_kind_are_named() {
    for (bytes, message) in [
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".as_slice(), "the file is a PNG image"),
        (b"%PDF-1.5\nparams,tokens\n", "the file is a PDF document"),
        (b"<!DOCTYPE html>\n<html><body>404</body></html>", "the file is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n", "a pointer of Git LFS"),
        (b"\x80\x04\x95\x10", "a Python pickle"),
    ] {
        let world = World::with(SPEC, "");
        std::fs::write(world.path("runs.csv"), bytes).unwrap();
        let outcome = world.lawfit(&["run", "study.toml"]);
        assert!(outcome.code == 5 && outcome.stderr.contains(message), "{message}: {}", outcome.stderr);
    }
}

#[test]
fn a_share_as_holdout_is_answered_with_a_condition() {
    for (holdout, message) in [
        ("\"20%\"", "`20%` is not a condition on rows; write one such as \"C > 1e21\""),
        ("\"0.2\"", "`0.2` is not a condition on rows"),
        ("0.2", "expected a condition on rows, such as \"C > 1e21\", found the number 0.2"),
    ] {
        let shown = check(&SPEC.replace("law = \"hoffmann\"", &format!("law = \"hoffmann\"\nholdout = {holdout}")));
        assert!(shown.contains(message) && shown.matches("error[").count() == 1, "{holdout}: {shown}");
    }
}

#[test]
fn wrong_indentation_of_yaml_is_reported_as_such() {
    let yaml = "spec: 1\nstudy:\n  title: x\nsources:\n  runs:\n    path: runs.csv\n    columns:\n      N: params\n      L: loss\n\
                laws:\n  mine:\n    formula: L = E + A / N^alpha\nfits:\n  main:\n    rows: runs\n    law: mine\n";
    for (from, to, message) in [
        (
            "    law: mine",
            "      law: mine",
            "`law` is indented deeper than `rows` above it, which already has a value",
        ),
        ("    law: mine", "\tlaw: mine", "is indented with a tab"),
        ("      L: loss", "     L: loss", "`L` is indented by 5 spaces"),
        ("    law: mine", "    law:mine", "write `law: mine`"),
        ("    rows: runs\n    law", "  rows: runs\n  law", "indent the content of a key deeper than the key"),
    ] {
        let shown = check_file("s.yaml", yaml.replacen(from, to, 1).as_bytes());
        assert!(shown.contains(message), "{to}: {shown}");
    }
}

#[test]
fn if_no_rows_remain_the_reasons_are_counted() {
    let spec = SPEC.replace("[sources.runs]", "[sources.runs]\nmissing = \"drop\"");
    let world = World::with(&spec, "params,tokens,loss,family\n1e8,many,3,a\n1e9,few,3,a\n1e9,many,3,b\n1e9,,3,b\n");
    let outcome = world.lawfit(&["run", "study.toml"]);
    assert_eq!(outcome.code, 5);
    assert!(
        outcome.stderr.contains("no row is left: all were dropped")
            && outcome.stderr.contains("D is not a number: `many`: 2 rows")
            && outcome.stderr.contains("D is not a number: `few`: 1 row")
            && outcome.stderr.contains("D is missing: 1 row")
            && !outcome.stderr.contains("rules of the filter"),
        "{}",
        outcome.stderr
    );
    let world = World::with(&spec, "params,tokens,loss,family\n1e8,0,3,a\n1e9,-1,3,a\n");
    let outcome = world.lawfit(&["run", "study.toml"]);
    assert!(outcome.stderr.contains("D is not above zero, where `D^beta` has no value: 2 rows"), "{}", outcome.stderr);
}

#[test]
fn errors_of_a_question_do_not_point_at_queries_of_the_spec() {
    let world = World::with(SPEC, &simulated_runs(0.01));
    for (question, message) in [
        ("loss N=1e9", "`D` is missing: the law is `L = E + A / N^alpha + B / D^beta`"),
        ("loss N=1e9 D=1e10 X=3", "has no variable `X`"),
        ("los N=1e9", "there is no kind of question `los`; did you mean `loss`?"),
        ("N=1e9 D=1e10", "a question begins with its kind: `loss`, `reach`"),
        ("reach L=2 solve=X", "cannot be solved for `X`"),
        ("compute_optimal C=1e21 hold=3", "has no variable `hold`"),
        ("loss N=1e9x D=1e10", "`1e9x` is not a number; write a number"),
    ] {
        let outcome = world.lawfit(&["query", "study.toml", question]);
        assert!(outcome.code == 2 && outcome.stderr.contains(message), "{question}: {}", outcome.stderr);
        assert!(!outcome.stderr.contains("study.toml") && !outcome.stderr.contains("asked"), "{}", outcome.stderr);
        assert_eq!(outcome.stderr.matches("error").count(), 1, "{question}: {}", outcome.stderr);
    }
    let outcome = world.lawfit(&["query", "study.toml", "loss N=1e9 D=1e10"]);
    assert_eq!(outcome.code, 0, "one fit needs no name: {}", outcome.stderr);
}

#[test]
fn an_unknown_stage_is_answered_with_known_ones() {
    let world = World::with(SPEC, &simulated_runs(0.01));
    for (stage, hint) in [
        ("fit.mian", "did you mean `fit.main`?"),
        ("main", "did you mean `filter.main` or `fit.main`?"),
        ("budgte", "did you mean `extrapolate.budget`?"),
        ("xyz", "there is `ingest.runs`, `filter.main`"),
    ] {
        let outcome = world.lawfit(&["explain", stage, "study.toml"]);
        assert!(outcome.code == 2 && outcome.stderr.contains(hint), "{stage}: {}", outcome.stderr);
    }
}

#[test]
fn common_mistakes_are_answered_with_what_to_write() {
    for (from, to, wanted) in [
        ("drop = \"L > 10\"", "drop = \"L > 10 AND N > 1\"", "write `and`"),
        ("drop = \"L > 10\"", "drop = \"family == even\"", "write text in quotes: 'even'"),
        ("drop = \"L > 10\"", "drop = \"family in ('a', 'b')\"", "write a set with braces"),
        ("drop = \"L > 10\"", "drop = \"family in ['a', 'b']\"", "write a set with braces"),
        ("drop = \"L > 10\"", "drop = \"L is null\"", "`missing = \"drop\"`"),
        ("drop = \"L > 10\"", "drop = \"np.log(L) > 10\"", "write `ln` for the natural logarithm"),
        ("drop = \"L > 10\"", "range = { N = \"1..2\" }", "expected a list of 2 values"),
        ("unit = \"tokens\"", "unit = \"Mtokens\"", "did you mean `M tokens`?"),
        ("unit = \"tokens\"", "unit = \"billions\"", "did you mean `B parameters` or `B tokens`?"),
        ("[fits.main]", "[fits]", "expected a table of its own name, `[fits.main]`"),
        ("spec = 1\n", "", "write `spec = 1`"),
        ("{ resamples = 100 }", "{ level = \"90%\" }", "expected a number, found the text \"90%\""),
        ("rules = [{ drop = \"L > 10\", because = \"diverged\" }]", "rules = { drop = \"L > 10\" }", "`[{ ... }]`"),
        ("law = \"hoffmann\"", "law = \"hoffmann\"\nobjective = { huber = 1e-3 }", "a table such as { delta = 1e-3 }"),
    ] {
        assert!(SPEC.contains(from), "{from}");
        let shown = check(&SPEC.replacen(from, to, 1));
        assert!(shown.contains(wanted), "{to}: {shown}");
    }
    let shown = check(&SPEC.replace("law = \"hoffmann\"", "law = \"hoffmann\"\nobjective = { huber = 1e-3 }"));
    assert_eq!(shown.matches("error[").count(), 1, "{shown}");
    let shown = check(&format!("{SPEC}[[expect]]\nthat = \"alpha < 1\"\n"));
    assert!(
        shown.contains("did you mean `fits.main.alpha`?") || shown.contains("there is `fits.main.alpha`"),
        "{shown}"
    );
    let world = World::with(&SPEC.replace("\"loss\"", "\"6 * N * D\""), &simulated_runs(0.01));
    let outcome = world.lawfit(&["run", "study.toml"]);
    assert!(outcome.stderr.contains("write `{ expr = \"6 * N * D\" }`"), "{}", outcome.stderr);
}
