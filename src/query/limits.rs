//! Limits that answers must keep: `subject_to = { D = "<= 1T", N = ["1B", "8B", "70B"], gpu_hours = "<= 2e7" }`.

use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::budget::takes_budget;
use super::{Beyond, Fault, Kind, Refusal};
use crate::law::{Law, Roles, Share};
use crate::numeral::exact;
use crate::quantity::{Quantity, quantity_in};

/// The key for accelerator hours, which are not a variable.
pub const GPU_HOURS: &str = "gpu_hours";
/// Relative excess over a limit that counts as rounding.
pub(super) const ROUNDING: f64 = 1e-9;

/// Limits as written in a spec, by variable.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SubjectTo(pub BTreeMap<String, Allowed>);

impl fmt::Display for SubjectTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limits: Vec<String> = self.0.iter().map(|(name, allowed)| format!("{name} {allowed}")).collect();
        f.write_str(&limits.join(" and "))
    }
}

impl JsonSchema for SubjectTo {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "SubjectTo".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "additionalProperties": {
                "description": "A limit such as \"<= 1T\" or \">= 1B and <= 70B\", or a list of the values that are allowed.",
                "type": ["string", "array"],
                "items": { "type": ["string", "number"] }
            }
        })
    }
}

/// The allowed values of a variable.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Allowed {
    /// Lower limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub least: Option<f64>,
    /// Upper limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub most: Option<f64>,
    /// The allowed values in ascending order; empty if all values between the limits are allowed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub one_of: Vec<f64>,
}

impl Allowed {
    /// Whether a value is allowed, with a tolerance for rounding.
    pub(super) fn allows(&self, value: f64) -> bool {
        let is_near = |listed: &f64| (value / listed - 1.0).abs() <= ROUNDING;
        self.least.is_none_or(|least| value >= least * (1.0 - ROUNDING))
            && self.most.is_none_or(|most| value <= most * (1.0 + ROUNDING))
            && (self.one_of.is_empty() || self.one_of.iter().any(is_near))
    }

    /// All values multiplied by a factor.
    fn times(&self, factor: f64) -> Self {
        Self {
            least: self.least.map(|value| value * factor),
            most: self.most.map(|value| value * factor),
            one_of: self.one_of.iter().map(|value| value * factor).collect(),
        }
    }

    /// The listed values, or the limits.
    pub(super) fn borders(&self) -> Vec<f64> {
        if self.one_of.is_empty() { self.least.into_iter().chain(self.most).collect() } else { self.one_of.clone() }
    }

    /// The smallest allowed value that is at least `value`.
    pub(super) fn from(&self, value: f64) -> Option<f64> {
        let value = self.least.map_or(value, |least| least.max(value));
        let value = if self.one_of.is_empty() {
            Some(value)
        } else {
            self.one_of.iter().copied().find(|listed| *listed >= value * (1.0 - ROUNDING))
        };
        value.filter(|value| self.allows(*value))
    }

    /// The largest allowed value that is at most `value`.
    pub(super) fn up_to(&self, value: f64) -> Option<f64> {
        let value = self.most.map_or(value, |most| most.min(value));
        let value = if self.one_of.is_empty() {
            Some(value)
        } else {
            self.one_of.iter().copied().rev().find(|listed| *listed <= value * (1.0 + ROUNDING))
        };
        value.filter(|value| self.allows(*value))
    }

    /// Adds the limits of another one.
    fn and(&mut self, other: &Self) {
        let of = |one: Option<f64>, two: Option<f64>, pick: fn(f64, f64) -> f64| match (one, two) {
            (Some(one), Some(two)) => Some(pick(one, two)),
            (one, two) => one.or(two),
        };
        self.least = of(self.least, other.least, f64::max);
        self.most = of(self.most, other.most, f64::min);
        self.one_of.extend(&other.one_of);
    }

    /// Removes listed values outside the limits. Returns whether any value is allowed.
    fn settle(&mut self) -> bool {
        self.one_of.sort_by(f64::total_cmp);
        self.one_of.dedup();
        let (least, most) = (self.least.unwrap_or(f64::NEG_INFINITY), self.most.unwrap_or(f64::INFINITY));
        let had_list = !self.one_of.is_empty();
        self.one_of.retain(|value| (least..=most).contains(value));
        least <= most && had_list != self.one_of.is_empty()
    }

