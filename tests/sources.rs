//! Data files in common notations: the same rows in any notation give the same study.

use lawfit::source::{Cell, Format, Limits, Options, SourceError, read};
use serde_json::json;

use crate::world::World;

/// A power law of five rows: L = 100 N^-0.25, to all digits.
pub(crate) const ROWS: [(f64, f64); 5] =
    [(16e6, 1.581_138_83), (81e6, 1.054_092_55), (256e6, 0.790_569_42), (625e6, 0.632_455_53), (4.096e9, 0.395_284_71)];

/// A study with L against N of a source.
fn study(source: &str) -> String {
    format!(
        "spec = 1\n[study]\ntitle = \"A power law\"\n[sources.runs]\n{source}\n[sources.runs.columns]\n\
         N = {{ column = \"size\", unit = \"parameters\" }}\nL = {{ column = \"loss\", unit = \"nats\" }}\n\
         note = \"note\"\n\
         [laws.power]\nformula = \"L = A * N^-a\"\n\
         [fits.main]\nrows = \"runs\"\nlaw = \"power\"\nobjective = {{ least_squares = {{}} }}\n"
    )
}

/// The table with a given notation of cells and separators; the unused column `note` holds text.
fn table(separator: &str, size: impl Fn(f64) -> String, loss: impl Fn(f64) -> String) -> String {
    let rows = ROWS.map(|(n, l)| [size(n), loss(l), "by hand".to_owned()].join(separator));
    format!("{}\n{}\n", ["size", "loss", "note"].join(separator), rows.join("\n"))
}

/// The result of a study with such a source and table: the exponent, and the number of fitted rows.
fn exponent(source: &str, file: &str, bytes: &[u8]) -> (f64, u64) {
    let world = World::new();
    world.write("study.toml", &study(source));
    std::fs::write(world.path(file), bytes).unwrap();
    let object = world.run("study.toml");
    let fit = &object["results"]["fits"]["main"];
    (fit["parameters"]["a"]["value"].as_f64().unwrap(), fit["rows"].as_u64().unwrap())
}

/// The error of a study with such a source and table.
fn refusal(source: &str, file: &str, bytes: &[u8]) -> String {
    let world = World::new();
    world.write("study.toml", &study(source));
    std::fs::write(world.path(file), bytes).unwrap();
    let outcome = world.lawfit(&["run", "study.toml"]);
    assert!(outcome.code == 5 || outcome.code == 2, "{}: {}", outcome.code, outcome.stderr);
    outcome.stderr
}

#[test]
fn remedies_for_texts_in_a_column_of_numbers_give_the_number_that_is_meant() {
    let of = |cells: [&str; 2]| {
        let table = format!("size,loss,note\n1e6,{},\n2e6,{},\n3e6,1.5,\n", cells[0], cells[1]);
        refusal("path = \"runs.csv\"", "runs.csv", table.as_bytes())
    };
    assert!(of(["2.5 nats?", "2.4 (seed 1)"]).contains("not a number"), "digits after the words");
    assert!(of(["2.5 (est.)", "2.4 approx"]).contains("extract = \"^[0-9.]+\""));
    for cells in [["7b", "13b"], ["1:30", "2:10"], ["1/3", "2/3"], ["2024-03-01", "2024-04-01"]] {
        let error = of(cells);
        assert!(!error.contains("extract"), "{cells:?}: {error}");
    }
    assert!(of(["7b", "13b"]).contains("unit = \"parameters\""), "{}", of(["7b", "13b"]));
    assert!(of(["2024-03-01", "2024-04-01"]).contains("decimal years"));
}

#[test]
fn a_row_without_a_name_of_its_group_is_missing_and_spaces_around_names_count_nothing() {
    let spec = |more: &str| {
        study(&format!("path = \"runs.csv\"\n{more}"))
            .replace("law = \"power\"\n", "law = \"power\"\nby = \"note\"\n")
            .replace("note = \"note\"", "note = { column = \"note\", type = \"text\" }")
    };
    let names = ["adam", " adam", "adam ", "adam", "adam"];
    let rows = |names: [&str; 5]| {
        let lines: Vec<String> = ROWS.iter().zip(names).map(|((n, l), name)| format!("{n},{l},{name}")).collect();
        format!("size,loss,note\n{}\n", lines.join("\n"))
    };
    let groups = |world: &World| {
        let results = world.run("study.toml")["results"].clone();
        results["fits"]["main"]["groups"].as_object().unwrap().keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(groups(&World::with(&spec(""), &rows(names))), ["adam"]);
    let nameless = rows(["adam", "", "adam", "adam", "adam"]);
    let outcome = World::with(&spec(""), &nameless).lawfit(&["run", "study.toml"]);
    assert_eq!(outcome.code, 5, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("note is empty, so the row belongs to no group"), "{}", outcome.stderr);
    assert_eq!(groups(&World::with(&spec("missing = \"drop\""), &nameless)), ["adam"]);
}

fn grouped(number: f64, sign: char) -> String {
    let digits = format!("{number:.0}");
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(sign);
        }
        grouped.push(digit);
    }
    grouped
}

