//! Formulas as users write them, built at random from terms, with rows generated from them.

use lawfit::law::{Law, Scale, Variable};
use lawfit::numerics::{Random, exp, ln};
use lawfit::objective::{LeastSquares, Objective, ResponseScale};

/// A formula with rows.
pub(crate) struct Drawn {
    /// The formula with its response.
    pub(crate) formula: String,
    /// The law of the formula, without further settings.
    pub(crate) law: Law,
    /// The objective.
    pub(crate) objective: Objective,
    /// The variables' columns, in the order of the law.
    pub(crate) columns: Vec<Vec<f64>>,
    /// The response.
    pub(crate) response: Vec<f64>,
    terms: usize,
    parameters: Vec<Written>,
}

/// A parameter: how it is drawn and written.
struct Written {
    name: String,
    kind: Kind,
    /// Its typical size, in the units of the table.
    unit: f64,
    rewriting: Rewriting,
}

/// The kind of a parameter.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// A positive multiplier of the response.
    Size,
    /// A multiplier of the response with either sign.
    Signed,
    /// A scale with which a variable is compared.
    Scale,
    /// An exponent.
    Exponent,
    /// The multiplier of a power. The exponent is the parameter `.0` places earlier in the list, and `.1` is a
    /// typical value of the variable.
    Power(usize, f64),
}

#[derive(Clone, Copy, PartialEq)]
enum Rewriting {
    Plain,
    Exponential,
    Reciprocal,
    Square,
}

const VARIABLES: [&str; 2] = ["x", "z"];

impl Drawn {
    /// The formula with a number; `None` if its rows cannot be fitted.
    pub(crate) fn draw(number: u64) -> Option<Self> {
        let mut random = Random::new(2, "formulas", number);
        let random = &mut random;
        let terms = 1 + random.below(3);
        let variables = 1 + random.below(2);
        let centres: Vec<f64> = (0..variables).map(|_| unit(random)).collect();
        let unit_of_response = if random.below(2) == 0 { 1.0 } else { unit(random) };
        let signed = random.below(4) == 0;
        let mut parameters = Vec::new();
        let mut texts = Vec::new();
        if random.below(2) == 0 {
            let kind = if signed { Kind::Signed } else { Kind::Size };
            texts.push(write(&mut parameters, kind, unit_of_response, random));
        }
        for _ in 0..terms {
            let variable = random.below(variables);
            texts.push(term(VARIABLES[variable], centres[variable], unit_of_response, signed, &mut parameters, random));
        }
        let formula = format!("y = {}", texts.join(" + "));
        let plain = |name: &&str| Variable { name: (*name).to_owned(), unit: None, meaning: None, counts: None };
        let law = Law::from_formula("drawn", &formula, &VARIABLES.iter().map(plain).collect::<Vec<_>>()).ok()?;
        let truth = values(&parameters, 1.0, random);
        let truth: Vec<f64> = in_order(&law, &parameters, &truth);
        let noise = [0.0, 1e-3, 1e-2, 5e-2][random.below(4)];
        let least = parameters.len() + 2;
        let rows = least + exp(random.uniform() * ln(150.0)) as usize;
        let decades = if random.below(2) == 0 { 3.0 } else { 1.2 };
        let of_variable = |name: &str| VARIABLES.iter().position(|variable| *variable == name).unwrap_or(0);
        let columns: Vec<Vec<f64>> = law
            .variables
            .iter()
            .map(|v| {
                let centre = centres[of_variable(&v.name)];
                (0..rows).map(|_| centre * exp(ln(10.0) * decades * (random.uniform() - 0.5))).collect()
            })
            .collect();
        let tape = law.tape();
        let clean: Vec<f64> = (0..rows)
            .map(|row| tape.value_at(&truth, &columns.iter().map(|column| column[row]).collect::<Vec<_>>()))
            .collect();
        let spread = clean.iter().map(|y| y.abs()).sum::<f64>() / rows as f64;
        let is_positive = clean.iter().all(|y| *y > 0.0);
        let response: Vec<f64> = clean
            .into_iter()
            .map(|y| if is_positive { y * random.log_normal(noise) } else { y + noise * spread * random.normal() })
            .collect();
        let on = if is_positive { ResponseScale::Log } else { ResponseScale::Raw };
        let objective = match random.below(3) {
            0 if is_positive => Objective::default(),
            _ => Objective::LeastSquares(LeastSquares { on }),
        };
        let can_be = response.iter().all(|y| y.is_finite()) && spread > 0.0 && !law.variables.is_empty();
        can_be.then_some(Self { formula, law, objective, columns, response, terms, parameters })
    }

    /// The class in which it is counted.
    pub(crate) fn kind(&self) -> String {
        let what = match &self.objective {
            Objective::LeastSquares(squares) if squares.on == ResponseScale::Raw => "squares of differences",
            Objective::LeastSquares(_) => "squares of logarithms",
            _ => "Huber's loss of logarithms",
        };
        format!("{} term{}, {what}", self.terms, if self.terms == 1 { "" } else { "s" })
    }

