"""Specs as TOML, and the names in expressions."""

import sys

import pytest

from lawfit import _spec

SPEC = {
    "spec": 1,
    "study": {"title": 'a "quoted" \\ title\n', "seed": 3},
    "sources": {"runs": {"path": "a.csv", "columns": {"N": "my column", "C": {"expr": "6 * N * D", "unit": "FLOP"}}}},
    "fits": {"main": {"law": "hoffmann", "share": ["E"], "objective": {"huber": {"delta": 1e-3}}, "by": "ü"}},
    "queries": {"a.b": {"fit": "main", "loss": {"N": [1e300, 5e-324], "D": 3}}},
}


@pytest.mark.skipif(sys.version_info < (3, 11), reason="this Python has no tomllib")
def test_a_spec_is_read_back_as_it_was():
    import tomllib

    assert tomllib.loads(_spec.to_toml(SPEC)[0]) == SPEC


def test_each_line_knows_its_setting():
    text, places = _spec.to_toml(SPEC)
    lines = text.splitlines()
    assert {places[at] for at, line in enumerate(lines, 1) if "delta" in line} == {"fits.main.objective"}
    assert {places[at] for at, line in enumerate(lines, 1) if line == "[fits.main]"} == {"fits.main"}
    assert {places[at] for at, line in enumerate(lines, 1) if line.startswith("C =")} == {"sources.runs.columns.C"}


def test_names_in_expressions_are_neither_functions_nor_texts_nor_parts_of_numbers():
    assert _spec.names_in("N > 40M and x < 1e-3 * 2.5e7") == ["N", "and", "x"]
    assert _spec.names_in("L = E + exp(a) * N^b", "router in {'Dense', 'S'}") == [
        "L",
        "E",
        "a",
        "N",
        "b",
        "router",
        "in",
    ]


def test_numbers_of_numpy_are_numbers():
    numpy = pytest.importorskip("numpy")
    assert _spec.to_toml({"a": numpy.float64(0.1), "b": numpy.int64(3)})[0] == "a = 0.1\nb = 3\n"
