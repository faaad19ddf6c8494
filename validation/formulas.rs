//! Models as users write them, drawn at random: formula, parameters, units, design and noise.

use std::fmt::Write as _;

use lawfit::numerics::{Random, exp, ln};

use super::normal::below;

/// A form of formula. `value` does not use the program's compiler.
pub(crate) struct Form {
    /// The class in which it is counted.
    pub(crate) class: &'static str,
    /// The formula, without the response.
    pub(crate) formula: &'static str,
    /// Its parameters.
    pub(crate) names: &'static [&'static str],
    /// Its variables.
    pub(crate) variables: &'static [&'static str],
    /// The response at parameters and variables.
    pub(crate) value: fn(&[f64], &[f64]) -> f64,
    /// Draws true parameters, for variables over some decades around 1.
    pub(crate) draw: fn(&mut Random) -> Vec<f64>,
    /// Decades of each variable.
    pub(crate) decades: f64,
    /// Whether responses may be zero or negative, so that noise is added to them.
    pub(crate) signed: bool,
    /// The parameter with a value of its own in each group; `None` if there are no groups.
    pub(crate) own: Option<usize>,
    /// Whether the response is a share. It then has no other unit, and noise above 1 is cut off.
    pub(crate) share: bool,
}

fn pow(base: f64, exponent: f64) -> f64 {
    exp(exponent * ln(base))
}

fn square(x: f64) -> f64 {
    x * x
}

fn between(random: &mut Random, low: f64, high: f64) -> f64 {
    low + (high - low) * random.uniform()
}

/// A factor around 1.
fn around(random: &mut Random, spread: f64) -> f64 {
    exp(spread * (2.0 * random.uniform() - 1.0))
}

