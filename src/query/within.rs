//! The best and the cheapest splits within limits.

use std::collections::BTreeMap;

use super::budget::Budget;
use super::limits::{Allowed, Limits, ROUNDING};
use super::model::Model;
use super::price::Curve;
use super::split::{Grid, Split, best_between, split_freely};
use super::surface::Surface;
use super::{Beyond, Refusal};
use crate::numerics::{exp, ln};
use crate::solver::root;

/// The one of the two sizes that is given; the other is computed from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Given {
    Size,
    Data,
}

impl Given {
    /// Model size and data, in this order.
    const fn pair(self, given: f64, other: f64) -> [f64; 2] {
        match self {
            Self::Size => [given, other],
            Self::Data => [other, given],
        }
    }
}

impl Limits {
    const fn of_given(&self, given: Given) -> (&Allowed, &Allowed) {
        match given {
            Given::Size => (&self.size, &self.data),
            Given::Data => (&self.data, &self.size),
        }
    }

    /// The smallest allowed value that is at least `value`, at which a response is reached.
    ///
    /// # Errors
    /// There is none, or the response at it misses the target again.
    pub(super) fn raised(
        &self,
        model: &Model<'_>,
        target: f64,
        (name, value): (&str, f64),
        base: &[f64],
    ) -> Result<f64, Refusal> {
        let roles = &model.ready.law.roles;
        let Some((_, allowed)) = self.named(roles).into_iter().find(|(limited, _)| *limited == name) else {
            return Ok(value);
        };
        if allowed.allows(value) {
            return Ok(value);
        }
        let raised = allowed.from(value).ok_or_else(|| Refusal::NotReachable {
            reason: format!("not within the limits: it takes {name} = {value:.4e}, and the limit is {name} {allowed}"),
            beyond: Some(Beyond::Largest),
        })?;
        let sign = model.sign(base, &[name]);
        let surface = model.surface()?;
        let response = surface.at(model.parameters, base, [ln(raised), 0.0]).value;
        if sign * response <= sign * target {
            return Ok(raised);
        }
        let reason = format!("not within the limits: the response at {name} = {raised:.4e} is {response:.4} again");
        Err(Refusal::NotReachable { reason, beyond: None })
    }

    /// The best split of a budget within the limits. The whole budget is spent unless the limits forbid it.
    ///
    /// # Errors
    /// No split keeps the limits, or the law has no best one.
    pub(super) fn best_split(&self, model: &Model<'_>, budget: Budget, base: &[f64]) -> Result<Split, Refusal> {
        let asked = exp(budget.log) * super::FLOP_PER_PARAMETER_AND_TOKEN;
        let Some(paid) = self.compute.up_to(asked) else {
            return Err(self.nothing(model, &format!("the budget of {asked:.3e} FLOP is below the limit")));
        };
        if paid >= asked {
            return self.best_of(model, budget, asked, base);
        }
        // More budget cannot be spent, so it changes nothing.
        self.best_of(model, Budget::training(paid), paid, base).map(|split| Split { slope: 0.0, ..split })
    }

    /// The best split of a budget, given also in FLOP, within the limits of size and data.
    fn best_of(&self, model: &Model<'_>, budget: Budget, paid: f64, base: &[f64]) -> Result<Split, Refusal> {
        let free = split_freely(model, budget, base);
        if let Ok(split) = &free
            && self.allows([split.n, split.d])
        {
            return free;
        }
        let sign =
            free.as_ref().map_or_else(|_| model.sign(base, &model.ready.law.roles.decided()), |split| split.sign);
        let curve = model.curve(base, budget.served);
        let listed = !(self.size.one_of.is_empty() && self.data.one_of.is_empty());
        let points = if listed {
            self.listed(&curve, paid)
        } else {
            self.between(model, budget, base, sign, &curve, paid, &free)?
        };
        let value = |[n, d]: &[f64; 2]| model.at_sizes(base, *n, *d).ok().map(|response| (sign * response, [*n, *d]));
        let best = points.iter().filter_map(value).min_by(|a, b| a.0.total_cmp(&b.0));
        let Some((_, point)) = best else {
            return Err(self.nothing(model, &format!("with {paid:.3e} FLOP")));
        };
        let split = self.split(model, base, point, sign)?;
        if self.compute.allows(split.compute) {
            return Ok(split);
        }
        Err(self.nothing(model, &format!("the other limits leave only {:.3e} FLOP to spend", split.compute)))
    }

