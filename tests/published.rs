//! Published fits on the authors' rows: the optimum is at least as low as the published one.

use std::collections::BTreeMap;
use std::path::Path;

use lawfit::law::{Law, ParameterText, find};
use lawfit::numerics::standard_deviation;
use lawfit::objective::{Huber, LeastAbsolute, LeastSquares, Objective, ResponseScale};
use lawfit::problem::Problem;
use lawfit::quantity::Quantity;
use lawfit::search::search;
use lawfit::solver::Solver;
use lawfit::source::{Cell, Format, Limits, Options, read};
use lawfit::uncertainty::{Bootstrap, Fitted, Method};
use lawfit::watch::Watch;

use crate::world::shared_data;

/// Named columns of a table, restricted to rows in which all of them are numbers.
fn columns(path: &Path, names: &[&str]) -> Vec<Vec<f64>> {
    let format = Format::of_name(&path.to_string_lossy()).unwrap();
    let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
    let cells = read(std::fs::read(path).unwrap(), format, &names, &Options::default(), &Limits::USUAL).unwrap();
    cells
        .into_iter()
        .map(|column| {
            let numbers = column.into_iter().map(|cell| match cell {
                Cell::Number(number) => number,
                other => panic!("{other:?}"),
            });
            numbers.collect()
        })
        .collect()
}

fn hoffmann() -> Law {
    find("hoffmann").unwrap().law().unwrap()
}

fn huber(delta: f64) -> Objective {
    Objective::Huber(Huber { delta: Quantity(delta), on: ResponseScale::Log })
}

/// The best objective, and the parameters by name.
fn fit(law: &Law, objective: &Objective, variables: &[&[f64]], response: &[f64]) -> (f64, BTreeMap<String, f64>) {
    let problem = Problem::new(law, objective, variables, response, None);
    let found = search(&problem, law, Solver::Newton, &Watch::NOBODY).unwrap();
    let best = &found.optima[0];
    assert!(best.converged, "{}: {}", law.name, best.cost);
    let values = law.complete(&problem.parameters(&best.point));
    (best.cost, law.parameters.iter().map(|p| p.name.clone()).zip(values).collect())
}

/// Compares a value with a published one to the printed digits.
fn close(found: f64, printed: &str, what: &str) {
    let digits = printed.trim_start_matches(['-', '0', '.']).chars().filter(char::is_ascii_digit).count();
    let known: f64 = printed.parse().unwrap();
    let within = 0.5 * known.abs() * libm::pow(10.0, 1.0 - digits as f64);
    assert!((found - known).abs() <= within.max(1e-12), "{what}: {found} against {printed}");
}

/// N, D and L of the Chinchilla replication without the given number of highest losses.
fn chinchilla(data: &Path, dropped: usize) -> [Vec<f64>; 3] {
    let path = data.join("besiroglu2024_chinchilla/svg_extracted_data.csv");
    let table = columns(&path, &["Model Size", "Training FLOP", "loss"]);
    let mut rows: Vec<[f64; 3]> =
        (0..table[0].len()).map(|i| [table[0][i], table[1][i] / (6.0 * table[0][i]), table[2][i]]).collect();
    rows.sort_by(|a, b| a[2].total_cmp(&b[2]));
    rows.truncate(rows.len() - dropped);
    [0, 1, 2].map(|k| rows.iter().map(|r| r[k]).collect())
}

