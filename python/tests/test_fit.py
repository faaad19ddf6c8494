"""Fits from frames: the numbers of the command line, and errors with place and hint."""

import itertools
import json
import math
import multiprocessing
import os
import pickle
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import COLUMNS, TRUTH

import lawfit


def command_line(program, *arguments):
    ended = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, check=True)
    return json.loads(ended.stdout)


def test_the_parameters_of_a_known_law_come_back_from_rows_without_noise(program, runs):
    sizes = zip(runs["params"], runs["tokens"], strict=True)
    losses = [TRUTH["E"] + TRUTH["A"] / n ** TRUTH["alpha"] + TRUTH["B"] / d ** TRUTH["beta"] for n, d in sizes]
    found = lawfit.fit({**runs, "val_loss": losses}, "hoffmann", **COLUMNS, interval=None)
    for name, true in TRUTH.items():
        assert found[name].value == pytest.approx(true, rel=1e-6)


def test_the_command_line_gives_the_same_numbers_from_the_same_cache(fitted, program, tmp_path):
    queries = {"budget": {"compute_optimal": {"C": 1e24}}, "ahead": {"loss": {"N": 7e10, "D": 1.4e12}}}
    budget, ahead = fitted.optimal(C=1e24), fitted.predict(N=7e10, D=1.4e12)
    spec = fitted.to_spec(tmp_path / "study.toml", queries=queries)
    found = command_line(program, "run", "--json", "--out", tmp_path / "out", spec)
    cached = {stage["id"]: stage["status"] for stage in found["stages"] if stage["id"] not in {"results", "render"}}
    assert cached == dict.fromkeys(("ingest.runs", "fit.main", "extrapolate.budget", "extrapolate.ahead"), "cached")
    assert found["results"]["fits"]["main"] == fitted.result
    assert found["results"]["queries"]["budget"]["rows"][0]["N"]["value"] == budget.N.value
    row = found["results"]["queries"]["ahead"]["rows"][0]["loss"]
    assert (row["value"], row["lower"], row["upper"]) == (ahead.value, ahead.lower, ahead.upper)


def test_draws_are_those_behind_the_intervals(fitted):
    draws = fitted.draws
    assert list(draws) == ["E", "A", "alpha", "B", "beta"]
    for name, values in draws.items():
        assert len(values) == 1000
        inside = sum(fitted[name].lower <= value <= fitted[name].upper for value in values)
        assert 0.85 <= inside / 1000 <= 0.95


def test_a_fit_without_intervals_has_no_draws(program, runs):
    plain = lawfit.fit(runs, "hoffmann", **COLUMNS, interval=None)
    assert plain["alpha"].lower is None
    with pytest.raises(LookupError, match="interval"):
        _ = plain.draws


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_a_frame_of_any_library_gives_the_same_fit_and_returns_in_its_kind(library, fitted, runs):
    module = pytest.importorskip(library)
    frame = module.table(runs) if library == "pyarrow" else module.DataFrame(runs)
    same = lawfit.fit(frame, "hoffmann", **COLUMNS)
    assert same.result == fitted.result
    for back in (same.params, same.draws, same.predict(frame), same.optimal(C=[1e22, 1e24])):
        assert type(back) is type(frame)


def test_a_stream_that_can_be_read_once_is_fitted_and_predicted(fitted, program, runs):
    pyarrow = pytest.importorskip("pyarrow")
    fit = lawfit.fit(pyarrow.table(runs).to_reader(), "hoffmann", **COLUMNS)
    assert fit["alpha"] == fitted["alpha"]
    answers = fit.predict(pyarrow.table({"params": [1e9], "tokens": [2e10]}).to_reader())
    assert answers.column("loss").to_pylist() == [fitted.predict(N=1e9, D=2e10).value]


