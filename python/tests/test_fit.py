"""Fits from frames: the numbers of the command line, and errors with place and hint."""

import itertools
import json
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
    from lawfit import _fit

    points = {"N": [1e9, 7e10, 2e8], "D": [2e10, 1.4e12, 4e9]}
    at_once = fitted.predict(points)
    monkeypatch.setattr(_fit, "_MOST_ROWS", 2)
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
    with pytest.raises(KeyError, match="fit-main"):
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
    with pytest.raises(lawfit.StageError, match="row"):
        lawfit.fit(holed, "hoffmann", **COLUMNS, interval=None)
    assert lawfit.fit(holed, "hoffmann", **COLUMNS, interval=None, missing="drop").result["rows"] == 23
