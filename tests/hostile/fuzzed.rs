//! The fuzz targets on inputs mutated at random from a seed: 150 inputs for each target in every test run, or one
//! target for as many seconds as `just mutate` sets.

use std::time::{Duration, Instant};

use lawfit::numerics::Random;

use super::{data, seeds};
use crate::world::repository;

#[path = "../../fuzz/checks/csv.rs"]
mod csv;
#[path = "../../fuzz/checks/formula.rs"]
mod formula;
#[path = "../../fuzz/checks/lock.rs"]
mod lock;
#[path = "../../fuzz/checks/meaning.rs"]
mod meaning;
#[path = "../../fuzz/checks/question.rs"]
mod question;
#[path = "../../fuzz/checks/record.rs"]
mod record;
#[path = "../../fuzz/checks/spec.rs"]
mod spec;
#[path = "../../fuzz/checks/yaml.rs"]
mod yaml;

/// A target: its name, its check, and its initial inputs.
type Target = (&'static str, fn(&[u8]), fn() -> Vec<Vec<u8>>);

const TARGETS: [Target; 8] = [
    ("spec", spec::check, specs),
    ("yaml", yaml::check, yamls),
    ("formula", formula::check, formulas),
    ("question", question::check, questions),
    ("csv", csv::check, tables),
    ("lock", lock::check, locks),
    ("record", record::check, records),
    ("meaning", meaning::check, || (0..7).map(|change| vec![change, 1, 38]).chain([vec![1, 2, 3, 4, 5, 6]]).collect()),
];

/// Words of the languages, which chance alone would not find.
const WORDS: [&str; 40] = [
    "fits",
    "queries",
    "[[",
    "]]",
    "= {",
    "spec = 1",
    "extends = \"",
    "&a ",
    "*a",
    "<<: ",
    "!!str ",
    "? ",
    ": ",
    "- ",
    "---\n",
    "|\n",
    "\"\"\"",
    "\\u0000",
    "1e999",
    "-0",
    "0x",
    "inf",
    "nan",
    "^",
    "**",
    "exp(",
    "ln(",
    "sum_over_knots(",
    " and ",
    " not ",
    " in [",
    "in {'",
    "280B",
    " PFday",
    "\u{feff}",
    "\r\n",
    "\t",
    "compute_optimal C=",
    "fit=",
    "é",
];

#[test]
fn every_fuzz_target_holds_on_mutated_inputs() {
    let asked = std::env::var("LAWFIT_MUTATE").ok();
    let asked = asked.as_deref().map(|asked| asked.split_once(':').expect("LAWFIT_MUTATE is TARGET:SECONDS"));
    if let Some((target, _)) = asked {
        assert!(TARGETS.iter().any(|(name, ..)| *name == target), "there is no fuzz target `{target}`");
    }
    for (name, check, begin) in TARGETS {
        match asked {
            Some((target, seconds)) if target == name => {
                let seconds = seconds.parse().expect("LAWFIT_MUTATE is TARGET:SECONDS");
                let end = Instant::now() + Duration::from_secs(seconds);
                let count = mutate(name, check, &begin(), |_| Instant::now() < end);
                println!("{name}: {count} inputs in {seconds} s without a finding");
            }
            Some(_) => {}
            None => drop(mutate(name, check, &begin(), |count| count < 150)),
        }
    }
}

/// Checks mutated inputs while `goes_on` holds for their count, and returns the count. Each input is written to a
/// file before its check, so that the input is known if the program dies.
fn mutate(name: &str, check: fn(&[u8]), begin: &[Vec<u8>], goes_on: impl Fn(u64) -> bool) -> u64 {
    let kept = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("mutated-{name}"));
    begin.iter().for_each(|bytes| check(bytes));
    let mut count = 0;
    while goes_on(count) {
        let mut random = Random::new(17, name, count);
        let mut bytes = begin[random.below(begin.len())].clone();
        for _ in 0..=random.below(6) {
            change(&mut bytes, &mut random, begin);
        }
        std::fs::write(&kept, &bytes).unwrap();
        check(&bytes);
        count += 1;
    }
    count
}

fn change(bytes: &mut Vec<u8>, random: &mut Random, begin: &[Vec<u8>]) {
    let at = random.below(bytes.len() + 1);
    let end = at + random.below((bytes.len() - at).min(64) + 1);
    match random.below(7) {
        0 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
        1 if at < bytes.len() => bytes[at] = random.bits() as u8,
        2 => drop(bytes.drain(at..end)),
        3 => {
            let word = WORDS[random.below(WORDS.len())];
            bytes.splice(at..at, word.bytes());
        }
        4 => {
            let part = bytes[at..end].repeat(1 + random.below(5));
            bytes.splice(at..at, part);
        }
        5 => {
            let other = &begin[random.below(begin.len())];
            let from = random.below(other.len() + 1);
            let to = from + random.below((other.len() - from).min(200) + 1);
            bytes.splice(at..end, other[from..to].iter().copied());
        }
        _ => {
            let number = super::mutated::NUMBERS[random.below(super::mutated::NUMBERS.len())];
            bytes.splice(at..end, number.bytes());
        }
    }
}

