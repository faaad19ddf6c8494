//! Figures: which are drawn, their layout and their text.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::world::{SPEC, World, repository, simulated_runs};

/// The figures of a study's folder, by file name without ending.
fn pictures(world: &World, study: &str) -> BTreeMap<String, String> {
    let files = world.files(&format!("outputs/{study}/figures"));
    let svg = files.iter().filter_map(|(name, bytes)| Some((name.strip_suffix(".svg")?, bytes)));
    svg.map(|(name, bytes)| (name.to_owned(), String::from_utf8(bytes.clone()).unwrap())).collect()
}

/// The values of an attribute, in order.
fn attributes<'a>(svg: &'a str, name: &str) -> Vec<&'a str> {
    svg.split(&format!(" {name}=\"")).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

/// A study with a power law of one variable in many groups, one of which is queried.
fn grouped(groups: usize) -> World {
    let mut table = "batch,N,L\n".to_owned();
    for group in 1..=groups {
        for i in 1..=6 {
            let n = 1e6 * libm::pow(4.0, f64::from(i));
            let _ = writeln!(table, "{group},{n},{}", (1.5 + group as f64 / 50.0) + 40.0 / libm::pow(n, 0.3));
        }
    }
    let spec = "spec = 1\n[study]\ntitle = \"Groups\"\n[sources.runs]\npath = \"runs.csv\"\ncolumns = { N = { column = \"N\", unit = \"parameters\" }, L = \"L\", batch = \"batch\" }\n\
        [laws.power]\nformula = \"L = E + A / N^alpha\"\n[fits.aaa]\nrows = \"runs\"\nlaw = \"power\"\nby = \"batch\"\n[fits.zzz]\nrows = \"runs\"\nlaw = \"power\"\n[queries.next]\nfit = \"zzz\"\nloss = { N = 1e12 }\n";
    let world = World::with(spec, &table);
    world.run("study.toml");
    world
}

#[test]
fn a_best_split_is_drawn_only_where_further_variables_do_not_vary() {
    let mut varied = "N,D,U,L\n".to_owned();
    for n in [1e8_f64, 3e8, 1e9, 3e9] {
        for d in [2e9_f64, 1e10, 5e10] {
            for u in [1e9_f64, 4e9] {
                let _ = writeln!(
                    varied,
                    "{n},{d},{u},{}",
                    1.7 + 400.0 * libm::pow(n, -0.34) + 300.0 * libm::pow(d, -0.28) * libm::pow(u / 1e9, 0.1)
                );
            }
        }
    }
    let one: String = varied.split_inclusive('\n').filter(|line| !line.contains(",4000000000,")).collect();
    let spec = "spec = 1\n[study]\ntitle = \"U\"\n[sources.runs]\npath = \"runs.csv\"\ncolumns = { N = \"N\", D = \"D\", U = \"U\", L = \"L\" }\n\
        [laws.own]\nformula = \"L = E + A / N^alpha + B / D^beta * (U / 1e9)^0.1\"\n[fits.main]\nrows = \"runs\"\nlaw = \"own\"\n";
    let drawn = |table: &str| {
        let world = World::with(spec, table);
        world.run("study.toml");
        pictures(&world, "study")
    };
    let of_varied = drawn(&varied);
    assert!(!of_varied["fit-main"].contains("best split") && of_varied["fit-main"].contains("L predicted"));
    assert!(
        !of_varied.keys().any(|name| name.starts_with("isoflop") || name.starts_with("contours")),
        "{:?}",
        of_varied.keys()
    );
    let of_one = drawn(&one);
    assert!(of_one["fit-main"].contains("law, best split"));
    for kind in ["isoflop-main", "contours-main", "frontier-main"] {
        assert!(of_one[kind].contains("best split"), "{kind}");
    }
}

