//! The Chinchilla fit beside scipy, in one run: `cargo bench --bench compare -- DATA.csv PEER.py`.
//!
//! The peer is the program in ../shared/peers: L-BFGS-B from a part of Hoffmann's 4,500 starts with analytic
//! gradients, and refits of resampled rows. The two are alternated; what counts is the median of the ratios.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that prints a table")]

use std::process::{Command, ExitCode};
use std::time::Instant;

use lawfit::numerics::median;
use lawfit::objective::Objective;
use lawfit::problem::Problem;
use lawfit::search::search;
use lawfit::solver::Solver;
use lawfit::source::{Cell, Format, Limits, Options, read};
use lawfit::uncertainty::{Bootstrap, Fitted, Method};
use lawfit::watch::Watch;

/// The program's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Starts of the published grid; the peer runs a part of them and is scaled up.
const STARTS: f64 = 4500.0;
/// Starts and refits of the peer per round.
const PEER: &str = "45";
const REFITS: usize = 400;
const ROUNDS: usize = 5;
/// Global fits per round: one is over before a clock is warm.
const REPEATS: usize = 50;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let [data, peer, ..] = arguments.as_slice() else {
        eprintln!("usage: cargo bench --bench compare -- DATA.csv PEER.py");
        return ExitCode::from(2);
    };
    let Some(rows) = rows(data) else {
        eprintln!("{data} cannot be read");
        return ExitCode::from(2);
    };
    let Some(law) = lawfit::law::find("hoffmann").and_then(|entry| entry.law().ok()) else { return ExitCode::FAILURE };
    let [n, d, l] = &rows;
    let objective = Objective::default();
    let problem = Problem::new(&law, &objective, &[n, d], l, None);
    let clusters: Vec<usize> = (0..l.len()).collect();
    let (mut global, mut refit) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let started = Instant::now();
        for _ in 1..REPEATS {
            let _ = search(&problem, &law, Solver::Newton, &Watch::NOBODY);
        }
        let Ok(found) = search(&problem, &law, Solver::Newton, &Watch::NOBODY) else { return ExitCode::FAILURE };
        let ours = started.elapsed().as_secs_f64() / REPEATS as f64;
        let optimum = &found.optima[0].point;
        let bootstrap = Bootstrap { resamples: REFITS, level: 0.9, search: false };
        let fitted = Fitted::unwatched(&problem, &law, optimum, &clusters, 1);
        let started = Instant::now();
        let drawn = bootstrap.draw(&fitted);
        let our_refit = started.elapsed().as_secs_f64() / REFITS as f64;
        if drawn.is_err() {
            return ExitCode::FAILURE;
        }
        let Some((start, their_refit)) = peer_times(peer, data) else {
            eprintln!("python3 with numpy, scipy and pandas is needed for {peer}");
            return ExitCode::FAILURE;
        };
        println!(
            "global {:.3} ms beside {:.1} s; refit {:.4} ms beside {:.2} ms",
            1e3 * ours,
            STARTS * start,
            1e3 * our_refit,
            1e3 * their_refit
        );
        global.push(STARTS * start / ours);
        refit.push(their_refit / our_refit);
    }
    println!(
        "median ratio: {:.0} for the global fit against 4,500 starts, {:.0} for a refit",
        median(&global),
        median(&refit)
    );
    ExitCode::SUCCESS
}

/// N, D and L, the five highest losses dropped as in the replication.
fn rows(path: &str) -> Option<[Vec<f64>; 3]> {
    let names = ["Model Size", "Training FLOP", "loss"].map(str::to_owned);
    let cells = read(std::fs::read(path).ok()?, Format::Csv, &names, &Options::default(), &Limits::USUAL).ok()?;
    let number = |cell: &Cell| if let Cell::Number(number) = cell { *number } else { f64::NAN };
    let mut rows: Vec<[f64; 3]> = (0..cells[0].len())
        .map(|i| {
            let [n, c, l] = [0, 1, 2].map(|k: usize| number(&cells[k][i]));
            [n, c / (6.0 * n), l]
        })
        .collect();
    rows.sort_by(|a, b| a[2].total_cmp(&b[2]));
    rows.truncate(rows.len().checked_sub(5)?);
    Some([0, 1, 2].map(|k: usize| rows.iter().map(|row| row[k]).collect()))
}

/// Seconds the peer takes for a start and for a refit.
fn peer_times(peer: &str, data: &str) -> Option<(f64, f64)> {
    let output = Command::new("python3").args([peer, data, PEER, PEER]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let each: Vec<f64> =
        text.split("= ").skip(1).filter_map(|rest| rest.split(" ms each").next()?.parse().ok()).collect();
    Some((1e-3 * each.first()?, 1e-3 * each.get(1)?))
}
