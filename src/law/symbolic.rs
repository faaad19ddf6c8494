//! A formula as a graph of operations: shared, simplified and differentiated.
//!
//! Each operation is stored once (hash-consing) and after its operands, so the numbers of nodes are an order of
//! evaluation. Derivatives are nodes of the same graph: parts shared with the value are computed once, and a
//! derivative that is identically zero is the number 0.

use std::collections::BTreeMap;

use crate::numerics::Special;

/// The number of a node.
pub type Id = u32;

/// One operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Op {
    /// A constant, by its bits.
    Number(u64),
    /// A variable of the law, by its index.
    Variable(u32),
    /// A free parameter of the law, by its index.
    Parameter(u32),
    /// Sum.
    Add(Id, Id),
    /// Difference.
    Subtract(Id, Id),
    /// Product.
    Multiply(Id, Id),
    /// Quotient.
    Divide(Id, Id),
    /// Negation.
    Negate(Id),
    /// e to a power.
    Exp(Id),
    /// Natural logarithm.
    Ln(Id),
    /// ln(1 + e^x).
    Softplus(Id),
    /// Square root.
    Sqrt(Id),
    /// Another function of one number.
    Special(Special, Id),
    /// 1 where the first operand is less than the second, else 0.
    Less(Id, Id),
    /// The second operand where the first is not 0, else the third.
    Select(Id, Id, Id),
    /// The operand as a constant for derivatives.
    Hold(Id),
}

impl Op {
    /// The operands, in order.
    pub fn operands(self) -> impl Iterator<Item = Id> {
        let operands = match self {
            Self::Number(_) | Self::Variable(_) | Self::Parameter(_) => [None, None, None],
            Self::Negate(a)
            | Self::Exp(a)
            | Self::Ln(a)
            | Self::Softplus(a)
            | Self::Sqrt(a)
            | Self::Special(_, a)
            | Self::Hold(a) => [Some(a), None, None],
            Self::Add(a, b) | Self::Subtract(a, b) | Self::Multiply(a, b) | Self::Divide(a, b) | Self::Less(a, b) => {
                [Some(a), Some(b), None]
            }
            Self::Select(a, b, c) => [Some(a), Some(b), Some(c)],
        };
        operands.into_iter().flatten()
    }
}

/// What a node's value depends on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dependence {
    /// On a free parameter.
    pub parameters: bool,
    /// On a variable.
    pub variables: bool,
}

/// The value at which a formula is evaluated in place of zero where it has only a limit there. Its powers, with exponents
/// from 0.05 on, are far below any response.
const CLOSE_TO_ZERO: f64 = 1e-300;

/// The graph.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    ops: Vec<Op>,
    depends: Vec<Dependence>,
    positive: Vec<bool>,
    known: BTreeMap<Op, Id>,
    positive_parameters: Vec<bool>,
    signed_variables: Vec<u32>,
    limit_variables: Vec<u32>,
    differentiating: bool,
    merging: bool,
}

impl Graph {
    /// An empty graph; `positive_parameters[i]` says that parameter `i` is never negative.
    ///
    /// Variables are sizes and counts and are assumed to be positive; a fit checks this.
    pub fn new(positive_parameters: Vec<bool>) -> Self {
        Self { positive_parameters, ..Self::default() }
    }

    /// The operation of a node.
    pub fn op(&self, id: Id) -> Op {
        self.ops[id as usize]
    }

    /// All operations in an order of evaluation.
    pub fn ops(&self) -> &[Op] {
        &self.ops
    }

    /// What a node depends on.
    pub fn depends(&self, id: Id) -> Dependence {
        self.depends[id as usize]
    }

    /// The value of a constant node.
    pub fn constant(&self, id: Id) -> Option<f64> {
        match self.op(id) {
            Op::Number(bits) => Some(f64::from_bits(bits)),
            _ => None,
        }
    }

