"""What tests share: rows of a known law, a cache of their own, and visible skips."""

import random
from pathlib import Path

import pytest

import lawfit

ROOT = Path(__file__).resolve().parents[2]
TRUTH = {"E": 1.8, "A": 400.0, "alpha": 0.34, "B": 1500.0, "beta": 0.33}


@pytest.fixture(scope="session")
def program():
    """The program; tests that need it skip where it is not installed."""
    try:
        return lawfit.find_program()
    except lawfit.ProgramNotFoundError as error:
        pytest.skip(str(error))


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("LAWFIT_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture(scope="session")
def runs():
    """Runs of a Hoffmann law with 1 % noise, under column names of one's own."""
    noise = random.Random(1)
    params = [1e7 * 1.5**i for i in range(24)]
    tokens = [2e8 * 1.7 ** (i * 7 % 24) for i in range(24)]
    sizes = zip(params, tokens, strict=True)
    law = [TRUTH["E"] + TRUTH["A"] / n ** TRUTH["alpha"] + TRUTH["B"] / d ** TRUTH["beta"] for n, d in sizes]
    losses = [loss * (1 + noise.gauss(0, 0.01)) for loss in law]
    return {"params": params, "tokens": tokens, "val_loss": losses}


COLUMNS = {"N": "params", "D": "tokens", "L": "val_loss"}


@pytest.fixture(scope="session")
def fitted(program, runs, tmp_path_factory):
    """The fit of the runs that most tests ask."""
    cache = tmp_path_factory.getbasetemp() / "cache"
    return lawfit.fit(runs, "hoffmann", **COLUMNS, cache=cache)


@pytest.fixture(scope="session")
def grouped(program, runs, tmp_path_factory):
    """A fit of the runs in two groups."""
    cache = tmp_path_factory.getbasetemp() / "cache"
    frame = {**runs, "family": ["a", "b"] * 12}
    return lawfit.fit(frame, "hoffmann", **COLUMNS, by="family", interval=None, cache=cache)