/// Every kind of formula.
pub(crate) const FORMS: &[Form] = &[
    Form {
        class: "power",
        formula: "k * x^a",
        names: &["k", "a"],
        variables: &["x"],
        value: |p, v| p[0] * pow(v[0], p[1]),
        draw: |r| vec![around(r, 2.0), between(r, -1.0, 1.0)],
        decades: 2.0,
        signed: false,
        own: None,
        share: false,
    },
    Form {
        class: "sum of powers",
        formula: "E + A / x^alpha",
        names: &["E", "A", "alpha"],
        variables: &["x"],
        value: |p, v| p[0] + p[1] * pow(v[0], -p[2]),
        draw: |r| vec![between(r, 0.3, 3.0), around(r, 1.0), between(r, 0.2, 1.0)],
        decades: 2.5,
        signed: false,
        own: None,
        share: false,
    },
    Form {
        class: "sum of powers",
        formula: "E + A / x^alpha + B / z^beta",
        names: &["E", "A", "alpha", "B", "beta"],
        variables: &["x", "z"],
        value: |p, v| p[0] + p[1] * pow(v[0], -p[2]) + p[3] * pow(v[1], -p[4]),
        draw: |r| {
            vec![between(r, 0.5, 2.0), around(r, 0.7), between(r, 0.2, 0.8), around(r, 0.7), between(r, 0.2, 0.8)]
        },
        decades: 2.5,
        signed: false,
        own: None,
        share: false,
    },
    Form {
        class: "sum of powers",
        formula: "E + A / x^alpha + B / z^beta + G / w^gamma",
        names: &["E", "A", "alpha", "B", "beta", "G", "gamma"],
        variables: &["x", "z", "w"],
        value: |p, v| p[0] + p[1] * pow(v[0], -p[2]) + p[3] * pow(v[1], -p[4]) + p[5] * pow(v[2], -p[6]),
        draw: |r| {
            vec![
                between(r, 0.5, 2.0),
                around(r, 0.7),
                between(r, 0.2, 0.8),
                around(r, 0.7),
                between(r, 0.2, 0.8),
                around(r, 0.7),
                between(r, 0.2, 0.8),
            ]
        },
        decades: 2.5,
        signed: false,
        own: None,
        share: false,
    },
    Form {
        class: "product of powers",
        formula: "k * x^a * z^b",
        names: &["k", "a", "b"],
        variables: &["x", "z"],
        value: |p, v| p[0] * pow(v[0], p[1]) * pow(v[1], p[2]),
        draw: |r| vec![around(r, 2.0), between(r, -1.0, 1.0), between(r, -1.0, 1.0)],
        decades: 2.0,
        signed: false,
        own: None,
        share: false,
    },
    Form {
        class: "product of powers",
        formula: "E + k * x^-a * z^-b",
        names: &["E", "k", "a", "b"],
        variables: &["x", "z"],
        value: |p, v| p[0] + p[1] * pow(v[0], -p[2]) * pow(v[1], -p[3]),
        draw: |r| vec![between(r, 0.3, 2.0), around(r, 1.0), between(r, 0.15, 0.7), between(r, 0.15, 0.7)],
        decades: 2.0,
        signed: false,
        own: None,
        share: false,
    },
    Form {
        class: "quotient",
        formula: "(a + b * x^p) / (1 + g * x^p)",
        names: &["a", "b", "g", "p"],
        variables: &["x"],
        value: |p, v| (p[0] + p[1] * pow(v[0], p[3])) / (1.0 + p[2] * pow(v[0], p[3])),
        draw: |r| vec![between(r, 2.0, 4.0), between(r, 0.3, 1.0), around(r, 0.7), between(r, 0.6, 1.4)],
        decades: 3.0,
        signed: false,
        own: None,
        share: false,
    },
    Form {
        class: "saturating exponential",
        formula: "base + gain * (1 - exp(-x / tau))",
        names: &["base", "gain", "tau"],
        variables: &["x"],
        value: |p, v| p[0] + p[1] * (1.0 - exp(-v[0] / p[2])),
        draw: |r| vec![between(r, 0.2, 1.0), between(r, 0.5, 2.0), around(r, 0.8)],
        decades: 1.5,
        signed: false,
        own: None,
        share: false,
    },
    Form {
        class: "decay",
        formula: "low + a * exp(-k * x)",
        names: &["low", "a", "k"],
        variables: &["x"],
        value: |p, v| p[0] + p[1] * exp(-p[2] * v[0]),
        draw: |r| vec![between(r, 0.3, 1.0), between(r, 0.5, 2.0), around(r, 0.8)],
        decades: 1.5,
        signed: false,
        own: None,
        share: false,
    },
    Form {
        class: "sigmoid",
        formula: "lo + (hi - lo) / (1 + exp(-s * (ln(x) - m)))",
        names: &["lo", "hi", "s", "m"],
        variables: &["x"],
        value: |p, v| p[0] + (p[1] - p[0]) / (1.0 + exp(-p[2] * (ln(v[0]) - p[3]))),
        draw: |r| vec![between(r, 0.1, 0.3), between(r, 0.7, 1.0), between(r, 1.0, 4.0), between(r, -0.7, 0.7)],
        decades: 3.0,
        signed: false,
        own: None,
        share: false,
    },
    Form {
        class: "sigmoid",
        formula: "1 / (1 + exp(-s * (ln(x) - m)))",
        names: &["s", "m"],
        variables: &["x"],
        value: |p, v| 1.0 / (1.0 + exp(-p[0] * (ln(v[0]) - p[1]))),
        draw: |r| vec![between(r, 0.5, 3.0), between(r, -1.0, 1.0)],
        decades: 2.0,
        signed: false,
        own: None,
        share: true,
    },
    Form {
        class: "logarithm",
        formula: "a + b * ln(x)",
        names: &["a", "b"],
        variables: &["x"],
        value: |p, v| p[0] + p[1] * ln(v[0]),
        draw: |r| vec![between(r, -1.0, 1.0), between(r, -1.0, 1.0)],
        decades: 2.0,
        signed: true,
        own: None,
        share: false,
    },
    Form {
        class: "logarithm",
        formula: "a + b * ln(x) + g * ln(z)",
        names: &["a", "b", "g"],
        variables: &["x", "z"],
        value: |p, v| p[0] + p[1] * ln(v[0]) + p[2] * ln(v[1]),
        draw: |r| vec![between(r, -1.0, 1.0), between(r, -1.0, 1.0), between(r, -1.0, 1.0)],
        decades: 2.0,
        signed: true,
        own: None,
        share: false,
    },
    Form {
        class: "parabola in ln x",
        formula: "a + b * (ln(x) - m)^2",
        names: &["a", "b", "m"],
        variables: &["x"],
        value: |p, v| p[0] + p[1] * square(ln(v[0]) - p[2]),
        draw: |r| vec![between(r, 1.0, 3.0), between(r, 0.05, 0.3), between(r, -1.0, 1.0)],
        decades: 2.0,
        signed: false,
        own: None,
        share: false,
    },
    Form {
        class: "shifted power",
        formula: "A * (x + s)^-b",
        names: &["A", "s", "b"],
        variables: &["x"],
        value: |p, v| p[0] * pow(v[0] + p[1], -p[2]),
        draw: |r| vec![around(r, 1.0), around(r, 0.8), between(r, 0.3, 1.2)],
        decades: 2.5,
        signed: false,
        own: None,
        share: false,
    },
    Form {
        class: "ratio",
        formula: "v * x / (k + x)",
        names: &["v", "k"],
        variables: &["x"],
        value: |p, v| p[0] * v[0] / (p[1] + v[0]),
        draw: |r| vec![around(r, 1.0), around(r, 0.8)],
        decades: 2.0,
        signed: false,
        own: None,
        share: false,
    },
    Form {
        class: "ratio",
        formula: "E + v / (1 + (x / k)^h)",
        names: &["E", "v", "k", "h"],
        variables: &["x"],
        value: |p, v| p[0] + p[1] / (1.0 + pow(v[0] / p[2], p[3])),
        draw: |r| vec![between(r, 0.3, 1.0), between(r, 0.7, 2.0), around(r, 0.8), between(r, 0.8, 2.0)],
        decades: 3.0,
        signed: false,
        own: None,
        share: false,
    },
    Form {
        class: "stretched exponential",
        formula: "low + A * exp(-(x / tau)^h)",
        names: &["low", "A", "tau", "h"],
        variables: &["x"],
        value: |p, v| p[0] + p[1] * exp(-pow(v[0] / p[2], p[3])),
        draw: |r| vec![between(r, 0.3, 1.0), between(r, 0.7, 2.0), around(r, 0.8), between(r, 0.5, 1.5)],
        decades: 2.5,
        signed: false,
        own: None,
        share: false,
    },
    Form {
        class: "moving parabola",
        formula: "E + A * (ln(x) - m - t * ln(z))^2",
        names: &["E", "A", "m", "t"],
        variables: &["x", "z"],
        value: |p, v| p[0] + p[1] * square(ln(v[0]) - p[2] - p[3] * ln(v[1])),
        draw: |r| vec![between(r, 1.0, 3.0), between(r, 0.05, 0.3), between(r, -1.0, 1.0), between(r, 0.2, 0.7)],
        decades: 2.0,
        signed: false,
        own: None,
        share: false,
    },
    Form {
        class: "interaction",
        formula: "E + A * (ln(z) - m)^2 * x^-g",
        names: &["E", "A", "m", "g"],
        variables: &["x", "z"],
        value: |p, v| p[0] + p[1] * square(ln(v[1]) - p[2]) * pow(v[0], -p[3]),
        draw: |r| vec![between(r, 1.0, 3.0), between(r, 0.05, 0.3), between(r, -1.0, 1.0), between(r, 0.1, 0.4)],
        decades: 2.0,
        signed: false,
        own: None,
        share: false,
    },
    Form {
        class: "power of a sum",
        formula: "(A / x^p + B / z^q)^g",
        names: &["A", "p", "B", "q", "g"],
        variables: &["x", "z"],
        value: |p, v| pow(p[0] * pow(v[0], -p[1]) + p[2] * pow(v[1], -p[3]), p[4]),
        draw: |r| {
            vec![around(r, 0.7), between(r, 0.3, 0.8), around(r, 0.7), between(r, 0.3, 0.8), between(r, 0.4, 1.2)]
        },
        decades: 2.5,
        signed: false,
        own: None,
        share: false,
    },
    Form {
        class: "groups",
        formula: "A * x^-b",
        names: &["A", "b"],
        variables: &["x"],
        value: |p, v| p[0] * pow(v[0], -p[1]),
        draw: |r| vec![around(r, 0.5), between(r, 0.2, 0.8)],
        decades: 2.0,
        signed: false,
        own: Some(0),
        share: false,
    },
];

