//! The small studies that are mutated. Together they use every part of a spec, and each of them runs.

use std::fmt::Write as _;

use super::held::{Case, Named};
use crate::world::{SPEC, repository, simulated_runs};

/// The columns of the simulated runs.
const COLUMNS: &str = r#"
[sources.runs]
path = "runs.csv"
[sources.runs.columns]
N = { column = "params", unit = "parameters", counts = "total" }
D = { column = "tokens", unit = "tokens" }
C = { expr = "6 * N * D", unit = "FLOP" }
L = { column = "loss", unit = "nats" }
family = { column = "family", type = "text" }
"#;

/// Questions of every kind.
const QUERIES: &str = r#"
[fits.main]
rows = "runs"
law = "hoffmann"
objective = { huber = { delta = 1e-3, on = "log" } }
uncertainty = { sandwich = { draws = 40, level = 0.9 } }
[fits.other]
rows = "runs"
law = "additive_nd"
objective = { least_squares = { on = "log" } }
uncertainty = { sandwich = { draws = 40 } }
[queries.loss]
fit = "main"
loss = { N = ["1B", "280B"], D = "300B" }
[queries.reach]
fit = "main"
reach = { L = [2.2, 2.0], solve = "C" }
[queries.budget]
fit = "main"
compute_optimal = { C = [1e21, 5.76e23] }
[queries.isoflop]
fit = "main"
isoflop = { C = [1e20, 1e21], at = 5.76e23, width = 8, points = 9 }
[queries.served]
fit = "main"
inference_aware = { loss = 2.3, serve = ["1T", "10T"] }
[queries.smaller]
fit = "main"
overtrain = { C = 5.76e23, factor = 0.25 }
[queries.next]
fit = "main"
marginal = { C = [5.76e23, 5.76e24], factor = 2 }
[queries.beside]
fit = "main"
compare = { C = 1e23, with = "other" }
[[expect]]
that = "queries.budget.row1.N in [1e8, 1e11] and fits.main.alpha > 0"
because = "as simulated"
[[expect]]
that = "queries.loss.row2.loss < queries.loss.row1.loss"
severity = "warn"
[report]
formats = ["html", "markdown", "json", "latex"]
"#;

const LAWS: &str = r#"
[filters.main]
source = "runs"
rules = [
  { range = { N = ["20M", "1e11"] }, because = "the sizes studied" },
  { drop = "L > 10 or family == 'none'" },
  { keep = "D / N >= 1e-3 and not (L < 0)" },
  { drop_highest = "L", count = 1 },
  { keep_lowest = "L", count = 20, by = ["family"] },
]
[laws.mine]
formula = "L = E + A / N^alpha + B / D^beta"
[laws.mine.parameters]
E = { bounds = [0, 10], start = [1, 2], scale = "linear", meaning = "floor" }
alpha = { bounds = [0, 2], start = 0.3 }
beta = { tied = "alpha" }
B = { fixed = 410 }
[laws.broken]
formula = "L = E + a * N^-b * (1 + (D / d)^(1 / 0.5))^(-0.5 * c)"
[laws.renamed]
use = "power_floor"
variables = { x = "C" }
[fits.mine]
rows = "main"
law = "mine"
objective = { asymmetric_huber = { delta = 1e-3, over = 2, on = "log" } }
solver = "lbfgs"
starts = "grid"
weights = "1 / L"
holdout = "C > 1e22"
[fits.broken]
rows = "main"
law = "broken"
objective = { student_t = { nu = 3, scale = 0.01, on = "raw" } }
solver = "nelder_mead"
[fits.renamed]
rows = "main"
law = "renamed"
objective = { least_absolute = { on = "log" } }
uncertainty = "auto"
alternatives = ["kaplan_c"]
backtest = { along = "C", folds = 2 }
[queries.near]
fit = "renamed"
loss = { C = 1e21 }
[queries.far]
fit = "renamed"
loss = { C = [1e23, 1e25] }
forecast = "default"
[queries.stack]
fit = "renamed"
loss = { C = 1e24 }
forecast = "stack"
[sensitivity.renamed]
objectives = [{ least_squares = {} }]
laws = ["kaplan_c"]
rows = ["runs"]
without = ["C > 1e22"]
leave_out = ["family"]
"#;

const GROUPS: &str = r#"
[fits.families]
rows = "runs"
law = "hoffmann"
by = "family"
share = ["E"]
objective = { least_squares = { on = "log" } }
uncertainty = { residual = { resamples = 20, level = 0.9 } }
[fits.each]
rows = "runs"
law = "kaplan_nd"
by = "family"
uncertainty = { wild = { resamples = 20 } }
clusters = ["N"]
[fits.profile]
rows = "runs"
law = "hoffmann"
objective = { least_squares = { on = "log" } }
uncertainty = { profile = { draws = 20, level = 0.8, pairs = [["alpha", "beta"]] } }
[fits.posterior]
rows = "runs"
law = "additive_nd"
objective = { least_squares = { on = "log" } }
noise = "0.01"
uncertainty = { posterior = { draws = 40, level = 0.9 } }
[queries.one]
fit = "families"
group = "even"
loss = { N = 1e9, D = 1e10 }
[queries.two]
fit = "each"
group = ["even", "odd"]
compute_optimal = { C = 1e22 }
[queries.pair]
fit = "families"
group = "even"
compare = { C = 1e22, with = "families", group = "odd" }
[matrix.fits.profile]
weights = ["1", "L"]
solver = ["newton", "levenberg_marquardt"]
"#;

