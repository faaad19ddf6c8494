//! Arbitrary names of parameters, columns, variables and responses.

use crate::world::{World, simulated_runs};

/// A spec for losses by compute, with a law and further text.
fn spec(columns: &str, more: &str) -> String {
    format!(
        "spec = 1\n[study]\ntitle = \"Names\"\nseed = 1\n[sources.runs]\npath = \"runs.csv\"\n\
         [sources.runs.columns]\n{columns}\n{more}\n"
    )
}

/// Losses 1.7 + 400 N^-0.3, with other columns.
fn table() -> String {
    use std::fmt::Write as _;
    let mut table = "size,batch,loss,model\n".to_owned();
    for (index, n) in [1e7, 3e7, 1e8, 3e8, 1e9, 3e9].into_iter().enumerate() {
        let name = ["tiny-10m", "v2-30m", "base-100M", "base-300m-v2", "large-1b", "large-3.0B"][index];
        let _ = writeln!(table, "{n},{},{},{name}", 32 << index, 1.7 + 400.0 * libm::pow(n, -0.3));
    }
    table
}

fn check(spec: &str) -> (i32, String) {
    let outcome = World::with(spec, &table()).lawfit(&["check", "study.toml"]);
    let shown: Vec<&str> = outcome.stderr.lines().filter(|line| !line.contains("spec is sound")).collect();
    (outcome.code, shown.join("\n"))
}

/// The parameter values of a fit.
fn parameters(spec: &str) -> serde_json::Map<String, serde_json::Value> {
    let object = World::with(spec, &table()).run("study.toml");
    object["results"]["fits"]["main"]["parameters"].as_object().unwrap().clone()
}

const COMPUTE: &str = "C = \"size\"\nL = \"loss\"";

#[test]
fn a_parameter_may_differ_from_a_variable_only_in_case() {
    for declared in ["", "parameters.c = { bounds = [0, 3] }\n"] {
        let law = format!(
            "[laws.mine]\nformula = \"L = a * C^-b + c\"\n{declared}[fits.main]\nrows = \"runs\"\nlaw = \"mine\""
        );
        let spec = spec(COMPUTE, &law);
        assert_eq!(check(&spec), (0, String::new()), "{declared}");
        let found = parameters(&spec);
        for (name, value) in [("a", 400.0), ("b", 0.3), ("c", 1.7)] {
            let found = found[name]["value"].as_f64().unwrap();
            assert!((found / value - 1.0).abs() < 1e-6, "{name} = {found}");
        }
    }
}

#[test]
fn a_name_similar_to_an_unused_variable_gives_a_warning() {
    for (columns, formula, variable) in [
        (COMPUTE, "L = a * c^-b + e", "C"),
        ("tokens_seen = \"size\"\nC = \"batch\"\nL = \"loss\"", "L = a * tokens_sen^-b + e * C", "tokens_seen"),
    ] {
        let law = format!("[laws.mine]\nformula = \"{formula}\"\n[fits.main]\nrows = \"runs\"\nlaw = \"mine\"");
        let (_, shown) = check(&spec(columns, &law));
        assert!(shown.contains(&format!("the variable `{variable}` is not used")), "{formula}: {shown}");
    }
}

#[test]
fn a_variable_that_the_study_uses_outside_the_law_is_no_slip() {
    let law = |columns: &str, formula: &str, fit: &str| {
        let law = format!("[laws.mine]\nformula = \"{formula}\"\n[fits.main]\nrows = \"runs\"\nlaw = \"mine\"\n{fit}");
        check(&spec(columns, &law))
    };
    let of_groups = "N = \"size\"\nL = \"loss\"\nC = { column = \"model\", type = \"text\" }";
    assert_eq!(law(of_groups, "L = a * N^-b + c", "by = \"C\""), (0, String::new()));
    // A column from which a variable of the law is computed is used too.
    let computed = "C = \"size\"\nN = { expr = \"C / 6\" }\nL = \"loss\"";
    assert_eq!(law(computed, "L = a * N^-b + c", ""), (0, String::new()));
    // A letter that no column has cannot be meant.
    assert_eq!(law("N = \"size\"\nL = \"loss\"", "L = a * N^-b + c", ""), (0, String::new()));
}