def test_rows_are_predicted_in_their_order_in_as_many_questions_as_it_takes(fitted, monkeypatch):
    from lawfit import _rows

    points = {"N": [1e9, 7e10, 2e8], "D": [2e10, 1.4e12, 4e9]}
    at_once = fitted.predict(points)
    monkeypatch.setattr(_rows, "_MOST_ROWS", 2)
    assert fitted.predict(points)["loss"] == at_once["loss"]
    assert at_once["N"] == points["N"]
    assert at_once["loss"][1] == fitted.predict(N=7e10, D=1.4e12).value


def test_more_rows_than_the_draws_allow_are_predicted_in_halves(program, runs):
    fit = lawfit.fit(runs, "hoffmann", **COLUMNS, uncertainty={"sandwich": {"draws": 5000}})
    sizes = [1e9 + n for n in range(1001)]
    predicted = fit.predict(N=sizes, D=2e10)
    assert predicted["N"] == sizes
    assert all(above > below for above, below in itertools.pairwise(predicted["loss"]))


def test_the_frame_of_the_fit_can_be_predicted_by_its_own_column_names(fitted, runs):
    predicted = fitted.predict(runs)["loss"]
    misses = [abs(p / seen - 1) for p, seen in zip(predicted, runs["val_loss"], strict=True)]
    assert max(misses) < 0.05


def test_rows_with_a_missing_input_have_missing_predictions(fitted):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"params": [None, 1e9, 1e9], "tokens": [2e10, 2e10, None]}, index=[7, 8, 9])
    predicted = fitted.predict(frame)
    assert list(predicted.index) == [7, 8, 9]
    assert list(predicted["loss"].isna()) == [True, False, True]
    assert predicted["loss"][8] == fitted.predict(N=1e9, D=2e10).value
    assert list(predicted["verdict"]) == ["missing", "inside", "missing"]
    assert predicted["reason"][9] == "no answer, because D is missing"
    with pytest.raises(lawfit.SpecError, match="`N` is missing"):
        fitted.predict(N=float("nan"), D=2e10)


def test_an_impossible_value_is_told_with_its_row(fitted):
    with pytest.raises(lawfit.SpecError, match=r"`D` is -1; .* \(row 2\)"):
        fitted.predict({"N": [None, 1e9, 1e9], "D": [2e10, 2e10, -1.0]})


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_an_empty_frame_is_predicted_as_an_empty_frame_with_all_columns(library, fitted, runs):
    module = pytest.importorskip(library)
    make = module.table if library == "pyarrow" else module.DataFrame
    frame = make(runs)
    full, empty = fitted.predict(frame), fitted.predict(frame.slice(0, 0) if library != "pandas" else frame.head(0))
    names = list(full.column_names if library == "pyarrow" else full.columns)
    assert list(empty.column_names if library == "pyarrow" else empty.columns) == names
    assert len(empty) == 0
    if library != "pandas":
        assert empty.schema == full.schema
    assert list(fitted.optimal(C=[])) == list(fitted.optimal(C=[1e22]))


def test_variables_are_named_by_their_columns_too(fitted):
    assert fitted.predict(params=1e9, tokens=2e10) == fitted.predict(N=1e9, D=2e10)
    assert fitted.reach(loss=2.5, solve="tokens", params=7e9) == fitted.reach(loss=2.5, solve="D", N=7e9)
    with pytest.raises(lawfit.SpecError, match="`N` and `params` are both `N`"):
        fitted.predict(N=1e9, params=1e9, tokens=2e10)


def test_what_cannot_be_reached_says_why(fitted):
    answer = fitted.reach(loss=1.0)
    assert answer.verdict == "not_reachable"
    assert answer.reason.startswith("not reachable: the floor is ")
    assert answer.reason in str(answer)
    assert answer.reason in repr(answer)
    with pytest.raises(lawfit.NoAnswerError, match="the floor is") as caught:
        _ = answer.value
    assert (caught.value.verdict, caught.value.reason) == (answer.verdict, answer.reason)
    again = pickle.loads(pickle.dumps(caught.value))
    assert (again.verdict, again.reason) == (answer.verdict, answer.reason)
    assert answer.solution.value is None
    assert math.isnan(float(answer))
    with pytest.raises(AttributeError, match="the floor is"):
        _ = answer.other


