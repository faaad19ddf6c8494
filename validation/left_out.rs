//! Do intervals hold on real rows? `cargo bench --bench left_out -- ../shared/data ROWS`
//!
//! One row of a table is left out at a time, inside the range of every variable, and the program forecasts it from all the
//! others by each method of uncertainty. A table counts once, whatever its length.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that prints a table")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, ExitCode};

use lawfit::numerics::{ln, quantile, student_quantile};
use serde_json::Value;

/// A table of runs, what is taken from a line of it, and the law that is fitted.
struct Table {
    name: &'static str,
    path: &'static str,
    /// The law's variables and its response, as columns of what is written.
    columns: &'static str,
    /// The law, as a spec says it.
    law: &'static str,
    /// Number of parameters.
    parameters: usize,
    /// The values of the columns from the cells of a line by name; none where the line is not used.
    row: fn(&Cells<'_>) -> Option<Vec<f64>>,
}

/// The cells of a line by the names of its table's head.
struct Cells<'a>(BTreeMap<&'a str, String>);

impl Cells<'_> {
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
        path: "besiroglu2024_chinchilla/svg_extracted_data.csv",
        columns: "N,D,L",
        law: "use = \"hoffmann\"",
        parameters: 5,
        row: |c| {
            let (n, flop, loss) = (c.number("Model Size")?, c.number("Training FLOP")?, c.number("loss")?);
            (loss < 3.5).then(|| vec![n, flop / (6.0 * n), loss])
        },
    },
    Table {
        name: "optimal sizes (Porian et al. 2024)",
        path: "porian2024/optimal_pairs.csv",
        columns: "C,y",
        law: "formula = \"y = k * C^a\"",
        parameters: 2,
        row: |c| {
            let is_wanted = c.is("config", "0") && c.is("val", "train");
            is_wanted.then(|| Some(vec![c.number("flops")?, c.number("n")?])).flatten()
        },
    },
    Table {
        name: "repeated data (Muennighoff et al. 2023)",
        path: "muennighoff2023_dataconstrained/runs_fit182.csv",
        columns: "N,D,L",
        law: "use = \"hoffmann\"",
        parameters: 5,
        row: |c| {
            let (n, d) = (c.number("params_billion")?, c.number("tokens_billion")?);
            let unique = c.number("unique_tokens_billion")?;
            (d <= 1.01 * unique).then(|| Some(vec![1e9 * n, 1e9 * d, c.number("loss")?])).flatten()
        },
    },
    Table {
        name: "over-training, C4 (Gadre et al. 2024)",
        path: "gadre2024_overtrain/losses.csv",
        columns: "N,D,L",
        law: "use = \"hoffmann\"",
        parameters: 5,
        row: |c| {
            let is_wanted = c.is("train_dataset", "c4_original");
            is_wanted.then(|| Some(vec![c.number("params")?, c.number("tokens")?, c.number("loss_c4_val")?])).flatten()
        },
    },
    Table {
        name: "isoFLOP points of Llama 3",
        path: "isoflop_llama3/isoflops.csv",
        columns: "N,D,L",
        law: "use = \"hoffmann\"",
        parameters: 5,
        row: |c| {
            let is_wanted = c.is("experiment", "llama_3__raw_loss");
            is_wanted.then(|| Some(vec![c.number("params")?, c.number("tokens")?, c.number("loss")?])).flatten()
        },
    },
    Table {
        name: "fine-tuning on WMT19 (Lin et al. 2024)",
        path: "lin2024_sft/wmt19.csv",
        columns: "N,D,L",
        law: "formula = \"L = E + A * N^-a / (1 + (D / k)^b)\"",
        parameters: 5,
        row: |c| Some(vec![c.number("size")?, 102_400.0, c.number("102400")?]),
    },
    Table {
        name: "fine-tuning against size (Lin et al. 2024)",
        path: "lin2024_sft/wmt19.csv",
        columns: "N,y",
        law: "formula = \"y = k * N^-a\"",
        parameters: 2,
        row: |c| Some(vec![c.number("size")?, c.number("1638400")?]),
    },
    Table {
        name: "learning curve (Alabdulmohsin et al. 2022)",
        path: "alabdulmohsin2022/benchmark.lang.part.csv",
        columns: "x,y",
        law: "formula = \"y = E + A * x^-a\"",
        parameters: 3,
        row: |c| {
            let is_wanted = c.is("Model", "6 Enc, 6 Dec");
            is_wanted.then(|| Some(vec![c.number("Seen Examples")?, c.number("Loss")?])).flatten()
        },
    },
    Table {
        name: "OPT trajectories, last points",
        path: "opt_trajectories/opt_trajectories.csv",
        columns: "D,y",
        law: "formula = \"y = E + A * D^-a\"",
        parameters: 3,
        row: |c| {
            let is_wanted = c.is("model_size", "1.3b");
            is_wanted.then(|| Some(vec![c.number("num_token")?, ln(c.number("ppl")?)])).flatten()
        },
    },
    Table {
        name: "MMLU against compute (Ruan et al. 2024)",
        path: "ruan2024_obsscaling/base_llm_benchmark_eval.csv",
        columns: "C,y",
        law: "formula = \"y = 0.25 + 0.75 / (1 + exp(-s * (ln(C) - m)))\"",
        parameters: 2,
        row: |c| Some(vec![c.number("FLOPs (1E21)")?, c.number("MMLU")?]),
    },
    Table {
        name: "mixtures of experts (IBM)",
        path: "ibm_moe/IBM_MoE.csv",
        columns: "D,y",
        law: "formula = \"y = E + A * D^-a\"",
        parameters: 3,
        row: |c| {
            let tokens = c.0.get("tokens_seen")?.strip_suffix('B')?.parse::<f64>().ok()?;
            Some(vec![tokens, c.number("wikitext bpb")?]).filter(|_| c.is("Params", "4B"))
        },
    },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let data = Path::new(arguments.first().map_or("../shared/data", String::as_str));
    let most = arguments.get(1).and_then(|a| a.parse().ok()).unwrap_or(30);
    let mut shares: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    println!(
        "| table | rows | method | left out | held | median half-width over the plain one |\n|---|---|---|---|---|---|"
    );
    for table in TABLES {
        let Ok(text) = std::fs::read_to_string(data.join(table.path)) else {
            eprintln!("{}: skipped, {} is not there", table.name, data.join(table.path).display());
            continue;
        };
        let rows = rows(table, &text);
        if rows.len() < table.parameters + 3 {
            eprintln!("{}: skipped, {} rows", table.name, rows.len());
            continue;
        }
        for (method, held, asked, width) in left_out(table, &rows, most) {
            println!("| {} | {} | {method} | {asked} | {held:.3} | {width:.2} |", table.name, rows.len());
            if asked > 0 {
                shares.entry(method).or_default().push(held);
            }
        }
    }
    for (method, shares) in shares {
        println!("{method}: {:.3} over {} tables", shares.iter().sum::<f64>() / shares.len() as f64, shares.len());
    }
    ExitCode::SUCCESS
}

