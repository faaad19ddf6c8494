//! Exports for workflow engines: any distribution of the stages, repeated any number of times, gives the bytes of one
//! run.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use crate::crash::results;
use crate::world::{Outcome, SPEC, World, repository, simulated_runs};
use lawfit::plan::{Fingerprint, Part, Plan, SpecFile, compile};

/// A study of six fits with two queries each, two more fits, and a query that depends on both.
fn study() -> String {
    let members = "\n[matrix.fits.main]\nlaw = [\"hoffmann\", \"kaplan_nd\", \"additive_nd\"]\nobjective.huber.delta = [0.001, 0.01]\n";
    let spec = SPEC.replace("bootstrap = { resamples = 100 }", "sandwich = { draws = 50 }");
    let own = "\n[fits.even]\nrows = \"main\"\nlaw = \"hoffmann\"\nholdout = \"family == 'odd'\"\n\
               [fits.odd]\nrows = \"main\"\nlaw = \"hoffmann\"\nholdout = \"family == 'even'\"\n\
               [queries.beside]\nfit = \"even\"\ncompare = { with = \"odd\", C = 1e22 }\n[report]\nformats = [\"json\"]\n";
    spec + members + own
}

/// The reports and the lock file of a run, and the names of all cache entries.
type Made = (BTreeMap<String, Vec<u8>>, Vec<String>);

/// The study and the products of one run: reports, lock file, and the names of all cache entries.
fn by_one_run() -> (World, BTreeMap<String, Vec<u8>>, Vec<String>) {
    static MADE: OnceLock<Made> = OnceLock::new();
    let (results, cached) = MADE.get_or_init(|| {
        let world = World::with(&study(), &simulated_runs(0.01));
        world.run("study.toml");
        (results(&world), cached(&world))
    });
    (World::with(&study(), &simulated_runs(0.01)), results.clone(), cached.clone())
}

/// The names of all cached results and blobs.
fn cached(world: &World) -> Vec<String> {
    let mut names: Vec<String> = ["ac", "cas"]
        .into_iter()
        .flat_map(|folder| world.files(&format!(".lawfit/cache/v1/{folder}")).into_keys())
        .collect();
    names.sort();
    names
}

fn ok(outcome: &Outcome) {
    assert_eq!(outcome.code, 0, "{}{}", outcome.stdout, outcome.stderr);
}

fn export(world: &World, engine: &str, more: &[&str]) -> Outcome {
    let arguments = [&["export", engine, "study.toml", "--chunk-seconds", "3"], more].concat();
    let outcome = world.lawfit(&arguments);
    ok(&outcome);
    outcome
}

/// The first line of the plan.
fn plan(world: &World) -> serde_json::Value {
    serde_json::from_str(world.read("jobs/plan.jsonl").lines().next().unwrap()).unwrap()
}

fn chunk_count(world: &World) -> usize {
    plan(world)["chunks"].as_array().unwrap().len()
}

fn exec(world: &World, which: &[&str]) -> Outcome {
    world.lawfit(&[&["exec", "--plan", "jobs/plan.jsonl"], which].concat())
}

