//! Roles of variables follow from their units: a study with other names gives bit-identical numbers.

use std::fmt::Write as _;

use serde_json::Value;

use crate::world::{World, repository, shared_data, simulated_columns, simulated_runs};

/// Names with the same alphabetical order as the letters of the literature, so sorted output keeps its order.
const IN_ORDER: Names = [("N", "Nparams"), ("D", "Dtokens"), ("C", "Cflops"), ("L", "Lval")];
/// Common column names.
const USUAL: Names = [("N", "params"), ("D", "tokens"), ("C", "flops"), ("L", "val_loss")];

type Names = [(&'static str, &'static str); 4];

/// A spec with every letter replaced that is a name, or the end of one.
fn renamed(spec: &str, names: Names) -> String {
    let mut text = spec.to_owned();
    for (letter, name) in names {
        let pattern = regex::Regex::new(&format!(r"\b((?:[a-z]+_)?){letter}\b")).unwrap();
        text = pattern.replace_all(&text, format!("${{1}}{name}")).into_owned();
    }
    text
}

/// A text with the names replaced by the letters again.
fn in_letters(text: &str, names: Names) -> String {
    let mut text = text.to_owned();
    for (letter, name) in names {
        let pattern = regex::Regex::new(&format!(r"\b((?:[a-z]+_)?){name}(_ratio)?\b")).unwrap();
        text = pattern.replace_all(&text, format!("${{1}}{letter}${{2}}")).into_owned();
    }
    text
}

/// The path of the first difference between two values.
fn first_difference(one: &Value, other: &Value, path: &str) -> Option<String> {
    match (one, other) {
        (Value::Object(a), Value::Object(b)) => {
            let missing = a.keys().chain(b.keys()).find(|key| !(a.contains_key(*key) && b.contains_key(*key)));
            missing.map(|key| format!("{path}.{key} is in one alone")).or_else(|| {
                a.iter().find_map(|(key, value)| first_difference(value, &b[key], &format!("{path}.{key}")))
            })
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            let mut pairs = a.iter().zip(b).enumerate();
            pairs.find_map(|(i, (a, b))| first_difference(a, b, &format!("{path}.{i}")))
        }
        _ => (one != other).then(|| format!("{path}: {one} and {other}")),
    }
}

/// Removes sentences and sorts lists of names, both of which depend on the order of names.
fn forget_words(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|key, _| !["conclusions", "notes", "sentence", "warnings"].contains(&key.as_str()));
            map.values_mut().for_each(forget_words);
            if let Some(Value::Array(spans)) = map.get_mut("seen") {
                spans.sort_by_key(ToString::to_string);
            }
        }
        Value::Array(list) if list.iter().all(Value::is_string) => {
            list.sort_by_key(|name| name.as_str().map(str::to_owned));
        }
        Value::Array(list) => list.iter_mut().for_each(forget_words),
        _ => (),
    }
}

/// The results of a spec as text, and its report.
fn told(spec: &str, table: &str, arguments: &[&str]) -> [String; 2] {
    let world = World::with(spec, table);
    let outcome = world.lawfit(&[&["run", "study.toml", "--json"], arguments].concat());
    assert_eq!(outcome.code, 0, "{}\n{spec}", outcome.stderr);
    let object: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let told = [object["results"].to_string(), world.read("outputs/study/report.md")];
    let placeholder = regex::Regex::new(r"\{(size|data|compute)\}").unwrap();
    assert_eq!(told.iter().find_map(|text| placeholder.find(text)), None, "an output has no name of the study");
    told
}

/// Runs a spec with its own and with other names and compares all numbers; for names in the same order also all
/// words.
fn assert_same(spec: &str, table: &str, arguments: &[&str], names: &[Names]) {
    let lettered = told(spec, table, arguments);
    for names in names {
        assert!(renamed(spec, *names).contains(names[2].1), "nothing was renamed");
        let named = told(&renamed(spec, *names), table, arguments);
        let [(mut letters, report), (mut named, named_report)] = [&lettered, &named].map(|[results, report]| {
            let results: Value = serde_json::from_str(&in_letters(results, *names)).unwrap();
            (results, in_letters(report, *names))
        });
        if *names == IN_ORDER {
            let differing = report.lines().zip(named_report.lines()).find(|(one, other)| one != other);
            assert_eq!(differing, None, "the reports say it in other words");
        } else {
            [&mut letters, &mut named].into_iter().for_each(forget_words);
        }
        assert_eq!(first_difference(&letters, &named, "results"), None);
    }
}