    /// Parses a limit such as `>= 1B and <= 70B`.
    fn parse(text: &str) -> Result<Self, String> {
        let mut allowed = Self::default();
        for part in text.split(" and ") {
            let part = part.trim();
            let (is_most, number) = match (part.strip_prefix("<="), part.strip_prefix(">=")) {
                (Some(number), _) => (true, number),
                (_, Some(number)) => (false, number),
                _ => {
                    return Err(format!(
                        "`{part}` is not a limit; write \"<= 1T\", \">= 1B\", \">= 1B and <= 70B\", or a list of values"
                    ));
                }
            };
            let number = quantity_in(number.trim()).map_err(|error| error.to_string())?;
            if !number.is_finite() {
                return Err(format!("`{part}`: a limit must be finite"));
            }
            let limit = if is_most {
                Self { most: Some(number), ..Self::default() }
            } else {
                Self { least: Some(number), ..Self::default() }
            };
            allowed.and(&limit);
        }
        Ok(allowed)
    }
}

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.one_of.is_empty() {
            let all: Vec<String> = self.one_of.iter().map(|value| exact(*value)).collect();
            return write!(f, "one of {}", all.join(", "));
        }
        let ends = [
            self.least.map(|least| format!(">= {}", exact(least))),
            self.most.map(|most| format!("<= {}", exact(most))),
        ];
        f.write_str(&ends.into_iter().flatten().collect::<Vec<_>>().join(" and "))
    }
}

impl<'de> Deserialize<'de> for Allowed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AllowedVisitor;
        impl<'de> Visitor<'de> for AllowedVisitor {
            type Value = Allowed;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a limit such as \"<= 1T\", or a list of values")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Allowed, E> {
                Allowed::parse(text).map_err(E::custom)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Allowed, A::Error> {
                let mut one_of = Vec::new();
                while let Some(Quantity(value)) = list.next_element()? {
                    if !value.is_finite() {
                        return Err(de::Error::custom(format_args!("{value} is not finite")));
                    }
                    one_of.push(value);
                }
                if one_of.is_empty() {
                    return Err(de::Error::custom("the list is empty; it must have at least one value"));
                }
                Ok(Allowed { one_of, ..Allowed::default() })
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Allowed, A::Error> {
                // The form in which a stage is written for other machines.
                let mut allowed = Allowed::default();
                while let Some(key) = map.next_key::<String>()? {
                    match key.as_str() {
                        "least" => allowed.least = map.next_value()?,
                        "most" => allowed.most = map.next_value()?,
                        "one_of" => allowed.one_of = map.next_value()?,
                        _ => return Err(de::Error::custom(format_args!("there is no key `{key}`"))),
                    }
                }
                Ok(allowed)
            }
        }
        deserializer.deserialize_any(AllowedVisitor)
    }
}

/// Limits of an answer, by the role of the variable.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// Limits on model size.
    pub(super) size: Allowed,
    /// Limits on data.
    pub(super) data: Allowed,
    /// Limits on compute.
    pub(super) compute: Allowed,
    /// Limits on other variables, by name: the shares of a mixture, or the variable that a question varies.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) others: BTreeMap<String, Allowed>,
}

/// The names of the variables that can be limited; `None` where the law does not have them.
struct Names<'a> {
    size: Option<&'a str>,
    data: Option<&'a str>,
    compute: Option<&'a str>,
    limited: Option<Limited<'a>>,
}

/// A variable, other than model size, data and compute, whose values a question can limit.
#[derive(Clone, Copy, Debug)]
pub struct Limited<'a> {
    /// Its name.
    pub variable: &'a str,
    /// Whether a list of its values can be allowed.
    pub takes_lists: bool,
}

impl Limited<'_> {
    /// The limits of the variable, as far as the question and the law take them.
    fn checked(self, written: &Allowed, law: &Law) -> Result<Allowed, Fault> {
        let (name, mut allowed) = (self.variable, written.clone());
        if !allowed.one_of.is_empty() && !self.takes_lists {
            let message = format!("`{name}` is limited by a list; here it can only have limits such as \">= 0.001\"");
            return Err(Fault::at(name, message));
        }
        let is_count_below_zero = |border: &f64| *border <= 0.0 && law.is_count(name);
        if allowed.borders().iter().any(is_count_below_zero) {
            return Err(Fault::at(name, format!("`{name}` {written}: a limit of a size must be positive")));
        }
        if allowed.settle() {
            Ok(allowed)
        } else {
            Err(Fault::at(name, format!("no value of `{name}` keeps the limits {written}")))
        }
    }
}

impl<'a> Names<'a> {
    fn of(kind: &'a dyn Kind, law: &'a Law) -> Self {
        let limited = kind.limited(law);
        // A question that varies one variable decides nothing else.
        let decides = kind.moves(law).is_some();
        let [size, data, compute] = law.roles.decided();
        let of_law = |name: &'a str| law.variable(name).filter(|_| decides).map(|_| name);
        let compute = Some(compute).filter(|_| decides && takes_budget(law));
        Self { size: of_law(size), data: of_law(data), compute, limited }
    }

