//! Shards: a fit whose refits are computed by several stages has the bytes of one whose refits are not divided.

use std::collections::BTreeMap;

use crate::crash::results;
use crate::world::{Outcome, SPEC, World, simulated_runs};

/// Fits with each method, in groups and alone, by name: the keys of the fit without its rows.
const FITS: [(&str, &str); 19] = [
    ("bootstrap", "uncertainty = { bootstrap = { resamples = 60 } }"),
    ("searched", "uncertainty = { bootstrap = { resamples = 20, search = true } }"),
    ("sandwich", "uncertainty = { sandwich = { draws = 60 } }"),
    ("residual", "uncertainty = { residual = { resamples = 60 } }"),
    ("wild", "uncertainty = { wild = { resamples = 60 } }\nclusters = [\"N\"]"),
    ("posterior", "uncertainty = { posterior = { draws = 150 } }"),
    ("profile", "uncertainty = { profile = { draws = 60, pairs = [[\"E\", \"alpha\"]] } }"),
    ("auto", "uncertainty = { auto = { resamples = 450 } }"),
    ("auto_few", "uncertainty = { auto = { resamples = 60 } }\nholdout = \"N > 3e7\""),
    ("auto_runs", "uncertainty = { auto = { resamples = 60 } }\nclusters = [\"N\"]"),
    ("least_squares", "uncertainty = { auto = { resamples = 60 } }\nobjective = { least_squares = { on = \"log\" } }"),
    ("configurations", "uncertainty = { bootstrap = { resamples = 60 } }\nreplicates = [\"N\", \"D\"]"),
    ("apart", "uncertainty = { residual = { resamples = 60 } }\nby = \"family\"\nholdout = \"C > 1e22\""),
    ("joint", "uncertainty = { auto = { resamples = 60 } }\nby = \"family\"\nshare = [\"E\", \"alpha\"]"),
    ("held", "uncertainty = { wild = { resamples = 60 } }\nholdout = \"C > 1e22\"\nweights = \"D / 1e9\""),
    ("origins", "uncertainty = { posterior = { draws = 60 } }\nbacktest = { along = \"C\", folds = 2 }"),
    (
        "origins_apart",
        "uncertainty = { sandwich = { draws = 60 } }\nby = \"family\"\nbacktest = { along = \"C\", folds = 3 }",
    ),
    ("several", "uncertainty = { sandwich = { draws = 60 } }\nalternatives = [\"kaplan_nd\"]"),
    ("other_solver", "uncertainty = { sandwich = { draws = 60 } }\nsolver = \"lbfgs\"\nstarts = \"grid\""),
];

/// A study of all fits, each with a line of its own.
fn study(more: &str) -> String {
    let (head, _) = SPEC.split_once("[fits.main]").unwrap();
    let fit =
        |(name, keys): (&str, &str)| format!("[fits.{name}]\nrows = \"main\"\nlaw = \"hoffmann\"\n{keys}\n{more}\n");
    let fits: String = FITS.into_iter().map(fit).collect();
    let queries = "[queries.apart]\nfit = \"apart\"\nloss = { N = 1e11, D = 1e12 }\n\
                   [queries.joint]\nfit = \"joint\"\ncompute_optimal = { C = 1e23 }\n";
    format!("{head}{fits}{queries}[report]\nformats = [\"json\", \"markdown\"]\n")
}

fn ok(outcome: &Outcome) {
    assert_eq!(outcome.code, 0, "{}{}", outcome.stdout, outcome.stderr);
}

/// The stages in a lock file.
fn stages(world: &World) -> toml::Table {
    let lock: toml::Table = toml::from_str(&world.read("study.lock")).unwrap();
    lock["stages"].as_table().unwrap().clone()
}

/// The digests of the outputs of every fit.
fn outputs_of_fits(world: &World) -> BTreeMap<String, toml::Value> {
    let fits = stages(world).into_iter().filter(|(stage, _)| stage.starts_with("fit."));
    fits.map(|(stage, entry)| (stage, entry["outputs"].clone())).collect()
}

/// The keys of all results in the cache.
fn cached(world: &World) -> Vec<String> {
    // A killed process leaves unfinished files.
    world.files(".lawfit/cache/v1/ac").into_keys().filter(|name| !name.starts_with(".lawfit-")).collect()
}

/// The stages that a run computes.
fn computed(world: &World) -> Vec<String> {
    world.statuses("study.toml").into_iter().filter(|(_, status)| status == "ran").map(|(stage, _)| stage).collect()
}

/// Removes the result of a stage from the cache.
fn forget(world: &World, stage: &str) {
    let key = stages(world)[stage]["key"].as_str().unwrap().to_owned();
    std::fs::remove_file(world.path(&format!(".lawfit/cache/v1/ac/{key}.json"))).unwrap();
}

