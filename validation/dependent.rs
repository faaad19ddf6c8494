//! Coverage of intervals on rows that are not independent, or not equally precise, by groups or along a variable:
//! `cargo bench --bench dependent -- [SETS] [KIND...]`
//!
//! Each kind of table is simulated SETS times and fitted by the program with `auto`. The table gives the coverage of the
//! intervals of the parameters and of the curve beyond the rows, and the median width of the latter.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that prints a table")]

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, ExitCode};

use lawfit::numerics::{Random, exp, ln, median};
use serde_json::Value;

/// A kind of table.
struct Kind {
    name: &'static str,
    formula: &'static str,
    /// The parameters by name, and their true values.
    truth: &'static [(&'static str, f64)],
    /// Columns of the table that the spec reads, all numbers but `run`.
    columns: &'static [&'static str],
    /// Further keys of the fit.
    fit: &'static str,
    /// The group whose parameters and curve count, for a fit with groups.
    group: Option<&'static str>,
    /// The curve beyond the rows as an expression of the parameters, and its true value.
    curve: (&'static str, fn() -> f64),
    /// One table.
    rows: fn(&mut Random) -> String,
}

const SIZES: [f64; 6] = [2e8, 4e8, 8e8, 1.6e9, 3.2e9, 6.4e9];
const STEPS: [f64; 6] = [500.0, 1000.0, 2000.0, 4000.0, 8000.0, 16000.0];

fn pow(base: f64, exponent: f64) -> f64 {
    exp(exponent * ln(base))
}

/// The loss of a model of `n` parameters after some steps.
fn loss(n: f64, step: f64) -> f64 {
    1.9 + 0.5 * pow(n / 1e9, -0.25) + 25.0 * pow(step, -0.57)
}

/// Checkpoints of six runs. Each run has a level of its own, and `error` gives the errors of its checkpoints.
fn checkpoints(random: &mut Random, error: fn(&mut Random) -> [f64; 6]) -> String {
    let mut table = "run,N,step,y\n".to_owned();
    for (run, n) in SIZES.into_iter().enumerate() {
        let level = 0.02 * random.normal();
        for (step, error) in STEPS.into_iter().zip(error(random)) {
            let _ = writeln!(table, "run{run},{n},{step},{}", loss(n, step) + level + error);
        }
    }
    table
}

const RUNS: Kind = Kind {
    name: "checkpoints, independent errors",
    formula: "y = E + A * (N / 1e9)^-a + B * step^-b",
    truth: &[("E", 1.9), ("A", 0.5), ("a", 0.25), ("B", 25.0), ("b", 0.57)],
    columns: &["run", "N", "step", "y"],
    fit: "clusters = [\"run\"]",
    group: None,
    curve: ("E + A * 30^-a + B * 50000^-b", || loss(3e10, 5e4)),
    rows: |random| checkpoints(random, |random| [0.0; 6].map(|_| 0.003 * random.normal())),
};

/// The standard deviation of the rows of each family.
const FAMILIES: [(&str, f64); 4] = [("quiet", 0.01), ("usual", 0.02), ("other", 0.02), ("noisy", 0.06)];

/// Families that share an exponent, with eight rows each.
fn families(random: &mut Random) -> String {
    let mut table = "run,x,y\n".to_owned();
    for (family, scatter) in FAMILIES {
        for place in 0..8 {
            let x = pow(2.0, f64::from(place));
            let _ = writeln!(table, "{family},{x},{}", 2.5 * pow(x, -0.2) + scatter * random.normal());
        }
    }
    table
}

const QUIET: Kind = Kind {
    name: "groups of unequal scatter, the quietest",
    formula: "y = A * x^-a",
    truth: &[("A", 2.5), ("a", 0.2)],
    columns: &["run", "x", "y"],
    fit: "by = \"run\"\nshare = [\"a\"]",
    group: Some("quiet"),
    curve: ("A * 1280^-a", || 2.5 * pow(1280.0, -0.2)),
    rows: families,
};

