//! Checks whether the values of a table are plausible for their units: counts in billions, swapped columns,
//! perplexities, compute that is not 6 N D.

use crate::dataset::{Dataset, Origin};
use crate::numeral::rounded;
use crate::numerics::{ln, median};
use crate::unit::{Dimension, FLOP_PER_PARAMETER_AND_TOKEN, MULTIPLES, Unit, multiple_meant};
use crate::warning::Warning;

/// A variable as declared in a spec.
#[derive(Clone, Copy, Debug)]
pub struct Declared<'a> {
    /// Name.
    pub variable: &'a str,
    /// Its column in the files; `None` for an expression.
    pub column: Option<&'a str>,
    /// Unit.
    pub unit: Option<Unit>,
}

/// Upper limit of vocabulary sizes: the largest plausible loss is that of a uniform guess among as many tokens.
const VOCABULARY: f64 = 1e6;
/// Smallest plausible count of parameters or tokens.
const FEW: f64 = 1e3;
/// Smallest plausible count that is not an integer.
const FEW_AND_BROKEN: f64 = 1e6;
/// Smallest plausible number of tokens, if it is also below a thousandth of the parameters in every row.
const FEW_FOR_SIZE: f64 = 1e5;
/// Smallest plausible FLOP of training.
const FEW_FLOP: f64 = 1e9;
/// Usual counts of parameters and tokens.
const USUAL: [f64; 2] = [1e5, 1e14];
/// Largest plausible count of parameters or tokens.
const MANY: f64 = 1e16;
/// Tokens per parameter outside which columns are probably swapped or in other multiples. Runs with fewer tokens than
/// parameters in every row are unusual, and below the first limit they are fine-tuning on few examples.
const PER_PARAMETER: [f64; 3] = [1e-4, 1.0, 1e6];
/// Usual tokens per parameter.
const USUAL_PER_PARAMETER: [f64; 2] = [1.0, 1e4];
/// Minimum number of rows to find strays, the largest part of them that are strays as one in so many, and the factor
/// between them and the others.
const STRAYS: (usize, usize, f64) = (6, 20, 1e3);
/// Minimum number of rows for a comparison of columns.
const ENOUGH: usize = 3;
/// Factors of compute and 6 N D within which a multiple explains their difference.
const EXPLAINED: [f64; 2] = [0.4, 2.5];
/// Ratio of compute and 6 N D outside which a column is in a wrong unit.
const FAR_OFF: [f64; 2] = [1e-2, 1e2];
/// Relative difference between the median of compute and 6 N D above which compute is counted in another way ...
const MEDIAN_OFF: f64 = 0.05;
/// ... and the difference for a row, which exceeds rounding to two digits.
const ROW_OFF: f64 = 0.1;

/// Warnings about implausible values, each with the line of a spec that corrects it. Compute need not be 6 N D where
/// a study declares the cost of training.
///
/// A column in another unit makes every answer wrong, so such warnings are serious. That compute is counted in another
/// way matters only to questions that convert sizes to compute.
pub fn doubts(data: &Dataset, declared: &[Declared<'_>], is_priced: bool) -> Vec<Warning> {
    let table = Table { data, declared };
    let columns = declared.iter().filter_map(|of| Some((of, of.column?, data.numbers(of.variable)?)));
    let mut doubts = Vec::new();
    for (of, column, values) in columns.filter(|(.., values)| !values.is_empty()) {
        doubts.extend(match of.unit.map(|unit| unit.dimension) {
            Some(Dimension::Parameters | Dimension::Tokens) => of_other_count(of, column)
                .or_else(|| of_name(of, column))
                .or_else(|| table.of_count(of, column, values))
                .or_else(|| too_many(of, column, values))
                .or_else(|| table.of_strays(of, values)),
            Some(Dimension::Flop) => of_name(of, column).or_else(|| table.of_compute(of, column, values)),
            Some(Dimension::Nats) => table.of_loss(of, column, values),
            Some(Dimension::Share) => table.of_share(of, column, values),
            Some(Dimension::One) => None,
            None => of_name(of, column),
        });
    }
    // One column in a wrong unit shows in every comparison with it.
    if doubts.is_empty() {
        doubts.extend(table.of_tokens_per_parameter());
    }
    if doubts.is_empty() && !is_priced {
        doubts.extend(table.of_compute_far_from_six_n_d());
    }
    let serious = doubts.into_iter().map(Warning::serious);
    let serious = serious.chain(declared.iter().filter_map(per_unit).map(Warning::from));
    serious.chain((!is_priced).then(|| table.of_six_n_d()).flatten().map(Warning::from)).collect()
}

/// A warning about a loss that is not counted over tokens.
fn per_unit(of: &Declared<'_>) -> Option<String> {
    let per = of.unit?.per()?;
    Some(format!(
        "`{0}` is a loss per {per}, and so is every answer: `nats` stands for nats per {per}. For a loss per token multiply by the {per}s per token, as in `{0} = {{ expr = \"4.2 * raw\", unit = \"bits\" }}`.",
        of.variable
    ))
}

/// Words in the names of columns of parameters, and of tokens.
const CALLED: [(Dimension, &[&str]); 2] = [
    (Dimension::Parameters, &["param", "params", "parameter", "parameters", "nparams"]),
    (Dimension::Tokens, &["token", "tokens", "ntokens", "toks"]),
];

/// The words of a column's name, in small letters.
fn words_of(column: &str) -> impl Iterator<Item = String> {
    column.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty()).map(str::to_ascii_lowercase)
}

