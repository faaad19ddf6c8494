//! Error rates of tasks: small and short runs are fitted, and larger or longer ones are forecast.

use std::path::Path;

use lawfit::law::FLOP_PER_PARAMETER_AND_TOKEN;
use lawfit::numerics::ln;

use super::{CUTS, Series, number, rows, text};

/// Tasks with four and with two answers to choose from, and their error rates at chance level.
const CHANCE: [(&[&str], f64); 2] = [
    (
        &[
            "arc_challenge",
            "arc_easy",
            "hellaswag",
            "hellaswag_zeroshot",
            "mmlu",
            "mmlu_zeroshot",
            "openbook_qa",
            "logi_qa",
            "logiqa",
            "sciq",
            "agi_eval_sat_en",
            "agi_eval_lsat_lr",
        ],
        0.75,
    ),
    (&["boolq", "copa", "piqa", "winogrande", "winograd", "bigbench_strategy_qa"], 0.5),
];
/// Tasks of the checkpoints of Pythia.
const PYTHIA: [&str; 8] =
    ["arc_challenge", "arc_easy", "lambada_openai", "logiqa", "piqa", "sciq", "winogrande", "wsc"];
/// Tokens from which checkpoints are forecast.
const LATER: f64 = 4e10;
/// Minimum tokens of checkpoints in series over models. Models of fewer tokens have hardly begun to learn.
const BEGUN: f64 = 5e9;
/// Parameters above which models are forecast.
const LARGER: [f64; 2] = [4.5e8, 1.5e9];
/// Minimum number of rows of a series.
const FEWEST: usize = 4;

/// An error rate of a run.
struct Rate {
    size: f64,
    data: f64,
    error: f64,
}

impl Rate {
    /// The size that represents compute in a forecast.
    fn scale(&self) -> f64 {
        (FLOP_PER_PARAMETER_AND_TOKEN * self.size * self.data).sqrt()
    }
}

/// All series: by model size and data, by compute, and the latter with the chance level where it is known.
pub(super) fn tasks(data: &Path) -> Vec<Series> {
    let mut all = over_trained(data);
    all.extend(checkpoints(data));
    all
}

/// Runs of three corpora (Gadre et al. 2024), cut at shares of the range of ln C.
fn over_trained(data: &Path) -> Vec<Series> {
    let path = data.join("gadre2024_overtrain/downstream_accuracy.csv");
    let header = std::fs::read_to_string(&path).unwrap_or_default();
    let header = header.lines().next().unwrap_or_default();
    let mut series = Vec::new();
    for column in header.split(',').filter(|name| name.starts_with("acc_")) {
        let task = column.trim_start_matches("acc_");
        let read = rows(&path, &["train_dataset", "params", "tokens", column]);
        let mut corpora: Vec<String> = read.iter().map(|row| text(&row[0])).collect();
        corpora.sort();
        corpora.dedup();
        for corpus in corpora {
            let of_corpus = read.iter().filter(|row| text(&row[0]) == corpus);
            let rates: Vec<Rate> = of_corpus.filter_map(|row| rate([&row[1], &row[2], &row[3]].map(number))).collect();
            let scales: Vec<f64> = rates.iter().map(|rate| ln(rate.scale())).collect();
            let low = scales.iter().copied().fold(f64::INFINITY, f64::min);
            let high = scales.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            for cut in CUTS {
                let is_small = |rate: &Rate| ln(rate.scale()) <= low + cut * (high - low);
                series.extend(kinds("tasks, over-training", &format!("{corpus} {task} {cut}"), task, &rates, is_small));
            }
        }
    }
    series
}