    /// For each listed value, the split with the most of the other size that the budget pays for.
    fn listed(&self, curve: &Curve, paid: f64) -> Vec<[f64; 2]> {
        let given = if self.size.one_of.is_empty() { Given::Data } else { Given::Size };
        let (own, other) = self.of_given(given);
        let along = |value: &f64| {
            let rest = match given {
                Given::Size => curve.data_for(paid, *value),
                Given::Data => curve.size_for(paid, *value),
            };
            Some(given.pair(*value, other.up_to(rest).filter(|rest| *rest >= 1.0)?))
        };
        own.one_of.iter().filter_map(along).collect()
    }

    /// The best split on the part of a budget's curve that is within the limits. Where the whole curve is outside, the
    /// largest allowed model with the most allowed data, if the budget pays for them.
    fn between(
        &self,
        model: &Model<'_>,
        budget: Budget,
        base: &[f64],
        sign: f64,
        curve: &Curve,
        paid: f64,
        free: &Result<Split, Refusal>,
    ) -> Result<Vec<[f64; 2]>, Refusal> {
        let grid = Grid::new(model, budget, base, sign)?;
        let [first, last] = grid.ends();
        // ln(N / D) where a limit meets the curve: it grows with size, and falls with data.
        let at_size = |n: f64| ln(n) - ln(curve.data_for(paid, n));
        let at_data = |d: f64| ln(curve.size_for(paid, d)) - ln(d);
        let lows = [self.size.least.map(at_size), self.data.most.map(at_data)];
        let highs = [self.size.most.map(at_size), self.data.least.map(at_data)];
        let low = lows.into_iter().flatten().fold(first, f64::max);
        let high = highs.into_iter().flatten().fold(last, f64::min);
        if low > high {
            // Both upper limits cost less than the budget, or both lower limits cost more.
            let corner = self.size.most.zip(self.data.most).map(|(n, d)| [n, d]);
            return Ok(corner
                .filter(|corner| curve.flop(*corner, 0.0) <= paid * (1.0 + ROUNDING))
                .into_iter()
                .collect());
        }
        let near = free.as_ref().ok().map(|split| split.place);
        let place = best_between(model, model.surface()?, &grid, near, [low, high]);
        let place = place.ok_or_else(|| self.nothing(model, "the law has no finite value there"))?;
        if place == first || place == last {
            // The response improves towards an end of the curve, where no limit is.
            return Err(free
                .as_ref()
                .err()
                .cloned()
                .unwrap_or_else(|| self.nothing(model, "the response improves without end")));
        }
        Ok(vec![grid.at(place).map(exp)])
    }

    /// The cheapest split within the limits that reaches a target.
    ///
    /// # Errors
    /// There is none.
    pub(super) fn cheapest(
        &self,
        model: &Model<'_>,
        target: f64,
        base: &[f64],
        free: Result<Split, Refusal>,
    ) -> Result<Split, Refusal> {
        let split = match free {
            Ok(split) if self.allows([split.n, split.d]) => split,
            Err(refusal @ Refusal::NotReachable { .. }) => return Err(refusal),
            other => self.cheapest_on_border(model, target, base, other.ok())?,
        };
        let split = match self.compute.least {
            Some(least) if split.compute < least => self.best_split(model, Budget::training(least), base)?,
            _ => split,
        };
        let at = BTreeMap::from([(model.ready.law.roles.compute.clone(), split.compute)]);
        self.check(&model.ready.law.roles, &at).map(|()| split)
    }

    /// The cheapest split where the cheapest one of all is outside the limits. It then lies on a limit.
    fn cheapest_on_border(
        &self,
        model: &Model<'_>,
        target: f64,
        base: &[f64],
        free: Option<Split>,
    ) -> Result<Split, Refusal> {
        let surface = model.surface()?;
        let sign = free.map_or_else(|| model.sign(base, &model.ready.law.roles.decided()), |split| split.sign);
        let curve = model.curve(base, 0.0);
        let mut found: Vec<[f64; 2]> = Vec::new();
        for given in [Given::Size, Given::Data] {
            let (own, other) = self.of_given(given);
            for value in own.borders() {
                let needed = reaching(model, surface, base, sign, target, given, value);
                found.extend(needed.and_then(|needed| other.from(needed)).map(|rest| given.pair(value, rest)));
            }
        }
        let reaches = |[n, d]: [f64; 2]| {
            let response = model.at_sizes(base, n, d);
            response.is_ok_and(|response| sign * (response - target) <= ROUNDING * target.abs())
        };
        found.retain(|point| self.allows(*point) && reaches(*point));
        let cost = |point: &[f64; 2]| curve.flop(*point, 0.0);
        let best = found.into_iter().min_by(|a, b| cost(a).total_cmp(&cost(b)));
        let beyond = || Refusal::NotReachable {
            reason: format!("not reachable within the limits: {}", self.in_words(&model.ready.law.roles)),
            beyond: Some(Beyond::Largest),
        };
        self.split(model, base, best.ok_or_else(beyond)?, sign)
    }

