//! The scatter of rows around a law, and the ranges in which it is known.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::numerics::{Random, exp, ln};

/// The range of a variable over the fitted rows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Span {
    /// Smallest value.
    pub lowest: f64,
    /// Largest value.
    pub highest: f64,
}

impl Span {
    /// The range of values; `None` for no values.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        values.into_iter().fold(None, |span, v| {
            Some(match span {
                None => Self { lowest: v, highest: v },
                Some(Self { lowest, highest }) => Self { lowest: lowest.min(v), highest: highest.max(v) },
            })
        })
    }

    /// The distance of a value from the range, in units of the range's width: 0 inside, and always finite. Where range
    /// and value are positive, both are measured in logarithms.
    pub fn widths(&self, value: f64) -> f64 {
        let on = |x: f64| if self.lowest > 0.0 && value > 0.0 { ln(x) } else { x };
        let [lowest, highest, value] = [self.lowest, self.highest, value].map(on);
        let outside = (value - highest).max(lowest - value);
        if outside > 0.0 { (outside / (highest - lowest)).min(f64::MAX) } else { 0.0 }
    }

    /// The factor by which a value lies outside the range: 1 inside, and always finite.
    ///
    /// Ranges and values that are not positive have no factor. There, the result is 1 plus the distance from the
    /// range in units of its width.
    pub fn factor(&self, value: f64) -> f64 {
        if self.lowest > 0.0 && value > 0.0 {
            (value / self.highest).max(self.lowest / value).clamp(1.0, f64::MAX)
        } else {
            (1.0 + self.widths(value)).min(f64::MAX)
        }
    }
}

/// The scatter of a new row around a fitted law.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Noise {
    /// Equally likely residuals on the objective's scale, where the scatter is that of all rows together.
    pub residuals: Vec<f64>,
    /// The change of the scatter along a variable, where the rows show one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trend: Option<NoiseTrend>,
    /// Whether the law is an envelope of the rows, so that runs do not scatter evenly around it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub envelope: bool,
    /// Factor of the residuals for each draw of the parameters; stored with the draws.
    #[serde(skip)]
    pub scatter: Vec<f64>,
}

impl Noise {
    /// One of the residuals, scaled by the factor of a draw; zero where there are none.
    pub fn draw(&self, draw: usize, random: &mut Random) -> f64 {
        if self.residuals.is_empty() {
            return 0.0;
        }
        self.scatter.get(draw).copied().unwrap_or(1.0) * self.residuals[random.below(self.residuals.len())]
    }
}

/// The change of the scatter around a law along one of its variables.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NoiseTrend {
    /// The variable.
    pub variable: String,
    /// Exponent of the scatter as a power of the variable.
    pub exponent: f64,
    /// Value of the variable at which the scatter is that of all rows together.
    pub even_at: f64,
    /// The range of the variable over the fitted rows.
    pub span: Span,
    /// The ranges of every variable and of every product of two over the fitted rows.
    pub seen: Vec<Seen>,
}

impl NoiseTrend {
    /// The scatter at given variables, relative to that of all rows together.
    ///
    /// The scatter outside the rows was not observed. A scatter above the average at the end of the rows is kept. A
    /// scatter below the average returns to the average within a factor of ten. This applies to any variable outside
    /// the rows, and to any product of two, such as compute.
    pub fn factor(&self, at: impl Fn(&str) -> Option<f64>) -> f64 {
        let Some(value) = at(&self.variable) else { return 1.0 };
        let seen = self.exponent * ln(value.clamp(self.span.lowest, self.span.highest) / self.even_at);
        let product = |names: &[String]| names.iter().map(|name| at(name)).product::<Option<f64>>();
        let beyond = self.seen.iter().filter_map(|seen| Some(seen.span.factor(product(&seen.product_of)?)));
        let beyond = beyond.fold(1.0, f64::max);
        exp(if seen < 0.0 { seen * (1.0 - ln(beyond) / ln(10.0)).max(0.0) } else { seen })
    }

    /// A sentence for the reader.
    pub fn describe(&self) -> String {
        let seen = |value: f64| exp(self.exponent * ln(value / self.even_at));
        let Span { lowest, highest } = self.span;
        format!(
            "The scatter of the rows is proportional to {}^{:.2}: {:.2} times the average at {lowest:.3e}, \
             {:.2} times at {highest:.3e}. Intervals of a new run use this scatter, and at least the average \
             from ten times outside the rows on.",
            self.variable,
            self.exponent,
            seen(lowest),
            seen(highest)
        )
    }
}

/// The range of the rows in a variable, or in a product of two.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Seen {
    /// The variable, or the two factors.
    pub product_of: Vec<String>,
    /// The range.
    pub span: Span,
}
