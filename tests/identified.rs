//! What the rows say about a parameter or an answer: nothing, one of two solutions, or a limit on one side only.

use std::fmt::Write as _;

use lawfit::numerics::Random;
use serde_json::Value;

use crate::world::World;

fn run(spec: &str, table: &str) -> Value {
    World::with(spec, table).run("study.toml")["results"].clone()
}

/// A study of one law over one source, with queries.
fn study(columns: &str, formula: &str, more: &str) -> String {
    format!(
        "spec = 1\n[study]\ntitle = \"Told\"\n[sources.runs]\npath = \"runs.csv\"\ncolumns = {{ {columns} }}\n[laws.own]\nformula = \"{formula}\"\n\
         [fits.main]\nrows = \"runs\"\nlaw = \"own\"\nobjective = {{ least_squares = {{}} }}\nuncertainty = \"auto\"\n{more}"
    )
}

/// The first answer of a query.
fn row<'a>(results: &'a Value, query: &str, row: usize) -> &'a Value {
    &results["queries"][query]["rows"][row]
}

/// Losses at two amounts of data and several sizes.
fn two_amounts() -> String {
    let mut random = Random::new(8, "two amounts", 0);
    let mut table = "N,D,L\n".to_owned();
    for n in [1e7, 3e7, 1e8, 3e8, 1e9, 3e9] {
        for d in [1e10, 1e11] {
            let loss = 1.8 + 400.0 * libm::pow(n, -0.34) + 2000.0 * libm::pow(d, -0.37);
            let _ = writeln!(table, "{n},{d},{}", loss * random.log_normal(0.003));
        }
    }
    table
}

#[test]
fn with_two_amounts_of_data_there_are_answers_at_both_and_none_elsewhere() {
    let queries = "[queries.at]\nfit = \"main\"\nloss = { N = \"2B\", D = [1e10, 3e10, 1e11, 1e12] }\n\
                   [queries.need]\nfit = \"main\"\nreach = { L = 2.6, solve = \"N\", D = 1e10 }\n\
                   [queries.split]\nfit = \"main\"\ncompute_optimal = { C = 1e20 }\n";
    let spec = study("N = \"N\", D = \"D\", L = \"L\"", "L = E + A / N^alpha + B / D^beta", queries);
    let results = run(&spec, &two_amounts());
    for (place, is_answered) in [(0, true), (1, false), (2, true), (3, false)] {
        let answer = row(&results, "at", place);
        assert_eq!(answer["loss"]["value"].is_number(), is_answered, "{answer}");
        assert_eq!(answer["note"].to_string().contains("do not identify `"), !is_answered, "{answer}");
    }
    assert!(row(&results, "need", 0)["solution"]["value"].is_number(), "{}", row(&results, "need", 0));
    assert!(!row(&results, "split", 0)["N"]["value"].is_number(), "{}", row(&results, "split", 0));
}

#[test]
fn two_rates_that_can_be_exchanged_are_told_and_what_depends_on_which_is_not_given() {
    let mut random = Random::new(2, "rates", 0);
    let mut table = "t,y\n".to_owned();
    for t in [0.25, 0.5, 1.0, 1.5, 2.0, 4.0, 6.0, 8.0, 12.0, 18.0, 24.0] {
        let y = 12.0 * 1.4 / (1.4 - 0.12) * (libm::exp(-0.12 * t) - libm::exp(-1.4 * t));
        let _ = writeln!(table, "{t},{}", y * random.log_normal(0.03));
    }
    let queries = "[queries.later]\nfit = \"main\"\nloss = { t = 30 }\n\
                   [queries.half_life]\nfit = \"main\"\nderived = { half_life = \"ln(2) / ke\" }\n";
    let formula = "y = F * ka / (ka - ke) * (exp(-ke * t) - exp(-ka * t))";
    let results = run(&study("t = \"t\", y = \"y\"", formula, queries), &table);
    let main = &results["fits"]["main"];
    assert!(main["evidence"]["warnings"].to_string().contains("Other parameters fit the rows equally well"), "{main}");
    // Of the two, the same one in every fit.
    let value = |name: &str| main["parameters"][name]["value"].as_f64().unwrap();
    assert!((value("F") - 12.0).abs() < 1.0 && value("ka") > 1.0 && value("ke") < 0.2, "{main}");
    assert!(row(&results, "later", 0)["loss"]["value"].is_number());
    let half_life = row(&results, "half_life", 0);
    assert!(!half_life["half_life"]["value"].is_number(), "{half_life}");
    assert!(half_life["note"].to_string().contains("`ke`"), "{half_life}");
}