    /// Whether a node is known to be positive wherever it has a value.
    pub fn is_positive(&self, id: Id) -> bool {
        self.positive[id as usize]
    }

    fn enter(&mut self, op: Op) -> Id {
        if let Some(&id) = self.known.get(&op) {
            return id;
        }
        let id = Id::try_from(self.ops.len()).unwrap_or(Id::MAX);
        let mut depends = Dependence::default();
        for operand in op.operands() {
            let of = self.depends(operand);
            depends.parameters |= of.parameters;
            depends.variables |= of.variables;
        }
        let positive = match op {
            Op::Number(bits) => f64::from_bits(bits) > 0.0,
            Op::Variable(index) => {
                depends.variables = true;
                !self.signed_variables.contains(&index)
            }
            Op::Parameter(index) => {
                depends.parameters = true;
                self.positive_parameters.get(index as usize).copied().unwrap_or(false)
            }
            Op::Add(a, b) | Op::Multiply(a, b) | Op::Divide(a, b) | Op::Select(_, a, b) => {
                self.is_positive(a) && self.is_positive(b)
            }
            Op::Exp(_) => true,
            Op::Sqrt(a) | Op::Hold(a) => self.is_positive(a),
            Op::Subtract(..) | Op::Negate(_) | Op::Ln(_) | Op::Softplus(_) | Op::Less(..) | Op::Special(..) => false,
        };
        self.ops.push(op);
        self.depends.push(depends);
        self.positive.push(positive);
        self.known.insert(op, id);
        id
    }

    /// A constant.
    pub fn number(&mut self, value: f64) -> Id {
        // Store a single zero, so that a test for zero can compare node numbers.
        let value = if value == 0.0 { 0.0 } else { value };
        self.enter(Op::Number(value.to_bits()))
    }

    /// A variable.
    pub fn variable(&mut self, index: usize) -> Id {
        self.enter(Op::Variable(u32::try_from(index).unwrap_or(u32::MAX)))
    }

    /// The node of a variable whose column holds its logarithm, which can have any sign.
    pub fn variable_by_logarithm(&mut self, index: usize) -> Id {
        let number = u32::try_from(index).unwrap_or(u32::MAX);
        self.signed_variables.push(number);
        let logarithm = self.enter(Op::Variable(number));
        self.exp(logarithm)
    }

    /// Finds the variables at whose zero the formula `value` is not defined and yet has a limit, as `x^b` and `x * ln(x)`
    /// have. Where they are zero, the formula is evaluated close to zero, where its derivatives are finite too.
    pub fn take_limits_at_zero(&mut self, value: Id, parameters: usize, variables: usize) {
        let nodes = self.needed(&[value]);
        // Arbitrary positive values that are neither integers nor equal.
        let parameters: Vec<f64> = (0..parameters).map(|i| 0.7 + 0.013 * i as f64).collect();
        let values = |index: usize, variable: f64| {
            let mut all = vec![1.0; variables];
            all[index] = variable;
            self.evaluate(&nodes, &parameters, &all)
        };
        let is_undefined = |index: &usize| {
            let at_zero = values(*index, 0.0);
            nodes.iter().any(|&node| !at_zero[node as usize].is_finite())
        };
        let has_limit = |index: &usize| {
            let close = |variable: f64| values(*index, variable)[value as usize];
            let [near, nearer] = [close(CLOSE_TO_ZERO.sqrt()), close(CLOSE_TO_ZERO)];
            near.is_finite() && (nearer - near).abs() <= 1e-9 * near.abs().max(1.0)
        };
        let found = (0..variables).filter(|index| is_undefined(index) && has_limit(index));
        self.limit_variables = found.filter_map(|index| u32::try_from(index).ok()).collect();
    }

    /// Whether a variable is evaluated close to zero where it is zero.
    pub fn takes_limit_at_zero(&self, variable: usize) -> bool {
        self.limit_variables.iter().any(|&limit| limit as usize == variable)
    }

