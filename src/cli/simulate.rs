//! `lawfit simulate`: draws runs from a law with known parameters, to try a study before there are real runs.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;

use super::Exit;
use super::output;
use super::screen::Screen;
use crate::expr::parse_constant;
use crate::law::{Domains, Entry, Law, Mixture, Treatment, Variable, find, names};
use crate::numeral::exact;
use crate::numerics::{Random, exp, ln};

/// Draw runs from a law with known parameters and print them as CSV.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A law of the catalogue, or a formula: 'L = E + A / C^alpha'.
    #[arg(value_name = "LAW")]
    law: String,
    /// Values of a variable: N=1e8,3e8,1e9, or evenly spaced in the logarithm: N=40M..16B:8. Every combination is a
    /// run, apart from those whose shares of a mixture do not sum to 1.
    #[arg(long, value_name = "VARIABLE=VALUES", required = true)]
    at: Vec<String>,
    /// Value of a parameter: alpha=0.34.
    #[arg(long, value_name = "PARAMETER=VALUE")]
    set: Vec<String>,
    /// Published values of the parameters, by the name of their source; `lawfit laws NAME` lists them.
    #[arg(long, value_name = "SOURCE")]
    constants: Option<String>,
    /// Standard deviation of the logarithm of the response around the law.
    #[arg(long, value_name = "SIGMA", default_value_t = 0.0)]
    noise: f64,
    /// Seed of the noise.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Write to a file instead.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Maximum number of runs.
const MOST_RUNS: usize = 10_000_000;

pub(super) fn run(arguments: &Arguments, screen: &Screen) -> Exit {
    let table = match simulate(arguments) {
        Ok(table) => table,
        Err(message) => {
            screen.error(&message, &[]);
            return Exit::BadSpec;
        }
    };
    let Some(path) = &arguments.out else {
        output::print(&table);
        return Exit::Done;
    };
    match std::fs::write(path, table) {
        Ok(()) => Exit::Done,
        Err(error) => {
            screen.error(&format!("{}: {error}", path.display()), &[]);
            Exit::Internal
        }
    }
}

fn simulate(arguments: &Arguments) -> Result<String, String> {
    if !(arguments.noise >= 0.0 && arguments.noise.is_finite()) {
        return Err("`--noise` must be zero or more".to_owned());
    }
    let (law, mut values) = law(arguments)?;
    if law.takes_schedule() {
        return Err(format!(
            "the law `{}` needs a learning-rate schedule, and runs are drawn only over sizes",
            law.name
        ));
    }
    for text in &arguments.set {
        let (name, value) = pair(text)?;
        if law.parameters.iter().all(|p| p.name != name) {
            let known: Vec<&str> = law.parameters.iter().map(|p| p.name.as_str()).collect();
            return Err(format!("the law has no parameter `{name}`; it has {}", crate::diagnostic::list(&known)));
        }
        values.insert(name.to_owned(), quantity(value)?);
    }
    let free = law.parameters.iter().filter(|p| p.treatment == Treatment::Free);
    let missing: Vec<&str> = free.map(|p| p.name.as_str()).filter(|name| !values.contains_key(*name)).collect();
    if !missing.is_empty() {
        return Err(format!("give {} a value: --set {}=...", crate::diagnostic::list(&missing), missing[0]));
    }
    let parameters: Vec<f64> = law.free().iter().map(|p| values[&p.name]).collect();
    let grid = grid(&law, &arguments.at)?;
    let runs = grid.iter().map(Vec::len).fold(1_usize, usize::saturating_mul);
    if runs > MOST_RUNS {
        return Err(format!("that is {runs} runs; at most {MOST_RUNS} are drawn"));
    }
    let tape = law.tape();
    let mut random = Random::new(arguments.seed, "simulate", 0);
    let header: Vec<&str> = law.variables.iter().map(|v| v.name.as_str()).chain([law.response.as_str()]).collect();
    let mut table = format!("{}\n", header.join(","));
    let mut drawn = 0;
    for run in 0..runs {
        // The last variable changes fastest.
        let mut rest = run;
        let mut at = vec![0.0; grid.len()];
        for (variable, values) in grid.iter().enumerate().rev() {
            at[variable] = values[rest % values.len()];
            rest /= values.len();
        }
        if !law.mixtures.iter().all(|mixture| mixture.allows_sum(sum_of_shares(&law, mixture, &at))) {
            continue;
        }
        drawn += 1;
        let response = tape.value_at(&parameters, &at) * random.log_normal(arguments.noise);
        let cells: Vec<String> = at.iter().chain([&response]).map(|value| exact(*value)).collect();
        let _ = writeln!(table, "{}", cells.join(","));
    }
    if drawn == 0 {
        let wanted = law.mixtures.first().map_or("1", Mixture::wanted_sum);
        return Err(format!("no combination of the values is a mixture: the shares must sum to {wanted}"));
    }
    Ok(table)
}