#[test]
fn a_column_in_the_place_of_a_coefficient_is_reported() {
    let columns = "N = \"size\"\nB = \"batch\"\nL = \"loss\"";
    let law = |more: &str| {
        spec(
            columns,
            &format!(
                "[laws.mine]\nformula = \"L = E + B / N^beta\"\n{more}[fits.main]\nrows = \"runs\"\nlaw = \"mine\""
            ),
        )
    };
    let (code, shown) = check(&law(""));
    assert_eq!(code, 0, "{shown}");
    assert!(
        shown.contains("warning[column-as-coefficient]: `B` is a column and stands where a coefficient would"),
        "{shown}"
    );
    // Each reading takes one line, after which there is no warning.
    for (line, is_fitted) in [("parameters.B = {}", true), ("variables = [\"B\"]", false)] {
        assert!(shown.contains(line), "{shown}");
        let settled = law(&format!("{line}\n"));
        assert_eq!(check(&settled), (0, String::new()), "{line}");
        assert_eq!(parameters(&settled).contains_key("B"), is_fitted, "{line}");
    }
    // The same column used as a variable gives no warning.
    for formula in ["L = E + k * B^g / N^beta", "L = E + k / N^beta + h / B", "L = E + (k + g * B) / N^beta"] {
        let law = format!("[laws.mine]\nformula = \"{formula}\"\n[fits.main]\nrows = \"runs\"\nlaw = \"mine\"");
        assert_eq!(check(&spec(columns, &law)), (0, String::new()), "{formula}");
    }
}

#[test]
fn a_law_without_data_has_variables_of_any_name() {
    let law = |variables: &str, x: &str| {
        format!(
            "spec = 1\n[study]\ntitle = \"Critical batch\"\n[laws.critical]\nformula = \"B = Bstar / {x}^(1 / alpha)\"\n{variables}\n\
             parameters.Bstar = {{ fixed = 2e8 }}\nparameters.alpha = {{ fixed = 0.21 }}\n[fits.critical]\nlaw = \"critical\"\n\
             [queries.at]\nfit = \"critical\"\nloss = {{ {x} = 1.8 }}\n\
             [queries.back]\nfit = \"critical\"\nreach = {{ B = [\"2M\", \"4M\"], solve = \"{x}\" }}\n"
        )
    };
    for (variables, x) in
        [("variables = [\"L\"]", "L"), ("variables = { L = \"L\" }", "L"), ("variables = [\"x\"]", "x")]
    {
        let results = World::with(&law(variables, x), "").run("study.toml")["results"].clone();
        let batch = results["queries"]["at"]["rows"][0]["loss"]["value"].as_f64().unwrap();
        assert!((batch / 12.17e6 - 1.0).abs() < 1e-3, "{batch}");
        for (row, loss) in [2.630, 2.274].into_iter().enumerate() {
            let found = results["queries"]["back"]["rows"][row]["solution"]["value"].as_f64().unwrap();
            assert!((found - loss).abs() < 5e-4, "{found}");
        }
    }
    // Undeclared names are parameters, and the error shows the line that declares a variable.
    let world = World::with(&law("", "L"), "");
    let outcome = world.lawfit(&["check", "study.toml"]);
    assert!(outcome.code == 2 && outcome.stderr.contains("`variables = [\"L\"]`"), "{}", outcome.stderr);
}

#[test]
fn variables_that_a_formula_does_not_have_are_refused() {
    for (variables, message) in [
        ("variables = [\"X\"]", "does not use `X`"),
        ("variables = [\"L\"]", "`L` is the response"),
        ("variables = [\"b\"]\nparameters.b = {}", "as a variable and as a parameter"),
        ("variables = { X = \"size\" }", "has no variable `X`"),
        ("variables = 3", "a list of names, or a table"),
    ] {
        let law = format!(
            "[laws.mine]\nformula = \"L = a * C^-b\"\n{variables}\n[fits.main]\nrows = \"runs\"\nlaw = \"mine\""
        );
        let (code, shown) = check(&spec(COMPUTE, &law));
        assert!(code == 2 && shown.contains(message), "{variables}: {shown}");
    }
}

#[test]
fn variables_and_response_of_any_law_can_be_renamed() {
    let columns = "size = \"size\"\nval_loss = \"loss\"";
    for law in ["use = \"power_floor\"", "formula = \"L = E + A / x^alpha\""] {
        let law = format!(
            "[laws.mine]\n{law}\nvariables = {{ x = \"size\", L = \"val_loss\" }}\n[fits.main]\nrows = \"runs\"\nlaw = \"mine\"\n\
             [queries.q]\nfit = \"main\"\nloss = {{ size = \"10B\" }}"
        );
        let spec = spec(columns, &law);
        assert_eq!(check(&spec), (0, String::new()));
        let object = World::with(&spec, &table()).run("study.toml");
        let value = object["results"]["queries"]["q"]["rows"][0]["loss"]["value"].as_f64().unwrap();
        assert!((value - 1.7 - 400.0 * libm::pow(1e10, -0.3)).abs() < 1e-6, "{value}");
    }
}

