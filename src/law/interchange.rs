//! Symmetries of a law: exchanges of parameters and changes of signs that leave its values unchanged.
//!
//! Rows cannot tell which of two similar terms is the first, nor the sign of a parameter that enters as a square.
//! Fits therefore sort such parts and make such signs positive, so that a name means the same part in every fit.

use std::collections::BTreeMap;

use super::canonical::{Form, PRODUCT, SUM, pieces};
use super::{Chain, Law, Parameter, Scale, Treatment};
use crate::expr::{Expr, Node};

/// The symmetries of a law, as changes of a point.
#[derive(Clone, Debug, Default)]
pub struct Symmetries {
    sets: Vec<Set>,
    /// Coordinates whose signs may be changed together; the first is made positive.
    signs: Vec<Vec<usize>>,
}

/// Interchangeable parts.
#[derive(Clone, Debug)]
struct Set {
    /// The coordinates of each part, in the same order for all parts. The first coordinate is the sort key.
    parts: Vec<Vec<usize>>,
    /// Conversion of the sort key to the value that ascends from part to part: a rate rather than a time, in every
    /// spelling of the formula.
    key: Chain,
}

impl Symmetries {
    /// Sorts the parts of a point and makes free signs positive.
    pub fn settle(&self, point: &mut [f64]) {
        for signs in &self.signs {
            if point[signs[0]] < 0.0 {
                signs.iter().for_each(|&j| point[j] = -point[j]);
            }
        }
        for Set { parts: places, key } in &self.sets {
            let part = |places: &Vec<usize>| -> Vec<f64> { places.iter().map(|&j| point[j]).collect() };
            let mut parts: Vec<Vec<f64>> = places.iter().map(part).collect();
            parts.sort_by(|a, b| key.scalar(a[0]).total_cmp(&key.scalar(b[0])));
            for (places, part) in places.iter().zip(parts) {
                places.iter().zip(part).for_each(|(&j, x)| point[j] = x);
            }
        }
    }
}

impl Law {
    /// The symmetries of the law.
    pub fn symmetries(&self) -> Symmetries {
        let terms = self.terms();
        let is_size = |j: &usize| terms.as_ref().is_some_and(|terms| terms.terms().iter().any(|term| term.size == *j));
        let meetings = self.meetings();
        let mut sets = Vec::new();
        for mut parts in self.interchangeable() {
            // A coordinate that only sets the size of a part does not identify it.
            let first = (0..parts[0].len()).find(|&at| !is_size(&parts[0][at])).unwrap_or(0);
            parts.iter_mut().for_each(|part| part[..=first].rotate_right(1));
            let coordinate = parts[0][0];
            let chain = meetings.iter().find(|meeting| meeting.coordinate == coordinate);
            sets.push(Set { parts, key: chain.map_or_else(Chain::default, |meeting| meeting.chain.clone()) });
        }
        Symmetries { sets, signs: self.signs(&is_size) }
    }

    /// The coordinates whose signs may be changed, alone or with one other.
    fn signs(&self, is_size: &impl Fn(&usize) -> bool) -> Vec<Vec<usize>> {
        let free = self.free();
        let open = |p: &Parameter| p.scale == Scale::Linear && p.lower == -p.upper;
        // A size follows the sign of its term, not the other way round.
        let mut candidates: Vec<usize> = (0..free.len()).filter(|&j| open(free[j])).collect();
        candidates.sort_by_key(|j| is_size(j));
        let body = self.in_free_parameters(&self.body);
        let form = Form::of(&body, &[]);
        let is_same = |flipped: &[usize]| {
            let names: Vec<&str> = flipped.iter().map(|&j| free[j].name.as_str()).collect();
            Form::of(&body, &names) == form
        };
        let mut signs: Vec<Vec<usize>> = Vec::new();
        for (at, &j) in candidates.iter().enumerate() {
            if signs.iter().any(|group| group.contains(&j)) {
                continue;
            }
            let others = candidates[at + 1..].iter().filter(|k| signs.iter().all(|group| !group.contains(k)));
            let group = std::iter::once(vec![j]).chain(others.map(|&k| vec![j, k])).find(|group| is_same(group));
            signs.extend(group);
        }
        signs
    }

    /// An expression of the law with the values of fixed parameters and the expressions of tied ones in their places.
    fn in_free_parameters(&self, expr: &Expr) -> Expr {
        expr.replaced(&|part| {
            let Node::Symbol(name) = &part.node else { return None };
            match &self.parameters.iter().find(|p| p.name == *name)?.treatment {
                Treatment::Free => None,
                Treatment::Fixed(value) => Some(Expr { node: Node::Number(*value), span: part.span.clone() }),
                Treatment::Tied(expr) => Some(self.in_free_parameters(expr)),
            }
        })
    }