#[test]
fn chinchilla_standard_errors_agree_with_the_replication() {
    let Some(data) = shared_data("chinchilla bootstrap") else { return };
    let [n, d, l] = chinchilla(&data, 5);
    let law = hoffmann();
    let problem = Problem::new(&law, &huber(1e-3), &[&n, &d], &l, None);
    let optimum = search(&problem, &law, Solver::Newton, &Watch::NOBODY).unwrap().optima[0].point.clone();
    let clusters: Vec<usize> = (0..l.len()).collect();
    let fitted = Fitted::unwatched(&problem, &law, &optimum, &clusters, 42);
    let draws = Bootstrap { resamples: 4000, level: 0.95, search: false }.draw(&fitted).unwrap().points;
    let names: Vec<&str> = law.parameters.iter().map(|p| p.name.as_str()).collect();
    let at = |name: &str| names.iter().position(|n| *n == name).unwrap();
    let values: Vec<Vec<f64>> = draws.iter().map(|draw| law.complete(&problem.parameters(draw))).collect();
    let exponent = |v: &Vec<f64>| v[at("beta")] / (v[at("alpha")] + v[at("beta")]);
    let of = |name: &str| -> Vec<f64> {
        values.iter().map(|v| if name == "a" { exponent(v) } else { v[at(name)] }).collect()
    };
    for (name, known) in
        [("A", 124.475), ("B", 1312.07), ("E", 0.025_677), ("alpha", 0.015_396), ("beta", 0.020_628), ("a", 0.019_979)]
    {
        let sample = of(name);
        let se = standard_deviation(&sample);
        // The Monte Carlo error of a standard error, estimated from twenty batches; both sides have it.
        let batches: Vec<f64> = sample.chunks(200).map(standard_deviation).collect();
        let error = standard_deviation(&batches) / (batches.len() as f64).sqrt();
        assert!((se - known).abs() < 3.0 * std::f64::consts::SQRT_2 * error, "{name}: {se} +- {error} against {known}");
        assert!(error < 0.05 * known, "{name}: {error}");
    }
}

#[test]
fn chinchilla_at_every_delta_and_with_its_outliers() {
    let Some(data) = shared_data("chinchilla deltas") else { return };
    for (dropped, delta, known, alpha, beta) in [
        (5, 1e-3, 0.001_018_274_017_80, "0.3473105", "0.3671724"),
        (5, 1e-4, 0.000_111_778_748, "0.347409", "0.365385"),
        (5, 1e-2, 0.004_696_224_883, "0.354416", "0.381537"),
        (5, 1e-1, 0.005_730_943_496, "0.360253", "0.405883"),
        (0, 1e-3, 0.001_826_010_523, "0.349313", "0.453049"),
    ] {
        let [n, d, l] = chinchilla(&data, dropped);
        let (cost, parameters) = fit(&hoffmann(), &huber(delta), &[&n, &d], &l);
        // The published values have about ten digits: half a unit of the last one is allowed.
        assert!(cost <= known * (1.0 + 5e-9), "delta {delta}: {cost:e} against {known:e}");
        close(parameters["alpha"], alpha, "alpha");
        close(parameters["beta"], beta, "beta");
    }
}

#[test]
fn the_headline_of_the_replication_is_its_least_absolute_deviation() {
    let Some(data) = shared_data("least absolute deviation") else { return };
    let [n, d, l] = chinchilla(&data, 5);
    let objective = Objective::LeastAbsolute(LeastAbsolute { on: ResponseScale::Log });
    let (cost, parameters) = fit(&hoffmann(), &objective, &[&n, &d], &l);
    assert!(cost <= 1.129_494_664_0 * (1.0 + 1e-9), "{cost:.13}");
    for (name, printed) in
        [("E", "1.81686"), ("A", "482.005"), ("B", "2085.43"), ("alpha", "0.347813"), ("beta", "0.365854")]
    {
        close(parameters[name], printed, name);
    }
}

#[test]
fn least_squares_on_raw_losses_of_217_rows() {
    let Some(data) = shared_data("217 rows") else { return };
    let [n, d, l] = chinchilla(&data, 5);
    let keep: Vec<usize> = (0..n.len()).filter(|&i| 6.0 * n[i] * d[i] < 1e21).collect();
    let pick = |x: &[f64], unit: f64| -> Vec<f64> { keep.iter().map(|&i| x[i] / unit).collect() };
    let (n, d, l) = (pick(&n, 1e6), pick(&d, 1e9), pick(&l, 1.0));
    assert_eq!(l.len(), 217);
    let objective = Objective::LeastSquares(LeastSquares { on: ResponseScale::Raw });
    let (cost, parameters) = fit(&hoffmann(), &objective, &[&n, &d], &l);
    assert!(cost <= 0.062_414_292_9 * (1.0 + 1e-9), "{cost}");
    for (name, printed) in
        [("E", "1.90509"), ("A", "4.0005"), ("B", "1.05095"), ("alpha", "0.351058"), ("beta", "0.458742")]
    {
        close(parameters[name], printed, name);
    }
}

