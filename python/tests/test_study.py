"""Specs run as the command line runs them, laws compared, and the catalogue."""

import json
import shutil
import subprocess

import pytest
from conftest import COLUMNS, ROOT

import lawfit


@pytest.fixture
def study(tmp_path, program):
    """A copy of a shipped spec with its data and its lock file."""
    folder = tmp_path / "specs"
    (folder / "data").mkdir(parents=True)
    for name in ("cerebras-gpt.toml", "cerebras-gpt.lock", "data/cerebras-gpt.csv"):
        shutil.copy(ROOT / "specs" / name, folder / name)
    return folder / "cerebras-gpt.toml"


def test_a_shipped_study_gives_the_numbers_of_its_lock_file(study, tmp_path):
    found = lawfit.run(study, out=tmp_path / "out", locked=True)
    lock = study.with_suffix(".lock").read_text()
    answer = found.queries["forecast"][0]
    assert f'"queries.forecast[C=6.3e21].loss" = {answer.value!r}\n' in lock
    assert f'"fits.compute.alpha" = {found.fits["compute"]["alpha"].value!r}\n' in lock
    assert any(path.name == "report.html" and path.exists() for path in found.outputs)
    assert len(found.sentences) == 5
    assert found.conclusions == []
    assert found.frame("forecast")["C"] == [6.3e21, 2.3e22]
    assert "<iframe" in found._repr_html_()


def test_a_study_has_the_warnings_of_its_report(study, tmp_path):
    found = lawfit.run(study, out=tmp_path / "out")
    notes = [note["text"] for note in found.results["notes"]]
    assert notes
    assert list(found.warnings) == notes


def test_fits_and_queries_are_in_the_order_of_the_spec(study, tmp_path):
    found = lawfit.run(study, out=tmp_path / "out")
    assert list(found.fits) == ["compute", "two_terms"]
    assert list(found.queries) == ["forecast", "several", "budget"]


def test_conclusions_are_those_of_the_author(study, tmp_path):
    study.write_text(study.read_text() + '\n[report]\nconclusion = "It reaches {queries.forecast.row1}."\n')
    (conclusion,) = lawfit.run(study, out=tmp_path / "out").conclusions
    assert conclusion.startswith("It reaches ")


def test_a_study_is_shown_in_one_line(study, tmp_path):
    shown = repr(lawfit.run(study, out=tmp_path / "out"))
    assert shown.startswith("cerebras-gpt.toml: ")
    assert "2 fits, 3 queries, " in shown
    assert "\n" not in shown


def test_a_group_of_a_fit_of_a_study_is_named_in_a_frame(grouped, tmp_path):
    spec = grouped.to_spec(tmp_path / "study.toml")
    fit = lawfit.run(spec, out=tmp_path / "out").fits["main"]
    frame = {"N": [1e10, 1e9], "D": [2e11, 2e10], "family": ["b", "a"]}
    assert fit.predict(frame)["loss"] == grouped.predict(frame)["loss"]


def test_a_fit_of_a_study_answers_what_the_spec_does_not_ask(study, tmp_path):
    found = lawfit.run(study, out=tmp_path / "out")
    fit = found.fits["compute"]
    assert fit.predict(C=6.3e21).value == found.queries["forecast"][0].value
    assert len(fit.draws["alpha"]) == 2000
    assert any("lower bound" in warning for warning in fit.warnings)
    assert fit.plot().svg.startswith("<svg")


def test_a_question_that_the_command_line_cannot_express_is_asked_by_a_spec(study, tmp_path):
    fit = lawfit.run(study, out=tmp_path / "out").fits["compute"]
    (limited,) = fit.ask("reach", L=2.0, solve="C", subject_to={"C": "<= 1e30"})
    (plain,) = fit.ask("reach", L=2.0, solve="C")
    assert limited.value == pytest.approx(plain.value, rel=1e-6)


def test_a_number_that_would_change_is_an_error_under_locked(study, tmp_path):
    study.write_text(study.read_text().replace('holdout = "C > 2e21"', 'holdout = "C > 1e22"', 1))
    with pytest.raises(lawfit.StaleError) as caught:
        lawfit.run(study, out=tmp_path / "out", locked=True)
    assert caught.value.exit_code == 3


def test_an_expectation_that_fails_leaves_the_study_in_the_error(study, tmp_path):
    study.write_text(study.read_text() + '\n[[expect]]\nthat = "fits.compute.alpha > 1"\n')
    with pytest.raises(lawfit.ExpectationError, match=r"fits\.compute\.alpha > 1") as caught:
        lawfit.run(study, out=tmp_path / "out")
    assert caught.value.study.fits["compute"]["alpha"].value < 1
    assert caught.value.code == "expectation-failed"


def test_nothing_is_computed_under_frozen(study, tmp_path):
    with pytest.raises(lawfit.NotCachedError):
        lawfit.run(study, out=tmp_path / "out", cache=tmp_path / "empty", frozen=True)


def test_the_place_of_an_error_in_a_file_is_its_line(study, tmp_path):
    study.write_text(study.read_text().replace("holdout =", "holdot =", 1))
    with pytest.raises(lawfit.SpecError) as caught:
        lawfit.run(study, out=tmp_path / "out")
    line = next(at for at, text in enumerate(study.read_text().splitlines(), 1) if text.startswith("holdot"))
    assert caught.value.place.startswith(f"{study}:{line}:")
    assert caught.value.hint == "did you mean `holdout`?"


def test_the_law_that_the_runs_follow_is_the_one_to_quote(program, runs):
    compared = lawfit.compare(runs, ["hoffmann", "L = E + A / N^alpha"], holdout="C > 1e21", **COLUMNS)
    assert compared.quote == "hoffmann"
    assert compared.table["law"] == ["hoffmann", "law2"]
    better, worse = compared.table["holdout_rmse_log"]
    assert better < worse
    assert f"<p>{compared.reason}" in compared._repr_html_()
    assert compared.fits["hoffmann"].predict(N=1e9, D=2e10).value > 0
    named = lawfit.compare(runs, {"mine": "chinchilla", "other": "kaplan_nd"}, **COLUMNS, interval=None)
    assert (named.quote, list(named.fits)) == ("mine", ["mine", "other"])
    for single in (["hoffmann"], "hoffmann", ["hoffmann", "hoffmann"]):
        with pytest.raises(ValueError, match="two laws"):
            lawfit.compare(runs, single, **COLUMNS)
    with pytest.raises(lawfit.SpecError, match="did you mean `objective`"):
        lawfit.compare(runs, ["hoffmann", "kaplan_nd"], objectiv="huber", **COLUMNS)


def test_the_catalogue_is_searched_by_name_alias_and_reference(program):
    listed = subprocess.run([program, "laws", "--json"], capture_output=True, text=True, check=True).stdout
    assert [law.name for law in lawfit.laws()] == [law["name"] for law in json.loads(listed)]
    assert "hoffmann" in [law.name for law in lawfit.laws("Chinchilla")]
    assert "hoffmann" in [law.name for law in lawfit.laws("2203.15556")]
