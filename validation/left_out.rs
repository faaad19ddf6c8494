//! Coverage of intervals on published rows: `cargo bench --bench left_out -- ../shared ROWS [METHOD...]`
//!
//! One row of a table, inside the range of every variable, is left out at a time. The program forecasts it from all
//! other rows by each method of uncertainty. Every table has the same weight, whatever its length.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that prints a table")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, ExitCode};

use lawfit::numerics::{ln, quantile, student_quantile};
use polars::prelude::{AnyValue, ParquetReader, SerReader};
use serde_json::Value;

/// A table of runs, the values read from each line, and the fitted law.
struct Table {
    name: &'static str,
    path: &'static str,
    /// The law's variables and its response, as columns of the written table.
    columns: &'static str,
    /// The law, as written in a spec.
    law: &'static str,
    /// Number of parameters.
    parameters: usize,
    /// The scale of the residuals: `log` or `raw`.
    on: &'static str,
    /// The values of the columns from the cells of a line; `None` if the line is not used.
    row: fn(&Cells) -> Option<Vec<f64>>,
}

/// The cells of a line, by column name.
struct Cells(BTreeMap<String, String>);

impl Cells {
    fn number(&self, name: &str) -> Option<f64> {
        self.0.get(name)?.parse().ok().filter(|v: &f64| v.is_finite())
    }

    fn is(&self, name: &str, text: &str) -> bool {
        self.0.get(name).is_some_and(|cell| cell == text)
    }
}

const LEVEL: f64 = 0.9;
const METHODS: [(&str, &str); 6] = [
    ("auto", "\"auto\""),
    ("bootstrap", "{ bootstrap = {} }"),
    ("residual", "{ residual = {} }"),
    ("wild", "{ wild = {} }"),
    ("sandwich", "{ sandwich = {} }"),
    ("posterior", "{ posterior = {} }"),
];