    /// Groups of interchangeable parts, as indices of free parameters. The lists of one group hold corresponding
    /// parameters in the same order.
    ///
    /// Parts are recognised by numbers at the ends of names, as in d1 and d2, or as terms or factors of the same
    /// form.
    pub fn interchangeable(&self) -> Vec<Vec<Vec<usize>>> {
        if self.parameters.iter().any(|p| matches!(p.treatment, Treatment::Tied(_))) {
            return Vec::new();
        }
        let form = Form::of(&self.body, &[]);
        let mut sets = self.numbered_parts(&form);
        for set in self.parts_of_one_form(&form) {
            let is_new = |j: &usize| sets.iter().flatten().all(|part: &Vec<usize>| !part.contains(j));
            if set.iter().flatten().all(is_new) {
                sets.push(set);
            }
        }
        sets
    }

    /// Parts whose names end in numbers.
    fn numbered_parts(&self, form: &Form) -> Vec<Vec<Vec<usize>>> {
        let mut parts: BTreeMap<u32, Vec<(&str, &Parameter)>> = BTreeMap::new();
        for (name, stem, number) in self.in_formula().into_iter().filter_map(|name| numbered(name)) {
            if let Some(parameter) = self.parameters.iter().find(|p| p.name == name) {
                parts.entry(number).or_default().push((stem, parameter));
            }
        }
        let alike = |one: &[(&str, &Parameter)], other: &[(&str, &Parameter)]| {
            let pairs = || one.iter().filter_map(|(stem, p)| Some((*p, other.iter().find(|(s, _)| s == stem)?.1)));
            one.len() == other.len()
                && pairs().count() == one.len()
                && self.is_exchange(&pairs().map(|(p, q)| (p.name.as_str(), q.name.as_str())).collect::<Vec<_>>(), form)
        };
        let mut sets: Vec<Vec<&Vec<(&str, &Parameter)>>> = Vec::new();
        for part in parts.values() {
            match sets.iter_mut().find(|set| alike(set[0], part)) {
                Some(set) => set.push(part),
                None => sets.push(vec![part]),
            }
        }
        let places = |first: &[(&str, &Parameter)], part: &[(&str, &Parameter)]| {
            let of = |stem: &str| part.iter().find(|(s, _)| *s == stem).and_then(|(_, p)| self.place(&p.name));
            first.iter().filter_map(|(stem, _)| of(stem)).collect()
        };
        sets.retain(|set| set.len() > 1);
        sets.into_iter().map(|set| set.iter().map(|part| places(set[0], part)).collect()).collect()
    }

    /// Terms of a sum or factors of a product that differ only in the names of their parameters, with everything that
    /// has to be exchanged together with them.
    fn parts_of_one_form(&self, form: &Form) -> Vec<Vec<Vec<usize>>> {
        let mut groups = Vec::new();
        self.collect_groups(&self.body, &mut groups);
        let mut sets = Vec::new();
        for group in &groups {
            let mut parts: Vec<Vec<&str>> = Vec::new();
            for other in &group[1..] {
                let Some(pairs) = self.exchange(&group[0], other, &groups, form) else { continue };
                if parts.is_empty() {
                    parts.push(pairs.iter().map(|pair| pair.0).collect());
                }
                let image = |name: &&str| pairs.iter().find(|pair| pair.0 == *name).map(|pair| pair.1);
                let part: Vec<&str> = parts[0].iter().filter_map(image).collect();
                if part.len() == parts[0].len() {
                    parts.push(part);
                }
            }
            let place = |name: &&str| self.place(name);
            let places: Vec<Vec<usize>> = parts.iter().map(|part| part.iter().filter_map(place).collect()).collect();
            if places.len() > 1 {
                sets.push(places);
            }
        }
        sets
    }

