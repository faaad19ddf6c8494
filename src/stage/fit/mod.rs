//! Fit: estimates the parameters of a law from a table, with evidence and draws.

mod backtest;
mod choice;
mod estimate;
mod holdout;
mod origins;
mod parts;
mod rows;
mod together;
mod written;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use parts::{ESTIMATE, Estimate, REFITS, Refits, WrittenEstimate, WrittenRefits};
pub use written::WrittenFit;

use super::{Failure, Inputs, Laws, NO_ROWS, Stage, WrittenStage, json_bytes};
use crate::artifact::Outputs;
use crate::dataset::{Column, Dataset, GroupName};
use crate::evidence::{self, Shape};
use crate::fit::{
    Evidence, Fit, HELD, LocalOptimum, Noise, PREDICTED, ProfileCurve, RESIDUAL, Reference, Region, Status,
};
use crate::law::Law;
use crate::numerics::{Points, ln};
use crate::objective::Objective;
use crate::problem::Problem;
use crate::search::{Optimum, Search, Starts, from_listed, search};
use crate::solver::Solver;
use crate::source::Missing;
use crate::uncertainty::{Division, Draws, Fitted, Method, Uncertainty};
use crate::warning::Warning;
use crate::watch::{Cancelled, Watch};
pub use origins::Origins;
pub(super) use origins::cuts;
use parts::{Parts, Place, Posed, Work};
use rows::Rows;
pub(super) use rows::numbers;

/// Revision of fits and of their parts, which compute the same numbers.
const REV: u32 = 28;

/// The stage that fits a law to rows.
#[derive(Clone, Debug)]
pub struct FitLaw {
    /// The law.
    pub law: Arc<Law>,
    /// Other laws that are fitted to the same rows.
    pub alternatives: Vec<Arc<Law>>,
    /// Settings of the fit.
    pub method: FitMethod,
    /// The roles of the columns.
    pub roles: RowRoles,
    /// Seed of the study.
    pub seed: u64,
    /// How to treat a row outside the law's domain.
    pub missing: Missing,
    /// Whether there are rows; without rows the constants are given.
    pub has_rows: bool,
    /// Names of the source's files for messages.
    pub files: Vec<String>,
    /// Maximum number of groups. It is in no key, because no result depends on it.
    pub most_groups: usize,
}

/// Settings of a fit.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct FitMethod {
    /// The objective.
    pub objective: Objective,
    /// The solver.
    pub solver: Solver,
    /// The starts of the search.
    pub starts: Starts,
    /// The method of the intervals.
    pub uncertainty: Option<Uncertainty>,
    /// The backtest.
    pub backtest: Option<Origins>,
}

/// Roles of columns that are not variables of the law.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each says one thing about the rows")]
pub struct RowRoles {
    /// Rows for which this condition holds are scored and not fitted.
    pub holdout: Option<String>,
    /// Weight of each row.
    pub weights: Option<String>,
    /// Standard deviation of each row's response.
    pub noise: Option<String>,
    /// Columns whose values are equal in runs of one configuration.
    pub replicates: Vec<String>,
    /// Columns whose values are equal in rows of one run; such rows are resampled together.
    pub clusters: Vec<String>,
    /// The column that defines groups, each of which is fitted.
    pub by: Option<String>,
    /// Whether each group consists of all rows with another value of that column.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub leave_out: bool,
    /// Whether a fit without rows gives no values and no error; set for variations of a study.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub varied: bool,
    /// Parameters that all groups share.
    pub share: Vec<String>,
    /// Whether the response is a share, such as an accuracy, from 0 to 1 or in per cent. Other rows override this.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub response_is_share: bool,
    /// Whether the response has the unit of a share. Its values are then parts of one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub response_has_share_unit: bool,
}

