//! Specs with a few changes to lines, numbers, texts, names and bytes.

use lawfit::numerics::Random;

use super::held::{Case, Named};
use super::seeds;

/// Replacements for numbers.
pub(super) const NUMBERS: [&str; 30] = [
    "0",
    "-0.0",
    "-1",
    "1",
    "2",
    "1e-5",
    "0.5",
    "1e-323",
    "1e-300",
    "1e-30",
    "1e300",
    "-1e300",
    "1.7976931348623157e308",
    "1e309",
    "inf",
    "-inf",
    "nan",
    "9223372036854775807",
    "18446744073709551616",
    "10000000",
    "1e12",
    "1e18",
    "\"280B\"",
    "\"1e300T\"",
    "\"-5K\"",
    "\"\"",
    "true",
    "[]",
    "{}",
    "1979-05-27T07:32:00Z",
];
/// Replacements for texts.
pub(super) const TEXTS: [&str; 24] = [
    "",
    " ",
    "N",
    "L",
    "C",
    "main",
    "runs",
    "1 / 0",
    "ln(-1)",
    "N ^ 1e300",
    "exp(exp(exp(N)))",
    "N / D - N / D",
    "-N",
    "1e308 * 10",
    "N N",
    "(((",
    "N == N == N",
    "not not not 1",
    "../../../../etc/passwd",
    "/dev/null",
    "\u{0}",
    "é\u{301}\u{202e}",
    "N\nD",
    "${HOME}",
];

pub(super) fn pick<'a>(random: &mut Random, from: &[&'a str]) -> &'a str {
    from[random.below(from.len())]
}

/// A valid spec: its name, its text, and the files that it reads.
type Original<'a> = (String, String, &'a [Named]);

/// Specs from seeds 0, 1, ...; each is a mutation of one of the studies or of a shipped spec.
pub(super) fn cases(count: u64) -> Vec<Case> {
    let (studies, tables) = (seeds::studies(), seeds::tables());
    let (shipped, shipped_tables) = seeds::shipped();
    let mut all: Vec<Original<'_>> = Vec::new();
    all.extend(studies.into_iter().map(|(name, text)| (name.to_owned(), text, tables.as_slice())));
    all.extend(shipped.into_iter().map(|(name, text)| (name, text, shipped_tables.as_slice())));
    let one = |seed: u64| {
        let mut random = Random::new(seed, "mutated spec", 0);
        let (name, text, files) = &all[random.below(all.len())];
        let mut bytes = text.clone().into_bytes();
        let mut done = Vec::new();
        for _ in 0..=random.below(3) {
            done.push(change(&mut bytes, &mut random, &all));
        }
        seeds::case(format!("{seed} {name} {}", done.join(" ")), name, bytes, files)
    };
    (0..count).map(one).collect()
}

/// Changes a text in one way and returns the name of the change.
fn change(bytes: &mut Vec<u8>, random: &mut Random, all: &[Original<'_>]) -> &'static str {
    if bytes.is_empty() {
        return "nothing";
    }
    let at = random.below(bytes.len());
    match random.below(14) {
        0 => {
            let line = line(bytes, random);
            bytes.drain(line);
            "line-gone"
        }
        1 => {
            let line = line(bytes, random);
            let copy = bytes[line.clone()].to_vec();
            bytes.splice(line.start..line.start, copy);
            "line-twice"
        }
        2 => {
            let [one, other] = [line(bytes, random), line(bytes, random)];
            let moved = bytes[one.clone()].to_vec();
            let place = if other.start >= one.end { other.start - moved.len() } else { other.start.min(one.start) };
            bytes.drain(one);
            bytes.splice(place..place, moved);
            "line-moved"
        }
        3 => {
            bytes[at] ^= 1 << random.below(8);
            "bit"
        }
        4 => {
            bytes[at] = random.bits() as u8;
            "byte"
        }
        5 | 6 => {
            let text = pick(random, &NUMBERS);
            replace(bytes, r"[0-9][0-9.eE+]*[KMBT]?", text.as_bytes(), random);
            "number"
        }
        7 | 8 => {
            let text = format!("\"{}\"", pick(random, &TEXTS).replace('\n', "\\n"));
            replace(bytes, "\"[^\"\n]*\"", text.as_bytes(), random);
            "text"
        }
        9 => {
            let other = &all[random.below(all.len())].1;
            let text = some_word(other, random);
            replace(bytes, r"[A-Za-z_]+", text.as_bytes(), random);
            "word"
        }
        10 => {
            bytes.truncate(at);
            "cut"
        }
        11 => {
            let (_, other, _) = &all[random.below(all.len())];
            let part = line(other.as_bytes(), random);
            let line = line(bytes, random);
            bytes.splice(line.start..line.start, other.as_bytes()[part].to_vec());
            "line-of-another"
        }
        12 => {
            let many = [b'(', b'[', b'{', b'-', b' ', b'"', b'\t', b'1'][random.below(8)];
            bytes.splice(at..at, std::iter::repeat_n(many, 1 << random.below(17)));
            "one-byte-often"
        }
        _ => {
            let line = line(bytes, random);
            let copy = bytes[line.clone()].repeat(1 << random.below(12));
            bytes.splice(line.start..line.start, copy);
            "line-often"
        }
    }
}

/// The range of a line, with its end.
fn line(bytes: &[u8], random: &mut Random) -> std::ops::Range<usize> {
    let ends: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] == b'\n').map(|at| at + 1).collect();
    let which = random.below(ends.len() + 1);
    let start = if which == 0 { 0 } else { ends[which - 1] };
    start..ends.get(which).copied().unwrap_or(bytes.len())
}

/// Replaces one of the matches of a pattern by a text.
fn replace(bytes: &mut Vec<u8>, pattern: &str, by: &[u8], random: &mut Random) {
    let found: Vec<_> =
        regex::bytes::Regex::new(pattern).unwrap().find_iter(bytes).map(|found| found.range()).collect();
    if !found.is_empty() {
        let place = found[random.below(found.len())].clone();
        bytes.splice(place, by.to_vec());
    }
}

fn some_word(text: &str, random: &mut Random) -> String {
    let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|w| !w.is_empty()).collect();
    words[random.below(words.len())].to_owned()
}