#[test]
fn a_table_gives_the_same_study_in_every_notation() {
    let plain = |number: f64| number.to_string();
    let comma = |number: f64| number.to_string().replace('.', ",");
    let millions = |number: f64| format!("{}M", number / 1e6);
    let csv = table(",", plain, plain);
    let list = json!(ROWS.map(|(n, l)| json!({ "size": n, "loss": l, "note": "x", "other": [1] })));
    let nested = json!({ "version": 3, "log": { "runs": list } });
    let columns =
        json!({ "size": ROWS.map(|(n, _)| n), "loss": ROWS.map(|(_, l)| l), "note": ["x", "x", "x", "x", "x"] });
    let packed = zstd::encode_all(csv.as_bytes(), 0).unwrap();
    let latin: Vec<u8> = csv.replace("by hand", "à la main").chars().map(|c| c as u8).collect();
    let marked = format!("\u{feff}# exported\n# by hand\n{csv}");
    let cases: [(&str, &str, Vec<u8>); 17] = [
        ("path = \"r.csv\"", "r.csv", csv.clone().into()),
        ("path = \"r.tsv\"", "r.tsv", table("\t", plain, plain).into()),
        ("path = \"r.csv\"\nseparator = \"\\t\"", "r.csv", table("\t", plain, plain).into()),
        ("path = \"r.csv\"\nseparator = \";\"\ndecimal = \",\"", "r.csv", table(";", plain, comma).into()),
        (
            "path = \"r.csv\"\nseparator = \";\"\ndecimal = \",\"",
            "r.csv",
            table(";", |n| grouped(n, '.'), comma).into(),
        ),
        ("path = \"r.csv\"\nseparator = \"|\"", "r.csv", table("|", |n| grouped(n, ','), plain).into()),
        ("path = \"r.csv\"", "r.csv", table(",", |n| format!("\"{}\"", grouped(n, ',')), plain).into()),
        ("path = \"r.csv\"", "r.csv", table(",", millions, |l| format!("~{l}")).into()),
        ("path = \"r.csv\"", "r.csv", table(",", |n| format!("{n:e} params"), plain).into()),
        ("path = \"r.csv\"", "r.csv", table(",", |n| grouped(n, ' '), plain).into()),
        ("path = \"r.csv\"\ncomment = \"#\"", "r.csv", marked.into()),
        ("path = \"r.csv\"\nheader = 3", "r.csv", format!("runs of May\n\n{csv}").into()),
        ("path = \"r.csv\"\nencoding = \"latin1\"", "r.csv", latin),
        ("path = \"r.csv.zst\"", "r.csv.zst", packed),
        ("path = \"r.json\"", "r.json", list.to_string().into()),
        ("path = \"r.json\"", "r.json", columns.to_string().into()),
        ("path = \"r.json\"\nrecords = \"log.runs\"", "r.json", nested.to_string().into()),
    ];
    for (source, file, bytes) in cases {
        let (found, rows) = exponent(source, file, &bytes);
        assert!((found - 0.25).abs() < 1e-6 && rows == 5, "{source}: {found}, {rows} rows");
    }
}

#[test]
fn a_field_inside_a_field_is_a_column() {
    let world = World::new();
    world.write("study.toml", &study("path = \"r.jsonl\"").replace("\"loss\", unit", "\"train.loss\", unit"));
    let lines = ROWS.map(|(n, l)| json!({ "size": n, "note": 1, "train": { "loss": l, "lr": null } }).to_string());
    world.write("r.jsonl", &lines.join("\n"));
    let object = world.run("study.toml");
    assert_eq!(object["results"]["fits"]["main"]["rows"], 5);
}

#[test]
fn dropped_rows_are_counted_by_their_cells_for_used_columns() {
    let world = World::new();
    world.write("study.toml", &study("path = \"r.csv\"\nmissing = \"drop\""));
    let plain = |number: f64| number.to_string();
    let rows = "Mean,1.1,x\nbase,1.2,x\nbase,1.3,x\n7e8,1.08 (std 0.1),x\n,1.4,x\n";
    world.write("r.csv", &(table(",", plain, plain) + rows));
    let object = world.run("study.toml");
    let source = &object["results"]["sources"]["runs"];
    assert_eq!(object["results"]["fits"]["main"]["rows"], 5);
    let dropped: Vec<(String, u64)> = source["dropped"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| (d["rule"].as_str().unwrap().to_owned(), d["rows"].as_u64().unwrap()))
        .collect();
    let expected = [
        ("L is not a number: `1.08 (std 0.1)`", 1),
        ("N is missing", 1),
        ("N is not a number: `Mean`", 1),
        ("N is not a number: `base`", 2),
    ];
    assert_eq!(dropped, expected.map(|(rule, rows)| (rule.to_owned(), rows)));
    // Text in the unused column `note`, which is declared as a number, drops no row.
    assert!(world.read("outputs/study/report.md").contains("- 2 rows dropped: N is not a number: `base`"));
}

