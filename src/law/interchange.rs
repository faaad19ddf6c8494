//! Parts of a law that may change places: the breaks of a broken power law, the terms of a sum of two.
//!
//! Rows cannot tell which of two such parts is the first. Their parameters are put in order, so that a name stands for
//! the same part in every fit.

use std::collections::BTreeMap;

use super::{Law, Parameter, Treatment};
use crate::expr::{Expr, Node, Operator};

impl Law {
    /// The indices among the free parameters of parts that may change places: the lists of one set are of the same
    /// parameters in the same order, that by which parts are put in order first.
    ///
    /// Parts are told by the numbers at the ends of names, as in d1 and d2.
    pub fn interchangeable(&self) -> Vec<Vec<Vec<usize>>> {
        let free = self.free();
        if self.parameters.iter().any(|p| matches!(p.treatment, Treatment::Tied(_))) {
            return Vec::new();
        }
        let mut parts: BTreeMap<u32, Vec<(&str, &Parameter)>> = BTreeMap::new();
        for (name, stem, number) in self.in_formula().into_iter().filter_map(|name| numbered(name)) {
            if let Some(parameter) = self.parameters.iter().find(|p| p.name == name) {
                parts.entry(number).or_default().push((stem, parameter));
            }
        }
        if parts.len() < 2 {
            return Vec::new();
        }
        let form = ordered(&self.body);
        let alike = |one: &[(&str, &Parameter)], other: &[(&str, &Parameter)]| {
            let pairs = || one.iter().filter_map(|(stem, p)| Some((*p, other.iter().find(|(s, _)| s == stem)?.1)));
            let same = |p: &Parameter, q: &Parameter| (p.lower, p.upper, p.scale) == (q.lower, q.upper, q.scale);
            let is_free = |p: &Parameter| p.treatment == Treatment::Free;
            one.len() == other.len()
                && pairs().count() == one.len()
                && pairs().all(|(p, q)| is_free(p) && is_free(q) && same(p, q))
                && ordered(&exchanged(&self.body, &pairs().collect::<Vec<_>>())) == form
        };
        let mut sets: Vec<Vec<&Vec<(&str, &Parameter)>>> = Vec::new();
        for part in parts.values() {
            match sets.iter_mut().find(|set| alike(set[0], part)) {
                Some(set) => set.push(part),
                None => sets.push(vec![part]),
            }
        }
        let place = |name: &str| free.iter().position(|p| p.name == name);
        let places = |first: &[(&str, &Parameter)], part: &[(&str, &Parameter)]| {
            let of = |stem: &str| part.iter().find(|(s, _)| *s == stem).and_then(|(_, p)| place(&p.name));
            first.iter().filter_map(|(stem, _)| of(stem)).collect()
        };
        sets.retain(|set| set.len() > 1);
        sets.into_iter().map(|set| set.iter().map(|part| places(set[0], part)).collect()).collect()
    }

    /// Its symbols, each once, in order of appearance.
    fn in_formula(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        self.body.visit_symbols(&mut |name, _| {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        });
        names
    }
}

/// Puts a point's parts in order; `sets` as [`Law::interchangeable`] gives them.
pub fn put_in_order(sets: &[Vec<Vec<usize>>], point: &mut [f64]) {
    for set in sets {
        let mut parts: Vec<Vec<f64>> = set.iter().map(|places| places.iter().map(|&j| point[j]).collect()).collect();
        parts.sort_by(|a, b| a[0].total_cmp(&b[0]));
        for (places, part) in set.iter().zip(parts) {
            places.iter().zip(part).for_each(|(&j, x)| point[j] = x);
        }
    }
}

/// A name, the name without the number at its end, and the number.
fn numbered(name: &str) -> Option<(&str, &str, u32)> {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    Some((name, stem, name[stem.len()..].parse().ok()?))
}

fn exchanged(body: &Expr, pairs: &[(&Parameter, &Parameter)]) -> Expr {
    body.replaced(&|part| {
        let Node::Symbol(name) = &part.node else { return None };
        let other = pairs.iter().find_map(|(p, q)| match () {
            () if p.name == *name => Some(&q.name),
            () if q.name == *name => Some(&p.name),
            () => None,
        })?;
        Some(Expr { node: Node::Symbol(other.clone()), span: part.span.clone() })
    })
}

