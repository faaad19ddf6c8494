//! Pathological specs: too many entries, too deep, too long, too large, and paths that do not lead to regular files.

use std::fmt::Write as _;

use super::held::Case;
use super::seeds;
use crate::world::{OTHERS, SPEC, simulated_runs};

/// Numbers at the limits of a double.
const EXTREMES: [&str; 8] = ["1e300", "1e-300", "1.7e308", "5e-324", "1e308", "1e-200", "1e200", "1e154"];
const COUNTS: [&str; 4] = ["10000000", "1000000000000", "1000000000000000000", "9223372036854775807"];

/// A study of the simulated runs, in TOML.
fn toml(name: impl Into<String>, text: impl Into<Vec<u8>>) -> Case {
    Case::new(name, text, &[("runs.csv", simulated_runs(0.01).as_bytes())])
}

/// A study of the simulated runs, in YAML.
fn yaml(name: impl Into<String>, text: impl Into<Vec<u8>>) -> Case {
    let files = [("runs.csv".to_owned(), simulated_runs(0.01).into_bytes())];
    seeds::case(name.into(), "yaml", text.into(), &files)
}

/// Every case.
pub(super) fn cases() -> Vec<Case> {
    [sizes(), extremes(), many(), deep(), expressions(), odd_yaml(), odd_bytes(), files()]
        .into_iter()
        .flatten()
        .collect()
}

fn quick() -> String {
    SPEC.replace("resamples = 100", "resamples = 20")
}

/// Excessive amounts of work.
fn sizes() -> Vec<Case> {
    let mut all = Vec::new();
    for count in COUNTS {
        for method in [
            "bootstrap = { resamples",
            "wild = { resamples",
            "residual = { resamples",
            "auto = { resamples",
            "sandwich = { draws",
            "posterior = { draws",
            "profile = { draws",
        ] {
            let text = SPEC.replace("bootstrap = { resamples = 100", &format!("{method} = {count}"));
            all.push(toml(format!("{method} = {count}"), text));
        }
        for query in [
            "isoflop = { C = 1e21, points = COUNT }",
            "overtrain = { C = 1e21, factor = COUNT }",
            "marginal = { C = 1e21, factor = COUNT }",
            "inference_aware = { loss = 2.3, serve = COUNT }",
        ] {
            let query = query.replace("COUNT", count);
            all.push(toml(query.clone(), quick().replace("compute_optimal = { C = [1e21, 1e23] }", &query)));
        }
        for (key, rest) in
            [("folds", "backtest = { along = \"C\", folds = COUNT }"), ("huge", "weights = \"COUNT * N\"")]
        {
            let fit = format!("law = \"hoffmann\"\n{}", rest.replace("COUNT", count));
            all.push(toml(format!("{key} {count}"), quick().replace("law = \"hoffmann\"", &fit)));
        }
        let rule = format!("rules = [{{ drop_highest = \"L\", count = {count} }}]");
        all.push(toml(rule.clone(), quick().replace("rules = [{ drop = \"L > 10\", because = \"diverged\" }]", &rule)));
        let steps = format!("loss = {{ schedule = {{ shape = \"cosine\", peak = 3e-4, steps = {count} }} }}");
        let (_, text) = seeds::studies().into_iter().find(|(name, _)| *name == "schedule.toml").unwrap();
        let at = text.find("loss = { schedule").unwrap();
        all.push(seeds::case(
            steps.clone(),
            "toml",
            format!("{}{steps}\n", &text[..at]).into_bytes(),
            &seeds::tables(),
        ));
        let seed = format!("seed = {count}");
        all.push(toml(seed.clone(), quick().replace("seed = 3", &seed)));
    }
    all
}