/// What the name of a column says that it counts, where it names one of the two.
fn counted_by_name(column: &str) -> Option<Dimension> {
    let names = |words: &[&str]| words_of(column).any(|word| words.contains(&word.as_str()));
    let named: Vec<Dimension> = CALLED.iter().filter(|(_, words)| names(words)).map(|(of, _)| *of).collect();
    if let [one] = named.as_slice() { Some(*one) } else { None }
}

/// A warning about parameters whose column is named after tokens, or the other way round.
fn of_other_count(of: &Declared<'_>, column: &str) -> Option<String> {
    let (own, named) = (Unit::base(of.unit?.dimension)?, Unit::base(counted_by_name(column)?)?);
    (own.dimension != named.dimension).then(|| {
        format!(
            "`{0}` is declared in {own}, and its column `{column}` is named after {named}. If the columns are swapped, exchange them; if the name is right, write `{0} = {{ column = \"{column}\", unit = \"{named}\" }}`.",
            of.variable
        )
    })
}

/// A warning about a count that is too large for its multiple.
fn too_many(of: &Declared<'_>, column: &str, values: &[f64]) -> Option<String> {
    let unit = of.unit?;
    let (lowest, highest) = ends(values);
    if highest <= MANY {
        return None;
    }
    let base = Unit::base(unit.dimension)?;
    let written = if median(values) <= MANY {
        format!(
            "Some cells of its column seem to be plain counts, and others multiples: mend the file, or write `{} = {{ expr = \"...\" }}` with a comparison, such as `x * (x > 1e6) + x * 1e9 * (x <= 1e6)`.",
            of.variable
        )
    } else if unit.size == 1.0 {
        "Check its column.".to_owned()
    } else {
        format!(
            "Its column holds {} to {}; if these are plain counts, write `{} = {{ column = \"{column}\", unit = \"{base}\" }}`.",
            rounded(lowest / unit.size, 3),
            rounded(highest / unit.size, 3),
            of.variable
        )
    };
    Some(format!(
        "`{}` goes from {} to {} {base}, more than any training has. {written}",
        of.variable,
        rounded(lowest, 3),
        rounded(highest, 3)
    ))
}

/// A warning about a column whose name tells another multiple than its unit: `params_M`, `tokens (B)`, `compute (EFLOPs)`.
fn of_name(of: &Declared<'_>, column: &str) -> Option<String> {
    let dimension = of.unit.map(|unit| unit.dimension).or(match of.variable {
        "N" => Some(Dimension::Parameters),
        "D" => Some(Dimension::Tokens),
        _ => None,
    })?;
    let (word, named) = unit_by_name(column, dimension)?;
    let base = Unit::base(dimension)?;
    match of.unit.filter(|unit| !unit.is_plain() || unit.size != 1.0) {
        Some(unit) if unit.size == named.size => None,
        // A unit such as 2048 tokens is that of a step, whatever the name of its column.
        Some(unit) if !unit.is_letter() => None,
        Some(unit) => Some(format!(
            "`{0}` is declared in {unit}, but the name of its column `{column}` contains `{word}`. If the name is right, write `{0} = {{ column = \"{column}\", unit = \"{named}\" }}`.",
            of.variable
        )),
        None => Some(format!(
            "`{0}` is read as plain {base}, but the name of its column `{column}` contains `{word}`. Write `{0} = {{ column = \"{column}\", unit = \"{named}\" }}`.",
            of.variable
        )),
    }
}

/// The unit of a dimension that the name of a column tells, with the word that tells it.
fn unit_by_name(column: &str, dimension: Dimension) -> Option<(&str, Unit)> {
    let words: Vec<&str> = column.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    if dimension == Dimension::Flop {
        let named = |word: &str| {
            let (prefix, rest) = (word.get(..1)?.to_ascii_uppercase(), word.get(1..)?.to_ascii_uppercase());
            let is_large = matches!(rest.as_str(), "FLOP" | "FLOPS") && matches!(prefix.as_str(), "E" | "Z");
            is_large.then(|| Unit::parse(&format!("{prefix}FLOP")))?
        };
        return words.iter().find_map(|word| Some((*word, named(word)?)));
    }
    let base = Unit::base(dimension).filter(|_| matches!(dimension, Dimension::Parameters | Dimension::Tokens))?;
    let counts = ["param", "params", "parameters", "tokens", "size", "n", "d"];
    let is_count = |word: &str| counts.contains(&word.to_ascii_lowercase().as_str());
    if !words.iter().any(|word| is_count(word)) {
        return None;
    }
    // A small letter is a name more often than a multiple, unless it ends the name of a count: `params_m`.
    let ends_count = |at: usize| at + 1 == words.len() && at > 0 && words[at - 1].len() > 1 && is_count(words[at - 1]);
    let multiple = |(at, word): (usize, &&str)| {
        let may_be = word.len() > 1 || word.chars().all(|letter| letter.is_ascii_uppercase()) || ends_count(at);
        multiple_meant(word).filter(|_| may_be)
    };
    let told = words.iter().enumerate().rev().find_map(|(at, word)| Some((*word, multiple((at, word))?)));
    let (word, multiple) = told?;
    Some((word, Unit::parse(&format!("{multiple} {base}"))?))
}

