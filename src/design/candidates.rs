//! Candidate runs: sizes, data, shapes and batches within every limit on a single run.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::settings::{COOLDOWN, Candidates, Choice, Schedule, Shape};
use super::terms::Terms;
use crate::expr::parse_constant;
use crate::fit::Span;
use crate::law::{Roles, Tape, find};
use crate::numerics::{exp, ln};
use crate::query::RunCost;

/// A candidate run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Model size; `NaN` where the laws have none.
    pub size: f64,
    /// Training data; `NaN` where the laws have none.
    pub data: f64,
    /// Values of other variables of the laws, for a run of a table.
    pub others: BTreeMap<String, f64>,
    /// Name in a table.
    pub label: Option<String>,
    /// Training compute of the run alone.
    pub flop: f64,
    /// Layers and width, where given or found.
    pub shape: Option<(u32, u32)>,
    /// Tokens per batch, where there are batches.
    pub batch: Option<f64>,
    /// Optimiser steps, where there are batches.
    pub steps: Option<u64>,
    /// Number of the trunk that runs of the same size and batch can share.
    pub trunk: usize,
}

impl Candidate {
    /// Name of the run: that of the table, else from its sizes and the number of its copy.
    pub(super) fn name(&self, copy: usize) -> String {
        let sizes = [("n", self.size), ("d", self.data)].into_iter().filter(|(_, value)| !value.is_nan());
        let others = self.others.iter().map(|(name, value)| (name.as_str(), *value));
        let from_sizes = || sizes.chain(others).map(|(name, value)| format!("{name}{value:.3e}")).collect::<Vec<_>>();
        let name = self.label.clone().unwrap_or_else(|| from_sizes().join("-"));
        if copy > 1 { format!("{name}-{copy}") } else { name }
    }

    /// Whether another run has the same settings.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let settings = |run: &Self| (run.size.to_bits(), run.data.to_bits());
        settings(self) == settings(other) && self.others == other.others && self.label == other.label
    }

    /// The logarithm of data per parameter; `NaN` where the laws have not both.
    pub(super) fn ratio(&self) -> f64 {
        ln(self.data / self.size)
    }
}

/// A model size with its layers and width, where known.
type SizeAndShape = (f64, Option<(u32, u32)>);

/// Number of excluded runs, by reason.
pub type LeftOut = BTreeMap<String, usize>;

/// Maximum number of candidates, and of combinations that are checked.
const MOST: usize = 50_000;
const MOST_TRIED: usize = 1_000_000;
/// Distance of neighbouring values of a range in the logarithm: two values per doubling.
const STEP: f64 = 0.5 * std::f64::consts::LN_2;
/// Default range of data per parameter.
const USUAL_RANGE: Range = Range { low: 1.0, high: 1000.0, per_parameter: true };
/// Largest default size, as a multiple of the largest model of the rows.
const ABOVE: f64 = 4.0;
/// Step of the width of proposed shapes, and width per layer.
const WIDTH_STEP: u32 = 64;
const WIDTH_PER_LAYER: f64 = 64.0;
/// Parameters of a layer in units of its squared width: 4 for attention and 8 for the feed-forward part.
const PER_LAYER: f64 = 12.0;

/// A range as written in a spec.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Range {
    low: f64,
    high: f64,
    per_parameter: bool,
}

/// Parses a range such as "1 to 1000 per parameter".
///
/// # Errors
/// What is wrong with the text.
fn range(text: &str) -> Result<Range, String> {
    let (numbers, per_parameter) = match text.trim().strip_suffix("per parameter") {
        Some(numbers) => (numbers, true),
        None => (text, false),
    };
    let number = |text: &str| {
        let value = parse_constant(text.trim()).ok().filter(|v| *v > 0.0 && v.is_finite());
        value.ok_or_else(|| {
            format!("`{text}` is not a range: write a list, \"1B to 100B\" or \"1 to 1000 per parameter\"")
        })
    };
    let (low, high) = match numbers.split_once(" to ") {
        Some((low, high)) => (number(low)?, number(high)?),
        None => (number(numbers)?, number(numbers)?),
    };
    if low > high {
        return Err(format!("the range `{text}` begins above its end"));
    }
    Ok(Range { low, high, per_parameter })
}

