//! The cost of training in floating-point operations (FLOP) as a formula of a study's variables, and published
//! conventions.

use super::{Law, LawError, Roles, Variable};
use crate::unit::Dimension;

/// A published way to count the floating-point operations of training.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub struct Convention {
    /// Name in a spec.
    pub name: &'static str,
    /// FLOP of the whole training, as a formula of `variables`.
    pub compute: &'static str,
    /// FLOP of serving one token, as a formula of `variables`.
    pub serve: &'static str,
    /// Names and meanings of the variables.
    pub variables: &'static [(&'static str, &'static str)],
    /// Source, including what was only read in copies or from secondary sources.
    pub reference: &'static str,
}

pub use crate::unit::FLOP_PER_PARAMETER_AND_TOKEN;

const SIZE: (&str, &str) = ("N", "parameters");
const DATA: (&str, &str) = ("D", "tokens");

/// All conventions.
pub const CONVENTIONS: [Convention; 6] = [
    Convention {
        name: "six_nd",
        compute: "6 * N * D",
        serve: "2 * N",
        variables: &[SIZE, DATA],
        reference: "Kaplan et al. 2020, arXiv:2001.08361, section 2.1, read in a copy of its text; Sardana et al. 2024, arXiv:2401.00448, for serving",
    },
    Convention {
        name: "active",
        compute: "6 * N_active * D",
        serve: "2 * N_active",
        variables: &[("N_active", "parameters that a token meets in a mixture of experts"), DATA],
        reference: "Ludziejewski et al. 2025, arXiv:2502.05172, section 4.1: 6 N_act D = F; routing is left out",
    },
    Convention {
        name: "embeddings",
        compute: "6 * (N + vocabulary * width) * D",
        serve: "2 * (N + vocabulary * width)",
        variables: &[
            ("N", "parameters without embeddings"),
            DATA,
            ("vocabulary", "tokens of the vocabulary"),
            ("width", "width of the model"),
        ],
        reference: "Porian et al. 2024, arXiv:2406.19146, as its code counts: the output layer is paid for, the look-up is not",
    },
    Convention {
        name: "kaplan_attention",
        compute: "(6 * N + 6 * depth * context * width) * D",
        serve: "2 * N + 2 * depth * context * width",
        variables: &[
            ("N", "parameters without embeddings"),
            DATA,
            ("depth", "layers"),
            ("context", "tokens of a sequence"),
            ("width", "width of the attention"),
        ],
        reference: "Kaplan et al. 2020, arXiv:2001.08361, table 1, read in a copy of its text: a forward pass takes 2 N + 2 n_layer n_ctx d_attn, and (section 2.1) a backward pass about twice that, as the code of arXiv:2406.19146 counts; the paper itself then leaves the term of the context out",
    },
    Convention {
        name: "palm_attention",
        compute: "(6 * N + 12 * depth * context * width) * D",
        serve: "2 * N + 4 * depth * context * width",
        variables: &[
            SIZE,
            DATA,
            ("depth", "layers"),
            ("context", "tokens of a sequence"),
            ("width", "number of heads times their size"),
        ],
        reference: "Chowdhery et al. 2022, arXiv:2204.02311, appendix B, read at second hand: 6 N + 12 L H Q T in programs that cite it",
    },
    Convention {
        name: "recurrent",
        compute: "(6 * (N + kept * recurrent) + 2 * (depth - kept) * recurrent) * D",
        serve: "2 * (N + depth * recurrent)",
        variables: &[
            ("N", "parameters that a token meets once"),
            DATA,
            ("recurrent", "parameters of the block that is repeated"),
            ("depth", "number of repeats"),
            ("kept", "repeats that gradients go through"),
        ],
        reference: "McLeish et al. 2025, arXiv:2511.07384, read at second hand: (6 N_1 + 2 N_2) D, where gradients go through N_1 alone; how a model is divided into these is this project's reading of it",
    },
];

