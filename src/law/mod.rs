//! Scaling laws: a formula with named parameters, and its compilation to a tape.
//!
//! A law is data. Built-in laws are files in `catalogue/`, and a law in a spec uses the same compiler. This folder
//! knows nothing of files, tables or fits.

mod canonical;
mod catalogue;
mod centred;
mod coefficient;
mod cost;
mod interchange;
mod lower;
mod meeting;
mod mixture;
mod parameter;
mod pooled;
mod powers;
mod roles;
mod simd;
mod structure;
mod sums;
pub mod symbolic;
mod tape;
mod written;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

pub use catalogue::{Check, Constants, Entry, catalogue, find, names};
pub use centred::{Centred, CentredSize, Reference};
pub use coefficient::{CoefficientPlace, coefficient_place};
pub use cost::{CONVENTIONS, Convention, Cost, FLOP_PER_PARAMETER_AND_TOKEN, SERVED};
pub use interchange::Symmetries;
pub use meeting::{Chain, Meeting, Role, Side};
pub use mixture::{Domains, Mixture, Share, TOLERANCE, Vector, parameters_over};
pub use parameter::{Parameter, ParameterText, Scale, Treatment, UNLISTED};
pub use powers::Power;
pub use roles::{CONVENTIONAL, Roles, dimension};
pub use structure::{BoundPeels, Offset, ScaleOf, Term, Terms};
pub use sums::{Columns, Sums, Weigh, Weights, Workspace};
pub use tape::{Order, ROWS, Tape, Wanted};

use crate::expr::{Expr, Function, Kind, Node, Operator, Value, parse_equation};
use crate::schedule;
use crate::unit::{Counts, Unit};
use symbolic::{Graph, Id};

/// A variable of a law.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Variable {
    /// Name in the formula.
    pub name: String,
    /// Unit, where the law defines one.
    pub unit: Option<Unit>,
    /// Meaning.
    pub meaning: Option<String>,
    /// Which parameters a model size counts.
    pub counts: Option<Counts>,
}

impl Variable {
    /// A variable without a unit or a meaning.
    pub fn plain(name: &str) -> Self {
        Self { name: name.to_owned(), unit: None, meaning: None, counts: None }
    }

    /// Whether the variable describes a knot of a schedule.
    pub fn is_of_knot(&self) -> bool {
        schedule::of_knot(&self.name).is_some()
    }
}

/// A law: its formula, variables and parameters.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "written::WrittenLaw", into = "written::WrittenLaw")]
pub struct Law {
    /// Name in the catalogue or in the spec.
    pub name: String,
    /// The formula with its response, in canonical spelling: `L = E + A / N^alpha`.
    pub formula: String,
    /// Name of the response.
    pub response: String,
    /// The right-hand side.
    pub body: Expr,
    /// Variables in the order of the formula.
    pub variables: Vec<Variable>,
    /// Parameters in the order of the formula.
    pub parameters: Vec<Parameter>,
    /// Conditions under which the law holds or fails, for readers.
    pub caution: Option<String>,
    /// Conditions under which the law holds, for checks.
    pub holds: Holds,
    /// The variables that are model size, data and compute.
    pub roles: Roles,
    /// Cost of training; `None` stands for 6 FLOP for each parameter and token.
    pub cost: Option<Arc<Cost>>,
    /// The variables that are shares of mixtures.
    pub mixtures: Vec<Mixture>,
}

/// Conditions under which a law holds, as far as they can be checked.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Holds {
    /// Whether the response only falls or only rises along every variable.
    #[serde(default)]
    pub monotone: Option<bool>,
    /// Largest number of passes over the data (data divided by unique tokens), for a law with both variables.
    #[serde(default)]
    pub epochs: Option<f64>,
    /// Published range of each variable.
    #[serde(default)]
    pub range: BTreeMap<String, [crate::quantity::Quantity; 2]>,
}

/// Whether a name is that of a function with one argument. `gamma` is also a usual name of a parameter.
fn is_called(name: &str) -> bool {
    let functions = Function::ALL.iter().filter(|(.., arguments)| *arguments == Some(1));
    name != "gamma" && functions.into_iter().any(|(_, function, _)| *function == name)
}

/// Relative margin around a published range, for numbers that were rounded to two digits.
const ROUNDED: f64 = 0.05;