/// A rewriting of a model that does not change its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rewriting {
    /// A parameter k becomes e^k.
    Exponential,
    /// A parameter k becomes 1/k.
    Reciprocal,
    /// A parameter k becomes k^2.
    Square,
    /// Variables and response are in other units.
    Units,
    /// Each variable is divided by a constant in the formula.
    Constants,
    /// Parameters have other names.
    Names,
    /// The terms have another order.
    Order,
}

pub(crate) const REWRITINGS: [Rewriting; 7] = [
    Rewriting::Exponential,
    Rewriting::Reciprocal,
    Rewriting::Square,
    Rewriting::Units,
    Rewriting::Constants,
    Rewriting::Names,
    Rewriting::Order,
];

/// The constant that a variable is divided by, in its unit.
const CONSTANT: f64 = 1e3;

/// A model with its rows.
pub(crate) struct Model {
    /// Its kind.
    pub(crate) form: &'static Form,
    /// The true parameters, in natural units.
    pub(crate) truth: Vec<f64>,
    /// The value of the own parameter in each group; a single one if there are no groups.
    own: Vec<f64>,
    /// Unit of each variable and of the response: values in the table are natural values times the unit.
    units: Vec<f64>,
    unit: f64,
    /// Standard deviation of the noise, of ln y or in natural units.
    pub(crate) sigma: f64,
    /// The group of each row, and its variables in natural units.
    pub(crate) rows: Vec<(usize, Vec<f64>)>,
    /// The responses in natural units.
    pub(crate) responses: Vec<f64>,
    /// Whether the spec names an objective.
    pub(crate) robust: bool,
}