/// The sum of the shares of a mixture in a run.
fn sum_of_shares(law: &Law, mixture: &Mixture, at: &[f64]) -> f64 {
    mixture.variables().filter_map(|name| law.variable(name)).map(|place| at[place]).sum()
}

/// The law and the published values of its parameters.
fn law(arguments: &Arguments) -> Result<(Law, BTreeMap<String, f64>), String> {
    let Some(entry) = find(&arguments.law) else {
        if !arguments.law.contains('=') {
            let near = crate::diagnostic::nearest(&arguments.law, names());
            let hint = near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
            return Err(format!("the catalogue has no law `{}`{hint}", arguments.law));
        }
        let variables =
            arguments.at.iter().map(|text| Ok(pair(text)?.0.to_owned())).collect::<Result<Vec<_>, String>>()?;
        let variables: Vec<Variable> = variables.iter().map(|name| Variable::plain(name)).collect();
        let law = Law::from_formula("formula", &arguments.law, &variables).map_err(|error| error.to_string())?;
        return Ok((law, BTreeMap::new()));
    };
    let law = over_domains(entry, &arguments.at)?;
    let Some(source) = &arguments.constants else { return Ok((law, BTreeMap::new())) };
    let constants = entry.constants.get(source).ok_or_else(|| {
        let known: Vec<&str> = entry.constants.keys().map(String::as_str).collect();
        format!("`{}` has no constants `{source}`; there are {}", entry.name, crate::diagnostic::list(&known))
    })?;
    Ok((law, constants.values.iter().map(|(name, value)| (name.clone(), value.0)).collect()))
}

/// A law of the catalogue; a law of mixtures has the domains of the given variables.
fn over_domains(entry: &Entry, at: &[String]) -> Result<Law, String> {
    if entry.domains.is_empty() {
        return entry.law().map_err(|_| format!("the law `{}` cannot be read", entry.name));
    }
    let mut every: Vec<String> = Vec::new();
    for base in entry.vectors_of_variables() {
        let names = at.iter().filter_map(|text| Some(pair(text).ok()?.0));
        let domain = |name: &str| Some(name.strip_prefix(base)?.strip_prefix('_')?.to_owned());
        every.extend(names.filter_map(domain).filter(|domain| !every.contains(domain)).collect::<Vec<_>>());
    }
    let law = entry.law_over(&Domains { every, ..Domains::default() });
    law.map_err(|errors| errors.into_iter().map(|error| error.message).collect::<Vec<_>>().join("; "))
}

/// The values of each variable of the law.
fn grid(law: &Law, texts: &[String]) -> Result<Vec<Vec<f64>>, String> {
    let mut given: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for text in texts {
        let (name, list) = pair(text)?;
        if law.variable(name).is_none() {
            return Err(format!("the law has no variable `{name}`"));
        }
        given.insert(name, values(list)?);
    }
    law.variables
        .iter()
        .map(|v| given.remove(v.name.as_str()).ok_or_else(|| format!("give values of {0}: --at {0}=...", v.name)))
        .collect()
}

/// Values as a list, or as `from..to:count`, evenly spaced in the logarithm.
fn values(text: &str) -> Result<Vec<f64>, String> {
    let Some((from, rest)) = text.split_once("..") else {
        return text.split(',').map(quantity).collect();
    };
    let wrong = || format!("`{text}` is not from..to:count, such as 40M..16B:8");
    let (to, count) = rest.split_once(':').ok_or_else(wrong)?;
    let (from, to) = (quantity(from)?, quantity(to)?);
    let count = count.parse::<usize>().ok().filter(|count| (2..=100_000).contains(count)).ok_or_else(wrong)?;
    if !(from > 0.0 && to > from) {
        return Err(wrong());
    }
    let step = (ln(to) - ln(from)) / (count - 1) as f64;
    Ok((0..count).map(|i| if i + 1 == count { to } else { from * exp(step * i as f64) }).collect())
}

fn pair(text: &str) -> Result<(&str, &str), String> {
    text.split_once('=').ok_or_else(|| format!("`{text}` is not NAME=VALUE"))
}

fn quantity(text: &str) -> Result<f64, String> {
    parse_constant(text.trim()).map_err(|error| format!("`{text}` is not a number: {error}"))
}