impl Stage for FitLaw {
    fn kind(&self) -> &'static str {
        "fit"
    }

    fn impl_rev(&self) -> u32 {
        REV + self.method.uncertainty.as_ref().map_or(0, |uncertainty| uncertainty.member().rev())
    }

    fn settings(&self) -> serde_json::Value {
        let FitMethod { objective, solver, starts, uncertainty, backtest } = &self.method;
        serde_json::json!({
            "law": self.law.fingerprint(),
            "alternatives": self.alternatives.iter().map(|law| law.fingerprint()).collect::<Vec<_>>(),
            "objective": objective,
            "solver": solver,
            "starts": starts,
            "uncertainty": uncertainty,
            "backtest": backtest,
            "roles": self.roles,
            // A fit without random numbers does not depend on the seed.
            "seed": (uncertainty.is_some() || !self.alternatives.is_empty()).then_some(self.seed),
            "missing": self.missing,
            "rows": self.has_rows,
            "numerics": crate::numerics::NUMERICS_REV,
        })
    }

    fn written(&self, laws: &mut Laws) -> Option<WrittenStage> {
        Some(WrittenStage::Fit(Box::new(WrittenFit::of(self, laws))))
    }

    fn produces(&self, roles: &[&str]) -> bool {
        roles == ["draws", "fit", "rows"]
    }

    fn run(&self, inputs: &Inputs, watch: &Watch<'_>) -> Result<Outputs, Failure> {
        if !self.has_rows {
            return outputs(self.without_rows(), Vec::new(), &Dataset::default());
        }
        match self.fit(inputs, watch) {
            Err(failure) if self.roles.varied && RUN_OUT.contains(&failure.code) => {
                outputs(self.without_values(failure.message), Vec::new(), &Dataset::default())
            }
            done => done,
        }
    }
}

/// Failures caused by the rows and not by the spec.
const RUN_OUT: [&str; 3] = [NO_ROWS, "empty-holdout", "no-optimum"];

impl FitLaw {
    fn fit(&self, inputs: &Inputs, watch: &Watch<'_>) -> Result<Outputs, Failure> {
        let rows = Rows::read(self, inputs.table("table")?)?;
        let parts = Parts::read(inputs)?;
        let work = Work { parts: &parts, watch: *watch };
        let fitted =
            if self.roles.share.is_empty() { self.fit_apart(&rows, work)? } else { self.fit_together(&rows, work)? };
        let mut members = fitted.members;
        let table = self.with_predictions(&rows, &members)?;
        let draws = draws_of(&members);
        let fit = match (&self.roles.by, fitted.whole) {
            (None, _) => members.remove(0).fit,
            (Some(by), whole) => self.of_groups(by, &rows, whole, members),
        };
        outputs(fit, draws, &table)
    }
}

/// The draws of all members as bytes.
fn draws_of(members: &[Member]) -> Vec<u8> {
    let numbers = members.iter().map(|member| member.draws.len() * (member.fit.free.len() + 1));
    let mut bytes = Vec::with_capacity(size_of::<f64>() * numbers.sum::<usize>());
    bytes.extend(members.iter().flat_map(Member::draws_with_scatter).flat_map(f64::to_le_bytes));
    bytes
}

fn outputs(fit: Fit, draws: Vec<u8>, rows: &Dataset) -> Result<Outputs, Failure> {
    let rows = crate::source::to_bytes(rows).map_err(|error| Failure::internal(error.to_string()))?;
    Ok(BTreeMap::from([
        ("fit".to_owned(), json_bytes(&fit.finite())?),
        ("draws".to_owned(), Arc::new(draws)),
        ("rows".to_owned(), Arc::new(rows)),
    ]))
}

/// A fit with its draws of the free parameters.
struct Member {
    fit: Fit,
    draws: Points,
}

impl Member {
    /// The free parameters of each draw, followed by its scatter.
    fn draws_with_scatter(&self) -> impl Iterator<Item = f64> {
        let draws = self.draws.iter().zip(&self.fit.noise.scatter);
        draws.flat_map(|(draw, scatter)| draw.iter().chain(std::iter::once(scatter)).copied())
    }

