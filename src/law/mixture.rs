//! Mixtures of domains: `sum_over(d, k[d] * exp(t[d] * r[d]))` is written out, with a name such as `k_web` for each
//! domain.
//!
//! A law thus remains an ordinary formula, and its shares are ordinary variables.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::{LawError, ParameterText, Variable};
use crate::diagnostic::list;
use crate::expr::{Expr, Function, Node, Operator, indices};
use crate::unit::Dimension;

/// Largest difference of a sum of shares from 1 that counts as rounding.
pub const TOLERANCE: f64 = 5e-3;

/// Largest number of operators of a formula that is written out.
const MOST_OPERATORS: usize = 4000;

/// Shares of the domains of a mixture, which sum to 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mixture {
    /// The name of the shares in the formula: `r` of `r[d]`.
    pub name: String,
    /// The domains and the variables of their shares, in order.
    pub shares: Vec<Share>,
    /// The domain whose share is what the others leave, if it has no variable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rest: Option<String>,
}

/// The share of a domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// The domain.
    pub domain: String,
    /// The variable.
    pub variable: String,
}

impl Mixture {
    /// Names of the variables, in order.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.shares.iter().map(|share| share.variable.as_str())
    }

    /// Whether a sum of the variables can belong to a mixture.
    pub fn allows_sum(&self, sum: f64) -> bool {
        let is_below = self.rest.is_some() && sum >= -TOLERANCE;
        sum <= 1.0 + TOLERANCE && (is_below || sum >= 1.0 - TOLERANCE)
    }

    /// What the sum of the variables must be, in words.
    pub const fn wanted_sum(&self) -> &'static str {
        if self.rest.is_some() { "at most 1" } else { "1" }
    }

    /// The same with other names for the variables.
    #[must_use]
    pub fn renamed(&self, name: impl Fn(&str) -> String) -> Self {
        let share = |share: &Share| Share { domain: share.domain.clone(), variable: name(&share.variable) };
        Self { shares: self.shares.iter().map(share).collect(), ..self.clone() }
    }
}

/// The domains that a spec or a law of the catalogue declares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Domains {
    /// The domains of every index without an entry of its own; empty if the variables give them.
    pub every: Vec<String>,
    /// The domains of an index word.
    pub of_index: BTreeMap<String, Vec<String>>,
    /// The domain without a variable.
    pub rest: Option<String>,
}

/// The name of a vector for some domains: `k_web`.
fn member(base: &str, domains: &[&str]) -> String {
    format!("{base}_{}", domains.join("_"))
}

/// A name with an index in a formula, written out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vector {
    /// The name before the brackets.
    pub name: String,
    /// The index words.
    pub indices: Vec<String>,
    /// The domains, and the name that stands for them.
    pub members: Vec<Share>,
    /// Whether its members are variables and not parameters.
    pub is_variable: bool,
}

impl Vector {
    /// Whether its members are shares of one mixture: variables with one index that have the unit of shares, or none.
    fn is_of_shares(&self, variables: &[Variable]) -> bool {
        let is_share = |member: &Share| {
            let unit = variables.iter().find(|v| v.name == member.variable).and_then(|v| v.unit);
            unit.is_none_or(|unit| unit.dimension == Dimension::Share)
        };
        self.is_variable && self.indices.len() == 1 && self.members.iter().all(is_share)
    }

    /// The name with its indices, as in a formula.
    fn written(&self) -> String {
        format!("{}[{}]", self.name, self.indices.join(", "))
    }

    /// Sets the members, one for each combination of the domains of its indices.
    fn list(&mut self, of_index: &BTreeMap<&str, Vec<String>>) {
        let mut all: Vec<Vec<&str>> = vec![Vec::new()];
        for index in &self.indices {
            let domains = of_index.get(index.as_str()).map_or(&[][..], Vec::as_slice);
            let mut longer = Vec::new();
            for before in &all {
                longer.extend(domains.iter().map(|domain| [before.as_slice(), &[domain.as_str()]].concat()));
            }
            all = longer;
        }
        let named = |domains: Vec<&str>| Share { domain: domains.join("_"), variable: member(&self.name, &domains) };
        self.members = all.into_iter().map(named).collect();
    }
}