/// Extreme numbers in every place that takes one.
fn extremes() -> Vec<Case> {
    let mut all = Vec::new();
    for extreme in EXTREMES {
        for (was, now) in [
            ("compute_optimal = { C = [1e21, 1e23] }", "compute_optimal = { C = X }"),
            ("compute_optimal = { C = [1e21, 1e23] }", "loss = { N = X, D = 1e10 }"),
            ("compute_optimal = { C = [1e21, 1e23] }", "loss = { N = X, D = X }"),
            ("compute_optimal = { C = [1e21, 1e23] }", "marginal = { C = X }"),
            ("compute_optimal = { C = [1e21, 1e23] }", "marginal = { C = 1e21, factor = X }"),
            ("compute_optimal = { C = [1e21, 1e23] }", "isoflop = { C = X, width = X }"),
            ("compute_optimal = { C = [1e21, 1e23] }", "isoflop = { C = 1e21, at = X }"),
            ("compute_optimal = { C = [1e21, 1e23] }", "isoflop = { C = 1e21, sizes = [1e9, X] }"),
            ("compute_optimal = { C = [1e21, 1e23] }", "overtrain = { C = X, factor = 0.5 }"),
            ("compute_optimal = { C = [1e21, 1e23] }", "overtrain = { C = 1e21, N = X }"),
            ("compute_optimal = { C = [1e21, 1e23] }", "inference_aware = { loss = 2.3, serve = X }"),
            ("compute_optimal = { C = [1e21, 1e23] }", "inference_aware = { loss = X, serve = 1e12 }"),
            ("reach = { L = 2.2, solve = \"C\" }", "reach = { L = X, solve = \"C\" }\nceiling = X"),
            ("reach = { L = 2.2, solve = \"C\" }", "reach = { L = 2.2, N = X, solve = \"D\" }"),
            ("law = \"hoffmann\"", "law = \"hoffmann\"\nobjective = { huber = { delta = X } }"),
            ("law = \"hoffmann\"", "law = \"hoffmann\"\nobjective = { student_t = { nu = X, scale = X } }"),
            ("law = \"hoffmann\"", "law = \"hoffmann\"\nobjective = { asymmetric_huber = { over = X } }"),
            ("law = \"hoffmann\"", "law = \"hoffmann\"\nweights = \"X\""),
            ("law = \"hoffmann\"", "law = \"hoffmann\"\nnoise = \"X * L\""),
            ("L = \"loss\"", "loss = \"loss\"\nL = { expr = \"loss * X\" }"),
            ("\"6 * N * D\"", "\"N * X\""),
        ] {
            let now = now.replace('X', extreme);
            all.push(toml(now.clone(), quick().replace(was, &now)));
        }
        for parameters in [
            "{ bounds = [-X, X] }",
            "{ bounds = [0, X] }",
            "{ start = X }",
            "{ start = [X, 1, 2] }",
            "{ fixed = X }",
            "{ bounds = [0, X], scale = \"log\" }",
        ] {
            for parameter in ["E", "alpha", "A"] {
                let law = format!(
                    "law = \"mine\"\n[laws.mine]\nuse = \"hoffmann\"\n[laws.mine.parameters]\n{parameter} = {}",
                    parameters.replace('X', extreme)
                );
                let text =
                    quick().replace("law = \"hoffmann\"\nuncertainty = { bootstrap = { resamples = 20 } }", &law);
                all.push(toml(format!("{parameter} {}", parameters.replace('X', extreme)), text));
            }
        }
        let constants =
            ["A", "B", "E", "alpha", "beta"].map(|name| format!("{name} = {{ fixed = {extreme} }}")).join("\n");
        let text = format!(
            "spec = 1\nstudy.title = \"Constants\"\n[laws.mine]\nuse = \"hoffmann\"\n[laws.mine.parameters]\n{constants}\n\
             [fits.main]\nlaw = \"mine\"\n[queries.budget]\nfit = \"main\"\ncompute_optimal = {{ C = 1e21 }}\n\
             [queries.next]\nfit = \"main\"\nmarginal = {{ C = {extreme} }}\n[queries.loss]\nfit = \"main\"\nloss = {{ N = 1e9, D = 1e9 }}\n"
        );
        all.push(toml(format!("constants of {extreme}"), text));
    }
    // Every third case, to save time: 40 cases of each number, with other places for each number.
    all.into_iter().step_by(3).collect()
}