    /// The member with the results of an uncertainty method; `places` are the coordinates of the member's free
    /// parameters.
    fn by(mut self, law: &Law, problem: &Problem, draws: &Draws, places: &[usize]) -> Self {
        self.fit.uncertainty = draws.picked.clone().or(self.fit.uncertainty);
        let free = law.free();
        let value = |place: usize, x: f64| problem.coordinates()[place].parameter(x);
        for (parameter, &place) in free.iter().zip(places) {
            let Some(curve) = draws.curves.iter().find(|curve| curve.coordinate == place) else { continue };
            let estimate = self.fit.parameters.get_mut(&parameter.name).filter(|_| curve.is_interval);
            if let Some(estimate) = estimate {
                estimate::set_interval(estimate, curve.ends.map(|end| end.map(|x| value(place, x))));
            }
            self.fit.profiles.push(ProfileCurve {
                parameter: parameter.name.clone(),
                level: self.fit.level.unwrap_or_default(),
                threshold: curve.threshold,
                closed: curve.closed(),
                points: curve.points.iter().map(|[x, rise]| [value(place, *x), *rise]).collect(),
            });
        }
        for region in &draws.regions {
            let names = region.pair.map(|place| places.iter().position(|p| *p == place).map(|j| free[j].name.clone()));
            let [Some(one), Some(other)] = names else { continue };
            let [a, b] = region.pair;
            self.fit.regions.push(Region {
                parameters: [one, other],
                level: self.fit.level.unwrap_or_default(),
                points: region.points.iter().map(|[x, y]| [value(a, *x), value(b, *y)]).collect(),
                closed: region.closed,
            });
        }
        self
    }
}

/// The result of fitting: a member per group, and results for all groups together.
struct FittedGroups {
    members: Vec<Member>,
    whole: Option<Whole>,
}

/// The result for groups that share parameters.
struct Whole {
    objective: f64,
    evidence: Evidence,
}

/// The rows of a problem that have a weight, with their clusters numbered from zero.
fn counted(problem: &Problem, clusters: &[usize]) -> (Problem, Vec<usize>) {
    let busy = problem.without_idle_rows();
    let kept: Vec<usize> =
        problem.weights().zip(clusters).filter(|(weight, _)| *weight > 0.0).map(|(_, cluster)| *cluster).collect();
    if kept.len() == clusters.len() || kept.len() != busy.rows() {
        return (problem.clone(), clusters.to_vec());
    }
    (busy, rows::renumbered(kept.into_iter()))
}

/// The seed of the draws of a fit: that of the study, with the pattern of the residuals. Fits of different rows have
/// independent errors, also where their rows have equal sizes, so their draws must not come from the same random numbers.
/// The pattern depends neither on units nor on the form of the law, nor on copies of rows.
fn seed_of_rows(seed: u64, problem: &Problem, optimum: &[f64]) -> u64 {
    let residuals = problem.unscaled_residuals(optimum);
    let largest = residuals.iter().fold(0.0, |largest: f64, residual| largest.max(residual.abs()));
    let steps = |residual: &f64| (PATTERN_STEPS * residual / largest).round() as i64;
    let pattern: BTreeSet<i64> = residuals.iter().map(steps).collect();
    let mut bytes = seed.to_le_bytes().to_vec();
    pattern.into_iter().for_each(|step| bytes.extend(step.to_le_bytes()));
    let digest = blake3::hash(&bytes);
    digest.as_bytes()[..8].iter().rev().fold(0, |word, byte| (word << 8) | u64::from(*byte))
}

/// Steps of the largest residual to which the pattern of residuals is rounded: few enough for optima that differ by
/// rounding.
const PATTERN_STEPS: f64 = 1000.0;

/// The result of a search.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
struct Found {
    search: Search,
    /// The best known optimum, if the search was not the default one.
    reference: Option<Optimum>,
}