const TABLES: &str = r#"
[sources.sizes]
path = "sizes.csv"
columns.family = { column = "family", type = "text" }
columns.width = "width"
columns.tag = { column = "tag", extract = "^run-([0-9.]+M)$", unit = "parameters" }
columns.kind = { column = "kind", values = { dense = 1, routed = "8" } }
[tables.ready]
from = "runs"
steps = [
  { join = { with = "sizes", on = ["family"], many = false } },
  { best = { lowest = "L", by = ["N", "D"], count = 1 } },
  { derive = { M = "N * 2", R = "D / N" } },
  { bin = { of = "R", into = "ratio", per_decade = 2 } },
  { dedupe = { by = ["N", "D"], keep = "first" } },
  { sort = { by = ["N", "D"], descending = true } },
  { fill_down = { columns = ["M"] } },
]
units = { R = "1" }
[tables.means]
from = "ready"
steps = [{ mean = { of = ["L"], by = ["N"] } }]
[tables.low]
from = "runs"
steps = [{ envelope = { lowest = "L", along = "C", convex = true } }]
[fits.means]
rows = "means"
law = "kaplan_n"
[fits.low]
rows = "low"
law = "power_c"
[laws.power_c]
formula = "L = A * (C / 1 PFday)^-a + E"
"#;

const CHAIN: &str = r##"
[laws.quality]
formula = "quality = top / (1 + exp(k * (L - middle)))"
[fits.loss]
rows = "runs"
law = "hoffmann"
[fits.quality]
rows = "scored"
law = "quality"
objective = { least_squares = { on = "raw" } }
through = { L = "loss" }
[sources.scored]
path = "scored.csv"
missing = "drop"
decimal = "."
comment = "#"
header = 2
separator = ";"
encoding = "utf-8"
columns.N = { column = "params", unit = "parameters" }
columns.D = { column = "tokens", unit = "tokens" }
columns.L = { column = "loss", unit = "nats" }
columns.quality = "quality"
[queries.level]
fit = "quality"
threshold = { quality = 0.5, solve = "N", D = "300B" }
"##;

const MINIMA: &str = r#"
[laws.parabola]
formula = "L = floor + curve * (ln(D) - centre)^2"
[fits.parabolas]
rows = "runs"
law = "parabola"
by = "N"
objective = { least_squares = { on = "raw" } }
[queries.minima]
fit = "parabolas"
minimum = { over = "D" }
[sources.optima]
from = "queries.minima"
missing = "drop"
[sources.optima.columns]
N = { column = "N", unit = "parameters" }
best = { column = "at", unit = "tokens" }
[laws.line]
formula = "best = k * N^a"
[fits.best]
rows = "optima"
law = "line"
"#;

const SCHEDULE: &str = r#"
[sources.steps]
path = "steps.csv"
[sources.steps.columns]
step = "step"
lr = "lr"
name = { column = "name", type = "text" }
L = "loss"
[sources.steps.schedule]
step = "step"
rate = "lr"
run = ["name"]
warmup = 100
momentum = 0.99
[laws.annealed]
use = "lr_annealing"
[fits.annealed]
rows = "steps"
law = "annealed"
[queries.end]
fit = "annealed"
loss = { schedule = { shape = "cosine", peak = 3e-4, end = 3e-5, warmup = 100, steps = 2000 } }
"#;

const LOGS: &str = r#"
[sources.log]
path = "{N}.log"
names = '(?<N>[0-9.]+M)\.log$'
pattern = ['^step (?<step>\d+) loss (?<loss>\S+)']
step = "step"
take = { mean = 3 }
run = ["N"]
[sources.log.columns]
N = { column = "N", unit = "parameters" }
L = { column = "loss", unit = "nats" }
[laws.power]
formula = "L = A * N^-a"
[fits.power]
rows = "log"
law = "power"
replicates = ["N"]
"#;

const YAML: &str = r#"
spec: 1
study: { title: "Constants", seed: 3, references: ["arXiv:2203.15556"] }
x-note: &shared
  law: kaplan
laws:
  kaplan: { use: kaplan_c, constants: kaplan2020 }
  mine: { formula: "L = 2.57 * (C / 1 PFday)^-0.048" }
fits:
  kaplan: { law: kaplan }
  mine: { law: mine }
queries:
  before: { fit: kaplan, loss: { C: [3.14e23, 1e24] } }
  after:
    fit: mine
    loss: { C: 3.14e23 }
  reached: { fit: mine, reach: { L: 1.5, solve: C } }