#[test]
fn fits_of_every_method_in_shards_have_the_bytes_of_undivided_fits_on_any_number_of_threads() {
    let undivided = World::with(&study(""), &simulated_runs(0.01));
    undivided.run("study.toml");
    let divided = World::with(&study("shards = 3"), &simulated_runs(0.01));
    ok(&divided.lawfit(&["run", "study.toml", "--jobs", "7"]));
    let (whole, merged) = (outputs_of_fits(&undivided), outputs_of_fits(&divided));
    assert_eq!(whole.len(), FITS.len());
    for (fit, outputs) in &whole {
        assert_eq!(&merged[fit], outputs, "{fit}");
    }
    let numbers = |world: &World| {
        let report: serde_json::Value = serde_json::from_str(&world.read("outputs/study/results.json")).unwrap();
        [report["fits"].clone(), report["queries"].clone()]
    };
    assert_eq!(numbers(&divided), numbers(&undivided));
    let one = World::with(&study("shards = 3"), &simulated_runs(0.01));
    ok(&one.lawfit(&["run", "study.toml", "--jobs", "1"]));
    assert!(results(&one) == results(&divided));
    assert_eq!(cached(&one), cached(&divided));
}

#[test]
fn a_fit_of_few_refits_or_of_one_shard_is_not_divided_and_keeps_its_key() {
    let plan = |spec: &str| {
        let world = World::with(spec, &simulated_runs(0.01));
        world.run("study.toml");
        (stages(&world), world.read("study.lock"))
    };
    let (known, lock) = plan(SPEC);
    assert!(known.keys().all(|stage| !stage.starts_with("refits.") && !stage.starts_with("estimate.")), "{known:?}");
    let (_, one) = plan(&SPEC.replace("resamples = 100 } }", "resamples = 100 } }\nshards = 1"));
    assert_eq!(one, lock);
}

/// The study with a fit in three shards.
fn in_three() -> String {
    SPEC.replace("bootstrap = { resamples = 100 } }", "sandwich = { draws = 60 } }\nshards = 3")
}

#[test]
fn only_a_lost_shard_is_computed_again() {
    let world = World::with(&in_three(), &simulated_runs(0.01));
    world.run("study.toml");
    let before = (results(&world), cached(&world));
    forget(&world, "refits.main[shard=2]");
    assert_eq!(computed(&world), ["refits.main[shard=2]"]);
    assert!(before == (results(&world), cached(&world)));
    // The fit finds its shards in the cache.
    forget(&world, "fit.main");
    assert_eq!(computed(&world), ["fit.main"]);
    assert!(computed(&world).is_empty());
    let frozen = world.lawfit(&["run", "study.toml", "--frozen"]);
    ok(&frozen);
}

#[test]
fn more_refits_leave_whole_shards_and_the_estimate_as_they_are() {
    let (head, _) = SPEC.split_once("[fits.main]").unwrap();
    let fast = |draws: usize| {
        format!(
            "{head}[laws.line]\nformula = \"L = A / N^alpha\"\n[fits.main]\nrows = \"main\"\nlaw = \"line\"\n\
             uncertainty = {{ sandwich = {{ draws = {draws} }} }}\n"
        )
    };
    let world = World::with(&fast(10_000), &simulated_runs(0.01));
    world.run("study.toml");
    world.write("study.toml", &fast(15_000));
    let ran = computed(&world);
    assert!(ran.contains(&"refits.main[shard=3]".to_owned()) && ran.contains(&"fit.main".to_owned()), "{ran:?}");
    let reused = ["estimate.main", "refits.main[shard=1]", "refits.main[shard=2]"];
    assert!(reused.iter().all(|stage| !ran.contains(&(*stage).to_owned())), "{ran:?}");
}

#[test]
fn shards_and_origins_of_a_matrix_member_are_stages_with_names() {
    let spec = in_three().replace("shards = 3", "shards = 2\nbacktest = { along = \"C\", folds = 1 }")
        + "[matrix.fits.main]\nlaw = [\"hoffmann\", \"kaplan_nd\"]\n";
    let world = World::with(&spec, &simulated_runs(0.01));
    let shown = world.lawfit(&["plan", "study.toml", "--json"]);
    ok(&shown);
    let plan: serde_json::Value = serde_json::from_str(&shown.stdout).unwrap();
    let stages: BTreeMap<&str, Vec<&str>> = plan["stages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|stage| {
            let needs = stage["needs"].as_array().unwrap().iter().filter_map(|need| need.as_str());
            (stage["id"].as_str().unwrap(), needs.collect())
        })
        .collect();
    assert_eq!(stages["estimate.main[law=hoffmann]"], ["filter.main"]);
    assert_eq!(
        stages["refits.main[law=hoffmann,origin=1,shard=2]"],
        ["estimate.main[law=hoffmann,origin=1]", "filter.main"]
    );
    let needs = &stages["fit.main[law=kaplan_nd]"];
    assert_eq!(needs.len(), 7, "the table, two estimates and four shards: {needs:?}");
    world.run("study.toml");
    let explained = world.lawfit(&["explain", "refits.main[law=hoffmann,shard=2]", "study.toml"]);
    assert!(explained.stdout.contains("in the cache, and agrees with the lock file"), "{}", explained.stdout);
    world.write("study.toml", &spec.replace("seed = 3", "seed = 4"));
    let explained = world.lawfit(&["explain", "refits.main[law=hoffmann,shard=2]", "study.toml"]);
    assert!(
        explained.stdout.contains("settings.fit.seed") && explained.stdout.contains("3 -> 4"),
        "{}",
        explained.stdout
    );
    let stale = world.lawfit(&["lock", "--check", "study.toml"]);
    assert!(stale.code == 3 && stale.stderr.contains("stage refits.main["), "{}", stale.stderr);
}