#[test]
fn a_plateau_above_the_rows_has_no_upper_end_and_one_among_them_has() {
    let curve = |plateau: f64, last: f64| {
        let mut random = Random::new(4, "plateau", 0);
        let row = |i: u32| {
            let t = last * f64::from(i) / 11.0;
            let y = plateau / (1.0 + libm::exp(-0.3 * t) * plateau / 0.015) * random.log_normal(0.03);
            format!("{t},{y}\n")
        };
        std::iter::once("t,y\n".to_owned()).chain((0..12).map(row)).collect::<String>()
    };
    let queries = "[queries.late]\nfit = \"main\"\nloss = { t = [10, 80] }\n";
    let spec = study("t = \"t\", y = \"y\"", "y = K / (1 + exp(-r * (t - m)))", queries);
    let unseen = run(&spec, &curve(1e6, 20.0));
    let seen = run(&spec, &curve(5.0, 40.0));
    let upper = |results: &Value, row: usize| results["queries"]["late"]["rows"][row]["loss"]["upper"].is_number();
    let plateau = |results: &Value| results["fits"]["main"]["parameters"]["K"]["upper"].is_number();
    assert!(!plateau(&unseen) && plateau(&seen), "{}\n{}", unseen["fits"], seen["fits"]);
    assert!(upper(&unseen, 0) && !upper(&unseen, 1), "{}", unseen["queries"]);
    assert!(upper(&seen, 0) && upper(&seen, 1), "{}", seen["queries"]);
}

#[test]
fn intervals_do_not_depend_on_the_unit_of_the_response() {
    let mut random = Random::new(6, "unit", 0);
    let rows: Vec<(f64, f64)> =
        (1..=9).map(|t| (f64::from(t), 3.0 * f64::from(t) - 0.2 * f64::from(t * t) + 0.5 * random.normal())).collect();
    let widths: Vec<f64> = [1.0, 1e-17, 1e-21, 1e22]
        .map(|unit| {
            let table: String = std::iter::once("t,y\n".to_owned())
                .chain(rows.iter().map(|(t, y)| format!("{t},{:e}\n", unit * y)))
                .collect();
            let spec = study(
                "t = \"t\", y = \"y\"",
                "y = a * t + b * t^2",
                "[queries.next]\nfit = \"main\"\nloss = { t = 12 }\n",
            );
            let spec = spec.replace("least_squares = {}", "least_squares = { on = \"raw\" }");
            let results = run(&spec, &table);
            let ends = &row(&results, "next", 0)["loss"];
            (ends["upper"].as_f64().unwrap() - ends["lower"].as_f64().unwrap()) / unit
        })
        .to_vec();
    assert!(widths.iter().all(|width| (width / widths[0] - 1.0).abs() < 0.02), "{widths:?}");
}

#[test]
fn the_floor_of_a_maximum_that_no_row_reaches_gives_no_answer_beyond_the_rows() {
    // The last rows lie below the power law, so that no floor fits them better.
    let off = [0.004, -0.003, 0.002, -0.004, 0.003, 0.001, -0.002, 0.004, -0.001, -0.005];
    let mut table = "x,y\n".to_owned();
    for (i, off) in off.into_iter().enumerate() {
        let x = 1e7 * libm::pow(10.0, 2.0 * i as f64 / 9.0);
        let _ = writeln!(table, "{x:e},{}", 3.0 * libm::pow(x / 1e7, -0.2) * (1.0 + off));
    }
    let queries = "[queries.inside]\nfit = \"main\"\nloss = { x = 3e8 }\n[queries.far]\nfit = \"main\"\nloss = { x = 1e10 }\n\
                   [queries.need]\nfit = \"main\"\nreach = { y = 0.9, solve = \"x\" }\n";
    let spec = study("x = \"x\", y = \"y\"", "y = max(a * x^-b, c)", queries);
    let results = run(&spec, &table);
    let inside = row(&results, "inside", 0)["loss"]["value"].as_f64().unwrap();
    assert!((inside / (3.0 * libm::pow(30.0, -0.2)) - 1.0).abs() < 0.02, "{inside}");
    // Every floor below the last response fits as well, so that nothing is known beyond the rows.
    for (query, output) in [("far", "loss"), ("need", "solution")] {
        let answer = row(&results, query, 0);
        assert!(answer[output]["value"].is_null() && answer["note"].to_string().contains("`c`"), "{answer}");
    }
}

#[test]
fn a_target_just_below_a_minimum_is_reached_by_a_share_of_the_draws() {
    let mut random = Random::new(4, "bowl", 0);
    let mut table = "lr,y\n".to_owned();
    for i in 0..12 {
        let lr = 1e-4 * libm::pow(10.0, 2.0 * f64::from(i) / 11.0);
        let bend = libm::log(lr / 1e-3);
        let _ = writeln!(table, "{lr:e},{}", 2.0 + 0.03 * bend * bend + 0.004 * random.normal());
    }
    let queries = "[queries.lowest]\nfit = \"main\"\nminimum = { over = \"lr\" }\n";
    let formula = "y = c + h * (ln(lr) - m)^2";
    let spec = |more: &str| study("lr = \"lr\", y = \"y\"", formula, &format!("{queries}{more}"));
    let lowest = row(&run(&spec(""), &table), "lowest", 0)["lowest"].clone();
    let [value, lower] = ["value", "lower"].map(|end| lowest[end].as_f64().unwrap());
    let target = 0.5 * (value + lower);
    let results =
        run(&spec(&format!("[queries.need]\nfit = \"main\"\nreach = {{ y = {target}, solve = \"lr\" }}\n")), &table);
    let answer = row(&results, "need", 0);
    assert!(answer["note"].to_string().contains("% of the draws reach it"), "{answer}");
}