/// Distances of a new run: inside the rows, and multiples of the largest values.
pub(crate) const DISTANCES: [(&str, f64); 3] = [("inside", 0.0), ("2x", 2.0), ("10x", 10.0)];

impl Model {
    /// The model with a number.
    pub(crate) fn draw(number: u64) -> Self {
        let mut random = Random::new(11, "random formulas", number);
        let form = &FORMS[number as usize % FORMS.len()];
        let truth = (form.draw)(&mut random);
        let groups = form.own.map_or(1, |_| 2 + random.below(3));
        let own =
            (0..groups).map(|_| form.own.map_or(0.0, |j| truth[j] * around(&mut random, 0.4))).collect::<Vec<_>>();
        let parameters = form.names.len() + groups - 1;
        let least = (parameters + 2).max(5);
        let count = match (number as usize / FORMS.len()) % 3 {
            0 => least + random.below(11_usize.saturating_sub(least).max(1)),
            1 => (11 + random.below(20)).max(least),
            _ => 31 + random.below(170),
        };
        let repeats = if random.below(3) == 0 { 2 + random.below(2) } else { 1 };
        let mut rows: Vec<(usize, Vec<f64>)> = Vec::new();
        while rows.len() < count {
            let group = rows.len() % groups;
            let place = |random: &mut Random| exp(ln(10.0) * form.decades * (random.uniform() - 0.5));
            let values: Vec<f64> = form.variables.iter().map(|_| place(&mut random)).collect();
            // Repeats must leave enough distinct points for the parameters.
            let repeats = if count >= repeats * (parameters + 2) { repeats } else { 1 };
            (0..repeats.min(count - rows.len())).for_each(|_| rows.push((group, values.clone())));
        }
        let scale = |random: &mut Random| match random.below(3) {
            0 => 1.0,
            1 => exp(ln(10.0) * between(random, 3.0, 26.0).floor()),
            _ => exp(ln(10.0) * between(random, -16.0, -3.0).floor()),
        };
        let units = form.variables.iter().map(|_| scale(&mut random)).collect();
        let unit = if random.below(3) == 0 { scale(&mut random) } else { 1.0 };
        let unit = if form.share { 1.0 } else { unit };
        let sigma = 0.002 * exp(ln(25.0) * random.uniform());
        let robust = random.below(5) == 0 && !form.signed;
        let mut model = Self { form, truth, own, units, unit, sigma, rows, responses: Vec::new(), robust };
        let clean: Vec<f64> = model.rows.iter().map(|(group, at)| model.clean(*group, at)).collect();
        if form.signed {
            let middle = clean.iter().sum::<f64>() / clean.len() as f64;
            model.sigma *= (clean.iter().map(|y| (y - middle) * (y - middle)).sum::<f64>() / clean.len() as f64).sqrt();
        }
        let noisy = |y: f64, random: &mut Random| {
            if form.signed { y + model.sigma * random.normal() } else { y * random.log_normal(model.sigma) }
        };
        let most = if form.share { 1.0 } else { f64::INFINITY };
        model.responses = clean.into_iter().map(|y| noisy(y, &mut random).min(most)).collect();
        model
    }