#[test]
fn ambiguous_cells_are_refused_with_the_setting_that_resolves_them() {
    let whole = |number: f64| format!("{number:.0}");
    let comma = |number: f64| number.to_string().replace('.', ",");
    let semicolons = table(";", whole, comma);
    let shown = refusal("path = \"r.csv\"\nseparator = \";\"", "r.csv", semicolons.as_bytes());
    assert!(shown.contains("L is `1,58113883` (r.csv row 1)") && shown.contains("decimal = \",\""), "{shown}");
    let shown = refusal("path = \"r.csv\"", "r.csv", semicolons.as_bytes());
    assert!(shown.contains("write `separator = \";\"`"), "{shown}");
    // Twenty thousand or twenty: no other cell decides.
    let thousands = "size\tloss\tnote\n20,000\t3\tx\n30,000\t2\tx\n90,000\t1\tx\n";
    let shown = refusal("path = \"r.tsv\"", "r.tsv", thousands.as_bytes());
    assert!(shown.contains("N is `20,000` (r.tsv row 1)") && shown.contains("decimal = \".\""), "{shown}");
    let (_, rows) = exponent("path = \"r.tsv\"\ndecimal = \".\"", "r.tsv", thousands.as_bytes());
    assert_eq!(rows, 3);
    // One number with a decimal point decides that the comma groups thousands.
    let (_, rows) = exponent("path = \"r.tsv\"", "r.tsv", thousands.replace("\t3\t", "\t3.25\t").as_bytes());
    assert_eq!(rows, 3);
}

#[test]
fn an_option_of_another_format_is_an_error_that_names_the_format() {
    let shown = refusal("path = \"r.csv\"\nrecords = \"runs\"", "r.csv", b"size,loss,note\n1,2,3\n");
    assert!(
        shown.contains("`records` does not apply to the format csv") && shown.contains("it applies to json"),
        "{shown}"
    );
    let shown = refusal("path = \"r.csv\"\nencoding = \"latin\"", "r.csv", b"size,loss,note\n1,2,3\n");
    assert!(shown.contains("there is no encoding `latin`"), "{shown}");
}

#[test]
fn names_of_files_are_data() {
    for (source, folder) in [
        ("path = \"runs/{family}-{size}.csv\"", "runs"),
        ("path = \"runs/*.csv\"\nnames = '(?<family>\\w+)-(?<size>[0-9.eM]+)\\.csv$'", "runs"),
    ] {
        let world = World::new();
        let spec = study(source).replace("note = \"note\"", "family = { column = \"family\", type = \"text\" }");
        world.write("study.toml", &spec.replace("law = \"power\"", "law = \"power\"\nholdout = \"family == 'b'\""));
        for (at, (n, l)) in ROWS.iter().enumerate() {
            let family = if at == 4 { "b" } else { "a" };
            world.write(&format!("{folder}/{family}-{}M.csv", n / 1e6), &format!("loss\n{l}\n"));
        }
        let object = world.run("study.toml");
        let fit = &object["results"]["fits"]["main"];
        assert!((fit["parameters"]["a"]["value"].as_f64().unwrap() - 0.25).abs() < 1e-6, "{source}: {fit}");
        assert_eq!((fit["rows"].as_u64(), fit["holdout"]["rows"].as_u64()), (Some(4), Some(1)), "{source}");
    }
}

/// A study with a table between source and fit.
fn tabled(steps: &str) -> String {
    let spec = study("path = \"r.csv\"");
    let spec = spec.replace("note = \"note\"\n", "seed = \"seed\"\n");
    spec.replace("[laws.power]", &format!("[tables.ready]\nfrom = \"runs\"\nsteps = [{steps}]\n[laws.power]"))
        .replace("rows = \"runs\"", "rows = \"ready\"")
}

#[test]
fn a_table_of_best_runs_reports_rows_before_and_after() {
    let world = World::new();
    world.write("study.toml", &tabled("{ best = { lowest = \"L\", by = [\"N\"] } }, { sort = { by = [\"L\"] } }"));
    let seeds = |(n, l): (f64, f64)| {
        [(1, 1.3), (2, 1.0), (3, 1.1)].map(|(seed, factor)| format!("{n},{},{seed}\n", l * factor))
    };
    world.write("r.csv", &format!("size,loss,seed\n{}", ROWS.map(seeds).concat().concat()));
    let object = world.run("study.toml");
    let results = &object["results"];
    assert_eq!(results["fits"]["main"]["rows"], 5);
    assert!((results["fits"]["main"]["parameters"]["a"]["value"].as_f64().unwrap() - 0.25).abs() < 1e-6);
    let steps = &results["tables"]["ready"]["steps"];
    assert_eq!(steps[0], json!({ "step": "best", "does": "lowest L within each N", "rows_in": 15, "rows_out": 5 }));
    assert!(world.read("outputs/study/report.md").contains("| best: lowest L within each N | 15 | 5 |"));
    let plan = world.lawfit(&["plan", "study.toml"]);
    assert!(plan.stdout.contains("table.ready"), "{}", plan.stdout);
    // A second run computes nothing; a changed step and its dependents are computed again.
    assert!(world.statuses("study.toml").values().all(|status| status == "cached"));
    world.write("study.toml", &tabled("{ mean = { of = [\"L\"], by = [\"N\"] } }"));
    let statuses = world.statuses("study.toml");
    assert_eq!((statuses["ingest.runs"].as_str(), statuses["table.ready"].as_str()), ("cached", "ran"));
}