#[test]
fn rows_at_or_below_zero_are_drawn_on_a_linear_axis_with_their_residuals_in_the_unit_of_the_response() {
    let mut table = "t,elo\n".to_owned();
    for i in 0..12 {
        let t = f64::from(i) - 3.0;
        let _ = writeln!(table, "{t},{}", -240.0 + 60.0 * t + if i % 2 == 0 { 5.0 } else { -5.0 });
    }
    let spec = "spec = 1\n[study]\ntitle = \"Elo\"\n[sources.runs]\npath = \"runs.csv\"\ncolumns = { t = \"t\", elo = \"elo\" }\n\
        [laws.own]\nformula = \"elo = a + b * t\"\n[fits.main]\nrows = \"runs\"\nlaw = \"own\"\nobjective = { least_squares = { on = \"raw\" } }\n\
        [queries.at]\nfit = \"main\"\nloss = { t = 0 }\n";
    let world = World::with(spec, &table);
    world.run("study.toml");
    let pictures = pictures(&world, "study");
    assert!(pictures["fit-main"].contains("fitted (12)"), "{}", pictures["fit-main"]);
    let csv = world.read("outputs/study/figures/fit-main.csv");
    let rows = csv.lines().filter(|line| line.starts_with(",fitted (12),t,elo,")).count();
    assert!(rows == 12 && csv.contains(",-3,-415,"), "{csv}");
    let report = world.read("outputs/study/report.md");
    assert!(report.contains("Residuals by row: prediction − observation"), "{report}");
    let residuals = world.read("outputs/study/figures/residuals-main.csv");
    // The slope through deviations of 5 and -5 in turn is -30 / 143, so the line misses the first row by 5.5 * 30 / 143 - 5.
    let first = residuals.lines().find_map(|line| line.strip_prefix(",fitted (12),t,residual,-3,"));
    let first: f64 = first.and_then(|rest| rest.split(',').next()?.parse().ok()).unwrap();
    assert!((first / (5.5 * 30.0 / 143.0 - 5.0) - 1.0).abs() < 1e-4, "{residuals}");
}

#[test]
fn legends_are_above_the_data_in_every_figure() {
    let world = World::with(
        &SPEC.replace(
            "law = \"hoffmann\"",
            "law = \"hoffmann\"\nbacktest = { along = \"C\", folds = 3 }\nalternatives = [\"additive_nd\"]",
        ),
        &simulated_runs(0.01),
    );
    for name in ["cerebras-gpt.toml", "over-training.toml", "data/cerebras-gpt.csv", "data/redpajama-overtrain.csv"] {
        world.write(&format!("specs/{name}"), &std::fs::read_to_string(repository().join("specs").join(name)).unwrap());
    }
    for spec in ["study.toml", "specs/cerebras-gpt.toml", "specs/over-training.toml"] {
        world.run(spec);
    }
    let mut keys = 0;
    for study in ["study", "cerebras-gpt", "over-training"] {
        for (name, svg) in pictures(&world, study) {
            let tops = attributes(&svg, "data-y").into_iter().map(|range| {
                let ends: Vec<f64> = range.split(' ').skip(3).take(2).map(|end| end.parse().unwrap()).collect();
                ends[0].min(ends[1])
            });
            let Some(top) = tops.reduce(f64::min) else { continue };
            for key in svg.split("<g class=\"key ").skip(1) {
                keys += 1;
                let text = key.split("</text>").next().unwrap();
                let y: f64 = attributes(text.split("<text").nth(1).unwrap(), "y")[0].parse().unwrap();
                assert!(y < top, "{study} {name}: a key at {y}, data from {top}");
            }
        }
    }
    assert!(keys > 30, "{keys}");
}

#[test]
fn axes_have_units_and_readable_sizes() {
    let world = World::with(SPEC, &simulated_runs(0.01));
    world.run("study.toml");
    let all = pictures(&world, "study");
    for words in ["N (parameters)", "D (tokens)", ">1B<", ">100B<", " FLOP<"] {
        assert!(all["contours-main"].contains(words), "{words}");
    }
    assert!(all["fit-main"].contains("C = 6 N D (FLOP)") && all["fit-main"].contains("L: loss"));
    assert_eq!(all["residuals-main"].matches("class=\"plot\"").count(), 4, "the prediction, N, D and compute");
    assert_eq!(all["parameters-main"].matches("class=\"plot\"").count(), 5);
    // The data of each figure are written next to it.
    let csv = world.read("outputs/study/figures/fit-main.csv");
    assert_eq!(csv.lines().filter(|line| line.contains("fitted (30)")).count(), 30);
}

#[test]
fn a_caption_mentions_intervals_only_where_they_are_drawn() {
    let spec = |folds: usize| {
        let own = format!("law = \"hoffmann\"\nbacktest = {{ along = \"C\", folds = {folds} }}");
        SPEC.replace("law = \"hoffmann\"", &own) + "[report]\nformats = [\"markdown\"]\n"
    };
    for (folds, drawn) in [(3, true), (8, false)] {
        let world = World::with(&spec(folds), &simulated_runs(0.01));
        world.run("study.toml");
        let bars = pictures(&world, "study")["backtest-main"].contains("class=\"bars\"");
        assert_eq!(bars, drawn, "{folds} folds");
        assert_eq!(
            world.read("outputs/study/report.md").contains("An interval that excludes zero missed its row."),
            drawn
        );
    }
}