impl Holds {
    /// Reasons why a point lies outside the conditions of the law.
    pub fn outside(&self, at: &BTreeMap<String, f64>, roles: &Roles) -> Vec<String> {
        let mut reasons: Vec<String> = self
            .range
            .iter()
            .filter_map(|(name, [low, high])| {
                let value = *at.get(name)?;
                let number = crate::numeral::exact;
                // Published ranges are rounded: a model of 1.309 billion parameters appears as 1.3 billion.
                let (below, above) = (low.0 / (1.0 + ROUNDED), high.0 * (1.0 + ROUNDED));
                (value < below || value > above).then(|| {
                    format!(
                        "{name} = {value:.3e} is outside {} to {}, the published range of the law",
                        number(low.0),
                        number(high.0)
                    )
                })
            })
            .collect();
        let of = |name: &Option<String>| at.get(name.as_deref()?);
        if let (Some(most), Some(d), Some(u)) = (self.epochs, of(&roles.data), of(&roles.unique))
            && d / u > most
        {
            reasons.push(format!("tokens are seen {:.1} times, and the law holds for up to {most} times", d / u));
        }
        reasons
    }

    /// The same conditions with other names for the variables.
    #[must_use]
    pub fn renamed(&self, name: impl Fn(&str) -> String) -> Self {
        let range = self.range.iter().map(|(variable, range)| (name(variable), *range)).collect();
        Self { range, ..self.clone() }
    }
}

/// Values of a variable, other than those above zero, at which a formula has a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Takes {
    /// Zero.
    pub zero: bool,
    /// Negative values.
    pub negative: bool,
}

/// What the free symbols of a graph mean.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Space {
    /// The parameters themselves.
    Parameters,
    /// Coordinates of a solver: the logarithm of a parameter whose scale is `log`.
    Coordinates,
}

/// Why a formula is not a valid law, and where.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct LawError {
    /// Byte range of the fault in the formula.
    pub span: Option<Range<usize>>,
    /// The parameter at fault, where the fault is not in the formula.
    pub parameter: Option<String>,
    /// What was wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

impl LawError {
    fn in_formula(span: Range<usize>, message: impl Into<String>) -> Self {
        Self { span: Some(span), parameter: None, message: message.into(), hint: None }
    }

    /// An error without a place in the formula.
    pub fn of_law(message: impl Into<String>) -> Self {
        Self { span: None, parameter: None, message: message.into(), hint: None }
    }

    fn of_parameter(name: &str, message: impl Into<String>) -> Self {
        Self { span: None, parameter: Some(name.to_owned()), message: message.into(), hint: None }
    }

    /// The same with a hint on what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl Law {
    /// Parses a law from its formula. A symbol in `variables` is a variable; any other is a parameter. The variables
    /// give the domains of sums over domains.
    ///
    /// # Errors
    /// The formula does not parse, is not a number, or uses its own response.
    pub fn from_formula(name: &str, formula: &str, variables: &[Variable]) -> Result<Self, LawError> {
        Self::over_domains(name, formula, variables, &Domains::default()).map(|(law, _)| law)
    }

    /// Numbers that give a term of the formula its size, which have the unit of the response: a number that is added,
    /// and a number by which a term is multiplied that has neither a parameter nor a variable as a factor.
    pub fn numbers_of_response(&self) -> Vec<f64> {
        let size = |(is_subtracted, term): (bool, &Expr)| {
            let mut size = if is_subtracted { -1.0 } else { 1.0 };
            let mut has_number = false;
            for (is_divided, factor) in canonical::pieces(term, canonical::PRODUCT) {
                match &factor.node {
                    Node::Symbol(_) => return None,
                    Node::Number(value) => {
                        size *= if is_divided { 1.0 / value } else { *value };
                        has_number |= !is_divided;
                    }
                    _ => {}
                }
            }
            Some(size).filter(|size| has_number && *size != 0.0)
        };
        canonical::pieces(&self.body, canonical::SUM).into_iter().filter_map(size).collect()
    }