def test_a_refused_row_has_the_columns_of_the_others(fitted):
    reached = fitted.reach(loss=[1.0, 2.5])
    assert list(reached) == list(fitted.reach(loss=[2.5]))
    assert reached["solution"] == [None, fitted.reach(loss=2.5).value]
    assert reached["reason"][1] == ""


def test_a_warning_about_one_value_is_of_the_answer_with_this_value(fitted):
    inside, outside = fitted.ask("loss", N=[1e9, 7e10], D=[2e10, 4e10])
    assert inside.warnings == ()
    assert ["N = 7.000e10" in warning for warning in outside.warnings] == [True]


def test_what_is_reached_is_what_was_asked_for(fitted):
    answer = fitted.reach(loss=2.5)
    assert answer.solution.value == pytest.approx(6 * answer.N.value * answer.D.value)
    assert fitted.predict(N=answer.N.value, D=answer.D.value).value == pytest.approx(2.5, rel=1e-9)
    assert answer.lower < answer.value < answer.upper


def test_the_best_split_spends_the_budget(fitted):
    answer = fitted.optimal(C=1e23)
    assert 6 * answer["N"].value * answer["D"].value == pytest.approx(1e23)
    assert (answer.verdict, answer.factor) == ("inside", 1.0)


def test_a_formula_is_a_law(program, runs):
    formula = lawfit.fit(runs, "L ~ E + A / N^alpha + B / D^beta", **COLUMNS)
    assert formula["alpha"].value == pytest.approx(TRUTH["alpha"], abs=0.05)
    assert formula.variables == ["N", "D"]


def test_groups_have_parameters_draws_and_answers_of_their_own(program, runs):
    frame = {**runs, "family": ["a", "b"] * 12}
    fit = lawfit.fit(frame, "hoffmann", **COLUMNS, by="family", share=["E"])
    assert list(fit.groups) == ["a", "b"]
    assert fit.groups["a"]["E"] == fit.groups["b"]["E"]
    assert fit.params["group"] == ["a"] * 5 + ["b"] * 5
    assert fit.draws["group"] == ["a"] * 1000 + ["b"] * 1000
    assert fit.draws["E"][:1000] == fit.draws["E"][1000:]
    assert [answer.group for answer in fit.predict(N=1e10, D=2e11)] == ["a", "b"]
    assert [answer.group for answer in fit.ask("loss", N=1e10, D=2e11, group="b")] == ["b"]


def test_the_figure_of_a_fit_with_groups_is_that_of_all_groups(grouped):
    assert grouped.plot().svg == grouped.plot("groups-main").svg
    assert grouped.plot("fit-main-1").svg.startswith("<svg")
    with pytest.raises(lawfit.LawfitError, match="residuals-main-2"):
        grouped.plot("residuals")


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow", "dict"])
def test_each_row_is_predicted_by_the_fit_of_its_own_group(library, grouped):
    columns = {"params": [1e10, 1e9, 2e9], "tokens": [2e11, 2e10, 4e10], "family": ["b", "a", "b"]}
    module = None if library == "dict" else pytest.importorskip(library)
    make = dict if module is None else module.table if library == "pyarrow" else module.DataFrame
    predicted = grouped.predict(make(columns))
    groups, losses = (list(map(python, predicted[name])) for name in ("group", "loss"))
    assert groups == ["b", "a", "b"]
    rows = zip(*columns.values(), strict=True)
    assert losses == [grouped.predict(N=n, D=d, group=group).value for n, d, group in rows]


def python(value):
    return value.as_py() if hasattr(value, "as_py") else value


def test_a_prediction_by_groups_keeps_the_index_of_the_frame(grouped):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"N": [1e10, 1e9], "D": [2e11, 2e10], "family": ["b", "a"]}, index=["x", "y"])
    assert list(grouped.predict(frame).index) == ["x", "y"]