#[test]
fn a_filter_keeps_the_lowest_of_each_group_of_a_table() {
    let world = World::new();
    let spec = tabled("{ derive = { M = \"2 * N\" } }").replace("rows = \"ready\"", "rows = \"low\"");
    let filter =
        "[filters.low]\nsource = \"ready\"\nrules = [{ keep_lowest = \"L\", by = [\"M\"], because = \"the best\" }]\n";
    world.write("study.toml", &spec.replace("[laws.power]", &format!("{filter}[laws.power]")));
    let rows = ROWS.map(|(n, l)| format!("{n},{l},1\n{n},{},2\n", 2.0 * l)).concat();
    world.write("r.csv", &format!("size,loss,seed\n{rows}"));
    let results = world.run("study.toml")["results"].clone();
    let expected = json!([{ "rule": "keep the 1 lowest L of each M", "rows": 5, "because": "the best" }]);
    assert_eq!(results["filters"]["low"]["dropped"], expected);
}

#[test]
fn errors_in_a_table_are_reported_before_anything_runs() {
    for (steps, said) in [
        ("{ best = { lowest = \"M\", by = [\"N\"] } }", "there is no variable `M` here"),
        ("{ join = { with = \"evals\", on = [\"N\"] } }", "there is no source or table `evals`"),
        ("{ join = { with = \"ready\", on = [\"N\"] } }", "needs `ready`"),
        ("{ bets = { lowest = \"L\" } }", "`bets`"),
    ] {
        let world = World::with(&tabled(steps), "");
        world.write("r.csv", "size,loss,seed\n1,2,3\n");
        let outcome = world.lawfit(&["check", "study.toml"]);
        assert!(outcome.code == 2 && outcome.stderr.contains(said), "{steps}: {}", outcome.stderr);
    }
}

#[test]
fn missing_values_are_filled_from_above_where_a_source_keeps_their_rows() {
    let world = World::new();
    let spec = tabled("{ fill_down = { columns = [\"N\"] } }")
        .replace("path = \"r.csv\"", "path = \"r.csv\"\nmissing = \"keep\"");
    let rows = ROWS.map(|(n, l)| format!("{n},{l},1\n,{l},2\n")).concat();
    world.write("study.toml", &spec);
    world.write("r.csv", &format!("size,loss,seed\n{rows}"));
    assert_eq!(world.run("study.toml")["results"]["fits"]["main"]["rows"], 10);
    world.write("study.toml", &spec.replace("rows = \"ready\"", "rows = \"runs\""));
    let outcome = world.lawfit(&["run", "study.toml"]);
    assert!(outcome.code == 5 && outcome.stderr.contains("N is missing"), "{}", outcome.stderr);
}