    /// The pairs of names to exchange so that one list of parameters takes the place of the other; `None` if the law
    /// would change.
    fn exchange<'n>(
        &self,
        one: &[&'n str],
        other: &[&'n str],
        groups: &[Vec<Vec<&'n str>>],
        form: &Form,
    ) -> Option<Vec<(&'n str, &'n str)>> {
        let mut pairs = Vec::new();
        if !joined(&mut pairs, one, other) || pairs.is_empty() {
            return None;
        }
        while !self.is_exchange(&pairs, form) {
            let known = pairs.len();
            // Groups that share a parameter with the parts so far have to be exchanged too.
            'more: for group in groups {
                for (at, first) in group.iter().enumerate() {
                    for second in &group[at + 1..] {
                        let shares = first.iter().zip(second).any(|pair| pairs.contains(&(*pair.0, *pair.1)));
                        let mut longer = pairs.clone();
                        if shares && joined(&mut longer, first, second) && longer.len() > known {
                            pairs = longer;
                            break 'more;
                        }
                    }
                }
            }
            if pairs.len() == known {
                return None;
            }
        }
        Some(pairs)
    }

    /// Collects the parameters of terms and factors of the same form.
    fn collect_groups<'e>(&'e self, expr: &'e Expr, groups: &mut Vec<Vec<Vec<&'e str>>>) {
        for joined in [SUM, PRODUCT] {
            let pieces = pieces(expr, joined);
            if pieces.len() < 2 {
                continue;
            }
            let mut by_form: BTreeMap<(bool, Form), Vec<Vec<&str>>> = BTreeMap::new();
            for (inverse, piece) in pieces {
                let names = self.free_names(piece);
                if !names.is_empty() {
                    by_form.entry((inverse, self.blank_form(piece))).or_default().push(names);
                }
            }
            groups.extend(by_form.into_values().filter(|lists| lists.len() > 1));
        }
        match &expr.node {
            Node::Negate(inner) => self.collect_groups(inner, groups),
            Node::Binary(_, left, right) => {
                self.collect_groups(left, groups);
                self.collect_groups(right, groups);
            }
            Node::Call(_, arguments) => arguments.iter().for_each(|argument| self.collect_groups(argument, groups)),
            _ => {}
        }
    }

    /// The free parameters of an expression, each once, in order of appearance.
    fn free_names<'e>(&self, expr: &'e Expr) -> Vec<&'e str> {
        let mut names: Vec<&str> = Vec::new();
        expr.visit_symbols(&mut |name, _| {
            if self.place(name).is_some() && !names.contains(&name.as_str()) {
                names.push(name);
            }
        });
        names
    }

    /// The form of an expression without the names of its free parameters.
    fn blank_form(&self, expr: &Expr) -> Form {
        let names = self.free_names(expr);
        let blank = expr.replaced(&|part| {
            let Node::Symbol(name) = &part.node else { return None };
            let at = names.iter().position(|other| other == name)?;
            Some(Expr { node: Node::Symbol(format!("?{at}")), span: part.span.clone() })
        });
        Form::of(&blank, &[])
    }

    /// Whether exchanging the names of each pair leaves the law unchanged.
    fn is_exchange(&self, pairs: &[(&str, &str)], form: &Form) -> bool {
        let find = |name: &str| self.parameters.iter().find(|p| p.name == name);
        let is_alike = |(p, q): &(&str, &str)| match (find(p), find(q)) {
            (Some(p), Some(q)) => {
                let is_free = |p: &Parameter| p.treatment == Treatment::Free;
                is_free(p) && is_free(q) && (p.lower, p.upper, p.scale) == (q.lower, q.upper, q.scale)
            }
            _ => false,
        };
        pairs.iter().all(is_alike) && Form::of(&exchanged(&self.body, pairs), &[]) == *form
    }

    /// The index of a free parameter.
    fn place(&self, name: &str) -> Option<usize> {
        self.free().iter().position(|p| p.name == name)
    }

    /// The symbols of the formula, each once, in order of appearance.
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

/// Adds the pairs of two lists of names. Returns whether each name still has only one partner.
fn joined<'n>(pairs: &mut Vec<(&'n str, &'n str)>, one: &[&'n str], other: &[&'n str]) -> bool {
    for (p, q) in one.iter().zip(other).filter(|(p, q)| p != q) {
        if pairs.contains(&(*p, *q)) {
            continue;
        }
        if pairs.iter().any(|pair| [pair.0, pair.1].iter().any(|name| name == p || name == q)) {
            return false;
        }
        pairs.push((p, q));
    }
    one.len() == other.len()
}

/// A name, its stem without the number at the end, and the number.
fn numbered(name: &str) -> Option<(&str, &str, u32)> {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    Some((name, stem, name[stem.len()..].parse().ok()?))
}

