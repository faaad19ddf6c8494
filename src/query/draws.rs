//! Answers one row of a query at the estimate and at every draw of the parameters.

use std::borrow::Cow;
use std::collections::BTreeMap;

use rayon::prelude::*;

use super::distance::extent;
use super::interval::{Drawn, interval};
use super::model::{Model, Ready, Solved, Trail};
use super::several::{LawAt, Pair, WeightedLaws};
use super::{Beyond, Finding, Kind, Other, Refusal};
use crate::answer::{Extent, Interval, Row, Verdict};
use crate::evidence::in_words;
use crate::fit::{Fit, Status};
use crate::numerics::{Points, Random, without_open_ends};

/// A share with a larger limit than this is in per cent.
const AS_SHARES: f64 = 5.0;
use crate::objective::ResponseScale;
use crate::warning::texts;

/// A query to a fit.
pub(super) struct Asked<'a> {
    pub(super) kind: &'a dyn Kind,
    pub(super) ready: Ready<'a>,
    pub(super) fit: &'a Fit,
    pub(super) draws: &'a Points,
    /// The second fit of the query, if it has one.
    pub(super) other: Option<(Other<'a>, Ready<'a>)>,
    /// The laws of the draws, where several laws answer together; `draws` is then empty.
    pub(super) laws: Option<WeightedLaws<'a>>,
    pub(super) seed: u64,
}

/// A row and its contribution to the answer as a whole.
pub(super) struct Answered {
    pub(super) row: Row,
    /// The values at which the law was evaluated.
    pub(super) at: BTreeMap<String, f64>,
}

/// Results of all draws for some outputs.
struct Sample<'a> {
    /// The outputs of the first draw, then those of the second, and so on.
    cells: Vec<Drawn>,
    outputs: Vec<&'a str>,
    draws: usize,
    /// Number of draws with an answer.
    answered: usize,
}

impl Sample<'_> {
    /// The results of the draws for one output, in their order.
    fn of(&self, name: &str) -> Vec<Drawn> {
        let Some(place) = self.outputs.iter().position(|output| *output == name) else {
            return vec![Drawn::Unknown; self.draws];
        };
        self.cells.chunks_exact(self.outputs.len().max(1)).map(|cells| cells[place]).collect()
    }

    /// The share of draws with an answer; `None` where all have one.
    fn share_answered(&self) -> Option<f64> {
        (self.answered < self.draws).then(|| self.answered as f64 / self.draws as f64)
    }
}

/// Free parameters of the fit, and of the other fit.
type Parameters<'a> = (&'a [f64], Option<&'a [f64]>);

/// The intermediate solutions at the estimate, for the law and for the other fit.
pub(super) type Trails = [Vec<Option<Solved>>; 2];

/// The estimate's result, with which a draw's result is compared.
#[derive(Clone, Copy, Debug)]
pub(super) enum Estimated {
    /// A number of outputs.
    Outputs(usize),
    /// No number, because the target is out of reach on a side.
    OutOfReach(Option<Beyond>),
}