#[test]
fn with_too_many_fits_those_with_queries_are_drawn_first() {
    let world = grouped(45);
    let all = pictures(&world, "study");
    assert!(all["fit-zzz"].contains("answer: next"));
    assert_eq!(all.keys().filter(|name| name.starts_with("fit-")).count(), 40);
    assert!(world.read("outputs/study/report.html").contains("6 more fits are not drawn"));
}

#[test]
fn of_too_many_fits_the_one_of_the_recommended_answer_is_drawn() {
    let world = grouped(45);
    world.write(
        "study.toml",
        &world.read("study.toml").replace("[queries.next]\nfit = \"zzz\"", "[queries.next]\nfit = \"aaa\""),
    );
    world.run("study.toml");
    let all = pictures(&world, "study");
    assert_eq!(all.keys().filter(|name| name.starts_with("fit-")).count(), 40);
    assert!(all.contains_key("fit-aaa-1") && all["fit-aaa-45"].contains("quoted answer: next"), "{:?}", all.keys());
}

#[test]
fn the_recommended_answer_is_marked_among_the_others() {
    let asked = "[queries.large]\nfit = \"main\"\nloss = { N = [4e8, 1e12], D = [1e10, 2e13] }\n";
    let world =
        World::with(&format!("{SPEC}{asked}[report]\nanswer = \"queries.large.row2\"\n"), &simulated_runs(0.01));
    world.run("study.toml");
    let all = pictures(&world, "study");
    for (name, marks) in [("fit-main", 1), ("frontier-main", 2), ("contours-main", 1)] {
        let quoted = all[name].split("class=\"quoted\">").skip(1).map(|rest| rest.split("</g>").next().unwrap());
        // One mark stands in the legend.
        assert_eq!(quoted.map(|marks| marks.matches("<path").count()).sum::<usize>(), marks + 1, "{name}");
        let csv = world.read(&format!("outputs/study/figures/{name}.csv"));
        assert_eq!(csv.lines().filter(|line| line.contains("answer: large, quoted")).count(), marks, "{name}");
    }
}

#[test]
fn every_point_of_a_figure_belongs_to_a_series_with_a_name() {
    let spec = SPEC.replace("law = \"hoffmann\"", "law = \"hoffmann\"\nbacktest = { along = \"C\", folds = 3 }");
    let world = World::with(&spec, &simulated_runs(0.01));
    world.run("study.toml");
    let mut points = 0;
    for (name, bytes) in world.files("outputs/study/figures") {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        for line in text.lines().skip(1).filter(|_| text.starts_with("plot,series,")) {
            points += 1;
            let series = line.split(',').nth(1).unwrap();
            assert!(!series.is_empty(), "{name}: {line}");
        }
    }
    assert!(points > 500, "{points}");
    let contours = world.read("outputs/study/figures/contours-main.csv");
    let levels = contours.lines().filter_map(|line| line.split("of the law = ").nth(1)?.split([',', '"']).next());
    let levels: std::collections::BTreeSet<&str> = levels.collect();
    assert!(levels.len() > 3, "{levels:?}");
}

#[test]
fn the_graph_leads_from_a_query_to_the_source_that_it_gives() {
    let more = "[sources.best]\nfrom = \"queries.budget\"\ncolumns = { C = { column = \"C\", unit = \"FLOP\" }, N = { column = \"N\", unit = \"parameters\" } }\n\
        [laws.size]\nformula = \"N = k * C^a\"\n[fits.size]\nrows = \"best\"\nlaw = \"size\"\n";
    let spec = SPEC.replace("C = [1e21, 1e23]", "C = [1e19, 1e20, 1e21, 1e22, 1e23]");
    let world = World::with(&format!("{spec}{more}"), &simulated_runs(0.01));
    world.run("study.toml");
    let graph = world.read("outputs/study/figures/graph.csv");
    for edge in ["query budget,source best", "source best,fit size", "fit main,query budget"] {
        assert!(graph.lines().any(|line| line == edge), "{edge} in {graph}");
    }
}