/// Checkpoints of Pythia (Biderman et al. 2023): of one model along its data, and of smaller models.
fn checkpoints(data: &Path) -> Vec<Series> {
    let path = data.join("pythia_evals/zero_shot.csv");
    let mut series = Vec::new();
    for task in PYTHIA {
        let read = rows(&path, &["model", "tokens", &format!("{task}_acc")]);
        let rate_of = |row: &[super::Cell]| rate([size_of(&text(&row[0])), number(&row[1]), number(&row[2])]);
        let mut models: Vec<String> = read.iter().map(|row| text(&row[0])).collect();
        models.sort();
        models.dedup();
        for model in models {
            let own = read.iter().filter(|row| text(&row[0]) == model);
            let rates: Vec<Rate> = own.filter_map(|row| rate_of(row)).collect();
            let given = chance_of(task).map(|chance| ("tasks, checkpoints, chance given", Some(chance)));
            for (name, ceiling) in [("tasks, checkpoints", None)].into_iter().chain(given) {
                let asked = (name, format!("{model} {task}"), ceiling);
                series.extend(of(asked, &rates, |rate| rate.data <= LATER, |rate| vec![rate.data]));
            }
        }
        for deduplicated in [false, true] {
            let of_set = read.iter().filter(|row| text(&row[0]).contains("dedup") == deduplicated);
            let rates: Vec<Rate> = of_set.filter_map(|row| rate_of(row)).filter(|rate| rate.data >= BEGUN).collect();
            for limit in LARGER {
                let name = format!("{deduplicated} {task} {limit}");
                series.extend(kinds("tasks, larger models", &name, task, &rates, |rate| rate.size <= limit));
            }
        }
    }
    series
}

/// A series over model size and data, and one over compute without and with the chance level.
fn kinds(set: &str, name: &str, task: &str, rates: &[Rate], is_small: impl Fn(&Rate) -> bool) -> Vec<Series> {
    let over_two = |rate: &Rate| vec![rate.size, rate.data];
    let by_compute = |rate: &Rate| vec![rate.scale()];
    let given = chance_of(task).map(|chance| {
        of((&format!("{set}, C, chance given"), name.to_owned(), Some(chance)), rates, &is_small, by_compute)
    });
    let plain = [
        of((&format!("{set}, N and D"), name.to_owned(), None), rates, &is_small, over_two),
        of((&format!("{set}, C"), name.to_owned(), None), rates, &is_small, by_compute),
    ];
    plain.into_iter().chain(given).flatten().collect()
}

fn of(
    (set, name, ceiling): (&str, String, Option<f64>),
    rates: &[Rate],
    is_fitted: impl Fn(&Rate) -> bool,
    sizes: impl Fn(&Rate) -> Vec<f64>,
) -> Option<Series> {
    let (fitted, hidden): (Vec<&Rate>, Vec<&Rate>) = rates.iter().partition(|rate| is_fitted(rate));
    let count = fitted.first().map(|rate| sizes(rate).len())?;
    let column = |place: usize| fitted.iter().map(|rate| sizes(rate)[place]).collect();
    (fitted.len() >= FEWEST && !hidden.is_empty()).then(|| Series {
        domain: set.to_owned(),
        name,
        sizes: (0..count).map(column).collect(),
        responses: fitted.iter().map(|rate| rate.error).collect(),
        targets: hidden.iter().map(|rate| sizes(rate)).collect(),
        observed: hidden.iter().map(|rate| rate.error).collect(),
        ceiling,
        whole: Some(1.0),
    })
}

/// An error rate from model size, data and accuracy. `None` for an error rate of zero, which has no logarithm.
fn rate([size, data, accuracy]: [Option<f64>; 3]) -> Option<Rate> {
    let rate = Rate { size: size?, data: data?, error: 1.0 - accuracy? };
    (rate.error > 0.0 && rate.data > 0.0).then_some(rate)
}

/// The model size in a name such as `pythia-1.4b-deduped`.
fn size_of(model: &str) -> Option<f64> {
    let word = model.split('-').nth(1)?;
    let (digits, unit) = word.split_at(word.len() - 1);
    let factor = match unit {
        "m" => 1e6,
        "b" => 1e9,
        _ => return None,
    };
    digits.parse::<f64>().ok().map(|count| count * factor)
}

fn chance_of(task: &str) -> Option<f64> {
    CHANCE.iter().find(|(tasks, _)| tasks.contains(&task)).map(|(_, chance)| *chance)
}