    /// A split at given sizes.
    fn split(&self, model: &Model<'_>, base: &[f64], [n, d]: [f64; 2], sign: f64) -> Result<Split, Refusal> {
        let (curve, logs) = (model.curve(base, 0.0), [ln(n), ln(d)]);
        let here = model.surface()?.at(model.parameters, base, logs);
        let by_size = curve.by_size(logs);
        let by_data = by_size * curve.exchange(0.0, logs)[0];
        // More compute would be spent on the size that is not at a limit.
        let is_on = |allowed: &Allowed, value: f64| {
            !allowed.one_of.is_empty()
                || [allowed.least, allowed.most].iter().flatten().any(|end| (value / end - 1.0).abs() <= ROUNDING)
        };
        let slope = match (is_on(&self.size, n), is_on(&self.data, d)) {
            (true, true) => 0.0,
            (true, false) => here.slope[1] / by_data,
            _ => here.slope[0] / by_size,
        };
        let compute = curve.flop([n, d], 0.0);
        Ok(Split { n, d, response: model.at_sizes(base, n, d)?, slope, compute, place: logs[0] - logs[1], sign })
    }

    fn nothing(&self, model: &Model<'_>, why: &str) -> Refusal {
        Refusal::Undefined(format!("no split keeps the limits {}: {why}", self.in_words(&model.ready.law.roles)))
    }
}

/// Largest logarithm of a size in a search, and its step.
const FARTHEST: f64 = 140.0;
const STEP: f64 = 0.5;