#[test]
fn a_place_where_a_target_is_reached_is_drawn_where_it_is() {
    let mut table = "N,L\n".to_owned();
    for i in 1..=8 {
        let n = 1e6 * libm::pow(4.0, f64::from(i));
        let _ = writeln!(table, "{n},{}", 1.5 + 40.0 / libm::pow(n, 0.3));
    }
    let spec = "spec = 1\n[study]\ntitle = \"Target\"\n[sources.runs]\npath = \"runs.csv\"\ncolumns = { N = { column = \"N\", unit = \"parameters\" }, L = \"L\" }\n\
        [laws.power]\nformula = \"L = E + A / N^alpha\"\n[fits.main]\nrows = \"runs\"\nlaw = \"power\"\n\
        [queries.near]\nfit = \"main\"\nreach = { L = 1.58, solve = \"N\" }\n[queries.far]\nfit = \"main\"\nreach = { L = 1.5001, solve = \"N\" }\n";
    let world = World::with(spec, &table);
    world.run("study.toml");
    let all = pictures(&world, "study");
    assert!(all["fit-main"].contains("answer: near") && !all["fit-main"].contains("answer: far"));
    // 1.5 + 40 / N^0.3 = 1.58 at N = 500^(1 / 0.3).
    let csv = world.read("outputs/study/figures/fit-main.csv");
    let line = csv.lines().find(|line| line.contains("answer: near")).unwrap();
    let reached = libm::pow(500.0, 1.0 / 0.3);
    let cells: Vec<f64> = line.split(',').filter_map(|cell| cell.parse().ok()).collect();
    assert!(cells.iter().any(|cell| (cell / reached - 1.0).abs() < 1e-3) && cells.contains(&1.58), "{line}");
}

#[test]
fn the_minimum_of_each_group_is_drawn_on_its_curve() {
    let mut table = "budget,x,y\n".to_owned();
    for budget in 1..=3 {
        for step in -6..=6 {
            let log = f64::from(step) / 2.0;
            let best = f64::from(budget);
            let y = 3.0 - 0.2 * best + 0.05 * (log - best) * (log - best);
            let _ = writeln!(table, "{budget},{},{y}", libm::exp(log));
        }
    }
    let spec = "spec = 1\n[study]\ntitle = \"Parabolas\"\n[sources.runs]\npath = \"runs.csv\"\ncolumns = { x = \"x\", y = \"y\", budget = \"budget\" }\n\
        [laws.parabola]\nformula = \"y = a + b * (ln(x) - m)^2\"\n[fits.main]\nrows = \"runs\"\nlaw = \"parabola\"\nby = \"budget\"\n\
        [queries.best]\nfit = \"main\"\nminimum = { over = \"x\" }\n";
    let world = World::with(spec, &table);
    world.run("study.toml");
    let drawn = world.read("outputs/study/figures/groups-main.csv");
    for (budget, x, y) in [(1, 1.0, 2.8), (2, 2.0, 2.6), (3, 3.0, 2.4)] {
        let line = drawn
            .lines()
            .find(|line| line.contains(&format!("{budget}: answers")))
            .unwrap_or_else(|| panic!("{drawn}"));
        let numbers: Vec<f64> = line.split(',').filter_map(|cell| cell.parse().ok()).collect();
        assert!(numbers.iter().any(|found| (found - libm::exp(x)).abs() < 1e-3 * found), "{line}");
        assert!(numbers.iter().any(|found| (found - y).abs() < 1e-6), "{line}");
    }
    assert!(
        world.read("outputs/study/figures/fit-main-1.csv").contains("answer: best"),
        "the law of a group shows its own"
    );
}

#[test]
fn groups_that_are_numbers_are_in_numerical_order() {
    let world = grouped(11);
    let groups = &pictures(&world, "study")["groups-aaa"];
    let keys: Vec<&str> = groups.split("<g class=\"key ").skip(1).map(|key| attributes(key, "data-s")[0]).collect();
    assert_eq!(keys, ["1", "3", "5", "7", "9", "11"]);
}

