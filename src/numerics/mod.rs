//! Arithmetic with the same bits on every machine: elementary functions, small linear algebra,
//! seeded random numbers and order statistics.
//!
//! Nothing here calls the platform's mathematical library, and no product and sum are contracted
//! into one rounding (FMA).

pub(crate) mod dispatch;
mod elementary;
mod implicit;
mod linear;
mod points;
mod products;
mod random;
mod sample;
mod special;

pub(crate) use dispatch::dispatched;
pub use dispatch::vectors;
pub use elementary::{LANES, exp, ln};
pub(crate) use elementary::{exp_rows, ln_rows, softplus, softplus_rows};
pub use implicit::excess_ratio;
pub use linear::{Matrix, eigen_symmetric, triangle};
pub use points::Points;
pub(crate) use products::{ColumnsIn, Lanes, TOGETHER, add, add_products, add_squares, fold};
pub use random::Random;
pub use sample::{
    Line, central, chosen, fisher_tail, mean, median, normal_mixture_quantile, normal_quantile, quantile,
    standard_deviation, student_quantile, student_tail, without_open_ends,
};
pub use special::Special;

/// Raise this number when a change here, in the tape or in a solver changes a bit of a result.
pub const NUMERICS_REV: u32 = 17;
