//! The laws of a forecast, with priors of their parameters.
//!
//! All give z = ln y over logarithms of sizes relative to the largest run. A level is therefore the level of the
//! largest run, and a prior means the same for every data set. In the formulas, `a` is the level at the largest run,
//! and `q` is the logit of the irreducible share of it.

use std::sync::OnceLock;

use super::history::History;
use crate::law::{Law, LawError, Scale, Tape, Variable};
use crate::numerics::ln;
use crate::objective::{Objective, ResponseScale};
use crate::problem::Problem;

/// The normal prior of a parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Prior {
    pub(super) name: &'static str,
    pub(super) centre: Centre,
    pub(super) deviation: f64,
}

/// The centre of a prior.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Centre {
    /// A number.
    At(f64),
    /// The logarithm of a number.
    LnOf(f64),
    /// The logarithm of the largest run's response.
    LastResponse,
    /// ln(-z) of the chance level of a share. If it is not given, that of the smallest runs counts.
    ChanceLevel,
}

/// A law that takes part in forecasts.
#[derive(Debug)]
pub(super) struct Member {
    /// Name in reports.
    pub(super) name: &'static str,
    /// Formula. `sp(x)` stands for ln(1 + e^x), and `ceiling` for the logarithm of the chance level.
    pub(super) formula: &'static str,
    /// Variables.
    pub(super) variables: &'static [&'static str],
    /// Prior of every parameter.
    pub(super) priors: &'static [Prior],
    /// Whether the law needs the chance level.
    pub(super) needs_ceiling: bool,
    /// Weight relative to other members with the same past errors.
    pub(super) weight: f64,
    /// Minimum number of configurations for which it takes part.
    pub(super) fewest: usize,
    pub(super) compiled: OnceLock<Option<Compiled>>,
}

/// A member compiled once for all forecasts.
#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) tape: Tape,
    /// Least squares of z over no rows. The parameters are in the order of the priors, with a ceiling last.
    pub(super) problem: Problem,
}

pub(super) const fn prior(name: &'static str, centre: f64, deviation: f64) -> Prior {
    Prior { name, centre: Centre::At(centre), deviation }
}

pub(super) const fn prior_ln(name: &'static str, centre: f64, deviation: f64) -> Prior {
    Prior { name, centre: Centre::LnOf(centre), deviation }
}

/// A wide prior for levels.
const LEVEL: Prior = Prior { name: "a", centre: Centre::LastResponse, deviation: 9.0 };

/// A power law and a floor.
pub(super) static FLOOR: Member = Member {
    name: "m2",
    formula: "z = a + ln(1 / (1 + exp(-q)) + exp(-exp(k) * t) / (1 + exp(q)))",
    variables: &["t"],
    priors: &[LEVEL, prior_ln("k", 0.5, 0.6), prior("q", 1.2, 1.3)],
    needs_ceiling: false,
    weight: 1.0,
    fewest: 0,
    compiled: OnceLock::new(),
};

/// A power of a shifted reciprocal (Bansal et al. 2022, arXiv:2202.01994).
pub(super) static RECIPROCAL: Member = Member {
    name: "m3",
    formula: "z = a + exp(k) * (ln(exp(-t) + exp(g)) - ln(1 + exp(g)))",
    variables: &["t"],
    priors: &[LEVEL, prior_ln("k", 0.35, 0.8), prior("g", 0.0, 1.2)],
    needs_ceiling: false,
    weight: 1.0,
    fewest: 0,
    compiled: OnceLock::new(),
};

/// A power of a shifted size, and a floor. The shift is a parameter.
pub(super) static SHIFTED: Member = Member {
    name: "shifted",
    formula: "z = a + ln(1 / (1 + exp(-q)) + exp(-exp(k) * (ln(exp(t) + exp(d)) - ln(1 + exp(d)))) / (1 + exp(q)))",
    variables: &["t"],
    priors: &[LEVEL, prior_ln("k", 0.55, 0.5), prior("d", -4.0, 1.5), prior("q", 1.2, 1.3)],
    needs_ceiling: false,
    weight: 1.0,
    fewest: 0,
    compiled: OnceLock::new(),
};