#[test]
fn figures_are_drawn_for_the_column_of_a_paper() {
    let world = World::with(SPEC, &simulated_runs(0.01));
    world.run("study.toml");
    // The page shows its spec last.
    let page =
        |world: &World| world.read("outputs/study/report.html").split("The spec</summary>").next().unwrap().to_owned();
    let before = page(&world);
    world.write("study.toml", &(SPEC.to_owned() + "[report]\ncolumn_width = 84\n"));
    world.run("study.toml");
    for (name, svg) in pictures(&world, "study") {
        assert_eq!(attributes(&svg, "width")[0], "317.48", "{name}");
        assert!(svg.contains("font-size=\"9.33\""), "{name}");
    }
    assert_eq!(page(&world), before, "the page is for a screen");
    world.write("study.toml", &(SPEC.to_owned() + "[report]\ncolumn_width = 8\n"));
    let outcome = world.lawfit(&["check", "study.toml"]);
    assert!(outcome.code == 2 && outcome.stderr.contains("50 to 400 millimetres"), "{}", outcome.stderr);
}

#[test]
fn figures_are_written_as_pdf_and_png_with_the_same_bytes_each_time() {
    let spec = format!("{SPEC}[report]\nfigures = [\"pdf\", \"png\"]\ncolumn_width = 84\n");
    let world = World::with(&spec, &simulated_runs(0.01));
    if cfg!(not(feature = "figures")) {
        let outcome = world.lawfit(&["check", "study.toml"]);
        assert_eq!(outcome.code, 2);
        assert!(
            outcome.stderr.contains("feature `figures`") && outcome.stderr.contains("--features figures"),
            "{}",
            outcome.stderr
        );
        return;
    }
    world.run("study.toml");
    let files = world.files("outputs/study/figures");
    let stems = |ending: &str| files.keys().filter_map(|name| name.strip_suffix(ending)).collect::<Vec<_>>();
    assert!(stems(".svg").len() > 5 && stems(".svg") == stems(".pdf") && stems(".svg") == stems(".png"));
    for (name, bytes) in &files {
        let ending = name.rsplit_once('.').unwrap().1;
        if ending == "pdf" {
            assert!(bytes.starts_with(b"%PDF-") && bytes.len() > 1000, "{name}");
            // 84 mm are 238.11 points.
            assert!(String::from_utf8_lossy(bytes).contains("[0 0 238.11"), "{name}");
        } else if ending == "png" {
            // The width stands after the signature and the head of the first chunk: 84 mm are 992 dots.
            assert_eq!(u32::from_be_bytes(bytes[16..20].try_into().unwrap()), 992, "{name}");
        }
    }
    std::fs::remove_dir_all(world.path("outputs")).unwrap();
    assert_eq!(world.lawfit(&["run", "study.toml", "--cache", "other", "--jobs", "1"]).code, 0);
    assert!(world.files("outputs/study/figures") == files, "the same bytes");
    assert_eq!(world.lawfit(&["run", "study.toml", "--locked"]).code, 0);
}

#[test]
fn a_study_with_its_own_cost_is_drawn_over_that_cost() {
    let spec = format!("{SPEC}[costs.heads]\ncompute = \"6 * N * D + 1e9 * D\"\n");
    let world = World::with(&spec, &simulated_runs(0.01));
    world.run("study.toml");
    let all = pictures(&world, "study");
    assert!(all["fit-main"].contains("C = 6 * N * D + 1e9 * D (FLOP)"), "{}", all["fit-main"]);
    assert!(all["residuals-main"].contains("1e9 * D") && all["contours-main"].contains("budget cost heads"));
    // Every run stands at its own cost.
    let drawn = world.read("outputs/study/figures/fit-main.csv");
    let xs: Vec<f64> = drawn
        .lines()
        .filter(|line| line.contains(",fitted ("))
        .map(|line| line.split(',').nth(4).unwrap().parse().unwrap())
        .collect();
    let costs = simulated_runs(0.01)
        .lines()
        .skip(1)
        .map(|line| {
            let cells: Vec<f64> = line.split(',').take(2).map(|cell| cell.parse().unwrap()).collect();
            6.0 * cells[0] * cells[1] + 1e9 * cells[1]
        })
        .collect::<Vec<_>>();
    assert_eq!(xs.len(), costs.len());
    assert!(xs.iter().zip(&costs).all(|(x, cost)| (x / cost - 1.0).abs() < 1e-9), "{xs:?} {costs:?}");
    // A place on an isoFLOP curve costs its budget: the best split of an answer lies on it too.
    let isoflop = world.read("outputs/study/figures/isoflop-main.csv");
    assert!(isoflop.lines().filter(|line| line.contains(" FLOP,")).count() > 100, "{isoflop}");
}