#[test]
fn following_the_hint_for_a_missing_variable_works() {
    let columns = "size = \"size\"\nacc = \"loss\"";
    let fit = |law: &str| spec(columns, &format!("{law}[fits.main]\nrows = \"runs\"\nlaw = \"NAME\""));
    let (_, shown) = check(&fit("").replace("NAME", "power_floor"));
    assert!(shown.contains("`use = \"power_floor\"` and `variables = { L = \"...\" }`"), "{shown}");
    let half = "[laws.mine]\nuse = \"power_floor\"\nvariables = { x = \"size\" }\n";
    let (_, shown) = check(&fit(half).replace("NAME", "mine"));
    assert!(shown.contains("`[laws.mine]` with `variables = { L = \"...\" }`"), "{shown}");
    let whole = "[laws.mine]\nuse = \"power_floor\"\nvariables = { x = \"size\", L = \"acc\" }\n";
    assert_eq!(check(&fit(whole).replace("NAME", "mine")), (0, String::new()));
}

#[test]
fn a_new_name_with_another_meaning_in_the_law_is_refused() {
    for (variables, message) in [
        ("{ x = \"E\", L = \"loss\" }", "`E` is already the name of a parameter of the law"),
        ("{ x = \"loss\", L = \"loss\" }", "`loss` is already the name of another variable of the law"),
    ] {
        let law = format!(
            "[laws.mine]\nuse = \"power_floor\"\nvariables = {variables}\n[fits.main]\nrows = \"runs\"\nlaw = \"mine\""
        );
        let (code, shown) = check(&spec("E = \"size\"\nloss = \"loss\"", &law));
        assert!(code == 2 && shown.contains(message), "{variables}: {shown}");
    }
}

#[test]
fn columns_come_from_comparisons_tables_and_parts_of_names() {
    for size in [
        "N = { expr = \"number(model)\" }\nmodel = { column = \"model\", type = \"text\" }",
        "N = { column = \"model\", extract = \"-([0-9.]+[mMbB])\" }",
        "N = { column = \"model\", unit = \"M parameters\", values = { tiny-10m = 10, v2-30m = 30, base-100M = 100, base-300m-v2 = 300, large-1b = \"1e3\", \"large-3.0B\" = 3e3 } }",
        "N = { expr = \"n * (n < 1e9) + 1e9 * (n == 1e9) + 3e9 * (batch > 512)\" }\nn = \"size\"\nbatch = \"batch\"",
    ] {
        let law = "[laws.mine]\nformula = \"L = E + A / N^alpha\"\n[fits.main]\nrows = \"runs\"\nlaw = \"mine\"";
        let found = parameters(&spec(&format!("{size}\nL = \"loss\""), law));
        let alpha = found["alpha"]["value"].as_f64().unwrap();
        assert!((alpha - 0.3).abs() < 1e-6, "{size}: {alpha}");
    }
}

#[test]
fn a_text_that_has_no_number_stops_with_its_row() {
    let law = "[laws.mine]\nformula = \"L = E + A / N^alpha\"\n[fits.main]\nrows = \"runs\"\nlaw = \"mine\"";
    for (size, message) in [
        (
            "N = { column = \"model\", extract = \"base-([0-9]+)\" }",
            "N: `base-([0-9]+)` does not match \"tiny-10m\": runs.csv row 1",
        ),
        (
            "N = { column = \"model\", values = { tiny-10m = 1e7 } }",
            "N: `values` has no entry \"v2-30m\": runs.csv row 2",
        ),
        (
            "N = { expr = \"number(text)\" }\ntext = { column = \"loss\", type = \"text\", extract = \"^()\" }",
            "N = number(text) has no value",
        ),
    ] {
        let outcome =
            World::with(&spec(&format!("{size}\nL = \"loss\""), law), &table()).lawfit(&["run", "study.toml"]);
        assert!(outcome.code == 5 && outcome.stderr.contains(message), "{size}: {}", outcome.stderr);
    }
    for (size, message) in [
        ("N = { column = \"model\", extract = \"([0-9]+\" }", "is not a regular expression"),
        ("N = { column = \"model\", type = \"text\", values = { a = 1 } }", "`values` maps texts to numbers"),
        ("n = \"size\"\nN = { expr = \"number(n)\" }", "expected a text, found a number"),
    ] {
        let (code, shown) = check(&spec(&format!("{size}\nL = \"loss\""), law));
        assert!(code == 2 && shown.contains(message), "{size}: {shown}");
    }
}

#[test]
fn an_ordinary_spec_of_simulated_runs_gives_no_warning() {
    let world = World::with(crate::world::SPEC, &simulated_runs(0.01));
    let outcome = world.lawfit(&["check", "study.toml"]);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, "1 spec is sound, 7 stages\n"));
}