impl Range {
    /// Values of the range, evenly spaced in the logarithm, with both ends.
    fn values(self) -> Vec<f64> {
        // The ratio is tested for being finite because the ends may be at the limits of doubles.
        let ratio = self.high / self.low;
        let width = if ratio.is_finite() { ln(ratio) } else { ln(self.high) - ln(self.low) };
        let steps = (width / STEP).ceil();
        if steps < 1.0 {
            return vec![self.low];
        }
        (0..=steps as usize).map(|i| self.low * exp(width * (i as f64 / steps))).collect()
    }
}

/// A list or range of model sizes or data, parsed from a spec.
#[derive(Clone, Debug, PartialEq)]
enum Values {
    List(Vec<f64>),
    Range(Range),
}

impl Values {
    fn of(choice: &Choice) -> Result<Self, String> {
        match choice {
            Choice::Range(text) => range(text).map(Self::Range),
            Choice::Values(list) => {
                let values: Vec<f64> = list.iter().map(|q| q.0).collect();
                match values.iter().find(|v| !(**v > 0.0 && v.is_finite())) {
                    Some(wrong) => Err(format!("{wrong} is not a size: a size must be positive and finite")),
                    None => Ok(Self::List(values)),
                }
            }
        }
    }
}

/// Keys other than model size and data.
const KEYS: [&str; 8] = ["rows", "shapes", "schedule", "cooldown", "min_steps", "batch", "total_per_active", "hold"];
/// Keys of model size and data, once the study's names are resolved.
const SIZE: &str = "size";
const DATA: &str = "data";

impl Candidates {
    /// The same candidates with the keys `size` and `data` in place of the study's names.
    ///
    /// # Errors
    /// Faults of ranges and lists: the key and what is wrong.
    pub fn named(&self, roles: &Roles) -> Result<Self, Vec<(String, String)>> {
        let mut faults: Vec<(String, String)> = self.faults();
        let own = [(SIZE, roles.size.as_deref()), (DATA, roles.data.as_deref())];
        let mut values = BTreeMap::new();
        for (key, choice) in &self.values {
            let Some((role, _)) = own.iter().find(|(role, name)| key == role || *name == Some(key)) else {
                let known = own.iter().filter_map(|(_, name)| *name).chain(KEYS);
                let near = crate::diagnostic::nearest(key, known.clone());
                let listed: Vec<&str> = known.collect();
                let hint = near.map_or_else(|| listed.join(", "), |near| format!("did you mean `{near}`?"));
                faults.push((key.clone(), format!("`{key}` does not describe runs: {hint}")));
                continue;
            };
            match Values::of(choice) {
                Err(message) => faults.push((key.clone(), message)),
                Ok(Values::Range(range)) if range.per_parameter && *role == SIZE => {
                    faults.push((key.clone(), "a model size is not counted per parameter".to_owned()));
                }
                Ok(_) => (),
            }
            if values.insert((*role).to_owned(), choice.clone()).is_some() {
                let other = own.iter().find(|(own, _)| own == role).and_then(|(_, name)| *name).unwrap_or(role);
                faults.push((key.clone(), format!("`{key}` and `{other}` are the same")));
            }
        }
        if self.rows.is_some() && !values.is_empty() {
            let names: Vec<String> = self.values.keys().map(|name| format!("`{name}`")).collect();
            let message = format!("give `rows` or {}, not both: each row has its sizes", names.join(" and "));
            faults.push(("rows".to_owned(), message));
        }
        if !self.shapes.is_empty() && values.contains_key(SIZE) {
            faults.push(("shapes".to_owned(), "give `shapes` or sizes, not both: a shape has its size".to_owned()));
        }
        if faults.is_empty() { Ok(Self { values, ..self.clone() }) } else { Err(faults) }
    }