/// Thousands of entries of every kind.
fn many() -> Vec<Case> {
    let lines = |count: usize, line: &dyn Fn(usize) -> String| (0..count).map(line).collect::<String>();
    let mut all = vec![
        toml("20,000 unknown tables", quick() + &lines(20_000, &|i| format!("[unknown{i}]\n"))),
        toml("20,000 unknown keys", quick() + "[x]\n" + &lines(20_000, &|i| format!("key{i} = {i}\n"))),
        toml("20,000 duplicate keys", quick() + &lines(20_000, &|_| "fit = 1\n".to_owned())),
        toml(
            "5,000 queries",
            quick()
                + &lines(5_000, &|i| {
                    format!("[queries.q{i}]\nfit = \"main\"\nloss = {{ N = 1e9, D = 1e{} }}\n", 9 + i % 3)
                }),
        ),
        toml(
            "5,000 wrong queries",
            quick() + &lines(5_000, &|i| format!("[queries.q{i}]\nfit = \"mian{i}\"\nlos = 3\n")),
        ),
        toml(
            "5,000 columns",
            quick().replace(
                "L = \"loss\"\n",
                &("L = \"loss\"\n".to_owned() + &lines(5_000, &|i| format!("v{i} = \"loss\"\n"))),
            ),
        ),
        toml(
            "5,000 rules",
            quick().replace(
                "rules = [",
                &("rules = [".to_owned() + &lines(5_000, &|i| format!("{{ drop = \"L > {}\" }},", 10 + i))),
            ),
        ),
        toml(
            "300 fits",
            quick()
                + &lines(300, &|i| {
                    format!(
                        "[fits.f{i}]\nrows = \"main\"\nlaw = \"additive_nd\"\n[queries.q{i}]\nfit = \"f{i}\"\nloss = {{ N = 1e9, D = 1e9 }}\n"
                    )
                }),
        ),
        toml(
            "5,000 expectations",
            quick() + &lines(5_000, &|i| format!("[[expect]]\nthat = \"fits.main.alpha < {i}\"\n")),
        ),
        toml(
            "10,000 wrong expectations",
            quick() + &lines(10_000, &|i| format!("[[expect]]\nthat = \"fits.mian.alpha < {i}\"\n")),
        ),
        toml("3,000 laws", quick() + &lines(3_000, &|i| format!("[laws.l{i}]\nformula = \"L = a{i} * N^-b\"\n"))),
        toml(
            "2,000 tables",
            quick()
                + &lines(2_000, &|i| {
                    format!(
                        "[tables.t{i}]\nfrom = \"{}\"\nsteps = [{{ sort = {{ by = [\"L\"] }} }}]\n",
                        if i == 0 { "runs".to_owned() } else { format!("t{}", i - 1) }
                    )
                }),
        ),
        toml(
            "a law of 300 parameters",
            quick().replace("law = \"hoffmann\"", "law = \"wide\"")
                + "[laws.wide]\nformula = \"L = 1"
                + &lines(300, &|i| format!(" + a{i} * N^-b{i}"))
                + "\"\n",
        ),
        toml(
            "an answer of 10,000 rows",
            quick().replace("[1e21, 1e23]", &format!("[{}]", vec!["1e21"; 10_000].join(", "))),
        ),
        toml(
            "an answer of 1,000,000 rows",
            quick().replace("[1e21, 1e23]", &format!("[{}]", vec!["1e21"; 1_000_000].join(", "))),
        ),
        toml(
            "a million starts",
            quick().replace("law = \"hoffmann\"", "law = \"l\"")
                + &format!(
                    "[laws.l]\nuse = \"hoffmann\"\n[laws.l.parameters]\nalpha = {{ start = [{}] }}\n",
                    vec!["0.3"; 1_000_000].join(", ")
                ),
        ),
        toml(
            "starts in a grid of 1e10",
            quick().replace("law = \"hoffmann\"", "law = \"l\"")
                + &format!(
                    "[laws.l]\nuse = \"hoffmann\"\n[laws.l.parameters]\n{}",
                    ["A", "B", "E", "alpha", "beta"]
                        .map(|name| format!(
                            "{name} = {{ start = [{}] }}\n",
                            (1..=100).map(|i| format!("{}", f64::from(i) / 50.0)).collect::<Vec<_>>().join(", ")
                        ))
                        .concat()
                ),
        ),
        toml(
            "a matrix of 1e9",
            quick()
                + "[matrix.fits.main]\n"
                + &["law", "rows", "objective", "holdout", "weights", "noise", "by", "solver", "starts"]
                    .map(|key| {
                        format!("{key} = [{}]\n", (0..10).map(|i| format!("\"v{i}\"")).collect::<Vec<_>>().join(", "))
                    })
                    .concat(),
        ),
        toml(
            "a matrix of 500",
            quick()
                + &format!(
                    "[matrix.fits.main]\nweights = [{}]\n",
                    (0..500).map(|i| format!("\"{} * L\"", i + 1)).collect::<Vec<_>>().join(", ")
                ),
        ),
        yaml(
            "20,000 keys of YAML",
            format!(
                "spec: 1\nstudy: {{ title: x }}\nlaws:\n{}",
                lines(20_000, &|i| format!("  l{i}: {{ use: hofman }}\n"))
            ),
        ),
        yaml(
            "20,000 items of YAML",
            format!("spec: 1\nstudy:\n  title: x\n  references:\n{}", lines(20_000, &|i| format!("    - r{i}\n"))),
        ),
        yaml("20,000 documents", "---\nspec: 1\n".repeat(20_000)),
        yaml("20,000 duplicate keys of YAML", "spec: 1\n".repeat(20_000)),
        yaml("100,000 comments", "# x\n".repeat(100_000)),
    ];
    let long = "x".repeat(900_000);
    all.push(toml("a title of 900,000 letters", quick().replace("Simulated", &long)));
    all.push(toml("a name of 900,000 letters", quick().replace("[queries.budget]", &format!("[queries.{long}]"))));
    all.push(toml(
        "an unknown name of 900,000 letters",
        quick().replace("law = \"hoffmann\"", &format!("law = \"{long}\"")),
    ));
    all.push(toml("a file larger than specs are", "#".repeat(40 << 20)));
    let twins: String = (0..3_000)
        .map(|i| format!("[queries.\"{}\"]\nfit = \"main\"\nloss = {{ N = 1e9, D = 1e9 }}\n", "a".repeat(i + 1)))
        .collect();
    all.push(toml("names each longer than the last", quick() + &twins));
    all
}