const TABLES: &[Table] = &[
    Table {
        name: "Chinchilla (Besiroglu et al. 2024)",
        path: "data/besiroglu2024_chinchilla/svg_extracted_data.csv",
        columns: "N,D,L",
        law: "use = \"hoffmann\"",
        parameters: 5,
        on: "log",
        row: |c| {
            let (n, flop, loss) = (c.number("Model Size")?, c.number("Training FLOP")?, c.number("loss")?);
            (loss < 3.5).then(|| vec![n, flop / (6.0 * n), loss])
        },
    },
    Table {
        name: "optimal sizes (Porian et al. 2024)",
        path: "data/porian2024/optimal_pairs.csv",
        columns: "C,y",
        law: "formula = \"y = k * C^a\"",
        parameters: 2,
        on: "log",
        row: |c| {
            let is_wanted = c.is("config", "0") && c.is("val", "train");
            is_wanted.then(|| Some(vec![c.number("flops")?, c.number("n")?])).flatten()
        },
    },
    Table {
        name: "repeated data (Muennighoff et al. 2023)",
        path: "data/muennighoff2023_dataconstrained/runs_fit182.csv",
        columns: "N,D,L",
        law: "use = \"hoffmann\"",
        parameters: 5,
        on: "log",
        row: |c| {
            let (n, d) = (c.number("params_billion")?, c.number("tokens_billion")?);
            let unique = c.number("unique_tokens_billion")?;
            (d <= 1.01 * unique).then(|| Some(vec![1e9 * n, 1e9 * d, c.number("loss")?])).flatten()
        },
    },
    Table {
        name: "over-training, C4 (Gadre et al. 2024)",
        path: "data/gadre2024_overtrain/losses.csv",
        columns: "N,D,L",
        law: "use = \"hoffmann\"",
        parameters: 5,
        on: "log",
        row: |c| {
            let is_wanted = c.is("train_dataset", "c4_original");
            is_wanted.then(|| Some(vec![c.number("params")?, c.number("tokens")?, c.number("loss_c4_val")?])).flatten()
        },
    },
    Table {
        name: "isoFLOP points of Llama 3",
        path: "data/isoflop_llama3/isoflops.csv",
        columns: "N,D,L",
        law: "use = \"hoffmann\"",
        parameters: 5,
        on: "log",
        row: |c| {
            let is_wanted = c.is("experiment", "llama_3__raw_loss");
            is_wanted.then(|| Some(vec![c.number("params")?, c.number("tokens")?, c.number("loss")?])).flatten()
        },
    },
    Table {
        name: "fine-tuning on WMT19 (Lin et al. 2024)",
        path: "data/lin2024_sft/wmt19.csv",
        columns: "N,D,L",
        law: "formula = \"L = E + A * N^-a / (1 + (D / k)^b)\"",
        parameters: 5,
        on: "log",
        row: |c| Some(vec![c.number("size")?, 102_400.0, c.number("102400")?]),
    },
    Table {
        name: "fine-tuning against size (Lin et al. 2024)",
        path: "data/lin2024_sft/wmt19.csv",
        columns: "N,y",
        law: "formula = \"y = k * N^-a\"",
        parameters: 2,
        on: "log",
        row: |c| Some(vec![c.number("size")?, c.number("1638400")?]),
    },
    Table {
        name: "learning curve (Alabdulmohsin et al. 2022)",
        path: "data/alabdulmohsin2022/benchmark.lang.part.csv",
        columns: "x,y",
        law: "formula = \"y = E + A * x^-a\"",
        parameters: 3,
        on: "log",
        row: |c| {
            let is_wanted = c.is("Model", "6 Enc, 6 Dec");
            is_wanted.then(|| Some(vec![c.number("Seen Examples")?, c.number("Loss")?])).flatten()
        },
    },
    Table {
        name: "OPT trajectories, last points",
        path: "data/opt_trajectories/opt_trajectories.csv",
        columns: "D,y",
        law: "formula = \"y = E + A * D^-a\"",
        parameters: 3,
        on: "log",
        row: |c| {
            let is_wanted = c.is("model_size", "1.3b");
            is_wanted.then(|| Some(vec![c.number("num_token")?, ln(c.number("ppl")?)])).flatten()
        },
    },
    Table {
        name: "MMLU against compute (Ruan et al. 2024)",
        path: "data/ruan2024_obsscaling/base_llm_benchmark_eval.csv",
        columns: "C,y",
        law: "formula = \"y = 0.25 + 0.75 / (1 + exp(-s * (ln(C) - m)))\"",
        parameters: 2,
        on: "log",
        row: |c| Some(vec![c.number("FLOPs (1E21)")?, c.number("MMLU")?]),
    },
    Table {
        name: "mixtures of experts (IBM)",
        path: "data/ibm_moe/IBM_MoE.csv",
        columns: "D,y",
        law: "formula = \"y = E + A * D^-a\"",
        parameters: 3,
        on: "log",
        row: |c| {
            let tokens = c.0.get("tokens_seen")?.strip_suffix('B')?.parse::<f64>().ok()?;
            Some(vec![tokens, c.number("wikitext bpb")?]).filter(|_| c.is("Params", "4B"))
        },
    },
    Table {
        name: "isoFLOP points of Chinchilla",
        path: "data/isoflop_chinchilla_scalefit/isoflops.csv",
        columns: "N,D,L",
        law: "use = \"hoffmann\"",
        parameters: 5,
        on: "log",
        row: |c| Some(vec![c.number("params")?, c.number("tokens")?, c.number("loss")?]),
    },
    Table {
        name: "Gemstones, cooled down (McLeish et al. 2025)",
        path: "data/gemstones2025/wandb_df_for_fitting_cool_end.jsonl",
        columns: "N,D,L",
        law: "use = \"hoffmann\"",
        parameters: 5,
        on: "log",
        row: |c| Some(vec![c.number("params_active_precise")?, c.number("tokens")?, c.number("final_loss")?]),
    },
    Table {
        name: "routed models (Clark et al. 2022), S-Base",
        path: "data/clark2022_routing/curves.csv",
        columns: "N,E,L",
        law: "formula = \"L = k * N^-a * E^-b\"",
        parameters: 3,
        on: "log",
        row: |c| {
            if c.is("router_type", "S-Base") && c.is("k", "1") && c.is("step", "249000") {
                Some(vec![c.number("dense_parameter_count")?, c.number("num_experts")?, c.number("loss_validation")?])
            } else {
                None
            }
        },
    },
    Table {
        name: "vocabularies (Tao et al. 2024)",
        path: "data/tao2024_vocab/exp_data.csv",
        columns: "N,V,D,y",
        law: "formula = \"y = -E + A / N^a + B / V^b + G / D^g\"",
        parameters: 7,
        on: "raw",
        row: |c| {
            Some(vec![
                c.number("Non_vocab_parameters")?,
                c.number("vocab_size")?,
                c.number("num_characters")?,
                c.number("Lossu")?,
            ])
        },
    },
    Table {
        name: "learning rates (Li et al. 2025)",
        path: "data/steplaw2025_dense/dense_lr_bs_loss.csv",
        columns: "x,y",
        law: "formula = \"y = a + b * (ln(x) - m)^2\"",
        parameters: 3,
        on: "raw",
        row: |c| {
            if c.is("N", "214663680") && c.is("D", "100000000000") && c.is("bs", "736") {
                Some(vec![c.number("lr")?, c.number("smooth loss")?])
            } else {
                None
            }
        },
    },
    Table {
        name: "AIME against tokens (o1-mini)",
        path: "data/o1_inference/results_log_majority_vote.json",
        columns: "x,y",
        law: "formula = \"y = a + b * ln(x)\"",
        parameters: 2,
        on: "raw",
        row: |c| Some(vec![c.number("avg_tokens_used")?, c.number("accuracy")?]),
    },
    Table {
        name: "LAMBADA perplexity of Pythia 6.9B",
        path: "data/pythia_evals/zero_shot.csv",
        columns: "D,y",
        law: "formula = \"y = E + A * D^-a\"",
        parameters: 3,
        on: "log",
        row: |c| {
            if c.is("model", "pythia-6.9b") && c.number("step")? >= 1000.0 {
                Some(vec![c.number("tokens")?, c.number("lambada_openai_ppl")?])
            } else {
                None
            }
        },
    },
    Table {
        name: "constant rate, 100M (Luo et al. 2025)",
        path: "data/luo2025_multipower/loss_curves.csv",
        columns: "x,y",
        law: "formula = \"y = E + A * x^-a\"",
        parameters: 3,
        on: "log",
        row: |c| {
            if c.is("model_size_millions", "100") && c.is("schedule", "constant_24000") {
                Some(vec![c.number("step")?, c.number("loss")?])
            } else {
                None
            }
        },
    },
    Table {
        name: "GPT-3 XL over its training, digitised",
        path: "data/gpt3_curves_digitised/extracted.csv",
        columns: "x,y",
        law: "formula = \"y = E + A * x^-a\"",
        parameters: 3,
        on: "log",
        row: |c| {
            if c.is("model", "xl") && c.number("step")? > 10.0 {
                Some(vec![c.number("step")?, c.number("val_loss")?])
            } else {
                None
            }
        },
    },
    Table {
        name: "repeated data (ScaleBench)",
        path: "data/scalebench/data_constrained.train.parquet",
        columns: "U,N,D,L",
        law: "use = \"muennighoff\"",
        parameters: 7,
        on: "log",
        row: |c| Some(vec![c.number("unique_tokens")?, c.number("params")?, c.number("tokens")?, c.number("loss")?]),
    },
    Table {
        name: "Farseer (ScaleBench)",
        path: "data/scalebench/farseer.train.parquet",
        columns: "N,D,L",
        law: "use = \"hoffmann\"",
        parameters: 5,
        on: "log",
        row: |c| Some(vec![c.number("N")?, c.number("D")?, c.number("loss")?]),
    },
    Table {
        name: "mixtures of experts (ScaleBench)",
        path: "data/scalebench/moe.train.parquet",
        columns: "N,E,L",
        law: "formula = \"L = k + A * N^-a * E^-b\"",
        parameters: 4,
        on: "log",
        row: |c| Some(vec![c.number("dense_parameter_count")?, c.number("num_experts")?, c.number("loss_validation")?]),
    },
    Table {
        name: "parallel streams (ScaleBench)",
        path: "data/scalebench/parallel.train.parquet",
        columns: "N,P,L",
        law: "formula = \"L = E + A / (N * (1 + k * ln(P)))^a\"",
        parameters: 4,
        on: "log",
        row: |c| {
            if c.is("group", "pile") {
                Some(vec![c.number("num_params")?, c.number("parallel_size")?, c.number("loss")?])
            } else {
                None
            }
        },
    },
    Table {
        name: "upcycling (ScaleBench)",
        path: "data/scalebench/sparsity.train.parquet",
        columns: "N,D,L",
        law: "formula = \"L = E + A / N^a + B / D^b\"",
        parameters: 5,
        on: "log",
        row: |c| Some(vec![c.number("N_active")?, c.number("D2")?, c.number("loss")?]),
    },
    Table {
        name: "mixture of domains (ScaleBench)",
        path: "data/scalebench/domain_mixture.train.parquet",
        columns: "x,y",
        law: "formula = \"y = c + k * exp(-t * x)\"",
        parameters: 3,
        on: "log",
        row: |c| {
            if c.is("group", "70M") {
                Some(vec![c.number("proportion_domain_1")?, c.number("loss_domain_1")?])
            } else {
                None
            }
        },
    },
    Table {
        name: "case: weight decay",
        path: "cases/weight-decay/wd-plain.csv",
        columns: "x,y",
        law: "formula = \"y = k / x^alpha\"",
        parameters: 2,
        on: "log",
        row: |c| Some(vec![c.number("Width (channels)")?, c.number("Optimal WD")?]),
    },
    Table {
        name: "case: optimal sizes, three conventions",
        path: "cases/param-conventions/optima-plain.csv",
        columns: "C,y",
        law: "formula = \"y = k * C^a\"",
        parameters: 2,
        on: "log",
        row: |c| {
            if c.is("convention", "matmul only") {
                Some(vec![c.number("FLOPs")?, c.number("Eff Params")?])
            } else {
                None
            }
        },
    },
    Table {
        name: "case: dose of fine-tuning",
        path: "cases/zero-tokens/sft-plain.csv",
        columns: "D,y",
        law: "formula = \"y = base + gain * (1 - exp(-D / tau))\"",
        parameters: 3,
        on: "raw",
        row: |c| Some(vec![1e9 * c.number("tokens")?, c.number("gsm8k")?]),
    },
    Table {
        name: "case: best batches",
        path: "cases/lr-batch/best.csv",
        columns: "N,D,y",
        law: "formula = \"y = k * N^a * D^b\"",
        parameters: 3,
        on: "log",
        row: |c| Some(vec![c.number("N")?, c.number("D")?, c.number("gbsz")?]),
    },
    Table {
        name: "case: reinforcement learning of one model",
        path: "cases/rl-per-model/curves-plain.csv",
        columns: "x,y",
        law: "formula = \"y = k * x^-a\"",
        parameters: 2,
        on: "log",
        row: |c| {
            let is_wanted = c.is("model", "Qwen2.5-1.5B-Instruct");
            is_wanted.then(|| Some(vec![c.number("prompts x rollouts")?, c.number("holdout error rate")?])).flatten()
        },
    },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let data = Path::new(arguments.first().map_or("../shared", String::as_str));
    let most = arguments.get(1).and_then(|a| a.parse().ok()).unwrap_or(30);
    let named = |method: &&(&'static str, &'static str)| {
        arguments.len() < 3 || arguments[2..].iter().any(|argument| argument == method.0)
    };
    let methods: Vec<(&str, &str)> = METHODS.iter().filter(named).copied().collect();
    let mut shares: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    let mut head = "| table | rows | left out |".to_owned();
    methods.iter().for_each(|(method, _)| {
        let _ = write!(head, " `{method}` held | width |");
    });
    println!("{head}\n|---|---|---|{}", "---|---|".repeat(methods.len()));
    for table in TABLES {
        let Some(lines) = lines(&data.join(table.path)) else {
            eprintln!("{}: skipped, {} is not there", table.name, data.join(table.path).display());
            continue;
        };
        let rows: Vec<Vec<f64>> = lines.iter().filter_map(|line| (table.row)(line)).collect();
        if rows.len() < table.parameters + 2 {
            eprintln!("{}: skipped, {} rows", table.name, rows.len());
            continue;
        }
        let (asked, found) = left_out(table, &rows, most, &methods);
        let mut line = format!("| {} | {} | {asked} |", table.name, rows.len());
        for ((method, _), Held { answered, held, width }) in methods.iter().zip(found) {
            if answered == 0 {
                line.push_str(" - | - |");
                continue;
            }
            let share = held as f64 / answered as f64;
            let without = if answered < asked { format!(" of {answered}") } else { String::new() };
            let _ = write!(line, " {share:.3}{without} | {width:.2} |");
            shares.entry(method).or_default().push(share);
        }
        println!("{line}");
    }
    for (method, shares) in shares {
        println!("{method}: {:.3} over {} tables", shares.iter().sum::<f64>() / shares.len() as f64, shares.len());
    }
    ExitCode::SUCCESS
}

