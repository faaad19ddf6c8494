//! Properties of cache keys: they depend on the meaning of a spec, not on its language or layout.

use std::collections::BTreeMap;

use lawfit::plan::{Fingerprint, SpecFile, compile};
use proptest::prelude::*;

use crate::world::{SPEC, World, simulated_runs};

/// The settings of each stage as they enter its key.
fn settings(world: &World, name: &str, text: &str) -> BTreeMap<String, String> {
    let compiled = compile(&[SpecFile { path: world.path(name), bytes: text.as_bytes().to_vec() }]);
    assert!(!compiled.has_errors(), "{text}\n{:?}", compiled.diagnostics);
    let plan = &compiled.plan;
    plan.stages().map(|s| (s.id.to_string(), Fingerprint::new(s.stage.as_ref(), Vec::new()).text())).collect()
}

/// A spec with entries of every kind, as a tree.
fn any_spec() -> impl Strategy<Value = serde_json::Value> {
    let number = prop_oneof![
        (1u32..1000).prop_map(|n| serde_json::json!(n)),
        (0.001f64..1e30).prop_map(|x| serde_json::json!(x))
    ];
    let level = 0.5f64..0.99;
    (any::<u32>(), number.clone(), proptest::collection::vec(number, 1..4), level, 20usize..5000, 1usize..9).prop_map(
        |(seed, delta, budgets, level, resamples, count)| {
            serde_json::json!({
                "spec": 1,
                "study": { "title": "any: \"title\" # with marks", "seed": seed, "references": ["a", "b: c"] },
                "sources": { "runs": { "path": "runs.csv", "columns": {
                    "N": { "column": "params", "unit": "parameters" }, "D": "tokens", "L": "loss",
                    "C": { "expr": "6 * N * D" } } } },
                "filters": { "main": { "source": "runs", "rules": [{ "drop_highest": "L", "count": count }, { "keep": "N > 1e3" }] } },
                "fits": { "main": { "rows": "main", "law": "hoffmann",
                    "objective": { "huber": { "delta": delta } },
                    "uncertainty": { "bootstrap": { "resamples": resamples, "level": level } } } },
                "queries": { "q": { "fit": "main", "compute_optimal": { "C": budgets } } },
            })
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn toml_and_yaml_of_one_spec_give_one_plan(spec in any_spec()) {
        let world = World::with("", &simulated_runs(0.0));
        let toml = settings(&world, "a.toml", &toml::to_string(&spec).unwrap());
        let yaml = settings(&world, "a.yaml", &serde_yaml::to_string(&spec).unwrap());
        prop_assert_eq!(toml, yaml);
    }

    #[test]
    fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let world = World::new();
        for name in ["a.toml", "a.yaml"] {
            let _ = compile(&[SpecFile { path: world.path(name), bytes: bytes.clone() }]);
        }
    }

    #[test]
    fn any_formula_is_read_without_panic(text in "[A-Za-z0-9_+*/^(){}\\[\\],.<>=!'` -]{0,60}") {
        let _ = lawfit::expr::parse(&text);
        if let Ok(expr) = lawfit::expr::parse(&text) {
            let canonical = expr.to_string();
            prop_assert_eq!(lawfit::expr::parse(&canonical).unwrap().to_string(), canonical);
        }
    }
}

#[test]
fn a_cosmetic_edit_never_changes_a_key() {
    let world = World::with(SPEC, &simulated_runs(0.0));
    let before = settings(&world, "study.toml", SPEC);
    // The page shows its spec as TOML, so that other words for the same give another page, and no other number.
    let numbers = |mut settings: BTreeMap<String, String>| {
        settings.remove("render");
        settings
    };
    for (from, to) in [
        ("[fits.main]", "# remark\n\n[fits.main] # another"),
        ("law = \"hoffmann\"", "law = 'hoffmann'"),
        ("law = \"hoffmann\"", "law = \"chinchilla\""),
        ("\"6 * N * D\"", "\"(6*N)*D\""),
        ("drop = \"L > 10\"", "drop = \"L>1e1\""),
        ("C = [1e21, 1e23]", "C = [\"1e12 * 1B\", 1e23]"),
        ("rows = \"main\"\nlaw = \"hoffmann\"", "law = \"hoffmann\"\nrows = \"main\""),
        ("law = \"hoffmann\"", "law = \"hoffmann\"\nobjective = \"huber\""),
    ] {
        assert!(SPEC.contains(from), "{from}");
        let after = settings(&world, "study.toml", &SPEC.replace(from, to));
        let is_of_looks = to.contains('#') || to.contains('\'') || to.starts_with("law = \"hoffmann\"\nrows");
        assert!(!is_of_looks || after["render"] == before["render"], "{to}");
        assert_eq!(numbers(after), numbers(before.clone()), "{to}");
    }
}

#[test]
fn a_semantic_edit_changes_the_right_keys() {
    let world = World::with(SPEC, &simulated_runs(0.0));
    let before = settings(&world, "study.toml", SPEC);
    for (from, to, changed) in [
        ("seed = 3", "seed = 4", "fit.main"),
        (
            "N = { column = \"params\", unit = \"parameters\" }",
            "N = { column = \"params\", unit = \"M parameters\" }",
            "ingest.runs",
        ),
        ("column = \"params\"", "column = \"tokens\"", "ingest.runs"),
        ("\"6 * N * D\"", "\"6.1 * N * D\"", "ingest.runs"),
        ("path = \"runs.csv\"", "path = \"runs.csv\"\nmissing = \"drop\"", "ingest.runs"),
        ("L > 10", "L > 9", "filter.main"),
        ("{ drop = \"L > 10\", because = \"diverged\" }", "", "filter.main"),
        ("law = \"hoffmann\"", "law = \"hoffmann\"\nobjective = { huber = { delta = 1e-2 } }", "fit.main"),
        ("law = \"hoffmann\"", "law = \"hoffmann\"\nholdout = \"N > 1e9\"", "fit.main"),
        ("law = \"hoffmann\"", "law = \"additive_nd\"", "fit.main"),
        ("resamples = 100", "resamples = 101", "fit.main"),
        ("resamples = 100", "resamples = 100, level = 0.8", "fit.main"),
        ("uncertainty = { bootstrap = { resamples = 100 } }", "", "fit.main"),
        ("C = [1e21, 1e23]", "C = [1e21, 2e23]", "extrapolate.budget"),
        ("L = 2.2,", "L = 2.2, N = 1e9,", "extrapolate.target"),
        ("because = \"diverged\"", "because = \"blew up\"", "results"),
        ("title = \"Simulated\"", "title = \"Other\"", "results"),
    ] {
        assert!(SPEC.contains(from), "{from}");
        let after = settings(&world, "study.toml", &SPEC.replace(from, to));
        assert_ne!(after[changed], before[changed], "{to}");
    }
}

#[test]
fn the_seed_counts_only_where_something_is_random() {
    let world = World::with(SPEC, &simulated_runs(0.0));
    let calm = SPEC.replace("uncertainty = { bootstrap = { resamples = 100 } }", "");
    let before = settings(&world, "study.toml", &calm);
    let after = settings(&world, "study.toml", &calm.replace("seed = 3", "seed = 4"));
    assert_eq!(after["fit.main"], before["fit.main"]);
}