/// Every kind of query to fits of the rows of `simulated_runs`; appended to `simulated_columns`.
const EVERY_QUESTION: &str = r#"
[laws.own]
formula = "L = E + A / N^alpha + B / D^beta"
[laws.of_compute]
formula = "L = E + A / C^alpha"
[fits.main]
rows = "runs"
law = "own"
uncertainty = { sandwich = { draws = 40, level = 0.9 } }
backtest = { along = "C", folds = 2 }
holdout = "C > 1e22"
[fits.compute]
rows = "runs"
law = "of_compute"
uncertainty = { sandwich = { draws = 40, level = 0.9 } }
[fits.groups]
rows = "runs"
law = "own"
by = "family"
[queries]
best = { fit = "main", compute_optimal = { C = [1e20, 1e24] } }
at = { fit = "main", loss = { N = "70B", D = ["1T", "2T"] } }
target = { fit = "main", reach = { L = [2.1, 1.0], solve = "C" } }
size = { fit = "main", reach = { L = 2.1, solve = "C", N = "3B" } }
tokens = { fit = "main", reach = { L = 2.1, solve = "D", N = "3B" } }
level = { fit = "main", threshold = { L = 2.2, solve = "C" } }
curve = { fit = "main", isoflop = { C = [1e20, 1e21], at = 1e23, curve = true, sizes = ["1B", "10B"] } }
served = { fit = "main", inference_aware = { loss = 2.0, serve = ["1T", "10T"] } }
smaller = { fit = "main", overtrain = { C = 1e22, factor = 0.25 } }
other = { fit = "main", overtrain = { C = [1e22, 1e23], N = "1B" } }
next = { fit = "main", marginal = { C = [1e22, 1e23] } }
along = { fit = "compute", marginal = { C = 1e22 } }
default = { fit = "compute", loss = { C = 1e23 }, forecast = "default" }
beside = { fit = "main", compare = { with = "compute", C = 1e22 } }
family = { fit = "groups", group = "even", compute_optimal = { C = 1e22 } }
spent = { fit = "main", allocate = { C = 1e22, serve = "500B", unique = "100B", epochs = 4 } }
kin = { fit = "main", allocate = { C = 1e22, sizes = ["400M", "1B"], weights = [1, 2] } }
exponents = { fit = "main", derived = { a = "beta / (alpha + beta)", share = "A / N^alpha", at = { N = "1B" } } }
lowest = { fit = "main", minimum = { over = "D", hold = { N = "1B" } } }
[[expect]]
that = "queries.best.row2.N > 1e9"
[report]
answer = "queries.best.row2"
formats = ["json", "markdown", "html"]
"#;

#[test]
fn every_question_has_the_same_answers_under_other_names() {
    assert_same(&format!("{}{EVERY_QUESTION}", simulated_columns()), &simulated_runs(0.01), &[], &[IN_ORDER, USUAL]);
}

#[test]
fn the_shipped_chinchilla_study_is_the_same_under_other_names() {
    let Some(data) = shared_data("roles of the Chinchilla study") else { return };
    let spec = std::fs::read_to_string(repository().join("specs/chinchilla.toml")).unwrap();
    // Fewer draws and no sensitivity, neither of which affects names.
    let (before, rest) = spec.split_once("[sensitivity.main]").unwrap();
    let spec = format!("{before}{}", &rest[rest.find("[[expect]]").unwrap()..]);
    let mut spec = spec.replace("resamples = 4000", "resamples = 40").replace("resamples = 1000", "resamples = 40");
    for law in ["hoffmann", "additive_nd", "generalised"] {
        // The keys are the catalogue's own names, escaped so that they are not replaced.
        let _ = writeln!(spec, "\n[laws.{law}]\nuse = \"{law}\"");
        spec += "variables = { \"\\u004e\" = \"N\", \"\\u0044\" = \"D\", \"\\u004c\" = \"L\" }\n";
    }
    assert_same(&spec, "", &["--offline", "--mirror", &data.to_string_lossy()], &[USUAL]);
}