/// Specs, each after the byte that selects its language.
fn specs() -> Vec<Vec<u8>> {
    let own = seeds::studies().into_iter().map(|(name, text)| (name.to_owned(), text));
    let all = own.chain(seeds::shipped().0);
    all.map(|(name, text)| [&[u8::from(name.ends_with("yaml"))], text.as_bytes()].concat()).collect()
}

fn yamls() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> =
        specs().into_iter().filter(|bytes| bytes[0] == 1).map(|bytes| bytes[1..].to_vec()).collect();
    all.push(
        b"spec: 1\nx: &a [1, 2.5, ~, true, 'it''s', \"a\\tb\"]\ny: *a\nz: {<<: {k: |\n  text\n  more\n}}\n".to_vec(),
    );
    all.push(b"- - 1\n  - >-\n    folded\n    text\n- ? key\n  : value\n".to_vec());
    all
}

fn formulas() -> Vec<Vec<u8>> {
    let of_catalogue =
        lawfit::law::names().filter_map(|name| Some(lawfit::law::find(name)?.law().ok()?.formula.clone()));
    let mut all: Vec<Vec<u8>> = of_catalogue.map(String::into_bytes).collect();
    all.push(b"6 * N * D >= 1e21 and not (N in [1M, 2B]) or family in {'a', 'b'}".to_vec());
    all
}

fn questions() -> Vec<Vec<u8>> {
    let all = [
        "loss N=280B D=300B",
        "reach L=2.0 solve=C",
        "compute_optimal C=1e21,1e24",
        "isoflop C=1e21 points=9",
        "marginal C=1e21",
        "overtrain C=1e21 factor=0.5",
        "inference_aware loss=2.3 serve=1T",
        "compare C=1e21 with=main",
        "minimum over=N",
        "threshold L=2 solve=N",
        "loss N=1e9 D=1e10 fit=main forecast=law",
    ];
    all.map(|text| text.as_bytes().to_vec()).to_vec()
}

/// Tables with the columns `N` and `L`, each after the byte that selects its format.
fn tables() -> Vec<Vec<u8>> {
    let formats = lawfit::source::Format::ALL;
    let of_format = |wanted: &str, bytes: Vec<u8>| {
        let place = formats.iter().position(|format| format.name() == wanted).unwrap();
        [&[place as u8], bytes.as_slice()].concat()
    };
    let mut all = vec![
        of_format("csv", b"N,L\n1e7,3.5\n\"2e7\",2.5\n".to_vec()),
        of_format("tsv", b"N\tL\n1e7\t3.5\n2e7\t2.5\n".to_vec()),
        of_format("ndjson", b"{\"N\": 1e7, \"L\": 3.5}\n{\"N\": null, \"L\": NaN, \"x\": {\"y\": [1]}}\n".to_vec()),
        of_format("json", b"[{\"N\": 1e7, \"L\": 3.5}, {\"N\": 2, \"L\": \"4\"}]".to_vec()),
        of_format("json", b"{\"N\": [1, 2], \"L\": {\"0\": 1, \"1\": 2}}".to_vec()),
        of_format("hf_trainer", b"{\"log_history\": [{\"step\": 1, \"N\": 3.0, \"L\": 2}]}".to_vec()),
        of_format("lightning", b"step,N,L\n1,2,3\n".to_vec()),
    ];
    all.extend(data::seeds_of_fuzzing().into_iter().map(|(format, bytes)| of_format(format, bytes)));
    all
}

fn locks() -> Vec<Vec<u8>> {
    let folder = repository().join("specs");
    let names = ["chinchilla.lock", "cerebras-gpt.lock", "gpt3.lock"];
    names.iter().map(|name| std::fs::read(folder.join(name)).unwrap()).collect()
}

/// A record with the key that the target requests, and a bundle.
fn records() -> Vec<Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let store = lawfit::store::Store::new(&folder.path().join("cache"));
    let key = lawfit::artifact::Digest::of(b"{}");
    let outputs = [("fit", "a"), ("rows", "b")]
        .map(|(role, text)| (role.to_owned(), std::sync::Arc::new(text.as_bytes().to_vec())));
    store.write(&key, "{}", &outputs.into_iter().collect()).unwrap();
    let mut bundle = Vec::new();
    store.export(None, &mut bundle).unwrap();
    vec![std::fs::read(folder.path().join(format!("cache/v1/ac/{key}.json"))).unwrap(), bundle]
}
