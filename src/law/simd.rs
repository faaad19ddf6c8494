//! Row instructions over lanes, compiled for the widest vectors the CPU has.
//!
//! Each function is written once, for eight lanes, and compiled several times; all versions perform
//! the same IEEE 754 operations in the same order, so they give the same bits.

use super::tape::{Action, BLOCK, Instruction, Lanes, Source};
use crate::numerics::{LANES, exp_lanes, ln_lanes};

/// The operands of a block that instructions do not change.
#[derive(Clone, Copy)]
pub(super) struct Block<'a> {
    pub(super) scalars: &'a [f64],
    pub(super) columns: &'a [Vec<Lanes>],
    pub(super) start: usize,
    pub(super) lanes: usize,
}

/// Defines a function and its copies for wider vectors, and calls the widest that the CPU runs.
macro_rules! dispatched {
    ($(#[$doc:meta])* $vis:vis fn $name:ident($($arg:ident: $type:ty),* $(,)?) = $body:path) => {
        $(#[$doc])*
        #[inline]
        #[cfg_attr(target_arch = "x86_64", expect(unsafe_code, reason = "calls a version only where its features were detected"))]
        $vis fn $name($($arg: $type),*) {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx2")]
                fn avx512($($arg: $type),*) { $body($($arg),*) }
                #[target_feature(enable = "avx2")]
                fn avx2($($arg: $type),*) { $body($($arg),*) }
                if std::arch::is_x86_feature_detected!("avx512dq") && std::arch::is_x86_feature_detected!("avx512vl") {
                    // SAFETY: the CPU has the features (avx512dq and avx512vl imply avx512f and avx2).
                    return unsafe { avx512($($arg),*) };
                }
                if std::arch::is_x86_feature_detected!("avx2") {
                    // SAFETY: the CPU has the feature.
                    return unsafe { avx2($($arg),*) };
                }
            }
            $body($($arg),*)
        }
    };
}
pub(crate) use dispatched;

dispatched! {
    /// Runs instructions over the lanes of a block.
    pub(super) fn run(code: &[Instruction], block: &Block<'_>, registers: &mut [Lanes]) = run_lanes
}
dispatched! {
    /// Adds the product of `factors` and a source to `sum`, lane by lane.
    pub(super) fn add_product(factors: &[Lanes; BLOCK], source: Source, block: &Block<'_>, registers: &[Lanes], sum: &mut Lanes) = add_product_lanes
}
dispatched! {
    /// Multiplies `factors` by a source into `product`.
    pub(super) fn scale(factors: &[Lanes; BLOCK], source: Source, block: &Block<'_>, registers: &[Lanes], product: &mut [Lanes; BLOCK]) = scale_lanes
}

/// Adds up the lanes of a block.
pub(super) fn add(terms: &[Lanes; BLOCK], lanes: usize, sum: &mut Lanes) {
    for term in &terms[..lanes] {
        for (s, t) in sum.iter_mut().zip(term) {
            *s += t;
        }
    }
}

/// Copies a source out.
pub(super) fn fetch(source: Source, block: &Block<'_>, registers: &[Lanes], out: &mut [Lanes; BLOCK]) {
    for (lane, target) in out[..block.lanes].iter_mut().enumerate() {
        *target = lane_of(source, block, registers, lane);
    }
}

#[inline(always)]
fn lane_of(source: Source, block: &Block<'_>, registers: &[Lanes], lane: usize) -> Lanes {
    match source {
        Source::Scalar(index) => [block.scalars[index]; LANES],
        Source::Column(index) => block.columns[index][block.start + lane],
        Source::Register(index) => registers[index * BLOCK + lane],
    }
}

#[inline(always)]
fn add_product_lanes(
    factors: &[Lanes; BLOCK],
    source: Source,
    block: &Block<'_>,
    registers: &[Lanes],
    sum: &mut Lanes,
) {
    let mut total = *sum;
    each(source, block, registers, |lane, x| {
        for l in 0..LANES {
            total[l] += factors[lane][l] * x[l];
        }
    });
    *sum = total;
}

#[inline(always)]
fn scale_lanes(
    factors: &[Lanes; BLOCK],
    source: Source,
    block: &Block<'_>,
    registers: &[Lanes],
    product: &mut [Lanes; BLOCK],
) {
    each(source, block, registers, |lane, x| {
        for l in 0..LANES {
            product[lane][l] = factors[lane][l] * x[l];
        }
    });
}

/// Calls `f` with each lane of a source.
#[inline(always)]
fn each(source: Source, block: &Block<'_>, registers: &[Lanes], mut f: impl FnMut(usize, &Lanes)) {
    match source {
        Source::Scalar(index) => {
            let splat = [block.scalars[index]; LANES];
            (0..block.lanes).for_each(|lane| f(lane, &splat));
        }
        Source::Column(index) => {
            let rows = &block.columns[index][block.start..block.start + block.lanes];
            rows.iter().enumerate().for_each(|(lane, x)| f(lane, x));
        }
        Source::Register(index) => {
            let rows = &registers[index * BLOCK..index * BLOCK + block.lanes];
            rows.iter().enumerate().for_each(|(lane, x)| f(lane, x));
        }
    }
}

#[inline(always)]
fn run_lanes(code: &[Instruction], block: &Block<'_>, registers: &mut [Lanes]) {
    for instruction in code {
        let to = instruction.target;
        match instruction.action {
            Action::Add(a, b) => binary(a, b, to, block, registers, |x, y| x + y),
            Action::Subtract(a, b) => binary(a, b, to, block, registers, |x, y| x - y),
            Action::Multiply(a, b) => binary(a, b, to, block, registers, |x, y| x * y),
            Action::Divide(a, b) => binary(a, b, to, block, registers, |x, y| x / y),
            Action::Less(a, b) => binary(a, b, to, block, registers, |x, y| if x < y { 1.0 } else { 0.0 }),
            Action::Negate(a) => unary(a, to, block, registers, |x| x.map(|v| -v)),
            Action::Exp(a) => unary(a, to, block, registers, exp_lanes),
            Action::Ln(a) => unary(a, to, block, registers, ln_lanes),
            Action::Sqrt(a) => unary(a, to, block, registers, |x| x.map(f64::sqrt)),
            Action::Select(c, a, b) => {
                for lane in 0..block.lanes {
                    let condition = lane_of(c, block, registers, lane);
                    let yes = lane_of(a, block, registers, lane);
                    let no = lane_of(b, block, registers, lane);
                    let out = &mut registers[to * BLOCK + lane];
                    for l in 0..LANES {
                        out[l] = if condition[l] == 0.0 { no[l] } else { yes[l] };
                    }
                }
            }
        }
    }
}

#[inline(always)]
fn unary(a: Source, to: usize, block: &Block<'_>, registers: &mut [Lanes], f: impl Fn(Lanes) -> Lanes) {
    for lane in 0..block.lanes {
        registers[to * BLOCK + lane] = f(lane_of(a, block, registers, lane));
    }
}

#[inline(always)]
fn binary(
    a: Source,
    b: Source,
    to: usize,
    block: &Block<'_>,
    registers: &mut [Lanes],
    f: impl Fn(f64, f64) -> f64 + Copy,
) {
    // The kinds of the operands are told apart once, not per lane.
    macro_rules! over {
        ($left:expr, $right:expr) => {
            for lane in 0..block.lanes {
                let (x, y): (Lanes, Lanes) = ($left(lane, &*registers), $right(lane, &*registers));
                registers[to * BLOCK + lane] = std::array::from_fn(|l| f(x[l], y[l]));
            }
        };
    }
    macro_rules! with_left {
        ($left:expr) => {
            match b {
                Source::Scalar(index) => {
                    let splat = [block.scalars[index]; LANES];
                    over!($left, |_: usize, _: &[Lanes]| splat)
                }
                Source::Column(index) => {
                    let rows = &block.columns[index][block.start..block.start + block.lanes];
                    over!($left, |lane: usize, _: &[Lanes]| rows[lane])
                }
                Source::Register(index) => over!($left, |lane: usize, r: &[Lanes]| r[index * BLOCK + lane]),
            }
        };
    }
    match a {
        Source::Scalar(index) => {
            let splat = [block.scalars[index]; LANES];
            with_left!(|_: usize, _: &[Lanes]| splat);
        }
        Source::Column(index) => {
            let rows = &block.columns[index][block.start..block.start + block.lanes];
            with_left!(|lane: usize, _: &[Lanes]| rows[lane]);
        }
        Source::Register(index) => with_left!(|lane: usize, r: &[Lanes]| r[index * BLOCK + lane]),
    }
}