/// The expression with terms and factors in order: the same text for sums and products that differ by order alone.
fn ordered(expr: &Expr) -> String {
    let joined = |pieces: Vec<(bool, String)>, marks: [&str; 2]| {
        let mut pieces: Vec<String> =
            pieces.into_iter().map(|(inverse, text)| format!("{}{text}", marks[usize::from(inverse)])).collect();
        pieces.sort();
        format!("({})", pieces.concat())
    };
    match &expr.node {
        Node::Binary(Operator::Add | Operator::Subtract, ..) => {
            let mut terms = Vec::new();
            collect(expr, [Operator::Add, Operator::Subtract], false, &mut terms);
            joined(terms, ["+", "-"])
        }
        Node::Binary(Operator::Multiply | Operator::Divide, ..) => {
            let mut factors = Vec::new();
            collect(expr, [Operator::Multiply, Operator::Divide], false, &mut factors);
            joined(factors, ["*", "/"])
        }
        Node::Binary(operator, left, right) => format!("({}{}{})", ordered(left), operator.symbol(), ordered(right)),
        Node::Negate(inner) => format!("(-{})", ordered(inner)),
        Node::Call(function, arguments) => {
            let arguments: Vec<String> = arguments.iter().map(ordered).collect();
            format!("{}({})", function.name(), arguments.join(","))
        }
        _ => expr.to_string(),
    }
}

/// The terms of a sum or the factors of a product, each with whether it is taken off.
fn collect(expr: &Expr, [with, without]: [Operator; 2], inverse: bool, pieces: &mut Vec<(bool, String)>) {
    match &expr.node {
        Node::Binary(operator, left, right) if *operator == with || *operator == without => {
            collect(left, [with, without], inverse, pieces);
            collect(right, [with, without], inverse != (*operator == without), pieces);
        }
        _ => pieces.push((inverse, ordered(expr))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::law::{Variable, catalogue, find};

    fn of_formula(formula: &str) -> Law {
        let x = Variable { name: "x".to_owned(), unit: None, meaning: None, counts: None };
        Law::from_formula("test", formula, &[x]).unwrap()
    }

    fn names(law: &Law) -> Vec<Vec<Vec<String>>> {
        let free = law.free();
        let name = |part: Vec<usize>| part.into_iter().map(|j| free[j].name.clone()).collect();
        law.interchangeable().into_iter().map(|set| set.into_iter().map(name).collect()).collect()
    }

    #[test]
    fn breaks_and_terms_that_the_formula_does_not_tell_apart_may_change_places() {
        let breaks = find("bnsl_3").unwrap().law().unwrap();
        assert_eq!(names(&breaks), [[["d1", "f1", "c1"], ["d2", "f2", "c2"], ["d3", "f3", "c3"]]]);
        let terms = of_formula("y = E + A1 / x^a1 + A2 * x^-a2");
        assert!(names(&terms).is_empty(), "a term is written in two ways, which is not looked through");
        let terms = of_formula("y = A_2 / x^a_2 + E + A_1 / x^a_1");
        assert_eq!(names(&terms), [[["A_1", "a_1"], ["A_2", "a_2"]]]);
    }

    #[test]
    fn what_a_variable_or_a_place_tells_apart_may_not() {
        for formula in ["y = A1 / x^a1 + A2 / (x + 1)^a2", "y = x^a1 - x^a2", "y = A1 * x^a2 + A2 * x^a2 * a1"] {
            assert!(names(&of_formula(formula)).is_empty(), "{formula}");
        }
        let with = catalogue().into_iter().filter(|entry| !entry.law().unwrap().interchangeable().is_empty());
        assert_eq!(with.map(|entry| entry.name).collect::<Vec<_>>(), ["bnsl_2", "bnsl_3"]);
    }

    #[test]
    fn parts_in_order_are_the_same_law() {
        let law = find("bnsl_2").unwrap().law().unwrap();
        let sets = law.interchangeable();
        let mut point: Vec<f64> = law.free().iter().map(|p| p.start[0] * 1.5).collect();
        let d = |name: &str| law.free().iter().position(|p| p.name == name).unwrap();
        (point[d("d1")], point[d("d2")], point[d("c1")]) = (5e4, 2e3, 0.7);
        let before = law.tape().value_at(&point, &[1e4]);
        put_in_order(&sets, &mut point);
        assert_eq!((point[d("d1")], point[d("d2")], point[d("c2")]), (2e3, 5e4, 0.7));
        assert!((law.tape().value_at(&point, &[1e4]) / before - 1.0).abs() < 1e-14);
    }
}
