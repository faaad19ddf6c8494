//! The member for forecasts of a share, such as an error rate: a curve that bends at any scale.
//!
//! A task begins to fall from its chance level at some scale, which may be that of the last runs. The members of losses
//! only slow down, so they forecast such a task too high.

use std::sync::OnceLock;

use super::members::{Centre, Member, Prior, prior, prior_ln};

/// A fall from the chance level through one bend to a floor. `h` is ln(-z) of the chance level, `m` the place of the
/// bend, and `q` the logit of the part of the chance level that the fall takes away. A logistic curve over the logarithm
/// of size is the case exp(k + f) = 1. The bend is that of Caballero et al. 2022, arXiv:2210.14891.
const ONE_SIZE: &str = "z = -exp(h) + ln(1 / (1 + exp(-q)) + exp(-exp(k + f) * sp((t - m) * exp(-f))) / (1 + exp(q)))";
/// The same over two sizes. The sum of exp(-k t) and exp(-j u), with shares as in Hoffmann's law, takes the place of
/// exp(-k t). exp(f) is the sharpness of the bend.
const TWO_SIZES: &str = "z = -exp(h) + ln(1 / (1 + exp(-q)) + exp(-exp(f) * sp(-m - exp(-f) * \
     ln(exp(-exp(k) * t) / (1 + exp(-r)) + exp(-exp(j) * u) / (1 + exp(r))))) / (1 + exp(q)))";

/// Standard deviation of ln(-z) of a given chance level, and of one that is taken from the smallest runs.
const GIVEN: f64 = 0.03;
const SEEN: f64 = 0.4;

const fn over_one(of_chance: f64) -> [Prior; 5] {
    [
        Prior { name: "h", centre: Centre::ChanceLevel, deviation: of_chance },
        prior("m", -1.0, 2.5),
        prior_ln("k", 0.5, 0.6),
        prior_ln("f", 1.0, 0.6),
        prior("q", -2.0, 1.5),
    ]
}

const fn over_two(of_chance: f64) -> [Prior; 7] {
    let [h, m, k, f, q] = over_one(of_chance);
    [h, m, k, prior_ln("j", 0.5, 0.6), prior("r", 0.0, 1.2), f, q]
}

const fn of_one(priors: &'static [Prior]) -> Member {
    let variables = &["t"];
    Member {
        name: "bending",
        formula: ONE_SIZE,
        variables,
        priors,
        needs_ceiling: false,
        weight: 1.0,
        fewest: 0,
        compiled: OnceLock::new(),
    }
}

const fn of_two(priors: &'static [Prior]) -> Member {
    let variables = &["t", "u"];
    Member {
        name: "bending",
        formula: TWO_SIZES,
        variables,
        priors,
        needs_ceiling: false,
        weight: 1.0,
        fewest: 0,
        compiled: OnceLock::new(),
    }
}

/// The members by number of sizes, one or two, and by whether the chance level is given.
static BENDING: [[Member; 2]; 2] =
    [[of_one(&over_one(SEEN)), of_one(&over_one(GIVEN))], [of_two(&over_two(SEEN)), of_two(&over_two(GIVEN))]];

/// The member for a number of sizes; `is_given` says whether the chance level is given.
pub(super) fn bending(sizes: usize, is_given: bool) -> &'static Member {
    &BENDING[usize::from(sizes > 1)][usize::from(is_given)]
}