#[test]
fn several_laws_of_groups_are_drawn_group_by_group_on_the_first_screen() {
    let mut table = "family,N,L\n".to_owned();
    for (family, floor) in [("a", 1.5), ("b", 2.5)] {
        for i in 1..=9 {
            let n = 1e6 * libm::pow(3.0, f64::from(i));
            let _ = writeln!(table, "{family},{n},{}", floor + 40.0 / libm::pow(n, 0.3));
        }
    }
    let spec = "spec = 1\n[study]\ntitle = \"Laws\"\n[sources.runs]\npath = \"runs.csv\"\ncolumns = { N = { column = \"N\", unit = \"parameters\" }, L = \"L\", family = { column = \"family\", type = \"text\" } }\n\
        [laws.floor]\nformula = \"L = E + A / N^alpha\"\n[laws.bare]\nformula = \"L = A / N^alpha\"\n\
        [fits.bare]\nrows = \"runs\"\nlaw = \"bare\"\nby = \"family\"\nholdout = \"N > 1e10\"\n[fits.full]\nrows = \"runs\"\nlaw = \"floor\"\nby = \"family\"\nholdout = \"N > 1e10\"\n";
    let world = World::with(spec, &table);
    world.run("study.toml");
    let drawn = &pictures(&world, "study")["multiples-bare"];
    assert_eq!(drawn.matches("class=\"plot\"").count(), 2);
    let keys: Vec<&str> = drawn.split("<g class=\"key ").skip(1).map(|key| attributes(key, "data-s")[0]).collect();
    assert_eq!(keys, ["fitted", "held out", "bare", "full"]);
    let page = world.read("outputs/study/report.html");
    let first = page.split("</section>").next().unwrap();
    assert!(first.contains("data-file=\"multiples-bare\""), "the comparison is the conclusion");
    for figure in ["multiples-bare", "groups-bare", "groups-full"] {
        assert!(pictures(&world, "study")[figure].contains("stroke-dasharray"), "{figure}");
    }
    assert_eq!(page.matches("dashed outside the fitted rows").count(), 3, "laws beyond the fitted rows");
}

/// A power law with a floor, fitted with profiles to rows over `decades` decades of x.
fn floored(decades: f64, floor: f64, law: &str) -> World {
    let mut random = lawfit::numerics::Random::new(3, "floor", 0);
    let mut table = "x,y\n".to_owned();
    for i in 0..20 {
        let x = libm::pow(10.0, decades * f64::from(i) / 19.0);
        let _ = writeln!(table, "{x},{}", (floor + 3.0 * libm::pow(x, -0.3)) * random.log_normal(0.02));
    }
    let spec = format!(
        "spec = 1\n[study]\ntitle = \"Profiles\"\n[sources.runs]\npath = \"runs.csv\"\ncolumns = {{ x = \"x\", y = \"y\" }}\n\
         [laws.own]\n{law}\n[fits.main]\nrows = \"runs\"\nlaw = \"own\"\nobjective = \"least_squares\"\n\
         uncertainty = {{ profile = {{ draws = 200 }} }}\n[report]\nformats = [\"html\", \"json\"]\n"
    );
    World::with(&spec, &table)
}

const FLOOR: &str =
    "formula = \"y = E + A / x^alpha\"\nparameters.E = { bounds = [0, 10] }\nparameters.A = { scale = \"log\" }";

/// The plots of a figure, each with its title, which is empty for none.
fn plots(svg: &str) -> Vec<(&str, &str)> {
    let title = |plot: &'_ str| plot.find("font-weight=\"bold\">").map(|at| at + 19);
    svg.split("<g class=\"plot\"")
        .skip(1)
        .map(|plot| (title(plot).map_or("", |at| plot[at..].split('<').next().unwrap()), plot))
        .collect()
}