/// Nested brackets.
fn deep() -> Vec<Case> {
    let mut all = Vec::new();
    for depth in [100, 1000, 100_000] {
        let nested = |open: &str, close: &str| open.repeat(depth) + &close.repeat(depth);
        all.push(toml(format!("{depth} lists"), quick() + "x-deep = " + &nested("[", "]")));
        all.push(toml(
            format!("{depth} tables"),
            quick() + "x-deep = " + &nested("{ a = ", "}").replacen("= }", "= 1 }", 1),
        ));
        all.push(toml(format!("{depth} points"), quick() + "[x-deep" + &".a".repeat(depth) + "]\n"));
        all.push(toml(format!("{depth} lists where a number is"), quick().replace("[1e21, 1e23]", &nested("[", "]"))));
        all.push(yaml(format!("{depth} lists of YAML"), "spec: ".to_owned() + &nested("[", "]")));
        all.push(yaml(format!("{depth} mappings of YAML"), "spec: ".to_owned() + &nested("{a: ", "}")));
        all.push(yaml(format!("{depth} dashes"), "- ".repeat(depth) + "1"));
        all.push(yaml(
            format!("{depth} indentations"),
            (0..depth.min(5000)).map(|i| " ".repeat(i) + "a:\n").collect::<String>(),
        ));
        all.push(yaml(format!("{depth} questions"), "? ".repeat(depth)));
        let folded = nested("(", ")").replacen("()", "(N)", 1);
        all.push(toml(format!("{depth} brackets in an expression"), quick().replace("6 * N * D", &folded)));
        all.push(toml(
            format!("{depth} functions"),
            quick().replace("6 * N * D", &nested("ln(", ")").replacen("()", "(N)", 1)),
        ));
    }
    all
}