    /// Faults of keys other than model size and data.
    fn faults(&self) -> Vec<(String, String)> {
        let mut faults = Vec::new();
        let of_grid = [
            ("shapes", !self.shapes.is_empty()),
            ("schedule", self.schedule != Schedule::default()),
            ("min_steps", self.min_steps.is_some()),
            ("batch", self.batch.is_some()),
        ];
        for (key, _) in of_grid.into_iter().filter(|(_, is_given)| *is_given && self.rows.is_some()) {
            faults
                .push((key, format!("`{key}` shapes runs that are made from sizes; the runs of `rows` are complete")));
        }
        for (key, _) in [("cost", &self.cost), ("name", &self.name)].into_iter().filter(|(_, given)| given.is_some()) {
            if self.rows.is_none() {
                faults.push((key, format!("`{key}` is of runs that a table lists: give `rows` too")));
            }
        }
        if let Some(shape) = self.shapes.iter().find(|s| s.layers == 0 || s.width == 0) {
            faults.push(("shapes", format!("a shape of {} layers and width {} is none", shape.layers, shape.width)));
        }
        if self.batch.iter().flatten().any(|b| !(b.0 >= 1.0 && b.0.is_finite())) {
            faults.push(("batch", "a batch has one token at least".to_owned()));
        }
        if !(self.cooldown > 0.0 && self.cooldown <= 1.0) {
            faults.push(("cooldown", "`cooldown` is the part of a run that decays: above 0 and at most 1".to_owned()));
        }
        if self.schedule != Schedule::Wsd && self.cooldown != COOLDOWN {
            faults.push((
                "cooldown",
                "`cooldown` is of runs that share a trunk: write `schedule = \"wsd\"` too".to_owned(),
            ));
        }
        if self.total_per_active.is_some_and(|ratio| !(ratio.0 >= 1.0 && ratio.0.is_finite())) {
            faults.push((
                "total_per_active",
                "`total_per_active` is all parameters over the active ones: 1 or more".to_owned(),
            ));
        }
        if self.min_steps.is_some() && self.batch.is_none() {
            faults.push(("min_steps", "steps are counted in batches: give `batch` too".to_owned()));
        }
        faults.into_iter().map(|(key, message): (&str, String)| (key.to_owned(), message)).collect()
    }

    /// Whether all runs have the same ratio of data to parameters. Such runs do not determine the split of compute.
    pub fn is_one_ray(&self) -> bool {
        match self.values.get(DATA).map(Values::of) {
            Some(Ok(Values::Range(range))) => range.per_parameter && ln(range.high / range.low) < LEAST_SPREAD,
            _ => false,
        }
    }

    /// The same candidates with a wider range of data per parameter; `None` where data are a list.
    pub fn wider(&self, factor: f64) -> Option<Self> {
        if self.rows.is_some() {
            return None;
        }
        let Range { low, high, per_parameter } = match self.values.get(DATA).map(Values::of) {
            None => USUAL_RANGE,
            Some(Ok(Values::Range(range))) => range,
            Some(_) => return None,
        };
        let words = format!("{} to {} per parameter", low / factor, high * factor);
        let values = self.values.clone().into_iter().chain([(DATA.to_owned(), Choice::Range(words))]).collect();
        per_parameter.then(|| Self { values, ..self.clone() })
    }

    /// The part of a run in which the learning rate decays, where runs of one size share the rest.
    pub fn shared_trunk(&self) -> Option<f64> {
        (self.schedule == Schedule::Wsd).then_some(self.cooldown)
    }