/// Rows whose scatter falls with a power of their size.
fn fading(random: &mut Random, rows: usize) -> String {
    let mut table = "x,y\n".to_owned();
    for place in 0..rows {
        let x = pow(10.0, 3.0 * place as f64 / (rows - 1) as f64);
        let _ = writeln!(table, "{x},{}", 1.9 + 3.3 * pow(x, -0.5) + 0.1 * pow(x, -0.5) * random.normal());
    }
    table
}

const FADING: Kind = Kind {
    name: "scatter that falls with the size, 24 rows",
    formula: "y = E + A * x^-a",
    truth: &[("E", 1.9), ("A", 3.3), ("a", 0.5)],
    columns: &["x", "y"],
    fit: "",
    group: None,
    curve: ("E + A * 10000^-a", || 1.9 + 3.3 * 0.01),
    rows: |random| fading(random, 24),
};

const KINDS: &[Kind] = &[
    RUNS,
    QUIET,
    Kind { name: "groups of unequal scatter, one between", group: Some("usual"), ..QUIET },
    Kind { name: "groups of unequal scatter, the noisiest", group: Some("noisy"), ..QUIET },
    Kind {
        name: "groups of unequal scatter, without shared parameters, the noisiest",
        fit: "by = \"run\"",
        group: Some("noisy"),
        ..QUIET
    },
    FADING,
    Kind { name: "scatter that falls with the size, 60 rows", rows: |random| fading(random, 60), ..FADING },
    Kind {
        name: "checkpoints, drifting errors",
        rows: |random| {
            checkpoints(random, |random| {
                let mut drift = 0.0;
                [0.0; 6].map(|_| {
                    drift = 0.8 * drift + 0.006 * random.normal();
                    drift
                })
            })
        },
        ..RUNS
    },
    Kind {
        name: "checkpoints, a slope of each run",
        rows: |random| {
            checkpoints(random, |random| {
                let slope = 0.01 * random.normal();
                STEPS.map(|step| slope * (ln(step) - 8.0) + 0.003 * random.normal())
            })
        },
        ..RUNS
    },
    Kind {
        name: "four seeds of each size, `replicates`",
        formula: "y = A * (N / 1e9)^-a",
        truth: &[("A", 2.5), ("a", 0.2)],
        columns: &["N", "y"],
        fit: "replicates = [\"N\"]",
        group: None,
        curve: ("A * 100^-a", || 2.5 * pow(100.0, -0.2)),
        rows: |random| {
            let mut table = "N,y\n".to_owned();
            for n in SIZES {
                let common = 0.03 * random.normal();
                for _ in 0..4 {
                    let _ = writeln!(table, "{n},{}", 2.5 * pow(n / 1e9, -0.2) * exp(common + 0.004 * random.normal()));
                }
            }
            table
        },
    },
    Kind {
        name: "known deviations, `weights = \"1 / sd^2\"`",
        formula: "y = E + A * x^-a",
        truth: &[("E", 1.9), ("A", 3.3), ("a", 0.5)],
        columns: &["x", "sd", "y"],
        fit: "weights = \"1 / sd^2\"",
        group: None,
        curve: ("E + A * 256^-a", || 1.9 + 3.3 * pow(256.0, -0.5)),
        rows: |random| {
            let mut table = "x,sd,y\n".to_owned();
            for (place, sd) in [0.6, 0.3, 0.15, 0.15, 0.06, 0.03, 0.03, 0.06].into_iter().enumerate() {
                let x = pow(2.0, place as f64);
                let _ = writeln!(table, "{x},{sd},{}", 1.9 + 3.3 * pow(x, -0.5) + 0.3 * sd * random.normal());
            }
            table
        },
    },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let sets = arguments.first().map_or(Ok(100), |sets| sets.parse::<usize>());
    let Ok(sets) = sets else {
        eprintln!("usage: cargo bench --bench dependent -- [SETS] [KIND...]");
        return ExitCode::from(2);
    };
    println!("| rows | parameters covered | curve covered | median width of the curve's interval | without interval |");
    println!("|---|---|---|---|---|");
    for kind in
        KINDS.iter().filter(|kind| arguments.len() < 2 || arguments[1..].iter().any(|a| kind.name.contains(a.as_str())))
    {
        match covered(kind, sets) {
            Ok(line) => println!("| {} | {line} |", kind.name),
            Err(message) => {
                eprintln!("{}: {message}", kind.name);
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

/// The coverage of one kind of table, as cells of a line.
fn covered(kind: &Kind, sets: usize) -> Result<String, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).map_err(|e| e.to_string());
    for set in 0..sets {
        write(&format!("set{set}.csv"), &(kind.rows)(&mut Random::new(7, kind.name, set as u64)))?;
    }
    write("study.toml", &spec(kind, sets))?;
    let results = results(folder.path())?;
    let (mut parameters, mut curve, mut widths, mut without) = ((0, 0), 0, Vec::new(), 0);
    for set in 0..sets {
        let name = format!("set{set}");
        let fit = kind.group.map_or(&results["fits"][&name], |group| &results["fits"][&name]["groups"][group]);
        let answers = results["queries"][&name]["rows"].as_array().map_or(&[][..], Vec::as_slice);
        let answer = answers.iter().find(|row| kind.group.is_none_or(|group| row["group"] == group));
        for (name, truth) in kind.truth {
            if let Some((lower, upper)) = ends(&fit["parameters"][name]) {
                parameters.0 += usize::from((lower..=upper).contains(truth));
                parameters.1 += 1;
            }
        }
        match answer.and_then(|row| ends(&row["curve"])) {
            Some((lower, upper)) => {
                curve += usize::from((lower..=upper).contains(&(kind.curve.1)()));
                widths.push(upper - lower);
            }
            None => without += 1,
        }
    }
    let share = |part: usize, whole: usize| part as f64 / whole.max(1) as f64;
    Ok(format!(
        "{:.3} | {:.3} | {:.3} | {without} of {sets}",
        share(parameters.0, parameters.1),
        share(curve, widths.len()),
        median(&widths)
    ))
}

/// A spec with a fit of each table.
fn spec(kind: &Kind, sets: usize) -> String {
    let mut spec = format!(
        "spec = 1\n[study]\ntitle = \"dependent\"\nseed = 1\n[report]\nformats = [\"json\"]\n[laws.law]\nformula = \"{}\"\n",
        kind.formula
    );
    let column = |name: &&str| match *name {
        "run" => "run = { column = \"run\", type = \"text\" }".to_owned(),
        name => format!("{name} = \"{name}\""),
    };
    let columns: Vec<String> = kind.columns.iter().map(column).collect();
    for set in 0..sets {
        let _ = writeln!(
            spec,
            "[sources.set{set}]\npath = \"set{set}.csv\"\ncolumns = {{ {} }}\n[fits.set{set}]\nrows = \"set{set}\"\nlaw = \"law\"\n{}\n\
             objective = {{ least_squares = {{ on = \"raw\" }} }}\nuncertainty = \"auto\"\n[queries.set{set}]\nfit = \"set{set}\"\n\
             derived = {{ curve = \"{}\" }}",
            columns.join(", "),
            kind.fit,
            kind.curve.0
        );
    }
    spec
}

fn results(folder: &Path) -> Result<Value, String> {
    let done =
        Command::new(env!("CARGO_BIN_EXE_lawfit")).args(["run", "study.toml", "--quiet"]).current_dir(folder).output();
    let done = done.map_err(|error| error.to_string())?;
    if !done.status.success() {
        return Err(String::from_utf8_lossy(&done.stderr).into_owned());
    }
    let bytes = std::fs::read(folder.join("outputs/study/results.json")).map_err(|error| error.to_string())?;
    serde_json::from_slice(&bytes).map_err(|error| error.to_string())
}

/// The ends of an interval.
fn ends(cell: &Value) -> Option<(f64, f64)> {
    Some((cell["lower"].as_f64()?, cell["upper"].as_f64()?))
}