    fn unknown(&self, name: &str, law: &Law) -> Fault {
        let hours = self.compute.map(|_| GPU_HOURS);
        let limited = self.limited.map(|limited| limited.variable);
        let known: Vec<&str> = [self.size, self.data, self.compute, hours, limited].into_iter().flatten().collect();
        let near = crate::diagnostic::nearest(name, known.iter().copied());
        let hint = near.map_or_else(
            || format!("limits are on {}", crate::diagnostic::list(&known)),
            |near| format!("did you mean `{near}`?"),
        );
        let message = match (self.size, self.data, self.compute) {
            (None, None, None) => format!("`{name}` is not the variable that the question varies"),
            _ => format!("`{name}` is not model size, data or compute of the law `{}`", law.formula),
        };
        Fault::at(name, message).hint(hint)
    }
}

impl Limits {
    /// The limits of a spec for a law. `flop_per_hour` is the speed of one accelerator, if the query names one.
    ///
    /// # Errors
    /// All faults: names without a role in the law, and limits that allow no value.
    pub fn of(
        subject_to: &SubjectTo,
        kind: &dyn Kind,
        law: &Law,
        flop_per_hour: Option<f64>,
    ) -> Result<Self, Vec<Fault>> {
        let names = Names::of(kind, law);
        let (mut limits, mut faults) = (Self::default(), Vec::new());
        for (name, written) in &subject_to.0 {
            let name = name.as_str();
            if let Some(limited) = names.limited.filter(|limited| limited.variable == name) {
                match limited.checked(written, law) {
                    Ok(allowed) => drop(limits.others.insert(name.to_owned(), allowed)),
                    Err(fault) => faults.push(fault),
                }
                continue;
            }
            if written.borders().iter().any(|border| *border <= 0.0) {
                faults.push(Fault::at(name, format!("`{name}` {written}: a limit of a size must be positive")));
                continue;
            }
            let is_compute = Some(name) == names.compute;
            let (limit, allowed) = match flop_per_hour {
                _ if Some(name) == names.size => (&mut limits.size, written.clone()),
                _ if Some(name) == names.data => (&mut limits.data, written.clone()),
                _ if is_compute => (&mut limits.compute, written.clone()),
                Some(rate) if name == GPU_HOURS && names.compute.is_some() => {
                    (&mut limits.compute, written.times(rate))
                }
                None if name == GPU_HOURS && names.compute.is_some() => {
                    faults.push(
                        Fault::at(name, "a limit of hours needs the accelerator")
                            .hint("name it: `machine = { device = \"H100\" }`, or `{ peak = \"989T\", mfu = 0.4 }`"),
                    );
                    continue;
                }
                _ => {
                    faults.push(names.unknown(name, law));
                    continue;
                }
            };
            if (is_compute || name == GPU_HOURS) && !written.one_of.is_empty() {
                let fault = Fault::at(name, format!("`{name}` is limited by a list; it can only have limits"));
                faults.push(fault.hint("list the budgets in the question, and write a limit such as \"<= 1e24\""));
            } else if !written.clone().settle() {
                faults.push(Fault::at(name, format!("no value of `{name}` keeps the limits {written}")));
            } else {
                limit.and(&allowed);
            }
        }
        for (name, allowed) in limits.named_mut(&law.roles) {
            let written = allowed.to_string();
            if faults.is_empty() && !allowed.settle() {
                faults.push(Fault::whole(format!("no value of `{name}` keeps the limits {written}")));
            }
        }
        if faults.is_empty() { Ok(limits) } else { Err(faults) }
    }