    /// All runs that the machine and the limits on a single run allow, and the number of excluded runs. `span` is the
    /// range of model size over the fit's rows.
    ///
    /// # Errors
    /// What is wrong.
    pub fn list(&self, terms: &Terms, cost: &RunCost, span: Option<Span>) -> Result<(Vec<Candidate>, LeftOut), String> {
        let shapes = self.sizes(span)?;
        let data = match self.values.get(DATA) {
            Some(choice) => Values::of(choice)?,
            None => Values::Range(USUAL_RANGE),
        };
        let best = BestBatch::new();
        let mut left_out = LeftOut::new();
        let (mut found, mut names, mut tried) = (Vec::new(), BTreeSet::new(), 0);
        for (trunk, &(size, shape)) in shapes.iter().enumerate() {
            let values = match &data {
                Values::List(list) => list.clone(),
                Values::Range(range) if range.per_parameter => {
                    Range { low: range.low * size, high: range.high * size, per_parameter: false }.values()
                }
                Values::Range(range) => range.values(),
            };
            // Runs that share a trunk have one batch: that of the shortest run with enough steps.
            let shared = self
                .shared_trunk()
                .and_then(|_| values.iter().find_map(|&d| self.batch_of(d, best.at(cost.flop(size, d)))));
            tried += values.len();
            if tried > MOST_TRIED || found.len() > MOST {
                return Err(format!(
                    "{tried} runs and more could be looked at; at most {MOST} are, of {MOST_TRIED} that are tried: give fewer sizes"
                ));
            }
            for tokens in values {
                let batch = shared.or_else(|| self.batch_of(tokens, best.at(cost.flop(size, tokens))));
                let run = self.whole_steps(tokens, batch).map(|(data, steps)| {
                    let flop = cost.flop(size, data);
                    Candidate { size, data, flop, shape, batch, steps, trunk, ..Candidate::default() }
                });
                match run.and_then(|run| self.allowed(run, terms)) {
                    Ok(run) if names.insert(run.name(1)) => found.push(run),
                    Ok(_) => *left_out.entry("as good as the same as another".to_owned()).or_default() += 1,
                    Err(reason) => *left_out.entry(reason).or_default() += 1,
                }
            }
        }
        some_within(found, left_out)
    }

    /// The model sizes with their shapes.
    fn sizes(&self, span: Option<Span>) -> Result<Vec<SizeAndShape>, String> {
        let of_shape = |shape: &Shape| {
            let own = PER_LAYER * f64::from(shape.layers) * f64::from(shape.width) * f64::from(shape.width);
            (shape.size.map_or(own, |q| q.0), Some((shape.layers, shape.width)))
        };
        if !self.shapes.is_empty() {
            return Ok(self.shapes.iter().map(of_shape).collect());
        }
        let range = match self.values.get(SIZE).map(Values::of).transpose()? {
            Some(Values::List(list)) => {
                return Ok(list.into_iter().map(|size| (size, self.shape_near(size))).collect());
            }
            Some(Values::Range(range)) => range,
            None => {
                let span = span.filter(|span| span.lowest > 0.0).ok_or("give the model sizes of the candidates")?;
                Range { low: span.lowest, high: ABOVE * span.highest, per_parameter: false }
            }
        };
        let ladder: Vec<SizeAndShape> = ladder()
            .filter(|(size, _)| (range.low..=range.high).contains(size))
            .map(|(size, shape)| (size, Some(shape)))
            .collect();
        // Sizes that are too small for the ladder of shapes are used without a shape.
        if ladder.len() >= range.values().len() / 2 && self.is_dense() {
            return Ok(thinned(ladder));
        }
        Ok(range.values().into_iter().map(|size| (size, self.shape_near(size))).collect())
    }

    /// Whether the model size counts all parameters. The shapes of the ladder are those of dense networks.
    fn is_dense(&self) -> bool {
        self.total_per_active() == 1.0
    }

    fn shape_near(&self, size: f64) -> Option<(u32, u32)> {
        shape_near(size).filter(|_| self.is_dense())
    }

    /// Parameters in memory for each one that the model size counts.
    fn total_per_active(&self) -> f64 {
        self.total_per_active.map_or(1.0, |ratio| ratio.0)
    }

    /// The batch of a run: the one nearest to the best batch for its compute that leaves enough steps.
    fn batch_of(&self, data: f64, best: Option<f64>) -> Option<f64> {
        let enough = |batch: &f64| self.min_steps.is_none_or(|least| data / batch >= least as f64);
        let far = |batch: f64| best.map_or(-batch, |best| ln(batch / best).abs());
        self.batch.iter().flatten().map(|q| q.0).filter(enough).min_by(|a, b| far(*a).total_cmp(&far(*b)))
    }

