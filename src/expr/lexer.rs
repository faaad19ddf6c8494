//! Splits text into tokens.

use std::ops::Range;

use super::{ParseError, foreign};

/// FLOP in a petaFLOP/s-day: 1e15 x 86,400 (Kaplan et al. 2020, arXiv:2001.08361).
const PFDAY: f64 = 8.64e19;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Number(f64),
    Text(String),
    Name(String),
    Punctuation(&'static str),
    End,
}

impl Token {
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Number(value) => format!("the number {value}"),
            Self::Text(text) => format!("the text '{text}'"),
            Self::Name(name) => format!("`{name}`"),
            Self::Punctuation(mark) => format!("`{mark}`"),
            Self::End => "the end".to_owned(),
        }
    }
}

/// Longest first, so that `<=` is not read as `<`.
const PUNCTUATION: [&str; 18] =
    ["<=", ">=", "==", "!=", "**", "+", "-", "*", "/", "^", "<", ">", "=", "(", ")", "[", "]", ","];
const BRACES: [&str; 2] = ["{", "}"];

/// Whether a name can be written without back quotes.
pub fn is_plain_name(name: &str) -> bool {
    !is_keyword(name) && name.split('.').all(is_identifier)
}

/// Whether a name needs no quotes: a plain name, or the name of a matrix member.
pub(super) fn is_bare_name(text: &str) -> bool {
    text.starts_with(starts_name) && name(text) == (Token::Name(text.to_owned()), text.len()) && !is_keyword(text)
}

fn is_identifier(part: &str) -> bool {
    let mut letters = part.chars();
    letters.next().is_some_and(starts_name) && letters.all(continues_name)
}

pub(super) fn is_keyword(name: &str) -> bool {
    matches!(name, "and" | "or" | "not" | "in")
}

fn starts_name(letter: char) -> bool {
    letter.is_alphabetic() || letter == '_'
}

fn continues_name(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// Splits a text into tokens with their byte ranges; the last one is `End`.
pub(super) fn tokens(text: &str) -> Result<Vec<(Token, Range<usize>)>, ParseError> {
    let mut all = Vec::new();
    let mut at = 0;
    while let Some(letter) = text[at..].chars().next() {
        if letter.is_whitespace() {
            at += letter.len_utf8();
            continue;
        }
        let (token, length) = token(text, at, letter)?;
        all.push((token, at..at + length));
        at += length;
    }
    all.push((Token::End, text.len()..text.len()));
    Ok(all)
}

fn token(text: &str, at: usize, letter: char) -> Result<(Token, usize), ParseError> {
    let rest = &text[at..];
    if letter.is_ascii_digit() || (letter == '.' && rest[1..].starts_with(|c: char| c.is_ascii_digit())) {
        return number(rest, at);
    }
    if starts_name(letter) {
        return Ok(name(rest));
    }
    if matches!(letter, '\'' | '"' | '`') {
        return quoted(rest, at, letter);
    }
    match PUNCTUATION.iter().chain(&BRACES).find(|mark| rest.starts_with(**mark)) {
        Some(&"**") => Ok((Token::Punctuation("^"), 2)),
        Some(mark) => Ok((Token::Punctuation(mark), mark.len())),
        None => {
            let error = ParseError::new(at..at + letter.len_utf8(), format!("unexpected character `{letter}`"));
            Err(ParseError { hint: foreign::character(letter).map(str::to_owned), ..error })
        }
    }
}

fn number(rest: &str, at: usize) -> Result<(Token, usize), ParseError> {
    let bytes = rest.as_bytes();
    let digits = |from: usize| bytes[from..].iter().take_while(|b| b.is_ascii_digit() || **b == b'_').count();
    let mut end = digits(0);
    if bytes.get(end) == Some(&b'.') {
        end += 1 + digits(end + 1);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let exponent = digits(end + 1 + sign);
        if exponent > 0 {
            end += 1 + sign + exponent;
        }
    }
    let plain: String = rest[..end].chars().filter(|c| *c != '_').collect();
    let value: f64 =
        plain.parse().map_err(|_| ParseError::new(at..at + end, format!("`{}` is not a number", &rest[..end])))?;
    let (scale, suffix) = suffix(&rest[end..]);
    let end = end + suffix;
    if rest[end..].starts_with(continues_name) {
        let tail = end + rest[end..].chars().take_while(|c| continues_name(*c)).map(char::len_utf8).sum::<usize>();
        let (number, name) = (&rest[..end - suffix], &rest[end - suffix..tail]);
        return Err(ParseError::new(at..at + tail, format!("`{}` is not a number", &rest[..tail])).hint(format!(
            "for a product write `{number} * {name}`; the suffixes are K, M, B, T (10^3 to 10^12) and PFday (8.64e19 FLOP)"
        )));
    }
    if !(value * scale).is_finite() {
        return Err(ParseError::new(at..at + end, "the number is too large".to_owned()));
    }
    Ok((Token::Number(value * scale), end))
}

/// The factor of a number's suffix, and the length of the suffix in bytes.
fn suffix(rest: &str) -> (f64, usize) {
    let spaces = rest.len() - rest.trim_start_matches(' ').len();
    if rest[spaces..].starts_with("PFday") {
        return (PFDAY, spaces + "PFday".len());
    }
    // A small letter would start a name.
    let letter = rest.chars().next().filter(char::is_ascii_uppercase);
    letter.and_then(super::written::multiple).map_or((1.0, 0), |scale| (scale, 1))
}

/// A name, possibly dotted: `fits.main.alpha`; with a member of a matrix: `fits.main[law=hoffmann].alpha`; with
/// indices: `k[d]`.
fn name(rest: &str) -> (Token, usize) {
    let mut end = 0;
    loop {
        end += rest[end..].chars().take_while(|c| continues_name(*c)).map(char::len_utf8).sum::<usize>();
        end += if is_keyword(&rest[..end]) { 0 } else { member(&rest[end..]) };
        let follows = rest[end..].strip_prefix('.').is_some_and(|r| r.starts_with(starts_name));
        if !follows {
            return (Token::Name(rest[..end].to_owned()), end);
        }
        end += 1;
    }
}

/// The length in bytes of the brackets that name a member of a matrix, or indices; zero where a list or nothing
/// follows.
fn member(rest: &str) -> usize {
    let Some(inner) = rest.strip_prefix('[').and_then(|inner| inner.split_once(']')).map(|(inner, _)| inner) else {
        return 0;
    };
    let named = inner.split_once('=').is_some_and(|(name, _)| name.split('.').all(is_identifier));
    if named || are_indices(inner) { inner.len() + 2 } else { 0 }
}

/// Whether a text is one or more index words: `d`, `i,j`.
fn are_indices(text: &str) -> bool {
    text.split(',').all(|word| is_identifier(word.trim()) && !is_keyword(word.trim()))
}

/// The name and the index words of a name with indices; `None` for another name.
pub fn indices(name: &str) -> Option<(&str, Vec<&str>)> {
    let (base, inner) = name.strip_suffix(']')?.split_once('[')?;
    (is_identifier(base) && are_indices(inner)).then(|| (base, inner.split(',').map(str::trim).collect()))
}

fn quoted(rest: &str, at: usize, quote: char) -> Result<(Token, usize), ParseError> {
    let Some(length) = rest[1..].find(quote) else {
        return Err(ParseError::new(at..at + rest.len(), format!("no closing {quote}")));
    };
    let inner = rest[1..=length].to_owned();
    let token = if quote == '`' { Token::Name(inner) } else { Token::Text(inner) };
    Ok((token, length + 2))
}
