//! A budget of compute and its splits between model size and data.

use crate::law::Law;
use crate::numerics::{exp, ln};

pub use crate::law::FLOP_PER_PARAMETER_AND_TOKEN;
/// FLOP per parameter for serving one token (Sardana et al. 2024, arXiv:2401.00448).
pub const FLOP_PER_SERVED_TOKEN: f64 = 2.0;

/// Whether a law has the two variables that share a budget.
pub fn can_split(law: &Law) -> bool {
    law.roles.sizes().is_some_and(|sizes| sizes.iter().all(|name| law.variable(name).is_some()))
}

/// Whether a law has a response for a budget of compute.
pub(super) fn takes_budget(law: &Law) -> bool {
    can_split(law) || law.variable(&law.roles.compute).is_some()
}

/// A budget T in FLOP for training and serving: T = 6 N D + 2 N S.
///
/// Its splits form a curve, N (D + S / 3) = T / 6, with the coordinate r = ln(N / D). The coordinate resolves splits
/// both where training dominates the budget and where serving does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Budget {
    /// ln(T / 6).
    pub(super) log: f64,
    /// S / 3: the number of training tokens that cost as much as serving S tokens.
    pub(super) served: f64,
}

impl Budget {
    /// A budget for training only.
    pub(super) fn training(c: f64) -> Self {
        Self { log: ln(c / FLOP_PER_PARAMETER_AND_TOKEN), served: 0.0 }
    }

    /// The budget that a model with size e^n and data e^d uses.
    pub(super) fn of([n, d]: [f64; 2], served: f64) -> Self {
        let log = n + if served == 0.0 { d } else { ln(exp(d) + served) };
        Self { log, served }
    }

    /// The number of training tokens that cost as much as serving `serve` tokens.
    pub(super) fn as_training(serve: f64) -> f64 {
        serve * FLOP_PER_SERVED_TOKEN / FLOP_PER_PARAMETER_AND_TOKEN
    }

    /// ln N and ln D at ln(N / D) = r.
    pub(super) fn at(&self, r: f64) -> [f64; 2] {
        // The solution of D^2 + (S / 3) D = T / 6 e^-r, in a form without cancellation.
        let even = 0.5 * (self.log - r);
        let z = 0.5 * self.served * exp(-even);
        let d = if z == 0.0 {
            even
        } else if z > LARGE {
            even - ln(2.0 * z)
        } else {
            even - ln(z + (z * z + 1.0).sqrt())
        };
        [d + r, d]
    }

    /// r for a model of one parameter and for one token; `None` if the budget does not pay for both.
    pub(super) fn ends(&self) -> Option<[f64; 2]> {
        let both = ln(1.0 + self.served);
        (self.log > both).then(|| [-(self.log + ln(1.0 - self.served * exp(-self.log))), self.log - both])
    }

    /// The budget in FLOP, as text.
    pub(super) fn describe(&self) -> String {
        format!("{:.3e}", FLOP_PER_PARAMETER_AND_TOKEN * exp(self.log))
    }
}

/// Above this value, asinh z equals ln 2 z to the last digit.
const LARGE: f64 = 1e9;