    /// The value at which the formula is evaluated for a value of a variable.
    pub fn entering(&self, variable: u32, value: f64) -> f64 {
        if value == 0.0 && self.limit_variables.contains(&variable) { CLOSE_TO_ZERO } else { value }
    }

    /// A free parameter.
    pub fn parameter(&mut self, index: usize) -> Id {
        self.enter(Op::Parameter(u32::try_from(index).unwrap_or(u32::MAX)))
    }

    /// a + b.
    pub fn add(&mut self, a: Id, b: Id) -> Id {
        match (self.constant(a), self.constant(b)) {
            (Some(x), Some(y)) => return self.number(x + y),
            (Some(0.0), None) => return b,
            (None, Some(0.0)) => return a,
            _ => {}
        }
        match (self.op(a), self.op(b)) {
            (_, Op::Negate(b)) => self.subtract(a, b),
            (Op::Negate(a), _) => self.subtract(b, a),
            _ => self.enter(Op::Add(a.min(b), a.max(b))),
        }
    }

    /// a - b.
    pub fn subtract(&mut self, a: Id, b: Id) -> Id {
        if a == b {
            return self.number(0.0);
        }
        match (self.constant(a), self.constant(b)) {
            (Some(x), Some(y)) => return self.number(x - y),
            (Some(0.0), None) => return self.negate(b),
            (None, Some(0.0)) => return a,
            _ => {}
        }
        match (self.op(a), self.op(b)) {
            (_, Op::Negate(b)) => self.add(a, b),
            (Op::Negate(a), _) => {
                let sum = self.add(a, b);
                self.negate(sum)
            }
            _ => self.enter(Op::Subtract(a, b)),
        }
    }

    /// -a.
    pub fn negate(&mut self, a: Id) -> Id {
        match self.op(a) {
            Op::Number(bits) => self.number(-f64::from_bits(bits)),
            Op::Negate(inner) => inner,
            Op::Subtract(x, y) => self.enter(Op::Subtract(y, x)),
            _ => self.enter(Op::Negate(a)),
        }
    }

    /// a b.
    pub fn multiply(&mut self, a: Id, b: Id) -> Id {
        let (a, b) = if self.constant(b).is_some() { (b, a) } else { (a, b) };
        match (self.constant(a), self.constant(b)) {
            (Some(x), Some(y)) => return self.number(x * y),
            (Some(0.0), _) => return a,
            (Some(1.0), _) => return b,
            (Some(-1.0), _) => return self.negate(b),
            _ => {}
        }
        match (self.op(a), self.op(b)) {
            (Op::Negate(x), Op::Negate(y)) => self.multiply(x, y),
            (Op::Negate(x), _) => {
                let product = self.multiply(x, b);
                self.negate(product)
            }
            (_, Op::Negate(y)) => {
                let product = self.multiply(a, y);
                self.negate(product)
            }
            // Combine a product of powers into one exponential. Derivatives reuse the existing exponentials instead.
            (Op::Exp(x), Op::Exp(y)) if !self.differentiating => {
                let sum = self.add(x, y);
                self.exp(sum)
            }
            _ => match self.merged(a, b).or_else(|| self.merged(b, a)) {
                Some((rest, exponential)) => self.multiply(rest, exponential),
                None => self.enter(Op::Multiply(a.min(b), a.max(b))),
            },
        }
    }

    /// For a product with an exponential and another exponential: the rest of the product, and both exponentials as one.
    /// Neither overflows then where their product does not. `None` unless exponentials are to be merged.
    fn merged(&mut self, product: Id, exponential: Id) -> Option<(Id, Id)> {
        let (Op::Multiply(x, y), Op::Exp(b), true) = (self.op(product), self.op(exponential), self.merging) else {
            return None;
        };
        let (rest, a) = match (self.op(x), self.op(y)) {
            (Op::Exp(a), _) => (y, a),
            (_, Op::Exp(a)) => (x, a),
            _ => return None,
        };
        let sum = self.add(a, b);
        Some((rest, self.exp(sum)))
    }