impl FitLaw {
    /// Fits each group on its own.
    fn fit_apart(&self, rows: &Rows, work: Work<'_>) -> Result<FittedGroups, Failure> {
        let (whole, groups) = (work.watch, rows.groups.len());
        let work = Work { watch: self.watch_of_one(rows, &whole), ..work };
        let members = rows.groups.iter().enumerate().map(|(index, group)| {
            let posed = self.pose(rows, Place { origin: None, group: index }, group)?;
            let found = self.found(&posed, work)?;
            let best = found.best(self)?.point.clone();
            let mut draws = self.draw(&posed, &found, work)?;
            let Posed { problem, labels, .. } = posed;
            let mut shape = evidence::shape(&problem, &self.law, &labels, &best);
            shape.warnings.extend(evidence::disagreement(&labels, &draws.disagreements));
            shape.warnings.extend(evidence::other_solutions(&problem, &labels, &found.search.twins));
            shape.equals.extend(found.search.twins.iter().cloned());
            let evidence = self.evidence(&problem, &found, &mut shape, &draws);
            let cost = found.best(self)?.cost;
            let own = draws.take_points();
            let noise = Noise { scatter: own.scatter.clone(), ..self.noise(rows, &[group], &problem, &best)? };
            let member = self.member(rows, group, &problem, &best, cost, shape, own, noise, evidence)?;
            let places: Vec<usize> = (0..problem.size()).collect();
            let mut member = member.by(&self.law, &problem, &draws, &places);
            if let Some(origins) = &self.method.backtest {
                member.fit.backtest = self.backtest(origins, rows, (index, group), work)?;
                if member.fit.backtest.is_none() {
                    member.fit.evidence.warnings.push(Warning::from(format!(
                        "There is no backtest along {}: no origin has enough rows before it and any after it.",
                        origins.along
                    )));
                }
            }
            if !self.alternatives.is_empty() {
                let choice = self.choose(rows, group, &work.watch)?;
                member.fit.evidence.warnings.extend(choice.warnings.iter().cloned().map(Warning::from));
                member.fit.choice = Some(choice);
            }
            if groups > 1 {
                (whole.tick)(index + 1, groups);
            }
            Ok(member)
        });
        Ok(FittedGroups { members: members.collect::<Result<_, Failure>>()?, whole: None })
    }

    /// Runs the chosen procedure. If that is not the default search, also looks for the global optimum.
    fn search(&self, problem: &Problem, watch: &Watch<'_>) -> Result<Found, Failure> {
        let FitMethod { solver, starts, .. } = self.method;
        let found = match starts {
            Starts::Search => search(problem, &self.law, solver, watch)?,
            Starts::Grid => from_listed(problem, &self.law, solver, watch)?,
        };
        if solver == Solver::default() && starts == Starts::Search {
            return Ok(Found { search: found, reference: None });
        }
        let best = search(problem, &self.law, Solver::default(), watch)?;
        Ok(Found { search: found, reference: best.optima.into_iter().next() })
    }

    /// The optima of a problem, from the parts or from a search.
    fn found(&self, posed: &Posed, work: Work<'_>) -> Result<Found, Failure> {
        match work.parts.found(posed.place) {
            Some(found) => Ok(found.clone()),
            None => self.search(&posed.problem, &work.watch),
        }
    }

    /// The best known optimum in the words of a report.
    fn reference(&self, problem: &Problem, optimum: &Optimum) -> Reference {
        let first = problem.block(0).parameters(&problem.point_of_block(0, &optimum.point));
        let names = self.law.parameters.iter().map(|p| p.name.clone());
        Reference { objective: optimum.cost, parameters: names.zip(self.law.complete(&first)).collect() }
    }

    fn draw(&self, posed: &Posed, found: &Found, work: Work<'_>) -> Result<Draws, Failure> {
        let (best, division) = (found.best(self)?, work.parts.division(posed.place));
        let draws = self.resample(posed, found, best, division, work.watch, |method, fitted| method.draw(fitted))?;
        Ok(draws.unwrap_or_default())
    }