/// A formula that is written out.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct WrittenOut {
    /// The formula without sums over domains.
    pub(super) body: Expr,
    /// The names with indices.
    pub(super) vectors: Vec<Vector>,
}

impl WrittenOut {
    /// The vectors of shares: variables with one index that are shares, or have no unit.
    pub(super) fn mixtures(&self, variables: &[Variable], rest: Option<&String>) -> Vec<Mixture> {
        let of_shares = |vector: &&Vector| vector.is_of_shares(variables);
        let mut all: Vec<Mixture> = Vec::new();
        for vector in self.vectors.iter().filter(of_shares) {
            let mixture = Mixture { name: vector.name.clone(), shares: vector.members.clone(), rest: rest.cloned() };
            // Two indices of one vector, as in `r[i] * r[j]`, are one mixture.
            if !all.contains(&mixture) {
                all.push(mixture);
            }
        }
        all
    }
}

/// Writes out the sums over domains in a formula. The variables give the domains that are not declared: with `r_web`
/// and `r_code` among them, the index of `r[d]` has the domains `code` and `web`. A vector is a variable if one of its
/// members is, or its own name is declared as one. A sum over shares includes the domain without a column.
///
/// # Errors
/// A name has an index outside a sum over it, a sum has no index or domains, the domains are unknown, or a variable has no
/// value for the domain without a column.
pub(super) fn written_out(
    body: &Expr,
    domains: &Domains,
    declared: &[Variable],
    response: &str,
) -> Result<WrittenOut, LawError> {
    let variables: &BTreeSet<&str> = &declared.iter().map(|v| v.name.as_str()).collect();
    let mut vectors: Vec<Vector> = Vec::new();
    let mut scan = Scan { vectors: &mut vectors, known: BTreeMap::new() };
    scan.expression(body, &mut Vec::new())?;
    let places = scan.known;
    let mut bare = None;
    body.visit_symbols(&mut |symbol, span| {
        if vectors.iter().any(|vector| vector.name == *symbol) {
            bare.get_or_insert((symbol.clone(), span.clone()));
        }
    });
    if let Some((name, span)) = bare {
        let message = format!("`{name}` has an index elsewhere in the formula, and none here");
        return Err(
            LawError::in_formula(span, message).hint("write its index in brackets, or give one of both another name")
        );
    }
    for (index, place) in &places {
        if variables.contains(index.as_str()) || index == response {
            let message = format!("`{index}` is the name of a variable; an index is a word of its own");
            return Err(LawError::in_formula(place.clone(), message).hint("write another word, such as `d`"));
        }
    }
    let unused = domains.of_index.keys().find(|index| !places.contains_key(*index));
    if let Some(index) = unused {
        let hint = format!("it sums over {}", list(&places.keys().map(String::as_str).collect::<Vec<_>>()));
        return Err(LawError::of_law(format!("the formula has no sum over `{index}`")).hint(hint));
    }
    if places.is_empty() && !domains.every.is_empty() {
        let message = "`domains` are declared, and the formula has no sum over them";
        return Err(LawError::of_law(message.to_owned()).hint("write `sum_over(d, t[d] * r[d])`"));
    }
    let mut of_index: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (index, place) in &places {
        let found = match domains.of_index.get(index).or(Some(&domains.every).filter(|every| !every.is_empty())) {
            Some(declared) => declared.clone(),
            None => inferred(index, place, &vectors, variables, response)?,
        };
        check_domains(index, place, &found, domains.rest.as_ref())?;
        of_index.insert(index, found);
    }
    for vector in &mut vectors {
        vector.list(&of_index);
        let of_variables = |name: &str| variables.contains(name);
        vector.is_variable =
            of_variables(&vector.name) || vector.members.iter().any(|member| of_variables(&member.variable));
    }
    let of_shares: Vec<Vector> = vectors.iter().filter(|vector| vector.is_of_shares(declared)).cloned().collect();
    if let Some(rest) = &domains.rest {
        let with_rest = |index: &str| of_shares.iter().any(|vector| vector.indices[0] == index);
        of_index.iter_mut().filter(|(index, _)| with_rest(index)).for_each(|(_, all)| all.push(rest.clone()));
        for vector in vectors.iter_mut().filter(|vector| !of_shares.contains(*vector)) {
            if vector.is_variable && vector.indices.iter().any(|index| with_rest(index)) {
                let message =
                    format!("`{}` has no value for the domain `{rest}`, which has no column", vector.written());
                let hint = "give all domains a column, and leave out `rest`";
                return Err(LawError::of_law(message).hint(hint));
            }
            vector.list(&of_index);
        }
    }
    let rest = domains.rest.as_deref().map(|rest| (rest, of_shares.as_slice()));
    let mut write = Write { of_index: &of_index, rest, operators: 0 };
    let body = write.expression(body, &mut Vec::new())?;
    Ok(WrittenOut { body, vectors })
}