/// Median of C / (6 N D), where all three are columns.
pub fn flop_ratio(data: &Dataset, declared: &[Declared<'_>]) -> Option<f64> {
    let [.., ratios] = Table { data, declared }.compute()?;
    Some(median(&ratios.values)).filter(|ratio| ratio.is_finite())
}

/// Rows in a message: `rows 3, 17 and 5 more`, numbered from 1 in their file.
pub fn name_rows(origins: &[Origin]) -> String {
    const SHOWN: usize = 3;
    let several = origins.iter().any(|origin| origin.file > 0);
    let name = |origin: &Origin| {
        if several { format!("{} of file {}", origin.row, origin.file + 1) } else { origin.row.to_string() }
    };
    let shown: Vec<String> = origins.iter().take(SHOWN).map(name).collect();
    let noun = if origins.len() == 1 { "row" } else { "rows" };
    match origins.len().saturating_sub(SHOWN) {
        0 => format!("{noun} {}", shown.join(", ")),
        more => format!("{noun} {} and {more} more", shown.join(", ")),
    }
}

/// A table and its declared columns.
struct Table<'a> {
    data: &'a Dataset,
    declared: &'a [Declared<'a>],
}

/// A column with a role, or values computed from several columns.
struct Role<'a> {
    variable: &'a str,
    of: &'a Declared<'a>,
    values: Vec<f64>,
}

impl Role<'_> {
    /// The lines of a spec that read the column in another multiple, for each multiple that changes its values by a
    /// factor for which `fits` holds.
    fn in_multiples(&self, fits: impl Fn(f64) -> bool) -> Vec<String> {
        let Some((unit, column)) = self.of.unit.zip(self.of.column) else { return Vec::new() };
        let Some(base) = Unit::base(unit.dimension) else { return Vec::new() };
        let plain = std::iter::once((base.to_string(), 1.0));
        let multiples = MULTIPLES.iter().map(|(multiple, size)| (format!("{multiple} {base}"), *size));
        let fitting = plain.chain(multiples).filter(|(_, size)| *size != unit.size && fits(size / unit.size));
        fitting
            .map(|(unit, _)| format!("`{} = {{ column = \"{column}\", unit = \"{unit}\" }}`", self.variable))
            .collect()
    }
}