    /// Sets whether nodes that are added from now on merge the exponentials of a product wherever they stand in it.
    pub fn set_merging(&mut self, merging: bool) {
        self.merging = merging;
    }

    /// a / b.
    pub fn divide(&mut self, a: Id, b: Id) -> Id {
        if a == b {
            return self.number(1.0);
        }
        match (self.constant(a), self.constant(b)) {
            (Some(x), Some(y)) => return self.number(x / y),
            (Some(0.0), _) | (_, Some(1.0)) => return a,
            _ => {}
        }
        match (self.op(a), self.op(b)) {
            (Op::Negate(x), _) => {
                let quotient = self.divide(x, b);
                self.negate(quotient)
            }
            (_, Op::Negate(y)) => {
                let quotient = self.divide(a, y);
                self.negate(quotient)
            }
            // A product with e^-u is cheaper than a quotient by e^u, and its derivatives share it.
            (_, Op::Exp(u)) => {
                let minus = self.negate(u);
                let factor = self.exp(minus);
                self.multiply(a, factor)
            }
            // Invert a part that depends on data alone or on parameters alone once, and not at every row.
            _ if self.constant(a) != Some(1.0) && self.constant(b).is_none() && self.is_narrower(b, a) => {
                let one = self.number(1.0);
                let inverse = self.divide(one, b);
                self.multiply(a, inverse)
            }
            _ => self.enter(Op::Divide(a, b)),
        }
    }

    /// Whether `a` depends on data or parameters alone while a quotient with `b` depends on both.
    fn is_narrower(&self, a: Id, b: Id) -> bool {
        let (a, b) = (self.depends(a), self.depends(b));
        let both = (a.parameters || b.parameters) && (a.variables || b.variables);
        both && !(a.parameters && a.variables)
    }

    /// e^a.
    pub fn exp(&mut self, a: Id) -> Id {
        match self.op(a) {
            Op::Number(bits) => self.number(crate::numerics::exp(f64::from_bits(bits))),
            Op::Ln(inner) => inner,
            _ => self.enter(Op::Exp(a)),
        }
    }

    /// ln a. The logarithm of a product of positive factors is a sum of logarithms, which separates parts that depend
    /// on data alone or on parameters alone. The logarithm of 1 + e^z becomes a softplus, which does not overflow.
    pub fn ln(&mut self, a: Id) -> Id {
        match self.op(a) {
            Op::Number(bits) => self.number(crate::numerics::ln(f64::from_bits(bits))),
            Op::Exp(inner) => inner,
            Op::Multiply(x, y) if self.is_positive(x) && self.is_positive(y) => {
                let (x, y) = (self.ln(x), self.ln(y));
                self.add(x, y)
            }
            Op::Divide(x, y) if self.is_positive(x) && self.is_positive(y) => {
                let (x, y) = (self.ln(x), self.ln(y));
                self.subtract(x, y)
            }
            Op::Add(x, y) => match (self.op(x), self.op(y)) {
                (Op::Exp(z), _) if self.constant(y) == Some(1.0) => self.softplus(z),
                (_, Op::Exp(z)) if self.constant(x) == Some(1.0) => self.softplus(z),
                _ => self.enter(Op::Ln(a)),
            },
            _ => self.enter(Op::Ln(a)),
        }
    }

    /// ln(1 + e^z) without overflow. With it, the (1 + (x / d)^(1 / f))^(-c f) of a sharp break is a finite power far
    /// from the break.
    pub fn softplus(&mut self, z: Id) -> Id {
        match self.constant(z) {
            Some(z) => self.number(crate::numerics::softplus(z)),
            None => self.enter(Op::Softplus(z)),
        }
    }

    /// The square root of a.
    pub fn sqrt(&mut self, a: Id) -> Id {
        match self.constant(a) {
            Some(x) => self.number(x.sqrt()),
            None => self.enter(Op::Sqrt(a)),
        }
    }

