//! Responses that are shares: answers outside 0 to 1 are flagged in every kind of query.

use crate::world::World;

/// Accuracies that grow by a fixed step for each factor of e of model size, with data of a small effect.
fn world(column: &str, unit: &str, scale: f64, queries: &str) -> World {
    use std::fmt::Write as _;
    let mut table = format!("params,tokens,{column}\n");
    for (i, n) in [1e7, 1e8, 1e9, 1e10].into_iter().enumerate() {
        for (j, d) in [1e9, 1e10, 1e11].into_iter().enumerate() {
            let scatter = 0.002 * f64::from(((i * 3 + j) % 3) as u8) - 0.002;
            let y = 0.05 * libm::log(n) - 0.55 + 0.01 * libm::log(d) + scatter;
            let _ = writeln!(table, "{n},{d},{}", scale * y);
        }
    }
    let spec = format!(
        "spec = 1\n[study]\ntitle = \"Shares\"\nseed = 1\n[sources.runs]\npath = \"runs.csv\"\n[sources.runs.columns]\n\
         N = {{ column = \"params\", unit = \"parameters\" }}\nD = {{ column = \"tokens\", unit = \"tokens\" }}\n\
         y = {{ column = \"{column}\"{unit} }}\n[laws.line]\nformula = \"y = a + b * ln(N) + c * ln(D)\"\n\
         [fits.main]\nrows = \"runs\"\nlaw = \"line\"\nobjective = {{ least_squares = {{ on = \"raw\" }} }}\n\
         uncertainty = {{ sandwich = {{ draws = 100 }} }}\n{queries}"
    );
    World::with(&spec, &table)
}

/// The first row of the query `next`.
fn answer(world: &World) -> serde_json::Value {
    world.run("study.toml")["results"]["queries"]["next"]["rows"][0].clone()
}

#[test]
fn a_law_that_leaves_the_range_of_a_share_gives_no_number() {
    let far = "[queries.next]\nfit = \"main\"\nloss = { N = 1e16, D = 1e12 }\n";
    // A share is known by its unit, by the name of its column, or by that name in per cent.
    for (column, unit, scale, most) in [
        ("score", ", unit = \"share\"", 1.0, "1"),
        ("mmlu accuracy", "", 1.0, "1"),
        ("test_acc", "", 100.0, "100"),
        ("score", ", unit = \"%\"", 100.0, "1"),
    ] {
        let row = answer(&world(column, unit, scale, far));
        let note = row["note"].as_str().unwrap_or_default();
        assert!(note.contains(&format!("the response lies between 0 and {most}")), "{column}: {row}");
        assert!(row["loss"]["value"].is_null(), "{column}: {row}");
    }
    // Any other response may be as large as it likes.
    let row = answer(&world("score", "", 1.0, far));
    assert!(row["loss"]["value"].as_f64().unwrap() > 1.0, "{row}");
}

#[test]
fn a_target_that_no_share_has_is_not_reachable() {
    let row = answer(&world(
        "accuracy",
        "",
        1.0,
        "[queries.next]\nfit = \"main\"\nreach = { y = 1.2, solve = \"N\", D = 1e11 }\n",
    ));
    assert_eq!(row["reach"]["verdict"], "not_reachable", "{row}");
    assert!(row["note"].as_str().unwrap().contains("y lies between 0 and 1, and 1.2 does not"), "{row}");
}

#[test]
fn a_target_in_per_cent_is_told_from_a_share_also_where_rows_exceed_one() {
    let table = "hours,wer\n10,118\n30,81\n100,55\n300,38\n1000,27\n3000,19\n";
    let spec = "spec = 1\n[study]\ntitle = \"Words\"\n[sources.runs]\npath = \"runs.csv\"\ncolumns = { hours = \"hours\", \
        wer = { column = \"wer\", unit = \"%\" } }\n[laws.power]\nformula = \"wer = A / hours^a\"\n\
        [fits.main]\nrows = \"runs\"\nlaw = \"power\"\n[queries.next]\nfit = \"main\"\nreach = { wer = TARGET, solve = \"hours\" }\n";
    let world = World::with(&spec.replace("TARGET", "10"), table);
    let note = answer(&world)["note"].as_str().unwrap_or_default().to_owned();
    assert!(note.contains("if per cent are meant, write \"10 %\""), "{note}");
    world.write("study.toml", &spec.replace("TARGET", "\"10 %\""));
    let hours = answer(&world)["solution"]["value"].as_f64().unwrap();
    assert!((1e4..5e4).contains(&hours), "{hours}");
}