    /// The data and steps of a run. They are rounded down to whole steps, so that the trained run equals the planned
    /// one.
    fn whole_steps(&self, tokens: f64, batch: Option<f64>) -> Result<(f64, Option<u64>), String> {
        let too_few = || Err("with too few steps at every batch size".to_owned());
        let Some(batch) = batch else { return if self.batch.is_some() { too_few() } else { Ok((tokens, None)) } };
        let steps = (tokens / batch).floor() as u64;
        if steps < self.min_steps.unwrap_or(1).max(1) {
            return too_few();
        }
        Ok((batch * steps as f64, Some(steps)))
    }

    /// The run, if the machine and the limits on a single run allow it; otherwise the reason why not.
    pub(super) fn allowed(&self, run: Candidate, terms: &Terms) -> Result<Candidate, String> {
        let limits = &terms.limits;
        if terms.rate.as_ref().is_some_and(|rate| !rate.holds(self.total_per_active() * run.size)) {
            return Err("too large for the memory of one slot".to_owned());
        }
        if terms.share(run.flop) > 1.0 {
            return Err("dearer than the whole budget".to_owned());
        }
        if limits.run_flop.is_some_and(|most| run.flop > most.0) {
            return Err("above `run_FLOP`".to_owned());
        }
        let hours = terms.hours(run.flop);
        let longest = [limits.run_hours, limits.hours].into_iter().flatten().map(|q| q.0).fold(f64::INFINITY, f64::min);
        if longest < f64::INFINITY && hours.is_none_or(|hours| hours > longest) {
            return Err("longer than a run may take".to_owned());
        }
        Ok(run)
    }
}

/// The candidates, if there are some and not too many.
pub(super) fn some_within(found: Vec<Candidate>, left_out: LeftOut) -> Result<(Vec<Candidate>, LeftOut), String> {
    if found.len() > MOST {
        return Err(format!("{} runs could be trained; at most {MOST} are looked at", found.len()));
    }
    if found.is_empty() {
        let reasons: Vec<String> = left_out.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
        return Err(format!("no run is within the limits: {}", reasons.join(", ")));
    }
    Ok((found, left_out))
}

/// Width of a range of data per parameter, in the logarithm, below which a split of compute is refused.
const LEAST_SPREAD: f64 = 0.5;

/// The best batch in tokens for given compute, by the law of Bi et al. 2024 in the catalogue.
struct BestBatch(Option<(Tape, Vec<f64>)>);

impl BestBatch {
    fn new() -> Self {
        let known = || {
            let entry = find("deepseek_batch")?;
            let constants = entry.constants.values().next()?;
            let law = entry.law().ok()?;
            let free: Option<Vec<f64>> = law.free().iter().map(|p| Some(constants.values.get(&p.name)?.0)).collect();
            Some((law.tape(), free?))
        };
        Self(known())
    }

    fn at(&self, flop: f64) -> Option<f64> {
        let (tape, free) = self.0.as_ref()?;
        Some(tape.value_at(free, &[flop])).filter(|batch| batch.is_finite() && *batch > 0.0)
    }
}

/// Shapes of increasing size: the width grows in steps, with one layer per amount of width.
fn ladder() -> impl Iterator<Item = (f64, (u32, u32))> {
    (2..=256).map(|step| {
        let width = step * WIDTH_STEP;
        let layers = (f64::from(width) / WIDTH_PER_LAYER).round().max(2.0) as u32;
        (PER_LAYER * f64::from(layers) * f64::from(width) * f64::from(width), (layers, width))
    })
}

/// The shape of the ladder whose size is within a tenth of the given size.
fn shape_near(size: f64) -> Option<(u32, u32)> {
    let near = ladder().min_by(|a, b| ln(a.0 / size).abs().total_cmp(&ln(b.0 / size).abs()))?;
    (ln(near.0 / size).abs() < 0.1).then_some(near.1)
}