#[test]
fn isoflop_tables_by_least_squares() {
    let Some(data) = shared_data("isoflop tables") else { return };
    let objective = Objective::LeastSquares(LeastSquares { on: ResponseScale::Raw });
    let text = std::fs::read_to_string(data.join("isoflop_llama3/isoflops.csv")).unwrap();
    let head: Vec<&str> = text.lines().next().unwrap().split(',').collect();
    let at = |name: &str| head.iter().position(|h| *h == name).unwrap();
    for (condition, known, alpha, beta) in
        [("raw_loss", 0.002_019_72, "0.310006", "0.313643"), ("exp_loss", 0.007_406_63, "0.348063", "0.359083")]
    {
        let rows: Vec<Vec<&str>> =
            text.lines().skip(1).map(|l| l.split(',').collect::<Vec<_>>()).filter(|r| r.contains(&condition)).collect();
        let column = |name: &str| -> Vec<f64> { rows.iter().map(|r| r[at(name)].parse().unwrap()).collect() };
        let (n, d, l) = (column("params"), column("tokens"), column("loss"));
        assert_eq!(n.len(), 133);
        let (cost, parameters) = fit(&hoffmann(), &objective, &[&n, &d], &l);
        // Printed to six digits.
        assert!(cost <= known * (1.0 + 3e-6), "{condition}: {cost}");
        close(parameters["alpha"], alpha, "alpha");
        close(parameters["beta"], beta, "beta");
    }
}

#[test]
fn the_second_extractions_of_the_chinchilla_curves() {
    let Some(data) = shared_data("second extractions") else { return };
    let objective = Objective::LeastSquares(LeastSquares { on: ResponseScale::Raw });
    let path = data.join("isoflop_chinchilla_scalefit/isoflops_with_outlier_flags.csv");
    let text = std::fs::read_to_string(path).unwrap();
    let head: Vec<&str> = text.lines().next().unwrap().split(',').collect();
    let at = |name: &str| head.iter().position(|h| *h == name).unwrap();
    for (source, rows, known, alpha, beta) in [
        ("ml_scalefit", 124, 0.048_540_31, "0.388457", "0.433447"),
        ("epochai_chinchilla", 123, 0.774_105_02, "0.433620", "0.650668"),
    ] {
        let table: Vec<Vec<&str>> =
            text.lines().skip(1).map(|l| l.split(',').collect::<Vec<_>>()).filter(|r| r.contains(&source)).collect();
        let column = |name: &str| -> Vec<f64> { table.iter().map(|r| r[at(name)].parse().unwrap()).collect() };
        let (n, d, l) = (column("params"), column("tokens"), column("loss"));
        assert_eq!(n.len(), rows);
        let (cost, parameters) = fit(&hoffmann(), &objective, &[&n, &d], &l);
        assert!(cost <= known * (1.0 + 2e-7), "{source}: {cost}");
        close(parameters["alpha"], alpha, "alpha");
        close(parameters["beta"], beta, "beta");
    }
}

#[test]
fn all_32_gemstones_fits_are_matched_or_bettered() {
    let Some(data) = shared_data("gemstones") else { return };
    let list = std::fs::read_to_string(data.join("../reference/gemstones_32_refit.txt")).unwrap();
    let mut seen = 0;
    for line in list.lines().filter(|l| l.contains(" best ")) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let after = |word: &str| words[words.iter().position(|w| *w == word).unwrap() + 1];
        let (name, delta, known): (&str, f64, f64) =
            (words[0], words[1].parse().unwrap(), after("best").parse().unwrap());
        let file = format!("gemstones2025/wandb_df_for_fitting_{}.jsonl", name.trim_end_matches("_no_embeds"));
        let bare = name.ends_with("_no_embeds");
        let names: &[&str] = if bare {
            &["params_active_precise", "tokens", "final_loss", "width"]
        } else {
            &["params_active_precise", "tokens", "final_loss"]
        };
        let table = columns(&data.join(file), names);
        let n: Vec<f64> =
            (0..table[0].len()).map(|i| table[0][i] - if bare { 50_304.0 * table[3][i] } else { 0.0 }).collect();
        let (cost, _) = fit(&hoffmann(), &huber(delta), &[&n, &table[1]], &table[2]);
        // Ten digits were printed.
        assert!(cost <= known * (1.0 + 1e-9), "{name} at {delta}: {cost:e} against {known:e}");
        seen += 1;
    }
    assert_eq!(seen, 32);
}