    /// Another function of a.
    pub fn special(&mut self, function: Special, a: Id) -> Id {
        match self.constant(a) {
            Some(x) => self.number(function.at(x)),
            None => self.enter(Op::Special(function, a)),
        }
    }

    /// a^b: by multiplication for small integer powers and where a may have either sign, else e^(b ln a), which needs
    /// a > 0.
    pub fn power(&mut self, a: Id, b: Id) -> Id {
        match self.constant(b) {
            Some(0.0) => self.number(1.0),
            Some(1.0) => a,
            Some(2.0) => self.multiply(a, a),
            Some(3.0) => {
                let square = self.multiply(a, a);
                self.multiply(square, a)
            }
            Some(0.5) => self.sqrt(a),
            Some(-1.0) => {
                let one = self.number(1.0);
                self.divide(one, a)
            }
            Some(power) if is_whole(power) && !(self.is_positive(a) && self.depends(a).parameters) => {
                let product = self.whole_power(a, power.abs() as u32);
                if power > 0.0 {
                    return product;
                }
                let one = self.number(1.0);
                self.divide(one, product)
            }
            _ => {
                let logarithm = self.ln(a);
                let exponent = self.multiply(b, logarithm);
                self.exp(exponent)
            }
        }
    }

    /// a^n by squaring, for any sign of a.
    fn whole_power(&mut self, a: Id, n: u32) -> Id {
        let mut power = self.number(1.0);
        for bit in (0..u32::BITS - n.leading_zeros()).rev() {
            power = self.multiply(power, power);
            if n >> bit & 1 == 1 {
                power = self.multiply(power, a);
            }
        }
        power
    }

    /// 1 where a < b, else 0.
    pub fn less(&mut self, a: Id, b: Id) -> Id {
        match (self.constant(a), self.constant(b)) {
            (Some(x), Some(y)) => self.number(f64::from(u8::from(x < y))),
            _ => self.enter(Op::Less(a, b)),
        }
    }

    /// `yes` where `condition` is not 0, else `no`.
    pub fn select(&mut self, condition: Id, yes: Id, no: Id) -> Id {
        match self.constant(condition) {
            Some(0.0) => no,
            Some(_) => yes,
            None if yes == no => yes,
            None => self.enter(Op::Select(condition, yes, no)),
        }
    }

    /// `a` as a constant for derivatives.
    pub fn hold(&mut self, a: Id) -> Id {
        match self.op(a) {
            Op::Number(_) | Op::Variable(_) | Op::Hold(_) => a,
            _ => self.enter(Op::Hold(a)),
        }
    }

    /// The derivatives of `root` with respect to each of `leaves`, by reverse accumulation.
    pub fn gradient(&mut self, root: Id, leaves: &[Id]) -> Vec<Id> {
        self.differentiating = true;
        // Operands come before results, so no node after the root contributes.
        let mut adjoints: Vec<Option<Id>> = vec![None; root as usize + 1];
        adjoints[root as usize] = Some(self.number(1.0));
        for id in (0..=root).rev() {
            let Some(of) = adjoints[id as usize] else { continue };
            for (operand, share) in self.shares(id, of) {
                let sofar = adjoints[operand as usize];
                adjoints[operand as usize] = Some(sofar.map_or(share, |sofar| self.add(sofar, share)));
            }
        }
        self.differentiating = false;
        let zero = self.number(0.0);
        leaves.iter().map(|&leaf| adjoints.get(leaf as usize).copied().flatten().unwrap_or(zero)).collect()
    }