#[test]
fn profiles_show_the_line_and_the_ends_of_each_interval() {
    let world = floored(3.0, 1.0, FLOOR);
    let results = world.run("study.toml")["results"].clone();
    let fit = &results["fits"]["main"];
    let svg = &pictures(&world, "study")["profiles-main"];
    let keys: Vec<&str> = svg.split("<g class=\"key ").skip(1).map(|key| attributes(key, "data-s")[0]).collect();
    // F(0.9; 1, 17) = 3.026 as printed in tables.
    assert_eq!(keys, ["90 % interval: F = 3.03", "profile", "end of the interval", "estimate"]);
    assert_eq!(plots(svg).iter().map(|(title, _)| *title).collect::<Vec<_>>(), ["", "", ""]);
    let csv = world.read("outputs/study/figures/profiles-main.csv");
    for (place, name) in ["E", "A", "alpha"].into_iter().enumerate() {
        let curve = &fit["profiles"][place];
        assert_eq!((curve["parameter"].as_str(), &curve["closed"]), (Some(name), &serde_json::json!([true, true])));
        let rows = |series: &str| -> Vec<[f64; 2]> {
            let of = csv.lines().map(|line| line.split(',').collect::<Vec<_>>());
            let own = of.filter(|cells| cells[1] == series && cells[2] == name);
            own.map(|cells| [cells[4], cells[5]].map(|cell| cell.parse().unwrap())).collect()
        };
        assert_eq!(serde_json::json!(rows("profile")), curve["points"], "the data are those of the results");
        let told = |part: &str| fit["parameters"][name][part].as_f64().unwrap();
        assert_eq!(rows("estimate"), [[told("value"), 0.0]]);
        let threshold = curve["threshold"].as_f64().unwrap();
        assert!((threshold - 3.026).abs() < 1e-3);
        let ends = [[told("lower"), threshold], [told("upper"), threshold]];
        assert_eq!(rows("end of the interval"), ends);
        for end in ends {
            let near = rows("profile").into_iter().filter(|[at, _]| *at == end[0]);
            assert!(near.map(|[_, rise]| rise).all(|rise| (rise / threshold - 1.0).abs() < 1e-4));
        }
    }
    // A is searched as a logarithm, and its axis is logarithmic.
    let scales: Vec<&str> = attributes(svg, "data-x").into_iter().map(|x| x.split(' ').next().unwrap()).collect();
    assert_eq!(scales, ["linear", "log", "linear"]);
    let page = world.read("outputs/study/report.html");
    assert!(page.contains("interval of a parameter is where its curve is below the dashed line"));
    assert!(!page.contains("The rows set no") && !page.contains("The rows do not identify"));
}

#[test]
fn profiles_say_which_parameters_have_no_limit_are_on_a_bound_or_are_not_identified() {
    let drawn = |world: &World| {
        let results = world.run("study.toml")["results"].clone();
        let page = world.read("outputs/study/report.html");
        (results["fits"]["main"].clone(), pictures(world, "study")["profiles-main"].clone(), page)
    };
    // Over one decade the floor may be zero, its bound.
    let (fit, svg, page) = drawn(&floored(1.0, 0.3, FLOOR));
    assert_eq!(fit["profiles"][0]["closed"], serde_json::json!([false, true]));
    assert!(plots(&svg).iter().any(|(title, _)| *title == "E: no lower limit"), "{:?}", plots(&svg)[0].0);
    assert!(page.contains("The rows set no lower limit for E"), "the caption agrees");
    // The best floor is below zero.
    let (fit, svg, page) = drawn(&floored(2.0, -0.3, FLOOR));
    assert_eq!(fit["parameters"]["E"]["status"], "at_lower_bound");
    let (title, plot) = plots(&svg)[0];
    assert_eq!(title, "E: at its lower bound");
    assert!(page.contains("The estimate of E is on a bound") && !page.contains("no lower limit for E"));
    assert_eq!(fit["profiles"][0]["points"][0], serde_json::json!([0.0, 0.0]), "the curve begins at the bound");
    assert!(plot.contains("end of the interval"), "it has an upper end");
    // Any B below zero fits as well.
    let (fit, svg, page) =
        drawn(&floored(2.0, -0.3, "formula = \"y = A / x^alpha + max(B, 0)\"\nparameters.B = { bounds = [-5, 5] }"));
    assert_eq!(plots(&svg).iter().map(|(title, _)| *title).collect::<Vec<_>>(), ["", "", "B: not identified"]);
    assert_eq!(fit["profiles"][2]["closed"], serde_json::json!([false, true]));
    for ((_, plot), is_marked) in plots(&svg).into_iter().zip([true, true, false]) {
        assert_eq!(plot.contains("data-s=\"estimate\""), is_marked, "only what is identified is marked");
        assert!(!plot.contains("data-s=\"end of the interval\""));
    }
    assert!(page.contains("The rows do not identify B: no estimate is marked."));
    assert!(page.contains("No interval of A and alpha is marked: the objective is flat in some direction."));
    // Any A fits with another B.
    let (fit, svg, _) = drawn(&floored(3.0, 0.0, "formula = \"y = A * B / x^alpha\""));
    let titles: Vec<&str> = plots(&svg).iter().map(|(title, _)| *title).collect();
    assert_eq!(titles, ["A: not identified", "B: not identified", ""]);
    for curve in &fit["profiles"].as_array().unwrap()[..2] {
        let rises = curve["points"].as_array().unwrap().iter().map(|point| point[1].as_f64().unwrap());
        assert!(rises.map(f64::abs).fold(0.0, f64::max) < 1e-3, "{curve}");
    }
}