/// Name of the tokens to serve in the formula of all costs. No column can have this name.
pub const SERVED: &str = "tokens to serve";

/// A cost, compiled for queries.
#[derive(Clone, Debug, PartialEq)]
pub struct Cost {
    /// Name in the spec.
    pub name: String,
    /// FLOP of training, as a law without parameters.
    pub training: Law,
    /// The logarithm of the FLOP of training and of serving [`SERVED`] tokens, as a law without parameters.
    pub total: Law,
}

impl Cost {
    /// Compiles a cost from its formulas for training and for serving a token.
    ///
    /// # Errors
    /// A formula cannot be parsed, or uses a name that is not in `variables`.
    pub fn new(name: &str, compute: &str, serve: &str, variables: &[Variable]) -> Result<Self, LawError> {
        let training = Law::from_formula("training", &format!("cost = {compute}"), variables)?;
        let serving = Law::from_formula("serving", &format!("cost = {serve}"), variables)?;
        if let Some(unknown) = training.parameters.iter().chain(&serving.parameters).next() {
            let names: Vec<&str> = variables.iter().map(|v| v.name.as_str()).collect();
            let message = format!("`{}` in the cost is not a variable of the study", unknown.name);
            let error = LawError { span: None, parameter: None, message, hint: None };
            return Err(match crate::diagnostic::nearest(&unknown.name, names.iter().copied()) {
                Some(near) => error.hint(format!("did you mean `{near}`?")),
                None => error.hint(format!("its variables are {}", names.join(", "))),
            });
        }
        // The formula is parsed with a valid name that no variable has. That name is then replaced by one that no
        // column can have.
        let is_free = |name: &String| variables.iter().all(|variable| variable.name != *name);
        // One name more than there are variables, so at least one is free.
        let mut names = (0..=variables.len()).map(|count| format!("served_{count}"));
        let plain = names.find(is_free).unwrap_or_default();
        let served = Variable { name: plain.clone(), unit: None, meaning: None, counts: None };
        let all: Vec<Variable> = variables.iter().cloned().chain([served]).collect();
        let mut total = Law::from_formula("cost", &format!("cost = ln({compute} + {plain} * ({serve}))"), &all)?;
        let rename = |symbol: &String| if *symbol == plain { SERVED.to_owned() } else { symbol.clone() };
        let Ok(body) = total.body.resolve(&mut |symbol: &String, _| Ok::<_, std::convert::Infallible>(rename(symbol)));
        total.body = body;
        total.variables.iter_mut().for_each(|variable| variable.name = rename(&variable.name));
        Ok(Self { name: name.to_owned(), training, total })
    }

    /// The formula of training.
    pub fn formula(&self) -> String {
        self.training.body.to_string()
    }

    /// FLOP of training at values of the variables; `None` where a variable has no value.
    pub fn flop(&self, value: impl Fn(&str) -> Option<f64>) -> Option<f64> {
        let at: Option<Vec<f64>> = self.training.variables.iter().map(|v| value(&v.name)).collect();
        Some(self.training.tape().value_at(&[], &at?))
    }

    /// The only variable in `of` with the wanted dimension that the cost of training depends on; `None` where there
    /// are several.
    fn only(&self, wanted: Dimension, of: &[Variable]) -> Option<String> {
        let is = |v: &&Variable| {
            super::dimension(&v.name, v.unit) == Some(wanted) && self.training.variable(&v.name).is_some()
        };
        let mut found = of.iter().filter(is);
        found.next().filter(|_| found.next().is_none()).map(|v| v.name.clone())
    }

    /// The roles of a law's variables under this cost. Of several sizes, the size is the one on which the cost
    /// depends.
    #[must_use]
    pub fn roles(&self, roles: &Roles, variables: &[Variable]) -> Roles {
        Roles {
            size: roles.size.clone().or_else(|| self.only(Dimension::Parameters, variables)),
            data: roles.data.clone().or_else(|| self.only(Dimension::Tokens, variables)),
            ..roles.clone()
        }
    }
}