def test_without_the_column_of_the_groups_each_group_predicts_each_row(grouped):
    predicted = grouped.predict({"N": [1e10, None], "D": [2e11, 2e10]})
    assert predicted["group"] == ["a", "a", "b", "b"]
    assert [loss is None for loss in predicted["loss"]] == [False, True, False, True]


def test_an_unknown_group_is_told_with_its_row_and_the_known_groups(grouped):
    with pytest.raises(lawfit.SpecError, match=r"no group `c`, which row 1 of the frame names") as caught:
        grouped.predict({"N": [1e10, 1e9], "D": [2e11, 2e10], "family": ["b", "c"]})
    assert (caught.value.code, caught.value.hint) == ("no-group", "its groups are `a`, `b`")


def test_a_group_is_named_by_its_column_too(grouped):
    assert grouped.predict(params=1e10, tokens=2e11, family="b") == grouped.predict(N=1e10, D=2e11, group="b")
    assert grouped.predict(params=1e10, tokens=2e11, family=["b", "a", "b"])["group"] == ["b", "a", "b"]


@pytest.mark.parametrize(
    ("values", "names"),
    [([True, False], ["False", "True"]), ([2, 10], ["2", "10"]), ([1.5, 2.0], ["1.5", "2"])],
)
def test_groups_are_named_by_their_values(program, runs, values, names):
    fit = lawfit.fit({**runs, "kind": values * 12}, "hoffmann", **COLUMNS, by="kind", interval=None)
    assert sorted(fit.groups) == sorted(names)
    predicted = fit.predict({"N": [1e9] * 2, "D": [2e10] * 2, "kind": values})
    assert [
        float(name == "True") if name in ("True", "False") else float(name) for name in predicted["group"]
    ] == values


def test_flags_in_expressions_are_numbers(program, runs):
    flags = {**runs, "kind": [True, False] * 12}
    assert lawfit.fit(flags, "hoffmann", **COLUMNS, rules=["kind == 1"], interval=None).result["rows"] == 12


def test_rules_say_which_rows_count(program, runs):
    fit = lawfit.fit(runs, "hoffmann", **COLUMNS, interval=None, rules=["N > 1e8", {"drop_highest": "L", "count": 2}])
    assert fit.result["rows"] == sum(n > 1e8 for n in runs["params"]) - 2


def test_compute_is_6_n_d_where_the_frame_has_none(program, runs):
    fit = lawfit.fit(runs, "hoffmann", **COLUMNS, holdout="C > 1e21", interval=None)
    above = sum(6 * n * d > 1e21 for n, d in zip(runs["params"], runs["tokens"], strict=True))
    assert fit.holdout["rows"] == above > 0


def test_a_warning_about_the_columns_is_a_warning_of_the_fit(program, runs):
    columns = {**COLUMNS, "N": {"column": "params", "unit": "parameters", "counts": "total"}}
    fit = lawfit.fit(runs, "kaplan_nd", **columns, interval=None)
    assert any("was published for parameters without embeddings" in warning for warning in fit.warnings)


def test_published_constants_need_no_rows(program):
    published = lawfit.fit(None, "hoffmann", constants="hoffmann2022")
    assert published.predict(N="280B", D="300B").value == pytest.approx(1.9933, abs=5e-5)


def test_a_law_over_schedules_is_asked_for_a_schedule(program):
    published = lawfit.fit(None, "multi_power", constants="luo2025_400m", interval=None)
    answer = published.predict(schedule={"shape": "constant", "peak": 3e-4, "steps": 24000, "warmup": 2160})
    assert answer.value == pytest.approx(2.81643329971, abs=1e-10)


def test_parameters_may_be_fixed(program, runs):
    fixed = lawfit.fit(runs, "hoffmann", **COLUMNS, parameters={"E": {"fixed": 1.8}})
    assert fixed["E"].value == 1.8
    assert fixed["E"].status == "fixed"
    assert list(fixed.draws) == ["A", "alpha", "B", "beta"]