impl<'a> Table<'a> {
    /// The only column of a dimension, or the one with the usual letter where there are none or several.
    fn role(&self, dimension: Dimension, letter: &str) -> Option<Role<'a>> {
        let columns = || self.declared.iter().filter(|of| of.column.is_some());
        let of_unit: Vec<_> = columns().filter(|of| of.unit.is_some_and(|unit| unit.dimension == dimension)).collect();
        let by_letter = || {
            let may_be = |of: &&Declared<'_>| of.unit.is_none_or(|unit| unit.dimension == dimension);
            columns().filter(may_be).find(|of| of.variable == letter)
        };
        let found = if let [one] = of_unit.as_slice() { Some(*one) } else { by_letter() }?;
        Some(Role { variable: found.variable, of: found, values: self.data.numbers(found.variable)?.to_vec() })
    }

    /// Parameters, tokens, compute, and compute divided by 6 N D.
    fn compute(&self) -> Option<[Role<'a>; 4]> {
        let n = self.role(Dimension::Parameters, "N")?;
        let d = self.role(Dimension::Tokens, "D")?;
        let c = self.role(Dimension::Flop, "C")?;
        let ratio = |i: usize| c.values[i] / (FLOP_PER_PARAMETER_AND_TOKEN * n.values[i] * d.values[i]);
        let values = (0..c.values.len()).map(ratio).collect();
        let ratios = Role { variable: c.variable, of: c.of, values };
        Some([n, d, c, ratios])
    }

    fn rows(&self, holds: impl Fn(usize) -> bool) -> Vec<Origin> {
        let rows = (0..self.data.rows()).filter(|&row| holds(row));
        rows.map(|row| self.data.origins()[row]).collect()
    }

    /// A warning about a count that is too small.
    fn of_count(&self, of: &Declared<'_>, column: &str, values: &[f64]) -> Option<String> {
        let unit = of.unit.filter(|unit| unit.size == 1.0)?;
        let (lowest, highest) = ends(values);
        let is_broken = values.iter().any(|value| value.fract() != 0.0);
        let sizes = self.role(Dimension::Parameters, "N").filter(|size| size.variable != of.variable);
        let too_few_for_size = sizes.is_some_and(|size| {
            unit.dimension == Dimension::Tokens
                && highest < FEW_FOR_SIZE
                && values.iter().zip(&size.values).all(|(tokens, size)| tokens / size < 1e-3)
        });
        if !(highest < FEW || is_broken && highest < FEW_AND_BROKEN || too_few_for_size) {
            return None;
        }
        let middle = median(values);
        let fits = |(_, factor): &&(&str, f64)| (USUAL[0]..USUAL[1]).contains(&(middle * factor));
        let likely: Vec<String> = MULTIPLES
            .iter()
            .filter(fits)
            .map(|(multiple, _)| {
                format!("`{} = {{ column = \"{column}\", unit = \"{multiple} {unit}\" }}`", of.variable)
            })
            .collect();
        Some(format!(
            "`{}` goes from {} to {} {unit}, too few for plain counts: its column may count in multiples. Write {}.",
            of.variable,
            rounded(lowest, 3),
            rounded(highest, 3),
            if likely.is_empty() { "the multiple before its unit".to_owned() } else { likely.join(" or ") }
        ))
    }

    /// A warning about few rows whose count is far from all others.
    fn of_strays(&self, of: &Declared<'_>, values: &[f64]) -> Option<String> {
        let unit = Unit::base(of.unit?.dimension)?;
        let mut sorted: Vec<f64> = values.iter().copied().filter(|value| *value > 0.0).collect();
        sorted.sort_by(f64::total_cmp);
        if sorted.len() < STRAYS.0 {
            return None;
        }
        let few = (sorted.len() / STRAYS.1).max(1);
        let gap = |at: usize| sorted[at] / sorted[at - 1];
        let below = (1..=few).find(|&at| gap(at) > STRAYS.2);
        let above = (sorted.len() - few..sorted.len()).find(|&at| gap(at) > STRAYS.2);
        let (bound, is_below, factor) = match (below, above) {
            (Some(at), _) => (sorted[at - 1], true, gap(at)),
            (None, Some(at)) => (sorted[at], false, gap(at)),
            (None, None) => return None,
        };
        let rows = self.rows(|row| if is_below { values[row] <= bound } else { values[row] >= bound });
        let side = if is_below { "below" } else { "above" };
        let sign = if is_below { "<=" } else { ">=" };
        Some(format!(
            "`{0}` is {1} {unit} in {2}, a factor of {3} {side} every other row, as if these cells had another unit. Mend the file, or write `{{ drop = \"{0} {sign} {4}\" }}` in the filter.",
            of.variable,
            rounded(bound, 3),
            name_rows(&rows),
            rounded(factor, 2),
            crate::numeral::exact(bound),
        ))
    }

    /// A warning about compute that is too small.
    fn of_compute(&self, of: &Declared<'_>, column: &str, values: &[f64]) -> Option<String> {
        let unit = of.unit.filter(|unit| unit.size == 1.0)?;
        let (lowest, highest) = ends(values);
        if highest >= FEW_FLOP {
            return None;
        }
        let ratio = self.compute().map(|[.., ratios]| 1.0 / median(&ratios.values)).filter(|ratio| ratio.is_finite());
        let said = ratio.map_or_else(String::new, |ratio| format!("; 6 N D is {} times as much", rounded(ratio, 3)));
        Some(format!(
            "`{0}` goes from {1} to {2} {unit}, too little for any training{said}. Write `{0} = {{ column = \"{column}\", unit = \"PFday\" }}` if that is its unit, or the power of ten of its column, as in `raw = \"{column}\"` and `{0} = {{ expr = \"raw * 1e21\", unit = \"FLOP\" }}`.",
            of.variable,
            rounded(lowest, 3),
            rounded(highest, 3),
        ))
    }

    /// A warning about a loss above that of guessing, or about a column named after another measure.
    fn of_loss(&self, of: &Declared<'_>, column: &str, values: &[f64]) -> Option<String> {
        let guessing = ln(VOCABULARY);
        let variable = of.variable;
        let as_perplexity = format!(
            "Write `perplexity = \"{column}\"` and `{variable} = {{ expr = \"ln(perplexity)\", unit = \"nats\" }}`"
        );
        let called = column.to_ascii_lowercase();
        let is_called = |names: &[&str]| called.split(|c: char| !c.is_alphabetic()).any(|word| names.contains(&word));
        if is_called(&["ppl", "perplexity", "perplexities"]) {
            return Some(format!(
                "`{variable}` is declared as a loss, and its column `{column}` is called a perplexity. {as_perplexity}."
            ));
        }
        if is_called(&["acc", "accuracy", "accuracies", "top"]) && !is_called(&["loss", "losses", "nll"]) {
            return Some(format!(
                "`{variable}` is declared as a loss, and its column `{column}` is called an accuracy. Write `{variable} = {{ column = \"{column}\", unit = \"share\" }}`, or `unit = \"%\"`."
            ));
        }
        let below = self.rows(|row| values[row] < 0.0);
        if 2 * below.len() > values.len() {
            return Some(format!(
                "`{variable}` is declared as a loss and is below zero in {} of {} rows ({}), as log-likelihoods are. Write `likelihood = \"{column}\"` and `{variable} = {{ expr = \"-likelihood\", unit = \"nats\" }}`.",
                below.len(),
                values.len(),
                name_rows(&below)
            ));
        }
        let is_in_nats = of.unit.is_some_and(|unit| unit.size == 1.0);
        if is_in_nats && is_called(&["bpb", "bpc", "bits"]) {
            return Some(format!(
                "`{variable}` is declared in nats, and its column `{column}` is called by bits. Write `{variable} = {{ column = \"{column}\", unit = \"bits\" }}`."
            ));
        }
        let above = self.rows(|row| values[row] > guessing);
        if above.is_empty() {
            return None;
        }
        let what = format!(
            "`{variable}` is {:.1} nats or less for a guess among a million tokens, and is above that in {} of {} rows ({})",
            guessing,
            above.len(),
            values.len(),
            name_rows(&above)
        );
        // Numbers such as 2,500 were read as thousands, and would be losses with a decimal comma.
        let as_decimals = |value: &f64| *value >= 1000.0 && *value / 1000.0 <= guessing && value.fract() == 0.0;
        Some(if above.len() == values.len() && values.iter().all(as_decimals) {
            format!(
                "{what}. If its cells are written with a decimal comma, as 2,500, write `decimal = \",\"` in the source; if they are perplexities: {}.",
                as_perplexity.replacen('W', "w", 1)
            )
        } else if 2 * above.len() > values.len() {
            format!("{what}, as perplexities are. {as_perplexity}.")
        } else {
            format!(
                "{what}. If they diverged, drop them: `{{ drop = \"{variable} > {guessing:.1}\", because = \"diverged\" }}`; if they are perplexities: {}.",
                as_perplexity.replacen('W', "w", 1)
            )
        })
    }

    /// A warning about values that are not shares.
    fn of_share(&self, of: &Declared<'_>, column: &str, values: &[f64]) -> Option<String> {
        let unit = of.unit?;
        let outside = self.rows(|row| !(0.0..=1.0).contains(&values[row]));
        let written = (1.0 / unit.size) * ends(values).1;
        let other = if unit.size == 1.0 { "%" } else { "share" };
        if outside.is_empty() {
            // Percentages of at most one are more probably shares.
            return (unit.size < 1.0 && written <= 1.0).then(|| {
                format!(
                    "`{0}` is at most {1} %. If its column holds shares, write `{0} = {{ column = \"{column}\", unit = \"share\" }}`.",
                    of.variable,
                    rounded(written, 3)
                )
            });
        }
        Some(format!(
            "`{0}` is declared in {unit} and lies outside 0 to 1 in {1} of {2} rows ({3}). Write `{0} = {{ column = \"{column}\", unit = \"{other}\" }}` if that is its unit.",
            of.variable,
            outside.len(),
            values.len(),
            name_rows(&outside)
        ))
    }

    /// A warning about fewer tokens than parameters in every row, or far too many, where both have units.
    fn of_tokens_per_parameter(&self) -> Option<String> {
        let n = self.role(Dimension::Parameters, "N").filter(|n| n.of.unit.is_some())?;
        let d = self.role(Dimension::Tokens, "D").filter(|d| d.of.unit.is_some())?;
        let ratios: Vec<f64> = d.values.iter().zip(&n.values).map(|(d, n)| d / n).collect();
        let (lowest, highest) = ends(&ratios);
        let [few, one, many] = PER_PARAMETER;
        let is_low = (few..one).contains(&lowest) && highest < one;
        let is_high = lowest > many;
        if ratios.len() < ENOUGH || !(is_low || is_high) {
            return None;
        }
        let middle = median(&ratios);
        let is_usual = |ratio: f64| (USUAL_PER_PARAMETER[0]..USUAL_PER_PARAMETER[1]).contains(&ratio);
        let mut lines = d.in_multiples(|factor| is_usual(middle * factor));
        lines.extend(n.in_multiples(|factor| is_usual(middle / factor)));
        let is_named = |role: &Role<'_>| role.of.column.is_some_and(|column| counted_by_name(column).is_some());
        let mut ways = Vec::new();
        if is_low && !(is_named(&n) && is_named(&d)) && is_usual(1.0 / middle) {
            ways.push("if the two columns are swapped, exchange them".to_owned());
        }
        if !lines.is_empty() {
            ways.push(format!("if a column counts in another multiple, write {}", lines.join(" or ")));
        }
        let what = if is_low { "below 1 in every row, as in fine-tuning" } else { "more than any training has" };
        let ways = if ways.is_empty() { "check both columns".to_owned() } else { ways.join("; ") };
        Some(format!(
            "`{}` / `{}` is {} to {} tokens per parameter, {what}. If that is not meant: {ways}.",
            d.variable,
            n.variable,
            rounded(lowest, 3),
            rounded(highest, 3)
        ))
    }

    /// A warning about compute that differs from 6 N D by more than any convention does.
    fn of_compute_far_from_six_n_d(&self) -> Option<String> {
        let [n, d, c, ratios] = self.compute()?;
        let middle = median(&ratios.values);
        if (FAR_OFF[0]..FAR_OFF[1]).contains(&middle) || !middle.is_finite() {
            return None;
        }
        let explains = |ratio: f64| (EXPLAINED[0]..EXPLAINED[1]).contains(&ratio);
        let mut lines = n.in_multiples(|factor| explains(middle / factor));
        lines.extend(d.in_multiples(|factor| explains(middle / factor)));
        let what_if =
            if lines.is_empty() { "check their units".to_owned() } else { format!("perhaps {}", lines.join(" or ")) };
        Some(format!(
            "`{}` is {} times 6 {} {} in the median, which no way of counting explains: one of the three columns is in another unit. Write its unit: {what_if}.",
            c.variable,
            rounded(middle, 3),
            n.variable,
            d.variable
        ))
    }

    /// A warning about compute that is not 6 N D.
    fn of_six_n_d(&self) -> Option<String> {
        let [n, d, c, ratios] = self.compute()?;
        let middle = median(&ratios.values);
        // Compute, sizes or tokens in wrong multiples have their own warnings.
        if !(FAR_OFF[0]..FAR_OFF[1]).contains(&middle) {
            return None;
        }
        let off = self.rows(|row| (ratios.values[row] - 1.0).abs() > ROW_OFF);
        if off.is_empty() && (middle - 1.0).abs() <= MEDIAN_OFF {
            return None;
        }
        let (lowest, highest) = ends(&ratios.values);
        let [n, d, c] = [n.variable, d.variable, c.variable];
        let rows = if off.is_empty() {
            String::new()
        } else {
            format!(
                " In {} of {} rows ({}) they differ by more than {:.0} %.",
                off.len(),
                ratios.values.len(),
                name_rows(&off),
                100.0 * ROW_OFF
            )
        };
        Some(format!(
            "`{c}` is {lowest:.3} to {highest:.3} times 6 {n} {d}, {middle:.3} in the median: FLOP are counted differently from queries, which use 6 for each parameter and token.{rows} To use the same \
             convention, write `{c} = {{ expr = \"6 * {n} * {d}\", unit = \"FLOP\" }}`; to declare another one, \
              add `[costs.NAME]` with `compute = \"...\"`."
        ))
    }
}