    /// Coordinates of a start. Parameters are drawn like the true ones, from three times the range.
    pub(crate) fn start(&self, random: &mut Random) -> Vec<f64> {
        let drawn = values(&self.parameters, 3.0, random);
        let drawn = in_order(&self.law, &self.parameters, &drawn);
        let of = |(p, value): (&&lawfit::law::Parameter, f64)| match p.scale {
            Scale::Log => ln(value.abs().max(1e-300)),
            Scale::Linear => value,
        };
        self.law.free().iter().zip(drawn).map(of).collect()
    }
}

/// A random power of ten as the unit of a size.
fn unit(random: &mut Random) -> f64 {
    match random.below(3) {
        0 => 1.0,
        1 => exp(ln(10.0) * (3.0 + 20.0 * random.uniform()).floor()),
        _ => exp(-ln(10.0) * (3.0 + 9.0 * random.uniform()).floor()),
    }
}

/// Adds a parameter and returns its text.
fn write(parameters: &mut Vec<Written>, kind: Kind, unit: f64, random: &mut Random) -> String {
    let name = format!("p{}", parameters.len() + 1);
    let rewriting = match (kind, random.below(6)) {
        (Kind::Exponent | Kind::Signed, _) => Rewriting::Plain,
        (_, 0) => Rewriting::Exponential,
        (_, 1) => Rewriting::Reciprocal,
        (_, 2) => Rewriting::Square,
        _ => Rewriting::Plain,
    };
    let text = match rewriting {
        Rewriting::Plain => name.clone(),
        Rewriting::Exponential => format!("exp({name})"),
        Rewriting::Reciprocal => format!("(1 / {name})"),
        Rewriting::Square => format!("{name}^2"),
    };
    parameters.push(Written { name, kind, unit, rewriting });
    text
}

fn term(x: &str, centre: f64, unit: f64, signed: bool, all: &mut Vec<Written>, random: &mut Random) -> String {
    let size = if signed { Kind::Signed } else { Kind::Size };
    // The logarithm is offered only if the response may have either sign.
    let which = random.below(if signed { 8 } else { 7 });
    let mut new = |kind: Kind, unit: f64| write(all, kind, unit, random);
    match which {
        0 => {
            let exponent = new(Kind::Exponent, 1.0);
            let factor = new(Kind::Power(1, centre), unit);
            format!("{factor} * {x}^{exponent}")
        }
        1 => {
            let (factor, scale) = (new(size, unit), new(Kind::Scale, centre));
            format!("{factor} * {x} / ({scale} + {x})")
        }
        2 => {
            let (factor, scale) = (new(size, unit), new(Kind::Scale, centre));
            format!("{factor} * exp(-{x} / {scale})")
        }
        3 => {
            let (factor, scale) = (new(size, unit), new(Kind::Scale, 1.0 / centre));
            format!("{factor} * (1 - exp(-{scale} * {x}))")
        }
        4 => {
            let (factor, scale) = (new(size, unit), new(Kind::Scale, centre));
            let exponent = new(Kind::Exponent, 3.0);
            format!("{factor} / (1 + ({x} / {scale})^{exponent})")
        }
        5 => {
            let (factor, scale) = (new(size, unit), new(Kind::Scale, centre));
            let exponent = new(Kind::Exponent, 1.5);
            format!("{factor} * (1 + {x} / {scale})^{exponent}")
        }
        6 => format!("{} * {x}", new(size, unit / centre)),
        _ => format!("{} * ln({x})", new(Kind::Signed, unit)),
    }
}

/// Draws parameter values as written, over `wider` times the range of the true ones.
fn values(parameters: &[Written], wider: f64, random: &mut Random) -> Vec<f64> {
    let mut natural: Vec<f64> = Vec::new();
    for parameter in parameters {
        let sign = |random: &mut Random| if random.below(2) == 0 { -1.0 } else { 1.0 };
        let value = match parameter.kind {
            Kind::Size => random.log_normal(0.7 * wider),
            Kind::Signed => sign(random) * random.log_normal(0.7 * wider),
            Kind::Scale => random.log_normal(wider),
            Kind::Exponent => wider * (2.0 * random.uniform() - 1.0),
            Kind::Power(before, centre) => {
                let exponent = natural[natural.len() - before];
                random.log_normal(0.7 * wider) * exp(-exponent * ln(centre))
            }
        };
        natural.push(value * parameter.unit);
    }
    let written = |(parameter, value): (&Written, f64)| match parameter.rewriting {
        Rewriting::Plain => value,
        Rewriting::Exponential => ln(value),
        Rewriting::Reciprocal => 1.0 / value,
        Rewriting::Square => value.sqrt(),
    };
    parameters.iter().zip(natural).map(written).collect()
}

/// Values in the order of a law's parameters.
fn in_order(law: &Law, parameters: &[Written], values: &[f64]) -> Vec<f64> {
    let of = |p: &&lawfit::law::Parameter| {
        parameters.iter().position(|written| written.name == p.name).map_or(1.0, |at| values[at])
    };
    law.free().iter().map(of).collect()
}