fn exchanged(body: &Expr, pairs: &[(&str, &str)]) -> Expr {
    body.replaced(&|part| {
        let Node::Symbol(name) = &part.node else { return None };
        let other = pairs.iter().find_map(|(p, q)| match () {
            () if p == name => Some(*q),
            () if q == name => Some(*p),
            () => None,
        })?;
        Some(Expr { node: Node::Symbol(other.to_owned()), span: part.span.clone() })
    })
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
    fn similar_breaks_and_terms_are_interchangeable() {
        let breaks = find("bnsl_3").unwrap().law().unwrap();
        assert_eq!(names(&breaks), [[["d1", "f1", "c1"], ["d2", "f2", "c2"], ["d3", "f3", "c3"]]]);
        let terms = of_formula("y = E + A1 / x^a1 + A2 * x^-a2");
        assert!(names(&terms).is_empty(), "a term is written in two ways, which is not looked through");
        let terms = of_formula("y = A_2 / x^a_2 + E + A_1 / x^a_1");
        assert_eq!(names(&terms), [[["A_1", "a_1"], ["A_2", "a_2"]]]);
        let terms = of_formula("y = a * exp(-k * x) + b * exp(-m * x) + c * exp(-n * x)");
        assert_eq!(names(&terms), [[["a", "k"], ["b", "m"], ["c", "n"]]]);
        // The sine and the cosine of one period belong together.
        let waves = "y = a * cos(x / p) + b * sin(x / p) + c * cos(x / q) + d * sin(x / q)";
        assert_eq!(names(&of_formula(waves)), [[["a", "p", "b"], ["c", "q", "d"]]]);
    }

    #[test]
    fn parts_with_different_variables_or_places_are_not_interchangeable() {
        for formula in ["y = A1 / x^a1 + A2 / (x + 1)^a2", "y = x^a1 - x^a2"] {
            assert!(names(&of_formula(formula)).is_empty(), "{formula}");
        }
        let with = catalogue().iter().filter(|entry| !entry.law().unwrap().interchangeable().is_empty());
        assert_eq!(with.map(|entry| entry.name.as_str()).collect::<Vec<_>>(), ["bnsl_2", "bnsl_3"]);
    }

    #[test]
    fn sorting_the_parts_leaves_the_law_unchanged() {
        let law = find("bnsl_2").unwrap().law().unwrap();
        let symmetries = law.symmetries();
        let mut point: Vec<f64> = law.free().iter().map(|p| p.start[0] * 1.5).collect();
        let d = |name: &str| law.free().iter().position(|p| p.name == name).unwrap();
        (point[d("d1")], point[d("d2")], point[d("c1")]) = (5e4, 2e3, 0.7);
        let before = law.tape().value_at(&point, &[1e4]);
        symmetries.settle(&mut point);
        assert_eq!((point[d("d1")], point[d("d2")], point[d("c2")]), (2e3, 5e4, 0.7));
        assert!((law.tape().value_at(&point, &[1e4]) / before - 1.0).abs() < 1e-14);
    }

    #[test]
    fn terms_are_sorted_by_shape_and_free_signs_become_positive() {
        let settled = |formula: &str, point: &[f64]| {
            let mut point = point.to_vec();
            of_formula(formula).symmetries().settle(&mut point);
            point
        };
        assert_eq!(settled("y = a * exp(-k * x) + b * exp(-m * x)", &[9.0, 2.0, 1.0, 0.5]), [1.0, 0.5, 9.0, 2.0]);
        // A small rate corresponds to a long time.
        assert_eq!(settled("y = a * exp(-x / t) + b * exp(-x / u)", &[9.0, 2.0, 1.0, 5.0]), [1.0, 5.0, 9.0, 2.0]);
        assert_eq!(settled("y = a * exp(-(x - m)^2 / s^2)", &[3.0, 1.0, -2.0]), [3.0, 1.0, 2.0]);
        assert_eq!(settled("y = c + a * tanh(k * x)", &[5.0, 3.0, -2.0]), [5.0, -3.0, 2.0]);
        assert_eq!(settled("y = a * exp(-k * x)", &[-3.0, -2.0]), [-3.0, -2.0]);
    }

    #[test]
    fn a_sign_that_matters_is_kept_whatever_the_units_of_its_term() {
        for unit in ["1e-50", "1", "1e50"] {
            let formula = format!("y = E + c * (ln(x) - m)^2 * (x / {unit})^a");
            let mut point = [1.5, 0.02, -6.0, 0.1];
            of_formula(&formula).symmetries().settle(&mut point);
            assert_eq!(point, [1.5, 0.02, -6.0, 0.1], "{formula}");
        }
    }

    #[test]
    fn a_sign_under_a_tied_or_fixed_parameter_is_recognised() {
        let mut law = of_formula("y = a * abs(x - m)^p");
        let of = |law: &Law, name: &str| law.parameters.iter().position(|p| p.name == name).unwrap();
        let (a, p) = (of(&law, "a"), of(&law, "p"));
        law.parameters[a].treatment = Treatment::Tied(crate::expr::parse("s^q").unwrap());
        law.parameters[p].treatment = Treatment::Fixed(2.0);
        for (name, treatment) in [("s", Treatment::Free), ("q", Treatment::Fixed(4.0))] {
            law.parameters.push(Parameter::unbounded(name, treatment));
        }
        let s = law.free().iter().position(|p| p.name == "s").unwrap();
        let mut point = vec![-3.0; law.free().len()];
        law.symmetries().settle(&mut point);
        assert_eq!(point.iter().enumerate().map(|(j, x)| (j == s) == (*x == 3.0)).collect::<Vec<_>>(), [true; 2]);
    }
}