    /// The same with declared domains; also returns the names with indices, written out.
    ///
    /// # Errors
    /// As [`Law::from_formula`], and where a sum over domains cannot be written out.
    pub fn over_domains(
        name: &str,
        formula: &str,
        variables: &[Variable],
        domains: &Domains,
    ) -> Result<(Self, Vec<Vector>), LawError> {
        let (response, body) = parse_equation(formula).map_err(|error| LawError {
            span: Some(error.span),
            parameter: None,
            message: error.message,
            hint: error.hint,
        })?;
        let written = mixture::written_out(&body, domains, variables, &response)?;
        let names: BTreeSet<&str> = variables.iter().map(|v| v.name.as_str()).collect();
        let members = written.vectors.iter().filter(|vector| vector.is_variable).flat_map(|vector| &vector.members);
        let unlisted = members.filter(|member| !names.contains(member.variable.as_str()));
        let unlisted = unlisted.map(|member| Variable::plain(&member.variable));
        let variables: Vec<Variable> = variables.iter().cloned().chain(unlisted).collect();
        let law = Self::of_body(name, response, &written.body, &variables)?;
        let mixtures = written.mixtures(&variables, domains.rest.as_ref());
        Ok((Self { mixtures, ..law }, written.vectors))
    }

    /// A law from its response and its right-hand side, without sums over domains.
    fn of_body(name: &str, response: String, body: &Expr, variables: &[Variable]) -> Result<Self, LawError> {
        let body = with_constants(body, variables);
        let kind = body.kind(&|_| Kind::Number).map_err(|e| LawError::in_formula(e.span.clone(), e.to_string()))?;
        if kind != Kind::Number {
            return Err(LawError::in_formula(body.span.clone(), "the right-hand side is not a number"));
        }
        let mut used: Vec<Variable> = Vec::new();
        let mut parameters: Vec<Parameter> = Vec::new();
        let mut wrong = None;
        schedule::written_out(&body).visit_symbols(&mut |symbol, span| {
            if let Some(knot) = schedule::of_knot(symbol) {
                let meaning = schedule::meaning(knot).map(str::to_owned);
                let variable = Variable { meaning, ..Variable::plain(symbol) };
                if !used.contains(&variable) {
                    used.push(variable);
                }
            } else if let Some(variable) = variables.iter().find(|v| v.name == *symbol) {
                if !used.contains(variable) {
                    used.push(variable.clone());
                }
            } else if *symbol == response {
                wrong.get_or_insert(LawError::in_formula(
                    span.clone(),
                    format!("`{symbol}` is the response; it cannot stand on the right"),
                ));
            } else if is_called(symbol) {
                let message = format!("`{symbol}` is a function, and its argument stands in parentheses");
                let error = LawError::in_formula(span.clone(), message);
                wrong.get_or_insert(error.hint(format!("write `{symbol}(...)`, or give a parameter another name")));
            } else if !parameters.iter().any(|p| p.name == *symbol) {
                parameters.push(Parameter::from_formula(symbol, &body));
            }
        });
        match wrong {
            Some(error) => Err(error),
            None => Ok(Self {
                roles: Roles::default().among(&used, &BTreeMap::new()),
                cost: None,
                mixtures: Vec::new(),
                name: name.to_owned(),
                formula: format!("{response} = {body}"),
                response,
                body,
                variables: used,
                parameters,
                caution: None,
                holds: Holds::default(),
            }),
        }
    }

    /// Applies the settings of parameters from a spec or a catalogue file.
    ///
    /// # Errors
    /// Returns all errors: an unknown parameter, empty bounds, a start or a fixed value outside the bounds, and a tie
    /// that is not an expression of the other parameters or that is circular.
    pub fn with_parameters(mut self, texts: &BTreeMap<String, ParameterText>) -> Result<Self, Vec<LawError>> {
        let mut errors = Vec::new();
        for (name, text) in texts {
            if let Err(error) = self.apply(name, text) {
                errors.push(error);
            }
        }
        if errors.is_empty() {
            errors.extend(
                self.parameters
                    .iter()
                    .filter(|p| self.tie_is_circular(&p.name))
                    .map(|p| LawError::of_parameter(&p.name, format!("`{}` is tied to itself", p.name))),
            );
        }
        if errors.is_empty() { Ok(self) } else { Err(errors) }
    }