    pub(crate) fn clean(&self, group: usize, at: &[f64]) -> f64 {
        let mut parameters = self.truth.clone();
        if let Some(j) = self.form.own {
            parameters[j] = self.own[group];
        }
        (self.form.value)(&parameters, at)
    }

    /// Number of parameters.
    pub(crate) fn parameters(&self) -> usize {
        self.form.names.len() + self.own.len() - 1
    }

    /// Number of rows.
    pub(crate) fn count(&self) -> usize {
        self.rows.len()
    }

    /// The point of the new run at each distance, in natural units.
    pub(crate) fn places(&self) -> Vec<Vec<f64>> {
        let along = |j: usize| self.rows.iter().map(move |(_, at)| at[j]);
        let place = |factor: f64| {
            let one = |j: usize| {
                let (low, high) = along(j).fold((f64::INFINITY, 0.0), |(l, h), x| (x.min(l), x.max(h)));
                if factor == 0.0 { (low * high).sqrt() } else { high * factor }
            };
            (0..self.form.variables.len()).map(one).collect()
        };
        DISTANCES.iter().map(|(_, factor)| place(*factor)).collect()
    }

    /// The chance that a new run of the first group at a distance lies in an interval, and the true response there.
    pub(crate) fn chance(&self, distance: usize, interval: (f64, f64), unit: f64) -> f64 {
        let centre = self.clean(0, &self.places()[distance]);
        let chance_below = |end: f64| {
            let end = end / unit;
            if self.form.share && end >= 1.0 {
                return 1.0;
            }
            let z = if self.form.signed {
                (end - centre) / self.sigma
            } else if end <= 0.0 {
                f64::NEG_INFINITY
            } else {
                (ln(end) - ln(centre)) / self.sigma
            };
            below(z)
        };
        chance_below(interval.1) - chance_below(interval.0)
    }

    /// The error of a value in standard deviations of the noise.
    pub(crate) fn miss(&self, distance: usize, value: f64) -> f64 {
        let (centre, value) = (self.clean(0, &self.places()[distance]), value / self.unit);
        if self.form.signed {
            (value - centre).abs() / self.sigma
        } else {
            (ln(value.max(1e-300)) - ln(centre)).abs() / self.sigma
        }
    }

    /// The unit of the response.
    pub(crate) const fn unit(&self) -> f64 {
        self.unit
    }

    /// Factor of the response when the model is rewritten in other units.
    pub(crate) const fn response_shift(&self) -> f64 {
        if self.form.share { 1.0 } else { 1e2 }
    }