    /// Runs the method of uncertainty on a problem at its optimum; `None` without a method or without free
    /// parameters.
    fn resample<T>(
        &self,
        posed: &Posed,
        found: &Found,
        best: &Optimum,
        division: Division<'_>,
        watch: Watch<'_>,
        run: impl FnOnce(&dyn Method, &Fitted<'_>) -> Result<T, Cancelled>,
    ) -> Result<Option<T>, Failure> {
        let Posed { problem, labels, clusters, .. } = posed;
        let optimum = &best.point;
        let Some(uncertainty) = self.method.uncertainty.as_ref().filter(|_| !optimum.is_empty()) else {
            return Ok(None);
        };
        let rivals = found.search.rivals(problem.rows().saturating_sub(problem.size()));
        // Rows without weight are not among the independent ones.
        let (problem, clusters) = &counted(problem, clusters);
        let by_variance = self.roles.weights.as_ref().filter(|_| self.roles.replicates.is_empty());
        let by_variance = by_variance.and_then(|_| problem.with_weights_as_variances(optimum));
        let problem = by_variance.as_ref().unwrap_or(problem);
        let names: Vec<String> = labels.iter().map(|label| label.text.clone()).collect();
        let fitted = Fitted {
            problem,
            law: &self.law,
            optimum,
            rivals: &rivals,
            names: &names,
            clusters,
            seed: seed_of_rows(self.seed, problem, optimum),
            division,
            watch,
        };
        Ok(Some(run(uncertainty.member(), &fitted)?))
    }

    fn evidence(&self, problem: &Problem, found: &Found, shape: &mut Shape, draws: &Draws) -> Evidence {
        let search = &found.search;
        let mut warnings = evidence::of_search(search);
        let is_open = shape.statuses.contains(&Status::NotIdentified);
        if is_open || search.optima.first().is_none_or(|best| !best.converged) {
            warnings.extend(evidence::far_from_zero(&self.law, &problem.variables()));
        }
        warnings.append(&mut shape.warnings);
        warnings.extend(draws.warnings.iter().cloned());
        let best = search.optima.first();
        let reference = found.reference.as_ref().map(|optimum| self.reference(problem, optimum));
        if let (Some(best), Some(reference)) = (best, &reference) {
            let first = problem.block(0).parameters(&problem.point_of_block(0, &best.point));
            let statuses: Vec<Status> = problem.places()[0].iter().map(|&place| shape.statuses[place]).collect();
            warnings.extend(evidence::compared_with_optimum(&self.law, &first, &statuses, best.cost, reference));
        }
        let shown = search.optima.iter().filter(|o| o.converged).take(10);
        Evidence {
            converged: best.is_some_and(|b| b.converged),
            gradient_norm: Some(shape.gradient_norm),
            starts: search.starts,
            grid_points: search.grid,
            starts_at_best: best.map_or(0, |b| b.starts),
            solver: self.method.solver,
            failed_starts: search.failed,
            unresolved_starts: search.unresolved,
            optima: shown.map(|o| LocalOptimum { objective: o.cost, starts: o.starts }).collect(),
            reference,
            replicates: None,
            condition_number: shape.condition_number,
            doubts: Vec::new(),
            warnings: warnings.into_iter().map(Warning::from).collect(),
        }
    }

    /// The fit of a law with given constants.
    fn without_rows(&self) -> Fit {
        Fit { parameters: estimate::estimates(&self.law, &[], &Points::default(), &[], &[], None).0, ..self.blank() }
    }

    /// A fit without values, and the reason.
    fn without_values(&self, reason: String) -> Fit {
        Fit { evidence: Evidence { warnings: vec![reason.into()], ..Evidence::default() }, ..self.blank() }
    }

    /// The parts of a fit that are known before fitting.
    fn blank(&self) -> Fit {
        Fit {
            law: self.law.name.clone(),
            formula: self.law.formula.clone(),
            rows: 0,
            objective: None,
            objective_kind: "nothing: every parameter is fixed".to_owned(),
            scale: self.method.objective.scale(),
            parameters: BTreeMap::new(),
            evidence: Evidence { converged: true, ..Evidence::default() },
            holdout: None,
            backtest: None,
            choice: None,
            profiles: Vec::new(),
            regions: Vec::new(),
            uncertainty: None,
            level: None,
            spans: BTreeMap::new(),
            rays: Vec::new(),
            flat: Vec::new(),
            equals: Vec::new(),
            far: Vec::new(),
            too_few_settings: Vec::new(),
            noise: Noise::default(),
            range: None,
            seen: None,
            free: Vec::new(),
            draws: 0,
            by: None,
            groups: BTreeMap::new(),
        }
    }

    /// The fit of all groups, with the shared results.
    fn of_groups(&self, by: &str, rows: &Rows, whole: Option<Whole>, members: Vec<Member>) -> Fit {
        let mut groups = BTreeMap::new();
        for (group, member) in rows.groups.iter().zip(members) {
            groups.insert(GroupName(group.name().to_owned()), member.fit);
        }
        let objective = match &whole {
            Some(whole) => whole.objective,
            None => groups.values().filter_map(|fit| fit.objective).sum(),
        };
        let first = groups.values().next();
        let parameters = first.map(|fit| fit.parameters.clone()).unwrap_or_default();
        let common = parameters.into_iter().filter(|(name, _)| self.roles.share.contains(name)).collect();
        let apart = || Evidence {
            converged: groups.values().all(|fit| fit.evidence.converged),
            solver: self.method.solver,
            ..Evidence::default()
        };
        Fit {
            rows: groups.values().map(|fit| fit.rows).sum(),
            objective: Some(objective),
            parameters: common,
            evidence: whole.map_or_else(apart, |whole| whole.evidence),
            uncertainty: first.and_then(|fit| fit.uncertainty.clone()),
            level: first.and_then(|fit| fit.level),
            objective_kind: self.method.objective.describe(),
            by: Some(by.to_owned()),
            groups,
            ..self.blank()
        }
    }

    /// The rows with the predictions of the law, for the report.
    fn with_predictions(&self, rows: &Rows, members: &[Member]) -> Result<Dataset, Failure> {
        let mut data = rows.data.clone();
        let mut predicted = vec![f64::NAN; data.rows()];
        for (group, member) in rows.groups.iter().zip(members) {
            let own: Vec<usize> = [&group.fitted[..], &group.held[..]].concat();
            let part = data.select(&own);
            let tape = self.law.tape();
            let values = tape.values(&tape.bind(&self.variables(&part)?, part.rows()), &member.fit.free);
            own.iter().zip(values).for_each(|(&row, value)| predicted[row] = value);
        }
        let residual: Vec<f64> = predicted.iter().zip(self.response(&data)?).map(|(p, o)| ln(p / o)).collect();
        let mut held = vec![0.0; data.rows()];
        rows.groups.iter().flat_map(|group| &group.held).for_each(|&row| held[row] = 1.0);
        data.insert(PREDICTED, Column::Numbers(predicted));
        data.insert(RESIDUAL, Column::Numbers(residual));
        data.insert(HELD, Column::Numbers(held));
        Ok(data)
    }

    fn variables<'a>(&self, data: &'a Dataset) -> Result<Vec<&'a [f64]>, Failure> {
        self.law.variables.iter().map(|v| rows::column(data, &v.name)).collect()
    }

    /// Columns of the law's variables by name, without those of a schedule's knots.
    fn sizes_by_name<'a>(&self, columns: &[&'a [f64]]) -> BTreeMap<&str, &'a [f64]> {
        let named = self.law.variables.iter().zip(columns).filter(|(variable, _)| !variable.is_of_knot());
        named.map(|(variable, column)| (variable.name.as_str(), *column)).collect()
    }

    fn response<'a>(&self, data: &'a Dataset) -> Result<&'a [f64], Failure> {
        rows::column(data, &self.law.response)
    }
}

impl Found {
    fn best(&self, fit: &FitLaw) -> Result<&Optimum, Failure> {
        self.search.optima.first().ok_or_else(|| {
            Failure::new("no-optimum", format!("the law `{}` is not finite at any start", fit.law.formula))
                .hint("give the parameters other starts or bounds")
        })
    }
}
