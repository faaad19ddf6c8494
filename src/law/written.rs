//! A law as text that parses to the same law, for a compiled plan that another machine runs.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Cost, Holds, Law, Mixture, Parameter, Roles, Scale, Treatment, Variable};
use crate::expr::{ParseError, parse_printed};
use crate::quantity::Quantity;

/// A law in plain values, with expressions in canonical spelling.
#[derive(Serialize, Deserialize)]
pub(super) struct WrittenLaw {
    name: String,
    formula: String,
    response: String,
    body: String,
    variables: Vec<Variable>,
    parameters: Vec<WrittenParameter>,
    caution: Option<String>,
    holds: Holds,
    roles: Roles,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cost: Option<WrittenCost>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    mixtures: Vec<Mixture>,
}

/// The cost of training, as the laws of which it consists.
#[derive(Serialize, Deserialize)]
struct WrittenCost {
    name: String,
    training: Box<WrittenLaw>,
    total: Box<WrittenLaw>,
}

#[derive(Serialize, Deserialize)]
struct WrittenParameter {
    name: String,
    meaning: Option<String>,
    bounds: [Quantity; 2],
    scale: Scale,
    start: Vec<Quantity>,
    treatment: WrittenTreatment,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WrittenTreatment {
    Free,
    Fixed(Quantity),
    Tied(String),
}

impl From<Law> for WrittenLaw {
    fn from(law: Law) -> Self {
        let Law { name, formula, response, body, variables, parameters, caution, holds, roles, cost, mixtures } = law;
        let cost = cost.map(|cost| WrittenCost::from(Cost::clone(&cost)));
        let parameters = parameters.into_iter().map(WrittenParameter::from).collect();
        let body = body.to_string();
        Self { name, formula, response, body, variables, parameters, caution, holds, roles, cost, mixtures }
    }
}

impl TryFrom<WrittenLaw> for Law {
    type Error = ParseError;

    fn try_from(written: WrittenLaw) -> Result<Self, ParseError> {
        let WrittenLaw { name, formula, response, body, variables, parameters, caution, holds, roles, cost, mixtures } =
            written;
        let cost = cost.map(WrittenCost::read).transpose()?.map(Arc::new);
        let parameters = parameters.into_iter().map(WrittenParameter::read).collect::<Result<_, _>>()?;
        Ok(Self {
            name,
            formula,
            response,
            body: parse_printed(&body)?,
            variables,
            parameters,
            caution,
            holds,
            roles,
            cost,
            mixtures,
        })
    }
}

impl From<Cost> for WrittenCost {
    fn from(Cost { name, training, total }: Cost) -> Self {
        Self { name, training: Box::new(training.into()), total: Box::new(total.into()) }
    }
}

impl WrittenCost {
    fn read(self) -> Result<Cost, ParseError> {
        let Self { name, training, total } = self;
        Ok(Cost { name, training: Law::try_from(*training)?, total: Law::try_from(*total)? })
    }
}

impl From<Parameter> for WrittenParameter {
    fn from(parameter: Parameter) -> Self {
        let Parameter { name, meaning, lower, upper, scale, start, treatment } = parameter;
        let treatment = match treatment {
            Treatment::Free => WrittenTreatment::Free,
            Treatment::Fixed(value) => WrittenTreatment::Fixed(Quantity(value)),
            Treatment::Tied(expr) => WrittenTreatment::Tied(expr.to_string()),
        };
        let start = start.into_iter().map(Quantity).collect();
        Self { name, meaning, bounds: [Quantity(lower), Quantity(upper)], scale, start, treatment }
    }
}

impl WrittenParameter {
    fn read(self) -> Result<Parameter, ParseError> {
        let Self { name, meaning, bounds: [lower, upper], scale, start, treatment } = self;
        let treatment = match treatment {
            WrittenTreatment::Free => Treatment::Free,
            WrittenTreatment::Fixed(value) => Treatment::Fixed(value.0),
            WrittenTreatment::Tied(expr) => Treatment::Tied(parse_printed(&expr)?),
        };
        let start = start.into_iter().map(|value| value.0).collect();
        Ok(Parameter { name, meaning, lower: lower.0, upper: upper.0, scale, start, treatment })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{CONVENTIONS, catalogue, find};
    use super::*;
    use crate::expr::Expr;

    /// The law with each expression parsed from its canonical spelling, which may change only the places of
    /// expressions.
    fn respelled(law: &Law) -> Law {
        let anew = |expr: &Expr| parse_printed(&expr.to_string()).unwrap();
        let mut copy = law.clone();
        copy.body = anew(&law.body);
        for parameter in &mut copy.parameters {
            if let Treatment::Tied(expr) = &parameter.treatment {
                parameter.treatment = Treatment::Tied(anew(expr));
            }
        }
        copy.cost = law.cost.as_ref().map(|cost| {
            let (training, total) = (respelled(&cost.training), respelled(&cost.total));
            Arc::new(Cost { name: cost.name.clone(), training, total })
        });
        copy
    }

    fn is_read_as_it_was_written(law: &Law) {
        let text = serde_json::to_string(law).unwrap();
        let read: Law = serde_json::from_str(&text).unwrap();
        assert_eq!(read.body.to_string(), law.body.to_string());
        assert_eq!(read.fingerprint(), law.fingerprint());
        assert_eq!(read, respelled(law));
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
    }

    #[test]
    fn every_law_of_the_catalogue_survives_writing_and_reading() {
        for law in catalogue().iter().map(|entry| entry.law().unwrap()) {
            is_read_as_it_was_written(&law);
        }
    }

    #[test]
    fn a_law_with_any_published_cost_survives_writing_and_reading() {
        let law = Arc::new(find("hoffmann").unwrap().law().unwrap());
        for convention in &CONVENTIONS {
            let variable = |(name, _): &(&str, &str)| Variable {
                name: (*name).to_owned(),
                unit: None,
                meaning: None,
                counts: None,
            };
            let variables: Vec<Variable> = convention.variables.iter().map(variable).collect();
            let cost = Cost::new(convention.name, convention.compute, convention.serve, &variables).unwrap();
            let law = law.costing(&Arc::new(cost));
            is_read_as_it_was_written(&law);
            let read: Law = serde_json::from_str(&serde_json::to_string(&law).unwrap()).unwrap();
            // Distinct values, so that exchanged variables would show.
            let value = |name: &str| Some(name.bytes().map(f64::from).sum::<f64>());
            assert_eq!(read.flop_by(value), law.flop_by(value), "{}", convention.name);
            assert!(read.cost.is_some(), "{}", convention.name);
        }
    }
}