/// A fall from the chance level through one break to a floor (Caballero et al. 2022, arXiv:2210.14891).
pub(super) static FROM_CEILING: Member = Member {
    name: "bnsl_0",
    formula: "z = ceiling + ln(1 / (1 + exp(-q)) + exp(-exp(k + f) * sp((t - m) * exp(-f))) / (1 + exp(q)))",
    variables: &["t"],
    priors: &[prior("m", -4.0, 1.5), prior_ln("k", 0.55, 0.5), prior_ln("f", 0.5, 0.5), prior("q", -1.0, 1.0)],
    needs_ceiling: true,
    weight: 1.0,
    fewest: 0,
    compiled: OnceLock::new(),
};

/// Two powers joined at a break, and a floor (Caballero et al. 2022, arXiv:2210.14891).
pub(super) static BROKEN: Member = Member {
    name: "bnsl_1",
    formula: "z = a + ln(1 / (1 + exp(-q)) + exp(-exp(k) * t - exp(j + f) * (sp((t - m) * exp(-f)) - sp(-m * exp(-f)))) / (1 + exp(q)))",
    variables: &["t"],
    priors: &[
        LEVEL,
        prior_ln("k", 0.2, 0.7),
        prior_ln("j", 0.3, 0.7),
        prior("m", -3.0, 1.5),
        prior_ln("f", 0.3, 0.8),
        prior("q", 1.2, 1.3),
    ],
    needs_ceiling: false,
    weight: 1.0,
    fewest: 0,
    compiled: OnceLock::new(),
};

/// A floor and a power of each of two sizes (Hoffmann et al. 2022, arXiv:2203.15556). `r` is the logit of the first
/// power's share of the reducible part.
pub(super) static TWO_SIZES: Member = Member {
    name: "hoffmann",
    formula: "z = a + ln(1 / (1 + exp(-q)) + (exp(-exp(k) * t) / (1 + exp(-r)) + exp(-exp(j) * u) / (1 + exp(r))) / (1 + exp(q)))",
    variables: &["t", "u"],
    priors: &[LEVEL, prior_ln("k", 0.38, 0.45), prior_ln("j", 0.38, 0.45), prior("r", 0.0, 1.2), prior("q", 1.2, 1.3)],
    needs_ceiling: false,
    weight: 1.0,
    fewest: 0,
    compiled: OnceLock::new(),
};

/// A power law without a floor. The priors of the other members expect a floor.
pub(super) static POWER: Member = Member {
    name: "m1",
    formula: "z = a - exp(k) * t",
    variables: &["t"],
    priors: &[LEVEL, prior_ln("k", 0.3, 0.8)],
    needs_ceiling: false,
    weight: 1.0,
    fewest: 0,
    compiled: OnceLock::new(),
};

/// Two powers joined at a break, without a floor: a fall that has become steeper may go on. Its weight is smaller, because
/// most losses have a floor. Fewer runs say nothing about a break, and their past errors say nothing about its weight.
pub(super) static BROKEN_POWERS: Member = Member {
    name: "broken_powers",
    formula: "z = a - exp(k) * t - exp(j + f) * (sp((t - m) * exp(-f)) - sp(-m * exp(-f)))",
    variables: &["t"],
    priors: &[LEVEL, prior_ln("k", 0.2, 0.7), prior_ln("j", 0.3, 0.7), prior("m", -3.0, 1.5), prior_ln("f", 0.3, 0.8)],
    needs_ceiling: false,
    weight: 0.2,
    fewest: 9,
    compiled: OnceLock::new(),
};

/// A power of each of two sizes without a floor. Its weight is smaller, because most losses over two sizes have a floor.
pub(super) static TWO_POWERS: Member = Member {
    name: "two_powers",
    formula: "z = a + ln(exp(-exp(k) * t) / (1 + exp(-r)) + exp(-exp(j) * u) / (1 + exp(r)))",
    variables: &["t", "u"],
    priors: &[LEVEL, prior_ln("k", 0.3, 0.7), prior_ln("j", 0.3, 0.7), prior("r", 0.0, 1.2)],
    needs_ceiling: false,
    weight: 0.3,
    fewest: 0,
    compiled: OnceLock::new(),
};