    fn apply(&mut self, name: &str, text: &ParameterText) -> Result<(), LawError> {
        let names: Vec<String> = self.parameters.iter().map(|p| p.name.clone()).collect();
        let Some(parameter) = self.parameters.iter_mut().find(|p| p.name == name) else {
            let error = LawError::of_parameter(name, format!("the formula has no parameter `{name}`"));
            return Err(match crate::diagnostic::nearest(name, names.iter().map(String::as_str)) {
                Some(near) => error.hint(format!("did you mean `{near}`?")),
                None => error.hint(format!("its parameters are {}", names.join(", "))),
            });
        };
        if let Some(meaning) = &text.meaning {
            parameter.meaning = Some(meaning.clone());
        }
        if let Some(scale) = text.scale {
            parameter.scale = scale;
        }
        if let Some([lower, upper]) = &text.bounds {
            (parameter.lower, parameter.upper) = (lower.0, upper.0);
            parameter.start.retain(|s| lower.0 <= *s && *s <= upper.0);
        }
        if parameter.lower.is_nan() || parameter.upper.is_nan() || parameter.lower >= parameter.upper {
            return Err(LawError::of_parameter(
                name,
                format!("the bounds [{}, {}] contain no value", parameter.lower, parameter.upper),
            )
            .hint("the first bound is the lower one; to hold a parameter write `fixed = ...`"));
        }
        if parameter.scale == Scale::Log && parameter.lower <= 0.0 {
            if text.bounds.is_some() {
                return Err(LawError::of_parameter(name, "a parameter on a log scale has bounds above zero"));
            }
            (parameter.lower, parameter.upper) =
                (parameter::LEAST_POSITIVE, parameter.upper.min(1.0 / parameter::LEAST_POSITIVE));
        }
        let inside = |value: f64| parameter.lower <= value && value <= parameter.upper;
        if let Some(start) = &text.start {
            let start: Vec<f64> = start.iter().map(|q| q.0).collect();
            if let Some(outside) = start.iter().find(|s| !inside(**s)) {
                return Err(LawError::of_parameter(
                    name,
                    format!("the start {outside} is outside the bounds [{}, {}]", parameter.lower, parameter.upper),
                ));
            }
            parameter.start = start;
        }
        match (&text.fixed, &text.tied) {
            (Some(_), Some(_)) => Err(LawError::of_parameter(name, "a parameter is either fixed or tied, not both")),
            (Some(value), None) => {
                parameter.treatment = Treatment::Fixed(value.0);
                Ok(())
            }
            (None, Some(tie)) => {
                let expr = crate::expr::parse(tie)
                    .map_err(|e| LawError { hint: e.hint, ..LawError::of_parameter(name, e.message) })?;
                if let Some((function, _)) = expr.first_call(&[Function::SumOver, Function::SumOverKnots]) {
                    let message = format!("a tie cannot contain `{}`, which belongs in a formula", function.name());
                    return Err(LawError::of_parameter(name, message));
                }
                let mut unknown = None;
                expr.visit_symbols(&mut |symbol, _| {
                    if !names.contains(symbol) {
                        unknown.get_or_insert(symbol.clone());
                    }
                });
                if let Some(unknown) = unknown {
                    return Err(LawError::of_parameter(
                        name,
                        format!("`{unknown}` in the tie is not a parameter of the law"),
                    )
                    .hint(format!("its parameters are {}", names.join(", "))));
                }
                parameter.treatment = Treatment::Tied(expr);
                Ok(())
            }
            (None, None) => Ok(()),
        }
    }

    fn tie_is_circular(&self, name: &str) -> bool {
        let mut seen = vec![name.to_owned()];
        let mut at = 0;
        while at < seen.len() {
            let next = self.parameters.iter().find(|p| p.name == seen[at]);
            at += 1;
            let Some(Parameter { treatment: Treatment::Tied(expr), .. }) = next else { continue };
            let mut back = false;
            expr.visit_symbols(&mut |symbol, _| {
                back |= symbol == name;
                if !seen.contains(symbol) {
                    seen.push(symbol.clone());
                }
            });
            if back {
                return true;
            }
        }
        false
    }