expect:
  - that: "abs(queries.before.row1.loss / queries.after.loss - 1) < 0.5"
    because: >-
      a text
      on two lines
"#;

/// Tables that the studies read, by name.
pub(super) fn tables() -> Vec<Named> {
    let runs = simulated_runs(0.01);
    let mut scored = "# scores\nparams;tokens;loss;quality\n".to_owned();
    for line in runs.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let loss: f64 = cells[2].parse().unwrap();
        let _ = writeln!(scored, "{};{};{loss};{}", cells[0], cells[1], 0.8 / (1.0 + libm::exp(3.0 * (loss - 2.6))));
    }
    let mut steps = "name,step,lr,loss\n".to_owned();
    for (name, peak) in [("slow", 1e-4), ("fast", 3e-4), ("half", 2e-4)] {
        for step in (100..=1500).step_by(50) {
            let rate = peak * (1.0 - 0.6 * f64::from(step) / 1500.0);
            let loss = 2.0 + 1.5 * libm::pow(f64::from(step) * peak, -0.4) - 200.0 * (peak - rate);
            let _ = writeln!(steps, "{name},{step},{rate},{loss}");
        }
    }
    let mut all = vec![
        ("runs.csv".to_owned(), runs.into_bytes()),
        ("scored.csv".to_owned(), scored.into_bytes()),
        ("steps.csv".to_owned(), steps.into_bytes()),
        ("sizes.csv".to_owned(), b"family,width,tag,kind\neven,64,run-1.5M,dense\nodd,128,run-3M,routed\n".to_vec()),
        ("base.toml".to_owned(), study("Base", &format!("{COLUMNS}{QUERIES}")).into_bytes()),
    ];
    for (size, loss) in [(1, 4.0), (10, 3.1), (100, 2.4)] {
        let lines: String =
            (0..30).map(|step| format!("step {step} loss {}\n", loss + 1.0 / f64::from(step + 1))).collect();
        all.push((format!("{size}M.log"), lines.into_bytes()));
    }
    all
}

fn study(title: &str, rest: &str) -> String {
    format!("spec = 1\n[study]\ntitle = \"{title}\"\nseed = 3\n{rest}")
}

/// The studies by name, as texts in the language of the name's ending.
pub(super) fn studies() -> Vec<(&'static str, String)> {
    let over = "extends = \"base.toml\"\n[queries.budget]\ncompute_optimal = { C = 1e22 }\n";
    vec![
        ("plain.toml", SPEC.replace("resamples = 100", "resamples = 20")),
        ("queries.toml", study("Queries", &format!("{COLUMNS}{QUERIES}"))),
        ("laws.toml", study("Laws", &format!("{COLUMNS}{LAWS}"))),
        ("groups.toml", study("Groups", &format!("{COLUMNS}{GROUPS}"))),
        ("tables.toml", study("Tables", &format!("{COLUMNS}{TABLES}"))),
        ("chain.toml", study("Chain", &format!("{COLUMNS}{CHAIN}"))),
        ("minima.toml", study("Minima", &format!("{COLUMNS}{MINIMA}"))),
        ("schedule.toml", study("Schedule", SCHEDULE)),
        ("logs.toml", study("Logs", LOGS)),
        ("over.toml", over.to_owned()),
        ("constants.yaml", YAML.to_owned()),
    ]
}

/// The shipped specs and their tables.
pub(super) fn shipped() -> (Vec<(String, String)>, Vec<Named>) {
    let folder = repository().join("specs");
    let list = |folder: &std::path::Path| {
        let mut all: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        all.retain(|path| path.is_file());
        all.sort();
        all
    };
    let name = |path: &std::path::Path| path.file_name().unwrap().to_string_lossy().into_owned();
    let is_spec = |path: &std::path::Path| path.extension().is_some_and(|e| e == "toml" || e == "yaml");
    let specs = list(&folder).into_iter().filter(|path| is_spec(path));
    let specs = specs.map(|path| (name(&path), std::fs::read_to_string(&path).unwrap())).collect();
    let tables = list(&folder.join("data")).into_iter();
    (specs, tables.map(|path| (format!("data/{}", name(&path)), std::fs::read(&path).unwrap())).collect())
}

/// A study with all files that the studies read.
pub(super) fn case(name: String, language: &str, text: Vec<u8>, files: &[Named]) -> Case {
    let spec = if language.ends_with("yaml") { "study.yaml" } else { "study.toml" };
    let files = files.iter().cloned().chain([(spec.to_owned(), text)]).collect();
    Case { name, spec, files, large: None, prepare: None }
}

#[test]
fn every_study_runs_before_it_is_mutated() {
    for (name, text) in studies() {
        let world = crate::world::World::new();
        for (file, bytes) in tables() {
            std::fs::write(world.path(&file), bytes).unwrap();
        }
        world.write(name, &text);
        let outcome = world.lawfit(&["run", name]);
        assert_eq!(outcome.code, 0, "{name}: {}", outcome.stderr);
    }
}