/// Expressions and formulas of extreme length.
fn expressions() -> Vec<Case> {
    let mut all = Vec::new();
    for terms in [1_999, 5_000, 100_000] {
        for (sign, term) in [("+", "D"), ("-", "N"), ("*", "1.1"), ("^", "1.1"), ("/", "D"), ("and", "N > 1")] {
            let mut text = if sign == "and" { "N > 1".to_owned() } else { "N".to_owned() };
            for _ in 0..terms {
                let _ = write!(text, " {sign} {term}");
            }
            let (was, now) = if sign == "and" { ("L > 10", &text) } else { ("6 * N * D", &text) };
            all.push(toml(format!("{terms} terms of {sign}"), quick().replace(was, now)));
        }
        let formula: String = (0..terms).map(|_| " + a * N^-0.5".to_owned()).collect();
        let law = format!("[laws.long]\nformula = \"L = b{formula}\"\n");
        all.push(toml(
            format!("a formula of {terms} terms"),
            quick().replace("law = \"hoffmann\"", "law = \"long\"") + &law,
        ));
        all.push(toml(format!("{terms} minus signs"), quick().replace("6 * N * D", &("-".repeat(terms) + "N"))));
        all.push(toml(format!("{terms} times not"), quick().replace("L > 10", &("not ".repeat(terms) + "L > 10"))));
        let set = format!("family in {{{}}}", (0..terms).map(|i| format!("'f{i}'")).collect::<Vec<_>>().join(", "));
        all.push(toml(format!("a set of {terms}"), quick().replace("L > 10", &set)));
        let digits = "9".repeat(terms);
        all.push(toml(format!("a number of {terms} digits"), quick().replace("6 * N * D", &digits)));
        all.push(toml(format!("{terms} digits in a key"), quick().replace("[1e21, 1e23]", &digits)));
    }
    for formula in [
        "L = E + A / (N - N)",
        "L = ln(0 * a + N - N)",
        "L = a ^ b ^ c ^ N",
        "L = exp(a * N)",
        "L = sqrt(-a * N)",
        "L = 1e300 * a * N * 1e300",
        "L = a / b / N",
        "L = N",
        "L = a * 0 + N^-1",
        "L = a - a + N",
        "L = gamma(a * N)",
        "L = tan(a * N) + erf(b)",
        "L = max(a, min(b, N))",
        "L = abs(a)^N",
        "L = a",
        "L = a * b * c * d * e * f * N^-g",
        "L = N = D",
        "L",
        "= N",
        "L = L + a",
        "L = sum_over_knots(a)",
        "L = a * N^(-1e300)",
        "L = a * N^(1e-300) + b * D^-1e300",
    ] {
        let law = format!("[laws.odd]\nformula = \"{formula}\"\n");
        all.push(toml(formula, quick().replace("law = \"hoffmann\"", "law = \"odd\"") + &law));
    }
    all
}

/// Rare constructs of YAML.
fn odd_yaml() -> Vec<Case> {
    let aliases = (1..40).fold("a0: &a0 [x, x, x]\n".to_owned(), |text, i| {
        text + &format!("a{i}: &a{i} [*a{0}, *a{0}, *a{0}]\n", i - 1)
    });
    [
        ("a bomb of aliases", format!("spec: 1\nx-bomb:\n  {}", aliases.replace('\n', "\n  "))),
        ("an alias of itself", "spec: &a [*a]\n".to_owned()),
        ("an alias of nothing", "spec: *nothing\n".to_owned()),
        ("merged keys", "spec: 1\nx-base: &b { title: x }\nstudy: { <<: *b, seed: 1 }\n".to_owned()),
        ("tags", "spec: !!int 1\nstudy: !!map { title: !!str 3 }\n".to_owned()),
        ("tags of programs", "spec: !!python/object/apply:os.system [ls]\n".to_owned()),
        ("words for truth", "spec: yes\nstudy: { title: on, seed: off }\n".to_owned()),
        ("numbers of bases", "spec: 0x1\nstudy: { title: 0o17, seed: 1_000 }\n".to_owned()),
        ("a tab", "spec: 1\nstudy:\n\ttitle: x\n".to_owned()),
        ("a directive", "%YAML 9.9\n---\nspec: 1\n".to_owned()),
        ("a text that does not end", "spec: \"1\n".to_owned()),
        ("a block that does not end", "spec: |\n  ".to_owned() + &"x\n  ".repeat(100_000)),
        ("keys that are lists", "? [a, b]\n: 1\nspec: 1\n".to_owned()),
        ("keys that are numbers", "1: 1\n2.5: 2\nnull: 3\ntrue: 4\n".to_owned()),
        ("times", "spec: 2001-12-14t21:59:43.10-05:00\n".to_owned()),
        ("infinities", "spec: .inf\nstudy: { title: .nan, seed: -.inf }\n".to_owned()),
        ("anchors by the thousand", (0..20_000).map(|i| format!("x-{i}: &n{i} 1\n")).collect()),
        ("nothing", String::new()),
        ("one scalar", "spec".to_owned()),
        ("a list", "- spec\n- 1\n".to_owned()),
    ]
    .into_iter()
    .map(|(name, text)| yaml(name, text))
    .collect()
}