fn ends(values: &[f64]) -> (f64, f64) {
    values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(*value), high.max(*value)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Column;

    /// Warnings about a table with columns (variable, column, unit, values).
    fn doubted(columns: &[(&str, &str, &str, &[f64])]) -> Vec<String> {
        let rows = columns[0].3.len() as u32;
        let mut data = Dataset::new((1..=rows).map(|row| Origin { file: 0, row }).collect());
        let declared: Vec<Declared<'_>> = columns
            .iter()
            .map(|(variable, column, unit, values)| {
                let unit = Unit::parse(unit).unwrap();
                data.insert(variable, Column::Numbers(values.iter().map(|v| v * unit.size).collect()));
                Declared { variable, column: Some(column), unit: Some(unit) }
            })
            .collect();
        crate::warning::texts(&doubts(&data, &declared, false))
    }

    fn one(columns: &[(&str, &str, &str, &[f64])]) -> String {
        let doubts = doubted(columns);
        assert_eq!(doubts.len(), 1, "{doubts:#?}");
        doubts[0].clone()
    }

    const SIZES: &[f64] = &[1e8, 1e9, 7e9];
    const TOKENS: &[f64] = &[2e9, 3e11, 1.4e12];

    #[test]
    fn a_table_of_usual_runs_gives_no_warning() {
        let compute: Vec<f64> = SIZES.iter().zip(TOKENS).map(|(n, d)| 6.0 * n * d * 1.04).collect();
        let usual = [
            ("N", "size", "parameters", SIZES),
            ("D", "seen", "tokens", TOKENS),
            ("C", "flops", "FLOP", &compute),
            ("L", "loss", "nats", &[4.1, 2.9, 2.1]),
            ("A", "acc", "%", &[12.0, 40.0, 99.0]),
        ];
        assert_eq!(doubted(&usual), [] as [&str; 0]);
        // The same values in other multiples.
        let multiples =
            [("N", "size", "B parameters", &[0.1, 1.0, 7.0] as &[f64]), ("D", "seen", "T tokens", &[0.002, 0.3, 1.4])];
        assert_eq!(doubted(&multiples), [] as [&str; 0]);
    }

    #[test]
    fn counts_in_millions_and_billions_are_recognised() {
        let doubt = one(&[("N", "size", "parameters", SIZES), ("D", "tokens (B)", "tokens", &[0.348, 1.2, 3.48])]);
        assert!(doubt.contains("the name of its column `tokens (B)` contains `B`"), "{doubt}");
        assert!(doubt.contains("`D = { column = \"tokens (B)\", unit = \"B tokens\" }`"), "{doubt}");
        let doubt = one(&[("N", "size", "parameters", SIZES), ("D", "seen", "tokens", &[0.348, 1.2, 3.48])]);
        assert!(doubt.contains("`D` goes from 0.348 to 3.48 tokens"), "{doubt}");
        // Whole billions are recognised by the sizes of the networks.
        let doubt = one(&[("N", "size", "parameters", SIZES), ("D", "seen", "tokens", &[300.0, 1400.0, 2000.0])]);
        assert!(doubt.contains("unit = \"B tokens\""), "{doubt}");
        let doubt = one(&[("N", "size", "parameters", &[53.3, 206.5]), ("D", "seen", "tokens", &[2e9, 3e9])]);
        assert!(doubt.contains("unit = \"M parameters\""), "{doubt}");
        // Small numbers of examples are plausible for fine-tuning.
        assert_eq!(
            doubted(&[("N", "size", "parameters", SIZES), ("D", "seen", "tokens", &[2e3, 5e4, 2e5])]),
            [] as [&str; 0]
        );
    }

    #[test]
    fn a_column_named_after_a_multiple_needs_its_unit() {
        let millions: &[f64] = &[25e6, 80e6, 2.6e9];
        let doubt = one(&[("N", "params_M", "parameters", millions)]);
        assert!(doubt.contains("`N = { column = \"params_M\", unit = \"M parameters\" }`"), "{doubt}");
        assert!(one(&[("D", "tokens (billions)", "tokens", TOKENS)]).contains("unit = \"B tokens\""));
        assert_eq!(doubted(&[("N", "params_M", "M parameters", &[25.0, 80.0])]), [] as [&str; 0]);
        let doubt = one(&[("N", "params_m", "parameters", &[70.0, 160.0])]);
        assert!(doubt.contains("unit = \"M parameters\""), "{doubt}");
        let doubt = one(&[("D", "tokens (billions)", "tokens", &[5.0, 20.0])]);
        assert!(doubt.contains("`D = { column = \"tokens (billions)\", unit = \"B tokens\" }`"), "{doubt}");
        assert!(!doubt.contains("M tokens"), "{doubt}");
    }

    #[test]
    fn a_loss_per_byte_is_told_to_stay_one() {
        let doubt = one(&[("L", "loss", "bits per byte", &[0.9, 0.8, 0.7])]);
        assert!(doubt.contains("`L` is a loss per byte") && doubt.contains("4.2 * raw"), "{doubt}");
        assert_eq!(doubted(&[("L", "loss", "bits", &[3.1, 2.9, 2.1])]), [] as [&str; 0]);
    }

    #[test]
    fn a_row_far_from_all_others_is_named() {
        let doubt = one(&[("N", "size", "parameters", &[7e7, 1.6e8, 4.1e8, 1e3, 1e9, 2.8e9])]);
        assert!(doubt.contains("row 4") && doubt.contains("`{ drop = \"N <= 1e3\" }`"), "{doubt}");
        assert_eq!(doubted(&[("N", "size", "parameters", &[7e4, 1.6e6, 4.1e7, 1e9, 2e10, 3e11])]), [] as [&str; 0]);
    }

    #[test]
    fn a_unit_that_contradicts_the_name_of_its_column_is_doubted() {
        let doubt = one(&[("N", "params (B)", "M parameters", &[0.07, 2.8])]);
        assert!(doubt.contains("declared in M parameters") && doubt.contains("unit = \"B parameters\""), "{doubt}");
        let doubt = one(&[("C", "compute (EFLOPs)", "ZFLOP", &[1.0, 3.0])]);
        assert!(doubt.contains("unit = \"EFLOP\""), "{doubt}");
        // The column counts steps of so many tokens.
        assert_eq!(doubted(&[("D", "tokens_M", "2048 tokens", &[1e6, 2e6])]), [] as [&str; 0]);
        assert_eq!(doubted(&[("D", "tokens_seen", "tokens", TOKENS)]), [] as [&str; 0]);
    }

    #[test]
    fn compute_is_compared_with_six_n_d_row_by_row() {
        let with = |ratios: &[f64]| -> Vec<String> {
            let compute: Vec<f64> = (0..3).map(|i| 6.0 * SIZES[i] * TOKENS[i] * ratios[i]).collect();
            doubted(&[
                ("size", "params", "parameters", SIZES),
                ("seen", "toks", "tokens", TOKENS),
                ("flops", "flops", "FLOP", &compute),
            ])
        };
        let doubt = with(&[1.0, 0.74, 1.07]).pop().unwrap();
        assert!(doubt.contains("`flops` is 0.740 to 1.070 times 6 size seen, 1.000 in the median"), "{doubt}");
        assert!(doubt.contains("In 1 of 3 rows (row 2)"), "{doubt}");
        assert!(doubt.contains("`flops = { expr = \"6 * size * seen\", unit = \"FLOP\" }`"), "{doubt}");
        assert_eq!(with(&[1.04, 0.97, 1.0]), [] as [&str; 0]);
        assert!(with(&[1.07, 1.07, 1.07])[0].contains("1.070 in the median"));
        let doubt = one(&[("C", "FLOPs (1E21)", "FLOP", &[0.4, 3.2, 840.0])]);
        assert!(
            doubt.contains("`raw = \"FLOPs (1E21)\"` and `C = { expr = \"raw * 1e21\", unit = \"FLOP\" }`"),
            "{doubt}"
        );
    }

    #[test]
    fn counts_that_are_read_in_too_large_a_multiple_are_recognised() {
        let doubt = one(&[("N", "size", "parameters", SIZES), ("D", "seen", "M tokens", &[2e10, 3e11, 1.4e12])]);
        assert!(doubt.contains("more than any training has"), "{doubt}");
        assert!(doubt.contains("`D = { column = \"seen\", unit = \"tokens\" }`"), "{doubt}");
    }

    #[test]
    fn billions_that_are_read_as_millions_are_recognised_by_the_tokens_per_parameter() {
        let doubt = one(&[("N", "size", "parameters", SIZES), ("D", "seen", "M tokens", &[2.0, 300.0, 1400.0])]);
        assert!(doubt.contains("`D` / `N` is 0.02 to 0.3 tokens per parameter, below 1 in every row"), "{doubt}");
        assert!(doubt.contains("write `D = { column = \"seen\", unit = \"B tokens\" }`"), "{doubt}");
        // A single row of that kind among usual ones is a run on little data.
        let mixed: &[f64] = &[2.0, 300_000.0, 1_400_000.0];
        assert_eq!(doubted(&[("N", "size", "parameters", SIZES), ("D", "seen", "M tokens", mixed)]), [] as [&str; 0]);
    }

    #[test]
    fn swapped_columns_of_sizes_and_tokens_are_recognised() {
        let doubt = one(&[("N", "a", "parameters", TOKENS), ("D", "b", "tokens", SIZES)]);
        assert!(doubt.contains("if the two columns are swapped, exchange them"), "{doubt}");
        // Columns that are named after their counts cannot be swapped, and those named after the other count are.
        let named = doubted(&[("N", "params", "parameters", TOKENS), ("D", "tokens", "tokens", SIZES)]);
        assert!(named.iter().all(|doubt| !doubt.contains("swapped")), "{named:?}");
        let named = doubted(&[("N", "train_tokens", "parameters", TOKENS), ("D", "n_params", "tokens", SIZES)]);
        assert!(named[0].contains("`train_tokens` is named after tokens") && named.len() == 2, "{named:?}");
        let usual = [("N", "params", "parameters", SIZES), ("D", "tokens_per_parameter_run", "tokens", TOKENS)];
        assert_eq!(doubted(&usual), [] as [&str; 0]);
    }

    #[test]
    fn compute_a_thousand_times_six_n_d_shows_that_a_unit_is_wrong() {
        let compute: Vec<f64> = (0..3).map(|i| 6e3 * SIZES[i] * TOKENS[i]).collect();
        let doubt = one(&[
            ("N", "size", "parameters", SIZES),
            ("D", "seen", "M tokens", &TOKENS.iter().map(|d| d / 1e6).collect::<Vec<_>>()),
            ("C", "flops", "FLOP", &compute),
        ]);
        assert!(doubt.contains("`C` is 1000 times 6 N D in the median"), "{doubt}");
        assert!(doubt.contains("unit = \"K parameters\"") && doubt.contains("unit = \"B tokens\""), "{doubt}");
    }

    #[test]
    fn accuracies_and_likelihoods_declared_as_losses_are_recognised() {
        assert!(one(&[("L", "mmlu_acc", "nats", &[0.3, 0.5])]).contains("called an accuracy"));
        assert!(one(&[("L", "ll", "nats", &[-3.0, -2.5])]).contains("expr = \"-likelihood\""));
    }

    #[test]
    fn perplexities_and_losses_above_guessing_are_recognised() {
        let doubt = one(&[("L", "test", "nats", &[35.0, 22.0, 11.0])]);
        assert!(doubt.contains("in 2 of 3 rows (rows 1, 2), as perplexities are"), "{doubt}");
        assert!(
            doubt.contains("`perplexity = \"test\"` and `L = { expr = \"ln(perplexity)\", unit = \"nats\" }`"),
            "{doubt}"
        );
        let doubt = one(&[("L", "loss", "nats", &[3.0, 2.5, 14.1])]);
        assert!(
            doubt.contains("row 3") && doubt.contains("{ drop = \"L > 13.8\", because = \"diverged\" }"),
            "{doubt}"
        );
        assert!(one(&[("L", "wiki_ppl", "nats", &[9.0, 8.0])]).contains("called a perplexity"));
        assert!(one(&[("L", "val_bpb", "nats", &[1.1, 1.0])]).contains("unit = \"bits\""));
        assert_eq!(doubted(&[("L", "val_bpb", "bits", &[1.1, 19.0])]), [] as [&str; 0]);
    }

    #[test]
    fn percentages_are_recognised() {
        assert!(
            one(&[("acc", "mmlu", "share", &[0.62, 70.0])])
                .contains("(row 2). Write `acc = { column = \"mmlu\", unit = \"%\" }`")
        );
        assert!(one(&[("acc", "mmlu", "%", &[0.62, 0.7])]).contains("unit = \"share\""));
    }

    #[test]
    fn rows_of_several_files_are_named_with_their_files() {
        let origins: Vec<Origin> = (0..5).map(|k| Origin { file: k % 2, row: 10 + k }).collect();
        assert_eq!(name_rows(&origins), "rows 10 of file 1, 11 of file 2, 12 of file 1 and 2 more");
        assert_eq!(name_rows(&origins[..1]), "row 10");
    }
}