/// Removes sizes that are closer together than neighbours of a range.
fn thinned(sizes: Vec<SizeAndShape>) -> Vec<SizeAndShape> {
    let mut kept: Vec<SizeAndShape> = Vec::new();
    for size in sizes {
        if kept.last().is_none_or(|last| ln(size.0 / last.0) >= 0.7 * STEP) {
            kept.push(size);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::design::settings::MOST_COPIES;
    use crate::design::terms::of_flop;

    fn terms(flop: f64) -> Terms {
        of_flop(flop, MOST_COPIES)
    }

    fn candidates(text: &str) -> Candidates {
        toml::from_str::<Candidates>(text).unwrap().named(&Roles::default()).unwrap()
    }

    #[test]
    fn a_range_per_parameter_covers_both_ends_at_every_size() {
        let (runs, _) = candidates("N = [1e8, 1e9]\nD = \"5 to 400 per parameter\"")
            .list(&terms(1e22), &RunCost::default(), None)
            .unwrap();
        for size in [1e8, 1e9] {
            let ratios: Vec<f64> = runs.iter().filter(|r| r.size == size).map(|r| r.data / r.size).collect();
            assert!((ratios[0] - 5.0).abs() < 1e-9 && (ratios.last().unwrap() - 400.0).abs() < 1e-6);
            assert!(ratios.windows(2).all(|pair| pair[1] / pair[0] < 1.5));
        }
    }

    #[test]
    fn more_runs_than_can_be_looked_at_are_refused_before_they_are_made() {
        let numbers = |count: u32| (1..=count).map(|i| format!("{i}e6")).collect::<Vec<_>>().join(", ");
        let lists = format!("N = [{0}]\nD = [{0}]", numbers(2000));
        for text in [lists.as_str(), "N = \"1e-300 to 1e300\"\nD = \"1e-300 to 1e300\""] {
            let error = candidates(text).list(&terms(1e300), &RunCost::default(), None).unwrap_err();
            assert!(error.contains("at most 50000 are"), "{error}");
        }
    }

    #[test]
    fn a_mixture_of_experts_has_all_its_parameters_in_memory() {
        let machine = crate::design::settings::Machine {
            device: Some("H100".to_owned()),
            count: Some(8),
            ..crate::design::settings::Machine::default()
        };
        let terms = Terms { rate: Some(crate::design::machine::Rate::of(&machine).unwrap()), ..terms(1e30) };
        let listed = |ratio: &str| {
            let text = format!("N = [1e9, 2e10]\nD = [1e9]\n{ratio}");
            candidates(&text).list(&terms, &RunCost::default(), None).unwrap()
        };
        let (dense, left_out) = listed("");
        assert_eq!((dense.len(), left_out.len()), (2, 0));
        let (sparse, left_out) = listed("total_per_active = 16");
        assert_eq!(sparse.iter().map(|run| run.size).collect::<Vec<_>>(), [1e9]);
        assert_eq!(left_out.keys().collect::<Vec<_>>(), ["too large for the memory of one slot"]);
        assert!(sparse[0].shape.is_none(), "the ladder of shapes is that of dense networks");
    }

    #[test]
    fn a_batch_leaves_enough_steps_and_data_are_whole_steps() {
        let text = "N = [1e8]\nD = [1e8, 1e9, 1e10]\nbatch = [\"0.25M\", \"1M\", \"4M\"]\nmin_steps = 2000";
        let (runs, left_out) = candidates(text).list(&terms(1e22), &RunCost::default(), None).unwrap();
        assert_eq!(left_out.values().sum::<usize>(), 1);
        for run in &runs {
            let (batch, steps) = (run.batch.unwrap(), run.steps.unwrap());
            assert!(steps >= 2000);
            assert_eq!(batch * steps as f64, run.data);
        }
        // 0.292 (6e18)^0.3271 is 0.41 M tokens.
        assert_eq!(runs[1].batch, Some(2.5e5));
    }

    #[test]
    fn one_ratio_is_one_ray_and_a_range_is_not() {
        assert!(candidates("D = \"20 per parameter\"").is_one_ray());
        assert!(!candidates("D = \"5 to 400 per parameter\"").is_one_ray());
    }

    #[test]
    fn excluded_runs_are_counted_by_reason() {
        let text = "N = [1e8]\nD = [1e9, 1e15]";
        let (runs, left_out) = candidates(text).list(&terms(1e20), &RunCost::default(), None).unwrap();
        assert_eq!((runs.len(), left_out["dearer than the whole budget"]), (1, 1));
    }
}
