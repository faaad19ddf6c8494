//! The forecast distribution of the response: one law or several, each with draws of its parameters and a weight.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::candidates::Candidate;
use super::open::Open;
use crate::fit::{Fit, Span};
use crate::law::{Law, Roles, Tape};
use crate::numerics::{Points, exp, ln};
use crate::objective::ResponseScale;
use crate::query::RunCost;

/// Maximum number of draws of one law, spread evenly over its draws. Time and memory grow with draws times candidates.
const MOST_DRAWS: usize = 400;
/// Laws with a smaller weight count as rejected by the rows.
const LEAST_SHARE: f64 = 0.01;

/// The variables of a law that are neither model size nor data nor compute. A spec must give their values.
pub fn held(law: &Law) -> Vec<&str> {
    let of_run = law.roles.decided();
    law.variables.iter().map(|v| v.name.as_str()).filter(|name| !of_run.contains(name)).collect()
}

/// One law with its draws.
#[derive(Clone, Debug)]
pub struct Belief<'a> {
    /// The law.
    pub law: &'a Law,
    /// Its fit.
    pub fit: &'a Fit,
    /// Draws of its free parameters.
    pub draws: Vec<&'a [f64]>,
    /// Weight of the law.
    pub share: f64,
    /// The sample of plausible parameters, where the rows do not identify the law.
    pub open: Option<&'a Open>,
    /// Indices of model size, data and compute among the law's variables.
    places: [Option<usize>; 3],
    tape: Tape,
    held: Vec<f64>,
    /// The cost of runs.
    pub cost: RunCost,
}

impl<'a> Belief<'a> {
    /// A law with draws of its fit; `hold` contains the values of variables without a role.
    ///
    /// # Errors
    /// What is missing, in words.
    pub fn new(law: &'a Law, fit: &'a Fit, draws: &'a Points, hold: &BTreeMap<String, f64>) -> Result<Self, String> {
        let places = law.roles.decided().map(|name| law.variable(name));
        if let Some(name) = held(law).into_iter().find(|name| !hold.contains_key(*name)) {
            return Err(format!("`{name}` of the law `{}` has no value: hold it in `candidates`", law.formula));
        }
        let held: Vec<f64> = law.variables.iter().map(|v| hold.get(&v.name).copied().unwrap_or(0.0)).collect();
        let step = draws.len().div_ceil(MOST_DRAWS).max(1);
        let draws = draws.iter().step_by(step).collect();
        let cost = RunCost::of(law, &held);
        Ok(Self { law, fit, draws, share: 1.0, open: None, places, tape: law.tape(), held, cost })
    }

    /// A law that the rows do not identify, with plausible parameters as its draws.
    ///
    /// # Errors
    /// What is missing, in words.
    pub fn opened(law: &'a Law, fit: &'a Fit, open: &'a Open, hold: &BTreeMap<String, f64>) -> Result<Self, String> {
        Ok(Self { open: Some(open), ..Self::new(law, fit, &open.draws, hold)? })
    }

    /// The law's variables for a candidate run.
    pub fn at(&self, run: &Candidate) -> Vec<f64> {
        let mut at = self.variables(run.size, run.data);
        if let Some(compute) = self.places[2] {
            at[compute] = run.flop;
        }
        for (name, value) in &run.others {
            if let Some(index) = self.law.variable(name) {
                at[index] = *value;
            }
        }
        at
    }

    /// The law's variables for a run of a model size and data.
    pub fn variables(&self, size: f64, data: f64) -> Vec<f64> {
        let mut at = self.held.clone();
        let values = [size, data, self.cost.flop(size, data)];
        for (place, value) in self.places.into_iter().zip(values) {
            if let Some(index) = place {
                at[index] = value;
            }
        }
        at
    }

    /// The response of a run at a parameter vector.
    pub fn response(&self, parameters: &[f64], size: f64, data: f64) -> f64 {
        self.tape.value_at(parameters, &self.variables(size, data))
    }

    /// The range of model size over the fit's rows.
    pub fn span_of_size(&self) -> Option<Span> {
        self.fit.spans.get(&self.law.variables[self.places[0]?].name).copied()
    }

    /// The range of data over the fit's rows.
    pub fn span_of_data(&self) -> Option<Span> {
        self.fit.spans.get(&self.law.variables[self.places[1]?].name).copied()
    }

    /// The scatter of the rows around the law: the root mean square of their residuals, if the rows identify the law.
    pub fn scatter(&self) -> f64 {
        if let Some(open) = self.open {
            return open.scatter;
        }
        let residuals = &self.fit.noise.residuals;
        let squares: f64 = residuals.iter().map(|r| r * r).sum();
        (squares / residuals.len().max(1) as f64).sqrt()
    }

    /// Schwarz's criterion for normal residuals (Schwarz 1978): n ln(RSS / n) + k ln n. The scatter has RSS / (n - k).
    fn criterion(&self) -> f64 {
        let (rows, parameters) = (self.fit.rows as f64, self.fit.free.len() as f64);
        let unwidened = ((rows - parameters).max(1.0) / rows.max(1.0)).sqrt();
        2.0 * rows * ln((self.scatter() * unwidened).max(f64::MIN_POSITIVE)) + parameters * ln(rows.max(1.0))
    }
}

