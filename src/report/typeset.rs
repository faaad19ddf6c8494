//! Formulas in mathematical notation: plain text with Greek letters, HTML, LaTeX.

use crate::expr::{Expr, Node, Operator};
use crate::numeral::exact;

const GREEK: [(&str, char); 12] = [
    ("alpha", 'α'),
    ("beta", 'β'),
    ("gamma", 'γ'),
    ("delta", 'δ'),
    ("epsilon", 'ε'),
    ("eta", 'η'),
    ("lambda", 'λ'),
    ("mu", 'μ'),
    ("rho", 'ρ'),
    ("sigma", 'σ'),
    ("tau", 'τ'),
    ("kappa", 'κ'),
];

/// The marks around names and exponents.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Plain,
    Html,
    Latex,
}

/// `L = E + A/N^α + B/D^β`.
pub fn plain(response: &str, body: &Expr) -> String {
    equation(response, body, Style::Plain)
}

/// HTML with superscripts and subscripts.
pub(super) fn html(response: &str, body: &Expr) -> String {
    equation(response, body, Style::Html)
}

/// LaTeX in mathematics mode.
pub(super) fn latex(response: &str, body: &Expr) -> String {
    equation(response, body, Style::Latex)
}

/// A parameter's name.
pub(super) fn name_html(text: &str) -> String {
    name(text, Style::Html)
}

/// A sentence, with code between backticks.
pub(super) fn words_html(text: &str) -> String {
    // A number and its percent sign stay on one line.
    let text = text.replace(" %", "\u{a0}%");
    let parts: Vec<&str> = text.split('`').collect();
    // A single backtick is a character of the text.
    let paired = parts.len() - (parts.len() + 1) % 2;
    let parts = parts.iter().enumerate().map(|(at, part)| match (at >= paired, at % 2) {
        (true, _) => format!("`{}", escape(part)),
        (_, 1) => format!("<code>{}</code>", escape(part)),
        _ => escape(part),
    });
    parts.collect()
}

/// A parameter's name, for LaTeX's mathematics mode.
pub(super) fn name_latex(text: &str) -> String {
    name(text, Style::Latex)
}

fn equation(response: &str, body: &Expr, style: Style) -> String {
    format!("{} = {}", name(response, style), expression(body, 0, style))
}

fn name(text: &str, style: Style) -> String {
    let (stem, index) = text.split_once('_').map_or((text, None), |(stem, index)| (stem, Some(index)));
    let letter = GREEK.iter().find(|(word, _)| *word == stem);
    // In mathematics mode, the letters of a word would be a product.
    if style == Style::Latex && letter.is_none() && is_word(stem) {
        return word_latex(text);
    }
    let stem = match (letter, style) {
        (Some((word, _)), Style::Latex) => format!("\\{word}"),
        (Some((_, letter)), _) => letter.to_string(),
        (None, Style::Html) => format!("<i>{}</i>", escape(stem)),
        (None, _) => stem.to_owned(),
    };
    match (index, style) {
        (None, _) => stem,
        (Some(index), Style::Plain) => format!("{stem}_{index}"),
        (Some(index), Style::Html) => format!("{stem}<sub>{}</sub>", escape(index)),
        (Some(index), Style::Latex) if is_word(index) => format!("{stem}_{{{}}}", word_latex(index)),
        (Some(index), Style::Latex) => format!("{stem}_{{{index}}}"),
    }
}

/// Whether a name, or a part of one, is more than a letter or a number.
fn is_word(text: &str) -> bool {
    text.chars().count() > 1 && !text.chars().all(|letter| letter.is_ascii_digit())
}

