"""Frames of every library give the same bytes, and numbers survive to the bit."""

import csv
import io
import math

import pytest

import lawfit
from lawfit import _frames

NUMBERS = [0.1, 1 / 3, 5e-324, 1.7976931348623157e308, 6.02214076e23, -0.0, 123456789.0]


def bytes_of(frame, names):
    return _frames.csv_of(_frames.columns_of(frame, names))


def test_every_number_is_read_back_to_the_bit():
    text = bytes_of({"x": NUMBERS}, ["x"]).decode()
    back = [float(line) for line in text.splitlines()[1:]]
    assert [number.hex() for number in back] == [number.hex() for number in NUMBERS]


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow", "duckdb"])
def test_a_frame_of_any_library_gives_the_bytes_of_a_dict(library):
    module = pytest.importorskip(library)
    columns = {"x": NUMBERS, "n": list(range(7)), "t": ["a", "b,c", 'd"', "", "e\nf", "ü", " g"]}
    if library in ("pandas", "polars"):
        frame = module.DataFrame(columns)
    elif library == "pyarrow":
        frame = module.table(columns)
    else:
        pyarrow = pytest.importorskip("pyarrow")
        table = pyarrow.table(columns)
        connection = module.connect()
        connection.register("runs", table)
        frame = connection.sql("SELECT * FROM runs")
    assert bytes_of(frame, ["x", "n", "t"]) == bytes_of(columns, ["x", "n", "t"])


def test_an_object_that_only_speaks_arrow_is_read():
    pyarrow = pytest.importorskip("pyarrow")

    class Stream:
        def __arrow_c_stream__(self, requested_schema=None):
            return pyarrow.table({"x": NUMBERS}).__arrow_c_stream__(requested_schema)

    assert bytes_of(Stream(), ["x"]) == bytes_of({"x": NUMBERS}, ["x"])


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_what_is_missing_is_an_empty_cell(library):
    module = pytest.importorskip(library)
    make = module.table if library == "pyarrow" else module.DataFrame
    frame = make({"x": [1.5, None, math.nan], "n": [1, None, 3]})
    rows = list(csv.reader(io.StringIO(bytes_of(frame, ["x", "n"]).decode())))
    assert [row[0] for row in rows[1:]] == ["1.5", "", ""]
    assert rows[2][1] == ""


def test_a_lazy_frame_is_collected():
    polars = pytest.importorskip("polars")
    lazy = polars.DataFrame({"x": NUMBERS}).lazy()
    assert bytes_of(lazy, ["x"]) == bytes_of({"x": NUMBERS}, ["x"])


def test_nullable_columns_and_numbered_labels_of_pandas_are_read():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({0: pandas.array([1, None], dtype="Int64"), "x": [0.5, 1.5]})
    assert bytes_of(frame, ["0", "x"]) == b"0,x\n1,0.5\n,1.5\n"


def test_arrays_of_numpy_are_columns():
    numpy = pytest.importorskip("numpy")
    assert bytes_of({"x": numpy.array([0.1, 2.0])}, ["x"]) == b"x\n0.1\n2.0\n"


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_columns_return_as_a_frame_of_the_library_that_they_came_from(library):
    module = pytest.importorskip(library)
    make = module.table if library == "pyarrow" else module.DataFrame
    frame = make({"x": [1.0, 2.0]})
    kind = _frames.kind_of(frame)
    assert kind == library
    assert type(_frames.frame_like(kind, {"y": [1.0]})) is type(frame)


def test_columns_of_unequal_length_are_refused():
    with pytest.raises(ValueError, match="x has 1, y has 2"):
        _frames.columns_of({"x": [1], "y": [1, 2]}, ["x", "y"])


def test_what_is_no_frame_is_refused_with_what_would_be_one():
    with pytest.raises(TypeError, match="__arrow_c_stream__"):
        _frames.names_of(3)


def test_answers_for_rows_of_pandas_have_their_index():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"x": [1.0, 2.0, 3.0]}, index=[7, 3, 5])
    columns = {"x": [1.0, 2.0, 3.0], "loss": [3.0, 2.0, 1.0]}
    answered = _frames.with_index_of(frame, _frames.frame_like("pandas", columns))
    frame["loss"] = answered["loss"]
    assert list(frame["loss"]) == [3.0, 2.0, 1.0]
    assert _frames.with_index_of({"x": [1.0]}, {"x": [1.0]}) == {"x": [1.0]}


@pytest.mark.parametrize("library", ["pandas", "pyarrow"])
def test_a_name_that_two_columns_have_is_told(library):
    module = pytest.importorskip(library)
    if library == "pandas":
        frame = module.DataFrame([[1.0, 2.0, 3.0]], columns=["x", "y", "x"])
    else:
        frame = module.Table.from_arrays([module.array([1.0])] * 3, names=["x", "y", "x"])
    with pytest.raises(lawfit.SpecError, match="2 columns with the name `x`"):
        _frames.columns_of(frame, ["x"])
    assert len(_frames.columns_of(frame, ["y"])["y"]) == 1