#[test]
fn over_training_fits_of_five_points() {
    let Some(data) = shared_data("over-training") else { return };
    let variables =
        ["N", "D"].map(|name| lawfit::law::Variable { name: name.to_owned(), unit: None, meaning: None, counts: None });
    // Gadre et al. 2024: a N^b + c 6^(b/2) (M N)^b + E with M N = D, here with -b for b.
    let law = Law::from_formula("gadre", "L = E + a * N^-b + c * 6^(-b/2) * D^-b", &variables).unwrap();
    let start = serde_json::from_value(serde_json::json!([0.1, 0.25, 0.5])).unwrap();
    let text = ParameterText { start: Some(start), ..ParameterText::default() };
    let law = law.with_parameters(&BTreeMap::from([("b".to_owned(), text)])).unwrap();
    let table = std::fs::read_to_string(data.join("gadre2024_overtrain/losses.csv")).unwrap();
    let head: Vec<&str> = table.lines().next().unwrap().split(',').collect();
    let at = |name: &str| head.iter().position(|h| *h == name).unwrap();
    let objective = Objective::LeastSquares(LeastSquares { on: ResponseScale::Raw });
    for (dataset, a, c, b, e) in [
        ("c4_original", "113.6926", "189.5155", "0.242472", "1.508261"),
        ("rpj", "166.2110", "366.6872", "0.272851", "1.836648"),
        ("rw_original", "125.0957", "246.2067", "0.254395", "1.734462"),
    ] {
        // The four small models at 20 tokens per parameter, and the smallest at 320.
        let rows: Vec<Vec<&str>> = table
            .lines()
            .map(|line| line.split(',').collect::<Vec<_>>())
            .filter(|r| {
                let small = r[at("model")].starts_with("d=");
                let tiny = r[at("model")].starts_with("d=96_");
                let multiplier = r[at("token_multiplier")];
                r[at("train_dataset")] == dataset
                    && ((small && multiplier == "20.0") || (tiny && multiplier == "320.0"))
            })
            .collect();
        assert_eq!(rows.len(), 5);
        let column = |name: &str| -> Vec<f64> { rows.iter().map(|r| r[at(name)].parse().unwrap()).collect() };
        let (n, d, l) = (column("params"), column("tokens"), column("loss_c4_val"));
        let (_, parameters) = fit(&law, &objective, &[&n, &d], &l);
        for (name, printed) in [("a", a), ("c", c), ("b", b), ("E", e)] {
            close(parameters[name], printed, &format!("{dataset} {name}"));
        }
    }
}

#[test]
fn repeated_data_decay_constants_of_182_runs() {
    let Some(data) = shared_data("repeated data") else { return };
    let variables = ["N", "D", "U"].map(|name| lawfit::law::Variable {
        name: name.to_owned(),
        unit: None,
        meaning: None,
        counts: None,
    });
    // Muennighoff et al. 2023, second stage: the base law is fixed and two decay constants are fitted.
    let (a, b, e, alpha) = (6.255_414_f64, 7.304_997_4_f64, 0.625_480_4_f64, 0.352_659_6_f64);
    let [a, b, e] = [a, b, e].map(libm::exp);
    let g = libm::pow(a / b, 1.0 / (2.0 * alpha));
    let u_n = format!("min(N, U * {})", g * g);
    let text = format!(
        "L = {e} + {a} / ({u_n} + {u_n} * R_N * (1 - exp(-(N / {u_n} - 1) / R_N)))^{alpha} + {b} / (U + U * R_D * (1 - exp(-(D / U - 1) / R_D)))^{alpha}"
    );
    let positive = |start: &[f64]| ParameterText {
        bounds: Some([Quantity(1e-3), Quantity(1e4)]),
        start: Some(serde_json::from_value(serde_json::json!(start)).unwrap()),
        scale: Some(lawfit::law::Scale::Log),
        ..ParameterText::default()
    };
    let law = Law::from_formula("repeated", &text, &variables)
        .unwrap()
        .with_parameters(&BTreeMap::from([
            ("R_D".to_owned(), positive(&[1.0, 5.0, 20.0, 100.0])),
            ("R_N".to_owned(), positive(&[1.0, 5.0, 20.0, 100.0])),
        ]))
        .unwrap();
    let path = data.join("muennighoff2023_dataconstrained/runs_fit182.csv");
    let table = columns(&path, &["params_billion", "tokens_billion", "unique_tokens_billion", "loss"]);
    let counts: Vec<Vec<f64>> = table[..3].iter().map(|column| column.iter().map(|v| v * 1e9).collect()).collect();
    let variables: Vec<&[f64]> = law
        .variables
        .iter()
        .map(|v| counts[["N", "D", "U"].iter().position(|n| *n == v.name).unwrap()].as_slice())
        .collect();
    let (cost, parameters) = fit(&law, &huber(1e-3), &variables, &table[3]);
    assert!(cost <= 0.015_804_662_5 * (1.0 + 1e-8), "{cost}");
    close(parameters["R_D"], "95.4", "R_D");
    close(parameters["R_N"], "1.706", "R_N");
}

