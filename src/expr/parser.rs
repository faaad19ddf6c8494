//! Parses tokens into expressions by precedence climbing.

use std::ops::Range;

use super::lexer::{Token, is_keyword, tokens};
use super::{Expr, Function, Node, Operator, ParseError, Value, foreign};
use crate::diagnostic::nearest;

/// Longest text that is accepted; a formula of a paper has a few hundred bytes.
const MAX_BYTES: usize = 16 * 1024;
/// Deepest nesting that is accepted.
const MAX_DEPTH: usize = 64;
/// Largest number of operators and signs that is accepted. The tree can be as deep as this, and functions that walk
/// it recurse.
const MAX_OPERATORS: usize = 2000;

/// Reads one expression.
///
/// # Errors
/// The first place where the text violates the grammar.
pub fn parse(text: &str) -> Result<Expr, ParseError> {
    read(text, 1)
}

/// Parses an expression that was printed by this crate, which may be longer and have more parentheses than what a
/// user writes.
///
/// # Errors
/// As [`parse`]; text that an [`Expr`] printed gives none.
pub fn parse_printed(text: &str) -> Result<Expr, ParseError> {
    read(text, PRINTED)
}

/// Factor of the limits for printed text: printing may add parentheses and blanks to each node.
const PRINTED: usize = 8;

fn read(text: &str, slack: usize) -> Result<Expr, ParseError> {
    let mut parser = Parser::new(text, slack)?;
    let expr = parser.expression(0)?;
    parser.end()?;
    Ok(expr)
}

/// Parses `response = expression`; returns the name of the response and the right-hand side.
///
/// # Errors
/// As [`parse`], and where the left-hand side is not one name.
pub fn parse_equation(text: &str) -> Result<(String, Expr), ParseError> {
    let mut parser = Parser::new(text, 1)?;
    let left = parser.expression(0)?;
    let Node::Symbol(response) = left.node else {
        let hint = match &left.node {
            Node::Binary(Operator::Equal, response, _) if matches!(response.node, Node::Symbol(_)) => {
                "write one `=`: `L = E + A / N^alpha`"
            }
            Node::Call(Function::Ln | Function::Log10 | Function::Log2, _) => {
                "write the response itself, `L = ...`: a fit takes its logarithm with `objective = { least_squares = { on = \"log\" } }`"
            }
            _ => "write the response first: `L = E + A / N^alpha`",
        };
        return Err(ParseError::new(left.span, "the left-hand side is not one name".to_owned()).hint(hint));
    };
    if !parser.take("=") {
        let error = parser.after_operand("`=`");
        return Err(match parser.peek() {
            Token::End => error.hint("a formula names its response: `L = E + A / N^alpha`"),
            _ => error,
        });
    }
    let body = parser.expression(0)?;
    parser.end()?;
    Ok((response, body))
}

/// Parses an expression without names and returns its value: `"280B"`, `"3640 PFday"`, `"1e21 / 6"`.
///
/// # Errors
/// As [`parse`], and where the text has names or its value is not a finite number.
pub fn parse_constant(text: &str) -> Result<f64, ParseError> {
    let expr = parse(text)?;
    let whole = expr.span.clone();
    let expr = expr.resolve(&mut |name: &String, span: &Range<usize>| {
        Err::<usize, _>(ParseError::new(span.clone(), format!("expected a number, found the name `{name}`")))
    })?;
    match expr.evaluate(&[]) {
        Ok(Value::Number(value)) if value.is_finite() => Ok(value),
        _ => Err(ParseError::new(whole, "the value is not a finite number".to_owned())),
    }
}

struct Parser {
    tokens: Vec<(Token, Range<usize>)>,
    at: usize,
    depth: usize,
    most_depth: usize,
}

impl Parser {
    fn new(text: &str, slack: usize) -> Result<Self, ParseError> {
        if text.len() > slack * MAX_BYTES {
            return Err(ParseError::new(
                0..0,
                format!("the expression has {} bytes; at most {MAX_BYTES} are read", text.len()),
            ));
        }
        let tokens = tokens(text)?;
        // Parentheses, brackets and commas create no node of the tree.
        let stands_above = |token: &Token| match token {
            Token::Punctuation(mark) => !matches!(*mark, "(" | ")" | "[" | "]" | "{" | "}" | "," | "="),
            Token::Name(name) => is_keyword(name),
            _ => false,
        };
        let operators = tokens.iter().filter(|(token, _)| stands_above(token));
        if let Some((_, span)) = operators.clone().nth(slack * MAX_OPERATORS) {
            let count = operators.count();
            let message = format!("the expression has {count} operators; at most {MAX_OPERATORS} are read");
            return Err(ParseError::new(span.clone(), message)
                .hint("write long conditions as sets, `x in {1, 2, 3}`, and long sums as columns of their own"));
        }
        Ok(Self { tokens, at: 0, depth: 0, most_depth: slack * MAX_DEPTH })
    }