def test_figures_and_the_report_are_of_the_fit(fitted):
    assert fitted.plot().svg.startswith("<svg")
    assert fitted.plot("residuals").svg != fitted.plot().svg
    assert fitted._repr_html_().startswith("<iframe srcdoc=")
    with pytest.raises(lawfit.SpecError, match=r"there are .*fit-main"):
        fitted.plot("nothing")


def test_a_fit_survives_pickling(fitted):
    again = pickle.loads(pickle.dumps(fitted))
    assert again.result == fitted.result
    assert again.predict(N=1e9, D=2e10) == fitted.predict(N=1e9, D=2e10)


def test_threads_share_a_fit(fitted):
    sizes = [1e9 * 2**i for i in range(8)]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda n: fitted.predict(N=n, D=2e10).value, sizes))
    assert together == fitted.predict(N=sizes, D=[2e10] * 8)["loss"]


def _ask(fit):
    return fit.predict(N=1e9, D=2e10).value


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform does not fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_forked_processes_share_a_fit(fitted):
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert set(pool.map(_ask, [fitted] * 4)) == {_ask(fitted)}


@pytest.mark.parametrize(
    ("changed", "kind", "code", "place", "hint"),
    [
        ({"holdout": "Q > 1"}, lawfit.SpecError, "unknown-variable", "fits.main.holdout", "there is `D`, `L` and `N`"),
        ({"holdout": "N > 1e30"}, lawfit.StageError, "empty-holdout", "fits.main", None),
        ({"N": "parms"}, lawfit.SpecError, "no-column", None, "did you mean `params`?"),
        ({"objective": "hubr"}, lawfit.SpecError, "unknown-kind", "fits.main.objective", "did you mean `huber`?"),
        ({"objectiv": "huber"}, lawfit.SpecError, "unknown-option", None, "did you mean `objective`?"),
        ({"intervall": 0.9}, lawfit.SpecError, "unknown-option", None, "did you mean `interval`?"),
        ({"objektive": {"huber": {}}}, lawfit.SpecError, "unknown-option", None, "did you mean `objective`?"),
        ({"law": "hofmann"}, lawfit.SpecError, None, None, "did you mean `hoffmann`?"),
        ({"law": "L = E + (A / N"}, lawfit.SpecError, "bad-law", "laws.main.formula", "add a `)`"),
    ],
)
def test_an_error_says_what_where_and_what_to_do(program, runs, changed, kind, code, place, hint):
    with pytest.raises(kind) as caught:
        lawfit.fit(runs, **{"law": "hoffmann", **COLUMNS, **changed})
    assert (caught.value.code, caught.value.place, caught.value.hint) == (code, place, hint)


def test_a_question_that_the_law_cannot_answer_is_refused(fitted):
    with pytest.raises(lawfit.SpecError, match="`D` is missing"):
        fitted.predict(N=1e9)


def test_a_missing_value_is_told_with_its_row_or_dropped(program, runs):
    holed = {**runs, "val_loss": [None, *runs["val_loss"][1:]]}
    with pytest.raises(lawfit.StageError) as caught:
        lawfit.fit(holed, "hoffmann", **COLUMNS, interval=None)
    assert "row 0 of the data frame (the first is row 0), column `val_loss`" in caught.value.hint
    assert '`missing="drop"`' in caught.value.hint
    assert "study.csv" not in str(caught.value)
    assert lawfit.fit(holed, "hoffmann", **COLUMNS, interval=None, missing="drop").result["rows"] == 23


def test_columns_may_have_numbers_for_names(fitted, runs):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(dict(enumerate(runs.values())))
    numbered = lawfit.fit(frame, "hoffmann", N=0, D=1, L=2)
    assert numbered["alpha"] == fitted["alpha"]
    assert list(numbered.predict(frame)["loss"]) == fitted.predict(runs)["loss"]


def test_an_unknown_option_is_refused_without_a_frame_too(program):
    with pytest.raises(lawfit.SpecError, match="did you mean `seed`"):
        lawfit.fit(None, "hoffmann", constants="hoffmann2022", sed=1)