    /// The contribution of `id` to the adjoint of each operand, where `of` is the adjoint of `id`.
    fn shares(&mut self, id: Id, of: Id) -> Vec<(Id, Id)> {
        match self.op(id) {
            Op::Number(_) | Op::Variable(_) | Op::Parameter(_) | Op::Less(..) | Op::Hold(_) => Vec::new(),
            Op::Add(a, b) => vec![(a, of), (b, of)],
            Op::Subtract(a, b) => vec![(a, of), (b, self.negate(of))],
            Op::Negate(a) => vec![(a, self.negate(of))],
            Op::Multiply(a, b) => vec![(a, self.multiply(of, b)), (b, self.multiply(of, a))],
            Op::Divide(a, b) => {
                let share = self.divide(of, b);
                let product = self.multiply(share, id);
                vec![(a, share), (b, self.negate(product))]
            }
            Op::Exp(a) => vec![(a, self.multiply(of, id))],
            Op::Ln(a) => vec![(a, self.divide(of, a))],
            Op::Softplus(a) => {
                // The logistic function, e^x / (1 + e^x).
                let minus = self.subtract(a, id);
                let logistic = self.exp(minus);
                vec![(a, self.multiply(of, logistic))]
            }
            Op::Sqrt(a) => {
                let two = self.number(2.0);
                let twice = self.multiply(two, id);
                vec![(a, self.divide(of, twice))]
            }
            Op::Special(function, a) => {
                let slope = self.slope(function, a, id);
                vec![(a, self.multiply(of, slope))]
            }
            Op::Select(condition, yes, no) => {
                let zero = self.number(0.0);
                vec![(yes, self.select(condition, of, zero)), (no, self.select(condition, zero, of))]
            }
        }
    }

    /// The derivative of a function at `a`; `value` is the node of the function's value there.
    fn slope(&mut self, function: Special, a: Id, value: Id) -> Id {
        let one = self.number(1.0);
        match function {
            Special::Sin => self.special(Special::Cos, a),
            Special::Cos => {
                let sine = self.special(Special::Sin, a);
                self.negate(sine)
            }
            Special::Tan => {
                let square = self.multiply(value, value);
                self.add(one, square)
            }
            Special::Tanh => {
                let square = self.multiply(value, value);
                self.subtract(one, square)
            }
            Special::Atan => {
                let square = self.multiply(a, a);
                let sum = self.add(one, square);
                self.divide(one, sum)
            }
            Special::Erf => {
                let square = self.multiply(a, a);
                let minus = self.negate(square);
                let bell = self.exp(minus);
                let factor = self.number(std::f64::consts::FRAC_2_SQRT_PI);
                self.multiply(factor, bell)
            }
            Special::Gamma => {
                let digamma = self.special(Special::Polygamma(0), a);
                self.multiply(value, digamma)
            }
            Special::Polygamma(order) => self.special(Special::Polygamma(order.saturating_add(1)), a),
        }
    }

    /// The nodes on which `roots` depend, including themselves, in an order of evaluation.
    pub fn needed(&self, roots: &[Id]) -> Vec<Id> {
        let mut needed = vec![false; self.ops.len()];
        for &root in roots {
            needed[root as usize] = true;
        }
        for id in (0..self.ops.len()).rev() {
            if needed[id] {
                self.ops[id].operands().for_each(|operand| needed[operand as usize] = true);
            }
        }
        (0..).zip(needed).filter_map(|(id, needed)| needed.then_some(id)).collect()
    }

    /// The node in which other nodes take the place of some, which are the keys.
    pub fn replaced(&mut self, root: Id, others: &BTreeMap<Id, Id>) -> Id {
        let mut made: BTreeMap<Id, Id> = BTreeMap::new();
        for id in self.needed(&[root]) {
            let new = others.get(&id).copied().unwrap_or_else(|| {
                let of = |operand: Id| made[&operand];
                match self.op(id) {
                    Op::Number(_) | Op::Variable(_) | Op::Parameter(_) => id,
                    Op::Add(a, b) => self.add(of(a), of(b)),
                    Op::Subtract(a, b) => self.subtract(of(a), of(b)),
                    Op::Multiply(a, b) => self.multiply(of(a), of(b)),
                    Op::Divide(a, b) => self.divide(of(a), of(b)),
                    Op::Negate(a) => self.negate(of(a)),
                    Op::Exp(a) => self.exp(of(a)),
                    Op::Ln(a) => self.ln(of(a)),
                    Op::Softplus(a) => self.softplus(of(a)),
                    Op::Sqrt(a) => self.sqrt(of(a)),
                    Op::Special(function, a) => self.special(function, of(a)),
                    Op::Less(a, b) => self.less(of(a), of(b)),
                    Op::Select(condition, yes, no) => self.select(of(condition), of(yes), of(no)),
                    Op::Hold(a) => self.hold(of(a)),
                }
            });
            made.insert(id, new);
        }
        made[&root]
    }

