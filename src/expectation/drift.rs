//! Limits on how far a number moves from one run to the next, such as `fits.main.alpha moved less than 2 se`.

use super::Severity;
use crate::numeral::rounded;
use crate::numerics::ln;

/// An expectation on the change of a number from one run to the next. Reports cannot check it, since they know one
/// run.
#[derive(Clone, Debug, PartialEq)]
pub struct ExpectedDrift {
    /// Its index among the expectations of the spec.
    pub index: usize,
    /// The condition as written.
    pub that: String,
    /// The parsed condition.
    pub drift: Drift,
    /// Whether a failed expectation ends the run with an error or only warns.
    pub severity: Severity,
    /// The reason given by the author.
    pub because: Option<String>,
}

/// A number in two states of a study.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moved {
    /// Earlier value.
    pub then: Option<f64>,
    /// Later value.
    pub now: Option<f64>,
    /// Whether the earlier rows did not identify it.
    pub unidentified_then: bool,
    /// Whether the later rows do not identify it.
    pub unidentified_now: bool,
    /// The unit for its change, from the earlier state, or why there is none.
    pub measure: Result<Measure, &'static str>,
}

/// The unit for changes of a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Measure {
    /// A standard error in the number's own unit.
    Plain(f64),
    /// A standard error as a factor, by which the number is multiplied or divided.
    Factor(f64),
}

impl Measure {
    /// The unit, if it is finite and not zero.
    ///
    /// # Errors
    /// The reason why it cannot be the unit.
    pub fn checked(self) -> Result<Self, &'static str> {
        let (size, least) = match self {
            Self::Plain(se) => (se, 0.0),
            Self::Factor(factor) => (factor, 1.0),
        };
        match size {
            size if !size.is_finite() => Err("its standard error is not finite"),
            size if size <= least => Err("its standard error is zero"),
            _ => Ok(self),
        }
    }

    /// The change of a number in standard errors; not finite where it changes sign on a scale of factors.
    pub fn moved(self, then: f64, now: f64) -> f64 {
        match self {
            Self::Plain(se) => (now - then) / se,
            Self::Factor(factor) if then > 0.0 && now > 0.0 => ln(now / then) / ln(factor),
            Self::Factor(_) => f64::INFINITY,
        }
    }
}

/// A limit on the change of a number since the lock.
#[derive(Clone, Debug, PartialEq)]
pub struct Drift {
    /// Name of the number.
    pub number: String,
    /// The limit, in the unit.
    pub most: f64,
    /// Unit of the limit.
    pub unit: DriftUnit,
}

/// The unit of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DriftUnit {
    /// The number's standard error in the lock.
    StandardErrors,
    /// Percent of the number.
    Percent,
}

/// Text between the name of a number and its limit.
const MOVED: &str = " moved less than ";

impl Drift {
    /// Parses a condition such as `fits.main.alpha moved less than 2 se`; `None` for another kind of condition.
    ///
    /// # Errors
    /// The condition starts like this and continues differently.
    pub fn parse(text: &str) -> Option<Result<Self, String>> {
        let (number, rest) = text.split_once(MOVED)?;
        let (amount, unit) = rest.trim().rsplit_once(' ').unwrap_or((rest, ""));
        let unit = match unit {
            "se" => DriftUnit::StandardErrors,
            "%" => DriftUnit::Percent,
            _ => return Some(Err("it ends in a number and `se` or `%`: `moved less than 2 se`".to_owned())),
        };
        let most = amount.trim().parse::<f64>().ok().filter(|most| *most > 0.0 && most.is_finite());
        Some(match most {
            Some(most) => Ok(Self { number: number.trim().to_owned(), most, unit }),
            None => Err(format!("`{amount}` is not a number above zero")),
        })
    }

    /// Whether a number moved less than the limit, and a description of its change. Without an earlier state it has not
    /// moved.
    ///
    /// Standard errors come from the earlier state, as factors where it has factors. The change of a number that is not
    /// identified, or without a standard error, is unknown and counts as larger than the limit.
    pub fn judge(&self, moved: Option<&Moved>) -> (bool, String) {
        let Some(moved) = moved else { return (true, "no lock file to compare with".to_owned()) };
        if moved.unidentified_now {
            return (false, "it is not identified by the rows".to_owned());
        }
        let (before, after) = match (moved.then, moved.now) {
            (Some(before), Some(after)) => (before, after),
            (None, Some(after)) if moved.unidentified_then => {
                return (false, format!("it was not identified, and is {} now", rounded(after, 6)));
            }
            (None, _) => return (true, "no number of this name in the lock file".to_owned()),
            (Some(before), None) => return (false, format!("{} -> nothing", rounded(before, 6))),
        };
        let values = format!("{} -> {}", rounded(before, 6), rounded(after, 6));
        let measure = match self.unit {
            DriftUnit::StandardErrors => moved.measure,
            DriftUnit::Percent if before == 0.0 => Err("it was zero"),
            DriftUnit::Percent => Ok(Measure::Plain(before.abs() / 100.0)),
        };
        let name = if self.unit == DriftUnit::Percent { "%" } else { "se" };
        match measure {
            Ok(measure) => {
                let moved = measure.moved(before, after);
                let of = if let Measure::Factor(factor) = measure {
                    format!(", each a factor of {factor:.3}")
                } else {
                    String::new()
                };
                (moved.abs() < self.most, format!("{values} ({moved:+.2} {name}{of})"))
            }
            // Without a unit, only an unchanged number is within the limit.
            Err(why) => (before == after, format!("{values}; the size of this change is unknown: {why}")),
        }
    }
}