/// Runs a shell line with the program and a folder of tools in the path.
fn shell(world: &World, line: &str, tools: Option<&Path>) -> Outcome {
    let program = Path::new(env!("CARGO_BIN_EXE_lawfit")).parent().unwrap().to_owned();
    let mut path: Vec<std::path::PathBuf> = tools.map(Path::to_owned).into_iter().chain([program]).collect();
    path.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap()));
    let mut command = world.prepared(Command::new("bash"));
    let output = command.args(["-c", line]).env("PATH", std::env::join_paths(path).unwrap()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Outcome { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
}

#[test]
fn a_line_break_in_the_name_of_a_spec_ends_no_comment_of_a_job_file() {
    let world = World::with(SPEC, &simulated_runs(0.01));
    let name = "a\ntouch written_by_a_name\n.toml";
    world.write(name, SPEC);
    for engine in ["snakemake", "slurm", "hyperqueue"] {
        let outcome = world.lawfit(&["export", engine, name, "--to", "jobs"]);
        assert_eq!(outcome.code, 0, "{engine}: {}", outcome.stderr);
        for (file, bytes) in world.files("jobs") {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let runs = text.lines().any(|line| line.trim_start().starts_with("touch written_by_a_name"));
            assert!(!runs, "{engine}, {file}: {text}");
        }
    }
}

#[test]
fn chunks_run_one_by_one_and_twice_give_the_bytes_of_one_run() {
    let (world, single, cached_by_one) = by_one_run();
    let said = export(&world, "snakemake", &[]);
    assert!(said.stderr.contains("0 of ") && said.stderr.contains("1 s for a fit"), "{}", said.stderr);
    let count = chunk_count(&world);
    assert!(count > 4, "{count}");
    let early = exec(&world, &["--chunk", &(count - 1).to_string()]);
    assert_eq!(early.code, 4, "what it needs is not there: {}", early.stderr);
    let early = exec(&world, &["--finish"]);
    assert_eq!(early.code, 4, "the last job computes no fit: {}", early.stderr);
    for chunk in 0..count {
        ok(&exec(&world, &["--chunk", &chunk.to_string()]));
        let again = exec(&world, &["--chunk", &chunk.to_string(), "--jobs", "2"]);
        assert!(
            again.stdout.contains("\"status\":\"cached\"") && !again.stdout.contains("\"ran\""),
            "{}",
            again.stdout
        );
    }
    ok(&exec(&world, &["--finish"]));
    ok(&exec(&world, &["--finish"]));
    assert!(results(&world) == single);
    assert_eq!(cached(&world), cached_by_one, "the cache holds the same");
    let id = plan(&world)["id"].as_str().unwrap().to_owned();
    assert_eq!(world.files(&format!("jobs/done/{id}")).len(), count + 1);
}

#[test]
fn a_chunk_reads_no_spec_and_survives_a_kill_at_any_moment() {
    let (world, single, _) = by_one_run();
    export(&world, "slurm", &[]);
    world.write("study.toml", "this is no spec any more");
    for (turn, point) in
        ["blob.half", "blob.named", "record.written", "took.half"].iter().cycle().take(chunk_count(&world)).enumerate()
    {
        let chunk = turn.to_string();
        let killed = world.lawfit_with(
            &["exec", "--plan", "jobs/plan.jsonl", "--chunk", &chunk],
            &[("FAILPOINTS", &format!("{point}=return(kill)"))],
        );
        assert_eq!(killed.code, -1, "{point}: {}", killed.stderr);
        ok(&exec(&world, &["--chunk", &chunk]));
    }
    let stale = exec(&world, &["--finish"]);
    assert_eq!(stale.code, 2, "{}", stale.stderr);
    world.write("study.toml", &study().replace("L = 2.2,", "L = 2.3,"));
    let stale = exec(&world, &["--finish"]);
    assert_eq!(stale.code, 3, "{}", stale.stderr);
    world.write("study.toml", &study());
    ok(&exec(&world, &["--finish"]));
    assert!(results(&world) == single);
}

/// The shell commands of a Snakefile for each chunk and for the end, formatted as Snakemake does.
fn shell_lines(snakefile: &str, chunks: usize) -> Vec<String> {
    let lines = snakefile.lines().filter_map(|line| line.trim().strip_prefix("shell: "));
    let lines: Vec<String> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    let filled = |line: &str, chunk: usize| {
        // Doubled braces are replaced first by characters that no name contains.
        let line = line.replace("{{", "\u{1}").replace("}}", "\u{2}");
        let line = line.replace("{wildcards.chunk}", &chunk.to_string()).replace("{threads}", "1");
        line.replace('\u{1}', "{").replace('\u{2}', "}")
    };
    (0..chunks).map(|chunk| filled(&lines[0], chunk)).chain([filled(&lines[1], 0)]).collect()
}

#[test]
fn the_shell_lines_of_a_snakefile_run_by_hand_give_the_bytes_of_one_run() {
    let (world, single, _) = by_one_run();
    let said = export(&world, "snakemake", &[]);
    assert!(said.stdout.starts_with("snakemake --snakefile jobs/Snakefile --cores all "), "{}", said.stdout);
    for line in shell_lines(&world.read("jobs/Snakefile"), chunk_count(&world)) {
        ok(&shell(&world, &format!("cd jobs && {line}"), None));
    }
    assert!(results(&world) == single);
}

#[test]
fn snakemake_itself_gives_the_bytes_of_one_run() {
    let found = Command::new("snakemake").arg("--version").output().is_ok_and(|output| output.status.success());
    if !found {
        return println!("snakemake: skipped, there is no snakemake");
    }
    let (world, single, _) = by_one_run();
    let said = export(&world, "snakemake", &[]);
    ok(&shell(&world, said.stdout.trim(), None));
    assert!(results(&world) == single);
    let again = shell(&world, said.stdout.trim(), None);
    assert!(again.stderr.contains("Nothing to be done"), "{}", again.stderr);
}

/// A stand-in for `sbatch`: it records its arguments and runs each element of the array at once.
const SBATCH: &str = r#"#!/usr/bin/env bash
array=0
for argument in "$@"; do
  case $argument in
    --array=*) array=${argument#*=} ;;
    --wrap=*) wrap=${argument#*=} ;;
    --chdir=*) cd "${argument#*=}" ;;
  esac
