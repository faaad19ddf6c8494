use super::*;

const GOOD: &str = r#"
spec = 1
[study]
title = "t"
[sources.runs]
path = "runs.csv"
[sources.runs.columns]
N = { column = "Model Size", unit = "parameters", counts = "total" }
C = "Training FLOP"
D = { expr = "C / (6 * N)", unit = "tokens" }
L = "loss"
[filters.main]
source = "runs"
rules = [{ range = { N = ["40M", "20B"] }, because = "x" }, { drop_highest = "L", count = 5 }]
[fits.main]
rows = "main"
law = "hoffmann"
objective = { huber = { delta = 1e-3, on = "log" } }
uncertainty = { bootstrap = { resamples = 4000 } }
[queries.budget]
fit = "main"
compute_optimal = { C = [1e21, 5.76e23] }
[queries.target]
fit = "main"
reach = { L = 2.0, solve = "C" }
[[expect]]
that = "fits.main.alpha in [0.31, 0.38]"
"#;

fn problems(text: &str) -> Vec<(&'static str, String, String)> {
    let places = Places::of(text, Format::Toml);
    read(text.as_bytes(), Format::Toml)
        .problems
        .into_iter()
        .map(|d| {
            let at = places.bytes(&d.place).map(|range| text[range].to_owned()).unwrap_or_default();
            (d.code, at, d.hints.first().cloned().unwrap_or_default())
        })
        .collect()
}

#[test]
fn a_good_spec_is_read_whole() {
    let reading = read(GOOD.as_bytes(), Format::Toml);
    assert_eq!(reading.problems, []);
    let spec = reading.spec.unwrap();
    assert_eq!(spec.filters["main"].rules[0].range.as_ref().unwrap()["N"][0].0, 4e7);
    assert_eq!(spec.queries["target"].questions[0].member().variable_of("solution"), Some("C"));
}

#[test]
fn the_settings_of_formats_are_keys_of_a_source() {
    let with = |settings: &str| GOOD.replace("path = \"runs.csv\"", &format!("path = \"runs.csv\"\n{settings}"));
    let reading = read(with("header = 3\nseparator = \";\"\npattern = \"x\"").as_bytes(), Format::Toml);
    assert_eq!(reading.problems, []);
    let source = &reading.spec.unwrap().sources["runs"];
    assert_eq!(source.options.keys().collect::<Vec<_>>(), ["header", "pattern", "separator"]);
    let written = serde_json::json!({ "header": 3, "pattern": ["x"], "separator": ";" });
    assert_eq!(serde_json::to_value(&source.options).unwrap(), written);
    let found = problems(&with("header = \"three\"\nseparator = \"::\"\ndecimal = \"_\"\nseperator = \";\""));
    let named: Vec<(&str, &str)> = found.iter().map(|(code, at, _)| (*code, at.as_str())).collect();
    for expected in [("wrong-value", "\"three\""), ("wrong-value", "\"::\""), ("unknown-key", "seperator")] {
        assert!(named.contains(&expected), "{expected:?}: {found:?}");
    }
    let hint = |key: &str| found.iter().find(|(_, at, _)| at.contains(key)).map(|(_, _, hint)| hint.as_str());
    assert_eq!(hint("seperator"), Some("did you mean `separator`?"));
    assert_eq!(found.len(), 4, "{found:?}");
}

#[test]
fn no_key_of_a_source_has_two_meanings() {
    let mut keys = Source::keys().to_vec();
    keys.sort_unstable();
    assert!(["path", "header", "columns"].iter().all(|key| keys.contains(key)), "{keys:?}");
    assert!(keys.windows(2).all(|pair| pair[0] != pair[1]), "{keys:?}");
}

#[test]
fn all_errors_are_found_at_once_with_their_positions() {
    let text = GOOD
        .replace("title", "titel")
        .replace("delta = 1e-3", "delta = \"small\"")
        .replace("counts = \"total\"", "counts = \"all\"")
        .replace("resamples = 4000", "resample = 4000")
        .replace("law = \"hoffmann\"", "law = 7")
        .replace("because", "becuase");
    let mut found = problems(&text);
    found.sort();
    let codes: Vec<(&str, &str)> = found.iter().map(|(code, at, _)| (*code, at.as_str())).collect();
    assert_eq!(
        codes,
        [
            ("missing-key", "study"),
            ("unknown-key", "becuase"),
            ("unknown-key", "resample"),
            ("unknown-key", "titel"),
            ("wrong-value", "\"all\""),
            ("wrong-value", "\"small\""),
            ("wrong-value", "7"),
        ]
    );
    assert!(found.iter().any(|(_, at, hint)| at == "titel" && hint == "did you mean `title`?"));
}

#[test]
fn a_kind_has_exactly_one_key() {
    let text = GOOD.replace("{ huber = { delta = 1e-3, on = \"log\" } }", "{ huber = {}, least_squares = {} }");
    assert_eq!(problems(&text)[0].0, "wrong-value");
    let text = GOOD.replace("{ huber = { delta = 1e-3, on = \"log\" } }", "{ hubber = {} }");
    assert_eq!(problems(&text)[0], ("unknown-kind", "hubber".to_owned(), "did you mean `huber`?".to_owned()));
    let text = GOOD.replace("{ huber = { delta = 1e-3, on = \"log\" } }", "\"least_squares\"");
    assert_eq!(problems(&text), []);
}

#[test]
fn toml_syntax_errors_come_all_at_once() {
    let found = problems("spec = \n[study\ntitle = 'x\n");
    assert!(found.len() >= 2 && found.iter().all(|f| f.0 == "toml-syntax"), "{found:?}");
}

#[test]
fn duplicate_keys_are_refused_in_both_languages() {
    assert!(problems("spec = 1\nspec = 1\n").iter().any(|f| f.0 == "duplicate-key"));
    let text = "spec: 1\nstudy:\n  title: a\n  title: b\n";
    let reading = read(text.as_bytes(), Format::Yaml);
    assert_eq!(reading.problems[0].code, "duplicate-key");
    let range = Places::of(text, Format::Yaml).bytes(&reading.problems[0].place).unwrap();
    assert_eq!((&text[range.clone()], range.start), ("title", 28));
}

#[test]
fn hostile_specs_are_refused_without_growth_or_panic() {
    let bomb = (0..9).fold("a0: &a0 [x, x]\n".to_owned(), |text, i| {
        format!("{text}a{}: &a{} [{}]\n", i + 1, i + 1, vec![format!("*a{i}"); 9].join(", "))
    });
    let deep = format!("a: {}{}", "[".repeat(5000), "]".repeat(5000));
    for text in [bomb.as_str(), &deep, "\u{0}", "a: !tag x", "? [a]\n: b", "- \n-", "a: &a [*a]", "%YAML 9"] {
        let reading = read(text.as_bytes(), Format::Yaml);
        assert!(!reading.problems.is_empty(), "{text:.40}");
        let _ = Places::of(text, Format::Yaml);
    }
    let dotted = format!("{}b = 1", "a.".repeat(100_000));
    let nested = format!("a = {}{}", "[".repeat(100_000), "]".repeat(100_000));
    for text in [dotted.as_str(), &nested, "\u{0}", "a = 99999999999999999999", "[a]\n[a]"] {
        let reading = read(text.as_bytes(), Format::Toml);
        assert!(!reading.problems.is_empty(), "{text:.40}");
    }
    assert_eq!(read(&[0x66, 0xff], Format::Toml).problems[0].code, "not-utf8");
}