/// The domains of an index from the names of variables.
fn inferred(
    index: &str,
    place: &Range<usize>,
    vectors: &[Vector],
    variables: &BTreeSet<&str>,
    response: &str,
) -> Result<Vec<String>, LawError> {
    let own: Vec<&Vector> = vectors.iter().filter(|v| v.indices.len() == 1 && v.indices[0] == index).collect();
    let of = |vector: &Vector| -> Vec<String> {
        let suffix = |name: &&str| name.strip_prefix(vector.name.as_str())?.strip_prefix('_').map(str::to_owned);
        variables.iter().filter(|name| **name != response).filter_map(suffix).filter(|d| !d.is_empty()).collect()
    };
    let mut found: Vec<(&str, Vec<String>)> =
        own.iter().map(|v| (v.name.as_str(), of(v))).filter(|(_, domains)| !domains.is_empty()).collect();
    let declare = "declare them: `domains = [\"web\", \"code\"]` in the law";
    let Some((first, domains)) = found.pop() else {
        let names: Vec<String> = own.iter().map(|v| format!("{}_...", v.name)).collect();
        let names = names.iter().map(String::as_str).collect::<Vec<_>>();
        let message = format!("the domains of `{index}` are not known");
        let columns = format!("{declare}, or name the columns of the shares {}", list(&names).replace(" and ", " or "));
        return Err(LawError::in_formula(place.clone(), message).hint(columns));
    };
    match found.into_iter().find(|(_, others)| *others != domains) {
        None => Ok(domains),
        Some((other, others)) => {
            let words = |all: &[String]| list(&all.iter().map(String::as_str).collect::<Vec<_>>());
            let message = format!(
                "the columns give different domains for `{index}`: {} by `{first}`, and {} by `{other}`",
                words(&domains),
                words(&others)
            );
            Err(LawError::in_formula(place.clone(), message).hint(declare))
        }
    }
}

fn check_domains(index: &str, place: &Range<usize>, found: &[String], rest: Option<&String>) -> Result<(), LawError> {
    let error = |message: String| LawError::in_formula(place.clone(), message);
    let is_word = |domain: &str| !domain.is_empty() && domain.chars().all(|c| c.is_alphanumeric() || c == '_');
    if let Some(wrong) = found.iter().chain(rest).find(|domain| !is_word(domain)) {
        return Err(error(format!("`{wrong}` cannot be the name of a domain"))
            .hint("use letters, digits and `_`: names such as `k_web` contain it"));
    }
    let all: Vec<&String> = found.iter().chain(rest).collect();
    if let Some(twice) = all.iter().enumerate().find(|(at, domain)| all[..*at].contains(domain)) {
        return Err(error(format!("the domain `{}` is listed twice", twice.1)));
    }
    if all.len() < 2 {
        let only = all.first().map_or_else(String::new, |only| format!(", `{only}`"));
        return Err(error(format!("the sum over `{index}` has one domain{only}; a mixture has at least two"))
            .hint("name all of them, or the one without a column by `rest = \"...\"`"));
    }
    Ok(())
}

