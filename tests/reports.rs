//! Reports: the first screen, tables and macros for papers, tables for other programs, the terminal.

use crate::world::{SPEC, World, simulated_runs};
use std::fmt::Write as _;

/// The study with a query for responses, and further text at its end.
fn world(more: &str) -> World {
    let asked = "[queries.large]\nfit = \"main\"\nloss = { N = [4e8, 1e12], D = [1e10, 2e13] }\n";
    World::with(&format!("{SPEC}{asked}{more}"), &simulated_runs(0.01))
}

fn results(world: &World) -> serde_json::Value {
    serde_json::from_str(&world.read("outputs/study/results.json")).unwrap()
}

/// The rows of every table in a Markdown text, as cells.
fn rows(text: &str) -> Vec<Vec<String>> {
    let lines = text.lines().filter(|line| line.starts_with("| "));
    let cells = |line: &str| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect();
    lines.map(cells).collect()
}

#[test]
fn the_first_screen_has_one_answer_its_reliability_and_reasons() {
    let world = world("[report]\nanswer = \"queries.large.row2\"\n");
    world.run("study.toml");
    let answer = results(&world)["recommended"].clone();
    assert_eq!((answer["query"].as_str(), answer["row"].as_u64()), (Some("large"), Some(2)));
    assert_eq!(answer["belief"], "doubtful");
    assert!(answer["because"][0].as_str().unwrap().contains("far outside the data"), "{answer}");
    assert!(answer["interval"].as_str().unwrap().contains("90 % prediction interval"), "{answer}");
    let report = world.read("outputs/study/report.md");
    let first = report.split("<details>").next().unwrap();
    for said in
        [answer["sentence"].as_str().unwrap(), "Doubtful:", "What would change it", "![", "Before you quote this"]
    {
        assert!(first.contains(said), "{said} in {first}");
    }
    assert!(first.lines().count() < 45, "one screen: {first}");
    assert!(world.read("outputs/study/report.html").contains("class=\"word doubtful\""));
}

#[test]
fn the_last_answer_of_the_first_query_is_recommended_by_default() {
    let world = World::with(&SPEC.replace("queries.budget", "queries.zeta"), &simulated_runs(0.01));
    world.run("study.toml");
    let results = results(&world);
    assert_eq!((&results["recommended"]["query"], &results["recommended"]["row"]), (&"zeta".into(), &2.into()));
    let conclusions = results["conclusions"].to_string();
    assert!(conclusions.find("query zeta") < conclusions.find("query target"), "the order of the spec: {conclusions}");
}

#[test]
fn the_observed_value_is_shown_next_to_the_answer() {
    let table = simulated_runs(0.01);
    let cells: Vec<&str> = table.lines().nth(1).unwrap().split(',').collect();
    let asked = format!("[queries.seen]\nfit = \"main\"\nloss = {{ N = {}, D = {} }}\n", cells[0], cells[1]);
    let world = World::with(&format!("{SPEC}{asked}"), &table);
    world.run("study.toml");
    let observed = results(&world)["queries"]["seen"]["rows"][0]["observed"].clone();
    assert_eq!(observed["response"].as_f64(), cells[2].parse().ok());
    assert_eq!(observed["held_out"], false);
    assert!(world.read("outputs/study/report.md").contains("(fitted)"));
}

#[test]
fn the_answer_that_a_conclusion_quotes_is_the_recommended_one() {
    let quoted = |conclusion: &str| {
        let world = world(&format!("[report]\nconclusion = \"{conclusion}\"\n"));
        let recommended = world.run("study.toml")["results"]["recommended"].clone();
        (recommended["query"].as_str().unwrap().to_owned(), recommended["row"].as_u64().unwrap())
    };
    assert_eq!(quoted("No number."), ("budget".to_owned(), 2));
    assert_eq!(quoted("The large one reaches {queries.large.row1.loss}."), ("large".to_owned(), 1));
    assert_eq!(quoted("It takes {queries.target}; alpha is {fits.main.alpha}."), ("target".to_owned(), 1));
}

#[test]
fn results_have_the_order_of_the_spec() {
    let more = "[queries.ahead]\nfit = \"main\"\nloss = { N = 1e10, D = 1e11 }\n";
    let world = World::with(&format!("{SPEC}{more}"), &simulated_runs(0.01));
    let order = world.run("study.toml")["results"]["order"].clone();
    assert_eq!(order["queries"], serde_json::json!(["budget", "target", "ahead"]));
    assert_eq!(order["fits"], serde_json::json!(["main"]));
}

#[test]
fn conclusions_of_an_author_contain_numbers_of_the_results() {
    let world = world(
        "[report]\nconclusion = [\"Twice {{so}}: {queries.large.row2}, of {sources.runs.rows} runs\", \"alpha is {fits.main.alpha}\"]\n",
    );
    world.run("study.toml");
    let results = results(&world);
    let said: Vec<&str> = results["statements"].as_array().unwrap().iter().map(|s| s.as_str().unwrap()).collect();
    let value = results["queries"]["large"]["rows"][1]["loss"]["value"].as_f64().unwrap();
    assert!(said[0].starts_with(&format!("Twice {{so}}: {value:.3} [")), "{said:?}");
    assert!(said[0].ends_with("of 30 runs"), "{said:?}");
    assert!(said[1].starts_with("alpha is 0.3") && said[1].contains('['), "{said:?}");
    assert!(world.read("outputs/study/report.md").contains(&format!("**{}**", said[0])));
}

