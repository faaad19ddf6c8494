//! Spellings from other languages, and what to write instead.

/// What to write instead of a function that other languages have.
pub(super) fn function(name: &str) -> Option<&'static str> {
    // numpy.log, np.log, math.log and torch.log all become log.
    let own = name.rsplit('.').next().unwrap_or(name).to_ascii_lowercase();
    Some(match own.as_str() {
        "log" | "loge" => "write `ln` for the natural logarithm; `log10` and `log2` are the others",
        "lg" => "write `log10`, or `log2`",
        "log1p" => "write `ln(1 + x)`",
        "expm1" => "write `exp(x) - 1`",
        "pow" | "power" => "write `x ^ y`",
        "square" | "sq" => "write `x ^ 2`",
        "cbrt" => "write `x ^ (1 / 3)`",
        "reciprocal" => "write `1 / x`",
        "fabs" | "absolute" => "write `abs`",
        "sigmoid" | "logistic" | "expit" => "write `1 / (1 + exp(-x))`",
        "softplus" => "write `ln(1 + exp(x))`",
        "relu" => "write `max(x, 0)`",
        "maximum" | "fmax" => "write `max`",
        "minimum" | "fmin" => "write `min`",
        "clip" | "clamp" => "write `min(max(x, low), high)`",
        "arctan" => "write `atan`",
        "sinh" => "write `(exp(x) - exp(-x)) / 2`",
        "cosh" => "write `(exp(x) + exp(-x)) / 2`",
        "where" | "if" | "iif" | "ifelse" | "heaviside" | "step" => {
            "a comparison is 1 where it holds and 0 where not: write `(x > 1) * a + (x <= 1) * b`"
        }
        "float" | "int" | "double" | "parse" => "write `number(text)` for the number that a text holds",
        "isin" => "write `x in {1, 2, 3}`",
        "between" => "write `x in [low, high]`",
        // The part after the dot is a function of this language.
        _ if own.len() < name.len() => super::Function::ALL
            .iter()
            .any(|(_, known, _)| *known == own)
            .then_some("functions are written without the name of a library: `exp(x)`, `ln(x)`")?,
        _ => return None,
    })
}

/// What to write instead of a word that other languages have.
pub(super) fn word(name: &str) -> Option<&'static str> {
    Some(match name {
        "AND" | "And" => "write `and`",
        "OR" | "Or" => "write `or`",
        "NOT" | "Not" => "write `not`",
        "IN" | "In" => "write `in`",
        "is" | "IS" => "write `==`; of missing values a source says what becomes of their rows: `missing = \"drop\"`",
        "like" | "LIKE" | "contains" | "matches" => "write `==` or a set, `family in {'a', 'b'}`",
        "between" | "BETWEEN" => "write `x in [low, high]`",
        "if" | "else" | "where" => {
            "a comparison is 1 where it holds and 0 where not: write `(x > 1) * a + (x <= 1) * b`"
        }
        _ => return None,
    })
}

/// What to write instead of a character that this language does not have.
pub(super) const fn character(letter: char) -> Option<&'static str> {
    Some(match letter {
        '&' => "write `and`",
        '|' => "write `or`; for a size without its sign, `abs(x)`",
        '!' | '\u{ac}' => "write `not`, or `!=`",
        '~' => "write `=` in a formula, `not` in a condition",
        '\u{d7}' | '\u{b7}' | '\u{22c5}' | '\u{2217}' => "write `*`",
        '\u{f7}' | '\u{2215}' => "write `/`",
        '\u{2212}' | '\u{2013}' | '\u{2014}' => "write the minus of the keyboard, `-`",
        '\u{2264}' => "write `<=`",
        '\u{2265}' => "write `>=`",
        '\u{2260}' => "write `!=`",
        '\u{b2}' => "write `^2`",
        '\u{b3}' => "write `^3`",
        '\u{221a}' => "write `sqrt(x)`",
        '\u{201c}' | '\u{201d}' | '\u{201e}' | '\u{2018}' | '\u{2019}' => "write straight quotes, `'`",
        '%' => "write a share as a number: 0.2 for 20 %",
        '\\' | '$' => "write plain names and `/`: formulas are not LaTeX",
        ';' => "an expression is one; list several in the spec",
        ':' => "write `x in [low, high]` for a range",
        '?' => "a comparison is 1 where it holds and 0 where not: write `(x > 1) * a + (x <= 1) * b`",
        _ => return None,
    })
}