    /// The law with one variable replaced by another law: a chain, such as compute to loss to accuracy.
    ///
    /// The variables are those of both laws without the replaced one. The free parameters are those of `inner`, with
    /// `prefix` and a dot before their names, followed by those of this law, and by the scatter of one run around `inner`
    /// in the logarithm of its response.
    #[must_use]
    pub fn through(&self, variable: &str, inner: &Self, prefix: &str) -> Self {
        let rename = |name: &str| {
            if inner.variable(name).is_some() { name.to_owned() } else { format!("{prefix}.{name}") }
        };
        let renamed = |expr: &Expr| {
            let Ok(expr) = expr.resolve(&mut |name: &String, _| Ok::<_, std::convert::Infallible>(rename(name)));
            expr
        };
        let mut variables = inner.variables.clone();
        variables
            .extend(self.variables.iter().filter(|v| v.name != variable && inner.variable(&v.name).is_none()).cloned());
        let mut parameters: Vec<Parameter> = inner
            .parameters
            .iter()
            .map(|p| {
                let treatment = match &p.treatment {
                    Treatment::Tied(expr) => Treatment::Tied(renamed(expr)),
                    other => other.clone(),
                };
                Parameter { name: rename(&p.name), treatment, ..p.clone() }
            })
            .collect();
        parameters.extend(self.parameters.iter().cloned());
        let mut mixtures = inner.mixtures.clone();
        mixtures.extend(self.mixtures.iter().filter(|own| !inner.mixtures.contains(own)).cloned());
        // The replaced variable becomes a parameter that is tied to the inner law's expression.
        let scatter = format!("{prefix}.scatter");
        let of = |node: Node| Expr { node, span: 0..0 };
        let factor = of(Node::Call(Function::Exp, vec![of(Node::Symbol(scatter.clone()))]));
        let expression = Box::new(renamed(&schedule::written_out(&inner.body)));
        let expression = of(Node::Binary(Operator::Multiply, expression, Box::new(factor)));
        parameters.push(Parameter::unbounded(&scatter, Treatment::Free));
        parameters.push(Parameter::unbounded(variable, Treatment::Tied(expression)));
        Self {
            variables,
            parameters,
            holds: inner.holds.clone(),
            roles: inner.roles.clone(),
            cost: inner.cost.clone(),
            mixtures,
            ..self.clone()
        }
    }

    /// The weighted sum of copies of the law, each with parameters of its own: those of the first part, with its name
    /// and a dot before their names, then those of the second.
    #[must_use]
    pub fn averaged(&self, parts: &[(String, f64)]) -> Self {
        let written = schedule::written_out(&self.body);
        let renamed = |expr: &Expr, part: &str| {
            let own = |name: &String| {
                if self.variable(name).is_some() { name.clone() } else { format!("{part}.{name}") }
            };
            let Ok(expr) = expr.resolve(&mut |name: &String, _| Ok::<_, std::convert::Infallible>(own(name)));
            expr
        };
        let binary = |operator: Operator, left: Expr, right: Expr| Expr {
            node: Node::Binary(operator, Box::new(left), Box::new(right)),
            span: 0..0,
        };
        let weighted = |(part, weight): &(String, f64)| {
            binary(Operator::Multiply, Expr { node: Node::Number(*weight), span: 0..0 }, renamed(&written, part))
        };
        let body = parts.iter().map(weighted).reduce(|sum, term| binary(Operator::Add, sum, term));
        let body = body.unwrap_or_else(|| self.body.clone());
        let of_part = |(part, _): &(String, f64)| {
            let own = |p: &Parameter| {
                let treatment = match &p.treatment {
                    Treatment::Tied(expr) => Treatment::Tied(renamed(expr, part)),
                    other => other.clone(),
                };
                Parameter { name: format!("{part}.{}", p.name), treatment, ..p.clone() }
            };
            self.parameters.iter().map(own).collect::<Vec<_>>()
        };
        let parameters = parts.iter().flat_map(of_part).collect();
        Self { formula: format!("{} = {body}", self.response), body, parameters, ..self.clone() }
    }

    /// The law with a variable turned into its first free parameter, for a value that is known only through draws.
    #[must_use]
    pub fn at_unknown(&self, variable: &str) -> Self {
        let mut law = self.clone();
        law.variables.retain(|v| v.name != variable);
        law.parameters.insert(0, Parameter::unbounded(variable, Treatment::Free));
        law
    }