#[test]
fn profiles_have_the_same_bytes_on_any_number_of_threads() {
    let spec = SPEC.replace(
        "uncertainty = { bootstrap = { resamples = 100 } }",
        "by = \"family\"\nuncertainty = { profile = { draws = 100 } }",
    );
    let world = World::with(&spec, &simulated_runs(0.01));
    let files = |jobs: &str| {
        let outcome = world.lawfit(&["run", "study.toml", "--jobs", jobs, "--cache", jobs]);
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        (world.files("outputs/study/figures"), world.read("outputs/study/results.json"), world.read("study.lock"))
    };
    let seven = files("7");
    assert!(seven.0.keys().any(|name| name == "profiles-main-2.svg"), "one for each group: {:?}", seven.0.keys());
    assert!(files("1") == seven);
}

#[test]
fn axes_show_their_scale_in_little_room_and_over_narrow_ranges() {
    // G over less than three decades, a response that counts tokens, and a second one that hardly varies.
    let mut table = "G,T,flat\n".to_owned();
    for i in 0..9 {
        let g = 1.5e10 * libm::pow(2.0, f64::from(i));
        let _ = writeln!(table, "{g},{},{}", 3.0 * libm::pow(g, 0.9), 0.744 + 1e-10 * f64::from(i % 3));
    }
    let spec = "spec = 1\n[study]\ntitle = \"Axes\"\n[sources.runs]\npath = \"runs.csv\"\n[sources.runs.columns]\nG = \"G\"\nflat = \"flat\"\n\
        T = { column = \"T\", unit = \"tokens\" }\n[laws.power]\nformula = \"T = A * G^a\"\n[laws.flat]\nformula = \"flat = E + A / G^a\"\n\
        [fits.tokens]\nrows = \"runs\"\nlaw = \"power\"\n[fits.flat]\nrows = \"runs\"\nlaw = \"flat\"\n[report]\ncolumn_width = 60\n";
    let world = World::with(spec, &table);
    world.run("study.toml");
    let all = pictures(&world, "study");
    for power in [">10¹¹<", ">10¹²<"] {
        assert!(all["residuals-tokens"].contains(power), "{power}");
    }
    assert!(all["fit-tokens"].contains("B</text>"), "tokens are written in billions");
    for (name, svg) in &all {
        for part in svg.split("<g class=\"ticks ").skip(1) {
            let texts: Vec<&str> = part.split("</g>").next().unwrap().split("stroke=\"none\">").skip(1).collect();
            let texts: Vec<&str> = texts.iter().map(|text| text.split('<').next().unwrap()).collect();
            let told: Vec<&str> = texts.iter().copied().filter(|text| !text.is_empty()).collect();
            assert!(told.len() > 1, "{name}: {texts:?}");
            assert!(told.windows(2).all(|pair| pair[0] != pair[1]), "{name}: {texts:?}");
        }
    }
    // The rows of both laws are met to within rounding.
    let residuals = attributes(&all["residuals-tokens"], "data-y")[0];
    let ends: Vec<f64> = residuals.split(' ').skip(1).take(2).map(|end| end.parse().unwrap()).collect();
    assert!(ends[0] <= -1e-6 && ends[1] >= 1e-6, "{residuals}");
}

#[test]
fn figures_that_are_no_longer_drawn_are_removed_from_their_folder() {
    let world = World::with(SPEC, &simulated_runs(0.01));
    world.run("study.toml");
    world.write("outputs/study/figures/own.txt", "mine");
    world.write("study.toml", &(SPEC.to_owned() + "[report]\nformats = [\"json\"]\n"));
    world.run("study.toml");
    assert_eq!(world.files("outputs/study/figures").into_keys().collect::<Vec<_>>(), ["own.txt"]);
}