/// Bytes that are not text, and texts with unusual characters.
fn odd_bytes() -> Vec<Case> {
    let spec = quick();
    let wide: Vec<u8> = spec.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let zeros = [spec.as_bytes(), &[0; 100]].concat();
    let latin: Vec<u8> = spec.replace("Simulated", "Größe").chars().map(|c| c as u8).collect();
    [
        ("UTF-16", wide),
        ("zeros at the end", zeros),
        ("only zeros", vec![0; 1 << 20]),
        ("Latin-1", latin),
        ("a byte-order mark", [b"\xef\xbb\xbf", spec.as_bytes()].concat()),
        ("three byte-order marks", [b"\xef\xbb\xbf\xef\xbb\xbf\xef\xbb\xbf", spec.as_bytes()].concat()),
        ("line ends of Windows", spec.replace('\n', "\r\n").into_bytes()),
        ("line ends of old Macs", spec.replace('\n', "\r").into_bytes()),
        ("a right-to-left override", spec.replace("main", "\u{202e}niam").into_bytes()),
        ("a zero-width space", spec.replace("main", "ma\u{200b}in").into_bytes()),
        ("an emoji as a name", spec.replace("main", "\u{1f525}").into_bytes()),
        ("control characters", spec.replace("Simulated", "\\u0007\\u001b[31m").into_bytes()),
        ("half a letter of UTF-8", [spec.as_bytes(), b"# \xf0\x9f\x94"].concat()),
        ("all bytes", (0..=255).collect()),
    ]
    .into_iter()
    .map(|(name, bytes)| toml(name, bytes))
    .collect()
}

/// Paths in a spec that lead to no regular file, to no file, or back to the spec.
fn files() -> Vec<Case> {
    let mut all = Vec::new();
    for (index, (what, put)) in OTHERS.into_iter().enumerate() {
        for place in ["study.lock", "odd.csv", "odd.toml", "outputs", ".lawfit", "outputs/study"] {
            let text = quick().replace("runs.csv", if place == "odd.csv" { "odd.csv" } else { "runs.csv" });
            let text = if place == "odd.toml" { "extends = \"odd.toml\"\n".to_owned() } else { text };
            let mut case = toml(format!("{what} as {place} {index}"), text);
            case.prepare = Some(Box::new(move |world| {
                let path = world.path(place);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                put(&path);
            }));
            all.push(case);
        }
    }
    for path in [
        "/dev/zero",
        "/dev/urandom",
        "/dev/null",
        "/dev/stdin",
        "/proc/kmsg",
        "/proc/self/mem",
        "/proc/self/status",
        "/",
        "",
        ".",
        "..",
        "nothing.csv",
        "*",
        "**/*",
        "/**/*.csv",
        "[",
        "{a}",
        "\\u0000",
    ] {
        let source = quick().replace("path = \"runs.csv\"", &format!("path = \"{path}\"\nformat = \"csv\""));
        all.push(toml(format!("a source of {path}"), source));
        all.push(toml(format!("a base of {path}"), format!("extends = \"{path}\"\n")));
    }
    all.push(toml("a base of itself", "extends = \"study.toml\"\n"));
    let mut ring = toml("bases in a ring", "extends = \"b.toml\"\n");
    ring.files.push(("b.toml".to_owned(), b"extends = \"c.toml\"\n".to_vec()));
    ring.files.push(("c.toml".to_owned(), b"extends = \"study.toml\"\n".to_vec()));
    all.push(ring);
    let mut chain = toml("a chain of 2,000 bases", "extends = \"b0.toml\"\n");
    chain
        .files
        .extend((0..2000).map(|i| (format!("b{i}.toml"), format!("extends = \"b{}.toml\"\n", i + 1).into_bytes())));
    all.push(chain);
    let mut wide = toml("3,000 files of a pattern", quick().replace("path = \"runs.csv\"", "path = \"many/*.csv\""));
    let runs = simulated_runs(0.01);
    wide.files.extend((0..3000).map(|i| (format!("many/{i}.csv"), runs.clone().into_bytes())));
    all.push(wide);
    all
}