/// The members of a forecast along one size; the third one has the discrepancy.
pub(super) const ONE: [&Member; 7] = [&FLOOR, &RECIPROCAL, &SHIFTED, &FROM_CEILING, &BROKEN, &POWER, &BROKEN_POWERS];
/// The members of a forecast over two sizes; the first one has the discrepancy.
pub(super) const TWO: [&Member; 2] = [&TWO_SIZES, &TWO_POWERS];

/// Largest distance of a parameter from its centre, in standard deviations.
const FARTHEST: f64 = 6.0;
/// Smallest distance of ln y at chance level from zero, the logarithm of the largest share.
const LEAST_BELOW_ONE: f64 = 1e-3;
/// Largest absolute logarithm of a response.
const FARTHEST_LEVEL: f64 = 700.0;

impl Member {
    /// The compiled member; `None` where its formula is not a law, which a test excludes.
    pub(super) fn compiled(&self) -> Option<&Compiled> {
        self.compiled.get_or_init(|| self.compile().ok()).as_ref()
    }

    pub(super) fn compile(&self) -> Result<Compiled, LawError> {
        let variables: Vec<Variable> = self
            .variables
            .iter()
            .map(|name| Variable { name: (*name).to_owned(), unit: None, meaning: None, counts: None })
            .collect();
        let mut law = Law::from_formula(self.name, &expanded(self.formula), &variables)?;
        for parameter in &mut law.parameters {
            parameter.scale = Scale::Linear;
            let prior = self.priors.iter().find(|prior| prior.name == parameter.name);
            let (centre, farthest) = match prior.map(|prior| (prior.centre, prior.deviation)) {
                Some((Centre::At(centre), deviation)) => (centre, FARTHEST * deviation),
                Some((Centre::LnOf(centre), deviation)) => (ln(centre), FARTHEST * deviation),
                // The level, the chance level and the ceiling are logarithms of responses or of such logarithms.
                _ => (0.0, FARTHEST_LEVEL),
            };
            (parameter.lower, parameter.upper) = (centre - farthest, centre + farthest);
        }
        let place = |name: &str| self.priors.iter().position(|prior| prior.name == name).unwrap_or(self.priors.len());
        law.parameters.sort_by_key(|p| place(&p.name));
        let objective = Objective::least_squares(ResponseScale::Raw);
        let none: Vec<&[f64]> = variables.iter().map(|_| -> &[f64] { &[] }).collect();
        Ok(Compiled { tape: law.tape(), problem: Problem::new(&law, &objective, &none, &[], None) })
    }

    /// The centre of every parameter's prior, with the ceiling last where the member needs one.
    pub(super) fn centres(&self, history: &History, ceiling: Option<f64>) -> Vec<f64> {
        let centres = self.priors.iter().map(|prior| match prior.centre {
            Centre::At(value) => value,
            Centre::LnOf(value) => ln(value),
            Centre::LastResponse => history.last().map_or(0.0, |last| last.z),
            Centre::ChanceLevel => ln((-ceiling.unwrap_or_else(|| history.chance_level())).max(LEAST_BELOW_ONE)),
        });
        centres.chain(ceiling.filter(|_| self.needs_ceiling)).collect()
    }
}

/// The formula with every `sp(...)` expanded so that no exponential overflows.
fn expanded(formula: &str) -> String {
    let mut text = formula.to_owned();
    while let Some(start) = text.find("sp(") {
        let open = start + 2;
        let mut depth = 0;
        let end = text[open..].char_indices().find_map(|(i, c)| {
            depth += i32::from(c == '(') - i32::from(c == ')');
            (depth == 0).then_some(open + i)
        });
        let Some(end) = end else { break };
        let x = text[open..=end].to_owned();
        text.replace_range(start..=end, &format!("(max({x}, 0) + ln(1 + exp(-abs({x}))))"));
    }
    text
}