    /// Student's interval of a new run at a distance, linearised at fitted parameters: the half-width on the scale of
    /// the residuals (ln y, or y in the table's units). The parameters are those of the formula, in its order,
    /// followed by the own parameter of each group.
    pub(crate) fn textbook(
        &self,
        fitted: &[f64],
        own: &[f64],
        distance: usize,
        quantile: impl Fn(usize) -> f64,
    ) -> Option<f64> {
        let p = self.parameters();
        let all = [fitted, own].concat();
        let value = |all: &[f64], group: usize, natural: &[f64]| {
            let mut parameters = all[..self.form.names.len()].to_vec();
            if let Some(j) = self.form.own {
                parameters[j] = all[self.form.names.len() + group];
            }
            let at: Vec<f64> = natural.iter().zip(&self.units).map(|(x, u)| x * u).collect();
            let y = (self.form.value)(&parameters, &at);
            if self.form.signed { y } else { ln(y) }
        };
        let free: Vec<usize> = (0..all.len()).filter(|&j| self.form.own != Some(j)).collect();
        if free.len() != p {
            return None;
        }
        let gradient = |group: usize, at: &[f64]| -> Vec<f64> {
            free.iter()
                .map(|&j| {
                    let step = 1e-5 * all[j].abs().max(1e-300);
                    let (mut up, mut down) = (all.clone(), all.clone());
                    up[j] += step;
                    down[j] -= step;
                    // In units of the parameter itself, which keeps the matrix well scaled.
                    (value(&up, group, at) - value(&down, group, at)) / 2e-5
                })
                .collect()
        };
        let rows: Vec<Vec<f64>> = self.rows.iter().map(|(group, at)| gradient(*group, at)).collect();
        let residual = |(i, (group, at)): (usize, &(usize, Vec<f64>))| {
            let y = self.responses[i] * self.unit;
            (if self.form.signed { y } else { ln(y) }) - value(&all, *group, at)
        };
        let squares: f64 = self.rows.iter().enumerate().map(residual).map(|r| r * r).sum();
        let freedom = rows.len().checked_sub(free.len()).filter(|f| *f > 0)?;
        let target = gradient(0, &self.places()[distance]);
        let spread = quadratic_of_inverse(&rows, &target)?;
        Some(quantile(freedom) * (squares / freedom as f64).sqrt() * (1.0 + spread).sqrt())
    }

    /// The table, as CSV.
    pub(crate) fn table(&self, other_units: bool) -> String {
        let shift = if other_units { 1e3 } else { 1.0 };
        let response = if other_units { self.response_shift() } else { 1.0 };
        let mut text = String::from("group");
        for name in self.form.variables {
            let _ = write!(text, ",{name}");
        }
        text.push_str(",y\n");
        for ((group, at), y) in self.rows.iter().zip(&self.responses) {
            let _ = write!(text, "g{group}");
            for (x, unit) in at.iter().zip(&self.units) {
                let _ = write!(text, ",{:e}", x * unit * shift);
            }
            let _ = writeln!(text, ",{:e}", y * self.unit * response);
        }
        text
    }

    /// The spec for the table: the model with each method, and its rewritings with the default method.
    pub(crate) fn spec(&self, methods: &[(&str, String)], rewritten: bool) -> String {
        let mut spec = String::from("spec = 1\n[study]\ntitle = \"random\"\nseed = 1\n");
        let columns = |spec: &mut String, source: &str, path: &str| {
            let _ = writeln!(spec, "[sources.{source}]\npath = \"{path}\"\n[sources.{source}.columns]\ny = \"y\"");
            for name in self.form.variables {
                let _ = writeln!(spec, "{name} = \"{name}\"");
            }
            if self.form.own.is_some() {
                spec.push_str("group = { column = \"group\", type = \"text\" }\n");
            }
        };
        columns(&mut spec, "runs", "runs.csv");
        let _ = writeln!(spec, "[laws.base]\nformula = \"y = {}\"", self.form.formula);
        for (name, uncertainty) in methods {
            self.fit(&mut spec, name, "runs", "base", uncertainty, 1.0);
        }
        if rewritten {
            columns(&mut spec, "scaled", "scaled.csv");
            for rewriting in REWRITINGS {
                let Some(formula) = self.rewritten(rewriting) else { continue };
                let name = format!("{rewriting:?}").to_lowercase();
                let units = rewriting == Rewriting::Units;
                let _ = writeln!(spec, "[laws.{name}]\nformula = \"y = {formula}\"");
                let source = if units { "scaled" } else { "runs" };
                self.fit(&mut spec, &format!("as_{name}"), source, &name, "\"auto\"", if units { 1e3 } else { 1.0 });
            }
        }
        spec.push_str("[report]\nformats = [\"json\"]\n");
        spec
    }

