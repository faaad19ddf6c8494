//! A law prepared for a query, and the law at one parameter vector.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;

use super::Refusal;
use super::axis::Axis;
use super::budget::FLOP_PER_PARAMETER_AND_TOKEN;
use super::limits::Limits;
use super::price::{Curve, Price};
use super::surface::{Moves, Surface};
use crate::fit::Span;
use crate::law::{Law, Tape};

/// A law prepared for a query.
#[derive(Clone, Debug)]
pub struct Ready<'a> {
    pub(super) law: &'a Law,
    pub(super) tape: Tape,
    /// The law over the logarithms of the query's variables.
    surface: Option<Surface>,
    /// The cost of splits, where it is not 6 N D.
    price: Option<Arc<Price>>,
    /// The ranges of the variables over the rows of the fit.
    spans: &'a BTreeMap<String, Span>,
    /// What answers must keep to.
    pub(super) limits: Option<&'a Limits>,
}

impl<'a> Ready<'a> {
    /// Prepares a law for the variables that a query changes; `spans` are the ranges of the rows of its fit.
    pub fn new(law: &'a Law, spans: &'a BTreeMap<String, Span>, moves: Option<&Moves>) -> Self {
        let price = moves.filter(|moves| moves.ties_compute).and_then(|_| Price::of(law));
        Self {
            law,
            tape: law.tape(),
            surface: moves
                .and_then(|moves| Surface::new(law, moves, |name| Axis::of(law, name, spans.get(name).copied()))),
            price,
            spans,
            limits: None,
        }
    }

    /// The same for answers that keep to limits.
    #[must_use]
    pub fn within(self, limits: Option<&'a Limits>) -> Self {
        Self { limits, ..self }
    }

