//! Laws of mixtures of domains: from shares in columns to the best mixture, with its intervals.

use std::fmt::Write as _;

use lawfit::numerics::Random;
use serde_json::Value;

use crate::world::{World, shared_data};

/// The training domains, and for each validation domain c and the t of each training domain.
const DOMAINS: [&str; 3] = ["web", "code", "books"];
const TRUTH: [(f64, [f64; 3]); 3] = [(1.6, [-0.1, 0.9, 0.5]), (0.9, [0.8, -1.2, 0.7]), (2.0, [0.3, 0.9, -0.6])];

fn response(validation: usize, shares: &[f64; 3]) -> f64 {
    let (c, t) = TRUTH[validation];
    c + libm::exp(t.iter().zip(shares).map(|(t, r)| t * r).sum())
}

/// Losses on three validation domains after training on mixtures at random, with shares in percent.
fn runs(count: usize, noise: f64) -> String {
    let mut random = Random::new(3, "mixtures", 0);
    let mut table = "p_web,p_code,p_books,on_web,on_code,on_books\n".to_owned();
    for _ in 0..count {
        let drawn: [f64; 3] = std::array::from_fn(|_| -libm::log(1.0 - random.uniform()));
        let shares = drawn.map(|x| x / drawn.iter().sum::<f64>());
        let losses: [f64; 3] = std::array::from_fn(|v| response(v, &shares) * random.log_normal(noise));
        let percent = shares.map(|share| 100.0 * share);
        let cells: Vec<String> = percent.iter().chain(&losses).map(f64::to_string).collect();
        writeln!(table, "{}", cells.join(",")).unwrap();
    }
    table
}

/// A study of the three losses with one law for each.
fn study(law: &str, more: &str) -> String {
    format!(
        "spec = 1\nstudy.title = \"Mixtures\"\n[sources.runs]\npath = \"runs.csv\"\n[sources.runs.columns]\n\
         r_web = {{ column = \"p_web\", unit = \"%\" }}\nr_code = {{ column = \"p_code\", unit = \"%\" }}\n\
         r_books = {{ column = \"p_books\", unit = \"%\" }}\non_web = \"on_web\"\non_code = \"on_code\"\non_books = \"on_books\"\n\
         [tables.long]\nfrom = \"runs\"\n\
         steps = [{{ unpivot = {{ columns = {{ on_web = \"web\", on_code = \"code\", on_books = \"books\" }}, name = \"on\", value = \"L\" }} }}]\n\
         [laws.mix]\n{law}\n\
         [fits.main]\nrows = \"long\"\nlaw = \"mix\"\nby = \"on\"\nobjective = \"least_squares\"\n\
         uncertainty = {{ sandwich = {{ draws = 400 }} }}\n{more}"
    )
}

const OWN: &str = "formula = \"L = c + exp(sum_over(d, t[d] * r[d]))\"";
const AVERAGE: &str = "[queries.all]\nfit = \"main\"\n\
    best_mixture = { weights = { web = 2, code = 1, books = 1 }, reference = { web = \"600B\", code = \"200B\", books = \"200B\" } }\n";

/// The mixture with the lowest average of the true responses, on a lattice.
fn best_on_lattice(weights: [f64; 3], steps: usize) -> (f64, [f64; 3]) {
    let mut best = (f64::INFINITY, [0.0; 3]);
    for i in 0..=steps {
        for j in 0..=steps - i {
            let shares = [i, j, steps - i - j].map(|part| part as f64 / steps as f64);
            let value: f64 = (0..3).map(|v| weights[v] * response(v, &shares)).sum();
            if value < best.0 {
                best = (value, shares);
            }
        }
    }
    best
}

fn row(results: &Value, query: &str) -> Value {
    results["results"]["queries"][query]["rows"][0].clone()
}

fn ends(row: &Value, name: &str) -> [f64; 3] {
    ["lower", "value", "upper"].map(|end| row[name][end].as_f64().unwrap_or_else(|| panic!("{name}: {row}")))
}

#[test]
fn the_best_mixture_of_simulated_runs_is_found_inside_its_intervals() {
    let world = World::with(&study(OWN, AVERAGE), &runs(30, 0.003));
    let found = row(&world.run("study.toml"), "all");
    let (lowest, shares) = best_on_lattice([0.5, 0.25, 0.25], 400);
    for (domain, truth) in DOMAINS.iter().zip(shares) {
        let [lower, value, upper] = ends(&found, &format!("r_{domain}"));
        assert!((value - truth).abs() < 0.05, "{domain}: {value} {truth}");
        assert!(lower - 0.0025 <= truth && truth <= upper + 0.0025, "{domain}: {lower} {truth} {upper}");
        assert!(upper - lower > 1e-4, "{domain}: {lower} {upper}");
    }
    let [lower, value, upper] = ends(&found, "best_loss");
    assert!(lower <= lowest + 0.001 && lowest <= upper + 0.001 && (value - lowest).abs() < 0.01, "{value} {lowest}");
    let reference: f64 = (0..3).map(|v| [0.5, 0.25, 0.25][v] * response(v, &[0.6, 0.2, 0.2])).sum();
    let [lower, gain, upper] = ends(&found, "gain");
    assert!(lower > 0.0 && lower <= reference - lowest && reference - lowest <= upper, "{lower} {gain} {upper}");
}