#[test]
fn a_failed_fit_is_reported_once_at_its_own_place_in_the_spec() {
    let world = World::with(&in_three().replace("L > 10", "L > 0"), &simulated_runs(0.01));
    let failed = world.lawfit(&["run", "study.toml"]);
    assert_eq!(failed.code, 5, "{}", failed.stderr);
    assert_eq!(failed.stderr.matches("no rows are left to fit").count(), 1, "{}", failed.stderr);
    assert!(failed.stderr.contains("drop L > 0"), "{}", failed.stderr);
}

#[test]
fn shards_that_cannot_be_are_refused_with_the_reason() {
    let said = |from: &str, to: &str| {
        let outcome =
            World::with(&in_three().replace(from, to), &simulated_runs(0.01)).lawfit(&["check", "study.toml"]);
        assert_eq!(outcome.code, 2, "{}", outcome.stderr);
        outcome.stderr
    };
    assert!(said("shards = 3", "shards = 0").contains("`shards` must be from 1 to 1000"));
    assert!(said("shards = 3", "shards = 61").contains("`shards` is 61, but the fit has only 60 draws"));
    let without = said("uncertainty = { sandwich = { draws = 60 } }\n", "");
    assert!(without.contains("`shards` needs `uncertainty`"), "{without}");
}

/// Exports a study in chunks of one stage.
fn export(world: &World) -> usize {
    ok(&world.lawfit(&["export", "slurm", "study.toml", "--chunk-seconds", "0.01"]));
    world.read("jobs/plan.jsonl").lines().count() - 1
}

fn exec(world: &World, which: &[&str], variables: &[(&str, &str)]) -> Outcome {
    world.lawfit_with(&[&["exec", "--plan", "jobs/plan.jsonl"], which].concat(), variables)
}

#[test]
fn shards_in_chunks_of_which_each_is_killed_once_give_the_bytes_of_one_run() {
    let spec = in_three().replace("shards = 3", "shards = 3\nbacktest = { along = \"C\", folds = 1 }");
    let single = World::with(&spec, &simulated_runs(0.01));
    single.run("study.toml");
    let world = World::with(&spec, &simulated_runs(0.01));
    let count = export(&world);
    assert!(count >= 9, "preparation, six shards, the fit and its queries: {count}");
    for chunk in 0..count {
        let chunk = chunk.to_string();
        let killed = exec(&world, &["--chunk", &chunk], &[("FAILPOINTS", "record.half=return(kill)")]);
        assert_eq!(killed.code, -1, "{}", killed.stderr);
        ok(&exec(&world, &["--chunk", &chunk], &[]));
    }
    ok(&exec(&world, &["--finish"], &[]));
    assert!(results(&world) == results(&single));
    assert_eq!(cached(&world), cached(&single));
    // After the loss of a shard, only its chunk is left to export.
    forget(&world, "refits.main[shard=3]");
    export(&world);
    let again = exec(&world, &["--chunk", "0"], &[]);
    let ran: Vec<&str> = again.stdout.lines().filter(|line| line.contains("\"ran\"")).collect();
    assert!(ran.len() == 1 && ran[0].contains("refits.main[shard=3]"), "{}", again.stdout);
}

#[test]
fn a_single_shard_is_computed_by_its_name() {
    let world = World::with(&in_three(), &simulated_runs(0.01));
    let plan = world.lawfit(&["plan", "study.toml", "--json"]);
    world.write("plan.json", &plan.stdout);
    let stage = |ids: &str| world.lawfit(&["exec", "--plan", "plan.json", "--stage", ids]);
    assert_eq!(stage("refits.main[shard=1]").code, 4, "its estimate is missing");
    ok(&stage("ingest.runs,filter.main,estimate.main"));
    ok(&stage("refits.main[shard=3],refits.main[shard=1]"));
    let ran = computed(&world);
    assert!(ran.contains(&"refits.main[shard=2]".to_owned()), "{ran:?}");
    assert!(!ran.iter().any(|stage| stage.contains("shard=1") || stage.contains("shard=3")), "{ran:?}");
}
