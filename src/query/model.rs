//! A law made ready for a question, and the law at one parameter vector.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;

use super::Refusal;
use super::allocation::FLOP_PER_PARAMETER_AND_TOKEN;
use super::crossing::Line;
use super::price::{Curve, Price};
use super::reaching::Path;
use super::split::Grid;
use super::surface::{Moves, Surface};
use crate::fit::Span;
use crate::law::{Law, Tape};

/// A law made ready for a question.
#[derive(Clone, Debug)]
pub struct Ready<'a> {
    pub(super) law: &'a Law,
    pub(super) tape: Tape,
    /// The law over the logarithms of what the question moves.
    surface: Option<Surface>,
    /// What splits of budgets cost, where it is not 6 N D.
    price: Option<Arc<Price>>,
    /// The spans of the variables over the rows of the fit.
    spans: &'a BTreeMap<String, Span>,
}

impl<'a> Ready<'a> {
    /// A law over the variables that a question moves; `spans` are those of the rows of its fit.
    pub fn new(law: &'a Law, spans: &'a BTreeMap<String, Span>, moves: Option<&Moves>) -> Self {
        let price = moves.filter(|moves| moves.ties_compute).and_then(|_| Price::of(law));
        Self { law, tape: law.tape(), surface: moves.and_then(|moves| Surface::new(law, moves)), price, spans }
    }

    /// The law.
    pub const fn law(&self) -> &'a Law {
        self.law
    }

    /// The range that runs keep to because the law does at all sizes: [0, 1] of shares, what is not negative of losses.
    pub(super) fn range(&self, parameters: &[f64]) -> [f64; 2] {
        let extremes = |index: usize| EXTREMES.map(|size| (index, size));
        let count = self.law.variables.len();
        // Every pair of sizes for two variables and less, else each variable through all sizes with the others at both ends.
        let mut values = Vec::new();
        for moving in 0..count {
            for others in [EXTREMES[0], 1.0, EXTREMES[EXTREMES.len() - 1]] {
                for (index, size) in extremes(moving) {
                    let mut at = vec![others; count];
                    at[index] = size;
                    values.push(self.tape.value_at(parameters, &at));
                }
            }
        }
        let known = values.into_iter().filter(|value| !value.is_nan());
        let (low, high) = known.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        match (low >= 0.0, high <= 1.0) {
            (true, true) => [0.0, 1.0],
            (true, false) => [0.0, f64::INFINITY],
            _ => [f64::NEG_INFINITY, f64::INFINITY],
        }
    }
}

/// A law at one parameter vector.
#[derive(Clone, Copy, Debug)]
pub struct Model<'a> {
    /// The law.
    pub ready: &'a Ready<'a>,
    /// The free parameters.
    pub parameters: &'a [f64],
    /// The law of another fit at one of its parameter vectors, where the question is about two.
    pub other: Option<&'a Self>,
    /// What was solved for at the estimate.
    pub trail: &'a Trail<'a>,
}

/// Sizes of every kind, from the smallest to the largest.
const EXTREMES: [f64; 9] = [1e-12, 1e-6, 1e-3, 1.0, 1e3, 1e6, 1e9, 1e15, 1e30];
/// Sizes between which the direction of a law is told, where no rows say which sizes matter.
const USUAL: [f64; 2] = [1e6, 1e13];

impl<'a> Model<'a> {
    /// The response at variables given by name.
    ///
    /// # Errors
    /// Where a variable of the law is not given, or the law has no finite value.
    pub fn response(&self, at: &BTreeMap<String, f64>) -> Result<f64, Refusal> {
        self.value(&self.ordered(at, &[])?)
    }

    /// The response at the law's variables, in its order.
    pub(super) fn value(&self, variables: &[f64]) -> Result<f64, Refusal> {
        let value = self.ready.tape.value_at(self.parameters, variables);
        if value.is_finite() {
            return Ok(value);
        }
        let names = self.ready.law.variables.iter().zip(variables);
        let at: Vec<String> = names.map(|(v, value)| format!("{} = {value:.3e}", v.name)).collect();
        Err(Refusal::Undefined(format!("the law has no finite value at {}", at.join(", "))))
    }