    /// The part of the fingerprint that determines the law's values: the formula, and fixed and tied parameters.
    pub fn form_fingerprint(&self) -> serde_json::Value {
        let treatments: BTreeMap<&str, serde_json::Value> = self
            .parameters
            .iter()
            .map(|p| {
                let treatment = match &p.treatment {
                    Treatment::Free => serde_json::json!("free"),
                    Treatment::Fixed(value) => serde_json::json!({ "fixed": value }),
                    Treatment::Tied(expr) => serde_json::json!({ "tied": expr.to_string() }),
                };
                (p.name.as_str(), treatment)
            })
            .collect();
        let variables: Vec<&str> = self.variables.iter().map(|v| v.name.as_str()).collect();
        let mut form = serde_json::json!({ "formula": self.formula, "variables": variables, "parameters": treatments });
        if let Some(cost) = &self.cost {
            form["cost"] = cost.total.body.to_string().into();
        }
        if !self.roles.are_usual() {
            form["roles"] = serde_json::json!(self.roles);
        }
        if !self.mixtures.is_empty() {
            form["mixtures"] = serde_json::json!(self.mixtures);
        }
        form
    }

    /// The same law with another cost of training.
    #[must_use]
    pub fn costing(self: &Arc<Self>, cost: &Arc<Cost>) -> Arc<Self> {
        let roles = cost.roles(&self.roles, &self.variables);
        Arc::new(Self { roles, cost: Some(Arc::clone(cost)), ..Self::clone(self) })
    }

    /// The law with the variables of its cost added, for queries about budgets, which need a value of each.
    #[must_use]
    pub fn priced(self: &Arc<Self>) -> Arc<Self> {
        let Some(cost) = &self.cost else { return Arc::clone(self) };
        // Compute that the law uses as a variable is the cost of its sizes.
        let takes_sizes =
            self.roles.sizes().is_some_and(|sizes| sizes.iter().all(|name| self.variable(name).is_some()));
        let mut law = if takes_sizes && self.variable(&self.roles.compute).is_some() {
            let joined = self.through(&self.roles.compute, &cost.training, "cost");
            Self { holds: self.holds.clone(), roles: self.roles.clone(), cost: self.cost.clone(), ..joined }
        } else {
            Self::clone(self)
        };
        for variable in cost.total.variables.iter().filter(|v| v.name != SERVED) {
            if law.variable(&variable.name).is_none() {
                law.variables.push(variable.clone());
            }
        }
        Arc::new(law)
    }

    /// FLOP of training at values of the variables; `None` where a value is missing.
    pub fn flop(&self, at: &BTreeMap<String, f64>) -> Option<f64> {
        self.flop_by(|name| at.get(name).copied())
    }

    /// FLOP of training, with values from a function.
    pub fn flop_by(&self, value: impl Fn(&str) -> Option<f64>) -> Option<f64> {
        if let Some(cost) = &self.cost {
            return cost.flop(value);
        }
        let [size, data] = self.roles.sizes()?;
        Some(FLOP_PER_PARAMETER_AND_TOKEN * value(size)? * value(data)?)
    }

    /// The law in a study whose columns have units; the roles of the variables follow from the units.
    #[must_use]
    pub fn in_units(self: &Arc<Self>, columns: &BTreeMap<String, Option<Unit>>) -> Arc<Self> {
        let of_study = |variable: &Variable| {
            let unit = columns.get(&variable.name).copied().flatten().or(variable.unit);
            Variable { unit, ..variable.clone() }
        };
        let variables: Vec<Variable> = self.variables.iter().map(of_study).collect();
        let roles = self.roles.among(&variables, columns);
        if roles == self.roles { Arc::clone(self) } else { Arc::new(Self { roles, ..Self::clone(self) }) }
    }

    /// Everything that determines a fit of the law: its form, and the bounds, scales and starts of the free
    /// parameters.
    pub fn fingerprint(&self) -> serde_json::Value {
        let number = crate::numeral::exact;
        let search: BTreeMap<&str, serde_json::Value> = self
            .free()
            .into_iter()
            .map(|p| {
                let search = serde_json::json!({
                    "lower": number(p.lower),
                    "upper": number(p.upper),
                    "scale": p.scale,
                    "start": p.start,
                });
                (p.name.as_str(), search)
            })
            .collect();
        serde_json::json!({ "form": self.form_fingerprint(), "search": search })
    }

    /// The free parameters in the order of a tape's arguments.
    pub fn free(&self) -> Vec<&Parameter> {
        self.parameters.iter().filter(|p| p.treatment == Treatment::Free).collect()
    }