    /// The values of nodes at one row, by number; `nodes` lists them with all their operands, in order.
    pub fn evaluate(&self, nodes: &[Id], parameters: &[f64], variables: &[f64]) -> Vec<f64> {
        self.evaluate_nudged(nodes, parameters, variables, 0.0)
    }

    /// The values of nodes at one row, with each result changed by the relative amount `nudge`, whose sign follows
    /// from the node number.
    ///
    /// A nudge of the size of a rounding error shows how much of a value is rounding (Vignes 1993, A stochastic
    /// arithmetic for reliable scientific computation). Signs are fixed here and not random.
    pub fn evaluate_nudged(&self, nodes: &[Id], parameters: &[f64], variables: &[f64], nudge: f64) -> Vec<f64> {
        let mut values = vec![f64::NAN; nodes.last().map_or(0, |&last| last as usize + 1)];
        for &id in nodes {
            values[id as usize] = match self.op(id) {
                Op::Number(bits) => f64::from_bits(bits),
                Op::Variable(index) => self.entering(index, variables[index as usize]),
                Op::Parameter(index) => parameters[index as usize],
                op => {
                    let up = id.wrapping_mul(0x9e37_79b9) >> 31 == 0;
                    apply(op, |operand| values[operand as usize]) * (1.0 + if up { nudge } else { -nudge })
                }
            };
        }
        values
    }
}

/// Whether a power is an integer small enough for a few multiplications.
fn is_whole(power: f64) -> bool {
    power.fract() == 0.0 && power.abs() <= 64.0
}

/// The value of an operation, given the values of its operands; a leaf gives `NaN`.
#[inline]
pub fn apply(op: Op, at: impl Fn(Id) -> f64) -> f64 {
    match op {
        Op::Number(_) | Op::Variable(_) | Op::Parameter(_) => f64::NAN,
        Op::Add(a, b) => at(a) + at(b),
        Op::Subtract(a, b) => at(a) - at(b),
        Op::Multiply(a, b) => at(a) * at(b),
        Op::Divide(a, b) => at(a) / at(b),
        Op::Negate(a) => -at(a),
        Op::Exp(a) => crate::numerics::exp(at(a)),
        Op::Ln(a) => crate::numerics::ln(at(a)),
        Op::Softplus(a) => crate::numerics::softplus(at(a)),
        Op::Sqrt(a) => at(a).sqrt(),
        Op::Special(function, a) => function.at(at(a)),
        Op::Hold(a) => at(a),
        Op::Less(a, b) => f64::from(u8::from(at(a) < at(b))),
        Op::Select(c, a, b) => {
            if at(c) == 0.0 {
                at(b)
            } else {
                at(a)
            }
        }
    }
}

/// The summands of a node with their signs, in order.
pub(super) fn flatten(graph: &Graph, node: Id, sign: f64, summands: &mut Vec<(Id, f64)>) {
    match graph.op(node) {
        Op::Add(a, b) => {
            flatten(graph, a, sign, summands);
            flatten(graph, b, sign, summands);
        }
        Op::Subtract(a, b) => {
            flatten(graph, a, sign, summands);
            flatten(graph, b, -sign, summands);
        }
        Op::Negate(a) => flatten(graph, a, -sign, summands),
        _ => summands.push((node, sign)),
    }
}
