//! Writes the advice of a design: sentences and numbers.

use std::collections::BTreeMap;

use super::advice::{Advice, Believed, Decided, Outcomes, Run, Unidentified, Worth};
use super::beliefs::Belief;
use super::candidates::{Candidate, LeftOut};
use super::decision::Judged;
use super::drift::Drift;
use super::given::{Given, Table};
use super::ledger::Ledger;
use super::outcome::Results;
use super::plan::{Step, stop};
use super::search::Purpose;
use super::state::State;
use super::terms::Cost;

impl Given<'_> {
    /// Plans the runs.
    ///
    /// # Errors
    /// The reason why there is no design.
    pub fn advise(&self) -> Result<Advice, String> {
        let (mut table, left_out) = self.prepared()?;
        let outcomes = match &self.results {
            Some(results) => Some(self.learn(&mut table, results)?),
            None => None,
        };
        let chosen = self.chosen(&table);
        self.tell(&table, &chosen, left_out, outcomes)
    }

    /// Writes the advice for chosen runs.
    fn tell(
        &self,
        table: &Table,
        chosen: &[(usize, Purpose)],
        left_out: LeftOut,
        outcomes: Option<Outcomes>,
    ) -> Result<Advice, String> {
        let path = Self::path(table, chosen);
        let stop = stop(&path, table.is_priced);
        let ledger = table.ledger(chosen);
        let runs = self.runs(table, chosen, &path, stop, &ledger);
        let total = table.terms.cost(ledger.flop());
        let (z, is_told) = (self.z(), !self.beliefs.is_open());
        let decisions = self.decisions.iter().zip(&table.judged).enumerate().map(|(i, (decision, judged))| {
            let [now, after] =
                [&path[0].decisions, &path[path.len() - 1].decisions].map(|state| believed(judged, state, i, z));
            // The interval of present knowledge comes directly from the draws.
            let now = if self.results.is_none() {
                let [lower, upper] = judged.interval(self.level, &self.beliefs.shares());
                Believed { lower, upper, ..now }
            } else {
                now
            };
            Decided {
                asks: decision.describe(),
                output: judged.output.clone(),
                weight: decision.weight,
                stake: judged.stake,
                now: is_told.then_some(now),
                after: is_told.then_some(after),
            }
        });
        let decisions: Vec<Decided> = decisions.collect();
        let value = stop.map(|stop| {
            let (step, first) = (&path[stop], &path[stop.max(1).min(path.len() - 1)]);
            let stake: f64 = table.judged.iter().filter_map(|j| j.stake).sum();
            Worth {
                saved: table.terms.cost(step.saved),
                spent: table.terms.cost(step.spent),
                net: step.net(),
                stop_after: stop,
                break_even: (first.saved > 0.0).then(|| stake * first.spent / first.saved),
            }
        });
        let rivals = self.rivals(table, chosen, ledger.flop())?;
        let changes = self.changes(table, chosen)?;
        let simulated = self.simulated(table, chosen);
        let mut warnings: Vec<String> = self.drift.iter().filter_map(Drift::warning).collect();
        warnings.extend(outcomes.as_ref().and_then(Outcomes::warning));
        warnings.extend(self.results.as_ref().and_then(Results::replaced));
        warnings.extend(self.cautions(table, chosen));
        let mut laws: BTreeMap<String, f64> = BTreeMap::new();
        for member in &self.beliefs.members {
            *laws.entry(member.law.name.clone()).or_default() += member.share;
        }
        let unidentified = self.unidentified(table, chosen);
        let mut advice = if is_told {
            advice_in_words(&decisions, value.as_ref(), chosen.len(), &total)
        } else {
            unidentified_in_words(&unidentified, chosen.len(), &total)
        };
        if let Some(cost) = self.beliefs.members.first().and_then(|member| member.law.cost.as_ref()) {
            advice = format!("{advice} Compute is counted by the cost `{}`.", cost.name);
        }
        let [size, data, _] = self.beliefs.roles().map(|roles| roles.decided().map(str::to_owned)).unwrap_or_default();
        Ok(Advice {
            size,
            data,
            advice,
            machine: table.terms.rate.as_ref().map(|rate| rate.described.clone()),
            candidates: table.candidates.len(),
            is_listed: self.pool.is_some(),
            left_out,
            laws,
            scatter: self.beliefs.scatter(),
            level: self.level,
            unidentified,
            decisions,
            runs,
            total,
            hours: ledger.hours(),
            value,
            rivals,
            changes,
            simulated,
            drift: self.drift.clone(),
            outcomes,
            warnings,
        })
    }

    /// The runs with the details that launchers and readers need.
    fn runs(
        &self,
        table: &Table,
        chosen: &[(usize, Purpose)],
        path: &[Step],
        stop: Option<usize>,
        ledger: &Ledger<'_>,
    ) -> Vec<Run> {
        let (z, is_told) = (self.z(), !self.beliefs.is_open());
        let starts = ledger.starts();
        let rounds = ledger.rounds();
        let trunks = ledger.trunks();
        let mut copies: BTreeMap<usize, usize> = BTreeMap::new();
        let run = |(place, &(index, purpose)): (usize, &(usize, Purpose))| {
            let candidate = &table.candidates[index];
            let copy = copies.entry(index).or_default();
            *copy += 1;
            let (before, after) = (&path[place], &path[place + 1]);
            let judged = table.judged.first();
            let spread = z * (table.state.variance(index) + table.plain[index]).sqrt();
            let middle = table.state.mean(index);
            let scale = self.beliefs.scale;
            Run {
                name: candidate.name(*copy),
                order: place + 1,
                round: rounds[place],
                purpose,
                is_worth_it: stop.is_none_or(|stop| place < stop),
                size: Some(candidate.size).filter(|size| !size.is_nan()),
                data: Some(candidate.data).filter(|data| !data.is_nan()),
                others: candidate.others.clone(),
                layers: candidate.shape.map(|(layers, _)| layers),
                width: candidate.shape.map(|(_, width)| width),
                batch: candidate.batch,
                steps: candidate.steps,
                trunk: table.terms.shared_trunk.map(|_| trunks[place]),
                cost: table.terms.cost(after.spent - before.spent),
                hours: table.terms.hours(candidate.flop),
                slot: starts.as_ref().map(|starts| starts[place].0),
                start: starts.as_ref().map(|starts| starts[place].1),
                forecast: is_told.then(|| Believed {
                    value: scale.value(middle),
                    lower: scale.value(middle - spread),
                    upper: scale.value(middle + spread),
                    waste: None,
                }),
                after: judged.filter(|_| is_told).map(|judged| believed(judged, &after.decisions, 0, z)),
                net: stop.map(|_| after.net()),
            }
        };
        chosen.iter().enumerate().map(run).collect()
    }

    /// What the chosen runs settle of each law that the rows do not identify.
    fn unidentified(&self, table: &Table, chosen: &[(usize, Purpose)]) -> BTreeMap<String, Unidentified> {
        let runs: Vec<&Candidate> = chosen.iter().map(|(run, _)| &table.candidates[*run]).collect();
        let noise = table.plain.first().copied().unwrap_or(f64::INFINITY);
        let of = |member: &Belief<'_>| {
            Some((member.law.name.clone(), Unidentified::of(member, self.beliefs, &runs, noise)?))
        };
        self.beliefs.members.iter().filter_map(of).collect()
    }

    /// Warnings about the design itself.
    fn cautions(&self, table: &Table, chosen: &[(usize, Purpose)]) -> Vec<String> {
        let mut cautions = Vec::new();
        let ratios = || chosen.iter().map(|(run, _)| table.candidates[*run].ratio());
        let spread = ratios().fold(f64::NEG_INFINITY, f64::max) - ratios().fold(f64::INFINITY, f64::min);
        if self.decisions.iter().any(|d| self.beliefs.roles().is_some_and(|roles| d.question.member().splits(roles)))
            && !chosen.is_empty()
            && spread < WARNED_SPREAD
        {
            cautions.push("The limits leave runs of about one ratio of data to parameters, which tell little of how compute is split.".to_owned());
        }
        for law in &self.beliefs.rejected {
            cautions.push(format!("The law `{law}` is left out: by Schwarz's criterion its share is below 1 %."));
        }
        if self.beliefs.members.len() == 1 && self.beliefs.rejected.is_empty() && !self.beliefs.is_open() {
            cautions.push("Only one law is used, so no interval includes the possible error of the law. Name several fits to include their disagreement.".to_owned());
        }
        let unanswered = self.decisions.iter().zip(&table.judged).filter(|(_, judged)| judged.is_unanswered());
        for (decision, _) in unanswered {
            cautions.push(format!(
                "{} has no answer for most of the plausible curves, so the runs tell the curves apart at the candidates.",
                decision.describe()
            ));
        }
        if chosen.is_empty() {
            cautions.push("No run is within the budget and the limits.".to_owned());
        }
        cautions
    }
}