#[test]
fn groups_that_are_numbers_are_ordered_and_can_be_queried() {
    let world = World::new();
    let spec = study("path = \"r.csv\"").replace("note = \"note\"", "C = { column = \"budget\", unit = \"FLOP\" }");
    let spec = spec.replace("law = \"power\"", "law = \"power\"\nby = \"C\"");
    let ask = "[queries.all]\nfit = \"main\"\nloss = { N = 1e9 }\n\
               [queries.one]\nfit = \"main\"\ngroup = 1e20\nloss = { N = 1e9 }\n\
               [queries.two]\nfit = \"main\"\ngroup = [\"6e18\", 1e19]\nloss = { N = 1e9 }\n";
    world.write("study.toml", &format!("{spec}{ask}"));
    let rows = [("1e20", 1.0), ("1e19", 2.0), ("6e18", 3.0)]
        .map(|(budget, factor)| ROWS.map(|(n, l)| format!("{n},{},{budget}\n", factor * l)).concat());
    world.write("r.csv", &format!("size,loss,budget\n{}", rows.concat()));
    let results = world.run("study.toml")["results"].clone();
    let groups = |query: &str| -> Vec<String> {
        let rows = results["queries"][query]["rows"].as_array().unwrap();
        rows.iter().map(|row| row["group"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(groups("all"), ["6e18", "1e19", "1e20"]);
    assert_eq!(groups("one"), ["1e20"]);
    assert_eq!(groups("two"), ["6e18", "1e19"]);
    world.write("study.toml", &format!("{spec}{}", ask.replace("group = 1e20", "group = \"70B\"")));
    let outcome = world.lawfit(&["run", "study.toml"]);
    assert!(
        outcome.stderr.contains("no group `70B`") && outcome.stderr.contains("`6e18`, `1e19`, `1e20`"),
        "{}",
        outcome.stderr
    );
}

/// The study with other columns.
pub(crate) fn study_of(source: &str, columns: &str) -> String {
    study(source).replace(
        "N = { column = \"size\", unit = \"parameters\" }\nL = { column = \"loss\", unit = \"nats\" }\nnote = \"note\"\n",
        columns,
    )
}

/// The cells of one column of a fixture.
fn cells_of(file: &str, column: &str) -> Result<Vec<Cell>, SourceError> {
    let bytes = std::fs::read(crate::world::repository().join("tests/fixtures").join(file)).unwrap();
    cells_in(&bytes, Format::of_name(file).unwrap(), column)
}

fn cells_in(bytes: &[u8], format: Format, column: &str) -> Result<Vec<Cell>, SourceError> {
    let table = read(bytes.to_vec(), format, &[column.to_owned()], &Options::default(), &Limits::USUAL);
    table.map(|mut columns| columns.remove(0))
}

fn text(text: &str) -> Cell {
    Cell::Text(text.to_owned())
}

/// The columns that the typed fixtures of all formats have, with three rows.
fn typed_columns() -> [(&'static str, [Cell; 3]); 9] {
    let number = Cell::Number;
    [
        ("day", [text("2024-02-29"), Cell::Empty, text("1969-12-31")]),
        ("when", [text("2024-02-29T12:00:00"), text("2024-02-29T12:20:00"), Cell::Empty]),
        ("clock", [text("01:02:03"), Cell::Empty, text("23:00:00.0015")]),
        ("took", [number(1.5), Cell::Empty, number(60.0)]),
        ("family", [text("a"), text("b"), text("a")]),
        ("price", [number(1.25), Cell::Empty, number(-0.05)]),
        ("train.top1", [number(0.5), number(0.625), Cell::Empty]),
        ("train.at.step", [number(0.0), number(10.0), Cell::Empty]),
        ("train.at.when", [text("2024-02-29T12:00:00Z"), text("2024-02-29T13:00:00Z"), Cell::Empty]),
    ]
}

/// Elements of the lists of the typed fixtures.
fn elements() -> [(&'static str, [Cell; 3]); 10] {
    let (number, none) = (Cell::Number, || Cell::Empty);
    [
        ("losses.0", [number(3.0), none(), none()]),
        ("losses.1", [number(2.0), none(), none()]),
        ("losses.-1", [number(2.0), none(), none()]),
        ("losses.2", [none(), none(), none()]),
        ("evals.0.task", [text("arc"), none(), text("mmlu")]),
        ("evals.0.score", [number(0.5), none(), number(0.25)]),
        ("evals.1.score", [none(), none(), none()]),
        ("evals.-1.task", [text("piqa"), none(), text("mmlu")]),
        ("grid.0.1", [number(2.0), none(), none()]),
        ("grid.-1.0", [number(3.0), none(), number(4.0)]),
    ]
}

/// Checks that columns without a single value are refused, and that the error for an unknown one lists the others.
fn refuses_nested_columns(file: &str) {
    for (column, holds) in [
        ("train", "objects"),
        ("train.at", "objects"),
        ("losses", "lists"),
        ("evals.0", "objects"),
        ("grid.0", "lists"),
    ] {
        let refused = cells_of(file, column).unwrap_err();
        assert!(matches!(&refused, SourceError::Nested { found, .. } if found == holds), "{column}: {refused:?}");
    }
    for column in ["train.top5", "losses.-2", "losses.x", "evals.0.scores", "family.0"] {
        let unknown = cells_of(file, column).unwrap_err();
        assert!(
            matches!(&unknown, SourceError::NoColumn { known, .. } if known.contains(&"train.top1".to_owned())),
            "{column}: {unknown:?}"
        );
    }
}

#[test]
fn values_of_every_type_and_parts_of_nested_ones_are_read_from_parquet() {
    for (column, cells) in typed_columns().into_iter().chain(elements()) {
        assert_eq!(cells_of("types.parquet", column).unwrap(), cells, "{column}");
    }
    refuses_nested_columns("types.parquet");
    let whole = cells_of("types.parquet", "losses").unwrap_err().to_string();
    assert!(whole.ends_with("`losses.0` is the first element of each list, `losses.-1` the last"), "{whole}");
}

#[test]
#[cfg(feature = "arrow")]
fn arrow_files_and_streams_give_the_cells_of_every_type() {
    let (number, none) = (Cell::Number, || Cell::Empty);
    let more = [
        ("half", [number(0.5), none(), number(-2.0)]),
        ("wide", [number(1.0), none(), number(-7.0)]),
        ("large", [text("x"), none(), number(7.0)]),
        ("view", [text("4B"), none(), text("a text longer than twelve bytes")]),
        ("runs", [number(8.5), number(8.5), none()]),
        ("fixed.1", [number(2.0), none(), number(6.0)]),
        ("fixed.-1", [number(2.0), none(), number(6.0)]),
        ("nothing", [none(), none(), none()]),
    ];
    for (column, cells) in typed_columns().into_iter().chain(elements()).chain(more) {
        assert_eq!(cells_of("types.arrow", column).unwrap(), cells, "{column}");
        // The stream has a third batch, with another dictionary and nothing else.
        let of_stream = cells_of("types.arrows", column).unwrap();
        let last = if column == "family" { text("c") } else { Cell::Empty };
        assert_eq!((&of_stream[..3], &of_stream[3]), (&cells[..], &last), "{column}");
        if column != "runs" {
            assert_eq!(cells_of("types.feather", column).unwrap(), cells, "{column}");
        }
    }
    refuses_nested_columns("types.arrow");
    for (column, holds) in [("blob", "bytes"), ("span", "intervals of months and days")] {
        let refused = cells_of("types.arrows", column).unwrap_err();
        assert!(matches!(&refused, SourceError::Nested { found, .. } if found == holds), "{column}: {refused:?}");
    }
}

#[test]
#[cfg(feature = "arrow")]
fn a_damaged_arrow_file_is_refused_with_the_place_of_the_damage() {
    let bytes = |file: &str| std::fs::read(crate::world::repository().join("tests/fixtures").join(file)).unwrap();
    let refused = |bytes: &[u8]| cells_in(bytes, Format::Arrow, "price").unwrap_err().to_string();
    let (file, stream) = (bytes("types.arrow"), bytes("types.arrows"));
    let torn = refused(&file[..file.len() - 3]);
    assert_eq!(torn, format!("byte {}: the file is truncated: it does not end with `ARROW1`", file.len() - 3));
    let torn = refused(&stream[..stream.len() - 200]);
    assert!(torn.ends_with("the message is longer than the rest of the stream"), "{torn}");
    assert!(refused(b"FEA1....FEA1").contains("Feather file of version 1"));
    assert_eq!(refused(b"\x10\0\0\0not an Arrow file"), "byte 0: it is not an Arrow file or stream");
    for (whole, step) in [(&file, 7), (&stream, 11)] {
        for at in (0..whole.len()).step_by(step) {
            let mut damaged = whole.clone();
            damaged[at] = damaged[at].wrapping_add(0x5f);
            for column in ["family", "evals.-1.score", "view", "runs", "when"] {
                // A changed value is as good as another; a changed size must neither panic nor be believed.
                if let Err(error) = cells_in(&damaged, Format::Arrow, column) {
                    let said = error.to_string();
                    let is_placed =
                        ["byte ", "batch ", "column `", "it ", "dictionary"].iter().any(|p| said.contains(p));
                    assert!(is_placed, "byte {at}, {column}: {said}");
                }
            }
            assert!(cells_in(&whole[..at], Format::Arrow, "price").is_err() || at > 3000, "cut at {at}");
        }
    }
}

#[test]
#[cfg(feature = "spreadsheets")]
fn a_workbook_is_read_from_its_header_down_and_a_bomb_is_refused() {
    let bytes = std::fs::read(crate::world::repository().join("tests/fixtures/runs.xlsx")).unwrap();
    for source in
        ["path = \"r.xlsx\"\nsheet = \"Runs\"\nheader = 3", "path = \"r.xlsx\"\nsheet = \"Runs\"\nrange = \"A3:C\""]
    {
        let world = World::new();
        world.write("study.toml", &study(source).replace("note = \"note\"\n", ""));
        std::fs::write(world.path("r.xlsx"), &bytes).unwrap();
        let results = world.run("study.toml")["results"].clone();
        assert_eq!(results["fits"]["main"]["rows"], 5, "{source}");
        assert!((results["fits"]["main"]["parameters"]["a"]["value"].as_f64().unwrap() - 0.25).abs() < 1e-6);
    }
    let shown = refusal("path = \"r.xlsx\"", "r.xlsx", &bytes);
    assert!(shown.contains("Runs, Notes; choose one: `sheet = \"Runs\"`"), "{shown}");
    let shown = refusal("path = \"r.xlsx\"", "r.xlsx", &bytes[..bytes.len() / 2]);
    assert!(shown.contains("not a complete zip archive"), "{shown}");
    let formulas = std::fs::read(crate::world::repository().join("tests/fixtures/formulas.xlsx")).unwrap();
    let shown = refusal("path = \"r.xlsx\"", "r.xlsx", &formulas);
    assert!(shown.contains("column `loss` has formulas without values"), "{shown}");
}

#[test]
#[cfg(feature = "sqlite")]
fn a_database_is_read_by_a_query_that_only_reads() {
    let fixtures = crate::world::repository().join("tests/fixtures/mlflow.db.gz");
    let bytes = std::fs::read(fixtures).unwrap();
    let query = "SELECT CAST(value AS REAL) AS size, 2e7 / CAST(value AS REAL) AS loss, 1 AS note FROM params";
    let (_, rows) = exponent(&format!("path = \"r.db.gz\"\nquery = \"{query}\""), "r.db.gz", &bytes);
    assert_eq!(rows, 3);
    for (query, said) in [
        ("DELETE FROM params", "may only read"),
        ("ATTACH '/tmp/x' AS y", "r.db.gz"),
        ("SELECT 1 AS a", "has no column `loss`"),
        ("SELECT * FROM absent", "no such table"),
        (
            "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) AS size, 1 AS loss, 1 AS note FROM n",
            "takes too long",
        ),
    ] {
        let shown = refusal(&format!("path = \"r.db.gz\"\nquery = \"{query}\""), "r.db.gz", &bytes);
        assert!(shown.contains(said), "{query}: {shown}");
    }
    let shown = refusal("path = \"r.db.gz\"", "r.db.gz", &bytes);
    assert!(shown.contains("choose what to read with `query`"), "{shown}");
}

/// Approach 2 on rows: a parabola in ln D for each budget, and a power law through the minima.
const APPROACH_2: &str = r#"
spec = 1
[study]
title = "Approach 2 on rows"
[sources.runs]
path = "runs.csv"
[sources.runs.columns]
C = { column = "training budget", unit = "FLOP" }
D = { column = "tokens seen", unit = "tokens" }
L = "val loss (normalised NLL/char)"
[laws.parabola]
formula = "L = floor + curve * (ln(D) - centre)^2"
[fits.parabolas]
rows = "runs"
law = "parabola"
by = "C"
objective = { least_squares = { on = "raw" } }
uncertainty = "auto"
[queries.minima]
fit = "parabolas"
minimum = { over = "D" }
[sources.optima]
from = "queries.minima"
missing = "drop"
[sources.optima.columns]
C = { column = "C", unit = "FLOP" }
Dstar = { column = "at", unit = "tokens" }
low = "at.lower"
[laws.best]
formula = "Dstar = k * C^a"
[fits.best]
rows = "optima"
law = "best"
objective = { least_squares = { on = "log" } }
uncertainty = "auto"
[queries.flagship]
fit = "best"
loss = { C = 3.8e25 }
"#;

#[test]
fn the_answer_of_a_query_can_be_a_source_of_another_fit() {
    // A parabola around D* = 0.3 C^0.54 for each budget, and one budget with all runs on one side of it.
    let of_budget = |(budget, first): (f64, i32)| {
        let best = libm::log(0.3) + 0.54 * libm::log(budget);
        let row = |step: i32| {
            let x = best + 0.3 * f64::from(step);
            format!("{budget:e},{},{}\n", libm::exp(x), 0.8 + 0.05 * (x - best) * (x - best))
        };
        (first..first + 5).map(row).collect::<String>()
    };
    let rows = [(6e18, -2), (1e19, -2), (1e20, -2), (1e21, 1)].map(of_budget).concat();
    let rows = format!("training budget,tokens seen,val loss (normalised NLL/char)\n{rows}");
    let world = World::new();
    world.write("study.toml", APPROACH_2);
    world.write("runs.csv", &rows);
    let results = world.run("study.toml")["results"].clone();
    let best = &results["fits"]["best"]["parameters"];
    assert!((best["a"]["value"].as_f64().unwrap() - 0.54).abs() < 1e-5, "{best}");
    assert!((best["k"]["value"].as_f64().unwrap() / 0.3 - 1.0).abs() < 1e-3, "{best}");
    let minima = results["queries"]["minima"]["rows"].as_array().unwrap();
    let groups: Vec<&str> = minima.iter().map(|row| row["group"].as_str().unwrap()).collect();
    assert_eq!(groups, ["6e18", "1e19", "1e20", "1e21"]);
    let verdicts: Vec<&str> = minima.iter().map(|row| row["reach"]["verdict"].as_str().unwrap()).collect();
    assert_eq!(verdicts, ["inside", "inside", "inside", "near"], "the last minimum lies outside its points");
    assert!(world.statuses("study.toml").values().all(|status| status == "cached"));
    let plan = world.lawfit(&["plan", "study.toml"]).stdout;
    let place = |id: &str| plan.find(id).unwrap_or_else(|| panic!("{id} in {plan}"));
    assert!(place("extrapolate.minima") < place("ingest.optima") && place("ingest.optima") < place("fit.best"));
}

#[test]
fn a_row_of_an_answer_without_a_number_is_reported_with_its_reason() {
    // The second budget has a maximum.
    let of_budget = |(budget, curve): (f64, f64)| {
        let row = |step: i32| {
            let x = 0.3 * f64::from(step);
            format!("{budget:e},{},{}\n", 1e9 * libm::exp(x), 0.8 + curve * x * x)
        };
        (-2..3).map(row).collect::<String>()
    };
    let rows = [(1e19, 0.05), (1e20, -0.05), (1e21, 0.05)].map(of_budget).concat();
    let spec = APPROACH_2.replace("missing = \"drop\"\n", "");
    assert_ne!(spec, APPROACH_2);
    let world = World::with(&spec, &format!("training budget,tokens seen,val loss (normalised NLL/char)\n{rows}"));
    let outcome = world.lawfit(&["run", "study.toml"]);
    assert_eq!(outcome.code, 5, "{}", outcome.stderr);
    for said in ["the answer's row 2", "row 2 of the answer: there is no minimum"] {
        assert!(outcome.stderr.contains(said), "{said}: {}", outcome.stderr);
    }
}

#[test]
fn a_source_that_depends_on_itself_is_refused() {
    for (change, said) in [
        (("rows = \"runs\"", "rows = \"optima\""), "depends on this source"),
        (("from = \"queries.minima\"", "from = \"queries.minimal\""), "no query `minimal`"),
        (("from = \"queries.minima\"", "from = \"queries.minima\"\nformat = \"csv\""), "applies to files"),
    ] {
        let world = World::with(&APPROACH_2.replace(change.0, change.1), "training budget,tokens seen,x\n");
        let outcome = world.lawfit(&["check", "study.toml"]);
        assert!(outcome.code == 2 && outcome.stderr.contains(said), "{change:?}: {}", outcome.stderr);
    }
}

#[test]
fn approach_2_on_the_rows_of_a_published_figure_gives_its_power_law() {
    let table = crate::world::repository().join("../shared/cases/isoflop-rows/runs.csv");
    let Ok(rows) = std::fs::read_to_string(table) else {
        println!("skipped: ../shared/cases is not there");
        return;
    };
    let world = World::new();
    world.write("study.toml", APPROACH_2);
    world.write("runs.csv", &rows);
    let results = world.run("study.toml")["results"].clone();
    let best = &results["fits"]["best"]["parameters"];
    let [k, a] = ["k", "a"].map(|name| best[name]["value"].as_f64().unwrap());
    assert!((k - 0.2994).abs() < 5e-5 && (a - 0.5368).abs() < 5e-5, "D* = {k} C^{a}");
    let tokens = results["queries"]["flagship"]["rows"][0]["loss"]["value"].as_f64().unwrap();
    assert!((tokens / 16.1e12 - 1.0).abs() < 0.05 / 16.1, "{tokens}");
    assert!((3.8e25 / (6.0 * tokens) / 393e9 - 1.0).abs() < 2e-3, "{tokens}");
}

#[test]
fn texts_that_are_one_number_and_not_one_text_are_several_groups() {
    let spec = r#"
spec = 1
[study]
title = "Names of digits"
[sources.runs]
path = "runs.csv"
columns.seed = { column = "seed", type = "text" }
columns.N = "size"
columns.L = "loss"
[laws.power]
formula = "L = A * N^-a"
[fits.main]
rows = "runs"
law = "power"
by = "seed"
"#;
    let names = ["7", "07", "007", "1e3", "1000"];
    let sizes = [1e6, 1e7, 1e8];
    let rows = names.iter().flat_map(|name| sizes.map(|n| (name, n, 3.0 * libm::pow(n, -0.05))));
    let rows: Vec<(&&str, f64, f64)> = rows.collect();
    let groups = |world: &World| -> Vec<String> {
        let results = world.run("study.toml")["results"].clone();
        results["fits"]["main"]["groups"].as_object().unwrap().keys().cloned().collect()
    };
    let mut wanted = names.map(str::to_owned).to_vec();
    wanted.sort();
    let csv: Vec<String> = rows.iter().map(|(name, n, l)| format!("{name},{n},{l}")).collect();
    let mut found = groups(&World::with(spec, &format!("seed,size,loss\n{}\n", csv.join("\n"))));
    found.sort();
    assert_eq!(found, wanted);
    let line = |(name, n, l): &(&&str, f64, f64)| format!("{{\"seed\": \"{name}\", \"size\": {n}, \"loss\": {l}}}");
    let lines: Vec<String> = rows.iter().map(line).collect();
    let world = World::with(&spec.replace("runs.csv", "runs.jsonl"), "");
    world.write("runs.jsonl", &lines.join("\n"));
    let mut found = groups(&world);
    found.sort();
    assert_eq!(found, wanted);
}

#[test]
fn no_key_contains_the_name_of_a_joined_table() {
    let spec = r#"
spec = 1
[study]
title = "Sizes and losses apart"
[sources.losses]
path = "runs.csv"
columns.model = { column = "model", type = "text" }
columns.L = "loss"
[sources.sizes]
path = "sizes.csv"
columns.model = { column = "model", type = "text" }
columns.N = "size"
[tables.runs]
from = "losses"
steps = [{ join = { with = "sizes", on = ["model"] } }]
[laws.power]
formula = "L = A * N^-a"
[fits.main]
rows = "runs"
law = "power"
"#;
    let world = World::with(spec, "model,loss\na,3\nb,2.5\nc,2.1\n");
    world.write("sizes.csv", "model,size\na,1e7\nb,1e8\nc,1e9\n");
    assert_eq!(world.statuses("study.toml")["table.runs"], "ran");
    world.write("study.toml", &spec.replace("sizes]", "models]").replace("\"sizes\"", "\"models\""));
    let statuses = world.statuses("study.toml");
    assert_eq!((statuses["ingest.models"].as_str(), statuses["table.runs"].as_str()), ("cached", "cached"));
}