#[test]
fn the_law_of_the_catalogue_is_the_users_formula_with_columns_of_any_name() {
    let table = runs(20, 0.002).replace("p_", "share_");
    let query = "[queries.each]\nfit = \"main\"\nbest_mixture = {}\n";
    let own = World::with(&study(OWN, query).replace("p_", "share_"), &table);
    let catalogue = "use = \"mixture_exponential\"\nvariables = { r = \"part\" }";
    let spec = study(catalogue, query).replace("p_", "share_").replace("r_web =", "part_web =");
    let spec = spec.replace("r_code =", "part_code =").replace("r_books =", "part_books =");
    let named = World::with(&spec, &table);
    let rows =
        |world: &World| world.run("study.toml")["results"]["queries"]["each"]["rows"].as_array().unwrap().clone();
    let (own, named) = (rows(&own), rows(&named));
    assert_eq!(own.len(), 3);
    for (one, other) in own.iter().zip(&named) {
        assert_eq!(one["group"], other["group"]);
        for domain in DOMAINS {
            let (a, b) = (ends(one, &format!("r_{domain}"))[1], ends(other, &format!("part_{domain}"))[1]);
            assert!((a - b).abs() < 1e-9, "{one} {other}");
        }
    }
    // Each validation domain alone asks for its own domain, and says that the answer is at the border.
    let web = own.iter().find(|row| row["group"] == "web").unwrap();
    assert_eq!(ends(web, "r_web")[1], 1.0);
}

#[test]
fn shares_with_another_sum_are_refused_with_the_row_and_the_sum() {
    let mut table = runs(12, 0.002);
    table.push_str("50,40,20,3,2,3\n");
    let world = World::with(&study(OWN, AVERAGE), &table);
    let outcome = world.lawfit(&["run", "study.toml"]);
    assert_ne!(outcome.code, 0);
    for said in
        ["`r_books`, `r_code` and `r_web` must be at least 0 and sum to 1", "0.005", "row 13", "the sum is 1.1000"]
    {
        assert!(outcome.stderr.contains(said), "{said}: {}", outcome.stderr);
    }
    // Percent without their unit.
    let world = World::with(&study(OWN, AVERAGE).replace(", unit = \"%\"", ""), &runs(12, 0.002));
    let outcome = world.lawfit(&["run", "study.toml"]);
    assert!(outcome.stderr.contains("unit = \"%\""), "{}", outcome.stderr);
}

#[test]
fn a_domain_without_a_column_is_what_the_others_leave() {
    let law = "formula = \"L = c + exp(sum_over(d, t[d] * r[d]))\"\nrest = \"books\"";
    let spec = study(law, AVERAGE).replace("r_books = { column = \"p_books\", unit = \"%\" }\n", "");
    let whole = row(&World::with(&study(OWN, AVERAGE), &runs(30, 0.0)).run("study.toml"), "all");
    let part = row(&World::with(&spec, &runs(30, 0.0)).run("study.toml"), "all");
    for name in ["r_web", "r_code", "r_books", "best_loss", "gain"] {
        let (a, b) = (ends(&whole, name)[1], ends(&part, name)[1]);
        assert!((a - b).abs() < 1e-6, "{name}: {a} {b}");
    }
}