/// Spread of the logarithm of data per parameter below which a warning is given.
const WARNED_SPREAD: f64 = 0.7;

/// The value, interval and waste of a decision.
fn believed(judged: &Judged, state: &State, column: usize, z: f64) -> Believed {
    let (mean, variance) = (state.mean(column), state.variance(column));
    let half = z * variance.sqrt();
    Believed {
        value: judged.plain(mean),
        lower: judged.plain(mean - half),
        upper: judged.plain(mean + half),
        waste: judged.per_variance.map(|per| per * variance),
    }
}

/// The advice where the rows do not identify some laws.
fn unidentified_in_words(unidentified: &BTreeMap<String, Unidentified>, count: usize, total: &Cost) -> String {
    let laws: Vec<String> = unidentified
        .iter()
        .map(|(law, open)| format!("The rows do not identify the law `{law}`: {}.", open.reason))
        .collect();
    let settled: Vec<String> = unidentified.values().map(Unidentified::in_words).collect();
    format!(
        "{} Train {count} run{} for {} to identify {}. {} No interval, waste or value of the runs is known yet: add the results to the rows, and plan again.",
        laws.join(" "),
        if count == 1 { "" } else { "s" },
        money(total),
        if laws.len() == 1 { "it" } else { "them" },
        settled.join(" ")
    )
}