    fn peek(&self) -> &Token {
        &self.tokens[self.at].0
    }

    fn span(&self) -> Range<usize> {
        self.tokens[self.at].1.clone()
    }

    fn advance(&mut self) -> (Token, Range<usize>) {
        let token = self.tokens[self.at].clone();
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        token
    }

    fn take(&mut self, mark: &str) -> bool {
        let found = match self.peek() {
            Token::Punctuation(other) => *other == mark,
            Token::Name(name) => is_keyword(name) && name == mark,
            _ => false,
        };
        if found {
            self.advance();
        }
        found
    }

    fn need(&mut self, mark: &str) -> Result<(), ParseError> {
        if self.take(mark) { Ok(()) } else { Err(self.after_operand(&format!("`{mark}`"))) }
    }

    fn unexpected(&self, expected: &str) -> ParseError {
        ParseError::new(self.span(), format!("expected {expected}, found {}", self.peek().describe()))
    }

    /// The error for a token after a number, a name or `)` that is neither an operator nor what is expected.
    fn after_operand(&self, expected: &str) -> ParseError {
        let before = self.at.checked_sub(1).map(|at| self.shown(at));
        let begins_operand = match self.peek() {
            Token::Number(_) | Token::Text(_) | Token::Punctuation("(") => true,
            Token::Name(name) => !is_keyword(name),
            _ => false,
        };
        let error = self.unexpected(&format!("an operator or {expected}"));
        let foreign = match self.peek() {
            Token::Name(name) => foreign::word(name),
            _ => None,
        };
        match (self.peek(), before) {
            (_, Some(_)) if foreign.is_some() => error.hint(foreign.unwrap_or_default()),
            (Token::Punctuation(","), Some(left)) if left.parse::<f64>().is_ok() => {
                error.hint("decimals have a point: 1.5; thousands are joined: 1_000")
            }
            (_, Some(left)) if begins_operand => {
                let right = self.shown(self.at);
                let message = format!("there is no operator between `{left}` and `{right}`");
                let left = if left == ")" { "(...)" } else { &left };
                let right = if right == "(" { "(...)" } else { &right };
                ParseError { message, ..error }.hint(format!("for a product write `{left} * {right}`"))
            }
            (Token::Punctuation("="), _) => error.hint("write `==` to compare"),
            (Token::Punctuation(")"), _) if matches!(expected, "the end" | "`=`") => {
                ParseError { message: "this `)` closes nothing".to_owned(), ..error }
                    .hint("remove it, or add a `(` before")
            }
            (Token::End, _) if expected == "`)`" => {
                let open = self.unclosed().unwrap_or_else(|| self.span());
                ParseError { span: open, message: "this `(` is not closed".to_owned(), ..error }.hint("add a `)`")
            }
            _ => error,
        }
    }

    /// A token as the user wrote it.
    fn shown(&self, at: usize) -> String {
        match &self.tokens[at].0 {
            Token::Number(value) => crate::numeral::exact(*value),
            Token::Text(text) => format!("'{text}'"),
            Token::Name(name) => name.clone(),
            Token::Punctuation(mark) => (*mark).to_owned(),
            Token::End => String::new(),
        }
    }

    /// The last parenthesis before the current token that is still open.
    fn unclosed(&self) -> Option<Range<usize>> {
        let mut open = Vec::new();
        for (token, span) in &self.tokens[..self.at] {
            match token {
                Token::Punctuation("(") => open.push(span.clone()),
                Token::Punctuation(")") => drop(open.pop()),
                _ => {}
            }
        }
        open.pop()
    }

    fn end(&self) -> Result<(), ParseError> {
        if *self.peek() == Token::End { Ok(()) } else { Err(self.after_operand("the end")) }
    }

    /// The binary operator at the current token, if any.
    fn operator(&self) -> Option<Operator> {
        let all = [
            Operator::Add,
            Operator::Subtract,
            Operator::Multiply,
            Operator::Divide,
            Operator::Power,
            Operator::Less,
            Operator::LessEqual,
            Operator::Greater,
            Operator::GreaterEqual,
            Operator::Equal,
            Operator::NotEqual,
            Operator::And,
            Operator::Or,
        ];
        let text = match self.peek() {
            Token::Punctuation(mark) => mark,
            Token::Name(name) if is_keyword(name) => name.as_str(),
            _ => return None,
        };
        all.into_iter().find(|operator| operator.symbol() == text)
    }