    /// Whether one of the free parameters, in the order of [`Law::free`], lies on a bound.
    pub fn is_on_bound(&self, free: &[f64]) -> bool {
        // A parameter on a log scale returns to its bound only to within rounding.
        let is_at = |value: f64, bound: f64| (value - bound).abs() <= 1e-12 * bound.abs();
        self.free().iter().zip(free).any(|(p, value)| is_at(*value, p.lower) || is_at(*value, p.upper))
    }

    /// The variables apart from those of a schedule's knots.
    pub fn sizes(&self) -> impl Iterator<Item = &Variable> {
        self.variables.iter().filter(|variable| !variable.is_of_knot())
    }

    /// Whether the law takes a whole learning-rate schedule.
    pub fn takes_schedule(&self) -> bool {
        self.variables.iter().any(Variable::is_of_knot)
    }

    /// Whether the parts of the formula that depend on variables alone have a value at zero and at negative values of
    /// a variable. A schedule's knots may have any value.
    pub fn takes(&self, variable: usize) -> Takes {
        if self.variables[variable].is_of_knot() {
            return Takes { zero: true, negative: true };
        }
        let (tape, mut at) = (self.tape(), vec![1.0; self.variables.len()]);
        let [zero, negative] = [0.0, -1.0].map(|value| {
            at[variable] = value;
            tape.has_columns_at(&at)
        });
        // A model or a data set of size zero is a missing value.
        let is_missing = tape.takes_limit_at_zero(variable) && self.is_count(&self.variables[variable].name);
        Takes { zero: zero && !is_missing, negative }
    }

    /// Whether the formula is not defined where a variable is zero, but has a limit there, at which it is evaluated:
    /// `x^b` and `x * ln(x)`.
    pub fn takes_limit_at_zero(&self, variable: usize) -> bool {
        self.tape().takes_limit_at_zero(variable)
    }

    /// The innermost part of the formula without a value when a variable has the given value, such as `N^alpha` for
    /// negative N.
    pub fn part_without_value(&self, variable: usize, value: f64) -> Option<String> {
        let name = &self.variables.get(variable)?.name;
        let at = |symbol: &str| match self.parameters.iter().position(|p| p.name == symbol) {
            // Arbitrary values that are neither integers nor equal.
            Some(place) => 0.7 + 0.013 * place as f64,
            None if symbol == name => value,
            None => 1.0,
        };
        let mut values = Vec::new();
        let body = self.body.resolve(&mut |symbol: &String, _| {
            values.push(Value::Number(at(symbol)));
            Ok::<_, std::convert::Infallible>(values.len() - 1)
        });
        let Ok(body) = body;
        innermost_without_value(&self.body, &body, &values).map(Expr::to_string)
    }

    /// The mixture to which a variable belongs, if it is the share of a domain.
    pub fn mixture_of(&self, variable: &str) -> Option<&Mixture> {
        self.mixtures.iter().find(|mixture| mixture.variables().any(|share| share == variable))
    }

    /// The index of a variable.
    pub fn variable(&self, name: &str) -> Option<usize> {
        self.variables.iter().position(|v| v.name == name)
    }

    /// Compiles the formula over its free parameters. Fixed parameters become numbers and tied ones expressions.
    pub fn tape(&self) -> Tape {
        let (mut graph, symbols) = self.graph(Space::Parameters);
        let value = self.enter(&mut graph, &self.body, &symbols);
        Tape::compile(graph, value, self.free().len(), self.variables.len())
    }

    /// The formula as a graph over the free parameters, where `enter` gives the node of each variable by its index.
    ///
    /// A variable can thus be replaced by its logarithm or by other variables, as compute is by model size and data.
    pub fn graph_with(&self, mut enter: impl FnMut(&mut Graph, usize) -> Id) -> (Graph, Id) {
        let (mut graph, mut symbols) = self.graph_of_parameters(Space::Parameters);
        for (index, variable) in self.variables.iter().enumerate() {
            symbols.insert(variable.name.clone(), enter(&mut graph, index));
        }
        let value = self.enter(&mut graph, &self.body, &symbols);
        (graph, value)
    }

    /// Compiles the formula over coordinates: logarithms of the parameters whose scale is `log`.
    ///
    /// With `log`, a formula that is an exponential is compiled as its exponent; the returned flag says whether it
    /// was. The logarithm of the law is then exact, and saves an `exp` and an `ln`.
    pub fn coordinate_tape(&self, log: bool) -> (Tape, bool) {
        let (mut graph, symbols) = self.graph(Space::Coordinates);
        let value = self.enter(&mut graph, &self.body, &symbols);
        self.compiled(graph, value, log)
    }