/// A cost in dollars where the price is known, else in compute.
fn money(cost: &Cost) -> String {
    match cost.usd {
        Some(usd) => format!("${usd:.0}"),
        None => format!("{:.3e} FLOP", cost.flop),
    }
}

/// The advice in one sentence.
fn advice_in_words(decisions: &[Decided], value: Option<&Worth>, count: usize, total: &Cost) -> String {
    let Some(first) = decisions.first() else { return "There is nothing to decide.".to_owned() };
    let percent = |waste: Option<f64>| waste.map_or_else(String::new, |waste| format!("{:.2} %", 100.0 * waste));
    match value {
        Some(_) if count == 0 => format!(
            "Train no more pilot runs: none is within the budget and the limits. A wrong choice wastes {} of the compute in expectation.",
            percent(first.now.and_then(|now| now.waste))
        ),
        Some(value) if value.stop_after == 0 => format!(
            "Train no more pilot runs: a wrong choice wastes {} of the compute in expectation, and every run costs more than it saves.",
            percent(first.now.and_then(|now| now.waste))
        ),
        Some(value) => format!(
            "Train {} run{} for {}: they save {} in expectation.{}",
            value.stop_after,
            if value.stop_after == 1 { "" } else { "s" },
            money(&value.spent),
            money(&value.saved),
            if value.stop_after < count { " The runs after them cost more than they save." } else { "" }
        ),
        None => {
            let interval = |known: Option<Believed>| {
                known.map_or_else(String::new, |known| format!("[{:.4e}, {:.4e}]", known.lower, known.upper))
            };
            format!(
                "Train {count} run{} for {}: the interval of {} goes from {} to {}.",
                if count == 1 { "" } else { "s" },
                money(total),
                first.output,
                interval(first.now),
                interval(first.after)
            )
        }
    }
}