/// The lines of a file in any of the formats of the tables; `None` if the file cannot be read.
fn lines(path: &Path) -> Option<Vec<Cells>> {
    match path.extension()?.to_str()? {
        "parquet" => {
            let frame = ParquetReader::new(std::fs::File::open(path).ok()?).finish().ok()?;
            let names: Vec<String> = frame.get_column_names().iter().map(ToString::to_string).collect();
            let cell = |value: AnyValue<'_>| match value {
                AnyValue::String(text) => text.to_owned(),
                other => other.to_string(),
            };
            let line = |row: usize| {
                let cells = frame.columns().iter().map(|column| column.get(row).map(cell).unwrap_or_default());
                Cells(names.iter().cloned().zip(cells).collect())
            };
            Some((0..frame.height()).map(line).collect())
        }
        format @ ("json" | "jsonl") => {
            let text = std::fs::read_to_string(path).ok()?;
            let values: Vec<Value> = if format == "json" {
                serde_json::from_str(&text).ok()?
            } else {
                text.lines().map(serde_json::from_str).collect::<Result<_, _>>().ok()?
            };
            let cell = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let line =
                |value: &Value| Some(Cells(value.as_object()?.iter().map(|(n, v)| (n.clone(), cell(v))).collect()));
            Some(values.iter().filter_map(line).collect())
        }
        _ => {
            let text = std::fs::read_to_string(path).ok()?;
            let mut lines = text.trim_start_matches('\u{feff}').lines();
            let head = cells(lines.next().unwrap_or_default());
            Some(lines.map(|line| Cells(head.iter().cloned().zip(cells(line)).collect())).collect())
        }
    }
}