/// Finds the sums over domains and the names with indices.
struct Scan<'a> {
    vectors: &'a mut Vec<Vector>,
    /// The index words and where each stands first.
    known: BTreeMap<String, Range<usize>>,
}

impl Scan<'_> {
    fn expression(&mut self, expr: &Expr, bound: &mut Vec<String>) -> Result<(), LawError> {
        match &expr.node {
            Node::Call(Function::SumOver, arguments) => {
                let (index, term) = sum(expr, arguments)?;
                if bound.iter().any(|other| other == index) {
                    let message = format!("there is a sum over `{index}` in a sum over `{index}`");
                    return Err(LawError::in_formula(arguments[0].span.clone(), message)
                        .hint("give the inner sum an index of its own"));
                }
                self.known.entry(index.to_owned()).or_insert_with(|| arguments[0].span.clone());
                bound.push(index.to_owned());
                let mut is_used = false;
                term.visit_symbols(&mut |symbol, _| {
                    is_used |= indices(symbol).is_some_and(|(_, words)| words.contains(&index));
                });
                if !is_used {
                    let message = format!("nothing in the sum over `{index}` has the index `[{index}]`");
                    return Err(LawError::in_formula(expr.span.clone(), message)
                        .hint(format!("write it after the name of each vector: `t[{index}] * r[{index}]`")));
                }
                self.expression(term, bound)?;
                bound.pop();
                Ok(())
            }
            Node::Symbol(symbol) => self.symbol(symbol, &expr.span, bound),
            _ => expr.parts().into_iter().try_for_each(|part| self.expression(part, bound)),
        }
    }

    fn symbol(&mut self, symbol: &str, span: &Range<usize>, bound: &[String]) -> Result<(), LawError> {
        let Some((name, words)) = indices(symbol) else {
            if bound.iter().any(|index| index == symbol) {
                let message = format!("`{symbol}` is the index of a sum, and not a number");
                return Err(LawError::in_formula(span.clone(), message)
                    .hint(format!("write it in brackets after the name of a vector: `t[{symbol}]`")));
            }
            return Ok(());
        };
        if let Some(open) = words.iter().find(|word| !bound.iter().any(|index| index == *word)) {
            let around = format!("write `sum_over({open}, ...)` around it");
            let hint = match bound {
                [sum] => format!("{around}; if the sum over `{sum}` is meant, write `{name}[{sum}]`"),
                _ => around,
            };
            return Err(
                LawError::in_formula(span.clone(), format!("`{symbol}` is not in a sum over `{open}`")).hint(hint)
            );
        }
        let words: Vec<String> = words.into_iter().map(str::to_owned).collect();
        match self.vectors.iter().find(|vector| vector.name == name) {
            Some(vector) if vector.indices.len() != words.len() => Err(LawError::in_formula(
                span.clone(),
                format!("`{name}` has {} indices here and {} elsewhere", words.len(), vector.indices.len()),
            )),
            _ if self.vectors.iter().any(|vector| vector.name == name && vector.indices == words) => Ok(()),
            _ => {
                let vector = Vector { name: name.to_owned(), indices: words, members: Vec::new(), is_variable: false };
                self.vectors.push(vector);
                Ok(())
            }
        }
    }
}

/// The index and the term of a sum over domains.
fn sum<'e>(expr: &Expr, arguments: &'e [Expr]) -> Result<(&'e str, &'e Expr), LawError> {
    let wrong = |span: &Range<usize>| {
        LawError::in_formula(span.clone(), "the first argument of `sum_over` is an index, which is a word of its own")
            .hint("write `sum_over(d, t[d] * r[d])`")
    };
    let [index, term] = arguments else { return Err(wrong(&expr.span)) };
    match &index.node {
        Node::Symbol(word) if word.chars().all(|c| c.is_alphanumeric() || c == '_') => Ok((word, term)),
        _ => Err(wrong(&index.span)),
    }
}