    fn fit(&self, spec: &mut String, name: &str, source: &str, law: &str, uncertainty: &str, shift: f64) {
        let _ = writeln!(spec, "[fits.{name}]\nrows = \"{source}\"\nlaw = \"{law}\"\nuncertainty = {uncertainty}");
        if !self.robust {
            let on = if self.form.signed { "raw" } else { "log" };
            let _ = writeln!(spec, "objective = {{ least_squares = {{ on = \"{on}\" }} }}");
        }
        if let Some(own) = self.form.own {
            let shared: Vec<String> = (0..self.form.names.len())
                .filter(|j| *j != own)
                .map(|j| format!("\"{}\"", self.form.names[j]))
                .collect();
            let _ = writeln!(spec, "by = \"group\"\nshare = [{}]", shared.join(", "));
        }
        let _ = write!(spec, "[queries.{name}]\nfit = \"{name}\"\nloss = {{ ");
        let places = self.places();
        for (j, variable) in self.form.variables.iter().enumerate() {
            let values: Vec<String> = places.iter().map(|at| format!("{:e}", at[j] * self.units[j] * shift)).collect();
            let _ = write!(spec, "{}{variable} = [{}]", if j > 0 { ", " } else { "" }, values.join(", "));
        }
        spec.push_str(" }\n");
    }

    /// The rewritten formula; `None` if the rewriting does not apply.
    fn rewritten(&self, rewriting: Rewriting) -> Option<String> {
        let multiplier = self.form.names.iter().find(|name| is_positive(name, self.form))?;
        let replaced = |by: String| Some(substituted(self.form.formula, multiplier, &by));
        match rewriting {
            Rewriting::Exponential if self.form.own.is_none() => replaced(format!("exp({multiplier})")),
            Rewriting::Reciprocal if self.form.own.is_none() => replaced(format!("(1 / {multiplier})")),
            Rewriting::Square if self.form.own.is_none() => replaced(format!("{multiplier}^2")),
            Rewriting::Units => Some(self.form.formula.to_owned()),
            Rewriting::Constants => {
                let with = |text: String, (name, unit): (&&str, &f64)| {
                    substituted(&text, name, &format!("({name} / {:e})", unit * CONSTANT))
                };
                Some(self.form.variables.iter().zip(&self.units).fold(self.form.formula.to_owned(), with))
            }
            Rewriting::Names if self.form.own.is_none() => {
                Some(self.form.names.iter().enumerate().fold(self.form.formula.to_owned(), |text, (j, name)| {
                    substituted(&text, name, &format!("theta_{}", 9 - j))
                }))
            }
            Rewriting::Order => {
                let terms: Vec<&str> = self.form.formula.split(" + ").collect();
                let is_flat = terms.iter().all(|term| term.matches('(').count() == term.matches(')').count());
                (is_flat && terms.len() > 1).then(|| terms.into_iter().rev().collect::<Vec<_>>().join(" + "))
            }
            _ => None,
        }
    }
}

/// Whether a parameter is positive in every model of a form, so that it can be written as an exponential or a square.
fn is_positive(name: &str, form: &Form) -> bool {
    matches!(name, "A" | "k" | "tau" | "v" | "hi" | "gain" | "s") && form.class != "shifted power" || name == "A"
}

/// A formula with a name replaced.
fn substituted(formula: &str, name: &str, by: &str) -> String {
    let mut text = String::new();
    let mut word = String::new();
    for c in formula.chars().chain(std::iter::once(' ')) {
        if c.is_alphanumeric() || c == '_' {
            word.push(c);
        } else {
            text.push_str(if word == name { by } else { &word });
            word.clear();
            text.push(c);
        }
    }
    text.trim_end().to_owned()
}

/// g' (J'J)^-1 g by Gram-Schmidt; `None` if the columns are linearly dependent.
fn quadratic_of_inverse(rows: &[Vec<f64>], target: &[f64]) -> Option<f64> {
    let p = target.len();
    let mut columns: Vec<Vec<f64>> = (0..p).map(|j| rows.iter().map(|row| row[j]).collect()).collect();
    let mut target = target.to_vec();
    let mut sum = 0.0;
    for j in 0..p {
        let size = columns[j].iter().map(|x| x * x).sum::<f64>().sqrt();
        if size.is_nan() || size < 1e-11 {
            return None;
        }
        columns[j].iter_mut().for_each(|x| *x /= size);
        target[j] /= size;
        sum += target[j] * target[j];
        let unit = columns[j].clone();
        for k in j + 1..p {
            let along: f64 = unit.iter().zip(&columns[k]).map(|(a, b)| a * b).sum();
            columns[k].iter_mut().zip(&unit).for_each(|(x, u)| *x -= along * u);
            target[k] -= along * target[j];
        }
    }
    Some(sum)
}