/// The result with a warm start. If it has fewer outputs than the estimate, or another side, the result without a warm
/// start.
pub(super) fn followed_or_sought(
    trails: [&[Option<Solved>]; 2],
    estimated: Estimated,
    solve: impl Fn([Trail<'_>; 2]) -> Result<Finding, Refusal>,
) -> Result<Finding, Refusal> {
    let followed = solve(trails.map(Trail::following));
    let is_alike = match (&followed, estimated) {
        (Ok(finding), Estimated::Outputs(count)) => finding.outputs.len() >= count,
        (Ok(_), Estimated::OutOfReach(_)) => true,
        // The largest size is the same for all draws; the smallest size with an answer differs between draws.
        (Err(Refusal::NotReachable { beyond, .. }), Estimated::OutOfReach(side)) => {
            *beyond == Some(Beyond::Largest) && side == Some(Beyond::Largest)
        }
        (Err(_), _) => false,
    };
    if is_alike { followed } else { solve([Trail::default(), Trail::default()]) }
}

/// Number of runs whose scatter shows the interval of one run.
const RUNS: usize = 200;

impl Asked<'_> {
    /// Answers one row.
    pub(super) fn row(&self, inputs: BTreeMap<String, f64>) -> Answered {
        // A failed fit has no parameter values.
        if self.fit.free.len() != self.ready.law.free().len() {
            let verdict = if self.fit.rows == 0 { Verdict::NotFitted } else { Verdict::NotIdentified };
            return refused(inputs, verdict, texts(&self.fit.evidence.warnings).join(" "));
        }
        if let Some(reason) = self.target_outside_range(&inputs) {
            return refused(inputs, Verdict::NotReachable, reason);
        }
        let trails = [Trail::default(), Trail::default()];
        let found = self.solve(self.estimate(), &inputs, &trails).and_then(|finding| self.finite_in_parts(finding));
        let trails = trails.map(Trail::laid);
        match found {
            Ok(finding) => self.found(inputs, finding, &trails),
            Err(Refusal::NotReachable { reason, beyond }) => self.out_of_reach(inputs, reason, beyond, &trails),
            Err(Refusal::Undefined(reason)) => {
                let open = self.not_identified();
                if open.is_empty() {
                    return refused(inputs, Verdict::NoAnswer, reason);
                }
                // Other values that fit as well may have an answer.
                let reason =
                    format!("the rows do not identify {}; with the values of this fit, {reason}", in_words(&open));
                refused(inputs, Verdict::NotIdentified, reason)
            }
        }
    }

    /// The parameters of the fit that the rows do not identify, as names for readers.
    fn not_identified(&self) -> Vec<String> {
        let all = self.fit.parameters.iter();
        let open = all.filter(|(_, estimate)| estimate.status == Status::NotIdentified);
        open.map(|(name, _)| format!("`{name}`")).collect()
    }

    /// The parameters of both fits far beyond the ends of the intervals of one of them.
    fn far(&self) -> impl Iterator<Item = Parameters<'_>> {
        let other = self.other.as_ref().map(|(other, _)| other.fit);
        let own = self.fit.far.iter().map(move |far| (far.as_slice(), other.map(|fit| fit.free.as_slice())));
        let of_other = other.into_iter().flat_map(|fit| &fit.far);
        own.chain(of_other.map(|far| (self.fit.free.as_slice(), Some(far.as_slice()))))
    }

    /// The parameters of both fits at their estimates.
    fn estimate(&self) -> Parameters<'_> {
        (&self.fit.free, self.other.as_ref().map(|(other, _)| other.fit.free.as_slice()))
    }

    /// Whether a parameter of either fit lies on a bound.
    fn is_on_bound(&self) -> bool {
        let of_other = |(other, ready): &(Other<'_>, Ready<'_>)| ready.law.is_on_bound(&other.fit.free);
        self.ready.law.is_on_bound(&self.fit.free) || self.other.as_ref().is_some_and(of_other)
    }

    /// The remarks of the question that follow from the law at the estimate.
    pub(super) fn remarks_at_estimate(&self, inputs: &BTreeMap<String, f64>) -> Vec<String> {
        let trail = Trail::default();
        let model = Model { ready: &self.ready, parameters: &self.fit.free, other: None, trail: &trail };
        self.kind.remarks_at_estimate(&model, inputs)
    }

    /// The answer at a parameter vector.
    pub(super) fn solve(
        &self,
        (parameters, of_second): Parameters<'_>,
        inputs: &BTreeMap<String, f64>,
        trails: &[Trail<'_>; 2],
    ) -> Result<Finding, Refusal> {
        let second = self.other.as_ref().zip(of_second);
        let second = second.map(|((_, ready), parameters)| LawAt { index: 0, ready, parameters });
        self.solve_by(&(LawAt { index: 0, ready: &self.ready, parameters }, second), inputs, trails)
    }

    /// The answer of a law at a parameter vector.
    fn solve_by(
        &self,
        (own, second): &Pair<'_>,
        inputs: &BTreeMap<String, f64>,
        [of_own, of_other]: &[Trail<'_>; 2],
    ) -> Result<Finding, Refusal> {
        let second = second.as_ref().map(|LawAt { ready, parameters, .. }| Model {
            ready,
            parameters,
            other: None,
            trail: of_other,
        });
        let model = Model { ready: own.ready, parameters: own.parameters, other: second.as_ref(), trail: of_own };
        let finding = self.kind.solve(&model, inputs)?;
        if self.kind.is_in_parts() {
            return Ok(finding);
        }
        self.finite(finding)
    }

    /// A finding whose numbers are finite; one number suffices if they are independent of each other.
    fn finite_in_parts(&self, finding: Finding) -> Result<Finding, Refusal> {
        let is_partly = self.kind.is_in_parts() && finding.outputs.values().any(|value| value.is_finite());
        if is_partly { Ok(finding) } else { self.finite(finding) }
    }

    /// A finding whose numbers are all finite.
    pub(super) fn finite(&self, finding: Finding) -> Result<Finding, Refusal> {
        let numbers = finding.outputs.iter().map(|(name, value)| (name.as_ref(), *value));
        let places = finding.at.iter().map(|(name, value)| (name.as_str(), *value));
        match numbers.chain(places).find(|(_, value)| !value.is_finite()) {
            None => Ok(finding),
            Some((name, _)) => Err(Refusal::Undefined(format!("`{}` is not finite", self.ready.law.roles.named(name)))),
        }
    }

    /// The results of the draws for the outputs. A draw that cannot be solved with a warm start is solved without one.
    fn drawn<'a>(
        &self,
        inputs: &BTreeMap<String, f64>,
        trails: &Trails,
        estimated: Estimated,
        outputs: &[&'a str],
    ) -> Sample<'a> {
        let at = |i: usize| {
            let draw = &self.draws[i];
            let second = self.other.as_ref().map(|(other, _)| match other.draws.len() {
                0 => other.fit.free.as_slice(),
                count => &other.draws[i % count],
            });
            let solve = |trails: [Trail<'_>; 2]| self.solve((draw, second), inputs, &trails);
            let [own, other] = trails;
            followed_or_sought([own, other], estimated, solve)
        };
        match &self.laws {
            None => sampled(self.draws.len(), outputs, at),
            Some(laws) => {
                let trails = self.trails_of(laws, inputs);
                sampled(laws.count, outputs, |i| self.at_draw_of(laws, &trails, i, estimated, inputs))
            }
        }
    }

    /// The trails of several laws at their estimates, for both fits of a comparison.
    fn trails_of(&self, laws: &WeightedLaws<'_>, inputs: &BTreeMap<String, f64>) -> [Vec<Vec<Option<Solved>>>; 2] {
        let trails = |own: usize, other: usize| {
            let trails = [Trail::default(), Trail::default()];
            if let Some(pair) = laws.at_estimates(own, other) {
                // A law without an answer at its estimate leaves no start, and its draws are searched without one.
                let _ = self.solve_by(&pair, inputs, &trails);
            }
            trails.map(Trail::laid)
        };
        let [own, other] = laws.counts();
        let of_own = (0..own).map(|index| std::mem::take(&mut trails(index, 0)[0])).collect();
        let of_other = (0..other).map(|index| std::mem::take(&mut trails(0, index)[1])).collect();
        [of_own, of_other]
    }

    /// The answer at one draw of several laws.
    fn at_draw_of(
        &self,
        laws: &WeightedLaws<'_>,
        [of_own, of_other]: &[Vec<Vec<Option<Solved>>>; 2],
        draw: usize,
        estimated: Estimated,
        inputs: &BTreeMap<String, f64>,
    ) -> Result<Finding, Refusal> {
        let pair = laws.of_draw(draw).ok_or_else(|| Refusal::Undefined("no law has a share".to_owned()))?;
        let own = &of_own[pair.0.index];
        let other = pair.1.as_ref().map_or(&[][..], |other| &of_other[other.index]);
        followed_or_sought([own, other], estimated, |trails| self.solve_by(&pair, inputs, &trails))
    }

    /// The answer at a parameter vector near the estimate, with a warm start.
    pub(super) fn followed(
        &self,
        parameters: Parameters<'_>,
        inputs: &BTreeMap<String, f64>,
        [own, other]: &Trails,
        finding: &Finding,
    ) -> Result<Finding, Refusal> {
        let estimated = Estimated::Outputs(finding.outputs.len());
        followed_or_sought([own, other], estimated, |trails| self.solve(parameters, inputs, &trails))
    }

    fn found(&self, inputs: BTreeMap<String, f64>, mut finding: Finding, trails: &Trails) -> Answered {
        let endless: Vec<String> =
            finding.outputs.iter().filter(|(_, value)| !value.is_finite()).map(|(name, _)| name.to_string()).collect();
        finding.outputs.retain(|_, value| value.is_finite());
        let unidentified = self.unidentified(&inputs, &finding, trails);
        if let Some(unidentified) = &unidentified {
            finding.outputs.retain(|name, _| !unidentified.outputs.contains(name));
        }
        if let Some(unidentified) = unidentified.as_ref().filter(|_| finding.outputs.is_empty()) {
            return Answered { at: finding.at, ..refused(inputs, Verdict::NotIdentified, unidentified.reason.clone()) };
        }
        let mut missing: Vec<(Vec<String>, String)> = Vec::new();
        missing.extend((!endless.is_empty()).then(|| (endless, "it is not finite".to_owned())));
        missing.extend(unidentified.map(|unidentified| {
            let outputs = unidentified.outputs.into_iter().map(Cow::into_owned).collect();
            (outputs, unidentified.reason)
        }));
        let outside = self.outside_range(&finding);
        if let Some((names, reason)) = outside.as_ref().filter(|_| !self.kind.is_measured()) {
            finding.outputs.retain(|name, _| !names.iter().any(|other| other == name));
            missing.push((names.clone(), reason.clone()));
        }
        let partly = !missing.is_empty();
        let told: Vec<String> = missing
            .into_iter()
            .map(|(outputs, reason)| {
                let names: Vec<String> = outputs.iter().map(|name| format!("`{}`", self.called(name))).collect();
                format!("no {}: {reason}", in_words(&names))
            })
            .collect();
        let note = Some(told.join("; ")).filter(|note| !note.is_empty());
        let note = note.or_else(|| outside.map(|(_, reason)| reason).filter(|_| self.kind.is_measured()));
        let names: Vec<&str> = finding.outputs.keys().map(AsRef::as_ref).collect();
        let samples = self.drawn(&inputs, trails, Estimated::Outputs(names.len()), &names);
        let mut outputs = BTreeMap::new();
        let far: Vec<Finding> = self.far().filter_map(|at| self.followed(at, &inputs, trails, &finding).ok()).collect();
        for (name, &value) in &finding.outputs {
            let sample = samples.of(name);
            let sample = if self.kind.is_measured() {
                self.with_noise(value, sample, &finding.at)
            } else if self.kind.is_response(name) {
                self.in_range(sample)
            } else {
                sample
            };
            let found = match self.fit.level {
                Some(level) if !sample.is_empty() => interval(Drawn::Value(value), &sample, level, self.is_on_bound()),
                _ => Interval { value: Some(value), lower: None, upper: None },
            };
            let beyond = far.iter().filter_map(|found| found.outputs.get(name).copied());
            let beyond = beyond.flat_map(|value| self.ends_of_run(value, &finding.at));
            let [lower, upper] = without_open_ends([found.lower, found.upper], beyond);
            let found = Interval { lower, upper, ..found };
            outputs.insert(self.ready.law.roles.named(name), found);
        }
        let reach = extent(self.fit, &finding.at, self.kind.splits(&self.ready.law.roles), self.ready.law);
        let row = Row { group: None, inputs, outputs, reach, note, partly, answered: samples.share_answered() };
        Answered { row, at: finding.at }
    }

    /// The answer for a target that the estimate does not reach.
    fn out_of_reach(
        &self,
        inputs: BTreeMap<String, f64>,
        reason: String,
        beyond: Option<Beyond>,
        trails: &Trails,
    ) -> Answered {
        if let Some(names) = self.reached_by_equals(&inputs) {
            let reason = format!(
                "the rows do not identify {}; other values that fit equally well reach the target, where with the values \
                 of this fit {reason}",
                in_words(&names)
            );
            return refused(inputs, Verdict::NotIdentified, reason);
        }
        let outputs = self.kind.outputs();
        let samples = self.drawn(&inputs, trails, Estimated::OutOfReach(beyond), &outputs[..outputs.len().min(1)]);
        let share = samples.share_answered().filter(|share| *share > 0.0);
        let Answered { mut row, at } = refused(inputs, Verdict::NotReachable, reason);
        let (Some(share), Some(level), Some(output)) = (share, self.fit.level, outputs.first()) else {
            return Answered { row, at };
        };
        row.answered = Some(share);
        let name = self.ready.law.roles.named(output);
        // Between two sides, the draws that reach the target lie on both.
        let found = beyond.map(|beyond| interval(beyond.into(), &samples.of(output), level, self.is_on_bound()));
        let from = match found.as_ref().map(|found| (found.lower, found.upper)) {
            Some((Some(lower), _)) => format!(", from {name} = {lower:.3e} on"),
            Some((_, Some(upper))) => format!(", up to {name} = {upper:.3e}"),
            _ => String::new(),
        };
        let note = row.note.unwrap_or_default();
        let share = if share < 0.01 { "fewer than 1".to_owned() } else { format!("{:.0}", 100.0 * share) };
        row.note = Some(format!("{note}; {share} % of the draws reach it{from}"));
        if let Some(found) = found.filter(|found| found.lower.is_some() || found.upper.is_some()) {
            row.outputs.insert(name, found);
        }
        Answered { row, at }
    }

    /// The lowest and highest possible response of a run.
    ///
    /// These are the law's limits over all sizes, each only where no fitted row lies outside it. For a share, they
    /// are also 0 and 1 where the estimate lies between them.
    fn range(&self, value: f64) -> [f64; 2] {
        let [lowest, highest] = self.ready.range(&self.fit.free);
        let [seen_least, seen_most] = self.fit.seen.unwrap_or([lowest, highest]);
        let lowest = if seen_least < lowest { f64::NEG_INFINITY } else { lowest };
        let highest = if seen_most > highest { f64::INFINITY } else { highest };
        match self.fit.range {
            Some([least, most]) if (least..=most).contains(&value) => [lowest.max(least), highest.min(most)],
            _ => [lowest, highest],
        }
    }

    /// The responses of a finding outside the range of the response, and a warning.
    fn outside_range(&self, finding: &Finding) -> Option<(Vec<String>, String)> {
        // Where the logarithm of a response is fitted, the response is above zero.
        let is_log = self.fit.scale == ResponseScale::Log && self.fit.rows > 0;
        let of_scale = || is_log.then_some([f64::MIN_POSITIVE, f64::INFINITY]);
        let range = self.fit.range.or_else(of_scale)?;
        let is_outside = |(name, value): &(&Cow<'static, str>, &f64)| {
            self.kind.is_response(name) && !(range[0]..=range[1]).contains(*value)
        };
        let outside: Vec<(&Cow<'static, str>, &f64)> = finding.outputs.iter().filter(is_outside).collect();
        let (_, value) = outside.first()?;
        Some((outside.iter().map(|(name, _)| name.to_string()).collect(), left_range(**value, range)))
    }

    /// The reason why no law can reach a target outside the range of the response.
    fn target_outside_range(&self, inputs: &BTreeMap<String, f64>) -> Option<String> {
        let ([least, most], response) = (self.fit.range?, &self.ready.law.response);
        let target = inputs.get(response).filter(|target| !(least..=most).contains(*target))?;
        let as_share = if most <= AS_SHARES && (1.0..=100.0).contains(target) {
            format!("; if per cent are meant, write \"{target} %\"")
        } else {
            String::new()
        };
        Some(format!("not reachable: {response} lies between {least} and {most}, and {target} does not{as_share}"))
    }

    /// The name of an output as users know it: a response has the name of the law's.
    fn called(&self, output: &str) -> String {
        if output == "loss" { self.ready.law.response.clone() } else { self.ready.law.roles.named(output) }
    }

    /// Responses limited to the range of the response.
    fn in_range(&self, sample: Vec<Drawn>) -> Vec<Drawn> {
        let Some([least, most]) = self.fit.range else { return sample };
        let limited = |drawn| match drawn {
            Drawn::Value(value) => Drawn::Value(value.clamp(least, most)),
            other => other,
        };
        sample.into_iter().map(limited).collect()
    }

    /// A value, or the ends of the interval of a run around it where the answer is one of a run.
    fn ends_of_run(&self, value: f64, at: &BTreeMap<String, f64>) -> Vec<f64> {
        let Some(level) = self.fit.level.filter(|_| self.kind.is_measured()) else { return vec![value] };
        let runs = self.with_noise(value, vec![Drawn::Value(value); RUNS], at);
        let Interval { lower, upper, .. } = interval(Drawn::Value(value), &runs, level, true);
        [lower, upper].into_iter().flatten().collect()
    }

    /// Adds a residual of the rows to each draw, scaled to the scatter at a place. All rows of a query use the same
    /// residuals, so an interval does not depend on the other rows of the query.
    fn with_noise(&self, value: f64, sample: Vec<Drawn>, at: &BTreeMap<String, f64>) -> Vec<Drawn> {
        let Fit { noise, scale, .. } = self.fit;
        let scatter = noise.trend.as_ref().map_or(1.0, |trend| trend.factor(|name| at.get(name).copied()));
        let [lowest, highest] = self.range(value);
        let mut random = Random::new(self.seed, "noise", 0);
        let noisy = |(draw, drawn): (usize, Drawn)| {
            let residual = scatter * noise.draw(draw, &mut random);
            match drawn {
                Drawn::Value(value) => Drawn::Value(scale.value(scale.place(value) - residual).clamp(lowest, highest)),
                other => other,
            }
        };
        sample.into_iter().enumerate().map(noisy).collect()
    }
}

/// The results of a number of draws, of which only the outputs are kept, because a finding is large and there may be
/// millions of draws.
fn sampled<'a>(count: usize, outputs: &[&'a str], at: impl Fn(usize) -> Result<Finding, Refusal> + Sync) -> Sample<'a> {
    let mut cells = vec![Drawn::Unknown; count * outputs.len().max(1)];
    let answered = cells
        .par_chunks_mut(outputs.len().max(1))
        .enumerate()
        .map(|(i, cells)| {
            let found = at(i);
            cells.iter_mut().zip(outputs).for_each(|(cell, name)| *cell = drawn(&found, name));
            usize::from(found.is_ok())
        })
        .sum();
    Sample { cells, outputs: outputs.to_vec(), draws: count, answered }
}