/// Writes out the sums.
struct Write<'a> {
    of_index: &'a BTreeMap<&'a str, Vec<String>>,
    /// The domain without a column, and the vectors of shares.
    rest: Option<(&'a str, &'a [Vector])>,
    operators: usize,
}

/// The share of the domain without a column, as the base of a power, where the others leave nothing. Zero has no logarithm.
const NOTHING: f64 = 1e-300;

impl<'a> Write<'a> {
    fn expression(&mut self, expr: &Expr, bound: &mut Vec<(String, &'a str)>) -> Result<Expr, LawError> {
        self.operators += 1;
        if self.operators > MOST_OPERATORS {
            let message = format!(
                "written out for its domains, the formula has more than {MOST_OPERATORS} numbers and operators"
            );
            return Err(LawError::of_law(message).hint("join small domains into one"));
        }
        let mut inside = |part: &Expr| self.expression(part, bound).map(Box::new);
        let node = match &expr.node {
            Node::Call(Function::SumOver, arguments) => {
                let (index, term) = sum(expr, arguments)?;
                let domains: &'a [String] = self.of_index.get(index).map_or(&[], Vec::as_slice);
                let mut total: Option<Expr> = None;
                for domain in domains {
                    bound.push((index.to_owned(), domain));
                    let term = self.expression(term, bound)?;
                    bound.pop();
                    let span = expr.span.clone();
                    total = Some(match total {
                        None => term,
                        Some(sum) => Expr { node: Node::Binary(Operator::Add, Box::new(sum), Box::new(term)), span },
                    });
                }
                return total.ok_or_else(|| LawError::in_formula(expr.span.clone(), "the sum has no domains"));
            }
            Node::Symbol(symbol) => match self.left_by_others(symbol, &expr.span, bound) {
                Some(left) => return Ok(left),
                None => Node::Symbol(named(symbol, bound)),
            },
            Node::Number(_) | Node::Text(_) => expr.node.clone(),
            Node::Negate(inner) => Node::Negate(inside(inner)?),
            Node::Not(inner) => Node::Not(inside(inner)?),
            Node::Binary(operator, left, right) => {
                let (left, right) = (inside(left)?, inside(right)?);
                let is_rest = matches!((&left.node, operator), (Node::Binary(Operator::Subtract, ..), Operator::Power))
                    && matches!(&expr.node, Node::Binary(_, base, _) if matches!(base.node, Node::Symbol(_)));
                if is_rest { of_nothing_or_more(*left, right) } else { Node::Binary(*operator, left, right) }
            }
            Node::Within(value, low, high) => Node::Within(inside(value)?, inside(low)?, inside(high)?),
            Node::Call(function, all) => Node::Call(*function, self.every(all, bound)?),
            Node::OneOf(value, members) => {
                let value = inside(value)?;
                Node::OneOf(value, self.every(members, bound)?)
            }
        };
        Ok(Expr { node, span: expr.span.clone() })
    }

    /// The share of the domain without a column: what the others leave.
    fn left_by_others(&self, symbol: &str, span: &Range<usize>, bound: &[(String, &str)]) -> Option<Expr> {
        let (rest, of_shares) = self.rest?;
        let (name, words) = indices(symbol)?;
        let shares = of_shares.iter().find(|vector| vector.name == name)?;
        let [word] = words.as_slice() else { return None };
        bound.iter().find(|(index, domain)| index == word && *domain == rest)?;
        let of = |node: Node| Expr { node, span: span.clone() };
        let less = |left: Expr, share: &Share| {
            let share = of(Node::Symbol(share.variable.clone()));
            of(Node::Binary(Operator::Subtract, Box::new(left), Box::new(share)))
        };
        Some(shares.members.iter().fold(of(Node::Number(1.0)), less))
    }

    fn every(&mut self, all: &[Expr], bound: &mut Vec<(String, &'a str)>) -> Result<Vec<Expr>, LawError> {
        all.iter().map(|one| self.expression(one, bound)).collect()
    }
}

/// A power of what the others leave, which rounding can make negative.
fn of_nothing_or_more(base: Expr, exponent: Box<Expr>) -> Node {
    let span = base.span.clone();
    let nothing = Expr { node: Node::Number(NOTHING), span: span.clone() };
    let base = Expr { node: Node::Call(Function::Max, vec![base, nothing]), span };
    Node::Binary(Operator::Power, Box::new(base), exponent)
}

/// A name with its indices replaced by domains.
fn named(symbol: &str, bound: &[(String, &str)]) -> String {
    let Some((name, words)) = indices(symbol) else { return symbol.to_owned() };
    let domain = |word: &&str| bound.iter().find(|(index, _)| index == word).map(|(_, domain)| *domain);
    let domains: Option<Vec<&str>> = words.iter().map(domain).collect();
    domains.map_or_else(|| symbol.to_owned(), |domains| member(name, &domains))
}

/// The settings of each member of a vector, from settings under names with indices such as `t[d]`. Settings of a
/// member itself take precedence, and `of_member` may change those of the vector for a member, from a function that
/// replaces names with indices.
pub(super) fn for_members<T>(
    settings: &BTreeMap<String, T>,
    vectors: &[Vector],
    of_member: impl Fn(&T, &Share, &dyn Fn(&str) -> String) -> T,
) -> BTreeMap<String, T>
where
    T: Clone,
{
    let mut all = BTreeMap::new();
    for (key, text) in settings {
        let Some((name, words)) = indices(key) else { continue };
        for vector in vectors.iter().filter(|v| v.name == name && v.indices.len() == words.len()) {
            for member in &vector.members {
                // Words of the key stand for the domains of the member.
                let domains = if let [word] = words.as_slice() {
                    vec![((*word).to_owned(), member.domain.as_str())]
                } else {
                    Vec::new()
                };
                let renamed = |symbol: &str| named(symbol, &domains);
                all.insert(member.variable.clone(), of_member(text, member, &renamed));
            }
        }
    }
    let of_members = settings.iter().filter(|(key, _)| !is_of_vector(key, vectors));
    all.extend(of_members.map(|(key, text)| (key.clone(), text.clone())));
    all
}

/// The settings of the parameters of every domain, from those under names such as `t[d]`. A tie may contain names with
/// the same index.
pub fn parameters_over(
    settings: &BTreeMap<String, ParameterText>,
    vectors: &[Vector],
) -> BTreeMap<String, ParameterText> {
    for_members(settings, vectors, |text, member, renamed| {
        let tie = |tie: &String| match crate::expr::parse(tie) {
            Ok(expr) => {
                let Ok(expr) =
                    expr.resolve(&mut |symbol: &String, _| Ok::<_, std::convert::Infallible>(renamed(symbol)));
                expr.to_string()
            }
            Err(_) => tie.clone(),
        };
        ParameterText {
            meaning: text.meaning.as_ref().map(|meaning| format!("{meaning} ({})", member.domain)),
            tied: text.tied.as_ref().map(tie),
            ..text.clone()
        }
    })
}

/// Whether a key with indices is that of a vector.
fn is_of_vector(key: &str, vectors: &[Vector]) -> bool {
    indices(key).is_some_and(|(name, words)| vectors.iter().any(|v| v.name == name && v.indices.len() == words.len()))
}

#[cfg(test)]
mod tests {
    use super::super::{Law, find};
    use super::*;

    fn variables(names: &[&str]) -> Vec<Variable> {
        names.iter().map(|name| Variable::plain(name)).collect()
    }

    fn every(domains: &[&str]) -> Domains {
        Domains { every: domains.iter().map(|domain| (*domain).to_owned()).collect(), ..Domains::default() }
    }

    fn law(formula: &str, names: &[&str], domains: &Domains) -> Result<Law, LawError> {
        Law::over_domains("test", formula, &variables(names), domains).map(|(law, _)| law)
    }

    #[test]
    fn a_sum_over_domains_becomes_an_ordinary_formula() {
        let columns = ["N", "r_code", "r_web"];
        let formula = "L = E + sum_over(d, k[d] * exp(t[d] * r[d])) / N^a";
        let found = law(formula, &columns, &Domains::default()).unwrap();
        assert_eq!(found.formula, "L = E + (k_code * exp(t_code * r_code) + k_web * exp(t_web * r_web)) / N^a");
        let parameters: Vec<&str> = found.parameters.iter().map(|p| p.name.as_str()).collect();
        assert_eq!(parameters, ["E", "k_code", "t_code", "k_web", "t_web", "a"]);
        assert_eq!(found.mixtures[0].variables().collect::<Vec<_>>(), ["r_code", "r_web"]);
        // The domain without a column has parameters, and what the others leave is its share.
        let rest = Domains { rest: Some("books".to_owned()), ..Domains::default() };
        let found = law("L = c + exp(sum_over(d, t[d] * r[d]))", &columns, &rest).unwrap();
        assert_eq!(found.formula, "L = c + exp(t_code * r_code + t_web * r_web + t_books * (1 - r_code - r_web))");
        assert_eq!(found.mixtures[0].variables().collect::<Vec<_>>(), ["r_code", "r_web"]);
        let found = law("L = sum_over(d, a[d] * r[d]^p)", &columns, &rest).unwrap();
        let theta: Vec<f64> = found.free().iter().map(|p| if p.name == "p" { 0.5 } else { 2.0 }).collect();
        let value = found.tape().value_at(&theta, &[0.75, 0.25]);
        assert!((value - 2.0 * (0.75_f64.sqrt() + 0.5)).abs() < 1e-12, "{value}");
        // The declared order counts, and so do domains without a column.
        let found = law(formula, &columns, &every(&["web", "code", "books"])).unwrap();
        assert_eq!(
            found.variables.iter().map(|v| v.name.as_str()).collect::<Vec<_>>(),
            ["r_web", "r_code", "r_books", "N"]
        );
    }

    #[test]
    fn sums_over_two_indices_have_a_name_for_each_pair() {
        let formula = "L = c + sum_over(i, sum_over(j, b[i, j] * r[i] * r[j]))";
        let found = law(formula, &["r_1", "r_2"], &Domains::default()).unwrap();
        let parameters: Vec<&str> = found.parameters.iter().map(|p| p.name.as_str()).collect();
        assert_eq!(parameters, ["c", "b_1_1", "b_1_2", "b_2_1", "b_2_2"]);
        assert_eq!(found.mixtures.len(), 1);
        let of_index = BTreeMap::from([
            ("i".to_owned(), vec!["x".to_owned(), "y".to_owned()]),
            ("d".to_owned(), vec!["web".to_owned(), "code".to_owned()]),
        ]);
        let domains = Domains { of_index, ..Domains::default() };
        let nested = "L = sum_over(i, s[i] * (c[i] + exp(sum_over(d, t[i,d] * r[d]))))";
        let found = law(nested, &["r_web", "r_code"], &domains).unwrap();
        assert!(found.formula.contains("s_y * (c_y + exp(t_y_web * r_web + t_y_code * r_code))"), "{}", found.formula);
    }

    #[test]
    fn a_formula_with_a_wrong_index_or_domain_names_the_place_and_the_remedy() {
        let columns = ["r_web", "r_code", "N"];
        let none = Domains::default();
        for (formula, domains, place, said) in [
            ("L = k[d] * N", &none, "k[d]", "not in a sum over `d`"),
            ("L = sum_over(d, t[d] * r[d]) + k[d]", &none, "k[d]", "not in a sum over `d`"),
            ("L = sum_over(d, t[e] * r[d])", &none, "t[e]", "not in a sum over `e`"),
            ("L = sum_over(d, N * 2)", &none, "sum_over(d, N * 2)", "has the index `[d]`"),
            ("L = sum_over(d, d * r[d])", &none, "d", "is the index of a sum"),
            ("L = sum_over(d, sum_over(d, r[d]))", &none, "d", "in a sum over `d`"),
            ("L = sum_over(2, r[d])", &none, "2", "the first argument of `sum_over` is an index"),
            ("L = sum_over(N, r[N])", &none, "N", "is the name of a variable"),
            ("L = sum_over(d, t[d] * r[d]) * t", &none, "t", "has an index elsewhere"),
            ("L = sum_over(d, k[d] * q[d])", &none, "d", "the domains of `d` are not known"),
            ("L = sum_over(d, t[d] * r[d])", &every(&["web"]), "d", "one domain, `web`"),
            ("L = sum_over(d, t[d] * r[d])", &every(&["web", "web"]), "d", "listed twice"),
            ("L = sum_over(d, t[d] * r[d])", &every(&["web", "c-d"]), "d", "cannot be the name of a domain"),
        ] {
            let error = law(formula, &columns, domains).unwrap_err();
            let span = error.span.clone().unwrap_or_else(|| panic!("{formula}: {error}"));
            assert_eq!(&formula[span], place, "{formula}: {error}");
            assert!(error.message.contains(said), "{formula}: {error}");
            assert!(error.hint.is_some() || said == "listed twice", "{formula}: {error}");
        }
        let error = law("L = a * N", &columns, &every(&["web", "code"])).unwrap_err();
        assert!(error.message.contains("has no sum over them"), "{error}");
        let error = law("L = sum_over(d, t[d] * r[d] + u[d] * s[d])", &["r_a", "r_b", "s_a"], &none).unwrap_err();
        assert!(error.message.contains("different domains"), "{error}");
        let tokens = Variable { unit: crate::unit::Unit::parse("tokens"), ..Variable::plain("s_a") };
        let columns = [variables(&["r_a"]), vec![tokens]].concat();
        let rest = Domains { rest: Some("b".to_owned()), ..Domains::default() };
        let error =
            Law::over_domains("test", "L = sum_over(d, t[d] * r[d] + u[d] * s[d])", &columns, &rest).unwrap_err();
        assert!(error.message.contains("`s[d]` has no value for the domain `b`"), "{error}");
    }

    #[test]
    fn settings_under_an_index_are_those_of_every_domain() {
        let (law, vectors) = Law::over_domains(
            "test",
            "L = sum_over(d, k[d] * r[d]^g[d])",
            &variables(&["r_web", "r_code"]),
            &Domains::default(),
        )
        .unwrap();
        let texts: BTreeMap<String, ParameterText> = toml::from_str(
            "\"k[d]\" = { bounds = [0, 9], meaning = 'worth' }\n\"g[d]\" = { tied = 'k[d] / 2' }\ng_web = { fixed = 1 }",
        )
        .unwrap();
        let law = law.with_parameters(&parameters_over(&texts, &vectors)).unwrap();
        let of = |name: &str| law.parameters.iter().find(|p| p.name == name).unwrap();
        assert_eq!((of("k_web").upper, of("k_code").meaning.as_deref()), (9.0, Some("worth (code)")));
        assert_eq!(law.complete(&[4.0, 6.0]).len(), 4);
        let value = |name: &str| law.complete(&[4.0, 6.0])[law.parameters.iter().position(|p| p.name == name).unwrap()];
        let code = value("k_code");
        assert_eq!((value("g_web"), value("g_code")), (1.0, code / 2.0));
    }

    #[test]
    fn a_mixture_law_of_the_catalogue_has_any_number_of_domains() {
        let entry = find("mixture_exponential").unwrap();
        for count in [2, 7, 40] {
            let domains = Domains { every: (0..count).map(|i| format!("d{i}")).collect(), ..Domains::default() };
            let law = entry.law_over(&domains).unwrap();
            assert_eq!((law.parameters.len(), law.variables.len()), (count + 1, count));
            assert!(law.parameters.iter().all(|p| p.meaning.is_some()) && law.mixtures[0].shares.len() == count);
            // A law of a mixture of equal domains is that of one domain.
            let theta: Vec<f64> = law.free().iter().map(|p| if p.name == "c" { 1.5 } else { 0.25 }).collect();
            let value = law.tape().value_at(&theta, &vec![1.0 / count as f64; count]);
            assert!((value - 1.5 - crate::numerics::exp(0.25)).abs() < 1e-12, "{value}");
        }
    }
}