/// The smallest value of one size that reaches a target, where the other has the value `value`.
fn reaching(
    model: &Model<'_>,
    surface: &Surface,
    base: &[f64],
    sign: f64,
    target: f64,
    given: Given,
    value: f64,
) -> Option<f64> {
    let (fixed, place) = (ln(value), usize::from(given == Given::Size));
    let missing = |log: f64| {
        let here = surface.at(model.parameters, base, given.pair(fixed, log));
        (sign * (target - here.value), -sign * here.slope[place])
    };
    let mut low = 0.0;
    if missing(low).0 >= 0.0 {
        return Some(1.0);
    }
    while low < FARTHEST {
        let high = low + STEP;
        if missing(high).0 >= 0.0 {
            return root(missing, low, high, f64::midpoint(low, high)).ok().map(exp);
        }
        low = high;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::limits::SubjectTo;
    use super::*;
    use crate::fit::Span;
    use crate::law::{Cost, Law, Tape, find};
    use crate::query::{ComputeOptimal, Finding, Kind, Question, Reach, Ready, Trail};
    use std::sync::Arc;

    /// A law at parameters of a published fit or near it.
    struct Fitted {
        law: Arc<Law>,
        tape: Tape,
        parameters: Vec<f64>,
    }

    impl Fitted {
        fn of(name: &str, values: &[(&str, f64)]) -> Self {
            let law = Arc::new(find(name).unwrap().law().unwrap());
            let value = |wanted: &str| values.iter().find(|(name, _)| *name == wanted).unwrap().1;
            let parameters = law.free().iter().map(|parameter| value(&parameter.name)).collect();
            Self { tape: law.tape(), law, parameters }
        }

        /// Laws that fall with size and data, and one whose tokens have a cost that no parameter has.
        fn several() -> [Self; 3] {
            let hoffmann = || {
                Self::of(
                    "hoffmann",
                    &[("E", 1.8172), ("A", 477.83), ("alpha", 0.347_31), ("B", 2143.4), ("beta", 0.367_17)],
                )
            };
            let cost = |law: &Law| Arc::new(Cost::new("own", "6 * N * D + 2e10 * D", "2 * N", &law.variables).unwrap());
            let priced = hoffmann();
            let law = priced.law.costing(&cost(&priced.law));
            let kaplan =
                Self::of("kaplan_nd", &[("N_c", 8.8e13), ("alpha_N", 0.076), ("D_c", 5.4e13), ("alpha_D", 0.095)]);
            [hoffmann(), Self { law, ..priced }, kaplan]
        }

        fn solved(&self, kind: &dyn Kind, limits: &Limits, inputs: &[(&str, f64)]) -> Result<Finding, Refusal> {
            let spans: BTreeMap<String, Span> = BTreeMap::new();
            let ready = Ready::new(&self.law, &spans, kind.moves(&self.law).as_ref()).within(Some(limits));
            let trail = Trail::default();
            let model = Model { ready: &ready, parameters: &self.parameters, other: None, trail: &trail };
            kind.solve(&model, &inputs.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect())
        }

        fn best(&self, limits: &Limits, c: f64) -> Result<[f64; 3], Refusal> {
            let finding = self.solved(&ComputeOptimal(BTreeMap::new()), limits, &[("C", c)])?;
            Ok(["{size}", "{data}", "loss"].map(|name| finding.outputs[name]))
        }

        fn response(&self, n: f64, d: f64) -> f64 {
            let at: Vec<f64> = self.law.variables.iter().map(|v| if v.name == "N" { n } else { d }).collect();
            self.tape.value_at(&self.parameters, &at)
        }

        fn flop(&self, n: f64, d: f64) -> f64 {
            6.0 * n * d + if self.law.cost.is_some() { 2e10 * d } else { 0.0 }
        }

        /// The best response of all splits on a fine grid that keep to limits and cost no more than a budget.
        fn best_of_all(&self, limits: &Limits, c: f64) -> f64 {
            let grid = |allowed: &Allowed, from: f64, to: f64| -> Vec<f64> {
                let all = (0..=2000).map(|i| from * libm::pow(to / from, f64::from(i) / 2000.0));
                all.chain(allowed.borders()).filter(|value| allowed.allows(*value)).collect()
            };
            let mut best = f64::INFINITY;
            let flop_of_token = self.flop(0.0, 1.0);
            let for_data = |d: f64| (c / d - flop_of_token) / 6.0;
            let at_budget =
                limits.data.borders().into_iter().map(for_data).filter(|n| limits.size.allows(*n) && *n >= 1.0);
            for n in grid(&limits.size, 1e6, 1e14).into_iter().chain(at_budget) {
                let most = c / (self.flop(n, 1.0));
                for d in limits
                    .data
                    .borders()
                    .into_iter()
                    .chain([most])
                    .filter(|d| limits.data.allows(*d) && *d <= most * (1.0 + 1e-12))
                {
                    best = best.min(self.response(n, d));
                }
            }
            best
        }
    }

    fn limits(text: &str) -> Limits {
        let subject_to: SubjectTo = toml::from_str(text).unwrap();
        let law = find("hoffmann").unwrap().law().unwrap();
        Limits::of(&subject_to, &ComputeOptimal(BTreeMap::new()), &law, Some(1e18)).unwrap()
    }

    const SEVERAL: [&str; 7] = [
        "D = '<= 1T'",
        "N = '>= 500B'",
        "N = '<= 10B'\nD = '<= 1T'",
        "N = ['1B', '8B', '70B', '405B']",
        "N = ['1B', '8B', '70B']\nD = '<= 2T'",
        "D = ['1T', '15T']",
        "D = '<= 15T'\nN = '>= 7B and <= 400B'",
    ];

    #[test]
    fn the_best_split_within_limits_is_no_worse_than_any_of_a_grid() {
        for fitted in Fitted::several() {
            for text in SEVERAL {
                let limits = limits(text);
                for c in [1e23, 1e25] {
                    let best = fitted.best_of_all(&limits, c);
                    match fitted.best(&limits, c) {
                        Ok([n, d, response]) => {
                            assert!(
                                limits.allows([n, d]) && fitted.flop(n, d) <= c * (1.0 + 1e-6),
                                "{text} at {c}: {n} {d}"
                            );
                            assert!(response <= best * (1.0 + 1e-7), "{text} at {c}: {response} against {best}");
                            assert!(response >= best * (1.0 - 1e-4), "{text} at {c}: {response} against {best}");
                        }
                        Err(refusal) => assert_eq!(best, f64::INFINITY, "{text} at {c}: {refusal:?}"),
                    }
                }
            }
        }
    }

    #[test]
    fn the_cheapest_split_within_limits_is_where_the_best_of_its_budget_is_the_target() {
        let reach = Reach { solve: "C".to_owned(), values: BTreeMap::new() };
        for fitted in Fitted::several() {
            for text in SEVERAL {
                let limits = limits(text);
                let Ok([_, _, target]) = fitted.best(&limits, 1e25) else { continue };
                let found = fitted.solved(&reach, &limits, &[("L", target)]).unwrap();
                let [c, n, d] = ["solution", "{size}", "{data}"].map(|name| found.outputs[name]);
                assert!(limits.allows([n, d]), "{text}: {n} {d}");
                assert!(fitted.response(n, d) <= target * (1.0 + 1e-9), "{text}");
                // Where limits leave a part of the budget, less compute reaches as much.
                assert!(c <= 1e25 * (1.0 + 1e-6), "{text}: {c}");
                if let Ok([.., less]) = fitted.best(&limits, c * 0.999) {
                    assert!(less > target * (1.0 - 1e-9), "{text}: {less} at less than {c}");
                }
            }
        }
    }

    #[test]
    fn a_limit_that_does_not_hold_changes_nothing() {
        for fitted in Fitted::several() {
            let free = fitted.best(&Limits::default(), 1e23).unwrap();
            assert_eq!(fitted.best(&limits("N = '<= 1e15'\nD = '>= 1e6'"), 1e23).unwrap(), free);
        }
    }

    #[test]
    fn compute_and_hours_limit_what_is_spent() {
        let [fitted, ..] = Fitted::several();
        let free = fitted.best(&Limits::default(), 1e22).unwrap();
        assert_eq!(fitted.best(&limits("C = '<= 1e22'"), 1e24).unwrap(), free);
        assert_eq!(fitted.best(&limits("gpu_hours = '<= 1e4'"), 1e24).unwrap(), free);
        let reach = Reach { solve: "C".to_owned(), values: BTreeMap::new() };
        let refused = fitted.solved(&reach, &limits("gpu_hours = '<= 1e4'"), &[("L", free[2] - 0.01)]).unwrap_err();
        assert!(matches!(&refused, Refusal::NotReachable { reason, .. } if reason.contains("C <= ")), "{refused:?}");
    }

    #[test]
    fn what_nothing_keeps_to_is_refused_with_the_limits() {
        let [fitted, ..] = Fitted::several();
        let refused = fitted.best(&limits("N = '>= 1T'\nD = '>= 100T'"), 1e22).unwrap_err();
        assert!(matches!(&refused, Refusal::Undefined(why) if why.contains("N >= 1e12, D >= 1e14")), "{refused:?}");
        let reach = Reach { solve: "C".to_owned(), values: BTreeMap::new() };
        let refused = fitted.solved(&reach, &limits("N = '<= 1B'\nD = '<= 1T'"), &[("L", 2.0)]).unwrap_err();
        assert!(matches!(&refused, Refusal::NotReachable { reason, .. } if reason.contains("N <= 1e9")), "{refused:?}");
    }

    #[test]
    fn limits_are_read_as_people_write_them_and_faults_are_told() {
        let read = |text: &str| serde_json::from_value::<Allowed>(serde_json::json!(text));
        assert_eq!(read(">= 1B and <= 70B").unwrap().to_string(), ">= 1e9 and <= 7e10");
        for (text, why) in [("< 1T", "is not a limit"), ("<= inf", "inf"), ("<= 1Z", "1Z"), ("<= x", "x")] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
        let law = find("hoffmann").unwrap().law().unwrap();
        let faults = |text: &str| {
            let faults =
                Limits::of(&toml::from_str(text).unwrap(), &ComputeOptimal(BTreeMap::new()), &law, None).unwrap_err();
            faults.into_iter().map(|fault| fault.message).collect::<Vec<_>>().join("; ")
        };
        assert!(faults("N = '>= 2B and <= 1B'").contains("no value of `N` keeps"));
        assert!(faults("N = ['1B', '2B']\nD = '>= 2e12 and <= 1e12'").contains("no value of `D` keeps"));
        assert!(faults("N = '<= -1'").contains("must be positive"));
        assert!(faults("C = ['1e22', '1e23']").contains("limited by a list"));
        assert!(faults("gpu_hours = '<= 1e6'").contains("accelerator"));
        assert!(faults("tokens = '<= 1e6'").contains("is not model size, data or compute"));
    }

    #[test]
    fn a_variable_that_the_law_does_not_have_cannot_be_limited() {
        let law = find("kaplan_d").unwrap().law().unwrap();
        let reach = Reach { solve: "D".to_owned(), values: BTreeMap::new() };
        let faults = Limits::of(&toml::from_str("N = '<= 1B'").unwrap(), &reach, &law, None).unwrap_err();
        assert!(faults[0].message.contains("`N` is not model size, data or compute of the law"), "{faults:?}");
        assert_eq!(faults[0].hint.as_deref(), Some("limits are on `D`"));
    }

    #[test]
    fn a_value_that_the_question_gives_and_the_limits_forbid_is_a_fault() {
        let law = find("hoffmann").unwrap().law().unwrap();
        let reach = |solve: &str, given: &str| {
            let question = serde_json::json!({ "reach": { "L": 2.0, "solve": solve, given: 7e10 } });
            serde_json::from_value::<Question>(question).unwrap()
        };
        let faults = limits("N = '<= 10B'").faults(reach("D", "N").member(), &law);
        assert!(faults[0].message.contains("gives N = 7e10, which <= 1e10 forbids"), "{faults:?}");
        let faults = limits("gpu_hours = '<= 1e4'").faults(reach("D", "N").member(), &law);
        assert!(faults[0].hint.as_deref().unwrap().contains("solve = \"C\""), "{faults:?}");
        assert_eq!(limits("gpu_hours = '<= 1e4'").faults(reach("C", "N").member(), &law), []);
    }

    #[test]
    fn the_smallest_allowed_value_that_reaches_a_target_is_the_solution() {
        let [fitted, ..] = Fitted::several();
        let target = fitted.response(7e9, 2e11);
        let given = BTreeMap::from([("N".to_owned(), serde_json::from_value(serde_json::json!(7e9)).unwrap())]);
        let reach = |solve: &str| Reach { solve: solve.to_owned(), values: given.clone() };
        let asked = [("L", target), ("N", 7e9)];
        let data =
            |text: &str| fitted.solved(&reach("D"), &limits(text), &asked).map(|found| found.outputs["solution"]);
        assert!((data("D = '<= 1T'").unwrap() / 2e11 - 1.0).abs() < 1e-6);
        assert_eq!(data("D = ['100B', '300B', '1T']").unwrap(), 3e11);
        assert_eq!(data("D = '>= 250B'").unwrap(), 2.5e11);
        let refused = data("D = '<= 150B'").unwrap_err();
        assert!(
            matches!(&refused, Refusal::NotReachable { reason, .. } if reason.contains("<= 1.5e11")),
            "{refused:?}"
        );
        let found = fitted.solved(&reach("C"), &limits("D = ['100B', '300B', '1T']"), &asked).unwrap();
        assert_eq!((found.outputs["{data}"], found.outputs["solution"]), (3e11, 6.0 * 7e9 * 3e11));
    }

    #[test]
    fn at_least_the_least_compute_is_spent() {
        let [fitted, ..] = Fitted::several();
        let [_, _, target] = fitted.best(&Limits::default(), 1e21).unwrap();
        let reach = Reach { solve: "C".to_owned(), values: BTreeMap::new() };
        let spent = |text: &str| fitted.solved(&reach, &limits(text), &[("L", target)]);
        assert!((spent("C = '>= 1e22'").unwrap().outputs["solution"] / 1e22 - 1.0).abs() < 1e-6);
        let refused = spent("C = '>= 1e22'\nN = '<= 1e9'\nD = '<= 1e12'").unwrap_err();
        assert!(matches!(&refused, Refusal::Undefined(why) if why.contains("6.000e21 FLOP to spend")), "{refused:?}");
    }

    #[test]
    fn a_question_that_limits_have_no_meaning_for_says_what_to_ask_instead() {
        let law = find("hoffmann").unwrap().law().unwrap();
        for (question, says) in [
            (serde_json::json!({ "allocate": { "C": 1e24 } }), "limits of its own"),
            (serde_json::json!({ "loss": { "N": 1e9, "D": 1e11 } }), "nothing is left to limit"),
            (serde_json::json!({ "overtrain": { "C": 1e22 } }), "compute_optimal"),
        ] {
            let question: Question = serde_json::from_value(question).unwrap();
            assert!(question.member().takes_limits(&law).unwrap_err().contains(says));
        }
    }
}