/// The warning about a response outside its range.
pub fn left_range(value: f64, [least, most]: [f64; 2]) -> String {
    let where_it_lies =
        if most.is_finite() { format!("lies between {least} and {most}") } else { "is above zero".to_owned() };
    format!("the law gives {value:.4}, and the response {where_it_lies}: the law does not hold here")
}

/// The result of a draw for one output.
fn drawn(sample: &Result<Finding, Refusal>, name: &str) -> Drawn {
    match sample {
        Ok(finding) => {
            let value = finding.outputs.get(name).filter(|value| value.is_finite());
            value.map_or(Drawn::Unknown, |value| Drawn::Value(*value))
        }
        Err(Refusal::NotReachable { beyond: Some(beyond), .. }) => (*beyond).into(),
        Err(_) => Drawn::Unknown,
    }
}

impl From<Beyond> for Drawn {
    fn from(beyond: Beyond) -> Self {
        match beyond {
            Beyond::Smallest => Self::Smaller,
            Beyond::Largest => Self::Larger,
        }
    }
}

fn refused(inputs: BTreeMap<String, f64>, verdict: Verdict, reason: String) -> Answered {
    let reach = Extent::without_distance(verdict);
    let row =
        Row { group: None, inputs, outputs: BTreeMap::new(), reach, note: Some(reason), partly: false, answered: None };
    Answered { row, at: BTreeMap::new() }
}