    fn expression(&mut self, floor: u8) -> Result<Expr, ParseError> {
        self.depth += 1;
        if self.depth > self.most_depth {
            return Err(ParseError::new(self.span(), format!("nested more than {MAX_DEPTH} deep")));
        }
        let mut left = self.prefix()?;
        loop {
            if floor <= 4 && self.take("in") {
                left = self.membership(left)?;
                continue;
            }
            let Some(operator) = self.operator() else { break };
            let precedence = operator.precedence();
            if precedence < floor {
                break;
            }
            let at = self.span();
            self.advance();
            // `^` is right-associative; its exponent may have a sign.
            let right =
                if operator == Operator::Power { self.expression(7)? } else { self.expression(precedence + 1)? };
            if precedence == 4 && is_comparison(&left) {
                return Err(ParseError::new(at, "comparisons do not chain".to_owned())
                    .hint("write `low <= x and x <= high`, or `x in [low, high]`"));
            }
            let span = left.span.start..right.span.end;
            left = Expr { node: Node::Binary(operator, Box::new(left), Box::new(right)), span };
        }
        self.depth -= 1;
        Ok(left)
    }

    fn prefix(&mut self) -> Result<Expr, ParseError> {
        let start = self.span().start;
        if self.take("-") {
            // A sign binds tighter than `*` and looser than `^`: -x^2 is -(x^2).
            let inner = self.expression(7)?;
            let span = start..inner.span.end;
            let node = match inner.node {
                Node::Number(value) => Node::Number(-value),
                _ => Node::Negate(Box::new(inner)),
            };
            return Ok(Expr { node, span });
        }
        if self.take("+") {
            return self.expression(7);
        }
        if self.take("not") {
            let inner = self.expression(3)?;
            let span = start..inner.span.end;
            return Ok(Expr { node: Node::Not(Box::new(inner)), span });
        }
        self.primary()
    }

    fn primary(&mut self) -> Result<Expr, ParseError> {
        let error = self.unexpected("a number, a name or `(`");
        let (token, span) = self.advance();
        let node = match token {
            Token::Number(value) => Node::Number(value),
            Token::Text(text) => Node::Text(text),
            Token::Punctuation("(") => {
                let mut inner = self.expression(0)?;
                let end = self.span().end;
                self.need(")")?;
                inner.span = span.start..end;
                return Ok(inner);
            }
            Token::Name(name) if is_keyword(&name) => return Err(error),
            Token::Name(name) if matches!(self.peek(), Token::Punctuation("(")) => {
                return self.call(&name, span);
            }
            Token::Name(name) => Node::Symbol(name),
            Token::Punctuation(_) | Token::End => return Err(error),
        };
        Ok(Expr { node, span })
    }

    fn call(&mut self, name: &str, span: Range<usize>) -> Result<Expr, ParseError> {
        let Some((function, _, arity)) = Function::ALL.into_iter().find(|(_, n, _)| *n == name) else {
            let names = Function::ALL.map(|(_, n, _)| n);
            let error = ParseError::new(span, format!("there is no function `{name}`"));
            return Err(match (foreign::function(name), nearest(name, names)) {
                (Some(instead), _) => error.hint(instead),
                (None, Some(near)) => error.hint(format!("did you mean `{near}`?")),
                // A short name is more probably a variable than a function.
                (None, None) if name.chars().count() <= 2 => {
                    error.hint(format!("for a product write `{name} * (...)`"))
                }
                (None, None) => {
                    error.hint(format!("for a product write `{name} * (...)`; the functions are {}", names.join(", ")))
                }
            });
        };
        self.need("(")?;
        let arguments = self.list(")")?;
        let span = span.start..self.tokens[self.at - 1].1.end;
        let fits = arity.map_or(arguments.len() >= 2, |n| n == arguments.len());
        if !fits {
            let wanted = arity.map_or("two or more".to_owned(), |n| n.to_string());
            return Err(ParseError::new(
                span,
                format!("`{name}` takes {wanted} argument(s), found {}", arguments.len()),
            ));
        }
        Ok(Expr { node: Node::Call(function, arguments), span })
    }

    /// Parses expressions separated by commas, up to and including `close`.
    fn list(&mut self, close: &str) -> Result<Vec<Expr>, ParseError> {
        let mut all = Vec::new();
        while !self.take(close) {
            if !all.is_empty() {
                self.need(",")?;
            }
            all.push(self.expression(0)?);
        }
        Ok(all)
    }