/// The cells of a line, some of which are quoted.
fn cells(line: &str) -> Vec<String> {
    let (mut all, mut cell, mut quoted) = (Vec::new(), String::new(), false);
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => all.push(std::mem::take(&mut cell)),
            _ => cell.push(c),
        }
    }
    all.push(cell);
    all
}

/// The results of a method over the rows left out.
struct Held {
    /// Number of rows with an interval, and of those whose interval contains them.
    answered: usize,
    held: usize,
    /// The median half-width as a multiple of the plain interval's, t s sqrt(1 + 1/n).
    width: f64,
}

/// Number of rows left out, and the results of each method.
fn left_out(table: &Table, rows: &[Vec<f64>], most: usize, methods: &[(&str, &str)]) -> (usize, Vec<Held>) {
    let size = rows[0].len() - 1;
    let span =
        |j: usize| rows.iter().map(|r| r[j]).fold((f64::INFINITY, 0.0), |(l, h): (f64, f64), x| (l.min(x), h.max(x)));
    let spans: Vec<(f64, f64)> = (0..size).map(span).collect();
    let is_inside =
        |row: &Vec<f64>| (0..size).all(|j| spans[j].0 == spans[j].1 || (spans[j].0 < row[j] && row[j] < spans[j].1));
    let inside: Vec<usize> = (0..rows.len()).filter(|&i| is_inside(&rows[i])).collect();
    let chosen: Vec<usize> =
        (0..most.min(inside.len())).map(|k| inside[k * inside.len() / most.min(inside.len())]).collect();
    let Ok(folder) = tempfile::tempdir() else { return (0, Vec::new()) };
    let names: Vec<&str> = table.columns.split(',').collect();
    let mut csv = format!("{},row\n", table.columns);
    for (i, row) in rows.iter().enumerate() {
        row.iter().for_each(|v| csv.push_str(&(v.to_string() + ",")));
        let _ = writeln!(csv, "{i}");
    }
    let _ = std::fs::write(folder.path().join("runs.csv"), csv);
    let specs: Vec<String> = chosen.iter().map(|&left| {
        let mut spec = String::from("spec = 1\n[study]\ntitle = \"left out\"\nseed = 1\n[sources.runs]\npath = \"runs.csv\"\n[sources.runs.columns]\nrow = \"row\"\n");
        names.iter().for_each(|name| { let _ = writeln!(spec, "{name} = \"{name}\""); });
        let _ = writeln!(spec, "[laws.law]\n{}\n[report]\nformats = [\"json\"]", table.law);
        for (method, uncertainty) in methods {
            let _ = writeln!(spec, "[fits.{method}]\nrows = \"runs\"\nlaw = \"law\"\nholdout = \"row == {left}\"\nobjective = {{ least_squares = {{ on = \"{}\" }} }}\nuncertainty = {uncertainty}\n[queries.{method}]\nfit = \"{method}\"", table.on);
            let at: Vec<String> = (0..size).map(|j| format!("{} = {:e}", names[j], rows[left][j])).collect();
            let _ = writeln!(spec, "loss = {{ {} }}", at.join(", "));
        }
        let name = format!("r{left}.toml");
        let _ = std::fs::write(folder.path().join(&name), spec);
        name
    }).collect();
    let done = Command::new(env!("CARGO_BIN_EXE_lawfit"))
        .arg("run")
        .args(&specs)
        .arg("--quiet")
        .current_dir(folder.path())
        .output();
    if let Ok(done) = done
        && !done.status.success()
    {
        eprintln!("{}", String::from_utf8_lossy(&done.stderr).lines().take(8).collect::<Vec<_>>().join("\n"));
    }
    let read = |left: usize| -> Value {
        let path = folder.path().join(format!("outputs/r{left}/results.json"));
        std::fs::read_to_string(path).ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or(Value::Null)
    };
    let results: Vec<(usize, Value)> = chosen.iter().map(|&left| (left, read(left))).collect();
    let log = table.on == "log";
    let found = methods.iter().map(|(method, _)| {
        let (mut held, mut answered, mut widths) = (0, 0, Vec::new());
        for (left, results) in &results {
            let loss = &results["queries"][*method]["rows"][0]["loss"];
            let (lower, upper) = (loss["lower"].as_f64(), loss["upper"].as_f64());
            if lower.is_none() && upper.is_none() {
                continue;
            }
            let lower = lower.unwrap_or(if log { 0.0 } else { f64::NEG_INFINITY });
            let upper = upper.unwrap_or(f64::INFINITY);
            answered += 1;
            held += usize::from(lower <= rows[*left][size] && rows[*left][size] <= upper);
            let n = rows.len() - 1;
            let freedom = n - table.parameters;
            let squares = results["fits"][*method]["objective"].as_f64().unwrap_or(f64::NAN);
            let plain = student_quantile(f64::midpoint(1.0, LEVEL), freedom)
                * (squares / freedom as f64 * (1.0 + 1.0 / n as f64)).sqrt();
            widths.push(0.5 * if log { ln(upper / lower) } else { upper - lower } / plain);
        }
        widths.sort_by(f64::total_cmp);
        Held { answered, held, width: if widths.is_empty() { f64::NAN } else { quantile(&widths, 0.5) } }
    });
    (chosen.len(), found.collect())
}