/// All laws with their weights.
#[derive(Clone, Debug)]
pub struct Beliefs<'a> {
    /// The laws, without those that the rows reject.
    pub members: Vec<Belief<'a>>,
    /// Names of the laws that the rows reject.
    pub rejected: Vec<String>,
    /// The scale of the residuals.
    pub scale: ResponseScale,
}

impl<'a> Beliefs<'a> {
    /// Weights the laws by Schwarz's criterion where the rows identify all of them and are equally many, else equally.
    pub fn new(mut members: Vec<Belief<'a>>) -> Self {
        let scale = members.first().map_or(ResponseScale::Log, |member| member.fit.scale);
        let comparable = members.iter().all(|member| member.open.is_none());
        let comparable = comparable
            && members.windows(2).all(|pair| {
                let [one, other] = [&pair[0], &pair[1]];
                one.fit.rows == other.fit.rows
                    && one.fit.scale == other.fit.scale
                    && one.law.response == other.law.response
            });
        if comparable {
            let best = members.iter().map(Belief::criterion).fold(f64::INFINITY, f64::min);
            members.iter_mut().for_each(|member| member.share = exp(0.5 * (best - member.criterion())));
        }
        let sum: f64 = members.iter().map(|member| member.share).sum();
        members.iter_mut().for_each(|member| member.share /= sum);
        let rejected = members.iter().filter(|m| m.share < LEAST_SHARE).map(|m| m.law.name.clone()).collect();
        members.retain(|member| member.share >= LEAST_SHARE && !member.draws.is_empty());
        let sum: f64 = members.iter().map(|member| member.share).sum();
        members.iter_mut().for_each(|member| member.share /= sum);
        Self { members, rejected, scale }
    }

    /// Whether the rows do not identify some of the laws.
    pub fn is_open(&self) -> bool {
        self.members.iter().any(|member| member.open.is_some())
    }

    /// The law with the largest weight; the first one if several have it.
    pub fn most_believed(&self) -> Option<&Belief<'a>> {
        self.members.iter().rev().max_by(|a, b| a.share.total_cmp(&b.share))
    }

    /// The cost of runs, which all laws share.
    pub fn cost(&self) -> RunCost {
        self.members.first().map_or_else(RunCost::default, |member| member.cost.clone())
    }

    /// The study's names of model size, data and compute.
    pub fn roles(&self) -> Option<&Roles> {
        self.members.first().map(|member| &member.law.roles)
    }

    /// The weight of each draw, law by law.
    pub fn shares(&self) -> Vec<f64> {
        let of = |m: &Belief<'_>| vec![m.share / m.draws.len() as f64; m.draws.len()];
        self.members.iter().flat_map(of).collect()
    }

    /// The scatter of the rows around their laws, over all laws. If runs are repeated, it includes both the scatter
    /// of the repetitions and the error of the law among the rows, since both separate a run from the law.
    pub fn scatter(&self) -> f64 {
        self.members.iter().map(|m| m.share * m.scatter() * m.scatter()).sum::<f64>().sqrt()
    }

    /// Whether repeated runs determine the noise.
    pub fn knows_noise(&self) -> bool {
        self.members.iter().any(|m| m.fit.evidence.replicates.as_ref().is_some_and(|r| r.pure_error.is_some()))
    }

    /// The responses of runs on the scale of the residuals: for each run one value per draw.
    pub fn responses(&self, runs: &[&Candidate]) -> Vec<Vec<f64>> {
        let by_member: Vec<Vec<Vec<f64>>> = self.members.iter().map(|member| self.of_member(member, runs)).collect();
        (0..runs.len()).map(|run| by_member.iter().flatten().map(|draw| draw[run]).collect()).collect()
    }

    /// The responses of runs by one law: for each run one value per draw of the law.
    pub fn responses_of(&self, member: &Belief<'_>, runs: &[&Candidate]) -> Vec<Vec<f64>> {
        let by_draw = self.of_member(member, runs);
        (0..runs.len()).map(|run| by_draw.iter().map(|draw| draw[run]).collect()).collect()
    }

    /// For each draw of a law, the responses of all runs.
    fn of_member(&self, member: &Belief<'_>, runs: &[&Candidate]) -> Vec<Vec<f64>> {
        let at: Vec<Vec<f64>> = runs.iter().map(|run| member.at(run)).collect();
        let columns: Vec<Vec<f64>> =
            (0..member.law.variables.len()).map(|v| at.iter().map(|row| row[v]).collect()).collect();
        let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
        let bound = member.tape.bind(&columns, runs.len());
        let place = |value: f64| self.scale.place(value);
        member.draws.par_iter().map(|draw| member.tape.values(&bound, draw).into_iter().map(place).collect()).collect()
    }
}