    fn membership(&mut self, value: Expr) -> Result<Expr, ParseError> {
        let start = value.span.start;
        let open = self.span();
        let node = if self.take("[") {
            let bounds = self.list("]")?;
            if bounds.iter().any(|bound| matches!(bound.node, Node::Text(_))) {
                return Err(ParseError::new(open, "an interval is of numbers".to_owned())
                    .hint("write a set with braces: `x in {'a', 'b'}`"));
            }
            let Ok([low, high]) = <[Expr; 2]>::try_from(bounds) else {
                return Err(ParseError::new(open, "an interval has two ends: `x in [low, high]`".to_owned())
                    .hint("write a set with braces: `x in {1, 2, 3}`"));
            };
            Node::Within(Box::new(value), Box::new(low), Box::new(high))
        } else if self.take("{") {
            Node::OneOf(Box::new(value), self.list("}")?)
        } else {
            let error = self.unexpected("an interval `[low, high]` or a set `{a, b}`");
            return Err(match self.peek() {
                Token::Punctuation("(") => error.hint("write a set with braces: `x in {1, 2, 3}`"),
                _ => error,
            });
        };
        Ok(Expr { node, span: start..self.tokens[self.at - 1].1.end })
    }
}

fn is_comparison(expr: &Expr) -> bool {
    matches!(&expr.node, Node::Binary(operator, ..) if operator.precedence() == 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_take_suffixes() {
        assert_eq!(parse_constant("40M").unwrap(), 4e7);
        assert_eq!(parse_constant("3640 PFday").unwrap(), 3640.0 * 8.64e19);
        assert_eq!(parse_constant("1.5T").unwrap(), 1.5e12);
        assert_eq!(parse_constant("1_000").unwrap(), 1000.0);
        assert_eq!(parse_constant("2^-1").unwrap(), 0.5);
        assert_eq!(parse_constant("-2^2").unwrap(), -4.0);
    }

    #[test]
    fn an_error_names_its_place_and_the_remedy() {
        let error = parse("E + sqr(N)").unwrap_err();
        assert_eq!((error.span, error.hint.as_deref()), (4..7, Some("did you mean `sqrt`?")));
        assert!(parse("1 < x < 2").unwrap_err().hint.unwrap().contains("in [low, high]"));
        assert!(parse("N = 3").unwrap_err().hint.unwrap().contains("=="));
        assert_eq!(parse("40Q").unwrap_err().span, 0..3);
        assert_eq!(parse("a +").unwrap_err().message, "expected a number, a name or `(`, found the end");
    }

    #[test]
    fn a_product_without_a_sign_is_reported_with_the_missing_sign() {
        for (text, hint) in [
            ("A N^-alpha", "`A * N`"),
            ("2 x", "`2 * x`"),
            ("2 (x + 1)", "`2 * (...)`"),
            ("(x + 1)(x - 1)", "`(...) * (...)`"),
            ("k (x + 1)", "`k * (...)`"),
            ("6N", "`6 * N`"),
            ("6ND", "`6 * ND`"),
            ("exp(a b)", "`a * b`"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.hint.as_ref().is_some_and(|h| h.contains(hint)), "{text}: {error:?}");
        }
        let error = parse_equation("L = E + A N^-alpha").unwrap_err();
        assert!(error.message.contains("no operator between `A` and `N`"), "{error:?}");
    }

    #[test]
    fn spellings_of_other_languages_are_translated() {
        for (text, hint) in [
            ("log(N)", "`ln`"),
            ("np.log(N)", "`ln`"),
            ("np.exp(N)", "without the name of a library"),
            ("pow(N, 2)", "`x ^ y`"),
            ("where(N > 1, 2, 3)", "a comparison is 1"),
            ("N > 1 & N < 3", "`and`"),
            ("N > 1 || N < 3", "`or`"),
            ("N > 1 AND N < 3", "`and`"),
            ("N is null", "`missing = \"drop\"`"),
            ("f in ('a', 'b')", "braces"),
            ("f in ['a', 'b']", "braces"),
            ("1,5 + N", "a point"),
            ("N \u{2265} 3", "`>=`"),
            ("a \u{d7} b", "`*`"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.hint.as_ref().is_some_and(|h| h.contains(hint)), "{text}: {error:?}");
        }
        assert!(!parse("log(N)").unwrap_err().hint.unwrap().contains("did you mean"));
    }

    #[test]
    fn an_unclosed_parenthesis_is_shown() {
        let error = parse("E + A * (N + (1 - D)").unwrap_err();
        assert_eq!((error.span, error.message.as_str()), (8..9, "this `(` is not closed"));
        let error = parse("E + A) * N").unwrap_err();
        assert_eq!((error.span, error.message.as_str()), (5..6, "this `)` closes nothing"));
    }

    #[test]
    fn hostile_texts_are_refused_without_overflow() {
        assert!(parse(&"(".repeat(10_000)).is_err());
        assert!(parse(&"-".repeat(10_000)).is_err());
        assert!(parse(&"a^".repeat(5_000)).is_err());
        assert!(parse(&"a".repeat(20_000)).is_err());
        for odd in ["", "'", "`", "\u{0}", "é +", "1e", "..", "in", "x in", "x in [", "x in {1"] {
            let _ = parse(odd);
        }
    }
}