#[test]
fn a_conclusion_or_an_answer_that_names_nothing_is_an_error() {
    for (report, said) in [
        ("conclusion = \"It is {queries.larg.row2}\"", "the results have no number `queries.larg.row2`"),
        ("conclusion = \"It is {queries.large\"", "this brace has no partner"),
        ("answer = \"queries.large.row3\"", "there is no answer `queries.large.row3`"),
        ("precision = 0", "number of significant digits must be 2 to 15"),
        ("sections = [\"answer\"]", "answer"),
    ] {
        let outcome = world(&format!("[report]\n{report}\n")).lawfit(&["check", "study.toml"]);
        assert_eq!(outcome.code, 2, "{report}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(said), "{report}: {}", outcome.stderr);
    }
}

#[test]
fn report_and_terminal_count_the_same_warnings() {
    let world = world("");
    let outcome = world.lawfit(&["run", "study.toml"]);
    let notes = results(&world)["notes"].as_array().unwrap().clone();
    let severities: Vec<&str> = notes.iter().map(|note| note["severity"].as_str().unwrap()).collect();
    assert_eq!(severities[0], "serious");
    let grave = |severity: &&str| ["serious", "caution", "remark"].iter().position(|s| s == severity);
    assert!(severities.is_sorted_by_key(grave), "{severities:?}");
    assert!(notes[0]["answers"].as_u64().unwrap() > 0);
    let serious = severities.iter().filter(|severity| **severity == "serious").count();
    let counted = match (notes.len(), serious) {
        (1, _) => "1 warning, serious".to_owned(),
        (all, serious) => format!("{all} warnings, {serious} of them serious"),
    };
    assert!(outcome.stdout.contains(&counted), "{counted} in {}", outcome.stdout);
    assert!(world.read("outputs/study/report.md").contains(&counted));
}

#[test]
fn terminal_tables_fit_the_width_and_files_have_no_colours() {
    let world = world("");
    for width in [50_usize, 90] {
        let outcome = world.lawfit_with(&["run", "study.toml", "--quiet"], &[("COLUMNS", &width.to_string())]);
        let longest = outcome.stdout.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(longest <= width, "{longest} of {width}: {}", outcome.stdout);
        assert!(!outcome.stdout.contains('\u{1b}'));
        assert!(outcome.stdout.contains("parameter") && outcome.stdout.contains("alpha"), "{}", outcome.stdout);
    }
}

#[test]
fn a_table_with_curves_has_as_many_cells_as_columns_in_every_row() {
    let world = world("[queries.curve]\nfit = \"main\"\nisoflop = { C = 1e21, curve = true, points = 5 }\n");
    world.run("study.toml");
    let report = world.read("outputs/study/report.md");
    let section = report.split("### curve").nth(1).unwrap().split("###").next().unwrap();
    let rows = rows(section);
    assert_eq!(rows.len(), 7, "a head, the best split and five points: {section}");
    assert!(rows.iter().all(|row| row.len() == rows[0].len()), "{rows:?}");
    let ratio = rows[0].iter().position(|name| name == "N_ratio").unwrap();
    assert!(rows[1][ratio] == "-" && rows[2][ratio] != "-", "{rows:?}");
}

#[test]
fn latex_has_a_macro_for_each_identified_number_and_for_its_interval() {
    let world = world("[report]\nformats = [\"latex\"]\n");
    world.run("study.toml");
    let values = world.read("outputs/study/values.tex");
    let alpha = results(&world)["fits"]["main"]["parameters"]["alpha"].clone();
    let line = values.lines().find(|line| line.contains("{\\lawfitMainAlpha}")).unwrap();
    let shown = line.split("\\ensuremath{").nth(1).unwrap().trim_end_matches('}');
    let error = (shown.parse::<f64>().unwrap() - alpha["value"].as_f64().unwrap()).abs();
    let half = 0.5 * (alpha["upper"].as_f64().unwrap() - alpha["lower"].as_f64().unwrap());
    assert!(error <= 0.05 * half && shown.len() < 8, "{shown} of {alpha}");
    let of_row = "{\\lawfitBudgetCOneETwoThreeN}";
    assert!(values.contains("{\\lawfitMainAlphaInterval}") && values.contains(of_row), "{values}");
    let tables = world.read("outputs/study/tables.tex");
    for package in ["booktabs", "graphicx"] {
        assert!(tables.contains(&format!("\\usepackage{{{package}}}")), "{tables}");
    }
    assert!(tables.contains("far outside the data"), "{tables}");
    for head in ["$C$ (FLOP)", "$N$ (parameters)", "$D$ (tokens)"] {
        assert!(tables.contains(head), "{head} in {tables}");
    }
    assert!(!tables.contains("\\begin{table}"), "LaTeX keeps only a few floats: {tables}");
}

#[test]
fn a_macro_keeps_its_meaning_if_a_question_gets_another_point() {
    let with = |budgets: &str| {
        let spec = SPEC.replace("C = [1e21, 1e23]", &format!("C = [{budgets}]"));
        let world = World::with(&format!("{spec}[report]\nformats = [\"latex\"]\n"), &simulated_runs(0.01));
        world.run("study.toml");
        let values = world.read("outputs/study/values.tex");
        let of_query = values.lines().filter(|line| line.contains("\\lawfitBudget")).map(str::to_owned);
        of_query.collect::<std::collections::BTreeSet<_>>()
    };
    let (few, more) = (with("1e21, 1e23"), with("1e20, 1e21, 3e21, 1e23"));
    assert!(few.len() > 10 && few.is_subset(&more) && more.len() == 2 * few.len(), "{few:?} {more:?}");
}

/// Losses of a law of one variable, with noise that is the same from both ends and so has no trend.
fn losses(of: impl Fn(f64) -> f64) -> String {
    const NOISE: [f64; 7] = [1.004, 0.99, 1.008, 0.997, 1.002, 0.993, 1.006];
    let mut table = "N,L\n".to_owned();
    for (i, noise) in NOISE.iter().chain(NOISE.iter().rev()).enumerate() {
        let n = 1e6 * libm::pow(2.5, i as f64);
        let _ = writeln!(table, "{n},{}", of(n) * noise);
    }
    table
}

/// A study of a power law over a table of [`losses`].
const POWER: &str = "spec = 1\n[study]\ntitle = \"Power\"\n[sources.runs]\npath = \"runs.csv\"\n\
    columns = { N = { column = \"N\", unit = \"parameters\" }, L = { column = \"L\", unit = \"nats\" } }\n\
    [laws.bare]\nformula = \"L = A / N^alpha\"\n[fits.main]\nrows = \"runs\"\nlaw = \"bare\"\nuncertainty = \"auto\"\n\
    [queries.law]\nfit = \"main\"\nloss = { N = 1e12 }\n";

#[test]
fn rows_without_a_trend_give_nothing_to_quote() {
    let several = "[queries.several]\nfit = \"main\"\nloss = { N = 1e12 }\nforecast = \"default\"\n";
    let formats = "[report]\nformats = [\"markdown\", \"csv\"]\n";
    for (more, quoted, said) in [
        ("", "law", "no answer to quote, because the rows show no trend"),
        (several, "several", "none of them has an answer to quote"),
    ] {
        let world = World::with(&format!("{POWER}{more}{formats}"), &losses(|_| 2.9));
        world.run("study.toml");
        let results = results(&world);
        let answer = &results["recommended"];
        assert_eq!((answer["query"].as_str(), answer["belief"].as_str()), (Some(quoted), Some("unsupported")));
        assert!(answer["value"].is_null() && answer["lower"].is_null() && answer["interval"].is_null(), "{answer}");
        let report = world.read("outputs/study/report.md");
        let first = report.split("<details>").next().unwrap();
        assert!(first.contains(said) && !first.contains("Quote `") && !first.contains("L = 2."), "{first}");
    }
}

#[test]
fn a_refused_forecast_has_a_line_with_its_reason_in_the_table_of_answers_and_a_warning_of_its_own() {
    let several = "[queries.several]\nfit = \"main\"\nloss = { N = 1e12 }\nforecast = \"default\"\n";
    let world = World::with(&format!("{POWER}{several}[report]\nformats = [\"csv\"]\n"), &losses(|_| 2.9));
    world.run("study.toml");
    let answers = world.read("outputs/study/answers.csv");
    assert!(answers.lines().next().unwrap().ends_with(",reason"), "{answers}");
    let line = answers.lines().find(|line| line.starts_with("several,main,loss,")).unwrap();
    assert!(line.contains(",loss,,,,not forecast,") && line.contains("no trend to continue"), "{line}");
    let notes = results(&world)["notes"].to_string();
    let wrong = "There is no answer: the rows do not identify one.";
    assert!(notes.contains("There is no forecast by several laws") && !notes.contains(wrong), "{notes}");
}

#[test]
fn the_first_screen_names_a_fit_of_the_same_rows_that_forecasts_better_and_the_group_of_its_answer() {
    let mut table = "family,N,L\n".to_owned();
    for (family, floor) in [("a", 1.5), ("b", 1.8), ("c", 2.1)] {
        for line in losses(|n| floor + 60.0 / libm::pow(n, 0.3)).lines().skip(1) {
            let (n, loss) = line.split_once(',').unwrap();
            let loss = floor + 60.0 / libm::pow(n.parse().unwrap(), 0.3) + 0.001 * loss.parse::<f64>().unwrap();
            let _ = writeln!(table, "{family},{n},{loss}");
        }
    }
    let fit = |law: &str| {
        format!(
            "[fits.{law}]\nrows = \"runs\"\nlaw = \"{law}\"\nby = \"family\"\nholdout = \"N > 1e10\"\nuncertainty = {{ sandwich = {{ draws = 50 }} }}\n"
        )
    };
    let spec = format!(
        "spec = 1\n[study]\ntitle = \"Laws\"\n[sources.runs]\npath = \"runs.csv\"\ncolumns = {{ N = {{ column = \"N\", unit = \"parameters\" }}, L = \"L\", family = {{ column = \"family\", type = \"text\" }} }}\n\
         [laws.floor]\nformula = \"L = E + A / N^alpha\"\n[laws.bare]\nformula = \"L = A / N^alpha\"\n{}{}\
         [queries.next]\nfit = \"bare\"\nloss = {{ N = 1e12 }}\n[report]\nformats = [\"markdown\"]\n",
        fit("bare"),
        fit("floor")
    );
    let world = World::with(&spec, &table);
    world.run("study.toml");
    let report = world.read("outputs/study/report.md");
    let first = report.split("<details>").next().unwrap();
    for said in [
        "(group `c` of fit `bare`; 2 other groups have other answers)",
        "Doubtful",
        "fit `floor` (floor) missed the same",
        "and the fit of this answer by",
        "fit `floor` has the same rows, but no query asks it the question of `next`",
    ] {
        assert!(first.contains(said), "{said} in {first}");
    }
}

#[test]
fn a_warning_about_the_conditions_of_a_law_counts_the_answers_outside_of_them() {
    let start = SPEC.split("[queries.budget]").next().unwrap();
    let asked = "[queries.large]\nfit = \"main\"\nloss = { N = [4e8, 1e9, 1e12], D = [1e10, 2e10, 2e13] }\n";
    let world = World::with(&format!("{start}{asked}"), &simulated_runs(0.01));
    world.run("study.toml");
    let results = results(&world);
    let mut notes = results["notes"].as_array().unwrap().iter();
    let note = notes.find(|note| note["text"].as_str().unwrap().starts_with("Where the law does not hold")).unwrap();
    assert_eq!(note["answers"], 1, "{note}");
}

#[test]
fn the_sentence_of_a_minimum_names_the_variable_and_the_response_with_its_unit() {
    let mut table = "lr,L\n".to_owned();
    for i in 0..12 {
        let lr = 1e-4 * libm::pow(1.8, f64::from(i));
        let away = libm::log(lr / 2e-3);
        let _ = writeln!(table, "{lr},{}", 2.2 + 0.05 * away * away + 0.001 * f64::from(i % 3));
    }
    let spec = "spec = 1\n[study]\ntitle = \"Rates\"\n[sources.runs]\npath = \"runs.csv\"\ncolumns = { lr = \"lr\", L = { column = \"L\", unit = \"nats\" } }\n\
        [laws.own]\nformula = \"L = a + b * (ln(lr) - c)^2\"\n[fits.main]\nrows = \"runs\"\nlaw = \"own\"\nobjective = { least_squares = { on = \"raw\" } }\nuncertainty = \"auto\"\n\
        [queries.best]\nfit = \"main\"\nminimum = { over = \"lr\" }\n";
    let world = World::with(spec, &table);
    world.run("study.toml");
    let results = results(&world);
    let sentence = results["recommended"]["sentence"].as_str().unwrap();
    assert!(sentence.starts_with("lr = 0.00") && sentence.contains("lowest L = 2.2"), "{sentence}");
    assert!(sentence.ends_with("] nats."), "{sentence}");
}

#[test]
fn every_table_of_a_page_has_a_head_that_print_repeats() {
    let world = world("");
    world.run("study.toml");
    let page = world.read("outputs/study/report.html");
    let tables = page.matches("<table>").count();
    assert!(tables > 5 && page.matches("<table>\n<thead><tr>").count() == tables, "{tables}");
}

#[test]
fn other_programs_get_answers_parameters_predictions_and_draws() {
    let world = world("[report]\nformats = [\"csv\"]\n");
    world.run("study.toml");
    let read = |name: &str| world.read(&format!("outputs/study/{name}.csv"));
    let results = results(&world);
    let answers = read("answers");
    let value = results["queries"]["large"]["rows"][1]["loss"]["value"].as_f64().unwrap();
    assert!(answers.lines().any(|line| line.starts_with("large,main,loss,,") && line.contains(&format!(",{value},"))));
    assert_eq!(read("predictions").lines().count(), 31);
    let head = read("predictions").lines().next().unwrap().to_owned();
    assert!(head.starts_with("fit,") && head.ends_with(",predicted,residual,held_out"), "{head}");
    let parameters = results["fits"]["main"]["parameters"].as_object().unwrap().len();
    assert_eq!(read("parameters").lines().count(), 1 + parameters);
    assert_eq!(read("draws").lines().count(), 1 + 100 * parameters);
}

/// Tables as other programs get them, by the name of the file, read from Parquet by lawfit's own reader.
fn table_in(world: &World, name: &str, columns: &[(&str, &str)]) -> serde_json::Value {
    let columns: Vec<String> = columns.iter().map(|(own, column)| format!("{own} = \"{column}\"")).collect();
    world.write(
        "read.toml",
        &format!(
            "spec = 1\n[study]\ntitle = \"Read\"\n[sources.again]\npath = \"outputs/study/{name}\"\nmissing = \"drop\"\ncolumns = {{ {} }}\n\
             [fits.mean]\nrows = \"again\"\nlaw = \"mean\"\n[laws.mean]\nformula = \"value = m + 0 * place\"\n[report]\nformats = [\"json\"]\n",
            columns.join(", ")
        ),
    );
    world.run("read.toml");
    serde_json::from_str(&world.read("outputs/read/results.json")).unwrap()
}

#[test]
fn parquet_has_the_same_tables_as_csv_to_the_last_bit() {
    let world = world("[report]\nformats = [\"csv\", \"parquet\"]\n");
    world.run("study.toml");
    let names: Vec<String> =
        world.files("outputs/study").into_keys().filter(|name| name.ends_with(".parquet")).collect();
    assert_eq!(names, ["answers.parquet", "draws.parquet", "parameters.parquet", "predictions.parquet"]);
    // Both as sources of lawfit: as many rows, and the same mean of all predictions.
    let columns = [("value", "predicted"), ("place", "N")];
    let [csv, parquet] = ["csv", "parquet"].map(|ending| table_in(&world, &format!("predictions.{ending}"), &columns));
    assert_eq!(parquet["sources"]["again"]["rows"], 30);
    for of in ["/sources/again/rows", "/fits/mean/parameters/m/value", "/fits/mean/objective"] {
        assert_eq!(csv.pointer(of), parquet.pointer(of), "{of}");
    }
    let again = world.files("outputs/study");
    std::fs::remove_dir_all(world.path("outputs/study")).unwrap();
    world.run("study.toml");
    assert_eq!(world.files("outputs/study"), again, "the same bytes");
}

#[test]
fn a_spreadsheet_program_executes_no_cell_of_a_table() {
    let mut table = "family,N,L\n".to_owned();
    for family in ["=1+1", "-2", "@x", "+cmd|' /C calc'!A0"] {
        for i in 1..=6 {
            let n = 1e7 * libm::pow(3.0, f64::from(i));
            let _ = writeln!(table, "\"{family}\",{n},{}", 1.5 + 60.0 / libm::pow(n, 0.3));
        }
    }
    let spec = "spec = 1\n[study]\ntitle = \"Cells\"\n[sources.runs]\npath = \"runs.csv\"\ncolumns = { N = \"N\", L = \"L\", family = { column = \"family\", type = \"text\" } }\n\
        [laws.power]\nformula = \"L = E + A / N^alpha\"\n[fits.main]\nrows = \"runs\"\nlaw = \"power\"\nby = \"family\"\n\
        [queries.next]\nfit = \"main\"\nloss = { N = 1e12 }\n[report]\nformats = [\"csv\", \"html\"]\n";
    let world = World::with(spec, &table);
    world.run("study.toml");
    let mut guarded = 0;
    let files = world.files("outputs/study").into_iter().chain(world.files("outputs/study/figures"));
    for (name, bytes) in files.filter(|(name, _)| name.rsplit('.').next() == Some("csv")) {
        let text = String::from_utf8(bytes).unwrap();
        // No cell of these names holds a comma or a quote.
        for cell in text.lines().flat_map(|line| line.split(',')) {
            guarded += usize::from(cell.starts_with('\''));
            let is_number = cell.parse::<f64>().is_ok();
            assert!(is_number || !cell.starts_with(['=', '+', '-', '@']), "{name}: {cell}");
        }
    }
    assert!(guarded > 20, "{guarded}");
    let predictions = world.read("outputs/study/predictions.csv");
    assert!(predictions.contains(",-2,"), "a number with a sign is a number: {predictions}");
}

#[test]
fn a_wide_terminal_gets_a_plot_of_the_answer_and_a_narrow_one_gets_none() {
    let world = world("");
    let shown = |columns: &str| world.lawfit_with(&["run", "study.toml", "--quiet"], &[("COLUMNS", columns)]).stdout;
    let (wide, narrow) = (shown("120"), shown("100"));
    for drawn in ["o fitted", "◆ answer", "⠒ law", "C = 6 N D (FLOP)"] {
        assert!(wide.contains(drawn) && !narrow.contains(drawn), "{drawn}: {wide}");
    }
    assert!(wide.lines().all(|line| line.chars().count() <= 120), "{wide}");
}

#[test]
fn a_page_holds_its_spec_its_seed_and_the_digests_of_the_lock() {
    let world = world("# a comment that is no part of it\n");
    world.run("study.toml");
    let page = world.read("outputs/study/report.html");
    let reproduction = page.split(">Reproduction").last().unwrap();
    assert!(
        reproduction.contains("[fits.main]") && reproduction.contains("law = &quot;hoffmann&quot;"),
        "{reproduction}"
    );
    assert!(!reproduction.contains("a comment"));
    let lock: toml::Table = toml::from_str(&world.read("study.lock")).unwrap();
    let digest = |stage: &str, role: &str| lock["stages"][stage]["outputs"][role].as_str().unwrap().to_owned();
    for digest in [digest("fit.main", "fit"), digest("fit.main", "draws"), digest("results", "results.json")] {
        assert!(reproduction.contains(&digest), "{digest}");
    }
    // The looks of a spec change no page.
    world.write("study.toml", &world.read("study.toml").replace("# a comment that is no part of it", "# another"));
    assert_eq!(world.lawfit(&["run", "study.toml", "--frozen"]).code, 0);
}

#[test]
fn a_sentence_of_a_page_has_code_and_no_backticks() {
    let world = world("[sensitivity.main]\nlaws = [\"additive_nd\"]\n");
    world.run("study.toml");
    let page = world.read("outputs/study/report.html");
    let body = page.split("<script").next().unwrap();
    assert!(body.contains("<code>law additive_nd</code>"), "the choice that moves the answer");
    assert!(!body.contains('`'), "{}", body.split('`').nth(1).unwrap());
}

#[test]
fn what_would_change_an_answer_by_several_laws_is_told_of_one_law() {
    let base = "[sensitivity.main]\nobjectives = [{ least_squares = {} }]\n";
    let several = "[queries.later]\nfit = \"main\"\nloss = { N = 1e12, D = 2e13 }\nforecast = \"default\"\n";
    for (more, said) in [
        (
            format!("{several}[report]\nanswer = \"queries.later\"\n"),
            "Query `large` answers the same question by one law. Another choice for its fit",
        ),
        (
            format!("{}[report]\nanswer = \"queries.later\"\n", several.replace("2e13", "3e13")),
            "`[sensitivity.main]` varies the fit of one law",
        ),
    ] {
        let world = world(&format!("{base}{more}"));
        world.run("study.toml");
        let report = world.read("outputs/study/report.md");
        let first = report.split("<details>").next().unwrap();
        assert!(first.contains(said) && !first.contains("No other choices"), "{first}");
    }
}

#[test]
fn a_default_forecast_by_one_law_is_not_called_several_laws() {
    let several = "[queries.later]\nfit = \"main\"\nloss = { N = 2e10, D = 1e12 }\nforecast = \"default\"\n";
    let world = world(&format!("{several}[report]\nanswer = \"queries.later\"\n"));
    world.run("study.toml");
    let results = results(&world);
    let members = results["queries"]["later"]["forecasts"]["all"]["members"].as_array().unwrap();
    let laws: std::collections::BTreeSet<&str> = members.iter().map(|m| m["law"].as_str().unwrap()).collect();
    let conclusions = results["conclusions"].to_string();
    let of_one = laws.len() == 1 && members.len() > 1;
    assert_eq!(conclusions.contains("over several windows"), of_one, "{laws:?}: {conclusions}");
    assert_eq!(conclusions.contains("several laws"), !of_one, "{laws:?}: {conclusions}");
}

#[test]
fn a_question_without_any_answer_gives_nothing_to_quote() {
    // All rows on one ray, so no fit can split a budget.
    let mut table = "params,tokens,loss,family\n".to_owned();
    for i in 0..8 {
        let n = 1e7 * libm::pow(2.5, f64::from(i));
        let _ = writeln!(table, "{n},{},{},odd", 20.0 * n, 1.7 + 900.0 / libm::pow(n, 0.34));
    }
    let other = "[fits.other]\nrows = \"main\"\nlaw = \"hoffmann\"\nobjective = { least_squares = {} }\n\
                 [queries.again]\nfit = \"other\"\ncompute_optimal = { C = [1e21, 1e23] }\n";
    let world = World::with(&format!("{SPEC}{other}"), &table);
    world.run("study.toml");
    let report = world.read("outputs/study/report.md");
    let first = report.split("<details>").next().unwrap();
    assert!(first.contains("none of them has an answer to quote") && !first.contains("Quote `"), "{first}");
}

#[test]
fn every_target_of_a_list_is_judged() {
    let targets = SPEC.replace("L = 2.2, solve", "L = [2.6, 2.4, 1.2], solve");
    let world = World::with(&format!("{targets}[report]\nanswer = \"queries.target.row1\"\n"), &simulated_runs(0.01));
    world.run("study.toml");
    let report = world.read("outputs/study/report.md");
    let first = report.split("<details>").next().unwrap();
    assert!(first.contains("**Its other answers.** L = 1.2: unsupported (not reachable"), "{first}");
}

#[test]
fn a_fit_with_a_cost_has_the_figures_of_its_budgets() {
    let with = |layers: &str| {
        let spec = SPEC
            .replace("C = { expr = \"6 * N * D\", unit = \"FLOP\" }", &format!("layers = {{ expr = \"{layers}\" }}"))
            .replace("[filters.main]", "[costs.mine]\ncompute = \"6 * N * D + 12 * layers * D\"\n[filters.main]")
            .replace("C = [1e21, 1e23]", "C = [1e21, 1e23], layers = 24")
            .replace("L = 2.2, solve", "L = 2.2, layers = 24, solve");
        let world = World::with(&spec, &simulated_runs(0.01));
        world.run("study.toml");
        world.read("outputs/study/report.md")
    };
    for (layers, origin) in [("24 + 0 * N", "rows"), ("N / 1e7", "answers")] {
        let report = with(layers);
        for figure in ["frontier-main.svg", "isoflop-main.svg", "contours-main.svg"] {
            assert!(report.contains(figure), "{layers}: {figure}");
        }
        assert!(report.contains(&format!("layers = 24, as in all {origin}.")), "{layers}: {report}");
    }
}

#[test]
fn a_name_of_a_hundred_thousand_letters_does_not_delay_a_report() {
    let world = World::with(
        &SPEC.replace("queries.budget", &format!("queries.{}", "q".repeat(100_000))),
        &simulated_runs(0.01),
    );
    assert_eq!(world.lawfit(&["run", "study.toml", "-q"]).code, 0);
}

#[test]
fn one_of_something_is_counted_in_the_singular() {
    let world = world("[sensitivity.main]\nobjectives = [{ least_squares = {} }]\n");
    world.write("runs.csv", &format!("{}1e9,,2.5,odd\n", simulated_runs(0.01)));
    let spec = world.read("study.toml").replace("[sources.runs]", "[sources.runs]\nmissing = \"drop\"");
    world.write("study.toml", &spec);
    world.run("study.toml");
    for file in ["report.md", "report.html"] {
        let report = world.read(&format!("outputs/study/{file}"));
        assert!(report.contains("1 other choice for") && report.contains("1 row dropped"), "{file}");
        for wrong in ["1 rows", "1 other choices", "1 more warnings"] {
            let is_wrong = |at: usize| !report[..at].ends_with(|c: char| c.is_ascii_digit());
            assert!(!report.match_indices(wrong).any(|(at, _)| is_wrong(at)), "{file}: {wrong}");
        }
    }
}

#[test]
fn an_answer_is_doubtful_if_others_of_its_query_missed_observed_values_and_another_law_would_change_it() {
    let mut table = "N,L\n".to_owned();
    for i in 1..=12 {
        let n = 1e6 * libm::pow(3.0, f64::from(i));
        // The last row lies far below the trend of the others.
        let noise = 1.0 + 0.002 * f64::from(i % 3 - 1);
        let fall = if i == 12 { 0.5 } else { 1.0 };
        let _ = writeln!(table, "{n},{}", fall * noise * (1.5 + 60.0 / libm::pow(n, 0.3)));
    }
    let spec = "spec = 1\n[study]\ntitle = \"Misses\"\n[sources.runs]\npath = \"runs.csv\"\ncolumns = { N = { column = \"N\", unit = \"parameters\" }, L = \"L\" }\n\
        [laws.floor]\nformula = \"L = E + A / N^alpha\"\n[laws.bare]\nformula = \"L = A / N^alpha\"\n\
        [fits.floor]\nrows = \"runs\"\nlaw = \"floor\"\nholdout = \"N > 2e11\"\nuncertainty = { bootstrap = { resamples = 100 } }\n\
        [fits.bare]\nrows = \"runs\"\nlaw = \"bare\"\nholdout = \"N > 2e11\"\n\
        [queries.next]\nfit = \"floor\"\nloss = { N = [531441e6, 1e12] }\n[queries.other]\nfit = \"bare\"\nloss = { N = 1e12 }\n\
        [report]\nformats = [\"markdown\"]\n";
    let world = World::with(spec, &table);
    world.run("study.toml");
    let report = world.read("outputs/study/report.md");
    let first = report.split("<details>").next().unwrap();
    assert!(
        first
            .contains("intervals of this query do not contain 1 of 1 observed values, which its answers miss by up to"),
        "{first}"
    );
    assert!(first.contains("The choice of the law: query `other` (fit `bare`, one law)"), "{first}");
}

#[test]
fn of_two_answers_of_one_law_each_the_better_supported_one_is_quoted() {
    let mut table = "N,L\n".to_owned();
    for i in 1..=12 {
        let n = 1e6 * libm::pow(3.0, f64::from(i));
        let noise = 1.0 + 0.002 * f64::from(i % 3 - 1);
        let _ = writeln!(table, "{n},{}", noise * (1.5 + 60.0 / libm::pow(n, 0.3)));
    }
    let spec = "spec = 1\n[study]\ntitle = \"Two laws\"\n[sources.runs]\npath = \"runs.csv\"\ncolumns = { N = { column = \"N\", unit = \"parameters\" }, L = \"L\" }\n\
        [laws.floor]\nformula = \"L = E + A / N^alpha\"\n[laws.bare]\nformula = \"L = A / N^alpha\"\n\
        [fits.bare]\nrows = \"runs\"\nlaw = \"bare\"\nholdout = \"N > 3e10\"\nuncertainty = \"auto\"\n\
        [fits.floor]\nrows = \"runs\"\nlaw = \"floor\"\nholdout = \"N > 3e10\"\nuncertainty = \"auto\"\n\
        [queries.first]\nfit = \"bare\"\nloss = { N = 1e12 }\n[queries.second]\nfit = \"floor\"\nloss = { N = 1e12 }\n";
    let world = World::with(spec, &table);
    let results = world.run("study.toml")["results"].clone();
    let quoted = &results["recommended"];
    assert_eq!(quoted["query"], "second", "{quoted}");
    assert!(quoted["choice"].as_str().unwrap().contains("Quote `second`: its law missed hidden rows by"), "{quoted}");
}

#[test]
fn inputs_of_an_answer_are_model_size_before_data() {
    let world = world("");
    world.run("study.toml");
    let report = world.read("outputs/study/report.md");
    assert!(report.contains("At N = 1T, D = 20T") && !report.contains("D = 20T, N = 1T"), "{report}");
}

#[test]
fn a_variable_cannot_have_the_name_of_a_key_of_answers() {
    let table = simulated_runs(0.01).replacen("tokens", "reach", 1);
    let world = World::with(
        "spec = 1\n[study]\ntitle = \"Keys\"\n[sources.runs]\npath = \"runs.csv\"\ncolumns = { reach = \"reach\", L = \"loss\" }\n\
         [laws.power]\nformula = \"L = E + A / reach^b\"\n[fits.main]\nrows = \"runs\"\nlaw = \"power\"\n\
         [queries.next]\nfit = \"main\"\nloss = { reach = 1e12 }\n",
        &table,
    );
    let outcome = world.lawfit(&["check", "study.toml"]);
    assert_eq!(outcome.code, 2, "{}", outcome.stdout);
    assert!(outcome.stderr.contains("taken-name") && outcome.stderr.contains("my_reach"), "{}", outcome.stderr);
}

#[test]
fn laws_that_were_scored_on_the_same_groups_are_compared_in_one_table() {
    let fit = |name: &str, law: &str| {
        format!("[fits.{name}]\nrows = \"main\"\nlaw = \"{law}\"\nby = \"family\"\nholdout = \"C > 1e21\"\n")
    };
    let start = SPEC.split("[fits.main]").next().unwrap();
    let mut table = "params,tokens,loss,family\n".to_owned();
    for family in ["a", "b"] {
        for line in simulated_runs(0.01).lines().skip(1) {
            let (numbers, _) = line.rsplit_once(',').unwrap();
            let _ = writeln!(table, "{numbers},{family}");
        }
    }
    let world = World::with(&[start, &fit("full", "hoffmann"), &fit("bare", "additive_nd")].concat(), &table);
    world.run("study.toml");
    let report = world.read("outputs/study/report.md");
    assert!(report.split("<details>").next().unwrap().contains("forecasts best"), "{report}");
    let rows = rows(&report);
    let head = rows.iter().position(|row| row.first().is_some_and(|cell| cell == "place")).unwrap();
    assert_eq!(rows[head + 1][0], "1");
    let group = rows.iter().find(|row| row.len() == 3 && row[0] == "a").unwrap();
    assert!(group[1].contains("(1)") || group[2].contains("(1)"), "{group:?}");
}

#[test]
fn sections_and_digits_of_a_report_follow_the_spec() {
    let world = world("[report]\nsections = [\"answers\"]\nprecision = 7\n");
    world.run("study.toml");
    let report = world.read("outputs/study/report.md");
    assert!(report.contains("<summary>Answers</summary>") && !report.contains("<summary>Fits</summary>"), "{report}");
    let value = results(&world)["queries"]["large"]["rows"][1]["loss"]["value"].as_f64().unwrap();
    assert!(report.contains(&format!("{value:.6}")), "{report}");
    assert_eq!(world.lawfit(&["run", "study.toml", "--locked"]).code, 0);
}

#[test]
fn a_response_is_called_by_its_name_and_groups_of_numbers_go_by_size() {
    let mut table = "steps,error,width\n".to_owned();
    for width in [512, 64, 128] {
        for steps in [1e3, 3e3, 1e4, 3e4, 1e5, 3e5] {
            let _ = writeln!(table, "{steps},{},{width}", 0.1 + 3.0 * libm::pow(steps, -0.4) + 1.0 / f64::from(width));
        }
    }
    let spec = "spec = 1\n[study]\ntitle = \"Widths\"\n[sources.runs]\npath = \"runs.csv\"\n[sources.runs.columns]\n\
        x = \"steps\"\nerror = \"error\"\nwidth = { column = \"width\", type = \"text\" }\n\
        [laws.floor]\nformula = \"error = E + A * x^-b\"\n[fits.main]\nrows = \"runs\"\nlaw = \"floor\"\nby = \"width\"\n\
        [queries.later]\nfit = \"main\"\nloss = { x = 1e6 }\n[sensitivity.main]\nobjectives = [{ least_squares = {} }]\n";
    let world = World::with(spec, &table);
    world.run("study.toml");
    let report = world.read("outputs/study/report.md");
    let rows = rows(&report);
    let head = rows.iter().position(|row| row[0] == "group" && row.contains(&"error".to_owned())).unwrap();
    assert_eq!(rows[head + 1..head + 4].iter().map(|row| row[0].as_str()).collect::<Vec<_>>(), ["64", "128", "512"]);
    assert!(report.contains("error at 64, x = 1M (later)") && !report.contains("loss at"), "{report}");
}

#[test]
fn what_the_rows_do_not_identify_has_a_number_in_no_output() {
    // All runs have the same number of tokens, so the rows do not identify the data term.
    let mut table = "params,tokens,loss,family\n".to_owned();
    for n in [1e8, 2e8, 4e8, 8e8, 1.6e9, 3.2e9] {
        let _ = writeln!(table, "{n},2e10,{},even", 1.8 + 480.0 * libm::pow(n, -0.35) + 0.3);
    }
    let world = World::with(&format!("{SPEC}[report]\nformats = [\"latex\", \"csv\", \"markdown\"]\n"), &table);
    world.run("study.toml");
    let results = results(&world);
    let parameters = results["fits"]["main"]["parameters"].as_object().unwrap();
    let hidden: Vec<&String> =
        parameters.iter().filter(|(_, e)| e["status"] == "not_identified").map(|(name, _)| name).collect();
    assert!(!hidden.is_empty(), "{parameters:?}");
    let row = &results["queries"]["budget"]["rows"][0];
    assert_eq!(row["reach"]["verdict"], "not_identified");
    assert!(row["N"]["value"].is_null() && row["N"]["lower"].is_null(), "{row}");
    assert_eq!(results["recommended"]["belief"], "unsupported");
    assert!(
        !world.read("study.lock").lines().any(|line| line.starts_with("\"queries.budget[") && line.contains("N\" ="))
    );
    let (values, draws, parameters) = (
        world.read("outputs/study/values.tex"),
        // A fit without draws has no draws file.
        std::fs::read_to_string(world.path("outputs/study/draws.csv")).unwrap_or_default(),
        world.read("outputs/study/parameters.csv"),
    );
    for name in hidden {
        let title = name[..1].to_uppercase() + &name[1..];
        assert!(!values.contains(&format!("{{\\lawfitMain{title}}}")), "{values}");
        assert!(!draws.lines().any(|line| line.split(',').nth(2) == Some(name.as_str())), "draws of {name}");
        assert!(parameters.contains(&format!(",{name},,")), "{parameters}");
    }
}

#[test]
fn a_page_fetches_nothing() {
    let world = World::with(SPEC, &simulated_runs(0.01));
    world.run("study.toml");
    let page = world.read("outputs/study/report.html");
    for outside in ["src=\"http", "src=\"//", "@import", "url(http", "url(//", "<link", "<iframe"] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert!(page.contains("Content-Security-Policy"), "a browser holds the page to it");
}

/// Compiles a LaTeX file in a folder of a world; skipped, and said so, where there is no LaTeX.
fn compiled(world: &World, folder: &str, file: &str) {
    let output = std::process::Command::new("pdflatex")
        .args(["-interaction=nonstopmode", "-halt-on-error", file])
        .current_dir(world.path(folder))
        .output();
    let Ok(output) = output else { return println!("latex: skipped, there is no pdflatex") };
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let wrong: Vec<&str> =
        said.lines().filter(|line| line.starts_with('!') || line.contains("Overfull \\hbox")).collect();
    assert!(output.status.success() && wrong.is_empty(), "{file}: {wrong:?}\n{said}");
}

#[test]
fn the_template_of_a_paper_takes_its_numbers_from_the_study_and_compiles() {
    let world = World::new();
    for name in ["base.toml", "runs.csv", "paper.toml", "paper.tex"] {
        let path = crate::world::repository().join("docs/book/src/examples").join(name);
        let mut text = std::fs::read_to_string(path).unwrap();
        if cfg!(not(feature = "figures")) {
            let needs = |line: &&str| !line.starts_with("figures =") && !line.starts_with("\\includegraphics");
            text = text.lines().filter(needs).fold(String::new(), |all, line| all + line + "\n");
        }
        world.write(name, &text);
    }
    world.run("paper.toml");
    let (paper, values) = (world.read("paper.tex"), world.read("outputs/paper/values.tex"));
    let letters = |text: &str| text.chars().take_while(char::is_ascii_alphabetic).collect::<String>();
    let taken: Vec<String> = paper.split("\\lawfit").skip(1).map(letters).collect();
    assert!(taken.len() > 7, "{taken:?}");
    for name in taken {
        assert!(values.contains(&format!("\\newcommand{{\\lawfit{name}}}")), "{name}");
    }
    compiled(&world, ".", "paper.tex");
}

#[test]
fn tables_of_latex_compile_with_the_packages_that_they_name_and_fit_the_text() {
    let world = world("[queries.curve]\nfit = \"main\"\nisoflop = { C = [1e21, 1e22], curve = true, points = 5 }\n");
    world.write("more.toml", "extends = \"study.toml\"\n[report]\nformats = [\"latex\"]\n");
    for name in ["specs/over-training.toml", "specs/data/redpajama-overtrain.csv"] {
        let text = std::fs::read_to_string(crate::world::repository().join(name)).unwrap();
        world.write(name, &text);
    }
    world.write("specs/trained.toml", "extends = \"over-training.toml\"\n[report]\nformats = [\"latex\"]\n");
    for (spec, study) in [("more.toml", "more"), ("specs/trained.toml", "trained")] {
        world.run(spec);
        let tables = world.read(&format!("outputs/{study}/tables.tex"));
        let packages: String = tables
            .lines()
            .next()
            .unwrap()
            .split("\\usepackage")
            .skip(1)
            .fold(String::new(), |all, rest| format!("{all}\\usepackage{}\n", &rest[..=rest.find('}').unwrap()]));
        let text = format!(
            "\\documentclass{{article}}\n{packages}\\input{{values.tex}}\n\\begin{{document}}\n\\input{{tables.tex}}\n\\end{{document}}\n"
        );
        world.write(&format!("outputs/{study}/all.tex"), &text);
        compiled(&world, &format!("outputs/{study}"), "all.tex");
    }
}

#[test]
fn options_of_reports_hold_for_one_run_and_leave_results_and_locks_alone() {
    let world = World::with(
        &SPEC.replace("bootstrap = { resamples = 100 }", "sandwich = { draws = 50 }"),
        &simulated_runs(0.01),
    );
    world.run("study.toml");
    let (lock, results) = (world.read("study.lock"), world.read("outputs/study/results.json"));
    let options = ["--report", "theme=dark", "--report", "formats=html, csv"];
    let with = |command: &[&str]| world.lawfit(&[command, &options].concat());
    let shown = with(&["plan", "study.toml"]).stdout;
    assert!(shown.contains("1 to run"), "only the report is written anew: {shown}");
    assert!(with(&["explain", "render", "study.toml"]).stdout.contains("render: run"));
    let outcome = with(&["run", "study.toml", "--locked"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert!(world.read("outputs/study/report.html").contains("data-theme=\"dark\""));
    assert!(world.path("outputs/study/answers.csv").exists() && !world.path("outputs/study/report.md").exists());
    assert_eq!((world.read("study.lock"), world.read("outputs/study/results.json")), (lock, results));
    assert!(with(&["plan", "study.toml"]).stdout.contains("0 to run"), "plan and run name the same report");
    assert!(with(&["explain", "render", "study.toml"]).stdout.contains("cached"));
    world.run("study.toml");
    assert!(
        !world.read("outputs/study/report.html").contains("<html lang=\"en\" data-theme"),
        "the next run follows the spec"
    );
}

#[test]
fn an_option_that_reports_do_not_have_is_refused_with_those_they_have() {
    let world = World::with(SPEC, &simulated_runs(0.01));
    for (option, parts) in [
        ("them=dark", ["`them` is not one of `column_width`, `figures`, `formats`", "did you mean `theme`?"]),
        ("theme", ["`theme` is not KEY=VALUE", "theme=dark"]),
        ("theme=blue", ["--report: there is no kind `blue`", "`light`"]),
        ("answer=queries.target", ["`answer` is not one of", "only the spec sets it"]),
    ] {
        let outcome = world.lawfit(&["run", "study.toml", "--report", option]);
        assert_eq!(outcome.code, 2, "{option}");
        assert!(parts.iter().all(|part| outcome.stderr.contains(part)), "{option}: {}", outcome.stderr);
    }
}