/// A word in upright letters, for LaTeX's mathematics mode.
fn word_latex(text: &str) -> String {
    format!("\\mathrm{{{}}}", text.replace('_', "\\_"))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn expression(expr: &Expr, outer: u8, style: Style) -> String {
    let (own, text) = match &expr.node {
        Node::Number(value) => (9, number(*value, style)),
        Node::Symbol(symbol) => (9, name(symbol, style)),
        Node::Negate(inner) => (7, format!("{}{}", minus(style), expression(inner, 8, style))),
        Node::Binary(Operator::Power, base, exponent) => {
            let base = expression(base, 9, style);
            let text = match style {
                Style::Plain => format!("{base}^{}", expression(exponent, 7, style)),
                Style::Html => format!("{base}<sup>{}</sup>", expression(exponent, 0, style)),
                Style::Latex => format!("{base}^{{{}}}", expression(exponent, 0, style)),
            };
            (8, text)
        }
        Node::Binary(Operator::Divide, left, right) => match style {
            Style::Latex => (8, format!("\\frac{{{}}}{{{}}}", expression(left, 0, style), expression(right, 0, style))),
            _ => (6, format!("{}/{}", expression(left, 6, style), expression(right, 7, style))),
        },
        Node::Binary(Operator::Multiply, left, right) => {
            let sign = if style == Style::Latex { " \\, " } else { " " };
            (6, format!("{}{sign}{}", expression(left, 6, style), expression(right, 7, style)))
        }
        Node::Binary(Operator::Add, left, right) => {
            (5, format!("{} + {}", expression(left, 5, style), expression(right, 6, style)))
        }
        Node::Binary(Operator::Subtract, left, right) => {
            (5, format!("{} {} {}", expression(left, 5, style), minus(style), expression(right, 6, style)))
        }
        Node::Call(function, arguments) => {
            let arguments: Vec<String> = arguments.iter().map(|a| expression(a, 0, style)).collect();
            let name = if style == Style::Latex { function_latex(function.name()) } else { function.name().to_owned() };
            (9, format!("{name}({})", arguments.join(", ")))
        }
        _ => (9, if style == Style::Html { escape(&expr.to_string()) } else { expr.to_string() }),
    };
    match (own < outer, style) {
        (false, _) => text,
        (true, Style::Latex) => format!("\\left({text}\\right)"),
        (true, _) => format!("({text})"),
    }
}

/// A function's name in LaTeX's mathematics, without a package.
fn function_latex(name: &str) -> String {
    match name {
        "exp" | "ln" | "min" | "max" => format!("\\{name}"),
        "log10" => "\\log_{10}".to_owned(),
        "log2" => "\\log_{2}".to_owned(),
        other => word_latex(other),
    }
}

const fn minus(style: Style) -> &'static str {
    match style {
        Style::Latex => "-",
        Style::Plain | Style::Html => "−",
    }
}

fn number(value: f64, style: Style) -> String {
    let text = exact(value);
    match (text.split_once('e'), style) {
        (Some((mantissa, exponent)), Style::Html) => format!("{mantissa}·10<sup>{exponent}</sup>"),
        (Some((mantissa, exponent)), Style::Latex) => format!("{mantissa} \\cdot 10^{{{exponent}}}"),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::parse;

    #[test]
    fn functions_need_no_package_of_latex() {
        let body = parse("exp(-x) + log10(N) * sqrt(max(a, b))").unwrap();
        assert_eq!(latex("L", &body), "L = \\exp(-x) + \\log_{10}(N) \\, \\mathrm{sqrt}(\\max(a, b))");
    }

    #[test]
    fn what_stands_between_backticks_is_code_and_one_alone_is_a_letter() {
        assert_eq!(words_html("write `a < b` or `c`"), "write <code>a &lt; b</code> or <code>c</code>");
        assert_eq!(words_html("`a` and ` alone"), "<code>a</code> and ` alone");
        assert_eq!(words_html("`"), "`");
    }

    #[test]
    fn words_are_no_products_of_letters_in_latex() {
        for (name, shown) in [
            ("N", "N"),
            ("alpha_N", "\\alpha_{N}"),
            ("params", "\\mathrm{params}"),
            ("val_loss", "\\mathrm{val\\_loss}"),
            ("t_code", "t_{\\mathrm{code}}"),
            ("A_12", "A_{12}"),
        ] {
            assert_eq!(name_latex(name), shown);
        }
    }

    #[test]
    fn a_formula_is_set_in_every_style() {
        let body = parse("E + (N_c / N)^alpha_N").unwrap();
        assert_eq!(plain("L", &body), "L = E + (N_c/N)^α_N");
        assert_eq!(html("L", &body), "<i>L</i> = <i>E</i> + (<i>N</i><sub>c</sub>/<i>N</i>)<sup>α<sub>N</sub></sup>");
        assert_eq!(
            latex("L", &body),
            "L = E + \\frac{N_{c}}{N}^{\\alpha_{N}}".replace("\\frac{N_{c}}{N}^", "\\left(\\frac{N_{c}}{N}\\right)^")
        );
    }
}