    /// The law.
    pub const fn law(&self) -> &'a Law {
        self.law
    }

    /// The range that contains the response everywhere: [0, 1], values of at least zero, or all numbers.
    pub(super) fn range(&self, parameters: &[f64]) -> [f64; 2] {
        let extremes: Vec<Vec<f64>> = self.law.variables.iter().map(|v| self.extremes(&v.name)).collect();
        // Each variable takes every extreme while the others have their smallest, middle or largest one.
        let mut values = Vec::new();
        for (moving, own) in extremes.iter().enumerate() {
            for others in [|all: &[f64]| all[0], middle, |all: &[f64]| all[all.len() - 1]] {
                let mut at: Vec<f64> = extremes.iter().map(|all| others(all)).collect();
                for &value in own {
                    at[moving] = value;
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

    /// Values of a variable of every magnitude, in order; of both signs where it can be negative.
    fn extremes(&self, name: &str) -> Vec<f64> {
        match Axis::of(self.law, name, self.spans.get(name).copied()) {
            Axis::Logarithm => EXTREMES.to_vec(),
            axis @ Axis::Value(_) => axis.far().unwrap_or_else(|| EXTREMES.to_vec()),
        }
    }
}

/// The middle of the extremes of a variable: one for a size.
fn middle(extremes: &[f64]) -> f64 {
    if extremes.contains(&1.0) { 1.0 } else { extremes[extremes.len() / 2] }
}

/// A law at one parameter vector.
#[derive(Clone, Copy, Debug)]
pub struct Model<'a> {
    /// The law.
    pub ready: &'a Ready<'a>,
    /// The free parameters.
    pub parameters: &'a [f64],
    /// The law of the other fit at one of its parameter vectors, for a query about two fits.
    pub other: Option<&'a Self>,
    /// The intermediate solutions at the estimate.
    pub trail: &'a Trail<'a>,
}

/// Sizes of every magnitude, in order.
const EXTREMES: [f64; 9] = [1e-12, 1e-6, 1e-3, 1.0, 1e3, 1e6, 1e9, 1e15, 1e30];
/// Sizes between which the direction of a law is found, where no rows give a range.
const USUAL: [f64; 2] = [1e6, 1e13];

impl<'a> Model<'a> {
    /// The response at variables given by name.
    ///
    /// # Errors
    /// A variable of the law is missing, or the law has no finite value.
    pub fn response(&self, at: &BTreeMap<String, f64>) -> Result<f64, Refusal> {
        self.value(&self.ordered(at, &[])?)
    }

    /// The response at the law's variables, in the law's order.
    pub(super) fn value(&self, variables: &[f64]) -> Result<f64, Refusal> {
        let value = self.ready.tape.value_at(self.parameters, variables);
        if value.is_finite() {
            return Ok(value);
        }
        let names = self.ready.law.variables.iter().zip(variables);
        let at: Vec<String> = names.map(|(v, value)| format!("{} = {value:.3e}", v.name)).collect();
        Err(Refusal::Undefined(format!("the law has no finite value at {}", at.join(", "))))
    }

    /// The variables in the law's order. Variables in `open` may be missing and are then 0.
    pub(super) fn ordered(&self, at: &BTreeMap<String, f64>, open: &[&str]) -> Result<Vec<f64>, Refusal> {
        let value = |name: &str| match at.get(name) {
            Some(&value) => Ok(value),
            None if open.contains(&name) => Ok(0.0),
            None => Err(Refusal::Undefined(format!("`{name}` has no value: the law is `{}`", self.ready.law.formula))),
        };
        self.ready.law.variables.iter().map(|variable| value(&variable.name)).collect()
    }

    /// The response at a model size and data, with the other variables from `base`.
    pub(super) fn at_sizes(&self, base: &[f64], n: f64, d: f64) -> Result<f64, Refusal> {
        let mut at = base.to_vec();
        let sizes = self.ready.law.roles.decided().into_iter().zip([n, d, FLOP_PER_PARAMETER_AND_TOKEN * n * d]);
        for (name, value) in sizes {
            self.ready.law.variable(name).into_iter().for_each(|place| at[place] = value);
        }
        self.value(&at)
    }

    /// The law over the logarithms of the query's variables.
    pub(super) fn surface(&self) -> Result<&'a Surface, Refusal> {
        let missing = || {
            Refusal::Undefined(format!("the law `{}` lacks a variable that the query needs", self.ready.law.formula))
        };
        self.ready.surface.as_ref().ok_or_else(missing)
    }

    /// The curve of splits of equal cost, with the other variables from `base`.
    pub(super) fn curve(&self, base: &[f64], served: f64) -> Curve {
        Curve::new(self.ready.price.as_ref(), base, served)
    }

    /// The range of a variable over the rows of the fit.
    pub(super) fn span(&self, name: &str) -> Option<Span> {
        self.ready.spans.get(name).copied()
    }

    /// 1 where a lower response is better, -1 where a higher response is.
    ///
    /// The response improves with size. It falls from the smallest sizes of the rows to the largest, as losses and
    /// errors do, or it rises, as accuracies do. `held` contains all variables; the sizes among them are ignored.
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

    /// The sign at the estimate, stored as a step of the trail.
    pub(super) fn laid_sign(&self, held: &[f64], sizes: &[&str]) -> f64 {
        let sign = match self.trail.step().and_then(Solved::read) {
            Some(Sign(sign)) => *sign,
            None => self.sign(held, sizes),
        };
        self.trail.lay(|| Some(Solved::of(Arc::new(Sign(sign)))));
        sign
    }
}

/// The direction in which a response improves.
struct Sign(f64);

/// Solutions of a question's steps, in order.
///
/// The solution at the estimate stores them, and the search at a draw starts from them.
#[derive(Debug, Default)]
pub struct Trail<'a> {
    known: &'a [Option<Solved>],
    next: Cell<usize>,
    laid: RefCell<Vec<Option<Solved>>>,
}

impl<'a> Trail<'a> {
    /// A trail for a draw, with warm starts from the estimate's trail.
    pub fn following(known: &'a [Option<Solved>]) -> Self {
        Self { known, ..Self::default() }
    }

    /// The steps that were stored.
    pub fn laid(self) -> Vec<Option<Solved>> {
        self.laid.into_inner()
    }

    /// The estimate's solution for the next step.
    pub(super) fn step(&self) -> Option<&'a Solved> {
        self.known.get(self.next.replace(self.next.get() + 1))?.as_ref()
    }

    /// Stores a step, at the estimate only; `None` marks a step without a solution.
    pub(super) fn lay(&self, solved: impl FnOnce() -> Option<Solved>) {
        if self.known.is_empty() {
            self.laid.borrow_mut().push(solved());
        }
    }
}

/// The value that a step of the estimate passes to the same step of each draw.
#[derive(Clone, Debug)]
pub struct Solved(Arc<dyn Any + Send + Sync>);

impl Solved {
    /// Wraps the value of a step.
    pub(super) fn of<T: Any + Send + Sync>(value: Arc<T>) -> Self {
        Self(value)
    }

    /// The value of a step, if it has this type.
    pub(super) fn read<T: Any + Send + Sync>(&self) -> Option<&T> {
        self.0.downcast_ref()
    }

    /// A shared reference to the value, if it has this type.
    pub(super) fn shared<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        Arc::clone(&self.0).downcast().ok()
    }
}