    /// Compiles a formula over coordinates, or its exponent where `log` is set and it is an exponential.
    fn compiled(&self, graph: Graph, value: Id, log: bool) -> (Tape, bool) {
        let exponent = match graph.op(value) {
            symbolic::Op::Exp(exponent) if log => Some(exponent),
            _ => None,
        };
        let tape = Tape::compile(graph, exponent.unwrap_or(value), self.free().len(), self.variables.len());
        (tape, exponent.is_some())
    }

    /// The values of all parameters, in the order of [`Law::parameters`], from those of the free parameters.
    pub fn complete(&self, free: &[f64]) -> Vec<f64> {
        let (mut graph, symbols) = self.graph(Space::Parameters);
        let ids: Vec<Id> = self.parameters.iter().map(|p| self.symbol(&mut graph, &p.name, &symbols)).collect();
        let ones = vec![1.0; self.variables.len()];
        let values = graph.evaluate(&graph.needed(&ids), free, &ones);
        ids.into_iter().map(|id| values[id as usize]).collect()
    }

    /// A graph that contains the free parameters and the variables, with their nodes by name.
    fn graph(&self, space: Space) -> (Graph, BTreeMap<String, Id>) {
        let (mut graph, mut symbols) = self.graph_of_parameters(space);
        for (index, variable) in self.variables.iter().enumerate() {
            symbols.insert(variable.name.clone(), graph.variable(index));
        }
        (graph, symbols)
    }

    /// A graph that contains the free parameters, with their nodes by name.
    fn graph_of_parameters(&self, space: Space) -> (Graph, BTreeMap<String, Id>) {
        let free = self.free();
        let is_log = |p: &Parameter| space == Space::Coordinates && p.scale == Scale::Log;
        let mut graph = Graph::new(free.iter().map(|p| p.lower >= 0.0 && !is_log(p)).collect());
        let mut symbols = BTreeMap::new();
        for (index, parameter) in free.iter().enumerate() {
            let own = graph.parameter(index);
            let symbol = if is_log(parameter) { graph.exp(own) } else { own };
            symbols.insert(parameter.name.clone(), symbol);
        }
        (graph, symbols)
    }

    fn symbol(&self, graph: &mut Graph, name: &str, symbols: &BTreeMap<String, Id>) -> Id {
        if let Some(&id) = symbols.get(name) {
            return id;
        }
        match self.parameters.iter().find(|p| p.name == name).map(|p| &p.treatment) {
            Some(Treatment::Fixed(value)) => graph.number(*value),
            Some(Treatment::Tied(expr)) => self.enter(graph, expr, symbols),
            _ => graph.number(f64::NAN),
        }
    }

    fn enter(&self, graph: &mut Graph, expr: &Expr, symbols: &BTreeMap<String, Id>) -> Id {
        let resolved: Result<Expr<Id>, std::convert::Infallible> =
            schedule::written_out(expr).resolve(&mut |name: &String, _| Ok(self.symbol(graph, name, symbols)));
        let Ok(resolved) = resolved;
        lower::lower(graph, &resolved)
    }
}

/// The innermost part of an expression that is not a finite number. `resolved` is the same expression over indices of
/// `values`.
fn innermost_without_value<'e>(expr: &'e Expr, resolved: &Expr<usize>, values: &[Value]) -> Option<&'e Expr> {
    let inside = expr.parts().into_iter().zip(resolved.parts());
    let found = inside.into_iter().find_map(|(part, resolved)| innermost_without_value(part, resolved, values));
    found.or_else(|| (!resolved.number(values).is_ok_and(f64::is_finite)).then_some(expr))
}

/// The name of the ratio of a circle's circumference to its diameter, unless a variable has it.
const PI: &str = "pi";

/// The formula with the values of constants that have a name.
fn with_constants(body: &Expr, variables: &[Variable]) -> Expr {
    if variables.iter().any(|variable| variable.name == PI) {
        return body.clone();
    }
    body.replaced(&|part| {
        let is_pi = matches!(&part.node, Node::Symbol(name) if name == PI);
        is_pi.then(|| Expr { node: Node::Number(std::f64::consts::PI), span: part.span.clone() })
    })
}

#[cfg(test)]
mod tests;