fn rows(table: &Table, text: &str) -> Vec<Vec<f64>> {
    let mut lines = text.trim_start_matches('\u{feff}').lines();
    let head = cells(lines.next().unwrap_or_default());
    let of_line = |line: &str| Cells(head.iter().map(String::as_str).zip(cells(line)).collect());
    lines.filter_map(|line| (table.row)(&of_line(line))).collect()
}

/// The cells of a line, of which some are quoted.
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

/// By method: the share of left-out rows that the interval holds, how many were asked, and the median half-width as a
/// multiple of t s sqrt(1 + 1/n).
fn left_out(table: &Table, rows: &[Vec<f64>], most: usize) -> Vec<(&'static str, f64, usize, f64)> {
    let size = rows[0].len() - 1;
    let span =
        |j: usize| rows.iter().map(|r| r[j]).fold((f64::INFINITY, 0.0), |(l, h): (f64, f64), x| (l.min(x), h.max(x)));
    let spans: Vec<(f64, f64)> = (0..size).map(span).collect();
    let is_inside =
        |row: &Vec<f64>| (0..size).all(|j| spans[j].0 == spans[j].1 || (spans[j].0 < row[j] && row[j] < spans[j].1));
    let inside: Vec<usize> = (0..rows.len()).filter(|&i| is_inside(&rows[i])).collect();
    let chosen: Vec<usize> =
        (0..most.min(inside.len())).map(|k| inside[k * inside.len() / most.min(inside.len())]).collect();
    let Ok(folder) = tempfile::tempdir() else { return Vec::new() };
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
        for (method, uncertainty) in METHODS {
            let _ = writeln!(spec, "[fits.{method}]\nrows = \"runs\"\nlaw = \"law\"\nholdout = \"row == {left}\"\nobjective = {{ least_squares = {{}} }}\nuncertainty = {uncertainty}\n[queries.{method}]\nfit = \"{method}\"");
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
    METHODS
        .iter()
        .map(|(method, _)| {
            let (mut held, mut asked, mut widths) = (0, 0, Vec::new());
            for (left, results) in &results {
                let loss = &results["queries"][*method]["rows"][0]["loss"];
                let (Some(lower), Some(upper)) = (loss["lower"].as_f64(), loss["upper"].as_f64()) else { continue };
                asked += 1;
                held += usize::from(lower <= rows[*left][size] && rows[*left][size] <= upper);
                let n = rows.len() - 1;
                let freedom = n - table.parameters;
                let squares = results["fits"][*method]["objective"].as_f64().unwrap_or(f64::NAN);
                let plain = student_quantile(f64::midpoint(1.0, LEVEL), freedom)
                    * (squares / freedom as f64 * (1.0 + 1.0 / n as f64)).sqrt();
                widths.push(0.5 * ln(upper / lower) / plain);
            }
            widths.sort_by(f64::total_cmp);
            let width = if widths.is_empty() { f64::NAN } else { quantile(&widths, 0.5) };
            (*method, f64::from(held as u32) / asked.max(1) as f64, asked, width)
        })
        .collect()
}
