//! Tests of each step on a small table.

use super::*;
use crate::dataset::{Origin, UNREAD};

/// Runs of two sizes at two lengths, some of them repeated.
fn runs() -> Dataset {
    let mut data = Dataset::new((1..=6).map(|row| Origin { file: 0, row }).collect());
    data.insert("N", Column::Numbers(vec![1.0, 1.0, 1.0, 2.0, 2.0, 2.0]));
    data.insert("C", Column::Numbers(vec![6e18, 1e19, 1e19, 1e20, 1e20, 2e20]));
    data.insert("L", Column::Numbers(vec![3.0, 2.5, 2.7, 2.6, 2.4, 2.0]));
    data.insert("name", Column::Texts(["a", "a", "b", "b", "", "a"].map(str::to_owned).to_vec()));
    data
}

fn kinds(data: &Dataset) -> Variables {
    let kind = |column: &Column| if matches!(column, Column::Numbers(_)) { Kind::Number } else { Kind::Text };
    data.columns().iter().map(|(name, column)| (name.clone(), kind(column))).collect()
}

/// More values than any table in these tests has.
const MOST: usize = 1000;

fn step(text: &str) -> Step {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The rows after a step, whose variables must be those that the check predicted.
fn after_with(text: &str, data: &Dataset, other: Option<&Dataset>) -> Dataset {
    let step = step(text);
    let others = other.map(kinds).unwrap_or_default();
    let foretold = step.member().variables(&kinds(data), &others).unwrap_or_else(|fault| panic!("{text}: {fault:?}"));
    let after = step.member().apply(data, other, MOST).unwrap_or_else(|fault| panic!("{text}: {fault:?}"));
    assert_eq!(kinds(&after), foretold, "{text}");
    after
}

fn after(text: &str, data: &Dataset) -> Dataset {
    after_with(text, data, None)
}

fn rows(data: &Dataset) -> Vec<u32> {
    data.origins().iter().map(|origin| origin.row).collect()
}

#[test]
fn the_best_rows_of_each_group_stay_in_the_order_of_the_table() {
    assert_eq!(rows(&after(r#"{"best": {"lowest": "L", "by": ["N"]}}"#, &runs())), [2, 6]);
    assert_eq!(rows(&after(r#"{"best": {"highest": "L", "by": ["N"], "count": 2}}"#, &runs())), [1, 3, 4, 5]);
    assert_eq!(rows(&after(r#"{"best": {"lowest": "L"}}"#, &runs())), [6]);
}

#[test]
fn means_and_medians_come_with_their_scatter_and_count() {
    let mean = after(r#"{"mean": {"of": ["L"], "by": ["C"]}}"#, &runs());
    assert_eq!(mean.numbers("L").unwrap(), [3.0, 2.6, 2.5, 2.0]);
    assert_eq!(mean.numbers("rows").unwrap(), [1.0, 2.0, 2.0, 1.0]);
    let sd = mean.numbers("L_sd").unwrap();
    assert!(sd[0].is_nan() && (sd[1] - 0.02_f64.sqrt()).abs() < 1e-12, "{sd:?}");
    assert!((mean.numbers("L_se").unwrap()[1] - 0.1).abs() < 1e-12);
    let median = after(r#"{"median": {"of": ["L"], "by": ["N"]}}"#, &runs());
    assert_eq!(median.numbers("L").unwrap(), [2.7, 2.4]);
    assert!((median.numbers("L_sd").unwrap()[0] - 1.4826 * 0.2).abs() < 1e-4);
}

#[test]
fn columns_become_rows_and_rows_become_columns_again() {
    let mut wide = Dataset::new((1..=2).map(|row| Origin { file: 0, row }).collect());
    wide.insert("size", Column::Numbers(vec![7.0, 13.0]));
    wide.insert("d200", Column::Numbers(vec![3.0, 2.9]));
    wide.insert("d400", Column::Numbers(vec![f64::NAN, 2.5]));
    let long = after(r#"{"unpivot": {"columns": {"d200": 200, "d400": 400}, "name": "D", "value": "L"}}"#, &wide);
    assert_eq!(long.numbers("D").unwrap(), [200.0, 200.0, 400.0]);
    assert_eq!(long.numbers("L").unwrap(), [3.0, 2.9, 2.5]);
    let again = after(
        r#"{"pivot": {"name": "D", "value": "L", "columns": {"d200": 200, "d400": 400}, "by": ["size"]}}"#,
        &long,
    );
    assert_eq!(again.numbers("d200"), wide.numbers("d200"));
    assert!(again.numbers("d400").unwrap()[0].is_nan());
    let named = after(r#"{"unpivot": {"columns": ["d200", "d400"], "name": "at", "value": "L"}}"#, &wide);
    assert_eq!(named.text("at", 2), "d400");
}

#[test]
fn runs_are_joined_with_their_evaluations() {
    let mut evals = Dataset::new((1..=3).map(|row| Origin { file: 0, row }).collect());
    evals.insert("name", Column::Texts(["b", "a", "c"].map(str::to_owned).to_vec()));
    evals.insert("acc", Column::Numbers(vec![0.5, 0.4, 0.3]));
    let joined = after_with(r#"{"join": {"with": "evals", "on": ["name"]}}"#, &runs(), Some(&evals));
    assert_eq!(joined.numbers("acc").unwrap(), [0.4, 0.4, 0.5, 0.5, 0.4]);
    let twice = Dataset::stacked(&[evals.clone(), evals.clone()]).unwrap();
    let fault =
        step(r#"{"join": {"with": "evals", "on": ["name"]}}"#).member().apply(&runs(), Some(&twice), MOST).unwrap_err();
    assert_eq!(fault.message, "a agrees with 2 rows of `evals`");
    let many = after_with(r#"{"join": {"with": "evals", "on": ["name"], "many": true}}"#, &runs(), Some(&twice));
    assert_eq!(many.rows(), 10);
    for evals in [&evals, &twice] {
        for many in ["", r#", "many": true"#] {
            let join = step(&format!(r#"{{"join": {{"with": "evals", "on": ["name"]{many}}}}}"#));
            let told = join.member().left_out(&runs(), Some(evals)).unwrap();
            assert_eq!(told, "1 of 6 rows have no partner and are left out");
        }
    }
}

#[test]
fn rows_are_binned_sorted_derived_filled_and_deduplicated() {
    let binned = after(r#"{"bin": {"of": "C", "into": "budget", "per_decade": 1}}"#, &runs());
    assert_eq!(binned.numbers("budget").unwrap(), [1e19, 1e19, 1e19, 1e20, 1e20, 1e20]);
    let edges = after(r#"{"bin": {"of": "L", "into": "half", "edges": [2, 2.5, 3, 4]}}"#, &runs());
    assert_eq!(edges.numbers("half").unwrap(), [3.5, 2.75, 2.75, 2.75, 2.25, 2.25]);
    assert_eq!(rows(&after(r#"{"sort": {"by": ["name", "L"], "descending": true}}"#, &runs())), [3, 4, 1, 2, 6, 5]);
    let derived = after(r#"{"derive": {"D": "C / (6 * N)", "big": "N > 1"}}"#, &runs());
    assert_eq!(derived.numbers("D").unwrap()[0], 1e18);
    assert_eq!(derived.numbers("big").unwrap(), [0.0, 0.0, 0.0, 1.0, 1.0, 1.0]);
    let filled = after(r#"{"fill_down": {"columns": ["name"]}}"#, &runs());
    assert_eq!(filled.text("name", 4), "b");
    assert_eq!(rows(&after(r#"{"dedupe": {"by": ["C"], "keep": "last"}}"#, &runs())), [1, 3, 5, 6]);
    assert_eq!(after(r#"{"dedupe": {}}"#, &runs()).rows(), 6);
}

#[test]
fn conditions_keep_and_drop_rows() {
    assert_eq!(rows(&after(r#"{"keep": "L < 2.6"}"#, &runs())), [2, 5, 6]);
    assert_eq!(rows(&after(r#"{"drop": "L < 2.6 and name == 'a'"}"#, &runs())), [1, 3, 4, 5]);
    let mut data = runs();
    data.insert("L", Column::Numbers(vec![3.0, f64::NAN, 2.7, 2.6, 2.4, 2.0]));
    // A condition on a missing value does not hold.
    assert_eq!(rows(&after(r#"{"keep": "L > 2.5"}"#, &data)), [1, 3, 4]);
    assert_eq!(rows(&after(r#"{"drop": "L > 2.5"}"#, &data)), [2, 5, 6]);
    for (text, said) in [(r#"{"keep": "M > 1"}"#, "no variable `M`"), (r#"{"drop": "2 * L"}"#, "expected a condition")]
    {
        let fault = step(text).member().variables(&kinds(&data), &Variables::new()).unwrap_err();
        assert!(fault.message.contains(said), "{text}: {fault:?}");
    }
}

#[test]
fn missing_values_are_counted_and_texts_are_not_filled() {
    let mut data = runs();
    data.insert("N", Column::Numbers(vec![1.0, f64::NAN, UNREAD, f64::NAN, 2.0, f64::NAN]));
    data.insert("L", Column::Numbers(vec![f64::NAN, 2.5, 2.7, 2.6, UNREAD, 2.0]));
    let filled = after(r#"{"fill_down": {"columns": ["N"]}}"#, &data);
    let filled = filled.numbers("N").unwrap();
    assert_eq!([filled[0], filled[1], filled[4], filled[5]], [1.0, 1.0, 2.0, 2.0]);
    assert!(filled[2].is_nan() && filled[3].is_nan(), "{filled:?}");
    let unpivot = step(r#"{"unpivot": {"columns": ["L", "C"], "name": "of", "value": "x"}}"#);
    let left_out = unpivot.member().left_out(&data, None).unwrap();
    assert_eq!(left_out, "2 of 12 cells have no value and give no row (1 of them with a text that is no number)");
    assert_eq!(unpivot.member().left_out(&runs(), None), None);
    let mean = after(r#"{"mean": {"of": ["L"], "by": ["C"]}}"#, &data);
    assert_eq!(mean.numbers("rows").unwrap(), [0.0, 2.0, 1.0, 1.0]);
    for (descending, wanted) in [(false, [6, 2, 4, 3, 1, 5]), (true, [3, 4, 2, 6, 1, 5])] {
        let text = format!(r#"{{"sort": {{"by": ["L"], "descending": {descending}}}}}"#);
        assert_eq!(rows(&after(&text, &data)), wanted, "{text}");
    }
}

#[test]
fn the_envelope_keeps_rows_that_no_cheaper_row_beats() {
    assert_eq!(rows(&after(r#"{"envelope": {"along": "C", "lowest": "L"}}"#, &runs())), [1, 2, 5, 6]);
    // 2.4 at 1e20 lies above the line from 2.5 at 1e19 to 2 at 2e20.
    assert_eq!(rows(&after(r#"{"envelope": {"along": "C", "lowest": "L", "convex": true}}"#, &runs())), [1, 2, 6]);
}

#[test]
fn names_in_a_step_are_checked_before_it_runs() {
    for (text, said) in [
        (r#"{"best": {"lowest": "M"}}"#, "no variable `M`"),
        (r#"{"best": {"lowest": "name"}}"#, "holds texts"),
        (r#"{"best": {}}"#, "one of `lowest` and `highest`"),
        (r#"{"mean": {"of": ["L"], "by": ["L"]}}"#, "equal within each group"),
        (r#"{"bin": {"of": "C", "into": "L", "width": 1}}"#, "a variable `L` already"),
        (r#"{"bin": {"of": "C", "into": "b", "width": 1, "per_decade": 2}}"#, "one of `width`"),
        (r#"{"derive": {"x": "C / M"}}"#, "no variable `M`"),
        (r#"{"derive": {"x": "C / name"}}"#, "expected a number"),
        (r#"{"join": {"with": "x", "on": ["run"]}}"#, "no variable `run`"),
        (r#"{"unpivot": {"columns": ["name"], "name": "n", "value": "v"}}"#, "holds texts"),
    ] {
        let fault = step(text).member().variables(&kinds(&runs()), &Variables::new()).unwrap_err();
        assert!(fault.message.contains(said), "{text}: {}", fault.message);
    }
}

#[test]
fn a_step_makes_no_more_values_than_a_table_may_have() {
    let runs = runs();
    let texts = [
        r#"{"join": {"with": "evals", "on": ["name"], "many": true}}"#,
        r#"{"unpivot": {"columns": ["N", "L"], "name": "of", "value": "is"}}"#,
        r#"{"pivot": {"name": "name", "value": "L", "columns": ["a", "b"], "by": ["N", "C"]}}"#,
        r#"{"derive": {"twice": "2 * N"}}"#,
    ];
    for text in texts {
        let step = step(text);
        let mut other = Dataset::new(vec![Origin { file: 0, row: 1 }; 400]);
        other.insert("name", Column::Texts(vec!["a".to_owned(); 400]));
        other.insert("acc", Column::Numbers(vec![0.5; 400]));
        let apply = |most: usize| step.member().apply(&runs, Some(&other), most);
        let whole = apply(usize::MAX).unwrap_or_else(|fault| panic!("{text}: {fault:?}"));
        let values = whole.rows() * whole.columns().len();
        // As text: a missing value is not equal to itself.
        assert_eq!(format!("{:?}", apply(values).unwrap()), format!("{whole:?}"), "{text}");
        assert!(apply(values - 1).unwrap_err().message.contains("values are allowed"), "{text}");
    }
}