    /// The law's variables in its order; those in `open` may be left out, and are 0.
    pub(super) fn ordered(&self, at: &BTreeMap<String, f64>, open: &[&str]) -> Result<Vec<f64>, Refusal> {
        let value = |name: &str| match at.get(name) {
            Some(&value) => Ok(value),
            None if open.contains(&name) => Ok(0.0),
            None => Err(Refusal::Undefined(format!("`{name}` has no value: the law is `{}`", self.ready.law.formula))),
        };
        self.ready.law.variables.iter().map(|variable| value(&variable.name)).collect()
    }

    /// The response at a model size and data, other variables as in `base`.
    pub(super) fn at_sizes(&self, base: &[f64], n: f64, d: f64) -> Result<f64, Refusal> {
        let mut at = base.to_vec();
        let sizes = self.ready.law.roles.decided().into_iter().zip([n, d, FLOP_PER_PARAMETER_AND_TOKEN * n * d]);
        for (name, value) in sizes {
            self.ready.law.variable(name).into_iter().for_each(|place| at[place] = value);
        }
        self.value(&at)
    }

    /// The law over the logarithms of what the question moves.
    pub(super) fn surface(&self) -> Result<&'a Surface, Refusal> {
        let missing = || Refusal::Undefined(format!("the law `{}` has not what is sought", self.ready.law.formula));
        self.ready.surface.as_ref().ok_or_else(missing)
    }

    /// The curve of splits that cost the same, other variables as in `base`.
    pub(super) fn curve(&self, base: &[f64], served: f64) -> Curve {
        Curve::new(self.ready.price.as_ref(), base, served)
    }

    /// The span of a variable over the rows of the fit.
    pub(super) fn span(&self, name: &str) -> Option<Span> {
        self.ready.spans.get(name).copied()
    }

    /// 1 where a lower response is better, -1 where a higher one is.
    ///
    /// Better is what more sizes buy: the response falls from the smallest sizes of the rows to the largest, as losses
    /// and errors do, or it rises, as accuracies do. `held` are all variables; the sizes among them do not count.
    pub(super) fn sign(&self, held: &[f64], sizes: &[&str]) -> f64 {
        let value = |side: usize| {
            let mut at = held.to_vec();
            for (variable, value) in self.ready.law.variables.iter().zip(&mut at) {
                if sizes.contains(&variable.name.as_str()) {
                    let span = self.span(&variable.name).filter(|span| 0.0 < span.lowest && span.lowest < span.highest);
                    *value = span.map_or(USUAL[side], |span| [span.lowest, span.highest][side]);
                }
            }
            self.ready.tape.value_at(self.parameters, &at)
        };
        if value(1) > value(0) { -1.0 } else { 1.0 }
    }

    /// The same as the estimate has it, as a step of its own.
    pub(super) fn laid_sign(&self, held: &[f64], sizes: &[&str]) -> f64 {
        let sign = match self.trail.step() {
            Some(Solved::Sign(sign)) => *sign,
            _ => self.sign(held, sizes),
        };
        self.trail.lay(|| Some(Solved::Sign(sign)));
        sign
    }
}

/// Places that a question solved for, in order.
///
/// At the estimate they are laid; the search at a draw begins there.
#[derive(Debug, Default)]
pub struct Trail<'a> {
    known: &'a [Option<Solved>],
    next: Cell<usize>,
    laid: RefCell<Vec<Option<Solved>>>,
}

impl<'a> Trail<'a> {
    /// A trail that follows a laid one.
    pub fn following(known: &'a [Option<Solved>]) -> Self {
        Self { known, ..Self::default() }
    }

    /// What was laid.
    pub fn laid(self) -> Vec<Option<Solved>> {
        self.laid.into_inner()
    }

    /// What the estimate solved for at the step that is taken next.
    pub(super) fn step(&self) -> Option<&'a Solved> {
        self.known.get(self.next.replace(self.next.get() + 1))?.as_ref()
    }

    /// Lays a step, at the estimate; nothing where it led nowhere.
    pub(super) fn lay(&self, solved: impl FnOnce() -> Option<Solved>) {
        if self.known.is_empty() {
            self.laid.borrow_mut().push(solved());
        }
    }
}

/// What a draw takes over from the estimate for one step.
#[derive(Clone, Debug)]
pub enum Solved {
    /// A budget with the place of its best split.
    Split(Arc<Grid>, f64),
    /// The best splits of all budgets.
    Path(Arc<Path>),
    /// A variable's range with the place of the crossing.
    Line(Arc<Line>),
    /// In which direction the response is better.
    Sign(f64),
    /// Expressions of the parameters, ready to be evaluated.
    Expressions(Arc<Vec<Tape>>),
}