    /// Limits on the shares of a mixture, by the names of their variables or domains.
    ///
    /// # Errors
    /// All faults: names of no share, and limits that allow no mixture.
    pub fn of_shares(subject_to: &SubjectTo, shares: &[Share]) -> Result<Self, Vec<Fault>> {
        let (mut limits, mut faults) = (BTreeMap::new(), Vec::new());
        for (name, written) in &subject_to.0 {
            let Some(share) = shares.iter().find(|share| share.variable == *name || share.domain == *name) else {
                let known: Vec<&str> = shares.iter().map(|share| share.variable.as_str()).collect();
                let fault = Fault::at(name, format!("`{name}` is not a share of the mixture"));
                faults.push(match crate::diagnostic::nearest(name, known.iter().copied()) {
                    Some(near) => fault.hint(format!("did you mean `{near}`?")),
                    None => fault.hint(format!("limits are on {}", crate::diagnostic::list(&known))),
                });
                continue;
            };
            let fault = if !written.one_of.is_empty() {
                Some("is limited by a list; a share can only have limits, such as \"<= 0.5\"".to_owned())
            } else if written.least.is_some_and(|least| least > 1.0) {
                Some(format!("{written}: a share is at most 1; in percent write \">= 50 %\""))
            } else if !written.clone().settle() {
                Some(format!("has no value that keeps the limits {written}"))
            } else {
                None
            };
            match fault {
                Some(fault) => faults.push(Fault::at(name, format!("`{name}` {fault}"))),
                None => {
                    limits.insert(share.variable.clone(), written.clone());
                }
            }
        }
        let least: f64 = limits.values().filter_map(|allowed| allowed.least).sum();
        let most: f64 =
            shares.iter().map(|share| limits.get(&share.variable).and_then(|a| a.most).unwrap_or(1.0)).sum();
        if faults.is_empty() && (least > 1.0 + ROUNDING || most < 1.0 - ROUNDING) {
            let (which, sum) = if least > 1.0 { ("lower", least) } else { ("upper", most) };
            faults.push(Fault::whole(format!("no mixture keeps the limits: the {which} limits sum to {}", exact(sum))));
        }
        if faults.is_empty() { Ok(Self { others: limits, ..Self::default() }) } else { Err(faults) }
    }

    /// Faults of values that a question gives and the limits forbid, and of limits on compute in a question that does
    /// not determine it.
    pub fn faults(&self, kind: &dyn Kind, law: &Law) -> Vec<Fault> {
        let [size, data, compute] = law.roles.decided();
        let mut faults = Vec::new();
        for row in kind.rows(&law.roles) {
            for (name, allowed) in [(size, &self.size), (data, &self.data)] {
                if let Some(value) = row.get(name).filter(|value| !allowed.allows(**value)) {
                    let given = exact(*value);
                    faults
                        .push(Fault::at(name, format!("the question gives {name} = {given}, which {allowed} forbids")));
                }
            }
        }
        let determines = |moves: super::Moves| moves.ties_compute || moves.names.iter().any(|name| name == compute);
        if self.compute != Allowed::default() && !kind.moves(law).is_some_and(determines) {
            let fault = Fault::whole(format!("compute is limited, but the question does not solve for `{compute}`"));
            faults.push(fault.hint(format!("write solve = \"{compute}\", with the other variables given or free")));
        }
        faults
    }

    /// The limits with the names of their variables.
    pub(super) fn named<'a>(&'a self, roles: &'a Roles) -> [(&'a str, &'a Allowed); 3] {
        let [size, data, compute] = roles.decided();
        [(size, &self.size), (data, &self.data), (compute, &self.compute)]
    }

    fn named_mut<'a>(&'a mut self, roles: &'a Roles) -> [(&'a str, &'a mut Allowed); 3] {
        let [size, data, compute] = roles.decided();
        [(size, &mut self.size), (data, &mut self.data), (compute, &mut self.compute)]
    }

    pub(super) fn allows(&self, [n, d]: [f64; 2]) -> bool {
        self.size.allows(n) && self.data.allows(d)
    }

    /// Checks the values of an answer, by the names of their variables.
    ///
    /// # Errors
    /// A value is outside its limits.
    pub(super) fn check(&self, roles: &Roles, at: &BTreeMap<String, f64>) -> Result<(), Refusal> {
        for (name, allowed) in self.named(roles) {
            if let Some(value) = at.get(name).filter(|value| !allowed.allows(**value)) {
                let reason =
                    format!("not within the limits: it takes {name} = {value:.4e}, and the limit is {name} {allowed}");
                return Err(Refusal::NotReachable { reason, beyond: Some(Beyond::Largest) });
            }
        }
        Ok(())
    }

    /// The limits on which an answer lies, in words.
    pub(super) fn holding(&self, roles: &Roles, at: &BTreeMap<String, f64>) -> Vec<String> {
        let mut all = Vec::new();
        let of_others = self.others.iter().map(|(name, allowed)| (name.as_str(), allowed));
        for (name, allowed) in self.named(roles).into_iter().chain(of_others) {
            let is_on = |end: &f64| at.get(name).is_some_and(|value| (value - end).abs() <= ROUNDING * end.abs());
            let is_held = [allowed.least, allowed.most].iter().flatten().any(is_on) || !allowed.one_of.is_empty();
            if is_held && at.contains_key(name) {
                all.push(format!("{name} {allowed}"));
            }
        }
        all
    }

    pub(super) fn in_words(&self, roles: &Roles) -> String {
        let all = self.named(roles);
        let given = all.iter().filter(|(_, allowed)| **allowed != Allowed::default());
        given.map(|(name, allowed)| format!("{name} {allowed}")).collect::<Vec<_>>().join(", ")
    }
}