/// Mean relative error of published constants on rows; variables by name.
fn missed(name: &str, source: &str, variables: &[(&str, Vec<f64>)], observed: &[f64]) -> f64 {
    let entry = find(name).unwrap();
    let (law, constants) = (entry.law().unwrap(), &entry.constants[source].values);
    let theta: Vec<f64> = law.parameters.iter().map(|p| constants[&p.name].0).collect();
    let columns: Vec<&[f64]> = law
        .variables
        .iter()
        .map(|v| variables.iter().find(|(name, _)| *name == v.name).map(|(_, column)| column.as_slice()).unwrap())
        .collect();
    let tape = law.tape();
    let values = tape.values(&tape.bind(&columns, observed.len()), &theta);
    values.iter().zip(observed).map(|(value, y)| (value / y - 1.0).abs()).sum::<f64>() / observed.len() as f64
}

#[test]
fn constants_of_parallel_scaling_miss_its_runs_by_a_quarter_percent() {
    // Runs of one stream and of eight, from parametric_fit.py of QwenLM/ParScale: size, Stack and Pile loss.
    let runs = [
        (535_813_376.0, 1.0, 1.1722, 2.1113),
        (1_088_376_320.0, 1.0, 1.1131, 2.0027),
        (4_353_203_200.0, 1.0, 1.0213, 1.8451),
        (545_340_552.0, 8.0, 1.1231, 2.0364),
        (1_105_918_728.0, 8.0, 1.0688, 1.9318),
        (4_414_502_408.0, 8.0, 0.9794, 1.7772),
    ];
    let column = |of: fn(&(f64, f64, f64, f64)) -> f64| runs.iter().map(of).collect::<Vec<f64>>();
    let variables = [("N", column(|r| r.0)), ("P", column(|r| r.1))];
    assert!(missed("parallel", "stack", &variables, &column(|r| r.2)) < 0.0025);
    assert!(missed("parallel", "pile", &variables, &column(|r| r.3)) < 0.0025);
}

#[test]
fn constants_of_vocabularies_agree_with_the_rows_of_their_repository() {
    let Some(data) = shared_data("vocabularies") else { return };
    let names = ["Non_vocab_parameters", "vocab_size", "embed_dim", "num_characters", "FLOPs", "Lossu"];
    let table = columns(&data.join("tao2024_vocab/exp_data.csv"), &names);
    // The repository fits only rows above this compute.
    let kept: Vec<usize> = (0..table[0].len()).filter(|&row| table[4][row] > 2.18e17).collect();
    let of = |column: usize| kept.iter().map(|&row| table[column][row]).collect::<Vec<f64>>();
    let vocabulary: Vec<f64> = of(1).iter().zip(of(2)).map(|(size, width)| size * width).collect();
    let variables = [("N", of(0)), ("V", vocabulary), ("D", of(3))];
    assert!(missed("vocabulary", "tao2024", &variables, &of(5)) < 0.05);
}