#[test]
fn a_mixture_can_be_asked_for_on_the_command_line_with_limits_and_a_reference() {
    let world = World::with(&study(OWN, ""), &runs(30, 0.003));
    let question = "best_mixture weights.web=1 weights.code=1 weights.books=1 reference.web=0.8 reference.code=0.2 \
                    subject_to.books=<=10%";
    let outcome = world.lawfit(&["query", "study.toml", question, "--quiet"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert!(outcome.stdout.contains("r_books = 0.1") && outcome.stdout.contains("gain = "), "{}", outcome.stdout);
}

#[test]
fn mistakes_in_a_law_of_a_mixture_name_the_place_and_the_remedy() {
    let own = |formula: &str| format!("formula = \"{formula}\"");
    let mixture = "L = c + exp(sum_over(d, t[d] * r[d]))";
    for (law, more, said) in [
        (
            own("L = c + exp(sum_over(d, t[d] * r[d])) + k[d]"),
            "",
            ["`k[d]` is not in a sum over `d`", "sum_over(d, ...)"],
        ),
        (format!("{}\ndomains = [\"web\"]", own(mixture)), "", ["has one domain, `web`", "rest ="]),
        (
            format!("{}\ndomains = [\"web\", \"code\", \"news\"]", own(mixture)),
            "",
            ["needs `r_news`, which the source does not provide", "r_news"],
        ),
        (
            format!("{}\ndomains = {{ e = [\"web\", \"code\"] }}", own(mixture)),
            "",
            ["has no sum over `e`", "sums over `d`"],
        ),
        (own("L = c + exp(sum_over(d, t[d] * q[d]))"), "", ["domains of `d` are not known", "domains = ["]),
        (
            own(mixture),
            "[filters.some]\nsource = \"runs\"\nrules = [{ keep = \"sum_over(d, r[d]) > 0.5\" }]\n",
            ["`sum_over` sums over the domains of a mixture and is allowed only in formulas of laws", "filters.some"],
        ),
        (
            own(mixture),
            "[queries.q]\nfit = \"main\"\nbest_mixture = { reference = { web = 0.5, cod = 0.5 } }\n",
            ["`cod` is not a domain of the mixture", "did you mean `code`?"],
        ),
        (
            own(mixture),
            "[queries.q]\nfit = \"main\"\nbest_mixture = {}\nsubject_to = { web = \"<= 0.2\", code = \"<= 0.2\", books = \"<= 0.2\" }\n",
            ["no mixture keeps the limits", "sum to 0.6"],
        ),
    ] {
        let outcome = World::with(&study(&law, more), &runs(12, 0.002)).lawfit(&["check", "study.toml"]);
        assert_eq!(outcome.code, 2, "{law}: {}", outcome.stderr);
        let (message, remedy) = (said[0], said[1]);
        assert!(outcome.stderr.contains(message), "{message}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(remedy) || remedy == "filters.some", "{remedy}: {}", outcome.stderr);
    }
}

#[test]
fn a_law_of_mixtures_forecasts_the_held_out_mixtures_of_a_published_table() {
    let name = "a_law_of_mixtures_forecasts_the_held_out_mixtures_of_a_published_table";
    let Some(folder) = shared_data(name) else { return };
    // ScaleBench (arXiv:2604.22753) from the runs of Ye et al. 2025: five domains, four model sizes.
    let column = |d: usize| {
        format!(
            "r_{d} = {{ column = \"proportion_domain_{d}\", unit = \"share\" }}\nloss_{d} = {{ column = \"loss_domain_{d}\", unit = \"nats\" }}\n"
        )
    };
    let columns: String = (1..=5).map(column).collect();
    let mut spec = format!(
        "spec = 1\nstudy.title = \"ScaleBench\"\n[sources.runs]\npath = \"domain_mixture.{{part}}.parquet\"\n[sources.runs.columns]\n\
         part = {{ column = \"part\", type = \"text\" }}\nsize = {{ column = \"group\", type = \"text\" }}\n{columns}\
         [tables.long]\nfrom = \"runs\"\n\
         steps = [{{ unpivot = {{ columns = {{ loss_1 = \"1\", loss_2 = \"2\", loss_3 = \"3\", loss_4 = \"4\", loss_5 = \"5\" }}, name = \"on\", value = \"L\" }} }}]\n\
         [laws.mix]\nuse = \"mixture_exponential\"\n"
    );
    let sizes = ["70M", "160M", "305M", "410M"];
    for size in sizes {
        write!(
            spec,
            "[filters.rows_{size}]\nsource = \"long\"\nrules = [{{ keep = \"size == '{size}'\" }}]\n\
             [fits.of_{size}]\nrows = \"rows_{size}\"\nlaw = \"mix\"\nby = \"on\"\nholdout = \"part == 'test'\"\n\
             objective = \"least_squares\"\nuncertainty = {{ sandwich = {{ draws = 100 }} }}\n\
             [queries.best_{size}]\nfit = \"of_{size}\"\nbest_mixture = {{ weights = {{ 1 = 1, 2 = 1, 3 = 1, 4 = 1, 5 = 1 }} }}\n"
        )
        .unwrap();
    }
    let world = World::with(&spec, "");
    for part in ["train", "test"] {
        let file = format!("domain_mixture.{part}.parquet");
        std::fs::copy(folder.join("scalebench").join(&file), world.path(&file)).unwrap();
    }
    let results = world.run("study.toml")["results"].clone();
    for size in sizes {
        for (group, fit) in results["fits"][format!("of_{size}")]["groups"].as_object().unwrap() {
            let error = fit["holdout"]["mean_relative_error"].as_f64().unwrap();
            assert!(error < 0.03, "{size}, domain {group}: {error}");
        }
        let row = &results["queries"][format!("best_{size}")]["rows"][0];
        let shares: f64 = (1..=5).map(|d| ends(row, &format!("r_{d}"))[1]).sum();
        assert!((shares - 1.0).abs() < 1e-6, "{row}");
    }
}