done
count=$(cat "$NOTES" 2>/dev/null | wc -l)
echo "$count $*" >> "$NOTES"
for element in ${array//,/ }; do
  SLURM_ARRAY_TASK_ID=$element sh -c "$wrap" >&2 || exit 1
done
echo "$count;cluster"
"#;

/// Puts the stand-in into the folder `tools`.
fn put_sbatch(world: &World) {
    world.write("tools/sbatch", SBATCH);
    std::fs::set_permissions(world.path("tools/sbatch"), std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn the_script_for_slurm_submits_waves_of_arrays_and_only_what_is_not_done() {
    let (world, single, _) = by_one_run();
    export(&world, "slurm", &["--array-limit", "2", "--cpus", "2", "--memory", "512"]);
    put_sbatch(&world);
    let notes = world.path("notes");
    let submit = || {
        let line = format!("NOTES={} jobs/submit.sh --partition='a b'", notes.display());
        let outcome = shell(&world, &line, Some(&world.path("tools")));
        ok(&outcome);
        outcome
    };
    // One chunk has already been computed elsewhere.
    ok(&exec(&world, &["--chunk", "0"]));
    submit();
    assert!(results(&world) == single);
    let noted = world.read("notes");
    let jobs: Vec<&str> = noted.lines().collect();
    let chunks = plan(&world)["chunks"].as_array().unwrap().clone();
    let of_wave = |wave: u64| chunks.iter().filter(|chunk| chunk["wave"].as_u64() == Some(wave)).count();
    let arrays = of_wave(1).div_ceil(2) + of_wave(2).div_ceil(2);
    assert_eq!(jobs.len(), arrays + 1, "{noted}");
    assert!(
        jobs[0].contains("--job-name=lawfit-1 ") && !jobs[0].contains("--dependency"),
        "its needs are done: {noted}"
    );
    let of_first: Vec<String> = (0..of_wave(1).div_ceil(2)).map(|job| job.to_string()).collect();
    assert!(jobs[of_first.len()].contains(&format!("--dependency=afterok:{} ", of_first.join(":"))), "{noted}");
    for job in &jobs {
        for said in ["--cpus-per-task=2", "--mem=512M", "--time=", "--requeue", "--partition=a b"] {
            assert!(job.contains(said), "{said}: {job}");
        }
    }
    assert_eq!(submit().stdout, "all is done\n");
    assert_eq!(world.read("notes"), noted, "nothing is submitted again");
}

#[test]
fn the_tasks_of_a_job_file_for_hyperqueue_give_the_bytes_of_one_run() {
    let (world, single, _) = by_one_run();
    export(&world, "hyperqueue", &["--cpus", "2", "--memory", "512"]);
    let file: toml::Value = toml::from_str(&world.read("jobs/jobs.toml")).unwrap();
    let tasks = file["task"].as_array().unwrap();
    assert_eq!(tasks.len(), chunk_count(&world) + 1);
    let mut done: Vec<i64> = Vec::new();
    for task in tasks {
        let needs: Vec<i64> = task
            .get("deps")
            .and_then(|deps| deps.as_array())
            .into_iter()
            .flatten()
            .filter_map(toml::Value::as_integer)
            .collect();
        assert!(needs.iter().all(|need| done.contains(need)), "{task}");
        let resources = &task["request"][0]["resources"];
        assert_eq!((resources["cpus"].as_integer(), resources["mem"].as_integer()), (Some(2), Some(512)));
        let words: Vec<&str> = task["command"].as_array().unwrap().iter().filter_map(|word| word.as_str()).collect();
        assert_eq!(words[0], "lawfit");
        ok(&world.lawfit(&words[1..]));
        done.push(task["id"].as_integer().unwrap());
    }
    assert_eq!(tasks.last().unwrap()["deps"].as_array().unwrap().len(), chunk_count(&world), "the end rests on all");
    assert!(results(&world) == single);
}

/// A design of runs.
const DESIGN: &str = "[designs.next]\nfit = \"main\"\ndecide = { compute_optimal = { C = 1e24 } }\nbudget = { FLOP = 2e21 }\n\
                      candidates = { N = \"100M to 2B\", D = \"5 to 400 per parameter\" }\nlimits = { runs = 3 }\n";
/// A training cost defined by the study.
const COST: &str = "[costs.own]\ncompute = \"7 * D * N\"\nserve = \"2 * N\"\n";

/// A study with more entries that has not run, and the products of one run of it.
fn with_more(more: &str) -> (World, BTreeMap<String, Vec<u8>>, Vec<String>) {
    let spec = SPEC.replace("bootstrap = { resamples = 100 }", "sandwich = { draws = 50 }") + more;
    let world = World::with(&spec, &simulated_runs(0.004));
    let single = world.copy();
    single.run("study.toml");
    (world, results(&single), cached(&single))
}

#[test]
fn the_last_job_plans_designs() {
    let (world, single, cached_by_one) = with_more(DESIGN);
    assert!(single.contains_key("design-next.runs.csv"), "{:?}", single.keys());
    export(&world, "hyperqueue", &[]);
    assert!(!world.read("jobs/plan.jsonl").contains("design.next"));
    for chunk in 0..chunk_count(&world) {
        ok(&exec(&world, &["--chunk", &chunk.to_string()]));
    }
    assert!(cached(&world).len() < cached_by_one.len(), "the design is left");
    ok(&exec(&world, &["--finish"]));
    assert!(results(&world) == single);
    assert_eq!(cached(&world), cached_by_one);
}

#[test]
fn chunks_know_the_cost_of_a_study() {
    let (world, single, _) = with_more(COST);
    export(&world, "hyperqueue", &[]);
    assert!(world.read("jobs/plan.jsonl").contains("7 * D * N"));
    for chunk in 0..chunk_count(&world) {
        ok(&exec(&world, &["--chunk", &chunk.to_string()]));
    }
    ok(&exec(&world, &["--finish"]));
    assert!(results(&world) == single);
}

#[test]
fn snakemake_and_slurm_find_a_folder_whose_name_has_blanks_braces_and_quotes() {
    let (world, single, _) = with_more(DESIGN);
    let folder = "CHUNK {threads} of THREADS' $x";
    let slurm = world.copy();
    export(&world, "snakemake", &["--to", folder]);
    let plan = world.read(&format!("{folder}/plan.jsonl"));
    let snakefile = world.read(&format!("{folder}/Snakefile"));
    for line in shell_lines(&snakefile, plan.lines().count() - 1) {
        ok(&shell(&world, &format!("cd CHUNK* && {line}"), None));
    }
    assert!(results(&world) == single);
    let said = export(&slurm, "slurm", &["--to", folder]);
    put_sbatch(&slurm);
    let line = format!("NOTES={} {}", slurm.path("notes").display(), said.stdout.trim());
    ok(&shell(&slurm, &line, Some(&slurm.path("tools"))));
    assert!(results(&slurm) == single);
}

#[test]
fn an_export_has_uncached_stages_balanced_by_recorded_time() {
    let (world, ..) = by_one_run();
    export(&world, "snakemake", &[]);
    let whole: u64 = plan(&world)["chunks"].as_array().unwrap().iter().filter_map(|c| c["stages"].as_u64()).sum();
    for chunk in 0..2 {
        ok(&exec(&world, &["--chunk", &chunk.to_string()]));
    }
    let said = export(&world, "snakemake", &[]);
    let left: u64 = plan(&world)["chunks"].as_array().unwrap().iter().filter_map(|c| c["stages"].as_u64()).sum();
    assert!(left < whole && said.stderr.contains("the median of their kind"), "{left} of {whole}: {}", said.stderr);
    assert!(!world.path("jobs/done").exists(), "marks of another plan say nothing");
    world.run("study.toml");
    let said = export(&world, "snakemake", &[]);
    assert!(said.stderr.starts_with("0 stages in 0 chunks"), "{}", said.stderr);
    ok(&exec(&world, &["--finish"]));
    // The same stages on other rows: their durations are known.
    world.write("runs.csv", &simulated_runs(0.02));
    let said = export(&world, "snakemake", &[]);
    assert!(!said.stderr.contains("a guess"), "{}", said.stderr);
}

#[test]
fn foreign_folders_and_damaged_or_other_plans_are_refused() {
    let (world, ..) = by_one_run();
    world.write("jobs/mine.txt", "mine");
    let refused = world.lawfit(&["export", "slurm", "study.toml"]);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    assert_eq!(world.files("jobs").len(), 1);
    std::fs::remove_file(world.path("jobs/mine.txt")).unwrap();
    export(&world, "slurm", &[]);
    let text = world.read("jobs/plan.jsonl");
    assert_eq!(exec(&world, &["--chunk", "99"]).code, 2);
    for (wrong, code, said) in [
        (text.replacen("\"runs.csv\"", "\"other.csv\"", 1), 1, "is damaged"),
        (text.replacen("\"lawfit\":\"", "\"lawfit\":\"9", 1), 3, "another lawfit"),
        ("{}\n".to_owned(), 2, "not a compiled plan"),
        (String::new(), 2, "not a compiled plan"),
    ] {
        world.write("jobs/plan.jsonl", &wrong);
        let refused = exec(&world, &["--chunk", "0"]);
        assert!(refused.code == code && refused.stderr.contains(said), "{said}: {} {}", refused.code, refused.stderr);
    }
    let both = exec(&world, &["--chunk", "0", "--finish"]);
    assert_eq!(both.code, 2, "{}", both.stderr);
}

#[test]
fn a_failed_stage_of_a_chunk_is_reported_and_the_chunk_not_marked() {
    let world = World::with(&study(), &simulated_runs(0.01).replacen("1000000000,", "many,", 1));
    export(&world, "slurm", &[]);
    let failed = exec(&world, &["--chunk", "0"]);
    assert_eq!(failed.code, 5, "{}", failed.stderr);
    assert!(failed.stderr.contains("study.toml: stage ingest.runs failed: "), "{}", failed.stderr);
    assert!(!world.path("jobs/done").exists());
}

/// A plan without its report stages, and the same plan read back from text.
fn through_text(plan: &Plan) -> (Plan, Plan) {
    let own: Vec<usize> = (0..plan.len()).filter(|&index| !plan.stage(index).stage.ends_study()).collect();
    let text = serde_json::to_string(&plan.part(&own).unwrap()).unwrap();
    let (read, _) = serde_json::from_str::<Part>(&text).unwrap().read().unwrap();
    let all: Vec<usize> = (0..read.len()).collect();
    assert!(serde_json::to_string(&read.part(&all).unwrap()).unwrap() == text, "it is written as it was read");
    let (again, _) = plan.part(&own).unwrap().read().unwrap();
    (again, read)
}

#[test]
fn every_stage_of_every_spec_survives_writing_to_a_plan() {
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for entry in std::fs::read_dir(repository().join("specs")).unwrap() {
        let path = entry.unwrap().path();
        if !path.extension().is_some_and(|ending| ending == "toml" || ending == "yaml") {
            continue;
        }
        let compiled = compile(&[SpecFile { bytes: std::fs::read(&path).unwrap(), path }]);
        let (written, read) = through_text(&compiled.plan);
        for (before, after) in written.stages().zip(read.stages()) {
            let print = |stage: &lawfit::plan::PlanStage| Fingerprint::new(stage.stage.as_ref(), Vec::new()).text();
            assert_eq!((print(before), &before.id), (print(after), &after.id));
            assert_eq!(before.stage.externals(), after.stage.externals());
            *kinds.entry(after.stage.kind()).or_default() += 1;
        }
    }
    assert!(kinds.keys().eq(["extrapolate", "filter", "fit", "ingest", "table"].iter()), "{kinds:?}");
}
